//! A cursor over the tree: where a value stands, what it says, and how one got there.
//!
//! A [`Value`] sees through aliases and merge keys, and remembers the alias that led to it, so that the place of use and
//! the place of definition can both be shown. What a scalar means is decided as Kubernetes decides it: by YAML 1.1.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, hash_map};
use std::ops::Range;

use poolcheck_plan::Span;

use crate::file::ManifestFile;
use crate::yaml::{Bytes, Document, NodeId, NodeKind, Quoting, slice};

/// One value of a document.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    file: &'a ManifestFile,
    document: &'a Document,
    node: NodeId,
    key: Option<NodeId>,
    alias: Option<NodeId>,
}

/// One entry of a mapping.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The key.
    pub key: Value<'a>,
    /// The value.
    pub value: Value<'a>,
    /// Whether it came through a merge key (`<<`).
    pub merged: bool,
}

/// The shape of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A scalar.
    Scalar,
    /// A list.
    Sequence,
    /// A mapping.
    Mapping,
    /// An alias of an anchor that is not there.
    Unresolved,
}

/// What a scalar says to Kubernetes (YAML 1.1 as `sigs.k8s.io/yaml` reads it).
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<'a> {
    /// `null`, `~`, or nothing.
    Null,
    /// `true`, `yes`, `on`, `y` … unquoted.
    Bool(bool),
    /// A whole number, also in octal (`0755`), hexadecimal or binary.
    Int(i128),
    /// Another number.
    Float(f64),
    /// A string.
    Str(Cow<'a, str>),
}

impl<'a> Value<'a> {
    pub(crate) fn root(file: &'a ManifestFile, document: &'a Document) -> Option<Self> {
        Some(Self::new(file, document, document.root?, None))
    }

    fn new(file: &'a ManifestFile, document: &'a Document, node: NodeId, key: Option<NodeId>) -> Self {
        let resolved = document.resolved(node);
        Self { file, document, node: resolved, key, alias: (resolved != node).then_some(node) }
    }

    fn at(&self, node: NodeId, key: Option<NodeId>) -> Self {
        Self::new(self.file, self.document, node, key)
    }

    /// Another node of its document.
    pub(crate) fn inside(&self, node: NodeId) -> Self {
        self.at(node, None)
    }

    fn raw(&self) -> &'a crate::yaml::Node {
        self.document.node(self.node)
    }

    /// The file it stands in.
    pub fn file(&self) -> &'a ManifestFile {
        self.file
    }

    /// The document it stands in.
    pub fn document(&self) -> &'a Document {
        self.document
    }

    /// Its bytes, quotes included; through an alias, those of the definition.
    pub fn span(&self) -> Span {
        self.file.outer(&self.raw().span)
    }

    /// Its bytes; those of its key when nothing is written after the colon.
    pub fn place(&self) -> Span {
        let span = self.span();
        if span.is_empty() { self.key_span().unwrap_or(span) } else { span }
    }

    /// The alias that led here, when one did.
    pub fn alias_span(&self) -> Option<Span> {
        self.alias.map(|alias| self.file.outer(&self.document.node(alias).span))
    }

    /// The key under which it stands.
    pub fn key_span(&self) -> Option<Span> {
        self.key.map(|key| self.file.outer(&self.document.node(key).span))
    }

    /// The bytes of a part of its text. The whole value where the text differs from the bytes (escapes, folding).
    pub fn part_span(&self, part: Range<usize>) -> Span {
        let NodeKind::Scalar { quoting, text } = &self.raw().kind else { return self.span() };
        let whole = &self.raw().span;
        let quote = u32::from(matches!(quoting, Quoting::Single | Quoting::Double));
        let bytes = whole.start + quote + part.start as u32..whole.start + quote + part.end as u32;
        let cooked = text.as_deref().unwrap_or_else(|| slice(&self.file.text, whole));
        let same = cooked.get(part).is_some_and(|wanted| wanted == slice(&self.file.text, &bytes));
        if same { self.file.outer(&bytes) } else { self.span() }
    }

    /// Its shape.
    pub fn kind(&self) -> Kind {
        match self.raw().kind {
            NodeKind::Scalar { .. } => Kind::Scalar,
            NodeKind::Sequence(_) => Kind::Sequence,
            NodeKind::Mapping(_) => Kind::Mapping,
            NodeKind::Alias(_) => Kind::Unresolved,
        }
    }

    /// How it is written, when it is a scalar.
    pub fn quoting(&self) -> Option<Quoting> {
        match self.raw().kind {
            NodeKind::Scalar { quoting, .. } => Some(quoting),
            _ => None,
        }
    }

    /// The tag as written in the document, resolved (`tag:yaml.org,2002:binary`).
    pub fn tag(&self) -> Option<&'a str> {
        self.raw().tag.as_deref()
    }

    /// The text of a scalar after quotes, escapes and folding; empty for a collection.
    pub fn text(&self) -> Cow<'a, str> {
        self.document.scalar(self.node, &self.file.text).unwrap_or_default()
    }

    /// The value under a key. An explicit key wins over a merged one, the last of equal keys wins.
    pub fn get(&self, name: &str) -> Option<Self> {
        let NodeKind::Mapping(entries) = &self.raw().kind else { return None };
        let is = |key: NodeId, wanted: &str| {
            self.document.scalar(self.document.resolved(key), &self.file.text).is_some_and(|text| text == wanted)
        };
        if let Some((key, value)) = entries.iter().rev().find(|(key, _)| is(*key, name)) {
            return Some(self.at(*value, Some(*key)));
        }
        if !entries.iter().any(|(key, _)| is(*key, "<<")) {
            return None;
        }
        self.entries().into_iter().find(|entry| entry.key.text() == name).map(|entry| entry.value)
    }

    /// The entries of a mapping: its own in order, then merged ones that it does not override.
    ///
    /// Each mapping is visited once, so that merges of merges end, and none calls another, so that they cannot be too deep.
    pub fn entries(&self) -> Vec<Entry<'a>> {
        // Most mappings are small and merge nothing: looking back over a few keys is cheaper than a table.
        const SMALL: usize = 12;
        let mut found: Vec<Entry<'a>> = Vec::new();
        if let NodeKind::Mapping(entries) = &self.raw().kind
            && entries.len() <= SMALL
        {
            for (key, value) in entries {
                let entry = Entry { key: self.at(*key, None), value: self.at(*value, Some(*key)), merged: false };
                let name = entry.key.text();
                match found.iter_mut().find(|earlier| earlier.key.text() == name) {
                    Some(earlier) => *earlier = entry,
                    None => found.push(entry),
                }
            }
            if !found.iter().any(|entry| entry.key.is_merge()) {
                return found;
            }
            found.clear();
        }
        let mut names = HashMap::new();
        let mut visited = HashSet::new();
        let mut waiting = vec![*self];
        while let Some(mapping) = waiting.pop() {
            let NodeKind::Mapping(entries) = &mapping.raw().kind else { continue };
            if !visited.insert(mapping.node) {
                continue;
            }
            let merged = mapping.node != self.node;
            let mut merges = Vec::new();
            for (key, value) in entries {
                let entry = Entry { key: self.at(*key, None), value: self.at(*value, Some(*key)), merged };
                if entry.key.is_merge() {
                    match entry.value.kind() {
                        Kind::Sequence => merges.extend(entry.value.items()),
                        _ => merges.push(entry.value),
                    }
                    continue;
                }
                match names.entry(entry.key.text()) {
                    hash_map::Entry::Vacant(place) => {
                        place.insert(found.len());
                        found.push(entry);
                    }
                    hash_map::Entry::Occupied(place) if !merged => found[*place.get()] = entry,
                    hash_map::Entry::Occupied(_) => {}
                }
            }
            waiting.extend(merges.into_iter().rev());
        }
        found
    }

    /// Whether it is a merge key: `<<`, neither quoted nor tagged.
    fn is_merge(&self) -> bool {
        self.quoting() == Some(Quoting::Plain) && self.tag().is_none() && self.text() == "<<"
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> impl Iterator<Item = Self> + use<'a> {
        let this = *self;
        let items: &'a [NodeId] = match &self.raw().kind {
            NodeKind::Sequence(items) => items,
            _ => &[],
        };
        items.iter().map(move |item| this.at(*item, None))
    }

    /// The items of the list under a key; none when there is no such list.
    pub fn list(&self, name: &str) -> Vec<Self> {
        self.get(name).map(|list| list.items().collect()).unwrap_or_default()
    }

    /// What a scalar says to Kubernetes; `None` for a collection.
    pub fn resolve(&self) -> Option<Scalar<'a>> {
        let quoting = self.quoting()?;
        let text = self.text();
        let core = self.tag().map(|tag| tag.strip_prefix("tag:yaml.org,2002:").unwrap_or(tag));
        match (core, quoting) {
            (Some("float"), _) => match resolve_plain(text) {
                Scalar::Int(number) => number.to_string().parse().ok().map(Scalar::Float),
                other => Some(other),
            },
            // go-yaml takes `!` for no tag at all, and a tag that it does not know for a string.
            (Some("!" | "int" | "bool" | "null"), _) | (None, Quoting::Plain) => Some(resolve_plain(text)),
            _ => Some(Scalar::Str(text)),
        }
    }

    /// Whether Kubernetes sees `null`.
    pub fn is_null(&self) -> bool {
        self.resolve() == Some(Scalar::Null)
    }

    /// The string, when Kubernetes sees one.
    pub fn as_str(&self) -> Option<Cow<'a, str>> {
        match self.resolve()? {
            Scalar::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The boolean, when Kubernetes sees one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.resolve()? {
            Scalar::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// Whether it is the value of a key in `{ }` that has no colon either.
    pub(crate) fn lacks_colon(&self) -> bool {
        let own = self.own_bytes();
        let key = self.key.map(|key| &self.document.node(key).span);
        own.is_empty() && key.is_some_and(|key| !slice(&self.file.text, &(key.end..own.start)).contains(':'))
    }

    /// The text that it is, when it is a string that was read as YAML.
    pub fn embedded(&self) -> Option<&'a ManifestFile> {
        self.file.embedded_at(*self)
    }

    /// Whether its bytes are written in its source exactly as they stand: not so for what a variable or a patch put there.
    pub fn is_verbatim(&self) -> bool {
        self.file.is_verbatim(&self.raw().span)
    }

    /// Whether a node of a document stands within it.
    pub(crate) fn holds(&self, document: usize, node: NodeId) -> bool {
        let own = &self.raw().span;
        self.document.index == document && {
            let inner = &self.document.node(node).span;
            own.start <= inner.start && inner.end <= own.end
        }
    }

    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    /// Its bytes as a text.
    pub(crate) fn raw_text(&self) -> &'a str {
        slice(&self.file.text, &self.raw().span)
    }

    pub(crate) fn own_bytes(&self) -> &'a Bytes {
        &self.raw().span
    }
}

/// The resolution of go-yaml v2, which Kubernetes uses: YAML 1.1 booleans, octal by a leading zero, no sexagesimals.
pub(crate) fn resolve_plain(text: Cow<'_, str>) -> Scalar<'_> {
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            return Scalar::Bool(false);
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        _ => {}
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    if !numeric {
        return Scalar::Str(text);
    }
    let plain = text.replace('_', "");
    if let Some(number) = integer(&plain) {
        return Scalar::Int(number);
    }
    if is_float(&plain)
        && let Ok(number) = plain.parse::<f64>()
        && number.is_finite()
    {
        return Scalar::Float(number);
    }
    Scalar::Str(text)
}

/// Go's `strconv.ParseInt(text, 0, 64)` and `ParseUint`.
fn integer(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    i128::from_str_radix(digits, radix)
        .ok()
        .map(|n| sign * n)
        .filter(|n| *n >= i128::from(i64::MIN) && *n <= i128::from(u64::MAX))
}

/// go-yaml's pattern for floats: `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`.
fn is_float(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (body, None),
    };
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part) && !(whole.is_empty() && part.is_empty()),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    mantissa_ok && exponent_ok
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_as_kubernetes_reads_them() {
        let resolve = |text| resolve_plain(Cow::Borrowed(text));
        assert_eq!(resolve("yes"), Scalar::Bool(true));
        assert_eq!(resolve("Off"), Scalar::Bool(false));
        assert_eq!(resolve("yEs"), Scalar::Str("yEs".into()));
        assert_eq!(resolve("0755"), Scalar::Int(0o755));
        assert_eq!(resolve("0x1F"), Scalar::Int(31));
        assert_eq!(resolve("1_000"), Scalar::Int(1000));
        assert_eq!(resolve("-5"), Scalar::Int(-5));
        assert_eq!(resolve("1e3"), Scalar::Float(1000.0));
        assert_eq!(resolve("64512:100"), Scalar::Str("64512:100".into()));
        assert_eq!(resolve("192.168.1.1"), Scalar::Str("192.168.1.1".into()));
        assert_eq!(resolve("10.0"), Scalar::Float(10.0));
        assert_eq!(resolve("~"), Scalar::Null);
        assert_eq!(resolve("-"), Scalar::Str("-".into()));
        assert_eq!(resolve("08"), Scalar::Float(8.0));
    }
}
