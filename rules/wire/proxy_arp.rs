//! One machine answers for nearly every address: proxy ARP.
//!
//! ## Why is this bad?
//!
//! It says of every address that it is behind it, used or not. A squatter cannot be told from a free address any more, address
//! conflict detection always finds a conflict, and clients may reach the pool through a machine that knows nothing of it.
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
//! ```toml scan.toml
//! interface = "eth0"
//! subnets = ["192.168.1.0/24"]
//! asked = ["192.168.1.240-192.168.1.250"]
//! trusted = [{ mac = "52:54:00:00:00:11", who = "node n1" }, { mac = "52:54:00:00:00:12", who = "node n2" }]
//! seen = [
//!   { address = "192.168.1.240", mac = "3c:06:30:00:00:01" }, # warning: [proxy-arp]
//!   { address = "192.168.1.241", mac = "3c:06:30:00:00:01" },
//!   { address = "192.168.1.242", mac = "3c:06:30:00:00:01" },
//!   { address = "192.168.1.243", mac = "3c:06:30:00:00:01" },
//!   { address = "192.168.1.244", mac = "3c:06:30:00:00:01" },
//!   { address = "192.168.1.245", mac = "3c:06:30:00:00:01" },
//!   { address = "192.168.1.246", mac = "3c:06:30:00:00:01" },
//!   { address = "192.168.1.247", mac = "3c:06:30:00:00:01" },
//!   { address = "192.168.1.248", mac = "3c:06:30:00:00:01" },
//!   { address = "192.168.1.249", mac = "3c:06:30:00:00:01" },
//!   { address = "192.168.1.250", mac = "3c:06:30:00:00:01" },
//! ]
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
//! seen = [{ address = "192.168.1.1", mac = "3c:06:30:00:00:01" }]
//! ```
//!
//! ## References
//!
//! RFC 1027; RFC 5227, section 2.1.1.

use std::net::IpAddr;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "proxy-arp", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let Some(observed) = world.observed else { return };
    for (mac, seen) in observed.proxies() {
        let mut addresses: Vec<IpAddr> = seen.iter().map(|seen| seen.address).collect();
        addresses.sort();
        addresses.dedup();
        let (first, last, count) = (addresses[0], addresses[addresses.len() - 1], addresses.len());
        let who = seen[0].who();
        let message = format!("{who} answers for {count} addresses from {first} to {last}: proxy ARP, not as many machines");
        let finding = findings.report(seen[0].place, "the first of them", message);
        finding.identity(mac);
        finding.help("switch proxy ARP off on that machine (net.ipv4.conf.*.proxy_arp=0; a router's \"local proxy ARP\")");
        finding.help("until then nothing can be said of the addresses that it answers for");
    }
}
