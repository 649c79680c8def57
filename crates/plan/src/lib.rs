//! The address plan of a LAN: who claims which addresses, where claims meet, and where there is room.

mod claim;
pub mod facts;
mod range;
mod source;

pub use claim::{Claim, ClaimId, ClaimKind, Confidence};
pub use facts::Facts;
pub use range::{AddrRange, Family, number};
pub use source::{LineColumn, Source, SourceId, SourceKind, Sources, Span};
