//! A live cluster, read-only: the lists that the API server gives, as manifests that rules judge like any other.
//!
//! Only `get` and `list` of the kinds below are asked for; `deploy/rbac.yaml` grants exactly these. A kind that the cluster
//! does not have is no problem; one that may not be read is told, and the rest is judged.

use http::Request;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::report::Problem;

/// (path, apiVersion, kind) of every list that is asked for.
const LISTS: [(&str, &str, &str); 22] = [
    ("/apis/metallb.io/v1beta1/ipaddresspools", "metallb.io/v1beta1", "IPAddressPool"),
    ("/apis/metallb.io/v1beta1/l2advertisements", "metallb.io/v1beta1", "L2Advertisement"),
    ("/apis/metallb.io/v1beta1/bgpadvertisements", "metallb.io/v1beta1", "BGPAdvertisement"),
    ("/apis/metallb.io/v1beta1/communities", "metallb.io/v1beta1", "Community"),
    ("/apis/metallb.io/v1beta1/bfdprofiles", "metallb.io/v1beta1", "BFDProfile"),
    ("/apis/metallb.io/v1beta2/bgppeers", "metallb.io/v1beta2", "BGPPeer"),
    ("/apis/cilium.io/v2/ciliumloadbalancerippools", "cilium.io/v2", "CiliumLoadBalancerIPPool"),
    ("/apis/cilium.io/v2alpha1/ciliuml2announcementpolicies", "cilium.io/v2alpha1", "CiliumL2AnnouncementPolicy"),
    ("/apis/purelb.io/v2/servicegroups", "purelb.io/v2", "ServiceGroup"),
    ("/apis/purelb.io/v1/servicegroups", "purelb.io/v1", "ServiceGroup"),
    ("/apis/network.kubesphere.io/v1alpha2/eips", "network.kubesphere.io/v1alpha2", "Eip"),
    ("/apis/crd.projectcalico.org/v1/ippools", "crd.projectcalico.org/v1", "IPPool"),
    ("/api/v1/services", "v1", "Service"),
    ("/api/v1/nodes", "v1", "Node"),
    ("/api/v1/namespaces", "v1", "Namespace"),
    ("/api/v1/persistentvolumeclaims", "v1", "PersistentVolumeClaim"),
    ("/api/v1/namespaces/kube-system/configmaps?fieldSelector=metadata.name%3Dkube-proxy", "v1", "ConfigMap"),
    ("/api/v1/namespaces/kube-system/configmaps?fieldSelector=metadata.name%3Dkubevip", "v1", "ConfigMap"),
    ("/api/v1/namespaces/metallb-system/configmaps?fieldSelector=metadata.name%3Dconfig", "v1", "ConfigMap"),
    ("/apis/apps/v1/deployments", "apps/v1", "Deployment"),
    ("/apis/apps/v1/daemonsets", "apps/v1", "DaemonSet"),
    ("/apis/apps/v1/statefulsets", "apps/v1", "StatefulSet"),
];

/// So many objects are asked for at once, and no more pages than this are read of one kind.
const PAGE: usize = 500;
const PAGES: usize = 200;

/// What a cluster said.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// The cluster's name: its context.
    pub(crate) name: String,
    /// (title, text) of each list, in a stable order.
    pub(crate) texts: Vec<(String, String)>,
    /// What could not be read.
    pub(crate) problems: Vec<Problem>,
}

/// Why a cluster was not read at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    /// There is no kubeconfig, or it has no such context.
    #[error("the cluster's configuration cannot be read: {0}")]
    Configuration(String),
    /// The API server does not answer.
    #[error("the API server of {name} does not answer: {error}")]
    Unreachable {
        /// The context.
        name: String,
        /// What happened.
        error: String,
    },
}

/// Reads a cluster; the current context unless one is named.
pub(crate) fn read(context: Option<&str>) -> Result<Listed, ClusterError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| ClusterError::Configuration(error.to_string()))?;
    runtime.block_on(list_all(context))
}

async fn list_all(context: Option<&str>) -> Result<Listed, ClusterError> {
    let wrong = |error: &dyn std::fmt::Display| ClusterError::Configuration(error.to_string());
    let kubeconfig = Kubeconfig::read().map_err(|error| wrong(&error))?;
    let name = context.map(str::to_owned).or_else(|| kubeconfig.current_context.clone()).unwrap_or_default();
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| wrong(&error))?;
    config.connect_timeout = Some(std::time::Duration::from_secs(10));
    config.read_timeout = Some(std::time::Duration::from_secs(30));
    let client = Client::try_from(config).map_err(|error| wrong(&error))?;
    let mut listed = Listed { name, ..Listed::default() };
    for (number, (path, version, kind)) in LISTS.iter().enumerate() {
        match items(&client, path).await {
            Ok(items) if items.is_empty() => {}
            Ok(items) => {
                let items: Vec<Value> = items.into_iter().map(|item| as_manifest(item, version, kind)).collect();
                let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
                let text = serde_json::to_string_pretty(&list).unwrap_or_default();
                listed.texts.push((format!("cluster {}: {kind} ({version})", listed.name), text));
            }
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(kube::Error::Api(status)) if matches!(status.code, 401 | 403) => listed.problems.push(Problem {
                name: format!("cluster {}", listed.name),
                message: format!("may not list {kind}: {}", status.message),
                help: "grant it: kubectl apply -f deploy/rbac.yaml".to_owned(),
            }),
            // Before anything was read the server is not there; later it has gone away, and what was read is judged.
            Err(error) if number == 0 => {
                return Err(ClusterError::Unreachable { name: listed.name, error: told(&error) });
            }
            Err(error) => listed.problems.push(Problem {
                name: format!("cluster {}", listed.name),
                message: format!("cannot list {kind}: {}", told(&error)),
                help: "run it again when the API server answers".to_owned(),
            }),
        }
    }
    Ok(listed)
}

/// All items of a list, page after page.
async fn items(client: &Client, path: &str) -> Result<Vec<Value>, kube::Error> {
    let mut all = Vec::new();
    let mut next = String::new();
    for _ in 0..PAGES {
        let sign = if path.contains('?') { '&' } else { '?' };
        let uri = format!("{path}{sign}limit={PAGE}{next}");
        let request = Request::get(uri).body(Vec::new()).map_err(kube::Error::HttpError)?;
        let mut page: Value = client.request(request).await?;
        if let Some(items) = page["items"].as_array_mut() {
            all.append(items);
        }
        match page["metadata"]["continue"].as_str().filter(|token| !token.is_empty()) {
            Some(token) => next = format!("&continue={token}"),
            None => break,
        }
    }
    Ok(all)
}

/// An item of a list as a manifest: lists leave out what each item is; what the server adds for itself is dropped.
fn as_manifest(mut item: Value, version: &str, kind: &str) -> Value {
    if let Some(metadata) = item["metadata"].as_object_mut() {
        for noise in ["managedFields", "uid", "resourceVersion", "generation", "creationTimestamp"] {
            metadata.remove(noise);
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    let mut manifest = serde_json::Map::new();
    manifest.insert("apiVersion".to_owned(), json!(version));
    manifest.insert("kind".to_owned(), json!(kind));
    if let Value::Object(fields) = item {
        let keep = |key: &str| kind == "Node" || key != "status";
        manifest.extend(fields.into_iter().filter(|(key, _)| keep(key) && key != "apiVersion" && key != "kind"));
    }
    Value::Object(manifest)
}

/// An error with what caused it, on one line.
fn told(error: &kube::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
