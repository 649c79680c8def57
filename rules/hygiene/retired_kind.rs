//! An object is of a kind or version that MetalLB has given up.
//!
//! ## Why is this bad?
//!
//! MetalLB 0.14.2 removed the kind AddressPool: the API server refuses it. The ConfigMap `config` is ignored since 0.13,
//! without a word: the pools in it do not exist. BGPPeer `v1beta1` is still read and will go.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: AddressPool # error: [retired-kind]
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   protocol: layer2
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
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
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ## References
//!
//! MetalLB release notes 0.13.2 and 0.14.2; `website/content/configuration/migration_to_crds`.

use poolcheck_manifest::Object;
use poolcheck_manifest::kinds::pool::Implementation;
use poolcheck_manifest::schema::{Standing, metallb as find_kind};
use poolcheck_plan::Span;

use crate::metallb::{field, objects};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "retired-kind", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for object in objects(world) {
        if object.kind() == "AddressPool" {
            address_pool(object, findings);
        }
        let known = find_kind(&object.group(), &object.version(), &object.kind());
        if known.is_some_and(|known| known.standing == Standing::Deprecated) {
            let span = object.value.get("apiVersion").map_or_else(|| object.kind_span(), |value| value.span());
            let message = format!("{} is written in the deprecated version {}", object.reference(), object.version());
            let finding = findings.report(span, "deprecated", message);
            finding.about(object).level(Level::Note).help("write `metallb.io/v1beta2`");
        }
    }
    let mut seen: Vec<Span> = Vec::new();
    for pool in world.pools.iter().filter(|pool| pool.implementation == Implementation::MetallbConfigMap) {
        let span = pool.object.kind_span();
        if seen.contains(&span) {
            continue;
        }
        seen.push(span);
        let message =
            format!("{} configures MetalLB in the way of 0.12, which 0.13 and later ignore", pool.object.reference());
        let finding = findings.report(span, "not read since MetalLB 0.13", message);
        finding.about(&pool.object).level(Level::Warning).related(pool.name_span, "this pool does not exist there");
        finding.help("write each pool as an IPAddressPool with an L2Advertisement or BGPAdvertisement");
    }
}

fn address_pool(object: &Object<'_>, findings: &mut Findings<'_>) {
    let name = object.name().unwrap_or_default();
    let bgp = field(object, "protocol").is_some_and(|protocol| protocol.text() == "bgp");
    let advertisement = if bgp { "BGPAdvertisement" } else { "L2Advertisement" };
    let message = format!("AddressPool {name} is of a kind that MetalLB removed in 0.14.2");
    let finding = findings.report(object.kind_span(), "no longer there", message);
    finding.about(object).help(format!(
        "write an IPAddressPool with the same addresses, and {} {advertisement} with `ipAddressPools: [{name}]`",
        if bgp { "a" } else { "an" },
    ));
    if let Some(protocol) = field(object, "protocol") {
        finding.related(protocol.span(), format!("{} {advertisement} says this today", if bgp { "a" } else { "an" }));
    }
}
