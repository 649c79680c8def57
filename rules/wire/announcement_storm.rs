//! A machine announces one address over and over.
//!
//! ## Why is this bad?
//!
//! Each announcement makes every machine of the segment look, and changes their neighbour caches if another machine uses the address.
//! Twenty within ten seconds is no announcement any more: two machines fight over the address, or an announcer is broken.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ```toml scan.toml
//! interface = "eth0"
//! subnets = ["192.168.1.0/24"]
//! asked = ["192.168.1.240-192.168.1.250"]
//! trusted = [{ mac = "52:54:00:00:00:11", who = "node n1" }, { mac = "52:54:00:00:00:12", who = "node n2" }]
//! storms = [{ address = "192.168.1.242", mac = "3c:06:30:00:00:9a" }] # warning: [announcement-storm]
//! ```
//!
//! ## Use instead
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ```toml scan.toml
//! interface = "eth0"
//! subnets = ["192.168.1.0/24"]
//! asked = ["192.168.1.240-192.168.1.250"]
//! trusted = [{ mac = "52:54:00:00:00:11", who = "node n1" }, { mac = "52:54:00:00:00:12", who = "node n2" }]
//! ```
//!
//! ## References
//!
//! RFC 5227, section 2.3 (two announcements, two seconds apart); MetalLB issues 730 and 2177.

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "announcement-storm", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let Some(observed) = world.observed else { return };
    for storm in &observed.storms {
        let who = observed.trusted(&storm.mac).map_or_else(|| storm.mac.clone(), |who| format!("{who} ({})", storm.mac));
        let message = format!("{who} announces {} over and over, 20 times within 10 seconds", storm.address);
        let finding = findings.report(storm.place, "gratuitous announcements", message);
        finding.identity(format!("{} {}", storm.address, storm.mac));
        finding.help("look for a second machine with this address, and at the announcer's log");
    }
}
