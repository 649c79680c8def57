//! Hosts that have answered: asked again to confirm them, and to learn how well questions get through.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use crate::time::Timestamp;

/// One host is never asked more often than this.
const LEAST_GAP: Duration = Duration::from_millis(20);
/// An answer is awaited at least and at most this long before its question counts as missed.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(70), Duration::from_millis(700));

#[derive(Debug)]
struct Host {
    /// Repeats asked.
    repeats: u8,
    patience: Duration,
    last_asked: Timestamp,
    outstanding: Option<u64>,
    given_up: Option<u64>,
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
    pub(super) fn meet(&mut self, at: usize, now: Timestamp, took: Duration, again_at: Timestamp) {
        let patience = (took * 2 + PATIENCE.0).min(PATIENCE.1);
        let host = Host { repeats: 0, patience, last_asked: now, outstanding: None, given_up: None };
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

    /// When the next host may be asked again that has had fewer repeats than `wanted`.
    pub(super) fn next_due(&mut self, wanted: u8) -> Option<Timestamp> {
        while let Some(Reverse((due, at))) = self.due.peek().copied() {
            if self.hosts.get(&at).is_some_and(|host| host.repeats < wanted) {
                return Some(due);
            }
            self.due.pop();
        }
        None
    }

    /// The next host that is due and has had fewer repeats than `wanted`. Hosts that had enough are forgotten here until
    /// `wanted` grows ([`Known::revive`]).
    pub(super) fn take_due(&mut self, now: Timestamp, wanted: u8) -> Option<usize> {
        while self.next_due(wanted)? <= now {
            let Reverse((_, at)) = self.due.pop()?;
            if self.hosts.get(&at).is_some_and(|host| host.outstanding.is_none()) {
                return Some(at);
            }
            self.due.push(Reverse((now + LEAST_GAP, at)));
        }
        None
    }

    /// Any host that may be asked now, going round from one behind `after`.
    pub(super) fn take_any(&self, now: Timestamp, after: usize) -> Option<usize> {
        let rested = |(_, host): &(&usize, &Host)| host.outstanding.is_none() && host.last_asked + LEAST_GAP <= now;
        let onwards = self.hosts.range(after.saturating_add(1)..).find(rested);
        onwards.or_else(|| self.hosts.iter().find(rested)).map(|(at, _)| *at)
    }

    /// How many repeats a host has had.
    pub(super) fn repeats(&self, at: usize) -> u8 {
        self.hosts.get(&at).map_or(0, |host| host.repeats)
    }

    /// A host is asked again now; it may be asked once more from `again_at` on.
    pub(super) fn ask(&mut self, at: usize, now: Timestamp, again_after: Duration) {
        let Some(host) = self.hosts.get_mut(&at) else { return };
        self.numbered += 1;
        host.repeats = host.repeats.saturating_add(1);
        host.last_asked = now;
        host.outstanding = Some(self.numbered);
        host.given_up = None;
        self.deadlines.push(Reverse((now + host.patience, at, self.numbered)));
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
