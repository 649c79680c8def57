//! Metrics for Prometheus, on loopback only.

use std::fmt::{Display, Write as _};
use std::net::SocketAddr;

use tiny_http::{Header, Method, Response, Server};

use crate::failure::Failure;
use crate::session::usage;

/// Serves what `text` gives from a thread of its own, which ends with the program; only addresses of this machine itself
/// are accepted. Gives the address with the port that was chosen.
pub(crate) fn serve(address: SocketAddr, text: impl Fn() -> String + Send + 'static) -> Result<SocketAddr, Failure> {
    if !address.ip().is_loopback() {
        let help = "write 127.0.0.1:9402; let a proxy with a password carry it further";
        return Err(usage(&format!("metrics are served on loopback only, not on {address}"), help));
    }
    let server =
        Server::http(address).map_err(|error| usage(&format!("{address} cannot be listened on: {error}"), ""))?;
    let bound = server.server_addr().to_ip().unwrap_or(address);
    std::thread::spawn(move || {
        for request in server.incoming_requests() {
            let right = *request.method() == Method::Get && matches!(request.url(), "/metrics" | "/");
            let text = if right { text() } else { "only GET /metrics\n".to_owned() };
            let mut response = Response::from_string(text).with_status_code(if right { 200 } else { 404 });
            if let Ok(kind) = Header::from_bytes("Content-Type", "text/plain; version=0.0.4") {
                response.add_header(kind);
            }
            // Who asked may have gone: nobody is left to be told.
            drop(request.respond(response));
        }
    });
    Ok(bound)
}

/// A page of metrics, in the text format that Prometheus reads.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) text: String,
}

impl Page {
    /// Adds a metric: its name without `poolcheck_`, whether it is a gauge or a counter, what it tells, and its values by
    /// labels (`{state="up"}`, or nothing).
    pub(crate) fn add(&mut self, name: &str, kind: &str, help: &str, rows: &[(String, impl Display)]) {
        writeln!(self.text, "# HELP poolcheck_{name} {help}\n# TYPE poolcheck_{name} {kind}")
            .expect("writes to a string");
        for (labels, value) in rows {
            writeln!(self.text, "poolcheck_{name}{labels} {value}").expect("writes to a string");
        }
    }
}
