//! A list names the same thing twice.
//!
//! ## Why is this bad?
//!
//! MetalLB refuses its whole configuration when a pool, a peer, a community, a namespace or a selector stands twice in one
//! list. The order of values and labels in a selector makes no difference.
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
//!   ipAddressPools:
//!   - main-pool
//!   - main-pool # error: [duplicate-entry]
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
//!   ipAddressPools:
//!   - main-pool
//! ```
//!
//! ## References
//!
//! MetalLB 0.16 `internal/config`.

use std::collections::HashMap;

use poolcheck_manifest::{Object, Value};
use poolcheck_plan::Span;

use crate::metallb::{expressions, field, objects, selectors, strings};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "duplicate-entry", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for object in objects(world) {
        let lists: &[&str] = match &*object.kind() {
            "L2Advertisement" => &["ipAddressPools"],
            "BGPAdvertisement" => &["ipAddressPools", "communities", "peers"],
            _ => &[],
        };
        for name in lists {
            let items = strings(object, name).into_iter().map(|(value, text)| (value.place(), text.into_owned()));
            report_twice(object, &format!("`{name}`"), items, findings);
        }
        if let Some(namespaces) = field(object, "serviceAllocation").and_then(|a| a.get("namespaces")) {
            report_twice(object, "`namespaces`", texts(namespaces), findings);
        }
        check_selectors(object, findings);
    }
}

fn check_selectors(object: &Object<'_>, findings: &mut Findings<'_>) {
    let all = selectors(object);
    for group in all.chunk_by(|a, b| a.field == b.field).filter(|group| group[0].unique) {
        let items = group.iter().map(|selector| (selector.value.span(), canonical(selector.value)));
        report_twice(object, &format!("`{}`", group[0].field), items, findings);
        for selector in group {
            let list = expressions(selector.value);
            let items = list.iter().map(|expression| (expression.span(), canonical_expression(*expression)));
            report_twice(object, "`matchExpressions`", items, findings);
            for values in list.iter().filter_map(|expression| expression.get("values")) {
                report_twice(object, "`values` of a selector", texts(values), findings);
            }
        }
    }
}

fn report_twice(
    object: &Object<'_>,
    list: &str,
    items: impl Iterator<Item = (Span, String)>,
    findings: &mut Findings<'_>,
) {
    let mut seen: HashMap<String, Span> = HashMap::new();
    for (span, text) in items {
        match seen.get(&text) {
            Some(first) => {
                let message = format!("the list {list} of {} has an entry twice", object.reference());
                let finding = findings.report(span, "the same again", message);
                finding.about(object).related(*first, "first here").help("remove one of the two");
            }
            None => {
                seen.insert(text, span);
            }
        }
    }
}

fn texts(list: Value<'_>) -> impl Iterator<Item = (Span, String)> + use<'_> {
    list.items().filter_map(|item| Some((item.place(), item.as_str()?.into_owned())))
}

/// A selector in a form that is equal for equal selectors; every part ends in a byte that no label has.
fn canonical(selector: Value<'_>) -> String {
    let labels = selector.get("matchLabels").map(|labels| labels.entries()).unwrap_or_default();
    let mut labels: Vec<String> =
        labels.iter().map(|entry| format!("{}\0{}\0", entry.key.text(), entry.value.text())).collect();
    labels.sort();
    let expressions: Vec<String> = expressions(selector).into_iter().map(canonical_expression).collect();
    format!("{}\u{1}{}", labels.concat(), expressions.join("\u{1}"))
}

fn canonical_expression(expression: Value<'_>) -> String {
    let part = |name: &str| expression.get(name).map(|value| value.text().into_owned()).unwrap_or_default();
    let values = expression.get("values").map(|values| values.items().collect::<Vec<_>>()).unwrap_or_default();
    let mut values: Vec<String> = values.iter().map(|value| format!("{}\0", value.text())).collect();
    values.sort();
    format!("{}\0{}\0{}", part("key"), part("operator"), values.concat())
}
