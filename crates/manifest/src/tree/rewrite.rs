//! A text with some of its bytes replaced, every byte still leading back to where it was written.

use std::fmt::Write as _;
use std::sync::Arc;

use poolcheck_plan::Span;

use crate::file::ManifestFile;
use crate::textmap::TextMap;
use crate::value::{Kind, Value};
use crate::yaml::{Bytes, Limits, Quoting};

/// Bytes of a text that become another text.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    pub(super) bytes: Bytes,
    pub(super) text: Written,
}

/// A text with the places where its parts were written.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    pub(super) text: String,
    /// (first byte of the part, where it was written, whether byte by byte).
    parts: Vec<(u32, Span, bool)>,
}

impl Written {
    /// A text that comes from one place as a whole.
    pub(super) fn from(text: impl Into<String>, place: Span) -> Self {
        Self { text: text.into(), parts: vec![(0, place, false)] }
    }

    pub(super) fn push(&mut self, text: &str, place: Span, exact: bool) {
        self.parts.push((self.text.len() as u32, place, exact));
        self.text.push_str(text);
    }

    /// A value on one line, as YAML in flow style, so that it can stand anywhere.
    pub(super) fn flow(&mut self, value: Value<'_>) {
        let place = value.span();
        match value.kind() {
            Kind::Mapping => {
                self.push("{", place, false);
                for (index, entry) in value.entries().into_iter().enumerate() {
                    self.push(if index > 0 { ", " } else { "" }, place, false);
                    self.flow(entry.key);
                    self.push(": ", place, false);
                    self.flow(entry.value);
                }
                self.push("}", place, false);
            }
            Kind::Sequence => {
                self.push("[", place, false);
                for (index, item) in value.items().enumerate() {
                    self.push(if index > 0 { ", " } else { "" }, place, false);
                    self.flow(item);
                }
                self.push("]", place, false);
            }
            Kind::Scalar | Kind::Unresolved => self.scalar(value),
        }
    }

    fn scalar(&mut self, value: Value<'_>) {
        let raw = value.raw_text();
        let one_line = !raw.contains(['\n', '\r']);
        let plain = value.quoting() == Some(Quoting::Plain);
        let in_flow = !plain || !(raw.is_empty() || raw.contains(['{', '}', '[', ']', ',', '#']) || raw.contains(": "));
        let quoted = matches!(value.quoting(), Some(Quoting::Single | Quoting::Double)) || plain;
        if one_line && in_flow && quoted && value.tag().is_none() {
            self.push(raw, value.span(), value.is_verbatim());
        } else if value.is_null() {
            self.push("null", value.place(), false);
        } else {
            let mut text = String::from('"');
            for c in value.text().chars() {
                match c {
                    '"' | '\\' => text.extend(['\\', c]),
                    c if c.is_control() => write!(text, "\\u{:04x}", c as u32).expect("writes to a string"),
                    c => text.push(c),
                }
            }
            text.push('"');
            self.push(&text, value.place(), false);
        }
    }
}

/// The file with the edits made; those that touch bytes of an earlier one are left out.
///
/// What was known of the file besides its text stays known: its namespace, and the documents that are not judged.
pub(super) fn rewrite(file: &ManifestFile, mut edits: Vec<Edit>, limits: &Limits) -> ManifestFile {
    edits.sort_by_key(|edit| (edit.bytes.start, edit.bytes.end));
    let (mut text, mut map, mut at) = (String::with_capacity(file.text.len()), TextMap::default(), 0);
    let keep = |text: &mut String, map: &mut TextMap, bytes: Bytes| {
        for (start, outer, exact) in file.stretches(&bytes) {
            map.push(text.len() as u32 + (start - bytes.start), outer, exact);
        }
        text.push_str(&file.text[bytes.start as usize..bytes.end as usize]);
    };
    for edit in edits {
        if edit.bytes.start < at {
            continue;
        }
        keep(&mut text, &mut map, at..edit.bytes.start);
        for (start, place, exact) in &edit.text.parts {
            map.push(text.len() as u32 + start, *place, *exact);
        }
        text.push_str(&edit.text.text);
        at = edit.bytes.end;
    }
    keep(&mut text, &mut map, at..file.text.len() as u32);
    let mut made = ManifestFile::composed(file.source, Arc::from(text), limits, map);
    made.namespace.clone_from(&file.namespace);
    for document in file.left_out() {
        made.leave_out(document);
    }
    made
}
