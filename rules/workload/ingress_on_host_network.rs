//! An ingress controller takes the network of one node although there is a pool.
//!
//! ## Why is this bad?
//!
//! With `hostNetwork` it owns ports 80 and 443 of the node that it runs on, and is reached by that node's address. When the
//! node dies, the address dies with it: the pool, whose addresses move to another node, is not used for what matters most.
//!
//! ## Example
//!
//! ```yaml values.yaml chart-traefik namespace-traefik
//! hostNetwork: true # warning: [ingress-on-host-network]
//! ```
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses: [192.168.1.240-192.168.1.245]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ## Use instead
//!
//! ```yaml values.yaml chart-traefik namespace-traefik
//! service:
//!   type: LoadBalancer
//! ```
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses: [192.168.1.240-192.168.1.245]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ## References
//!
//! MetalLB concepts; Traefik chart `hostNetwork`, ingress-nginx chart `controller.hostNetwork`.

use poolcheck_manifest::helm::Setting;

use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "ingress-on-host-network", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for pods in world.ingress_controllers() {
        let Some(pool) = world.pools_for(pods.place.source).next() else { continue };
        match pods.host_network() {
            Setting::Said(value) => {
                let message = format!("{} is an ingress on the network of its node, although there is a pool", pods.title);
                let finding = findings.report(value.span(), "reached by the node's own address only", message);
                finding.subject(&pods.title).related(pool.name_span, "addresses that move with the pods");
                finding.help("remove it, and let a Service of type LoadBalancer take an address of the pool");
            }
            Setting::Unknown(place, reason) => {
                findings.not_checked(Fact::Values, Some(pods.title.clone()), reason, Some(place));
            }
            Setting::Default => {}
        }
    }
}
