//! Claims: somebody says that a range of addresses is theirs.
//!
//! A pool, a DHCP range, a reservation, a node's address, the gateway, a pod CIDR, a machine seen on the wire:
//! all are [`Claim`]s, with where they were said and how sure we are.

use crate::range::AddrRange;
use crate::source::Span;

/// How sure we are of a claim or a finding, from its evidence. Ordered: `Low < Medium < High`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Guessed from indirect evidence (this machine's own lease, a vendor's default).
    Low,
    /// Said by something that is usually right (a page of a firmware not tested, an old snapshot).
    Medium,
    /// Said by the authority itself: the manifest, the router's own setting, a file a person wrote.
    High,
}

/// Who claims a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimKind {
    /// A range a load balancer may hand out.
    Pool,
    /// Addresses a DHCP server leases on its own choice.
    DynamicRange,
    /// One address a DHCP server keeps for one machine.
    Reservation,
    /// The router's address on the segment.
    Gateway,
    /// A DNS server's address.
    DnsServer,
    /// A Kubernetes node's address.
    Node,
    /// Another known machine with a fixed address.
    Host,
    /// The first address of an IPv4 subnet.
    NetworkAddress,
    /// The last address of an IPv4 subnet.
    BroadcastAddress,
    /// Addresses of pods.
    PodCidr,
    /// Cluster addresses of Services.
    ServiceCidr,
    /// An address a Service asks for.
    Requested,
}

/// A range, who claims it, where that was said, and how sure we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The addresses claimed.
    pub range: AddrRange,
    /// Who claims them.
    pub kind: ClaimKind,
    /// The claimant's name as shown to people: `metallb-system/main-pool`, `nas (aa:bb:cc:00:00:01)`, `sky-hub`.
    pub owner: String,
    /// Where it was said; `None` for what follows from something else (a subnet's broadcast address has its subnet's place).
    pub place: Option<Span>,
    /// How sure we are.
    pub confidence: Confidence,
    /// The cluster that makes the claim, by its number in the world; `None` for the LAN's own claims.
    pub cluster: Option<u32>,
}

/// The number of a claim within one [`AddressPlan`](crate::AddressPlan).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimId(pub u32);
