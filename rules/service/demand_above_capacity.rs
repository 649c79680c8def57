//! More Services want an address than all pools together have.
//!
//! ## Why is this bad?
//!
//! The Services that come last get none and stay pending, and which ones these are depends on the order in which the controller
//! saw them: after a restart of the cluster it may be others.
//!
//! Services with one `allow-shared-ip` key count as one; a family counts by itself where Services name it (`ipFamilies`,
//! `RequireDualStack`); what `avoidBuggyIPs` leaves out does not count. The rule speaks only when every pool is known, and
//! all are MetalLB's.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses: # warning: [demand-above-capacity]
//!   - 192.168.1.240/32
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: web-0
//!   namespace: web
//! spec:
//!   type: LoadBalancer
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: web-1
//!   namespace: web
//! spec:
//!   type: LoadBalancer
//! ```
//!
//! ## Use instead
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: web-0
//!   namespace: web
//! spec:
//!   type: LoadBalancer
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: web-1
//!   namespace: web
//! spec:
//!   type: LoadBalancer
//! ```
//!
//! ## References
//!
//! MetalLB `internal/allocator`; MetalLB issue 703.

use std::collections::{BTreeMap, BTreeSet};

use poolcheck_manifest::kinds::pool::Pool;
use poolcheck_manifest::kinds::service::Service;
use poolcheck_plan::{AddrRange, AddrSet, Family};

use crate::words::{count_addresses, list};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "demand-above-capacity", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let known = |pool: &Pool<'_>| pool.implementation.is_metallb() && pool.entries.iter().all(|e| e.range().is_some());
    let Some(first) = world.pools.first().filter(|_| world.pools.iter().all(known)) else { return };
    // Texts of several clusters are not one demand.
    let sources = world.pools.iter().map(|pool| pool.name_span.source);
    let services: Vec<_> = world
        .services
        .iter()
        .filter(|service| service.class.is_none() && !service.from_values)
        .filter(|service| sources.clone().all(|source| world.same_cluster(source, service.object.kind_span().source)))
        .collect();
    const FAMILIES: [Family; 2] = [Family::V4, Family::V6];
    let has = FAMILIES.map(|family| capacity(world, family));
    // Services that share an address are one; what they want, they want together.
    let mut wanted: BTreeMap<String, BTreeSet<Family>> = BTreeMap::new();
    for service in &services {
        let who = service.sharing_key.map_or_else(|| service.object.title(), |key| format!("shared {}", key.text()));
        wanted.entry(who).or_default().extend(families(service, has));
    }
    let asks = FAMILIES.map(|family| wanted.values().filter(|families| families.contains(&family)).count() as u128);
    // First the families that are asked for by name; then all together, since the others take what there is.
    let total = wanted.values().map(|families| families.len().max(1) as u128).sum::<u128>();
    let all = has[0].saturating_add(has[1]);
    let (demand, has, family) = match (0..2).find(|at| asks[*at] > has[*at]) {
        Some(at) => (asks[at], has[at], format!(" of {}", FAMILIES[at])),
        None if total > all => (total, all, String::new()),
        None => return,
    };
    let (demand, has) = (count_addresses(demand), format!("{}{family}", count_addresses(has)));
    let message = format!("Services want {demand}{family} of their own, and the pools have {has}");
    let finding = findings.report(first.addresses_span, format!("{has} in all pools"), message);
    let names: Vec<String> = services.iter().map(|service| service.object.title()).collect();
    finding.about(&first.object).help(format!("make the pools larger, or let Services share: {}", list(&names, 4)));
}

/// The families of which a Service surely wants an address; none when the cluster's own family decides, or when it wants both
/// and no pool `has` one of them, which is another rule's matter.
fn families(service: &Service<'_>, has: [u128; 2]) -> Vec<Family> {
    let spec = service.object.spec();
    let policy = spec.and_then(|spec| spec.get("ipFamilyPolicy"));
    if policy.is_some_and(|policy| policy.text() == "RequireDualStack") {
        return if has.contains(&0) { Vec::new() } else { vec![Family::V4, Family::V6] };
    }
    let said = spec.map(|spec| spec.list("ipFamilies")).unwrap_or_default();
    let family = said.first().and_then(|family| match &*family.text() {
        "IPv4" => Some(Family::V4),
        "IPv6" => Some(Family::V6),
        _ => None,
    });
    family.into_iter().collect()
}

/// The addresses of a family in all pools that MetalLB hands out; one that two copies of a pool name counts once.
fn capacity(world: &World<'_>, family: Family) -> u128 {
    let ranges = world.pools.iter().flat_map(|pool| pool.ranges().map(|(_, range)| range).collect::<Vec<_>>());
    let all: AddrSet = ranges.collect();
    let avoiding = world.pools.iter().filter(|pool| pool.avoid_buggy_ips && family == Family::V4);
    let avoiding: AddrSet =
        avoiding.flat_map(|pool| pool.ranges().map(|(_, range)| range).collect::<Vec<_>>()).collect();
    all.size(family).saturating_sub(avoiding.iter().map(last_bytes).sum())
}

/// How many addresses of a range end in .0 or .255, which `avoidBuggyIPs` leaves out.
fn last_bytes(range: AddrRange) -> u128 {
    if range.family() != Family::V4 {
        return 0;
    }
    // Of the addresses below a number: those that end in .0, and those that end in .255.
    let below = |number: u128| number.div_ceil(256) + number / 256;
    below(range.last_number() + 1) - below(range.first_number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_of_a_range() {
        let count = |first: [u8; 4], last: [u8; 4]| {
            let number = |octets| u128::from(u32::from_be_bytes(octets));
            last_bytes(AddrRange::from_numbers(Family::V4, number(first), number(last)).unwrap())
        };
        assert_eq!(count([10, 0, 4, 1], [10, 0, 4, 254]), 0);
        assert_eq!(count([10, 0, 4, 0], [10, 0, 4, 255]), 2);
        assert_eq!(count([10, 0, 4, 255], [10, 0, 5, 0]), 2);
        assert_eq!(count([10, 0, 4, 254], [10, 0, 6, 0]), 4);
        assert_eq!(count([0, 0, 0, 0], [255, 255, 255, 255]), 2 << 24);
    }
}
