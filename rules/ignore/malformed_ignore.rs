//! An ignore is not understood: a rule that does not exist, a day that is none, or other words than it knows.
//!
//! ## Why is this bad?
//!
//! It looks as if something were accepted here, and it is not, or not as it was meant. What is not understood does nothing.
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
//!   # poolcheck: ignore[pool-in-dhcp-rage] reason="the router goes in July" # warning: [malformed-ignore]
//!   - 192.168.1.50-192.168.1.60 # error: [pool-in-dhcp-range]
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

use crate::ignores::State;
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "malformed-ignore", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for ignore in world.ignores().iter().filter(|ignore| ignore.state != State::Forbidden) {
        for problem in &ignore.problems {
            let finding =
                findings.report(ignore.place, "not understood", format!("this ignore is not understood: {problem}"));
            finding.help("write # poolcheck: ignore[rule, rule] reason=\"…\" until=2026-12-31");
        }
    }
}
