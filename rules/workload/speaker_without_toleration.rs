//! MetalLB's speakers keep away from a node that could announce.
//!
//! ## Why is this bad?
//!
//! In Layer-2 mode only a node with a speaker answers for an address. A taint keeps the speaker away unless it tolerates it:
//! in a small cluster that is half of the nodes, and when the others fail nobody takes over.
//!
//! ## Example
//!
//! ```yaml nodes.yaml
//! apiVersion: v1
//! kind: Node
//! metadata:
//!   name: cp-1
//! spec:
//!   taints:
//!   - key: node-role.kubernetes.io/control-plane
//!     effect: NoSchedule
//! ```
//!
//! ```yaml values.yaml chart-metallb namespace-metallb-system
//! speaker:
//!   tolerateMaster: false # warning: [speaker-without-toleration]
//! ```
//!
//! ```yaml pool.yaml
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
//! ## Use instead
//!
//! ```yaml nodes.yaml
//! apiVersion: v1
//! kind: Node
//! metadata:
//!   name: cp-1
//! spec:
//!   taints:
//!   - key: node-role.kubernetes.io/control-plane
//!     effect: NoSchedule
//! ```
//!
//! ```yaml values.yaml chart-metallb namespace-metallb-system
//! speaker:
//!   tolerations:
//!   - key: node-role.kubernetes.io/control-plane
//!     operator: Exists
//!     effect: NoSchedule
//! ```
//!
//! ```yaml pool.yaml
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
//! ## References
//!
//! MetalLB issues 907 and 933; chart `metallb`, `speaker.tolerations` and `speaker.tolerateMaster`; Kubernetes, Taints and Tolerations.

use poolcheck_manifest::kinds::workload::Taint;
use poolcheck_plan::Span;

use crate::words::list;
use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "speaker-without-toleration", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    if !world.pools.iter().any(|pool| pool.implementation.is_metallb()) {
        return;
    }
    for speakers in world.speakers() {
        let mut kept_away: Vec<(&Taint, Span, String)> = Vec::new();
        for node in &world.nodes {
            for (taint, place) in &node.taints {
                match speakers.tolerate(taint) {
                    Ok(true) => {}
                    Ok(false) => kept_away.push((taint, *place, node.object.title())),
                    Err((place, reason)) => {
                        findings.not_checked(Fact::Values, Some(speakers.title()), reason, Some(place));
                    }
                }
            }
        }
        let Some((taint, ..)) = kept_away.first() else { continue };
        let names: Vec<String> = kept_away.iter().map(|(_, _, name)| name.clone()).collect();
        let message = format!("the speakers do not run on {}: they do not tolerate {}", list(&names, 3), taint.key);
        let finding = findings.report(speakers.place(), "no toleration for it", message);
        finding.subject(&speakers.title());
        finding.help_lines([
            "let the speakers tolerate it:".to_owned(),
            format!("- {{key: {}, operator: Exists, effect: {}}}", taint.key, taint.effect),
        ]);
        for (_, place, name) in kept_away.iter().take(4) {
            finding.related(*place, format!("the taint of {name}"));
        }
    }
}
