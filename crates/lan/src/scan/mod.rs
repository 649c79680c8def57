//! Who is on these addresses? A scanner that asks politely and says how sure it is.
//!
//! **How it asks.** ARP probes (RFC 5227: sender 0.0.0.0) and the Neighbor Solicitations of Duplicate Address Detection
//! (source `::`), so that no neighbour cache learns anything. A machine that is just probing one of these addresses for
//! itself may take the probe for a rival's: scan pools, not whole LANs in a loop. Some machines are deaf to the latter: an
//! IPv6 address that does not answer `::` is asked from our own link-local address next ([`Settings::solicit_from`]), by
//! turns. Who answers only that one remembers us, as RFC 4861 has it for everybody who speaks to it; nobody else does.
//!
//! **How fast.** A token bucket that no frame escapes: in no second more than [`Settings::max_pps`] frames. It begins low
//! and doubles while all goes well; its upper half must be earned by 300 repeated questions that were all answered.
//!
//! **How often.** Hosts that have answered are asked again now and then; the share of these repeats that is answered is
//! *p*, the success of one question on this LAN. With *s* repeats answered of *n*, and nothing known before, the chance
//! that a live host misses *k* questions is `Π (n−s+1+i)/(n+2+i)` for `i < k`: every address is asked until that is at most
//! [`Settings::miss`]. Where nobody answers, *p* is unknown and every address is asked four
//! times; of a subnet the fourth time slowly, for a policer that let nothing of a fast round through.
//!
//! **Loss or policing?** When repeats stop being answered, the scanner falls silent for a moment and then repeats slowly.
//! Answered again: the LAN polices, so the rate goes down to what gets through, and what was asked since the fall is asked
//! again. Still lost: the LAN loses, so the rate stays and the number of questions grows.
//!
//! **When it stops.** All addresses asked often enough, every answering host asked again, and the window for late second
//! owners over: two machines on one address often answer far apart. Or the time budget is used; then the report says
//! *partial*.

mod estimate;
mod known;
mod pace;
mod report;
mod scanner;
mod settings;
mod targets;

pub use report::{Ending, Owner, Report, WireState};
pub use scanner::Scanner;
pub use settings::{Forecast, Profile, Settings};
pub use targets::{MAX_TARGETS, Targets};

use std::net::IpAddr;
use std::time::Duration;

use crate::time::Timestamp;
use crate::wire::MacAddr;

/// How an address was seen in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// Its owner answered: ARP reply or Neighbor Advertisement.
    Reply,
    /// Its owner announced it unasked.
    Announcement,
    /// Its owner asked for another address, and named this one as its own.
    Request,
}

/// An address and a hardware address seen together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sighting {
    /// The address in use.
    pub address: IpAddr,
    /// Who uses it.
    pub mac: MacAddr,
    /// The hardware address the frame came from: another than `mac` where somebody answers for others.
    pub sender: MacAddr,
    /// When.
    pub at: Timestamp,
    /// How it was seen.
    pub how: How,
    /// How long after the last question for this address; `None` where none was asked.
    pub delay: Option<Duration>,
}

/// Reads a sighting out of a frame: any frame whose sender says that an address is its own.
pub(crate) fn sighting(at: Timestamp, found: &crate::wire::Dissected) -> Option<Sighting> {
    use crate::wire::{Payload, arp, ndp};
    let sender = found.ethernet.source;
    let seen = |address, mac: MacAddr, how| {
        mac.is_unicast().then_some(Sighting { address, mac, sender, at, how, delay: None })
    };
    match &found.payload {
        Payload::Arp(packet) => {
            let how = match packet.kind() {
                arp::Kind::Reply => How::Reply,
                arp::Kind::Announcement => How::Announcement,
                arp::Kind::Request => How::Request,
                arp::Kind::Probe | arp::Kind::Other => return None,
            };
            if packet.sender_ip.is_unspecified() {
                return None;
            }
            seen(packet.sender_ip.into(), packet.sender_mac, how)
        }
        Payload::Ndp(_, message @ ndp::Repr::NeighborAdvertisement { target, .. }) => {
            seen((*target).into(), message.target_link_layer().unwrap_or(sender), How::Reply)
        }
        Payload::Ndp(header, ndp::Repr::NeighborSolicitation { .. }) if !header.source.is_unspecified() => {
            seen(header.source.into(), sender, How::Request)
        }
        _ => None,
    }
}
