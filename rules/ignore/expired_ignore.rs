//! The last day of an ignore has passed: it does nothing any more.
//!
//! ## Why is this bad?
//!
//! An ignore with `until` says: we look at this again on that day. The day has come, and what it hid is told again. Cure what
//! it hid, or decide again and write another day.
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
//!   # poolcheck: ignore[pool-in-dhcp-range] reason="the router goes" until=2026-01-31 # warning: [expired-ignore]
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

pub(crate) const RULE: Rule = Rule { id: "expired-ignore", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for ignore in world.ignores().iter().filter(|ignore| ignore.state == State::Expired) {
        let Some(until) = ignore.until else { continue };
        let finding = findings.report(
            ignore.place,
            format!("ended with {until}"),
            format!("this ignore ended with {until}: it does nothing any more"),
        );
        finding.help("cure what it hid, or decide again and write another day");
    }
}
