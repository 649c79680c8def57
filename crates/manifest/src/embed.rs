//! YAML inside YAML: a text that is a string of another document, with every byte mapped back to the file it stands in.
//!
//! Helm values in a HelmChart's `valuesContent` or an Application's `helm.values`, a ConfigMap's `config` or `values.yaml`,
//! manifests in an `extraDeploy` list: whatever string holds objects, pools or values is read as a text of its own.

use std::sync::Arc;

use poolcheck_plan::Span;

use crate::file::ManifestFile;
use crate::object::Object;
use crate::textmap::TextMap;
use crate::value::{Kind, Value};
use crate::yaml::{Limits, NodeId, Quoting, slice};

/// Texts in texts in texts: deeper ones are not read.
const DEPTH: usize = 3;

/// An embedded text, read.
#[derive(Debug, Clone)]
pub(crate) struct Embedded {
    /// The document that holds it, by its number among all of the file.
    pub(crate) document: usize,
    /// The scalar that it is.
    pub(crate) node: NodeId,
    pub(crate) file: ManifestFile,
}

/// The embedded texts of a file.
pub(crate) fn find(file: &ManifestFile, limits: &Limits, depth: usize) -> Vec<Embedded> {
    if depth >= DEPTH || !may_embed(&file.text) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for root in file.roots() {
        search(&Object { value: root, nested: false }, limits, depth, &mut found);
    }
    found
}

fn may_embed(text: &str) -> bool {
    text.contains(['|', '>']) || text.contains("address-pools") || text.contains("valuesContent")
}

fn search(object: &Object<'_>, limits: &Limits, depth: usize, found: &mut Vec<Embedded>) {
    // A way down that remembers its path needs no recursion: the nodes of deep documents are bounded, stacks are not.
    let mut waiting: Vec<(Value<'_>, bool)> = vec![(object.value, false)];
    while let Some((value, known)) = waiting.pop() {
        if value.alias_span().is_some() {
            continue;
        }
        match value.kind() {
            Kind::Mapping => {
                for entry in value.entries().into_iter().filter(|entry| !entry.merged) {
                    let key = entry.key.text();
                    if !is_no_object(&key) {
                        waiting.push((entry.value, is_values_key(&key, object)));
                    }
                }
            }
            Kind::Sequence => waiting.extend(value.items().map(|item| (item, false))),
            Kind::Scalar => {
                let text = value.text();
                if known && !text.trim().is_empty() || holds_objects(&text) {
                    found.push(read(value, limits, depth));
                }
            }
            Kind::Unresolved => {}
        }
    }
    found.sort_by_key(|embedded| (embedded.document, embedded.node));
}

/// What stands under such a key looks like an object and is none: a patch, or what kubectl remembers of an earlier day.
pub(crate) fn is_no_object(key: &str) -> bool {
    key.starts_with("patch") || key == "annotations"
}

/// Whether the string under a key is YAML by the kind of the object.
fn is_values_key(key: &str, object: &Object<'_>) -> bool {
    match &*object.kind() {
        "HelmChart" | "HelmChartConfig" => key == "valuesContent",
        "Application" | "ApplicationSet" => key == "values",
        "ConfigMap" => key == "values" || matches!(key.rsplit_once('.'), Some((_, "yaml" | "yml"))),
        _ => false,
    }
}

fn holds_objects(text: &str) -> bool {
    text.contains("address-pools:") || (text.contains('\n') && text.contains("kind:") && text.contains("apiVersion:"))
}

fn read(value: Value<'_>, limits: &Limits, depth: usize) -> Embedded {
    let file = value.file();
    let text: Arc<str> = Arc::from(&*value.text());
    let map = map_of(value, file);
    let mut inner = ManifestFile::plain(file.source, text, limits, Some(map));
    inner.embedded = Arc::new(find(&inner, limits, depth + 1));
    Embedded { document: value.document().index, node: value.node(), file: inner }
}

/// Where the bytes of a scalar's text were written.
pub(crate) fn map_of(value: Value<'_>, file: &ManifestFile) -> TextMap {
    let whole = value.own_bytes().clone();
    let cooked = value.text();
    let raw = slice(&file.text, &whole);
    let mut map = TextMap::default();
    let mut push = |inner: u32, at: u32, length: u32| {
        let bytes = at..at + length;
        let exact = file.map.as_ref().is_none_or(|map| map.is_exact(&bytes));
        map.push(inner, file.outer(&bytes), exact);
    };
    match value.quoting() {
        Some(Quoting::Literal) => {
            for (inner, at, length) in literal_lines(&cooked, raw, whole.start) {
                push(inner, at, length);
            }
        }
        Some(Quoting::Plain) if *cooked == *raw => push(0, whole.start, cooked.len() as u32),
        Some(Quoting::Single | Quoting::Double) if raw.get(1..raw.len().saturating_sub(1)) == Some(&cooked) => {
            push(0, whole.start + 1, cooked.len() as u32);
        }
        _ => {}
    }
    let outer: Span = file.outer(&whole);
    if map == TextMap::default() { TextMap::whole(outer) } else { map }
}

/// The lines of a literal block are the file's own lines without their indentation: (byte of the text, byte of the file,
/// length). Nothing when they are not.
fn literal_lines(cooked: &str, raw: &str, start: u32) -> Vec<(u32, u32, u32)> {
    let mut outer = raw.split_inclusive('\n').scan(start, |at, line| {
        let here = *at;
        *at += line.len() as u32;
        Some((here, line))
    });
    outer.next(); // the line with the `|`
    let mut lines = Vec::new();
    let mut inner = 0;
    for line in cooked.split_inclusive('\n') {
        let Some((at, raw_line)) = outer.next() else { break };
        let content = line.trim_end_matches(['\r', '\n']);
        let bare = raw_line.trim_end_matches(['\r', '\n']);
        let Some(indent) = bare.len().checked_sub(content.len()).filter(|_| bare.ends_with(content)) else {
            return Vec::new();
        };
        lines.push((inner, at + indent as u32, content.len() as u32));
        inner += line.len() as u32;
    }
    lines
}
