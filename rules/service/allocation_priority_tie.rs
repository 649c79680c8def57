//! Two pools are kept for the same namespace with the same priority.
//!
//! ## Why is this bad?
//!
//! Of the pools that are kept for a Service MetalLB takes the one with the lowest `priority` number. Between equal ones, and
//! between those without a number, the order is not defined: the Service gets an address of one pool today and may get one of
//! the other after the controller's next start.
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
//!   serviceAllocation:
//!     priority: 10
//!     namespaces: [web]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: second-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.224/29
//!   serviceAllocation: # warning: [allocation-priority-tie]
//!     priority: 10
//!     namespaces: [web]
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
//!   serviceAllocation:
//!     priority: 10
//!     namespaces: [web]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: second-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.224/29
//!   serviceAllocation:
//!     priority: 20
//!     namespaces: [web]
//! ```
//!
//! ## References
//!
//! MetalLB `internal/allocator`; MetalLB issues 2003, 2656.

use poolcheck_manifest::kinds::pool::{Allocation, Pool};

use crate::metallb::number;
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "allocation-priority-tie", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let kept: Vec<(&Pool<'_>, &Allocation<'_>)> = world
        .pools
        .iter()
        .filter(|pool| pool.implementation.is_metallb() && pool.auto_assign)
        .filter_map(|pool| Some((pool, pool.allocation.as_ref()?)))
        .filter(|(_, allocation)| allocation.service_selectors.is_empty())
        .collect();
    for (index, (pool, allocation)) in kept.iter().enumerate() {
        let tie = kept[..index].iter().find_map(|(other, earlier)| {
            let together = world.same_cluster(pool.name_span.source, other.name_span.source);
            let apart = world.same_object(pool, other) || !together || priority(pool) != priority(other);
            let shared = allocation.namespaces.iter().find(|name| earlier.namespaces.contains(name));
            shared.filter(|_| !apart).map(|namespace| (*other, *earlier, namespace))
        });
        let Some((other, earlier, namespace)) = tie else { continue };
        let message = format!(
            "pools {} and {} are both kept for namespace {namespace} with the same priority",
            other.name, pool.name
        );
        let finding = findings.report(allocation.span, "equal to another pool's", message);
        finding.about(&pool.object).identity(other.title()).related(earlier.span, "the other one");
        finding.help("give the one that shall come first a lower `priority` number");
    }
}

/// The priority; 0 and none are the same, and come last.
fn priority(pool: &Pool<'_>) -> i128 {
    let allocation = pool.object.spec().and_then(|spec| spec.get("serviceAllocation"));
    allocation.and_then(|allocation| allocation.get("priority")).and_then(number).unwrap_or(0)
}
