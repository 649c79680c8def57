//! A pool lists no address.
//!
//! ## Why is this bad?
//!
//! A pool without addresses is accepted, is announced, and never gives an address to anybody: Services that ask for it stay
//! pending. Often the list stands under a misspelt key.
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
//!   addresses: [] # warning: [empty-pool]
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
//!   - 192.168.1.240/29
//! ```
//!
//! ## References
//!
//! MetalLB `IPAddressPool.spec.addresses`.

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "empty-pool", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for pool in world.pools.iter().filter(|pool| pool.entries.is_empty()) {
        let finding =
            findings.report(pool.addresses_span, "no address here", format!("pool {} lists no address", pool.name));
        finding.about(&pool.object).help("list ranges under `addresses`, or delete the pool");
    }
}
