//! One file of manifests.

use std::sync::Arc;

use memchr::memmem;
use poolcheck_plan::{SourceId, Span};

use crate::embed::{self, Embedded};
use crate::kinds::metallb;
use crate::kinds::pool::Pool;
use crate::object::{Object, nested_in, objects_of};
use crate::template::{self, Language, Template};
use crate::textmap::TextMap;
use crate::tree::Substitution;
use crate::value::Value;
use crate::yaml::{Bytes, Limits, NodeId, Stream, parse, slice};

/// A text with its documents. Values, objects and pools borrow from it.
#[derive(Debug, Clone)]
pub struct ManifestFile {
    pub(crate) source: SourceId,
    pub(crate) text: Arc<str>,
    // Shared, because a base that several clusters use is the same text for most of them.
    pub(crate) stream: Arc<Stream>,
    /// Per document: why it was not looked into.
    pub(crate) templates: Vec<Option<Template>>,
    /// Where the bytes of a composed text were written; `None` for a text as read.
    pub(crate) map: Option<TextMap>,
    pub(crate) embedded: Arc<Vec<Embedded>>,
    pub(crate) substitutions: Vec<Substitution>,
    /// The namespace that a kustomization gives to all objects of the file.
    pub(crate) namespace: Option<Box<str>>,
    /// The objects inside other objects, by document and node.
    nested: Arc<[(usize, NodeId)]>,
}

impl ManifestFile {
    /// Reads a text. Never fails: what is wrong is found in the documents' problems.
    pub fn parse(source: SourceId, text: Arc<str>, limits: &Limits) -> Self {
        Self::parse_some(source, text, limits, &|_| true)
    }

    /// Reads those documents of a text whose own text is wanted; of the others nothing is known.
    pub fn parse_some(source: SourceId, text: Arc<str>, limits: &Limits, wanted: &dyn Fn(&str) -> bool) -> Self {
        let mut file = Self::of(source, text, limits, None, wanted);
        file.embedded = Arc::new(embed::find(&file, limits, 0));
        file
    }

    /// Reads a text that was made of pieces of others: (where a piece begins, the place it was written at, whether it is those
    /// bytes one by one). Pieces ascend; what stands before the first has the first's place.
    pub fn made_of(
        source: SourceId,
        text: Arc<str>,
        limits: &Limits,
        pieces: impl IntoIterator<Item = (u32, Span, bool)>,
    ) -> Self {
        let mut map = TextMap::default();
        pieces.into_iter().for_each(|(start, outer, exact)| map.push(start, outer, exact));
        Self::composed(source, text, limits, map)
    }

    pub(crate) fn plain(source: SourceId, text: Arc<str>, limits: &Limits, map: Option<TextMap>) -> Self {
        Self::of(source, text, limits, map, &|_| true)
    }

    fn of(
        source: SourceId,
        text: Arc<str>,
        limits: &Limits,
        map: Option<TextMap>,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Self {
        let stream = parse(&text, limits, wanted);
        let templates = stream.documents.iter().map(|document| template::of_document(document, &text)).collect();
        // More API versions than documents: then objects may stand inside objects.
        let nests = memmem::find_iter(text.as_bytes(), "apiVersion").nth(stream.documents.len()).is_some();
        let (stream, substitutions) = (Arc::new(stream), Vec::new());
        let (embedded, nested) = (Arc::default(), Arc::default());
        let mut file = Self { source, text, stream, templates, map, embedded, substitutions, namespace: None, nested };
        if nests {
            file.nested = file.roots().flat_map(objects_of).flat_map(|object| nested_in(&object)).collect();
        }
        file
    }

    /// A text made of others.
    pub(crate) fn composed(source: SourceId, text: Arc<str>, limits: &Limits, map: TextMap) -> Self {
        let mut file = Self::plain(source, text, limits, Some(map));
        file.embedded = Arc::new(embed::find(&file, limits, 0));
        file
    }

    /// Leaves a document out, because a patch changes it in a way that is not followed.
    pub(crate) fn leave_out(&mut self, document: usize) {
        let Some(found) = self.stream.documents.iter().position(|own| own.index == document) else { return };
        let span = self.stream.documents[found].span.clone();
        let text = slice(&self.text, &span);
        let start = span.start + (text.len() - text.trim_start_matches(['-', '\n', '\r', ' ']).len()) as u32;
        let end = start + slice(&self.text, &(start..span.end)).lines().next().map_or(0, str::len) as u32;
        self.templates[found] = Some(Template { span: start..end, language: Language::Patched });
    }

    /// The documents that were left out.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = usize> {
        let documents = self.stream.documents.iter().zip(&self.templates);
        let patched = |template: &Option<Template>| template.as_ref().is_some_and(|t| t.language == Language::Patched);
        documents.filter(move |(_, template)| patched(template)).map(|(document, _)| document.index)
    }

    /// The variables that were put into this file.
    pub fn substitutions(&self) -> &[Substitution] {
        &self.substitutions
    }

    /// The stretches of a piece of the text: (first byte, where it was written, whether byte by byte).
    pub(crate) fn stretches(&self, bytes: &Bytes) -> Vec<(u32, Span, bool)> {
        match &self.map {
            None => vec![(bytes.start, self.outer(bytes), true)],
            Some(map) => map.stretches(bytes),
        }
    }

    /// The text: as read, or as GitOps tools make it.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The documents.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The source that spans point into.
    pub fn source(&self) -> SourceId {
        self.source
    }

    /// Gives the file its number among the sources of a run.
    pub fn set_source(&mut self, source: SourceId) {
        if let Some(map) = &mut self.map {
            map.renumber(self.source, source);
        }
        for substitution in self.substitutions.iter_mut().filter(|own| own.place.source == self.source) {
            substitution.place.source = source;
        }
        self.source = source;
        for embedded in Arc::make_mut(&mut self.embedded) {
            embedded.file.set_source(source);
        }
    }

    /// A byte range of this file's text as a span of its source.
    pub fn outer(&self, bytes: &Bytes) -> Span {
        match &self.map {
            None => Span::new(self.source, bytes.start, bytes.end),
            Some(map) => map.outer(bytes),
        }
    }

    /// Whether bytes of this file's text are written in its source exactly as they stand, so that they can be edited there.
    pub fn is_verbatim(&self, bytes: &Bytes) -> bool {
        self.map.as_ref().is_none_or(|map| map.is_exact(bytes))
    }

    /// The roots of all documents that could be read and are no templates.
    pub fn roots(&self) -> impl Iterator<Item = Value<'_>> {
        let documents = self.stream.documents.iter().zip(&self.templates);
        documents.filter(|(_, template)| template.is_none()).filter_map(|(document, _)| Value::root(self, document))
    }

    /// The roots of all documents, those in strings too.
    pub fn all_roots(&self) -> Vec<Value<'_>> {
        let inner = self.embedded.iter().flat_map(|embedded| embedded.file.all_roots());
        self.roots().chain(inner).collect()
    }

    /// The Kubernetes objects: documents, `kind: List` taken apart, and those inside other objects or inside strings.
    pub fn objects(&self) -> Vec<Object<'_>> {
        let mut objects = Vec::new();
        for root in self.roots() {
            objects.extend(objects_of(root));
            let number = root.document().index;
            let inside = self.nested.iter().filter(|(document, _)| *document == number);
            objects.extend(inside.map(|(_, node)| Object { value: root.inside(*node), nested: true }));
        }
        for embedded in self.embedded.iter() {
            objects.extend(embedded.file.objects().into_iter().map(|object| Object { nested: true, ..object }));
        }
        objects.sort_by_key(|object| object.value.span());
        objects
    }

    /// What things of this file stand in: its objects, and the roots of documents that are none (a values file).
    fn holders(&self) -> Vec<Object<'_>> {
        let whole = |root| vec![Object { value: root, nested: false }];
        let of = |root| Some(objects_of(root)).filter(|objects| !objects.is_empty()).unwrap_or_else(|| whole(root));
        self.roots().flat_map(of).collect()
    }

    /// The text of a string of this file, when it was read as YAML.
    pub(crate) fn embedded_at(&self, value: Value<'_>) -> Option<&Self> {
        let at = (value.document().index, value.node());
        let index = self.embedded.binary_search_by_key(&at, |embedded| (embedded.document, embedded.node)).ok()?;
        Some(&self.embedded[index].file)
    }

    /// The documents that were not looked into because they are templates.
    pub fn templates(&self) -> impl Iterator<Item = (Span, &Template)> {
        let own = self.templates.iter().flatten().map(|template| (self.outer(&template.span), template));
        let inner: Vec<_> = self.embedded.iter().flat_map(|embedded| embedded.file.templates()).collect();
        own.chain(inner)
    }

    /// The documents whose problems are theirs: a template is no broken YAML, it is no YAML yet.
    pub fn documents(&self) -> impl Iterator<Item = &crate::yaml::Document> {
        self.stream.documents.iter().zip(&self.templates).filter(|(_, template)| template.is_none()).map(|(d, _)| d)
    }

    /// The pools of MetalLB's old configuration (0.12 and earlier) in this file: lists `address-pools`, in a ConfigMap's
    /// `config`, in a chart's values, or wherever else they stand.
    pub fn config_map_pools(&self) -> Vec<Pool<'_>> {
        if !self.text.contains("address-pools") {
            return Vec::new();
        }
        let mut pools = Vec::new();
        let holders = self.holders();
        for object in &holders {
            metallb::address_pools(object, object.value, &mut pools);
        }
        for embedded in self.embedded.iter() {
            let inside = |object: &&Object<'_>| object.value.holds(embedded.document, embedded.node);
            let holder = holders.iter().find(inside).copied();
            for inner in embedded.file.config_map_pools() {
                pools.push(Pool { object: holder.unwrap_or(inner.object), ..inner });
            }
        }
        pools
    }
}
