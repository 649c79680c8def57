//! What an object may say: the fields of MetalLB's kinds, their types and bounds, and a check against them.
//!
//! A schema is a constant table ([`Shape`], [`Field`]); [`check`] walks a value along it and returns every [`Problem`]
//! with its place. What counts as a type is what the API server sees after YAML became JSON: `yes` is a boolean, `10.0`
//! is a whole number, `1` is no string. `null` under an optional field counts as absent; in a list it does not. Values
//! that are filled in later are not judged but listed ([`Report::unresolved`]).
//!
//! Source: MetalLB 0.16.2, `config/crd/bases` and `api/`; Kubernetes `meta/v1` ObjectMeta and LabelSelector.

mod duration;
mod labels;
mod meta;
mod metallb;
mod suggest;
mod walk;

use poolcheck_plan::Span;

use crate::object::Object;
use crate::template::{Placeholder, PlaceholderKind, placeholder};
use crate::value::Value;

pub use duration::parse_duration;
pub use labels::{LabelError, label_key, label_value, rfc1123_label, rfc1123_subdomain};
pub use metallb::{GROUP, KINDS, SchemaKind, Standing, find as metallb};
pub use suggest::{Suggestion, closest};

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Anything: not looked into.
    Any,
    /// A string.
    Str,
    /// A string in Go's duration syntax: `90s`, `1m30s`.
    Duration,
    /// A string that is a time (RFC 3339).
    Time,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// A boolean.
    Bool,
    /// A whole number within bounds, both included.
    Int {
        /// The least.
        min: i128,
        /// The greatest.
        max: i128,
    },
    /// A list.
    List {
        /// What each item may be.
        item: &'static Shape,
        /// How many items there must be.
        at_least: usize,
    },
    /// A mapping with keys of the user's choice.
    Map(&'static Shape),
    /// A mapping with these fields.
    Object(&'static [Field]),
}

/// One field of a mapping.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// Its name, case-sensitive.
    pub name: &'static str,
    /// What it may be.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
}

impl Field {
    /// A field that may be absent or `null`.
    pub(crate) const fn optional(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, required: false }
    }

    /// A field that must be there.
    pub(crate) const fn required(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, required: true }
    }
}

impl Shape {
    /// A list without a least length.
    pub(crate) const fn list(item: &'static Self) -> Self {
        Self::List { item, at_least: 0 }
    }

    /// What it is called: `a string`, `a list of strings`.
    pub fn noun(&self) -> String {
        match self {
            Self::Any => "a value".to_owned(),
            Self::Str | Self::OneOf(_) => "a string".to_owned(),
            Self::Time => "a time like `2026-01-31T12:00:00Z`".to_owned(),
            Self::Duration => "a duration like `90s`".to_owned(),
            Self::Bool => "a boolean (true or false)".to_owned(),
            Self::Int { .. } => "a whole number".to_owned(),
            Self::List { item: Self::Str, .. } => "a list of strings".to_owned(),
            Self::List { item: Self::Object(_) | Self::Map(_), .. } => "a list of mappings".to_owned(),
            Self::List { .. } => "a list".to_owned(),
            Self::Map(_) | Self::Object(_) => "a mapping".to_owned(),
        }
    }
}

/// What is wrong at one place.
#[derive(Debug, Clone)]
pub struct Problem<'a> {
    /// The bytes: a key for an unknown field, the value otherwise.
    pub span: Span,
    /// The path from the object's root: `spec.addresses[0]`.
    pub path: String,
    /// What.
    pub kind: ProblemKind<'a>,
}

/// What is wrong.
#[derive(Debug, Clone)]
pub enum ProblemKind<'a> {
    /// The mapping has no such field.
    UnknownField {
        /// Its name as written.
        name: String,
        /// What was probably meant.
        suggestion: Option<Suggestion>,
        /// Whether the field that was meant is there, too.
        taken: bool,
    },
    /// Another type was written.
    WrongType {
        /// The type the field has.
        expected: &'static Shape,
        /// The value.
        value: Value<'a>,
    },
    /// A required field is not there.
    Missing {
        /// Its name.
        field: &'static str,
        /// What it may be.
        shape: Shape,
    },
    /// A number beyond the bounds of its field.
    OutOfRange {
        /// The least.
        min: i128,
        /// The greatest.
        max: i128,
        /// The value as written.
        found: String,
    },
    /// A string that is none of those allowed.
    NotOneOf {
        /// Those allowed.
        allowed: &'static [&'static str],
        /// The value as written.
        found: String,
    },
    /// A string that is no Go duration.
    BadDuration {
        /// The value as written.
        found: String,
    },
    /// A string that is no time.
    BadTime {
        /// The value as written.
        found: String,
    },
    /// A list with too few items.
    TooFew {
        /// How many there must be.
        at_least: usize,
    },
}

/// A value that is filled in later.
#[derive(Debug, Clone, PartialEq)]
pub struct Unresolved {
    /// Where.
    pub span: Span,
    /// What stands there.
    pub placeholder: Placeholder,
}

/// All that a check found, in the order of the text.
#[derive(Debug, Clone, Default)]
pub struct Report<'a> {
    /// What is wrong.
    pub problems: Vec<Problem<'a>>,
    /// What could not be judged.
    pub unresolved: Vec<Unresolved>,
}

/// Checks an object of MetalLB against the schema of its kind; nothing for objects of others and unknown kinds.
pub fn check<'a>(object: &Object<'a>) -> Report<'a> {
    let found = metallb::find(&object.group(), &object.version(), &object.kind());
    found.map(|kind| walk::walk(object.value, kind)).unwrap_or_default()
}

/// The placeholder in a value, unless it is only a word in capitals: `YES` and `PROD` are what people write, too.
pub fn filled_in_later(text: &str) -> Option<Placeholder> {
    let wrapped =
        |p: &Placeholder| p.kind != PlaceholderKind::Word || !p.name.starts_with(|c: char| c.is_alphanumeric());
    placeholder(text).filter(wrapped)
}
