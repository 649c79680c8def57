//! The facts of a LAN: one schema, whoever said them.
//!
//! A person writes them by hand, a router adapter reads them, a scan adds to them. What is not known stays unknown:
//! an empty list together with [`Completeness`] says whether there is nothing or nothing was seen, and no field is
//! ever filled with a default.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::claim::Confidence;
use crate::range::AddrRange;
use crate::source::Span;

/// A value together with where it was said and how sure we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it was said.
    pub place: Span,
    /// How sure we are.
    pub confidence: Confidence,
    /// Which of [`Facts::origins`] said it.
    pub origin: OriginId,
}

/// The number of an [`Origin`] within one [`Facts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OriginId(pub u32);

/// Who said some of the facts: a file, a router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The adapter that read it: `manual`, `sky-hub`.
    pub adapter: String,
    /// What was read, for people: `lan.toml`, `sky-hub 192.168.1.1`.
    pub title: String,
    /// When, as RFC 3339; `None` for a file, whose age is the file's own.
    pub read_at: Option<String>,
    /// Where on this router a person changes the DHCP range; shown with a cure that shrinks it.
    pub how_to_shrink: Option<String>,
}

/// Everything known of the LAN.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Who said it.
    pub origins: Vec<Origin>,
    /// The segments, in the order first mentioned.
    pub segments: Vec<Segment>,
    /// The cluster's own networks, where known.
    pub networks: ClusterNetworks,
}

/// Pod and Service networks, which no pool may meet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterNetworks {
    /// Pod CIDRs.
    pub pods: Vec<Sourced<IpNet>>,
    /// Service (ClusterIP) CIDRs.
    pub services: Vec<Sourced<IpNet>>,
}

/// One LAN segment (broadcast domain).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Segment {
    /// A person's name for it.
    pub name: Option<Sourced<String>>,
    /// IEEE 802.1Q VLAN identifier, 1 to 4094.
    pub vlan: Option<Sourced<u16>>,
    /// The on-link prefixes, network address with prefix length (host bits cleared).
    pub subnets: Vec<Sourced<IpNet>>,
    /// Default gateways.
    pub gateways: Vec<Sourced<IpAddr>>,
    /// DNS servers handed to the LAN's machines.
    pub dns: Vec<Sourced<IpAddr>>,
    /// DHCP servers. None listed means that nothing is known of DHCP, not that there is none.
    pub dhcp: Vec<DhcpServer>,
    /// Machines with a fixed address.
    pub hosts: Vec<Sourced<Host>>,
}

/// Whether a DHCP server leases addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DhcpState {
    /// It leases from its ranges.
    On,
    /// It leases nothing.
    Off,
    /// It forwards requests to a server elsewhere, whose ranges are not known here.
    Relay,
    /// It serves reservations only.
    StaticOnly,
    /// It was not said.
    Unknown,
}

/// How much of a DHCP server's configuration was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Completeness {
    /// Ranges and reservations.
    Full,
    /// Ranges, but reservations could not be seen.
    RangeOnly,
    /// Some ranges could not be resolved (a delegated prefix, an include that is missing).
    Partial,
}

/// One DHCP server's configuration on a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DhcpServer {
    /// Whether it leases.
    pub state: Sourced<DhcpState>,
    /// The server's own address, where known.
    pub server: Option<Sourced<IpAddr>>,
    /// The dynamic ranges, both ends inclusive.
    pub ranges: Vec<Sourced<AddrRange>>,
    /// Holes in the ranges that are never leased.
    pub excluded: Vec<Sourced<AddrRange>>,
    /// Fixed addresses, inside or outside the ranges.
    pub reservations: Vec<Sourced<Reservation>>,
    /// Lease time in seconds.
    pub lease_seconds: Option<Sourced<u64>>,
    /// How much was seen.
    pub completeness: Completeness,
}

/// A fixed address that a DHCP server keeps for one machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reservation {
    /// The address.
    pub address: IpAddr,
    /// The machine's MAC address, lower case with colons, where known.
    pub mac: Option<String>,
    /// Its name, where known.
    pub name: Option<String>,
}

/// What a machine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A Kubernetes node.
    Node,
    /// A router.
    Router,
    /// A DNS server.
    Dns,
    /// Anything else.
    Other,
}

/// A machine with a fixed address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host {
    /// Its address.
    pub address: IpAddr,
    /// Its name, where known.
    pub name: Option<String>,
    /// Its MAC address, lower case with colons, where known.
    pub mac: Option<String>,
    /// What it is for.
    pub role: Role,
}
