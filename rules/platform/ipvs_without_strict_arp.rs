//! kube-proxy works by IPVS and lets every node answer ARP for the pool's addresses.
//!
//! ## Why is this bad?
//!
//! IPVS puts every Service address on an interface of every node, and the kernel answers ARP for it there. Without
//! `strictARP` all nodes answer at once beside the one that MetalLB chose: traffic goes to whichever was heard last.
//!
//! ## Example
//!
//! ```yaml kube-proxy.yaml
//! apiVersion: kubeproxy.config.k8s.io/v1alpha1
//! kind: KubeProxyConfiguration
//! mode: ipvs # error: [ipvs-without-strict-arp]
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
//! ```yaml kube-proxy.yaml
//! apiVersion: kubeproxy.config.k8s.io/v1alpha1
//! kind: KubeProxyConfiguration
//! mode: ipvs
//! ipvs:
//!   strictARP: true
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
//! MetalLB installation, Preparation; MetalLB issues 153 and 1853; Kubernetes issue 59976.

use poolcheck_manifest::kinds::platform;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "ipvs-without-strict-arp", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for proxy in world.files.iter().flat_map(platform::kube_proxies) {
        let Some(mode) = proxy.ipvs() else { continue };
        let strict = proxy.strict_arp();
        if strict.is_some_and(|strict| strict.as_bool() == Some(true)) {
            continue;
        }
        let source = mode.span().source;
        let layer2 = world.advertisements.iter().find(|advertisement| {
            advertisement.object.kind() == "L2Advertisement"
                && world.same_cluster(advertisement.object.name_span().source, source)
        });
        let Some(advertisement) = layer2 else { continue };
        let (place, label) = match strict {
            Some(strict) => (strict.span(), "every node answers ARP"),
            None => (mode.span(), "without `strictARP`, every node answers ARP"),
        };
        let message = "kube-proxy's IPVS answers ARP on every node for addresses that MetalLB announces from one";
        let finding = findings.report(place, label, message);
        finding.related(advertisement.object.name_span(), "announced by Layer 2");
        finding.help("write `ipvs: {strictARP: true}` and restart kube-proxy");
    }
}
