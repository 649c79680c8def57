//! An address went from one machine to another while somebody watched.
//!
//! ## Why is this bad?
//!
//! After a failover of the load balancer this is as it should be. Otherwise two machines fight over the address, and each takes it
//! from the other by announcing it.
//!
//! Between two machines that may answer for the pool it is a note.
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
//! moved = [
//!   { address = "192.168.1.242", from = "52:54:00:00:00:11", to = "3c:06:30:00:00:9a" }, # warning: [address-moved]
//! ]
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
//! seen = [{ address = "192.168.1.242", mac = "52:54:00:00:00:11" }]
//! ```
//!
//! ## References
//!
//! RFC 5227, section 2.4.

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "address-moved", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let Some(observed) = world.observed else { return };
    for moved in &observed.moved {
        let name = |mac: &str| observed.trusted(mac).map_or_else(|| mac.to_owned(), |who| format!("{who} ({mac})"));
        let message = format!("{} went from {} to {}", moved.address, name(&moved.from), name(&moved.to));
        let finding = findings.report(moved.place, "announced by the other one", message);
        finding.identity(moved.address.to_string());
        if observed.trusted(&moved.from).is_some() && observed.trusted(&moved.to).is_some() {
            finding.level(Level::Note).help("a failover, if there was reason for one");
        } else {
            finding.help("see whether both machines are configured with this address");
        }
    }
}
