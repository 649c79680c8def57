//! An ignore has nothing to ignore: what it hid is cured, or it stands at the wrong line.
//!
//! ## Why is this bad?
//!
//! An ignore that hides nothing today hides the next mistake at this place. Delete it. If it was meant for a finding that is
//! still told, it stands at the wrong place: a comment holds for its own line, or for the line below when it stands alone.
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
//!   - 192.168.1.240-192.168.1.250 # poolcheck: ignore[pool-in-dhcp-range] reason="lab" # warning: [unused-ignore]
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
//!   - 192.168.1.240-192.168.1.250
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

use crate::ignores::{IgnoredBy, State};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "unused-ignore", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for ignore in world.ignores().iter().filter(|ignore| ignore.state == State::Holds) {
        for rule in ignore.rules.iter().filter(|rule| rule.unused) {
            let id = &rule.id;
            let finding = findings.report(
                rule.place,
                "nothing to ignore",
                format!("no {id} is found here: the ignore is unused"),
            );
            finding.identity(id.as_str()).help(match ignore.by {
                IgnoredBy::Comment => "delete it, or move it to the line of the finding (or alone on the line above)",
                IgnoredBy::Annotation => "delete it from the annotation",
                IgnoredBy::Configuration => "delete it from the configuration, or mend its `object` and `path`",
            });
        }
    }
}
