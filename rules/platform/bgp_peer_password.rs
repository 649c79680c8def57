//! A BGPPeer's password cannot be had.
//!
//! ## Why is this bad?
//!
//! MetalLB refuses its whole configuration when a peer has a password and a Secret too, or when the Secret is not of type
//! `kubernetes.io/basic-auth` or has no key `password`.
//!
//! A Secret that is not among the manifests is a warning: Secrets are often made elsewhere.
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
//!   passwordSecret:
//!     name: router-password # error: [bgp-peer-password]
//! ---
//! apiVersion: v1
//! kind: Secret
//! metadata:
//!   name: router-password
//!   namespace: metallb-system
//! type: Opaque
//! stringData:
//!   password: example
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
//!   passwordSecret:
//!     name: router-password
//! ---
//! apiVersion: v1
//! kind: Secret
//! metadata:
//!   name: router-password
//!   namespace: metallb-system
//! type: kubernetes.io/basic-auth
//! stringData:
//!   password: example
//! ```
//!
//! ## References
//!
//! MetalLB 0.16 `internal/config`; Kubernetes, Basic authentication Secret.

use poolcheck_manifest::{Object, Value};

use crate::metallb::{applied, field, text, unknown_yet};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "bgp-peer-password", level: Level::Error, needs: &[], since: "0.1.0", check };

const BASIC_AUTH: &str = "kubernetes.io/basic-auth";

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for object in applied(world, "BGPPeer") {
        let reference = field(object, "passwordSecret").and_then(|secret| secret.get("name"));
        let Some(name) = reference.filter(|name| name.as_str().is_some_and(|text| !text.is_empty())) else { continue };
        if let Some((password, _)) = text(object, "password") {
            let message = format!("{} has both password and passwordSecret", object.reference());
            let finding = findings.report(name.span(), "and this", message);
            finding.about(object).related(password.span(), "this").help("keep the Secret, and remove `password`");
            continue;
        }
        if !unknown_yet(findings, object, name) {
            check_secret(world, object, name, findings);
        }
    }
}

fn check_secret(world: &World<'_>, peer: &Object<'_>, name: Value<'_>, findings: &mut Findings<'_>) {
    let text = name.text();
    let namespace = peer.namespace().unwrap_or_else(|| world.metallb_namespace.as_str().into());
    let here = |object: &&Object<'_>| {
        object.name().is_some_and(|other| other == text) && object.namespace().is_none_or(|other| other == namespace)
    };
    // Operators that make a Secret of the same name: SealedSecret, ExternalSecret, SopsSecret …
    let made_elsewhere = |object: &Object<'_>| object.kind() != "Secret" && object.kind().ends_with("Secret");
    let named: Vec<&Object<'_>> = world.objects.iter().filter(here).collect();
    let Some(secret) = named.iter().rev().find(|object| object.kind() == "Secret" && object.api_version() == "v1")
    else {
        if !named.iter().any(|object| made_elsewhere(object)) {
            let message = format!(
                "{} takes its password from the Secret {text}, which is not among the manifests",
                peer.reference()
            );
            let finding = findings.report(name.span(), "no such Secret here", message);
            finding.about(peer).level(Level::Warning);
            finding.help(format!("make sure that the Secret exists in {namespace}, of type {BASIC_AUTH}"));
        }
        return;
    };
    let kind = secret.value.get("type").filter(|kind| !kind.is_null());
    if kind.is_none_or(|kind| kind.text() != BASIC_AUTH) {
        let found = kind.map_or_else(|| "Opaque".into(), |kind| kind.text());
        let message = format!("{} takes its password from the Secret {text} of type {found}", peer.reference());
        let finding = findings.report(name.span(), format!("MetalLB wants the type {BASIC_AUTH}"), message);
        finding
            .about(peer)
            .related(kind.map_or_else(|| secret.kind_span(), |value| value.place()), "the Secret's type");
        finding.help(format!("write `type: {BASIC_AUTH}` in the Secret"));
        return;
    }
    let has =
        |field: &str| secret.value.get(field).is_some_and(|data| data.get("password").is_some_and(|v| !v.is_null()));
    if !has("data") && !has("stringData") {
        let message =
            format!("{} takes its password from the Secret {text}, which has no key `password`", peer.reference());
        let finding = findings.report(name.span(), "names a Secret without a password", message);
        finding.about(peer).related(secret.name_span(), "this Secret").help("write the key `password` in the Secret");
    }
}
