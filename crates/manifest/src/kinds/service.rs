//! Services of type LoadBalancer, and the addresses they ask for.
//!
//! Source: core/v1 Service; MetalLB's annotations under `metallb.io/` and, deprecated, `metallb.universe.tf/`.

use std::borrow::Cow;
use std::net::IpAddr;

use poolcheck_plan::Span;

use super::pool::Implementation;
use crate::object::Object;
use crate::template::{Placeholder, placeholder};
use crate::value::{Kind, Value};

/// MetalLB's annotation prefixes, the current one first.
pub const PREFIXES: [&str; 2] = ["metallb.io/", "metallb.universe.tf/"];

/// Cilium's annotations for addresses, the current one first.
const CILIUM_IPS: [&str; 2] = ["lbipam.cilium.io/ips", "io.cilium/lb-ipam-ips"];

/// Cilium's annotations for the sharing key, the current one first.
const CILIUM_SHARING: [&str; 2] = ["lbipam.cilium.io/sharing-key", "io.cilium/lb-ipam-sharing-key"];

/// The words without which no file holds a Service of type LoadBalancer.
pub const WORDS: &[&str] = &["LoadBalancer"];

/// The words without which no file holds a Namespace that a Service may stand in, or chart values that ask for an address.
pub const SUPPORT_WORDS: &[&str] =
    &["kind: Namespace", "loadBalancerIP", "lbipam.cilium.io/", "io.cilium/lb-ipam", "loadbalancerIPs"];

/// A Service of type LoadBalancer.
#[derive(Debug, Clone)]
pub struct Service<'a> {
    /// The object.
    pub object: Object<'a>,
    /// `spec.loadBalancerClass`.
    pub class: Option<String>,
    /// The addresses it asks for, by annotation or by `spec.loadBalancerIP`.
    pub requested: Vec<Requested<'a>>,
    /// The pool it asks for (`address-pool`).
    pub pool: Option<Value<'a>>,
    /// The sharing key (`allow-shared-ip`).
    pub sharing_key: Option<Value<'a>>,
    /// Its ports as (protocol, port); protocol `TCP` unless said.
    pub ports: Vec<(String, String)>,
    /// Whether `spec.externalTrafficPolicy` is `Local`.
    pub local: bool,
    /// Its pod selector as text, for comparing backends.
    pub selector: Vec<(String, String)>,
    /// Whether it is what chart values will probably make: then its ports and its pods are not known.
    pub from_values: bool,
}

/// One address a Service asks for.
#[derive(Debug, Clone)]
pub struct Requested<'a> {
    /// The scalar that holds it, perhaps among others.
    pub value: Value<'a>,
    /// The bytes of this address.
    pub span: Span,
    /// What is written.
    pub text: String,
    /// Whose annotation it is; `None` for `spec.loadBalancerIP`, which all of them read.
    pub implementation: Option<Implementation>,
    /// What it says.
    pub meaning: RequestedMeaning,
}

/// What a requested address says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedMeaning {
    /// An address.
    Address(IpAddr),
    /// A value that is filled in later.
    Placeholder(Placeholder),
    /// Not an address.
    Wrong,
}

impl Requested<'_> {
    /// The address, when it is one.
    pub const fn address(&self) -> Option<IpAddr> {
        match self.meaning {
            RequestedMeaning::Address(address) => Some(address),
            _ => None,
        }
    }
}

impl Service<'_> {
    /// `Service default/web`, or what holds the values that make it.
    pub fn title(&self) -> String {
        self.object.reference()
    }
}

/// The Service that an object is, if it is one of type LoadBalancer.
pub fn load_balancer<'a>(object: &Object<'a>) -> Option<Service<'a>> {
    if object.api_version() != "v1" || object.kind() != "Service" {
        return None;
    }
    let spec = object.spec()?;
    if spec.get("type").is_none_or(|kind| kind.text() != "LoadBalancer") {
        return None;
    }
    let annotations = object.metadata().and_then(|metadata| metadata.get("annotations"));
    let mut service = asking(object, annotations, Some(spec));
    service.class = spec.get("loadBalancerClass").filter(|value| !value.is_null()).map(|v| v.text().into_owned());
    service.ports = spec.get("ports").map(|ports| ports.items().map(port).collect()).unwrap_or_default();
    service.local = spec.get("externalTrafficPolicy").is_some_and(|policy| policy.text() == "Local");
    service.selector = spec.get("selector").map(pairs).unwrap_or_default();
    Some(service)
}

/// What annotations and a mapping with `loadBalancerIP` ask for.
fn asking<'a>(object: &Object<'a>, annotations: Option<Value<'a>>, spec: Option<Value<'a>>) -> Service<'a> {
    let annotation = |name: &str| annotations.and_then(|all| all.get(name));
    let of_metallb = |name: &str| PREFIXES.iter().find_map(|prefix| annotation(&format!("{prefix}{name}")));
    let of_cilium = |names: [&str; 2]| names.into_iter().find_map(annotation);
    let mut requested = Vec::new();
    if let Some(list) = of_metallb("loadBalancerIPs") {
        requested.extend(addresses(list, Some(Implementation::Metallb)));
    }
    if let Some(list) = of_cilium(CILIUM_IPS) {
        requested.extend(addresses(list, Some(Implementation::Cilium)));
    }
    let one = spec.and_then(|spec| spec.get("loadBalancerIP"));
    if let Some(one) = one.filter(|value| !value.is_null() && !value.text().is_empty()) {
        requested.extend(addresses(one, None));
    }
    let key = of_metallb("allow-shared-ip").or_else(|| of_cilium(CILIUM_SHARING));
    Service {
        object: *object,
        class: None,
        requested,
        pool: of_metallb("address-pool"),
        sharing_key: key.filter(|key| !key.text().is_empty()),
        ports: Vec::new(),
        local: false,
        selector: Vec::new(),
        from_values: false,
    }
}

/// The Services that chart values will probably make: each mapping that asks for an address by `loadBalancerIP`, or by
/// the annotations of a load balancer.
///
/// `object` is what holds the values. A switch of that name (`loadBalancerIP: true`) asks for nothing.
pub fn of_values<'a>(object: &Object<'a>, values: Value<'a>) -> Vec<Service<'a>> {
    let mut found = Vec::new();
    let mut waiting = vec![values];
    while let Some(value) = waiting.pop() {
        if value.alias_span().is_some() || value.get("apiVersion").is_some() {
            continue; // an object among the values is read as what it is
        }
        if value.kind() == Kind::Mapping {
            let mut service = asking(object, value.get("annotations"), Some(value));
            service.requested.retain(|request| request.meaning != RequestedMeaning::Wrong);
            service.from_values = true;
            found.extend(Some(service).filter(|service| !service.requested.is_empty()));
            waiting.extend(value.entries().into_iter().filter(|entry| !entry.merged).map(|entry| entry.value));
        }
        waiting.extend(value.items());
    }
    found.sort_by_key(|service| service.requested[0].span);
    found
}

fn port(port: Value<'_>) -> (String, String) {
    let field = |name: &str| port.get(name).filter(|value| !value.is_null()).map(|value| value.text().into_owned());
    (field("protocol").unwrap_or_else(|| "TCP".to_owned()), field("port").unwrap_or_default())
}

fn pairs(map: Value<'_>) -> Vec<(String, String)> {
    let mut pairs: Vec<_> =
        map.entries().iter().map(|e| (e.key.text().into_owned(), e.value.text().into_owned())).collect();
    pairs.sort();
    pairs
}

/// The addresses of a comma-separated list, each with its own bytes.
fn addresses(value: Value<'_>, implementation: Option<Implementation>) -> Vec<Requested<'_>> {
    let text: Cow<'_, str> = value.text();
    if let Some(placeholder) = placeholder(&text).filter(|_| text.parse::<IpAddr>().is_err()) {
        let span = value.span();
        let meaning = RequestedMeaning::Placeholder(placeholder);
        return vec![Requested { value, span, text: text.into_owned(), implementation, meaning }];
    }
    let mut start = 0;
    let mut list = Vec::new();
    for part in text.split(',') {
        let trimmed = part.trim();
        let at = start + (part.len() - part.trim_start().len());
        let meaning = trimmed.parse().map_or(RequestedMeaning::Wrong, RequestedMeaning::Address);
        let span = value.part_span(at..at + trimmed.len());
        list.push(Requested { value, span, text: trimmed.to_owned(), implementation, meaning });
        start += part.len() + 1;
    }
    list
}
