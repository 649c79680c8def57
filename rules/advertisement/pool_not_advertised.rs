//! A pool is announced by no advertisement.
//!
//! ## Why is this bad?
//!
//! MetalLB gives the pool's addresses to Services, and no node answers for them: the Service has an address and nobody can
//! reach it. It is the commonest mistake since MetalLB 0.13, where advertisements became objects of their own. The
//! configuration is accepted, so nothing else warns.
//!
//! ## Example
//!
//! ```yaml manifests.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool # warning: [pool-not-advertised]
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
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
//! ```
//!
//! ## References
//!
//! MetalLB concepts, "Advertising"; MetalLB issues 1358, 1561.

use poolcheck_manifest::kinds::pool::Implementation;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "pool-not-advertised", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for pool in world.pools.iter().filter(|pool| pool.implementation == Implementation::Metallb) {
        if world.advertisements_of(pool).any(|advertisement| advertisement.announces(pool)) {
            continue;
        }
        let label = match world.advertisements_of(pool).count() {
            0 => "no advertisement is among these manifests",
            _ => "no advertisement names this pool or selects its labels",
        };
        let message = format!("pool {} is announced by no advertisement: its addresses answer to nobody", pool.name);
        let finding = findings.report(pool.name_span, label, message);
        finding.about(&pool.object).help(format!(
            "add an L2Advertisement in {} with `ipAddressPools: [{}]`",
            world.metallb_namespace, pool.name
        ));
        for advertisement in world.advertisements_of(pool).take(3) {
            finding.related(advertisement.object.name_span(), "this one announces other pools");
        }
    }
}
