//! What nodes send, and questions to them.
//!
//! Questions of ARP that follow each other come from hardware addresses of their own (the client's with a number in its last
//! four octets), in the Ethernet header and in the packet: an answer says to which question it is, however late it comes.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use poolcheck_lan::link::{self, Link, Received, Wanted};
use poolcheck_lan::wire::arp::{Operation, Repr as Arp};
use poolcheck_lan::wire::ethernet::Repr as Ethernet;
use poolcheck_lan::wire::{MacAddr, Payload, compose, dissect, ipv6, mld, ndp};

use super::lan::{CLIENT, Lan};
use super::{Clock, Moment, millis};
use crate::namespace::usable;

/// The client's addresses; nobody else's, and not announced.
pub(crate) const CLIENT_V4: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 250);
pub(crate) const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x5c);

/// A frame that a node sent.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) at: Moment,
    /// Which node, by the cable it came through.
    pub(crate) node: usize,
    pub(crate) frame: Vec<u8>,
}

/// Reads where the nodes' cables meet the bridge, all the time, until it is dropped.
pub(crate) struct Recorder {
    heard: Arc<Mutex<Vec<Heard>>>,
    over: Arc<AtomicBool>,
    readers: Vec<thread::JoinHandle<()>>,
}

impl Recorder {
    pub(super) fn new(clock: Clock, ports: &[String]) -> Result<Self, String> {
        let (heard, over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let mut readers = Vec::new();
        for (node, port) in ports.iter().enumerate() {
            // A node that has no interface yet, or whose cable is pulled, is not heard by this recorder.
            let Ok(interface) = usable(port) else { continue };
            let wanted = Wanted::ARP.and(Wanted::NDP).and(Wanted::MLD);
            let mut link = link::open(&interface, wanted).map_err(|error| error.to_string())?;
            let (heard, over) = (Arc::clone(&heard), Arc::clone(&over));
            readers.push(thread::spawn(move || {
                let skew = clock.now().since(Moment::ZERO).saturating_sub(link.now().since(Moment::ZERO));
                let mut frames: Vec<Received> = Vec::new();
                while !over.load(Ordering::Acquire) {
                    if link.receive(link.now() + Duration::from_millis(20), &mut frames).is_err() {
                        // The cable is pulled; the socket lives on and hears again when it is back.
                        thread::sleep(Duration::from_millis(1));
                    }
                    let new =
                        frames.drain(..).map(|received| Heard { at: received.at + skew, node, frame: received.frame });
                    heard.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
                }
            }));
        }
        Ok(Self { heard, over, readers })
    }

    /// What was heard so far and passes, in the order of its moments.
    pub(crate) fn select(&self, wanted: impl Fn(&Heard) -> bool) -> Vec<Heard> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<Heard> = heard.iter().filter(|heard| wanted(heard)).cloned().collect();
        drop(heard);
        found.sort_by_key(|heard| heard.at);
        found
    }

    /// Everything, once what has left by now has been read.
    pub(crate) fn all(&self) -> Vec<Heard> {
        thread::sleep(Duration::from_millis(30));
        self.select(|_| true)
    }

    /// Waits until something passes, at the longest so long; gives what passes by then.
    pub(crate) fn wait(&self, longest: Duration, wanted: impl Fn(&Heard) -> bool) -> Vec<Heard> {
        let clock = Clock::new();
        loop {
            let found = self.select(&wanted);
            if !found.is_empty() || clock.now() >= Moment::ZERO + longest {
                return found;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

/// What a frame says about an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// That it is at a hardware address, to one who asked: which question's hardware address.
    Answer(IpAddr, MacAddr),
    /// That it is at a hardware address, to everyone.
    Announcement(IpAddr),
    /// Whether anyone has it, without claiming it.
    Probe(IpAddr),
}

impl Heard {
    pub(crate) fn arp(&self) -> Option<Arp> {
        match dissect(&self.frame).ok()?.payload {
            Payload::Arp(packet) => Some(packet),
            _ => None,
        }
    }

    /// A Neighbor Discovery message with its headers.
    pub(crate) fn ndp(&self) -> Option<(Ethernet, ipv6::Repr, ndp::Repr)> {
        let dissected = dissect(&self.frame).ok()?;
        match dissected.payload {
            Payload::Ndp(header, message) => Some((dissected.ethernet, header, message)),
            _ => None,
        }
    }

    /// The groups that a multicast report is about, and what it says of them.
    pub(crate) fn groups(&self) -> Vec<(Ipv6Addr, mld::RecordKind)> {
        match dissect(&self.frame).map(|dissected| dissected.payload) {
            Ok(Payload::Mld(_, mld::Repr::V2 { records })) => {
                records.iter().filter(|r| r.sources.is_empty()).map(|record| (record.group, record.kind)).collect()
            }
            Ok(Payload::Mld(_, mld::Repr::V1 { group })) => vec![(group, mld::RecordKind::ModeIsExclude)],
            Ok(Payload::Mld(_, mld::Repr::V1Done { group })) => vec![(group, mld::RecordKind::ChangeToInclude)],
            _ => Vec::new(),
        }
    }

    pub(crate) fn says(&self) -> Option<Says> {
        let dissected = dissect(&self.frame).ok()?;
        match dissected.payload {
            Payload::Arp(packet) => {
                let address = IpAddr::V4(packet.sender_ip);
                if packet.sender_ip.is_unspecified() {
                    return Some(Says::Probe(packet.target_ip.into()));
                }
                let to_all = packet.sender_ip == packet.target_ip || dissected.ethernet.destination.is_multicast();
                match packet.operation {
                    Operation::Reply if !to_all => Some(Says::Answer(address, packet.target_mac)),
                    // An ordinary question says where its sender is, too.
                    Operation::Reply | Operation::Request => Some(Says::Announcement(address)),
                    Operation::Unknown(_) => None,
                }
            }
            Payload::Ndp(header, ndp::Repr::NeighborAdvertisement { target, .. }) => {
                let to_all = header.destination.is_multicast();
                let asker = dissected.ethernet.destination;
                Some(if to_all { Says::Announcement(target.into()) } else { Says::Answer(target.into(), asker) })
            }
            Payload::Ndp(header, ndp::Repr::NeighborSolicitation { target, .. }) => {
                header.source.is_unspecified().then_some(Says::Probe(target.into()))
            }
            _ => None,
        }
    }

    /// Whether it is an unasked announcement of this address: one that claims it.
    pub(crate) fn announces(&self, address: IpAddr) -> bool {
        self.says() == Some(Says::Announcement(address))
    }

    /// Whether it answers for this address.
    pub(crate) fn answers(&self, address: IpAddr) -> bool {
        matches!(self.says(), Some(Says::Answer(found, _)) if found == address)
    }

    /// The number of the question that it answers, for this address.
    pub(crate) fn question(&self, address: IpAddr) -> Option<u32> {
        match self.says() {
            Some(Says::Answer(found, asker)) if found == address => number(asker),
            _ => None,
        }
    }

    /// In words and in bytes, for people.
    pub(crate) fn evidence(&self, lan: &Lan, since: Moment) -> String {
        let sign = if self.at < since { '-' } else { '+' };
        let away = if self.at < since { since.since(self.at) } else { self.at.since(since) };
        format!("{sign}{:.1} ms {}: {}", millis(away), lan.nodes[self.node].name, describe(&self.frame))
    }
}

/// Octets of a frame that are shown: all headers of what is looked at here.
const SHOWN: usize = 90;

/// A frame in words and in bytes.
pub(crate) fn describe(frame: &[u8]) -> String {
    let words = match dissect(frame).map(|dissected| dissected.payload) {
        Ok(Payload::Arp(packet)) => format!(
            "ARP {:?}, sender {} {}, target {} {}",
            packet.operation, packet.sender_mac, packet.sender_ip, packet.target_mac, packet.target_ip
        ),
        Ok(Payload::Ndp(header, message)) => format!("{} > {} {message:?}", header.source, header.destination),
        Ok(Payload::Mld(header, message)) => format!("{} > {} {message:?}", header.source, header.destination),
        Ok(other) => format!("{other:?}"),
        Err(error) => error.to_string(),
    };
    let mut text = words + " [";
    for byte in frame.iter().take(SHOWN) {
        let _ = write!(text, "{byte:02x}");
    }
    text + if frame.len() > SHOWN { "…]" } else { "]" }
}

/// The hardware address of a question's sender.
pub(crate) fn asker(number: u32) -> MacAddr {
    let mut mac = CLIENT;
    mac.0[2..].copy_from_slice(&number.to_be_bytes());
    mac
}

/// The number in a hardware address that [`asker`] made.
pub(crate) fn number(asker: MacAddr) -> Option<u32> {
    let [0x02, 0x5c, rest @ ..] = asker.0 else { return None };
    Some(u32::from_be_bytes(rest))
}

/// "Who has this address?", from the asker of this number, as a whole frame.
pub(crate) fn question(number: u32, address: IpAddr, destination: MacAddr) -> Vec<u8> {
    let from = asker(number);
    match address {
        IpAddr::V4(address) => compose::arp(destination, &Arp::request((from, CLIENT_V4), address)),
        IpAddr::V6(target) => {
            let options = vec![ndp::NdpOption::SourceLinkLayer(from)];
            let group = ipv6::solicited_node(target);
            let message = ndp::Repr::NeighborSolicitation { target, options };
            // An address of its own for each question: a cache would answer the address, not the question.
            compose::ndp((from, source(number)), (MacAddr::ZERO, group), &message)
        }
    }
}

/// The link-local address of a question's sender.
pub(crate) fn source(number: u32) -> Ipv6Addr {
    if number == 0 { CLIENT_V6 } else { Ipv6Addr::from_bits(CLIENT_V6.to_bits() | u128::from(number) << 32) }
}

/// A question that was asked, and who answered it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) at: Moment,
    /// Moments and nodes of all answers.
    pub(crate) answers: Vec<(Moment, usize)>,
}

impl Asked {
    /// Whether more than one node answered.
    pub(crate) fn twice(&self) -> bool {
        self.answers.iter().any(|(_, node)| *node != self.answers[0].1)
    }
}

/// Asks for one address again and again.
pub(crate) struct Asking {
    address: IpAddr,
    first: u32,
    moments: Vec<Moment>,
}

impl Asking {
    pub(crate) fn new(address: IpAddr, first: u32) -> Self {
        Self { address, first, moments: Vec::new() }
    }

    /// Asks each `every` until `over`, which is looked at after each question.
    pub(crate) fn until(
        &mut self,
        lan: &mut Lan,
        every: Duration,
        mut over: impl FnMut(&mut Lan, usize) -> Result<bool, String>,
    ) -> Result<(), String> {
        let began = lan.clock.now();
        let mut count = 0;
        loop {
            let due = began + every * count;
            count += 1;
            let now = lan.clock.now();
            thread::sleep(due.since(now));
            let number = self.first + self.moments.len() as u32;
            self.moments.push(lan.clock.now());
            let frame = question(number, self.address, MacAddr::BROADCAST);
            lan.client.send(&[frame]).map_err(|error| error.to_string())?;
            if over(lan, self.moments.len())? {
                return Ok(());
            }
        }
    }

    /// Asks for so long.
    pub(crate) fn during(&mut self, lan: &mut Lan, every: Duration, long: Duration) -> Result<(), String> {
        let end = lan.clock.now() + long;
        self.until(lan, every, |lan, _| Ok(lan.clock.now() >= end))
    }

    /// All questions with their answers.
    pub(crate) fn answered(&self, recorder: &Recorder) -> Vec<Asked> {
        let mut asked: Vec<Asked> = self.moments.iter().map(|at| Asked { at: *at, answers: Vec::new() }).collect();
        let Some(began) = self.moments.first().copied() else { return asked };
        thread::sleep(Duration::from_millis(30));
        for heard in recorder.select(|heard| heard.at >= began && heard.question(self.address).is_some()) {
            let Some(number) = heard.question(self.address) else { continue };
            let number = number.checked_sub(self.first).map(|number| number as usize);
            if let Some(question) = number.and_then(|number| asked.get_mut(number)) {
                question.answers.push((heard.at, heard.node));
            }
        }
        asked
    }
}
