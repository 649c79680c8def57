//! `serviceAllocation` says nothing about who may take from the pool.
//!
//! ## Why is this bad?
//!
//! A pool with `serviceAllocation` comes before all pools without it. When it names no namespace and selects none and no
//! Service, it matches every Service: instead of keeping the pool for some, it gives it to all of them first.
//! With a `priority` that may be meant, so the rule only notes it.
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
//!   serviceAllocation: {} # warning: [vague-allocation]
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
//!     namespaces: [traefik]
//! ```
//!
//! ## References
//!
//! MetalLB issues 2003, 2656, 2714.

use poolcheck_manifest::Kind;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "vague-allocation", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for pool in world.pools.iter().filter(|pool| pool.implementation.is_metallb()) {
        let Some(allocation) = &pool.allocation else { continue };
        let written = pool.object.spec().and_then(|spec| spec.get("serviceAllocation"));
        let Some(written) = written.filter(|written| written.kind() == Kind::Mapping) else { continue };
        let selects = allocation.namespace_selectors.len() + allocation.service_selectors.len();
        if selects + allocation.namespaces.len() > 0 {
            continue;
        }
        let message = format!("pool {} has a `serviceAllocation` that matches every Service", pool.name);
        let finding = findings.report(allocation.span, "names nobody, so it is for all", message);
        finding.about(&pool.object);
        if written.get("priority").is_some() {
            finding
                .level(Level::Note)
                .help("name namespaces or select Services, unless the pool shall come first for all");
        } else {
            finding.help("name namespaces or select Services, or delete `serviceAllocation`");
        }
    }
}
