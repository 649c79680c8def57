//! MetalLB's speakers do not know which of them are alive.
//!
//! ## Why is this bad?
//!
//! In Layer-2 mode the speakers agree on who answers for an address, and notice that one is gone, through memberlist. Without it
//! every node counts as alive: when the one that answers dies, nobody takes over, and an address may be given to a node that has
//! no speaker at all.
//!
//! ## Example
//!
//! ```yaml values.yaml chart-metallb namespace-metallb-system
//! speaker:
//!   memberlist:
//!     enabled: false # warning: [speakers-without-memberlist]
//! ```
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses: [192.168.1.240-192.168.1.245]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ## Use instead
//!
//! ```yaml values.yaml chart-metallb namespace-metallb-system
//! speaker:
//!   memberlist:
//!     enabled: true
//! ```
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses: [192.168.1.240-192.168.1.245]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ## References
//!
//! MetalLB chart `speaker.memberlist.enabled`; MetalLB issues 581 and 782.

use poolcheck_manifest::helm::Setting;

use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "speakers-without-memberlist", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for release in world.releases.iter().filter(|release| release.is_of("metallb")) {
        let layer2 = world.advertisements.iter().find(|advertisement| {
            let source = advertisement.object.name_span().source;
            advertisement.object.kind() == "L2Advertisement" && world.same_cluster(source, release.place.source)
        });
        let Some(advertisement) = layer2 else { continue };
        match release.get("speaker.memberlist.enabled") {
            Setting::Said(value) if value.as_bool() == Some(false) => {
                let message = "the speakers run without memberlist: when the one that answers dies, nobody takes over";
                let finding = findings.report(value.span(), "nobody notices a dead speaker", message);
                finding.subject(&release.title());
                finding.related(advertisement.object.name_span(), "announced by Layer 2");
                finding.help("write `enabled: true`, and let port 7946 through between the nodes");
            }
            Setting::Unknown(place, reason) => {
                findings.not_checked(Fact::Values, Some(release.title()), reason, Some(place));
            }
            _ => {}
        }
    }
}
