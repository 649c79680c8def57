//! JUnit XML, for CI systems that show tests: one test a rule, failed by its findings, skipped where it was not checked.
//!
//! Source: the schema that Jenkins and GitLab read; characters that XML 1.0 cannot hold are replaced.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::json::{JsonFinding, JsonReport};

/// The report as one test suite.
pub fn report(report: &JsonReport) -> String {
    let mut found: BTreeMap<&str, Vec<&JsonFinding>> = BTreeMap::new();
    for finding in &report.findings {
        found.entry(&finding.rule).or_default().push(finding);
    }
    let unchecked: BTreeMap<&str, &str> =
        report.not_checked.iter().rev().map(|v| (v.rule.as_str(), v.reason.as_str())).collect();
    let rules = poolcheck_rules::all();
    let skipped = unchecked.keys().filter(|rule| !found.contains_key(*rule)).count();
    let (tests, failures, errors) = (rules.len() + report.problems.len(), found.len(), report.problems.len());
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let milliseconds = report.summary.elapsed_ms;
    let seconds = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
    writeln!(out, "<testsuites name=\"poolcheck\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{seconds}\">")
        .expect("writes to a string");
    writeln!(out, "  <testsuite name=\"poolcheck\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{seconds}\">")
        .expect("writes to a string");
    for registered in rules {
        let (name, class) = (registered.rule.id, registered.family);
        match (found.get(name), unchecked.get(name)) {
            (Some(findings), _) => {
                writeln!(out, "    <testcase name=\"{name}\" classname=\"{class}\">").expect("writes to a string");
                for finding in findings {
                    let place = &finding.primary;
                    let body = format!(
                        "{}:{}:{}: {}\n{}",
                        place.file,
                        place.line,
                        place.column,
                        finding.message,
                        finding.help.join("\n")
                    );
                    let (message, level) = (escaped(&finding.message), finding.level.name());
                    writeln!(out, "      <failure message=\"{message}\" type=\"{level}\">{}</failure>", escaped(&body))
                        .expect("writes to a string");
                }
                out.push_str("    </testcase>\n");
            }
            (None, Some(reason)) => {
                writeln!(out, "    <testcase name=\"{name}\" classname=\"{class}\"><skipped message=\"not checked: {}\"/></testcase>", escaped(reason))
                    .expect("writes to a string");
            }
            (None, None) => {
                writeln!(out, "    <testcase name=\"{name}\" classname=\"{class}\"/>").expect("writes to a string");
            }
        }
    }
    for problem in &report.problems {
        writeln!(
            out,
            "    <testcase name=\"{}\" classname=\"input\"><error message=\"{}\"/></testcase>",
            escaped(&problem.file),
            escaped(&problem.message)
        )
        .expect("writes to a string");
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(escaped("a<b> & \"c\"\n\u{1}"), "a&lt;b&gt; &amp; &quot;c&quot;&#10;\u{fffd}");
    }
}
