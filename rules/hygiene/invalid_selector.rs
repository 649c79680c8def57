//! A label selector cannot be read.
//!
//! ## Why is this bad?
//!
//! MetalLB refuses its whole configuration when one selector has an operator that does not exist, values where none may
//! be, or a label that cannot be.
//!
//! The operators are `In`, `NotIn`, `Exists` and `DoesNotExist`. `Gt` and `Lt` exist for node affinity only.
//!
//! ## Example
//!
//! ```yaml advertisement.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata:
//!   name: main
//!   namespace: metallb-system
//! spec:
//!   nodeSelectors:
//!   - matchExpressions:
//!     - key: rack
//!       operator: in # error: [invalid-selector]
//!       values: [a, b]
//! ```
//!
//! ## Use instead
//!
//! ```yaml advertisement.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata:
//!   name: main
//!   namespace: metallb-system
//! spec:
//!   nodeSelectors:
//!   - matchExpressions:
//!     - key: rack
//!       operator: In
//!       values: [a, b]
//! ```
//!
//! ## References
//!
//! Kubernetes, Labels and Selectors; `meta/v1` LabelSelectorAsSelector.

use poolcheck_manifest::schema::{label_key, label_value};
use poolcheck_manifest::{Object, Value};

use crate::metallb::{expressions, objects, selectors, unknown_yet};
use crate::{Findings, Level, Rule, Safety, World};

pub(crate) const RULE: Rule = Rule { id: "invalid-selector", level: Level::Error, needs: &[], since: "0.1.0", check };

const OPERATORS: [&str; 4] = ["In", "NotIn", "Exists", "DoesNotExist"];

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for object in objects(world) {
        for selector in selectors(object) {
            let labels = selector.value.get("matchLabels").map(|labels| labels.entries()).unwrap_or_default();
            for entry in labels {
                check_key(object, entry.key, findings);
                check_value(object, entry.value, findings);
            }
            for expression in expressions(selector.value) {
                check_expression(object, expression, findings);
            }
        }
    }
}

fn check_expression(object: &Object<'_>, expression: Value<'_>, findings: &mut Findings<'_>) {
    if let Some(key) = expression.get("key") {
        check_key(object, key, findings);
    }
    let list = expression.get("values").filter(|values| !values.is_null());
    let values: Vec<Value<'_>> = list.map(|values| values.items().collect()).unwrap_or_default();
    for value in &values {
        check_value(object, *value, findings);
    }
    let Some(operator) = expression.get("operator") else { return };
    let Some(text) = operator.as_str() else { return };
    if unknown_yet(findings, object, operator) {
        return;
    }
    match &*text {
        "In" | "NotIn" if values.is_empty() => {
            let span = list.map_or_else(|| operator.span(), |list| list.place());
            let message = format!("a selector of {} has the operator {text} without values", object.reference());
            let finding = findings.report(span, format!("{text} needs values"), message);
            finding.about(object).help("write `values: [...]` with at least one value, or the operator `Exists`");
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let span = list.map_or_else(|| operator.span(), |list| list.place());
            let message = format!("a selector of {} has the operator {text} with values", object.reference());
            let finding = findings.report(span, format!("{text} takes no values"), message);
            finding.about(object).related(operator.span(), "the operator");
            let instead = if text == "Exists" { "In" } else { "NotIn" };
            finding.help(format!("remove `values`, or write the operator `{instead}`"));
        }
        known if OPERATORS.contains(&known) => {}
        other => unknown_operator(object, operator, other, findings),
    }
}

fn unknown_operator(object: &Object<'_>, operator: Value<'_>, text: &str, findings: &mut Findings<'_>) {
    let message = format!("a selector of {} has the operator `{text}`, which does not exist", object.reference());
    let finding = findings.report(operator.place(), "no such operator", message);
    finding.about(object);
    let plain: String = text.chars().filter(char::is_ascii_alphabetic).collect();
    match OPERATORS.iter().find(|known| known.eq_ignore_ascii_case(&plain)) {
        Some(meant) => {
            finding.help(format!("did you mean `{meant}`?"));
            finding.fix(format!("write `{meant}`"), Safety::Safe, vec![(operator.span(), (*meant).to_owned())]);
        }
        None => {
            finding.help("write `In`, `NotIn`, `Exists` or `DoesNotExist`");
        }
    }
}

fn check_key(object: &Object<'_>, key: Value<'_>, findings: &mut Findings<'_>) {
    let text = key.text();
    if unknown_yet(findings, object, key) {
        return;
    }
    if let Err(error) = label_key(&text) {
        let message =
            format!("a selector of {} names the label `{text}`, which cannot exist: {error}", object.reference());
        let finding = findings.report(key.place(), "not a label key", message);
        finding.about(object).help("write the key of a label: `tier`, `example.org/tier`");
    }
}

fn check_value(object: &Object<'_>, value: Value<'_>, findings: &mut Findings<'_>) {
    let Some(text) = value.as_str() else { return };
    if unknown_yet(findings, object, value) {
        return;
    }
    if let Err(error) = label_value(&text) {
        let shown = text.escape_debug();
        let message = format!(
            "a selector of {} asks for the value `{shown}`, which no label can have: {error}",
            object.reference()
        );
        let finding = findings.report(value.place(), "not a label value", message);
        finding.about(object).help("write at most 63 letters, digits, `-`, `_` and `.`");
    }
}
