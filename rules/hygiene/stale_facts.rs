//! What is known of the LAN was read from a router long ago.
//!
//! ## Why is this bad?
//!
//! A snapshot of a router's settings is checked against long after somebody changed the router: then the check says that all
//! is well, and is wrong.
//!
//! ## Example
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
//! ```toml lan.toml
//! [origin]
//! adapter = "sky-hub"
//! title   = "sky-hub 192.168.1.1"
//! read-at = "2026-01-02T10:32:05Z"
//!
//! [[segment]]
//! subnet = "192.168.1.0/24" # warning: [stale-facts]
//! dhcp   = "192.168.1.2-192.168.1.120"
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
//! ```toml lan.toml
//! [origin]
//! adapter = "sky-hub"
//! title   = "sky-hub 192.168.1.1"
//! read-at = "2026-06-02T10:32:05Z"
//!
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! dhcp   = "192.168.1.2-192.168.1.120"
//! ```
//!
//! ## References
//!
//! `facts-max-age` in poolcheck.toml (days; 90 unless said).

use jiff::civil::Date;
use poolcheck_plan::Span;
use poolcheck_plan::facts::OriginId;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "stale-facts", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let Some(today) = world.today.filter(|_| !world.pools.is_empty()) else { return };
    for (number, origin) in world.facts.origins.iter().enumerate() {
        let read: Option<Date> = origin.read_at.as_deref().and_then(|at| at.get(..10)?.parse().ok());
        let (Some(read), Some(place)) = (read, first_said(world, OriginId(number as u32))) else { continue };
        let days = i64::from((today - read).get_days());
        if days <= i64::from(world.facts_max_age) {
            continue;
        }
        let message = format!("what {} said was read {days} days ago, on {read}", origin.title);
        let finding = findings.report(place, "it may be otherwise by now", message);
        finding
            .identity(origin.title.clone())
            .help("read it again: poolcheck router fetch --lock, or save the page anew");
        finding
            .help(format!("`facts-max-age` in poolcheck.toml says how old it may be ({} days)", world.facts_max_age));
    }
}

/// The first place where an origin says something.
fn first_said(world: &World<'_>, origin: OriginId) -> Option<Span> {
    world.facts.segments.iter().find_map(|segment| {
        let subnet = segment.subnets.iter().find(|fact| fact.origin == origin).map(|fact| fact.place);
        let server =
            || segment.dhcp.iter().find(|server| server.state.origin == origin).map(|server| server.state.place);
        subnet.or_else(server)
    })
}
