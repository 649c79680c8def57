//! What is on the wire of one LAN segment.

pub mod dhcp;
pub mod drive;
mod error;
pub mod interface;
pub mod link;
mod machine;
pub mod scan;
pub mod sim;
mod time;
pub mod wire;

pub use drive::{Cancel, Run, drive};
pub use error::{Error, Result};
pub use machine::Machine;
pub use time::Timestamp;
