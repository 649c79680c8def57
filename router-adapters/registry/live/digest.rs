//! The login: HTTP Digest (RFC 2617, RFC 7616), answered once per page, and what a refusal means.
//!
//! A hub with several clients races them for its one nonce, so that a page may be refused although the password is
//! right. That is known only after a page was given: until then a refusal is a wrong password, and ends the run.

use digest_auth::{AuthContext, HttpMethod, WwwAuthenticateHeader};

use super::http::{Ask, Door, Got, plain};
use super::{FetchError, Request};
use crate::engine::fill::base64;

/// How often a page is asked again after a lost race.
const RETRIES: u32 = 2;

/// One run's login.
#[derive(Debug)]
pub(super) struct Session<'a> {
    door: &'a Door,
    request: &'a Request,
    user: &'a str,
    scheme: Scheme,
    /// Whether a page was given in answer to the password.
    accepted: bool,
}

#[derive(Debug)]
enum Scheme {
    /// No page has asked for a login yet.
    NotAsked,
    Digest(Box<WwwAuthenticateHeader>),
    Basic,
}

impl<'a> Session<'a> {
    pub(super) fn new(door: &'a Door, request: &'a Request, user: &'a str) -> Self {
        let user = request.user.as_deref().unwrap_or(user);
        Self { door, request, user, scheme: Scheme::NotAsked, accepted: false }
    }

    /// One answer, whatever it says, but never a 401.
    pub(super) fn ask(&mut self, ask: &Ask<'_>) -> Result<Got, FetchError> {
        let mut retries = 0;
        loop {
            let answer = self.answer(ask)?;
            let got = self.door.ask(ask, answer.as_deref())?;
            match got.status {
                401 if answer.is_none() => self.challenged(&got)?,
                401 if !self.accepted => {
                    let (host, user) = (self.host(), self.user.to_owned());
                    return Err(FetchError::WrongPassword { host, user, say: None });
                }
                401 if retries < RETRIES => {
                    retries += 1;
                    std::thread::sleep((self.request.pause)());
                    self.challenged(&got)?;
                }
                401 => return Err(FetchError::Busy { host: self.host() }),
                200 => {
                    self.accepted |= answer.is_some();
                    return Ok(got);
                }
                _ => return Ok(got),
            }
        }
    }

    fn host(&self) -> String {
        self.door.host.clone()
    }

    /// Takes up a challenge; Digest wherever it is offered.
    fn challenged(&mut self, got: &Got) -> Result<(), FetchError> {
        let challenges = || {
            let own = got.headers.iter().filter(|(name, _)| name == "www-authenticate");
            own.map(|(_, value)| value.as_str())
        };
        let with = |scheme: &str| {
            let is = |text: &&str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
            challenges().find(is)
        };
        let unknown = |found: &str| FetchError::UnknownChallenge { host: self.host(), found: plain(found) };
        if let Some(digest) = with("Digest ") {
            let prompt = WwwAuthenticateHeader::parse(&digest["Digest ".len()..]).map_err(|_| unknown(digest))?;
            self.scheme = Scheme::Digest(Box::new(prompt));
        } else if with("Basic").is_none() {
            return Err(unknown(challenges().next().unwrap_or("no WWW-Authenticate header")));
        } else if self.request.allow_basic || self.door.secure {
            self.scheme = Scheme::Basic;
        } else {
            return Err(FetchError::BasicOnly { host: self.host() });
        }
        Ok(())
    }

    /// The value of the `Authorization` header, once a login was asked for.
    fn answer(&mut self, ask: &Ask<'_>) -> Result<Option<String>, FetchError> {
        let password = self.request.secret.as_ref().map(super::Secret::reveal);
        match &mut self.scheme {
            Scheme::NotAsked => Ok(None),
            _ if password.is_none() => Err(FetchError::NoSecret { adapter: self.door.host.clone() }),
            Scheme::Digest(prompt) => {
                let method = if ask.method == "POST" { HttpMethod::POST } else { HttpMethod::GET };
                let body = ask.body.map(|(_, text)| text.as_bytes());
                let (user, password) = (self.user, password.unwrap_or_default());
                let answer = prompt.respond(&AuthContext::new_with_method(user, password, ask.path, body, method));
                let answer = answer.map(|answer| Some(answer.to_header_string()));
                answer.map_err(|error| FetchError::UnknownChallenge {
                    host: self.door.host.clone(),
                    found: error.to_string(),
                })
            }
            Scheme::Basic => Ok(Some(basic(self.user, password.unwrap_or_default()))),
        }
    }
}

/// HTTP Basic (RFC 7617).
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64(format!("{user}:{password}").as_bytes()))
}
