//! Everything one run has to say, before any format says it.

use std::time::Duration;

use poolcheck_plan::{Sources, Span};
use poolcheck_rules::{Finding, IgnoredBy, Level, NotChecked};

use crate::scan::Scan;

/// The outcome of one run with all that is needed to tell it.
#[derive(Debug, Default)]
pub struct Report {
    /// All texts that findings point into.
    pub sources: Sources,
    /// What is wrong, ordered by file and place.
    pub findings: Vec<Finding>,
    /// What was found and accepted: by an ignore, or by the baseline. It never fails a run.
    pub suppressed: Vec<Suppressed>,
    /// Entries of the baseline that are not found any more. They fail a run as warnings do.
    pub gone: Vec<Gone>,
    /// What rules could not judge.
    pub not_checked: Vec<NotChecked>,
    /// Inputs that were not looked into, and why: templates, encrypted documents.
    pub skipped: Vec<Skipped>,
    /// Inputs that could not be read.
    pub problems: Vec<Problem>,
    /// What was looked at.
    pub summary: Summary,
    /// What was seen on the wire, when somebody looked.
    pub scan: Option<Scan>,
}

/// A finding that somebody has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    /// What was found.
    pub finding: Finding,
    /// How it was accepted.
    pub by: SuppressedBy,
    /// Why, in the words of whoever accepted it.
    pub reason: Option<String>,
    /// Where it was accepted; `None` for the baseline.
    pub place: Option<Span>,
}

/// How a finding was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SuppressedBy {
    /// By a comment at the line.
    Comment,
    /// By an annotation of the object.
    Annotation,
    /// By `[[ignore]]` in the configuration.
    Configuration,
    /// It was there before: the baseline names it.
    Baseline,
}

impl SuppressedBy {
    /// The word shown to people and written to reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Comment => "comment",
            Self::Annotation => "annotation",
            Self::Configuration => "configuration",
            Self::Baseline => "baseline",
        }
    }
}

impl From<IgnoredBy> for SuppressedBy {
    fn from(by: IgnoredBy) -> Self {
        match by {
            IgnoredBy::Comment => Self::Comment,
            IgnoredBy::Annotation => Self::Annotation,
            IgnoredBy::Configuration => Self::Configuration,
        }
    }
}

/// An entry of the baseline that is not found any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The baseline's name.
    pub baseline: String,
    /// The rule's id.
    pub rule: String,
    /// The object it was about.
    pub object: String,
    /// The file it was in, from the baseline's folder.
    pub path: String,
    /// What was found.
    pub message: String,
}

/// An input that was not looked into. Never silently a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The place that shows why.
    pub place: Span,
    /// What it is: `Helm template`, `SOPS-encrypted document`.
    pub what: String,
}

/// An input that could not be read; the rest was still checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The input's name.
    pub name: String,
    /// What is wrong with it.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// What was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files read.
    pub files: usize,
    /// YAML documents parsed.
    pub documents: usize,
    /// Pools seen.
    pub pools: usize,
    /// Segments known.
    pub segments: usize,
    /// DHCP dynamic ranges known.
    pub dhcp_ranges: usize,
    /// Reservations known.
    pub reservations: usize,
    /// Nodes known.
    pub nodes: usize,
    /// Where the facts come from: `lan.toml`, `sky-hub 192.168.1.1, read 2026-11-23 10:32`.
    pub facts: Vec<String>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Report {
    /// What was accepted, counted: `3 ignored, 12 in the baseline`; empty when nothing was.
    pub fn accepted(&self) -> String {
        let baseline = self.suppressed.iter().filter(|s| s.by == SuppressedBy::Baseline).count();
        accepted(self.suppressed.len() - baseline, baseline)
    }

    /// How many findings have this level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// Whether a finding, or a baseline entry that is gone, is at or above a level.
    pub fn reaches(&self, level: Level) -> bool {
        let gone = !self.gone.is_empty() && Level::Warning >= level;
        gone || self.findings.iter().any(|finding| finding.level >= level)
    }
}

/// `3 ignored, 12 in the baseline`.
pub(crate) fn accepted(ignored: usize, baseline: usize) -> String {
    let counts = [(ignored, "ignored"), (baseline, "in the baseline")];
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    counts.collect::<Vec<_>>().join(", ")
}

/// `1 pool`, `2 pools`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    let plural = match one {
        _ if count == 1 => one.to_owned(),
        _ if one.ends_with("ss") => format!("{one}es"),
        _ if one.ends_with('y') => format!("{}ies", &one[..one.len() - 1]),
        _ => format!("{one}s"),
    };
    format!("{count} {plural}")
}
