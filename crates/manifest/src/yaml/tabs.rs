//! Tabs where libyaml wants spaces.
//!
//! Our parser, as YAML 1.2 has it, lets a tab stand wherever it cannot be mistaken for indentation. libyaml refuses one
//! wherever a key could begin: at the beginning of a line and behind `-`, `?` and `:` of a block collection.

use super::libyaml::{Marks, Refusal};
use super::{Document, Node, NodeKind, Quoting, slice};

const WHY: &str = "a tab where YAML wants spaces";

pub(super) fn find(document: &Document, text: &str, marks: &Marks, found: &mut Vec<Refusal>) {
    let own = slice(text, &document.span);
    if !own.contains('\t') {
        return;
    }
    let scalars: Vec<&Node> = document.nodes.iter().filter(|n| matches!(n.kind, NodeKind::Scalar { .. })).collect();
    let lines = Lines { document, text, marks, scalars };
    let mut at = document.span.start;
    for line in own.split_inclusive(['\n', '\r']) {
        if let Some((tab, after_indicator)) = first_tab(line)
            && lines.refuses(at, at + tab, after_indicator)
        {
            found.push((at + tab..at + tab + 1, WHY));
        }
        at += line.len() as u32;
    }
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

struct Lines<'d> {
    document: &'d Document,
    text: &'d str,
    marks: &'d Marks,
    scalars: Vec<&'d Node>,
}

impl Lines<'_> {
    fn refuses(&self, line: u32, tab: u32, after_indicator: bool) -> bool {
        if self.marks.in_flow(tab) {
            return false;
        }
        let before = self.scalars.partition_point(|scalar| scalar.span.start <= tab).checked_sub(1);
        let Some(scalar) = before.map(|last| self.scalars[last]) else { return true };
        let NodeKind::Scalar { quoting, .. } = scalar.kind else { return true };
        let inside = tab < scalar.span.end;
        let continues = inside || slice(self.text, &(scalar.span.end..tab)).trim().is_empty();
        match quoting {
            Quoting::Single | Quoting::Double => !inside,
            Quoting::Literal | Quoting::Folded if continues => !after_indicator && self.breaks_block(scalar, line, tab),
            Quoting::Plain if continues && !scalar.span.is_empty() => {
                !(inside && after_indicator) && tab - line < self.indent_of(scalar)
            }
            _ => true,
        }
    }

    /// Whether a leading tab stands before the indentation of a block scalar is known, or within it.
    fn breaks_block(&self, scalar: &Node, line: u32, tab: u32) -> bool {
        let raw = slice(self.text, &(scalar.span.start..tab));
        let mut lines = raw.split_inclusive('\n');
        let header = lines.next().and_then(|header| header.split('#').next()).unwrap_or_default();
        let indent = match header.chars().find_map(|c| c.to_digit(10)) {
            Some(more) => Some(self.indent_of(scalar).saturating_sub(1) + more),
            None => {
                let first = lines.find(|line| !line.trim().is_empty());
                first.map(|first| (first.len() - first.trim_start_matches(' ').len()) as u32)
            }
        };
        indent.is_none_or(|indent| tab - line < indent)
    }

    /// The column from which a plain scalar's continuation lines may begin: behind that of the innermost block collection.
    fn indent_of(&self, scalar: &Node) -> u32 {
        let around = self.document.nodes.iter().filter(|node| {
            matches!(node.kind, NodeKind::Sequence(_) | NodeKind::Mapping(_))
                && node.span.start <= scalar.span.start
                && scalar.span.end <= node.span.end
        });
        around.last().map_or(0, |node| self.column(node.span.start) + 1)
    }

    fn column(&self, at: u32) -> u32 {
        let before = &self.text[..at as usize];
        let line = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
        before[line..].trim_start_matches('\u{feff}').chars().count() as u32
    }
}
