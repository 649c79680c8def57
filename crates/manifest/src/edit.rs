//! Text edits by byte span, which keep everything around them as it is.

use std::fmt::Write as _;

use poolcheck_plan::Span;

use crate::value::{Scalar, Value, resolve_plain};
use crate::yaml::Quoting;

/// Why edits cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Two edits touch the same bytes.
    #[error("two edits touch the same bytes, at byte {0}")]
    Overlap(u32),
    /// An edit reaches beyond the text or into the middle of a character.
    #[error("an edit does not fit the text, at byte {0}")]
    Outside(u32),
}

/// The edit that gives a scalar another text, in the quotes it has; quotes are added where the new text needs them.
///
/// `None` when the scalar is not written where it stands: a variable or a patch put it there.
pub fn replace_scalar(value: Value<'_>, text: &str) -> Option<(Span, String)> {
    if !value.is_verbatim() {
        return None;
    }
    let quoting = value.quoting().unwrap_or(Quoting::Plain);
    let written = match quoting {
        Quoting::Single if text.chars().all(is_printable) => format!("'{}'", text.replace('\'', "''")),
        Quoting::Plain if is_plain_safe(text) => text.to_owned(),
        _ => double_quoted(text),
    };
    // Behind a key without a value stands nothing that would keep the two apart.
    let span = value.span();
    let gap = match span.start == span.end {
        true if value.lacks_colon() => ": ",
        true => " ",
        false => "",
    };
    Some((span, format!("{gap}{written}")))
}

/// Whether a text means the same string without quotes, in block and in flow.
fn is_plain_safe(text: &str) -> bool {
    let first = text.chars().next();
    let address_like = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '/' | ':' | '_'));
    address_like
        && first.is_some_and(|c| c.is_ascii_alphanumeric())
        && !text.ends_with(':')
        && text.contains(['.', '/', ':', '-'])
        && matches!(resolve_plain(text.into()), Scalar::Str(_))
}

/// Whether a character can stand in quotes as it is, on one line.
fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if !is_printable(c) => write!(out, "\\u{:04x}", c as u32).expect("writes to a string"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Applies edits of one source to its text.
///
/// # Errors
/// When edits overlap or do not fit the text; then nothing is applied.
pub fn apply(text: &str, edits: &[(Span, String)]) -> Result<String, EditError> {
    let mut sorted: Vec<&(Span, String)> = edits.iter().collect();
    sorted.sort_by_key(|(span, _)| (span.start, span.end));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (span, replacement) in sorted {
        if span.start < at {
            return Err(EditError::Overlap(span.start));
        }
        let kept = text.get(at as usize..span.start as usize).ok_or(EditError::Outside(span.start))?;
        if !text.is_char_boundary(span.end as usize) || span.end < span.start {
            return Err(EditError::Outside(span.end));
        }
        out.push_str(kept);
        out.push_str(replacement);
        at = span.end;
    }
    out.push_str(text.get(at as usize..).ok_or(EditError::Outside(at))?);
    Ok(out)
}
