//! What machines are called: heard from themselves, asked for by Multicast DNS, looked up at a DNS server.
//!
//! **Heard.** Clients of DHCP name themselves in their requests, and machines that speak Multicast DNS announce their names
//! with their addresses. [`Listener`](crate::listen::Listener) keeps both.
//!
//! **Asked.** [`Asker`] asks for the names of addresses that have answered: PTR questions, several in one frame, to the
//! group of RFC 6762, which no router forwards. It asks for answers to the group, not to itself alone: a machine that is to
//! answer one asker must first find its hardware address, so that its neighbour cache would learn who scans.
//!
//! **Looked up.** [`Lookup`] makes the questions to a DNS server and reads its answers; whoever drives it knows which server
//! may be asked.
//!
//! A name is somebody's word, and nothing is decided by it. A machine is believed for the addresses that it was seen at, by
//! the hardware address its frame came from.

mod ask;
mod lookup;

pub use ask::{Asker, PATIENCE};
pub use lookup::Lookup;

use std::net::IpAddr;

use crate::time::Timestamp;
use crate::wire::dns::{Data, HostName};
use crate::wire::{Dissected, MacAddr, Payload, dhcpv4};

/// As many addresses are asked for their names in one scan.
pub const MAX_NAMES: usize = 1024;

/// How a name became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// The machine said it by Multicast DNS.
    Mdns,
    /// The machine named itself to DHCP servers.
    Dhcp,
}

/// A machine and what it calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its hardware address.
    pub mac: MacAddr,
    /// The address that has the name; `None`: the machine itself has it.
    pub address: Option<IpAddr>,
    /// The name.
    pub name: HostName,
    /// How it became known.
    pub by: By,
    /// When.
    pub at: Timestamp,
}

/// Reads out of a frame what its sender is called, by its own word.
pub(crate) fn named(at: Timestamp, found: &Dissected) -> Vec<Named> {
    let mac = found.ethernet.source;
    let own = |address, name: &HostName, by| Named { mac, address, name: name.clone(), by, at };
    match &found.payload {
        Payload::Mdns(_, message) if message.response => {
            // What is taken back is not said.
            let said = message.records.iter().filter(|record| record.ttl > 0);
            let said = said.filter_map(|record| match &record.data {
                Data::Pointer(target) => Some(own(Some(record.name.reversed()?), target, By::Mdns)),
                Data::Address(address) => Some(own(Some(*address), &record.name, By::Mdns)),
            });
            said.collect()
        }
        Payload::Dhcpv4(_, _, message)
            if message.direction == dhcpv4::Direction::Request && message.client_mac == mac =>
        {
            message.client_name().map(|name| own(None, &name, By::Dhcp)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}
