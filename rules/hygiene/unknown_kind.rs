//! MetalLB has no such kind, or not in this version.
//!
//! ## Why is this bad?
//!
//! The API server answers `no matches for kind`, and nothing is created. Kinds are written exactly as MetalLB names them:
//! `IPAddressPool`, neither `ipaddresspool` nor `IPAddressPools`. All of them are in `metallb.io/v1beta1`; only BGPPeer is
//! in `v1beta2`, too.
//!
//! An API group that only looks like MetalLB's may be somebody else's, so it is a warning.
//!
//! ## Example
//!
//! ```yaml advertisement.yaml
//! apiVersion: metallb.io/v1beta2 # error: [unknown-kind]
//! kind: L2Advertisement
//! metadata:
//!   name: main
//!   namespace: metallb-system
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
//! ```
//!
//! ## References
//!
//! MetalLB 0.16 `config/crd/bases`.

use poolcheck_manifest::schema::{GROUP, KINDS, closest, metallb as find_kind};
use poolcheck_manifest::{Kind, ManifestFile, Object, Value};
use poolcheck_plan::Span;

use crate::metallb::{objects, unknown_yet};
use crate::words::list;
use crate::{Finding, Findings, Level, Rule, Safety, World};

pub(crate) const RULE: Rule = Rule { id: "unknown-kind", level: Level::Error, needs: &[], since: "0.1.0", check };

/// Kinds of this group that others define or that were retired: not ours to judge here.
const NOT_JUDGED: [&str; 2] = ["MetalLB", "AddressPool"];

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for object in objects(world) {
        check_kind(object, findings);
    }
    for object in world.objects.iter().filter(|object| object.group() != GROUP) {
        check_group(object, findings);
    }
    for root in world.files.iter().flat_map(ManifestFile::roots) {
        check_presence(root, findings);
    }
}

/// MetalLB's documents, and the items of lists, that do not say what they are.
fn check_presence(root: Value<'_>, findings: &mut Findings<'_>) {
    let says = |value: &Value<'_>, name: &str| value.get(name).is_some_and(|value| !value.is_null());
    let ours = root.get("apiVersion").is_some_and(|version| version.text().starts_with(&format!("{GROUP}/")));
    if ours && !says(&root, "kind") {
        let span = root.get("apiVersion").map_or_else(|| root.span(), |value| value.span());
        let help = "write `kind`, like `kind: IPAddressPool`";
        findings.report(span, "needs `kind` beside it", "a document of MetalLB has no kind").help(help);
    }
    let is_list = root.get("kind").is_some_and(|kind| kind.text().ends_with("List"));
    for item in root.get("items").filter(|_| is_list).into_iter().flat_map(|items| items.items().collect::<Vec<_>>()) {
        let missing = ["apiVersion", "kind"].into_iter().find(|name| !says(&item, name));
        let Some(missing) = missing.filter(|_| item.kind() == Kind::Mapping) else { continue };
        let span = item.entries().first().map_or_else(|| item.span(), |entry| entry.key.span());
        let message = format!("an item of a list has no {missing}");
        findings.report(span, format!("needs `{missing}`"), message).help(format!("write `{missing}` in every item"));
    }
}

fn check_kind(object: &Object<'_>, findings: &mut Findings<'_>) {
    let (kind, version) = (object.kind(), object.version());
    if find_kind(GROUP, &version, &kind).is_some() || NOT_JUDGED.contains(&&*kind) || is_list(&kind) {
        return;
    }
    let fields = ["apiVersion", "kind"].map(|name| object.value.get(name));
    if fields.into_iter().flatten().any(|value| unknown_yet(findings, object, value)) {
        return;
    }
    let versions: Vec<&str> = KINDS.iter().filter(|known| known.kind == kind).map(|known| known.version).collect();
    if let [newest, ..] = versions[..] {
        let served = versions.iter().map(|v| format!("{GROUP}/{v}")).collect::<Vec<_>>().join(" and ");
        let message = format!("MetalLB has no kind {kind} in {GROUP}/{version}, only in {served}");
        let meant = format!("{GROUP}/{newest}");
        report(findings, object, api_version_span(object), "no such version of this kind", message, &meant);
        return;
    }
    let message = format!("MetalLB has no kind `{kind}`");
    if let Some(meant) = meant(&kind) {
        report(findings, object, object.kind_span(), "no such kind", message, meant);
        return;
    }
    let mut names: Vec<String> = KINDS.iter().take(7).map(|known| known.kind.to_owned()).collect();
    names.dedup();
    let finding = findings.report(object.kind_span(), "no such kind", message);
    finding.about(object).help(format!("its kinds are {}", list(&names, 9)));
}

fn check_group(object: &Object<'_>, findings: &mut Findings<'_>) {
    let kind = object.kind();
    let known = KINDS.iter().find(|known| known.kind.eq_ignore_ascii_case(&kind));
    let (Some(known), group) = (known, object.group()) else { return };
    // `metallb.io` without a version is read as a version of the core group.
    let written = if group.is_empty() { object.version() } else { group };
    let near = strsim::osa_distance(&written.to_lowercase(), GROUP) <= 3 || written.starts_with("metallb.");
    if !near {
        return;
    }
    let message = format!("{kind} is written in the API group `{written}`, which is not MetalLB's");
    let meant = format!("{GROUP}/{}", known.version);
    let span = api_version_span(object);
    report(findings, object, span, "MetalLB's group is metallb.io", message, &meant).level(Level::Warning);
}

fn report<'f>(
    findings: &'f mut Findings<'_>,
    object: &Object<'_>,
    span: Span,
    label: &str,
    message: String,
    meant: &str,
) -> &'f mut Finding {
    let finding = findings.report(span, label, message);
    finding.about(object).help(format!("did you mean `{meant}`?"));
    finding.fix(format!("write `{meant}`"), Safety::Safe, vec![(span, meant.to_owned())])
}

fn api_version_span(object: &Object<'_>) -> Span {
    object.value.get("apiVersion").map_or_else(|| object.kind_span(), |value| value.span())
}

fn is_list(kind: &str) -> bool {
    kind.strip_suffix("List").is_some_and(|item| KINDS.iter().any(|known| known.kind == item))
}

/// The kind that was meant: another case, a plural, a slip.
fn meant(kind: &str) -> Option<&'static str> {
    let names: Vec<&'static str> = KINDS.iter().map(|known| known.kind).collect();
    let singular = kind.strip_suffix('s').unwrap_or(kind);
    let same =
        names.iter().copied().find(|name| name.eq_ignore_ascii_case(kind) || name.eq_ignore_ascii_case(singular));
    same.or_else(|| closest(kind, &names))
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn kinds_that_were_meant() {
        assert_eq!(meant("ipaddresspool"), Some("IPAddressPool"));
        assert_eq!(meant("IPAddressPools"), Some("IPAddressPool"));
        assert_eq!(meant("Communities"), Some("Community"));
        assert_eq!(meant("L2advertisement"), Some("L2Advertisement"));
        assert_eq!(meant("BGPPeers"), Some("BGPPeer"));
        assert_eq!(meant("Banana"), None);
    }
}
