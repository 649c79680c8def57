//! The facts of a LAN: one schema, whoever said them.
//!
//! A person writes them by hand, a router adapter reads them, a scan adds to them. What is not known stays unknown:
//! an empty list together with [`Completeness`] says whether there is nothing or nothing was seen, and no field is
//! ever filled with a default.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::claim::{Claim, ClaimKind, Confidence};
use crate::range::{AddrRange, Family};
use crate::set::AddrSet;
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
    /// What should have been read and was not there, a sentence each: it says why a server is not seen in full.
    pub gaps: Vec<Sourced<String>>,
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

/// How much of a DHCP server's configuration was seen; the more is missing, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
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

impl DhcpServer {
    /// Whether it is known what this server leases: also that it leases nothing.
    pub fn knows_ranges(&self) -> bool {
        match self.state.value {
            DhcpState::Off | DhcpState::StaticOnly => true,
            DhcpState::On | DhcpState::Unknown => !self.ranges.is_empty(),
            DhcpState::Relay => false,
        }
    }

    /// Whether its reservations are known: also that there are none.
    pub fn knows_reservations(&self) -> bool {
        !self.reservations.is_empty() || self.completeness == Completeness::Full || self.state.value == DhcpState::Off
    }

    /// Whether no more is known of it than that it once leased something.
    fn is_hearsay(&self) -> bool {
        self.state.confidence == Confidence::Low
            && self.ranges.is_empty()
            && self.reservations.is_empty()
            && self.completeness == Completeness::Partial
    }

    /// Whether an address is one that it leases, as far as is known.
    fn leases(&self, address: IpAddr) -> bool {
        let reserved = || self.reservations.iter().any(|own| own.value.address == address);
        self.leased().any(|(range, _)| range.contains(address)) || reserved()
    }

    /// The ranges it leases from, holes taken out; none while it is off.
    pub fn leased(&self) -> impl Iterator<Item = (AddrRange, &Sourced<AddrRange>)> {
        let holes: AddrSet = self.excluded.iter().map(|hole| hole.value).collect();
        let leases = matches!(self.state.value, DhcpState::On | DhcpState::Unknown);
        self.ranges.iter().filter(move |_| leases).flat_map(move |range| {
            AddrSet::from(range.value).difference(&holes).into_iter().map(move |left| (left, range))
        })
    }
}

impl Reservation {
    /// `nas (aa:bb:cc:00:00:01)`, or what is known of it.
    pub fn owner(&self) -> String {
        match (&self.name, &self.mac) {
            (Some(name), Some(mac)) => format!("{name} ({mac})"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => "a machine without a name".to_owned(),
        }
    }
}

impl Facts {
    /// Every fact as a claim.
    pub fn claims(&self) -> Vec<Claim> {
        let mut claims = Vec::new();
        for segment in &self.segments {
            segment_claims(segment, self, &mut claims);
        }
        let networks = [(&self.networks.pods, ClaimKind::PodCidr), (&self.networks.services, ClaimKind::ServiceCidr)];
        for (list, kind) in networks {
            claims
                .extend(list.iter().map(|net| claim(AddrRange::from_net(net.value), kind, "the cluster".into(), net)));
        }
        claims
    }

    /// The segment whose subnet holds an address.
    pub fn segment_of(&self, address: IpAddr) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.subnets.iter().any(|subnet| subnet.value.contains(&address)))
    }

    /// Who said a fact.
    pub fn origin<T>(&self, fact: &Sourced<T>) -> Option<&Origin> {
        self.origins.get(fact.origin.0 as usize)
    }

    /// Adds what somebody else said. Segments with a common subnet, or with the same name, are one segment.
    pub fn merge(&mut self, other: Self) {
        let shift = self.origins.len() as u32;
        let mut other = other;
        other.renumber(shift);
        self.origins.extend(other.origins);
        self.networks.pods.extend(other.networks.pods);
        self.networks.services.extend(other.networks.services);
        self.gaps.extend(other.gaps);
        for segment in other.segments {
            match self.segments.iter_mut().find(|known| known.is_same(&segment)) {
                Some(known) => known.absorb(segment),
                None => self.segments.push(segment),
            }
        }
    }

    fn renumber(&mut self, shift: u32) {
        fn each<T>(facts: &mut [Sourced<T>], shift: u32) {
            for fact in facts {
                fact.origin.0 += shift;
            }
        }
        each(&mut self.networks.pods, shift);
        each(&mut self.networks.services, shift);
        each(&mut self.gaps, shift);
        for segment in &mut self.segments {
            each(segment.name.as_mut_slice(), shift);
            each(segment.vlan.as_mut_slice(), shift);
            each(&mut segment.subnets, shift);
            each(&mut segment.gateways, shift);
            each(&mut segment.dns, shift);
            each(&mut segment.hosts, shift);
            for server in &mut segment.dhcp {
                server.state.origin.0 += shift;
                each(server.server.as_mut_slice(), shift);
                each(&mut server.ranges, shift);
                each(&mut server.excluded, shift);
                each(&mut server.reservations, shift);
                each(server.lease_seconds.as_mut_slice(), shift);
            }
        }
    }
}

impl Segment {
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let named = matches!((&self.name, &other.name), (Some(a), Some(b)) if a.value == b.value);
        named || self.subnets.iter().any(|a| other.subnets.iter().any(|b| a.value == b.value))
    }

    fn absorb(&mut self, other: Self) {
        self.name = self.name.take().or(other.name);
        self.vlan = self.vlan.take().or(other.vlan);
        let new = |known: &[Sourced<IpNet>], subnet: &Sourced<IpNet>| !known.iter().any(|k| k.value == subnet.value);
        let subnets: Vec<_> = other.subnets.into_iter().filter(|s| new(&self.subnets, s)).collect();
        self.subnets.extend(subnets);
        let unknown =
            |known: &[Sourced<IpAddr>], address: &Sourced<IpAddr>| !known.iter().any(|k| k.value == address.value);
        let gateways: Vec<_> = other.gateways.into_iter().filter(|a| unknown(&self.gateways, a)).collect();
        self.gateways.extend(gateways);
        let dns: Vec<_> = other.dns.into_iter().filter(|a| unknown(&self.dns, a)).collect();
        self.dns.extend(dns);
        self.dhcp.extend(other.dhcp);
        let hosts: Vec<_> = other
            .hosts
            .into_iter()
            .filter(|h| !self.hosts.iter().any(|k| k.value.address == h.value.address))
            .collect();
        self.hosts.extend(hosts);
        self.forget_hearsay();
    }

    /// Takes out servers that are only known from what a machine was leased, where somebody knows the same server by its own
    /// configuration: that one says what it leases, and whether it leases at all.
    fn forget_hearsay(&mut self) {
        let fuller: Vec<DhcpServer> = self.dhcp.iter().filter(|server| !server.is_hearsay()).cloned().collect();
        let gateway = |address: IpAddr| self.gateways.iter().any(|gateway| gateway.value == address);
        let of_same = |server: &DhcpServer, known: &DhcpServer| match (&server.server, &known.server) {
            (Some(server), Some(known)) => server.value == known.value,
            // Who does not say its own address is the gateway that leased, or whoever leases what was leased.
            (address, _) => {
                let own = self.hosts.iter().filter(|host| host.origin == server.state.origin);
                let mut own = own.map(|host| host.value.address);
                address.as_ref().is_some_and(|address| known.server.is_none() && gateway(address.value))
                    || own.any(|own| known.leases(own))
            }
        };
        let known = |server: &DhcpServer| fuller.iter().any(|known| of_same(server, known));
        let kept: Vec<bool> = self.dhcp.iter().map(|server| !server.is_hearsay() || !known(server)).collect();
        let mut kept = kept.into_iter();
        self.dhcp.retain(|_| kept.next().unwrap_or(true));
    }
}

fn claim<T>(range: AddrRange, kind: ClaimKind, owner: String, fact: &Sourced<T>) -> Claim {
    Claim { range, kind, owner, place: Some(fact.place), confidence: fact.confidence, cluster: None }
}

fn segment_claims(segment: &Segment, facts: &Facts, claims: &mut Vec<Claim>) {
    let who = |fact: OriginId| facts.origins.get(fact.0 as usize).map_or("the router", |o| o.adapter.as_str());
    let name = segment.name.as_ref().map_or("the segment", |name| name.value.as_str());
    for subnet in &segment.subnets {
        let whole = AddrRange::from_net(subnet.value);
        if whole.family() == Family::V4 && subnet.value.prefix_len() <= 30 {
            let (first, last) = (AddrRange::single(whole.first()), AddrRange::single(whole.last()));
            claims.push(claim(first, ClaimKind::NetworkAddress, name.to_owned(), subnet));
            claims.push(claim(last, ClaimKind::BroadcastAddress, name.to_owned(), subnet));
        }
    }
    let one = |address: IpAddr| AddrRange::single(address);
    for gateway in &segment.gateways {
        claims.push(claim(one(gateway.value), ClaimKind::Gateway, "the router".to_owned(), gateway));
    }
    let is_gateway = |address: IpAddr| segment.gateways.iter().any(|gateway| gateway.value == address);
    for dns in segment.dns.iter().filter(|dns| !is_gateway(dns.value)) {
        claims.push(claim(one(dns.value), ClaimKind::DnsServer, "the DNS server".to_owned(), dns));
    }
    for server in &segment.dhcp {
        for (range, fact) in server.leased() {
            claims.push(claim(range, ClaimKind::DynamicRange, who(fact.origin).to_owned(), fact));
        }
        for reservation in server.reservations.iter().filter(|_| server.state.value != DhcpState::Off) {
            let owner = reservation.value.owner();
            claims.push(claim(one(reservation.value.address), ClaimKind::Reservation, owner, reservation));
        }
    }
    for host in segment.hosts.iter().filter(|host| !is_gateway(host.value.address)) {
        let (kind, what) = match host.value.role {
            Role::Node => (ClaimKind::Node, "node"),
            Role::Router => (ClaimKind::Gateway, "router"),
            Role::Dns => (ClaimKind::DnsServer, "DNS server"),
            Role::Other => (ClaimKind::Host, "machine"),
        };
        let owner = match (&host.value.name, &host.value.mac) {
            (Some(name), _) => format!("{what} {name}"),
            (None, Some(mac)) => format!("{what} {mac}"),
            (None, None) => format!("a {what}"),
        };
        claims.push(claim(one(host.value.address), kind, owner, host));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;

    fn said<T>(value: T, origin: u32) -> Sourced<T> {
        let place = Span::new(SourceId(0), 0, 1);
        Sourced { value, place, confidence: Confidence::High, origin: OriginId(origin) }
    }

    fn origin(adapter: &str) -> Origin {
        Origin { adapter: adapter.to_owned(), title: adapter.to_owned(), read_at: None, how_to_shrink: None }
    }

    fn server(state: DhcpState) -> DhcpServer {
        let range = |a: &str, b: &str| AddrRange::new(a.parse().unwrap(), b.parse().unwrap()).unwrap();
        DhcpServer {
            state: said(state, 0),
            server: None,
            ranges: vec![said(range("10.0.0.10", "10.0.0.20"), 0)],
            excluded: vec![said(range("10.0.0.15", "10.0.0.16"), 0)],
            reservations: Vec::new(),
            lease_seconds: None,
            completeness: Completeness::RangeOnly,
        }
    }

    #[test]
    fn holes_are_not_leased_and_a_server_that_is_off_leases_nothing() {
        let leased = |state| server(state).leased().map(|(range, _)| range.to_string()).collect::<Vec<_>>();
        assert_eq!(leased(DhcpState::On), ["10.0.0.10-10.0.0.14", "10.0.0.17-10.0.0.20"]);
        assert!(leased(DhcpState::Off).is_empty());
        assert!(server(DhcpState::Off).knows_ranges());
        assert!(!server(DhcpState::Relay).knows_ranges());
        assert!(!server(DhcpState::On).knows_reservations());
    }

    #[test]
    fn what_a_machine_was_leased_adds_no_server_that_is_known_better() {
        let (subnet, gateway): (IpNet, IpAddr) = ("10.0.0.0/24".parse().unwrap(), "10.0.0.1".parse().unwrap());
        let part = |dhcp, hosts| Facts {
            origins: vec![origin("x")],
            segments: vec![Segment {
                subnets: vec![said(subnet, 0)],
                gateways: vec![said(gateway, 0)],
                dhcp: vec![dhcp],
                hosts,
                ..Segment::default()
            }],
            ..Facts::default()
        };
        let own = |by: Option<&str>, address: &str| {
            let state = Sourced { confidence: Confidence::Low, ..said(DhcpState::On, 0) };
            let lease = DhcpServer {
                state,
                server: by.map(|by| said(by.parse().unwrap(), 0)),
                ranges: Vec::new(),
                excluded: Vec::new(),
                completeness: Completeness::Partial,
                ..server(DhcpState::On)
            };
            part(
                lease,
                vec![said(Host { address: address.parse().unwrap(), name: None, mac: None, role: Role::Other }, 0)],
            )
        };
        let full = |state, address: Option<&str>| {
            let address = address.map(|address| said(address.parse().unwrap(), 0));
            part(DhcpServer { server: address, ..server(state) }, Vec::new())
        };
        // (the configuration's server, the lease's server, the leased address, servers that are left)
        let cases = [
            (DhcpState::On, Some("10.0.0.2"), Some("10.0.0.2"), "10.0.0.99", 1),
            (DhcpState::Off, Some("10.0.0.2"), Some("10.0.0.2"), "10.0.0.99", 1),
            (DhcpState::On, None, Some("10.0.0.1"), "10.0.0.99", 1),
            (DhcpState::On, None, Some("10.0.0.2"), "10.0.0.12", 1),
            (DhcpState::On, None, None, "10.0.0.12", 1),
            // Another server, or one that may be another: what it leases nobody knows.
            (DhcpState::On, Some("10.0.0.2"), Some("10.0.0.3"), "10.0.0.12", 2),
            (DhcpState::On, None, Some("10.0.0.2"), "10.0.0.99", 2),
            (DhcpState::On, None, Some("10.0.0.2"), "10.0.0.15", 2),
            (DhcpState::On, None, None, "10.0.0.99", 2),
        ];
        for (state, known, by, address, left) in cases {
            let (mut first, mut last) = (full(state, known), own(by, address));
            first.merge(own(by, address));
            last.merge(full(state, known));
            for facts in [first, last] {
                let dhcp = &facts.segments[0].dhcp;
                assert_eq!(dhcp.len(), left, "{known:?} {by:?} {address}");
                assert!(dhcp.iter().any(|server| server.state.value == state && server.ranges.len() == 1));
            }
        }
    }

    #[test]
    fn merging_joins_segments_by_subnet_and_renumbers_origins() {
        let subnet: IpNet = "10.0.0.0/24".parse().unwrap();
        let part = |adapter: &str, dhcp| Facts {
            origins: vec![origin(adapter)],
            segments: vec![Segment { subnets: vec![said(subnet, 0)], dhcp, ..Segment::default() }],
            ..Facts::default()
        };
        let mut facts = part("manual", Vec::new());
        facts.merge(part("sky-hub", vec![server(DhcpState::On)]));
        assert_eq!((facts.origins.len(), facts.segments.len()), (2, 1));
        assert_eq!(facts.segments[0].subnets.len(), 1);
        let range = &facts.segments[0].dhcp[0].ranges[0];
        assert_eq!(facts.origin(range).map(|o| o.adapter.as_str()), Some("sky-hub"));
        let kinds: Vec<ClaimKind> = facts.claims().iter().map(|claim| claim.kind).collect();
        use ClaimKind::{BroadcastAddress, DynamicRange, NetworkAddress};
        assert_eq!(kinds, [NetworkAddress, BroadcastAddress, DynamicRange, DynamicRange]);
    }
}
