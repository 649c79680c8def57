//! One finding a line, for editors, grep and CI logs: `file:line:column: level[rule]: message`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::json::JsonReport;
use crate::report::{SuppressedBy, counted};

/// All findings, a line each; then inputs that could not be read; what was not checked is counted on the last line.
pub fn report(report: &JsonReport) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        let (place, level, rule) = (&finding.primary, finding.level.name(), &finding.rule);
        writeln!(out, "{}:{}:{}: {level}[{rule}]: {}", place.file, place.line, place.column, finding.message)
            .expect("writes to a string");
    }
    for problem in &report.problems {
        writeln!(out, "{}: error: {}", problem.file, problem.message).expect("writes to a string");
    }
    for gone in &report.gone {
        let (baseline, path, rule, message) = (&gone.baseline, &gone.path, &gone.rule, &gone.message);
        writeln!(out, "{baseline}: warning: gone: {path}: [{rule}]: {message}").expect("writes to a string");
    }
    if !report.suppressed.is_empty() {
        writeln!(out, "{} (-o json lists them)", accepted(report)).expect("writes to a string");
    }
    let rules: BTreeSet<&str> = report.not_checked.iter().map(|verdict| verdict.rule.as_str()).collect();
    if !rules.is_empty() || !report.skipped.is_empty() {
        let (rules, templates) = (counted(rules.len(), "rule"), counted(report.skipped.len(), "template"));
        writeln!(out, "not checked: {rules} in part or whole, {templates} (-o json says why)")
            .expect("writes to a string");
    }
    out
}

fn accepted(report: &JsonReport) -> String {
    let baseline = report.suppressed.iter().filter(|s| s.by == SuppressedBy::Baseline.name()).count();
    crate::report::accepted(report.suppressed.len() - baseline, baseline)
}
