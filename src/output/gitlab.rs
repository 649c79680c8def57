//! GitLab's code quality report: findings in a merge request's widget and diff.
//!
//! Source: GitLab, "Code Quality report format". The fingerprint holds no line, so that a finding that moves is not new.

use serde_json::{Value, json};

use super::json::{JsonLevel, JsonReport, JsonSourceKind};

/// The report as a list of issues.
pub fn report(report: &JsonReport) -> String {
    let mut issues: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            let path = if finding.primary.kind == JsonSourceKind::Card { "." } else { finding.primary.file.as_str() };
            json!({
                "type": "issue",
                "check_name": finding.rule,
                "description": finding.message,
                "content": { "body": finding.help.join("\n") },
                "categories": ["Bug Risk"],
                "severity": match finding.level {
                    JsonLevel::Error => "critical",
                    JsonLevel::Warning => "minor",
                    JsonLevel::Note => "info",
                },
                "fingerprint": finding.fingerprint,
                "location": { "path": path, "lines": { "begin": finding.primary.line, "end": finding.primary.end_line } },
            })
        })
        .collect();
    issues.extend(report.problems.iter().map(|problem| {
        json!({
            "type": "issue",
            "check_name": "unreadable-input",
            "description": problem.message,
            "severity": "blocker",
            "fingerprint": format!("unreadable-input {}", problem.file),
            "location": { "path": problem.file, "lines": { "begin": 1 } },
        })
    }));
    serde_json::to_string_pretty(&issues).unwrap_or_default() + "\n"
}
