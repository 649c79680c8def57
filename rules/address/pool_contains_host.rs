//! A pool contains the fixed address of a known machine.
//!
//! ## Why is this bad?
//!
//! A machine with a fixed address never asks the DHCP server, so nobody but the facts file knows of it. When the cluster
//! hands out the same address, one of the two disappears from the LAN.
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
//!   - 192.168.1.200-192.168.1.220 # error: [pool-contains-host]
//! ```
//!
//! ```toml lan.toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! dhcp   = "192.168.1.2-192.168.1.120"
//! hosts  = [{ name = "printer", address = "192.168.1.211" }]
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
//! ```
//!
//! ```toml lan.toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! dhcp   = "192.168.1.2-192.168.1.120"
//! hosts  = [{ name = "printer", address = "192.168.1.211" }]
//! ```
//!
//! ## References
//!
//! RFC 5227 (IPv4 address conflicts), section 1.

use poolcheck_plan::ClaimKind;

use crate::occupied::{Words, report};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "pool-contains-host", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let words = Words { what: "the address of", what_many: "known machines", label: "this machine's address" };
    report(world, findings, ClaimKind::Host, &words);
}
