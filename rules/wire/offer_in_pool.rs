//! A DHCP server offers an address of a pool.
//!
//! ## Why is this bad?
//!
//! This is the proof that the server's range and the pool overlap: sooner or later it leases an address that a Service has. That no
//! offer lies in a pool proves nothing, for a server offers what it likes.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250 # error: [offer-in-pool]
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
//! offers = [{ address = "192.168.1.245", server = "192.168.1.1" }]
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
//! offers = [{ address = "192.168.1.45", server = "192.168.1.1" }]
//! ```
//!
//! ## References
//!
//! RFC 2131, sections 3.1 and 4.3.1.

use std::collections::BTreeSet;

use crate::wire::candidate;
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "offer-in-pool", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let Some(observed) = world.observed else { return };
    let mut told = BTreeSet::new();
    for offer in &observed.offers {
        let Some(candidate) = candidate(world, observed, offer.address) else { continue };
        if !told.insert((offer.address, offer.server)) {
            continue;
        }
        let message = format!("the DHCP server {} offers {}", offer.server, candidate.title(offer.address));
        let finding = findings.report(candidate.place(), candidate.label(), message);
        if let Some(pool) = candidate.pool() {
            finding.about(&pool.object);
        }
        finding.identity(format!("{} {}", offer.address, offer.server));
        finding.related(offer.place, "the server would lease this");
        finding.help("end the server's range before the pool, or move the pool (`poolcheck suggest`)");
    }
}
