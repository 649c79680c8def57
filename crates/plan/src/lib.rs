//! The address plan of a LAN: who claims which addresses, where claims meet, and where there is room.
//!
//! Everything is a [`Claim`] on address space: a range, who claims it, where that was said, and how sure we are. Pools,
//! DHCP ranges, reservations, nodes, the gateway are all claims. An [`AddressPlan`] finds where they meet; the [`planner`]
//! computes where a pool can go instead. Ranges are inclusive and stay ranges: nothing turns `a-b` into CIDR blocks to
//! compare, and nothing iterates over addresses.
//!
//! The crate is pure: no I/O, no clock, no YAML.
//!
//! ```
//! use poolcheck_plan::planner::{Ground, Wish, safe_pool};
//! use poolcheck_plan::{AddrSet, syntax::parse_range};
//!
//! let ground = Ground {
//!     subnet: "192.168.1.0/24".parse()?,
//!     occupied: AddrSet::from(parse_range("192.168.1.1")?),
//!     dynamic: vec![parse_range("192.168.1.2-192.168.1.120")?],
//! };
//! let pool = safe_pool(&ground, &Wish { size: 11, keep: AddrSet::new(), current: None });
//! assert_eq!(pool, Some(parse_range("192.168.1.240-192.168.1.250")?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address_plan;
mod claim;
pub mod drift;
pub mod facts;
pub mod notation;
pub mod observed;
pub mod planner;
mod range;
mod set;
mod source;
pub mod syntax;

pub use address_plan::{AddressPlan, Meeting};
pub use claim::{Claim, ClaimId, ClaimKind, Confidence};
pub use facts::Facts;
pub use range::{AddrRange, Family, number};
pub use set::AddrSet;
pub use source::{LineColumn, Source, SourceId, SourceKind, Sources, Span};
