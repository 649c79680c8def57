//! What names and labels may look like in Kubernetes.
//!
//! Source: `k8s.io/apimachinery/pkg/util/validation`; RFC 1123 section 2.1.

/// Why a name or label is refused, as the end of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LabelError {
    /// Nothing there.
    Empty,
    /// Longer than this many bytes.
    TooLong(usize),
    /// A character that is not allowed, or a first or last one that is no letter or digit.
    Characters,
    /// More than one `/`.
    Slashes,
    /// The part before the `/` is no DNS name.
    Prefix,
}

impl std::fmt::Display for LabelError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::TooLong(most) => write!(f, "it is longer than {most} bytes"),
            Self::Characters => f.write_str("it has a character that is not allowed, or not at its beginning or end"),
            Self::Slashes => f.write_str("it has more than one `/`"),
            Self::Prefix => f.write_str("the part before its `/` is not a DNS name in lower case"),
        }
    }
}

/// Checks a lower-case DNS name: labels of letters, digits and `-`, joined by dots, at most 253 bytes.
pub fn rfc1123_subdomain(text: &str) -> Result<(), LabelError> {
    check_length(text, 253)?;
    if text.split('.').all(is_dns_label) { Ok(()) } else { Err(LabelError::Characters) }
}

/// Checks one lower-case DNS label: letters, digits and `-`, at most 63 bytes.
pub fn rfc1123_label(text: &str) -> Result<(), LabelError> {
    check_length(text, 63)?;
    if is_dns_label(text) { Ok(()) } else { Err(LabelError::Characters) }
}

/// Checks a label's key: an optional DNS name and `/`, then a name of at most 63 bytes.
pub fn label_key(text: &str) -> Result<(), LabelError> {
    let name = match text.split_once('/') {
        None => text,
        Some((_, name)) if name.contains('/') => return Err(LabelError::Slashes),
        Some((prefix, _)) if rfc1123_subdomain(prefix).is_err() => return Err(LabelError::Prefix),
        Some((_, name)) => name,
    };
    check_length(name, 63)?;
    if is_label_text(name) { Ok(()) } else { Err(LabelError::Characters) }
}

/// Checks a label's value: empty, or at most 63 letters, digits, `-`, `_` and `.`, the ends letters or digits.
pub fn label_value(text: &str) -> Result<(), LabelError> {
    if text.len() > 63 {
        return Err(LabelError::TooLong(63));
    }
    if text.is_empty() || is_label_text(text) { Ok(()) } else { Err(LabelError::Characters) }
}

const fn check_length(text: &str, most: usize) -> Result<(), LabelError> {
    match text.len() {
        0 => Err(LabelError::Empty),
        n if n > most => Err(LabelError::TooLong(most)),
        _ => Ok(()),
    }
}

fn is_dns_label(text: &str) -> bool {
    let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.iter().all(|b| alphanumeric(b) || *b == b'-')
}

fn is_label_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(rfc1123_subdomain("home.lan-1"), Ok(()));
        assert_eq!(rfc1123_subdomain(&"h".repeat(253)), Ok(()));
        assert_eq!(rfc1123_subdomain(&"h".repeat(254)), Err(LabelError::TooLong(253)));
        for bad in ["Home", "home pool", "home-", "-home", "a..b", "a_b", "a."] {
            assert_eq!(rfc1123_subdomain(bad), Err(LabelError::Characters), "{bad}");
        }
        assert_eq!(rfc1123_label("a.b"), Err(LabelError::Characters));
        assert_eq!(rfc1123_label(""), Err(LabelError::Empty));
    }

    #[test]
    fn labels() {
        assert_eq!(label_key("kubernetes.io/hostname"), Ok(()));
        assert_eq!(label_key("Tier_1"), Ok(()));
        assert_eq!(label_key("bad key!"), Err(LabelError::Characters));
        assert_eq!(label_key("a/b/c"), Err(LabelError::Slashes));
        assert_eq!(label_key("UPPER.io/x"), Err(LabelError::Prefix));
        assert_eq!(label_key("/x"), Err(LabelError::Prefix));
        assert_eq!(label_key("x/"), Err(LabelError::Empty));
        assert_eq!(label_value(""), Ok(()));
        assert_eq!(label_value(&"e".repeat(64)), Err(LabelError::TooLong(63)));
        assert_eq!(label_value("a b"), Err(LabelError::Characters));
    }
}
