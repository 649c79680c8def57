//! Workflow commands of GitHub Actions: each finding is shown at its line of the pull request.
//!
//! Source: GitHub, "Workflow commands for GitHub Actions". Where `GITHUB_STEP_SUMMARY` names a file, the report in Markdown
//! is added to it.

use std::fmt::Write as _;

use super::json::{JsonLevel, JsonReport, JsonSourceKind};

/// The report as workflow commands.
pub fn report(report: &JsonReport) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        let command = match finding.level {
            JsonLevel::Error => "error",
            JsonLevel::Warning => "warning",
            JsonLevel::Note => "notice",
        };
        let place = &finding.primary;
        let mut message = finding.message.clone();
        for related in &finding.related {
            let at = match related.kind {
                JsonSourceKind::Card => related.file.clone(),
                _ => format!("{}:{}", related.file, related.line),
            };
            write!(message, "\n{at}: {}", related.label.as_deref().unwrap_or_default()).expect("writes to a string");
        }
        for line in &finding.help {
            write!(message, "\n{line}").expect("writes to a string");
        }
        let title = property(&finding.rule);
        let at = match place.kind {
            JsonSourceKind::Card => String::new(),
            _ => format!(
                "file={},line={},col={},endLine={},endColumn={},",
                property(&place.file),
                place.line,
                place.column,
                place.end_line,
                place.end_column
            ),
        };
        writeln!(out, "::{command} {at}title={title}::{}", data(&message)).expect("writes to a string");
    }
    for problem in &report.problems {
        let text = data(&format!("{}: {}", problem.file, problem.message));
        writeln!(out, "::error file={}::{text}", property(&problem.file)).expect("writes to a string");
    }
    for gone in &report.gone {
        let text = data(&format!("gone: {} [{}]: {}", gone.path, gone.rule, gone.message));
        writeln!(out, "::warning file={}::{text}", property(&gone.baseline)).expect("writes to a string");
    }
    for verdict in &report.not_checked {
        let subject = verdict.subject.as_ref().map_or_else(String::new, |subject| format!("{subject}: "));
        let text = data(&format!("not checked: {} ({subject}{})", verdict.rule, verdict.reason));
        writeln!(out, "::debug::{text}").expect("writes to a string");
    }
    out
}

/// What a message escapes.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What a property escapes: also what ends it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_as_the_runner_reads_them() {
        assert_eq!(data("100%\r\nnext"), "100%25%0D%0Anext");
        assert_eq!(property("a:b,c%"), "a%3Ab%2Cc%25");
    }
}
