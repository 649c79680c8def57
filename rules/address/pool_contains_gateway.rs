//! A pool contains the address of the gateway or of a DNS server.
//!
//! ## Why is this bad?
//!
//! MetalLB hands out the first free address of a pool first. When that is the router's own address, a node of the cluster
//! answers for the router, and the whole LAN loses its way out.
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
//!   - 192.168.1.1-192.168.1.10 # error: [pool-contains-gateway]
//! ```
//!
//! ```toml lan.toml
//! [[segment]]
//! subnet  = "192.168.1.0/24"
//! gateway = "192.168.1.1"
//! dhcp    = "192.168.1.100-192.168.1.200"
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
//!   - 192.168.1.2-192.168.1.11
//! ```
//!
//! ```toml lan.toml
//! [[segment]]
//! subnet  = "192.168.1.0/24"
//! gateway = "192.168.1.1"
//! dhcp    = "192.168.1.100-192.168.1.200"
//! ```
//!
//! ## References
//!
//! MetalLB issue 772.

use poolcheck_plan::ClaimKind;

use crate::occupied::{Words, report};
use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "pool-contains-gateway", level: Level::Error, needs: &[Fact::Gateway], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let gateways = Words { what: "the address of", what_many: "routers", label: "the router" };
    report(world, findings, ClaimKind::Gateway, &gateways);
    let servers = Words { what: "the address of", what_many: "DNS servers", label: "a DNS server" };
    report(world, findings, ClaimKind::DnsServer, &servers);
}
