//! What is on the wire of one LAN segment.

mod error;
pub mod wire;

pub use error::{Error, Result};
