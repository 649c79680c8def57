//! A Service keeps traffic on its node while Cilium announces it from any node.
//!
//! ## Why is this bad?
//!
//! Cilium's Layer-2 announcements choose the node that answers without looking where the pods run. With
//! `externalTrafficPolicy: Local` a node without a pod drops what it is sent: the address answers ARP and nothing else.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: cilium.io/v2
//! kind: CiliumLoadBalancerIPPool
//! metadata: {name: lan}
//! spec:
//!   blocks:
//!   - {start: 192.168.1.240, stop: 192.168.1.245}
//! ---
//! apiVersion: cilium.io/v2alpha1
//! kind: CiliumL2AnnouncementPolicy
//! metadata: {name: l2}
//! spec: {loadBalancerIPs: true}
//! ```
//!
//! ```yaml service.yaml
//! apiVersion: v1
//! kind: Service
//! metadata: {name: web, namespace: default}
//! spec:
//!   type: LoadBalancer
//!   externalTrafficPolicy: Local # warning: [local-traffic-on-cilium-layer2]
//!   ports: [{port: 80}]
//! ```
//!
//! ## Use instead
//!
//! ```yaml pool.yaml
//! apiVersion: cilium.io/v2
//! kind: CiliumLoadBalancerIPPool
//! metadata: {name: lan}
//! spec:
//!   blocks:
//!   - {start: 192.168.1.240, stop: 192.168.1.245}
//! ---
//! apiVersion: cilium.io/v2alpha1
//! kind: CiliumL2AnnouncementPolicy
//! metadata: {name: l2}
//! spec: {loadBalancerIPs: true}
//! ```
//!
//! ```yaml service.yaml
//! apiVersion: v1
//! kind: Service
//! metadata: {name: web, namespace: default}
//! spec:
//!   type: LoadBalancer
//!   externalTrafficPolicy: Cluster
//!   ports: [{port: 80}]
//! ```
//!
//! ## References
//!
//! Cilium, L2 Announcements, Limitations; Cilium issue 27800.

use poolcheck_manifest::kinds::pool::Implementation;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "local-traffic-on-cilium-layer2", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let policies: Vec<_> = world.objects.iter().filter(|o| o.kind() == "CiliumL2AnnouncementPolicy").collect();
    for service in world.services.iter().filter(|service| service.local && service.class.is_none()) {
        let source = service.object.name_span().source;
        // Where MetalLB has pools too, who serves this one cannot be said.
        let only_cilium = world.pools_for(source).all(|pool| pool.implementation == Implementation::Cilium);
        let policy = policies.iter().find(|policy| world.same_cluster(policy.name_span().source, source));
        let (Some(policy), true) = (policy, only_cilium && world.pools_for(source).next().is_some()) else { continue };
        let written = service.object.spec().and_then(|spec| spec.get("externalTrafficPolicy"));
        let place = written.map_or_else(|| service.object.name_span(), |written| written.span());
        let message =
            format!("{} takes traffic only on nodes with its pods, and Cilium may answer from any", service.title());
        let finding = findings.report(place, "dropped on a node without a pod", message);
        finding.about(&service.object).related(policy.name_span(), "announced by Layer 2");
        finding.help("write `externalTrafficPolicy: Cluster`, or announce by BGP");
    }
}
