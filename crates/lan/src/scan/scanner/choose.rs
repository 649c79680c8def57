//! Whom to ask next, and how often: rounds over the silent, repeats to the known.

use std::time::Duration;

use super::Scanner;
use crate::scan::known::Wanted;
use crate::time::Timestamp;

/// Nobody is asked more often than this.
const MAX_ASKS: u8 = 12;
/// Beyond this many addresses one question may be enough, and a sample is asked again.
const SAMPLED: usize = 512;
/// On a LAN that polices, time is dear: one question that got through must do.
const POLICED_MISS: f64 = 0.02;
/// Up to this many addresses a round takes as long as a slow one anyway.
const FEW: usize = 64;
/// Where nobody answers, the last round leaves so much time between two questions, and takes no longer than that: a policer
/// that lets nothing of a fast round through lets most of this one.
const SLOW_GAP: Duration = Duration::from_millis(12);
const SLOW_ROUND: Duration = Duration::from_secs(3);

impl Scanner {
    /// How many questions every address needs.
    pub(super) fn needed(&self) -> u8 {
        if self.estimate.total() == 0 {
            return self.settings.blind_asks;
        }
        let accepted = if self.polices() { self.settings.miss.max(POLICED_MISS) } else { self.settings.miss };
        let enough = (1..MAX_ASKS).find(|asks| self.estimate.miss(*asks) <= accepted);
        enough.unwrap_or(MAX_ASKS).max(self.least_asks)
    }

    /// How often every known host is asked: repeats that confirm it, more of them while little is known of the LAN, and as
    /// many questions as its second owner needs to be heard.
    fn wanted(&self) -> Wanted {
        let more_to_ask = !self.queue.is_empty();
        if self.polices() {
            let repeats =
                if more_to_ask || self.repeats_come_first() { u8::MAX } else { self.settings.confirmations.min(1) };
            return Wanted { repeats, asks: 0 };
        }
        let learning = if more_to_ask { (24 / self.known.len().max(1)).min(usize::from(MAX_ASKS)) as u8 } else { 0 };
        let asks = if self.estimate.total() == 0 { 0 } else { self.needed() };
        Wanted { repeats: self.settings.confirmations.max(learning), asks }
    }

    pub(super) fn repeats_come_first(&self) -> bool {
        self.polices() && self.estimate.total() < self.repeats_first
    }

    /// How many more repeats without a miss would make one question enough on a LAN that polices.
    fn repeats_to_prove(&self) -> u32 {
        let accepted = self.settings.miss.max(POLICED_MISS);
        let enough = (f64::from(self.estimate.missed()) + 1.0) / accepted - 2.0;
        (enough.ceil() as u32).saturating_sub(self.estimate.total())
    }

    /// Whether nobody has answered, so that nothing is known of the LAN; of a few addresses, or in a hurry, that is borne.
    pub(super) fn is_blind(&self) -> bool {
        self.known.len() == 0 && self.silent.len() > FEW && self.settings.blind_asks > 2
    }

    /// How often everyone who asks has asked an address.
    pub(super) fn questions(&self, at: usize) -> u8 {
        self.silent[at].asks / self.askers(at)
    }

    /// Whether an address has had fewer questions than this, each by everyone who asks.
    fn short_of(&self, at: u32, questions: u8) -> bool {
        self.silent[at as usize].asks < questions.saturating_mul(self.askers(at as usize))
    }

    /// Fills the queue with those that need another question; says whether there are any.
    pub(super) fn next_round(&mut self, now: Timestamp) {
        let needed = self.needed();
        let mut open: Vec<u32> = (0..self.silent.len() as u32)
            .filter(|at| self.short_of(*at, needed) && !self.known.has(*at as usize))
            .collect();
        if open.is_empty() && needed == 1 && !self.sampled && self.silent.len() > SAMPLED {
            // Hosts that answered may be better than those that did not: a part of the silent is asked again. Should one
            // answer now, all are.
            self.sampled = true;
            open = (0..self.silent.len() as u32).filter(|at| !self.known.has(*at as usize)).collect();
            self.random.shuffle(&mut open);
            open.truncate(open.len().div_ceil(20));
        }
        // Where every frame is dear, a few repeats that prove one question to be enough are cheaper than another for all.
        let second = !open.iter().any(|at| self.short_of(*at, 1));
        if self.polices() && needed == 2 && second && self.repeats_to_prove() < open.len() as u32 / 2 {
            self.repeats_first = self.estimate.total() + self.repeats_to_prove();
            open.clear();
        }
        // Another order each round, so that a policer does not always let the same through; but those that have waited
        // longest first, so that nobody waits for the one in front.
        self.random.shuffle(&mut open);
        open.sort_by_key(|at| (self.silent[*at as usize].asks, self.silent[*at as usize].asked));
        for chunk in open.chunks_mut(32) {
            self.random.shuffle(chunk);
        }
        // A round is spread over the time that must pass before the next one anyway: the same duration at a lower rate,
        // and repeats meet the same conditions as first questions.
        self.round_gap = self.settings.spacing / (open.len() as u32 + open.len() as u32 / 3 + 1);
        if self.is_blind() && open.iter().all(|at| self.questions(*at as usize) + 1 == self.settings.blind_asks) {
            self.round_gap = SLOW_GAP.min(SLOW_ROUND / (open.len() as u32 + 1)).max(self.round_gap);
        }
        self.round_at = now + self.settings.spacing;
        self.rounds_over = open.is_empty() && !self.repeats_come_first();
        self.queue = open.into();
    }

    /// The next address to ask now, or when to look again.
    pub(super) fn choose(&mut self, now: Timestamp) -> Result<usize, Option<Timestamp>> {
        while self.queue.front().is_some_and(|at| self.known.has(*at as usize)) {
            self.queue.pop_front();
        }
        if self.queue.is_empty() && self.round_at <= now {
            self.next_round(now);
        }
        let wanted = self.wanted();
        if wanted.repeats > self.wanted.repeats || wanted.asks > self.wanted.asks {
            self.known.revive(now);
        }
        self.wanted = wanted;
        let silent_due = match self.queue.front() {
            None if !self.rounds_over => Some(self.round_at),
            None => None,
            Some(at) if self.silent[*at as usize].asks == 0 => Some(self.last_silent + self.round_gap),
            Some(at) => {
                let rested = self.silent[*at as usize].asked + self.settings.spacing;
                Some(rested.max(self.last_silent + self.round_gap))
            }
        };
        let first = self.repeats_come_first();
        let silent_ready = !first && !self.queue.is_empty() && silent_due.is_some_and(|due| due <= now);
        // Between the questions of a round repeats wait for their share: asked in pauses only, they would say nothing of
        // how questions fare outside of them.
        if (first || self.queue.is_empty() || self.repeat_credit >= 1.0)
            && let Some(at) = self.known.take_due(now, wanted)
        {
            return Ok(at);
        }
        if silent_ready && let Some(at) = self.queue.pop_front() {
            return Ok(at as usize);
        }
        if first {
            return Err(self.known.next_due(wanted).map(|due| due.max(now + Duration::from_millis(1))));
        }
        let repeat_due = if self.queue.is_empty() { self.known.next_due(wanted) } else { None };
        Err([silent_due, repeat_due].into_iter().flatten().min())
    }
}
