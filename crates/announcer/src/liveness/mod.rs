//! Who is alive, told on the announced segment itself.
//!
//! Every node sends a small authenticated *beat* to a group. It names whom its sender heard last and with which sequence
//! number (an *echo*), so that a beat proves three things at once: its sender lives; it is younger than the echoed number of
//! ours (nothing recorded can be played back to a node that restarts); and whom else its sender hears, so that one lost
//! frame, or one bad path, kills nobody. A node that was not heard for [`Timing::suspect`] is asked (`Poke`), and is dead
//! after [`Timing::dead`].
//!
//! Moments are this node's own. No message carries a time.

mod key;
mod message;
mod roster;
mod window;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use poolcheck_lan::Timestamp;
use poolcheck_lan::wire::MacAddr;

pub use key::Key;
pub(crate) use message::{
    Body, DRAINING, Echo, LEAVING, LISTENING, Listing, MAX_PEERS, Message, Refused, Taker, is_message,
};
pub use message::{ETHERTYPE, GROUP, NodeId};
#[cfg(target_os = "linux")]
pub(crate) use message::{PLAIN_BEAT, URGENT};
#[cfg(feature = "sim")]
pub(crate) use message::{is_plain_beat, sealed};
pub(crate) use roster::{OwnRoster, PeerRoster};
use window::Window;

use crate::settings::Timing;

/// An echo of a number sent longer ago proves nothing.
const FRESH: Duration = Duration::from_secs(2);
/// Incarnations of a peer that ended, so that their last words cannot be repeated.
const RETIRED: usize = 8;

/// Another node.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Empty until its roster came.
    pub(crate) name: String,
    pub(crate) mac: MacAddr,
    pub(crate) alive: bool,
    /// Since when it is alive or dead.
    pub(crate) since: Timestamp,
    /// Its latest sign of life, direct or told by another.
    pub(crate) seen: Timestamp,
    /// Its latest own word.
    pub(crate) heard: Timestamp,
    /// Its latest own beat: those alone say whom it hears.
    pub(crate) beaten: Timestamp,
    /// When the latest of our messages left that it has heard.
    pub(crate) hears_me: Timestamp,
    pub(crate) flags: u8,
    /// This life of it has said goodbye.
    left: bool,
    /// Its coming was reported, with its name.
    introduced: bool,
    pub(crate) roster: PeerRoster,
    incarnation: u64,
    retired: VecDeque<u64>,
    window: Window,
    /// The highest number known, also from others' echoes.
    known: u64,
    /// The roster version that it speaks of, in which of its messages, and since when we lack it.
    version: u32,
    version_at: u64,
    lacking: Option<Timestamp>,
    poked: Timestamp,
    asked: Timestamp,
}

impl Peer {
    /// Whether its roster is the one its beats speak of.
    pub(crate) fn in_step(&self) -> bool {
        self.version != 0 && self.version == self.roster.version()
    }

    /// It speaks of a version of its roster. Messages are heard out of their order, not least because some beats wait: the one it
    /// said last counts.
    fn speaks_of(&mut self, at: Timestamp, sequence: u64, version: u32) {
        if sequence > self.version_at {
            (self.version, self.version_at) = (version, sequence);
        }
        self.lacking = if self.in_step() { None } else { self.lacking.or(Some(at)) };
    }

    /// Whether it has said goodbye.
    pub(crate) const fn has_left(&self) -> bool {
        self.left
    }

    /// Whether it may take addresses: alive, not about to go, not waiting, and known to us. A roster that is a moment old
    /// will do: else each of two nodes would think the other out of question while its news is on the way.
    pub(crate) fn can_act(&self) -> bool {
        self.alive && self.flags == 0 && self.roster.version() != 0
    }
}

/// What changed by a message or by time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Up(NodeId),
    /// Its first roster came, and its name with it.
    Known(NodeId),
    /// Not heard for so long; zero if it said goodbye.
    Down(NodeId, Duration),
    /// It went before it had said what it owned, since it came or came back.
    GoneUnheard(NodeId),
    /// It runs anew: all that it owned it owns no more.
    Reborn(NodeId, Duration),
    /// Its roster or its flags.
    News(NodeId),
    /// It wants our roster.
    Asks,
    /// It wants a beat.
    Pokes,
    /// Another machine speaks under our name.
    Namesake(MacAddr),
    /// It has the key, and is none of those we are to listen to.
    Unlisted(MacAddr),
    /// A new node, and no room.
    TooMany,
}

/// Whom a node knows.
#[derive(Debug)]
pub(crate) struct Members {
    me: NodeId,
    incarnation: u64,
    sequence: u64,
    timing: Timing,
    /// Who is listened to; empty: everyone.
    listed: BTreeSet<NodeId>,
    /// When our latest messages left.
    sent: VecDeque<(u64, Timestamp)>,
    peers: BTreeMap<NodeId, Peer>,
    /// Authentic but perhaps recorded: echoed, so that they can prove themselves.
    strangers: BTreeMap<NodeId, Echo>,
    /// Believes what was recorded: a fault for the simulator's own tests.
    #[cfg(feature = "sim")]
    credulous: bool,
}

impl Members {
    pub(crate) fn new(me: NodeId, incarnation: u64, timing: Timing) -> Self {
        Self {
            me,
            incarnation,
            sequence: 0,
            timing,
            listed: BTreeSet::new(),
            sent: VecDeque::new(),
            peers: BTreeMap::new(),
            strangers: BTreeMap::new(),
            #[cfg(feature = "sim")]
            credulous: false,
        }
    }

    /// Listens to these alone, if there are any.
    pub(crate) fn listen_to(&mut self, listed: impl IntoIterator<Item = NodeId>) {
        self.listed = listed.into_iter().collect();
    }

    #[cfg(feature = "sim")]
    pub(crate) fn credulous(self, credulous: bool) -> Self {
        Self { credulous, ..self }
    }

    pub(crate) fn get(&self, node: NodeId) -> Option<&Peer> {
        self.peers.get(&node)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (NodeId, &Peer)> {
        self.peers.iter().map(|(node, peer)| (*node, peer))
    }

    pub(crate) fn alive(&self) -> impl Iterator<Item = (NodeId, &Peer)> {
        self.all().filter(|(_, peer)| peer.alive)
    }

    /// The node that this hardware address was last seen with.
    pub(crate) fn with_mac(&self, mac: MacAddr) -> Option<NodeId> {
        self.all().find(|(_, peer)| peer.mac == mac).map(|(node, _)| node)
    }

    /// A message from us, numbered.
    pub(crate) fn message(&mut self, now: Timestamp, flags: u8, body: Body) -> Message {
        self.sequence += 1;
        self.sent.push_back((self.sequence, now));
        while self.sent.front().is_some_and(|(_, at)| now.since(*at) > FRESH) {
            self.sent.pop_front();
        }
        Message { from: self.me, incarnation: self.incarnation, sequence: self.sequence, flags, body }
    }

    /// A message with which this life ends, numbered behind all others: it is true whenever it is sent.
    pub(crate) fn last_message(&self, flags: u8, body: Body) -> Message {
        Message { from: self.me, incarnation: self.incarnation, sequence: u64::MAX, flags, body }
    }

    /// What a beat says of those we hear.
    pub(crate) fn echoes(&self, now: Timestamp) -> Vec<Echo> {
        let recent = self.peers.iter().filter(|(_, peer)| peer.alive && now.since(peer.heard) < FRESH);
        let known = recent.map(|(node, peer)| Echo {
            node: *node,
            incarnation: peer.incarnation,
            sequence: peer.window.highest(),
        });
        known.chain(self.strangers.values().copied()).take(MAX_PEERS).collect()
    }

    /// Hears a message that its key has proven.
    pub(crate) fn hear(&mut self, at: Timestamp, mac: MacAddr, message: &Message, out: &mut Vec<Change>) {
        let node = message.from;
        if node == self.me {
            if message.incarnation != self.incarnation {
                out.push(Change::Namesake(mac));
            }
            return;
        }
        if !self.listed.is_empty() && !self.listed.contains(&node) {
            out.push(Change::Unlisted(mac));
            return;
        }
        if !self.admit(at, mac, message, out) {
            return;
        }
        let echoes_me = self.echo_of_me(message);
        let Some(peer) = self.peers.get_mut(&node) else { return };
        if peer.left {
            // Overtaken by its goodbye.
            return;
        }
        peer.mac = mac;
        peer.known = peer.known.max(message.sequence);
        peer.seen = peer.seen.max(at);
        peer.heard = peer.heard.max(at);
        peer.hears_me = peer.hears_me.max(echoes_me);
        // Words that were overtaken on the way say nothing of how things are now.
        let newest = message.sequence == peer.window.highest();
        if newest && peer.flags != message.flags {
            peer.flags = message.flags;
            out.push(Change::News(node));
        }
        if message.flags & LEAVING != 0 {
            peer.left = true;
            let unheard = !peer.alive || !peer.introduced;
            if peer.alive {
                (peer.alive, peer.since, peer.roster) = (false, at, PeerRoster::default());
                out.push(Change::Down(node, Duration::ZERO));
            }
            out.extend(unheard.then_some(Change::GoneUnheard(node)));
            return;
        }
        if !peer.alive {
            (peer.alive, peer.since, peer.introduced) = (true, at, false);
            out.push(Change::Up(node));
        }
        match &message.body {
            Body::Beat { version, echoes } => {
                peer.beaten = peer.beaten.max(at);
                peer.speaks_of(at, message.sequence, *version);
                self.hear_echoes(at, echoes);
            }
            Body::Roster { version, base, part, parts, name, listings } => {
                peer.name.clone_from(name);
                let changed = peer.roster.hear(*version, *base, (*part, *parts), listings);
                peer.speaks_of(at, message.sequence, *version);
                if changed {
                    out.push(Change::News(node));
                    if !std::mem::replace(&mut peer.introduced, true) {
                        out.push(Change::Known(node));
                    }
                }
            }
            Body::Ask { node: asked } if *asked == self.me => out.push(Change::Asks),
            Body::Poke { node: poked } if *poked == self.me => out.push(Change::Pokes),
            Body::Ask { .. } | Body::Poke { .. } => {}
        }
    }

    /// Whether a message is neither repeated nor recorded. A new incarnation must prove itself with a fresh echo of ours.
    fn admit(&mut self, at: Timestamp, mac: MacAddr, message: &Message, out: &mut Vec<Change>) -> bool {
        if let Some(peer) = self.peers.get_mut(&message.from) {
            #[cfg(feature = "sim")]
            if self.credulous && peer.incarnation == message.incarnation {
                return true;
            }
            if peer.incarnation == message.incarnation {
                return peer.window.admit(message.sequence);
            }
            if peer.retired.contains(&message.incarnation) {
                return false;
            }
        }
        if at.since(self.echo_of_me(message)) > FRESH || self.echo_of_me(message) == Timestamp::ZERO {
            let stranger = Echo { node: message.from, incarnation: message.incarnation, sequence: message.sequence };
            if self.strangers.len() < MAX_PEERS || self.strangers.contains_key(&message.from) {
                self.strangers.insert(message.from, stranger);
            }
            return false;
        }
        self.strangers.remove(&message.from);
        let (mut retired, mut name) = (VecDeque::new(), String::new());
        if let Some(before) = self.peers.remove(&message.from) {
            (retired, name) = (before.retired, before.name);
            retired.push_back(before.incarnation);
            if retired.len() > RETIRED {
                retired.pop_front();
            }
            if before.alive {
                out.push(Change::Reborn(message.from, at.since(before.seen)));
            }
        } else if self.peers.len() >= MAX_PEERS {
            let dead = self.peers.iter().filter(|(_, peer)| !peer.alive).min_by_key(|(_, peer)| peer.since);
            let Some(oldest) = dead.map(|(node, _)| *node) else {
                out.push(Change::TooMany);
                return false;
            };
            self.peers.remove(&oldest);
        }
        let mut window = Window::default();
        window.admit(message.sequence);
        let peer = Peer {
            name,
            mac,
            alive: false,
            since: at,
            seen: at,
            heard: at,
            beaten: Timestamp::ZERO,
            hears_me: Timestamp::ZERO,
            flags: message.flags,
            left: false,
            introduced: false,
            roster: PeerRoster::default(),
            incarnation: message.incarnation,
            retired,
            window,
            known: message.sequence,
            version: 0,
            version_at: 0,
            lacking: None,
            poked: Timestamp::ZERO,
            asked: Timestamp::ZERO,
        };
        self.peers.insert(message.from, peer);
        true
    }

    /// When the message of ours left that this one echoes; zero if it echoes none that is remembered.
    fn echo_of_me(&self, message: &Message) -> Timestamp {
        let Body::Beat { echoes, .. } = &message.body else { return Timestamp::ZERO };
        let mine = |echo: &&Echo| echo.node == self.me && echo.incarnation == self.incarnation;
        let Some(echo) = echoes.iter().find(mine) else { return Timestamp::ZERO };
        let first = self.sent.front().map_or(u64::MAX, |(sequence, _)| *sequence);
        let at = echo.sequence.checked_sub(first).and_then(|at| self.sent.get(usize::try_from(at).ok()?));
        at.map_or(Timestamp::ZERO, |(_, at)| *at)
    }

    /// What another heard of a third is a sign of life.
    fn hear_echoes(&mut self, at: Timestamp, echoes: &[Echo]) {
        for echo in echoes {
            if let Some(peer) = self.peers.get_mut(&echo.node)
                && peer.alive
                && peer.incarnation == echo.incarnation
                && echo.sequence > peer.known
            {
                peer.known = echo.sequence;
                peer.seen = peer.seen.max(at);
            }
        }
    }

    /// Lets those die who were silent for too long.
    pub(crate) fn expire(&mut self, now: Timestamp, out: &mut Vec<Change>) {
        for (node, peer) in &mut self.peers {
            let silent = now.since(peer.seen);
            if peer.alive && silent > self.timing.dead {
                (peer.alive, peer.since, peer.roster) = (false, now, PeerRoster::default());
                out.push(Change::Down(*node, silent));
                out.extend((!peer.introduced).then_some(Change::GoneUnheard(*node)));
            }
        }
    }

    /// The time we stood still counts for nobody's silence.
    pub(crate) fn stood_still(&mut self, now: Timestamp) {
        for peer in self.peers.values_mut().filter(|peer| peer.alive) {
            peer.seen = peer.seen.max(now);
        }
    }

    /// Whether every node that is alive spoke since, and its roster is known.
    pub(crate) fn all_heard_since(&self, since: Timestamp) -> bool {
        self.alive().all(|(_, peer)| peer.heard >= since && peer.in_step())
    }

    /// Whom to poke or ask now.
    pub(crate) fn questions(&mut self, now: Timestamp) -> Vec<(MacAddr, Body)> {
        let (timing, mut out) = (self.timing, Vec::new());
        for (node, peer) in self.peers.iter_mut().filter(|(_, peer)| peer.alive) {
            if now >= peer.poke_at(&timing) {
                peer.poked = now;
                out.push((peer.mac, Body::Poke { node: *node }));
            }
            if peer.ask_at(&timing).is_some_and(|at| now >= at) {
                peer.asked = now;
                out.push((peer.mac, Body::Ask { node: *node }));
            }
        }
        out
    }

    /// When something is due, if nothing is heard till then.
    pub(crate) fn timeout(&self) -> Timestamp {
        let due = |peer: &Peer| {
            let asking = peer.ask_at(&self.timing).unwrap_or(Timestamp::FAR_FUTURE);
            (peer.seen + self.timing.dead + Duration::from_nanos(1)).min(peer.poke_at(&self.timing)).min(asking)
        };
        self.alive().map(|(_, peer)| due(peer)).min().unwrap_or(Timestamp::FAR_FUTURE)
    }
}

impl Peer {
    fn poke_at(&self, timing: &Timing) -> Timestamp {
        (self.seen + timing.suspect).max(self.poked + timing.beat / 3)
    }

    /// A change is mostly on its way when the beat that speaks of it comes: it is waited for a little.
    fn ask_at(&self, timing: &Timing) -> Option<Timestamp> {
        self.lacking.map(|since| (since + timing.beat / 6).max(self.asked + timing.beat / 2))
    }
}

#[cfg(test)]
mod tests;
