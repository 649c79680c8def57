//! Which text belongs to which cluster.
//!
//! One tree often holds several clusters, and a base that all of them use. What GitOps objects say is certain; where
//! nothing says it, folders tell what is likely, and two likelihoods never make an error.

use std::collections::{BTreeMap, BTreeSet};

use poolcheck_plan::SourceId;

use super::path::{folder, is_below};

/// The clusters of a world and the texts of each.
#[derive(Debug, Clone, Default)]
pub struct Clusters {
    /// Their names; a cluster's number is its index.
    pub names: Vec<String>,
    /// The clusters of each text that is known to belong to some.
    pub of: BTreeMap<SourceId, BTreeSet<u32>>,
    /// For the other texts: the part of the tree that each stands in. Texts of one part are applied together.
    pub parts: BTreeMap<SourceId, Part>,
}

/// A part of a tree of which nothing says to which cluster it belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// The path of the text.
    pub path: String,
    /// The branch of the tree that it stands in, where another branch holds pools of the same names.
    pub branch: Option<String>,
    /// Whether the folder says that it is not in use (`archive`, `old`).
    pub shelved: bool,
}

/// Whether two texts are applied to one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Together {
    /// They are not.
    No,
    /// Nothing says so, and nothing says the contrary.
    Perhaps,
    /// They are.
    Yes,
}

impl Clusters {
    /// One cluster, to which every text belongs.
    pub const ONE: &Self = &Self { names: Vec::new(), of: BTreeMap::new(), parts: BTreeMap::new() };

    /// Whether two texts may hold together: everything but a plain no.
    pub fn meet(&self, a: SourceId, b: SourceId) -> bool {
        self.together(a, b) != Together::No
    }

    /// Whether two texts are applied to one cluster.
    pub fn together(&self, a: SourceId, b: SourceId) -> Together {
        if a == b {
            return Together::Yes;
        }
        match (self.of.get(&a), self.of.get(&b)) {
            (Some(a), Some(b)) if a.is_disjoint(b) => return Together::No,
            (Some(_), Some(_)) => return Together::Yes,
            (Some(_), None) | (None, Some(_)) => return Together::Perhaps,
            (None, None) => {}
        }
        match (self.parts.get(&a), self.parts.get(&b)) {
            (Some(a), Some(b)) if a.shelved != b.shelved => Together::No,
            (Some(Part { branch: Some(a), .. }), Some(Part { branch: Some(b), .. })) if a != b => Together::No,
            (Some(a), Some(b)) => {
                let (a, b) = (folder(&a.path), folder(&b.path));
                let within = |a: &str, b: &str| a == b || is_below(a, b);
                if within(a, b) || within(b, a) { Together::Yes } else { Together::Perhaps }
            }
            _ => Together::Yes,
        }
    }

    /// The clusters of a text by name; none when it is not known to belong to any.
    pub fn names_of(&self, text: SourceId) -> impl Iterator<Item = &str> {
        let numbers = self.of.get(&text).into_iter().flatten();
        numbers.filter_map(|number| self.names.get(*number as usize)).map(String::as_str)
    }
}

/// Whether a folder's name says that what it holds is not in use.
pub(crate) fn is_shelved(path: &str) -> bool {
    const WORDS: [&str; 12] = [
        "archive",
        "archived",
        "archives",
        "attic",
        "backup",
        "backups",
        "deprecated",
        "disabled",
        "old",
        "unused",
        "legacy",
        "trash",
    ];
    folder(path).split('/').any(|part| {
        let part = part.trim_start_matches(['.', '_']).trim_end_matches('_').to_ascii_lowercase();
        WORDS.contains(&part.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(folder: &str) -> Part {
        let path = format!("{folder}/pool.yaml");
        Part { shelved: is_shelved(&path), branch: None, path }
    }

    #[test]
    fn what_is_said_is_certain_and_folders_are_likely() {
        let id = SourceId;
        let clusters = Clusters {
            names: vec!["home".into(), "lab".into()],
            of: BTreeMap::from([(id(0), [0].into()), (id(1), [1].into()), (id(2), [0, 1].into())]),
            parts: BTreeMap::from([
                (id(5), part("apps/metallb")),
                (id(6), part("apps/metallb/extra")),
                (id(7), part("apps/cilium")),
                (id(8), part("_archive/metallb")),
            ]),
        };
        assert_eq!(clusters.together(id(0), id(0)), Together::Yes);
        assert_eq!(clusters.together(id(0), id(1)), Together::No);
        assert_eq!(clusters.together(id(0), id(2)), Together::Yes);
        assert_eq!(clusters.together(id(0), id(5)), Together::Perhaps);
        assert_eq!(clusters.together(id(5), id(6)), Together::Yes);
        assert_eq!(clusters.together(id(5), id(7)), Together::Perhaps);
        assert_eq!(clusters.together(id(5), id(8)), Together::No);
        assert_eq!(clusters.names_of(id(2)).collect::<Vec<_>>(), ["home", "lab"]);
    }
}
