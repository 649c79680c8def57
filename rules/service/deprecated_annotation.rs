//! A Service uses an annotation of MetalLB under its old prefix.
//!
//! ## Why is this bad?
//!
//! MetalLB moved its annotations from `metallb.universe.tf/` to `metallb.io/`. The old ones are still read, each with a warning
//! event on the Service, until a release in which they are not.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: traefik
//!   namespace: traefik
//!   annotations:
//!     metallb.universe.tf/allow-shared-ip: web # warning: [deprecated-annotation]
//! spec:
//!   type: LoadBalancer
//! ```
//!
//! ## Use instead
//!
//! ```yaml pool.yaml
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: traefik
//!   namespace: traefik
//!   annotations:
//!     metallb.io/allow-shared-ip: web
//! spec:
//!   type: LoadBalancer
//! ```
//!
//! ## References
//!
//! MetalLB release notes 0.14.9 and 0.15.0.

use poolcheck_manifest::Kind;
use poolcheck_manifest::kinds::service::PREFIXES;

use crate::{Findings, Level, Rule, Safety, World};

pub(crate) const RULE: Rule =
    Rule { id: "deprecated-annotation", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let [current, old] = PREFIXES;
    for service in &world.services {
        let object = &service.object;
        let annotations = object.metadata().and_then(|metadata| metadata.get("annotations"));
        let Some(annotations) = annotations.filter(|annotations| annotations.kind() == Kind::Mapping) else { continue };
        for entry in annotations.entries() {
            let key = entry.key.text();
            let Some(name) = key.strip_prefix(old) else { continue };
            let new = format!("{current}{name}");
            let message = format!("Service {} uses the deprecated annotation {key}", object.title());
            let span = entry.key.part_span(0..old.len());
            let finding = findings.report(span, "the old prefix", message);
            finding.about(object).identity(name.to_owned());
            if let Some(other) = annotations.get(&new) {
                finding.related(other.key_span().unwrap_or_else(|| other.span()), "the new one is here already");
                finding.help("delete the old one");
            } else {
                finding.help(format!("write `{new}`"));
                finding.fix(format!("write {new}"), Safety::Safe, vec![(span, current.to_owned())]);
            }
        }
    }
}
