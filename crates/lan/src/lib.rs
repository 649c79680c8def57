//! What is on the wire of one LAN segment: who uses which address, which DHCP servers are about.
//!
//! Five floors, each usable without those above:
//!
//! * [`wire`]: frames as checked views and plain values. No I/O.
//! * [`link`]: where frames leave and arrive. Packet sockets, a LAN in memory ([`sim`]), capture files.
//! * [`interface`]: this machine's interfaces, neighbours and routes, read from the kernel.
//! * [`Machine`]s: protocols that never wait, read a clock or touch a socket. [`scan::Scanner`] asks who is there,
//!   [`dhcp::DhcpProbe`] asks DHCP servers what they would give, [`names::Asker`] asks machines for their names,
//!   [`listen::Listener`] only listens.
//! * [`drive()`]: runs a machine on a link.
//!
//! The crate knows nothing of manifests, routers' pages or rules. It is a good neighbour by construction: nothing it sends
//! enters a neighbour cache (but for the DHCPv6 SOLICIT, which is opt-in), claims an address or takes a lease; rates are
//! bounded and told beforehand.
//!
//! # Example
//!
//! A LAN in memory with two machines on one address; on a real one, only the link differs ([`link::open`]).
//!
//! ```
//! use std::net::IpAddr;
//!
//! use poolcheck_lan::scan::{Profile, Scanner, Settings, Targets};
//! use poolcheck_lan::sim::{Conditions, Host, Lan};
//! use poolcheck_lan::wire::MacAddr;
//! use poolcheck_lan::{Cancel, drive};
//! use poolcheck_plan::syntax::parse_range;
//!
//! let lan = Lan::new(1, Conditions::default());
//! let address: IpAddr = "192.168.1.50".parse()?;
//! lan.add(Host::new("02:00:00:00:00:0a".parse()?, [address]));
//! lan.add(Host::new("02:00:00:00:00:0b".parse()?, [address]));
//! let me: MacAddr = "02:5c:00:00:00:01".parse()?;
//! let mut link = lan.attach(me);
//!
//! let targets = Targets::new([parse_range("192.168.1.50-192.168.1.60")?])?;
//! let settings = Settings::new(Profile::Default, targets.len());
//! let mut scanner = Scanner::new(me, targets, settings, 1)?;
//! assert!(scanner.forecast().max_pps <= 4000);
//! drive(&mut scanner, &mut link, &Cancel::default(), |sighting| println!("{sighting:?}"))?;
//!
//! let report = scanner.report();
//! let (conflict, owners) = report.conflicts().next().expect("two machines answered");
//! assert_eq!((conflict, owners.len()), (address, 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod dhcp;
pub mod drive;
mod error;
pub mod interface;
pub mod link;
pub mod listen;
mod machine;
pub mod names;
pub mod scan;
pub mod sim;
mod time;
pub mod wire;

pub use drive::{Cancel, Run, drive};
pub use error::{Error, Result};
pub use machine::Machine;
pub use time::Timestamp;
