//! Which text belongs to which cluster.
//!
//! One tree often holds several clusters, and a base that all of them use. A text may belong to none (then it belongs to
//! all), to one, or to several.

use std::collections::{BTreeMap, BTreeSet};

use poolcheck_plan::SourceId;

/// The clusters of a world and the texts of each.
#[derive(Debug, Clone, Default)]
pub struct Clusters {
    /// Their names; a cluster's number is its index.
    pub names: Vec<String>,
    /// The clusters of each text that belongs to some.
    pub of: BTreeMap<SourceId, BTreeSet<u32>>,
}

impl Clusters {
    /// One cluster, to which every text belongs.
    pub const ONE: &Self = &Self { names: Vec::new(), of: BTreeMap::new() };

    /// Whether two texts belong to one cluster.
    pub fn meet(&self, a: SourceId, b: SourceId) -> bool {
        match (self.of.get(&a), self.of.get(&b)) {
            (Some(a), Some(b)) => !a.is_disjoint(b),
            _ => true,
        }
    }
}
