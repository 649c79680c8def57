//! Two load balancers hand out addresses in one cluster.
//!
//! ## Why is this bad?
//!
//! A Service without `loadBalancerClass` is for every load balancer that serves Services without a class, and that is the
//! default of all of them. Each gives the Service an address of its own pool and overwrites what the other wrote, over and
//! over; the address that DNS knows may be the other one.
//!
//! One of them often is a left-over. Where both are meant, all but one must be told their class.
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
//! apiVersion: cilium.io/v2
//! kind: CiliumLoadBalancerIPPool
//! metadata:
//!   name: lan # warning: [several-load-balancers]
//! spec:
//!   blocks:
//!   - cidr: 192.168.1.224/29
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
//! ```
//!
//! ## References
//!
//! Kubernetes documentation, "Specifying class of load balancer implementation"; MetalLB issues 2396, 2641.

use poolcheck_manifest::kinds::pool::Implementation;
use poolcheck_manifest::tree::Together;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "several-load-balancers", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    // A MetalLB ConfigMap that was left behind hands out nothing; OpenELB serves only Services that ask for it.
    let passive = |implementation| matches!(implementation, Implementation::MetallbConfigMap | Implementation::OpenElb);
    let mut first_of = Vec::new();
    for pool in world.pools.iter().filter(|pool| !passive(pool.implementation) && pool.auto_assign) {
        let source = pool.name_span.source;
        let seen = first_of.iter().any(|(implementation, _)| *implementation == pool.implementation);
        let other = first_of.iter().find(|(implementation, place): &&(Implementation, poolcheck_plan::Span)| {
            *implementation != pool.implementation && world.together(place.source, source) != Together::No
        });
        if let (Some((other, place)), false) = (other, seen) {
            let (this, other) = (pool.implementation.name(), other.name());
            let message = format!("{this} and {other} both hand out addresses here, to the same Services");
            let finding = findings.report(pool.name_span, format!("a pool of {this}"), message);
            finding.about(&pool.object).identity(other).related(*place, format!("a pool of {other}"));
            if world.together(place.source, source) == Together::Perhaps {
                finding.level(Level::Note);
            }
            finding.help("remove one of them, or give all but one a `loadBalancerClass` of its own");
        }
        if !seen {
            first_of.push((pool.implementation, pool.name_span));
        }
    }
}
