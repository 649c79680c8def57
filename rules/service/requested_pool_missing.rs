//! A Service asks for a pool that is not there.
//!
//! ## Why is this bad?
//!
//! MetalLB takes an address of the pool that the annotation names, and of no other: without that pool the Service stays
//! pending. The rule speaks only when other pools are among the manifests.
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
//!     metallb.io/address-pool: main # error: [requested-pool-missing]
//! spec:
//!   type: LoadBalancer
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
//!     metallb.io/address-pool: main-pool
//! spec:
//!   type: LoadBalancer
//! ```
//!
//! ## References
//!
//! MetalLB `internal/allocator`; MetalLB usage documentation, "Requesting specific IPs".

use poolcheck_manifest::placeholder;

use crate::words::list;
use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "requested-pool-missing", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for service in world.services.iter().filter(|service| service.class.is_none()) {
        let object = &service.object;
        let pools = world.pools_for(object.value.span().source);
        let pools: Vec<_> = pools.filter(|pool| pool.implementation.is_metallb()).collect();
        if pools.is_empty() {
            continue; // the pools are elsewhere: nothing can be said
        }
        let Some(wanted) = service.pool.filter(|pool| !pool.text().is_empty()) else { continue };
        let name = wanted.text();
        if pools.iter().any(|pool| pool.name == *name) {
            continue;
        }
        let unknown = pools.iter().find_map(|pool| placeholder(&pool.name)).or_else(|| placeholder(&name));
        if let Some(unknown) = unknown {
            findings.not_checked(Fact::Values, Some(object.reference()), unknown.reason(), Some(wanted.span()));
            continue;
        }
        let message = format!("Service {} asks for pool {name}, which is not there", object.title());
        let finding = findings.report(wanted.span(), "no such pool", message);
        let names: Vec<String> = pools.iter().map(|pool| pool.name.clone()).collect();
        finding.about(object).help(format!("the pools are {}", list(&names, 6)));
    }
}
