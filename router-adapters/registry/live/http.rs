//! One GET, within the limits: the allow-list, no proxy, no redirect, a bounded body in a bounded time.

use std::error::Error as _;
use std::io::{self, Read as _};
use std::time::Instant;

use reqwest::blocking::{Client, Response};
use reqwest::header::{AUTHORIZATION, HeaderMap, LOCATION, WWW_AUTHENTICATE};

use super::{FetchError, Live, Request, address};

/// No page of a router that is read here is a tenth of this.
const BODY_LIMIT: u64 = 256 * 1024;

/// The way to one host.
#[derive(Debug)]
pub(super) struct Door<'a> {
    client: Client,
    pub(super) host: String,
    request: &'a Request,
    live: &'a Live,
}

/// A router's answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// The challenges of a 401, as they stand in the headers.
    pub(super) challenges: Vec<String>,
    pub(super) body: String,
}

impl<'a> Door<'a> {
    pub(super) fn open(request: &'a Request, live: &'a Live) -> Result<Self, FetchError> {
        let host = address::resolve(&request.host, request.allow_public)?;
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .pool_max_idle_per_host(1)
            .timeout(request.timeout)
            .connect_timeout(request.timeout)
            .resolve(&host.name, host.address)
            .user_agent(concat!("poolcheck/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| FetchError::Unreachable { host: host.authority.clone(), reason: innermost(&error) })?;
        Ok(Self { client, host: host.authority, request, live })
    }

    /// Asks for one page. A path that the adapter does not list is refused here, whoever asks.
    pub(super) fn get(&self, path: &str, authorization: Option<&str>) -> Result<Reply, FetchError> {
        if path != "/" && !self.live.pages.contains(&path) && !self.live.optional.contains(&path) {
            return Err(FetchError::not_allowed("of this router", path));
        }
        let started = Instant::now();
        let mut get = self.client.get(format!("http://{}{path}", self.host));
        if let Some(value) = authorization {
            get = get.header(AUTHORIZATION, value);
        }
        let response = get.send().map_err(|error| self.failed(path, &error))?;
        let status = response.status().as_u16();
        if response.status().is_redirection() {
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
            return Err(FetchError::Redirected { path: path.to_owned(), to: plain(to) });
        }
        let challenges = texts(response.headers());
        let body = self.body(path, response, started)?;
        Ok(Reply { status, challenges, body })
    }

    fn body(&self, path: &str, mut response: Response, started: Instant) -> Result<String, FetchError> {
        let too_large = || FetchError::TooLarge { path: path.to_owned(), limit: BODY_LIMIT };
        if response.content_length().is_some_and(|length| length > BODY_LIMIT) {
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
            if body.len() as u64 > BODY_LIMIT {
                return Err(too_large());
            }
            // The client bounds each read; a router that drips must not hold the whole run.
            if started.elapsed() > self.request.timeout {
                return Err(self.timed_out(path));
            }
        }
    }

    fn timed_out(&self, path: &str) -> FetchError {
        FetchError::TimedOut { host: self.host.clone(), path: path.to_owned(), after: self.request.timeout }
    }

    fn failed(&self, path: &str, error: &reqwest::Error) -> FetchError {
        let host = self.host.clone();
        if error.is_timeout() {
            return self.timed_out(path);
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

fn texts(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    values.filter_map(|value| value.to_str().ok()).map(str::to_owned).collect()
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

/// The title of a page, for a message.
pub(super) fn title(body: &str) -> String {
    let lower = body.to_ascii_lowercase();
    let inside = || {
        let start = lower.find("<title")?;
        let start = start + lower[start..].find('>')? + 1;
        let end = start + lower[start..].find("</title")?;
        Some(format!("<title>{}</title>", plain(&body[start..end])))
    };
    if body.trim().is_empty() {
        "an empty page".to_owned()
    } else {
        inside().unwrap_or_else(|| "a page without a title".to_owned())
    }
}

/// A text from outside made fit for one line on a terminal.
pub(super) fn plain(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}
