//! Two clusters on one LAN hand out the same addresses.
//!
//! ## Why is this bad?
//!
//! Each cluster elects among its own nodes who answers for an address; neither knows of the other. When both hand out one
//! address, two machines answer for it for as long as both run.
//!
//! ## Example
//!
//! ```yaml clusters/home/flux.yaml
//! apiVersion: kustomize.toolkit.fluxcd.io/v1
//! kind: Kustomization
//! metadata: {name: metallb, namespace: flux-system}
//! spec: {path: ./clusters/home}
//! ```
//!
//! ```yaml clusters/home/pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses: [192.168.1.240-192.168.1.245]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ```yaml clusters/lab/flux.yaml
//! apiVersion: kustomize.toolkit.fluxcd.io/v1
//! kind: Kustomization
//! metadata: {name: metallb, namespace: flux-system}
//! spec: {path: ./clusters/lab}
//! ```
//!
//! ```yaml clusters/lab/pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses: [192.168.1.244-192.168.1.250] # warning: [clusters-share-addresses]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ## Use instead
//!
//! ```yaml clusters/home/flux.yaml
//! apiVersion: kustomize.toolkit.fluxcd.io/v1
//! kind: Kustomization
//! metadata: {name: metallb, namespace: flux-system}
//! spec: {path: ./clusters/home}
//! ```
//!
//! ```yaml clusters/home/pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses: [192.168.1.240-192.168.1.245]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ```yaml clusters/lab/flux.yaml
//! apiVersion: kustomize.toolkit.fluxcd.io/v1
//! kind: Kustomization
//! metadata: {name: metallb, namespace: flux-system}
//! spec: {path: ./clusters/lab}
//! ```
//!
//! ```yaml clusters/lab/pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses: [192.168.1.246-192.168.1.250]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ## References
//!
//! MetalLB issues 519 and 772.

use poolcheck_plan::{ClaimKind, SourceId};

use crate::words::{list, pool_range};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "clusters-share-addresses", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for meeting in world.plan.meetings(ClaimKind::Pool, ClaimKind::Pool) {
        let (Some(a), Some(b)) = (world.pool_entry(meeting.a), world.pool_entry(meeting.b)) else { continue };
        let (first, second) = if a.1.span() <= b.1.span() { (a, b) } else { (b, a) };
        let (one, other) = (first.1.span(), second.1.span());
        let clusters = |text: SourceId| world.clusters.names_of(text).map(str::to_owned).collect::<Vec<_>>();
        let (here, there) = (clusters(one.source), clusters(other.source));
        if here.is_empty() || there.is_empty() || world.same_cluster(one.source, other.source) {
            continue;
        }
        // One address that nobody has, as a base that each cluster fills has it, is shared by nobody.
        if meeting.overlap.first().is_unspecified() {
            continue;
        }
        let (Some(range), Some(other_range)) = (first.1.range(), second.1.range()) else { continue };
        let (here, there) = (list(&here, 3), list(&there, 3));
        let message = format!(
            "{} of cluster {there} and {} of cluster {here} share {}",
            pool_range(&world.pools[second.0], second.1, other_range),
            pool_range(&world.pools[first.0], first.1, range),
            meeting.overlap
        );
        let finding = findings.report(other, format!("handed out by {there}"), message);
        finding.about(&world.pools[second.0].object).identity(here.clone());
        finding.related(one, format!("and by {here}"));
        finding.help("if both are on one LAN, give each cluster addresses of its own");
    }
}
