//! A pool on a wide segment holds addresses that end in .0 or .255.
//!
//! ## Why is this bad?
//!
//! On a segment wider than a /24 they are ordinary addresses; some old equipment drops them all the same, because it takes
//! them for the network and the broadcast address of a class C network.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses:
//!   - 10.0.4.240-10.0.5.20 # note: [pool-holds-last-byte]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ```toml lan.toml
//! [[segment]]
//! subnet = "10.0.0.0/16"
//! dhcp = "10.0.0.2-10.0.0.200"
//! ```
//!
//! ## Use instead
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   avoidBuggyIPs: true
//!   addresses:
//!   - 10.0.4.240-10.0.5.20
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ```toml lan.toml
//! [[segment]]
//! subnet = "10.0.0.0/16"
//! dhcp = "10.0.0.2-10.0.0.200"
//! ```
//!
//! ## References
//!
//! MetalLB `IPAddressPool.spec.avoidBuggyIPs`; MetalLB issue 110.

use std::net::IpAddr;

use crate::words::pool_range;
use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "pool-holds-last-byte", level: Level::Note, needs: &[Fact::Subnet], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for pool in world.pools.iter().filter(|pool| pool.implementation.is_metallb() && !pool.avoid_buggy_ips) {
        for (entry, range) in pool.ranges() {
            let (IpAddr::V4(first), IpAddr::V4(last)) = (range.first(), range.last()) else { continue };
            let (first, last) = (u32::from(first), u32::from(last));
            // The first address from the range's beginning on that ends in .255 or in .0.
            let holds = (first | 0xff) <= last || first.trailing_zeros() >= 8;
            let wide = world.facts.segment_of(range.first()).is_some_and(|segment| {
                segment
                    .subnets
                    .iter()
                    .any(|subnet| subnet.value.contains(&range.first()) && subnet.value.prefix_len() < 24)
            });
            if !holds || !wide {
                continue;
            }
            let message = format!("{} holds addresses that end in .0 or .255", pool_range(pool, entry, range));
            let finding = findings.report(entry.span(), "old equipment may drop these", message);
            finding
                .about(&pool.object)
                .help("write `avoidBuggyIPs: true`, unless all equipment on this LAN is known to be newer");
        }
    }
}
