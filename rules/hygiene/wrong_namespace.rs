//! An object of MetalLB lies in another namespace than MetalLB.
//!
//! ## Why is this bad?
//!
//! MetalLB reads pools, advertisements and peers from its own namespace only; its webhook refuses them anywhere else, and
//! without the webhook they are ignored.
//!
//! The namespace is `metallb-system` unless the configuration says otherwise. An object without a namespace is fine here:
//! it goes where it is applied.
//!
//! ## Example
//!
//! ```yaml pools.yaml
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
//!   namespace: default # error: [wrong-namespace]
//! ```
//!
//! ## Use instead
//!
//! ```yaml pools.yaml
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
//! ```
//!
//! ## References
//!
//! MetalLB 0.16 `internal/k8s/webhooks`.

use std::collections::BTreeSet;

use poolcheck_manifest::Object;
use poolcheck_manifest::schema::{filled_in_later, metallb as find_kind};

use crate::metallb::{objects, unknown_yet};
use crate::{Findings, Level, Rule, Safety, World};

pub(crate) const RULE: Rule = Rule { id: "wrong-namespace", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let expected = world.metallb_namespace.as_str();
    let used: BTreeSet<String> = judged(world)
        .filter_map(Object::namespace)
        .filter(|namespace| filled_in_later(namespace).is_none())
        .map(std::borrow::Cow::into_owned)
        .collect();
    // When all of them lie together in one other namespace, MetalLB probably runs there.
    let together = used.len() == 1;
    for object in judged(world) {
        let Some(value) = object.metadata().and_then(|metadata| metadata.get("namespace")) else { continue };
        let namespace = object.namespace().unwrap_or_default();
        if value.is_null() || namespace.is_empty() || namespace == expected || unknown_yet(findings, object, value) {
            continue;
        }
        let message =
            format!("{} is not in MetalLB's namespace {expected}, so MetalLB does not read it", object.reference());
        let finding = findings.report(value.span(), format!("MetalLB runs in {expected}"), message);
        finding.about(object);
        if together {
            finding.level(Level::Warning);
            finding.help(format!(
                "if MetalLB runs in {namespace}, set `metallb-namespace = \"{namespace}\"` in poolcheck.toml"
            ));
        } else {
            finding.help(format!("write `namespace: {expected}`"));
            let edits = vec![(value.span(), expected.to_owned())];
            finding.fix(format!("move it to {expected}"), Safety::Unsafe, edits);
        }
    }
}

fn judged<'w, 'a>(world: &'w World<'a>) -> impl Iterator<Item = &'w Object<'a>> {
    objects(world).filter(|object| find_kind(&object.group(), &object.version(), &object.kind()).is_some())
}
