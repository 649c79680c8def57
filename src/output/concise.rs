//! One finding a line, for editors, grep and CI logs: `file:line:column: level[rule]: message`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::report::{Report, counted};

/// All findings, a line each; then inputs that could not be read; what was not checked is counted on the last line.
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
    for gone in &report.gone {
        let (baseline, path, rule, message) = (&gone.baseline, &gone.path, &gone.rule, &gone.message);
        writeln!(out, "{baseline}: warning: gone: {path}: [{rule}]: {message}").expect("writes to a string");
    }
    if !report.suppressed.is_empty() {
        writeln!(out, "{} (-o json lists them)", report.accepted()).expect("writes to a string");
    }
    let rules: BTreeSet<&str> = report.not_checked.iter().map(|verdict| verdict.rule).collect();
    if !rules.is_empty() || !report.skipped.is_empty() {
        let (rules, templates) = (counted(rules.len(), "rule"), counted(report.skipped.len(), "template"));
        writeln!(out, "not checked: {rules} in part or whole, {templates} (-o json says why)")
            .expect("writes to a string");
    }
    out
}
