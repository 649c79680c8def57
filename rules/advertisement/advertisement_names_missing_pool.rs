//! An advertisement names a pool that is not there, or selects none.
//!
//! ## Why is this bad?
//!
//! MetalLB ignores the name of a pool that does not exist. Nearly always the pool was renamed, or the name is misspelt, and
//! the pool that was meant is not announced.
//!
//! ## Example
//!
//! ```yaml manifests.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata:
//!   name: l2-adv
//!   namespace: metallb-system
//! spec:
//!   ipAddressPools:
//!   - main-pool
//!   - secnd-pool # warning: [advertisement-names-missing-pool]
//! ```
//!
//! ## Use instead
//!
//! ```yaml manifests.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata:
//!   name: l2-adv
//!   namespace: metallb-system
//! spec:
//!   ipAddressPools:
//!   - main-pool
//! ```
//!
//! ## References
//!
//! MetalLB `L2Advertisement.spec.ipAddressPools` and `ipAddressPoolSelectors`.

use poolcheck_manifest::placeholder;

use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "advertisement-names-missing-pool", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let pools: Vec<_> = world.pools.iter().filter(|pool| pool.implementation.is_metallb()).collect();
    let names: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
    for advertisement in &world.advertisements {
        let object = &advertisement.object;
        for name in &advertisement.pools {
            let text = name.text();
            if names.contains(&&*text) {
                continue;
            }
            if let Some(placeholder) = placeholder(&text) {
                findings.not_checked(Fact::Values, Some(object.reference()), placeholder.reason(), Some(name.span()));
                continue;
            }
            let message = format!("{} {} names pool {text}, which is not there", object.kind(), object.title());
            let finding = findings.report(name.place(), "no such pool", message);
            finding.about(object);
            let near = names.iter().min_by_key(|known| strsim::damerau_levenshtein(known, &text));
            match near.filter(|known| strsim::damerau_levenshtein(known, &text) <= 1 + text.len() / 3) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None if names.is_empty() => finding.help("check the manifests of the pool together with this one"),
                None => finding.help(format!(
                    "the pools are {}",
                    crate::words::list(&names.iter().map(ToString::to_string).collect::<Vec<_>>(), 6)
                )),
            };
        }
        let selects = |pool: &_| advertisement.selectors.iter().any(|selector| selector.matches(pool));
        let (Some(span), false) = (advertisement.selectors_span, advertisement.selectors.is_empty()) else { continue };
        if advertisement.pools.is_empty() && !pools.iter().any(|pool| selects(&pool.labels)) {
            let message = format!("{} {} selects no pool", object.kind(), object.title());
            let finding = findings.report(span, "no pool has these labels", message);
            finding.about(object).help("give the pool the labels that are selected, or name it under `ipAddressPools`");
        }
    }
}
