//! The program `poolcheck`, as a library for its own tests: wiring only.
//!
//! [`collect`] reads files, [`session`] brings manifests, facts and configuration together into one world, the rules
//! judge it, [`output`] tells it, [`exit`] decides the status.

pub mod cli;
pub mod collect;
pub mod config;
pub mod exit;
mod failure;
pub mod output;
pub mod report;
pub mod session;
