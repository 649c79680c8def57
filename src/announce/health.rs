//! Checks: commands that say whether traffic for an address can be served here.
//!
//! Each distinct check runs in a thread of its own, so that one that hangs delays nobody. Until it has succeeded as often as
//! it must, an address is not ready here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use poolcheck_announcer::Waker;

use super::command;
use super::config::Check;

/// A check changed its mind.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) check: Check,
    pub(super) ready: bool,
    /// Why it failed.
    pub(super) why: Option<String>,
}

/// All checks.
pub(super) struct Health {
    known: BTreeMap<Check, Known>,
    said: mpsc::Sender<Verdict>,
    waker: Waker,
}

struct Known {
    ready: bool,
    over: Arc<AtomicBool>,
}

impl Health {
    pub(super) fn new(said: mpsc::Sender<Verdict>, waker: Waker) -> Self {
        Self { known: BTreeMap::new(), said, waker }
    }

    /// Runs these checks from now on; those that ran before go on undisturbed.
    pub(super) fn run(&mut self, checks: impl Iterator<Item = Check>) {
        let mut before = std::mem::take(&mut self.known);
        for check in checks {
            let known = before.remove(&check);
            let known = known.unwrap_or_else(|| {
                let over = Arc::new(AtomicBool::new(false));
                let (mine, said, waker, ended) = (check.clone(), self.said.clone(), self.waker.clone(), over.clone());
                thread::spawn(move || watch(&mine, &said, &waker, &ended));
                Known { ready: false, over }
            });
            self.known.entry(check).or_insert(known);
        }
        for known in before.values() {
            known.over.store(true, Ordering::Relaxed);
        }
    }

    /// Takes note of a verdict.
    pub(super) fn note(&mut self, verdict: &Verdict) {
        if let Some(known) = self.known.get_mut(&verdict.check) {
            known.ready = verdict.ready;
        }
    }

    /// Whether an address with this check, or without any, is ready here.
    pub(super) fn is_ready(&self, check: Option<&Check>) -> bool {
        check.is_none_or(|check| self.known.get(check).is_some_and(|known| known.ready))
    }
}

fn watch(check: &Check, said: &mpsc::Sender<Verdict>, waker: &Waker, over: &AtomicBool) {
    let (mut ready, mut streak, mut first) = (false, 0, true);
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        let failed = command::run(&check.command, check.timeout);
        // How often in a row it has contradicted what is believed.
        streak = if failed.is_none() == ready { 0 } else { streak + 1 };
        let enough = streak >= if ready { check.fall } else { check.rise };
        if enough || (first && failed.is_some()) {
            (ready, streak) = (failed.is_none(), 0);
            let verdict = Verdict { check: check.clone(), ready, why: failed };
            if said.send(verdict).is_err() {
                return;
            }
            waker.wake();
        }
        first = false;
        thread::sleep(check.every.saturating_sub(began.elapsed()));
    }
}
