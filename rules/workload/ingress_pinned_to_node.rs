//! An ingress controller may run on some nodes only.
//!
//! ## Why is this bad?
//!
//! An address of the pool moves to another node when one fails; pods that a `nodeSelector` pins cannot follow. With
//! `externalTrafficPolicy: Local` the address then has nowhere to go.
//!
//! ## Example
//!
//! ```yaml values.yaml chart-traefik namespace-traefik
//! nodeSelector:
//!   node-role.kubernetes.io/control-plane: "true" # note: [ingress-pinned-to-node]
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
//! nodeSelector:
//!   kubernetes.io/os: linux
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
//! Kubernetes, Assigning Pods to Nodes.

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "ingress-pinned-to-node", level: Level::Note, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for pods in world.ingress_controllers() {
        if world.pools_for(pods.place.source).next().is_none() {
            continue;
        }
        for (value, pin) in pods.node_selector() {
            let key = pin.split('=').next().unwrap_or_default().to_owned();
            let message = format!("{} runs only on nodes with {pin}", pods.title);
            let finding = findings.report(value.span(), "it cannot move elsewhere", message);
            finding.subject(&pods.title).identity(key).help("remove it, unless only these nodes can serve");
        }
    }
}
