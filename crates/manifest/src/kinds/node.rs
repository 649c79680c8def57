//! Nodes and their addresses.
//!
//! Source: core/v1 Node `status.addresses` and `spec.podCIDRs`.

use std::net::IpAddr;

use ipnet::IpNet;
use poolcheck_plan::Span;

use crate::object::Object;

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
}

/// The Node that an object is, if it is one.
pub fn node<'a>(object: &Object<'a>) -> Option<Node<'a>> {
    if object.api_version() != "v1" || object.kind() != "Node" {
        return None;
    }
    let status = object.value.get("status").and_then(|status| status.get("addresses"));
    let addresses = status.into_iter().flat_map(|list| list.items().collect::<Vec<_>>()).filter_map(|entry| {
        let kind = entry.get("type")?;
        let address = entry.get("address")?;
        let ours = matches!(&*kind.text(), "InternalIP" | "ExternalIP");
        Some((address.text().parse().ok().filter(|_| ours)?, address.span()))
    });
    let spec = object.spec();
    let list = spec.and_then(|spec| spec.get("podCIDRs")).map(|list| list.items().collect::<Vec<_>>());
    let cidrs = list.or_else(|| spec.and_then(|spec| spec.get("podCIDR")).map(|one| vec![one])).unwrap_or_default();
    let pod_cidrs = cidrs.into_iter().filter_map(|cidr| Some((cidr.text().parse().ok()?, cidr.span())));
    Some(Node { object: *object, addresses: addresses.collect(), pod_cidrs: pod_cidrs.collect() })
}
