//! A DHCP server has leased an address of a pool.
//!
//! ## Why is this bad?
//!
//! This is the proof that the server's range and the pool overlap, and that a machine may come to this address at any time, be it
//! silent or away just now. It stands in the file of the server's leases (`poolcheck scan --leases FILE`); only leases that run
//! when somebody looks are judged. That no lease lies in a pool proves nothing: the next one may.
//!
//! A node that has leased an address of the pool is told like any other machine: the server takes the address back one day.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250 # error: [lease-in-pool]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ```toml scan.toml
//! interface = "eth0"
//! subnets = ["192.168.1.0/24"]
//! asked = ["192.168.1.240-192.168.1.250"]
//! trusted = [{ mac = "52:54:00:00:00:11", who = "node n1" }, { mac = "52:54:00:00:00:12", who = "node n2" }]
//! leases = [{ address = "192.168.1.245", mac = "3c:06:30:00:00:9a", name = "annas-phone", until = "2026-11-24T17:10:00Z", file = "dnsmasq.leases:3" }]
//! ```
//!
//! ## Use instead
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ```toml scan.toml
//! interface = "eth0"
//! subnets = ["192.168.1.0/24"]
//! asked = ["192.168.1.240-192.168.1.250"]
//! trusted = [{ mac = "52:54:00:00:00:11", who = "node n1" }, { mac = "52:54:00:00:00:12", who = "node n2" }]
//! leases = [{ address = "192.168.1.45", mac = "3c:06:30:00:00:9a", name = "annas-phone", until = "2026-11-24T17:10:00Z", file = "dnsmasq.leases:3" }]
//! ```
//!
//! ## References
//!
//! RFC 2131, sections 3.1 and 4.3.1.

use std::collections::BTreeSet;

use crate::wire::candidate;
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "lease-in-pool", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let Some(observed) = world.observed else { return };
    let mut told = BTreeSet::new();
    for lease in &observed.leases {
        let Some(candidate) = candidate(world, observed, lease.address) else { continue };
        if !told.insert(lease.address) {
            continue;
        }
        let who = match (&lease.mac, &lease.name) {
            (Some(mac), Some(name)) => format!("{mac} ({name})"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => "a machine without a name".to_owned(),
        };
        let until = lease.until.as_ref().map_or_else(|| "for ever".to_owned(), |until| format!("until {until}"));
        let message = format!("{} is leased to {who} {until}", candidate.title(lease.address));
        let finding = findings.report(candidate.place(), candidate.label(), message);
        if let Some(pool) = candidate.pool() {
            finding.about(&pool.object);
        }
        finding.identity(lease.address.to_string());
        finding.related(lease.place, format!("{} says so", lease.file));
        finding.help("end the server's range before the pool, or move the pool (`poolcheck suggest`); then let the machine ask again");
    }
}
