//! One text, read by both, and the verdict.

use std::sync::Arc;

use poolcheck_manifest::{Kind, Limits, ManifestFile, Problem, ProblemKind, Scalar, Value};
use poolcheck_plan::SourceId;
use serde::Deserialize;
use serde_yaml::Value as Yaml;

/// What a comparison found.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Both accept, both mean the same.
    Same,
    /// Both refuse.
    Refused,
    /// They differ for a reason that is known.
    Known(Difference),
    /// They differ.
    Differs(String),
}

/// A difference that is meant, or that no test can do away with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Difference {
    /// `serde_yaml` has no opinion about a document that is a template: it is *not checked*.
    Template,
    /// We refuse what Kubernetes refuses or reads otherwise: its reader cuts at `---` before it reads directives, JSON
    /// has no `null` keys, a key is its text whatever its type, and so on. `serde_yaml` does not.
    OursIsStricter,
    /// `serde_yaml` converts a tagged scalar to a Rust type; go-yaml keeps the string or has other rules.
    Tag,
    /// A fault of `serde_yaml` that go-yaml does not have.
    TheirOwn,
    /// `serde_yaml` limits how often aliases repeat, as a defence; so does go-yaml, by other numbers.
    AliasLimit,
}

pub(crate) fn parse(text: &str) -> ManifestFile {
    ManifestFile::parse(SourceId(0), Arc::from(text), &Limits::default())
}

pub(crate) fn theirs(text: &str) -> Result<Vec<Yaml>, String> {
    let mut found = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let mut value = Yaml::deserialize(document).map_err(|error| error.to_string())?;
        value.apply_merge().map_err(|error| error.to_string())?;
        found.push(value);
    }
    Ok(found)
}

pub(crate) fn problems(file: &ManifestFile) -> Vec<&Problem> {
    file.stream().documents.iter().flat_map(|document| &document.problems).collect()
}

/// Whether one of the problems is that Kubernetes refuses what YAML allows.
pub(crate) fn is_refused_by_kubernetes(text: &str) -> bool {
    problems(&parse(text)).iter().any(|problem| matches!(problem.kind, ProblemKind::KubernetesRefuses(_)))
}

pub(crate) fn compare(text: &str) -> Outcome {
    let file = parse(text);
    if file.templates().next().is_some() {
        return Outcome::Known(Difference::Template);
    }
    let problems = problems(&file);
    match (theirs(text), problems.is_empty()) {
        (Ok(theirs), true) => {
            let ours: Vec<_> = file.roots().collect();
            let theirs: Vec<_> = theirs.into_iter().collect();
            // A document without content is none to us and `null` to them.
            let ours: Vec<_> = ours.iter().filter(|value| !value.is_null()).collect();
            let theirs: Vec<_> = theirs.iter().filter(|value| !value.is_null()).collect();
            if ours.len() != theirs.len() && text.contains('!') {
                return Outcome::Known(Difference::Tag);
            }
            if ours.len() != theirs.len() {
                return Outcome::Differs(format!("{} documents here, {} there: {theirs:?}", ours.len(), theirs.len()));
            }
            for (ours, theirs) in ours.iter().zip(theirs) {
                match same(**ours, theirs) {
                    Ok(()) => {}
                    Err(Mismatch::Known(difference)) => return Outcome::Known(difference),
                    Err(Mismatch::Differs(why)) => return Outcome::Differs(why),
                }
            }
            Outcome::Same
        }
        (Err(_), false) => Outcome::Refused,
        (Ok(_), false) => {
            if problems.iter().any(|problem| is_stricter(problem)) {
                return Outcome::Known(Difference::OursIsStricter);
            }
            Outcome::Differs(format!("refused here only: {problems:?}"))
        }
        (Err(error), true) if error.contains("repetition limit") => Outcome::Known(Difference::AliasLimit),
        (Err(error), true) if THEIR_OWN.iter().any(|known| error.contains(known)) => {
            Outcome::Known(Difference::TheirOwn)
        }
        (Err(_), true) if text.starts_with('\u{feff}') && theirs(text.trim_start_matches('\u{feff}')).is_ok() => {
            Outcome::Known(Difference::TheirOwn)
        }
        (Err(error), true)
            if text.contains('!') && (error.contains("invalid value") || error.contains("tagged value in merge")) =>
        {
            Outcome::Known(Difference::Tag)
        }
        (Err(error), true) => Outcome::Differs(format!("refused there only: {error}")),
    }
}

/// Problems that are Kubernetes' own, or that come from reading a key as its text.
pub(crate) fn is_stricter(problem: &Problem) -> bool {
    match &problem.kind {
        ProblemKind::DuplicateKey { .. } => true,
        ProblemKind::KubernetesRefuses(why) => STRICTER.iter().any(|known| why.contains(known)),
        ProblemKind::Syntax(why) => STRICTER_SYNTAX.iter().any(|known| why.contains(known)),
        _ => false,
    }
}

/// Reasons that `serde_yaml` does not share.
const STRICTER: &[&str] = &[
    // Kubernetes cuts at `---` before it parses: the directive stays alone.
    "directive",
    // JSON has strings for keys; go-yaml has no list for a key.
    "a key must be a string",
    "a key cannot be null",
    // libyaml reads `[?x]` as a key without a value: accepted, and never what was meant.
    "question mark",
    // libyaml ends the name there and lets the next token follow without a space.
    "an anchor's name can",
    "the lines of a block scalar must be indented",
    // `serde_yaml` leaves `!!binary` alone; go-yaml decodes it.
    "what its tag says",
    // libyaml takes the colon for the end of a key that is not there.
    "begin with a colon",
    // libyaml ends the line there: accepted where that happens to fit, and never what was meant.
    "ends the line in YAML 1.1",
];

/// What `serde_yaml` refuses and go-yaml accepts: numbers beyond 64 bits, two merge keys, a quoted `<<`. A byte order mark before `---`
/// (accepted by MetalLB's own reader) is looked at apart.
const THEIR_OWN: &[&str] = &["as u128", "as i128", "duplicate entry with key \"<<\"", "for merging"];

/// What YAML forbids and libyaml lets pass: it is no YAML, whoever else reads it.
const STRICTER_SYNTAX: &[&str] = &[
    "comments must be separated",
    "tabs disallowed",
    "BOM must not appear",
    "plain scalar cannot start with '-'",
    "wrongly indented line in block scalar",
    // A block scalar where a mapping could begin, not indented.
    "simple key expected ':'",
    // `[?{a: b}]`.
    "while parsing a flow sequence, expected",
    "while parsing a tag",
    "while scanning a tag",
];

pub(crate) enum Mismatch {
    Known(Difference),
    Differs(String),
}

pub(crate) fn same(ours: Value<'_>, theirs: &Yaml) -> Result<(), Mismatch> {
    let differs = |why: &str| Err(Mismatch::Differs(format!("{why}: {:?} here, {theirs:?} there", ours.text())));
    if let (Kind::Mapping, Yaml::Mapping(_)) = (ours.kind(), theirs)
        && let Some(entry) = ours.entries().iter().find(|entry| entry.key.text() == "<<")
    {
        if entry.key.tag().is_some() {
            return Err(Mismatch::Known(Difference::Tag));
        }
        // `"<<"` in quotes is no merge key to go-yaml.
        return Err(Mismatch::Known(Difference::TheirOwn));
    }
    if let Yaml::Tagged(tagged) = theirs {
        return if ours.tag().is_some() { same(ours, &tagged.value) } else { differs("a tag") };
    }
    match (ours.kind(), theirs) {
        (Kind::Sequence, Yaml::Sequence(list)) => {
            let items: Vec<_> = ours.items().collect();
            if items.len() != list.len() {
                return differs("the length of a list");
            }
            items.into_iter().zip(list).try_for_each(|(ours, theirs)| same(ours, theirs))
        }
        (Kind::Mapping, Yaml::Mapping(map)) => {
            let entries = ours.entries();
            if entries.len() != map.len() {
                return differs("the size of a mapping");
            }
            for entry in entries {
                let found = map.iter().find(|(key, _)| same(entry.key, key).is_ok());
                if found.is_none() && entry.key.tag().is_some() {
                    return Err(Mismatch::Known(Difference::Tag));
                }
                let Some((_, theirs)) = found else {
                    return Err(Mismatch::Differs(format!("the key {:?} is not in {map:?}", entry.key.text())));
                };
                same(entry.value, theirs)?;
            }
            Ok(())
        }
        (Kind::Scalar, Yaml::Null | Yaml::Bool(_) | Yaml::Number(_) | Yaml::String(_)) => same_scalar(ours, theirs),
        _ => differs("the shape"),
    }
}

pub(crate) fn same_scalar(ours: Value<'_>, theirs: &Yaml) -> Result<(), Mismatch> {
    let text = ours.text();
    let resolved = ours.resolve().expect("a scalar resolves");
    let equal = match (&resolved, theirs) {
        (Scalar::Null, Yaml::Null) => true,
        (Scalar::Bool(ours), Yaml::Bool(theirs)) => ours == theirs,
        (Scalar::Int(ours), Yaml::Number(theirs)) => {
            theirs.as_i64().map(i128::from).or(theirs.as_u64().map(i128::from)) == Some(*ours)
        }
        (Scalar::Float(ours), Yaml::Number(theirs)) => {
            theirs.as_f64().is_some_and(|theirs| theirs.total_cmp(ours).is_eq() || (theirs.is_nan() && ours.is_nan()))
        }
        (Scalar::Str(ours), Yaml::String(theirs)) => ours == theirs,
        // YAML 1.1, as Kubernetes reads it: the text is the same, the type is not.
        (Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_), Yaml::String(theirs)) => {
            *theirs == text && is_yaml_1_1(&text)
        }
        _ => false,
    };
    if equal {
        Ok(())
    } else if ours.tag().is_some() {
        Err(Mismatch::Known(Difference::Tag))
    } else {
        Err(Mismatch::Differs(format!("a scalar: {text:?} ({resolved:?}) here, {theirs:?} there")))
    }
}

/// Words and numbers that YAML 1.1 types and YAML 1.2 leaves strings.
pub(crate) fn is_yaml_1_1(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let unsigned = lower.trim_start_matches(['+', '-']);
    matches!(&*lower, "y" | "n" | "yes" | "no" | "on" | "off")
        || lower.contains('_')
        || (unsigned.len() > 1 && unsigned.starts_with('0'))
}
