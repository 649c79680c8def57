//! Two machines answer for one address.
//!
//! ## Why is this bad?
//!
//! Each neighbour believes the one that it heard last, so that connections to the address work, break and go to the wrong machine
//! by turns. Often the second one answers late: tools that take the first answer never see it.
//!
//! An address outside every pool is a warning here: it is the LAN's trouble, not the cluster's.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250 # error: [two-owners]
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
//! seen = [
//!   { address = "192.168.1.242", mac = "52:54:00:00:00:12", count = 3, after-us = 200 },
//!   { address = "192.168.1.242", mac = "9c:8e:cd:00:00:40", count = 2, after-us = 61000 },
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
//! seen = [{ address = "192.168.1.242", mac = "52:54:00:00:00:12", count = 3, after-us = 200 }]
//! ```
//!
//! ## References
//!
//! RFC 5227, section 2.4; RFC 4862, section 5.4.

use crate::wire::{candidate, how, names};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "two-owners", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let Some(observed) = world.observed else { return };
    for (address, owners) in observed.owners().into_iter().filter(|(_, owners)| owners.len() > 1) {
        let trusted = owners.iter().filter(|seen| observed.trusted(&seen.mac).is_some()).count();
        let candidate = candidate(world, observed, address);
        // Strangers alone in a pool are squatters, nodes alone lack strict ARP.
        if candidate.is_some() && (trusted == 0 || trusted == owners.len()) {
            continue;
        }
        let title = candidate.as_ref().map_or_else(|| address.to_string(), |candidate| candidate.title(address));
        let message = format!("{title} is answered by {}", names(observed, &owners));
        let place = candidate.as_ref().map_or(owners[0].place, super::wire::Candidate::place);
        let label = candidate.as_ref().map_or("this one answers", |candidate| candidate.label());
        let finding = findings.report(place, label, message);
        if let Some(pool) = candidate.as_ref().and_then(|candidate| candidate.pool()) {
            finding.about(&pool.object);
        }
        finding.identity(address.to_string());
        for seen in owners.iter().filter(|seen| seen.place != place) {
            finding.related(seen.place, how(seen));
        }
        if candidate.is_none() {
            finding.level(Level::Warning);
        }
        finding.help("find the machine by its hardware address, and give it another address");
    }
}
