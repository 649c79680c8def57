//! The scanner itself: what to ask next, when, and what answers mean.

mod adapt;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use super::estimate::{Estimate, Repeat};
use super::known::{Answer, Known, Wanted};
use super::pace::Bucket;
use super::report::{Ending, Owner, Report, WireState};
use super::{Forecast, How, Settings, Sighting, Targets, sighting};
use crate::error::Result;
use crate::machine::Machine;
use crate::time::Timestamp;
use crate::wire::{MacAddr, arp, compose, dissect};

/// Nobody is asked more often than this.
const MAX_ASKS: u8 = 12;
/// Share of frames that repeat questions while silent addresses wait.
const REPEAT_SHARE: f64 = 0.25;
/// The same on a LAN that polices, where every frame is dear.
const POLICED_REPEAT_SHARE: f64 = 0.14;
const RAMP_STEP: Duration = Duration::from_millis(50);
/// Beyond this many addresses one question may be enough, and a sample is asked again.
const SAMPLED: usize = 512;
/// On a LAN that polices, time is dear: one question that got through must do.
const POLICED_MISS: f64 = 0.02;

/// What is being done.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Asking.
    Sweep,
    /// Silent before a trial.
    Quiet { until: Timestamp, slow: bool },
    /// Asking known hosts slowly, to compare with how they answered before.
    Trial { left: u32, began: Timestamp, slow: bool, asked: u32, answered: u32 },
}

/// A suspicion: since when, at what rate, how few repeats were answered.
#[derive(Debug, Clone, Copy)]
struct Fall {
    since: Timestamp,
    rate: f64,
}

/// An address that has not answered.
#[derive(Debug, Clone, Copy, Default)]
struct Silent {
    asked: Timestamp,
    asks: u8,
}

/// Asks who is on a set of addresses. See the [module](super) for how.
pub struct Scanner {
    mac: MacAddr,
    targets: Targets,
    settings: Settings,
    forecast: Forecast,
    random: fastrand::Rng,
    silent: Vec<Silent>,
    queue: VecDeque<u32>,
    /// When the next round may begin.
    round_at: Timestamp,
    /// The least time between two frames of this round.
    round_gap: Duration,
    known: Known,
    estimate: Estimate,
    phase: Phase,
    fall: Option<Fall>,
    wire: WireState,
    /// Share of repeats answered when nothing is wrong.
    expected: f64,
    bucket: Option<Bucket>,
    /// The rate outside trials.
    rate: f64,
    /// When it was last changed because of what repeats said.
    steered: Timestamp,
    /// Trials of one fall so far: how many, the share answered, and how many questions that rests on.
    trials: Option<(u8, (f64, u32))>,
    /// Repeats asked before this do not count.
    void_until: Timestamp,
    /// A rate was too high once: approach the limit slowly from now on.
    careful: bool,
    ramp_at: Timestamp,
    top_rate: f64,
    repeat_credit: f64,
    wanted: Wanted,
    least_asks: u8,
    sampled: bool,
    last_trial: usize,
    began: Timestamp,
    ended: Timestamp,
    last_first: Timestamp,
    last_silent: Timestamp,
    /// Until so many repeats have been judged, silent addresses wait.
    repeats_first: u32,
    /// No silent address needs another question, as far as is known now.
    rounds_over: bool,
    last_frame: Timestamp,
    recent_frames: VecDeque<Timestamp>,
    /// When the latest questions were asked that were answered.
    passed: VecDeque<Timestamp>,
    frames: u64,
    wake: Timestamp,
    ending: Option<Ending>,
    events: VecDeque<Sighting>,
    found: BTreeMap<IpAddr, Vec<Owner>>,
}

impl Scanner {
    /// A scanner that speaks as `mac`. The order of questions comes from `seed`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) for numbers that make no scan.
    pub fn new(mac: MacAddr, targets: Targets, settings: Settings, seed: u64) -> Result<Self> {
        settings.check()?;
        let mut random = fastrand::Rng::with_seed(seed);
        let mut order: Vec<u32> = (0..targets.len() as u32).collect();
        random.shuffle(&mut order);
        Ok(Self {
            mac,
            forecast: settings.forecast(&targets),
            random,
            silent: vec![Silent::default(); targets.len()],
            queue: order.into(),
            round_at: Timestamp::ZERO,
            round_gap: Duration::ZERO,
            known: Known::default(),
            estimate: Estimate::default(),
            phase: Phase::Sweep,
            fall: None,
            wire: WireState::Unknown,
            expected: 1.0,
            bucket: None,
            rate: f64::from(settings.start_pps.min(settings.max_pps)),
            steered: Timestamp::ZERO,
            trials: None,
            void_until: Timestamp::ZERO,
            careful: false,
            ramp_at: Timestamp::ZERO,
            top_rate: 0.0,
            repeat_credit: 0.0,
            wanted: Wanted::default(),
            least_asks: 1,
            sampled: false,
            last_trial: 0,
            began: Timestamp::ZERO,
            ended: Timestamp::ZERO,
            last_first: Timestamp::ZERO,
            last_silent: Timestamp::ZERO,
            repeats_first: 0,
            rounds_over: false,
            last_frame: Timestamp::ZERO,
            recent_frames: VecDeque::new(),
            passed: VecDeque::new(),
            frames: 0,
            wake: Timestamp::ZERO,
            ending: None,
            events: VecDeque::new(),
            found: BTreeMap::new(),
            targets,
            settings,
        })
    }

    /// What the scan is going to do: to be shown before it starts.
    pub const fn forecast(&self) -> Forecast {
        self.forecast
    }

    /// Ends the scan now, keeping what was found.
    pub fn cancel(&mut self, now: Timestamp) {
        self.end(now, Ending::Cancelled);
    }

    /// Share of the addresses that have been asked at least once, 0 to 1.
    pub fn progress(&self) -> f64 {
        let done = self.silent.iter().filter(|silent| silent.asks > 0).count();
        done as f64 / self.silent.len() as f64
    }

    /// What was found so far, and how sure that is.
    pub fn report(&self) -> Report {
        let open = |at: &usize| !self.known.has(*at);
        let silent: Vec<&Silent> = (0..self.silent.len()).filter(open).map(|at| &self.silent[at]).collect();
        let unasked = silent.iter().filter(|silent| silent.asks == 0).count();
        let asked = self.silent.len() - unasked;
        let density = self.known.len() as f64 / asked.max(1) as f64;
        let missed: f64 = silent.iter().map(|silent| density * self.estimate.miss(silent.asks)).sum();
        Report {
            ending: self.ending.unwrap_or(Ending::Cancelled),
            found: self.found.clone(),
            addresses: self.targets.len(),
            unasked,
            wire: self.wire_state(),
            success: (self.estimate.total() > 0).then(|| self.estimate.success()),
            repeats: self.estimate.total(),
            asks: silent.iter().map(|silent| silent.asks).max().unwrap_or(0),
            expected_missed: (self.estimate.total() > 0).then_some(missed),
            frames: self.frames,
            top_rate: self.top_rate,
            duration: self.ended.max(self.last_frame).since(self.began),
        }
    }

    fn wire_state(&self) -> WireState {
        let unanswered = 1.0 - self.estimate.success();
        match self.wire {
            WireState::Policed { .. } => self.wire,
            WireState::Lossy { .. } => WireState::Lossy { unanswered },
            _ if self.estimate.total() == 0 => WireState::Unknown,
            _ if unanswered > 0.03 => WireState::Lossy { unanswered },
            _ => WireState::Clean,
        }
    }

    const fn polices(&self) -> bool {
        matches!(self.wire, WireState::Policed { .. })
    }

    /// How many questions every address needs.
    fn needed(&self) -> u8 {
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
            let repeats = if more_to_ask || self.repeats_come_first() { u8::MAX } else { self.settings.confirmations.min(1) };
            return Wanted { repeats, asks: 0 };
        }
        let learning = if more_to_ask { (24 / self.known.len().max(1)).min(usize::from(MAX_ASKS)) as u8 } else { 0 };
        let asks = if self.estimate.total() == 0 { 0 } else { self.needed() };
        Wanted { repeats: self.settings.confirmations.max(learning), asks }
    }

    fn repeats_come_first(&self) -> bool {
        self.polices() && self.estimate.total() < self.repeats_first
    }

    /// How many more repeats without a miss would make one question enough on a LAN that polices.
    fn repeats_to_prove(&self) -> u32 {
        let accepted = self.settings.miss.max(POLICED_MISS);
        let enough = (f64::from(self.estimate.missed()) + 1.0) / accepted - 2.0;
        (enough.ceil() as u32).saturating_sub(self.estimate.total())
    }

    /// Fills the queue with those that need another question; says whether there are any.
    fn next_round(&mut self, now: Timestamp) {
        let needed = self.needed();
        let mut open: Vec<u32> = (0..self.silent.len() as u32)
            .filter(|at| self.silent[*at as usize].asks < needed && !self.known.has(*at as usize))
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
        let second = open.iter().all(|at| self.silent[*at as usize].asks > 0);
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
        self.round_at = now + self.settings.spacing;
        self.rounds_over = open.is_empty() && !self.repeats_come_first();
        self.queue = open.into();
    }

    /// The next address to ask now, or when to look again.
    fn choose(&mut self, now: Timestamp) -> Result<usize, Option<Timestamp>> {
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

    fn frame(&mut self, at: usize, now: Timestamp) -> Vec<u8> {
        if self.known.has(at) {
            let doubled = self.settings.confirm_after * (2_u32 << self.known.repeats(at).min(5));
            let learning = self.estimate.total() < 24 && self.known.len() < 12 && self.silent.len() > 64;
            let usual = doubled.min(self.settings.spacing.max(self.settings.confirm_after * 2));
            let after = if learning { Duration::ZERO } else { usual };
            self.known.ask(at, now, after, matches!(self.phase, Phase::Trial { .. }));
            self.repeat_credit -= 1.0;
        } else {
            if self.silent[at].asks == 0 {
                self.last_first = now;
            }
            self.last_silent = now;
            self.silent[at].asks = self.silent[at].asks.saturating_add(1);
            let share = if self.polices() { POLICED_REPEAT_SHARE } else { REPEAT_SHARE };
            self.repeat_credit = (self.repeat_credit + share / (1.0 - share)).min(8.0);
        }
        self.silent[at].asked = now;
        self.last_frame = now;
        self.frames += 1;
        self.recent_frames.push_back(now);
        if self.recent_frames.len() > 1024 {
            self.recent_frames.pop_front();
        }
        match self.targets.address(at) {
            IpAddr::V4(address) => compose::arp(MacAddr::BROADCAST, &arp::Repr::probe(self.mac, address)),
            IpAddr::V6(address) => compose::ndp_probe(self.mac, address),
        }
    }

    fn set_rate(&mut self, now: Timestamp, rate: f64) {
        if let Some(bucket) = &mut self.bucket {
            bucket.set_rate(now, rate);
            self.top_rate = self.top_rate.max(bucket.rate());
        }
    }

    /// Everything that happens because time has passed.
    fn tick(&mut self, now: Timestamp) {
        if self.bucket.is_none() {
            self.bucket = Some(Bucket::new(self.settings.max_pps, now));
            (self.began, self.last_first, self.last_frame) = (now, now, now);
            self.ramp_at = now + RAMP_STEP;
            self.round_at = now + self.settings.spacing;
            self.set_rate(now, self.rate);
        }
        while let Some((asked, id)) = self.known.give_up(now) {
            self.record(now, Repeat { asked, id, answered: false });
        }
        match self.phase {
            Phase::Sweep => self.ramp(now),
            Phase::Quiet { until, slow } if until <= now => {
                let pace = self.trial_pace(slow);
                self.set_rate(now, pace);
                let left = self.trial_asks(slow);
                self.phase = Phase::Trial { left, began: now, slow, asked: 0, answered: 0 };
            }
            Phase::Trial { left: 0, slow, asked, answered, .. } if self.known.next_deadline().is_none() => {
                self.judge(now, slow, (f64::from(answered) / f64::from(asked.max(1)), asked));
            }
            Phase::Quiet { .. } | Phase::Trial { .. } => {}
        }
        if now.since(self.began) >= self.forecast.budget {
            self.end(now, Ending::BudgetUsed);
        }
    }

    fn end(&mut self, now: Timestamp, ending: Ending) {
        if self.ending.is_none() {
            self.ending = Some(ending);
            self.ended = now;
        }
    }

    fn passed(&mut self, asked: Timestamp) {
        self.passed.push_back(asked);
        if self.passed.len() > 1024 {
            self.passed.pop_front();
        }
    }

    /// A sighting within the targets.
    fn see(&mut self, mut seen: Sighting, at: usize) {
        let silent = self.silent[at];
        seen.delay = (seen.how == How::Reply && silent.asked > Timestamp::ZERO).then(|| seen.at.since(silent.asked));
        let owners = self.found.entry(seen.address).or_default();
        if let Some(owner) = owners.iter_mut().find(|owner| owner.mac == seen.mac) {
            owner.last = owner.last.max(seen.at);
            owner.count += 1;
        } else {
            let Sighting { mac, sender, at: first, how, delay, .. } = seen;
            owners.push(Owner { mac, sender, first, last: first, how, count: 1, delay });
            self.events.push_back(seen);
        }
        // Only answers tell how questions fare: a host that announces itself may be deaf to probes.
        if seen.how != How::Reply || silent.asks == 0 {
            return;
        }
        if !self.known.has(at) {
            if self.sampled && silent.asks > 1 {
                self.least_asks = 2;
            }
            self.passed(silent.asked);
            let again = seen.at.max(silent.asked + self.settings.confirm_after);
            self.known.meet(at, silent.asks, silent.asked, seen.at.since(silent.asked), again);
            return;
        }
        match self.known.answered(at, seen.at) {
            Answer::InTime(id, asked) => {
                self.passed(asked);
                self.record(seen.at, Repeat { asked, id, answered: true });
            }
            Answer::Late(id) => self.estimate.amend(id),
            Answer::Unasked => {}
        }
    }
}

impl Machine for Scanner {
    type Event = Sighting;

    fn handle(&mut self, at: Timestamp, frame: &[u8]) {
        let Ok(found) = dissect(frame) else { return };
        let Some(seen) = sighting(at, &found) else { return };
        if seen.mac == self.mac || self.ending.is_some() {
            return;
        }
        if let Some(index) = self.targets.index(seen.address) {
            self.see(seen, index);
        }
    }

    fn poll_output(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        if self.ending.is_some() {
            return None;
        }
        self.tick(now);
        let budget_end = self.began + self.forecast.budget;
        let (chosen, next) = match self.phase {
            Phase::Quiet { until, .. } => (None, Some(until)),
            Phase::Trial { left: 0, .. } => (None, None),
            Phase::Trial { .. } => (self.known.take_any(now, self.last_trial), Some(now + Duration::from_millis(2))),
            // Whom to ask is decided when a frame may leave, not before.
            Phase::Sweep if !self.bucket.as_mut().is_some_and(|bucket| bucket.ready(now)) => {
                (None, self.bucket.as_ref().map(|bucket| bucket.next(now)))
            }
            Phase::Sweep => match self.choose(now) {
                Ok(at) => (Some(at), None),
                Err(next) => (None, next),
            },
        };
        let bucket = self.bucket.as_mut()?;
        if let Some(at) = chosen {
            if bucket.ready(now) {
                bucket.take();
                if let Phase::Trial { left, .. } = &mut self.phase {
                    *left -= 1;
                    self.last_trial = at;
                }
                return Some(self.frame(at, now));
            }
            self.wake = bucket.next(now).max(now + Duration::from_micros(50));
            return None;
        }
        let deadline = self.known.next_deadline();
        let wake = [next, deadline].into_iter().flatten().min();
        let over = (self.last_first + self.settings.late_window).max(self.last_frame + self.settings.settle);
        let waiting = matches!(self.phase, Phase::Sweep) && wake.is_none();
        if waiting && over <= now {
            self.end(now, Ending::Complete);
            return None;
        }
        let wake = if waiting { over } else { wake.unwrap_or(now) };
        self.wake = wake.max(now + Duration::from_micros(50)).min(budget_end.max(now));
        None
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.ending.is_none().then_some(self.wake)
    }

    fn poll_event(&mut self) -> Option<Sighting> {
        self.events.pop_front()
    }
}
