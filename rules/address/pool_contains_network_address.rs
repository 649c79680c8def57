//! A pool contains the network or the broadcast address of its segment.
//!
//! ## Why is this bad?
//!
//! MetalLB hands out every address of a range, the first one first. The network address (`.0` of a /24) and the broadcast
//! address (`.255`) belong to nobody: hosts refuse to talk to them, and what is sent to the broadcast address reaches every
//! machine of the segment. `avoidBuggyIPs` leaves out addresses that end in .0 or .255, which is the same only on a /24.
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
//!   - 192.168.1.240-192.168.1.255 # error: [pool-contains-network-address]
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
//! RFC 1122 section 3.2.1.3; MetalLB issues 110, 483, 1684.

use poolcheck_plan::ClaimKind;

use crate::words::{pool_range, these_addresses};
use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "pool-contains-network-address", level: Level::Error, needs: &[Fact::Subnet], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for (kind, name) in [(ClaimKind::NetworkAddress, "network"), (ClaimKind::BroadcastAddress, "broadcast")] {
        for meeting in world.pool_meetings(kind) {
            // `avoidBuggyIPs` keeps MetalLB from handing out exactly these addresses.
            let last_octet = meeting.overlap.first_number() & 0xff;
            if meeting.pool.avoid_buggy_ips && matches!(last_octet, 0 | 255) {
                continue;
            }
            let pool = pool_range(meeting.pool, meeting.entry, meeting.range);
            let finding = findings.report(
                meeting.entry.span(),
                format!("the cluster hands out {}", these_addresses(meeting.range)),
                format!("{pool} contains the {name} address {} of its segment", meeting.overlap),
            );
            finding.about(&meeting.pool.object).evidence(meeting.other.confidence).identity(name);
            if let Some(place) = meeting.other.place {
                finding.related(place, format!("{} is this subnet's {name} address", meeting.overlap));
            }
            if let Some(cure) = world.cure(meeting.index) {
                cure.advise(finding);
            }
        }
    }
}
