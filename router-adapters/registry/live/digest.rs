//! The login: HTTP Digest (RFC 2617, RFC 7616), answered once per page, and what a refusal means.
//!
//! A hub with several clients races them for its one nonce, so that a page may be refused although the password is
//! right. That is known only after a page was given: until then a refusal is a wrong password, and ends the run.

use digest_auth::{AuthContext, WwwAuthenticateHeader};

use super::http::{Door, Reply, plain};
use super::{FetchError, Request};

/// How often a page is asked again after a lost race.
const RETRIES: u32 = 2;

/// One run's login.
#[derive(Debug)]
pub(super) struct Session<'a> {
    door: &'a Door<'a>,
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
    pub(super) fn new(door: &'a Door<'a>, request: &'a Request, user: &'a str) -> Self {
        let user = request.user.as_deref().unwrap_or(user);
        Self { door, request, user, scheme: Scheme::NotAsked, accepted: false }
    }

    /// One page's text.
    pub(super) fn page(&mut self, path: &str) -> Result<String, FetchError> {
        let mut retries = 0;
        loop {
            let answer = self.answer(path)?;
            let reply = self.door.get(path, answer.as_deref())?;
            match reply.status {
                200 => {
                    self.accepted |= answer.is_some();
                    return Ok(reply.body);
                }
                401 if answer.is_none() => self.challenged(&reply)?,
                401 if !self.accepted => {
                    return Err(FetchError::WrongPassword { host: self.host(), user: self.user.to_owned() });
                }
                401 if retries < RETRIES => {
                    retries += 1;
                    std::thread::sleep((self.request.pause)());
                    self.challenged(&reply)?;
                }
                401 | 503 => return Err(FetchError::Busy { host: self.host() }),
                status => return Err(FetchError::Status { path: path.to_owned(), status }),
            }
        }
    }

    fn host(&self) -> String {
        self.door.host.clone()
    }

    /// Takes up a challenge; Digest wherever it is offered.
    fn challenged(&mut self, reply: &Reply) -> Result<(), FetchError> {
        let with = |scheme: &str| {
            let is =
                move |text: &&String| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
            reply.challenges.iter().find(is)
        };
        let unknown = |found: &str| FetchError::UnknownChallenge { host: self.host(), found: plain(found) };
        if let Some(digest) = with("Digest ") {
            let prompt = WwwAuthenticateHeader::parse(&digest["Digest ".len()..]).map_err(|_| unknown(digest))?;
            self.scheme = Scheme::Digest(Box::new(prompt));
        } else if with("Basic").is_none() {
            return Err(unknown(reply.challenges.first().map_or("no WWW-Authenticate header", String::as_str)));
        } else if self.request.allow_basic {
            self.scheme = Scheme::Basic;
        } else {
            return Err(FetchError::BasicOnly { host: self.host() });
        }
        Ok(())
    }

    /// The value of the `Authorization` header, once a login was asked for.
    fn answer(&mut self, path: &str) -> Result<Option<String>, FetchError> {
        let password = self.request.secret.reveal();
        match &mut self.scheme {
            Scheme::NotAsked => Ok(None),
            Scheme::Digest(prompt) => {
                let answer = prompt.respond(&AuthContext::new(self.user, password, path));
                let answer = answer.map(|answer| Some(answer.to_header_string()));
                answer.map_err(|error| FetchError::UnknownChallenge {
                    host: self.door.host.clone(),
                    found: error.to_string(),
                })
            }
            Scheme::Basic => Ok(Some(format!("Basic {}", base64(format!("{}:{password}", self.user).as_bytes())))),
        }
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let six = (bits >> (18 - 6 * i)) & 63;
            text.push(if i <= chunk.len() { char::from(ALPHABET[six as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_of_rfc_4648() {
        let texts = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, coded) in texts {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
