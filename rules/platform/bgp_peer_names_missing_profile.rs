//! A BGPPeer names a BFDProfile that is not there.
//!
//! ## Why is this bad?
//!
//! MetalLB refuses its whole configuration until the profile exists. It is a warning, because the profile may be written
//! elsewhere.
//!
//! ## Example
//!
//! ```yaml peer.yaml
//! apiVersion: metallb.io/v1beta2
//! kind: BGPPeer
//! metadata:
//!   name: router
//!   namespace: metallb-system
//! spec:
//!   myASN: 64512
//!   peerASN: 64513
//!   peerAddress: 192.168.1.1
//!   bfdProfile: fast # warning: [bgp-peer-names-missing-profile]
//! ```
//!
//! ## Use instead
//!
//! ```yaml peer.yaml
//! apiVersion: metallb.io/v1beta2
//! kind: BGPPeer
//! metadata:
//!   name: router
//!   namespace: metallb-system
//! spec:
//!   myASN: 64512
//!   peerASN: 64513
//!   peerAddress: 192.168.1.1
//!   bfdProfile: fast
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: BFDProfile
//! metadata:
//!   name: fast
//!   namespace: metallb-system
//! ```
//!
//! ## References
//!
//! MetalLB 0.16 `internal/config`; RFC 5880.

use poolcheck_manifest::schema::closest;

use crate::metallb::{applied, text, unknown_yet};
use crate::{Findings, Level, Rule, Safety, World};

pub(crate) const RULE: Rule =
    Rule { id: "bgp-peer-names-missing-profile", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let profiles = applied(world, "BFDProfile");
    let names: Vec<String> = profiles.iter().filter_map(|profile| Some(profile.name()?.into_owned())).collect();
    for object in applied(world, "BGPPeer") {
        let Some((value, name)) = text(object, "bfdProfile") else { continue };
        if names.iter().any(|known| *known == name) || unknown_yet(findings, object, value) {
            continue;
        }
        let message = format!("{} names the BFDProfile {name}, which is not among the manifests", object.reference());
        let finding = findings.report(value.span(), "no such profile here", message);
        finding.about(object);
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        match closest(&name, &known) {
            Some(meant) => {
                finding.help(format!("did you mean `{meant}`?"));
                finding.fix(format!("write `{meant}`"), Safety::Safe, vec![(value.span(), meant.to_owned())]);
            }
            None => {
                finding.help(format!("write a BFDProfile with the name {name}"));
            }
        }
    }
}
