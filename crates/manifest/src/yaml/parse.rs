//! From text to tree: the only place that names the parser.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span as GranitSpan, StrInput, StructureStyle, Tag};

use super::libyaml::Marks;
use super::{
    Bytes, Comment, Document, Limits, Node, NodeId, NodeKind, Problem, ProblemKind, Quoting, Stream, libyaml, slice,
    split,
};

/// Reads the documents of a text whose own text is wanted. Never fails as a whole; see [`Problem`].
pub(crate) fn parse(text: &str, limits: &Limits, wanted: &dyn Fn(&str) -> bool) -> Stream {
    let mut stream = Stream::default();
    if text.len() > limits.bytes.min(u32::MAX as usize) {
        stream.documents.push(broken(0, 0..0, "the file is larger than the limit for a manifest"));
        return stream;
    }
    let mut nodes_left = limits.nodes;
    let pieces = split::pieces(text).into_iter().enumerate();
    for (number, piece) in pieces.filter(|(_, piece)| wanted(slice(text, piece))) {
        let index = stream.documents.len();
        if index >= limits.documents {
            stream.documents.push(broken(index, piece, "the file has more documents than the limit"));
            break;
        }
        let misplaced = libyaml::misplaced_marker(text, &piece, number == 0);
        let mut documents = Builder::new(text, piece, limits, nodes_left).run();
        if let (Some(document), Some(problem)) = (documents.first_mut(), misplaced) {
            document.problems.push(problem);
        }
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
    Sequence { id: NodeId, flow: bool, items: Vec<NodeId> },
    Mapping { id: NodeId, flow: bool, key: Option<NodeId>, entries: Vec<(NodeId, NodeId)> },
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
    marks: Marks,
    /// How many flow collections are open.
    flow_depth: usize,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str, piece: Bytes, limits: &'t Limits, nodes_left: usize) -> Self {
        let document = Document { span: piece.clone(), ..Document::default() };
        let (open, anchors, marks) = (Vec::new(), HashMap::new(), Marks::default());
        let (base, done, flow_depth) = (piece.start, Vec::new(), 0);
        Self { text, base, piece, limits, nodes_left, done, document, open, anchors, marks, flow_depth }
    }

    fn run(mut self) -> Vec<Document> {
        let input = slice(self.text, &self.piece);
        let options = granit_parser::options! {
            emit_unresolved_aliases: true,
            emit_anchor_events: true,
            // As libyaml does, so that a block scalar at the end of a text says what it says to Kubernetes.
            block_scalar_eof_without_line_feed: true,
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
                    // Only a lone carriage return before `---` leads here: the pieces are cut at line feeds.
                    self.document.span.end = bytes.start;
                    self.finish_document();
                    self.document.span.start = bytes.start;
                }
                true
            }
            Event::Comment(..) => {
                let line = self.text[..bytes.start as usize].rfind(['\n', '\r']).map_or(0, |at| at + 1);
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
                let bytes = self.scalar_bytes(bytes, quoting, &cooked);
                // A value that is not there says nothing, whatever the parser calls it.
                let same = slice(self.text, &bytes) == cooked || (quoting == Quoting::Plain && bytes.is_empty());
                let text = (!same).then(|| cooked.into_owned().into_boxed_str());
                let text = decoded_binary(tag.as_deref(), text.as_deref().unwrap_or_else(|| slice(self.text, &bytes)))
                    .or(text);
                let kind = NodeKind::Scalar { quoting, text };
                self.add(bytes, tag.as_deref(), anchor, kind).is_some_and(|id| self.place(id))
            }
            Event::SequenceStart(style, anchor, tag) => {
                let start = if style == StructureStyle::Block { self.first_dash(bytes.start) } else { bytes.start };
                let bytes = start..bytes.end.max(start);
                let Some(id) = self.add(bytes.clone(), tag.as_deref(), anchor, NodeKind::Sequence(Vec::new())) else {
                    return false;
                };
                let flow = self.open_flow(&bytes, style);
                self.open.push(Open::Sequence { id, flow, items: Vec::new() });
                self.depth_ok()
            }
            Event::MappingStart(style, anchor, tag) => {
                let Some(id) = self.add(bytes.clone(), tag.as_deref(), anchor, NodeKind::Mapping(Vec::new())) else {
                    return false;
                };
                let flow = self.open_flow(&bytes, style);
                self.open.push(Open::Mapping { id, flow, key: None, entries: Vec::new() });
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
            Event::Anchor { .. } => {
                self.marks.anchors.push(bytes);
                true
            }
            _ => true,
        }
    }

    fn bytes(&self, span: &GranitSpan) -> Bytes {
        let range = span.byte_range().unwrap_or(0..0);
        self.base + range.start as u32..self.base + range.end.max(range.start) as u32
    }

    /// The bytes of a scalar as we mean them: a block scalar begins with its `|` or `>`, which the parser leaves out, and
    /// ends with its last line; a plain one has no white space at its end.
    fn scalar_bytes(&self, bytes: Bytes, quoting: Quoting, cooked: &str) -> Bytes {
        let start = match quoting {
            Quoting::Single | Quoting::Double => return bytes,
            Quoting::Plain if bytes.is_empty() => return self.empty_bytes(bytes.start),
            Quoting::Plain => bytes.start,
            Quoting::Literal | Quoting::Folded => {
                // Of an empty one the parser's span may begin with the header itself.
                let is_at_header = cooked.trim().is_empty() && self.is_header(bytes.start);
                if is_at_header { bytes.start } else { self.block_header(bytes.start).unwrap_or(bytes.start) }
            }
        };
        start..start + visible(slice(self.text, &(start..bytes.end))).len() as u32
    }

    /// Where a value that is not there would stand: behind its colon, and before a comment.
    fn empty_bytes(&self, mut at: u32) -> Bytes {
        if slice(self.text, &(at..at + 1)) == ":" {
            return at + 1..at + 1;
        }
        for comment in self.document.comments.iter().rev() {
            let before = visible(slice(self.text, &(comment.span.start..at))).len() as u32;
            if comment.span.start + before != comment.span.end || comment.span.is_empty() {
                break;
            }
            let kept = visible(slice(self.text, &(self.piece.start..comment.span.start))).len() as u32;
            at = self.piece.start + kept;
        }
        // Not into the node before, whose own comment that may have been.
        if let Some(node) = self.document.nodes.last()
            && matches!(node.kind, NodeKind::Scalar { .. } | NodeKind::Alias(_))
        {
            at = at.max(node.span.end);
        }
        at..at
    }

    /// Where a block sequence begins: at its first `-`, which the parser leaves out when it is not indented.
    fn first_dash(&self, start: u32) -> u32 {
        let is_dash = |text: &str| {
            text.strip_prefix('-').is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
        };
        if self.text.get(start as usize..).is_some_and(is_dash) {
            return start;
        }
        let Some(NodeKind::Scalar { .. } | NodeKind::Alias(_)) = self.document.nodes.last().map(|node| &node.kind)
        else {
            return start;
        };
        let floor = self.document.nodes.last().map_or(start, |node| node.span.end);
        let mut at = floor;
        for line in slice(self.text, &(floor..start)).split_inclusive(['\n', '\r']) {
            let indent = line.len() - line.trim_start_matches(' ').len();
            if at > floor && is_dash(&line[indent..]) {
                return at + indent as u32;
            }
            at += line.len() as u32;
        }
        start
    }

    /// Where the `|` or `>` of a block scalar stands, whose content begins at a byte: the first word that begins so on
    /// the line above the content, behind the node before.
    fn block_header(&self, content: u32) -> Option<u32> {
        let before = visible(slice(self.text, &(self.piece.start..content)));
        let line = self.piece.start + before.rfind(['\n', '\r']).map_or(0, |at| at + 1) as u32;
        let floor = self.document.nodes.last().map_or(line, |node| match node.kind {
            NodeKind::Scalar { .. } | NodeKind::Alias(_) => node.span.end.max(line),
            _ => node.span.start.max(line),
        });
        (floor..self.piece.start + before.len() as u32).find(|at| self.is_header(*at))
    }

    /// Whether a `|` or `>` stands here, begins a word, and is followed by nothing but indicators, white space and a comment.
    fn is_header(&self, at: u32) -> bool {
        let indicates = slice(self.text, &(at..at + 1)).starts_with(['|', '>']);
        let begins_word = at == self.piece.start || slice(self.text, &(at - 1..at)).trim().is_empty();
        let rest = self.text.get(at as usize + 1..).unwrap_or_default();
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
        let rest = rest.trim_start_matches([' ', '\t']);
        indicates && begins_word && (rest.is_empty() || rest.starts_with(['\n', '\r', '#']))
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
        self.flow_depth = 0;
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

    /// Notes an opened collection; whether it is a flow collection.
    fn open_flow(&mut self, span: &Bytes, style: StructureStyle) -> bool {
        let flow = style == StructureStyle::Flow;
        if flow {
            if self.flow_depth == 0 {
                self.marks.flow.push(span.clone());
            }
            self.flow_depth += 1;
        }
        flow
    }

    fn close(&mut self, end: Bytes) -> bool {
        let (id, flow, kind, last) = match self.open.pop() {
            Some(Open::Sequence { id, flow, items }) => {
                let last = items.last().copied();
                (id, flow, NodeKind::Sequence(items), last)
            }
            Some(Open::Mapping { id, flow, entries, .. }) => {
                let last = entries.last().map(|(_, value)| *value);
                self.duplicates(&entries);
                (id, flow, NodeKind::Mapping(entries), last)
            }
            None => return true,
        };
        // A flow collection ends with its bracket; a block collection, or a pair in a flow list, with its last child.
        let start = self.document.node(id).span.start;
        let has_bracket = flow && slice(self.text, &(start..start + 1)).starts_with(['[', '{']);
        let last_end = last.map_or(0, |last| self.document.node(last).span.end);
        let node = &mut self.document.nodes[id.0 as usize];
        node.span.end = if has_bracket { end.end } else { last_end.max(node.span.start) };
        node.kind = kind;
        if flow {
            self.flow_depth -= 1;
            if self.flow_depth == 0
                && let Some(outermost) = self.marks.flow.last_mut()
            {
                outermost.end = end.end;
            }
        }
        self.place(id)
    }

    fn duplicates(&mut self, entries: &[(NodeId, NodeId)]) {
        // Most mappings are small: looking back over a few keys is cheaper than a table.
        const SMALL: usize = 12;
        let document = &self.document;
        let keys = entries.iter().filter_map(|(key, _)| Some((document.key_name(*key, self.text)?, *key)));
        let mut few: Vec<(Cow<'_, str>, NodeId)> = Vec::new();
        let mut many: HashMap<Cow<'_, str>, NodeId> = HashMap::new();
        let mut problems = Vec::new();
        for (name, key) in keys {
            let first = if entries.len() <= SMALL {
                let first = few.iter().find(|(earlier, _)| *earlier == name).map(|(_, first)| *first);
                few.push((name, key));
                first
            } else {
                let first = *many.entry(name).or_insert(key);
                (first != key).then_some(first)
            };
            if let Some(first) = first {
                let first = document.node(first).span.clone();
                let written = document.scalar(document.resolved(key), self.text).unwrap_or_default().into_owned();
                let kind = ProblemKind::DuplicateKey { key: written, first };
                problems.push(Problem { span: document.node(key).span.clone(), kind });
            }
        }
        self.document.problems.extend(problems);
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
        let marks = std::mem::take(&mut self.marks);
        self.flow_depth = 0;
        libyaml::differences(&mut document, self.text, &marks);
        document.problems.sort_by_key(|problem| problem.span.start);
        self.done.push(document);
    }
}

/// A text without YAML's white space at its end.
fn visible(text: &str) -> &str {
    text.trim_end_matches([' ', '\t', '\r', '\n'])
}

/// What `!!binary` says, when it says text; Kubernetes decodes it before it reads the value.
fn decoded_binary(tag: Option<&Tag>, text: &str) -> Option<Box<str>> {
    let tag = tag.filter(|tag| tag.suffix().ends_with("binary"))?;
    if tag.to_string() != "tag:yaml.org,2002:binary" {
        return None;
    }
    let bytes = libyaml::base64(text)?;
    String::from_utf8(bytes).ok().map(String::into_boxed_str)
}
