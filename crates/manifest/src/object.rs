//! Kubernetes objects: documents with `apiVersion` and `kind`.

use std::borrow::Cow;

use poolcheck_plan::Span;

use crate::embed::is_no_object;
use crate::value::{Kind, Value};
use crate::yaml::NodeId;

/// A Kubernetes object as written.
#[derive(Debug, Clone, Copy)]
pub struct Object<'a> {
    /// The whole object.
    pub value: Value<'a>,
    /// Whether it stands inside another object or inside a string, so that something else (a chart, an operator) makes it.
    pub nested: bool,
}

/// The objects of one document: itself, or the items of a `List`.
pub(crate) fn objects_of(root: Value<'_>) -> Vec<Object<'_>> {
    let mut found = Vec::new();
    gather(root, &mut found, 0);
    found
}

fn gather<'a>(value: Value<'a>, found: &mut Vec<Object<'a>>, depth: usize) {
    if value.kind() != Kind::Mapping || value.get("kind").is_none() {
        return;
    }
    let object = Object { value, nested: false };
    let items = value.get("items").filter(|items| items.kind() == Kind::Sequence);
    match items {
        // A List in a List is not Kubernetes; two levels are read so that a slip is still seen.
        Some(items) if object.kind().ends_with("List") && depth < 2 => {
            items.items().for_each(|item| gather(item, found, depth + 1));
        }
        _ => found.push(object),
    }
}

/// The objects inside another one: `resources` of a chart of raw manifests, `extraObjects`, a template of an operator.
///
/// Only kinds that matter here are taken, and only what has a `metadata` or a `spec`: a mere reference has neither.
pub(crate) fn nested_in(outer: &Object<'_>) -> Vec<(usize, NodeId)> {
    let mut found = Vec::new();
    let mut waiting: Vec<Value<'_>> = children(outer.value);
    while let Some(value) = waiting.pop() {
        if value.alias_span().is_some() {
            continue;
        }
        if value.kind() == Kind::Mapping && value.get("kind").is_some() && value.get("apiVersion").is_some() {
            let object = Object { value, nested: true };
            if is_ours(&object) && (object.metadata().is_some() || object.spec().is_some()) {
                found.push((value.document().index, value.node()));
            }
        }
        waiting.extend(children(value));
    }
    found
}

fn children(value: Value<'_>) -> Vec<Value<'_>> {
    match value.kind() {
        Kind::Mapping => {
            let entries = value.entries().into_iter();
            entries.filter(|e| !e.merged && !is_no_object(&e.key.text())).map(|entry| entry.value).collect()
        }
        Kind::Sequence => value.items().collect(),
        Kind::Scalar | Kind::Unresolved => Vec::new(),
    }
}

fn is_ours(object: &Object<'_>) -> bool {
    const GROUPS: [&str; 6] =
        ["metallb.io", "cilium.io", "purelb.io", "network.kubesphere.io", "projectcalico.org", "crd.projectcalico.org"];
    GROUPS.contains(&&*object.group())
        || (object.api_version() == "v1" && matches!(&*object.kind(), "Service" | "ConfigMap"))
}

impl<'a> Object<'a> {
    fn text_of(&self, key: &str) -> Cow<'a, str> {
        self.value.get(key).filter(|value| !value.is_null()).map(|value| value.text()).unwrap_or_default()
    }

    /// `apiVersion`; empty when it is not there.
    pub fn api_version(&self) -> Cow<'a, str> {
        self.text_of("apiVersion")
    }

    /// `kind`.
    pub fn kind(&self) -> Cow<'a, str> {
        self.text_of("kind")
    }

    /// The part of `apiVersion` before the slash; empty for the core group.
    pub fn group(&self) -> String {
        self.api_version().split_once('/').map_or_else(String::new, |(group, _)| group.to_owned())
    }

    /// The part of `apiVersion` after the slash.
    pub fn version(&self) -> String {
        let text = self.api_version();
        text.split_once('/').map_or_else(|| text.to_string(), |(_, version)| version.to_owned())
    }

    /// `metadata`.
    pub fn metadata(&self) -> Option<Value<'a>> {
        self.value.get("metadata").filter(|value| value.kind() == Kind::Mapping)
    }

    /// `spec`.
    pub fn spec(&self) -> Option<Value<'a>> {
        self.value.get("spec").filter(|value| value.kind() == Kind::Mapping)
    }

    fn metadata_text(&self, key: &str) -> Option<Cow<'a, str>> {
        let value = self.metadata()?.get(key).filter(|value| !value.is_null())?;
        Some(value.text()).filter(|text| !text.is_empty())
    }

    /// `metadata.name`, when it is there and not empty.
    pub fn name(&self) -> Option<Cow<'a, str>> {
        self.metadata_text("name")
    }

    /// The namespace it is applied to, when that is said: by the kustomization around it, else by `metadata.namespace`.
    pub fn namespace(&self) -> Option<Cow<'a, str>> {
        const CLUSTER_WIDE: [&str; 4] = ["Namespace", "Node", "CustomResourceDefinition", "CiliumLoadBalancerIPPool"];
        let given = self.value.file().namespace.as_deref();
        match given.filter(|_| !self.nested && !CLUSTER_WIDE.contains(&&*self.kind())) {
            Some(given) => Some(Cow::Borrowed(given)),
            None => self.metadata_text("namespace"),
        }
    }

    /// Where its name is said; its kind's place when it has none.
    pub fn name_span(&self) -> Span {
        let name = self.metadata().and_then(|metadata| metadata.get("name"));
        name.map_or_else(|| self.kind_span(), |name| name.place())
    }

    /// Where its kind is said.
    pub fn kind_span(&self) -> Span {
        self.value.get("kind").unwrap_or(self.value).place()
    }

    /// `metadata.labels` as pairs.
    pub fn labels(&self) -> Vec<(String, String)> {
        let labels = self.metadata().and_then(|metadata| metadata.get("labels"));
        let entries = labels.map(|labels| labels.entries()).unwrap_or_default();
        entries.iter().map(|e| (e.key.text().into_owned(), e.value.text().into_owned())).collect()
    }

    /// One annotation.
    pub fn annotation(&self, name: &str) -> Option<Value<'a>> {
        self.metadata()?.get("annotations")?.get(name)
    }

    /// `namespace/name`, or the name alone.
    pub fn title(&self) -> String {
        let name = self.name().unwrap_or(Cow::Borrowed("(no name)"));
        match self.namespace() {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.into_owned(),
        }
    }

    /// `Kind namespace/name`.
    pub fn reference(&self) -> String {
        format!("{} {}", self.kind(), self.title())
    }
}
