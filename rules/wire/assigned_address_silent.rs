//! Nobody answers for an address that a Service asks for.
//!
//! ## Why is this bad?
//!
//! The address is given to the Service and no machine on the LAN answers for it: the Service cannot be reached. Often no speaker
//! runs where the pods run, the advertisement does not fit, or the Service has no endpoints.
//!
//! A node does not hear its own answers. When a node looked, an address that nobody else answers for, and that is not its
//! kernel's own, is not checked.
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
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: web
//!   namespace: web
//!   annotations:
//!     metallb.io/loadBalancerIPs: 192.168.1.242 # warning: [assigned-address-silent]
//! spec:
//!   type: LoadBalancer
//! ```
//!
//! ```toml scan.toml
//! interface = "eth0"
//! subnets = ["192.168.1.0/24"]
//! asked = ["192.168.1.240-192.168.1.250"]
//! trusted = [{ mac = "52:54:00:00:00:11", who = "node n1" }, { mac = "52:54:00:00:00:12", who = "node n2" }]
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
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: web
//!   namespace: web
//!   annotations:
//!     metallb.io/loadBalancerIPs: 192.168.1.242
//! spec:
//!   type: LoadBalancer
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
//! MetalLB troubleshooting; MetalLB issues 302 and 1640.

use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "assigned-address-silent", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let Some(observed) = world.observed else { return };
    for service in &world.services {
        for request in &service.requested {
            let Some(address) = request.address().filter(|address| observed.asked.contains(*address)) else { continue };
            let mut pools = world.pools.iter().filter(|pool| pool.ranges().any(|(_, range)| range.contains(address)));
            // By BGP an address is reached through routers, and no machine answers for it.
            let answered = observed.seen.iter().any(|seen| seen.address == address);
            if answered || pools.any(|pool| world.only_bgp(pool)) {
                continue;
            }
            // A node does not hear its own answers; what its kernel has is among what was seen.
            if observed.on_node {
                let reason = format!("no other machine answers for {address}; a node looked, and does not hear its own answers");
                findings.not_checked(Fact::OwnAnswers, Some(service.object.reference()), reason, Some(request.span));
                continue;
            }
            let message = format!("nobody answers for {address}, which {} asks for", service.object.title());
            let finding = findings.report(request.span, "silent on the wire", message);
            finding.about(&service.object);
            finding.help("kubectl describe the Service: has it the address, has it endpoints, which node announces it?");
        }
    }
}
