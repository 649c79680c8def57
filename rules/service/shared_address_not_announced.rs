//! A Service that shares its address is matched by an advertisement with `serviceSelectors`: nobody announces it.
//!
//! ## Why is this bad?
//!
//! Two Services with one address must be announced from one node. An advertisement that selects Services could choose another
//! node for each of them, so MetalLB's speakers announce neither (`sharedIPWithServiceSelector`): the Service shows an address
//! that no machine on the LAN answers for. An advertisement without `serviceSelectors` beside it does not help.
//!
//! ## Example
//!
//! ```yaml manifests.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses: [192.168.1.240-192.168.1.250]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//!   serviceSelectors:
//!   - matchLabels: {exposed: "true"}
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: dns-udp
//!   namespace: dns
//!   labels: {exposed: "true"}
//!   annotations:
//!     metallb.io/allow-shared-ip: dns # error: [shared-address-not-announced]
//! spec:
//!   type: LoadBalancer
//!   ports:
//!   - {port: 53, protocol: UDP}
//! ```
//!
//! ## Use instead
//!
//! ```yaml manifests.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses: [192.168.1.240-192.168.1.250]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: dns-udp
//!   namespace: dns
//!   labels: {exposed: "true"}
//!   annotations:
//!     metallb.io/allow-shared-ip: dns
//! spec:
//!   type: LoadBalancer
//!   ports:
//!   - {port: 53, protocol: UDP}
//! ```
//!
//! ## References
//!
//! MetalLB `speaker/layer2_controller.go` (`ShouldAnnounce`); MetalLB issues 805 and 2747.

use poolcheck_manifest::LabelSelector;
use poolcheck_manifest::kinds::metallb::Advertisement;
use poolcheck_manifest::kinds::pool::Pool;
use poolcheck_manifest::kinds::service::{Requested, Service};

use crate::metallb::field;
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "shared-address-not-announced", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for service in world.services.iter().filter(|service| !service.from_values) {
        let Some(key) = service.sharing_key else { continue };
        let pools: Vec<&Pool<'_>> = world
            .pools_for(service.object.name_span().source)
            .filter(|pool| pool.implementation.is_metallb() && may_give(pool, service))
            .collect();
        let refusing: Vec<_> = pools.iter().filter_map(|pool| refusing(world, pool, service)).collect();
        // Another pool could give it an address that is announced.
        let Some(advertisement) = refusing.first().filter(|_| refusing.len() == pools.len()) else { continue };
        let (title, selecting) = (service.object.title(), advertisement.object.title());
        let message = format!(
            "nobody announces {title}: it shares its address, and L2Advertisement {selecting} selects it by serviceSelectors"
        );
        let place = field(&advertisement.object, "serviceSelectors").and_then(|selectors| selectors.key_span());
        let finding = findings.report(key.span(), "shares its address", message);
        finding.about(&service.object);
        finding.related(place.unwrap_or_else(|| advertisement.object.name_span()), "selects Services");
        finding.help("take `serviceSelectors` out of the advertisement, or give the Service an address of its own");
    }
}

/// Whether a Service may get its address from a pool, as far as it asks for one.
fn may_give(pool: &Pool<'_>, service: &Service<'_>) -> bool {
    let named = service.pool.is_none_or(|wanted| wanted.text() == pool.name.as_str());
    let mut asked = service.requested.iter().filter_map(Requested::address);
    named && asked.all(|address| pool.ranges().any(|(_, range)| range.contains(address)))
}

/// The advertisement by which MetalLB refuses to announce a Service that shares its address, with this pool.
fn refusing<'w, 'a>(world: &'w World<'a>, pool: &'w Pool<'a>, service: &Service<'_>) -> Option<&'w Advertisement<'a>> {
    let labels = service.object.labels();
    world
        .advertisements_of(pool)
        .filter(|ad| ad.object.kind() == "L2Advertisement" && ad.announces(pool))
        .find(|ad| LabelSelector::list(field(&ad.object, "serviceSelectors")).iter().any(|own| own.matches(&labels)))
}
