//! Many files as one tree: what GitOps tools make of them before the cluster sees anything.

mod clusters;

pub use clusters::Clusters;
