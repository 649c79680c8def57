//! One finding a line, for editors, grep and CI logs: `file:line:column: level[rule]: message`.

use std::fmt::Write as _;

use crate::report::Report;

/// All findings, a line each; then input problems; verdicts *not checked* are counted on the last line.
pub fn report(report: &Report) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        let source = report.sources.get(finding.primary.span.source);
        let at = report.sources.line_column(finding.primary.span.source, finding.primary.span.start);
        let (name, level, rule) = (&source.name, finding.level.name(), finding.rule);
        writeln!(out, "{name}:{}:{}: {level}[{rule}]: {}", at.line, at.column, finding.message)
            .expect("writes to a string");
    }
    for problem in &report.problems {
        writeln!(out, "{}: error: {}", problem.name, problem.message).expect("writes to a string");
    }
    out
}
