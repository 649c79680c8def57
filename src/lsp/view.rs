//! What one judgement says to an editor: diagnostics, hovers, fixes, and the other side of a conflict.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;

use lsp_types::{
    CodeAction, CodeActionKind, CodeDescription, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity,
    DocumentChanges, Hover, HoverContents, Location, MarkupContent, MarkupKind, NumberOrString, OneOf,
    OptionalVersionedTextDocumentIdentifier, Position, Range, TextDocumentEdit, TextEdit, Uri, WorkspaceEdit,
};
use poolcheck_plan::{Claim, SourceId, SourceKind, Span};
use poolcheck_rules::{Finding, Level};

use super::text::{offset, range, uri_of};
use crate::cli::{InputArgs, JudgingArgs};
use crate::fix::Buffers;
use crate::output::pretty;
use crate::report::Report;
use crate::session::{Failure, Session};

/// One judgement of the whole folder.
#[derive(Debug, Default)]
pub(super) struct View {
    report: Report,
    claims: Vec<Claim>,
    /// The file of each source that is one.
    paths: BTreeMap<SourceId, PathBuf>,
}

impl View {
    /// Judges a folder, with unsaved texts in the place of files.
    pub(super) fn of(root: &Path, buffers: &Buffers) -> Result<Self, Failure> {
        let session = Session::open_with(&InputArgs::of(vec![root.to_owned()]), buffers)?;
        let claims = session.world().plan.claims().to_vec();
        let report = session.check(&JudgingArgs::default());
        let files = report.sources.iter().filter(|(_, source)| source.kind == SourceKind::File);
        let paths = files.filter_map(|(id, source)| Some((id, std::fs::canonicalize(&source.name).ok()?))).collect();
        Ok(Self { report, claims, paths })
    }

    /// The diagnostics of every file that has some.
    pub(super) fn diagnostics(&self) -> BTreeMap<PathBuf, Vec<Diagnostic>> {
        let mut found: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
        for finding in &self.report.findings {
            if let Some(path) = self.paths.get(&finding.primary.span.source) {
                found.entry(path.clone()).or_default().push(self.diagnostic(finding));
            }
        }
        found
    }

    fn diagnostic(&self, finding: &Finding) -> Diagnostic {
        let mut message = finding.message.clone();
        let mut related = Vec::new();
        for label in &finding.related {
            if let Some(location) = self.location(label.span) {
                related.push(DiagnosticRelatedInformation { location, message: label.text.clone() });
                continue;
            }
            // A card has no file that the editor could open.
            let place = pretty::title(label.span, &self.report.sources);
            write!(message, "\n{}: {place}", label.text).expect("writes to a string");
        }
        for line in &finding.help {
            write!(message, "\n{line}").expect("writes to a string");
        }
        Diagnostic {
            range: range(&self.report.sources, finding.primary.span),
            severity: Some(match finding.level {
                Level::Error => DiagnosticSeverity::ERROR,
                Level::Warning => DiagnosticSeverity::WARNING,
                Level::Note => DiagnosticSeverity::INFORMATION,
            }),
            code: Some(NumberOrString::String(finding.rule.to_owned())),
            code_description: Uri::from_str(&crate::output::rule_url(finding.rule))
                .ok()
                .map(|href| CodeDescription { href }),
            source: Some("poolcheck".to_owned()),
            message,
            related_information: Some(related),
            ..Diagnostic::default()
        }
    }

    fn location(&self, span: Span) -> Option<Location> {
        let uri = uri_of(self.paths.get(&span.source)?)?;
        Some(Location::new(uri, range(&self.report.sources, span)))
    }

    /// The source that is a file, and its text.
    fn source(&self, path: &Path) -> Option<(SourceId, Arc<str>)> {
        let (id, _) = self.paths.iter().find(|(_, known)| *known == path)?;
        Some((*id, Arc::clone(&self.report.sources.get(*id).text)))
    }

    /// Whether a span holds a place of a file; a file in several forms is several sources.
    fn holds(&self, span: Span, path: &Path, at: usize) -> bool {
        let here = self.paths.get(&span.source).is_some_and(|known| known == path);
        here && span.start as usize <= at && at <= span.end as usize
    }

    /// Who claims the address at a place.
    pub(super) fn hover(&self, path: &Path, position: Position) -> Option<Hover> {
        let (_, text) = self.source(path)?;
        let (address, word) = address_at(&text, offset(&text, position))?;
        let mut lines = vec![format!("**{address}**")];
        let claims = self.claims.iter().filter(|claim| claim.range.contains(address));
        lines.extend(claims.map(|claim| {
            let place = claim
                .place
                .map_or_else(String::new, |span| format!(", said at {}", pretty::title(span, &self.report.sources)));
            let kind = serde_json::to_value(claim.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
            let kind = kind.unwrap_or_default().replace('-', " ");
            let owner = if claim.owner.is_empty() { String::new() } else { format!(" `{}`", claim.owner) };
            format!("- {kind}{owner} {}{place}", claim.range)
        }));
        if lines.len() == 1 {
            lines.push("nobody claims it".to_owned());
        }
        let value = lines.join("\n\n").replace("\n\n- ", "\n- ");
        let (start, end) = (super::text::position(&text, word.start), super::text::position(&text, word.end));
        let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
        Some(Hover { contents, range: Some(Range::new(start, end)) })
    }

    /// The other sides of the conflicts at a place.
    pub(super) fn definition(&self, path: &Path, position: Position) -> Vec<Location> {
        let Some((_, text)) = self.source(path) else { return Vec::new() };
        let at = offset(&text, position);
        let mut found: Vec<Location> = Vec::new();
        for finding in &self.report.findings {
            let sides: Vec<Span> =
                std::iter::once(&finding.primary).chain(&finding.related).map(|label| label.span).collect();
            if !sides.iter().any(|side| self.holds(*side, path, at)) {
                continue;
            }
            for side in sides.iter().filter(|side| !self.holds(**side, path, at)) {
                found.extend(self.location(*side).filter(|location| !found.contains(location)));
            }
        }
        found
    }

    /// The cures of the findings in a range, and how to accept them.
    pub(super) fn actions(&self, path: &Path, wanted: Range) -> Vec<CodeAction> {
        let Some((_, text)) = self.source(path) else { return Vec::new() };
        let (from, to) = (offset(&text, wanted.start), offset(&text, wanted.end));
        let inside = |finding: &&Finding| {
            let span = finding.primary.span;
            let here = self.paths.get(&span.source).is_some_and(|known| known == path);
            here && span.start as usize <= to && from <= span.end as usize
        };
        let mut actions = Vec::new();
        for finding in self.report.findings.iter().filter(inside) {
            for (number, fix) in finding.fixes.iter().enumerate() {
                let edits = fix.edits.iter().map(|(span, text)| {
                    let range = range(&self.report.sources, *span);
                    (self.paths.get(&span.source) == Some(&path.to_owned())).then(|| TextEdit::new(range, text.clone()))
                });
                let edits: Option<Vec<TextEdit>> = edits.collect();
                let action = edits.and_then(|edits| self.action(finding, fix.title.clone(), path, edits, number == 0));
                actions.extend(action);
            }
            actions.extend(self.ignore(finding, path, &text));
        }
        actions
    }

    /// A comment above the line; its reason is left for a person to write.
    fn ignore(&self, finding: &Finding, path: &Path, text: &str) -> Option<CodeAction> {
        let is_ignore = poolcheck_rules::find(finding.rule).is_none_or(|r| r.family == poolcheck_rules::IGNORE);
        if is_ignore || path.extension().is_some_and(|ending| ending == "json") {
            return None;
        }
        let start = text.get(..finding.primary.span.start as usize)?.rfind('\n').map_or(0, |at| at + 1);
        let line = &text[start..];
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let comment = format!("{indent}# poolcheck: ignore[{}] reason=\"\"{end}", finding.rule);
        let at = super::text::position(text, start);
        let title = format!("ignore {} here, with a reason", finding.rule);
        self.action(finding, title, path, vec![TextEdit::new(Range::new(at, at), comment)], false)
    }

    fn action(
        &self,
        finding: &Finding,
        title: String,
        path: &Path,
        edits: Vec<TextEdit>,
        preferred: bool,
    ) -> Option<CodeAction> {
        let text_document = OptionalVersionedTextDocumentIdentifier { uri: uri_of(path)?, version: None };
        let edits = edits.into_iter().map(OneOf::Left).collect();
        let changes = DocumentChanges::Edits(vec![TextDocumentEdit { text_document, edits }]);
        Some(CodeAction {
            title,
            kind: Some(CodeActionKind::QUICKFIX),
            diagnostics: Some(vec![self.diagnostic(finding)]),
            edit: Some(WorkspaceEdit { document_changes: Some(changes), ..WorkspaceEdit::default() }),
            is_preferred: Some(preferred),
            ..CodeAction::default()
        })
    }
}

/// The address under a byte, with the bytes of its text.
fn address_at(text: &str, at: usize) -> Option<(IpAddr, std::ops::Range<usize>)> {
    let part = |c: char| c.is_ascii_hexdigit() || c == '.' || c == ':';
    let start = text[..at].rfind(|c| !part(c)).map_or(0, |i| i + text[i..].chars().next().map_or(1, char::len_utf8));
    let end = text[at..].find(|c| !part(c)).map_or(text.len(), |i| at + i);
    let word = &text[start..end];
    let trimmed = word.trim_end_matches(':');
    let parsed = |word: &str| word.parse().ok().map(|address| (address, start..start + word.len()));
    parsed(word).or_else(|| parsed(trimmed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_under_the_cursor() {
        let text = "ü 192.168.1.50-192.168.1.60, fd00::1/64 x";
        let at = |needle: &str| text.find(needle).expect("it is there") + 2;
        let found = |at| address_at(text, at).map(|(address, range)| (address.to_string(), &text[range]));
        assert_eq!(found(at("192.168.1.50")), Some(("192.168.1.50".to_owned(), "192.168.1.50")));
        assert_eq!(found(at("192.168.1.60")), Some(("192.168.1.60".to_owned(), "192.168.1.60")));
        assert_eq!(found(at("fd00")), Some(("fd00::1".to_owned(), "fd00::1")));
        assert_eq!(found(text.len()), None);
    }
}
