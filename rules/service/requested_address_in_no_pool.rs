//! A Service asks for an address that is in no pool.
//!
//! ## Why is this bad?
//!
//! MetalLB gives only addresses of its pools. The Service stays without an address ("pending"). Often the pool moved and the
//! fixed address stayed behind.
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
//!     metallb.io/loadBalancerIPs: 192.168.1.50 # error: [requested-address-in-no-pool]
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
//!     metallb.io/loadBalancerIPs: 192.168.1.240
//! spec:
//!   type: LoadBalancer
//!   ports:
//!   - port: 80
//! ```
//!
//! ## References
//!
//! MetalLB usage, "Requesting specific IPs"; MetalLB issue 703.

use poolcheck_manifest::kinds::pool::{Implementation, Pool};
use poolcheck_manifest::kinds::service::Requested;

use crate::words::list;
use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "requested-address-in-no-pool", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for service in world.services.iter().filter(|service| service.class.is_none()) {
        for request in &service.requested {
            let Some(address) = request.address() else { continue };
            let pools: Vec<_> = world.pools_for(request.span.source).collect();
            // Without any pool the pools are elsewhere: nothing can be said.
            if !judged(&pools, request) || pools.is_empty() {
                continue;
            }
            if pools.iter().any(|pool| pool.ranges().any(|(_, range)| range.contains(address))) {
                continue;
            }
            if let Some((pool, (_, placeholder))) = pools.iter().find_map(|p| Some((p, p.placeholder()?))) {
                let reason = format!("{address} may lie in pool {}: {}", pool.name, placeholder.reason());
                findings.not_checked(Fact::Values, Some(service.object.reference()), reason, Some(request.span));
                continue;
            }
            let title = service.title();
            let finding =
                findings.report(request.span, "in no pool", format!("{title} asks for {address}, which is in no pool"));
            let mut ranges: Vec<String> = Vec::new();
            for pool in &pools {
                ranges.extend(pool.ranges().map(|(_, range)| format!("{range} ({})", pool.name)));
            }
            finding.about(&service.object).identity(address.to_string());
            if service.from_values {
                finding.level(Level::Warning);
            }
            finding.help(format!("ask for an address of a pool: {}", list(&ranges, 4)));
            for pool in pools.iter().take(3) {
                finding.related(pool.addresses_span, format!("the addresses of pool {}", pool.name));
            }
        }
    }
}

/// Whether somebody is known who would look for the address in pools. kube-vip takes any address that is asked for.
fn judged(pools: &[&Pool<'_>], request: &Requested<'_>) -> bool {
    let has = |wanted: Implementation| pools.iter().any(|pool| pool.implementation == wanted);
    match request.implementation {
        Some(Implementation::Metallb) => pools.iter().any(|pool| pool.implementation.is_metallb()),
        Some(other) => has(other),
        None => !has(Implementation::KubeVip),
    }
}
