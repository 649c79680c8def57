//! What the rules about MetalLB's objects share: finding them, reading their fields, and saying where one cannot judge.

use std::borrow::Cow;
use std::collections::BTreeMap;

use poolcheck_manifest::schema::{GROUP, filled_in_later};
use poolcheck_manifest::{Kind, Object, Scalar, Value};

use crate::finding::Findings;
use crate::rule::Fact;
use crate::world::World;

/// Every object of MetalLB's API group.
pub(crate) fn objects<'w, 'a>(world: &'w World<'a>) -> impl Iterator<Item = &'w Object<'a>> {
    world.objects.iter().filter(|object| object.group() == GROUP)
}

/// The objects of a kind as they stand after everything was applied: of several with one name the last.
pub(crate) fn applied<'w, 'a>(world: &'w World<'a>, kind: &str) -> Vec<&'w Object<'a>> {
    let mut last = BTreeMap::new();
    for (index, object) in objects(world).enumerate().filter(|(_, object)| object.kind() == kind) {
        // An object without a name stays itself: it is wrong, but not a second version of another.
        let name = object.name().map_or_else(|| format!("\0{index}"), Cow::into_owned);
        last.insert((object.namespace().map(Cow::into_owned), name), (index, object));
    }
    let mut kept: Vec<_> = last.into_values().collect();
    kept.sort_by_key(|(index, _)| *index);
    kept.into_iter().map(|(_, object)| object).collect()
}

/// A field of `spec` that is there and not `null`.
pub(crate) fn field<'a>(object: &Object<'a>, name: &str) -> Option<Value<'a>> {
    object.spec()?.get(name).filter(|value| !value.is_null())
}

/// The text of a string field; `None` when it is absent, empty or no string.
pub(crate) fn text<'a>(object: &Object<'a>, name: &str) -> Option<(Value<'a>, Cow<'a, str>)> {
    let value = field(object, name)?;
    let text = value.as_str().filter(|text| !text.is_empty())?;
    Some((value, text))
}

/// A whole number, as MetalLB gets it; `None` when it is absent or no number.
pub(crate) fn number(value: Value<'_>) -> Option<i128> {
    match value.resolve()? {
        Scalar::Int(number) => Some(number),
        Scalar::Float(number) if number.is_finite() && number.fract() == 0.0 => Some(number as i128),
        _ => None,
    }
}

/// The strings of a list field.
pub(crate) fn strings<'a>(object: &Object<'a>, name: &str) -> Vec<(Value<'a>, Cow<'a, str>)> {
    let items = field(object, name).map(|list| list.items().collect::<Vec<_>>()).unwrap_or_default();
    items.into_iter().filter_map(|item| Some((item, item.as_str()?))).collect()
}

/// Says *not checked* when a value is filled in later; then the rule must not judge it.
pub(crate) fn unknown_yet(findings: &mut Findings<'_>, object: &Object<'_>, value: Value<'_>) -> bool {
    if value.kind() != Kind::Scalar {
        return false;
    }
    let Some(placeholder) = filled_in_later(&value.text()) else { return false };
    findings.not_checked(Fact::Values, Some(object.reference()), placeholder.reason(), Some(value.span()));
    true
}

/// One label selector of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selector<'a> {
    /// The mapping.
    pub(crate) value: Value<'a>,
    /// The field it stands under.
    pub(crate) field: &'static str,
    /// Its place in that list: two equal ones in one list are refused.
    pub(crate) unique: bool,
}

/// Every label selector of an object, in the order of the fields.
pub(crate) fn selectors<'a>(object: &Object<'a>) -> Vec<Selector<'a>> {
    let lists: &[&'static str] = match &*object.kind() {
        "L2Advertisement" | "BGPAdvertisement" => &["ipAddressPoolSelectors", "nodeSelectors", "serviceSelectors"],
        "BGPPeer" => &["nodeSelectors"],
        _ => &[],
    };
    let mut found = Vec::new();
    let mut add = |list: Option<Value<'a>>, field: &'static str| {
        let items = list.map(|list| list.items().collect::<Vec<_>>()).unwrap_or_default();
        found.extend(items.into_iter().map(|value| Selector { value, field, unique: true }));
    };
    for name in lists {
        add(field(object, name), name);
    }
    if object.kind() == "IPAddressPool" {
        let allocation = field(object, "serviceAllocation");
        for name in ["namespaceSelectors", "serviceSelectors"] {
            add(allocation.and_then(|allocation| allocation.get(name)), name);
        }
    }
    if object.kind() == "L2Advertisement" {
        let preferred = field(object, "preferredNodeSelectors");
        let items = preferred.map(|list| list.items().collect::<Vec<_>>()).unwrap_or_default();
        let preferences = items.into_iter().filter_map(|item| item.get("preference"));
        found.extend(preferences.map(|value| Selector { value, field: "preference", unique: false }));
    }
    found.retain(|selector| selector.value.kind() == Kind::Mapping);
    found
}

/// The `matchExpressions` of a selector.
pub(crate) fn expressions(selector: Value<'_>) -> Vec<Value<'_>> {
    selector.list("matchExpressions")
}
