//! What leaves, in the order of its urgency, and all that is due by time. Everything that is sent is decided here, at a moment
//! that is truly now: what was decided before the process stood still never leaves.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use poolcheck_lan::Timestamp;
use poolcheck_lan::wire::MacAddr;

use super::Announcer;
use super::hear::{UNHEARD, outranks};
use super::table::{Rival, State};
use crate::conflict::Step;
use crate::event::{Cause, Release, What};
use crate::liveness::{Body, DRAINING, GROUP, LEAVING, LISTENING, Listing, NodeId, Peer};
use crate::settings::Rebalance;

impl Announcer {
    /// Looks at the clock: whether this node stood still, whom it misses, whether it has listened for long enough.
    pub(super) fn advance(&mut self, now: Timestamp) {
        let timing = self.settings.timing;
        #[cfg(feature = "sim")]
        let timing = match self.settings.mutation {
            Some(crate::sim::Mutation::NeverFences) => crate::Timing { fence: Duration::from_secs(3600), ..timing },
            _ => timing,
        };
        if let Some(missing) = self.fence.advance(now, &timing) {
            self.stop_speaking();
            self.members.stood_still(now);
            self.report(now, What::StoodStill { missing });
        }
        if self.fence.is_gone() || self.fence.is_down() {
            return;
        }
        let mut changes = Vec::new();
        self.members.expire(now, &mut changes);
        self.take_in(now, changes);
        // Company: those it knew before, all heard since.
        let listening = self.fence.listened(now, &timing, false).map(|(since, _)| since);
        if let Some(since) = listening {
            let heard = self.members.all_heard_since(since);
            let company = heard && self.members.alive().next().is_some();
            let enough = self.fence.listened(now, &timing, company).is_some_and(|(_, enough)| enough);
            #[cfg(feature = "sim")]
            let enough = enough || self.broken(crate::sim::Mutation::NeverListens);
            if enough && (heard || now.since(since) >= 10 * timing.listen()) {
                self.start_speaking(now, since);
            }
        }
    }

    /// Nothing that waits to be sent is true any more. Claims stay, silently, until the segment was heard.
    pub(super) fn stop_speaking(&mut self) {
        #[cfg(feature = "sim")]
        if self.broken(crate::sim::Mutation::AnswersTheQueue) {
            return;
        }
        self.answers.clear();
        self.urgent.clear();
        self.schedule.clear();
        for (_, entry) in self.table.iter_mut() {
            if matches!(entry.state, State::Probing(_)) {
                entry.state = State::Idle;
            }
        }
    }

    /// Takes part from now on. What it owned before it stood still or lost its link is still its own if nobody took it
    /// meanwhile, and it was not away for long.
    fn start_speaking(&mut self, now: Timestamp, since: Timestamp) {
        let away = now.since(since) > self.settings.timing.failover_window();
        self.fence.activate(now);
        self.report(now, What::Active);
        let mine: Vec<_> = self.table.owned().collect();
        if away {
            for address in &mine {
                if let Some(entry) = self.table.get_mut(*address) {
                    (entry.state, entry.holder, entry.orphan) = (State::Idle, None, None);
                }
                self.report(now, What::Released { address: *address, why: Release::Stale });
            }
        }
        for address in &mine {
            self.settle(now, *address, true);
        }
        self.roster_stale = true;
        self.decide(now);
        for address in mine {
            if self.table.is_owned(address) {
                self.schedule.start(now, address, false);
            }
        }
    }

    /// The next frame to send now.
    pub(super) fn speak(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        self.advance(now);
        if self.fence.is_gone() {
            return self.urgent.pop_front();
        }
        if self.fence.is_down() {
            return None;
        }
        self.refresh_roster(now);
        // What a beat speaks of goes before it.
        if self.fence.beat_is_due(now) && (self.urgent.is_empty() || self.fence.is_late(now, &self.settings.timing)) {
            self.fence.beaten(now, &self.settings.timing);
            self.counters.messages += 1;
            let body = Body::Beat { version: self.roster.version(), echoes: self.members.echoes(now) };
            return Some(self.frame(now, GROUP, 0, body));
        }
        if let Some(frame) = self.urgent.pop_front() {
            self.counters.messages += 1;
            return Some(frame);
        }
        // Whoever has heard of a better claim is silent at once.
        if self.dirty && self.fence.is_active() {
            self.decide(now);
        }
        if let Some(frame) = self.next_answer(now) {
            self.counters.answers += 1;
            return Some(frame);
        }
        self.work(now);
        if let Some(frame) = self.urgent.pop_front() {
            self.counters.messages += 1;
            return Some(frame);
        }
        #[cfg(feature = "sim")]
        if self.broken(crate::sim::Mutation::NeverAnnounces) {
            self.schedule.clear();
            return None;
        }
        let frame = self.fence.is_active().then(|| self.schedule.poll(now, self.link.mac)).flatten();
        self.counters.announcements += u64::from(frame.is_some());
        frame
    }

    fn next_answer(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        while let Some((address, frame)) = self.answers.pop_front() {
            #[cfg(feature = "sim")]
            if self.broken(crate::sim::Mutation::AnswersForAll) || self.broken(crate::sim::Mutation::AnswersTheQueue) {
                return Some(frame);
            }
            if self.answers_for(now, address) {
                return Some(frame);
            }
        }
        None
    }

    /// Does what is due.
    fn work(&mut self, now: Timestamp) {
        for (to, body) in self.members.questions(now) {
            let frame = self.frame(now, to, 0, body);
            self.urgent.push_back(frame);
        }
        if self.fence.is_active() {
            if self.table.timeout() <= now {
                self.act_on_timers(now);
            }
            self.rebalance(now);
            if self.dirty || now >= self.recheck {
                self.decide(now);
            }
            if self.draining.is_some() {
                self.leave_if_done(now);
            }
        }
        self.refresh_roster(now);
    }

    /// Probes, retries, offers and repairs that are due.
    fn act_on_timers(&mut self, now: Timestamp) {
        let (mac, plan) = (self.link.mac, self.settings.probing);
        let (mut free, mut repaired, mut reports) = (Vec::new(), Vec::new(), Vec::new());
        for (address, entry) in self.table.iter_mut() {
            match &mut entry.state {
                State::Probing(probe) => match probe.poll(now, (address, mac), &plan, &mut self.random) {
                    Step::Send(frame) => self.urgent.push_back(frame),
                    Step::Free => free.push(address),
                    Step::Wait => {}
                },
                State::InUse { .. } if entry.retry <= now => {
                    entry.state = State::Idle;
                    (self.dirty, self.roster_stale) = (true, true);
                }
                State::Owned(owned) => {
                    if owned.offer.is_some_and(|offer| offer.until <= now) {
                        owned.offer = None;
                        self.roster_stale = true;
                        reports.push(What::NotTaken { address });
                    }
                    if let Some(rival) = owned.rival
                        && rival.due <= now
                    {
                        (owned.rival, owned.repaired) = (None, Some(now));
                        repaired.push((address, rival));
                    }
                }
                State::Idle if entry.yielded.is_some_and(|until| until <= now) => {
                    entry.yielded = None;
                    self.roster_stale = true;
                }
                State::Idle | State::InUse { .. } => {}
            }
        }
        for address in free {
            self.own(now, address, Cause::Probed);
        }
        #[cfg(feature = "sim")]
        if self.broken(crate::sim::Mutation::NeverRepairs) {
            repaired.clear();
        }
        for (address, Rival { node, unheard, .. }) in repaired {
            let peer = self.members.get(node);
            let listing = peer.filter(|peer| peer.alive).and_then(|peer| peer.roster.get(address));
            let silent = |peer: &Peer| {
                let since = unheard.is_some_and(|claimed| claimed > peer.heard);
                since && !peer.alive && peer.heard < now.before(self.settings.timing.dead) && !peer.has_left()
            };
            if peer.is_some_and(silent) {
                self.part(now, address, node);
            } else if listing.is_some_and(|listing| listing.owned) {
                // It has not heard of us yet.
                self.dirty = true;
            } else {
                self.schedule.start(now, address, false);
                self.report(now, What::SplitHealed { address, node: self.name(node) });
            }
        }
        for what in reports {
            self.report(now, what);
        }
    }

    /// Another node claims what we own, and all that we hear of it is that. The same is true of us there, so rank decides.
    fn part(&mut self, now: Timestamp, address: IpAddr, node: NodeId) {
        let kept = outranks(self.me, node, address);
        let name = self.name(node);
        let by = self.members.get(node).map(|peer| peer.mac);
        self.report(now, What::Split { address, node: name.clone(), kept });
        if kept {
            return self.schedule.start(now, address, false);
        }
        self.schedule.stop(address);
        if let (Some(entry), Some(by)) = (self.table.get_mut(address), by) {
            (entry.state, entry.retry) = (State::InUse { by, since: now }, now + UNHEARD);
        }
        (self.dirty, self.roster_stale) = (true, true);
        self.report(now, What::Released { address, why: Release::To { node: name } });
    }

    fn leave_if_done(&mut self, now: Timestamp) {
        let mine: Vec<_> = self.table.owned().collect();
        let taken = mine.iter().all(|address| self.takers(*address).is_empty());
        if !taken && self.draining.is_some_and(|until| now < until) {
            return;
        }
        self.urgent.clear();
        self.answers.clear();
        for address in mine {
            self.schedule.stop(address);
            self.report(now, What::Released { address, why: Release::Left });
        }
        // Said twice: one may be lost.
        for _ in 0..2 {
            let frame =
                self.frame(now, GROUP, LEAVING, Body::Beat { version: self.roster.version(), echoes: Vec::new() });
            self.urgent.push_back(frame);
        }
        self.fence.leave();
        self.report(now, What::Left);
    }

    /// Tells the others what changed.
    fn refresh_roster(&mut self, now: Timestamp) {
        if !std::mem::take(&mut self.roster_stale) {
            return;
        }
        let listing = |(address, entry): (_, &super::table::Entry)| {
            let (owned, term, offered) = match &entry.state {
                State::Owned(owned) => (true, owned.term, owned.offer.map(|offer| offer.to.into())),
                _ => (false, entry.term, None),
            };
            let in_use = matches!(entry.state, State::InUse { .. });
            let want = entry.want;
            let able = self.able(now, address);
            let (yielded, ready, hold) = (entry.yielded.is_some() && !owned, want.ready, want.hold);
            (address, Listing { term, weight: want.weight, owned, ready, able, in_use, hold, yielded, offered })
        };
        let listings: BTreeMap<_, _> = self.table.iter().map(listing).collect();
        let bodies = self.roster.update(&self.settings.name, listings);
        self.say(now, GROUP, bodies);
    }

    pub(super) fn say(&mut self, now: Timestamp, to: MacAddr, bodies: Vec<Body>) {
        for body in bodies {
            let frame = self.frame(now, to, 0, body);
            self.urgent.push_back(frame);
        }
    }

    fn frame(&mut self, now: Timestamp, to: MacAddr, flags: u8, body: Body) -> Vec<u8> {
        let listening = if self.fence.is_active() { 0 } else { LISTENING };
        let draining = if self.draining.is_some() { DRAINING } else { 0 };
        let message = self.members.message(now, flags | listening | draining, body);
        message.frame(&self.key, self.link.mac, to)
    }

    /// When it wants to be woken at the latest.
    pub(super) fn wake_at(&self) -> Option<Timestamp> {
        let waiting = !self.urgent.is_empty() || !self.answers.is_empty();
        if self.fence.is_gone() {
            return waiting.then_some(Timestamp::ZERO);
        }
        if self.fence.is_down() {
            return Some(Timestamp::FAR_FUTURE);
        }
        if waiting || self.fence.is_active() && (self.dirty || self.roster_stale) {
            return Some(Timestamp::ZERO);
        }
        Some(self.deadline())
    }

    /// When time alone makes it do something: before that, what others' plain beats say changes nothing.
    pub(crate) fn deadline(&self) -> Timestamp {
        if self.fence.is_gone() || self.fence.is_down() {
            return Timestamp::FAR_FUTURE;
        }
        let mut wake = self.fence.timeout().min(self.members.timeout());
        if self.fence.is_active() {
            wake = wake.min(self.table.timeout()).min(self.schedule.timeout()).min(self.recheck);
            if let Some(until) = self.draining {
                wake = wake.min(until);
            }
            if self.settings.rebalance != Rebalance::Never {
                wake = wake.min(self.rebalanced + Duration::from_secs(1));
            }
        }
        wake
    }
}
