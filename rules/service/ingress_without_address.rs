//! The Service of an ingress controller gets no address of a pool.
//!
//! ## Why is this bad?
//!
//! Only a Service of type `LoadBalancer` is given an address. An ingress controller whose Service is a `ClusterIP` or a
//! `NodePort` is reached by a node's address, or not at all, whatever the pool says.
//!
//! ## Example
//!
//! ```yaml values.yaml chart-traefik namespace-traefik
//! service:
//!   type: ClusterIP # warning: [ingress-without-address]
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
//! Kubernetes, Service `spec.type`; Traefik chart `service.type`, ingress-nginx chart `controller.service.type`.

use poolcheck_manifest::helm::Setting;

use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "ingress-without-address", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for pods in world.ingress_controllers() {
        let Some(release) = pods.release() else { continue };
        let Some(pool) = world.pools_for(pods.place.source).next() else { continue };
        let prefix = if release.is_of("ingress-nginx") { "controller." } else { "" };
        // Another Service may stand before the same pods.
        let another = world.services.iter().any(|service| {
            let namespace = service.object.namespace();
            !service.from_values && namespace.as_deref() == pods.namespace.as_deref()
        });
        if another {
            continue;
        }
        let enabled = release.get(&format!("{prefix}service.enabled"));
        let kind = match release.get(&format!("{prefix}service.type")) {
            // Traefik's chart passes `service.spec` on as it is.
            Setting::Default => release.get(&format!("{prefix}service.spec.type")),
            kind => kind,
        };
        let (place, label) = match (&enabled, &kind) {
            (Setting::Said(value), _) if value.as_bool() == Some(false) => {
                (value.span(), "no Service at all".to_owned())
            }
            (_, Setting::Said(value)) if value.text() != "LoadBalancer" && !value.is_null() => {
                (value.span(), format!("a {} is given no address", value.text()))
            }
            (Setting::Unknown(place, reason), _) | (_, Setting::Unknown(place, reason)) => {
                findings.not_checked(Fact::Values, Some(pods.title.clone()), reason.clone(), Some(*place));
                continue;
            }
            _ => continue,
        };
        let message = format!("the Service of {} gets no address of pool {}", pods.title, pool.name);
        let finding = findings.report(place, label, message);
        finding.subject(&pods.title).related(pool.name_span, "the pool that could give it one");
        finding.help("write `type: LoadBalancer`");
    }
}
