//! Where something was said: texts, and byte spans into them.
//!
//! Every claim, fact and finding points into a [`Source`]: a manifest, a facts file, or a *card*, the small
//! rendered text that stands for a router's answer which has no file of its own. A [`Span`] is a half-open byte
//! range of one source; [`Sources`] turns it into text, lines and columns.

use std::sync::{Arc, OnceLock};

/// The number of a [`Source`] within one [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A half-open byte range `start..end` within one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text it points into.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span of `source` over `start..end`.
    pub const fn new(source: SourceId, start: u32, end: u32) -> Self {
        Self { source, start, end }
    }

    /// Length in bytes.
    pub const fn len(self) -> u32 {
        self.end.saturating_sub(self.start)
    }

    /// Whether the span covers no byte (a place between two bytes).
    pub const fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// The bytes as an index into the source's text.
    pub const fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The smallest span that covers both; `self` when they lie in different sources.
    #[must_use]
    pub fn cover(self, other: Self) -> Self {
        if self.source != other.source {
            return self;
        }
        Self::new(self.source, self.start.min(other.start), self.end.max(other.end))
    }
}

/// What kind of text a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A file; its name is the path as the user would write it.
    File,
    /// Standard input, named by `--stdin-filename`.
    Stdin,
    /// A rendered text that stands for something without a file (a fetched router page).
    Card,
}

/// One text that findings can point into.
#[derive(Debug, Clone)]
pub struct Source {
    /// The name shown to the user: a path with forward slashes, or the title of a card.
    pub name: String,
    /// What kind of text it is.
    pub kind: SourceKind,
    /// The whole text, exactly as read.
    pub text: Arc<str>,
    /// Where its lines begin; found when first asked for.
    lines: OnceLock<Vec<u32>>,
}

/// A place for people: line and column, both from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineColumn {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters (Unicode scalar values), from 1.
    pub column: u32,
}

/// All texts of one run.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    list: Vec<Source>,
}

impl Sources {
    /// No texts yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text and returns its number.
    pub fn add(&mut self, name: impl Into<String>, kind: SourceKind, text: impl Into<Arc<str>>) -> SourceId {
        let id = SourceId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(Source { name: name.into(), kind, text: text.into(), lines: OnceLock::new() });
        id
    }

    /// The source with this number.
    ///
    /// # Panics
    /// When `id` was not made by [`Sources::add`] of this collection.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.list[id.0 as usize]
    }

    /// All sources in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.list.iter().enumerate().map(|(i, s)| (SourceId(i as u32), s))
    }

    /// The text under a span; empty when the span does not lie on character boundaries of its source.
    pub fn slice(&self, span: Span) -> &str {
        self.get(span.source).text.get(span.range()).unwrap_or("")
    }

    /// Line and column of a byte offset. `\n`, `\r\n` and a lone `\r` end a line; a byte order mark has no width.
    pub fn line_column(&self, source: SourceId, offset: u32) -> LineColumn {
        self.get(source).line_column(offset as usize)
    }
}

impl Source {
    fn line_column(&self, offset: usize) -> LineColumn {
        let text = &self.text;
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let starts = self.lines.get_or_init(|| line_starts(text));
        let line = starts.partition_point(|start| *start as usize <= offset).max(1);
        let start = starts.get(line - 1).map_or(0, |start| *start as usize);
        let column = text[start..offset].trim_start_matches('\u{feff}').chars().count() as u32 + 1;
        LineColumn { line: line as u32, column }
    }
}

fn line_starts(text: &str) -> Vec<u32> {
    let bytes = text.as_bytes();
    let ends = bytes.iter().enumerate().filter(|(i, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(i + 1) != Some(&b'\n'),
        _ => false,
    });
    std::iter::once(0).chain(ends.map(|(i, _)| i as u32 + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters() {
        let mut sources = Sources::new();
        let id = sources.add("a.yaml", SourceKind::File, "\u{feff}café: 1\r\nb: 🔑x\rc: 2\n");
        let at = |needle: &str| {
            let offset = sources.get(id).text.find(needle).expect("in the text");
            let place = sources.line_column(id, offset as u32);
            (place.line, place.column)
        };
        assert_eq!(at("café"), (1, 1));
        assert_eq!(at(": 1"), (1, 5));
        assert_eq!(at("x\r"), (2, 5));
        assert_eq!(at("c: 2"), (3, 1));
        assert_eq!(sources.line_column(id, 9999).line, 4);
    }

    #[test]
    fn cover_joins_only_within_one_source() {
        let a = Span::new(SourceId(0), 4, 8);
        assert_eq!(a.cover(Span::new(SourceId(0), 1, 5)), Span::new(SourceId(0), 1, 8));
        assert_eq!(a.cover(Span::new(SourceId(1), 1, 5)), a);
    }
}
