//! Calico: IPPool, for Services and for pods.
//!
//! Source: Calico's `api/pkg/apis/projectcalico/v3/ippool.go`; stored as `crd.projectcalico.org/v1`. `spec.cidr` is one
//! CIDR. `allowedUses` is `[Workload, Tunnel]` unless said: then it is a network of pods and no pool of ours.

use ipnet::IpNet;
use poolcheck_plan::notation::Notation;
use poolcheck_plan::{AddrRange, Span};

use super::pool::{Implementation, Pool, PoolEntry};
use crate::object::Object;
use crate::value::Value;

/// The word without which no file holds an IPPool.
pub const WORDS: &[&str] = &["IPPool"];

/// The API groups: the one people write, and the one in which it is stored.
pub const GROUPS: [&str; 2] = ["projectcalico.org", "crd.projectcalico.org"];

/// The pool that an object is, if it is one for Services.
pub fn pool<'a>(object: &Object<'a>) -> Option<Pool<'a>> {
    let cidr = cidr(object)?;
    if !allows(object, "LoadBalancer") {
        return None;
    }
    let field = |name: &str| object.spec()?.get(name).filter(|value| !value.is_null());
    let disabled = field("disabled").and_then(|value| value.as_bool()).unwrap_or(false);
    let mut pool = Pool::of(object, Implementation::Calico, Some(cidr));
    pool.entries = vec![PoolEntry::read(cidr, Notation::Cidr)];
    pool.routed = true;
    pool.auto_assign = !disabled && field("assignmentMode").is_none_or(|mode| mode.text() != "Manual");
    Some(pool)
}

/// The network of pods that an object is, if it is one, with its place.
pub fn pod_network(object: &Object<'_>) -> Option<(AddrRange, Span)> {
    let cidr = cidr(object)?;
    if allows(object, "LoadBalancer") {
        return None;
    }
    let net: IpNet = cidr.text().trim().parse().ok()?;
    Some((AddrRange::from_net(net.trunc()), cidr.span()))
}

fn cidr<'a>(object: &Object<'a>) -> Option<Value<'a>> {
    let ours = GROUPS.contains(&&*object.group()) && object.kind() == "IPPool";
    object.spec()?.get("cidr").filter(|cidr| ours && !cidr.is_null())
}

fn allows(object: &Object<'_>, wanted: &str) -> bool {
    let uses = object.spec().and_then(|spec| spec.get("allowedUses"));
    uses.is_some_and(|uses| uses.items().any(|item| item.text() == wanted))
}
