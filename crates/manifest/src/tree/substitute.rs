//! Variables that Flux puts in: `${VAR}`, `${VAR:=default}`.
//!
//! What a variable says is looked up where Flux looks: in `postBuild.substitute`, in the ConfigMaps of `substituteFrom`.
//! What the user says comes first. Where nothing says which Kustomization applies a file, a variable that the whole tree
//! defines with one value is that value, less surely.
//!
//! Source: Flux `kustomize.toolkit.fluxcd.io/v1` "Post build variable substitution"; drone/envsubst.

use std::collections::{BTreeMap, BTreeSet};

use poolcheck_plan::{Confidence, Span};

use super::graph::{Graph, Unit, variables as entries_of};
use super::rewrite::{Edit, Written};
use crate::file::ManifestFile;
use crate::value::Value;

/// What a variable says, and where that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The value.
    pub value: String,
    /// Its place; `None` for the command line.
    pub place: Option<Span>,
    /// How sure it is that this definition holds.
    pub confidence: Confidence,
}

/// A variable that was put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Substitution {
    /// Where it is used.
    pub place: Span,
    /// Its name.
    pub name: String,
    /// What it says.
    pub definition: Definition,
}

/// The variables that hold for one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Environment {
    values: BTreeMap<String, Definition>,
    /// Whether there may be more: a Secret, a ConfigMap that is not in the tree.
    open: bool,
}

/// Variables of variables of variables: deeper is a loop.
const DEPTH: usize = 8;

impl Environment {
    /// What a unit puts in.
    pub(super) fn of_unit(unit: &Unit<'_>, graph: &Graph<'_>, near: &dyn Fn(usize) -> bool) -> Self {
        let mut found = Self::default();
        let Some(build) = unit.spec.and_then(|spec| spec.get("postBuild")) else { return found };
        for from in build.list("substituteFrom") {
            let name = from.get("name").map(|name| name.text().into_owned()).unwrap_or_default();
            let named = || graph.variable_maps().iter().filter(|map| map.name.as_ref() == Some(&name));
            let some_near = named().any(|map| near(map.file));
            let maps: Vec<_> = named().filter(|map| !some_near || near(map.file)).map(|map| map.value).collect();
            found.open |= maps.is_empty();
            found.open |= !found.take_all(maps, Confidence::High);
        }
        for (key, value) in build.get("substitute").map(entries_of).unwrap_or_default() {
            found.take(key, &[value], Confidence::High);
        }
        found
    }

    /// What the tree says with one voice.
    pub(super) fn of_tree(graph: &Graph<'_>, used: &dyn Fn(usize) -> bool) -> Self {
        let maps = graph.variable_maps().iter().filter(|map| used(map.file)).map(|map| map.value).collect();
        let mut found = Self::default();
        found.take_all(maps, Confidence::Medium);
        found
    }

    /// What the user said on the command line or in the configuration.
    pub(super) fn of_user(said: &BTreeMap<String, Definition>) -> Self {
        Self { values: said.clone(), open: false }
    }

    /// Takes the variables of several mappings; `false` when one of them stays unknown.
    fn take_all(&mut self, maps: Vec<Value<'_>>, confidence: Confidence) -> bool {
        let mut said: BTreeMap<String, Vec<Value<'_>>> = BTreeMap::new();
        for (key, value) in maps.into_iter().flat_map(entries_of) {
            said.entry(key).or_default().push(value);
        }
        said.into_iter().fold(true, |known, (key, values)| self.take(key, &values, confidence) && known)
    }

    /// Takes a variable that all of its definitions give one value; `false` when it stays unknown.
    fn take(&mut self, key: String, values: &[Value<'_>], confidence: Confidence) -> bool {
        let texts: BTreeSet<_> = values.iter().map(Value::text).collect();
        let (Some(value), 1) = (values.first(), texts.len()) else { return false };
        if value.text().starts_with("ENC[") || !is_name(&key) {
            return false;
        }
        let definition = Definition { value: value.text().into_owned(), place: Some(value.span()), confidence };
        self.values.insert(key, definition);
        true
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// One `${…}` of a text.
struct Use<'t> {
    bytes: std::ops::Range<usize>,
    name: &'t str,
    default: Option<&'t str>,
}

fn uses(text: &str) -> impl Iterator<Item = Use<'_>> {
    text.match_indices("${").filter_map(|(start, _)| {
        // `$${` is how a dollar is written that stays.
        if text[..start].ends_with('$') {
            return None;
        }
        let inner = &text[start + 2..];
        let end = inner.find('}').filter(|end| !inner[..*end].contains('\n'))?;
        let inner = &inner[..end];
        let stop = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
        let (name, rest) = inner.split_at(stop);
        let default = [":=", ":-", "=", "-"].iter().find_map(|sign| rest.strip_prefix(sign));
        let plain = rest.is_empty() || default.is_some();
        (is_name(name) && plain).then_some(Use { bytes: start..start + end + 3, name, default })
    })
}

/// The names of the variables that a text uses.
pub(super) fn variables(text: &str) -> impl Iterator<Item = &str> {
    uses(text).map(|found| found.name)
}

/// Whether a text uses variables at all.
pub(super) fn has_variables(text: &str) -> bool {
    text.contains("${") && uses(text).next().is_some()
}

/// The edits that put the variables into a file; the environments are asked in their order.
pub(super) fn edits(file: &ManifestFile, environments: &[&Environment]) -> (Vec<Edit>, Vec<Substitution>) {
    let text = file.text();
    let (mut edits, mut substitutions) = (Vec::new(), Vec::new());
    for found in uses(text) {
        let Some(definition) = resolve(found.name, found.default, environments, DEPTH) else { continue };
        let bytes = found.bytes.start as u32..found.bytes.end as u32;
        let place = file.outer(&bytes);
        edits.push(Edit { bytes, text: Written::from(definition.value.clone(), place) });
        substitutions.push(Substitution { place, name: found.name.to_owned(), definition });
    }
    (edits, substitutions)
}

fn resolve(name: &str, default: Option<&str>, environments: &[&Environment], depth: usize) -> Option<Definition> {
    if depth == 0 {
        return None;
    }
    let known = environments.iter().find_map(|environment| environment.values.get(name)).cloned();
    let open = environments.iter().any(|environment| environment.open);
    let fallback = || {
        let value = default.filter(|_| !open)?.to_owned();
        Some(Definition { value, place: None, confidence: Confidence::Medium })
    };
    let mut definition = known.or_else(fallback)?;
    let mut value = String::new();
    let mut at = 0;
    for inner in uses(&definition.value) {
        let found = resolve(inner.name, inner.default, environments, depth - 1)?;
        value.push_str(&definition.value[at..inner.bytes.start]);
        value.push_str(&found.value);
        definition.confidence = definition.confidence.min(found.confidence);
        at = inner.bytes.end;
    }
    value.push_str(&definition.value[at..]);
    definition.value = value;
    Some(definition)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(values: &[(&str, &str)]) -> Environment {
        let definition =
            |value: &str| Definition { value: value.to_owned(), place: None, confidence: Confidence::High };
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), definition(value))).collect();
        Environment { values, open: false }
    }

    fn say(name: &str, default: Option<&str>, environments: &[&Environment]) -> Option<String> {
        resolve(name, default, environments, DEPTH).map(|definition| definition.value)
    }

    #[test]
    fn variables_are_looked_up_in_order_and_in_each_other() {
        let user = environment(&[("A", "1")]);
        let flux = environment(&[("A", "2"), ("B", "x${A}y"), ("L", "${M}"), ("M", "${L}")]);
        let both: [&Environment; 2] = [&user, &flux];
        assert_eq!(say("A", None, &both).as_deref(), Some("1"));
        assert_eq!(say("B", None, &both).as_deref(), Some("x1y"));
        assert_eq!(say("L", None, &both), None, "a loop ends");
        assert_eq!(say("N", Some("d"), &both).as_deref(), Some("d"));
        let open = Environment { open: true, ..Environment::default() };
        assert_eq!(say("N", Some("d"), &[&open]), None, "a Secret may say another value than the default");
    }

    #[test]
    fn only_whole_variables_are_used() {
        let found =
            |text: &str| uses(text).map(|u| (u.name.to_owned(), u.default.map(str::to_owned))).collect::<Vec<_>>();
        assert_eq!(
            found("a ${X} $${Y} ${Z:=1} $W ${X^^} ${9} ${open"),
            [("X".to_owned(), None), ("Z".to_owned(), Some("1".to_owned()))]
        );
    }
}
