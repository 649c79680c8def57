//! How the scanner tells a LAN that loses from one that polices, and what it does about it.
//!
//! A policer passes a burst and then so many frames a second, whatever is sent; loss takes its share at any rate. So when
//! repeats are missed, ask slowly after a pause: only on a LAN that polices does that help.

use std::time::Duration;

use super::{Fall, Phase, RAMP_STEP, Scanner};
use crate::scan::WireState;
use crate::scan::estimate::{Estimate, Repeat, clearly_better, too_many_misses};
use crate::time::Timestamp;

/// So many repeats without a miss earn the upper half of the rate.
const EARNED: u32 = 300;
/// Silence before a trial, so that a policer's bucket fills a little.
const QUIET: Duration = Duration::from_millis(100);
/// Repeats in a trial after heavy losses; a small difference needs twice as many to be seen.
const TRIAL_ASKS: u32 = 20;
/// A rate on a LAN that polices is tried on so many known hosts first: what gets lost there need not be asked again.
const TRY_ASKS: u32 = 10;
/// Frames a second at first on a LAN that polices: what got through before is a poor measure where few hosts answer.
const POLICED_START: f64 = 80.0;

impl Scanner {
    /// How many repeats the trial asks that begins now.
    pub(super) fn trial_asks(&self, slow: bool) -> u32 {
        let heavy = self.fall.is_some_and(|fall| self.estimate.since(fall.since).0 < 0.6);
        match (slow, heavy) {
            (true, _) => TRIAL_ASKS / 2,
            (false, true) => TRIAL_ASKS,
            (false, false) => TRIAL_ASKS * 2,
        }
    }

    pub(super) fn trial_pace(&self, slow: bool) -> f64 {
        let before = self.fall.map_or(self.rate, |fall| fall.rate);
        if slow { (before / 40.0).clamp(8.0, 25.0) } else { (before / 5.0).clamp(20.0, 200.0) }
    }

    pub(super) fn ramp(&mut self, now: Timestamp) {
        if now < self.ramp_at || self.polices() {
            return;
        }
        self.ramp_at = now + RAMP_STEP;
        let (recent, missed) = self.estimate.worst();
        let well = !too_many_misses(recent, missed, self.expected);
        let earned = self.estimate.total() >= EARNED && self.estimate.missed() * 100 < self.estimate.total();
        let cap = f64::from(if earned { self.settings.max_pps } else { self.settings.unearned_pps });
        if well && self.rate < cap {
            self.rate = (self.rate * 2.0).min(cap);
            self.set_rate(now, self.rate);
        }
    }

    /// A repeat was answered or given up.
    pub(super) fn record(&mut self, now: Timestamp, repeat: Repeat) {
        let polices = self.polices();
        // Of a rate that was given up as too high, nothing counts.
        if polices && repeat.asked < self.void_until {
            return;
        }
        self.estimate.add(repeat);
        match &mut self.phase {
            Phase::Trial { began, asked, answered, .. } => {
                if repeat.asked >= *began {
                    *asked += 1;
                    *answered += u32::from(repeat.answered);
                }
            }
            Phase::Quiet { .. } => {}
            // What was asked before the last change says nothing of it.
            Phase::Sweep if polices && repeat.asked < self.steered => {}
            Phase::Sweep if polices => self.steer(now),
            Phase::Sweep => self.suspect(now),
        }
        // What was learned may ask for another round.
        self.rounds_over = false;
    }

    /// Falls silent when far more repeats are missed than before.
    fn suspect(&mut self, now: Timestamp) {
        let (recent, missed) = self.estimate.worst();
        if recent < 12 || missed < 5 || !too_many_misses(recent, missed, self.expected) {
            return;
        }
        let Some(since) = self.estimate.fall() else { return };
        let frames = self.recent_frames.iter().filter(|at| **at >= since).count();
        let seconds = self.last_frame.since(since).as_secs_f64().max(0.001);
        self.fall = Some(Fall { since, rate: frames as f64 / seconds });
        self.phase = Phase::Quiet { until: now + QUIET, slow: false };
    }

    /// Somebody answers, who did not while all was asked fast: whether that was chance, a trial tells.
    pub(super) fn suspect_fast_rounds(&mut self, now: Timestamp, missed: u8) {
        for _ in 0..missed {
            self.estimate.add(Repeat { asked: self.last_first, id: 0, answered: false });
        }
        self.fall = Some(Fall { since: self.began, rate: self.rate });
        self.phase = Phase::Quiet { until: now + QUIET, slow: false };
    }

    /// Ends a trial: were the repeats answered better than before it?
    pub(super) fn judge(&mut self, now: Timestamp, slow: bool, trial: (f64, u32)) {
        let Some(fall) = self.fall else {
            self.phase = Phase::Sweep;
            return;
        };
        let (trials, trial) = self.pooled(trial);
        let before = self.estimate_before(fall.since, trial);
        if clearly_better(trial, before) && trial.0 < 0.9 && trials < 3 {
            // A policer lets nearly all slow questions through: a middling result may be chance, so it is tried again.
            self.trials = Some((trials, trial));
            self.phase = Phase::Quiet { until: now + QUIET, slow };
            return;
        }
        self.trials = None;
        if clearly_better(trial, before) {
            let through = fall.rate * (before.0 / trial.0.max(0.05)).max(0.5 / f64::from(before.1.max(1)));
            self.police(now, through.clamp(3.0, fall.rate * 0.7), trial);
        } else if !slow && before.0 < 0.15 {
            self.phase = Phase::Quiet { until: now + QUIET, slow: true };
            return;
        } else {
            self.wire = WireState::Lossy { unanswered: 1.0 - self.estimate.success() };
            self.expected = self.estimate.success();
            self.set_rate(now, self.rate);
        }
        self.estimate.forget_recent();
        self.fall = None;
        self.phase = Phase::Sweep;
    }

    /// How many trials there were, and their result together.
    fn pooled(&self, trial: (f64, u32)) -> (u8, (f64, u32)) {
        let Some((trials, before)) = self.trials else { return (1, trial) };
        let asked = before.1 + trial.1;
        let answered = before.0 * f64::from(before.1) + trial.0 * f64::from(trial.1);
        (trials + 1, (answered / f64::from(asked.max(1)), asked))
    }

    /// Repeats answered between the fall and the trial, which came last and is taken off.
    fn estimate_before(&self, since: Timestamp, trial: (f64, u32)) -> (f64, u32) {
        let (share, n) = self.estimate.since(since);
        if n > trial.1 {
            let answered = share * f64::from(n) - trial.0 * f64::from(trial.1);
            let n = n - trial.1;
            ((answered / f64::from(n)).clamp(0.0, 1.0), n)
        } else {
            (self.estimate.success(), self.estimate.total())
        }
    }

    /// The LAN polices: what was asked since the fall did not arrive, and from now on the rate is the LAN's.
    fn police(&mut self, now: Timestamp, rate: f64, trial: (f64, u32)) {
        let since = self.fall.map_or(now, |fall| fall.since);
        self.expected = trial.0;
        let answered = (trial.0 * f64::from(trial.1)).round() as u32;
        // One miss in a trial is the policer's, not the wire's: the trial itself may have been a little too fast.
        let missed = trial.1.saturating_sub(answered);
        self.estimate = Estimate::from_counts(answered, if missed == 1 { 0 } else { missed });
        self.repeats_first = self.estimate.total() + TRY_ASKS;
        self.wire = WireState::Policed { rate };
        self.void_until = now;
        self.rate = (rate * 0.45).min(POLICED_START);
        self.set_rate(now, self.rate);
        self.steered = now;
        self.ask_again_since(now, self.last_passed(since));
    }

    /// Keeps the rate just below what gets through.
    fn steer(&mut self, now: Timestamp) {
        let (recent, missed) = self.estimate.since_steered(self.steered);
        let share = 1.0 - f64::from(missed) / f64::from(recent.max(1));
        if recent >= 4 && too_many_misses(recent as usize, missed as usize, self.expected) {
            let since = self.estimate.fall().unwrap_or(now);
            self.wire = WireState::Policed { rate: self.rate * share / self.expected };
            self.rate = (self.rate * (share / self.expected * 0.9).clamp(0.4, 0.85)).max(3.0);
            self.careful = true;
            let since = self.last_passed(since);
            self.estimate.take_back_since(since);
            self.repeats_first = self.estimate.total() + TRY_ASKS;
            self.void_until = now;
            self.ask_again_since(now, since);
        } else if recent >= 8 && share >= self.expected * 0.95 && !self.repeats_come_first() {
            self.rate = (self.rate * if self.careful { 1.08 } else { 1.25 }).min(f64::from(self.settings.max_pps));
            if let WireState::Policed { rate } = &mut self.wire {
                *rate = rate.max(self.rate);
            }
        } else {
            return;
        }
        self.steered = now;
        self.estimate.forget_recent();
        self.set_rate(now, self.rate);
    }

    /// The last question before a moment that is known to have got through: what was asked after it may not have.
    fn last_passed(&self, moment: Timestamp) -> Timestamp {
        self.passed.iter().filter(|asked| **asked < moment).max().copied().unwrap_or(self.began)
    }

    /// Questions since a moment do not count.
    fn ask_again_since(&mut self, now: Timestamp, since: Timestamp) {
        for (at, silent) in self.silent.iter_mut().enumerate() {
            if silent.asks > 0 && silent.asked >= since && !self.known.has(at) {
                // How many of its questions came since then is not kept: none is taken for answered.
                silent.asks = 0;
            }
        }
        self.next_round(now);
        self.round_gap = Duration::ZERO;
    }
}
