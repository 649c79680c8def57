//! Label selectors (`LabelSelector` of the Kubernetes API: `matchLabels` and `matchExpressions`).

use crate::value::Value;

/// A label selector as written.
#[derive(Debug, Clone, Copy)]
pub struct LabelSelector<'a> {
    /// The mapping with `matchLabels` and `matchExpressions`.
    pub value: Value<'a>,
}

impl<'a> LabelSelector<'a> {
    /// The selectors of a list field; empty when the field is absent or no list.
    pub fn list(value: Option<Value<'a>>) -> Vec<Self> {
        value.into_iter().flat_map(|list| list.items().collect::<Vec<_>>()).map(|value| Self { value }).collect()
    }

    /// Whether it selects an object with these labels. An empty selector selects everything; a requirement that cannot
    /// be read selects nothing.
    pub fn matches(&self, labels: &[(String, String)]) -> bool {
        let label = |key: &str| labels.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
        let equal = self
            .value
            .get("matchLabels")
            .is_none_or(|map| map.entries().iter().all(|entry| label(&entry.key.text()) == Some(&*entry.value.text())));
        let expressions = self.value.get("matchExpressions");
        equal && expressions.is_none_or(|list| list.items().all(|e| requirement(e, &label)))
    }
}

fn requirement<'l>(expression: Value<'_>, label: &dyn Fn(&str) -> Option<&'l str>) -> bool {
    let (Some(key), Some(operator)) = (expression.get("key"), expression.get("operator")) else { return false };
    let found = label(&key.text());
    let listed =
        |value: &str| expression.get("values").is_some_and(|values| values.items().any(|item| &*item.text() == value));
    match &*operator.text() {
        "In" => found.is_some_and(listed),
        "NotIn" => !found.is_some_and(listed),
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        _ => false,
    }
}
