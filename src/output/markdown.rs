//! Markdown, for a pull request's comment or a job's summary: a table, then each finding with its cure.

use std::fmt::Write as _;

use super::json::{JsonFinding, JsonPlace, JsonReport, JsonSourceKind};
use crate::report::counted;

/// The report as Markdown.
pub fn report(report: &JsonReport) -> String {
    let mut out = String::from("### poolcheck\n\n");
    let summary = &report.summary;
    let counts = [(summary.errors, "error"), (summary.warnings, "warning"), (summary.notes, "note")];
    let told: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| counted(*n, what)).collect();
    let verdict = if told.is_empty() { "nothing found".to_owned() } else { told.join(", ") };
    let (pools, ranges) = (counted(summary.pools, "pool"), counted(summary.dhcp_ranges, "DHCP range"));
    writeln!(out, "**{verdict}** in {}: {pools} against {ranges}.\n", counted(summary.files, "file"))
        .expect("writes to a string");
    if !report.findings.is_empty() {
        out.push_str("| | Rule | Where | What |\n|---|---|---|---|\n");
        for finding in &report.findings {
            let rule = format!("[{}]({})", finding.rule, finding.url);
            let (level, place) = (finding.level.name(), cell(&at(&finding.primary)));
            writeln!(out, "| {level} | {rule} | `{place}` | {} |", cell(&finding.message)).expect("writes to a string");
        }
        out.push('\n');
        report.findings.iter().for_each(|finding| details(&mut out, finding));
    }
    for problem in &report.problems {
        writeln!(out, "- **{}** {}: {}", cell(&problem.file), problem.message, problem.help)
            .expect("writes to a string");
    }
    for gone in &report.gone {
        writeln!(out, "- gone from {}: {} [{}] {}", gone.baseline, gone.path, gone.rule, cell(&gone.message))
            .expect("writes to a string");
    }
    if !report.suppressed.is_empty() {
        writeln!(out, "{} accepted.\n", counted(report.suppressed.len(), "finding")).expect("writes to a string");
    }
    if !report.not_checked.is_empty() || !report.skipped.is_empty() {
        out.push_str("<details><summary>Not checked</summary>\n\n");
        for verdict in &report.not_checked {
            let subject = verdict.subject.as_ref().map_or_else(String::new, |subject| format!(" {subject}:"));
            writeln!(out, "- `{}`:{} {}; {}", verdict.rule, cell(&subject), cell(&verdict.reason), verdict.remedy)
                .expect("writes to a string");
        }
        for skipped in &report.skipped {
            writeln!(out, "- `{}`: {}", cell(&at(&skipped.place)), skipped.what).expect("writes to a string");
        }
        out.push_str("\n</details>\n");
    }
    out
}

fn details(out: &mut String, finding: &JsonFinding) {
    writeln!(out, "<details><summary><code>{}</code> {}</summary>\n", finding.rule, html(&finding.message))
        .expect("writes to a string");
    for place in std::iter::once(&finding.primary).chain(&finding.related) {
        let label = place.label.as_deref().unwrap_or_default();
        writeln!(out, "- `{}` {}", cell(&at(place)), cell(label)).expect("writes to a string");
    }
    out.push('\n');
    for line in &finding.help {
        writeln!(out, "{}  ", html(line)).expect("writes to a string");
    }
    out.push_str("\n</details>\n\n");
}

fn at(place: &JsonPlace) -> String {
    match place.kind {
        JsonSourceKind::Card => place.file.clone(),
        _ => format!("{}:{}:{}", place.file, place.line, place.column),
    }
}

/// A text that may stand in a table's cell.
fn cell(text: &str) -> String {
    html(text).replace('|', "\\|").replace(['\r', '\n'], " ").replace('`', "'")
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_one_cell() {
        assert_eq!(cell("a|b\n<c> `d`"), "a\\|b &lt;c&gt; 'd'");
    }
}
