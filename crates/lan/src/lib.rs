//! What is on the wire of one LAN segment.

mod error;
pub mod interface;
pub mod link;
pub mod sim;
mod time;
pub mod wire;

pub use error::{Error, Result};
pub use time::Timestamp;
