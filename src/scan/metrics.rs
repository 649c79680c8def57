//! Metrics of a watch for Prometheus.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Scan, State};
use crate::failure::Failure;
use crate::metrics::Page;

/// Serves the latest numbers from a thread of its own, which ends with the program.
#[derive(Debug, Clone)]
pub(crate) struct Metrics(Arc<Mutex<Numbers>>);

#[derive(Debug, Default)]
struct Numbers {
    rounds: u64,
    frames: u64,
    partial: u64,
    at: u64,
    states: Vec<(State, usize)>,
}

const STATES: [State; 7] =
    [State::Squatter, State::SecondOwner, State::Announced, State::Node, State::Router, State::Proxy, State::Other];

impl Metrics {
    /// Begins to serve; only addresses of this machine itself are accepted.
    pub(crate) fn serve(address: SocketAddr) -> Result<(Self, SocketAddr), Failure> {
        let metrics = Self(Arc::default());
        let shared = metrics.clone();
        let bound = crate::metrics::serve(address, move || shared.text())?;
        Ok((metrics, bound))
    }

    /// Takes the numbers of one round; `at` is seconds since 1970.
    pub(crate) fn note(&self, scan: &Scan, at: u64) {
        let mut numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.rounds += 1;
        numbers.at = at;
        if let Some(run) = &scan.run {
            numbers.frames += run.frames;
            numbers.partial += u64::from(run.cut_short.is_some());
        }
        numbers.states = STATES.map(|state| (state, scan.rows.iter().filter(|row| row.state == state).count())).into();
    }

    fn text(&self) -> String {
        let numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = Page::default();
        let mut metric = |name, kind, help, rows: &[(String, u64)]| page.add(name, kind, help, rows);
        let alone = |value: u64| [(String::new(), value)];
        metric("scan_rounds_total", "counter", "Rounds of asking.", &alone(numbers.rounds));
        metric("scan_partial_rounds_total", "counter", "Rounds that were cut short.", &alone(numbers.partial));
        metric("scan_frames_sent_total", "counter", "Frames sent.", &alone(numbers.frames));
        metric("scan_last_timestamp_seconds", "gauge", "When the last round ended.", &alone(numbers.at));
        let states = numbers.states.iter().map(|(state, count)| {
            let name = if *state == State::Other { "other" } else { state.name() };
            (format!("{{state=\"{}\"}}", name.replace(' ', "_").to_ascii_lowercase()), *count as u64)
        });
        let states: Vec<(String, u64)> = states.collect();
        metric("scan_machines", "gauge", "Machines seen at addresses, by what that makes them.", &states);
        page.text
    }
}
