//! A DHCP server is about that the facts do not know.
//!
//! ## Why is this bad?
//!
//! Its ranges are known to nobody, so no pool can be checked against them; machines that take its word may have the wrong gateway.
//! Often it is a second router that was plugged in as a switch, or a virtual machine's bridge.
//!
//! Known are the servers that the facts name (`server`), and the gateways of a segment whose DHCP ranges are known. Where the
//! facts say nothing of DHCP, only a second server is told.
//!
//! ## Example
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
//! ```toml lan.toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! gateway = "192.168.1.1"
//! dhcp = "192.168.1.2-192.168.1.199"
//! ```
//!
//! ```toml scan.toml
//! interface = "eth0"
//! subnets = ["192.168.1.0/24"]
//! asked = ["192.168.1.240-192.168.1.250"]
//! trusted = [{ mac = "52:54:00:00:00:11", who = "node n1" }, { mac = "52:54:00:00:00:12", who = "node n2" }]
//! servers = [{ address = "192.168.1.250", mac = "3c:06:30:00:00:9a" }] # error: [unknown-dhcp-server]
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
//! ```toml lan.toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! gateway = "192.168.1.1"
//! dhcp = "192.168.1.2-192.168.1.199"
//! ```
//!
//! ```toml scan.toml
//! interface = "eth0"
//! subnets = ["192.168.1.0/24"]
//! asked = ["192.168.1.240-192.168.1.250"]
//! trusted = [{ mac = "52:54:00:00:00:11", who = "node n1" }, { mac = "52:54:00:00:00:12", who = "node n2" }]
//! servers = [{ address = "192.168.1.1", mac = "3c:06:30:00:00:01" }]
//! ```
//!
//! ## References
//!
//! RFC 2131, section 3.1.

use std::collections::BTreeSet;
use std::net::IpAddr;

use poolcheck_plan::facts::DhcpServer;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "unknown-dhcp-server", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let Some(observed) = world.observed else { return };
    let mut known: BTreeSet<IpAddr> = BTreeSet::new();
    for segment in &world.facts.segments {
        known.extend(segment.dhcp.iter().filter_map(|server| server.server.as_ref()).map(|server| server.value));
        if segment.dhcp.iter().any(DhcpServer::knows_ranges) {
            known.extend(segment.gateways.iter().map(|gateway| gateway.value));
        }
    }
    let spoke: BTreeSet<IpAddr> = observed.servers.iter().map(|server| server.address).collect();
    if known.is_empty() && spoke.len() < 2 {
        return;
    }
    let mut told = BTreeSet::new();
    for server in observed.servers.iter().filter(|server| server.address.is_ipv4() && !known.contains(&server.address)) {
        if !told.insert(server.address) {
            continue;
        }
        let mac = server.mac.as_ref().map_or_else(String::new, |mac| format!(" ({mac})"));
        let message = if known.is_empty() {
            format!("{} DHCP servers are about; one of them is {}{mac}", spoke.len(), server.address)
        } else {
            format!("a DHCP server that the facts do not know: {}{mac}", server.address)
        };
        let finding = findings.report(server.place, "it answers DHCP", message);
        finding.identity(server.address.to_string());
        finding.help("switch it off, or write its ranges into lan.toml as another `[[segment.dhcp]]` with `server`");
        if known.is_empty() {
            finding.level(Level::Warning);
        }
    }
}
