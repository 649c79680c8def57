//! Hosts that answer.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use poolcheck_plan::AddrRange;

use crate::wire::dns::{Data, HOST_TTL, HostName, Question, Record, Repr};
use crate::wire::{Dissected, MacAddr, Payload, arp, compose, ndp};

/// A machine on the LAN.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its hardware address.
    pub mac: MacAddr,
    /// What it owns.
    pub addresses: Vec<IpAddr>,
    /// How long it takes to answer, drawn evenly for each answer.
    pub answers_after: RangeInclusive<Duration>,
    /// Ignores ARP probes (sender 0.0.0.0), as some devices do, and the solicitations of Duplicate Address Detection.
    pub probe_deaf: bool,
    /// What it answers when it is asked for its name by Multicast DNS.
    pub name: Option<HostName>,
    /// Answers for these too (proxy ARP).
    pub proxies: Option<AddrRange>,
}

impl Host {
    /// A machine that answers within a fraction of a millisecond.
    pub fn new(mac: MacAddr, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let answers_after = Duration::from_micros(20)..=Duration::from_micros(800);
        let addresses = addresses.into_iter().collect();
        Self { mac, addresses, answers_after, probe_deaf: false, name: None, proxies: None }
    }

    /// The same, answering between `least` and `most` later.
    #[must_use]
    pub fn late(mut self, least: Duration, most: Duration) -> Self {
        self.answers_after = least..=most;
        self
    }

    /// The same, deaf to probes.
    #[must_use]
    pub fn probe_deaf(mut self) -> Self {
        self.probe_deaf = true;
        self
    }

    /// The same with a name; text that can be none gives none.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = HostName::new(name);
        self
    }

    /// The same, answering for a whole range.
    #[must_use]
    pub fn proxying(mut self, range: AddrRange) -> Self {
        self.proxies = Some(range);
        self
    }

    fn answers_for(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address) || self.proxies.is_some_and(|range| range.contains(address))
    }

    /// The answer to a frame, if it asks for something of this host.
    pub fn answer(&self, question: &Dissected) -> Option<Vec<u8>> {
        match &question.payload {
            Payload::Arp(packet) if packet.operation == arp::Operation::Request => {
                let deaf = self.probe_deaf && packet.kind() == arp::Kind::Probe;
                let mine = self.answers_for(packet.target_ip.into()) && packet.sender_mac != self.mac;
                (mine && !deaf && packet.kind() != arp::Kind::Announcement)
                    .then(|| compose::arp(packet.sender_mac, &arp::Repr::reply(packet, self.mac)))
            }
            Payload::Ndp(header, ndp::Repr::NeighborSolicitation { target, .. }) => {
                let asker = (question.ethernet.source, header.source);
                let deaf = self.probe_deaf && header.source.is_unspecified();
                let mine = self.answers_for((*target).into()) && !deaf;
                mine.then(|| compose::ndp_answer(self.mac, *target, asker, true))
            }
            Payload::Mdns(_, message) if !message.response => self.tells_its_name(message),
            _ => None,
        }
    }

    fn tells_its_name(&self, message: &Repr) -> Option<Vec<u8>> {
        let name = self.name.as_ref()?;
        let own = |address: &IpAddr| self.addresses.contains(address);
        let asked = message.questions.iter().filter(|question| question.name.reversed().is_some_and(|a| own(&a)));
        let record = |question: &Question| Record {
            name: question.name.clone(),
            ttl: HOST_TTL,
            data: Data::Pointer(name.clone()),
        };
        let records: Vec<Record> = asked.map(record).collect();
        let answer = Repr { id: 0, response: true, recursion: false, questions: Vec::new(), records };
        (!answer.records.is_empty()).then(|| compose::mdns((self.mac, self.addresses[0]), &answer))
    }

    /// What this host's neighbour cache learns from a frame that asks for one of its addresses.
    pub(super) fn learns(&self, question: &Dissected) -> Option<(IpAddr, MacAddr)> {
        match &question.payload {
            Payload::Arp(packet) if !packet.sender_ip.is_unspecified() => {
                self.addresses.contains(&packet.target_ip.into()).then(|| (packet.sender_ip.into(), packet.sender_mac))
            }
            Payload::Ndp(header, ndp::Repr::NeighborSolicitation { target, .. }) => (!header.source.is_unspecified()
                && self.addresses.contains(&(*target).into()))
            .then(|| (header.source.into(), question.ethernet.source)),
            _ => None,
        }
    }
}
