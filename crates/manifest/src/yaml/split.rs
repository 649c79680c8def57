//! Cuts a text into documents at its `---` and `...` lines.
//!
//! A marker at the beginning of a line ends every YAML construct, block scalars included, so cutting there is exact; it is
//! also what Kubernetes' own reader does. It gives recovery for nothing: each piece is parsed by itself.

use super::{Bytes, slice};

/// The pieces of a text. Directives (`%YAML`) and comments before a `---` belong to the document after it.
pub(super) fn pieces(text: &str) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut has_content = false;
    let mut offset = 0;
    for line in lines(text) {
        let bare = if offset == 0 { line.trim_start_matches('\u{feff}') } else { line };
        if is_marker(bare, "---") {
            if has_content {
                pieces.push(start..offset);
                start = offset;
            }
            has_content = true;
        } else if is_marker(bare, "...") {
            let end = offset + line.len() as u32;
            pieces.push(start..end);
            start = end;
            has_content = false;
        } else if !has_content {
            let content = bare.trim();
            has_content = !(content.is_empty() || content.starts_with('#') || bare.starts_with('%'));
        }
        offset += line.len() as u32;
    }
    if start < offset {
        pieces.push(start..offset);
    }
    pieces
}

/// Lines with their ends; a carriage return alone ends a line too.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let mut ends = memchr::memchr2_iter(b'\n', b'\r', bytes).peekable();
    let mut start = 0;
    std::iter::from_fn(move || {
        let end = match ends.next() {
            Some(at)
                if bytes[at] == b'\r' && ends.next_if(|next| *next == at + 1 && bytes[*next] == b'\n').is_some() =>
            {
                at + 2
            }
            Some(at) => at + 1,
            None if start == bytes.len() => return None,
            None => bytes.len(),
        };
        let line = &text[start..end];
        start = end;
        Some(line)
    })
}

/// The first line of a piece that is neither empty nor a comment, without its line end.
pub(super) fn first_content(text: &str, piece: &Bytes) -> Option<Bytes> {
    let mut at = piece.start;
    for line in lines(slice(text, piece)) {
        let bare = line.trim_start_matches('\u{feff}');
        let content = bare.trim();
        if !content.is_empty() && !content.starts_with('#') {
            let start = at + (line.len() - bare.len()) as u32;
            return Some(start..start + bare.trim_end().len() as u32);
        }
        at += line.len() as u32;
    }
    None
}

pub(super) fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

#[cfg(test)]
mod tests {
    use super::pieces;

    fn cut(text: &str) -> Vec<&str> {
        pieces(text).into_iter().map(|p| &text[p.start as usize..p.end as usize]).collect()
    }

    #[test]
    fn cuts_at_markers_only() {
        assert_eq!(cut("a: 1\n---\nb: 2\n"), ["a: 1\n", "---\nb: 2\n"]);
        assert_eq!(cut("# head\n---\na: |\n  ---\n  x\n---x: 1\n"), ["# head\n---\na: |\n  ---\n  x\n---x: 1\n"]);
        assert_eq!(cut("a: 1\r\n---\r\nb: 2"), ["a: 1\r\n", "---\r\nb: 2"]);
        assert_eq!(cut("a: 1\n...\nb: 2\n"), ["a: 1\n...\n", "b: 2\n"]);
        assert_eq!(cut("\u{feff}---\na: 1\n--- # two\nb: 2"), ["\u{feff}---\na: 1\n", "--- # two\nb: 2"]);
        assert_eq!(cut("%YAML 1.1\n---\na: 1\n"), ["%YAML 1.1\n---\na: 1\n"]);
        assert_eq!(cut("a: 1\r---\rb: 2"), ["a: 1\r", "---\rb: 2"]);
        assert_eq!(cut("a: 1\r\n...\r\n---\r\nb: 2"), ["a: 1\r\n...\r\n", "---\r\nb: 2"]);
        assert!(cut("").is_empty());
    }
}
