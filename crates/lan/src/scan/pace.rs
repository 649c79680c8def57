//! The token bucket that no frame escapes.

use std::time::Duration;

use crate::time::Timestamp;

/// Lets frames out at a rate, some at once.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: f64,
    burst: f64,
    rate: f64,
    tokens: f64,
    since: Timestamp,
}

impl Bucket {
    /// In no second more than `max_pps` frames: what may come at once is taken off the rate.
    pub(super) fn new(max_pps: u32, now: Timestamp) -> Self {
        let max = f64::from(max_pps);
        let burst = (max / 250.0).floor().clamp(1.0, 64.0);
        Self { limit: max - burst, burst, rate: max - burst, tokens: 1.0, since: now }
    }

    /// Changes the rate, within the limit.
    pub(super) fn set_rate(&mut self, now: Timestamp, rate: f64) {
        self.refill(now);
        self.rate = rate.clamp(1.0, self.limit);
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Whether a frame may leave now.
    pub(super) fn ready(&mut self, now: Timestamp) -> bool {
        self.refill(now);
        self.tokens >= 1.0
    }

    /// A frame leaves.
    pub(super) fn take(&mut self) {
        self.tokens -= 1.0;
    }

    /// When to look again: when half a burst is there, so that frames leave in batches.
    pub(super) fn next(&self, now: Timestamp) -> Timestamp {
        let missing = ((self.at_once() / 2.0).ceil().max(1.0) - self.tokens).max(0.0);
        now + Duration::from_secs_f64(missing / self.rate)
    }

    fn refill(&mut self, now: Timestamp) {
        let earned = now.since(self.since).as_secs_f64() * self.rate;
        self.tokens = (self.tokens + earned).min(self.at_once());
        self.since = self.since.max(now);
    }

    /// A slow rate must not save up a burst for a moment that was meant to be slow.
    fn at_once(&self) -> f64 {
        self.burst.min((self.rate / 100.0).max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_than_the_limit() {
        for max in [2, 3, 50, 999, 4000, 20_000] {
            let mut bucket = Bucket::new(max, Timestamp::ZERO);
            let mut sent: Vec<Timestamp> = Vec::new();
            for step in 0..30_000_u64 {
                let now = Timestamp::from_nanos(step * 137_000);
                while bucket.ready(now) {
                    bucket.take();
                    sent.push(now);
                }
            }
            for window in sent.windows(max as usize + 1) {
                let span = window[window.len() - 1].since(window[0]);
                assert!(span >= Duration::from_secs(1), "{max}: {span:?}");
            }
            let seconds = 30_000.0 * 137e-6;
            assert!(sent.len() as f64 > f64::from(max) * seconds * 0.45, "{max}: only {}", sent.len());
        }
    }
}
