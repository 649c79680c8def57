//! What an adapter file may not say, whoever wrote it: checked before anything is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::description::{
    AuthScheme, Capture, Condition, Description, Effect, Expect, FORMAT, Form, Lookup, OneOrMany, PageRule, Pick,
    Picks, SegmentRule, Step, Written,
};
use super::exchange::{IDENTIFY, placeholders};
use super::locate;
use super::select::Patterns;
use super::value;
use crate::adapter::Complaint;
use crate::spanned_toml::{Reader, is_secret, nearest};

const PICK_KEYS: [&str; 13] =
    ["from", "regex", "json", "xml", "css", "attr", "always", "lookup", "map", "split", "empty", "as", "optional"];
const PICK_KEYS_MORE: [&str; 2] = ["confidence", "when"];

/// Headers that the engine alone sets.
const OWN_HEADERS: [&str; 6] = ["host", "content-length", "transfer-encoding", "connection", "expect", "upgrade"];

/// Checks a file; gathers its regular expressions. Says whether it has CSS selectors.
pub(super) fn check(
    description: &Description,
    root: &DeTable<'_>,
    reader: &mut Reader,
    patterns: &mut Patterns,
) -> bool {
    let mut checker = Checker { root, reader, patterns, steps: BTreeSet::new(), css: false };
    checker.description(description);
    checker.css
}

/// Complains about the keys of a pick that are not known: where several forms are possible, serde says only that none fits.
pub(super) fn pick_keys(root: &DeTable<'_>, span: &Range<usize>, reader: &mut Reader) {
    let known: Vec<&str> = PICK_KEYS.into_iter().chain(PICK_KEYS_MORE).collect();
    let segments = root.get("segment").map(|item| reader.one_or_many(item)).unwrap_or_default();
    for item in segments {
        for (key, value) in item.get_ref().as_table().into_iter().flatten() {
            if matches!(&**key.get_ref(), "only" | "reservations" | "each") {
                continue;
            }
            for pick in reader.one_or_many(value) {
                let inside = span.start <= pick.span().start && pick.span().end <= span.end
                    || pick.span().start <= span.start && span.end <= pick.span().end;
                if let (DeValue::Table(table), true) = (pick.get_ref(), inside) {
                    reader.only_keys(table, &known, key.get_ref());
                }
            }
        }
    }
}

struct Checker<'a, 'i> {
    root: &'a DeTable<'i>,
    reader: &'a mut Reader,
    patterns: &'a mut Patterns,
    steps: BTreeSet<String>,
    css: bool,
}

/// A key path, for places.
fn at(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn below(path: &[String], words: &[&str]) -> Vec<String> {
    path.iter().cloned().chain(at(words)).collect()
}

impl Checker<'_, '_> {
    fn wrong(&mut self, path: &[String], message: impl Into<String>, help: &str) {
        let place = locate(self.root, path).unwrap_or(0..0);
        let complaint = Complaint::at(self.reader.span(place), "here", message).help(help);
        self.reader.complain(complaint);
    }

    fn description(&mut self, file: &Description) {
        if file.schema != FORMAT {
            self.wrong(
                &at(&["schema"]),
                format!("`{}` is not a format of adapter files", file.schema),
                &format!("write schema = \"{FORMAT}\""),
            );
        }
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if file.id.is_empty() || file.id.len() > 40 || !file.id.chars().all(fits) {
            self.wrong(
                &at(&["id"]),
                format!("`{}` cannot be an adapter's id", file.id),
                "small letters, digits and `-`, for example my-router",
            );
        }
        if !(1..=60).contains(&file.limits.timeout_s) {
            self.wrong(
                &at(&["limits", "timeout-s"]),
                "a request may take 1 to 60 seconds",
                "an adapter cannot lift this limit",
            );
        }
        if !(1..=1024).contains(&file.limits.max_body_kib) {
            self.wrong(
                &at(&["limits", "max-body-kib"]),
                "an answer may have 1 to 1024 KiB",
                "an adapter cannot lift this limit",
            );
        }
        self.reader_of_answers(file);
        self.requests(file);
        self.auth(file);
        self.conversation(file);
        for (number, segment) in file.segment.iter().enumerate() {
            self.segment(segment, &at(&["segment", &number.to_string()]));
        }
        for (number, page) in file.page.iter().enumerate() {
            self.page(page, file.reads.is_some(), &at(&["page", &number.to_string()]));
        }
        for (number, check) in file.check.iter().enumerate() {
            let path = at(&["check", &number.to_string()]);
            for (n, pick) in check.same.iter().enumerate() {
                self.pick(pick, &below(&path, &["same", &n.to_string()]), true, false);
            }
            for (key, pick) in [("rows", &check.rows), ("total", &check.total)] {
                if let Some(pick) = pick {
                    self.pick(pick, &below(&path, &[key]), true, false);
                }
            }
            if check.same.len() < 2 && (check.rows.is_none() || check.total.is_none()) {
                self.wrong(&path, "this check compares nothing", "give two picks in `same`, or `rows` and `total`");
            }
        }
        for (number, test) in file.test.iter().enumerate() {
            let path = at(&["test", &number.to_string()]);
            for step in test.files.keys().chain(test.texts.keys()).chain(test.status.keys()) {
                if !self.steps.contains(step.as_str()) {
                    self.wrong(
                        &path,
                        format!("the test `{}` answers the step `{step}`, which is not there", test.name),
                        "name the id of a [[step]]",
                    );
                }
            }
            if test.facts.is_some() == test.error.is_some() {
                self.wrong(
                    &path,
                    format!("the test `{}` must expect facts or an error", test.name),
                    "write facts = '''…''' or error = \"…\"",
                );
            }
        }
    }

    fn reader_of_answers(&mut self, file: &Description) {
        match &file.reads {
            None if file.segment.is_empty() => self.wrong(
                &at(&["segment"]),
                "no [[segment]] says where the facts stand",
                "add [[segment]] with state, start and end; or reads = \"…\" where an adapter of files can read the answers",
            ),
            Some(_) if !file.segment.is_empty() => {
                self.wrong(&at(&["reads"]), "`reads` and [[segment]] both say where the facts stand", "delete one of them");
            }
            Some(id) if crate::find(id).is_none() => {
                let known: Vec<&str> = crate::all().iter().map(|registered| registered.adapter.id).collect();
                let help = nearest(id, &known)
                    .map_or_else(|| format!("they are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
                self.wrong(&at(&["reads"]), format!("there is no adapter of files `{id}`"), &help);
            }
            None | Some(_) => {}
        }
    }

    /// The files that are made of answers for an adapter of files.
    fn page(&mut self, rule: &PageRule, reads: bool, path: &[String]) {
        if !reads {
            self.wrong(path, "nothing reads this file", "name the adapter of files that does: reads = \"openwrt\"");
        }
        if !self.steps.contains(rule.from.as_str()) {
            let message = format!("there is no step `{}`", rule.from);
            self.wrong(&below(path, &["from"]), message, "name the id of a [[step]]");
        }
        for pointer in rule.json.iter() {
            self.places(Some(pointer), None, path);
        }
        if (rule.form == Form::Routeros) != rule.menu.is_some() {
            let help = "write as = \"routeros\" and menu = \"/ip pool\" together";
            self.wrong(path, "entries of RouterOS stand in a menu, and nothing else does", help);
        }
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '/' | ' ' | '-');
        if let Some(menu) = rule.menu.as_ref().filter(|menu| !menu.starts_with('/') || !menu.chars().all(fits)) {
            let message = format!("`{menu}` is no menu of RouterOS");
            self.wrong(&below(path, &["menu"]), message, "write it as /ip dhcp-server lease");
        }
        let picks = !rule.only.is_empty() || !rule.keys.is_empty() || !rule.instead.is_empty();
        if picks && matches!(rule.form, Form::Json | Form::Toml) {
            let message = "this file is written whole: `only`, `keys` and `instead` are for entries";
            self.wrong(path, message, "delete them, or write as = \"uci\" or \"routeros\"");
        }
        for (n, condition) in rule.only.iter().enumerate() {
            self.condition(condition, &below(path, &["only", &n.to_string()]), false);
        }
    }

    /// The list of requests and the requests that are made must be the same: a reader of the list knows all that is asked.
    fn requests(&mut self, file: &Description) {
        let mut made: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut make = |method: &str, path: &Option<String>, place: Vec<String>| {
            if let Some(path) = path {
                made.entry(format!("{method} {path}")).or_insert(place);
            }
        };
        make("GET", &file.identify.get, at(&["identify", "get"]));
        make("POST", &file.identify.post, at(&["identify", "post"]));
        for (number, step) in file.step.iter().enumerate() {
            make("GET", &step.get, at(&["step", &number.to_string(), "get"]));
            make("POST", &step.post, at(&["step", &number.to_string(), "post"]));
        }
        for (number, step) in file.finally.iter().enumerate() {
            make("DELETE", &step.delete, at(&["finally", &number.to_string(), "delete"]));
            make("POST", &step.post, at(&["finally", &number.to_string(), "post"]));
        }
        for (request, place) in &made {
            if !file.limits.requests.contains(request) {
                self.wrong(
                    place,
                    format!("`{request}` is not among limits.requests"),
                    "list it there: what is not listed is never asked",
                );
            }
            let path = request.split_once(' ').map_or("", |(_, path)| path);
            if file.connect.upnp.is_some() && matches!(request.as_str(), "GET {description}" | "POST {control}") {
                continue;
            }
            if let Some(word) = with_an_effect(path) {
                self.wrong(
                    place,
                    format!("`{path}` says `{word}`: what changes a router is never asked, whatever lists it"),
                    "a router is read, logged in to and logged out of; an adapter cannot lift this limit",
                );
            }
            if !exact(path) {
                self.wrong(
                    place,
                    format!("`{path}` is not an exact path on the router"),
                    "write a path such as /rest/ip/pool: no host, no `..`, no spaces",
                );
            }
        }
        for (number, request) in file.limits.requests.iter().enumerate() {
            if !made.contains_key(request) {
                self.wrong(
                    &at(&["limits", "requests", &number.to_string()]),
                    format!("`{request}` is never asked"),
                    "delete it",
                );
            }
        }
    }

    fn auth(&mut self, file: &Description) {
        let header = file.auth.header.as_deref();
        match (file.auth.scheme, header) {
            (AuthScheme::Header, Some(header)) => {
                let fits = header
                    .split_once(':')
                    .is_some_and(|(name, value)| !name.trim().is_empty() && placeholders(value) == ["secret"]);
                if !fits {
                    self.wrong(
                        &at(&["auth", "header"]),
                        "the header must carry the secret",
                        "write it as header = \"X-API-KEY: {secret}\"",
                    );
                }
            }
            (AuthScheme::Header, None) => {
                self.wrong(&at(&["auth"]), "no header is named", "write header = \"X-API-KEY: {secret}\"");
            }
            (_, Some(_)) => self.wrong(
                &at(&["auth", "header"]),
                "only the scheme `header` has a header",
                "delete it, or write scheme = \"header\"",
            ),
            _ => {}
        }
        let logins = file.step.iter().filter(|step| step.effect == Some(Effect::Login)).count();
        match (file.auth.scheme, logins) {
            (AuthScheme::Steps, 0) => self.wrong(
                &at(&["auth", "scheme"]),
                "no step logs in",
                "give the step that posts the secret effect = \"login\"",
            ),
            (AuthScheme::Steps, 1) => {}
            (AuthScheme::Steps, _) => self.wrong(&at(&["step"]), "several steps log in", "a run logs in once"),
            (_, 0) => {}
            _ => self.wrong(
                &at(&["step"]),
                "a step logs in, but auth.scheme is not `steps`",
                "write [auth] scheme = \"steps\"",
            ),
        }
    }

    fn conversation(&mut self, file: &Description) {
        let path = at(&["identify"]);
        if file.identify.get.is_some() == file.identify.post.is_some() {
            self.wrong(&path, "[identify] must ask one thing", "write get = \"/\", or post where a GET tells nothing");
        }
        if file.identify.get.is_some() && file.identify.json.is_some() {
            self.wrong(&path, "a GET has no body", "delete json");
        }
        let expect = &file.identify.expect;
        if expect.regex.is_none() && expect.json.is_none() && expect.xml.is_none() && expect.header.is_none() {
            self.wrong(
                &below(&path, &["expect"]),
                "any answer with that status would be this router",
                "add regex, json, xml or header",
            );
        }
        self.expect(expect, &path);
        let mut known: BTreeSet<String> = BTreeSet::new();
        let texts = [file.identify.get.as_ref(), file.identify.post.as_ref()];
        let names = texts.into_iter().flatten().flat_map(|text| placeholders(text));
        let names = names.filter(|name| *name != "description" || file.connect.upnp.is_none()).count();
        if names + file.identify.json.as_ref().map_or(0, |json| json_names(json).len()) > 0 {
            self.wrong(
                &path,
                "[identify] carries something",
                "it is asked before anything is known, without any credential",
            );
        }
        known.insert("user".to_owned());
        // Its answer can be read as those of the steps.
        self.steps.insert(IDENTIFY.to_owned());
        for (number, step) in file.step.iter().enumerate() {
            let path = at(&["step", &number.to_string()]);
            if !self.steps.insert(step.id.clone()) {
                self.wrong(
                    &below(&path, &["id"]),
                    format!("two steps are called `{}`", step.id),
                    "give each its own id",
                );
            }
            let post = match (&step.get, &step.post) {
                (Some(_), None) => false,
                (None, Some(_)) => true,
                _ => {
                    self.wrong(
                        &path,
                        format!("the step `{}` must ask one thing", step.id),
                        "write get = \"/path\" or post = \"/path\"",
                    );
                    continue;
                }
            };
            if post != step.effect.is_some() {
                self.wrong(
                    &path,
                    format!("the step `{}` does not say what it does", step.id),
                    "a POST has effect = \"read\" or \"login\"; a GET has none",
                );
            }
            if !post && (step.json.is_some() || step.xml.is_some()) || step.json.is_some() && step.xml.is_some() {
                self.wrong(
                    &path,
                    format!("the step `{}` has a body that it cannot have", step.id),
                    "a POST has json or xml, a GET neither",
                );
            }
            if file.connect.upnp.is_some() {
                self.action(step, &path);
            }
            let login = step.effect == Some(Effect::Login);
            for (n, derive) in step.derive.iter().enumerate() {
                let path = below(&path, &["derive", &n.to_string()]);
                for name in derive.of.iter().flat_map(|text| placeholders(text)) {
                    self.known(name, &known, login, &path);
                }
                // What is made of the secret is kept as the secret is.
                known.insert(derive.name.clone());
            }
            let body = step.json.as_ref().map(json_names).unwrap_or_default();
            let xml = step.xml.as_ref().map(|text| placeholders(text)).unwrap_or_default();
            for name in body.iter().map(String::as_str).chain(xml) {
                self.known(name, &known, login, &path);
            }
            let request = step.get.as_ref().or(step.post.as_ref());
            for name in request.into_iter().flat_map(|text| placeholders(text)) {
                if name != "control" || file.connect.upnp.is_none() {
                    self.known(name, &known, false, &path);
                }
            }
            self.headers(&step.headers, &known, login, &path);
            if let Some(json) = &step.json {
                self.no_secrets(json, &below(&path, &["json"]));
            }
            self.expect(&step.expect, &path);
            for (n, trouble) in step.errors.iter().enumerate() {
                let path = below(&path, &["errors", &n.to_string()]);
                if trouble.status.is_none()
                    && trouble.json.is_none()
                    && trouble.xml.is_none()
                    && trouble.regex.is_none()
                {
                    self.wrong(&path, "this error has no condition", "give status, json, xml or regex");
                }
                self.places(trouble.json.as_ref(), trouble.xml.as_ref(), &path);
                let wait = trouble.wait.as_ref().and_then(|wait| wait.strip_prefix("regex:"));
                for pattern in trouble.regex.iter().map(String::as_str).chain(wait) {
                    self.regex(pattern, &path);
                }
            }
            for (name, capture) in &step.capture {
                self.capture(name, capture, &path);
                known.insert(name.clone());
            }
        }
        for (number, last) in file.finally.iter().enumerate() {
            let path = at(&["finally", &number.to_string()]);
            if last.delete.is_some() == last.post.is_some() {
                self.wrong(
                    &path,
                    "a step of [[finally]] must ask one thing",
                    "write delete = \"/path\" or post = \"/path\"",
                );
            }
            let request = last.delete.as_ref().or(last.post.as_ref());
            let body = last.json.as_ref().map(json_names).unwrap_or_default();
            let names = request.into_iter().chain(&last.xml).flat_map(|text| placeholders(text));
            for name in names.chain(body.iter().map(String::as_str)).chain(last.needs.iter().map(String::as_str)) {
                self.known(name, &known, false, &path);
            }
            self.headers(&last.headers, &known, false, &path);
        }
    }

    /// What a service is asked over UPnP can change a router: only actions that get something are.
    fn action(&mut self, step: &Step, path: &[String]) {
        let named = step.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("soapaction"));
        let action = named.and_then(|(_, value)| value.trim_matches('"').rsplit_once('#')).map(|(_, action)| action);
        let gets = action.filter(|action| {
            action.starts_with("Get") && action.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        });
        let sends = gets.is_some_and(|action| {
            let body = step.xml.as_deref().unwrap_or_default();
            let called = body.split('<').filter_map(|tag| tag.split([' ', '>', '/']).next()).collect::<Vec<_>>();
            called
                .iter()
                .filter_map(|tag| tag.rsplit_once(':'))
                .map(|(_, name)| name)
                .all(|name| matches!(name, "Envelope" | "Body" | "Header") || name == action)
        });
        if !sends {
            self.wrong(
                path,
                format!("the step `{}` does not call an action that only gets", step.id),
                "its header SOAPAction and its body name one action that begins with Get",
            );
        }
    }

    fn known(&mut self, name: &str, known: &BTreeSet<String>, may_carry_secret: bool, path: &[String]) {
        if name == "secret" {
            if !may_carry_secret {
                self.wrong(
                    path,
                    "the secret goes into the step that logs in and nowhere else",
                    "capture what the login answers, and carry that",
                );
            }
        } else if !known.contains(name) {
            self.wrong(path, format!("`{{{name}}}` is not known here"), "capture it in a step before this one");
        }
    }

    fn headers(&mut self, headers: &BTreeMap<String, String>, known: &BTreeSet<String>, login: bool, path: &[String]) {
        for (name, value) in headers {
            let path = below(path, &["headers", name]);
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || !name.chars().all(fits) || OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
                self.wrong(&path, format!("the header `{name}` cannot be set here"), "delete it");
            }
            let carries = placeholders(value);
            let lower = name.to_ascii_lowercase();
            if carries.is_empty() && (is_secret(&lower) || lower == "authorization" || lower == "cookie") {
                self.wrong(
                    &path,
                    format!("`{name}` with a fixed value is a secret in a file"),
                    "write {secret} or something captured in its place",
                );
            }
            for placeholder in carries {
                self.known(placeholder, known, login, &path);
            }
        }
    }

    /// A password written into a body is a secret in a file.
    fn no_secrets(&mut self, json: &Value, path: &[String]) {
        match json {
            Value::Object(map) => {
                for (key, value) in map {
                    let path = below(path, &[key]);
                    match value {
                        Value::String(text) if is_secret(key) && !text.is_empty() && placeholders(text).is_empty() => {
                            self.wrong(
                                &path,
                                format!("`{key}` with a fixed value is a secret in a file"),
                                "write {secret} in its place",
                            );
                        }
                        _ => self.no_secrets(value, &path),
                    }
                }
            }
            Value::Array(list) => {
                for (n, value) in list.iter().enumerate() {
                    self.no_secrets(value, &below(path, &[&n.to_string()]));
                }
            }
            _ => {}
        }
    }

    fn expect(&mut self, expect: &Expect, path: &[String]) {
        let path = below(path, &["expect"]);
        self.places(expect.json.as_ref(), expect.xml.as_ref(), &path);
        let header = expect.header.as_ref().and_then(|text| text.split_once(':'));
        if expect.header.is_some() && header.is_none() {
            self.wrong(&path, "the header has no pattern", "write header = \"server: regular expression\"");
        }
        for pattern in expect.regex.iter().map(String::as_str).chain(header.map(|(_, pattern)| pattern.trim())) {
            self.regex(pattern, &below(&path, &["regex"]));
        }
        if expect.status.iter().any(|status| !(200..600).contains(status) || (300..400).contains(status)) {
            self.wrong(
                &below(&path, &["status"]),
                "this status cannot be expected",
                "200 to 299 or 400 to 599: redirects are never followed",
            );
        }
    }

    fn capture(&mut self, name: &str, capture: &Capture, path: &[String]) {
        let path = below(path, &["capture", name]);
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !name.starts_with(|c: char| c.is_ascii_lowercase())
            || !name.chars().all(fits)
            || matches!(name, "secret" | "user")
        {
            self.wrong(
                &path,
                format!("`{name}` cannot be captured under this name"),
                "small letters, digits and `_`; not user, not secret",
            );
        }
        self.places(capture.json.as_ref(), capture.xml.as_ref(), &path);
        if let Some(pattern) = &capture.regex {
            self.regex(pattern, &path);
        }
        let places = [capture.json.is_some(), capture.xml.is_some(), capture.header.is_some()];
        let places = places.into_iter().filter(|given| *given).count();
        if places > 1 || places == 0 && capture.regex.is_none() {
            self.wrong(&path, "a capture looks in one place", "give one of json, xml, header; regex alone or with it");
        }
    }

    fn places(&mut self, json: Option<&String>, xml: Option<&String>, path: &[String]) {
        if json.is_some_and(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
            self.wrong(&below(path, &["json"]), "a JSON pointer begins with `/`", "write it as /dhcp/start");
        }
        if xml.is_some_and(|names| !names.starts_with('/')) {
            self.wrong(&below(path, &["xml"]), "a path of XML elements begins with `/`", "write it as //NewMinAddress");
        }
    }

    fn regex(&mut self, pattern: &str, path: &[String]) {
        let made = self.patterns.add(pattern);
        let problem = match made {
            Ok(regex) if regex.captures_len() > 2 => Some("it has several groups; one is the value".to_owned()),
            Ok(_) => None,
            Err(reason) => Some(reason),
        };
        if let Some(problem) = problem {
            self.wrong(
                path,
                format!("the regular expression is not understood: {problem}"),
                "use (?:…) for groups that are no value",
            );
        }
    }

    fn segment(&mut self, rule: &SegmentRule, path: &[String]) {
        if let Some(each) = &rule.each {
            self.pick(each, &below(path, &["each"]), true, true);
        }
        let inside = rule.each.is_some();
        for (n, condition) in rule.only.iter().enumerate() {
            self.condition(condition, &below(path, &["only", &n.to_string()]), !inside);
        }
        let picks = [
            ("name", &rule.name),
            ("vlan", &rule.vlan),
            ("subnet", &rule.subnet),
            ("gateway", &rule.gateway),
            ("router", &rule.router),
            ("mask", &rule.mask),
            ("dns", &rule.dns),
            ("state", &rule.state),
            ("server", &rule.server),
            ("start", &rule.start),
            ("end", &rule.end),
            ("ranges", &rule.ranges),
            ("offset", &rule.offset),
            ("limit", &rule.limit),
            ("excluded", &rule.excluded),
            ("lease", &rule.lease),
        ];
        for (key, picks) in picks {
            for (n, pick) in picks.as_ref().map(Picks::as_slice).unwrap_or_default().iter().enumerate() {
                let path = below(path, &[key, &n.to_string()]);
                self.pick(pick, &path, !inside, false);
                let states = pick.map.values().chain(&pick.always);
                if key == "state" && !states.clone().all(|state| value::state(state).is_some()) {
                    self.wrong(
                        &path,
                        "a state must be on, off, relay, static-only or unknown",
                        "map = { \"1\" = \"on\", \"0\" = \"off\" }",
                    );
                }
                if pick.written == Some(Written::DhcpHost) {
                    self.wrong(&path, "`dhcp-host` is for reservations", "use it in reservations.each");
                }
            }
        }
        let (start, end) = (rule.start.is_some(), rule.end.is_some());
        let (offset, limit) = (rule.offset.is_some(), rule.limit.is_some());
        for (key, lacks, other) in [
            ("start", start && !end && !limit, "end, or limit for a number of addresses"),
            ("end", end && !start, "start"),
            ("offset", offset && !limit, "limit"),
            ("limit", limit && !offset && (end || !start), "offset, or start instead of a range that has an end"),
        ] {
            if lacks {
                self.wrong(&below(path, &[key]), format!("`{key}` alone is no range"), &format!("add {other}"));
            }
        }
        if let Some(rule) = &rule.reservations {
            let path = below(path, &["reservations"]);
            self.pick(&rule.each, &below(&path, &["each"]), !inside, true);
            for (n, condition) in rule.only.iter().enumerate() {
                self.condition(condition, &below(&path, &["only", &n.to_string()]), false);
            }
            for (key, pick) in [("address", &rule.address), ("mac", &rule.mac), ("name", &rule.name)] {
                if let Some(pick) = pick {
                    self.pick(pick, &below(&path, &[key]), false, false);
                }
            }
            if rule.address.is_none() && rule.each.written != Some(Written::DhcpHost) {
                self.wrong(
                    &path,
                    "a reservation without an address says nothing",
                    "add address, or as = \"dhcp-host\" to each",
                );
            }
        }
    }

    fn condition(&mut self, condition: &Condition, path: &[String], needs_from: bool) {
        self.pick(&condition.of, &below(path, &["of"]), needs_from, false);
        if condition.is.is_empty() && condition.not.is_empty() && condition.same_as.is_none() && !condition.there {
            self.wrong(path, "this condition asks nothing", "add is = [\"…\"], not = [\"…\"], there = true or same-as");
        }
    }

    fn pick(&mut self, pick: &Pick, path: &[String], needs_from: bool, each: bool) {
        let places = usize::from(pick.json.is_some())
            + usize::from(pick.xml.is_some())
            + usize::from(pick.css.is_some())
            + usize::from(pick.always.is_some())
            + usize::from(pick.lookup.is_some());
        if places > 1 || places == 0 && pick.regex.is_none() && !each && pick.split.is_none() {
            self.wrong(path, "a pick looks in one place", "give one of json, xml, css, regex, lookup, always");
        }
        let own = pick.always.is_some() || pick.lookup.is_some();
        match &pick.from {
            Some(step) if !self.steps.contains(step.as_str()) => {
                self.wrong(&below(path, &["from"]), format!("there is no step `{step}`"), "name the id of a [[step]]");
            }
            None if needs_from && !own => {
                self.wrong(path, "the pick does not say in which answer", "add from = \"the id of a step\"");
            }
            _ => {}
        }
        for (json, list) in [(true, &pick.json), (false, &pick.xml)] {
            for text in list.iter().flat_map(OneOrMany::iter) {
                if json { self.places(Some(text), None, path) } else { self.places(None, Some(text), path) }
            }
        }
        if let Some(Lookup { from, rows, by, equals, take }) = &pick.lookup {
            if !self.steps.contains(from.as_str()) {
                self.wrong(
                    &below(path, &["lookup", "from"]),
                    format!("there is no step `{from}`"),
                    "name the id of a [[step]]",
                );
            }
            for pointer in [rows, by, equals, take] {
                self.places(Some(pointer), None, &below(path, &["lookup"]));
            }
        }
        if let Some(pattern) = &pick.regex {
            self.regex(pattern, &below(path, &["regex"]));
        }
        if let Some(condition) = &pick.when {
            self.condition(condition, &below(path, &["when"]), needs_from);
        }
        if let Some(selector) = &pick.css {
            self.css = true;
            if scraper::Selector::parse(selector).is_err() {
                self.wrong(
                    &below(path, &["css"]),
                    format!("`{selector}` is not a CSS selector"),
                    "write it as in a style sheet: table#leases tr",
                );
            }
        }
    }
}

/// Words in a path or query by which a request does something to a router, even a GET.
const EFFECTS: [&str; 21] = [
    "reboot",
    "restart",
    "reset",
    "restore",
    "factory",
    "shutdown",
    "poweroff",
    "upgrade",
    "flash",
    "delete",
    "remove",
    "erase",
    "snmpset",
    "apply",
    "commit",
    "disconnect",
    "install",
    "execute",
    "exec",
    "telnet",
    "shell",
];

/// The word by which a request would change a router: a whole word of the path (`/cgi/reset?x`, `doReset`), since `preset`
/// is another one.
fn with_an_effect(path: &str) -> Option<&'static str> {
    let mut words: Vec<String> = vec![String::new()];
    let mut before = ' ';
    for c in path.chars() {
        if !c.is_ascii_alphanumeric() || c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_ascii_alphanumeric(), words.last_mut()) {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    let plain: String = path.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    // These have no other use, however they are joined to others.
    let always = ["reboot", "snmpset", "factoryreset", "restoredefault"];
    let joined = always.into_iter().find(|word| plain.contains(word));
    joined.or_else(|| EFFECTS.into_iter().find(|effect| words.iter().any(|word| word == effect)))
}

/// A path, with a query where it has one, that leads nowhere but to itself.
fn exact(path: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "/-_.~{}?=&,%:;@+".contains(c);
    path.starts_with('/')
        && path.len() <= 256
        && !path.contains("//")
        && path.chars().all(fits)
        && !path.split(['/', '?']).any(|part| part == "..")
        // A percent sign could hide a slash or a dot.
        && !path.to_ascii_lowercase().contains("%2")
}

fn json_names(json: &Value) -> Vec<String> {
    match json {
        Value::String(text) => placeholders(text).into_iter().map(str::to_owned).collect(),
        Value::Array(list) => list.iter().flat_map(json_names).collect(),
        Value::Object(map) => map.values().flat_map(json_names).collect(),
        _ => Vec::new(),
    }
}
