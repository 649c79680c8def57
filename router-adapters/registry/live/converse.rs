//! The conversation that an adapter file describes: recognise, log in, ask, and log out whatever happened.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::address::Offer;
use super::digest::{Session, basic};
use super::http::{Ask, Door, Got, Terms, title};
use super::upnp::{self, Located};
use super::{FetchError, Fingerprint, Request, Secret};
use crate::engine::description::{AuthScheme, Effect, Finally, Meaning, Scheme, Step};
use crate::engine::exchange::{Asked, IDENTIFY, Verdict, placeholders};
use crate::engine::fill::{Unfit, Vars};
use crate::engine::{Declared, plain};

/// What was said.
#[derive(Clone, Default)]
pub struct Conversation {
    /// (step, answer), `identify` first, then in the order of the adapter file; without those that the router lacks and may.
    pub answers: Vec<(String, String)>,
    /// What was asked, without bodies and headers.
    pub asked: Vec<String>,
    /// The host and port that were asked, as they stand in a URL, or the path of a socket; without the port where it was
    /// searched for.
    pub host: String,
    /// The TLS certificate that the router showed.
    pub fingerprint: Option<Fingerprint>,
    /// Why the session could not be ended, where it could not.
    pub left_open: Option<String>,
    /// What the router gave for this session alone.
    private: Vec<String>,
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversation").field("host", &self.host).field("asked", &self.asked).finish_non_exhaustive()
    }
}

impl Conversation {
    /// Answers without what the router gave for this session alone.
    pub fn without_session(&self) -> Vec<(String, String)> {
        let clean = |text: &String| {
            let mut text = text.clone();
            let mut private: Vec<&String> = self.private.iter().collect();
            private.sort_by_key(|private| std::cmp::Reverse(private.len()));
            for private in private.into_iter().filter(|private| private.len() >= 4) {
                text = text.replace(private.as_str(), "removed");
            }
            text
        };
        self.answers.iter().map(|(step, text)| (step.clone(), clean(text))).collect()
    }
}

/// Asks a router what an adapter file describes.
///
/// # Errors
/// See [`FetchError`]. What was begun has been ended by then.
pub fn converse(adapter: &Declared, request: &Request) -> Result<Conversation, FetchError> {
    let (said, told) = talk(adapter, request)?;
    told.map(|()| said)
}

/// Asks the same, and keeps what was said until something was not understood, without the answer to a login: for a report.
/// What the router gave for this session alone, and the password, are taken out.
///
/// # Errors
/// When it ended before anything was asked with a login.
pub fn record(adapter: &Declared, request: &Request) -> Result<(Conversation, Option<FetchError>), FetchError> {
    let (mut said, told) = talk(adapter, request)?;
    let steps = &adapter.description().step;
    let logs_in = |id: &str| steps.iter().any(|step| step.id == id && step.effect == Some(Effect::Login));
    said.answers.retain(|(id, _)| !logs_in(id));
    Ok((said, told.err()))
}

fn talk(adapter: &Declared, request: &Request) -> Result<(Conversation, Result<(), FetchError>), FetchError> {
    let file = adapter.description();
    let way = Way::open(adapter, request)?;
    let described = way.described.clone();
    let mut talk = Talk {
        described,
        adapter,
        request,
        way: &way.kind,
        session: None,
        vars: Vars::default(),
        said: Conversation::default(),
        user: request.user.clone().or_else(|| file.auth.user.clone()).unwrap_or_default(),
    };
    talk.may_log_in()?;
    talk.identify()?;
    talk.vars.set("user", talk.user.clone());
    let told = file.step.iter().try_for_each(|step| {
        if request.stop.load(Ordering::SeqCst) {
            return Err(FetchError::Interrupted { host: talk.way.host() });
        }
        talk.step(step)
    });
    // Whatever happened: a session that was begun is ended.
    let left_open = file.finally.iter().find_map(|last| talk.finally(last).err());
    let mut said = talk.said;
    said.private = talk.vars.secrets();
    // Some routers show the password in a page of theirs.
    said.private.extend(request.secret.as_ref().map(|secret| secret.reveal().to_owned()));
    said.left_open = left_open;
    said.host = way.described.as_ref().map_or_else(|| way.kind.host(), |located| located.name().to_owned());
    said.fingerprint = way.kind.fingerprint();
    Ok((said, told))
}

/// HTTP, or a socket on this machine.
enum Way {
    Http(Box<Door>),
    #[cfg(unix)]
    Socket(super::socket::Socket),
}

/// The way, and where on it the router describes itself.
struct Opened {
    kind: Way,
    described: Option<Located>,
}

impl Way {
    fn open(adapter: &Declared, request: &Request) -> Result<Opened, FetchError> {
        let file = adapter.description();
        if let Some(service) = &file.connect.upnp {
            let located = upnp::locate(request, service)?;
            let mut terms = terms(adapter, request.timeout);
            terms.offer = Offer { secure: false, both: false, port: None };
            terms.listed = vec![format!("GET {}", located.path)];
            let door = Door::open(&located.host, request, terms)?;
            return Ok(Opened { kind: Self::Http(Box::new(door)), described: Some(located) });
        }
        #[cfg(unix)]
        if let Some(path) =
            request.host.strip_prefix("unix:").or(request.host.starts_with('/').then_some(&*request.host))
        {
            if file.connect.socket.is_none() {
                return Err(FetchError::BadHost { host: plain(&request.host) });
            }
            let (limit, timeout) = (file.limits.max_body_kib * 1024, request.timeout);
            let kind = Self::Socket(super::socket::Socket { path: path.into(), limit, timeout });
            return Ok(Opened { kind, described: None });
        }
        let door = Door::open(&request.host, request, terms(adapter, request.timeout))?;
        Ok(Opened { kind: Self::Http(Box::new(door)), described: None })
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
    /// Where the router describes itself by UPnP, and once that is read, where the service is controlled.
    described: Option<Located>,
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
            if let (Some(located), Some(service), Way::Http(door)) =
                (&mut self.described, &self.adapter.description().connect.upnp, self.way)
            {
                located.read(&got.body, service)?;
                door.allow(format!("POST {}", located.control));
            }
            self.said.answers.push((IDENTIFY.to_owned(), got.body));
            return Ok(());
        }
        let found = if got.status == 200 { title(&got.body) } else { format!("HTTP status {}", got.status) };
        let wanted = self.adapter.description().title.clone();
        // Who asks the same first knows whether it is its own.
        let mine = self.adapter.description();
        let same = |other: &&'static Declared| {
            let theirs = other.description();
            theirs.id != mine.id
                && (&theirs.identify.get, &theirs.identify.post) == (&mine.identify.get, &mine.identify.post)
        };
        let others = crate::engine::builtin().filter(same).filter(|other| other.identifies(&got));
        let looks_like = others.map(|other| other.description().id.clone()).collect();
        // A page is somebody's; a status alone may be this router's, with the door closed.
        let needs = mine.needs.clone().filter(|_| got.status != 200);
        Err(FetchError::NotThisRouter { host: self.way.host(), wanted, found, looks_like, needs })
    }

    fn step(&mut self, step: &Step) -> Result<(), FetchError> {
        let login = step.effect == Some(Effect::Login);
        if (login || step.with_secret) && self.secret().is_none() {
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
        let got = match self.send(&described, Some(&vars), true) {
            Err(FetchError::TooLarge { .. }) if step.may_be_large => return Ok(()),
            got => got?,
        };
        self.said.answers.push((step.id.clone(), got.body.clone()));
        let with_credential = self.secret().is_some() && self.scheme() != AuthScheme::None;
        let asked = Asked {
            expect: &step.expect,
            errors: &step.errors,
            capture: &step.capture,
            optional: step.optional,
            login: with_credential.then(|| self.adapter.when_known(step)),
        };
        match self.adapter.judge(&asked, &got) {
            Verdict::Good(captured) => {
                for (name, value) in captured {
                    self.vars.set(&name, value);
                }
                Ok(())
            }
            Verdict::Absent => {
                self.said.answers.pop();
                Ok(())
            }
            Verdict::Means { meaning, wait, say } => Err(self.means(meaning, wait, say, path)),
            Verdict::Status if got.status == 401 && !with_credential => {
                Err(FetchError::NoSecret { adapter: self.adapter.description().id.clone() })
            }
            Verdict::Status => Err(FetchError::Status { path: path.clone(), status: got.status }),
            Verdict::NotUnderstood { wanted, found, captured } => {
                // What was begun is ended with it.
                for (name, value) in captured {
                    self.vars.set(&name, value);
                }
                let adapter = self.adapter.description().id.clone();
                Err(FetchError::NotUnderstood { adapter, path: path.clone(), wanted, found })
            }
        }
    }

    fn means(&self, meaning: Meaning, wait: Option<u64>, say: Option<String>, path: &str) -> FetchError {
        let (host, path) = (self.way.host(), path.to_owned());
        match meaning {
            // Without a password none can be wrong.
            Meaning::WrongPassword if self.secret().is_none() => {
                FetchError::NoSecret { adapter: self.adapter.description().id.clone() }
            }
            // Who sees it with a login was not asked with one.
            Meaning::Denied if self.secret().is_none() && self.scheme() != AuthScheme::None => {
                FetchError::NoSecret { adapter: self.adapter.description().id.clone() }
            }
            Meaning::WrongPassword => FetchError::WrongPassword { host, user: self.user.clone(), say },
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
        let path = match (&self.described, asked.path) {
            (Some(located), "{description}") => located.path.clone(),
            (Some(located), "{control}") => located.control.clone(),
            _ => vars.path(asked.path).map_err(unfit)?,
        };
        let listed = if self.described.is_some() { path.as_str() } else { asked.path };
        let mut headers = Vec::new();
        for (name, value) in asked.headers {
            // Without a login, or where the router gave nothing, there is nothing to carry.
            if placeholders(value).iter().any(|name| !vars.has(name)) {
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
            listed,
            path: &path,
            headers: &headers,
            body: body.as_ref().map(|(kind, text)| (*kind, text.as_str())),
        };
        self.said.asked.push(format!("{} {listed}", asked.method));
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

/// What is asked, and which adapters want to know.
#[derive(Debug)]
struct Question<'a> {
    secure: bool,
    port: u16,
    method: &'static str,
    path: String,
    body: Option<String>,
    askers: Vec<&'a Declared>,
}

/// Asks a host what adapters ask first, each question once, without any credential.
///
/// # Errors
/// When the host is none, or not private; what cannot be reached is an answer.
pub fn identify_all(adapters: &[&Declared], request: &Request) -> Result<Vec<Identified>, FetchError> {
    let mut questions: Vec<Question<'_>> = Vec::new();
    for adapter in adapters {
        let Some(question) = first_question(adapter, &request.host) else { continue };
        let same = |known: &&mut Question<'_>| {
            (known.secure, known.port, known.method, &known.path, &known.body)
                == (question.secure, question.port, question.method, &question.path, &question.body)
        };
        match questions.iter_mut().find(same) {
            Some(known) => known.askers.extend(question.askers),
            None => questions.push(question),
        }
    }
    questions.sort_by(|a, b| (a.secure, a.port, a.method, &a.path).cmp(&(b.secure, b.port, b.method, &b.path)));
    let mut found = Vec::new();
    let mut dead: Vec<(bool, u16)> = Vec::new();
    for question in questions {
        let Question { secure, port, method, path, body, askers } = question;
        if dead.contains(&(secure, port)) {
            continue;
        }
        let terms = Terms {
            adapter: "router identify".to_owned(),
            offer: Offer { secure, both: true, port: Some(port) },
            body_limit: 1024 * 1024,
            timeout: request.timeout,
            listed: vec![format!("{method} {path}")],
        };
        let door = Door::open(&request.host, request, terms)?;
        let asked = format!("{method} {}://{}{path}", if door.secure { "https" } else { "http" }, door.host);
        let body = body.as_deref().map(|text| ("application/json", text));
        let got = match door.ask(&Ask { method, listed: &path, path: &path, headers: &[], body }, None) {
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
        let mine = askers.iter().filter(|asker| asker.identifies(&got));
        let adapters = mine.map(|asker| asker.description().id.clone()).collect();
        let answer = format!("HTTP status {}, {}", got.status, title(&got.body));
        found.push(Identified { asked, answer, adapters });
    }
    Ok(found)
}

/// What an adapter asks first; `None` where that is not asked of a host, or not in the way that the host is given.
fn first_question<'a>(adapter: &'a Declared, host: &str) -> Option<Question<'a>> {
    let file = adapter.description();
    let secure = file.connect.scheme == Scheme::Https;
    let other = if secure { "http://" } else { "https://" };
    if file.connect.upnp.is_some() || host.starts_with(other) {
        return None;
    }
    // A port that is named is the one that is asked, whatever an adapter's own is.
    let bare = host.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let named = bare.rsplit_once(':').filter(|(name, _)| !name.contains(':') || name.ends_with(']'));
    let named = named.and_then(|(_, port)| port.parse().ok());
    let port = named.or(file.connect.port).unwrap_or(if secure { 443 } else { 80 });
    let (method, path) = match (&file.identify.get, &file.identify.post) {
        (Some(path), _) => ("GET", path),
        (None, path) => ("POST", path.as_ref()?),
    };
    let body = file.identify.json.as_ref().map(ToString::to_string);
    Some(Question { secure, port, method, path: path.clone(), body, askers: vec![adapter] })
}
