//! Nodes and their addresses.
//!
//! Source: core/v1 Node `status.addresses` and `spec.podCIDRs`.

use std::net::IpAddr;

use ipnet::IpNet;
use poolcheck_plan::Span;

use super::workload::Taint;
use crate::object::Object;
use crate::value::Value;

/// The words without which no file holds a Node that says an address.
pub const WORDS: &[&str] = &["InternalIP", "podCIDR"];

/// A node as written.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    /// The object.
    pub object: Object<'a>,
    /// Its InternalIP and ExternalIP addresses, each with its place.
    pub addresses: Vec<(IpAddr, Span)>,
    /// The pod networks of this node, each with its place.
    pub pod_cidrs: Vec<(IpNet, Span)>,
    /// The taints that keep pods away, each with its place; mere preferences are not among them.
    pub taints: Vec<(Taint, Span)>,
    /// Its labels.
    pub labels: Vec<(String, String)>,
}

/// The Node that an object is, if it is one.
pub fn node<'a>(object: &Object<'a>) -> Option<Node<'a>> {
    if object.api_version() != "v1" || object.kind() != "Node" {
        return None;
    }
    let status = object.value.get("status").map(|status| status.list("addresses")).unwrap_or_default();
    let addresses = status.into_iter().filter_map(|entry| {
        let kind = entry.get("type")?;
        let address = entry.get("address")?;
        let ours = matches!(&*kind.text(), "InternalIP" | "ExternalIP");
        Some((address.text().parse().ok().filter(|_| ours)?, address.span()))
    });
    let spec = object.spec();
    let list = spec.and_then(|spec| spec.get("podCIDRs")).map(|list| list.items().collect::<Vec<_>>());
    let cidrs = list.or_else(|| spec.and_then(|spec| spec.get("podCIDR")).map(|one| vec![one])).unwrap_or_default();
    let pod_cidrs = cidrs.into_iter().filter_map(|cidr| Some((cidr.text().parse().ok()?, cidr.span())));
    let taints = spec.map(|spec| spec.list("taints")).unwrap_or_default();
    Some(Node {
        object: *object,
        addresses: addresses.collect(),
        pod_cidrs: pod_cidrs.collect(),
        taints: taints.into_iter().filter_map(taint).collect(),
        labels: object.labels(),
    })
}

fn taint(value: Value<'_>) -> Option<(Taint, Span)> {
    let text = |key: &str| value.get(key).filter(|v| !v.is_null()).map(|v| v.text().into_owned()).unwrap_or_default();
    let taint = Taint { key: text("key"), value: text("value"), effect: text("effect") };
    let keeps_away = matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
    // The node controller's own come and go with the node's health.
    let passing = ["node.kubernetes.io/", "node.cloudprovider.kubernetes.io/"].iter().any(|p| taint.key.starts_with(p));
    (keeps_away && !passing).then(|| (taint, value.get("key").map_or_else(|| value.span(), |key| key.span())))
}
