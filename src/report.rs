//! Everything one run has to say, before any format says it.

use std::time::Duration;

use poolcheck_plan::{Sources, Span};
use poolcheck_rules::{Finding, Level, NotChecked};

/// The outcome of one run with all that is needed to tell it.
#[derive(Debug, Default)]
pub struct Report {
    /// All texts that findings point into.
    pub sources: Sources,
    /// What is wrong, ordered by file and place.
    pub findings: Vec<Finding>,
    /// What rules could not judge.
    pub not_checked: Vec<NotChecked>,
    /// Inputs that were not looked into, and why: templates, encrypted documents.
    pub skipped: Vec<Skipped>,
    /// Inputs that could not be read.
    pub problems: Vec<Problem>,
    /// What was looked at.
    pub summary: Summary,
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
    /// How many findings have this level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// Whether a finding is at or above a level.
    pub fn reaches(&self, level: Level) -> bool {
        self.findings.iter().any(|finding| finding.level >= level)
    }
}

/// `1 pool`, `2 pools`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    let plural = match one {
        _ if count == 1 => one.to_owned(),
        _ if one.ends_with('y') => format!("{}ies", &one[..one.len() - 1]),
        _ => format!("{one}s"),
    };
    format!("{count} {plural}")
}
