//! A CiliumL2AnnouncementPolicy announces neither load-balancer addresses nor external ones.
//!
//! ## Why is this bad?
//!
//! `loadBalancerIPs` and `externalIPs` are both off unless they are switched on: the policy then selects nodes and Services
//! and announces nothing, and Cilium says nothing.
//!
//! ## Example
//!
//! ```yaml policy.yaml
//! apiVersion: cilium.io/v2alpha1
//! kind: CiliumL2AnnouncementPolicy
//! metadata:
//!   name: l2 # error: [cilium-policy-announces-nothing]
//! spec:
//!   interfaces: [^eth0$]
//! ```
//!
//! ## Use instead
//!
//! ```yaml policy.yaml
//! apiVersion: cilium.io/v2alpha1
//! kind: CiliumL2AnnouncementPolicy
//! metadata:
//!   name: l2
//! spec:
//!   loadBalancerIPs: true
//!   interfaces: [^eth0$]
//! ```
//!
//! ## References
//!
//! Cilium, L2 Announcements, `spec.loadBalancerIPs` and `spec.externalIPs`; Cilium issue 27800.

use poolcheck_manifest::placeholder;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "cilium-policy-announces-nothing", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for object in world.objects.iter().filter(|object| object.kind() == "CiliumL2AnnouncementPolicy") {
        let on = |key: &str| {
            let value = object.spec().and_then(|spec| spec.get(key));
            value.is_some_and(|value| value.as_bool() == Some(true) || placeholder(&value.text()).is_some())
        };
        if on("loadBalancerIPs") || on("externalIPs") || object.group() != "cilium.io" {
            continue;
        }
        let message = format!("{} announces nothing: loadBalancerIPs and externalIPs are both off", object.reference());
        let finding = findings.report(object.name_span(), "announces nothing", message);
        finding.about(object).help("write `loadBalancerIPs: true`");
    }
}
