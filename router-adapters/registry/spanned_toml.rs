//! Reads TOML so that everything wrong has a place and a remedy.
//!
//! A [`Reader`] walks one text and gathers complaints instead of stopping at the first. Tables are read by the keys that
//! are known; every other key is a complaint with a suggestion, and a key that looks like a secret is one of its own.

use std::ops::{Range, RangeInclusive};

use poolcheck_plan::{SourceId, Span};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::adapter::Complaint;

/// Gathers complaints about one text.
#[derive(Debug)]
pub struct Reader {
    source: SourceId,
    /// What is wrong so far.
    pub complaints: Vec<Complaint>,
}

/// A value with its place.
pub type Item<'t, 'i> = &'t Spanned<DeValue<'i>>;

impl Reader {
    /// A reader of a text that is this source.
    pub const fn new(source: SourceId) -> Self {
        Self { source, complaints: Vec::new() }
    }

    /// The root table; syntax errors become complaints.
    pub fn parse<'i>(&mut self, text: &'i str) -> Spanned<DeTable<'i>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            self.complaints.push(Complaint::at(self.span(span), "here", error.message().trim()));
        }
        table
    }

    /// A byte range as a span.
    pub fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.source, range.start as u32, range.end as u32)
    }

    /// The place of a string's content, without its quotes.
    pub fn inside(&self, item: Item<'_, '_>) -> Span {
        let range = item.span();
        let quoted = item.get_ref().as_str().is_some_and(|text| range.len() == text.len() + 2);
        if quoted { self.span(range.start + 1..range.end - 1) } else { self.span(range) }
    }

    /// Adds a complaint.
    pub fn complain(&mut self, complaint: Complaint) {
        self.complaints.push(complaint);
    }

    /// Complains about every key of a table that is not known.
    pub fn only_keys(&mut self, table: &DeTable<'_>, known: &[&str], place: &str) {
        for key in table.keys() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let span = self.span(key.span());
            if is_secret(name) {
                self.complaints.push(
                    Complaint::at(
                        span,
                        "a secret in a file",
                        format!("`{name}` in {place}: secrets are never read from here"),
                    )
                    .help("delete it, and name an environment variable, a file with mode 0600 or a command instead"),
                );
                continue;
            }
            let near = nearest(name, known);
            let complaint = Complaint::at(span, "unknown key", format!("unknown key `{name}` in {place}"));
            self.complaints.push(match near {
                Some(near) => complaint.help(format!("did you mean `{near}`?")),
                None => complaint.help(format!("the keys are {}", known.join(", "))),
            });
        }
    }

    /// Complains that a value has the wrong type.
    pub fn wrong_type(&mut self, item: Item<'_, '_>, key: &str, wanted: &str) {
        let found = item.get_ref().type_str();
        let span = self.span(item.span());
        self.complaints.push(Complaint::at(span, format!("this is {found}"), format!("`{key}` must be {wanted}")));
    }

    /// A string.
    pub fn string<'t>(&mut self, item: Item<'t, '_>, key: &str) -> Option<&'t str> {
        let text = item.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(item, key, "a string");
        }
        text
    }

    /// A number, whole or not, within a range.
    pub fn number(&mut self, item: Item<'_, '_>, key: &str, range: RangeInclusive<f64>) -> Option<f64> {
        let whole = || Some(f64::from(i32::try_from(integer(item)?).ok()?));
        let number = item.get_ref().as_float().and_then(|n| n.as_str().parse().ok()).or_else(whole);
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            self.wrong_type(item, key, &format!("a number from {} to {}", range.start(), range.end()));
        }
        number
    }

    /// Yes or no.
    pub fn boolean(&mut self, item: Item<'_, '_>, key: &str) -> Option<bool> {
        let value = item.get_ref().as_bool();
        if value.is_none() {
            self.wrong_type(item, key, "true or false");
        }
        value
    }

    /// A table.
    pub fn table<'t, 'i>(&mut self, item: Item<'t, 'i>, key: &str) -> Option<&'t DeTable<'i>> {
        let table = item.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(item, key, "a table");
        }
        table
    }

    /// One value, or the values of a list.
    pub fn one_or_many<'t, 'i>(&self, item: Item<'t, 'i>) -> Vec<Item<'t, 'i>> {
        item.get_ref().as_array().map_or_else(|| vec![item], |list| list.iter().collect())
    }

    /// The values of a list.
    pub fn list<'t, 'i>(&mut self, item: Item<'t, 'i>, key: &str, of: &str) -> Vec<Item<'t, 'i>> {
        let Some(list) = item.get_ref().as_array() else {
            self.wrong_type(item, key, &format!("a list of {of}"));
            return Vec::new();
        };
        list.iter().collect()
    }

    /// A string that one of a few words must be.
    pub fn choice<T: Copy>(&mut self, item: Item<'_, '_>, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.string(item, key)?;
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let span = self.inside(item);
            let complaint = Complaint::at(span, "unknown", format!("`{key}` cannot be `{text}`"));
            let help = match nearest(text, &words) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it is one of {}", words.join(", ")),
            };
            self.complaints.push(complaint.help(help));
        }
        found
    }
}

/// A whole number, if it is one.
pub fn integer(item: Item<'_, '_>) -> Option<i64> {
    let number = item.get_ref().as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// The known word that an unknown one was probably meant to be.
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    // What is longer than any name is no slip of one, and costs its length to compare.
    if word.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '-'], "");
    let same = known.iter().find(|k| plain(k) == plain(word));
    let near = || {
        let scored = known.iter().map(|k| (strsim::damerau_levenshtein(&plain(k), &plain(word)), *k));
        scored
            .filter(|(distance, k)| *distance <= 1 + k.len() / 4)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, k)| k)
    };
    same.copied().or_else(near)
}

/// The text as it may be shown: the strings under keys that look like secrets are starred out, every byte keeps its place.
pub fn masked(text: &str) -> String {
    // Making the pattern takes longer than all else that is done with a small file.
    if !is_secret(text) {
        return text.to_owned();
    }
    let pattern = format!(r#"(?i)((?:{})[\w-]*["']?\s*=\s*["'])([^"'\n]*)"#, SECRET_WORDS.join("|"));
    let pattern = regex::Regex::new(&pattern).expect("the words are plain");
    let starred = |found: &regex::Captures<'_>| format!("{}{}", &found[1], "*".repeat(found[2].len()));
    pattern.replace_all(text, starred).into_owned()
}

const SECRET_WORDS: [&str; 8] = ["password", "passwd", "secret", "token", "api-key", "api_key", "apikey", "credential"];

pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}
