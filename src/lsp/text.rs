//! Places as the Language Server Protocol counts them: lines from 0, columns in UTF-16 code units; files as `file:` URIs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use lsp_types::{Position, Range, Uri};
use poolcheck_plan::{Sources, Span};

/// The byte offsets at which lines begin: after `\n`, `\r\n` and a lone `\r`.
fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let ends = bytes.iter().enumerate().filter(|(i, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(i + 1) != Some(&b'\n'),
        _ => false,
    });
    std::iter::once(0).chain(ends.map(|(i, _)| i + 1)).collect()
}

/// The position of a byte.
pub(super) fn position(text: &str, offset: usize) -> Position {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let starts = line_starts(text);
    let line = starts.partition_point(|start| *start <= offset).saturating_sub(1);
    let column: usize = text[starts[line]..offset].chars().map(char::len_utf16).sum();
    Position::new(line as u32, column as u32)
}

/// The byte at a position; the end of its line, or of the text, when it lies beyond.
pub(super) fn offset(text: &str, position: Position) -> usize {
    let starts = line_starts(text);
    let Some(&start) = starts.get(position.line as usize) else { return text.len() };
    let end = starts.get(position.line as usize + 1).copied().unwrap_or(text.len());
    let line = text[start..end].trim_end_matches(['\r', '\n']);
    let mut units = position.character as usize;
    for (at, c) in line.char_indices() {
        if units < c.len_utf16() {
            return start + at;
        }
        units -= c.len_utf16();
    }
    start + line.len()
}

/// The range of a span.
pub(super) fn range(sources: &Sources, span: Span) -> Range {
    let text = &sources.get(span.source).text;
    Range::new(position(text, span.start as usize), position(text, span.end as usize))
}

/// The path of a `file:` URI; `None` for any other.
pub(super) fn path_of(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let mut bytes = Vec::with_capacity(rest.len());
    let mut left = rest.bytes();
    while let Some(byte) = left.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [left.next()?, left.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    let path = String::from_utf8(bytes).ok()?;
    path.starts_with('/').then(|| PathBuf::from(path))
}

/// The `file:` URI of an absolute path.
pub(super) fn uri_of(path: &Path) -> Option<Uri> {
    let mut uri = String::from("file://");
    for byte in path.to_str()?.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            write!(uri, "%{byte:02X}").expect("writes to a string");
        }
    }
    Uri::from_str(&uri).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_utf16_units() {
        let text = "a: 1\r\n🔑é: x\rlast";
        for (needle, line, column) in [("a", 0, 0), ("é", 1, 2), ("x", 1, 5), ("last", 2, 0)] {
            let at = text.find(needle).expect("it is there");
            assert_eq!(position(text, at), Position::new(line, column), "{needle}");
            assert_eq!(offset(text, Position::new(line, column)), at, "{needle}");
        }
        assert_eq!(offset(text, Position::new(0, 99)), 4);
        assert_eq!(offset(text, Position::new(99, 0)), text.len());
        assert_eq!(offset(text, Position::new(1, 1)), text.find('🔑').expect("it is there"), "half a character");
    }

    #[test]
    fn uris_and_paths() {
        let path = Path::new("/a b/ü#1.yaml");
        let uri = uri_of(path).expect("a path");
        assert_eq!(uri.as_str(), "file:///a%20b/%C3%BC%231.yaml");
        assert_eq!(path_of(uri.as_str()).as_deref(), Some(path));
        for bad in ["untitled:x", "file://host/x", "file:///%zz", "file:///a%2"] {
            assert_eq!(path_of(bad), None, "{bad}");
        }
    }
}
