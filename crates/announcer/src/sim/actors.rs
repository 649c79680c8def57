//! Everyone on the LAN who is no node: clients, squatters, a DHCP server and its phones, an attacker.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use poolcheck_lan::Timestamp;
use poolcheck_lan::sim::Host as Responder;
use poolcheck_lan::wire::arp::{Operation, Repr as Arp};
use poolcheck_lan::wire::ndp::{NdpOption, Repr as Ndp};
use poolcheck_lan::wire::{Dissected, MacAddr, Payload, compose, dissect, ipv6};

use super::network;
use crate::liveness::is_message;

/// Linux ignores another hardware address for so long after it took one (`locktime`).
const LOCKTIME: Duration = Duration::from_secs(1);
/// Linux: `base_reachable_time`, here without its jitter, and the delay before it asks again.
const REACHABLE: Duration = Duration::from_secs(35);
/// A client uses each address so often.
const USES: Duration = Duration::from_millis(250);
/// One that forgets asks so often.
const ASKS: Duration = Duration::from_millis(100);
/// A squatter's own traffic.
const CHATTER: Duration = Duration::from_millis(700);
/// Leases that a phone declines before it gives up.
const TRIES: u8 = 10;
/// How long a DHCP server waits for the answer to its ping.
const PING: Duration = Duration::from_secs(1);

/// What an actor does at a step.
#[derive(Debug, Default)]
pub(super) struct Doing {
    pub(super) frames: Vec<Vec<u8>>,
    pub(super) says: Vec<String>,
}

/// A host of one kind.
#[derive(Debug)]
pub(super) enum Actor {
    Client(Client),
    Squatter(Squatter),
    Phone(Phone),
    Attacker(Attacker),
}

impl Actor {
    pub(super) fn hear(&mut self, now: Timestamp, mac: MacAddr, frame: &[u8], doing: &mut Doing) {
        if let Self::Attacker(attacker) = self {
            attacker.hear(frame);
            return;
        }
        let Ok(frame) = dissect(frame) else { return };
        match self {
            Self::Client(client) => client.hear(now, &frame),
            Self::Squatter(squatter) => doing.frames.extend(squatter.hear(mac, &frame)),
            Self::Phone(phone) => phone.hear(now, mac, &frame, doing),
            Self::Attacker(_) => {}
        }
    }

    pub(super) fn tick(&mut self, now: Timestamp, mac: MacAddr, doing: &mut Doing) {
        match self {
            Self::Client(client) => client.tick(now, mac, doing),
            Self::Squatter(squatter) => squatter.tick(now, mac, doing),
            Self::Phone(phone) => phone.tick(now, mac, doing),
            Self::Attacker(attacker) => attacker.tick(now, doing),
        }
    }

    pub(super) fn timeout(&self) -> Timestamp {
        match self {
            Self::Client(client) => client.next,
            Self::Squatter(squatter) => squatter.next,
            Self::Phone(phone) => phone.next,
            Self::Attacker(attacker) => attacker.next,
        }
    }
}

/// A machine with Linux' neighbour cache that uses all addresses all the time.
#[derive(Debug)]
pub(super) struct Client {
    own: Ipv4Addr,
    own6: std::net::Ipv6Addr,
    addresses: Vec<IpAddr>,
    cache: BTreeMap<IpAddr, Entry>,
    /// Forgets at once, and so asks all the time.
    forgetful: bool,
    next: Timestamp,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) mac: MacAddr,
    updated: Timestamp,
    confirmed: Timestamp,
    probes: u8,
}

impl Client {
    pub(super) fn new(n: u8, addresses: Vec<IpAddr>, forgetful: bool) -> Self {
        let (own, own6) = network::client(n);
        Self { own, own6, addresses, cache: BTreeMap::new(), forgetful, next: Timestamp::ZERO }
    }

    pub(super) fn entry(&self, address: IpAddr) -> Option<Entry> {
        self.cache.get(&address).copied()
    }

    fn tick(&mut self, now: Timestamp, mac: MacAddr, doing: &mut Doing) {
        if now < self.next {
            return;
        }
        self.next = now + if self.forgetful { ASKS } else { USES };
        if self.forgetful {
            self.cache.clear();
        }
        for address in self.addresses.clone() {
            let known =
                self.cache.get_mut(&address).filter(|entry| now.since(entry.confirmed) < REACHABLE || entry.probes < 3);
            let to = known.map(|entry| {
                // Reachable: the packet goes out. Stale: the owner is asked, three times.
                let stale = now.since(entry.confirmed) >= REACHABLE;
                entry.probes += u8::from(stale);
                stale.then_some(entry.mac)
            });
            match to {
                Some(None) => {}
                Some(Some(owner)) => doing.frames.push(self.ask(mac, Some(owner), address)),
                None => {
                    self.cache.remove(&address);
                    doing.frames.push(self.ask(mac, None, address));
                }
            }
        }
    }

    fn ask(&self, mac: MacAddr, owner: Option<MacAddr>, address: IpAddr) -> Vec<u8> {
        match address {
            IpAddr::V4(target_ip) => {
                let packet = Arp::request((mac, self.own), target_ip);
                compose::arp(owner.unwrap_or(MacAddr::BROADCAST), &packet)
            }
            IpAddr::V6(target) => {
                let options = if owner.is_some() { Vec::new() } else { vec![NdpOption::SourceLinkLayer(mac)] };
                let to = owner.map_or((MacAddr::ZERO, ipv6::solicited_node(target)), |owner| (owner, target));
                compose::ndp((mac, self.own6), to, &Ndp::NeighborSolicitation { target, options })
            }
        }
    }

    /// `arp_process` and `ndisc_recv_na` of Linux, as far as caches go.
    fn hear(&mut self, now: Timestamp, frame: &Dissected) {
        match &frame.payload {
            Payload::Arp(packet) if !packet.sender_ip.is_unspecified() => {
                let address = IpAddr::V4(packet.sender_ip);
                let solicited = packet.operation == Operation::Reply && packet.target_ip == self.own;
                let Some(entry) = self.cache.get_mut(&address) else {
                    if solicited && self.addresses.contains(&address) {
                        self.learn(now, address, packet.sender_mac);
                    }
                    return;
                };
                if entry.mac == packet.sender_mac {
                    if solicited {
                        (entry.confirmed, entry.probes) = (now, 0);
                    }
                } else if now.since(entry.updated) > LOCKTIME {
                    *entry = Entry { mac: packet.sender_mac, updated: now, confirmed: now, probes: 0 };
                }
            }
            Payload::Ndp(_, message @ Ndp::NeighborAdvertisement { target, solicited, override_cache, .. }) => {
                let address = IpAddr::V6(*target);
                let Some(mac) = message.target_link_layer() else { return };
                match self.cache.get_mut(&address) {
                    None if *solicited && self.addresses.contains(&address) => self.learn(now, address, mac),
                    Some(entry) if entry.mac == mac && *solicited => (entry.confirmed, entry.probes) = (now, 0),
                    Some(entry) if entry.mac != mac && *override_cache => {
                        *entry = Entry { mac, updated: now, confirmed: now, probes: 0 };
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn learn(&mut self, now: Timestamp, address: IpAddr, mac: MacAddr) {
        self.cache.insert(address, Entry { mac, updated: now, confirmed: now, probes: 0 });
    }
}

/// A machine that has an address and neither asks nor gives way.
#[derive(Debug)]
pub(super) struct Squatter {
    pub(super) address: IpAddr,
    pub(super) present: bool,
    next: Timestamp,
}

impl Squatter {
    pub(super) const fn new(now: Timestamp, address: IpAddr) -> Self {
        Self { address, present: true, next: now }
    }

    /// Speaks to its router now and then, from its address.
    fn tick(&mut self, now: Timestamp, mac: MacAddr, doing: &mut Doing) {
        if now < self.next || !self.present {
            self.next = if self.present { self.next } else { Timestamp::FAR_FUTURE };
            return;
        }
        self.next = now + CHATTER;
        doing.frames.push(match self.address {
            IpAddr::V4(sender_ip) => compose::arp(MacAddr::BROADCAST, &Arp::request((mac, sender_ip), network::ROUTER)),
            IpAddr::V6(target) => compose::ndp_announcement(mac, target, true),
        });
    }

    fn hear(&self, mac: MacAddr, frame: &Dissected) -> Option<Vec<u8>> {
        self.present.then(|| Responder::new(mac, [self.address]).answer(frame))?
    }
}

/// A phone that joins, together with the DHCP server's part of the talk: the server's ping is on the wire as the question that
/// precedes it, the messages between the two are not.
#[derive(Debug)]
pub(super) struct Phone {
    careful: bool,
    tries: u8,
    trying: Ipv4Addr,
    phase: Phase,
    next: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Joining,
    Pinged,
    Probing(u8),
    Has,
    Gone,
}

impl Phone {
    pub(super) const fn new(now: Timestamp, careful: bool, leased: Ipv4Addr) -> Self {
        Self { careful, tries: 0, trying: leased, phase: Phase::Joining, next: now }
    }

    /// The address it uses, if it has one.
    pub(super) fn has(&self) -> Option<IpAddr> {
        (self.phase == Phase::Has).then_some(IpAddr::V4(self.trying))
    }

    fn tick(&mut self, now: Timestamp, mac: MacAddr, doing: &mut Doing) {
        if now < self.next {
            return;
        }
        let address = self.trying;
        match self.phase {
            Phase::Joining => {
                if self.tries == 0 {
                    doing.says.push("joins, and asks the router for an address".to_owned());
                }
                // What a router must ask before it can ping.
                let packet = Arp::request((mac, network::ROUTER), address);
                doing.frames.push(compose::arp(MacAddr::BROADCAST, &packet));
                let why = "a pool address answers ARP, not ping";
                doing.says.push(format!("the router pings {address}: no answer within 1 s ({why})"));
                (self.phase, self.next) = (Phase::Pinged, now + PING);
            }
            Phase::Pinged if self.careful => {
                doing.says.push(format!("is leased {address}, and probes it"));
                (self.phase, self.next) = (Phase::Probing(0), now + Duration::from_millis(100));
            }
            Phase::Probing(sent) if sent < 3 => {
                doing.frames.push(compose::arp(MacAddr::BROADCAST, &Arp::probe(mac, address)));
                (self.phase, self.next) = (Phase::Probing(sent + 1), now + Duration::from_millis(300));
            }
            Phase::Pinged | Phase::Probing(_) => {
                doing.says.push(format!("uses {address}"));
                doing.frames.push(compose::arp(MacAddr::BROADCAST, &Arp::announcement(mac, address)));
                (self.phase, self.next) = (Phase::Has, Timestamp::FAR_FUTURE);
            }
            Phase::Has | Phase::Gone => self.next = Timestamp::FAR_FUTURE,
        }
    }

    fn hear(&mut self, now: Timestamp, mac: MacAddr, frame: &Dissected, doing: &mut Doing) {
        let Payload::Arp(packet) = &frame.payload else { return };
        if packet.sender_mac == mac {
            return;
        }
        if matches!(self.phase, Phase::Probing(_)) && packet.sender_ip == self.trying {
            doing.says.push(format!("is told that {} is taken: declines", self.trying));
            let following = Ipv4Addr::from_bits(self.trying.to_bits().saturating_add(1));
            (self.trying, self.phase, self.next) = (following, Phase::Joining, now + Duration::from_secs(10));
            self.tries += 1;
            if self.tries == TRIES {
                self.phase = Phase::Gone;
            }
        } else if let Some(address) = self.has() {
            doing.frames.extend(Responder::new(mac, [address]).answer(frame));
        }
    }
}

/// Records a node's messages, and sends them again when the node is gone.
#[derive(Debug)]
pub(super) struct Attacker {
    victim: MacAddr,
    recorded: Vec<Vec<u8>>,
    at: usize,
    next: Timestamp,
}

impl Attacker {
    pub(super) fn new(now: Timestamp, victim: MacAddr) -> Self {
        Self { victim, recorded: Vec::new(), at: 0, next: now + Duration::from_millis(300) }
    }

    fn hear(&mut self, frame: &[u8]) {
        if is_message(frame) && frame.get(6..12) == Some(&self.victim.0) && self.recorded.len() < 200 {
            self.recorded.push(frame.to_vec());
        }
    }

    fn tick(&mut self, now: Timestamp, doing: &mut Doing) {
        if now < self.next {
            return;
        }
        self.next = now + Duration::from_millis(20);
        if !self.recorded.is_empty() {
            doing.frames.push(self.recorded[self.at % self.recorded.len()].clone());
            self.at += 1;
        }
    }
}
