//! A pool's range is not in the syntax that MetalLB reads.
//!
//! ## Why is this bad?
//!
//! MetalLB takes a CIDR (`192.168.1.240/29`) or a full range (`192.168.1.240-192.168.1.250`). Anything else (a bare address, a
//! shortened end, a range in the wrong order) is refused when it is applied, and the last good configuration stays in force:
//! the cluster looks configured and is not.
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
//!   - 192.168.1.240-250 # error: [bad-range-syntax]
//!   - 192.168.1.235 # error: [bad-range-syntax]
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
//!   - 192.168.1.235/32
//! ```
//!
//! ## References
//!
//! MetalLB `internal/config` (ParseCIDR); Go `net.ParseCIDR` and `net.ParseIP`; MetalLB issue 669.

use poolcheck_manifest::kinds::pool::Meaning;

use crate::{Fact, Findings, Level, Rule, Safety, World};

pub(crate) const RULE: Rule = Rule { id: "bad-range-syntax", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for pool in &world.pools {
        for entry in &pool.entries {
            match &entry.meaning {
                Meaning::Wrong(error) => {
                    let span = error.part().map_or_else(|| entry.value.span(), |part| entry.value.part_span(part));
                    let message = format!("pool {}: {error}", pool.name);
                    let finding = findings.report(span, error.label(), message);
                    finding.about(&pool.object).identity(entry.value.text().into_owned());
                    if let Some(instead) = error.suggestion() {
                        finding.help(format!("write `{instead}`"));
                        finding.fix_scalar(format!("write {instead}"), Safety::Unsafe, entry.value, &instead);
                    } else {
                        finding.help("write a CIDR (`192.168.1.240/29`) or a range (`192.168.1.240-192.168.1.250`)");
                    }
                }
                Meaning::Placeholder(placeholder) => findings.not_checked(
                    Fact::Values,
                    Some(pool.object.reference()),
                    placeholder.reason(),
                    Some(entry.value.span()),
                ),
                Meaning::Range(_) | Meaning::NotText => {}
            }
        }
    }
}
