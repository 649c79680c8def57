//! A machine that is no node of the cluster uses an address of a pool.
//!
//! ## Why is this bad?
//!
//! The load balancer will hand this address out, or has done so. From then on two machines answer for it, each neighbour believes
//! whom it heard last, and connections break at random. Before that the pool looks fine, because the load balancer never asks the
//! LAN.
//!
//! Who may answer for a pool: nodes known from manifests and facts, what `--node` and `--allow-mac` name, and the machine that
//! scans. Where no node is known at all, this is a warning: it may be a node.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250 # error: [squatter-in-pool]
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
//! seen = [{ address = "192.168.1.242", mac = "3c:06:30:00:00:9a", count = 3, vendor = "Apple" }]
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
//!   - 192.168.1.240/31
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
//! seen = [{ address = "192.168.1.242", mac = "3c:06:30:00:00:9a", count = 3, vendor = "Apple" }]
//! ```
//!
//! ## References
//!
//! RFC 5227, sections 1.1 and 2.4; MetalLB issues 306 and 589.

use crate::wire::{candidate, how, names};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "squatter-in-pool", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let Some(observed) = world.observed else { return };
    let nodes_known = observed.trusted.values().any(|who| who.starts_with("node"));
    for (address, owners) in observed.owners() {
        // An owner that may answer makes it a fight of two, which is another rule's matter.
        if owners.iter().any(|seen| observed.trusted(&seen.mac).is_some()) {
            continue;
        }
        let Some(candidate) = candidate(world, observed, address) else { continue };
        let message = format!("{} is held by {}", candidate.title(address), names(observed, &owners));
        let finding = findings.report(candidate.place(), candidate.label(), message);
        if let Some(pool) = candidate.pool() {
            finding.about(&pool.object);
        }
        finding.identity(address.to_string());
        for seen in &owners {
            finding.related(seen.place, how(seen));
        }
        finding.help("give that machine another address, or take this one out of the pool (`poolcheck suggest`)");
        if !nodes_known {
            finding.level(Level::Warning);
            finding.help("no node is known: if it is one, name it with --node, or in lan.toml with role = \"node\" and its mac");
        }
    }
}
