//! Cilium: the pools of LB IPAM, and what announces them.
//!
//! Source: Cilium's `CiliumLoadBalancerIPPool` (`cilium.io/v2`, before 1.18 `v2alpha1`) and `operator/pkg/lbipam`. A block
//! is a `cidr`, whose host bits are cleared, or a `start` with an optional `stop`. Until 1.15 the list was called `cidrs`.

use poolcheck_plan::notation::{Notation, between};
use poolcheck_plan::{AddrRange, Family};

use super::pool::{Allocation, Implementation, Meaning, Pool, PoolEntry};
use crate::object::Object;
use crate::selector::LabelSelector;
use crate::value::Value;

/// The words without which no file holds a pool of Cilium or its announcement.
pub const WORDS: &[&str] = &["CiliumLoadBalancerIPPool", "CiliumL2AnnouncementPolicy", "CiliumBGP"];

/// The API group.
pub const GROUP: &str = "cilium.io";

/// How an object announces addresses, when it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announcement {
    /// On the segment, by ARP and Neighbor Discovery.
    Layer2,
    /// To routers, by BGP.
    Bgp,
}

/// The pool that an object is, if it is one.
pub fn pool<'a>(object: &Object<'a>) -> Option<Pool<'a>> {
    if object.group() != GROUP || object.kind() != "CiliumLoadBalancerIPPool" {
        return None;
    }
    let field = |name: &str| object.spec()?.get(name).filter(|value| !value.is_null());
    let list = field("blocks").or_else(|| field("cidrs"));
    let keeps_ends = field("allowFirstLastIPs").is_some_and(|allow| allow.text() == "No");
    let mut pool = Pool::of(object, Implementation::Cilium, list);
    pool.entries = list.iter().flat_map(Value::items).filter_map(block).collect();
    if keeps_ends {
        pool.entries.iter_mut().for_each(keep_ends);
    }
    pool.auto_assign = !field("disabled").and_then(|disabled| disabled.as_bool()).unwrap_or(false);
    pool.allocation = field("serviceSelector").filter(|selector| !selector.entries().is_empty()).map(allocation);
    Some(pool)
}

/// How an object announces the pools' addresses, if it does.
pub fn announcement(object: &Object<'_>) -> Option<Announcement> {
    if object.group() != GROUP {
        return None;
    }
    match &*object.kind() {
        "CiliumL2AnnouncementPolicy" => Some(Announcement::Layer2),
        "CiliumBGPAdvertisement" | "CiliumBGPPeeringPolicy" | "CiliumBGPClusterConfig" => Some(Announcement::Bgp),
        _ => None,
    }
}

fn block(block: Value<'_>) -> Option<PoolEntry<'_>> {
    let field = |name: &str| block.get(name).filter(|value| !value.is_null() && !value.text().is_empty());
    if let Some(cidr) = field("cidr") {
        return Some(PoolEntry::read(cidr, Notation::Cidr));
    }
    let start = PoolEntry::read(field("start")?, Notation::Address);
    let Some(stop) = field("stop") else { return Some(start) };
    let end = PoolEntry::read(stop, Notation::Address);
    Some(match (start.range(), end.range()) {
        (Some(first), Some(last)) => pair(start, stop, first, last),
        (Some(_), None) => end,
        (None, _) => start,
    })
}

fn pair<'a>(start: PoolEntry<'a>, stop: Value<'a>, first: AddrRange, last: AddrRange) -> PoolEntry<'a> {
    let meaning = match (between(first.first(), last.first()), start.meaning) {
        (Ok(range), Meaning::Range(parsed)) => Meaning::Range(poolcheck_plan::syntax::Parsed { range, ..parsed }),
        (Err(error), _) => Meaning::Wrong(error),
        (Ok(_), other) => other,
    };
    PoolEntry { stop: Some(stop), meaning, ..start }
}

/// `allowFirstLastIPs: No`: the ends of a CIDR stay free, unless it is too small to have a middle.
fn keep_ends(entry: &mut PoolEntry<'_>) {
    let (Notation::Cidr, Meaning::Range(parsed)) = (entry.notation, &mut entry.meaning) else { return };
    let range = parsed.range;
    if range.size() > 2 {
        let (first, last) = (range.first_number() + 1, range.last_number() - 1);
        parsed.range = AddrRange::from_numbers(Family::of(range.first()), first, last).unwrap_or(range);
    }
}

fn allocation(selector: Value<'_>) -> Allocation<'_> {
    Allocation {
        namespaces: Vec::new(),
        namespace_selectors: Vec::new(),
        service_selectors: vec![LabelSelector { value: selector }],
        span: selector.key_span().unwrap_or_else(|| selector.span()),
    }
}
