//! A Service asks for an address of a pool that is not open to it.
//!
//! ## Why is this bad?
//!
//! `serviceAllocation` opens a pool to some namespaces or Services only. MetalLB refuses the address to all others: the Service
//! stays without an address.
//!
//! ## Example
//!
//! ```yaml manifests.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
//!   serviceAllocation:
//!     namespaces: [infra]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata:
//!   name: l2-adv
//!   namespace: metallb-system
//! spec:
//!   ipAddressPools:
//!   - main-pool
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: web
//!   namespace: default
//!   annotations:
//!     metallb.io/loadBalancerIPs: 192.168.1.240 # error: [requested-address-not-open]
//! spec:
//!   type: LoadBalancer
//!   ports:
//!   - port: 80
//! ```
//!
//! ## Use instead
//!
//! ```yaml manifests.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
//!   serviceAllocation:
//!     namespaces: [infra]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata:
//!   name: l2-adv
//!   namespace: metallb-system
//! spec:
//!   ipAddressPools:
//!   - main-pool
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: web
//!   namespace: infra
//!   annotations:
//!     metallb.io/loadBalancerIPs: 192.168.1.240
//! spec:
//!   type: LoadBalancer
//!   ports:
//!   - port: 80
//! ```
//!
//! ## References
//!
//! MetalLB `IPAddressPool.spec.serviceAllocation`.

use poolcheck_manifest::kinds::pool::{Allocation, Pool};
use poolcheck_manifest::kinds::service::Service;
use poolcheck_manifest::{LabelSelector, Object};

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "requested-address-not-open", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for service in world.services.iter().filter(|service| service.class.is_none()) {
        for request in &service.requested {
            let Some(address) = request.address() else { continue };
            let pools: Vec<&Pool<'_>> = world.pools_holding(address).map(|(_, pool)| pool).collect();
            let closed =
                |pool: &&Pool<'_>| pool.allocation.as_ref().is_some_and(|allocation| !open(world, allocation, service));
            if pools.is_empty() || !pools.iter().all(closed) {
                continue;
            }
            let title = service.object.title();
            let message =
                format!("Service {title} asks for {address} of pool {}, which is not open to it", pools[0].name);
            let finding = findings.report(request.span, "asked for here", message);
            finding.about(&service.object).identity(address.to_string());
            for pool in pools {
                let span = pool.allocation.as_ref().map_or(pool.name_span, |allocation| allocation.span);
                finding.related(span, format!("who may take from pool {}", pool.name));
            }
            finding.help("ask for an address of another pool, or open this one to the Service's namespace");
        }
    }
}

/// A pool that selects namespaces by label counts as open where the Service's Namespace is not among the manifests.
fn open(world: &World<'_>, allocation: &Allocation<'_>, service: &Service<'_>) -> bool {
    let namespace = service.object.namespace();
    let namespace = namespace.as_deref().unwrap_or("default");
    let selected = |selectors: &[LabelSelector<'_>]| {
        let mut known = world.objects.iter().filter(|object| {
            let is_namespace = object.kind() == "Namespace" && object.api_version() == "v1";
            is_namespace && object.name().is_some_and(|name| name == namespace)
        });
        let matches = |object: &Object<'_>| {
            let mut labels = object.labels();
            // The API server gives every namespace this one.
            labels.push(("kubernetes.io/metadata.name".to_owned(), namespace.to_owned()));
            selectors.iter().any(|selector| selector.matches(&labels))
        };
        known.clone().next().is_none() || known.any(matches)
    };
    let by_namespace = (allocation.namespaces.is_empty() && allocation.namespace_selectors.is_empty())
        || allocation.namespaces.iter().any(|name| name == namespace)
        || (!allocation.namespace_selectors.is_empty() && selected(&allocation.namespace_selectors));
    let mut labels = service.object.labels();
    // Cilium's selectors see these two as labels.
    labels.push(("io.kubernetes.service.namespace".to_owned(), namespace.to_owned()));
    labels.push(("io.kubernetes.service.name".to_owned(), service.object.name().unwrap_or_default().into_owned()));
    let by_service = allocation.service_selectors.is_empty()
        || allocation.service_selectors.iter().any(|selector| selector.matches(&labels));
    by_namespace && by_service
}
