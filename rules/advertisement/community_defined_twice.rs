//! Two Community entries define the same name.
//!
//! ## Why is this bad?
//!
//! MetalLB refuses its whole configuration: names of communities are unique over all Community objects together.
//!
//! ## Example
//!
//! ```yaml communities.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: Community
//! metadata:
//!   name: provider
//!   namespace: metallb-system
//! spec:
//!   communities:
//!   - name: backup
//!     value: 64512:10
//!   - name: backup # error: [community-defined-twice]
//!     value: 64512:20
//! ```
//!
//! ## Use instead
//!
//! ```yaml communities.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: Community
//! metadata:
//!   name: provider
//!   namespace: metallb-system
//! spec:
//!   communities:
//!   - name: backup
//!     value: 64512:10
//!   - name: last-resort
//!     value: 64512:20
//! ```
//!
//! ## References
//!
//! MetalLB 0.16 `internal/config`.

use std::collections::HashMap;

use crate::metallb::{applied, field};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "community-defined-twice", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let mut seen = HashMap::new();
    for object in applied(world, "Community") {
        let aliases = field(object, "communities").map(|list| list.items().collect::<Vec<_>>()).unwrap_or_default();
        for alias in aliases.into_iter().filter(|alias| alias.kind() == poolcheck_manifest::Kind::Mapping) {
            let named = alias.get("name");
            let name = named.map(|name| name.text().into_owned()).unwrap_or_default();
            let span = named.map_or_else(|| alias.span(), |value| value.place());
            let Some(first) = seen.get(&name) else {
                seen.insert(name, span);
                continue;
            };
            let message = format!("the community `{name}` is defined twice");
            let finding = findings.report(span, "again here", message);
            finding.about(object).related(*first, "defined first here").help("give one of them another name");
        }
    }
}
