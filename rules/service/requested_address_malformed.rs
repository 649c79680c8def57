//! A Service asks for something that is no address.
//!
//! ## Why is this bad?
//!
//! MetalLB reads a list of addresses separated by commas. Anything else is refused, and the Service stays without an address.
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
//!     metallb.io/loadBalancerIPs: 192.168.1.240/32 # error: [requested-address-malformed]
//! spec:
//!   type: LoadBalancer
//!   ports:
//!   - port: 80
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
//! spec:
//!   type: LoadBalancer
//!   ports:
//!   - port: 80
//! ```
//!
//! ## References
//!
//! MetalLB usage, "Requesting specific IPs".

use poolcheck_manifest::kinds::service::RequestedMeaning;

use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "requested-address-malformed", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for service in world.services.iter().filter(|service| service.class.is_none()) {
        for request in &service.requested {
            match &request.meaning {
                RequestedMeaning::Address(_) => {}
                RequestedMeaning::Placeholder(placeholder) => {
                    let subject = Some(service.object.reference());
                    findings.not_checked(Fact::Values, subject, placeholder.reason(), Some(request.span));
                }
                RequestedMeaning::Wrong => {
                    let title = service.object.title();
                    let message = format!("Service {title} asks for `{}`, which is no address", request.text);
                    let finding = findings.report(request.span, "not an IP address", message);
                    finding
                        .about(&service.object)
                        .help("write one address, or one of each family separated by a comma");
                }
            }
        }
    }
}
