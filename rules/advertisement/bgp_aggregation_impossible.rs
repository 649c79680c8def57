//! A BGPAdvertisement aggregates to a prefix that its pools cannot fill.
//!
//! ## Why is this bad?
//!
//! An aggregated route draws the traffic of every address in it. MetalLB therefore refuses a length that is shorter than
//! the pool's own prefix; for a range `a-b` the largest aligned block in it counts. A length beyond the family's 32 or 128
//! bits is refused too, and so is any aggregation together with `serviceSelectors`.
//!
//! ## Example
//!
//! ```yaml bgp.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.7.240/29
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: BGPAdvertisement
//! metadata:
//!   name: main
//!   namespace: metallb-system
//! spec:
//!   ipAddressPools: [main-pool]
//!   aggregationLength: 24 # error: [bgp-aggregation-impossible]
//! ```
//!
//! ## Use instead
//!
//! ```yaml bgp.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.7.240/29
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: BGPAdvertisement
//! metadata:
//!   name: main
//!   namespace: metallb-system
//! spec:
//!   ipAddressPools: [main-pool]
//!   aggregationLength: 29
//! ```
//!
//! ## References
//!
//! MetalLB 0.16 `internal/config`; MetalLB, Advanced BGP configuration.

use poolcheck_manifest::kinds::metallb::Advertisement;
use poolcheck_plan::Family;

use crate::bgp::{advertisements, aggregation, has_service_selectors, pools, shortest_prefix};
use crate::metallb::field;
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "bgp-aggregation-impossible", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let pools = pools(world);
    for ad in advertisements(world) {
        for family in [Family::V4, Family::V6] {
            if check_length(ad, family, findings) {
                continue;
            }
            let (value, length) = aggregation(ad, family);
            let reaching = pools.iter().filter(|pool| ad.announces(pool));
            for (pool, entry, range) in reaching.flat_map(|pool| pool.ranges().map(move |(e, r)| (pool, e, r))) {
                let prefix = shortest_prefix(entry, range);
                if range.family() != family || length >= prefix {
                    continue;
                }
                let written = entry.value.text();
                let message = format!(
                    "{} aggregates to /{length}, but {} of pool {} is no larger than a /{prefix}",
                    ad.object.reference(),
                    written.trim(),
                    pool.name
                );
                let (span, label) =
                    value.map_or((entry.value.span(), "too small"), |v| (v.place(), "too short for the pool"));
                let finding = findings.report(span, label, message);
                finding.about(&ad.object).related(entry.value.span(), format!("at most a /{prefix}"));
                finding.help(if prefix >= i128::from(family.bits()) {
                    format!("remove the aggregation length: {} is one address", written.trim())
                } else {
                    format!("write a length of {prefix} to {}, or name a larger pool", family.bits())
                });
            }
        }
    }
}

/// Reports a length that no pool could make right.
fn check_length(ad: &Advertisement<'_>, family: Family, findings: &mut Findings<'_>) -> bool {
    let (Some(value), length) = aggregation(ad, family) else { return false };
    let bits = i128::from(family.bits());
    if length > bits {
        let message = format!("{} aggregates {family} to /{length}", ad.object.reference());
        let finding = findings.report(value.place(), format!("at most {bits}"), message);
        finding.about(&ad.object).help(format!("write a length of at most {bits}"));
        return true;
    }
    if length != bits && has_service_selectors(ad) {
        let message = format!("{} has an aggregation length together with serviceSelectors", ad.object.reference());
        let finding = findings.report(value.place(), "aggregates every Service's address", message);
        if let Some(selectors) = field(&ad.object, "serviceSelectors") {
            finding.related(selectors.key_span().unwrap_or_else(|| selectors.span()), "selects some Services only");
        }
        finding.about(&ad.object).help("keep one of the two");
        return true;
    }
    false
}
