//! What servers and routers said.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use poolcheck_plan::AddrRange;

use crate::time::Timestamp;
use crate::wire::ndp::{NdpOption, PrefixInformation};
use crate::wire::{Dissected, MacAddr, Payload, dhcpv4, dhcpv6, ndp};

/// A DHCP server's offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The server, by its own word; else where the offer came from.
    pub server: Ipv4Addr,
    /// Hardware address the offer came from: the server's, or a relay's.
    pub mac: MacAddr,
    /// The relay it came through, if any.
    pub relay: Option<Ipv4Addr>,
    /// The address offered.
    pub address: Ipv4Addr,
    /// The address asked for, if one was.
    pub asked_for: Option<Ipv4Addr>,
    /// How long it would be leased, in seconds.
    pub lease_seconds: Option<u32>,
    /// Subnet mask.
    pub mask: Option<Ipv4Addr>,
    /// Routers.
    pub routers: Vec<Ipv4Addr>,
    /// DNS servers.
    pub dns: Vec<Ipv4Addr>,
    /// When it came.
    pub at: Timestamp,
    /// How long after the question.
    pub delay: Duration,
}

/// A DHCPv6 server's advertisement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertisement {
    /// The server's identifier (DUID), as bytes.
    pub server: Vec<u8>,
    /// Where it came from.
    pub source: IpAddr,
    /// Hardware address it came from.
    pub mac: MacAddr,
    /// The addresses it would give; none where it configures only.
    pub addresses: Vec<dhcpv6::OfferedAddress>,
    /// When it came.
    pub at: Timestamp,
}

/// A router that describes the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterSeen {
    /// Its link-local address.
    pub address: Ipv6Addr,
    /// Its hardware address.
    pub mac: MacAddr,
    /// Seconds it serves as default router; 0: it does not.
    pub lifetime: u16,
    /// Addresses come from DHCPv6.
    pub managed: bool,
    /// Other configuration comes from DHCPv6.
    pub other_config: bool,
    /// Prefixes it announces.
    pub prefixes: Vec<PrefixInformation>,
    /// DNS servers it announces.
    pub dns: Vec<Ipv6Addr>,
    /// When it was seen.
    pub at: Timestamp,
}

/// An answer that a DISCOVER must not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unexpected {
    /// Which server.
    pub server: Ipv4Addr,
    /// What it sent: an ACK means that a lease was written though none was asked for.
    pub kind: dhcpv4::MessageType,
    /// The address named.
    pub address: Ipv4Addr,
    /// When it came.
    pub at: Timestamp,
}

/// What a probe reports while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DhcpEvent {
    /// A server offered an address.
    Offer(Offer),
    /// A DHCPv6 server is there.
    Advertisement(Advertisement),
    /// A router is there.
    Router(RouterSeen),
    /// A server did what it must not.
    Unexpected(Unexpected),
}

/// All that was heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DhcpReport {
    /// Offers, in order.
    pub offers: Vec<Offer>,
    /// DHCPv6 servers, in order.
    pub advertisements: Vec<Advertisement>,
    /// Routers, each once.
    pub routers: Vec<RouterSeen>,
    /// What must not have happened.
    pub unexpected: Vec<Unexpected>,
    /// Servers that offer the same address whatever is asked for: asking them more says nothing.
    pub sticky: Vec<Ipv4Addr>,
    /// DISCOVERs sent.
    pub discovers: usize,
    /// Addresses that were to be asked for and were not, because every server was sticky or the probe was cut short.
    pub unasked: Vec<Ipv4Addr>,
}

impl DhcpReport {
    /// The servers heard, each once, in order.
    pub fn servers(&self) -> Vec<Ipv4Addr> {
        let mut servers = Vec::new();
        for offer in &self.offers {
            if !servers.contains(&offer.server) {
                servers.push(offer.server);
            }
        }
        servers
    }

    /// Offers inside a range: each is a proof that the server's dynamic range and this one overlap. None proves nothing.
    pub fn offers_in(&self, range: AddrRange) -> impl Iterator<Item = &Offer> {
        self.offers.iter().filter(move |offer| range.contains(offer.address.into()))
    }
}

/// Reads a router's word out of a frame.
pub(crate) fn router_seen(at: Timestamp, found: &Dissected) -> Option<RouterSeen> {
    let Payload::Ndp(header, ndp::Repr::RouterAdvertisement { managed, other_config, router_lifetime, options, .. }) =
        &found.payload
    else {
        return None;
    };
    let prefixes = options.iter().filter_map(|option| match option {
        NdpOption::Prefix(info) => Some(*info),
        _ => None,
    });
    let dns = options.iter().filter_map(|option| match option {
        NdpOption::RecursiveDns { servers, .. } => Some(servers.as_slice()),
        _ => None,
    });
    Some(RouterSeen {
        address: header.source,
        mac: found.ethernet.source,
        lifetime: *router_lifetime,
        managed: *managed,
        other_config: *other_config,
        prefixes: prefixes.collect(),
        dns: dns.flatten().copied().collect(),
        at,
    })
}
