//! Two ranges of pools share addresses.
//!
//! ## Why is this bad?
//!
//! MetalLB refuses a configuration in which two ranges overlap, within one pool or between two: the whole new configuration is
//! rejected and the last good one stays in force, so other changes made with it silently do not arrive either. Where two load
//! balancers have the same range there is no common election: both answer for the same address.
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
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: second-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.248/29 # error: [pool-overlap]
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
//!   - 192.168.1.240-192.168.1.247
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: second-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.248/29
//! ```
//!
//! ## References
//!
//! MetalLB `internal/config` (overlap check); MetalLB issue 519.

use poolcheck_manifest::tree::Together;
use poolcheck_plan::ClaimKind;

use crate::words::{list, pool_range};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "pool-overlap", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for meeting in world.plan.meetings(ClaimKind::Pool, ClaimKind::Pool) {
        let (Some(a), Some(b)) = (world.pool_entry(meeting.a), world.pool_entry(meeting.b)) else { continue };
        // The one written later is the one that is refused.
        let (first, second) = if a.1.value.span() <= b.1.value.span() { (a, b) } else { (b, a) };
        let (pool, other) = (&world.pools[second.0], &world.pools[first.0]);
        if first.0 != second.0 && world.same_object(pool, other) {
            continue; // one object in two files: `defined-twice` speaks of it
        }
        if !world.same_cluster(pool.object.kind_span().source, other.object.kind_span().source) {
            continue;
        }
        let both_metallb = pool.implementation.is_metallb() && other.implementation.is_metallb();
        if pool.implementation != other.implementation && both_metallb {
            continue; // a ConfigMap that was left behind is ignored by MetalLB: `retired-kind` speaks of it
        }
        let together = world.together(first.1.value.span().source, second.1.value.span().source);
        if together == Together::No {
            continue; // `clusters-share-addresses` speaks of pools of two clusters
        }
        let (Some(range), Some(other_range)) = (second.1.range(), first.1.range()) else { continue };
        let message = if first.0 == second.0 {
            format!("pool {} lists {} twice", pool.name, meeting.overlap)
        } else {
            let overlap = meeting.overlap;
            format!(
                "{} overlaps {} in {overlap}",
                pool_range(pool, second.1, range),
                pool_range(other, first.1, other_range)
            )
        };
        let finding = findings.report(second.1.value.span(), "handed out here", message);
        finding.about(&pool.object).identity(other.title()).related(first.1.value.span(), "and here");
        if together == Together::Perhaps {
            finding.level(Level::Warning);
            finding
                .help("nothing here says whether both are applied to one cluster; `[[cluster]]` in poolcheck.toml can");
        }
        let rest: Vec<String> = world.without(range, other_range).map(|range| range.to_string()).collect();
        match rest.as_slice() {
            [] => finding.help("remove one of the two"),
            rest => finding.help(format!("keep only what the other does not have: {}", list(rest, 3))),
        };
    }
}
