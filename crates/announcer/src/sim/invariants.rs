//! What must hold at every moment, judged from outside.
//!
//! | name | promise |
//! |---|---|
//! | `two-owners` | two nodes that hear each other both answer for an address for at most 2 × `dead`; 4 × where messages are filtered |
//! | `no-owner` | after any single fault an address has an owner again within `dead` + 4 × `beat`, after anything within 2.5 s |
//! | `taken-in-use` | no address is taken while somebody answers for it |
//! | `speaks-for-others` | no frame claims an address that its sender does not own |
//! | `speaks-after-sleep` | who stood still claims nothing before it has heard the segment again |
//! | `announces-too-much` | three rounds for each change of owner, under the cap |
//! | `not-announced` | a new owner announces within 10 ms |
//! | `not-answered` | an owner answers within 50 ms |
//! | `moved-without-need` | an address whose owner is well stays where it is |
//! | `conflict-not-reported` | a foreign claim to an owned address is reported within 1 s |
//! | `apart` | 5 s after all is quiet, the addresses that go together are where the first is |
//! | `cache-wrong` | 5 s after all is quiet, clients' neighbour caches point to the owner |

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use poolcheck_lan::Timestamp;
use poolcheck_lan::wire::{MacAddr, Payload, arp, dissect, ndp};

use super::actors::Entry;
use super::network::Network;
use super::scenario::{Fault, Scenario};
use crate::conflict::{How, claim};
use crate::event::{Action, Event, What};
use crate::liveness::is_message;
use crate::settings::{Announcing, Timing};

/// Time to settle after anything that is not one plain fault.
const SETTLE: Duration = Duration::from_millis(2500);
/// Until when an address that somebody used may stay without owner: probes are repeated every 30 s.
const USED: Duration = Duration::from_secs(32);
const QUIET: Duration = Duration::from_secs(5);

/// The names of the promises.
pub const NAMES: [&str; 12] = [
    "two-owners",
    "no-owner",
    "taken-in-use",
    "speaks-for-others",
    "speaks-after-sleep",
    "announces-too-much",
    "not-announced",
    "not-answered",
    "moved-without-need",
    "conflict-not-reported",
    "apart",
    "cache-wrong",
];

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: Timestamp,
    /// Its name in the table above.
    pub name: &'static str,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} at {:.3} s", self.name, self.what, self.at.as_secs_f64())
    }
}

/// What is known of a node from outside.
#[derive(Debug)]
struct Facts {
    running: bool,
    frozen: bool,
    slow: bool,
    up: bool,
    leaving: bool,
    /// Since when none of the above is amiss.
    well: Timestamp,
    beat: Timestamp,
    /// It stood still until then, and has not heard the segment since.
    asleep: Option<Timestamp>,
    owns: Vec<bool>,
    /// Announcement frames it may still send for each address.
    credit: Vec<u32>,
    announced: VecDeque<Timestamp>,
    unannounced: Vec<Option<Timestamp>>,
    unanswered: Vec<Option<Timestamp>>,
    unreported: Vec<Option<Timestamp>>,
    reported: Vec<Timestamp>,
    foreign: Vec<Timestamp>,
    probing: Vec<Timestamp>,
    ready: Vec<bool>,
}

/// Watches a run.
pub(super) struct Checker {
    names: Vec<String>,
    index: BTreeMap<IpAddr, usize>,
    addresses: Vec<IpAddr>,
    timing: Timing,
    announcing: Announcing,
    nodes: Vec<Facts>,
    changed: Timestamp,
    /// When something changed before that, and whether the latest change was one plain fault.
    quiet_before: Timestamp,
    plain: bool,
    paths_changed: Timestamp,
    lopsided: Timestamp,
    moving: Vec<Timestamp>,
    used: Vec<Timestamp>,
    dual: Vec<Option<Timestamp>>,
    owner: Vec<Option<usize>>,
    sole: Vec<Timestamp>,
    lossless: bool,
    /// Whether all others follow the first address.
    together: bool,
    /// Nodes must find out by what else they hear of each other.
    muted: bool,
    violation: Option<Violation>,
}

impl Checker {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let count = scenario.addresses.len();
        let facts = |_| Facts {
            running: false,
            frozen: false,
            slow: false,
            up: true,
            leaving: false,
            well: Timestamp::ZERO,
            beat: Timestamp::ZERO,
            asleep: None,
            owns: vec![false; count],
            credit: vec![0; count],
            announced: VecDeque::new(),
            unannounced: vec![None; count],
            unanswered: vec![None; count],
            unreported: vec![None; count],
            reported: vec![Timestamp::ZERO; count],
            foreign: vec![Timestamp::ZERO; count],
            probing: vec![Timestamp::ZERO; count],
            ready: vec![true; count],
        };
        Self {
            names: scenario.nodes.clone(),
            index: scenario.addresses.iter().enumerate().map(|(at, address)| (*address, at)).collect(),
            addresses: scenario.addresses.clone(),
            timing: scenario.timing,
            announcing: scenario.announcing,
            nodes: scenario.nodes.iter().map(facts).collect(),
            changed: Timestamp::ZERO,
            quiet_before: Timestamp::ZERO,
            plain: false,
            paths_changed: Timestamp::ZERO,
            lopsided: Timestamp::ZERO,
            moving: vec![Timestamp::ZERO; count],
            used: vec![Timestamp::ZERO; count],
            dual: vec![None; count],
            owner: vec![None; count],
            sole: vec![Timestamp::ZERO; count],
            lossless: scenario.conditions.loss == 0.0,
            together: scenario.together,
            muted: false,
            violation: None,
        }
    }

    pub(super) fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    fn violate(&mut self, at: Timestamp, name: &'static str, what: String) {
        self.violation.get_or_insert(Violation { at, name, what });
    }

    fn is_well(&self, node: usize) -> bool {
        let facts = &self.nodes[node];
        facts.running && !facts.frozen && !facts.slow && facts.up && !facts.leaving
    }

    /// Those who own an address and are well.
    fn owners(&self, at: usize) -> Vec<usize> {
        (0..self.nodes.len()).filter(|node| self.nodes[*node].owns[at] && self.is_well(*node)).collect()
    }

    /// Whether somebody who is no node uses an address, or did lately.
    pub(super) fn used(&mut self, now: Timestamp, address: IpAddr, present: bool) {
        if let Some(at) = self.index.get(&address) {
            self.used[*at] = if present { Timestamp::FAR_FUTURE } else { now + USED };
        }
    }

    pub(super) fn started(&mut self, now: Timestamp, node: usize) {
        let facts = &mut self.nodes[node];
        (facts.running, facts.leaving, facts.well, facts.asleep) = (true, false, now, None);
        facts.owns.fill(false);
        facts.credit.fill(0);
        self.change(now, false);
    }

    fn change(&mut self, now: Timestamp, plain: bool) {
        if now > self.changed {
            self.quiet_before = self.changed;
        }
        (self.changed, self.plain) = (now, plain);
    }

    pub(super) fn fault(&mut self, now: Timestamp, fault: &Fault) {
        let plain = matches!(fault, Fault::Crash(_) | Fault::Kill(_) | Fault::Freeze(_) | Fault::LinkDown(_));
        self.change(now, plain);
        match fault {
            Fault::Crash(node) | Fault::Kill(node) | Fault::Restart(node) => {
                let facts = &mut self.nodes[*node];
                (facts.running, facts.frozen, facts.asleep, facts.well) = (false, false, None, now);
                facts.owns.fill(false);
                facts.unannounced.fill(None);
            }
            Fault::Freeze(node) => self.nodes[*node].frozen = true,
            Fault::Thaw(node) => {
                let facts = &mut self.nodes[*node];
                let long = now.since(facts.beat) > self.timing.dead;
                if facts.frozen && facts.running && long {
                    facts.asleep = Some(now);
                }
                (facts.frozen, facts.well) = (false, now);
            }
            Fault::Slow(node, delay) => {
                (self.nodes[*node].slow, self.nodes[*node].well) = (!delay.is_zero(), now);
            }
            Fault::LinkDown(node) => {
                self.nodes[*node].up = false;
                self.paths_changed = now;
            }
            Fault::LinkUp(node) => {
                (self.nodes[*node].up, self.nodes[*node].well) = (true, now);
                self.paths_changed = now;
            }
            Fault::Split(_) | Fault::OneWay(..) | Fault::Heal => self.paths_changed = now,
            Fault::NewMac(node) => self.nodes[*node].well = now,
            Fault::Drain(node) => self.nodes[*node].leaving = true,
            Fault::Ready(node, address, ready) => {
                self.nodes[*node].ready[*address] = *ready;
                self.moving[*address] = now;
            }
            // What follows is handed over by way of the first.
            Fault::HandOver(_) if self.together => self.moving.fill(now),
            Fault::HandOver(address) => self.moving[*address] = now,
            Fault::Mute(_) => self.muted = true,
            Fault::Unmute(_) => self.muted = false,
            Fault::Squat(_) | Fault::Unsquat(_) | Fault::Phone { .. } | Fault::Replay(_) => {}
        }
        for facts in &mut self.nodes {
            facts.unanswered.fill(None);
            facts.unreported.fill(None);
        }
        self.dual.fill(None);
    }

    /// When a node went on that has not heard the segment since.
    pub(super) fn woke(&self, node: usize) -> Option<Timestamp> {
        self.nodes[node].asleep
    }

    /// A node handled a frame from this port; `fresh`: it came after the node went on.
    pub(super) fn heard(&mut self, now: Timestamp, node: usize, from: usize, frame: &[u8], fresh: bool) {
        let peer = from < self.nodes.len();
        if is_message(frame) {
            if peer && fresh {
                self.nodes[node].asleep = None;
            }
            return;
        }
        let Ok(frame) = dissect(frame) else { return };
        if peer {
            return;
        }
        if let Some(claim) = claim(&frame)
            && let Some(at) = self.index.get(&claim.address).copied()
        {
            let facts = &mut self.nodes[node];
            if claim.how == How::Claims {
                facts.foreign[at] = now;
                if facts.owns[at] && now.since(facts.reported[at]) > Duration::from_secs(1) {
                    facts.unreported[at].get_or_insert(now);
                }
            }
        }
        let asked = match &frame.payload {
            Payload::Arp(packet) if packet.operation == arp::Operation::Request => IpAddr::V4(packet.target_ip),
            Payload::Ndp(_, ndp::Repr::NeighborSolicitation { target, .. }) => IpAddr::V6(*target),
            _ => return,
        };
        if let Some(at) = self.index.get(&asked).copied()
            && self.nodes[node].owns[at]
            && claim(&frame).is_none_or(|claim| claim.address != asked)
        {
            self.nodes[node].unanswered[at].get_or_insert(now);
        }
    }

    /// A node sends a frame.
    pub(super) fn sent(&mut self, now: Timestamp, node: usize, frame: &[u8]) {
        if is_message(frame) {
            if frame.get(18) == Some(&1) {
                self.nodes[node].beat = now;
            }
            return;
        }
        let Ok(dissected) = dissect(frame) else { return };
        let Some(claim) = claim(&dissected).filter(|claim| claim.how == How::Claims) else { return };
        let (name, address) = (self.names[node].clone(), claim.address);
        let Some(at) = self.index.get(&address).copied() else {
            return self.violate(now, "speaks-for-others", format!("{name} claims {address}"));
        };
        if !self.nodes[node].owns[at] {
            return self.violate(now, "speaks-for-others", format!("{name} claims {address} without owning it"));
        }
        if let Some(since) = self.nodes[node].asleep
            && now.since(since) < self.timing.dead
        {
            return self.violate(now, "speaks-after-sleep", format!("{name} claims {address} though it stood still"));
        }
        self.nodes[node].unanswered[at] = None;
        let announces = match &dissected.payload {
            Payload::Arp(packet) => packet.kind() == arp::Kind::Announcement,
            // The answer to another's probe goes to all nodes, too.
            Payload::Ndp(header, ndp::Repr::NeighborAdvertisement { solicited: false, .. }) => {
                header.destination.is_multicast()
            }
            _ => false,
        };
        if announces {
            self.announced(now, node, at);
        }
    }

    fn announced(&mut self, now: Timestamp, node: usize, at: usize) {
        let limit = (self.announcing.max_pps + self.announcing.burst + 2) as usize;
        let facts = &mut self.nodes[node];
        facts.unannounced[at] = None;
        facts.announced.push_back(now);
        while facts.announced.front().is_some_and(|first| now.since(*first) >= Duration::from_millis(980)) {
            facts.announced.pop_front();
        }
        let (count, credit) = (facts.announced.len(), facts.credit[at]);
        facts.credit[at] = credit.saturating_sub(1);
        let (name, address) = (&self.names[node], self.addresses[at]);
        if count > limit {
            let what = format!("{name} sends {count} announcements within a second");
            self.violate(now, "announces-too-much", what);
        } else if credit == 0 {
            let what = format!("{name} announces {address} more often than it changed");
            self.violate(now, "announces-too-much", what);
        }
    }

    /// A node reports something.
    pub(super) fn event(&mut self, now: Timestamp, node: usize, event: &Event) {
        let index = |address: &IpAddr| self.index.get(address).copied();
        match &event.what {
            What::Probing { address } => {
                if let Some(at) = index(address) {
                    self.nodes[node].probing[at] = now;
                }
            }
            What::Owned { address, cause } => {
                let Some(at) = index(address) else { return };
                let facts = &mut self.nodes[node];
                facts.credit[at] += 6;
                facts.unannounced[at] = Some(now);
                let heard = *cause == crate::event::Cause::Probed && facts.foreign[at] >= facts.probing[at];
                let free = self.used[at] == Timestamp::FAR_FUTURE && self.owner[at].is_none();
                let straight =
                    self.paths_changed == Timestamp::ZERO || now.since(self.paths_changed) > Duration::from_secs(1);
                let lately =
                    facts.foreign[at] > Timestamp::ZERO && now.since(facts.foreign[at]) < Duration::from_secs(1);
                if heard && lately || free && lately && straight {
                    let what = format!("{} takes {address}, for which another machine answers", self.names[node]);
                    self.violate(now, "taken-in-use", what);
                }
            }
            What::Active | What::MacChanged { .. } | What::GoneUnheard { .. } => {
                let credits = self.nodes[node].credit.iter_mut();
                credits.for_each(|credit| *credit += 6);
            }
            What::Unheard { address, .. } => {
                if let Some(at) = index(address) {
                    self.nodes[node].credit[at] += 2;
                }
            }
            // One round in defence, or one for each who asks whether the address is taken (IPv6 answers those to all).
            What::Conflict { address, action, .. } => {
                if let Some(at) = index(address) {
                    let facts = &mut self.nodes[node];
                    facts.credit[at] += if *action == Action::Defend { 2 } else { 0 };
                    (facts.reported[at], facts.unreported[at]) = (now, None);
                }
            }
            What::Probed { address, .. } => {
                if let Some(at) = index(address) {
                    self.nodes[node].credit[at] += 3;
                }
            }
            What::SplitHealed { address, .. } | What::Split { address, kept: true, .. } => {
                if let Some(at) = index(address) {
                    self.nodes[node].credit[at] += 6;
                }
            }
            _ => {}
        }
    }

    /// What a node answers for after a step.
    pub(super) fn owns(&mut self, now: Timestamp, node: usize, at: usize, owns: bool) {
        if self.nodes[node].owns[at] == owns {
            return;
        }
        self.nodes[node].owns[at] = owns;
        self.nodes[node].unanswered[at] = None;
        self.nodes[node].unreported[at] = None;
        if !owns {
            self.nodes[node].unannounced[at] = None;
            let other = self.nodes.iter().position(|facts| facts.owns[at]);
            self.owner[at] = if self.owner[at] == Some(node) { other.or(Some(node)) } else { self.owner[at] };
        }
        let before = self.owner[at];
        if owns {
            self.owner[at] = Some(node);
            // Two that took it at once are one too many for a moment, and no move.
            let settled = now.since(self.sole[at]) > 2 * self.timing.dead;
            self.sole[at] = now;
            if let Some(before) = before.filter(|before| *before != node && settled) {
                self.moved(now, at, before, node);
            }
        }
    }

    /// An address moved from one node to another.
    fn moved(&mut self, now: Timestamp, at: usize, from: usize, to: usize) {
        let long = |since: Timestamp| now.since(since) > Duration::from_secs(3);
        let quiet = long(self.paths_changed) && long(self.moving[at]) && long(self.lopsided) && self.used[at] < now;
        let well = |node: usize| self.is_well(node) && long(self.nodes[node].well);
        if self.together && at > 0 && self.owner[0] == Some(to) {
            return;
        }
        if quiet && well(from) && now > Timestamp::ZERO + SETTLE {
            let what = format!("{} from {} to {}", self.addresses[at], self.names[from], self.names[to]);
            self.violate(now, "moved-without-need", what);
        }
    }

    /// Looks at all that lasts.
    pub(super) fn tick(&mut self, now: Timestamp, net: &Network, caches: &[(usize, usize, Option<Entry>)]) {
        if net.is_lopsided() {
            self.lopsided = now;
        }
        if self.together {
            self.check_together(now, net);
        }
        for at in 0..self.addresses.len() {
            self.check_owners(now, at, net);
            self.check_duties(now, at);
        }
        for (port, at, entry) in caches {
            if let Some(entry) = entry {
                self.check_cache(now, *port, *at, entry.mac, net);
            }
        }
    }

    fn check_owners(&mut self, now: Timestamp, at: usize, net: &Network) {
        let address = self.addresses[at];
        let count = self.nodes.len();
        let owners = self.owners(at);
        let pair =
            owners.iter().find_map(|a| owners.iter().find(|b| a < *b && net.connected(*a, **b)).map(|b| (*a, *b)));
        let straight = now.since(self.lopsided) > SETTLE || self.lopsided == Timestamp::ZERO;
        match pair.filter(|_| straight) {
            None => self.dual[at] = None,
            Some((a, b)) => {
                let since = *self.dual[at].get_or_insert(now);
                if now.since(since) > self.timing.dead * if self.muted { 4 } else { 2 } {
                    let (a, b) = (&self.names[a], &self.names[b]);
                    self.violate(now, "two-owners", format!("{a} and {b} both answer for {address}"));
                }
            }
        }
        if owners.len() > 1 {
            self.sole[at] = now;
        }
        let answering: Vec<usize> = (0..count)
            .filter(|node| {
                let facts = &self.nodes[*node];
                facts.owns[at] && facts.running && !facts.frozen && facts.up
            })
            .collect();
        let single = self.plain && self.changed.since(self.quiet_before) > Duration::from_secs(3);
        let budget = if single { self.timing.dead + 4 * self.timing.beat } else { SETTLE };
        if now.since(self.changed) <= budget || !straight || self.used[at] >= now {
            return;
        }
        for node in 0..count {
            let long = now.since(self.nodes[node].well) > SETTLE;
            if self.is_well(node) && long && !answering.iter().any(|owner| net.connected(node, *owner)) {
                let what = format!("{address} has no owner that {} hears", self.names[node]);
                return self.violate(now, "no-owner", what);
            }
        }
    }

    fn check_together(&mut self, now: Timestamp, net: &Network) {
        let quiet = |since: Timestamp| now.since(since) > QUIET;
        if !quiet(self.changed) || !quiet(self.lopsided) || self.muted || self.used[0] >= now {
            return;
        }
        for at in 1..self.addresses.len() {
            if self.used[at] >= now || !quiet(self.moving[at]) || !quiet(self.sole[at]) || !quiet(self.sole[0]) {
                continue;
            }
            let others = self.owners(at);
            let apart = self.owners(0).into_iter().find_map(|first| {
                let other = others.iter().find(|other| **other != first && net.connected(first, **other))?;
                self.nodes[first].ready[at].then_some((first, *other))
            });
            if let Some((first, other)) = apart {
                let (address, first, other) = (self.addresses[at], &self.names[first], &self.names[other]);
                let what = format!("{other} owns {address}, and {first} the one it follows");
                return self.violate(now, "apart", what);
            }
        }
    }

    fn check_duties(&mut self, now: Timestamp, at: usize) {
        for node in 0..self.nodes.len() {
            if !self.is_well(node) || now.since(self.nodes[node].well) < SETTLE {
                continue;
            }
            let (facts, name, address) = (&self.nodes[node], &self.names[node], self.addresses[at]);
            let late = |since: Option<Timestamp>, limit: u64| {
                since.is_some_and(|since| now.since(since) > Duration::from_millis(limit))
            };
            let (rule, what) = if late(facts.unannounced[at], 10) && self.addresses.len() < 20 {
                ("not-announced", format!("{name} owns {address} and does not announce it"))
            } else if late(facts.unanswered[at], 50) {
                ("not-answered", format!("{name} owns {address} and does not answer for it"))
            } else if late(facts.unreported[at], 1000) {
                ("conflict-not-reported", format!("{name} does not report who else claims {address}"))
            } else {
                continue;
            };
            return self.violate(now, rule, what);
        }
    }

    fn check_cache(&mut self, now: Timestamp, port: usize, at: usize, mac: MacAddr, net: &Network) {
        let quiet = |since: Timestamp| now.since(since) > QUIET;
        let Some(owner) = self.owner[at].filter(|owner| self.nodes[*owner].owns[at] && self.is_well(*owner)) else {
            return;
        };
        let all_quiet = quiet(self.changed) && quiet(self.sole[at]) && self.used[at] < now && quiet(self.lopsided);
        // Of three advertisements all may be lost; Neighbour Unreachability Detection has to find out then.
        let told = self.addresses[at].is_ipv4() || self.lossless;
        if told && all_quiet && net.connected(port, owner) && mac != net.mac(owner) {
            let what = format!("a client sends {} to {mac}; {} owns it", self.addresses[at], self.names[owner]);
            self.violate(now, "cache-wrong", what);
        }
    }
}
