//! Runs a [`Machine`] on a [`Link`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::error::Result;
use crate::link::Link;
use crate::machine::Machine;

/// How long one wait may last: so soon a cancellation is noticed.
const LONGEST_WAIT: Duration = Duration::from_millis(50);
/// A full queue of the interface is given this long.
const QUEUE_WAIT: Duration = Duration::from_millis(1);
/// Frames handed to the link at once.
const BATCH: usize = 64;

/// Ends a run from another thread or a signal handler. Clones are handles of the same one.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the run to end.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it has been asked to.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// The machine had finished.
    Finished,
    /// It was asked to end.
    Cancelled,
}

/// Runs a machine until it has finished or is cancelled, and hands on what it reports.
///
/// # Errors
///
/// What the link says: the machine keeps what it knows by then.
pub fn drive<M: Machine>(
    machine: &mut M,
    link: &mut (impl Link + ?Sized),
    cancel: &Cancel,
    mut report: impl FnMut(M::Event),
) -> Result<Run> {
    let (mut leaving, mut arrived) = (Vec::new(), Vec::new());
    loop {
        let now = link.now();
        while leaving.len() < BATCH
            && let Some(frame) = machine.poll_output(now)
        {
            leaving.push(frame);
        }
        let full = leaving.len() == BATCH;
        let sent = link.send(&leaving)?;
        leaving.drain(..sent);
        while let Some(event) = machine.poll_event() {
            report(event);
        }
        let Some(wake) = machine.poll_timeout() else { return Ok(Run::Finished) };
        if cancel.is_cancelled() {
            return Ok(Run::Cancelled);
        }
        let until = match (leaving.is_empty(), full) {
            (false, _) => now + QUEUE_WAIT,
            (true, true) => now,
            (true, false) => wake.min(now + LONGEST_WAIT),
        };
        link.receive(until, &mut arrived)?;
        for received in arrived.drain(..) {
            machine.handle(received.at, &received.frame);
        }
    }
}
