//! A pool lies outside every known segment.
//!
//! ## Why is this bad?
//!
//! In Layer-2 mode the cluster answers ARP (or Neighbor Solicitations) for the pool's addresses. Machines ask by ARP only for
//! addresses of their own subnet; for all others they ask the router, which does not ask the LAN either unless the address is
//! on one of its own subnets. So nobody ever asks, and nobody ever connects.
//!
//! The rule judges pools that are announced by Layer 2. It is silent about a pool that only a BGPAdvertisement announces.
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
//!   addresses:
//!   - 192.168.100.10-192.168.100.20 # error: [pool-outside-segment]
//! ```
//!
//! ```toml lan.toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! dhcp   = "192.168.1.2-192.168.1.120"
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
//!   - 192.168.1.200-192.168.1.210
//! ```
//!
//! ```toml lan.toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! dhcp   = "192.168.1.2-192.168.1.120"
//! ```
//!
//! ## References
//!
//! RFC 826; RFC 1122 section 3.3.1.1; MetalLB issues 322, 433.

use crate::segment::{Position, positions};
use crate::words::{list, pool_range};
use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "pool-outside-segment", level: Level::Error, needs: &[Fact::Subnet], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for position in positions(world) {
        let Position::Outside { index, entry, range, subnets } = position else { continue };
        let pool = &world.pools[index];
        let known: Vec<String> = subnets.iter().map(|subnet| subnet.value.to_string()).collect();
        let finding = findings.report(
            entry.span(),
            "no machine on the LAN asks for these by ARP",
            format!("{} lies outside the segment {}", pool_range(pool, entry, range), list(&known, 3)),
        );
        finding.about(&pool.object);
        for subnet in subnets.iter().take(3) {
            finding.related(subnet.place, "the segment").evidence(subnet.confidence);
        }
        if let Some(cure) = world.cure(index) {
            cure.advise(finding);
        }
    }
}
