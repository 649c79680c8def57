//! A Service asks for its address by annotation and by `loadBalancerIP` at once.
//!
//! ## Why is this bad?
//!
//! MetalLB refuses a Service that has both, even when both say the same address: it gets none and stays pending.
//! `spec.loadBalancerIP` is deprecated by Kubernetes since 1.24; the annotation also takes one address of each family.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: traefik
//!   namespace: traefik
//!   annotations:
//!     metallb.io/loadBalancerIPs: 192.168.1.240
//! spec:
//!   type: LoadBalancer
//!   loadBalancerIP: 192.168.1.240 # error: [address-requested-in-two-ways]
//! ```
//!
//! ## Use instead
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: traefik
//!   namespace: traefik
//!   annotations:
//!     metallb.io/loadBalancerIPs: 192.168.1.240
//! spec:
//!   type: LoadBalancer
//! ```
//!
//! ## References
//!
//! MetalLB `controller/service.go`; Kubernetes issue 106242.

use poolcheck_manifest::kinds::pool::Implementation;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "address-requested-in-two-ways", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for service in world.services.iter().filter(|service| service.class.is_none()) {
        let by = |wanted| service.requested.iter().find(|request| request.implementation == wanted);
        let (Some(annotation), Some(field)) = (by(Some(Implementation::Metallb)), by(None)) else { continue };
        let message = format!(
            "Service {} asks for an address by annotation and by `loadBalancerIP`: MetalLB gives it none",
            service.object.title()
        );
        let finding = findings.report(field.span, "asked for again here", message);
        finding.about(&service.object).related(annotation.span, "asked for here");
        finding.help("delete `loadBalancerIP`, which Kubernetes has deprecated");
    }
}
