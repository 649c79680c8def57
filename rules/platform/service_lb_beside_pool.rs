//! k3s brings a load balancer of its own, and it is not switched off.
//!
//! ## Why is this bad?
//!
//! ServiceLB answers for every Service of type LoadBalancer by the nodes' own addresses. Beside another load balancer both
//! write the Service's status, and which address it shows changes with the moment.
//!
//! ## Example
//!
//! ```yaml config.yaml
//! write-kubeconfig-mode: "0644"
//! disable: # warning: [service-lb-beside-pool]
//! - traefik
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
//! ```yaml config.yaml
//! write-kubeconfig-mode: "0644"
//! disable:
//! - traefik
//! - servicelb
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
//! k3s issues 269 and 2765; MetalLB issue 1543; k3s, Networking Services, Service Load Balancer.

use poolcheck_manifest::kinds::platform;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "service-lb-beside-pool", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for k3s in world.files.iter().filter_map(platform::k3s).filter(|k3s| !k3s.disables_service_lb()) {
        let place = k3s.place();
        let Some(pool) = world.pools_for(place.source).next() else { continue };
        let message =
            format!("k3s runs ServiceLB beside {}: both answer for the same Services", pool.implementation.name());
        let finding = findings.report(place, "ServiceLB is not switched off", message);
        finding.related(pool.name_span, format!("a pool of {}", pool.implementation.name()));
        finding.help("add `servicelb` to `disable` on every server");
    }
}
