//! What the cluster itself is set up with: kube-proxy, kubeadm, k3s.
//!
//! Sources: `kubeproxy.config.k8s.io/v1alpha1` KubeProxyConfiguration; `kubeadm.k8s.io` ClusterConfiguration `networking`;
//! k3s configuration file (`/etc/rancher/k3s/config.yaml`), whose defaults are 10.42.0.0/16 and 10.43.0.0/16.

use ipnet::IpNet;
use poolcheck_plan::Span;

use crate::file::ManifestFile;
use crate::value::{Kind, Value};

/// The words without which no file says how the cluster is set up.
pub const SUPPORT_WORDS: &[&str] = &[
    "KubeProxyConfiguration",
    "controlPlaneEndpoint",
    "podSubnet",
    "serviceSubnet",
    "write-kubeconfig",
    "flannel-backend",
    "cluster-cidr",
    "service-cidr",
    "disable-network-policy",
    "servicelb",
    "kube-proxy-arg",
];

/// A kube-proxy's configuration.
#[derive(Debug, Clone, Copy)]
pub struct KubeProxy<'a> {
    /// The configuration, a document or a text in a ConfigMap.
    pub value: Value<'a>,
}

impl<'a> KubeProxy<'a> {
    /// Where it says that it works by IPVS.
    pub fn ipvs(&self) -> Option<Value<'a>> {
        self.value.get("mode").filter(|mode| mode.text() == "ipvs")
    }

    /// `ipvs.strictARP`, when it is said.
    pub fn strict_arp(&self) -> Option<Value<'a>> {
        self.value.get("ipvs")?.get("strictARP").filter(|strict| !strict.is_null())
    }
}

/// The kube-proxy configurations of a file: documents, and texts in ConfigMaps.
pub fn kube_proxies(file: &ManifestFile) -> Vec<KubeProxy<'_>> {
    let is = |value: &Value<'_>| value.get("kind").is_some_and(|kind| kind.text() == "KubeProxyConfiguration");
    file.all_roots().into_iter().filter(is).map(|value| KubeProxy { value }).collect()
}

/// A k3s configuration file.
#[derive(Debug, Clone, Copy)]
pub struct K3s<'a> {
    /// The whole of it.
    pub value: Value<'a>,
}

/// The k3s configuration that a file is: plain keys without a kind, at least one of which only k3s has.
pub fn k3s(file: &ManifestFile) -> Option<K3s<'_>> {
    const KEYS: [&str; 9] = [
        "write-kubeconfig-mode",
        "write-kubeconfig",
        "flannel-backend",
        "disable-network-policy",
        "disable-kube-proxy",
        "disable-cloud-controller",
        "disable-helm-controller",
        "kube-proxy-arg",
        "cluster-init",
    ];
    let root = file.roots().next().filter(|root| root.kind() == Kind::Mapping && root.get("kind").is_none())?;
    KEYS.iter().any(|key| root.get(key).is_some()).then_some(K3s { value: root })
}

impl K3s<'_> {
    /// Whether its own load balancer is switched off.
    pub fn disables_service_lb(&self) -> bool {
        let Some(disable) = self.value.get("disable") else { return false };
        let list: Vec<_> = disable.items().map(|item| item.text().into_owned()).collect();
        let one = disable.text();
        list.iter().map(String::as_str).chain(one.split(',')).any(|name| name.trim() == "servicelb")
    }

    /// Where `disable` is said, or where the file begins.
    pub fn place(&self) -> Span {
        let first = || self.value.entries().first().map(|entry| entry.key.span());
        self.value.get("disable").and_then(|disable| disable.key_span()).or_else(first).unwrap_or(self.value.span())
    }
}

/// The address by which kubeadm's cluster reaches its API server (`controlPlaneEndpoint`), with its place; none for a name.
pub fn control_plane_endpoint(file: &ManifestFile) -> Option<(std::net::IpAddr, Span)> {
    let is = |root: &Value<'_>| root.get("kind").is_some_and(|kind| kind.text() == "ClusterConfiguration");
    let endpoint = file.all_roots().into_iter().find(is)?.get("controlPlaneEndpoint")?;
    let text = endpoint.text();
    let socket = text.parse::<std::net::SocketAddr>().map(|socket| socket.ip());
    Some((socket.ok().or_else(|| text.parse().ok())?, endpoint.span()))
}

/// Networks of pods and of Services with their places: (network, whether it is the Services', place).
pub fn networks(file: &ManifestFile) -> Vec<(IpNet, bool, Span)> {
    let mut found = Vec::new();
    let mut take = |value: Option<Value<'_>>, services: bool| {
        let Some(value) = value.filter(|value| value.kind() == Kind::Scalar) else { return };
        let text = value.text();
        let nets = text.split(',').filter_map(|part| part.trim().parse::<IpNet>().ok());
        found.extend(nets.map(|net| (net.trunc(), services, value.span())));
    };
    for root in file.all_roots() {
        if root.get("kind").is_some_and(|kind| kind.text() == "ClusterConfiguration") {
            let networking = root.get("networking");
            take(networking.and_then(|n| n.get("podSubnet")), false);
            take(networking.and_then(|n| n.get("serviceSubnet")), true);
        }
    }
    if let Some(k3s) = k3s(file) {
        take(k3s.value.get("cluster-cidr"), false);
        take(k3s.value.get("service-cidr"), true);
    }
    found
}
