//! An ignore does not say why.
//!
//! ## Why is this bad?
//!
//! Whoever meets it next year cannot know whether it still holds, and nobody dares to delete it.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.50-192.168.1.60 # poolcheck: ignore[pool-in-dhcp-range] # warning: [ignore-without-reason]
//! ```
//!
//! ```toml lan.toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! dhcp   = "192.168.1.2-192.168.1.100"
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
//!   - 192.168.1.50-192.168.1.60 # poolcheck: ignore[pool-in-dhcp-range] reason="the router goes in July" until=2026-07-31
//! ```
//!
//! ```toml lan.toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! dhcp   = "192.168.1.2-192.168.1.100"
//! ```
//!
//! ## References
//!
//! The page on suppressions, docs/suppressions.md.

use crate::ignores::{ANNOTATION_REASON, Ignore, IgnoredBy, State};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "ignore-without-reason", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let holds = |ignore: &&Ignore| ignore.state == State::Holds && !ignore.rules.is_empty();
    for ignore in world.ignores().iter().filter(holds).filter(|ignore| ignore.reason.is_none()) {
        let finding = findings.report(ignore.place, "why?", "this ignore does not say why");
        finding.help(match ignore.by {
            IgnoredBy::Comment => "add reason=\"…\" behind the bracket".to_owned(),
            IgnoredBy::Annotation => format!("add the annotation {ANNOTATION_REASON}: \"…\""),
            IgnoredBy::Configuration => "add reason = \"…\"".to_owned(),
        });
    }
}
