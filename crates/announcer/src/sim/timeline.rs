//! What happened, one line each, as a person reads it.

use std::fmt;

use poolcheck_lan::Timestamp;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When, since the scenario began.
    pub at: Timestamp,
    /// Who: a node, a host, the LAN.
    pub who: String,
    /// What.
    pub what: String,
}

/// What happened, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// The scenario in a line, if it has one.
    pub title: String,
    /// In order.
    pub lines: Vec<Line>,
}

impl Timeline {
    pub(super) fn push(&mut self, at: Timestamp, who: &str, what: impl fmt::Display) {
        self.lines.push(Line { at, who: who.to_owned(), what: what.to_string() });
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.title.is_empty() {
            writeln!(f, "{}", self.title)?;
        }
        let width = self.lines.iter().map(|line| line.who.chars().count()).max().unwrap_or(0);
        for line in &self.lines {
            writeln!(f, "{:>9.3} s  {:width$}  {}", line.at.as_secs_f64(), line.who, line.what)?;
        }
        Ok(())
    }
}
