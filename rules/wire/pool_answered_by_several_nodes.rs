//! Several nodes answer for one address of a pool.
//!
//! ## Why is this bad?
//!
//! One node announces the address; the others answer only because their kernels answer ARP for every address they have on any
//! interface, as kube-proxy in IPVS mode gives it to them. Traffic then goes to whichever node answered last, and a failover is
//! noticed by nobody.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250 # error: [pool-answered-by-several-nodes]
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
//!   { address = "192.168.1.242", mac = "52:54:00:00:00:11", count = 3, after-us = 200 },
//!   { address = "192.168.1.242", mac = "52:54:00:00:00:12", count = 3, after-us = 250 },
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
//! seen = [{ address = "192.168.1.242", mac = "52:54:00:00:00:11", count = 3, after-us = 200 }]
//! ```
//!
//! ## References
//!
//! MetalLB installation, Preparation (strictARP); MetalLB issue 153; Kubernetes issue 59976.

use crate::wire::{candidate, how, names};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "pool-answered-by-several-nodes", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let Some(observed) = world.observed else { return };
    for (address, owners) in observed.owners().into_iter().filter(|(_, owners)| owners.len() > 1) {
        if owners.iter().any(|seen| observed.trusted(&seen.mac).is_none()) {
            continue;
        }
        let Some(candidate) = candidate(world, observed, address) else { continue };
        let message = format!("{} is answered by {}", candidate.title(address), names(observed, &owners));
        let finding = findings.report(candidate.place(), "one node announces each of these addresses", message);
        if let Some(pool) = candidate.pool() {
            finding.about(&pool.object);
        }
        finding.identity(address.to_string());
        for seen in &owners {
            finding.related(seen.place, how(seen));
        }
        finding.help("with kube-proxy in IPVS mode write `ipvs: {strictARP: true}`, else set net.ipv4.conf.all.arp_ignore=1");
    }
}
