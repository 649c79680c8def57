//! The exit codes, decided here and nowhere else. The output format never changes them.

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: everything that was looked at is clean.
    Clean,
    /// 1: findings at or above `--fail-on`.
    Findings,
    /// 2: the command line, the configuration or a facts file is wrong.
    Usage,
    /// 3: could not check: nothing to check, required facts missing, an input that could not be read.
    Unchecked,
}

impl Exit {
    /// The process's exit status.
    pub const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Unchecked => 3,
        }
    }

    /// What decides when several things are true of one run: wrong usage beats findings, findings beat *could not check*.
    pub const fn of_run(findings: bool, unchecked: bool) -> Self {
        if findings {
            Self::Findings
        } else if unchecked {
            Self::Unchecked
        } else {
            Self::Clean
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn findings_beat_could_not_check() {
        assert_eq!(Exit::of_run(true, true), Exit::Findings);
        assert_eq!(Exit::of_run(false, true), Exit::Unchecked);
        assert_eq!(Exit::of_run(false, false), Exit::Clean);
        assert_eq!(Exit::Unchecked.code(), 3);
    }
}
