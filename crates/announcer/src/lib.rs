//! A Layer-2 announcer to embed: machines on one segment share addresses, each of which exactly one of them answers for.
//!
//! Everything is a state machine without I/O, put together in [`Announcer`]. Whoever drives it tells it what arrived and when
//! it is, sends what it wants to have sent, and wakes it when it asks to be woken: [`poolcheck_lan::Machine`]. So the same
//! code runs on packet sockets, in a test, and in the simulator (feature `sim`), and cannot tell.
//!
//! | module | what it promises |
//! |---|---|
//! | [`allocator`] | which address a service gets, and why: MetalLB's rules, deterministic |
//! | [`election`] | who takes an address without owner |
//! | [`liveness`] | who is alive, told on the segment itself, authenticated |
//! | `responder` | which questions are answered, and how |
//! | `announce` | when an address is announced, how often, under which cap |
//! | `conflict` | probing before, watching and defending after |
//! | `node` | who owns what, when a node must be silent, planned moves |
//!
//! # Example
//!
//! Two nodes on a LAN in memory; on a real one, only the link differs ([`poolcheck_lan::link::open`]).
//!
//! ```
//! use poolcheck_announcer::{Announcer, Key, LinkFacts, Settings, Want};
//! use poolcheck_lan::link::Link;
//! use poolcheck_lan::sim::{Conditions, Lan};
//! use poolcheck_lan::{Machine, Timestamp};
//!
//! let key = Key::new(b"a secret that nobody can guess")?;
//! let lan = Lan::new(1, Conditions::default());
//! let mut nodes = Vec::new();
//! for (name, mac) in [("n1", "02:00:00:00:00:01"), ("n2", "02:00:00:00:00:02")] {
//!     let facts = LinkFacts { up: true, mac: mac.parse()?, subnets: vec!["192.168.1.0/24".parse()?] };
//!     // The last number is to be 64 random bits from the system.
//!     let mut node = Announcer::new(Settings::new(name, "home", key.clone(), facts.mac.0[5].into()), facts)?;
//!     node.set_wants(Timestamp::ZERO, &[Want::new("192.168.1.240".parse()?)])?;
//!     nodes.push((node, lan.attach(mac.parse()?)));
//! }
//! // What `poolcheck_lan::drive` does for one machine on a real link, in turns for two.
//! while lan.now() < Timestamp::from_millis(2000) {
//!     let now = lan.now();
//!     let mut wake = now + std::time::Duration::from_millis(10);
//!     for (node, link) in &mut nodes {
//!         let mut frames = Vec::new();
//!         link.receive(now, &mut frames)?;
//!         frames.iter().for_each(|frame| node.handle(frame.at, &frame.frame));
//!         while let Some(frame) = node.poll_output(now) {
//!             link.send(&[frame])?;
//!         }
//!         wake = wake.min(node.poll_timeout().unwrap_or(wake));
//!     }
//!     lan.advance_to(wake.max(now + std::time::Duration::from_micros(100)));
//! }
//! let vip = "192.168.1.240".parse()?;
//! let owners = nodes.iter().filter(|(node, _)| node.answers_for(lan.now(), vip)).count();
//! assert_eq!(owners, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod allocator;
mod announce;
mod conflict;
#[cfg(target_os = "linux")]
mod driver;
pub mod election;
mod error;
pub mod event;
mod hold;
pub mod liveness;
mod node;
mod responder;
mod settings;
#[cfg(feature = "sim")]
pub mod sim;

pub use conflict::How;
#[cfg(target_os = "linux")]
pub use driver::{Driver, Port, Waker};
pub use error::{Error, Result};
pub use event::{Event, What};
pub use liveness::{Key, NodeId};
pub use node::{AddressState, AddressStatus, Announcer, Counters, LinkFacts, MemberStatus, Reason, Status};
pub use settings::{Announcing, Defence, MAX_ADDRESSES, MAX_NAME, Probing, Rebalance, Settings, Timing, Want};
