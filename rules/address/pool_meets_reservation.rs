//! A pool contains an address that the DHCP server keeps for one machine.
//!
//! ## Why is this bad?
//!
//! A reservation (static lease) is an address that a certain machine will get whenever it asks. When the cluster hands
//! out the same address, the clash is not a matter of luck: it happens as soon as both are there.
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
//!   - 192.168.1.200-192.168.1.210 # error: [pool-meets-reservation]
//! ```
//!
//! ```toml lan.toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! dhcp   = "192.168.1.2-192.168.1.120"
//! reservations = [{ mac = "aa:bb:cc:00:00:01", address = "192.168.1.205", name = "nas" }]
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
//!   - 192.168.1.240-192.168.1.250
//! ```
//!
//! ```toml lan.toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! dhcp   = "192.168.1.2-192.168.1.120"
//! reservations = [{ mac = "aa:bb:cc:00:00:01", address = "192.168.1.205", name = "nas" }]
//! ```
//!
//! ## References
//!
//! RFC 2131 section 1 (manual allocation); MetalLB issue 267.

use poolcheck_plan::ClaimKind;

use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "pool-meets-reservation", level: Level::Error, needs: &[Fact::Reservations], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    crate::occupied::report(
        world,
        findings,
        ClaimKind::Reservation,
        &crate::occupied::Words { what: "reserved for", what_many: "reserved addresses", label: "reserved here" },
    );
}
