//! What somebody probably meant by a field that does not exist.

use super::metallb::{KINDS, SchemaKind};
use super::{Field, Shape};

/// What was probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suggestion {
    /// Another spelling, in the same place.
    Rename(&'static str),
    /// The same field, at another place of this object: `spec.addresses`.
    Move(String),
    /// A field of another kind.
    OtherKind {
        /// The field's name there.
        field: &'static str,
        /// The kind.
        kind: &'static str,
    },
    /// Something that is said in another way today.
    Advice(&'static str),
}

/// Fields of AddressPool and of the old ConfigMap that have no single successor: field, kind it is met in, advice.
const RETIRED: &[(&str, &str, &str)] = &[
    (
        "protocol",
        "IPAddressPool",
        "a pool has no protocol any more: an L2Advertisement or a BGPAdvertisement announces it",
    ),
    ("bgpadvertisements", "IPAddressPool", "write a BGPAdvertisement that names this pool in `ipAddressPools`"),
    (
        "interface",
        "IPAddressPool",
        "write an L2Advertisement with `interfaces` that names this pool in `ipAddressPools`",
    ),
];

/// What was probably meant by `name` at `path` of a kind, where only `fields` exist.
pub(super) fn suggest(
    name: &str,
    fields: &'static [Field],
    path: &str,
    kind: &'static SchemaKind,
) -> Option<Suggestion> {
    let plain = normal(name);
    if let Some((_, _, advice)) = RETIRED.iter().find(|(field, on, _)| *field == plain && *on == kind.kind) {
        return Some(Suggestion::Advice(advice));
    }
    if let Some(field) = fields.iter().find(|field| normal(field.name) == plain) {
        return Some(Suggestion::Rename(field.name));
    }
    let names: Vec<&'static str> = fields.iter().map(|field| field.name).collect();
    let near = closest(name, &names);
    let elsewhere = find_path(kind.fields, &plain, "").filter(|found| found != path);
    if let Some(near) = near
        && (elsewhere.is_none() || strsim::osa_distance(&plain, &normal(near)) <= 1)
    {
        return Some(Suggestion::Rename(near));
    }
    if let Some(found) = elsewhere {
        return Some(Suggestion::Move(found));
    }
    let newer = KINDS.iter().filter(|other| other.kind == kind.kind && other.version > kind.version);
    if newer.filter_map(spec).flatten().any(|field| normal(field.name) == plain) {
        return Some(Suggestion::Advice("it is a field of metallb.io/v1beta2: write that in `apiVersion`"));
    }
    let other = KINDS.iter().filter(|other| other.kind != kind.kind).find_map(|other| {
        let field = spec(other)?.iter().find(|field| normal(field.name) == plain)?;
        Some(Suggestion::OtherKind { field: field.name, kind: other.kind })
    });
    other.or_else(|| near.map(Suggestion::Rename))
}

/// The word nearest to `name`, when one is near enough to be meant: at most a third of its letters differ.
pub fn closest<'n>(name: &str, words: &[&'n str]) -> Option<&'n str> {
    let plain = normal(name);
    let distance = |word: &str| {
        let word = normal(word);
        let stem = word.len().min(plain.len()) >= 4 && (word.starts_with(&plain) || plain.starts_with(&word));
        let distance = strsim::osa_distance(&plain, &word);
        if stem { distance.min(2) } else { distance }
    };
    let (best, far) = words.iter().map(|word| (*word, distance(word))).min_by_key(|(_, distance)| *distance)?;
    (far <= (plain.chars().count() / 3).max(1)).then_some(best)
}

/// Letters and digits in lower case: `auto-assign`, `auto_assign` and `AutoAssign` are one word.
fn normal(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The path of a field of this name anywhere in an object; `metadata` last, where so many words are free.
fn find_path(fields: &'static [Field], plain: &str, path: &str) -> Option<String> {
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    if let Some(field) = fields.iter().find(|field| normal(field.name) == plain) {
        return Some(join(field.name));
    }
    let order = |field: &&Field| usize::from(field.name != "spec");
    let mut inner: Vec<&'static Field> = fields.iter().collect();
    inner.sort_by_key(order);
    inner.into_iter().find_map(|field| match field.shape {
        Shape::Object(fields) => find_path(fields, plain, &join(field.name)),
        _ => None,
    })
}

fn spec(kind: &'static SchemaKind) -> Option<&'static [Field]> {
    kind.fields.iter().find(|field| field.name == "spec").and_then(|field| match field.shape {
        Shape::Object(fields) => Some(fields),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::metallb::find;
    use super::*;

    fn meant(kind: &str, place: &str, name: &str) -> Option<Suggestion> {
        let kind = find("metallb.io", if kind == "BGPPeer" { "v1beta2" } else { "v1beta1" }, kind).expect("a kind");
        let fields = if place.is_empty() { kind.fields } else { spec(kind).expect("a spec") };
        suggest(name, fields, &if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }, kind)
    }

    #[test]
    fn spellings() {
        for wrong in ["autoassign", "auto-assign", "auto_assign", "autoAsign", "AutoAssign"] {
            assert_eq!(meant("IPAddressPool", "spec", wrong), Some(Suggestion::Rename("autoAssign")), "{wrong}");
        }
        assert_eq!(meant("IPAddressPool", "spec", "address"), Some(Suggestion::Rename("addresses")));
        assert_eq!(meant("L2Advertisement", "spec", "ipAddressPool"), Some(Suggestion::Rename("ipAddressPools")));
        assert_eq!(meant("L2Advertisement", "spec", "nodeSelector"), Some(Suggestion::Rename("nodeSelectors")));
        assert_eq!(meant("BGPPeer", "spec", "my-asn"), Some(Suggestion::Rename("myASN")));
        assert_eq!(meant("BGPAdvertisement", "spec", "aggregation"), Some(Suggestion::Rename("aggregationLength")));
    }

    #[test]
    fn places() {
        assert_eq!(meant("IPAddressPool", "", "addresses"), Some(Suggestion::Move("spec.addresses".to_owned())));
        assert_eq!(
            meant("IPAddressPool", "spec", "ipAddressPools"),
            Some(Suggestion::OtherKind { field: "ipAddressPools", kind: "L2Advertisement" })
        );
        assert!(matches!(meant("IPAddressPool", "spec", "protocol"), Some(Suggestion::Advice(_))));
        assert_eq!(meant("IPAddressPool", "spec", "comment"), None);
    }
}
