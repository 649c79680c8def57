//! A pool: ranges of addresses that a load balancer may hand out, whichever load balancer it is.

use poolcheck_plan::syntax::{Parsed, SyntaxError};
use poolcheck_plan::{AddrRange, Span};

use crate::object::Object;
use crate::selector::LabelSelector;
use crate::template::Placeholder;
use crate::value::Value;

/// Which load balancer a pool belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Implementation {
    /// MetalLB's custom resources (0.13 and later) and the retired AddressPool.
    Metallb,
    /// MetalLB's ConfigMap `config` (0.12 and earlier).
    MetallbConfigMap,
}

/// A pool as written.
#[derive(Debug, Clone)]
pub struct Pool<'a> {
    /// The object that holds it.
    pub object: Object<'a>,
    /// Whose pool it is.
    pub implementation: Implementation,
    /// Its name; empty when it has none.
    pub name: String,
    /// Where its name is said.
    pub name_span: Span,
    /// Where the list of its addresses is said: its key, or the pool's own place when there is none.
    pub addresses_span: Span,
    /// Its ranges.
    pub entries: Vec<PoolEntry<'a>>,
    /// Its labels, for selectors.
    pub labels: Vec<(String, String)>,
    /// Whether an address is handed out without being asked for by pool or by address (`autoAssign`, default true).
    pub auto_assign: bool,
    /// Whether addresses ending in .0 and .255 are left out (`avoidBuggyIPs`, default false).
    pub avoid_buggy_ips: bool,
    /// Who may take from it; `None` for everyone.
    pub allocation: Option<Allocation<'a>>,
}

/// One range of a pool.
#[derive(Debug, Clone)]
pub struct PoolEntry<'a> {
    /// The scalar.
    pub value: Value<'a>,
    /// What it says.
    pub meaning: Meaning,
}

/// What one entry of `addresses` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// A range.
    Range(Parsed),
    /// Not MetalLB's syntax.
    Wrong(SyntaxError),
    /// A value that is filled in or decrypted later.
    Placeholder(Placeholder),
    /// Not a string.
    NotText,
}

/// `spec.serviceAllocation`: who may take from a pool.
#[derive(Debug, Clone)]
pub struct Allocation<'a> {
    /// Namespaces by name.
    pub namespaces: Vec<String>,
    /// Namespaces by label.
    pub namespace_selectors: Vec<LabelSelector<'a>>,
    /// Services by label.
    pub service_selectors: Vec<LabelSelector<'a>>,
    /// Where it is said.
    pub span: Span,
}

impl Pool<'_> {
    /// `namespace/name` as people write it; the name alone when no namespace is said.
    pub fn title(&self) -> String {
        match self.object.namespace() {
            Some(namespace) if self.implementation == Implementation::Metallb => format!("{namespace}/{}", self.name),
            _ => self.name.clone(),
        }
    }

    /// The ranges that could be read.
    pub fn ranges(&self) -> impl Iterator<Item = (&PoolEntry<'_>, AddrRange)> {
        self.entries.iter().filter_map(|entry| entry.range().map(|range| (entry, range)))
    }

    /// The first entry that is filled in later, if any: then the pool is not wholly known.
    pub fn placeholder(&self) -> Option<(&PoolEntry<'_>, &Placeholder)> {
        self.entries.iter().find_map(|entry| match &entry.meaning {
            Meaning::Placeholder(placeholder) => Some((entry, placeholder)),
            _ => None,
        })
    }
}

impl<'a> PoolEntry<'a> {
    /// Reads one entry of a list of ranges in MetalLB's syntax.
    pub(crate) fn metallb(value: Value<'a>) -> Self {
        let Some(text) = value.as_str() else { return Self { value, meaning: Meaning::NotText } };
        let meaning = match (crate::template::placeholder(&text), poolcheck_plan::syntax::parse_metallb(&text)) {
            (_, Ok(parsed)) => Meaning::Range(parsed),
            (Some(placeholder), _) => Meaning::Placeholder(placeholder),
            (None, Err(error)) => Meaning::Wrong(error),
        };
        Self { value, meaning }
    }

    /// The range, when it could be read.
    pub fn range(&self) -> Option<AddrRange> {
        match &self.meaning {
            Meaning::Range(parsed) => Some(parsed.range),
            _ => None,
        }
    }
}
