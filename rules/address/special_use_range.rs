//! A pool lies in address space that cannot be used on a LAN.
//!
//! ## Why is this bad?
//!
//! Loopback, link-local, multicast and reserved addresses are accepted by MetalLB without a word. Machines drop packets to
//! them, never ask for them by ARP, or send them to themselves.
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
//!   - 127.0.0.0/28 # warning: [special-use-range]
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
//!   - 192.168.1.240/29
//! ```
//!
//! ## References
//!
//! RFC 6890 and the IANA special-purpose address registries.

use poolcheck_plan::syntax::special_use;

use crate::words::pool_range;
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "special-use-range", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for pool in &world.pools {
        for (entry, range) in pool.ranges() {
            let Some(special) = special_use(range) else { continue };
            let whole = if special.part == range { String::new() } else { format!(" in {}", special.part) };
            let finding = findings.report(
                entry.span(),
                format!("{} ({})", special.name, special.rfc),
                format!("{} is {} space{whole}, {}", pool_range(pool, entry, range), special.name, special.effect()),
            );
            finding.about(&pool.object).help("take addresses of the LAN's own subnet, outside the router's DHCP range");
        }
    }
}
