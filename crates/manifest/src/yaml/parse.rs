//! From text to tree: the only place that names the parser.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span as GranitSpan, StrInput, Tag};

use super::{
    Bytes, Comment, Document, Limits, Node, NodeId, NodeKind, Problem, ProblemKind, Quoting, Stream, libyaml, slice,
    split,
};

/// Reads every document of a text. Never fails as a whole; see [`Problem`].
pub(crate) fn parse(text: &str, limits: &Limits) -> Stream {
    let mut stream = Stream::default();
    if text.len() > limits.bytes.min(u32::MAX as usize) {
        stream.documents.push(broken(0, 0..0, "the file is larger than the limit for a manifest"));
        return stream;
    }
    let mut nodes_left = limits.nodes;
    for piece in split::pieces(text) {
        let index = stream.documents.len();
        if index >= limits.documents {
            stream.documents.push(broken(index, piece, "the file has more documents than the limit"));
            break;
        }
        let documents = Builder::new(text, piece, limits, nodes_left).run();
        nodes_left = nodes_left.saturating_sub(documents.iter().map(|d| d.nodes.len()).sum());
        for mut document in documents {
            if document.root.is_some() || !document.problems.is_empty() || !document.comments.is_empty() {
                document.index = stream.documents.len();
                stream.documents.push(document);
            }
        }
    }
    stream
}

fn broken(index: usize, span: Bytes, limit: &'static str) -> Document {
    let problems = vec![Problem { span: span.clone(), kind: ProblemKind::Limit(limit) }];
    Document { index, span, problems, ..Document::default() }
}

/// A collection that is being read.
enum Open {
    Sequence { id: NodeId, items: Vec<NodeId> },
    Mapping { id: NodeId, key: Option<NodeId>, entries: Vec<(NodeId, NodeId)> },
}

struct Builder<'t> {
    text: &'t str,
    base: u32,
    piece: Bytes,
    limits: &'t Limits,
    nodes_left: usize,
    done: Vec<Document>,
    document: Document,
    open: Vec<Open>,
    anchors: HashMap<usize, NodeId>,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str, piece: Bytes, limits: &'t Limits, nodes_left: usize) -> Self {
        let document = Document { span: piece.clone(), ..Document::default() };
        let (open, anchors) = (Vec::new(), HashMap::new());
        Self { text, base: piece.start, piece, limits, nodes_left, done: Vec::new(), document, open, anchors }
    }

    fn run(mut self) -> Vec<Document> {
        let input = slice(self.text, &self.piece);
        let options = granit_parser::options! {
            emit_unresolved_aliases: true,
            flow_nesting_limit: self.limits.depth.saturating_add(1),
            block_nesting_limit: self.limits.depth.saturating_add(1),
            max_buffered_comment_events: 65_536,
        };
        for event in Parser::<StrInput<'_>>::new_from_str_with_options(input, options) {
            match event {
                Ok((event, span)) => {
                    if !self.take(event, span) {
                        break;
                    }
                }
                Err(error) => {
                    let at = error.marker().byte_offset().unwrap_or(0);
                    let kind = match error.kind() {
                        granit_parser::ErrorKind::RecursionLimitExceeded => {
                            ProblemKind::Limit("collections are nested deeper than the limit")
                        }
                        _ => ProblemKind::Syntax(error.info()),
                    };
                    let span = self.word_at(at);
                    self.document.problems.push(Problem { span, kind });
                    self.document.root = None;
                    break;
                }
            }
        }
        self.finish_document();
        self.done
    }

    /// Takes one event; `false` when a limit ends the reading.
    fn take(&mut self, event: Event<'_>, span: GranitSpan) -> bool {
        let bytes = self.bytes(&span);
        match event {
            Event::DocumentStart(..) => {
                if self.document.root.is_some() {
                    self.finish_document();
                }
                true
            }
            Event::Comment(..) => {
                let line = self.text[..bytes.start as usize].rfind('\n').map_or(0, |at| at + 1);
                let trailing = !self.text[line..bytes.start as usize].trim_start_matches('\u{feff}').trim().is_empty();
                self.document.comments.push(Comment { span: bytes, trailing });
                true
            }
            Event::Scalar(cooked, style, anchor, tag) => {
                let quoting = match style {
                    ScalarStyle::SingleQuoted => Quoting::Single,
                    ScalarStyle::DoubleQuoted => Quoting::Double,
                    ScalarStyle::Literal => Quoting::Literal,
                    ScalarStyle::Folded => Quoting::Folded,
                    ScalarStyle::Plain => Quoting::Plain,
                };
                let bytes = self.trim_block(bytes, quoting);
                // The parser gives `~` for a value that is not there.
                let absent = bytes.is_empty() && quoting == Quoting::Plain;
                let same = absent || slice(self.text, &bytes) == cooked;
                let text = (!same).then(|| cooked.into_owned().into_boxed_str());
                let kind = NodeKind::Scalar { quoting, text };
                self.add(bytes, tag.as_deref(), anchor, kind).is_some_and(|id| self.place(id))
            }
            Event::SequenceStart(_, anchor, tag) => {
                let Some(id) = self.add(bytes, tag.as_deref(), anchor, NodeKind::Sequence(Vec::new())) else {
                    return false;
                };
                self.open.push(Open::Sequence { id, items: Vec::new() });
                self.depth_ok()
            }
            Event::MappingStart(_, anchor, tag) => {
                let Some(id) = self.add(bytes, tag.as_deref(), anchor, NodeKind::Mapping(Vec::new())) else {
                    return false;
                };
                self.open.push(Open::Mapping { id, key: None, entries: Vec::new() });
                self.depth_ok()
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(bytes),
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).copied().filter(|target| !self.is_open(*target));
                if target.is_none() {
                    let name = slice(self.text, &bytes).trim_start_matches('*').to_owned();
                    self.document.problems.push(Problem { span: bytes.clone(), kind: ProblemKind::UnknownAlias(name) });
                }
                let own = NodeId(self.document.nodes.len() as u32);
                let kind = NodeKind::Alias(target.unwrap_or(own));
                self.add(bytes, None, 0, kind).is_some_and(|id| self.place(id))
            }
            Event::UnresolvedAlias(name) => {
                self.document
                    .problems
                    .push(Problem { span: bytes.clone(), kind: ProblemKind::UnknownAlias(name.into_owned()) });
                let own = NodeId(self.document.nodes.len() as u32);
                self.add(bytes, None, 0, NodeKind::Alias(own)).is_some_and(|id| self.place(id))
            }
            _ => true,
        }
    }

    fn bytes(&self, span: &GranitSpan) -> Bytes {
        let range = span.byte_range().unwrap_or(0..0);
        self.base + range.start as u32..self.base + range.end.max(range.start) as u32
    }

    /// The parser's span of a block scalar runs to the next token; ours ends with its last line.
    fn trim_block(&self, bytes: Bytes, quoting: Quoting) -> Bytes {
        if !matches!(quoting, Quoting::Literal | Quoting::Folded | Quoting::Plain) {
            return bytes;
        }
        let trimmed = slice(self.text, &bytes).trim_end_matches([' ', '\t', '\r', '\n']).len() as u32;
        bytes.start..bytes.start + trimmed
    }

    fn add(&mut self, span: Bytes, tag: Option<&Tag>, anchor: usize, kind: NodeKind) -> Option<NodeId> {
        if self.document.nodes.len() >= self.nodes_left {
            self.limit(span, "the file has more nodes than the limit");
            return None;
        }
        let id = NodeId(self.document.nodes.len() as u32);
        let tag = tag.map(|tag| tag.to_string().into_boxed_str());
        self.document.nodes.push(Node { span, tag, kind });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        Some(id)
    }

    fn depth_ok(&mut self) -> bool {
        if self.open.len() <= self.limits.depth {
            return true;
        }
        let span = self.document.nodes.last().map_or(0..0, |node| node.span.clone());
        self.limit(span, "collections are nested deeper than the limit");
        false
    }

    fn limit(&mut self, span: Bytes, what: &'static str) {
        self.document.problems.push(Problem { span, kind: ProblemKind::Limit(what) });
        self.document.root = None;
        self.open.clear();
    }

    /// Whether a node is still being read: an alias to it would make the tree contain itself.
    fn is_open(&self, node: NodeId) -> bool {
        self.open.iter().any(|open| match open {
            Open::Sequence { id, .. } | Open::Mapping { id, .. } => *id == node,
        })
    }

    /// Puts a complete node where it belongs; always `true`.
    fn place(&mut self, id: NodeId) -> bool {
        match self.open.last_mut() {
            None => self.document.root = Some(id),
            Some(Open::Sequence { items, .. }) => items.push(id),
            Some(Open::Mapping { key, entries, .. }) => match key.take() {
                None => *key = Some(id),
                Some(key) => entries.push((key, id)),
            },
        }
        true
    }

    fn close(&mut self, end: Bytes) -> bool {
        let (id, kind, last) = match self.open.pop() {
            Some(Open::Sequence { id, items }) => {
                let last = items.last().copied();
                (id, NodeKind::Sequence(items), last)
            }
            Some(Open::Mapping { id, entries, .. }) => {
                let last = entries.last().map(|(_, value)| *value);
                self.duplicates(&entries);
                (id, NodeKind::Mapping(entries), last)
            }
            None => return true,
        };
        // A flow collection ends with its bracket; a block collection with its last child.
        let flow = slice(self.text, &end).ends_with([']', '}']);
        let last_end = last.map_or(0, |last| self.document.node(last).span.end);
        let node = &mut self.document.nodes[id.0 as usize];
        node.span.end = if flow { end.end } else { last_end.max(node.span.start) };
        node.kind = kind;
        self.place(id)
    }

    fn duplicates(&mut self, entries: &[(NodeId, NodeId)]) {
        let mut seen: HashMap<String, Bytes> = HashMap::with_capacity(entries.len());
        for (key, _) in entries {
            let id = self.document.resolved(*key);
            let Some(name) = self.document.scalar(id, self.text).map(std::borrow::Cow::into_owned) else { continue };
            let span = self.document.node(*key).span.clone();
            if name == "<<" {
                continue;
            }
            if let Some(first) = seen.get(&name) {
                let kind = ProblemKind::DuplicateKey { key: name, first: first.clone() };
                self.document.problems.push(Problem { span, kind });
            } else {
                seen.insert(name, span);
            }
        }
    }

    /// The word at a byte of the piece, for the place of a syntax error; at least one character where there is one.
    fn word_at(&self, at: usize) -> Bytes {
        let text = slice(self.text, &self.piece);
        let mut start = at.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        if text[start..].trim().is_empty() {
            // At the end of the text: point at its last visible character.
            let visible = text.trim_end();
            start = visible.char_indices().last().map_or(0, |(at, _)| at);
        }
        let rest = &text[start..];
        let length = rest
            .find(char::is_whitespace)
            .filter(|n| *n > 0)
            .unwrap_or_else(|| rest.chars().next().map_or(0, char::len_utf8));
        self.base + start as u32..self.base + (start + length) as u32
    }

    fn finish_document(&mut self) {
        let next = Document { span: self.piece.clone(), ..Document::default() };
        let mut document = std::mem::replace(&mut self.document, next);
        self.open.clear();
        self.anchors.clear();
        libyaml::differences(&mut document, self.text);
        document.problems.sort_by_key(|problem| problem.span.start);
        self.done.push(document);
    }
}
