//! The baseline: findings that were there before poolcheck was, in a file that only shrinks.
//!
//! An entry is found again by its fingerprint, which knows neither lines nor paths; rule, object, path and message are for
//! people. An entry that is not found any more is told, but only when it could have been found: its path is among what was
//! selected, and its rule was on and could judge. The file has a stable order and is written whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use poolcheck_plan::SourceKind;
use poolcheck_rules::Finding;
use serde::{Deserialize, Serialize};

use crate::report::{Gone, Report, Suppressed, SuppressedBy};
use crate::session::{Failure, usage};

/// The file's name unless another is given.
pub const NAME: &str = "poolcheck-baseline.json";
/// The version of the file's form that this program reads and writes.
pub const VERSION: u32 = 1;
/// A larger file is no baseline.
const LIMIT: u64 = 64 << 20;

/// A baseline file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    version: u32,
    findings: Vec<Entry>,
}

/// One finding that was there before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The file it was in, from the baseline's folder; for people, and to know what was looked at.
    pub path: String,
    /// The rule's id.
    pub rule: String,
    /// The object it was about.
    pub object: String,
    /// What was found.
    pub message: String,
    /// What it is found again by.
    pub fingerprint: String,
}

/// What a run covered: an entry outside of it is neither found nor gone.
#[derive(Debug, Default)]
pub struct Covered {
    /// Files and folders that were selected.
    pub paths: Vec<PathBuf>,
    /// Rules that were switched off.
    pub off: BTreeSet<String>,
}

/// The folder of a file, absolute where it exists.
fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}

impl Baseline {
    /// An empty one.
    pub const fn new() -> Self {
        Self { version: VERSION, findings: Vec::new() }
    }

    /// Reads a baseline; `None` when there is no such file.
    pub(crate) fn read(file: &Path) -> Result<Option<Self>, Failure> {
        let name = file.display();
        let anew = format!("delete it and write it anew: poolcheck check --write-baseline={name}");
        match fs::metadata(file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(usage(&format!("{name} cannot be read: {error}"), "name a baseline that exists")),
            Ok(about) if !about.is_file() || about.len() > LIMIT => {
                return Err(usage(
                    &format!("{name} is no baseline: it is no file, or too large"),
                    "name the right file",
                ));
            }
            Ok(_) => {}
        }
        let text =
            fs::read_to_string(file).map_err(|error| usage(&format!("{name} cannot be read: {error}"), &anew))?;
        let plain: serde_json::Value = serde_json::from_str(&text).map_err(|error| {
            usage(&format!("{name}:{}:{} is no JSON: {error}", error.line(), error.column()), &anew)
        })?;
        match plain.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => {
                let message =
                    format!("{name} is a baseline of version {version}; this poolcheck reads version {VERSION}");
                return Err(usage(&message, &anew));
            }
            None => return Err(usage(&format!("{name} is no baseline: it has no `version`"), &anew)),
        }
        let read: Self =
            serde_json::from_value(plain).map_err(|error| usage(&format!("{name} is no baseline: {error}"), &anew))?;
        Ok(Some(read))
    }

    /// Writes it, whole or not at all.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        crate::output::write_file(file, &text).map_err(|error| {
            usage(
                &format!("{} cannot be written: {error}", file.display()),
                "name a folder that exists and is writable",
            )
        })
    }

    /// What this baseline becomes after a run: without what is gone, and, where `grow` says so, with what is new.
    #[must_use]
    pub fn after(&self, report: &Report, covered: &Covered, file: &Path, grow: bool) -> Self {
        let folder = folder_of(file);
        let found: BTreeMap<&str, &Finding> = report.findings.iter().map(|f| (f.fingerprint.as_str(), f)).collect();
        let known: BTreeSet<&str> = self.findings.iter().map(|entry| entry.fingerprint.as_str()).collect();
        let kept = self.findings.iter().filter_map(|entry| match found.get(entry.fingerprint.as_str()) {
            Some(finding) => Some(entry_of(finding, report, &folder)),
            None => (!covered.could_find(entry, report, &folder)).then(|| entry.clone()),
        });
        let mut findings: Vec<Entry> = kept.collect();
        let new = found.values().filter(|finding| grow && !known.contains(finding.fingerprint.as_str()));
        findings.extend(new.map(|finding| entry_of(finding, report, &folder)));
        findings.sort();
        findings.dedup();
        Self { version: VERSION, findings }
    }

    /// Takes what was there before out of the findings, and tells what is gone.
    pub fn apply(&self, report: &mut Report, covered: &Covered, file: &Path) {
        let folder = folder_of(file);
        let known: BTreeSet<&str> = self.findings.iter().map(|entry| entry.fingerprint.as_str()).collect();
        let mut found = BTreeSet::new();
        // What is ignored as well is there still.
        found.extend(report.suppressed.iter().map(|suppressed| suppressed.finding.fingerprint.clone()));
        for finding in std::mem::take(&mut report.findings) {
            if !known.contains(finding.fingerprint.as_str()) {
                report.findings.push(finding);
                continue;
            }
            found.insert(finding.fingerprint.clone());
            let by = SuppressedBy::Baseline;
            report.suppressed.push(Suppressed { finding, by, reason: None, place: None });
        }
        let gone = self.findings.iter().filter(|entry| !found.contains(&entry.fingerprint));
        let gone: Vec<Gone> = gone
            .filter(|entry| covered.could_find(entry, report, &folder))
            .map(|entry| Gone {
                baseline: crate::collect::shown(file),
                rule: entry.rule.clone(),
                object: entry.object.clone(),
                path: entry.path.clone(),
                message: entry.message.clone(),
            })
            .collect();
        report.gone = gone;
    }
}

impl Default for Baseline {
    fn default() -> Self {
        Self::new()
    }
}

impl Covered {
    /// Whether an entry would have been found if it were still there.
    fn could_find(&self, entry: &Entry, report: &Report, folder: &Path) -> bool {
        let judged = !self.off.contains(&entry.rule) && !report.not_checked.iter().any(|v| v.rule == entry.rule);
        let place = folder.join(&entry.path);
        let selected = |path: &PathBuf| fs::canonicalize(path).is_ok_and(|path| place.starts_with(path));
        let unread = report.problems.iter().any(|problem| path_of(&problem.name, folder) == entry.path);
        judged && !unread && self.paths.iter().any(selected)
    }
}

/// A file's name from the baseline's folder; as it is when it lies elsewhere.
fn path_of(name: &str, folder: &Path) -> String {
    let real = fs::canonicalize(name).unwrap_or_else(|_| PathBuf::from(name));
    crate::collect::shown(real.strip_prefix(folder).unwrap_or(Path::new(name)))
}

fn entry_of(finding: &Finding, report: &Report, folder: &Path) -> Entry {
    let source = report.sources.get(finding.primary.span.source);
    let path = match source.kind {
        SourceKind::File => path_of(&source.name, folder),
        SourceKind::Stdin | SourceKind::Card => source.name.clone(),
    };
    Entry {
        path,
        rule: finding.rule.to_owned(),
        object: finding.subject.clone(),
        message: finding.message.clone(),
        fingerprint: finding.fingerprint.clone(),
    }
}
