//! Kustomize patches: what an overlay changes in the objects of its base.
//!
//! Strategic merge patches (for custom resources: JSON merge patches), JSON 6902 patches, and the `namespace` that a
//! kustomization gives to all. What cannot be followed is said, and its object is not judged.
//!
//! Sources: Kustomize `patches`, `patchesStrategicMerge`, `patchesJson6902`, `namespace`, `replacements`; RFC 6902; RFC 7386.

use super::graph::{Graph, Unit, patch_file, patches};
use super::rewrite::{Edit, Written};
use crate::embed::map_of;
use crate::file::ManifestFile;
use crate::object::Object;
use crate::value::{Kind, Value};
use crate::yaml::Limits;

/// What happens to the documents of one file.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) edits: Vec<Edit>,
    /// Documents whose patch is not followed.
    pub(super) unfollowed: Vec<usize>,
    /// The namespace that all objects get.
    pub(super) namespace: Option<Box<str>>,
}

/// The edits that the kustomizations on the way to a file make, those of the outermost last.
///
/// They are made in rounds: each kustomization changes what the one below it made.
pub(super) fn rounds<'g, 'a>(graph: &'g Graph<'a>, chain: &[usize], unit: &Unit<'a>) -> Vec<Round<'g, 'a>> {
    let changes = |index: &&usize| graph.changes[**index];
    let own = chain.iter().rev().filter(changes).map(|index| Round { graph, file: *index, unit: None });
    let last = unit.spec.filter(|spec| spec.get("patches").is_some() || spec.get("targetNamespace").is_some());
    own.chain(last.map(|spec| Round { graph, file: unit.file, unit: Some(spec) })).collect()
}

/// What one kustomization changes.
pub(super) struct Round<'g, 'a> {
    graph: &'g Graph<'a>,
    file: usize,
    /// `spec` of a Flux Kustomization, whose patches come after all others.
    unit: Option<Value<'a>>,
}

/// Which objects a patch is for.
struct Target {
    kind: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
    /// Selects by labels or a pattern, so that only the kind is sure.
    vague: bool,
}

impl Round<'_, '_> {
    /// What it changes in a file.
    pub(super) fn changes(&self, file: &ManifestFile, limits: &Limits) -> Changes {
        let mut changes = Changes::default();
        let objects: Vec<Object<'_>> = file.objects().into_iter().filter(|object| !object.nested).collect();
        let roots: Vec<Value<'_>> = match self.unit {
            Some(spec) => vec![spec],
            None => self.graph.files[self.file].roots().collect(),
        };
        for root in roots {
            for entry in patches(root) {
                self.patch(entry, &objects, limits, &mut changes);
            }
            for entry in root.list("replacements") {
                for target in entry.list("targets") {
                    let select = target.get("select").map(target_of);
                    for object in objects.iter().filter(|o| select.as_ref().is_some_and(|select| select.is(o))) {
                        changes.unfollowed.push(object.value.document().index);
                    }
                }
            }
            let namespace = root.get("namespace").or_else(|| root.get("targetNamespace"));
            changes.namespace = namespace.filter(|name| !name.is_null()).map(|name| name.text().into());
        }
        changes
    }

    fn patch(&self, entry: Value<'_>, objects: &[Object<'_>], limits: &Limits, changes: &mut Changes) {
        let inline = entry.get("patch").or_else(|| Some(entry).filter(|e| e.kind() == Kind::Scalar));
        let target = entry.get("target").map(target_of);
        let opened = patch_file(&entry).and_then(|path| self.graph.open(self.file, &path.text()));
        let parsed = match (opened, inline) {
            (Some(_), _) => None,
            (None, Some(text)) if text.text().contains('\n') || text.text().contains('{') => {
                let map = map_of(text, text.file());
                Some(ManifestFile::plain(text.file().source(), text.text().into(), limits, Some(map)))
            }
            _ => {
                // A patch that is not in the tree: what it is for can still be known.
                for object in objects.iter().filter(|o| target.as_ref().is_some_and(|target| target.is(o))) {
                    changes.unfollowed.push(object.value.document().index);
                }
                return;
            }
        };
        let Some(patch) = opened.or(parsed.as_ref()) else { return };
        for root in patch.roots() {
            let own = Target::of_object(&Object { value: root, nested: false });
            let target = target.as_ref().unwrap_or(&own);
            for object in objects.iter().filter(|object| target.is(object)) {
                let followed = !target.vague && apply(root, object, &mut changes.edits);
                if !followed {
                    changes.unfollowed.push(object.value.document().index);
                }
            }
        }
    }
}

fn target_of(value: Value<'_>) -> Target {
    let text = |key: &str| value.get(key).filter(|v| !v.is_null()).map(|v| v.text().into_owned());
    let pattern =
        |text: &Option<String>| text.as_ref().is_some_and(|t| t.contains(['*', '|', '[', '(', '+', '?', '^']));
    let (name, namespace) = (text("name"), text("namespace"));
    let vague = value.get("labelSelector").is_some() || value.get("annotationSelector").is_some() || pattern(&name);
    Target {
        kind: text("kind"),
        name: name.filter(|_| !vague),
        namespace: namespace.filter(|n| !pattern(&Some(n.clone()))),
        vague,
    }
}

impl Target {
    fn of_object(object: &Object<'_>) -> Self {
        let kind = Some(object.kind().into_owned());
        let name = object.name().map(std::borrow::Cow::into_owned);
        Self { kind, name, namespace: object.namespace().map(std::borrow::Cow::into_owned), vague: false }
    }

    fn is(&self, object: &Object<'_>) -> bool {
        let same = |wanted: &Option<String>, own: Option<std::borrow::Cow<'_, str>>| {
            wanted.as_ref().is_none_or(|wanted| own.is_some_and(|own| own == wanted.as_str()))
        };
        let namespace = match (&self.namespace, object.namespace()) {
            (Some(wanted), Some(own)) => own == wanted.as_str(),
            _ => true,
        };
        same(&self.kind, Some(object.kind())) && same(&self.name, object.name()) && namespace
    }
}

/// Applies one patch to one object; `false` when it cannot be followed.
fn apply(patch: Value<'_>, object: &Object<'_>, edits: &mut Vec<Edit>) -> bool {
    let mut made = Vec::new();
    let followed = match patch.kind() {
        Kind::Sequence => patch.items().all(|operation| json_patch(operation, object, &mut made)),
        Kind::Mapping => merge(patch, object.value, !is_builtin(object), 0, &mut made),
        _ => false,
    };
    if followed {
        edits.append(&mut made);
    }
    followed
}

fn is_builtin(object: &Object<'_>) -> bool {
    let group = object.group();
    !group.contains('.') || group.ends_with(".k8s.io")
}

/// Lays a merge patch over a mapping. A list replaces a list; for built-in kinds lists of objects are merged by keys, which
/// is not followed.
fn merge(patch: Value<'_>, target: Value<'_>, lists_replace: bool, depth: usize, edits: &mut Vec<Edit>) -> bool {
    patch.entries().into_iter().all(|entry| {
        let key = entry.key.text();
        if key.starts_with('$') {
            return false;
        }
        let own = target.get(&key);
        if depth == 0 && matches!(&*key, "apiVersion" | "kind") {
            return true;
        }
        if depth == 1 && own.is_some_and(|own| own.text() == entry.value.text()) && entry.value.kind() == Kind::Scalar {
            return true;
        }
        match (own, entry.value.kind()) {
            (Some(own), _) if own.alias_span().is_some() => false,
            (Some(own), Kind::Mapping) if own.kind() == Kind::Mapping => {
                merge(entry.value, own, lists_replace, depth + 1, edits)
            }
            (_, Kind::Sequence) if !lists_replace && entry.value.items().any(|i| i.kind() == Kind::Mapping) => false,
            (Some(own), _) => {
                edits.push(replace(own, entry.value));
                true
            }
            (None, _) if entry.value.is_null() => true,
            (None, _) => insert(target, &key, entry.value).map(|edit| edits.push(edit)).is_some(),
        }
    })
}

fn json_patch(operation: Value<'_>, object: &Object<'_>, edits: &mut Vec<Edit>) -> bool {
    let (Some(op), Some(path)) = (operation.get("op"), operation.get("path")) else { return false };
    let (op, path) = (op.text(), path.text());
    let keys: Vec<String> = path.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
    let Some((last, parents)) = keys.split_last() else { return false };
    let mut parent = object.value;
    for key in parents {
        let Some(next) = child(parent, key) else { return false };
        if next.alias_span().is_some() {
            return false;
        }
        parent = next;
    }
    let Some(value) = operation.get("value") else { return false };
    match (&*op, child(parent, last)) {
        ("replace", Some(own)) => edits.push(replace(own, value)),
        ("add", Some(own)) if parent.kind() == Kind::Mapping => edits.push(replace(own, value)),
        ("add", _) if parent.kind() == Kind::Sequence && last == "-" => {
            // Which of a list's entries comes first does not matter here.
            let Some(first) = parent.items().next() else { return false };
            if !parent.raw_text().starts_with('[') {
                return false;
            }
            let mut text = Written::default();
            text.flow(value);
            text.push(", ", value.span(), false);
            let at = first.own_bytes().start;
            edits.push(Edit { bytes: at..at, text });
        }
        ("add", None) if parent.kind() == Kind::Mapping => match insert(parent, last, value) {
            Some(edit) => edits.push(edit),
            None => return false,
        },
        // Something that is there and must be so: then nothing changes.
        ("test", Some(own)) => return own.text() == value.text(),
        _ => return false,
    }
    true
}

fn child<'a>(value: Value<'a>, key: &str) -> Option<Value<'a>> {
    match value.kind() {
        Kind::Sequence => value.items().nth(key.parse().ok()?),
        _ => value.get(key),
    }
}

fn replace(own: Value<'_>, new: Value<'_>) -> Edit {
    let mut text = Written::default();
    let bytes = own.own_bytes().clone();
    // On a line of its own it must stand further in than the key above it.
    if bytes.is_empty() || own.raw_text().starts_with('-') {
        text.push(" ", new.place(), false);
    }
    text.flow(new);
    // A block collection ends with its line: what follows must stay on a line of its own.
    if own.raw_text().ends_with('\n') {
        text.push("\n", new.place(), false);
    }
    Edit { bytes, text }
}

/// A new entry before the first of a mapping.
fn insert(mapping: Value<'_>, key: &str, value: Value<'_>) -> Option<Edit> {
    if mapping.kind() != Kind::Mapping || mapping.alias_span().is_some() {
        return None;
    }
    let mut text = Written::default();
    let flow = mapping.raw_text().starts_with('{');
    let first = mapping.entries().into_iter().find(|entry| !entry.merged);
    let at = match (&first, flow) {
        (_, true) => mapping.own_bytes().start + 1,
        (Some(first), false) => first.key.own_bytes().start,
        (None, false) => return None,
    };
    text.push(&format!("{key}: "), value.place(), false);
    text.flow(value);
    let whole = mapping.file().text();
    let end = match (first.is_some(), flow) {
        (true, true) => ", ".to_owned(),
        (false, true) => String::new(),
        _ => {
            let line = whole[..at as usize].rfind('\n').map_or(0, |at| at + 1);
            format!("\n{}", " ".repeat(whole[line..at as usize].chars().count()))
        }
    };
    text.push(&end, value.place(), false);
    Some(Edit { bytes: at..at, text })
}
