//! A Service requires both families, and no pool has both.
//!
//! ## Why is this bad?
//!
//! With `ipFamilyPolicy: RequireDualStack` MetalLB takes both addresses from one pool. When no pool open to the Service has
//! IPv4 and IPv6 ranges, it gets none and stays pending. Two pools with one family each do not help.
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
//! spec:
//!   type: LoadBalancer
//!   ipFamilyPolicy: RequireDualStack # error: [dual-stack-impossible]
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
//!   - fd00:1::240-fd00:1::250
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: traefik
//!   namespace: traefik
//! spec:
//!   type: LoadBalancer
//!   ipFamilyPolicy: RequireDualStack
//! ```
//!
//! ## References
//!
//! MetalLB `internal/allocator` (both families from one pool); Kubernetes documentation, "IPv4/IPv6 dual-stack".

use poolcheck_manifest::kinds::pool::Pool;
use poolcheck_manifest::kinds::service::Service;
use poolcheck_plan::Family;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "dual-stack-impossible", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    // Another load balancer may serve the Service, and a value that is not known may be of the other family.
    let knows_all =
        |pool: &Pool<'_>| pool.implementation.is_metallb() && pool.entries.iter().all(|e| e.range().is_some());
    if world.pools.is_empty() || !world.pools.iter().all(knows_all) {
        return;
    }
    for service in world.services.iter().filter(|service| service.class.is_none() && service.requested.is_empty()) {
        let policy = service.object.spec().and_then(|spec| spec.get("ipFamilyPolicy"));
        let Some(policy) = policy.filter(|policy| policy.text() == "RequireDualStack") else { continue };
        if world.pools.iter().any(|pool| eligible(pool, service) && has_both(pool)) {
            continue;
        }
        let message = format!("Service {} requires both families, and no pool has both", service.object.title());
        let finding = findings.report(policy.span(), "both families, from one pool", message);
        finding.about(&service.object).help("give one pool ranges of both families, or write `PreferDualStack`");
        for pool in world.pools.iter().filter(|pool| eligible(pool, service)).take(3) {
            finding.related(pool.addresses_span, format!("the addresses of pool {}", pool.name));
        }
    }
}

fn eligible(pool: &Pool<'_>, service: &Service<'_>) -> bool {
    service.pool.map_or(pool.auto_assign, |wanted| *wanted.text() == *pool.name)
}

fn has_both(pool: &Pool<'_>) -> bool {
    [Family::V4, Family::V6].iter().all(|family| pool.ranges().any(|(_, range)| range.family() == *family))
}
