//! An advertisement leaves no node, or only one, to answer for its addresses.
//!
//! ## Why is this bad?
//!
//! `nodeSelectors` say which nodes may answer; nodes labelled `node.kubernetes.io/exclude-from-external-load-balancers`, as
//! kubeadm and Talos label control planes, never do. With no candidate the addresses answer to nobody, and MetalLB says
//! nothing. With one there is nobody to take over.
//!
//! ## Example
//!
//! ```yaml nodes.yaml
//! apiVersion: v1
//! kind: Node
//! metadata:
//!   name: a
//!   labels: {kubernetes.io/hostname: a}
//! status:
//!   addresses:
//!   - {type: InternalIP, address: 192.168.1.2}
//! ---
//! apiVersion: v1
//! kind: Node
//! metadata:
//!   name: b
//!   labels: {kubernetes.io/hostname: b}
//! status:
//!   addresses:
//!   - {type: InternalIP, address: 192.168.1.3}
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
//!   nodeSelectors: # warning: [too-few-candidates]
//!   - matchLabels: {kubernetes.io/hostname: c}
//! ```
//!
//! ## Use instead
//!
//! ```yaml nodes.yaml
//! apiVersion: v1
//! kind: Node
//! metadata:
//!   name: a
//!   labels: {kubernetes.io/hostname: a}
//! status:
//!   addresses:
//!   - {type: InternalIP, address: 192.168.1.2}
//! ---
//! apiVersion: v1
//! kind: Node
//! metadata:
//!   name: b
//!   labels: {kubernetes.io/hostname: b}
//! status:
//!   addresses:
//!   - {type: InternalIP, address: 192.168.1.3}
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
//!   nodeSelectors:
//!   - matchLabels: {kubernetes.io/hostname: a}
//!   - matchLabels: {kubernetes.io/hostname: b}
//! ```
//!
//! ## References
//!
//! MetalLB issues 621, 2021 and 2073; MetalLB `L2Advertisement.spec.nodeSelectors`.

use poolcheck_manifest::LabelSelector;

use crate::words::list;
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "too-few-candidates", level: Level::Warning, needs: &[], since: "0.1.0", check };

const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for advertisement in world.advertisements.iter().filter(|ad| ad.object.kind() == "L2Advertisement") {
        let object = &advertisement.object;
        let source = object.name_span().source;
        let nodes: Vec<_> =
            world.nodes.iter().filter(|node| world.same_cluster(node.object.name_span().source, source)).collect();
        // One machine cannot fail over, whatever is written.
        if nodes.len() < 2 {
            continue;
        }
        let field = object.spec().and_then(|spec| spec.get("nodeSelectors"));
        let selectors = LabelSelector::list(field);
        let selected = |node: &&&_| selectors.is_empty() || selectors.iter().any(|s| s.matches(labels(node)));
        let chosen: Vec<_> = nodes.iter().filter(selected).collect();
        let candidates: Vec<String> = chosen
            .iter()
            .filter(|node| !node.labels.iter().any(|(key, _)| key == EXCLUDED))
            .map(|node| node.object.title())
            .collect();
        let excluded = chosen.len() - candidates.len();
        let place = field.and_then(|field| field.key_span()).unwrap_or_else(|| object.name_span());
        let (label, message) = match candidates.as_slice() {
            [] if excluded > 0 => (
                "all that it selects are excluded",
                format!(
                    "no node may answer for what {} announces: {excluded} are excluded by label",
                    object.reference()
                ),
            ),
            [] => ("selects no node", format!("no node may answer for what {} announces", object.reference())),
            [one] => (
                "one candidate",
                format!("only node {one} may answer for what {} announces: nobody takes over", object.reference()),
            ),
            _ => continue,
        };
        let finding = findings.report(place, label, message);
        finding.about(object);
        let names: Vec<String> = nodes.iter().map(|node| node.object.title()).collect();
        finding.help(format!("the nodes are {}", list(&names, 6)));
        if excluded > 0 {
            finding.help(format!("take the label {EXCLUDED} off those that shall answer"));
        }
    }
}

fn labels<'n>(node: &'n &&poolcheck_manifest::kinds::node::Node<'_>) -> &'n [(String, String)] {
    &node.labels
}
