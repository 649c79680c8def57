//! What is not a manifest yet: templates, substituted values, encrypted values.
//!
//! A document that only a template engine can read is *not checked*; it is no broken YAML. A single value that is filled
//! in or decrypted later makes the rules that need it *not checked* for its object.

use std::ops::Range;

use crate::yaml::{Bytes, Document, NodeKind, ProblemKind, Quoting, slice};

/// A document that must be rendered first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The first place that shows it, in bytes of the file's text.
    pub span: Bytes,
    /// Whose template it is.
    pub language: Language,
}

/// Whose template a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// Helm (Go templates with `.Values`, `.Release`, `include` …).
    Helm,
    /// Another Go template.
    Go,
    /// Jinja, as in Ansible.
    Jinja,
    /// Variables that are put in before YAML is read (Flux, envsubst).
    Variables,
    /// No template: an object that an overlay changes in a way that is not followed.
    Patched,
}

impl Template {
    /// What it is, for people.
    pub const fn what(&self) -> &'static str {
        match self.language {
            Language::Helm => "Helm template",
            Language::Go => "Go template",
            Language::Jinja => "Jinja template",
            Language::Variables => "text with variables to be substituted",
            Language::Patched => "object that a Kustomize patch changes in a way that is not followed",
        }
    }
}

/// Whether a document is a template: it has template syntax where YAML has structure, or it cannot be read because of it.
pub(crate) fn of_document(document: &Document, text: &str) -> Option<Template> {
    let own = slice(text, &document.span);
    if !own.contains("{{") && !own.contains("{%") {
        return variables(document, text);
    }
    let broken =
        document.problems.iter().any(|p| matches!(p.kind, ProblemKind::Syntax(_) | ProblemKind::UnknownAlias(_)));
    let at = if broken {
        first_outside_comments(own).map(|at| document.span.start + at as u32)
    } else {
        let braces = document.nodes.iter().filter(|node| match node.kind {
            NodeKind::Mapping(_) => slice(text, &node.span).starts_with("{{"),
            NodeKind::Scalar { quoting: Quoting::Plain, .. } => slice(text, &node.span).contains("{%"),
            _ => false,
        });
        braces.map(|node| node.span.start).min()
    };
    let start = at?;
    let rest = &text[start as usize..];
    let length = rest.find('\n').unwrap_or(rest.len()).min(rest.find("}}").map_or(usize::MAX, |n| n + 2));
    let length = length.min(rest.find("%}").map_or(usize::MAX, |n| n + 2));
    Some(Template { span: start..start + rest[..length].trim_end().len() as u32, language: language(own) })
}

/// `[${RANGE}]` is YAML only after `${RANGE}` was substituted: the brace opens a mapping. Only a syntax error on the
/// line of a variable counts, so that other mistakes are still found.
fn variables(document: &Document, text: &str) -> Option<Template> {
    let syntax = document.problems.iter().find(|problem| matches!(problem.kind, ProblemKind::Syntax(_)))?;
    let start = text[..syntax.span.start as usize].rfind('\n').map_or(0, |at| at + 1);
    let line = text[start..].lines().next().unwrap_or("");
    let at = line.find("${")?;
    let length = line[at..].find('}').map_or(2, |end| end + 1);
    let span = (start + at) as u32..(start + at + length) as u32;
    Some(Template { span, language: Language::Variables })
}

/// The first template syntax that is neither in a comment nor in a quoted string that holds it whole: `"{{ x }}"` is YAML,
/// `"{{ include "x" . }}"` is not.
fn first_outside_comments(text: &str) -> Option<usize> {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if let Some(at) = first_in_line(line) {
            return Some(offset + at);
        }
        offset += line.len();
    }
    None
}

fn first_in_line(line: &str) -> Option<usize> {
    let mut quote = None;
    let mut previous = ' ';
    for (at, c) in line.char_indices() {
        let rest = &line[at..];
        if rest.starts_with("{{") || rest.starts_with("{%") {
            let inner = &rest[..rest.find(['}']).unwrap_or(rest.len())];
            if quote.is_none_or(|quote| inner.contains(quote)) {
                return Some(at);
            }
        }
        match (c, quote) {
            ('#', None) if previous.is_whitespace() => return None,
            ('"' | '\'', None) if !previous.is_alphanumeric() => quote = Some(c),
            (c, Some(open)) if c == open && previous != '\\' => quote = None,
            _ => {}
        }
        previous = c;
    }
    None
}

fn language(text: &str) -> Language {
    const HELM: [&str; 6] = [".Values", ".Release", ".Chart", "include \"", "toYaml", ".Capabilities"];
    if text.contains("{%") {
        Language::Jinja
    } else if HELM.iter().any(|word| text.contains(word)) {
        Language::Helm
    } else if text.contains("{{-") || text.contains("{{ .") || text.contains("{{.") || text.contains("{{ $") {
        Language::Go
    } else {
        Language::Jinja
    }
}

/// Something in a value that is filled in or decrypted later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder {
    /// How it is spelled.
    pub kind: PlaceholderKind,
    /// The variable's name, or the expression.
    pub name: String,
    /// Its bytes within the value's text.
    pub range: Range<usize>,
}

/// How a placeholder is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlaceholderKind {
    /// `${VAR}`, `${VAR:=default}` (Flux, envsubst).
    Braced,
    /// `$(VAR)` (Kustomize, Make).
    Parenthesised,
    /// `$VAR`.
    Dollar,
    /// `{{ … }}`.
    Template,
    /// `#{ … }#`.
    HashBraced,
    /// `__NAME__`, `@NAME@`, `%NAME%`, `<NAME>`, `[[ name ]]`, `((name))`, or a word in capitals.
    Word,
    /// `ENC[AES256_GCM,…]`.
    Encrypted,
}

impl Placeholder {
    /// Why the value is not known, in one clause.
    pub fn reason(&self) -> String {
        match self.kind {
            PlaceholderKind::Encrypted => "the value is encrypted by SOPS".to_owned(),
            PlaceholderKind::Template => format!("`{}` is filled in by a template", self.name),
            PlaceholderKind::Braced | PlaceholderKind::Parenthesised | PlaceholderKind::Dollar => {
                format!("the variable {} is substituted later", self.name)
            }
            PlaceholderKind::HashBraced | PlaceholderKind::Word => format!("`{}` is a placeholder", self.name),
        }
    }
}

/// The first placeholder of a value's text.
pub fn placeholder(text: &str) -> Option<Placeholder> {
    let found = |kind, name: &str, range: Range<usize>| Some(Placeholder { kind, name: name.trim().to_owned(), range });
    if text.starts_with("ENC[") {
        return found(PlaceholderKind::Encrypted, text, 0..text.len());
    }
    let between = |open: &str, close: &str| {
        let start = text.find(open)?;
        let inner = start + open.len();
        let end = inner + text[inner..].find(close)?;
        Some((inner..end, start..end + close.len()))
    };
    if let Some((_, range)) = between("{{", "}}") {
        return found(PlaceholderKind::Template, &text[range.clone()], range);
    }
    if let Some((inner, range)) = between("${", "}") {
        let name: &str = &text[inner];
        let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
        return found(PlaceholderKind::Braced, &name[..end], range);
    }
    if let Some((inner, range)) = between("$(", ")") {
        return found(PlaceholderKind::Parenthesised, &text[inner], range);
    }
    if let Some((_, range)) = between("#{", "}#") {
        return found(PlaceholderKind::HashBraced, &text[range.clone()], range);
    }
    if let Some(start) = text.find('$') {
        let rest = &text[start + 1..];
        let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if length > 0 && !rest.starts_with(|c: char| c.is_ascii_digit()) {
            return found(PlaceholderKind::Dollar, &rest[..length], start..start + 1 + length);
        }
    }
    let word = text.trim();
    is_placeholder_word(word).then(|| Placeholder {
        kind: PlaceholderKind::Word,
        name: word.to_owned(),
        range: 0..text.len(),
    })
}

/// `__RANGE__`, `@RANGE@`, `<IP_RANGE>`, `LB_RANGE`: never an address, always something to be replaced.
fn is_placeholder_word(word: &str) -> bool {
    let name = |text: &str| {
        text.len() > 1
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.'))
    };
    let wrapped =
        |open: &str, close: &str| word.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).is_some_and(name);
    let capitals = word.len() > 2
        && word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    let brackets = [("__", "__"), ("@", "@"), ("%", "%"), ("<", ">"), ("<<", ">>")].iter().any(|(a, b)| wrapped(a, b));
    // gomplate and Concourse, whose expressions may begin with a dot.
    let expression = [("[[", "]]"), ("((", "))")].iter().any(|(open, close)| {
        word.strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close))
            .is_some_and(|inner| name(inner.trim().trim_start_matches(['.', '$', '-']).trim()))
    });
    brackets || expression || capitals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_in_all_spellings() {
        let name = |text: &str| placeholder(text).map(|p| p.name);
        assert_eq!(name("${LB_RANGE}"), Some("LB_RANGE".to_owned()));
        assert_eq!(name("${LB_RANGE:=192.168.7.240/29}"), Some("LB_RANGE".to_owned()));
        assert_eq!(name("192.168.${NET}.240/29"), Some("NET".to_owned()));
        assert_eq!(name("$(RANGE)"), Some("RANGE".to_owned()));
        assert_eq!(name("$RANGE"), Some("RANGE".to_owned()));
        assert_eq!(name("{{ .Values.range }}"), Some("{{ .Values.range }}".to_owned()));
        assert_eq!(name("#{ range }#"), Some("#{ range }#".to_owned()));
        for word in [
            "__RANGE__",
            "@LB_RANGE@",
            "<IP_RANGE>",
            "LB_RANGE",
            "<your range>",
            "%RANGE%",
            "[[ .range ]]",
            "((range))",
        ] {
            assert_eq!(name(word), Some(word.to_owned()));
        }
        assert_eq!(placeholder("ENC[AES256_GCM,data:x]").map(|p| p.kind), Some(PlaceholderKind::Encrypted));
        for no in ["192.168.1.0/24", "default", "", "192.168.7.x/24", "FD00::/64", "$5", "-"] {
            assert_eq!(name(no), None, "{no}");
        }
    }
}
