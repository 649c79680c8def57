//! An exchange without the network: which names a request carries, and what an answer means.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Declared;
use super::description::{AuthScheme, Capture, Effect, Expect, Meaning, Step, Trouble};
use super::plain;
use super::select::{Answer, first};

/// The name of the answer to what is asked first.
pub(crate) const IDENTIFY: &str = "identify";

/// A text is cut at `{name}`s: words outside and names inside.
pub(crate) fn placeholders(text: &str) -> Vec<&str> {
    pieces(text).into_iter().filter_map(|(_, name)| name).collect()
}

pub(super) fn pieces(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut plain_from = 0;
    while let Some(open) = rest[plain_from..].find('{').map(|at| at + plain_from) {
        let name = rest[open + 1..].split_once('}').map(|(name, _)| name);
        let is_name = |name: &&str| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        match name.filter(is_name) {
            Some(name) => {
                found.push((&rest[..open], Some(name)));
                rest = &rest[open + name.len() + 2..];
                plain_from = 0;
            }
            None => plain_from = open + 1,
        }
    }
    found.push((rest, None));
    found
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a header.
    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is what was wanted; what it was to give was captured.
    Good(Vec<(String, String)>),
    /// The router lacks it, and may.
    Absent,
    /// Something with a name.
    Means { meaning: Meaning, wait: Option<u64>, say: Option<String> },
    /// Another status.
    Status,
    /// It is something else. What was captured all the same may be needed to end what was begun.
    NotUnderstood { wanted: String, found: String, captured: Vec<(String, String)> },
}

/// What is asked of an answer.
pub(crate) struct Asked<'a> {
    pub(crate) expect: &'a Expect,
    pub(crate) errors: &'a [Trouble],
    pub(crate) capture: &'a BTreeMap<String, Capture>,
    pub(crate) optional: bool,
    /// Whether a credential was sent, so that a refusal is one of it, or of who it is.
    pub(crate) login: Option<Login>,
}

/// What a router knows of a credential when it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    /// It is sent with every request.
    Along,
    /// It is being looked at.
    Now,
    /// It was accepted before.
    Before,
}

impl Declared {
    /// What an answer means.
    pub(crate) fn judge(&self, asked: &Asked<'_>, got: &Got) -> Verdict {
        let answer = Answer::of(&got.body, false);
        if let Some(trouble) = asked.errors.iter().find(|trouble| self.is(trouble, got, &answer)) {
            if asked.optional && trouble.means == Meaning::NotOffered {
                return Verdict::Absent;
            }
            let wait = trouble.wait.as_ref().and_then(|place| self.wait(place, &answer)).or_else(|| retry_after(got));
            return Verdict::Means { meaning: trouble.means, wait, say: trouble.say.clone() };
        }
        let means = |meaning| Verdict::Means { meaning, wait: retry_after(got), say: None };
        let wanted: &[u16] = if asked.expect.status.is_empty() { &[200] } else { &asked.expect.status };
        if !wanted.contains(&got.status) {
            return match got.status {
                403 | 404 | 501 if asked.optional => Verdict::Absent,
                401 if matches!(asked.login, Some(Login::Along | Login::Now)) => means(Meaning::WrongPassword),
                403 if matches!(asked.login, Some(Login::Along | Login::Before)) => means(Meaning::Denied),
                401 if asked.login == Some(Login::Before) => means(Meaning::Denied),
                429 => means(Meaning::Locked),
                503 => means(Meaning::Busy),
                _ => Verdict::Status,
            };
        }
        if let Some(wanted) = self.lacks(asked.expect, got, &answer) {
            return Verdict::NotUnderstood { wanted, found: found(got), captured: Vec::new() };
        }
        let mut captured = Vec::new();
        let mut lacking = None;
        for (name, capture) in asked.capture {
            match self.captured(capture, got, &answer) {
                Some(text) => captured.push((name.clone(), text)),
                None if capture.optional => {}
                None => lacking = lacking.or_else(|| Some(format!("`{name}`: {}", place(capture)))),
            }
        }
        match lacking {
            Some(wanted) => Verdict::NotUnderstood { wanted, found: found(got), captured },
            None => Verdict::Good(captured),
        }
    }

    /// Whether the router is this adapter's, by the answer to its first request.
    #[cfg(feature = "live")]
    pub(crate) fn identifies(&self, got: &Got) -> bool {
        let expect = &self.description().identify.expect;
        let wanted: &[u16] = if expect.status.is_empty() { &[200] } else { &expect.status };
        wanted.contains(&got.status) && self.lacks(expect, got, &Answer::of(&got.body, false)).is_none()
    }

    /// When a router that is asked with a credential knows it.
    pub(crate) fn when_known(&self, step: &Step) -> Login {
        match (self.description().auth.scheme, step.effect) {
            (AuthScheme::Basic | AuthScheme::Header | AuthScheme::Challenge, _) => Login::Along,
            (_, Some(Effect::Login)) => Login::Now,
            _ => Login::Before,
        }
    }

    fn lacks(&self, expect: &Expect, got: &Got, answer: &Answer<'_>) -> Option<String> {
        if let Some(pattern) = &expect.regex
            && !self.patterns().matches(pattern, &got.body)
        {
            return Some(pattern.clone());
        }
        if let Some(pointer) = &expect.json
            && first(answer, Some(pointer), None).is_none()
        {
            return Some(pointer.clone());
        }
        if let Some(path) = &expect.xml
            && first(answer, None, Some(path)).is_none()
        {
            return Some(path.clone());
        }
        let (name, pattern) = expect.header.as_ref()?.split_once(':')?;
        let there = got.header(name.trim()).is_some_and(|value| self.patterns().matches(pattern.trim(), value));
        (!there).then(|| format!("the header {name}: {}", pattern.trim()))
    }

    fn is(&self, trouble: &Trouble, got: &Got, answer: &Answer<'_>) -> bool {
        let value = first(answer, trouble.json.as_deref(), trouble.xml.as_deref());
        let placed = trouble.json.is_none() && trouble.xml.is_none()
            || value.is_some_and(|value| trouble.is.is_empty() || trouble.is.contains(&value));
        trouble.status.is_none_or(|status| status == got.status)
            && placed
            && trouble.regex.as_ref().is_none_or(|pattern| self.patterns().matches(pattern, &got.body))
    }

    fn wait(&self, place: &str, answer: &Answer<'_>) -> Option<u64> {
        let text = match place.strip_prefix("regex:") {
            Some(pattern) => self.patterns().group(pattern, answer.text).map(str::to_owned),
            None => first(answer, Some(place), None),
        };
        text?.parse().ok()
    }

    fn captured(&self, capture: &Capture, got: &Got, answer: &Answer<'_>) -> Option<String> {
        if let Some(names) = &capture.header {
            // A router may send a header several times, of which one has it.
            let found = names.iter().flat_map(|name| got.all(name));
            let mut texts = found.filter_map(|text| match &capture.regex {
                Some(pattern) => self.patterns().group(pattern, text),
                None => Some(text),
            });
            return texts.find(|text| !text.is_empty()).map(str::to_owned);
        }
        let text = if capture.json.is_some() || capture.xml.is_some() {
            first(answer, capture.json.as_deref(), capture.xml.as_deref())
        } else {
            Some(got.body.clone())
        }?;
        let text = match &capture.regex {
            Some(pattern) => self.patterns().group(pattern, &text)?.to_owned(),
            None => text,
        };
        (!text.is_empty()).then_some(text)
    }
}

fn place(capture: &Capture) -> String {
    let names = capture.header.as_ref().map(|names| names.iter().cloned().collect::<Vec<_>>().join(" or "));
    let header = names.map(|names| format!("the header {names}"));
    let texts = [header, capture.json.clone(), capture.xml.clone(), capture.regex.clone()];
    texts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn retry_after(got: &Got) -> Option<u64> {
    got.header("retry-after").and_then(|text| text.trim().parse().ok())
}

/// What an answer is, for a message: never its values.
fn found(got: &Got) -> String {
    if let Ok(Value::Object(map)) = serde_json::from_str::<Value>(&got.body) {
        let keys: Vec<&str> = map.keys().map(String::as_str).take(6).collect();
        return format!("JSON with {}", plain(&keys.join(", ")));
    }
    title(&got.body)
}

/// The title of a page, for a message.
pub(crate) fn title(body: &str) -> String {
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
