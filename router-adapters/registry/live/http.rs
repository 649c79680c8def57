//! One request, within the limits: what is listed, no proxy, no redirect, a bounded body in a bounded time.

use std::error::Error as _;
use std::io::{self, Read as _};
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, Response};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};

use super::address::{self, Offer};
use super::tls::{self, Fingerprint, Seen};
use super::{FetchError, Request};
pub(super) use crate::engine::exchange::{Got, title};
pub(super) use crate::engine::plain;

/// What may be asked, and how much.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) adapter: String,
    pub(super) offer: Offer,
    pub(super) body_limit: u64,
    pub(super) timeout: Duration,
    /// `GET /path`, exactly.
    pub(super) listed: Vec<String>,
}

/// The way to one host.
#[derive(Debug)]
pub(super) struct Door {
    client: Client,
    pub(super) host: String,
    pub(super) secure: bool,
    terms: Terms,
    /// What may be asked besides, since the router's own description named it.
    also: std::cell::RefCell<Vec<String>>,
    known: Option<Fingerprint>,
    seen: Seen,
}

/// One request.
#[derive(Debug, Default)]
pub(super) struct Ask<'x> {
    pub(super) method: &'static str,
    /// The path as it is listed.
    pub(super) listed: &'x str,
    /// The path as it is asked.
    pub(super) path: &'x str,
    pub(super) headers: &'x [(String, String)],
    /// Content type and text.
    pub(super) body: Option<(&'static str, &'x str)>,
}

impl Door {
    pub(super) fn open(host: &str, request: &Request, terms: Terms) -> Result<Self, FetchError> {
        let host = address::resolve(host, terms.offer, request.allow_public)?;
        let known = request.pin.or_else(|| request.known.get(&host.authority).copied());
        let (seen, unreachable) =
            (Seen::default(), |reason: String| FetchError::Unreachable { host: host.authority.clone(), reason });
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .pool_max_idle_per_host(1)
            .timeout(terms.timeout)
            .connect_timeout(terms.timeout)
            .resolve(&host.name, host.address)
            .tls_backend_preconfigured(tls::config(known, &seen).map_err(unreachable)?)
            .user_agent(concat!("poolcheck/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| unreachable(innermost(&error)))?;
        Ok(Self {
            client,
            host: host.authority,
            secure: host.secure,
            terms,
            also: std::cell::RefCell::default(),
            known,
            seen,
        })
    }

    /// The certificate that the router showed.
    pub(super) fn fingerprint(&self) -> Option<Fingerprint> {
        self.seen.get()
    }

    /// Lets one more request be asked.
    pub(super) fn allow(&self, request: String) {
        self.also.borrow_mut().push(request);
    }

    /// Asks. What the adapter does not list is refused here, whoever asks.
    pub(super) fn ask(&self, ask: &Ask<'_>, authorization: Option<&str>) -> Result<Got, FetchError> {
        let listed = format!("{} {}", ask.method, ask.listed);
        // What was put in for a name is one segment: the number of slashes tells.
        let same_shape = ask.path.matches('/').count() == ask.listed.matches('/').count();
        let known = self.terms.listed.contains(&listed) || self.also.borrow().contains(&listed);
        if !known || !same_shape {
            return Err(FetchError::not_allowed(&self.terms.adapter, ask.path));
        }
        let started = Instant::now();
        let scheme = if self.secure { "https" } else { "http" };
        let method = match ask.method {
            "POST" => reqwest::Method::POST,
            "DELETE" => reqwest::Method::DELETE,
            _ => reqwest::Method::GET,
        };
        let mut send = self.client.request(method, format!("{scheme}://{}{}", self.host, ask.path));
        for (name, value) in ask.headers {
            let header = HeaderName::try_from(name.as_str()).ok().zip(HeaderValue::from_str(value).ok());
            let Some((name, mut value)) = header else {
                return Err(FetchError::not_allowed(&self.terms.adapter, name));
            };
            value.set_sensitive(true);
            send = send.header(name, value);
        }
        if let Some(value) = authorization {
            send = send.header(AUTHORIZATION, value);
        }
        if let Some((kind, text)) = ask.body {
            send = send.header(CONTENT_TYPE, kind).body(text.to_owned());
        }
        let response = send.send().map_err(|error| self.failed(ask.path, &error))?;
        let status = response.status().as_u16();
        if response.status().is_redirection() {
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
            return Err(FetchError::Redirected { path: ask.path.to_owned(), to: plain(to) });
        }
        let headers = response.headers().iter();
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        let headers = headers.filter_map(text).collect();
        let body = self.body(ask.path, response, started)?;
        Ok(Got { status, headers, body })
    }

    fn body(&self, path: &str, mut response: Response, started: Instant) -> Result<String, FetchError> {
        let limit = self.terms.body_limit;
        let too_large = || FetchError::TooLarge { path: path.to_owned(), limit };
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let (mut body, mut piece) = (Vec::new(), [0; 8192]);
        loop {
            let count = match response.read(&mut piece) {
                Ok(0) => return Ok(String::from_utf8_lossy(&body).into_owned()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if timed_out(&error) => return Err(self.timed_out(path)),
                Err(_) => return Err(FetchError::Truncated { path: path.to_owned() }),
            };
            body.extend_from_slice(&piece[..count]);
            if body.len() as u64 > limit {
                return Err(too_large());
            }
            // The client bounds each read; a router that drips must not hold the whole run.
            if started.elapsed() > self.terms.timeout {
                return Err(self.timed_out(path));
            }
        }
    }

    fn timed_out(&self, path: &str) -> FetchError {
        FetchError::TimedOut { host: self.host.clone(), path: path.to_owned(), after: self.terms.timeout }
    }

    fn failed(&self, path: &str, error: &reqwest::Error) -> FetchError {
        let host = self.host.clone();
        if error.is_timeout() {
            return self.timed_out(path);
        }
        if let (Some(known), Some(shown)) = (self.known, self.seen.get())
            && known != shown
        {
            return FetchError::TlsChanged { host, known: known.to_string(), shown: shown.to_string() };
        }
        let mut cause = error.source();
        while let Some(inner) = cause {
            if inner.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused) {
                return FetchError::Refused { host };
            }
            cause = inner.source();
        }
        FetchError::Unreachable { host, reason: innermost(error) }
    }
}

fn timed_out(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<reqwest::Error>());
    error.kind() == io::ErrorKind::TimedOut || inner.is_some_and(reqwest::Error::is_timeout)
}

/// The innermost cause says what happened; the outer ones repeat the address.
fn innermost(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    plain(&text)
}
