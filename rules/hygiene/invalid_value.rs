//! A field holds a value that is out of bounds, or none of those allowed.
//!
//! ## Why is this bad?
//!
//! The API server or MetalLB's webhook refuses the object. Where neither is asked, MetalLB refuses its whole
//! configuration and goes on with the last good one.
//!
//! ## Example
//!
//! ```yaml peer.yaml
//! apiVersion: metallb.io/v1beta2
//! kind: BGPPeer
//! metadata:
//!   name: router
//!   namespace: metallb-system
//! spec:
//!   myASN: 64512
//!   peerASN: 64513
//!   peerAddress: 192.168.1.1
//!   peerPort: 65535 # error: [invalid-value]
//!   holdTime: "90" # error: [invalid-value]
//! ```
//!
//! ## Use instead
//!
//! ```yaml peer.yaml
//! apiVersion: metallb.io/v1beta2
//! kind: BGPPeer
//! metadata:
//!   name: router
//!   namespace: metallb-system
//! spec:
//!   myASN: 64512
//!   peerASN: 64513
//!   peerAddress: 192.168.1.1
//!   peerPort: 179
//!   holdTime: 90s
//! ```
//!
//! ## References
//!
//! MetalLB 0.16 `config/crd/bases`; Go `time.ParseDuration` for durations.

use poolcheck_manifest::schema::{Problem, ProblemKind, check as check_schema, closest, parse_duration};

use crate::metallb::objects;
use crate::{Fact, Findings, Level, Rule, Safety, World};

pub(crate) const RULE: Rule = Rule { id: "invalid-value", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for object in objects(world) {
        let report = check_schema(object);
        for unresolved in report.unresolved {
            let (reason, place) = (unresolved.placeholder.reason(), Some(unresolved.span));
            findings.not_checked(Fact::Values, Some(object.reference()), reason, place);
        }
        for Problem { span, path, kind } in report.problems {
            let whose = format!("`{path}` of {}", object.reference());
            let (label, message, help) = match &kind {
                ProblemKind::OutOfRange { min, max, found } => (
                    format!("must be {min} to {max}"),
                    format!("{whose} is {found}, outside {min} to {max}"),
                    format!("write a number from {min} to {max}"),
                ),
                ProblemKind::NotOneOf { allowed, found } => {
                    let list = quoted(allowed);
                    let near =
                        closest(found, allowed).map_or_else(|| format!("write {list}"), |n| format!("write `{n}`"));
                    (format!("must be {list}"), format!("{whose} is `{found}`, which is neither {list}"), near)
                }
                ProblemKind::BadDuration { found } => (
                    "no duration".to_owned(),
                    format!("{whose} is `{found}`, which MetalLB cannot read as a duration"),
                    duration_cure(found).map_or_else(
                        || "write a number with its unit, like `90s` or `1m30s`".to_owned(),
                        |d| format!("write `{d}`"),
                    ),
                ),
                ProblemKind::BadTime { found } => (
                    "no time".to_owned(),
                    format!("{whose} is `{found}`, which is no time"),
                    "remove it: Kubernetes writes it".to_owned(),
                ),
                ProblemKind::TooFew { at_least } => (
                    format!("needs at least {at_least}"),
                    format!("{whose} is empty"),
                    format!("write at least {at_least} entry"),
                ),
                _ => continue,
            };
            let finding = findings.report(span, label, message);
            finding.about(object).identity(path).help(help);
            if let ProblemKind::BadDuration { found } = &kind
                && let Some(meant) = duration_cure(found)
            {
                finding.fix(format!("write `{meant}`"), Safety::Safe, vec![(span, meant)]);
            }
        }
    }
}

/// The duration that was plainly meant: blanks removed, or seconds where there is no unit.
fn duration_cure(text: &str) -> Option<String> {
    let tight: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let with_unit = format!("{tight}s");
    [tight, with_unit].into_iter().find(|text| parse_duration(text).is_some())
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::duration_cure;

    #[test]
    fn durations_are_cured_only_when_clear() {
        assert_eq!(duration_cure("90").as_deref(), Some("90s"));
        assert_eq!(duration_cure("90 s").as_deref(), Some("90s"));
        assert_eq!(duration_cure("soon"), None);
        assert_eq!(duration_cure(""), None);
    }
}
