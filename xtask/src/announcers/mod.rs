//! Announcers watched from outside: what `cargo xtask conformance` and `cargo xtask bench announce` have in common.
//!
//! A [`Lan`](lan::Lan) within a network namespace: nodes in namespaces of their own on a bridge, and interfaces of this program
//! beside them, from which it asks and makes claims. On each node a [`Peer`](peer::Peer) runs, any announcer at all. What the
//! nodes send is read where their cables meet the bridge ([`wire::Recorder`]), so that every frame is known with its sender,
//! whatever its source address says, and with the kernel's moment.

pub(crate) mod client;
pub(crate) mod lan;
pub(crate) mod peer;
pub(crate) mod process;
pub(crate) mod wire;

use std::time::{Duration, Instant};

/// A moment of the program's own [`Clock`]. Links have clocks of their own; all moments here are of this one.
pub(crate) use poolcheck_lan::Timestamp as Moment;

/// The clock that all moments belong to.
#[derive(Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Moment {
        Moment::ZERO + self.0.elapsed()
    }
}

/// Milliseconds, for people.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
