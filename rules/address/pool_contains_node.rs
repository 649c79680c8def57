//! A pool contains the address of a cluster node.
//!
//! ## Why is this bad?
//!
//! When MetalLB gives a node's own address to a Service, another node answers ARP for it: SSH, the kubelet and the API
//! server become unreachable on that node, for hours if nobody thinks of it.
//!
//! A pool of exactly one address that is a node's on purpose can be allowed by the annotation
//! `poolcheck.dev/allow-node-address: "true"` on the pool.
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
//!   - 192.168.1.200-192.168.1.220 # error: [pool-contains-node]
//! ```
//!
//! ```toml lan.toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! dhcp   = "192.168.1.2-192.168.1.120"
//! hosts  = [{ name = "n1", address = "192.168.1.210", role = "node" }]
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
//!   - 192.168.1.220-192.168.1.240
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: on-purpose
//!   namespace: metallb-system
//!   annotations:
//!     poolcheck.dev/allow-node-address: "true"
//! spec:
//!   addresses:
//!   - 192.168.1.210/32
//! ```
//!
//! ```toml lan.toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! dhcp   = "192.168.1.2-192.168.1.120"
//! hosts  = [{ name = "n1", address = "192.168.1.210", role = "node" }]
//! ```
//!
//! ## References
//!
//! MetalLB issues 364, 1397, 2700; MetalLB 0.15.0 checked this, by turning ranges into CIDR blocks, and took it back after
//! the false alarm of issue 2779.

use poolcheck_plan::ClaimKind;

use crate::occupied::{Words, report_if};
use crate::{Fact, Findings, Level, Rule, World};

/// The annotation that allows a pool of one address to be a node's.
const ALLOW: &str = "poolcheck.dev/allow-node-address";

pub(crate) const RULE: Rule =
    Rule { id: "pool-contains-node", level: Level::Error, needs: &[Fact::Nodes], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let words = Words { what: "the address of", what_many: "node addresses", label: "a node's address" };
    report_if(world, findings, ClaimKind::Node, &words, |meeting| {
        let allowed = meeting.pool.object.annotation(ALLOW).is_some_and(|value| value.text() == "true");
        !(allowed && meeting.range.size() == 1)
    });
}
