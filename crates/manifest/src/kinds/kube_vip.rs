//! kube-vip: the pools of its cloud provider, and the address of the control plane.
//!
//! Source: kube-vip-cloud-provider `pkg/provider/loadBalancer.go` and `pkg/ipam`. ConfigMap `kubevip` in `kube-system`: a
//! namespace takes `cidr-<namespace>`, else `cidr-global`, else `range-<namespace>`, else `range-global`. A value is a list
//! with commas and without blanks: of CIDRs when there is a slash anywhere in it, else of ranges. `0.0.0.0/32` asks the
//! DHCP server for each address and is no pool.
//!
//! kube-vip itself reads environment variables: `address` (before 0.4 `vip_address`) is the control plane's.

use std::collections::BTreeMap;
use std::net::IpAddr;

use poolcheck_plan::notation::Notation;
use poolcheck_plan::{AddrRange, Family, Span};

use super::pool::{Allocation, Implementation, Meaning, Pool, PoolEntry};
use crate::object::Object;
use crate::value::Value;

/// The words without which no file holds anything of kube-vip.
pub const WORDS: &[&str] = &["kubevip", "kube-vip"];

/// The names of the ConfigMap: the cloud provider's own, and its chart's.
const CONFIG_MAPS: [&str; 2] = ["kubevip", "kube-vip-cloud-provider-cm"];

/// The name that stands for every namespace in a key.
const GLOBAL: &str = "global";

/// The pools of the cloud provider's ConfigMap, one a key that is used; none for any other object.
pub fn config_map_pools<'a>(object: &Object<'a>) -> Vec<Pool<'a>> {
    let named = object.name().is_some_and(|name| CONFIG_MAPS.contains(&&*name));
    if !named || object.api_version() != "v1" || object.kind() != "ConfigMap" {
        return Vec::new();
    }
    object.value.get("data").map(|data| pools(object, data)).unwrap_or_default()
}

/// The pools of the cloud provider's chart values: `cm.data` is the ConfigMap's data.
///
/// `object` is what holds the values. Source: `charts/kube-vip-cloud-provider/templates/configmap.yaml`.
pub fn pools_from_values<'a>(object: &Object<'a>, values: Value<'a>) -> Vec<Pool<'a>> {
    let data = values.get("cm").and_then(|map| map.get("data"));
    data.map(|data| pools(object, data)).unwrap_or_default()
}

/// The control plane's address in the values of kube-vip's own chart, with its place: `config.address` when
/// `env.cp_enable` is on, as it is unless said.
///
/// Source: `charts/kube-vip/templates/daemonset.yaml`.
pub fn control_plane_from_values(values: Value<'_>) -> Option<(IpAddr, Span)> {
    let enabled = values.get("env").and_then(|env| env.get("cp_enable"));
    let address = values.get("config")?.get("address").filter(|_| enabled.is_none_or(|on| on.text() == "true"))?;
    Some((address.text().trim().parse().ok()?, address.span()))
}

fn pools<'a>(object: &Object<'a>, data: Value<'a>) -> Vec<Pool<'a>> {
    let skips_ends = data.get("skip-end-ips-in-cidr").is_some_and(|skip| skip.text() == "true");
    let has = |key: &str| data.get(key).is_some();
    let mut pools = Vec::new();
    for entry in data.entries() {
        let key = entry.key.text();
        let Some((form @ ("cidr" | "range"), namespace)) = key.split_once('-') else { continue };
        // A range is looked for only where no CIDR was found.
        let unused = form == "range" && (has("cidr-global") || has(&format!("cidr-{namespace}")));
        let by_dhcp = entry.value.text() == "0.0.0.0/32";
        if !unused && !by_dhcp && !entry.value.is_null() {
            pools.push(pool(object, namespace, entry.value, skips_ends));
        }
    }
    pools
}

fn pool<'a>(object: &Object<'a>, namespace: &str, value: Value<'a>, skips_ends: bool) -> Pool<'a> {
    let mut pool = Pool::of(object, Implementation::KubeVip, Some(value));
    namespace.clone_into(&mut pool.name);
    pool.name_span = value.key_span().unwrap_or(pool.name_span);
    pool.entries = list(value);
    if skips_ends {
        pool.entries.iter_mut().for_each(skip_ends);
    }
    pool.allocation = (namespace != GLOBAL).then(|| Allocation {
        namespaces: vec![namespace.to_owned()],
        namespace_selectors: Vec::new(),
        service_selectors: Vec::new(),
        span: pool.name_span,
    });
    pool
}

fn list(value: Value<'_>) -> Vec<PoolEntry<'_>> {
    let text = value.text();
    let notation = if text.contains('/') { Notation::Cidr } else { Notation::Range };
    let mut start = 0;
    let mut entries = Vec::new();
    for part in text.split(',') {
        entries.push(PoolEntry::read_part(value, start..start + part.len(), notation));
        start += part.len() + 1;
    }
    entries
}

/// `skip-end-ips-in-cidr`: the first and the last address of an IPv4 CIDR stay free.
fn skip_ends(entry: &mut PoolEntry<'_>) {
    let (Notation::Cidr, Meaning::Range(parsed)) = (entry.notation, &mut entry.meaning) else { return };
    let range = parsed.range;
    if range.family() == Family::V4 && range.size() > 2 {
        let (first, last) = (range.first_number() + 1, range.last_number() - 1);
        parsed.range = AddrRange::from_numbers(Family::V4, first, last).unwrap_or(range);
    }
}

/// The environments of the kube-vip containers of a Pod or workload: the values of their variables by name.
pub fn environments<'a>(object: &Object<'a>) -> Vec<BTreeMap<String, Value<'a>>> {
    let template = || object.spec()?.get("template")?.get("spec");
    let spec = match &*object.kind() {
        "Pod" => object.spec(),
        "DaemonSet" | "Deployment" | "StatefulSet" => template(),
        _ => None,
    };
    let containers = spec.map(|spec| spec.list("containers")).unwrap_or_default();
    let variable = |entry: Value<'a>| Some((entry.get("name")?.text().into_owned(), entry.get("value")?));
    let environment = |container: Value<'a>| container.list("env").into_iter().filter_map(variable).collect();
    containers.into_iter().filter(is_kube_vip).map(environment).collect()
}

/// The addresses of the control plane that a kube-vip Pod or workload announces, each with its place.
pub fn control_plane(object: &Object<'_>) -> Vec<(IpAddr, Span)> {
    let announced = |environment: BTreeMap<String, Value<'_>>| {
        let variable = |name: &str| environment.get(name).copied();
        let on = variable("cp_enable").is_none_or(|enabled| enabled.text() == "true");
        let address = variable("address").or_else(|| variable("vip_address")).filter(|_| on)?;
        Some((address.text().trim().parse().ok()?, address.span()))
    };
    environments(object).into_iter().filter_map(announced).collect()
}

fn is_kube_vip(container: &Value<'_>) -> bool {
    let image = container.get("image").map(|image| image.text().into_owned()).unwrap_or_default();
    let repository = image.split(['@', ':']).next().unwrap_or_default();
    // A registry's port is no tag: only the last path element counts.
    image.rsplit('/').next().unwrap_or(repository).split(['@', ':']).next() == Some("kube-vip")
}
