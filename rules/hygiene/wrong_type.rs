//! A field holds a value of another type than its kind says.
//!
//! ## Why is this bad?
//!
//! The API server refuses the object; the configuration that was in force stays in force. The usual reasons are quotes
//! around a boolean, a number where text is wanted (`name: 1`), and one value where a list is wanted.
//!
//! YAML decides the type before Kubernetes sees it: `yes` and `on` are booleans, `010` is the number 8, `1.10` is the
//! number 1.1. Quotes make all of them text.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
//!   autoAssign: "false" # error: [wrong-type]
//!   serviceAllocation:
//!     namespaces: media # error: [wrong-type]
//! ```
//!
//! ## Use instead
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
//!   autoAssign: false
//!   serviceAllocation:
//!     namespaces: [media]
//! ```
//!
//! ## References
//!
//! MetalLB 0.16 `config/crd/bases`; YAML 1.1 `bool`, `int` and `float`, which Kubernetes reads.

use poolcheck_manifest::schema::{Problem, ProblemKind, Shape, check as check_schema};
use poolcheck_manifest::{Kind, Quoting, Scalar, Value};

use crate::metallb::objects;
use crate::{Findings, Level, Rule, Safety, World};

pub(crate) const RULE: Rule = Rule { id: "wrong-type", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for object in objects(world) {
        for Problem { span, path, kind } in check_schema(object).problems {
            let ProblemKind::WrongType { expected, value } = kind else { continue };
            let (wanted, found) = (expected.noun(), noun(value));
            let finding = findings.report(
                span,
                format!("this is {found}"),
                format!("`{path}` of {} must be {wanted}, not {found}", object.reference()),
            );
            finding.about(object).identity(path.as_str());
            if let Some(alias) = value.alias_span() {
                finding.related(alias, "used here");
            }
            let source = world.sources.slice(value.span());
            match cure(expected, value, source) {
                Some(text) => {
                    finding.help(format!("write `{text}`"));
                    if value.alias_span().is_none() && !matches!(expected, Shape::Duration) {
                        finding.fix(format!("write `{text}`"), Safety::Safe, vec![(value.span(), text)]);
                    }
                }
                None => {
                    finding.help(advice(expected, value, &wanted));
                }
            }
        }
    }
}

/// What was plainly meant, in the type that the field has.
fn cure(expected: &Shape, value: Value<'_>, source: &str) -> Option<String> {
    let one_line = !source.is_empty() && !source.contains('\n');
    match (expected, value.resolve()?) {
        (Shape::Str | Shape::OneOf(_), Scalar::Int(_) | Scalar::Float(_) | Scalar::Bool(_))
            if value.tag().is_none() =>
        {
            Some(format!("\"{source}\""))
        }
        (Shape::Duration, Scalar::Int(seconds)) if seconds >= 0 => Some(format!("{seconds}s")),
        (Shape::Bool, Scalar::Str(text)) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some("true".to_owned()),
            "false" | "no" | "off" | "n" => Some("false".to_owned()),
            _ => None,
        },
        (Shape::Int { min, max }, Scalar::Str(text)) => {
            let number: i128 = text.trim().parse().ok()?;
            (*min <= number && number <= *max).then(|| number.to_string())
        }
        (Shape::List { item: Shape::Str, .. }, Scalar::Str(text))
            if one_line
                && !text.is_empty()
                && !text.contains(',')
                && !matches!(value.quoting(), Some(Quoting::Literal | Quoting::Folded)) =>
        {
            let fits = !source.contains(['[', ']', '{', '}', '#']) && !source.starts_with(':');
            fits.then(|| format!("[{source}]"))
        }
        _ => None,
    }
}

fn advice(expected: &Shape, value: Value<'_>, wanted: &str) -> String {
    let found = value.kind();
    match expected {
        Shape::List { .. } if value.is_null() => "write a list, or `[]`".to_owned(),
        Shape::List { .. } if found == Kind::Mapping => "begin it with `- `: it is a list with one entry".to_owned(),
        Shape::List { .. } => "write one entry a line, each after `- `".to_owned(),
        Shape::Bool => "write `true` or `false`".to_owned(),
        _ if value.is_null() => "remove the empty entry, or write its value".to_owned(),
        Shape::Str if found == Kind::Sequence => {
            "write the entries in one list, without `[ ]` or `- ` around them".to_owned()
        }
        Shape::Object(_) | Shape::Map(_) if found == Kind::Sequence => {
            "remove the `- ` before it: it is no list".to_owned()
        }
        Shape::Object(_) | Shape::Map(_) => "write its fields below it, indented".to_owned(),
        _ => format!("write {wanted}"),
    }
}

/// What a value is to Kubernetes: `a number`.
fn noun(value: Value<'_>) -> &'static str {
    match value.resolve() {
        Some(Scalar::Null) => "null",
        Some(Scalar::Bool(_)) => "a boolean",
        Some(Scalar::Float(number)) if number.is_finite() && number.fract() != 0.0 => "a fractional number",
        Some(Scalar::Int(_) | Scalar::Float(_)) => "a number",
        Some(Scalar::Str(_)) => "a string",
        None if value.kind() == Kind::Sequence => "a list",
        None => "a mapping",
    }
}
