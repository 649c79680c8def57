//! An object's name, namespace, labels or annotations break the rules of Kubernetes.
//!
//! ## Why is this bad?
//!
//! The API server refuses the object. Names of MetalLB's objects are DNS names in lower case: letters, digits, `-` and
//! `.`, with a letter or digit at both ends, at most 253 bytes.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: Main_Pool # error: [invalid-metadata]
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
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
//! ```
//!
//! ## References
//!
//! Kubernetes, Object Names and IDs; Labels and Selectors; RFC 1123 section 2.1.

use poolcheck_manifest::schema::{LabelError, label_key, label_value, rfc1123_label, rfc1123_subdomain};
use poolcheck_manifest::{Object, Value};

use crate::metallb::{objects, unknown_yet};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "invalid-metadata", level: Level::Error, needs: &[], since: "0.1.0", check };

/// The API server's limit for all annotations of an object together.
const ANNOTATION_BYTES: usize = 256 << 10;

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for object in objects(world).filter(|object| object.value.get("items").is_none()) {
        check_names(object, findings);
        check_labels(object, findings);
        check_annotations(object, findings);
    }
}

fn check_names(object: &Object<'_>, findings: &mut Findings<'_>) {
    let field = |name: &str| object.metadata().and_then(|metadata| metadata.get(name)).filter(|value| !value.is_null());
    let given = |value: &Value<'_>| !value.text().is_empty();
    let (name, generate) = (field("name"), field("generateName"));
    if !name.as_ref().is_some_and(given) && !generate.as_ref().is_some_and(given) {
        let span = name.map_or_else(|| object.kind_span(), |value| value.place());
        let message = format!("an object of kind {} has no name", object.kind());
        findings.report(span, "needs `metadata.name`", message).about(object).help("write `name` under `metadata`");
    }
    if let Some(name) = name {
        check_name(object, name, "name", rfc1123_subdomain, findings);
    }
    if let Some(prefix) = generate {
        // Kubernetes adds letters and digits, so that the prefix may end in a dash.
        check_name(object, prefix, "generateName", |text| rfc1123_subdomain(text.trim_end_matches('-')), findings);
    }
    if let Some(namespace) = field("namespace") {
        check_name(object, namespace, "namespace", rfc1123_label, findings);
    }
}

fn check_name(
    object: &Object<'_>,
    value: Value<'_>,
    field: &str,
    rule: impl Fn(&str) -> Result<(), LabelError>,
    findings: &mut Findings<'_>,
) {
    let Some(text) = value.as_str().filter(|text| !text.is_empty()) else { return };
    if unknown_yet(findings, object, value) {
        return;
    }
    let Err(error) = rule(&text) else { return };
    let message = format!("`metadata.{field}` of {} cannot be `{text}`: {error}", object.kind());
    let finding = findings.report(value.span(), "not a DNS name in lower case", message);
    finding.about(object);
    match dns_name(&text).filter(|meant| rule(meant).is_ok()) {
        Some(meant) => finding.help(format!("write `{meant}`, here and wherever it is named")),
        None => finding.help("use lower-case letters, digits, `-` and `.`, with a letter or digit at both ends"),
    };
}

/// The nearest name that Kubernetes takes.
fn dns_name(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    let name: String = lower.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    let name = name.trim_matches(['-', '.']).to_owned();
    (!name.is_empty()).then_some(name)
}

fn check_labels(object: &Object<'_>, findings: &mut Findings<'_>) {
    let labels = object.metadata().and_then(|metadata| metadata.get("labels"));
    for entry in labels.map(|labels| labels.entries()).unwrap_or_default() {
        let key = entry.key.text();
        if !unknown_yet(findings, object, entry.key)
            && let Err(error) = label_key(&key)
        {
            let message = format!("`{key}` cannot be the key of a label: {error}");
            findings.report(entry.key.span(), "not a label key", message).about(object).help(KEY_HELP);
        }
        let Some(value) = entry.value.as_str() else { continue };
        if !unknown_yet(findings, object, entry.value)
            && let Err(error) = label_value(&value)
        {
            let message = format!("the label `{key}` cannot have the value `{}`: {error}", value.escape_debug());
            findings.report(entry.value.span(), "not a label value", message).about(object).help(VALUE_HELP);
        }
    }
}

fn check_annotations(object: &Object<'_>, findings: &mut Findings<'_>) {
    let field = |name: &str| object.metadata().and_then(|metadata| metadata.get(name));
    let mut bytes = 0;
    let annotations = field("annotations");
    for entry in annotations.map(|map| map.entries()).unwrap_or_default() {
        let key = entry.key.text();
        bytes += key.len() + entry.value.text().len();
        if !unknown_yet(findings, object, entry.key)
            && let Err(error) = label_key(&key.to_lowercase())
        {
            let message = format!("`{key}` cannot be the key of an annotation: {error}");
            findings.report(entry.key.span(), "not an annotation key", message).about(object).help(KEY_HELP);
        }
    }
    if let Some(annotations) = annotations.filter(|_| bytes > ANNOTATION_BYTES) {
        let message = format!("the annotations of {} have {bytes} bytes, more than 262144", object.reference());
        let span = annotations.key_span().unwrap_or_else(|| annotations.span());
        findings.report(span, "too much", message).about(object).help("keep large texts elsewhere");
    }
    let finalizers = field("finalizers").map(|list| list.items().collect::<Vec<_>>()).unwrap_or_default();
    for finalizer in finalizers {
        let Some(text) = finalizer.as_str() else { continue };
        if let Err(error) = label_key(&text) {
            let message = format!("`{text}` cannot be a finalizer: {error}");
            findings.report(finalizer.place(), "not a qualified name", message).about(object).help(KEY_HELP);
        }
    }
}

const KEY_HELP: &str =
    "write letters, digits, `-`, `_` and `.`, at most 63, perhaps after a DNS name and `/`: `example.org/tier`";
const VALUE_HELP: &str = "write at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends";

#[cfg(test)]
mod tests {
    use super::dns_name;

    #[test]
    fn names_are_mended() {
        assert_eq!(dns_name("Home Pool_1-").as_deref(), Some("home-pool-1"));
        assert_eq!(dns_name("---"), None);
    }
}
