//! What a router says now against what it said before.
//!
//! Both are the facts of the same router. A fact that only one of the two knows is a difference too: a reading that sees
//! less than the one before is not the same. Order says nothing.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;

use crate::facts::{DhcpServer, DhcpState, Facts, OriginId, Reservation, Segment, Sourced};
use crate::source::Span;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The segment, as a person would name it.
    pub segment: String,
    /// What differs: `DHCP range`, `reservation 192.168.1.20`.
    pub what: String,
    /// What was said, and where; `None` where nothing was.
    pub before: Option<(String, Span)>,
    /// What is said now, and where.
    pub now: Option<(String, Span)>,
}

impl Change {
    /// `was 192.168.1.2-192.168.1.120, is 192.168.1.2-192.168.1.253`.
    pub fn told(&self) -> String {
        match (&self.before, &self.now) {
            (Some((before, _)), Some((now, _))) => format!("was {before}, is {now}"),
            (Some((before, _)), None) => format!("was {before}, is not there any more"),
            (None, Some((now, _))) => format!("is new: {now}"),
            (None, None) => String::new(),
        }
    }
}

impl Facts {
    /// What one origin said, alone.
    #[must_use]
    pub fn said_by(&self, origin: OriginId) -> Self {
        fn own<T: Clone>(facts: &[Sourced<T>], origin: OriginId) -> Vec<Sourced<T>> {
            facts.iter().filter(|fact| fact.origin == origin).cloned().collect()
        }
        let one = |segment: &Segment| Segment {
            name: segment.name.clone().filter(|fact| fact.origin == origin),
            vlan: segment.vlan.clone().filter(|fact| fact.origin == origin),
            subnets: own(&segment.subnets, origin),
            gateways: own(&segment.gateways, origin),
            dns: own(&segment.dns, origin),
            dhcp: segment.dhcp.iter().filter(|server| server.state.origin == origin).cloned().collect(),
            hosts: own(&segment.hosts, origin),
        };
        let segments = self.segments.iter().map(one).filter(|segment| *segment != Segment::default()).collect();
        Self { origins: self.origins.clone(), segments, ..Self::default() }
    }

    /// How `now` differs from these, segment by segment. Without a difference it is empty.
    pub fn drift(&self, now: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut left: Vec<&Segment> = now.segments.iter().collect();
        let nothing = Segment::default();
        for (number, segment) in self.segments.iter().enumerate() {
            let same = left.iter().position(|other| segment.is_same(other));
            // A network that was renumbered is the one at the same place, where the router has but one.
            let only = || (number == 0 && self.segments.len() == 1 && left.len() == 1).then_some(0);
            let twin = same.or_else(only).map(|at| left.remove(at));
            compare(segment, twin.unwrap_or(&nothing), &mut changes);
        }
        for segment in left {
            compare(&nothing, segment, &mut changes);
        }
        changes
    }
}

fn compare(before: &Segment, now: &Segment, changes: &mut Vec<Change>) {
    let known = if *before == Segment::default() { now } else { before };
    let mut list = List { segment: known.called(), changes };
    list.set("name", before.name.as_slice(), now.name.as_slice());
    list.set("VLAN", before.vlan.as_slice(), now.vlan.as_slice());
    list.set("subnet", &before.subnets, &now.subnets);
    list.set("gateway", &before.gateways, &now.gateways);
    list.set("DNS server", &before.dns, &now.dns);
    for at in 0..before.dhcp.len().max(now.dhcp.len()) {
        list.server(before.dhcp.get(at), now.dhcp.get(at));
    }
}

impl Segment {
    fn called(&self) -> String {
        let subnet = self.subnets.first().map(|subnet| subnet.value.to_string());
        let range = || Some(self.dhcp.first()?.ranges.first()?.value.to_string());
        self.name.as_ref().map(|name| name.value.clone()).or(subnet).or_else(range).unwrap_or_else(|| "the LAN".into())
    }
}

struct List<'a> {
    segment: String,
    changes: &'a mut Vec<Change>,
}

impl List<'_> {
    /// Values whose order says nothing, told as one.
    fn set<T: Display>(&mut self, what: &str, before: &[Sourced<T>], now: &[Sourced<T>]) {
        let told = |facts: &[Sourced<T>]| {
            let mut texts: Vec<String> = facts.iter().map(|fact| fact.value.to_string()).collect();
            texts.sort();
            facts.first().map(|first| (texts.join(", "), first.place))
        };
        self.one(what, told(before), told(now));
    }

    fn one(&mut self, what: &str, before: Option<(String, Span)>, now: Option<(String, Span)>) {
        if before.as_ref().map(|(text, _)| text) != now.as_ref().map(|(text, _)| text) {
            self.changes.push(Change { segment: self.segment.clone(), what: what.to_owned(), before, now });
        }
    }

    fn server(&mut self, before: Option<&DhcpServer>, now: Option<&DhcpServer>) {
        let state = |server: Option<&DhcpServer>| {
            server.map(|server| (word(server.state.value).to_owned(), server.state.place))
        };
        self.one("DHCP server", state(before), state(now));
        let ranges = |server: Option<&'_ DhcpServer>| server.map(|s| s.ranges.clone()).unwrap_or_default();
        self.set("DHCP range", &ranges(before), &ranges(now));
        let holes = |server: Option<&'_ DhcpServer>| server.map(|s| s.excluded.clone()).unwrap_or_default();
        self.set("range that is never leased", &holes(before), &holes(now));
        let address = |server: Option<&DhcpServer>| server.and_then(|s| s.server.clone());
        self.set("DHCP server's address", address(before).as_slice(), address(now).as_slice());
        let lease = |server: Option<&DhcpServer>| {
            let lease = server.and_then(|server| server.lease_seconds.as_ref());
            lease.map(|lease| (format!("{} s", lease.value), lease.place))
        };
        self.one("lease time", lease(before), lease(now));
        let reservations = |server: Option<&DhcpServer>| {
            let list = server.iter().flat_map(|server| &server.reservations);
            let told = |one: &Sourced<Reservation>| (one.value.address, (one.value.owner(), one.place));
            list.map(told).collect::<BTreeMap<IpAddr, (String, Span)>>()
        };
        let (before, mut now) = (reservations(before), reservations(now));
        for (address, owner) in before {
            self.one(&format!("reservation {address}"), Some(owner), now.remove(&address));
        }
        for (address, owner) in now {
            self.one(&format!("reservation {address}"), None, Some(owner));
        }
    }
}

const fn word(state: DhcpState) -> &'static str {
    match state {
        DhcpState::On => "on",
        DhcpState::Off => "off",
        DhcpState::Relay => "a relay",
        DhcpState::StaticOnly => "for reservations only",
        DhcpState::Unknown => "not known",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::Confidence;
    use crate::facts::Completeness;
    use crate::source::SourceId;
    use crate::syntax::parse_range;

    fn said<T>(value: T) -> Sourced<T> {
        let place = Span::new(SourceId(0), 0, 1);
        Sourced { value, place, confidence: Confidence::High, origin: OriginId(0) }
    }

    fn facts(subnet: &str, ranges: &[&str], reserved: &[(&str, &str)]) -> Facts {
        let server = DhcpServer {
            state: said(DhcpState::On),
            server: None,
            ranges: ranges.iter().map(|text| said(parse_range(text).unwrap())).collect(),
            excluded: Vec::new(),
            reservations: reserved
                .iter()
                .map(|(address, name)| {
                    said(Reservation { address: address.parse().unwrap(), mac: None, name: Some((*name).to_owned()) })
                })
                .collect(),
            lease_seconds: None,
            completeness: Completeness::Full,
        };
        let segment =
            Segment { subnets: vec![said(subnet.parse().unwrap())], dhcp: vec![server], ..Segment::default() };
        Facts { segments: vec![segment], ..Facts::default() }
    }

    fn told(before: &Facts, now: &Facts) -> Vec<String> {
        before.drift(now).iter().map(|change| format!("{} {}", change.what, change.told())).collect()
    }

    #[test]
    fn what_is_the_same_in_another_order_is_the_same() {
        let a = facts("10.0.0.0/24", &["10.0.0.10-10.0.0.20", "10.0.0.30-10.0.0.40"], &[("10.0.0.5", "nas")]);
        let b = facts("10.0.0.0/24", &["10.0.0.30-10.0.0.40", "10.0.0.10-10.0.0.20"], &[("10.0.0.5", "nas")]);
        assert!(told(&a, &b).is_empty());
    }

    #[test]
    fn each_difference_is_told_once() {
        let a = facts("10.0.0.0/24", &["10.0.0.10-10.0.0.20"], &[("10.0.0.5", "nas"), ("10.0.0.6", "tv")]);
        let b = facts("10.0.0.0/24", &["10.0.0.10-10.0.0.99"], &[("10.0.0.5", "phone"), ("10.0.0.7", "tv")]);
        assert_eq!(
            told(&a, &b),
            [
                "DHCP range was 10.0.0.10-10.0.0.20, is 10.0.0.10-10.0.0.99",
                "reservation 10.0.0.5 was nas, is phone",
                "reservation 10.0.0.6 was tv, is not there any more",
                "reservation 10.0.0.7 is new: tv",
            ]
        );
        let renumbered = facts("10.9.0.0/24", &["10.9.0.10-10.9.0.20"], &[]);
        assert_eq!(told(&a, &renumbered)[0], "subnet was 10.0.0.0/24, is 10.9.0.0/24");
        assert_eq!(told(&Facts::default(), &a).len(), 5);
    }
}
