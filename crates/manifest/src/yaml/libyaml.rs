//! Where YAML 1.2 and the parser of Kubernetes part ways.
//!
//! Kubernetes reads YAML by a Go port of libyaml. What our parser accepts and that family refuses is found here, so that a
//! file that looks fine does not fail on `kubectl apply`. The differences were found by comparing with `serde_yaml`, which
//! is of the same family; `tests/oracle` of this crate keeps the comparison alive. Every check is one pass over the nodes
//! or the lines; none looks at all nodes for one of them.

use super::{Bytes, Document, NodeId, NodeKind, Problem, ProblemKind, Quoting, slice, split, tabs};
use crate::value::{Scalar, resolve_plain};

/// What the parser saw and the tree does not keep.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Anchors, with their `&`.
    pub(super) anchors: Vec<Bytes>,
    /// The outermost flow collections, in order.
    pub(super) flow: Vec<Bytes>,
}

impl Marks {
    /// Whether a byte lies inside a flow collection.
    pub(super) fn in_flow(&self, at: u32) -> bool {
        let after = self.flow.partition_point(|flow| flow.start < at);
        after.checked_sub(1).is_some_and(|last| at < self.flow[last].end)
    }
}

/// Adds a problem for everything in a document that libyaml refuses although it is YAML 1.2.
pub(super) fn differences(document: &mut Document, text: &str, marks: &Marks) {
    let mut check = Check { document, text, marks, found: Vec::new() };
    check.directives();
    check.characters();
    // A document that could not be read has its one problem; what follows it is guesswork.
    if !document.is_broken() {
        check.anchors();
        check.nodes();
        check.root();
        tabs::find(document, text, marks, &mut check.found);
    }
    let found = check.found;
    for (span, why) in found {
        document.problems.push(Problem { span, kind: ProblemKind::KubernetesRefuses(why) });
    }
}

/// A finding: where, and why.
pub(super) type Refusal = (Bytes, &'static str);

struct Check<'d> {
    document: &'d Document,
    text: &'d str,
    marks: &'d Marks,
    found: Vec<Refusal>,
}

impl Check<'_> {
    fn refuse(&mut self, span: &Bytes, why: &'static str) {
        self.found.push((span.clone(), why));
    }

    /// Kubernetes cuts at `---` before it parses, so that a directive is left alone in its piece.
    fn directives(&mut self) {
        let mut at = self.document.span.start;
        for line in split::lines(slice(self.text, &self.document.span)) {
            let bare = line.trim_start_matches('\u{feff}').trim_end();
            if bare.starts_with('%') {
                let start = at + (line.len() - line.trim_start_matches('\u{feff}').len()) as u32;
                self.refuse(&(start..start + bare.len() as u32), "a directive (%) before a document: remove the line");
            } else if !(bare.is_empty() || bare.trim_start().starts_with('#')) {
                return;
            }
            at += line.len() as u32;
        }
    }

    /// Characters that YAML 1.1 forbids, or takes as the end of a line.
    fn characters(&mut self) {
        let own = slice(self.text, &self.document.span);
        // In blocks without a way out, which compilers make wide instructions of.
        let plain = |b: &u8| matches!(b, b' '..=b'~' | b'\n' | b'\r' | b'\t');
        if own.as_bytes().chunks(64).all(|block| block.iter().fold(true, |all, b| all & plain(b))) {
            return;
        }
        for (at, c) in own.char_indices() {
            let start = self.document.span.start + at as u32;
            let span = start..start + c.len_utf8() as u32;
            match c {
                '\t' | '\n' | '\r' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{fffd}' | '\u{10000}'.. => {}
                '\u{2028}' | '\u{2029}' if self.is_quoted(start) => {}
                '\u{85}' | '\u{2028}' | '\u{2029}' => {
                    return self.refuse(&span, "this character ends the line in YAML 1.1: write it as an escape");
                }
                _ => return self.refuse(&span, "control characters are not allowed"),
            }
        }
    }

    fn is_quoted(&self, at: u32) -> bool {
        let nodes = &self.document.nodes;
        let before = nodes.partition_point(|node| node.span.start <= at).checked_sub(1).map(|last| &nodes[last]);
        before.is_some_and(|node| {
            at < node.span.end
                && matches!(node.kind, NodeKind::Scalar { quoting: Quoting::Single | Quoting::Double, .. })
        })
    }

    fn anchors(&mut self) {
        let nodes = self.document.nodes.iter();
        let aliases = nodes.filter(|node| matches!(node.kind, NodeKind::Alias(_))).map(|node| &node.span);
        for anchor in self.marks.anchors.iter().chain(aliases) {
            let name = slice(self.text, anchor).get(1..).unwrap_or_default();
            let next = self.text.get(anchor.end as usize..).and_then(|rest| rest.chars().next());
            if next.is_some_and(|next| matches!(next, '[' | '{')) {
                self.refuse(anchor, "an anchor's name must be followed by a space");
            }
            if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
                self.refuse(anchor, "an anchor's name can have letters, digits, - and _ only");
            }
        }
    }

    fn nodes(&mut self) {
        let is_json =
            slice(self.text, &self.document.span).trim_start_matches('\u{feff}').trim_start().starts_with('{');
        for node in &self.document.nodes {
            match &node.kind {
                NodeKind::Scalar { quoting: Quoting::Plain, .. } if self.marks.in_flow(node.span.start) => {
                    self.plain_in_flow(&node.span);
                }
                // Text that begins with a brace goes to a JSON parser first, which joins surrogates.
                NodeKind::Scalar { quoting: Quoting::Double, .. }
                    if !is_json && has_surrogate(slice(self.text, &node.span)) =>
                {
                    self.refuse(&node.span, "a \\u escape cannot be half a character: use \\U or the character itself");
                }
                NodeKind::Mapping(entries) => self.mapping(&node.span, entries),
                _ => {}
            }
            if node.tag.as_deref().is_some_and(|tag| !tag.bytes().all(is_tag_byte)) {
                self.refuse(&node.span, "the tag has a character that tags cannot have");
            }
            if let (Some(tag), NodeKind::Scalar { text, quoting }) = (&node.tag, &node.kind) {
                let cooked = text.as_deref().unwrap_or_else(|| slice(self.text, &node.span));
                let is_base64 = || base64(slice(self.text, &node.span).trim_matches(['"', '\''])).is_some();
                let fits = if is_binary(tag, *quoting) { is_base64() } else { fits_tag(tag, cooked) };
                if !fits {
                    self.refuse(&node.span, "the value is not what its tag says");
                }
            }
        }
    }

    /// libyaml wants a block scalar indented even where it is the whole document.
    fn root(&mut self) {
        let Some(root) = self.document.root.map(|root| self.document.node(root)) else { return };
        let NodeKind::Scalar { quoting: Quoting::Literal | Quoting::Folded, .. } = root.kind else { return };
        let mut lines = slice(self.text, &root.span).split(['\n', '\r']).skip(1);
        if lines.any(|line| !line.is_empty() && !line.starts_with([' ', '\t'])) {
            let span = root.span.clone();
            self.refuse(&span, "the lines of a block scalar must be indented");
        }
    }

    fn plain_in_flow(&mut self, span: &Bytes) {
        let plain = slice(self.text, span);
        // libyaml looks for the colon behind the white space that follows, too.
        let after = self.text.get(span.end as usize..).unwrap_or_default();
        let after = after.trim_start_matches([' ', '\t', '\n', '\r']).as_bytes();
        let after = &after[..after.len().min(2)];
        if plain.is_empty() {
            // A value that is not there: the colon before it is looked at with its key.
        } else if plain.starts_with(':') {
            self.refuse(span, "an unquoted value in [ ] or { } cannot begin with a colon: quote it");
        } else if plain.starts_with('?') {
            self.refuse(span, "an unquoted value in [ ] or { } cannot begin with a question mark: quote it");
        } else if colon_before_indicator(plain.as_bytes()) || colon_before_indicator(after) {
            self.refuse(span, "a colon in [ ] or { } must be followed by a space: quote the value or add one");
        }
    }

    fn mapping(&mut self, own: &Bytes, entries: &[(NodeId, NodeId)]) {
        let mut previous = own.start;
        for (key, value) in entries {
            let node = self.document.node(*key);
            let resolved = self.document.node(self.document.resolved(*key));
            match &resolved.kind {
                NodeKind::Sequence(_) | NodeKind::Mapping(_) => {
                    self.refuse(&node.span, "a key must be a string, not a list or a mapping");
                }
                NodeKind::Scalar { .. } if self.key_is_null(*key) => {
                    let width = slice(self.text, own).chars().next().map_or(0, char::len_utf8) as u32;
                    let span = if node.span.is_empty() { own.start..own.start + width } else { node.span.clone() };
                    self.refuse(&span, "a key cannot be null: quote it");
                }
                NodeKind::Scalar { quoting: Quoting::Plain, .. }
                    if resolved.tag.is_none() && slice(self.text, &node.span) == "<<" =>
                {
                    self.merge(*value);
                }
                _ => {}
            }
            if self.marks.in_flow(node.span.start) {
                self.key_in_flow(previous, &node.span);
            }
            previous = self.document.node(*value).span.end.max(node.span.end);
        }
    }

    fn key_is_null(&self, key: NodeId) -> bool {
        let node = self.document.node(self.document.resolved(key));
        let plain = matches!(node.kind, NodeKind::Scalar { quoting: Quoting::Plain, .. });
        plain && node.tag.is_none() && resolve_plain(slice(self.text, &node.span).into()) == Scalar::Null
    }

    /// A merge takes a mapping or a list of mappings.
    fn merge(&mut self, value: NodeId) {
        let is_mapping = |id| {
            matches!(self.document.node(self.document.resolved(id)).kind, NodeKind::Mapping(_) | NodeKind::Alias(_))
        };
        let fits = match &self.document.node(self.document.resolved(value)).kind {
            NodeKind::Sequence(items) => items.iter().all(|item| is_mapping(*item)),
            _ => is_mapping(value),
        };
        if !fits {
            let span = self.document.node(value).span.clone();
            self.refuse(&span, "a merge key (<<) takes a mapping or a list of mappings");
        }
    }

    /// A key without `?` must stand on one line with its colon, within 1,024 characters.
    fn key_in_flow(&mut self, previous: u32, key: &Bytes) {
        let before = slice(self.text, &(previous.min(key.start)..key.start));
        let is_explicit = before.split(['#']).next().is_some_and(|before| before.contains('?'));
        let Some(rest) = self.text.get(key.end as usize..) else { return };
        let Some(colon) = next_token(rest).filter(|at| rest[*at..].starts_with(':')) else { return };
        // An anchor or a tag belongs to the key.
        let start = before.find(['&', '!']).map_or(key.start, |at| previous + at as u32);
        let whole = slice(self.text, &(start..key.end + colon as u32));
        if is_explicit {
            return;
        }
        if whole.contains(['\n', '\r']) {
            self.refuse(key, "a key in { } must stand on one line with its colon");
        } else if whole.len() > 1024 && whole.chars().count() > 1024 {
            self.refuse(key, "a key cannot be longer than 1,024 characters");
        }
    }
}

/// Document ends in the wrong place: `...` before any document, or a document behind one that does not begin with `---`.
pub(super) fn misplaced_marker(text: &str, piece: &Bytes, first: bool) -> Option<Problem> {
    let line = split::first_content(text, piece)?;
    let content = slice(text, &line);
    let why = if first {
        split::is_marker(content, "...").then_some("`...` ends a document that has not begun")
    } else {
        let begins = split::is_marker(content, "---") || split::is_marker(content, "...") || content.starts_with('%');
        (!begins).then_some("behind `...` a document must begin with `---`: Kubernetes does not read this one")
    };
    why.map(|why| Problem { span: line, kind: ProblemKind::KubernetesRefuses(why) })
}

/// Decodes Base64 as Go's `base64.StdEncoding` does: padded, line breaks ignored.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let data = digits.strip_suffix(b"==").or_else(|| digits.strip_suffix(b"=")).unwrap_or(&digits);
    if !digits.len().is_multiple_of(4) {
        return None;
    }
    let mut out = Vec::with_capacity(data.len() * 3 / 4);
    let (mut bits, mut held) = (0_u32, 0);
    for digit in data {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}

/// Where the next token begins: after white space and comments.
fn next_token(text: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        at += text[at..].find(|c: char| !matches!(c, ' ' | '\t' | '\r' | '\n'))?;
        if !text[at..].starts_with('#') {
            return Some(at);
        }
        at += text[at..].find('\n')?;
    }
}

fn colon_before_indicator(plain: &[u8]) -> bool {
    plain.windows(2).any(|pair| pair[0] == b':' && matches!(pair[1], b',' | b'?' | b'[' | b']' | b'{' | b'}'))
}

fn has_surrogate(quoted: &str) -> bool {
    let mut rest = quoted;
    while let Some(at) = rest.find('\\') {
        let escape = &rest.as_bytes()[at + 1..];
        if let [b'u', b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..] = escape {
            return true;
        }
        let skipped = rest[at + 1..].chars().next().map_or(0, char::len_utf8);
        rest = &rest[at + 1 + skipped..];
    }
    false
}

/// What libyaml takes for a byte of a tag.
fn is_tag_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b";/?:@&=+$,.!~*'()[]%-_".contains(&byte)
}

/// Whether a scalar is Base64 on one line; the parser has decoded it, so that its bytes are to be looked at.
fn is_binary(tag: &str, quoting: Quoting) -> bool {
    tag == "tag:yaml.org,2002:binary" && !matches!(quoting, Quoting::Literal | Quoting::Folded)
}

/// Whether a scalar can be read as the type its tag names, as go-yaml judges it.
fn fits_tag(tag: &str, text: &str) -> bool {
    let Some(name) = tag.strip_prefix("tag:yaml.org,2002:") else { return true };
    let says = resolve_plain(text.into());
    match name {
        "int" => matches!(says, Scalar::Int(_)),
        "float" => matches!(says, Scalar::Int(_) | Scalar::Float(_)),
        "bool" => matches!(says, Scalar::Bool(_)),
        "null" => says == Scalar::Null,
        _ => true,
    }
}
