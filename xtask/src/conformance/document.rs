//! What a run found, for a terminal and for `docs/CONFORMANCE.md`.
//!
//! A recorded run is a file in `docs/conformance`; the document is written from all of them, one column each, between two
//! marks. A test compares it with what it would be.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::rows::{Part, ROWS, Row};
use super::{Found, Record, Verdict};
use crate::root;

const BEGIN: &str = "<!-- generated: cargo xtask conformance --document; do not edit below -->";
const END: &str = "<!-- end of what is generated -->";

/// One row of a run, with its evidence, for a terminal.
pub(super) fn line(row: &Row, verdict: &Verdict) -> String {
    let note = if verdict.note().is_empty() { String::new() } else { format!(": {}", verdict.note()) };
    let mut text = format!("{:14} {}{note}\n", verdict.word(), row.name);
    if let Verdict::Failed { evidence, .. } = verdict {
        let _ = writeln!(text, "{:14} demanded ({}): {}", "", row.said_in, row.demand);
        for frame in evidence {
            let _ = writeln!(text, "{:14} {frame}", "");
        }
    }
    text
}

/// All rows, without a run.
pub(super) fn list() -> String {
    let mut text = String::new();
    for part in Part::ALL {
        let _ = writeln!(text, "{} {}", part.number(), part.title());
        for row in ROWS.iter().filter(|row| row.part == part) {
            let _ = writeln!(text, "  {:32} {} ({})", row.name, row.demand, row.said_in);
        }
    }
    text
}

/// A table for each part, a column for each record.
pub(super) fn table(records: &[Record]) -> String {
    let mut text = String::new();
    let columns: Vec<&str> = records.iter().map(|record| record.announcer.as_str()).collect();
    let _ = writeln!(text, "| | {} |\n|---|{}", columns.join(" | "), "---|".repeat(columns.len()));
    for word in ["passed", "failed", "not applicable", "not measured"] {
        let counts: Vec<String> = records
            .iter()
            .map(|record| record.rows.iter().filter(|found| found.verdict.word() == word).count().to_string())
            .collect();
        let _ = writeln!(text, "| {word} | {} |", counts.join(" | "));
    }
    for part in Part::ALL {
        let _ = writeln!(text, "\n### {}. {}\n", part.number(), part.title());
        let _ = writeln!(
            text,
            "| row | demanded | by | {} |\n|---|---|---|{}",
            columns.join(" | "),
            "---|".repeat(columns.len())
        );
        for row in ROWS.iter().filter(|row| row.part == part) {
            let cells: Vec<String> = records.iter().map(|record| cell(record, row)).collect();
            let _ = writeln!(text, "| `{}` | {} | {} | {} |", row.name, row.demand, row.said_in, cells.join(" | "));
        }
    }
    text
}

fn cell(record: &Record, row: &Row) -> String {
    let Some(found) = record.rows.iter().find(|found| found.row == row.name) else { return "–".to_owned() };
    let note = found.verdict.note().replace('|', "/");
    match &found.verdict {
        Verdict::Passed { .. } if note.is_empty() => "passed".to_owned(),
        Verdict::Passed { .. } => format!("passed: {note}"),
        Verdict::Failed { .. } => format!("**failed**: {note}"),
        Verdict::NotApplicable { .. } => "not applicable".to_owned(),
        Verdict::NotMeasured { .. } => format!("not measured: {note}"),
    }
}

fn folder() -> PathBuf {
    root().join("docs/conformance")
}

/// Keeps a run in the documents. Rows that were not looked at keep what an earlier run of the same announcer found.
pub(super) fn keep(name: &str, record: &mut Record) -> Result<(), String> {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(format!("`{name}` is no name for a file: letters, digits and hyphens"));
    }
    for found in &mut record.rows {
        if let Verdict::Failed { evidence, .. } = &mut found.verdict {
            evidence.clear();
        }
    }
    let path = folder().join(format!("{name}.json"));
    let before = fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str::<Record>(&text).ok());
    if let Some(before) = before {
        complete(record, before);
    }
    for found in &mut record.rows {
        if let Verdict::Failed { evidence, .. } = &mut found.verdict {
            evidence.clear();
        }
    }
    let path = folder().join(format!("{name}.json"));
    let before = fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str::<Record>(&text).ok());
    if let Some(before) = before
        && (&before.announcer, &before.profile, before.budget_ms)
            == (&record.announcer, &record.profile, record.budget_ms)
    {
        let looked_at: BTreeSet<String> = record.rows.iter().map(|found| found.row.clone()).collect();
        record.rows.extend(before.rows.into_iter().filter(|found| !looked_at.contains(&found.row)));
        // In the list's order; what is no row any more is gone.
        let place = |found: &Found| ROWS.iter().position(|row| row.name == found.row);
        record.rows.retain(|found| place(found).is_some());
        record.rows.sort_by_key(place);
    }
    let text = serde_json::to_string_pretty(record).map_err(|error| error.to_string())?;
    fs::create_dir_all(folder())
        .and_then(|()| fs::write(&path, text + "\n"))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    write()
}

/// Adds what an earlier run of the same announcer found of other rows, as far as they are rows still.
fn complete(record: &mut Record, before: Record) {
    if (&before.announcer, &before.profile, before.budget_ms) != (&record.announcer, &record.profile, record.budget_ms)
    {
        return;
    }
    let looked_at: BTreeSet<String> = record.rows.iter().map(|found| found.row.clone()).collect();
    record.rows.extend(before.rows.into_iter().filter(|found| !looked_at.contains(&found.row)));
    let place = |found: &Found| ROWS.iter().position(|row| row.name == found.row);
    record.rows.retain(|found| place(found).is_some());
    record.rows.sort_by_key(place);
}

/// The document as it is and as it would be.
fn documents() -> Result<(PathBuf, String, String), String> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder())
        .map_err(|error| format!("{}: {error}", folder().display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
        serde_json::from_str::<Record>(&text).map_err(|error| format!("{}: {error}", path.display()))
    };
    let records: Vec<Record> = paths.iter().map(read).collect::<Result<_, _>>()?;
    let path = root().join("docs/CONFORMANCE.md");
    let is = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (before, rest) = is.split_once(BEGIN).ok_or_else(|| format!("{} has lost the mark {BEGIN}", path.display()))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| format!("{} has lost the mark {END}", path.display()))?;
    let would_be = format!("{before}{BEGIN}\n\n{}\n{END}{after}", table(&records));
    Ok((path, is, would_be))
}

/// Writes the document anew.
pub(super) fn write() -> Result<(), String> {
    let (path, _, would_be) = documents()?;
    fs::write(&path, would_be).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_what_was_recorded() {
        let (_, is, would_be) = documents().unwrap();
        assert!(is == would_be, "docs/CONFORMANCE.md is old: cargo xtask conformance --document");
    }

    fn record(announcer: &str, rows: &[(&str, &str)]) -> Record {
        let found = |(row, note): &(&str, &str)| Found { row: (*row).to_owned(), verdict: Verdict::passed(*note) };
        Record {
            announcer: announcer.to_owned(),
            profile: "default".to_owned(),
            budget_ms: 1000,
            rows: rows.iter().map(found).collect(),
        }
    }

    #[test]
    fn a_run_of_some_rows_replaces_these_and_keeps_the_others() {
        let before = || record("peer", &[(ROWS[0].name, "old"), (ROWS[1].name, "old"), ("no-row-any-more", "old")]);
        let mut now = record("peer", &[(ROWS[2].name, "new"), (ROWS[1].name, "new")]);
        complete(&mut now, before());
        let found: Vec<(&str, &str)> = now.rows.iter().map(|found| (&*found.row, found.verdict.note())).collect();
        assert_eq!(found, [(ROWS[0].name, "old"), (ROWS[1].name, "new"), (ROWS[2].name, "new")]);
        let mut other = record("another", &[(ROWS[2].name, "new")]);
        complete(&mut other, before());
        assert_eq!(other.rows.len(), 1, "another announcer's rows are not its own");
    }

    #[test]
    fn a_failure_is_told_with_its_evidence_and_its_demand() {
        let row = &ROWS[0];
        let text = line(row, &Verdict::failed("2 answers", ["frame".to_owned()]));
        for part in ["failed", row.name, "2 answers", row.demand, row.said_in, "frame"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let mut record = record("peer", &[(row.name, "")]);
        record.rows[0].verdict = Verdict::failed("2 | 3", []);
        let text = table(&[record]);
        assert!(text.contains("**failed**: 2 / 3 |") && text.contains("| failed | 1 |"), "{text}");
    }
}
