//! A CIDR has host bits set, so the pool is not what it looks like.
//!
//! ## Why is this bad?
//!
//! MetalLB reads `192.168.1.240/24` as the whole subnet `192.168.1.0-192.168.1.255`: the address is rounded down to the
//! prefix. Whoever writes an address with host bits nearly always means something else: one address (`/32`), or a range that
//! begins there.
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
//!   - 192.168.1.243/29 # warning: [cidr-host-bits]
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
//! RFC 4632 section 3.1; Go `net.ParseCIDR`.

use poolcheck_manifest::kinds::pool::Meaning;
use poolcheck_plan::syntax::Written;

use crate::words::addresses;
use crate::{Findings, Level, Rule, Safety, World};

pub(crate) const RULE: Rule = Rule { id: "cidr-host-bits", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for pool in &world.pools {
        for entry in &pool.entries {
            let Meaning::Range(parsed) = &entry.meaning else { continue };
            let Written::Cidr { net, address, host_bits: true } = parsed.written else { continue };
            let range = parsed.range;
            let text = entry.text();
            let finding = findings.report(
                entry.span(),
                format!("means {range}, {}", addresses(range)),
                format!("pool {} {} has host bits set: it is all of {range}", pool.name, text.trim()),
            );
            let bits = range.family().bits();
            finding.about(&pool.object).help_lines([
                format!("write `{net}` if all of it is meant, or `{address}/{bits}` for this one address,"),
                format!("or a range that begins there: `{address}-{}`", range.last()),
            ]);
            let title = format!("write it without host bits: {net}");
            finding.fix_written(title, Safety::Safe, entry.replace(&net.to_string()));
        }
    }
}
