//! Pools, and whom they are for.

use std::collections::BTreeMap;
use std::net::IpAddr;

use poolcheck_plan::{AddrRange, Family};

use super::{PoolError, Service};

/// A pool, as MetalLB's `IPAddressPool` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Its ranges, in the order in which they are used up.
    pub ranges: Vec<AddrRange>,
    /// Also for those who do not ask for it (`autoAssign`).
    pub automatic: bool,
    /// Without IPv4 addresses that end in .0 or .255 (`avoidBuggyIPs`).
    pub avoid_buggy: bool,
    /// Whom it is for (`serviceAllocation`); everyone without.
    pub scope: Option<Scope>,
}

impl Pool {
    /// A pool for everyone.
    pub fn new(name: &str, ranges: impl IntoIterator<Item = AddrRange>) -> Self {
        let ranges = ranges.into_iter().collect();
        Self { name: name.to_owned(), ranges, automatic: true, avoid_buggy: false, scope: None }
    }

    /// Whether it may hand out an address.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.contains(address)) && !(self.avoid_buggy && is_buggy(address))
    }

    pub(super) fn has(&self, family: Family) -> bool {
        self.ranges.iter().any(|range| range.family() == family)
    }

    /// In which of its ranges an address is.
    pub(super) fn place(&self, address: IpAddr) -> usize {
        self.ranges.iter().position(|range| range.contains(address)).unwrap_or(usize::MAX)
    }

    pub(super) fn is_for(&self, service: &Service) -> bool {
        self.scope.as_ref().is_none_or(|scope| scope.admits(service))
    }
}

/// Whether old equipment takes an address for a network's or a broadcast address.
pub(super) const fn is_buggy(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if matches!(v4.octets()[3], 0 | 255))
}

/// Whom a pool is for (`serviceAllocation`). An empty one is for everyone, yet before the open pools.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Lower first; zero last.
    pub priority: u32,
    /// Namespaces by name.
    pub namespaces: Vec<String>,
    /// Namespaces by label: any of these.
    pub namespace_selectors: Vec<Selector>,
    /// Services by label: any of these.
    pub service_selectors: Vec<Selector>,
}

impl Scope {
    fn admits(&self, service: &Service) -> bool {
        let anywhere = self.namespaces.is_empty() && self.namespace_selectors.is_empty();
        let here = self.namespaces.contains(&service.namespace)
            || self.namespace_selectors.iter().any(|selector| selector.matches(&service.namespace_labels));
        let anyone = self.service_selectors.is_empty();
        (anywhere || here)
            && (anyone || self.service_selectors.iter().any(|selector| selector.matches(&service.labels)))
    }

    /// Zero is no priority, and comes last.
    pub(super) const fn order(&self) -> u32 {
        if self.priority == 0 { u32::MAX } else { self.priority }
    }
}

/// A label selector: all requirements hold. Without any, it matches everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector(pub Vec<Requirement>);

/// One requirement on labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirement {
    /// The label has one of these values.
    In(String, Vec<String>),
    /// The label has none of these values, or is not there.
    NotIn(String, Vec<String>),
    /// The label is there.
    Exists(String),
    /// The label is not there.
    DoesNotExist(String),
}

impl Selector {
    /// Whether labels match.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Requirement::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Requirement::Exists(key) => labels.contains_key(key),
            Requirement::DoesNotExist(key) => !labels.contains_key(key),
        })
    }
}

/// What MetalLB refuses, too: one name twice, one address twice.
pub(super) fn check(pools: &[Pool]) -> Result<(), PoolError> {
    for (at, pool) in pools.iter().enumerate() {
        if pools[..at].iter().any(|other| other.name == pool.name) {
            return Err(PoolError::SameName(pool.name.clone()));
        }
    }
    let mut ranges: Vec<(AddrRange, &str)> =
        pools.iter().flat_map(|pool| pool.ranges.iter().map(|range| (*range, pool.name.as_str()))).collect();
    ranges.sort();
    for two in ranges.windows(2) {
        if two[0].0.meets(two[1].0) {
            let name = |(range, pool): &(AddrRange, &str)| format!("{pool} {range}");
            return Err(PoolError::Overlap { one: name(&two[0]), other: name(&two[1]) });
        }
    }
    Ok(())
}
