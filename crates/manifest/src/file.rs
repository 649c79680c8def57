//! One file of manifests.

use std::sync::Arc;

use poolcheck_plan::{SourceId, Span};

use crate::embed::{self, Embedded, OffsetMap};
use crate::kinds::metallb;
use crate::kinds::pool::Pool;
use crate::object::{Object, objects_of};
use crate::template::{self, Template};
use crate::value::Value;
use crate::yaml::{Bytes, Limits, Stream, parse};

/// A text with its documents. Values, objects and pools borrow from it.
#[derive(Debug, Clone)]
pub struct ManifestFile {
    pub(crate) source: SourceId,
    pub(crate) text: Arc<str>,
    pub(crate) stream: Stream,
    /// Per document: why it was not looked into.
    templates: Vec<Option<Template>>,
    /// How bytes of an embedded text map to the file it stands in.
    pub(crate) map: Option<OffsetMap>,
    embedded: Vec<Embedded>,
}

impl ManifestFile {
    /// Reads a text. Never fails: what is wrong is found in the documents' problems.
    pub fn parse(source: SourceId, text: Arc<str>, limits: &Limits) -> Self {
        let mut file = Self::plain(source, text, limits, None);
        file.embedded = embed::find(&file, limits);
        file
    }

    pub(crate) fn plain(source: SourceId, text: Arc<str>, limits: &Limits, map: Option<OffsetMap>) -> Self {
        let stream = parse(&text, limits);
        let templates = stream.documents.iter().map(|document| template::of_document(document, &text)).collect();
        Self { source, text, stream, templates, map, embedded: Vec::new() }
    }

    /// The text, exactly as read.
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
        self.source = source;
        for embedded in &mut self.embedded {
            embedded.file.set_source(source);
        }
    }

    /// A byte range of this file's text as a span of its source.
    pub fn outer(&self, bytes: &Bytes) -> Span {
        match &self.map {
            None => Span::new(self.source, bytes.start, bytes.end),
            Some(map) => {
                let bytes = map.outer(bytes);
                Span::new(self.source, bytes.start, bytes.end)
            }
        }
    }

    /// The roots of all documents that could be read and are no templates.
    pub fn roots(&self) -> impl Iterator<Item = Value<'_>> {
        let documents = self.stream.documents.iter().zip(&self.templates);
        documents.filter(|(_, template)| template.is_none()).filter_map(|(document, _)| Value::root(self, document))
    }

    /// The Kubernetes objects, `kind: List` taken apart.
    pub fn objects(&self) -> Vec<Object<'_>> {
        self.roots().flat_map(objects_of).collect()
    }

    /// The documents that were not looked into because they are templates.
    pub fn templates(&self) -> impl Iterator<Item = (Span, &Template)> {
        self.templates.iter().flatten().map(|template| (self.outer(&template.span), template))
    }

    /// The documents whose problems are theirs: a template is no broken YAML, it is no YAML yet.
    pub fn documents(&self) -> impl Iterator<Item = &crate::yaml::Document> {
        self.stream.documents.iter().zip(&self.templates).filter(|(_, template)| template.is_none()).map(|(d, _)| d)
    }

    /// The pools of a MetalLB ConfigMap `config` (0.12 and earlier) in this file.
    pub fn config_map_pools(&self) -> Vec<Pool<'_>> {
        if self.embedded.is_empty() {
            return Vec::new();
        }
        let objects = self.objects();
        let pools = self.embedded.iter().filter_map(|embedded| {
            let object = objects.get(embedded.object)?;
            let config = embedded.file.roots().next()?;
            Some(metallb::config_map_pools(object, config))
        });
        pools.flatten().collect()
    }
}
