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
use poolcheck_manifest::helm::{Chart, ChartVersion, Release};
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
        if seen.contains(&span) || !is_metallbs(&pool.object) || is_read_by_its_chart(world, &pool.object) {
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

/// Cilium's retired BGP speaker and others have the same format under other names.
fn is_metallbs(object: &Object<'_>) -> bool {
    let named = |text: Option<std::borrow::Cow<'_, str>>| text.is_some_and(|text| text.contains("metallb"));
    object.kind() != "ConfigMap"
        || object.name().is_some_and(|name| name == "config")
        || named(object.name())
        || named(object.namespace())
}

/// A chart of 0.12 or earlier reads `configInline`.
fn is_read_by_its_chart(world: &World<'_>, object: &Object<'_>) -> bool {
    let makes_it = |release: &&Release<'_>| release.object.is_some_and(|own| own.value.span() == object.value.span());
    let chart = world.releases.iter().find(makes_it).and_then(|release| release.chart.as_ref());
    chart.and_then(Chart::exact_version).is_some_and(|version| version < ChartVersion::new(0, 13, 0))
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
