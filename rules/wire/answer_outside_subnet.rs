//! A machine uses an address that does not belong on this segment.
//!
//! ## Why is this bad?
//!
//! No machine of the segment can reach it without a route. It is a left-over of another network, a wrong netmask, or two networks
//! on one cable: a pool of that other network would be announced to machines that never ask for it.
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
//! seen = [{ address = "10.0.0.9", mac = "3c:06:30:00:00:9a", count = 2 }] # note: [answer-outside-subnet]
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
//! seen = [{ address = "192.168.1.9", mac = "3c:06:30:00:00:9a", count = 2 }]
//! ```
//!
//! ## References
//!
//! RFC 826; MetalLB issues 322 and 433.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "answer-outside-subnet", level: Level::Note, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let Some(observed) = world.observed else { return };
    let of_family = |ours: IpAddr| observed.subnets.iter().filter(move |net| net.addr().is_ipv4() == ours.is_ipv4());
    let mut outside: BTreeMap<IpAddr, _> = BTreeMap::new();
    for seen in &observed.seen {
        let local = matches!(seen.address, IpAddr::V6(address) if address.is_unicast_link_local());
        let mut subnets = of_family(seen.address).peekable();
        if !local && subnets.peek().is_some() && !subnets.any(|net| net.contains(&seen.address)) {
            outside.entry(seen.address).or_insert(seen);
        }
    }
    for (address, seen) in outside {
        let subnets: Vec<String> = of_family(address).map(ToString::to_string).collect();
        let message = format!("{} uses {address}, which is not in {}", seen.who(), subnets.join(" or "));
        let finding = findings.report(seen.place, "not of this segment", message);
        finding.identity(address.to_string());
        finding.help("mend that machine's address or netmask, or keep the two networks apart");
    }
}
