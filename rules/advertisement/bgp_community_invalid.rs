//! A BGP community cannot be read.
//!
//! ## Why is this bad?
//!
//! MetalLB refuses its whole configuration. A community is `64512:100`, both numbers at most 65535, or
//! `large:64512:1:2`, each number at most 4294967295. Anything else in an advertisement is the name of a community that a
//! Community object must define; names are case-sensitive. Extended communities and the well-known names are not read.
//!
//! A name that no Community object defines is a warning: the object may be elsewhere.
//!
//! ## Example
//!
//! ```yaml bgp.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: BGPAdvertisement
//! metadata:
//!   name: main
//!   namespace: metallb-system
//! spec:
//!   communities:
//!   - 64512:70000 # error: [bgp-community-invalid]
//!   - no-export # warning: [bgp-community-invalid]
//! ```
//!
//! ## Use instead
//!
//! ```yaml bgp.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: BGPAdvertisement
//! metadata:
//!   name: main
//!   namespace: metallb-system
//! spec:
//!   communities:
//!   - large:64512:0:70000
//!   - no-export
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: Community
//! metadata:
//!   name: well-known
//!   namespace: metallb-system
//! spec:
//!   communities:
//!   - name: no-export
//!     value: 65535:65281
//! ```
//!
//! ## References
//!
//! RFC 1997; RFC 8092 (large communities); IANA, BGP Well-known Communities; MetalLB 0.16 `internal/bgp/community`.

use poolcheck_manifest::schema::closest;
use poolcheck_manifest::{Object, Value};

use crate::bgp::{NoCommunity, community};
use crate::metallb::{applied, field, objects, strings, unknown_yet};
use crate::{Findings, Level, Rule, Safety, World};

pub(crate) const RULE: Rule =
    Rule { id: "bgp-community-invalid", level: Level::Error, needs: &[], since: "0.1.0", check };

/// Names that routers know and MetalLB does not, with their values (IANA).
const WELL_KNOWN: &[(&str, &str)] = &[
    ("graceful-shutdown", "65535:0"),
    ("accept-own", "65535:1"),
    ("llgr-stale", "65535:6"),
    ("no-llgr", "65535:7"),
    ("blackhole", "65535:666"),
    ("no-export", "65535:65281"),
    ("no-advertise", "65535:65282"),
    ("local-as", "65535:65283"),
    ("no-peer", "65535:65284"),
];

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let mut names: Vec<String> = Vec::new();
    for object in applied(world, "Community") {
        names.extend(aliases(object).into_iter().filter_map(|alias| Some(alias.get("name")?.as_str()?.into_owned())));
    }
    for object in objects(world) {
        match &*object.kind() {
            "Community" => check_definitions(object, findings),
            "BGPAdvertisement" => check_uses(object, &names, findings),
            _ => {}
        }
    }
}

fn aliases<'a>(object: &Object<'a>) -> Vec<Value<'a>> {
    field(object, "communities").map(|list| list.items().collect()).unwrap_or_default()
}

fn check_definitions(object: &Object<'_>, findings: &mut Findings<'_>) {
    for alias in aliases(object) {
        let value = alias.get("value").filter(|value| !value.is_null());
        let name = alias.get("name").map(|name| name.text()).unwrap_or_default();
        let text = match value {
            Some(value) if unknown_yet(findings, object, value) => continue,
            Some(value) => value.as_str(),
            None if alias.kind() == poolcheck_manifest::Kind::Mapping => Some("".into()),
            None => None,
        };
        let Some(text) = text.filter(|text| community(text).is_err()) else { continue };
        let span = value.map_or_else(|| alias.span(), |value| value.place());
        let message = if text.is_empty() {
            format!("the community {name} has no value")
        } else {
            format!("the community {name} has the value `{}`, which is no BGP community", text.escape_debug())
        };
        let finding = findings.report(span, "no community", message);
        finding.about(object);
        cure(finding, value, &text);
    }
}

fn check_uses(object: &Object<'_>, names: &[String], findings: &mut Findings<'_>) {
    for (value, text) in strings(object, "communities") {
        if names.iter().any(|name| *name == text) || community(&text).is_ok() || unknown_yet(findings, object, value) {
            continue;
        }
        let shown = text.escape_debug();
        if community(&text) == Err(NoCommunity::Value) {
            let message = format!("{} has `{shown}`, which is no BGP community", object.reference());
            let finding = findings.report(value.place(), "no community", message);
            finding.about(object);
            cure(finding, Some(value), &text);
            continue;
        }
        let message =
            format!("{} names the community `{shown}`, which no Community object defines", object.reference());
        let finding = findings.report(value.place(), "no Community object has this name", message);
        finding.about(object).level(Level::Warning);
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        match closest(&text, &known) {
            Some(meant) => {
                finding.help(format!("did you mean `{meant}`?"));
                finding.fix(format!("write `{meant}`"), Safety::Safe, vec![(value.span(), meant.to_owned())]);
            }
            None => cure(finding, Some(value), &text),
        }
    }
}

fn cure(finding: &mut crate::Finding, value: Option<Value<'_>>, text: &str) {
    let plain = text.trim().to_lowercase().replace('_', "-");
    if let Some((name, number)) = WELL_KNOWN.iter().find(|(name, _)| *name == plain) {
        finding.help(format!("write `{number}`, which is {name}"));
        if let Some(value) = value {
            finding.fix(format!("write `{number}`"), Safety::Safe, vec![(value.span(), format!("\"{number}\""))]);
        }
        return;
    }
    let tight: String = plain.chars().filter(|c| !c.is_whitespace()).collect();
    if tight != text && community(&tight).is_ok() {
        finding.help(format!("write `{tight}`"));
        if let Some(value) = value {
            finding.fix(format!("write `{tight}`"), Safety::Safe, vec![(value.span(), format!("\"{tight}\""))]);
        }
        return;
    }
    finding.help("write `64512:100` with numbers up to 65535, or `large:64512:1:2`");
}
