//! A pool shares addresses with the cluster's pod or Service network.
//!
//! ## Why is this bad?
//!
//! Addresses of the pod network are routed inside the cluster, and addresses of the Service network are translated on every
//! node. A Service address from there never reaches the LAN, or reaches a pod instead of the Service.
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
//!   - 10.42.0.0/24 # error: [pool-in-cluster-network]
//! ```
//!
//! ```toml lan.toml
//! [cluster]
//! pods     = ["10.42.0.0/16"]
//! services = ["10.43.0.0/16"]
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
//!   - 192.168.1.240/28
//!   avoidBuggyIPs: true
//! ```
//!
//! ```toml lan.toml
//! [cluster]
//! pods     = ["10.42.0.0/16"]
//! services = ["10.43.0.0/16"]
//! ```
//!
//! ## References
//!
//! MetalLB issue 775; kubeadm `networking.podSubnet` and `networking.serviceSubnet`.

use poolcheck_plan::ClaimKind;

use crate::words::pool_range;
use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "pool-in-cluster-network", level: Level::Error, needs: &[Fact::Networks], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for (kind, name) in [(ClaimKind::PodCidr, "pod"), (ClaimKind::ServiceCidr, "Service")] {
        for meeting in world.pool_meetings(kind) {
            let pool = pool_range(meeting.pool, meeting.entry, meeting.range);
            let finding = findings.report(
                meeting.entry.span(),
                "handed out to Services of type LoadBalancer",
                format!("{pool} shares {} with the {name} network {}", meeting.overlap, meeting.other.range),
            );
            finding.about(&meeting.pool.object).evidence(meeting.other.confidence).identity(name);
            if let Some(place) = meeting.other.place {
                finding.related(place, format!("the cluster's {name} network"));
            }
            match world.cure(meeting.index) {
                Some(cure) => cure.advise(finding),
                None => {
                    finding.help("take addresses of the LAN's own subnet, outside the router's DHCP range");
                }
            }
        }
    }
}
