//! Tabs where libyaml wants spaces.
//!
//! Our parser, as YAML 1.2 has it, lets a tab stand wherever it cannot be mistaken for indentation. libyaml refuses one
//! wherever a key could begin: at the beginning of a line and behind `-`, `?` and `:` of a block collection.

use std::cell::Cell;

use super::libyaml::{Marks, Refusal};
use super::{Document, Node, NodeKind, Quoting, slice};

const WHY: &str = "a tab where YAML wants spaces";

/// Finds the first of them: one is enough to see what is wrong, and there is often one on every line.
pub(super) fn find(document: &Document, text: &str, marks: &Marks, found: &mut Vec<Refusal>) {
    let own = slice(text, &document.span);
    if !own.contains('\t') {
        return;
    }
    let lines = Lines { text, scalars: scalars(document, text, marks), marks, block: Cell::new((u32::MAX, None)) };
    let mut at = document.span.start;
    let mut visible_end = at;
    for line in own.split_inclusive(['\n', '\r']) {
        if let Some((tab, after_indicator)) = first_tab(line)
            && lines.refuses(&Tab { line: at, at: at + tab, after_indicator, visible_end })
        {
            found.push((at + tab..at + tab + 1, WHY));
            return;
        }
        let visible = line.trim_end();
        if !visible.is_empty() {
            visible_end = at + visible.len() as u32;
        }
        at += line.len() as u32;
    }
}

/// The scalars, each with the column from which its continuation lines may begin: behind that of the innermost block
/// collection around it.
fn scalars<'d>(document: &'d Document, text: &str, marks: &Marks) -> Vec<(&'d Node, u32)> {
    let mut around: Vec<(u32, u32)> = Vec::new();
    let mut found = Vec::new();
    for node in &document.nodes {
        while around.last().is_some_and(|(end, _)| *end < node.span.end) {
            around.pop();
        }
        match node.kind {
            NodeKind::Scalar { .. } => found.push((node, around.last().map_or(0, |(_, column)| column + 1))),
            NodeKind::Sequence(_) | NodeKind::Mapping(_) if !marks.in_flow(node.span.start + 1) => {
                around.push((node.span.end, column(text, node.span.start)));
            }
            _ => {}
        }
    }
    found
}

fn column(text: &str, at: u32) -> u32 {
    let before = &text[..at as usize];
    let line = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    before[line..].trim_start_matches('\u{feff}').chars().count() as u32
}

/// The first tab among a line's leading white space and indicators, and whether an indicator stands before it.
fn first_tab(line: &str) -> Option<(u32, bool)> {
    let bytes = line.as_bytes();
    let mut after_indicator = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\t' => return Some((at as u32, after_indicator)),
            b' ' => {}
            b'-' | b'?' | b':' if bytes.get(at + 1).is_some_and(|next| matches!(next, b' ' | b'\t')) => {
                after_indicator = true;
            }
            _ => return None,
        }
    }
    None
}

/// A tab among the leading white space and indicators of a line.
struct Tab {
    line: u32,
    at: u32,
    after_indicator: bool,
    /// The end of what stands on the lines above.
    visible_end: u32,
}

struct Lines<'d> {
    text: &'d str,
    scalars: Vec<(&'d Node, u32)>,
    marks: &'d Marks,
    /// The block scalar last looked at, by its first byte, and its indentation.
    block: Cell<(u32, Option<(u32, u32)>)>,
}

impl Lines<'_> {
    fn refuses(&self, tab: &Tab) -> bool {
        let in_flow = self.marks.in_flow(tab.at);
        let before = self.scalars.partition_point(|(scalar, _)| scalar.span.start <= tab.at).checked_sub(1);
        let Some((scalar, column)) = before.map(|last| self.scalars[last]) else { return !in_flow };
        let NodeKind::Scalar { quoting, .. } = scalar.kind else { return true };
        let inside = tab.at < scalar.span.end;
        let continues = inside || tab.visible_end <= scalar.span.end;
        let depth = tab.at - tab.line;
        match quoting {
            // In [ ] and { } a tab is white space, but behind a plain scalar that goes on.
            _ if in_flow => quoting == Quoting::Plain && continues && !scalar.span.is_empty() && depth < column,
            Quoting::Single | Quoting::Double => !inside,
            // On a line of the scalar the indicator is content; below it is the next item's.
            _ if tab.after_indicator => tab.line >= scalar.span.end || scalar.span.is_empty(),
            Quoting::Literal | Quoting::Folded if continues => {
                self.indent(scalar, column).is_none_or(|(indent, first)| depth < indent || tab.at < first)
            }
            Quoting::Plain if continues && !scalar.span.is_empty() => depth < column,
            _ => true,
        }
    }

    /// The indentation of a block scalar, said in its header or that of its first line, and where that is known; `None`
    /// when a tab stands where the indentation should be.
    fn indent(&self, scalar: &Node, column: u32) -> Option<(u32, u32)> {
        let (known, indent) = self.block.get();
        if known == scalar.span.start {
            return indent;
        }
        let raw = slice(self.text, &scalar.span);
        let header = raw.split(['\n', '\r', '#']).next().unwrap_or_default();
        let body = raw.find(['\n', '\r']).map_or("", |end| &raw[end..]);
        let content = body.trim_start();
        let at_content = raw.len() - content.len();
        let indent = match header.chars().find_map(|c| c.to_digit(10)) {
            Some(more) => Some((column.saturating_sub(1) + more, 0)),
            None if content.is_empty() => None,
            None => {
                let line = raw[..at_content].rfind(['\n', '\r']).map_or(0, |at| at + 1);
                let leading = &raw[line..at_content];
                let first = scalar.span.start + line as u32;
                (!leading.contains('\t')).then_some((leading.len() as u32, first))
            }
        };
        self.block.set((scalar.span.start, indent));
        indent
    }
}
