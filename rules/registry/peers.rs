//! What MetalLB's peers say of the address space besides their pools: networks of pods, addresses of control planes.

use poolcheck_manifest::Object;
use poolcheck_manifest::helm::Release;
use poolcheck_manifest::kinds::cilium::{self, Announcement};
use poolcheck_manifest::kinds::pool::{Implementation, Pool};
use poolcheck_manifest::kinds::{calico, kube_vip};
use poolcheck_plan::{AddrRange, Claim, ClaimKind, Confidence, SourceId};

/// The claims of objects that are no pools.
pub(crate) fn claims(objects: &[Object<'_>], clusters: &dyn Fn(SourceId) -> Option<u32>) -> Vec<Claim> {
    let mut claims = Vec::new();
    for object in objects {
        let claim = |range, kind, owner, span| Claim {
            range,
            kind,
            owner,
            place: Some(span),
            confidence: Confidence::High,
            cluster: clusters(object.kind_span().source),
        };
        let network = calico::pod_network(object).into_iter();
        claims.extend(network.map(|(range, span)| claim(range, ClaimKind::PodCidr, object.reference(), span)));
        let owner = format!("kube-vip's control plane, {}", object.reference());
        claims.extend(
            kube_vip::control_plane(object)
                .into_iter()
                .map(|(address, span)| claim(AddrRange::single(address), ClaimKind::Host, owner.clone(), span)),
        );
    }
    claims
}

/// The claims of chart values: kube-vip's control plane.
pub(crate) fn claims_of_values(releases: &[Release<'_>]) -> Vec<Claim> {
    let of_kube_vip = releases.iter().filter(|release| release.is_of("kube-vip"));
    let found = of_kube_vip.flat_map(|release| {
        let addresses = release.values().filter_map(kube_vip::control_plane_from_values);
        addresses.map(|(address, span)| Claim {
            range: AddrRange::single(address),
            kind: ClaimKind::Host,
            owner: format!("kube-vip's control plane, {}", release.title()),
            place: Some(span),
            confidence: Confidence::High,
            cluster: None,
        })
    });
    found.collect()
}

/// Whether a peer's pool is reached by routes alone, so that it need not lie on the segment.
pub(crate) fn only_routed(objects: &[Object<'_>], pool: &Pool<'_>) -> bool {
    let announced = |how| objects.iter().any(|object| cilium::announcement(object) == Some(how));
    let by_bgp = || announced(Announcement::Bgp) && !announced(Announcement::Layer2);
    pool.routed || (pool.implementation == Implementation::Cilium && by_bgp())
}
