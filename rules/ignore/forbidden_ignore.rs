//! An ignore stands in a manifest where the configuration allows none.
//!
//! ## Why is this bad?
//!
//! With `inline-ignores = false` what is accepted is decided in one place, poolcheck.toml, which its own reviewers watch. Ignores in
//! manifests do nothing then; one that is left looks as if it did.
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
//!   # poolcheck: ignore[pool-in-dhcp-range] reason="the router goes in July" # warning: [forbidden-ignore]
//!   - 192.168.1.50-192.168.1.60 # error: [pool-in-dhcp-range]
//! ```
//!
//! ```toml lan.toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! dhcp   = "192.168.1.2-192.168.1.100"
//! ```
//!
//! ```toml poolcheck.toml
//! inline-ignores = false
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
//! ```toml poolcheck.toml
//! inline-ignores = false
//! ```
//!
//! ## References
//!
//! The page on suppressions, docs/suppressions.md.

use crate::ignores::State;
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "forbidden-ignore", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for ignore in world.ignores().iter().filter(|ignore| ignore.state == State::Forbidden) {
        let finding = findings.report(
            ignore.place,
            "does nothing",
            "ignores in manifests are forbidden by the configuration: this one does nothing",
        );
        finding.help("write it as [[ignore]] in poolcheck.toml, or cure what it hides");
    }
}
