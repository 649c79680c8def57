//! Proof that edits change what they were meant to change, and nothing else.
//!
//! Both texts are parsed. Every scalar that no edit touches must be in both, at the place that the edits shift it to, as
//! deep in the tree and with the same text; there must be as many documents, and no new problem.

use poolcheck_manifest::{Kind, Limits, ManifestFile, Value};
use poolcheck_plan::{SourceId, Span};

/// One replacement within one text.
pub(super) type Edit = (Span, String);

/// A scalar, an alias or an empty collection.
#[derive(Debug, PartialEq, Eq)]
struct Leaf {
    start: u32,
    end: u32,
    depth: usize,
    text: String,
}

impl Leaf {
    /// Whether it holds bytes of a range, or stands at an empty one.
    const fn meets(&self, start: u32, end: u32) -> bool {
        if self.start == self.end || start == end {
            return self.start < end && start < self.end
                || self.start == self.end && start <= self.start && self.end <= end;
        }
        self.start < end && start < self.end
    }
}

/// Whether `after`, which is `before` with the edits applied, differs in nothing else.
///
/// # Errors
/// What else would change, in a clause.
pub(super) fn only_what_was_meant(before: &str, after: &str, edits: &[Edit]) -> Result<(), &'static str> {
    let parse = |text: &str| ManifestFile::parse(SourceId(0), text.into(), &Limits::default());
    let (old, new) = (parse(before), parse(after));
    if old.stream().documents.len() != new.stream().documents.len() {
        return Err("the file would have another number of documents");
    }
    let problems = |file: &ManifestFile| file.documents().map(|document| document.problems.len()).sum::<usize>();
    if problems(&new) > problems(&old) {
        return Err("the file would be no valid YAML any more");
    }
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|(span, _)| (span.start, span.end));
    let untouched = leaves(&old).into_iter().filter_map(|leaf| {
        if sorted.iter().any(|(span, _)| leaf.meets(span.start, span.end)) {
            return None;
        }
        let shift: i64 = sorted.iter().filter(|(span, _)| span.end <= leaf.start).map(|edit| growth(edit)).sum();
        let moved = |at: u32| u32::try_from(i64::from(at) + shift).unwrap_or(at);
        Some(Leaf { start: moved(leaf.start), end: moved(leaf.end), ..leaf })
    });
    let mut shift = 0;
    let mut replaced = Vec::new();
    for edit in &sorted {
        let start = u32::try_from(i64::from(edit.0.start) + shift).unwrap_or(0);
        replaced.push((start, start + edit.1.len() as u32));
        shift += growth(edit);
    }
    let kept = leaves(&new).into_iter().filter(|leaf| !replaced.iter().any(|(start, end)| leaf.meets(*start, *end)));
    if untouched.eq(kept) { Ok(()) } else { Err("more would change than was meant") }
}

fn growth((span, text): &Edit) -> i64 {
    i64::from(text.len() as u32) - i64::from(span.len())
}

fn leaves(file: &ManifestFile) -> Vec<Leaf> {
    let mut found = Vec::new();
    for root in file.roots() {
        gather(root, 0, &mut found);
    }
    found.sort_by_key(|leaf| (leaf.start, leaf.end, leaf.depth));
    found
}

fn gather(value: Value<'_>, depth: usize, found: &mut Vec<Leaf>) {
    let mut leaf = |span: Span, text: String| found.push(Leaf { start: span.start, end: span.end, depth, text });
    if let Some(alias) = value.alias_span() {
        return leaf(alias, String::new());
    }
    match value.kind() {
        Kind::Scalar | Kind::Unresolved => leaf(value.span(), value.text().into_owned()),
        Kind::Sequence => value.items().for_each(|item| gather(item, depth + 1, found)),
        Kind::Mapping => {
            for entry in value.entries().into_iter().filter(|entry| !entry.merged) {
                gather(entry.key, depth + 1, found);
                gather(entry.value, depth + 1, found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(text: &str, old: &str, new: &str) -> Result<(), &'static str> {
        let at = text.find(old).expect("it is there");
        let edits = [(Span::new(SourceId(0), at as u32, (at + old.len()) as u32), new.to_owned())];
        let after = poolcheck_manifest::apply(text, &edits).expect("it fits");
        only_what_was_meant(text, &after, &edits)
    }

    #[test]
    fn an_edit_that_reaches_further_is_refused() {
        let text = "a: 1 # one\nb:\n  c: [x, y]\n  d: &d z\ne: *d\n";
        assert_eq!(edit(text, "x", "longer"), Ok(()));
        assert_eq!(edit(text, "1", "'2'"), Ok(()));
        let nested = "a:\n  b:\n    c: 1\n";
        assert_eq!(edit(nested, "    c", "  c"), Err("more would change than was meant"));
        assert_eq!(edit(text, "x", "x, [z"), Err("the file would be no valid YAML any more"));
        assert_eq!(edit(text, "z", "z\n---\nmore: 1"), Err("the file would have another number of documents"));
        assert_eq!(edit(text, "1 # one", "1 #"), Ok(()), "comments are nobody's value");
    }
}
