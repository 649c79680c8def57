//! Two Services ask for one address without sharing it.
//!
//! ## Why is this bad?
//!
//! MetalLB gives an address to two Services only when both carry the same `metallb.io/allow-shared-ip` key, use different
//! ports, and (with `externalTrafficPolicy: Local`) the same pods. Otherwise the second one stays without an address.
//!
//! ## Example
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
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: web
//!   namespace: default
//!   annotations:
//!     metallb.io/loadBalancerIPs: 192.168.1.240
//! spec:
//!   type: LoadBalancer
//!   ports:
//!   - port: 80
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: dns
//!   namespace: default
//!   annotations:
//!     metallb.io/loadBalancerIPs: 192.168.1.240 # error: [requested-address-used-twice]
//! spec:
//!   type: LoadBalancer
//!   ports:
//!   - port: 53
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
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: web
//!   namespace: default
//!   annotations:
//!     metallb.io/loadBalancerIPs: 192.168.1.240
//!     metallb.io/allow-shared-ip: front
//! spec:
//!   type: LoadBalancer
//!   ports:
//!   - port: 80
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: dns
//!   namespace: default
//!   annotations:
//!     metallb.io/loadBalancerIPs: 192.168.1.240
//!     metallb.io/allow-shared-ip: front
//! spec:
//!   type: LoadBalancer
//!   ports:
//!   - port: 53
//! ```
//!
//! ## References
//!
//! MetalLB usage, "IP address sharing".

use poolcheck_manifest::kinds::service::Service;
use poolcheck_manifest::tree::Together;
use poolcheck_plan::ClaimKind;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "requested-address-used-twice", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for meeting in world.plan.meetings(ClaimKind::Requested, ClaimKind::Requested) {
        let (Some(a), Some(b)) = (world.service_request(meeting.a), world.service_request(meeting.b)) else { continue };
        let ((first, first_request), (second, request)) = if a.1.span <= b.1.span { (a, b) } else { (b, a) };
        if first.object.title() == second.object.title() || first.class != second.class {
            continue;
        }
        let together = world.together(first_request.span.source, request.span.source);
        let Some(why) = clash(first, second).filter(|_| together != Together::No) else { continue };
        let (title, other) = (second.object.title(), first.object.title());
        let message = format!("Services {other} and {title} both ask for {}, and {why}", meeting.overlap);
        let finding = findings.report(request.span, "asked for again here", message);
        finding.about(&second.object).identity(other).related(first_request.span, "asked for here");
        if together == Together::Perhaps || first.from_values || second.from_values {
            finding.level(Level::Warning);
        }
        finding.help("give both the same `metallb.io/allow-shared-ip` key and different ports, or one another address");
    }
}

/// Why two Services cannot share an address; `None` when they can.
fn clash(a: &Service<'_>, b: &Service<'_>) -> Option<String> {
    let key = |service: &Service<'_>| service.sharing_key.map(|key| key.text().into_owned());
    match (key(a), key(b)) {
        (Some(x), Some(y)) if x == y => {}
        (None, _) | (_, None) => return Some("not both have a sharing key".to_owned()),
        _ => return Some("their sharing keys differ".to_owned()),
    }
    if let Some((protocol, port)) = a.ports.iter().find(|port| b.ports.contains(port)) {
        return Some(format!("both use port {port}/{protocol}"));
    }
    let local = (a.local || b.local) && (a.local != b.local || a.selector != b.selector);
    local.then(|| "with externalTrafficPolicy: Local they must have the same pods".to_owned())
}
