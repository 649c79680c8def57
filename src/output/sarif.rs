//! SARIF 2.1.0, for code scanning: every rule with its page, every finding with all its places, fixes, what was accepted,
//! and what was not checked as notifications of the run.
//!
//! Source: OASIS SARIF 2.1.0; GitHub's limits: 25,000 results and 1,000 locations a result, the rest is left out there.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use poolcheck_rules::Registered;
use serde_json::{Value, json};

use super::json::{JsonConfidence, JsonFinding, JsonFix, JsonLevel, JsonPlace, JsonReport, JsonSourceKind};

/// The report as SARIF text.
pub fn report(report: &JsonReport) -> String {
    let numbers: BTreeMap<&str, usize> =
        poolcheck_rules::all().iter().enumerate().map(|(number, rule)| (rule.rule.id, number)).collect();
    let found = report.findings.iter().map(|finding| result(finding, &numbers, None));
    let accepted = report.suppressed.iter().map(|suppressed| {
        let inline = matches!(suppressed.by.as_str(), "comment" | "annotation");
        let mut suppression = json!({ "kind": if inline { "inSource" } else { "external" }, "status": "accepted" });
        if let Some(reason) = &suppressed.reason {
            suppression["justification"] = json!(reason);
        }
        if let Some(place) = &suppressed.place {
            suppression["location"] = location(place, None);
        }
        result(&suppressed.finding, &numbers, Some(suppression))
    });
    let results: Vec<Value> = found.chain(accepted).collect();
    let run = json!({
        "tool": { "driver": {
            "name": report.tool.name,
            "version": report.tool.version,
            "semanticVersion": report.tool.version,
            "informationUri": env!("CARGO_PKG_REPOSITORY"),
            "rules": poolcheck_rules::all().iter().map(rule).collect::<Vec<_>>(),
        }},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": { "%SRCROOT%": { "description": { "text": "The folder in which poolcheck was run." } } },
        "invocations": [{
            "executionSuccessful": report.problems.is_empty(),
            "toolExecutionNotifications": notifications(report),
        }],
        "artifacts": artifacts(report),
        "results": results,
    });
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    });
    serde_json::to_string_pretty(&log).unwrap_or_default() + "\n"
}

fn rule(registered: &Registered) -> Value {
    let section = |heading| registered.section(heading).unwrap_or_default();
    let text = format!("{}\n\n{}", registered.summary(), section("Why is this bad?"));
    json!({
        "id": registered.rule.id,
        "name": registered.rule.id,
        "shortDescription": { "text": registered.summary() },
        "fullDescription": { "text": section("Why is this bad?") },
        "help": { "text": text, "markdown": registered.docs },
        "helpUri": registered.url(),
        "defaultConfiguration": { "level": registered.rule.level.name() },
        "properties": { "tags": [registered.family, "kubernetes", "network"] },
    })
}

fn result(finding: &JsonFinding, numbers: &BTreeMap<&str, usize>, suppression: Option<Value>) -> Value {
    let mut message = finding.message.clone();
    for line in &finding.help {
        write!(message, "\n{line}").expect("writes to a string");
    }
    let related = finding.related.iter().enumerate().map(|(number, place)| {
        let mut related = location(place, place.label.as_deref());
        related["id"] = json!(number + 1);
        related
    });
    // From 0 to 100: what a reviewer should see first.
    let rank = match (finding.level, finding.confidence) {
        (JsonLevel::Error, JsonConfidence::High) => 95.0,
        (JsonLevel::Error, _) => 85.0,
        (JsonLevel::Warning, JsonConfidence::High) => 60.0,
        (JsonLevel::Warning, _) => 50.0,
        (JsonLevel::Note, _) => 20.0,
    };
    let mut result = json!({
        "ruleId": finding.rule,
        "level": finding.level.name(),
        "message": { "text": message },
        "locations": [location(&finding.primary, finding.primary.label.as_deref())],
        "relatedLocations": related.collect::<Vec<_>>(),
        "partialFingerprints": { "poolcheck/v1": finding.fingerprint },
        "rank": rank,
        "properties": { "confidence": finding.confidence, "subject": finding.subject },
    });
    if let Some(number) = numbers.get(finding.rule.as_str()) {
        result["ruleIndex"] = json!(number);
    }
    if !finding.fixes.is_empty() {
        result["fixes"] = finding.fixes.iter().map(fix).collect();
    }
    // An empty list says that suppressions were looked for.
    result["suppressions"] = suppression.map_or_else(|| json!([]), |suppression| json!([suppression]));
    result
}

fn fix(fix: &JsonFix) -> Value {
    let mut by_file: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for edit in &fix.edits {
        by_file.entry(&edit.place.file).or_default().push(json!({
            "deletedRegion": region(&edit.place),
            "insertedContent": { "text": edit.replacement },
        }));
    }
    let changes = by_file
        .into_iter()
        .map(|(file, replacements)| json!({ "artifactLocation": artifact(file), "replacements": replacements }));
    json!({ "description": { "text": fix.title }, "artifactChanges": changes.collect::<Vec<_>>() })
}

fn location(place: &JsonPlace, label: Option<&str>) -> Value {
    let mut location = match place.kind {
        // A card is no file that anybody could open: its text is told where the place is told.
        JsonSourceKind::Card => json!({
            "logicalLocations": [{ "fullyQualifiedName": place.file, "kind": "resource" }],
        }),
        JsonSourceKind::File | JsonSourceKind::Stdin => json!({
            "physicalLocation": { "artifactLocation": artifact(&place.file), "region": region(place) },
        }),
    };
    if let Some(label) = label {
        location["message"] = json!({ "text": label });
    }
    location
}

fn region(place: &JsonPlace) -> Value {
    json!({
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
        "byteOffset": place.start,
        "byteLength": place.end.saturating_sub(place.start),
    })
}

/// A relative path as a URI below the folder of the run; an absolute one as a file URI.
fn artifact(path: &str) -> Value {
    let uri = encoded(path);
    if path.starts_with('/') {
        json!({ "uri": format!("file://{uri}") })
    } else {
        json!({ "uri": uri, "uriBaseId": "%SRCROOT%" })
    }
}

/// Percent-encodes what a URI's path cannot hold (RFC 3986 section 3.3).
fn encoded(path: &str) -> String {
    path.bytes().fold(String::with_capacity(path.len()), |mut text, byte| {
        let plain = byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte);
        if plain {
            text.push(byte as char);
        } else {
            write!(text, "%{byte:02X}").expect("writes to a string");
        }
        text
    })
}

fn artifacts(report: &JsonReport) -> Vec<Value> {
    let places = report.findings.iter().flat_map(|f| std::iter::once(&f.primary).chain(&f.related));
    let files = places.filter(|place| place.kind != JsonSourceKind::Card).map(|place| place.file.as_str());
    let files: std::collections::BTreeSet<&str> = files.collect();
    files.into_iter().map(|file| json!({ "location": artifact(file) })).collect()
}

fn notifications(report: &JsonReport) -> Vec<Value> {
    let mut all = Vec::new();
    for problem in &report.problems {
        all.push(json!({
            "level": "error",
            "message": { "text": format!("{}: {} ({})", problem.file, problem.message, problem.help) },
        }));
    }
    for verdict in &report.not_checked {
        let subject = verdict.subject.as_ref().map_or_else(String::new, |subject| format!("{subject}: "));
        let mut notification = json!({
            "level": "note",
            "associatedRule": { "id": verdict.rule },
            "message": { "text": format!("not checked: {subject}{}: {}", verdict.reason, verdict.remedy) },
        });
        if let Some(place) = &verdict.place {
            notification["locations"] = json!([location(place, None)]);
        }
        all.push(notification);
    }
    for skipped in &report.skipped {
        all.push(json!({
            "level": "note",
            "message": { "text": format!("not checked: {}", skipped.what) },
            "locations": [location(&skipped.place, None)],
        }));
    }
    for gone in &report.gone {
        let text = format!("{}: gone: {} [{}]: {}", gone.baseline, gone.path, gone.rule, gone.message);
        all.push(json!({ "level": "warning", "message": { "text": text } }));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(encoded("k8s/pool (1)#ä.yaml"), "k8s/pool%20(1)%23%C3%A4.yaml");
        assert_eq!(artifact("/srv/a.yaml"), json!({ "uri": "file:///srv/a.yaml" }));
    }
}
