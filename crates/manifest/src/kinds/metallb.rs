//! MetalLB: IPAddressPool, L2Advertisement, BGPAdvertisement, the retired AddressPool, and the ConfigMap `config` of
//! 0.12 and earlier.
//!
//! Source: MetalLB's API types (group `metallb.io`) and `website/content/configuration/migration_to_crds`.

use poolcheck_plan::Span;

use super::pool::{Allocation, Implementation, Pool, PoolEntry};
use crate::object::Object;
use crate::selector::LabelSelector;
use crate::value::Value;

/// The words without which no file holds anything of MetalLB.
pub const WORDS: &[&str] = &["metallb", "metalb.io", "address-pools"];

/// The API group.
pub const GROUP: &str = "metallb.io";

/// An advertisement as written: which pools are announced.
#[derive(Debug, Clone)]
pub struct Advertisement<'a> {
    /// The object.
    pub object: Object<'a>,
    /// `spec.ipAddressPools`: pools by name, each with its place.
    pub pools: Vec<Value<'a>>,
    /// `spec.ipAddressPoolSelectors`: pools by label.
    pub selectors: Vec<LabelSelector<'a>>,
    /// Where `ipAddressPoolSelectors` is said.
    pub selectors_span: Option<Span>,
}

impl Advertisement<'_> {
    /// Whether it announces a pool. Without names and selectors it announces every pool of MetalLB.
    pub fn announces(&self, pool: &Pool<'_>) -> bool {
        if !pool.implementation.is_metallb() {
            return false;
        }
        self.announces_all()
            || self.pools.iter().any(|name| *name.text() == *pool.name)
            || self.selectors.iter().any(|selector| selector.matches(&pool.labels))
    }

    /// Whether it names no pool and so announces all.
    pub fn announces_all(&self) -> bool {
        self.pools.is_empty() && self.selectors.is_empty()
    }
}

/// The pool that an object is, if it is one.
pub fn pool<'a>(object: &Object<'a>) -> Option<Pool<'a>> {
    if object.group() != GROUP || !matches!(&*object.kind(), "IPAddressPool" | "AddressPool") {
        return None;
    }
    let spec = object.spec();
    let addresses = spec.and_then(|spec| spec.get("addresses"));
    let bool_of = |name: &str| spec.and_then(|spec| spec.get(name)).and_then(|value| value.as_bool());
    Some(Pool {
        object: *object,
        implementation: Implementation::Metallb,
        name: object.name().map(std::borrow::Cow::into_owned).unwrap_or_default(),
        name_span: object.name_span(),
        addresses_span: addresses.and_then(|list| list.key_span()).unwrap_or_else(|| object.kind_span()),
        entries: addresses.map(entries).unwrap_or_default(),
        labels: object.labels(),
        auto_assign: bool_of("autoAssign").unwrap_or(true),
        avoid_buggy_ips: bool_of("avoidBuggyIPs").unwrap_or(false),
        allocation: spec.and_then(|spec| spec.get("serviceAllocation")).filter(|v| !v.is_null()).map(allocation),
        routed: false,
    })
}

/// The advertisement that an object is, if it is one.
pub fn advertisement<'a>(object: &Object<'a>) -> Option<Advertisement<'a>> {
    if object.group() != GROUP || !matches!(&*object.kind(), "L2Advertisement" | "BGPAdvertisement") {
        return None;
    }
    let field = |name: &str| object.spec().and_then(|spec| spec.get(name));
    let selectors = field("ipAddressPoolSelectors");
    Some(Advertisement {
        object: *object,
        pools: field("ipAddressPools").map(|list| list.items().collect()).unwrap_or_default(),
        selectors: LabelSelector::list(selectors),
        selectors_span: selectors.and_then(|list| list.key_span()),
    })
}

/// The pools of every list `address-pools` within a value (0.12 and earlier: ConfigMap `config`, chart values `configInline`).
pub(crate) fn address_pools<'a>(object: &Object<'a>, root: Value<'a>, found: &mut Vec<Pool<'a>>) {
    let mut waiting = vec![root];
    while let Some(value) = waiting.pop() {
        if value.alias_span().is_some() {
            continue;
        }
        for entry in value.entries().into_iter().filter(|entry| !entry.merged) {
            if entry.key.text() == "address-pools" {
                let pools = entry.value.items().filter(|pool| pool.get("addresses").is_some());
                found.extend(pools.map(|pool| config_map_pool(object, pool)));
            } else {
                waiting.push(entry.value);
            }
        }
        waiting.extend(value.items());
    }
}

fn config_map_pool<'a>(object: &Object<'a>, pool: Value<'a>) -> Pool<'a> {
    let addresses = pool.get("addresses");
    let name = pool.get("name");
    Pool {
        object: *object,
        implementation: Implementation::MetallbConfigMap,
        name: name.map(|name| name.text().into_owned()).unwrap_or_default(),
        name_span: name.unwrap_or(pool).span(),
        addresses_span: addresses.and_then(|list| list.key_span()).unwrap_or_else(|| pool.span()),
        entries: addresses.map(entries).unwrap_or_default(),
        labels: Vec::new(),
        auto_assign: pool.get("auto-assign").and_then(|value| value.as_bool()).unwrap_or(true),
        avoid_buggy_ips: pool.get("avoid-buggy-ips").and_then(|value| value.as_bool()).unwrap_or(false),
        allocation: None,
        routed: false,
    }
}

fn entries(list: Value<'_>) -> Vec<PoolEntry<'_>> {
    list.items().map(PoolEntry::metallb).collect()
}

fn allocation(value: Value<'_>) -> Allocation<'_> {
    let namespaces = value.get("namespaces").map(|list| list.items().map(|n| n.text().into_owned()).collect());
    Allocation {
        namespaces: namespaces.unwrap_or_default(),
        namespace_selectors: LabelSelector::list(value.get("namespaceSelectors")),
        service_selectors: LabelSelector::list(value.get("serviceSelectors")),
        span: value.key_span().unwrap_or_else(|| value.span()),
    }
}
