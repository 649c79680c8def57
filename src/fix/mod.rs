//! `--fix`: edits by byte span that keep comments, quoting and line ends.
//!
//! The best permitted cure of each finding is taken; of two that touch the same bytes the first is, and the other is said.
//! Each edited text is parsed again and proven to differ only where it was meant to ([`verify`]). Judging and editing go on
//! in memory until nothing changes, ten rounds at most; only then files are written, each whole or not at all, and none
//! that has changed on the disk meanwhile. Standard input, the git index and facts are never edited.

mod verify;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use poolcheck_plan::SourceKind;
use poolcheck_rules::{Finding, Fix, Safety};

use crate::report::Report;
use crate::session::{Failure, usage};

use verify::Edit;

/// Texts that stand for files, by absolute path.
pub type Buffers = BTreeMap<PathBuf, Arc<str>>;

/// Cures that give rise to other findings which have cures may go on for so many rounds.
const ROUNDS: usize = 10;

/// Everything that was changed, in memory, and what was not.
#[derive(Debug, Default)]
pub struct Fixed {
    /// The edited texts.
    pub buffers: Buffers,
    /// The texts before, and the files' names.
    originals: BTreeMap<PathBuf, (String, Arc<str>)>,
    /// What was done: `pool.yaml:8:5: move the pool to …`.
    pub done: Vec<String>,
    /// What was not, and why.
    pub refused: Vec<String>,
}

/// Judges and edits until nothing changes.
///
/// # Errors
/// When a round of judging fails.
pub fn run(permitted: Safety, mut judge: impl FnMut(&Buffers) -> Result<Report, Failure>) -> Result<Fixed, Failure> {
    let mut fixed = Fixed::default();
    for _ in 0..ROUNDS {
        let report = judge(&fixed.buffers)?;
        fixed.refused.clear();
        if !fixed.round(&report, permitted) {
            break;
        }
    }
    Ok(fixed)
}

/// The cures chosen for one file.
#[derive(Debug, Default)]
struct Chosen {
    edits: Vec<Edit>,
    done: Vec<String>,
}

impl Fixed {
    /// One round; whether anything changed.
    fn round(&mut self, report: &Report, permitted: Safety) -> bool {
        let mut files: BTreeMap<&str, Chosen> = BTreeMap::new();
        let mut findings: Vec<&Finding> = report.findings.iter().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
        for finding in findings {
            let allowed = |fix: &&Fix| fix.safety == Safety::Safe || permitted == Safety::Unsafe;
            let Some(fix) = finding.fixes.iter().find(allowed) else { continue };
            self.choose(finding, fix, report, &mut files);
        }
        let mut changed = false;
        for (name, chosen) in files {
            match self.edit(name, &chosen, report) {
                Ok(()) => {
                    self.done.extend(chosen.done);
                    changed = true;
                }
                Err(reason) => self.refused.extend(chosen.done.iter().map(|what| format!("{what}: {reason}"))),
            }
        }
        changed
    }

    fn choose<'r>(&mut self, finding: &Finding, fix: &Fix, report: &'r Report, files: &mut BTreeMap<&'r str, Chosen>) {
        let place = crate::output::pretty::title(finding.primary.span, &report.sources);
        let what = format!("{place}: {}", fix.title);
        let Some((first, _)) = fix.edits.first() else { return };
        let source = report.sources.get(first.source);
        if source.kind != SourceKind::File || fix.edits.iter().any(|(span, _)| span.source != first.source) {
            self.refused.push(format!("{what}: it is not in one file"));
            return;
        }
        let chosen = files.entry(source.name.as_str()).or_default();
        let same =
            |edit: &Edit| chosen.edits.iter().any(|(s, t)| (s.start, s.end, t) == (edit.0.start, edit.0.end, &edit.1));
        if fix.edits.iter().all(same) {
            return;
        }
        let touches = |edit: &Edit| chosen.edits.iter().any(|(s, _)| edit.0.start <= s.end && s.start <= edit.0.end);
        if fix.edits.iter().any(touches) {
            self.refused.push(format!("{what}: another fix touches the same bytes"));
            return;
        }
        chosen.edits.extend(fix.edits.iter().cloned());
        chosen.done.push(what);
    }

    fn edit(&mut self, name: &str, chosen: &Chosen, report: &Report) -> Result<(), String> {
        let Some((span, _)) = chosen.edits.first() else { return Ok(()) };
        let judged = &report.sources.get(span.source).text;
        let path = fs::canonicalize(name).map_err(|error| error.to_string())?;
        let current = match self.buffers.get(&path) {
            Some(text) => Arc::clone(text),
            None => fs::read_to_string(&path).map_err(|error| error.to_string())?.into(),
        };
        if current != *judged {
            return Err("the file has changed since it was read".to_owned());
        }
        let after = poolcheck_manifest::apply(&current, &chosen.edits).map_err(|error| error.to_string())?;
        verify::only_what_was_meant(&current, &after, &chosen.edits)?;
        self.originals.entry(path.clone()).or_insert_with(|| (name.to_owned(), current));
        self.buffers.insert(path, after.into());
        Ok(())
    }

    fn changes(&self) -> impl Iterator<Item = (&Path, &str, &str, &str)> {
        self.originals.iter().filter_map(|(path, (name, before))| {
            let after = self.buffers.get(path)?;
            (before != after).then_some((path.as_path(), name.as_str(), &**before, &**after))
        })
    }

    /// What was changed, as a unified diff.
    pub fn diff(&self) -> String {
        let diffs = self.changes().map(|(_, name, before, after)| {
            let diff = similar::TextDiff::from_lines(before, after);
            diff.unified_diff().context_radius(3).header(&format!("a/{name}"), &format!("b/{name}")).to_string()
        });
        diffs.collect()
    }

    /// Writes the edited files.
    ///
    /// # Errors
    /// When a file has changed meanwhile, or cannot be written; the files before it are written.
    pub fn write(&self) -> Result<(), Failure> {
        for (path, name, before, after) in self.changes() {
            if fs::read_to_string(path).ok().as_deref() != Some(before) {
                return Err(usage(&format!("{name} has changed since it was read"), "run it again"));
            }
            crate::output::write_file(path, after).map_err(|error| {
                usage(&format!("{name} cannot be written: {error}"), "give poolcheck leave to write it and its folder")
            })?;
        }
        Ok(())
    }
}
