//! One look at one file: is there anything of ours in it?

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use aho_corasick::{AhoCorasick, MatchKind};

/// What a text may be needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Signs {
    /// It holds a word of a rule's kinds.
    pub(super) core: bool,
    /// It says what else runs: needed only where there is a pool at all.
    pub(super) support: bool,
    /// It may say how others are applied: needed where it speaks of one that is needed.
    pub(super) applies: bool,
    /// It holds a ConfigMap, which may say what a variable is.
    pub(super) variables: bool,
}

impl Signs {
    pub(super) const fn any(self) -> bool {
        self.core || self.support || self.applies || self.variables
    }
}

/// The words, searched for all at once.
#[derive(Debug)]
pub(super) struct Words {
    automaton: AhoCorasick,
    /// The first pattern of each group after the core words: support, applying, variables.
    groups: [usize; 3],
}

impl Words {
    pub(super) fn new() -> Self {
        let core = poolcheck_rules::words();
        let support = poolcheck_rules::support_words();
        let lists = [core.as_slice(), support.as_slice(), poolcheck_rules::APPLYING_WORDS];
        let groups = [0, 1, 2].map(|last| lists[..=last].iter().map(|list| list.len()).sum());
        let all = lists.into_iter().flatten().chain(&["kind: ConfigMap"]);
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(all);
        Self { automaton: automaton.expect("the words are short and few"), groups }
    }

    /// The signs of a text; the search ends at the first word that decides.
    pub(super) fn signs(&self, bytes: &[u8]) -> Signs {
        let mut signs = Signs::default();
        for found in self.automaton.find_iter(bytes) {
            let word = found.pattern().as_usize();
            match self.groups.partition_point(|first| *first <= word) {
                0 => {
                    signs.core = true;
                    return signs;
                }
                1 => signs.support = true,
                2 => signs.applies = true,
                _ => signs.variables = true,
            }
        }
        signs
    }
}

impl Words {
    /// Whether a document holds a word at all, and is not the definition of a kind, which is large and says nothing here.
    pub(super) fn in_document(&self, text: &str) -> bool {
        let definition = || text.get(..400).unwrap_or(text).contains("kind: CustomResourceDefinition");
        self.automaton.is_match(text) && !definition()
    }
}

/// Why a file was not read.
#[derive(Debug)]
pub(super) enum ReadError {
    Io(io::Error),
    NotAFile,
    TooLarge,
}

/// Where a text comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    Stdin,
    /// A file that the user named: it may be anything.
    Named(PathBuf),
    /// A file met on a walk, where only regular files are taken.
    Walked(PathBuf),
    /// An object of the git index.
    Staged(String),
}

/// Reads a whole file into a buffer, which is cleared first; not more than the limit.
pub(super) fn read(origin: &Origin, limit: usize, buffer: &mut Vec<u8>) -> Result<(), ReadError> {
    buffer.clear();
    let cap = limit as u64 + 1;
    match origin {
        Origin::Stdin => io::stdin().lock().take(cap).read_to_end(buffer).map_err(ReadError::Io)?,
        Origin::Named(path) => {
            // Looked at before it is opened: opening a FIFO would wait for a writer.
            let about = std::fs::metadata(path).map_err(ReadError::Io)?;
            if !about.is_file() {
                return Err(ReadError::NotAFile);
            }
            if about.len() > limit as u64 {
                return Err(ReadError::TooLarge);
            }
            read_file(path, cap, buffer).map_err(ReadError::Io)?
        }
        Origin::Walked(path) => read_file(path, cap, buffer).map_err(ReadError::Io)?,
        Origin::Staged(_) => 0,
    };
    if buffer.len() > limit { Err(ReadError::TooLarge) } else { Ok(()) }
}

/// Most files are small: with room for all of it, two calls read a file and see its end.
fn read_file(path: &Path, cap: u64, buffer: &mut Vec<u8>) -> io::Result<usize> {
    buffer.reserve(1 << 16);
    File::open(path)?.take(cap).read_to_end(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_by_the_words() {
        let words = Words::new();
        let signs = |text: &str| words.signs(text.as_bytes());
        assert!(signs("kind: ConfigMap\ndata: {a: metallb}").core);
        assert_eq!(signs("kind: ConfigMap"), Signs { variables: true, ..Signs::default() });
        assert_eq!(signs("apiVersion: argoproj.io/v1"), Signs { applies: true, ..Signs::default() });
        assert_eq!(signs("chart: traefik"), Signs { support: true, ..Signs::default() });
        assert!(!signs("apiVersion: apps/v1\nkind: Role").any());
        assert!(words.in_document("kind: IPAddressPool\napiVersion: metallb.io/v1beta1"));
        assert!(!words.in_document("kind: Role"));
        assert!(!words.in_document("kind: CustomResourceDefinition\nmetadata: {name: ipaddresspools.metallb.io}"));
    }

    #[test]
    fn a_file_is_read_whole_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        let text = "x".repeat(200_000);
        std::fs::write(&path, &text).unwrap();
        let mut buffer = Vec::new();
        assert!(read(&Origin::Walked(path.clone()), 1 << 20, &mut buffer).is_ok());
        assert_eq!(buffer, text.as_bytes());
        assert!(matches!(read(&Origin::Walked(path.clone()), 199_999, &mut buffer), Err(ReadError::TooLarge)));
        assert!(read(&Origin::Walked(path.clone()), 200_000, &mut buffer).is_ok());
        assert!(matches!(read(&Origin::Named(path.join("b")), 10, &mut buffer), Err(ReadError::Io(_))));
    }
}
