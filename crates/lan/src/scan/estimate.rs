//! How well questions get through.

use std::collections::VecDeque;

use crate::time::Timestamp;

/// Results that judge the present, rather than the whole scan: more than are asked during one suspicion and its trial.
const RECENT: usize = 200;
/// Consecutive questions that are judged together.
const WINDOW: usize = 16;

/// One repeated question to a host that had answered before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeat {
    /// When it was asked.
    pub(super) asked: Timestamp,
    /// Which question it was.
    pub(super) id: u64,
    /// Whether it was answered.
    pub(super) answered: bool,
}

/// Repeats answered and missed, all of a regime and the latest.
#[derive(Debug, Default)]
pub(super) struct Estimate {
    answered: u32,
    missed: u32,
    recent: VecDeque<Repeat>,
    /// Of what was asked up to here, a part has been dropped. Answers come before misses are given up, so the part that is
    /// left would be the worse one.
    dropped: Timestamp,
    newest: Timestamp,
}

impl Estimate {
    /// What a trial found.
    pub(super) fn from_counts(answered: u32, missed: u32) -> Self {
        Self { answered, missed, ..Self::default() }
    }

    pub(super) fn add(&mut self, repeat: Repeat) {
        if repeat.answered {
            self.answered += 1;
        } else {
            self.missed += 1;
        }
        self.newest = self.newest.max(repeat.asked);
        self.recent.push_back(repeat);
        if self.recent.len() > RECENT
            && let Some(oldest) = self.recent.pop_front()
        {
            self.dropped = self.dropped.max(oldest.asked);
        }
    }

    /// A question that was given up is answered after all.
    pub(super) fn amend(&mut self, id: u64) {
        if self.missed > 0 {
            self.missed -= 1;
            self.answered += 1;
        }
        if let Some(repeat) = self.recent.iter_mut().find(|repeat| repeat.id == id) {
            repeat.answered = true;
        }
    }

    pub(super) fn total(&self) -> u32 {
        self.answered + self.missed
    }

    pub(super) fn missed(&self) -> u32 {
        self.missed
    }

    /// Share of repeats answered; 1 without any.
    pub(super) fn success(&self) -> f64 {
        if self.total() == 0 { 1.0 } else { f64::from(self.answered) / f64::from(self.total()) }
    }

    /// The chance that a live host misses `asks` questions: the mean over what *p* may be after these repeats, when before
    /// them every *p* was equally likely.
    pub(super) fn miss(&self, asks: u8) -> f64 {
        let (missed, total) = (f64::from(self.missed), f64::from(self.total()));
        (0..asks).map(|i| (missed + 1.0 + f64::from(i)) / (total + 2.0 + f64::from(i))).product()
    }

    /// The most misses among the latest repeats, of so many that were asked one after the other. Misses are known later
    /// than answers, so the order of asking counts.
    pub(super) fn worst(&self) -> (usize, usize) {
        let mut recent: Vec<&Repeat> = self.judged().collect();
        recent.sort_by_key(|repeat| repeat.asked);
        let misses = |window: &[&Repeat]| window.iter().filter(|repeat| !repeat.answered).count();
        if recent.len() <= WINDOW {
            return (recent.len(), misses(&recent));
        }
        (WINDOW, recent.windows(WINDOW).map(misses).max().unwrap_or(0))
    }

    /// The first of the latest repeats that was missed.
    pub(super) fn fall(&self) -> Option<Timestamp> {
        self.judged().filter(|repeat| !repeat.answered).map(|repeat| repeat.asked).min()
    }

    /// Share answered of the latest repeats asked since a moment, and their number.
    pub(super) fn since(&self, moment: Timestamp) -> (f64, u32) {
        let among = self.judged().filter(|repeat| repeat.asked >= moment);
        let (n, answered) = among.fold((0, 0), |(n, answered), r| (n + 1, answered + u32::from(r.answered)));
        (if n == 0 { 1.0 } else { f64::from(answered) / f64::from(n) }, n)
    }

    /// How many of the latest repeats were asked since a moment, and how many of them missed.
    pub(super) fn since_steered(&self, moment: Timestamp) -> (u32, u32) {
        let (share, n) = self.since(moment);
        (n, n - (share * f64::from(n)).round() as u32)
    }

    /// Takes back what was asked since a moment: it tells of a rate that is no longer used, and whatever else was asked then
    /// is asked again.
    pub(super) fn take_back_since(&mut self, moment: Timestamp) {
        for repeat in self.recent.iter().filter(|repeat| repeat.asked >= moment) {
            let count = if repeat.answered { &mut self.answered } else { &mut self.missed };
            *count = count.saturating_sub(1);
        }
        self.forget_recent();
    }

    /// Forgets the latest, keeping the totals: the rate has changed.
    pub(super) fn forget_recent(&mut self) {
        self.recent.clear();
        self.dropped = self.newest;
    }

    fn judged(&self) -> impl Iterator<Item = &Repeat> {
        self.recent.iter().filter(|repeat| repeat.asked > self.dropped)
    }
}

/// Whether more misses than chance explains, for a success rate expected: beyond 2.6 standard deviations and one.
pub(super) fn too_many_misses(asked: usize, missed: usize, expected: f64) -> bool {
    let n = asked as f64;
    let mean = n * (1.0 - expected);
    let deviation = (n * expected * (1.0 - expected)).sqrt();
    missed as f64 > mean + 2.6 * deviation + 1.0
}

/// Whether a success rate is really higher than another (2.6 standard deviations, and a tenth).
pub(super) fn clearly_better(better: (f64, u32), worse: (f64, u32)) -> bool {
    let (n, m) = (f64::from(better.1.max(1)), f64::from(worse.1.max(1)));
    let pooled = (better.0 * n + worse.0 * m) / (n + m);
    let deviation = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    better.0 - worse.0 > (2.6 * deviation).max(0.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(answered: u32, missed: u32) -> Estimate {
        Estimate::from_counts(answered, missed)
    }

    #[test]
    fn miss_is_the_mean_over_the_posterior() {
        assert!((estimate(0, 0).miss(1) - 0.5).abs() < 1e-12, "nothing known: one half");
        assert!((estimate(80, 0).miss(2) - 1.0 / 82.0 * 2.0 / 83.0).abs() < 1e-12);
        let lossy = estimate(490, 510).miss(8);
        assert!((0.51_f64.powi(8)..0.51_f64.powi(8) * 1.2).contains(&lossy), "{lossy}");
    }

    #[test]
    fn chance_is_told_from_change() {
        assert!(!too_many_misses(24, 1, 1.0));
        assert!(too_many_misses(24, 2, 1.0));
        assert!(!too_many_misses(24, 14, 0.49));
        assert!(clearly_better((1.0, 24), (0.1, 20)));
        assert!(!clearly_better((0.55, 24), (0.45, 24)));
    }
}
