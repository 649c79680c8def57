//! The one door to a live router.
//!
//! Guarantees, whatever an adapter or a router says: one host, one request at a time; only the exact requests that the
//! adapter lists, so that a path with an effect can never be asked for; no proxy, no redirect followed, a bounded body and a
//! bounded time; private addresses only; no credential before the router has been recognised; a password is tried once,
//! readable only over TLS or where that was allowed, and a refusal ends the run; a session that was begun is ended.
//!
//! Adapters in Rust ([`Live`]) are asked by plain GETs; adapters that are files by what they describe ([`converse`]).

mod address;
mod converse;
mod digest;
mod error;
mod http;
mod secret;
#[cfg(unix)]
mod socket;
mod tls;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

pub use converse::{Conversation, Identified, converse, identify_all};
pub use error::FetchError;
pub use secret::Secret;
pub use tls::Fingerprint;

use crate::adapter::Adapter;
use address::Offer;
use digest::Session;
use http::{Ask, Door, Terms};

/// How an adapter's pages are fetched from a live router.
#[derive(Debug)]
pub struct Live {
    /// The router's address as it leaves the factory.
    pub default_host: &'static str,
    /// Its only user's name.
    pub user: &'static str,
    /// The exact paths that are fetched, in this order, with a login.
    pub pages: &'static [&'static str],
    /// Exact paths that are fetched too where the router has them.
    pub optional: &'static [&'static str],
    /// Whether the page `/`, which the router shows without a login, is this router's.
    pub identify: fn(&str) -> bool,
}

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
    /// The fingerprint of the router's TLS certificate; `None` to take the one that it shows.
    pub pin: Option<Fingerprint>,
    /// Whether the password may be sent readable to a router that offers nothing better.
    pub allow_basic: bool,
    /// Which of the adapter's paths to fetch; `None` for all of them.
    pub pages: Option<Vec<String>>,
    /// How long to wait before a page is asked again after a lost race for a nonce.
    pub pause: fn() -> Duration,
}

impl Request {
    /// A request with the defaults: the adapter's user and pages, 30 s, private addresses, Digest only.
    pub fn new(host: impl Into<String>, secret: impl Into<Option<Secret>>) -> Self {
        Self {
            host: host.into(),
            user: None,
            secret: secret.into(),
            timeout: Duration::from_secs(30),
            allow_public: false,
            pin: None,
            allow_basic: false,
            pages: None,
            pause: jitter,
        }
    }
}

/// No page of a router that is read here is a tenth of this.
const BODY_LIMIT: u64 = 256 * 1024;

/// 0.5 to 2 s, at random: clients that lost a race for a nonce must not meet again.
fn jitter() -> Duration {
    Duration::from_millis(500 + RandomState::new().build_hasher().finish() % 1501)
}

/// Fetches an adapter's pages: path and text, the first page `/` last.
///
/// # Errors
/// See [`FetchError`]. [`FetchError::NotLive`] to [`FetchError::PublicAddress`] occur before any packet is sent.
pub fn fetch(adapter: &Adapter, request: &Request) -> Result<Vec<(String, String)>, FetchError> {
    let live = adapter.live.ok_or_else(|| FetchError::NotLive { adapter: adapter.id.to_owned() })?;
    let wanted = wanted(adapter.id, live, request)?;
    let paths = live.pages.iter().chain(live.optional).chain(&["/"]);
    let terms = Terms {
        adapter: adapter.id.to_owned(),
        offer: Offer { secure: false, both: false, port: None },
        body_limit: BODY_LIMIT,
        timeout: request.timeout,
        listed: paths.map(|path| format!("GET {path}")).collect(),
    };
    let door = Door::open(request, terms)?;
    let home = identify(adapter, live, &door)?;
    let mut session = Session::new(&door, request, live.user);
    let mut pages = Vec::new();
    for path in wanted {
        match session.page(path) {
            Ok(text) => pages.push((path.to_owned(), text)),
            Err(FetchError::Status { status: 403 | 404, .. }) if live.optional.contains(&path) => {}
            Err(error) => return Err(error),
        }
    }
    pages.push(("/".to_owned(), home));
    Ok(pages)
}

/// The paths to fetch, as the adapter spells them.
fn wanted(adapter: &str, live: &Live, request: &Request) -> Result<Vec<&'static str>, FetchError> {
    let listed = || live.pages.iter().chain(live.optional).copied();
    let Some(asked) = &request.pages else { return Ok(listed().collect()) };
    let one =
        |path: &String| listed().find(|known| known == path).ok_or_else(|| FetchError::not_allowed(adapter, path));
    asked.iter().map(one).collect()
}

/// Asks for the first page without credentials; stops unless it is this adapter's router.
fn identify(adapter: &Adapter, live: &Live, door: &Door) -> Result<String, FetchError> {
    let reply = door.ask(&Ask::get("/"), None)?;
    if reply.status == 200 && (live.identify)(&reply.body) {
        return Ok(reply.body);
    }
    let found = if reply.status == 200 { http::title(&reply.body) } else { format!("HTTP status {}", reply.status) };
    Err(FetchError::NotThisRouter { host: door.host.clone(), wanted: adapter.title.to_owned(), found })
}
