//! The conversation that an adapter file describes: recognise, log in, ask, and log out whatever happened.

use std::collections::BTreeMap;
use std::time::Duration;

use super::address::Offer;
use super::digest::{Session, basic};
use super::http::{Ask, Door, Got, Terms, title};
use super::{FetchError, Fingerprint, Request, Secret};
use crate::adapter::Adapter;
use crate::engine::description::{AuthScheme, Effect, Finally, Meaning, Scheme, Step};
use crate::engine::exchange::{Asked, Verdict, placeholders};
use crate::engine::fill::{Unfit, Vars};
use crate::engine::{Declared, plain};

/// What was said.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    /// (step, answer), in the order of the adapter file; without those that the router lacks and may.
    pub answers: Vec<(String, String)>,
    /// What was asked, without bodies and headers.
    pub asked: Vec<String>,
    /// The TLS certificate that the router showed.
    pub fingerprint: Option<Fingerprint>,
    /// Why the session could not be ended, where it could not.
    pub left_open: Option<String>,
}

/// Asks a router what an adapter file describes.
///
/// # Errors
/// See [`FetchError`]. What was begun has been ended by then.
pub fn converse(adapter: &Declared, request: &Request) -> Result<Conversation, FetchError> {
    let file = adapter.description();
    let way = Way::open(adapter, request)?;
    let mut talk = Talk {
        adapter,
        request,
        way: &way,
        session: None,
        vars: Vars::default(),
        said: Conversation::default(),
        user: request.user.clone().or_else(|| file.auth.user.clone()).unwrap_or_default(),
    };
    talk.may_log_in()?;
    talk.identify()?;
    talk.vars.set("user", talk.user.clone());
    let told = file.step.iter().try_for_each(|step| talk.step(step));
    // Whatever happened: a session that was begun is ended.
    let left_open = file.finally.iter().find_map(|last| talk.finally(last).err());
    told?;
    let mut said = talk.said;
    said.left_open = left_open;
    said.fingerprint = way.fingerprint();
    Ok(said)
}

/// HTTP, or a socket on this machine.
enum Way {
    Http(Box<Door>),
    #[cfg(unix)]
    Socket(super::socket::Socket),
}

impl Way {
    fn open(adapter: &Declared, request: &Request) -> Result<Self, FetchError> {
        let file = adapter.description();
        #[cfg(unix)]
        if let Some(path) =
            request.host.strip_prefix("unix:").or(request.host.starts_with('/').then_some(&*request.host))
        {
            if file.connect.socket.is_none() {
                return Err(FetchError::BadHost { host: plain(&request.host) });
            }
            let (limit, timeout) = (file.limits.max_body_kib * 1024, request.timeout);
            return Ok(Self::Socket(super::socket::Socket { path: path.into(), limit, timeout }));
        }
        Door::open(request, terms(adapter, request.timeout)).map(|door| Self::Http(Box::new(door)))
    }

    fn host(&self) -> String {
        match self {
            Self::Http(door) => door.host.clone(),
            #[cfg(unix)]
            Self::Socket(socket) => socket.path.display().to_string(),
        }
    }

    fn ask(&self, ask: &Ask<'_>, authorization: Option<&str>) -> Result<Got, FetchError> {
        match self {
            Self::Http(door) => door.ask(ask, authorization),
            #[cfg(unix)]
            Self::Socket(socket) => socket.ask(ask),
        }
    }

    /// Whether what is sent cannot be read on the way.
    fn is_private(&self) -> bool {
        match self {
            Self::Http(door) => door.secure,
            #[cfg(unix)]
            Self::Socket(_) => true,
        }
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        match self {
            Self::Http(door) => door.fingerprint(),
            #[cfg(unix)]
            Self::Socket(_) => None,
        }
    }
}

fn terms(adapter: &Declared, timeout: Duration) -> Terms {
    let file = adapter.description();
    Terms {
        adapter: file.id.clone(),
        offer: Offer { secure: file.connect.scheme == Scheme::Https, both: true, port: file.connect.port },
        body_limit: file.limits.max_body_kib * 1024,
        timeout: timeout.min(Duration::from_secs(file.limits.timeout_s)),
        listed: file.limits.requests.clone(),
    }
}

struct Talk<'a> {
    adapter: &'a Declared,
    request: &'a Request,
    way: &'a Way,
    session: Option<Session<'a>>,
    vars: Vars,
    said: Conversation,
    user: String,
}

/// One request as it is described.
struct Described<'d> {
    method: &'static str,
    path: &'d str,
    headers: &'d BTreeMap<String, String>,
    json: Option<&'d serde_json::Value>,
    xml: Option<&'d str>,
}

impl<'a> Talk<'a> {
    fn scheme(&self) -> AuthScheme {
        self.adapter.description().auth.scheme
    }

    fn secret(&self) -> Option<&'a Secret> {
        self.request.secret.as_ref()
    }

    fn wants_user(&self) -> bool {
        let steps = &self.adapter.description().step;
        let bodies = steps.iter().any(|step| {
            step.json.as_ref().is_some_and(|json| json.to_string().contains("{user}"))
                || step.xml.as_ref().is_some_and(|text| text.contains("{user}"))
                || step.derive.iter().any(|derive| derive.of.iter().any(|text| text.contains("{user}")))
        });
        bodies || matches!(self.scheme(), AuthScheme::Basic | AuthScheme::Challenge)
    }

    /// Whether there is all that the login needs, and it may be sent: asked before any packet.
    fn may_log_in(&self) -> Result<(), FetchError> {
        let adapter = self.adapter.description().id.clone();
        if self.scheme() == AuthScheme::None || self.secret().is_none() && self.adapter.description().auth.optional {
            return Ok(());
        }
        if self.secret().is_none() {
            return Err(FetchError::NoSecret { adapter });
        }
        if self.wants_user() && self.user.is_empty() {
            return Err(FetchError::NoUser { adapter });
        }
        let readable = match self.scheme() {
            AuthScheme::Basic | AuthScheme::Header => true,
            AuthScheme::Steps => self.adapter.description().step.iter().any(|step| {
                let carries = |text: &str| placeholders(text).contains(&"secret");
                step.json.as_ref().is_some_and(|json| carries(&json.to_string()))
                    || step.xml.as_deref().is_some_and(carries)
                    || step.headers.values().any(|value| carries(value))
            }),
            AuthScheme::None | AuthScheme::Challenge => false,
        };
        if readable && !self.way.is_private() && !self.request.allow_basic {
            return Err(FetchError::Readable { host: self.way.host() });
        }
        Ok(())
    }

    /// Asks for what the router shows to everybody; stops unless it is this adapter's.
    fn identify(&mut self) -> Result<(), FetchError> {
        let identify = &self.adapter.description().identify;
        let headers = BTreeMap::new();
        let (method, path) = match (&identify.get, &identify.post) {
            (Some(path), _) => ("GET", path),
            (None, Some(path)) => ("POST", path),
            (None, None) => return Ok(()),
        };
        let described = Described { method, path, headers: &headers, json: identify.json.as_ref(), xml: None };
        let got = self.send(&described, None, false)?;
        if self.adapter.identifies(&got) {
            return Ok(());
        }
        let found = if got.status == 200 { title(&got.body) } else { format!("HTTP status {}", got.status) };
        let wanted = self.adapter.description().title.clone();
        Err(FetchError::NotThisRouter { host: self.way.host(), wanted, found })
    }

    fn step(&mut self, step: &Step) -> Result<(), FetchError> {
        let login = step.effect == Some(Effect::Login);
        if login && self.secret().is_none() {
            return Ok(());
        }
        let (method, path) = match (&step.get, &step.post) {
            (Some(path), _) => ("GET", path),
            (None, Some(path)) => ("POST", path),
            (None, None) => return Ok(()),
        };
        // The secret is known for as long as it is being sent.
        let mut vars = self.vars.clone();
        if login && let Some(secret) = self.secret() {
            vars.set("secret", secret.reveal().to_owned());
        }
        vars.derive(&step.derive).map_err(|unfit| self.unfit(path, &unfit))?;
        let described =
            Described { method, path, headers: &step.headers, json: step.json.as_ref(), xml: step.xml.as_deref() };
        let got = self.send(&described, Some(&vars), true)?;
        let with_credential = self.secret().is_some() && self.scheme() != AuthScheme::None;
        let asked = Asked {
            expect: &step.expect,
            errors: &step.errors,
            capture: &step.capture,
            optional: step.optional,
            with_credential,
        };
        match self.adapter.judge(&asked, &got) {
            Verdict::Good(captured) => {
                for (name, value) in captured {
                    self.vars.set(&name, value);
                }
                self.said.answers.push((step.id.clone(), got.body));
                Ok(())
            }
            Verdict::Absent => Ok(()),
            Verdict::Means { meaning, wait, say } => Err(self.means(meaning, wait, say, path)),
            Verdict::Status if got.status == 401 && !with_credential => {
                Err(FetchError::NoSecret { adapter: self.adapter.description().id.clone() })
            }
            Verdict::Status => Err(FetchError::Status { path: path.clone(), status: got.status }),
            Verdict::NotUnderstood { wanted, found } => Err(FetchError::NotUnderstood {
                adapter: self.adapter.description().id.clone(),
                path: path.clone(),
                wanted,
                found,
            }),
        }
    }

    fn means(&self, meaning: Meaning, wait: Option<u64>, say: Option<String>, path: &str) -> FetchError {
        let (host, path) = (self.way.host(), path.to_owned());
        match meaning {
            Meaning::WrongPassword => FetchError::WrongPassword { host, user: self.user.clone() },
            Meaning::Busy => FetchError::Busy { host },
            Meaning::Locked => FetchError::Locked { host, wait, say },
            Meaning::Denied => FetchError::Denied { host, path, say },
            Meaning::NotOffered => FetchError::NotOffered { host, path, say },
        }
    }

    fn finally(&mut self, last: &Finally) -> Result<(), String> {
        if !last.needs.iter().all(|name| self.vars.has(name)) {
            return Ok(());
        }
        let (method, path) = match (&last.delete, &last.post) {
            (Some(path), _) => ("DELETE", path),
            (None, Some(path)) => ("POST", path),
            (None, None) => return Ok(()),
        };
        let vars = self.vars.clone();
        let described =
            Described { method, path, headers: &last.headers, json: last.json.as_ref(), xml: last.xml.as_deref() };
        let got = self.send(&described, Some(&vars), true).map_err(|error| error.to_string())?;
        // Some answer a logout with a redirect or 401: the session is gone either way. A 5xx says nothing.
        if got.status < 500 { Ok(()) } else { Err(format!("{path} answered {}", got.status)) }
    }

    fn unfit(&self, path: &str, unfit: &Unfit) -> FetchError {
        FetchError::NotUnderstood {
            adapter: self.adapter.description().id.clone(),
            path: path.to_owned(),
            wanted: format!("a plain text for {{{}}}", unfit.name),
            found: "something that cannot be put into a request".to_owned(),
        }
    }

    fn send(&mut self, asked: &Described<'_>, vars: Option<&Vars>, with_login: bool) -> Result<Got, FetchError> {
        let none = Vars::default();
        let vars = vars.unwrap_or(&none);
        let unfit = |unfit: Unfit| self.unfit(asked.path, &unfit);
        let path = vars.path(asked.path).map_err(unfit)?;
        let mut headers = Vec::new();
        for (name, value) in asked.headers {
            // Without a login there is nothing to carry.
            if self.secret().is_none() && placeholders(value).iter().any(|name| !vars.has(name)) {
                continue;
            }
            headers.push((name.clone(), vars.header(value).map_err(unfit)?));
        }
        let body = match (asked.json, asked.xml) {
            (Some(json), _) => Some(("application/json", vars.json(json).map_err(unfit)?.to_string())),
            (None, Some(text)) => Some(("text/xml; charset=\"utf-8\"", vars.xml(text).map_err(unfit)?)),
            (None, None) => None,
        };
        if let Some(position) = headers.iter().position(|(name, _)| name.eq_ignore_ascii_case("content-type"))
            && body.is_some()
        {
            headers.remove(position);
        }
        let mut authorization = None;
        if with_login && let Some(secret) = self.secret() {
            match self.scheme() {
                AuthScheme::Basic => authorization = Some(basic(&self.user, secret.reveal())),
                AuthScheme::Header => {
                    let header = self.adapter.description().auth.header.as_deref().unwrap_or_default();
                    let (name, value) = header.split_once(':').unwrap_or_default();
                    let mut with_secret = Vars::default();
                    with_secret.set("secret", secret.reveal().to_owned());
                    headers.push((name.trim().to_owned(), with_secret.header(value.trim()).map_err(unfit)?));
                }
                AuthScheme::None | AuthScheme::Challenge | AuthScheme::Steps => {}
            }
        }
        let ask = Ask {
            method: asked.method,
            listed: asked.path,
            path: &path,
            headers: &headers,
            body: body.as_ref().map(|(kind, text)| (*kind, text.as_str())),
        };
        self.said.asked.push(format!("{} {}", asked.method, asked.path));
        if with_login
            && self.scheme() == AuthScheme::Challenge
            && let Way::Http(door) = self.way
        {
            let user = self.adapter.description().auth.user.as_deref().unwrap_or_default();
            let session = self.session.get_or_insert_with(|| Session::new(door, self.request, user));
            return session.ask(&ask);
        }
        self.way.ask(&ask, authorization.as_deref())
    }
}

/// What one question told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// What was sent: `GET http://192.168.1.1/`.
    pub asked: String,
    /// What came, in a few words.
    pub answer: String,
    /// The adapters whose router it is.
    pub adapters: Vec<String>,
}

/// Asks a host what adapters ask first, each question once, without any credential. Only GETs.
///
/// # Errors
/// When the host is none, or not private; what cannot be reached is an answer.
pub fn identify_all(rust: &[&Adapter], files: &[Declared], request: &Request) -> Result<Vec<Identified>, FetchError> {
    let mut questions: BTreeMap<(bool, u16, String), Vec<Asker<'_>>> = BTreeMap::new();
    for adapter in rust.iter().filter_map(|adapter| Some((adapter.id, adapter.live?))) {
        questions.entry((false, 80, "/".to_owned())).or_default().push(Asker::Rust(adapter.0, adapter.1.identify));
    }
    for file in files {
        let description = file.description();
        let secure = description.connect.scheme == Scheme::Https;
        let port = description.connect.port.unwrap_or(if secure { 443 } else { 80 });
        if let Some(path) = &description.identify.get {
            questions.entry((secure, port, path.clone())).or_default().push(Asker::File(file));
        }
    }
    let mut found = Vec::new();
    let mut dead: Vec<(bool, u16)> = Vec::new();
    for ((secure, port, path), askers) in questions {
        if dead.contains(&(secure, port)) {
            continue;
        }
        let terms = Terms {
            adapter: "router identify".to_owned(),
            offer: Offer { secure, both: false, port: Some(port) },
            body_limit: 1024 * 1024,
            timeout: request.timeout,
            listed: vec![format!("GET {path}")],
        };
        let door = Door::open(request, terms)?;
        let asked = format!("GET {}://{}{path}", if secure { "https" } else { "http" }, door.host);
        let got = match door.ask(&Ask::get(&path), None) {
            Ok(got) => got,
            Err(error) => {
                if matches!(
                    error,
                    FetchError::Refused { .. } | FetchError::Unreachable { .. } | FetchError::TimedOut { .. }
                ) {
                    dead.push((secure, port));
                }
                found.push(Identified { asked, answer: error.to_string(), adapters: Vec::new() });
                continue;
            }
        };
        let mine = askers.iter().filter(|asker| asker.is_mine(&got)).map(Asker::id).collect();
        let answer = format!("HTTP status {}, {}", got.status, title(&got.body));
        found.push(Identified { asked, answer, adapters: mine });
    }
    Ok(found)
}

enum Asker<'a> {
    Rust(&'static str, fn(&str) -> bool),
    File(&'a Declared),
}

impl Asker<'_> {
    fn id(&self) -> String {
        match self {
            Self::Rust(id, _) => (*id).to_owned(),
            Self::File(file) => file.description().id.clone(),
        }
    }

    fn is_mine(&self, got: &Got) -> bool {
        match self {
            Self::Rust(_, is_home) => got.status == 200 && is_home(&got.body),
            Self::File(file) => file.identifies(got),
        }
    }
}
