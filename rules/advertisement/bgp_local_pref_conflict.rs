//! Two BGPAdvertisements announce the same routes with different local preferences.
//!
//! ## Why is this bad?
//!
//! A route has one local preference. When two advertisements reach the same pool with the same aggregation length, for the
//! same peers and from the same node, MetalLB cannot tell which of the two to send, and refuses its whole configuration.
//!
//! Without Node objects it is not known whether they share a node, so it is a warning then.
//!
//! ## Example
//!
//! ```yaml bgp.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.7.240/29
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: BGPAdvertisement
//! metadata:
//!   name: near
//!   namespace: metallb-system
//! spec:
//!   localPref: 200
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: BGPAdvertisement
//! metadata:
//!   name: far
//!   namespace: metallb-system
//! spec:
//!   localPref: 100 # error: [bgp-local-pref-conflict]
//! ---
//! apiVersion: v1
//! kind: Node
//! metadata:
//!   name: n1
//! ```
//!
//! ## Use instead
//!
//! ```yaml bgp.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.7.240/29
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: BGPAdvertisement
//! metadata:
//!   name: near
//!   namespace: metallb-system
//! spec:
//!   localPref: 200
//!   peers: [near-router]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: BGPAdvertisement
//! metadata:
//!   name: far
//!   namespace: metallb-system
//! spec:
//!   localPref: 100
//!   peers: [far-router]
//! ---
//! apiVersion: v1
//! kind: Node
//! metadata:
//!   name: n1
//! ```
//!
//! ## References
//!
//! MetalLB 0.16 `internal/config`; RFC 4271 section 5.1.5.

use poolcheck_manifest::kinds::metallb::Advertisement;
use poolcheck_manifest::kinds::pool::Pool;
use poolcheck_plan::{Family, Span};

use crate::bgp::{advertisements, aggregation, has_service_selectors, nodes_of, pools};
use crate::metallb::{field, number, strings};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "bgp-local-pref-conflict", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let ads = advertisements(world);
    let pools = pools(world);
    for (index, later) in ads.iter().enumerate() {
        for earlier in &ads[..index] {
            let shared = pools
                .iter()
                .find(|pool| earlier.announces(pool) && later.announces(pool) && same_routes(earlier, later, pool));
            let Some(pool) = shared else { continue };
            let Some(level) = shared_nodes(world, earlier, later) else { continue };
            let (first, second) = (local_pref(earlier), local_pref(later));
            let message = format!(
                "{} and {} announce pool {} with the local preferences {} and {}",
                earlier.object.reference(),
                later.object.reference(),
                pool.name,
                first.1,
                second.1
            );
            let finding = findings.report(second.0, format!("local preference {}", second.1), message);
            finding.about(&later.object).level(level).related(first.0, format!("local preference {}", first.1));
            finding.help("give both the same `localPref`, or different peers, nodes or aggregation lengths");
        }
    }
}

/// Whether both would send the same routes with different preferences, nodes aside.
fn same_routes(a: &Advertisement<'_>, b: &Advertisement<'_>, pool: &Pool<'_>) -> bool {
    let unknown = |ad: &Advertisement<'_>| field(&ad.object, "localPref").is_some_and(|value| number(value).is_none());
    if unknown(a) || unknown(b) || has_service_selectors(a) || has_service_selectors(b) {
        return false;
    }
    if local_pref(a).1 == local_pref(b).1 {
        return false;
    }
    let peers = [a, b].map(|ad| strings(&ad.object, "peers"));
    let no_common_peer = peers.iter().all(|list| !list.is_empty())
        && !peers[0].iter().any(|(_, name)| peers[1].iter().any(|(_, other)| name == other));
    !no_common_peer && !lengths_differ(a, b, pool)
}

/// Whether the routes have other lengths in every family that the pool has.
fn lengths_differ(a: &Advertisement<'_>, b: &Advertisement<'_>, pool: &Pool<'_>) -> bool {
    let families: Vec<Family> = pool.ranges().map(|(_, range)| range.family()).collect();
    families.iter().all(|family| aggregation(a, *family).1 != aggregation(b, *family).1)
}

/// The level of the finding: none when the known nodes are all different, a warning when no node is known.
fn shared_nodes(world: &World<'_>, a: &Advertisement<'_>, b: &Advertisement<'_>) -> Option<Level> {
    if world.nodes.is_empty() {
        return Some(Level::Warning);
    }
    let (of_a, of_b) = (nodes_of(world, a), nodes_of(world, b));
    let common = of_a.iter().any(|node| of_b.iter().any(|other| node.object.name() == other.object.name()));
    common.then_some(Level::Error)
}

fn local_pref(ad: &Advertisement<'_>) -> (Span, i128) {
    let value = field(&ad.object, "localPref");
    let span = value.map_or_else(|| ad.object.name_span(), |value| value.place());
    (span, value.and_then(number).unwrap_or(0))
}
