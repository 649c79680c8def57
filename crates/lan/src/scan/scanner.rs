//! The scanner itself: what to ask next, when, and what answers mean.

mod adapt;
mod choose;

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

/// Share of frames that repeat questions while silent addresses wait.
const REPEAT_SHARE: f64 = 0.25;
/// The same on a LAN that polices, where every frame is dear.
const POLICED_REPEAT_SHARE: f64 = 0.14;
const RAMP_STEP: Duration = Duration::from_millis(50);

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
    /// When it answered, it answered our own address, not `::`.
    answers_us: bool,
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

    /// Whether somebody else may send a frame now that counts in this scan's rate; if so, it has been counted. Otherwise
    /// when to ask again.
    ///
    /// # Errors
    ///
    /// The moment at which there may be room.
    pub fn make_room(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let Some(bucket) = self.bucket.as_mut() else { return Err(now + RAMP_STEP) };
        if bucket.ready(now) {
            bucket.take();
            return Ok(());
        }
        Err(bucket.next(now).max(now + Duration::from_micros(50)))
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
        let open = || (0..self.silent.len()).filter(|at| !self.known.has(*at));
        let silent: Vec<u8> = open().map(|at| self.questions(at)).collect();
        let unasked = open().filter(|at| self.silent[*at].asks == 0).count();
        let asked = self.silent.len() - unasked;
        let density = self.known.len() as f64 / asked.max(1) as f64;
        let missed: f64 = silent.iter().map(|asks| density * self.estimate.miss(*asks)).sum();
        Report {
            ending: self.ending.unwrap_or(Ending::Cancelled),
            found: self.found.clone(),
            addresses: self.targets.len(),
            unasked,
            wire: self.wire_state(),
            success: (self.estimate.total() > 0).then(|| self.estimate.success()),
            repeats: self.estimate.total(),
            asks: silent.iter().copied().max().unwrap_or(0),
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

    fn askers(&self, at: usize) -> u8 {
        self.settings.askers(self.targets.address(at))
    }

    fn frame(&mut self, at: usize, now: Timestamp) -> Vec<u8> {
        // The silent are asked by turns; who has answered is asked as before.
        let silent = self.silent[at];
        let by_us = if self.known.has(at) { silent.answers_us } else { silent.asks % 2 == 1 };
        let from = self.settings.solicit_from.filter(|_| by_us);
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
            IpAddr::V6(address) => match from {
                Some(own) => compose::ndp_solicitation((self.mac, own), address),
                None => compose::ndp_probe(self.mac, address),
            },
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
    fn see(&mut self, mut seen: Sighting, at: usize, to_us: bool) {
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
            self.silent[at].answers_us = to_us;
            if self.sampled && silent.asks > self.askers(at) {
                self.least_asks = 2;
            }
            self.passed(silent.asked);
            let blind = self.is_blind() && self.questions(at) >= self.settings.blind_asks;
            let again = seen.at.max(silent.asked + self.settings.confirm_after);
            self.known.meet(at, silent.asks, silent.asked, seen.at.since(silent.asked), again);
            // A late answer is one to an earlier question.
            if blind && seen.at.since(silent.asked) < self.settings.spacing {
                self.suspect_fast_rounds(seen.at, silent.asks - 1);
            }
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
            // Who is asked by `::` answers all nodes (RFC 4861 section 7.2.4).
            self.see(seen, index, !found.ethernet.destination.is_multicast());
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
