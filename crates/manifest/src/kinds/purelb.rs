//! PureLB: ServiceGroup.
//!
//! Source: PureLB's `pkg/apis/purelb/v1` and `v2`. `spec.local` holds `v4pool`, `v6pool`, `v4pools`, `v6pools`, and in v1
//! also `pool` itself; v2's `spec.remote` holds the same for addresses that are reached by routes. A range is a CIDR, which
//! begins at the address as written, or `first-last`.

use poolcheck_plan::notation::Notation;

use super::pool::{Allocation, Implementation, Pool, PoolEntry};
use crate::object::Object;
use crate::value::Value;

/// The word without which no file holds anything of PureLB.
pub const WORDS: &[&str] = &["purelb.io"];

/// The API group.
pub const GROUP: &str = "purelb.io";

/// The pool that an object is, if it is one.
pub fn pool<'a>(object: &Object<'a>) -> Option<Pool<'a>> {
    if object.group() != GROUP || object.kind() != "ServiceGroup" {
        return None;
    }
    Some(service_group(object, object.spec(), object.version() == "v1"))
}

/// The pool of the chart's values: `serviceGroup` with `create`, `name` and a whole `spec`.
///
/// `object` is what holds the values. Source: `build/helm/purelb/values.yaml`.
pub fn pools_from_values<'a>(object: &Object<'a>, values: Value<'a>) -> Vec<Pool<'a>> {
    let group = values
        .get("serviceGroup")
        .filter(|group| group.get("create").and_then(|create| create.as_bool()).unwrap_or(false));
    let Some((group, spec)) = group.and_then(|group| Some((group, group.get("spec")?))) else { return Vec::new() };
    // The chart serves v1, unless its release is 2.0 or later: what both read alike is all that counts here.
    let mut pool = service_group(object, Some(spec), true);
    if let Some(name) = group.get("name") {
        pool.name = name.text().into_owned();
        pool.name_span = name.place();
    }
    vec![pool]
}

fn service_group<'a>(object: &Object<'a>, spec: Option<Value<'a>>, first_version: bool) -> Pool<'a> {
    let field = |name: &str| spec?.get(name).filter(|value| !value.is_null());
    let (local, remote) = (field("local"), field("remote"));
    let mut pool = Pool::of(object, Implementation::PureLb, local.or(remote));
    pool.entries = [local, remote].into_iter().flatten().flat_map(entries).collect();
    // In v1 the same field serves both: PureLB asks each node whether the subnet is its own.
    pool.routed = local.is_none() || first_version;
    let enforced = field("enforceNamespaces").and_then(|enforce| enforce.as_bool()).unwrap_or(false);
    pool.allocation = field("namespaces").filter(|_| enforced).map(allocation);
    pool
}

fn entries(spec: Value<'_>) -> Vec<PoolEntry<'_>> {
    let mut pools = vec![spec];
    pools.extend(["v4pool", "v6pool"].into_iter().filter_map(|name| spec.get(name)));
    for list in ["v4pools", "v6pools"].into_iter().filter_map(|name| spec.get(name)) {
        pools.extend(list.items());
    }
    let ranges = pools.into_iter().filter_map(|pool| pool.get("pool"));
    // v1 writes its optional fields as empty strings.
    let written = ranges.filter(|range| !range.is_null() && !range.text().is_empty());
    written.map(|range| PoolEntry::read(range, Notation::FromAddress)).collect()
}

fn allocation(namespaces: Value<'_>) -> Allocation<'_> {
    Allocation {
        namespaces: namespaces.items().map(|name| name.text().into_owned()).collect(),
        namespace_selectors: Vec::new(),
        service_selectors: Vec::new(),
        span: namespaces.key_span().unwrap_or_else(|| namespaces.span()),
    }
}
