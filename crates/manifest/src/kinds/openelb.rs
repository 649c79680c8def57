//! OpenELB (formerly Porter): Eip.
//!
//! Source: OpenELB's `api/v1alpha2/eip_types.go`. `spec.address` is one address, a CIDR or `first-last`; `protocol` is
//! `layer2`, `vip` or, unless said, `bgp`.

use poolcheck_plan::notation::Notation;

use super::pool::{Allocation, Implementation, Pool, PoolEntry};
use crate::object::Object;
use crate::selector::LabelSelector;
use crate::value::Value;

/// The word without which no file holds anything of OpenELB.
pub const WORDS: &[&str] = &["network.kubesphere.io"];

/// The API group.
pub const GROUP: &str = "network.kubesphere.io";

/// The annotation of the Eip that is taken when a Service names none.
const DEFAULT: &str = "eip.openelb.kubesphere.io/is-default-eip";

/// The pool that an object is, if it is one.
pub fn pool<'a>(object: &Object<'a>) -> Option<Pool<'a>> {
    if object.group() != GROUP || object.kind() != "Eip" {
        return None;
    }
    let field = |name: &str| object.spec()?.get(name).filter(|value| !value.is_null());
    let is = |name: &str| field(name).and_then(|value| value.as_bool()).unwrap_or(false);
    let address = field("address");
    let (namespaces, selector) = (field("namespaces"), field("namespaceSelector"));
    let mut pool = Pool::of(object, Implementation::OpenElb, address);
    pool.entries = address.into_iter().map(|address| PoolEntry::read(address, Notation::Any)).collect();
    pool.routed = field("protocol").is_none_or(|protocol| protocol.text() == "bgp");
    let chosen = namespaces.is_some() || selector.is_some();
    let default = object.annotation(DEFAULT).is_some_and(|value| value.text() == "true");
    pool.auto_assign = !is("disable") && (default || chosen);
    pool.allocation = namespaces.or(selector).map(|said| Allocation {
        namespaces: namespaces.iter().flat_map(Value::items).map(|name| name.text().into_owned()).collect(),
        namespace_selectors: selector.map(|labels| LabelSelector { value: labels }).into_iter().collect(),
        service_selectors: Vec::new(),
        span: said.key_span().unwrap_or_else(|| said.span()),
    });
    Some(pool)
}
