//! A DHCP server offers an address outside the ranges that the facts name.
//!
//! ## Why is this bad?
//!
//! The facts are no longer true, or another server spoke: every check of a pool against them is worth nothing.
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
//! ```toml lan.toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! gateway = "192.168.1.1"
//! dhcp = "192.168.1.2-192.168.1.199" # warning: [offer-disagrees-with-facts]
//! ```
//!
//! ```toml scan.toml
//! interface = "eth0"
//! subnets = ["192.168.1.0/24"]
//! asked = ["192.168.1.240-192.168.1.250"]
//! trusted = [{ mac = "52:54:00:00:00:11", who = "node n1" }, { mac = "52:54:00:00:00:12", who = "node n2" }]
//! offers = [{ address = "192.168.1.222", server = "192.168.1.1" }]
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
//! ```toml lan.toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! gateway = "192.168.1.1"
//! dhcp = "192.168.1.2-192.168.1.230"
//! ```
//!
//! ```toml scan.toml
//! interface = "eth0"
//! subnets = ["192.168.1.0/24"]
//! asked = ["192.168.1.240-192.168.1.250"]
//! trusted = [{ mac = "52:54:00:00:00:11", who = "node n1" }, { mac = "52:54:00:00:00:12", who = "node n2" }]
//! offers = [{ address = "192.168.1.222", server = "192.168.1.1" }]
//! ```
//!
//! ## References
//!
//! RFC 2131, section 4.3.1.

use std::collections::BTreeSet;

use poolcheck_plan::facts::DhcpServer;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "offer-disagrees-with-facts", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let Some(observed) = world.observed else { return };
    let mut told = BTreeSet::new();
    for offer in &observed.offers {
        let Some(segment) = world.facts.segment_of(offer.address) else { continue };
        let servers = || segment.dhcp.iter();
        let known = servers().any(DhcpServer::knows_ranges);
        let leased = servers().flat_map(DhcpServer::leased).any(|(range, _)| range.contains(offer.address));
        let reserved = servers().flat_map(|server| &server.reservations).any(|own| own.value.address == offer.address);
        let Some(server) = servers().next().filter(|_| known && !leased && !reserved) else { continue };
        if !told.insert((offer.address, offer.server)) {
            continue;
        }
        let place = server.ranges.first().map_or(server.state.place, |range| range.place);
        let message = format!("{} offers {}, which is in no DHCP range of the facts", offer.server, offer.address);
        let finding = findings.report(place, "the facts say this", message);
        finding.identity(format!("{} {}", offer.address, offer.server));
        finding.related(offer.place, "the server would lease this");
        finding.help("read the router again (`poolcheck router read`, `router fetch`), or mend lan.toml");
    }
}
