//! Hosts that have answered: asked again to confirm them, and to learn how well questions get through.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use crate::time::Timestamp;

/// One host is never asked more often than this.
const LEAST_GAP: Duration = Duration::from_millis(20);
/// An answer is awaited at least and at most this long before its question counts as missed.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(70), Duration::from_millis(700));

/// How often every known host is to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wanted {
    /// Repeats, after its first answer.
    pub(super) repeats: u8,
    /// Questions in all. A question before its first answer was one to a second owner, too.
    pub(super) asks: u8,
}

#[derive(Debug)]
struct Host {
    /// Questions until it answered.
    before: u8,
    /// Repeats asked.
    repeats: u8,
    patience: Duration,
    last_asked: Timestamp,
    outstanding: Option<u64>,
    given_up: Option<u64>,
}

impl Host {
    const fn had_enough(&self, wanted: Wanted) -> bool {
        self.repeats >= wanted.repeats && self.before.saturating_add(self.repeats) >= wanted.asks
    }

    fn is_slow(&self) -> bool {
        self.patience > PATIENCE.0 * 2
    }

    /// To wait for each answer of a slow host would hold up the scan: one is judged, the rest are questions only.
    fn is_judged(&self) -> bool {
        self.repeats == 0 || !self.is_slow()
    }

    fn may_be_asked(&self) -> bool {
        self.outstanding.is_none() || !self.is_judged()
    }
}

/// What an answer meant for a repeat.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The repeat asked at this moment is answered.
    InTime(u64, Timestamp),
    /// This repeat had been given up.
    Late(u64),
    /// No repeat was waiting.
    Unasked,
}

/// All hosts that answered, by the number of their address.
#[derive(Debug, Default)]
pub(super) struct Known {
    hosts: BTreeMap<usize, Host>,
    due: BinaryHeap<Reverse<(Timestamp, usize)>>,
    deadlines: BinaryHeap<Reverse<(Timestamp, usize, u64)>>,
    numbered: u64,
}

impl Known {
    pub(super) fn len(&self) -> usize {
        self.hosts.len()
    }

    pub(super) fn has(&self, at: usize) -> bool {
        self.hosts.contains_key(&at)
    }

    /// A host answered for the first time.
    pub(super) fn meet(&mut self, at: usize, before: u8, now: Timestamp, took: Duration, again_at: Timestamp) {
        let patience = (took * 2 + PATIENCE.0).min(PATIENCE.1);
        let host = Host { before, repeats: 0, patience, last_asked: now, outstanding: None, given_up: None };
        self.hosts.insert(at, host);
        self.due.push(Reverse((again_at, at)));
    }

    /// An answer came from a host met before.
    pub(super) fn answered(&mut self, at: usize, now: Timestamp) -> Answer {
        let Some(host) = self.hosts.get_mut(&at) else { return Answer::Unasked };
        if let Some(id) = host.outstanding.take() {
            return Answer::InTime(id, host.last_asked);
        }
        match host.given_up.take() {
            Some(id) => {
                host.patience = (now.since(host.last_asked) * 2 + PATIENCE.0).min(PATIENCE.1);
                Answer::Late(id)
            }
            None => Answer::Unasked,
        }
    }

    /// When the next host may be asked again that has had fewer questions than `wanted`.
    pub(super) fn next_due(&mut self, wanted: Wanted) -> Option<Timestamp> {
        while let Some(Reverse((due, at))) = self.due.peek().copied() {
            if self.hosts.get(&at).is_some_and(|host| !host.had_enough(wanted)) {
                return Some(due);
            }
            self.due.pop();
        }
        None
    }

    /// The next host that is due and has had fewer questions than `wanted`. Hosts that had enough are forgotten here until
    /// `wanted` grows ([`Known::revive`]).
    pub(super) fn take_due(&mut self, now: Timestamp, wanted: Wanted) -> Option<usize> {
        while self.next_due(wanted)? <= now {
            let Reverse((_, at)) = self.due.pop()?;
            if self.hosts.get(&at).is_some_and(Host::may_be_asked) {
                return Some(at);
            }
            self.due.push(Reverse((now + LEAST_GAP, at)));
        }
        None
    }

    /// Any host that may be asked now, going round from one behind `after`: slow ones only where there are no others.
    pub(super) fn take_any(&self, now: Timestamp, after: usize) -> Option<usize> {
        let all_slow = self.hosts.values().all(Host::is_slow);
        let rested = |(_, host): &(&usize, &Host)| {
            host.outstanding.is_none() && host.last_asked + LEAST_GAP <= now && (all_slow || !host.is_slow())
        };
        let onwards = self.hosts.range(after.saturating_add(1)..).find(rested);
        onwards.or_else(|| self.hosts.iter().find(rested)).map(|(at, _)| *at)
    }

    /// How many repeats a host has had.
    pub(super) fn repeats(&self, at: usize) -> u8 {
        self.hosts.get(&at).map_or(0, |host| host.repeats)
    }

    /// A host is asked again now; it may be asked once more `again_after` this. In a trial every question is judged.
    pub(super) fn ask(&mut self, at: usize, now: Timestamp, again_after: Duration, trial: bool) {
        let Some(host) = self.hosts.get_mut(&at) else { return };
        let judged = trial || host.is_judged();
        host.repeats = host.repeats.saturating_add(1);
        if judged {
            self.numbered += 1;
            host.last_asked = now;
            host.outstanding = Some(self.numbered);
            host.given_up = None;
            self.deadlines.push(Reverse((now + host.patience, at, self.numbered)));
        }
        self.due.push(Reverse((now + again_after.max(LEAST_GAP), at)));
    }

    /// Gives up the next question whose time is over: when it was asked, and which it was.
    pub(super) fn give_up(&mut self, now: Timestamp) -> Option<(Timestamp, u64)> {
        while let Some(Reverse((deadline, at, id))) = self.deadlines.peek().copied() {
            if deadline > now {
                return None;
            }
            self.deadlines.pop();
            if let Some(host) = self.hosts.get_mut(&at).filter(|host| host.outstanding == Some(id)) {
                host.outstanding = None;
                host.given_up = Some(id);
                return Some((host.last_asked, id));
            }
        }
        None
    }

    /// When the next question is given up.
    pub(super) fn next_deadline(&mut self) -> Option<Timestamp> {
        while let Some(Reverse((deadline, at, id))) = self.deadlines.peek().copied() {
            if self.hosts.get(&at).is_some_and(|host| host.outstanding == Some(id)) {
                return Some(deadline);
            }
            self.deadlines.pop();
        }
        None
    }

    /// Lets all hosts be asked again that had enough of a smaller number of repeats.
    pub(super) fn revive(&mut self, now: Timestamp) {
        self.due.clear();
        self.due.extend(self.hosts.iter().map(|(at, host)| Reverse((now.max(host.last_asked + LEAST_GAP), *at))));
    }
}
