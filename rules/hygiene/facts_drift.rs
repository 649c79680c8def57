//! A router says something else now than what the committed facts say.
//!
//! ## Why is this bad?
//!
//! `poolcheck.lock` is what pipelines judge against where nobody can ask the router. When somebody has changed the router since,
//! they judge against a LAN that is no more: a pool that is clean in the pipeline is leased to a phone at home.
//!
//! Only `poolcheck check --drift` asks the routers, and only then can this be found.
//!
//! ## Example
//!
//! What the router says now is `now.toml` in this example.
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses: [192.168.1.240-192.168.1.245]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ```toml poolcheck.lock
//! [[router]]
//! adapter = "sky-hub"
//! version = 1
//! host    = "192.168.1.1"
//! read-at = "2026-06-02T10:32:05Z"
//!
//! [[router.segment]]
//! subnet = "192.168.1.0/24"
//!
//! [[router.segment.dhcp]]
//! state = "on"
//! range = "192.168.1.2-192.168.1.120" # error: [facts-drift]
//! ```
//!
//! ```toml now.toml
//! [[router]]
//! adapter = "sky-hub"
//! version = 1
//! host    = "192.168.1.1"
//! read-at = "2026-06-15T09:00:00Z"
//!
//! [[router.segment]]
//! subnet = "192.168.1.0/24"
//!
//! [[router.segment.dhcp]]
//! state = "on"
//! range = "192.168.1.2-192.168.1.253"
//! ```
//!
//! ## Use instead
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses: [192.168.1.240-192.168.1.245]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ```toml poolcheck.lock
//! [[router]]
//! adapter = "sky-hub"
//! version = 1
//! host    = "192.168.1.1"
//! read-at = "2026-06-02T10:32:05Z"
//!
//! [[router.segment]]
//! subnet = "192.168.1.0/24"
//!
//! [[router.segment.dhcp]]
//! state = "on"
//! range = "192.168.1.2-192.168.1.120"
//! ```
//!
//! ```toml now.toml
//! [[router]]
//! adapter = "sky-hub"
//! version = 1
//! host    = "192.168.1.1"
//! read-at = "2026-06-15T09:00:00Z"
//!
//! [[router.segment]]
//! subnet = "192.168.1.0/24"
//!
//! [[router.segment.dhcp]]
//! state = "on"
//! range = "192.168.1.2-192.168.1.120"
//! ```
//!
//! ## References
//!
//! `poolcheck router diff` tells the same; `poolcheck router fetch --lock` writes the lock anew.

use poolcheck_plan::facts::OriginId;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "facts-drift", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let Some(now) = world.now else { return };
    for (number, origin) in now.origins.iter().enumerate() {
        let same = |known: &&poolcheck_plan::facts::Origin| known.title == origin.title;
        let Some(before) = world.facts.origins.iter().position(|known| same(&known)) else { continue };
        let known = world.facts.said_by(OriginId(before as u32));
        for change in known.drift(&now.said_by(OriginId(number as u32))) {
            let Some((_, place)) = change.before.as_ref().or(change.now.as_ref()) else { continue };
            let label = if change.before.is_some() { "this was said" } else { "this is new" };
            let message = format!("{} of {}: {} {}", origin.title, change.segment, change.what, change.told());
            let finding = findings.report(*place, label, message);
            finding.identity(format!("{} {} {}", origin.title, change.segment, change.what));
            if let (Some(_), Some((_, now))) = (&change.before, &change.now) {
                finding.related(*now, "this is said now");
            }
            finding.help("when the router is right: poolcheck router fetch --lock, and commit poolcheck.lock");
            finding.help("when the lock is right: set the router back");
        }
    }
}
