//! A small YAML tree with byte-exact spans.
//!
//! One [`Document`] is one arena of nodes. An alias is a reference to the node it names and is never expanded, so that an
//! alias bomb costs nothing to hold. Nothing here fails as a whole: what is wrong with a document is one of its
//! [`Problem`]s, and the documents after it are still read.

mod libyaml;
mod parse;
mod split;
mod tabs;

use std::borrow::Cow;
use std::ops::Range;

pub(crate) use parse::parse;

use crate::value::{Scalar, resolve_plain};

/// A half-open byte range of the text.
pub type Bytes = Range<u32>;

/// The number of a node within its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

/// What a text may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file.
    pub bytes: usize,
    /// Nested collections.
    pub depth: usize,
    /// Documents of one file.
    pub documents: usize,
    /// Nodes of one file.
    pub nodes: usize,
}

impl Default for Limits {
    /// 16 MiB, 100 levels, 10,000 documents, 2,000,000 nodes.
    fn default() -> Self {
        Self { bytes: 16 << 20, depth: 100, documents: 10_000, nodes: 2_000_000 }
    }
}

/// All documents of one text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stream {
    /// The documents, in order; those without any content are left out.
    pub documents: Vec<Document>,
}

/// One document.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    /// Its number in the stream, from 0.
    pub index: usize,
    /// Its bytes, the `---` line included.
    pub span: Bytes,
    /// Its root; `None` when it has no content or could not be read to its end.
    pub root: Option<NodeId>,
    /// Its comments, in order.
    pub comments: Vec<Comment>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    pub(crate) nodes: Vec<Node>,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// From the `#` to the end of the line.
    pub span: Bytes,
    /// Whether something stands before it on its line.
    pub trailing: bool,
}

/// Something that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub span: Bytes,
    /// What.
    pub kind: ProblemKind,
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// The text is no YAML from here on; the parser's words.
    Syntax(String),
    /// A mapping has the same key twice; the span is the second, this is the first.
    DuplicateKey {
        /// The key.
        key: String,
        /// Where it stood first.
        first: Bytes,
    },
    /// An alias names an anchor that this document does not have.
    UnknownAlias(String),
    /// A limit was reached; the rest of the document was not read.
    Limit(&'static str),
    /// YAML 1.2 allows it, the parser of Kubernetes does not; the reason.
    KubernetesRefuses(&'static str),
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quoting {
    /// Without quotes.
    Plain,
    /// In `'…'`.
    Single,
    /// In `"…"`.
    Double,
    /// After `|`.
    Literal,
    /// After `>`.
    Folded,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Bytes,
    pub(crate) tag: Option<Box<str>>,
    pub(crate) kind: NodeKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NodeKind {
    /// The text is kept only where it differs from the bytes.
    Scalar {
        quoting: Quoting,
        text: Option<Box<str>>,
    },
    Sequence(Vec<NodeId>),
    Mapping(Vec<(NodeId, NodeId)>),
    /// The node it names; its own id when the anchor is unknown.
    Alias(NodeId),
}

impl Document {
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// The node behind any aliases. Each alias points to an earlier node, so this ends.
    pub(crate) fn resolved(&self, mut id: NodeId) -> NodeId {
        while let NodeKind::Alias(target) = self.node(id).kind {
            if target >= id {
                return id;
            }
            id = target;
        }
        id
    }

    pub(crate) fn scalar<'t>(&'t self, id: NodeId, text: &'t str) -> Option<Cow<'t, str>> {
        let node = self.node(id);
        match &node.kind {
            NodeKind::Scalar { text: Some(cooked), .. } => Some(Cow::Borrowed(cooked)),
            NodeKind::Scalar { text: None, .. } => Some(Cow::Borrowed(slice(text, &node.span))),
            _ => None,
        }
    }

    /// What a key is called once Kubernetes has made JSON of it; `None` for a merge key and for what is no scalar.
    pub(crate) fn key_name<'t>(&'t self, key: NodeId, text: &'t str) -> Option<Cow<'t, str>> {
        let id = self.resolved(key);
        let written = self.scalar(id, text)?;
        let node = self.node(id);
        if node.tag.is_some() || !matches!(node.kind, NodeKind::Scalar { quoting: Quoting::Plain, .. }) {
            return Some(written);
        }
        if written == "<<" {
            return None;
        }
        match resolve_plain(Cow::Borrowed(&written)) {
            Scalar::Bool(value) => Some(Cow::Borrowed(if value { "true" } else { "false" })),
            Scalar::Int(number) => Some(Cow::Owned(number.to_string())),
            _ => Some(written),
        }
    }

    /// The comments on the line of a span's first byte or on the lines directly above it.
    pub fn comments_near<'t>(&'t self, span: &Bytes, text: &'t str) -> impl Iterator<Item = &'t Comment> + use<'t> {
        let line_start = text[..span.start as usize].rfind('\n').map_or(0, |at| at + 1) as u32;
        let line_end = text[span.start as usize..].find('\n').map_or(text.len(), |at| at + span.start as usize) as u32;
        let on_line = self.comments.partition_point(|comment| comment.span.start < line_start);
        let after = self.comments.partition_point(|comment| comment.span.start < line_end);
        let mut first = on_line;
        let mut above = line_start;
        for comment in self.comments[..on_line].iter().rev() {
            let gap = slice(text, &(comment.span.end..above));
            if comment.trailing || !matches!(gap, "\n" | "\r\n") {
                break;
            }
            above = text[..comment.span.start as usize].rfind('\n').map_or(0, |at| at + 1) as u32;
            first -= 1;
        }
        self.comments[first..after].iter()
    }

    /// Whether the document could not be read to its end.
    pub fn is_broken(&self) -> bool {
        self.problems.iter().any(|p| matches!(p.kind, ProblemKind::Syntax(_) | ProblemKind::Limit(_)))
    }
}

pub(crate) fn slice<'t>(text: &'t str, span: &Bytes) -> &'t str {
    text.get(span.start as usize..span.end as usize).unwrap_or("")
}
