//! A LAN in memory: a switch, hosts with the manners and bad manners of real ones, and a virtual clock.
//!
//! Nothing waits: the clock jumps to the next event. Everything random comes from one seed, so that a run can be repeated
//! to the bit. The switch loses, delays, duplicates and so reorders deliveries, each receiver on its own, and may police
//! what a port sends, as access points and switches with ARP inspection do.
//!
//! Ports ([`SimLink`]) are links like any other. One that receives drives the clock itself; where several take part, call
//! [`Lan::advance_to`] and read each port without waiting.

mod host;
mod switch;

pub use host::Host;
pub use switch::{Conditions, Lan, Policer, Sent, SimLink};
