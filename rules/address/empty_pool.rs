//! A pool lists no address.
//!
//! ## Why is this bad?
//!
//! MetalLB refuses a pool without addresses, and with it the whole configuration: the last good one stays in force, and
//! Services that wait for the pool stay pending.
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
//!   addresses: [] # error: [empty-pool]
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

use poolcheck_manifest::Kind;
use poolcheck_manifest::kinds::pool::{Implementation, Pool};

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "empty-pool", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for pool in
        world.pools.iter().filter(|pool| pool.implementation.is_metallb() && pool.entries.is_empty() && has_list(pool))
    {
        let finding =
            findings.report(pool.addresses_span, "no address here", format!("pool {} lists no address", pool.name));
        finding.about(&pool.object).help("list ranges under `addresses`, or delete the pool");
    }
}

/// Whether there is a list at all; without one, `missing-field` or `wrong-type` speaks.
fn has_list(pool: &Pool<'_>) -> bool {
    let addresses = pool.object.spec().and_then(|spec| spec.get("addresses"));
    pool.implementation == Implementation::MetallbConfigMap || addresses.is_some_and(|v| v.kind() == Kind::Sequence)
}
