//! The chart of a release: its name and its version.

use crate::value::Value;

/// A chart as a release names it.
#[derive(Debug, Clone)]
pub struct Chart<'a> {
    /// Its name without the registry: `metallb`.
    pub name: String,
    /// The version as written, where it is; it may be a range.
    pub version: Option<Value<'a>>,
}

/// An exact chart version (`0.14.8`, `v0.14.8`); a part that is not said is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChartVersion {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

impl Chart<'_> {
    /// The exact version; `None` when none is said, or a range.
    pub fn exact_version(&self) -> Option<ChartVersion> {
        ChartVersion::parse(&self.version?.text())
    }
}

impl ChartVersion {
    /// A version of at most three parts.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Reads an exact version. A range (`0.14.x`, `>=0.14`, `*`), and anything else, is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('v').unwrap_or(text);
        let core = text.split(['-', '+']).next().unwrap_or(text);
        let mut parts = core.split('.').map(|part| part.parse::<u32>().ok());
        let (major, minor) = (parts.next()??, parts.next()??);
        let patch = parts.next()??;
        parts.next().is_none().then_some(Self { major, minor, patch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_versions_only() {
        assert_eq!(ChartVersion::parse("0.14.8"), Some(ChartVersion::new(0, 14, 8)));
        assert_eq!(ChartVersion::parse(" v35.0.1-rc1 "), Some(ChartVersion::new(35, 0, 1)));
        for range in ["0.14.x", "*", ">=0.14.0", "0.14", "", "0.14.8.1", "^1.2.3"] {
            assert_eq!(ChartVersion::parse(range), None, "{range}");
        }
    }
}
