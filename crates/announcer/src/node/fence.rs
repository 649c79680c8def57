//! When a node may speak for its addresses: never before it has heard the segment, never after it stood still.
//!
//! An owner's right to answer is a lease that its own beats renew: it ends [`Timing::fence`] after the latest beat *left*,
//! by its own monotonic clock. Others wait for [`Timing::dead`] after the latest beat *arrived*. So a process that was
//! stopped finds its lease ended when it wakes, whatever waits in its socket, before anyone else could own its addresses
//! at the same time.

use std::time::Duration;

use poolcheck_lan::Timestamp;

use crate::settings::Timing;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// No link.
    Down,
    /// Has not been polled yet.
    New,
    /// Hears, beats, and owns nothing; `woken`: knew the segment before.
    Listening { since: Timestamp, woken: bool },
    /// Takes part.
    Active { since: Timestamp },
    /// Has said goodbye.
    Gone,
}

#[derive(Debug)]
pub(super) struct Fence {
    standing: Standing,
    beaten: Timestamp,
    next_beat: Timestamp,
}

impl Fence {
    pub(super) const fn new(up: bool) -> Self {
        let standing = if up { Standing::New } else { Standing::Down };
        Self { standing, beaten: Timestamp::ZERO, next_beat: Timestamp::ZERO }
    }

    pub(super) const fn is_active(&self) -> bool {
        matches!(self.standing, Standing::Active { .. })
    }

    pub(super) const fn is_gone(&self) -> bool {
        matches!(self.standing, Standing::Gone)
    }

    pub(super) const fn is_down(&self) -> bool {
        matches!(self.standing, Standing::Down)
    }

    /// Since when it takes part.
    pub(super) const fn active_since(&self) -> Option<Timestamp> {
        match self.standing {
            Standing::Active { since } => Some(since),
            _ => None,
        }
    }

    pub(super) fn may_answer(&self, now: Timestamp, timing: &Timing) -> bool {
        self.is_active() && now.since(self.beaten) <= timing.fence
    }

    /// Looks at the clock. `Some`: it stood still for so long, and must listen anew.
    pub(super) fn advance(&mut self, now: Timestamp, timing: &Timing) -> Option<Duration> {
        match self.standing {
            Standing::New => {
                self.standing = Standing::Listening { since: now, woken: false };
                (self.beaten, self.next_beat) = (now, now);
                None
            }
            Standing::Listening { .. } | Standing::Active { .. } => {
                let missing = now.since(self.beaten);
                if missing <= timing.fence {
                    return None;
                }
                let woken = !matches!(self.standing, Standing::Listening { woken: false, .. });
                self.standing = Standing::Listening { since: now, woken };
                (self.beaten, self.next_beat) = (now, now);
                Some(missing)
            }
            Standing::Down | Standing::Gone => None,
        }
    }

    /// Since when it listens, and whether it has listened for long enough if everyone known has spoken since.
    pub(super) fn listened(&self, now: Timestamp, timing: &Timing, company: bool) -> Option<(Timestamp, bool)> {
        let Standing::Listening { since, woken } = self.standing else { return None };
        Some((since, now.since(since) >= timing.listen() || (woken && company)))
    }

    pub(super) fn activate(&mut self, now: Timestamp) {
        self.standing = Standing::Active { since: now };
        self.next_beat = now;
    }

    pub(super) fn link_down(&mut self) {
        if !self.is_gone() {
            self.standing = Standing::Down;
        }
    }

    pub(super) fn link_up(&mut self, now: Timestamp) {
        if self.is_down() {
            self.standing = Standing::Listening { since: now, woken: false };
            (self.beaten, self.next_beat) = (now, now);
        }
    }

    pub(super) const fn leave(&mut self) {
        self.standing = Standing::Gone;
    }

    pub(super) fn beat_now(&mut self, now: Timestamp) {
        self.next_beat = self.next_beat.min(now);
    }

    pub(super) fn beat_is_due(&self, now: Timestamp) -> bool {
        now >= self.next_beat && matches!(self.standing, Standing::Listening { .. } | Standing::Active { .. })
    }

    /// A beat cannot wait for anything any more.
    pub(super) fn is_late(&self, now: Timestamp, timing: &Timing) -> bool {
        now >= self.next_beat + timing.beat / 4
    }

    pub(super) const fn last_beat(&self) -> Timestamp {
        self.beaten
    }

    pub(super) fn beaten(&mut self, now: Timestamp, timing: &Timing) {
        (self.beaten, self.next_beat) = (now, now + timing.beat);
    }

    /// When something is due. Listening ends with a beat: so long nobody minds.
    pub(super) const fn timeout(&self) -> Timestamp {
        match self.standing {
            Standing::New => Timestamp::ZERO,
            Standing::Listening { .. } | Standing::Active { .. } => self.next_beat,
            Standing::Down | Standing::Gone => Timestamp::FAR_FUTURE,
        }
    }
}
