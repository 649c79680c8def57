//! A pool hands out addresses that the router may lease to somebody else.
//!
//! ## Why is this bad?
//!
//! The router leases `.50` to a phone; MetalLB gives `.50` to a Service. Both answer ARP for it, and every machine on the
//! LAN believes whichever it heard last. MetalLB never looks at DHCP, the router never looks at MetalLB, and the ping by
//! which many DHCP servers try an address before they lease it is not answered by a Layer-2 address, which answers ARP
//! only.
//!
//! Shrink the router's range so that it ends before the pool, or move the pool into space that the router never leases.
//! poolcheck computes both.
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
//!   - 192.168.1.50-192.168.1.60 # error: [pool-in-dhcp-range]
//! ```
//!
//! ```toml lan.toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! dhcp   = "192.168.1.2-192.168.1.253"
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
//! RFC 2131 section 3.1 (servers need not reserve an offered address); MetalLB issues 157 and 306.

use poolcheck_plan::ClaimKind;

use crate::words::{pool_range, these_addresses};
use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "pool-in-dhcp-range", level: Level::Error, needs: &[Fact::Dhcp], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for meeting in world.pool_meetings(ClaimKind::DynamicRange) {
        let pool = pool_range(meeting.pool, meeting.entry, meeting.range);
        let how = if meeting.other.range.covers(meeting.range) {
            "lies inside the router's DHCP range".to_owned()
        } else {
            format!("shares {} with the router's DHCP range", meeting.overlap)
        };
        let finding = findings.report(
            meeting.entry.span(),
            format!("the cluster hands out {}", these_addresses(meeting.range)),
            format!("{pool} {how} {}", meeting.other.range),
        );
        finding.about(&meeting.pool.object).evidence(meeting.other.confidence).identity(meeting.overlap.to_string());
        if let Some(place) = meeting.other.place {
            finding.related(place, "the router leases these");
        }
        if let Some(cure) = world.cure(meeting.index) {
            cure.advise(finding);
        }
    }
}
