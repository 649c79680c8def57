//! A pool begins inside a segment and ends outside it.
//!
//! ## Why is this bad?
//!
//! It works until the addresses inside the segment are used up: the next Service gets an address that nobody on the LAN asks
//! for by ARP, and is dark.
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
//!   - 192.168.1.250-192.168.2.10 # warning: [pool-partly-outside-segment]
//!   avoidBuggyIPs: true
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
//!   - 192.168.1.240-192.168.1.254
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
//! MetalLB issue 484.

use crate::segment::{Position, positions};
use crate::words::{addresses, pool_range};
use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "pool-partly-outside-segment", level: Level::Warning, needs: &[Fact::Subnet], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for position in positions(world) {
        let Position::Partly { index, entry, range, subnet, inside } = position else { continue };
        let pool = &world.pools[index];
        let finding = findings.report(
            entry.span(),
            format!("only {inside} lies inside the segment"),
            format!(
                "{} lies partly outside the segment {}: {} of {} are inside",
                pool_range(pool, entry, range),
                subnet.value,
                inside.size(),
                addresses(range),
            ),
        );
        finding.about(&pool.object).evidence(subnet.confidence).related(subnet.place, "the segment ends here");
        finding.help(format!("end the pool inside the segment: {inside}"));
    }
}
