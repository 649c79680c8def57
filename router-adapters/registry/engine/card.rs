//! The card of a router that was asked: what was read, as a few lines, and the facts that point into it.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;
use poolcheck_plan::facts::{Completeness, DhcpServer, DhcpState, Origin, OriginId, Reservation, Segment, Sourced};
use poolcheck_plan::{AddrRange, Confidence, Facts, SourceKind, Sources, Span};

use super::description::Description;
use crate::said;

/// A value, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known<T> {
    pub(crate) value: T,
    pub(crate) sure: Confidence,
}

/// One network of a router.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) name: Option<Known<String>>,
    pub(crate) vlan: Option<Known<u16>>,
    pub(crate) subnet: Option<Known<IpNet>>,
    pub(crate) gateway: Option<Known<IpAddr>>,
    /// The router's own address, where machines are told another gateway.
    pub(crate) router: Option<Known<IpAddr>>,
    pub(crate) dns: Vec<Known<IpAddr>>,
    pub(crate) server: Option<Known<IpAddr>>,
    pub(crate) state: Known<DhcpState>,
    pub(crate) ranges: Vec<Known<AddrRange>>,
    pub(crate) excluded: Vec<Known<AddrRange>>,
    /// `None` when the router did not say.
    pub(crate) reservations: Option<Vec<Known<Reservation>>>,
    pub(crate) lease: Option<Known<u64>>,
    pub(crate) completeness: Completeness,
}

/// A text, and the facts whose bytes stand in it; the number of the source is put in when it is known.
struct Card {
    text: String,
    source: poolcheck_plan::SourceId,
}

/// Adds the card to the sources and says everything that was read, each fact with its bytes in the card.
pub(crate) fn facts(
    description: &Description,
    networks: &[Network],
    read_at: Option<(&str, &str)>,
    sources: &mut Sources,
) -> Facts {
    let id = &description.id;
    let (router, title) = match read_at {
        Some((host, time)) => {
            let minute = time.get(..16).unwrap_or(time).replace('T', " ");
            (format!("{id} {host}"), format!("{id} {host}, read {minute}"))
        }
        None => (id.clone(), format!("{id} (saved answers)")),
    };
    let next = poolcheck_plan::SourceId(sources.iter().count() as u32);
    let mut card = Card { text: String::new(), source: next };
    let mut segments: Vec<Segment> = Vec::new();
    for (number, network) in networks.iter().enumerate() {
        if number > 0 {
            card.text.push('\n');
        }
        let segment = card.segment(network);
        // Two servers on one network are one segment.
        let twin = segments
            .iter_mut()
            .find(|known| segment.subnets.iter().any(|a| known.subnets.iter().any(|b| a.value == b.value)));
        match twin {
            Some(twin) => twin.dhcp.extend(segment.dhcp),
            None => segments.push(segment),
        }
    }
    let source = sources.add(title, SourceKind::Card, card.text);
    debug_assert_eq!(source, next);
    let origin = Origin {
        adapter: id.clone(),
        title: router,
        read_at: read_at.map(|(_, time)| time.to_owned()),
        how_to_shrink: description.how_to_shrink.clone(),
    };
    Facts { origins: vec![origin], segments, ..Facts::default() }
}

impl Card {
    fn put(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    fn say<T: Clone>(&mut self, known: &Known<T>, text: &str) -> Sourced<T> {
        let at = self.put(text);
        let place = Span::new(self.source, at.start as u32, at.end as u32);
        Sourced { value: known.value.clone(), place, confidence: known.sure, origin: OriginId(0) }
    }

    fn segment(&mut self, network: &Network) -> Segment {
        let mut segment = Segment::default();
        let start = self.text.len();
        if let Some(name) = &network.name {
            self.put("network ");
            segment.name = Some(self.say(name, &name.value));
        }
        if let Some(vlan) = &network.vlan {
            self.comma(start);
            self.put("VLAN ");
            segment.vlan = Some(self.say(vlan, &vlan.value.to_string()));
        }
        if let Some(subnet) = &network.subnet {
            self.comma(start);
            self.put("LAN ");
            segment.subnets.push(self.say(subnet, &subnet.value.to_string()));
        }
        if let Some(gateway) = &network.gateway {
            self.comma(start);
            self.put("router ");
            segment.gateways.push(self.say(gateway, &gateway.value.to_string()));
        }
        let told = network.gateway.as_ref().map(|gateway| gateway.value);
        if let Some(router) = network.router.as_ref().filter(|router| told.is_some_and(|told| told != router.value)) {
            self.comma(start);
            self.put("the router itself ");
            segment.hosts.push(said::router(&self.say(router, &router.value.to_string())));
        }
        for dns in &network.dns {
            self.comma(start);
            self.put("DNS ");
            segment.dns.push(self.say(dns, &dns.value.to_string()));
        }
        self.end_line(start);
        segment.dhcp.push(self.server(network));
        segment
    }

    fn server(&mut self, network: &Network) -> DhcpServer {
        let words = match network.state.value {
            DhcpState::On => "DHCP on",
            DhcpState::Off => "DHCP off",
            DhcpState::Relay => "DHCP relayed",
            DhcpState::StaticOnly => "DHCP for reservations only",
            DhcpState::Unknown => "DHCP (on or off is not known)",
        };
        let start = self.text.len();
        let state = self.say(&network.state, words);
        let mut server = DhcpServer {
            state,
            server: None,
            ranges: Vec::new(),
            excluded: Vec::new(),
            reservations: Vec::new(),
            lease_seconds: None,
            completeness: network.completeness,
        };
        for (number, range) in network.ranges.iter().enumerate() {
            self.put(if number == 0 { ": " } else { ", " });
            let text = format!("{} to {}", range.value.first(), range.value.last());
            server.ranges.push(self.say(range, &text));
        }
        if network.ranges.is_empty() && network.state.value == DhcpState::On {
            self.put(": range not known");
        }
        if let Some(lease) = &network.lease {
            self.put(", lease ");
            server.lease_seconds = Some(self.say(lease, &time(lease.value)));
        }
        if let Some(address) = &network.server {
            self.put(", server ");
            server.server = Some(self.say(address, &address.value.to_string()));
        }
        self.end_line(start);
        for hole in &network.excluded {
            self.put("never leased: ");
            server.excluded.push(self.say(hole, &hole.value.to_string()));
            self.text.push('\n');
        }
        for reservation in network.reservations.iter().flatten() {
            self.put("reserved: ");
            let mut line = reservation.value.address.to_string();
            for more in [&reservation.value.name, &reservation.value.mac].into_iter().flatten() {
                write!(line, " {more}").expect("writes to a string");
            }
            server.reservations.push(self.say(reservation, &line));
            self.text.push('\n');
        }
        server
    }

    fn comma(&mut self, start: usize) {
        if self.text.len() > start {
            self.text.push_str(", ");
        }
    }

    fn end_line(&mut self, start: usize) {
        if self.text.len() > start {
            self.text.push('\n');
        }
    }
}

fn time(seconds: u64) -> String {
    match seconds {
        s if s > 0 && s % 86_400 == 0 => format!("{} d", s / 86_400),
        s if s > 0 && s % 3_600 == 0 => format!("{} h", s / 3_600),
        s if s > 0 && s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}
