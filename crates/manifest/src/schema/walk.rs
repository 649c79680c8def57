//! Walks a value along its shape.

use super::metallb::SchemaKind;
use poolcheck_plan::Span;

use super::{Field, Problem, ProblemKind, Report, Shape, Suggestion, Unresolved, duration, filled_in_later, suggest};
use crate::value::{Kind, Scalar, Value};

/// Deeper than this nothing is looked into: no schema is, and the tree itself is limited.
const DEPTH: usize = 16;

/// Checks a whole object.
pub(super) fn walk<'a>(root: Value<'a>, kind: &'static SchemaKind) -> Report<'a> {
    let mut walker = Walker { kind, report: Report::default(), near: root.span() };
    walker.fields(root, kind.fields, "", 0);
    walker.report.problems.sort_by_key(|problem| problem.span);
    walker.report
}

struct Walker<'a> {
    kind: &'static SchemaKind,
    report: Report<'a>,
    /// The place of a value that has no bytes and no key: the list it is missing from.
    near: Span,
}

impl<'a> Walker<'a> {
    fn value(&mut self, value: Value<'a>, shape: &'static Shape, path: &str, depth: usize) {
        if depth > DEPTH || *shape == Shape::Any || value.kind() == Kind::Unresolved {
            return;
        }
        match shape {
            Shape::Any => {}
            Shape::Object(fields) if value.kind() == Kind::Mapping => self.fields(value, fields, path, depth),
            Shape::Map(item) if value.kind() == Kind::Mapping => self.map(value, item, path, depth),
            Shape::List { item, at_least } if value.kind() == Kind::Sequence => {
                self.list(value, item, *at_least, path, depth);
            }
            _ => {
                let problem = scalar_problem(value, shape);
                if let Some(placeholder) = filled_in_later(&value.text()) {
                    // What stands in annotations is other programs' business.
                    if !path.starts_with("metadata.annotations.") {
                        self.report.unresolved.push(Unresolved { span: value.span(), placeholder });
                    }
                } else if let Some(kind) = problem {
                    self.problem(value, path, kind);
                }
            }
        }
    }

    fn fields(&mut self, value: Value<'a>, fields: &'static [Field], path: &str, depth: usize) {
        let entries = value.entries();
        for entry in &entries {
            let name = entry.key.text();
            let path = join(path, &name);
            match fields.iter().find(|field| field.name == name) {
                Some(field) if entry.value.is_null() && !field.required => {}
                Some(field) => self.value(entry.value, &field.shape, &path, depth + 1),
                None if filled_in_later(&name).is_some() => {}
                None => {
                    let suggestion = suggest::suggest(&name, fields, &path, self.kind);
                    let taken = matches!(&suggestion, Some(Suggestion::Rename(meant))
                        if entries.iter().any(|other| other.key.text() == *meant));
                    let kind = ProblemKind::UnknownField { name: name.into_owned(), suggestion, taken };
                    let key = entry.key.span();
                    let span = if key.is_empty() { entry.value.span() } else { key };
                    self.report.problems.push(Problem { span, path, kind });
                }
            }
        }
        for field in fields.iter().filter(|field| field.required) {
            if !entries.iter().any(|entry| entry.key.text() == field.name) {
                let span = value.key_span().or_else(|| entries.first().map(|e| e.key.span()));
                let kind = ProblemKind::Missing { field: field.name, shape: field.shape };
                let span = span.unwrap_or_else(|| value.span());
                self.report.problems.push(Problem { span, path: join(path, field.name), kind });
            }
        }
    }

    /// `null` under a key of the user's choice counts as absent too: the API server drops it.
    fn map(&mut self, value: Value<'a>, item: &'static Shape, path: &str, depth: usize) {
        for entry in value.entries() {
            if !entry.value.is_null() {
                self.value(entry.value, item, &join(path, &entry.key.text()), depth + 1);
            }
        }
    }

    fn list(&mut self, value: Value<'a>, item: &'static Shape, at_least: usize, path: &str, depth: usize) {
        let mut count = 0;
        for (index, each) in value.items().enumerate() {
            self.near = value.key_span().unwrap_or_else(|| value.span());
            self.value(each, item, &format!("{path}[{index}]"), depth + 1);
            count += 1;
        }
        if count < at_least {
            self.problem(value, path, ProblemKind::TooFew { at_least });
        }
    }

    fn problem(&mut self, value: Value<'a>, path: &str, kind: ProblemKind<'a>) {
        let span = if value.span().is_empty() { value.key_span().unwrap_or(self.near) } else { value.span() };
        self.report.problems.push(Problem { span, path: path.to_owned(), kind });
    }
}

/// What is wrong with a value where a scalar may stand, or with any value of another type.
fn scalar_problem<'a>(value: Value<'a>, shape: &'static Shape) -> Option<ProblemKind<'a>> {
    let wrong = Some(ProblemKind::WrongType { expected: shape, value });
    let Some(scalar) = value.resolve() else { return wrong };
    match (shape, scalar) {
        (Shape::Str, Scalar::Str(_)) | (Shape::Bool, Scalar::Bool(_)) => None,
        (Shape::Time, Scalar::Str(text)) => {
            let ok = duration::is_time(&text);
            (!ok).then(|| ProblemKind::BadTime { found: text.into_owned() })
        }
        (Shape::Duration, Scalar::Str(text)) => {
            let ok = duration::parse_duration(&text).is_some();
            (!ok).then(|| ProblemKind::BadDuration { found: text.into_owned() })
        }
        (Shape::OneOf(allowed), Scalar::Str(text)) => {
            let ok = allowed.contains(&&*text);
            (!ok).then(|| ProblemKind::NotOneOf { allowed, found: text.into_owned() })
        }
        (Shape::Int { min, max }, Scalar::Int(number)) => bounds(number, *min, *max, value),
        // `10.0` and `1e3` become `10` and `1000` on the way to JSON.
        (Shape::Int { min, max }, Scalar::Float(number)) if number.is_finite() && number.fract() == 0.0 => {
            bounds(number as i128, *min, *max, value)
        }
        _ => wrong,
    }
}

fn bounds(number: i128, min: i128, max: i128, value: Value<'_>) -> Option<ProblemKind<'_>> {
    let found = value.text().into_owned();
    (number < min || number > max).then_some(ProblemKind::OutOfRange { min, max, found })
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
