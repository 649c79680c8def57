//! A pool: ranges of addresses that a load balancer may hand out, whichever load balancer it is.

use std::borrow::Cow;
use std::ops::Range;

use poolcheck_plan::notation::Notation;
use poolcheck_plan::syntax::{Parsed, SyntaxError};
use poolcheck_plan::{AddrRange, Span};

use crate::edit::replace_scalar;
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
    /// Cilium's LB IPAM.
    Cilium,
    /// kube-vip's cloud provider.
    KubeVip,
    /// PureLB.
    PureLb,
    /// OpenELB.
    OpenElb,
    /// Calico's IPAM for Services.
    Calico,
}

impl Implementation {
    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Metallb | Self::MetallbConfigMap => "MetalLB",
            Self::Cilium => "Cilium",
            Self::KubeVip => "kube-vip",
            Self::PureLb => "PureLB",
            Self::OpenElb => "OpenELB",
            Self::Calico => "Calico",
        }
    }

    /// Whether it is MetalLB, in whatever form.
    pub const fn is_metallb(self) -> bool {
        matches!(self, Self::Metallb | Self::MetallbConfigMap)
    }
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
    /// Whether its addresses are reached by routes: then they need not lie on the segment.
    pub routed: bool,
}

/// One range of a pool.
#[derive(Debug, Clone)]
pub struct PoolEntry<'a> {
    /// The scalar; of a pair of scalars the first, or the one that is wrong.
    pub value: Value<'a>,
    /// The bytes of the scalar's text that say this range, when it is one of a comma-separated list.
    pub part: Option<Range<usize>>,
    /// The second scalar of a pair (Cilium's `start` and `stop`).
    pub stop: Option<Value<'a>>,
    /// What the field takes.
    pub notation: Notation,
    /// What it says.
    pub meaning: Meaning,
}

/// What one entry of `addresses` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// A range.
    Range(Parsed),
    /// Not the syntax of whose pool it is.
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

impl<'a> Pool<'a> {
    /// A pool of another implementation than MetalLB, named after its object and open to everyone.
    pub(crate) fn of(object: &Object<'a>, implementation: Implementation, list: Option<Value<'a>>) -> Self {
        Self {
            object: *object,
            implementation,
            name: object.name().map(Cow::into_owned).unwrap_or_default(),
            name_span: object.name_span(),
            addresses_span: list.and_then(|list| list.key_span()).unwrap_or_else(|| object.kind_span()),
            entries: Vec::new(),
            labels: object.labels(),
            auto_assign: true,
            avoid_buggy_ips: false,
            allocation: None,
            routed: false,
        }
    }
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
        Self::read(value, Notation::Metallb)
    }

    /// Reads a scalar.
    pub(crate) fn read(value: Value<'a>, notation: Notation) -> Self {
        let meaning = value.as_str().map_or(Meaning::NotText, |text| meaning(&text, notation));
        Self { value, part: None, stop: None, notation, meaning }
    }

    /// Reads a part of a scalar's text.
    pub(crate) fn read_part(value: Value<'a>, part: Range<usize>, notation: Notation) -> Self {
        let meaning = value.text().get(part.clone()).map_or(Meaning::NotText, |text| meaning(text, notation));
        Self { value, part: Some(part), stop: None, notation, meaning }
    }

    /// The bytes that say it: the part of a list, the first scalar of a pair.
    pub fn span(&self) -> Span {
        self.part.clone().map_or_else(|| self.value.span(), |part| self.value.part_span(part))
    }

    /// The bytes of a part of [`text`](Self::text).
    pub fn part_span(&self, part: Range<usize>) -> Span {
        let offset = self.part.as_ref().map_or(0, |own| own.start);
        self.value.part_span(offset + part.start..offset + part.end)
    }

    /// What is written: `first-last` for a pair.
    pub fn text(&self) -> Cow<'a, str> {
        match (&self.part, self.stop) {
            (Some(part), _) => Cow::Owned(self.value.text().get(part.clone()).unwrap_or_default().to_owned()),
            (None, Some(stop)) => Cow::Owned(format!("{}-{}", self.value.text(), stop.text())),
            (None, None) => self.value.text(),
        }
    }

    /// The edits that make it another range, in the form it has; `None` when that form cannot hold the range.
    pub fn rewrite(&self, range: AddrRange) -> Option<Vec<(Span, String)>> {
        if let Some(stop) = self.stop {
            let edit = |value, address: std::net::IpAddr| replace_scalar(value, &address.to_string());
            return Some(vec![edit(self.value, range.first())?, edit(stop, range.last())?]);
        }
        let text = self.notation.write(range, self.text().contains('/'))?;
        Some(vec![self.replace(&text)?])
    }

    /// The edit that gives a single scalar, or its part of a list, another text; `None` when it is not written where it
    /// stands.
    pub fn replace(&self, text: &str) -> Option<(Span, String)> {
        let Some(part) = self.part.clone() else { return replace_scalar(self.value, text) };
        let whole = self.value.text();
        let (Some(before), Some(after)) = (whole.get(..part.start), whole.get(part.end..)) else {
            return replace_scalar(self.value, text);
        };
        let span = self.span();
        // Where the bytes are the text, its neighbours in the list stay untouched.
        if span != self.value.span() && span.range().len() == part.len() {
            return Some((span, text.to_owned())).filter(|_| self.value.is_verbatim());
        }
        replace_scalar(self.value, &format!("{before}{text}{after}"))
    }

    /// The range, when it could be read.
    pub fn range(&self) -> Option<AddrRange> {
        match &self.meaning {
            Meaning::Range(parsed) => Some(parsed.range),
            _ => None,
        }
    }
}

/// What a text says; what can be read is no placeholder.
fn meaning(text: &str, notation: Notation) -> Meaning {
    match (crate::template::placeholder(text), notation.parse(text)) {
        (_, Ok(parsed)) => Meaning::Range(parsed),
        (Some(placeholder), _) => Meaning::Placeholder(placeholder),
        (None, Err(error)) => Meaning::Wrong(error),
    }
}
