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

use poolcheck_manifest::kinds::pool::{Implementation, Meaning};
use poolcheck_plan::notation::Notation;
use poolcheck_plan::syntax::Cause;

use crate::{Fact, Findings, Level, Rule, Safety, World};

pub(crate) const RULE: Rule = Rule { id: "bad-range-syntax", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for pool in &world.pools {
        for entry in &pool.entries {
            match &entry.meaning {
                Meaning::Wrong(error) => {
                    let text = entry.text();
                    let span = error.part().map_or_else(|| entry.span(), |part| entry.part_span(part));
                    let label = error.label().replace("MetalLB", pool.implementation.name());
                    let finding = findings.report(span, label, format!("pool {}: {error}", pool.name));
                    finding.about(&pool.object).identity(text.clone().into_owned());
                    if !refuses(pool.implementation, error.cause()) {
                        finding.level(Level::Warning);
                    }
                    if let (Some(stop), Cause::Reversed) = (entry.stop, error.cause()) {
                        finding.related(stop.span(), "this one is smaller").help("exchange `start` and `stop`");
                    } else if let Some(instead) = entry.notation.suggestion(&text, error) {
                        finding.help(format!("write `{instead}`"));
                        let title = format!("write {instead}");
                        finding.fix_written(title, Safety::Unsafe, entry.replace(&instead));
                    } else {
                        finding.help(what_to_write(entry.notation, pool.implementation));
                    }
                }
                Meaning::Placeholder(placeholder) => findings.not_checked(
                    Fact::Values,
                    Some(pool.object.reference()),
                    placeholder.reason(),
                    Some(entry.span()),
                ),
                Meaning::Range(_) | Meaning::NotText => {}
            }
        }
    }
}

/// Whether the load balancer is known to refuse it; some take what can hand out nothing.
const fn refuses(implementation: Implementation, cause: Cause) -> bool {
    use Implementation::{Calico, Cilium, KubeVip, PureLb};
    !matches!(
        (implementation, cause),
        (PureLb | Cilium, Cause::Reversed | Cause::MixedFamilies)
            | (KubeVip, Cause::Blank)
            | (Calico, Cause::BareAddress)
    )
}

/// An example of what the field takes.
const fn what_to_write(notation: Notation, implementation: Implementation) -> &'static str {
    match (notation, implementation) {
        (Notation::Cidr, Implementation::Cilium) => {
            "write a CIDR (`192.168.1.240/29`), or `start` and `stop` with one address each"
        }
        (Notation::Cidr, Implementation::KubeVip) => {
            "write CIDRs (`192.168.1.240/29`), or only ranges (`192.168.1.240-192.168.1.250`) and no slash"
        }
        (Notation::Cidr, _) => "write a CIDR (`192.168.1.240/29`)",
        (Notation::Range, _) => "write a range without blanks (`192.168.1.240-192.168.1.250`)",
        (Notation::Address, _) => "write one address (`192.168.1.240`)",
        (Notation::Metallb | Notation::FromAddress | Notation::Any, _) => {
            "write a CIDR (`192.168.1.240/29`) or a range (`192.168.1.240-192.168.1.250`)"
        }
    }
}
