//! The one door to a live router.
//!
//! Guarantees, whatever an adapter or a router says: one host, one request at a time; only the exact requests that the
//! adapter lists, so that a path with an effect can never be asked for; no proxy, no redirect followed, a bounded body and a
//! bounded time; private addresses only; no credential before the router has been recognised; a password is tried once,
//! readable only over TLS or where that was allowed, and a refusal ends the run; a session that was begun is ended.
//!
//! There is one way to ask: [`converse`], by what an adapter file describes. Where the answers are pages that an adapter in
//! Rust reads, the file says so (`reads`), and describes the asking alone.

mod address;
mod converse;
mod digest;
mod error;
mod http;
#[cfg(unix)]
mod socket;
mod tls;
mod upnp;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

pub use crate::secret::Secret;
pub use converse::{Conversation, Identified, converse, identify_all, record};
pub use error::FetchError;
pub use tls::Fingerprint;

/// What to fetch, from where, as whom.
#[derive(Debug)]
pub struct Request {
    /// Host name or address, with a port where it is not 80: `192.168.1.1`, `hub.lan:8080`, `[fe80::1]`.
    pub host: String,
    /// The user's name; `None` for the adapter's own.
    pub user: Option<String>,
    /// The password or key; `None` where a router is asked without one.
    pub secret: Option<Secret>,
    /// The time each request may take.
    pub timeout: Duration,
    /// Whether an address outside private, link-local and loopback ranges may be asked.
    pub allow_public: bool,
    /// The fingerprint that the router's TLS certificate must have; `None` for the one that is known.
    pub pin: Option<Fingerprint>,
    /// The fingerprints that are known, by host and port as they stand in a URL; a host that is not among them may show any.
    pub known: std::collections::BTreeMap<String, Fingerprint>,
    /// Whether the password may be sent readable to a router that offers nothing better.
    pub allow_basic: bool,
    /// Where a search for UPnP devices is sent: the segment's group, 239.255.255.250:1900 (UPnP Device Architecture 1.1, section 1.3).
    pub search: std::net::SocketAddr,
    /// How long to wait before a page is asked again after a lost race for a nonce.
    pub pause: fn() -> Duration,
    /// Set from outside, a conversation ends after the answer that it awaits: what was begun is ended first.
    pub stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Request {
    /// A request with the defaults: the adapter's user, 30 s, private addresses, Digest only.
    pub fn new(host: impl Into<String>, secret: impl Into<Option<Secret>>) -> Self {
        Self {
            host: host.into(),
            user: None,
            secret: secret.into(),
            timeout: Duration::from_secs(30),
            allow_public: false,
            pin: None,
            known: std::collections::BTreeMap::new(),
            allow_basic: false,
            search: std::net::SocketAddr::from(([239, 255, 255, 250], 1900)),
            pause: jitter,
            stop: std::sync::Arc::default(),
        }
    }
}

/// 0.5 to 2 s, at random: clients that lost a race for a nonce must not meet again.
fn jitter() -> Duration {
    Duration::from_millis(500 + RandomState::new().build_hasher().finish() % 1501)
}
