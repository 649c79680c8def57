//! Metrics of a watch for Prometheus, on loopback only.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tiny_http::{Header, Method, Response, Server};

use super::{Scan, State};
use crate::failure::Failure;
use crate::session::usage;

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
        if !address.ip().is_loopback() {
            let help = "write 127.0.0.1:9402; let a proxy with a password carry it further";
            return Err(usage(&format!("metrics are served on loopback only, not on {address}"), help));
        }
        let server =
            Server::http(address).map_err(|error| usage(&format!("{address} cannot be listened on: {error}"), ""))?;
        let bound = server.server_addr().to_ip().unwrap_or(address);
        let metrics = Self(Arc::default());
        let shared = metrics.clone();
        std::thread::spawn(move || {
            for request in server.incoming_requests() {
                let right = *request.method() == Method::Get && matches!(request.url(), "/metrics" | "/");
                let text = if right { shared.text() } else { "only GET /metrics\n".to_owned() };
                let mut response = Response::from_string(text).with_status_code(if right { 200 } else { 404 });
                if let Ok(kind) = Header::from_bytes("Content-Type", "text/plain; version=0.0.4") {
                    response.add_header(kind);
                }
                // Who asked may have gone: nobody is left to be told.
                drop(request.respond(response));
            }
        });
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
        let mut out = String::new();
        let mut metric = |name: &str, kind: &str, help: &str, rows: &[(String, u64)]| {
            writeln!(out, "# HELP poolcheck_{name} {help}\n# TYPE poolcheck_{name} {kind}")
                .expect("writes to a string");
            for (labels, value) in rows {
                writeln!(out, "poolcheck_{name}{labels} {value}").expect("writes to a string");
            }
        };
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
        out
    }
}
