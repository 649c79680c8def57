//! Where the bytes of a composed text were written: a text that was a string of another document, into which variables
//! were put, or to which a patch was applied, still points into the files that people edit.

use poolcheck_plan::{SourceId, Span};

use crate::yaml::Bytes;

/// Maps every byte of a composed text to the place where it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TextMap {
    /// Ascending by `start`; each reaches to the next.
    segments: Vec<Segment>,
}

/// A stretch of the composed text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    start: u32,
    /// The bytes it comes from.
    outer: Span,
    /// Whether it is those bytes one by one; otherwise all of it comes from all of them.
    exact: bool,
}

impl TextMap {
    /// A whole text that comes from one place without being its bytes.
    pub(crate) fn whole(outer: Span) -> Self {
        Self { segments: vec![Segment { start: 0, outer, exact: false }] }
    }

    /// Says where the bytes from `start` on come from; calls ascend.
    pub(crate) fn push(&mut self, start: u32, outer: Span, exact: bool) {
        self.segments.push(Segment { start, outer, exact });
    }

    /// Gives the source `from` another number.
    pub(crate) fn renumber(&mut self, from: SourceId, to: SourceId) {
        for segment in self.segments.iter_mut().filter(|segment| segment.outer.source == from) {
            segment.outer.source = to;
        }
    }

    /// The place where bytes were written: exactly, or the smallest place known that holds them.
    pub(crate) fn outer(&self, bytes: &Bytes) -> Span {
        let last = bytes.end.max(bytes.start + 1) - 1;
        let (Some(first), Some(final_one)) = (self.index(bytes.start), self.index(last)) else {
            return self.segments.first().map_or(Span::new(SourceId(0), 0, 0), |segment| segment.outer);
        };
        let (start, end) = (&self.segments[first], &self.segments[final_one]);
        let from = if start.exact { start.at(bytes.start) } else { start.outer };
        let to = if end.exact { end.at(last) } else { end.outer };
        if bytes.is_empty() {
            return if start.exact { Span::new(from.source, from.start, from.start) } else { from };
        }
        if from.source == to.source && from.start <= to.end { from.cover(to) } else { start.outer }
    }

    /// The stretches of a piece of the text: (first byte, where it was written, whether byte by byte).
    pub(crate) fn stretches(&self, bytes: &Bytes) -> Vec<(u32, Span, bool)> {
        let first = self.index(bytes.start).unwrap_or(0);
        let touched =
            self.segments[first..].iter().take_while(|segment| segment.start < bytes.end.max(bytes.start + 1));
        let stretch = |segment: &Segment| {
            let start = segment.start.max(bytes.start);
            let skipped = (start - segment.start).min(segment.outer.len());
            let outer = Span { start: segment.outer.start + skipped, ..segment.outer };
            (start, if segment.exact { outer } else { segment.outer }, segment.exact)
        };
        touched.map(stretch).collect()
    }

    /// Whether bytes are written somewhere exactly as they stand, so that they can be edited there.
    pub(crate) fn is_exact(&self, bytes: &Bytes) -> bool {
        let last = bytes.end.max(bytes.start + 1) - 1;
        match (self.index(bytes.start), self.index(last)) {
            (Some(first), Some(last_one)) => {
                let run = &self.segments[first..=last_one];
                run.iter().all(|segment| segment.exact) && self.outer(bytes).len() >= bytes.end - bytes.start
            }
            _ => false,
        }
    }

    fn index(&self, byte: u32) -> Option<usize> {
        self.segments.partition_point(|segment| segment.start <= byte).checked_sub(1)
    }
}

impl Segment {
    /// One byte of it, where it was written.
    fn at(&self, byte: u32) -> Span {
        let start = (self.outer.start + (byte - self.start)).min(self.outer.end);
        Span::new(self.outer.source, start, (start + 1).min(self.outer.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: u32, end: u32) -> Span {
        Span::new(SourceId(3), start, end)
    }

    #[test]
    fn bytes_lead_back_to_where_they_were_written() {
        // "ab${V}cd" became "ab10.0.0.1cd".
        let mut map = TextMap::default();
        map.push(0, span(0, 2), true);
        map.push(2, span(2, 6), false);
        map.push(10, span(6, 8), true);
        assert_eq!(map.outer(&(0..2)), span(0, 2));
        assert_eq!(map.outer(&(4..6)), span(2, 6));
        assert_eq!(map.outer(&(1..11)), span(1, 7));
        assert_eq!(map.outer(&(11..12)), span(7, 8));
        assert!(map.is_exact(&(0..2)) && map.is_exact(&(10..12)));
        assert!(!map.is_exact(&(2..10)) && !map.is_exact(&(1..11)));
    }

    #[test]
    fn a_stretch_over_two_files_is_shown_where_it_begins() {
        let mut map = TextMap::default();
        map.push(0, span(0, 4), true);
        map.push(4, Span::new(SourceId(9), 100, 120), true);
        assert_eq!(map.outer(&(5..7)), Span::new(SourceId(9), 101, 103));
        assert_eq!(map.outer(&(2..8)), span(0, 4));
    }
}
