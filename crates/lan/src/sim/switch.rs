//! The switch, its clock and its ports.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use super::Host;
use crate::error::Result;
use crate::link::{Link, Received};
use crate::time::Timestamp;
use crate::wire::{MacAddr, Payload, arp, compose, dissect, ndp};

/// What the switch does to every delivery.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// Share of deliveries that are lost, 0 to 1: each receiver and each direction on its own.
    pub loss: f64,
    /// Share of deliveries that arrive twice.
    pub duplication: f64,
    /// How long a delivery takes, drawn evenly: a wide range reorders.
    pub delay: RangeInclusive<Duration>,
}

impl Default for Conditions {
    /// A quiet wired LAN.
    fn default() -> Self {
        Self { loss: 0.0, duplication: 0.0, delay: Duration::from_micros(10)..=Duration::from_micros(60) }
    }
}

/// A limit on the ARP and Neighbor Discovery frames that a port may send: beyond it they are dropped.
#[derive(Debug, Clone, Copy)]
pub struct Policer {
    /// Frames a second.
    pub rate: f64,
    /// Frames that may come at once after a silence.
    pub burst: f64,
}

/// A frame that a port sent, whether or not it got through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub port: usize,
    /// The frame.
    pub frame: Vec<u8>,
}

enum Event {
    /// A port's frame reaches a host.
    ToHost(usize, Rc<[u8]>),
    /// A host's frame comes to the switch.
    FromHost(Rc<[u8]>),
    /// A frame reaches a port.
    ToPort(usize, Rc<[u8]>),
}

struct Port {
    mac: MacAddr,
    inbox: Vec<Received>,
    policer: Option<(Policer, f64, Timestamp)>,
}

struct Inner {
    now: Timestamp,
    random: fastrand::Rng,
    conditions: Conditions,
    hosts: Vec<Host>,
    /// Hosts by what they own, so that a frame for one address costs nothing at the others.
    owners: BTreeMap<IpAddr, Vec<usize>>,
    proxies: Vec<usize>,
    ports: Vec<Port>,
    queue: BinaryHeap<Reverse<(Timestamp, u64)>>,
    events: BTreeMap<u64, Event>,
    numbered: u64,
    sent: Vec<Sent>,
    learned: Vec<(MacAddr, IpAddr, MacAddr)>,
}

/// A LAN. Clones are handles of the same one.
#[derive(Clone)]
pub struct Lan(Rc<RefCell<Inner>>);

impl Lan {
    /// An empty LAN.
    pub fn new(seed: u64, conditions: Conditions) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            now: Timestamp::ZERO,
            random: fastrand::Rng::with_seed(seed),
            conditions,
            hosts: Vec::new(),
            owners: BTreeMap::new(),
            proxies: Vec::new(),
            ports: Vec::new(),
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            numbered: 0,
            sent: Vec::new(),
            learned: Vec::new(),
        })))
    }

    /// Adds a host.
    pub fn add(&self, host: Host) {
        let mut inner = self.0.borrow_mut();
        let at = inner.hosts.len();
        for address in &host.addresses {
            inner.owners.entry(*address).or_default().push(at);
        }
        if host.proxies.is_some() {
            inner.proxies.push(at);
        }
        inner.hosts.push(host);
    }

    /// Adds a port with this hardware address.
    pub fn attach(&self, mac: MacAddr) -> SimLink {
        let mut inner = self.0.borrow_mut();
        inner.ports.push(Port { mac, inbox: Vec::new(), policer: None });
        SimLink { lan: self.clone(), port: inner.ports.len() - 1, mac }
    }

    /// Limits what a port may send.
    pub fn police(&self, port: &SimLink, policer: Policer) {
        let mut inner = self.0.borrow_mut();
        let now = inner.now;
        inner.ports[port.port].policer = Some((policer, policer.burst, now));
    }

    /// Changes what happens to deliveries from now on.
    pub fn set_conditions(&self, conditions: Conditions) {
        self.0.borrow_mut().conditions = conditions;
    }

    /// Lets a machine announce an address to everyone at a moment to come.
    pub fn announce(&self, at: Timestamp, mac: MacAddr, address: IpAddr) {
        let frame = match address {
            IpAddr::V4(address) => compose::arp(MacAddr::BROADCAST, &arp::Repr::announcement(mac, address)),
            IpAddr::V6(target) => compose::ndp_announcement(mac, target, true),
        };
        self.inject(at, frame);
    }

    /// Puts any frame on the LAN at a moment to come, as if a machine sent it that is no port.
    pub fn inject(&self, at: Timestamp, frame: Vec<u8>) {
        self.0.borrow_mut().schedule(at, Event::FromHost(frame.into()));
    }

    /// What the clock shows.
    pub fn now(&self) -> Timestamp {
        self.0.borrow().now
    }

    /// When the next thing happens, if anything is under way.
    pub fn next_event(&self) -> Option<Timestamp> {
        self.0.borrow().queue.peek().map(|Reverse((at, _))| *at)
    }

    /// Lets everything happen up to a moment, and sets the clock there.
    pub fn advance_to(&self, until: Timestamp) {
        let mut inner = self.0.borrow_mut();
        while inner.step(until) {}
        inner.now = inner.now.max(until);
    }

    /// All frames that ports sent, in order.
    pub fn sent(&self) -> Vec<Sent> {
        self.0.borrow().sent.clone()
    }

    /// What neighbour caches learned from ports: (host, address, hardware address).
    pub fn learned(&self) -> Vec<(MacAddr, IpAddr, MacAddr)> {
        self.0.borrow().learned.clone()
    }
}

impl Inner {
    fn schedule(&mut self, at: Timestamp, event: Event) {
        self.numbered += 1;
        self.queue.push(Reverse((at, self.numbered)));
        self.events.insert(self.numbered, event);
    }

    /// One delivery under the conditions: lost, once, or twice.
    fn deliver(&mut self, event: impl Fn() -> Event) {
        if self.random.f64() < self.conditions.loss {
            return;
        }
        let copies = if self.random.f64() < self.conditions.duplication { 2 } else { 1 };
        for _ in 0..copies {
            let delay = draw(&mut self.random, &self.conditions.delay.clone());
            self.schedule(self.now + delay, event());
        }
    }

    fn passes(&mut self, port: usize, frame: &[u8]) -> bool {
        let now = self.now;
        let Some((policer, tokens, since)) = self.ports[port].policer.as_mut() else { return true };
        if !matches!(frame.get(12..14), Some([0x08, 0x06] | [0x86, 0xdd])) {
            return true;
        }
        *tokens = (*tokens + now.since(*since).as_secs_f64() * policer.rate).min(policer.burst);
        *since = now;
        let passes = *tokens >= 1.0;
        if passes {
            *tokens -= 1.0;
        }
        passes
    }

    fn send(&mut self, port: usize, frame: &[u8]) {
        self.sent.push(Sent { at: self.now, port, frame: frame.to_vec() });
        if !self.passes(port, frame) {
            return;
        }
        let frame: Rc<[u8]> = frame.into();
        let owners = |address: IpAddr| self.owners.get(&address).cloned().unwrap_or_default();
        let mut hosts = match dissect(&frame).map(|found| found.payload) {
            Ok(Payload::Arp(packet)) => owners(packet.target_ip.into()),
            Ok(Payload::Ndp(_, ndp::Repr::NeighborSolicitation { target, .. })) => owners(target.into()),
            Ok(Payload::Mdns(..)) => (0..self.hosts.len()).filter(|at| self.hosts[*at].name.is_some()).collect(),
            _ => Vec::new(),
        };
        hosts.extend(self.proxies.iter().filter(|at| !hosts.contains(at)).copied().collect::<Vec<_>>());
        for host in hosts {
            self.deliver(|| Event::ToHost(host, Rc::clone(&frame)));
        }
        self.flood(&frame, Some(port));
    }

    /// To the port it is for, or to all but the one it came from.
    fn flood(&mut self, frame: &Rc<[u8]>, except: Option<usize>) {
        let mut destination = MacAddr::ZERO;
        if let Some(octets) = frame.get(..6) {
            destination.0.copy_from_slice(octets);
        }
        for port in 0..self.ports.len() {
            let heard = destination.is_multicast() || destination == self.ports[port].mac;
            if heard && Some(port) != except {
                self.deliver(|| Event::ToPort(port, Rc::clone(frame)));
            }
        }
    }

    /// Lets the next thing happen if it is due by then.
    fn step(&mut self, until: Timestamp) -> bool {
        if self.queue.peek().is_none_or(|Reverse((at, _))| *at > until) {
            return false;
        }
        let Some(Reverse((at, number))) = self.queue.pop() else { return false };
        self.now = self.now.max(at);
        match self.events.remove(&number) {
            Some(Event::ToHost(host, frame)) => self.host_hears(host, &frame),
            Some(Event::FromHost(frame)) => self.flood(&frame, None),
            Some(Event::ToPort(port, frame)) => {
                self.ports[port].inbox.push(Received { at: self.now, frame: frame.to_vec() });
            }
            None => {}
        }
        true
    }

    fn host_hears(&mut self, host: usize, frame: &[u8]) {
        let Ok(question) = dissect(frame) else { return };
        let host = &self.hosts[host];
        if let Some((address, mac)) = host.learns(&question) {
            self.learned.push((host.mac, address, mac));
        }
        if let Some(answer) = host.answer(&question) {
            let delay = draw(&mut self.random, &host.answers_after.clone());
            self.schedule(self.now + delay, Event::FromHost(answer.into()));
        }
    }
}

fn draw(random: &mut fastrand::Rng, range: &RangeInclusive<Duration>) -> Duration {
    let nanos = |duration: &Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(random.u64(nanos(range.start())..=nanos(range.end()).max(nanos(range.start()))))
}

/// A port of a [`Lan`].
pub struct SimLink {
    lan: Lan,
    port: usize,
    mac: MacAddr,
}

impl Link for SimLink {
    fn mac(&self) -> MacAddr {
        self.mac
    }

    fn mtu(&self) -> usize {
        1500
    }

    fn now(&self) -> Timestamp {
        self.lan.now()
    }

    /// The switch floods groups to every port.
    fn join(&mut self, _group: MacAddr) -> Result<()> {
        Ok(())
    }

    fn send(&mut self, frames: &[Vec<u8>]) -> Result<usize> {
        let mut inner = self.lan.0.borrow_mut();
        for frame in frames {
            inner.send(self.port, frame);
        }
        Ok(frames.len())
    }

    fn receive(&mut self, until: Timestamp, frames: &mut Vec<Received>) -> Result<()> {
        let mut inner = self.lan.0.borrow_mut();
        while inner.ports[self.port].inbox.is_empty() && inner.step(until) {}
        if inner.ports[self.port].inbox.is_empty() {
            inner.now = inner.now.max(until);
        }
        frames.append(&mut inner.ports[self.port].inbox);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCANNER: MacAddr = MacAddr([2, 0x5c, 0, 0, 0, 1]);
    const OWNER: MacAddr = MacAddr([2, 2, 0, 0, 0, 9]);

    fn ask(link: &mut SimLink, until: u64) -> Vec<Received> {
        let probe = arp::Repr::probe(SCANNER, [10, 0, 0, 9].into());
        link.send(&[compose::arp(MacAddr::BROADCAST, &probe)]).unwrap();
        let mut heard = Vec::new();
        while link.now() < Timestamp::from_millis(until) {
            link.receive(Timestamp::from_millis(until), &mut heard).unwrap();
        }
        heard
    }

    #[test]
    fn a_late_host_answers_late() {
        let lan = Lan::new(1, Conditions::default());
        let host = Host::new(OWNER, [IpAddr::from([10, 0, 0, 9])]);
        lan.add(host.late(Duration::from_millis(200), Duration::from_millis(200)));
        let heard = ask(&mut lan.attach(SCANNER), 1000);
        assert_eq!(heard.len(), 1);
        assert!(heard[0].at > Timestamp::from_millis(200) && heard[0].at < Timestamp::from_millis(201));
        assert!(lan.learned().is_empty(), "a probe teaches nothing");
    }

    #[test]
    fn the_same_seed_is_the_same_run() {
        let run = |seed| {
            let lan = Lan::new(seed, Conditions { loss: 0.3, duplication: 0.2, ..Conditions::default() });
            lan.add(Host::new(OWNER, [IpAddr::from([10, 0, 0, 9])]));
            let mut link = lan.attach(SCANNER);
            (1..20).map(|n| ask(&mut link, n * 10).iter().map(|r| r.at).collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn a_policer_lets_a_burst_and_then_its_rate_through() {
        let lan = Lan::new(1, Conditions::default());
        lan.add(Host::new(OWNER, [IpAddr::from([10, 0, 0, 9])]));
        let mut link = lan.attach(SCANNER);
        lan.police(&link, Policer { rate: 10.0, burst: 5.0 });
        let answers: usize = (1..=1000).map(|n| ask(&mut link, n).len()).sum();
        assert!((14..=16).contains(&answers), "{answers}");
    }
}
