//! A client that asks for one address all the time, in a thread of its own: whatever else is done meanwhile does not interrupt
//! it. What it hears has the kernel's moments, and it knows nodes by their hardware addresses.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use poolcheck_lan::link::{self, Link, Received, Wanted};
use poolcheck_lan::wire::arp::{Operation, Repr as Arp};
use poolcheck_lan::wire::{MacAddr, Payload, dissect};

use super::lan::Lan;
use super::wire::{Asked, number, question};
use super::{Clock, Moment};
use crate::namespace::usable;

/// How it asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) every: Duration,
    /// Each broadcast question is followed by one to the hardware address that the client has heard of last, as from a
    /// neighbour cache that believes every announcement.
    pub(crate) unicast: bool,
}

/// The thread.
pub(crate) struct Client {
    over: Arc<AtomicBool>,
    /// The node that answered last.
    latest: Arc<AtomicUsize>,
    thread: thread::JoinHandle<Result<Seen, String>>,
}

/// What it saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) asked: Vec<Asked>,
    pub(crate) unicast: Vec<Asked>,
    /// Announcements of any address by a node: when, which node, which address, from which hardware address.
    pub(crate) announced: Vec<(Moment, Option<usize>, Ipv4Addr, MacAddr)>,
}

impl Client {
    /// Begins to ask for this address.
    pub(crate) fn start(lan: &Lan, address: IpAddr, way: Way) -> Result<Self, String> {
        let over = Arc::new(AtomicBool::new(false));
        let latest = Arc::new(AtomicUsize::new(usize::MAX));
        let (ended, answered, clock) = (Arc::clone(&over), Arc::clone(&latest), lan.clock);
        let mut link = link::open(&usable("client")?, Wanted::ARP).map_err(|error| error.to_string())?;
        let nodes: Vec<MacAddr> = lan.nodes.iter().map(|node| node.mac).collect();
        let thread = thread::spawn(move || ask(&mut link, clock, address, way, &nodes, (&ended, &answered)));
        Ok(Self { over, latest, thread })
    }

    /// The node that answered last; `None`: none of them, or nobody yet.
    pub(crate) fn latest(&self) -> Option<usize> {
        Some(self.latest.load(Ordering::Acquire)).filter(|node| *node != usize::MAX)
    }

    /// Ends it, and gives what it saw.
    pub(crate) fn stop(self) -> Result<Seen, String> {
        self.over.store(true, Ordering::Release);
        self.thread.join().map_err(|_| "the client's thread has ended before".to_owned())?
    }
}

fn ask(
    link: &mut dyn Link,
    clock: Clock,
    address: IpAddr,
    way: Way,
    nodes: &[MacAddr],
    (over, latest): (&AtomicBool, &AtomicUsize),
) -> Result<Seen, String> {
    let skew = clock.now().since(Moment::ZERO).saturating_sub(link.now().since(Moment::ZERO));
    let mut seen = Seen::default();
    let mut frames: Vec<Received> = Vec::new();
    let mut cached = MacAddr::BROADCAST;
    let mut due = link.now();
    // Broadcast questions have even numbers, the others odd ones.
    let mut ending = false;
    loop {
        if !ending && link.now() >= due {
            let count = seen.asked.len() as u32;
            let mut batch = vec![question(2 * count, address, MacAddr::BROADCAST)];
            if way.unicast && cached != MacAddr::BROADCAST {
                // Those before it that had nobody to ask are not counted as asked.
                batch.push(question(2 * seen.unicast.len() as u32 + 1, address, cached));
            }
            let at = clock.now();
            let sent = link.send(&batch).map_err(|error| error.to_string())?;
            seen.asked.push(Asked { at, answers: Vec::new() });
            if sent > 1 {
                seen.unicast.push(Asked { at, answers: Vec::new() });
            }
            // A moment that was missed is not made up for: questions do not bunch.
            while due <= link.now() {
                due += way.every;
            }
        }
        link.receive(due, &mut frames).map_err(|error| error.to_string())?;
        for received in frames.drain(..) {
            let at = received.at + skew;
            let Some((packet, to)) = arp(&received.frame) else { continue };
            let node = nodes.iter().position(|mac| *mac == packet.sender_mac);
            let announced =
                packet.sender_ip == packet.target_ip || packet.operation == Operation::Reply && to.is_multicast();
            if announced {
                seen.announced.push((at, node, packet.sender_ip, packet.sender_mac));
            }
            if IpAddr::V4(packet.sender_ip) != address {
                continue;
            }
            cached = packet.sender_mac;
            let Some(number) = number(packet.target_mac).filter(|_| packet.operation == Operation::Reply && !announced)
            else {
                continue;
            };
            let questions = if number % 2 == 0 { &mut seen.asked } else { &mut seen.unicast };
            if let Some(question) = questions.get_mut(number as usize / 2) {
                // A hardware address that belongs to no node counts as a node of its own.
                let node = node.unwrap_or(usize::MAX);
                question.answers.push((at, node));
                latest.store(node, Ordering::Release);
            }
        }
        if ending {
            return Ok(seen);
        }
        if over.load(Ordering::Acquire) {
            // Once more: answers that are under way.
            thread::sleep(Duration::from_millis(50));
            (ending, due) = (true, link.now());
        }
    }
}

fn arp(frame: &[u8]) -> Option<(Arp, MacAddr)> {
    let dissected = dissect(frame).ok()?;
    match dissected.payload {
        Payload::Arp(packet) => Some((packet, dissected.ethernet.destination)),
        _ => None,
    }
}
