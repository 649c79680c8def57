//! Many files as one tree: what GitOps tools make of them before the cluster sees anything.
//!
//! [`compose`] puts in what an overlay patches and what Flux substitutes, and says which text belongs to which cluster. A
//! base that two clusters use with different variables becomes two texts; every byte of them still leads back to the
//! files that people edit.

mod clusters;
mod compose;
mod graph;
mod patch;
pub mod path;
mod rewrite;
mod substitute;

pub(crate) use graph::argo_sources;

pub use clusters::{Clusters, Part, Together};
pub use compose::{ClusterOption, Composed, Options, compose, needed_files, needed_words};
pub use substitute::{Definition, Substitution};
