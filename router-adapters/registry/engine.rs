//! Declarative adapters: one TOML file says how a router is recognised, what is asked, and where its facts stand.
//!
//! A file is data. It can name requests, but none that it does not list; it can name places in answers, but not compute;
//! it cannot lift a limit: one host, no redirects, bounded bodies and times, one login, a logout whatever happens. What is
//! wrong with a file is said with line and column before anything is asked. Reading answers is pure ([`Declared::facts`]);
//! asking is behind the feature `live`.
//!
//! The format is the [`Description`].

mod card;
mod check;
pub(crate) mod description;
pub(crate) mod exchange;
mod facts;
#[cfg(feature = "live")]
pub(crate) mod fill;
mod pages;
pub mod scrub;
pub(crate) mod select;
mod selftest;
mod value;

use std::sync::OnceLock;

use poolcheck_plan::{SourceKind, Sources};
use toml::de::DeTable;

pub use description::{AuthScheme, Description, FORMAT, Meaning, Scheme};
pub use facts::Replies;
pub use selftest::TestResult;

use crate::adapter::{AdapterError, Complaint};
use crate::spanned_toml::{Reader, masked, nearest};
use select::Patterns;

/// A larger file is not an adapter.
const LIMIT: usize = 256 * 1024;

/// An adapter that is a file.
#[derive(Debug, Clone)]
pub struct Declared {
    description: Description,
    patterns: Patterns,
    css: bool,
}

impl Declared {
    /// Reads an adapter file; `name` is its path as it is shown.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn load(name: &str, text: &str, sources: &mut Sources) -> Result<Self, AdapterError> {
        let source = sources.add(name, SourceKind::File, masked(text));
        if text.len() > LIMIT {
            return Err(Complaint::whole(format!("{name} is larger than an adapter file may be (256 KiB)")).into());
        }
        let mut reader = Reader::new(source);
        let root = reader.parse(text);
        if !reader.complaints.is_empty() {
            return Err(AdapterError { complaints: reader.complaints });
        }
        let description = match toml::from_str::<Description>(text) {
            Ok(description) => description,
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                check::pick_keys(root.get_ref(), &span, &mut reader);
                if reader.complaints.is_empty() {
                    let place = reader.span(span);
                    reader.complain(explained(error.message().trim(), place));
                }
                return Err(AdapterError { complaints: reader.complaints });
            }
        };
        let mut patterns = Patterns::default();
        let css = check::check(&description, root.get_ref(), &mut reader, &mut patterns);
        if reader.complaints.is_empty() {
            return Ok(Self { description, patterns, css });
        }
        let mut complaints = reader.complaints;
        complaints.sort_by_key(|complaint| complaint.labels.first().map(|(span, _)| span.start));
        Err(AdapterError { complaints })
    }

    /// What the file says.
    pub const fn description(&self) -> &Description {
        &self.description
    }

    /// Whether it can only be used with a password or key.
    pub fn needs_secret(&self) -> bool {
        self.description.auth.scheme != AuthScheme::None && !self.description.auth.optional
    }

    pub(crate) const fn patterns(&self) -> &Patterns {
        &self.patterns
    }

    pub(crate) const fn uses_css(&self) -> bool {
        self.css
    }
}

/// What serde says about a key, with what to write instead.
fn explained(message: &str, place: poolcheck_plan::Span) -> Complaint {
    let Some((unknown, known)) =
        message.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, expected "))
    else {
        return Complaint::at(place, "here", message);
    };
    if crate::spanned_toml::is_secret(unknown) {
        let message = format!("`{unknown}`: secrets are never read from an adapter file");
        return Complaint::at(place, "a secret in a file", message)
            .help("delete it; name an environment variable, a file with mode 0600 or a command when you fetch");
    }
    let words: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    let help = match nearest(unknown, &words) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the keys are {}", words.join(", ")),
    };
    Complaint::at(place, "unknown key", format!("unknown key `{unknown}`")).help(help)
}

/// The adapters that are built in, ordered by name.
pub fn builtin() -> impl Iterator<Item = &'static Declared> {
    (0..crate::ADAPTER_FILES.len()).filter_map(loaded)
}

/// The names of the adapters that are built in, without loading them.
pub fn ids() -> impl Iterator<Item = &'static str> {
    // A test holds each file to be named after its adapter.
    crate::ADAPTER_FILES.iter().filter_map(|(name, _)| name.strip_suffix(".toml"))
}

/// The built-in adapter with this id.
pub fn find(id: &str) -> Option<&'static Declared> {
    // No other is loaded, for their patterns take a millisecond each to be made.
    loaded(ids().position(|own| own == id)?)
}

/// A built-in adapter, by its place among the files; loaded once.
fn loaded(at: usize) -> Option<&'static Declared> {
    static ALL: OnceLock<Vec<OnceLock<Option<Declared>>>> = OnceLock::new();
    let all = ALL.get_or_init(|| crate::ADAPTER_FILES.iter().map(|_| OnceLock::new()).collect());
    let (name, text) = crate::ADAPTER_FILES.get(at)?;
    // A test loads each of them: what is built in is right.
    all.get(at)?.get_or_init(|| Declared::load(name, text, &mut Sources::new()).ok()).as_ref()
}

/// The JSON Schema of adapter files, for editors.
pub fn schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft07();
    let mut schema = settings.into_generator().into_root_schema_for::<Description>().to_value();
    schema["title"] = "poolcheck adapter file".into();
    schema
}

/// A text from outside made fit for one line on a terminal.
pub(crate) fn plain(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where a value stands in the text of a file.
fn locate(root: &DeTable<'_>, path: &[String]) -> Option<std::ops::Range<usize>> {
    let (first, rest) = path.split_first()?;
    let (key, mut item) = root.get_key_value(first.as_str())?;
    let mut span = if rest.is_empty() { item.span() } else { key.span() };
    for word in rest {
        let value = item.get_ref();
        let next = match (value.as_table(), value.as_array()) {
            (Some(table), _) => table.get(word.as_str()),
            (_, Some(list)) => word.parse::<usize>().ok().and_then(|at| list.get(at)),
            _ => None,
        };
        // A list of one may be written as the one.
        let Some(next) = next else {
            if word == "0" {
                continue;
            }
            break;
        };
        item = next;
        span = item.span();
    }
    Some(span)
}
