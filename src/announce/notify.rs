//! Commands that are told where an address is: `COMMAND… owned|released ADDRESS`.
//!
//! Each distinct command has a thread of its own, so that one that hangs delays no other and never the announcer. It is told
//! one thing after the other; what was overtaken by newer news of the same address meanwhile is left out.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use poolcheck_announcer::Waker;

use super::command;

/// How long one run may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How long runs under way are waited for at the end.
const PATIENCE: Duration = Duration::from_secs(10);

/// All such commands.
pub(super) struct Notify {
    workers: BTreeMap<Vec<String>, Worker>,
    failed: mpsc::Sender<String>,
    waker: Waker,
}

struct Worker {
    news: mpsc::Sender<(IpAddr, bool)>,
    thread: JoinHandle<()>,
}

impl Notify {
    /// Failures are said in a sentence.
    pub(super) fn new(failed: mpsc::Sender<String>, waker: Waker) -> Self {
        Self { workers: BTreeMap::new(), failed, waker }
    }

    /// Tells a command that this machine owns an address from now on, or does not.
    pub(super) fn tell(&mut self, command: &[String], address: IpAddr, owned: bool) {
        if command.is_empty() {
            return;
        }
        let worker = self.workers.entry(command.to_vec()).or_insert_with(|| {
            let (news, queue) = mpsc::channel();
            let (mine, failed, waker) = (command.to_vec(), self.failed.clone(), self.waker.clone());
            Worker { news, thread: thread::spawn(move || work(&mine, &queue, &failed, &waker)) }
        });
        // It ends only when this does.
        let _ = worker.news.send((address, owned));
    }

    /// Lets all say what they have to say, for a while.
    pub(super) fn end(self) {
        let began = Instant::now();
        let threads: Vec<JoinHandle<()>> = self.workers.into_values().map(|worker| worker.thread).collect();
        while !threads.iter().all(JoinHandle::is_finished) && began.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn work(command: &[String], queue: &mpsc::Receiver<(IpAddr, bool)>, failed: &mpsc::Sender<String>, waker: &Waker) {
    while let Ok(first) = queue.recv() {
        let mut pending = vec![first];
        for (address, owned) in queue.try_iter() {
            pending.retain(|(other, _)| *other != address);
            pending.push((address, owned));
        }
        for (address, owned) in pending {
            let state = if owned { "owned" } else { "released" };
            let whole = [command, &[state.to_owned(), address.to_string()]].concat();
            if let Some(why) = command::run(&whole, LIMIT) {
                // Nobody is left to hear it when the program ends.
                drop(failed.send(format!("notify failed: {}: {why}", whole.join(" "))));
                waker.wake();
            }
        }
    }
}
