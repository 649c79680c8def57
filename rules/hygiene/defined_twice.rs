//! One object is written twice, with the same kind, namespace and name.
//!
//! ## Why is this bad?
//!
//! The API server keeps the one that was applied last. Which one that is depends on the order of files, and the other's
//! ranges are gone without a word.
//!
//! Objects in different folders are not compared: those are a base and its overlay, or two clusters.
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
//!   - 192.168.1.240-192.168.1.244
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool # warning: [defined-twice]
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.248-192.168.1.250
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
//!   - 192.168.1.240-192.168.1.244
//!   - 192.168.1.248-192.168.1.250
//! ```
//!
//! ## References
//!
//! Kubernetes, Object Names and IDs.

use std::collections::BTreeMap;

use poolcheck_manifest::Object;
use poolcheck_manifest::schema::{GROUP, filled_in_later};
use poolcheck_manifest::tree::Together;

use poolcheck_plan::Span;

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "defined-twice", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let mut first: BTreeMap<[String; 3], Vec<&Object<'_>>> = BTreeMap::new();
    for object in &world.objects {
        let judged = object.group() == GROUP || (object.api_version() == "v1" && object.kind() == "Service");
        let Some(name) = object.name().filter(|name| judged && filled_in_later(name).is_none()) else { continue };
        let namespace = object.namespace().unwrap_or_default().into_owned();
        let key = [object.kind().into_owned(), namespace, name.into_owned()];
        let earlier = first.entry(key).or_default();
        let same = |known: &&&Object<'_>| applied_together(world, known, object);
        let Some(earlier) = earlier.iter().find(same).copied() else {
            earlier.push(object);
            continue;
        };
        let message = format!("{} is written twice, and the one applied last wins", object.reference());
        let finding = findings.report(object.name_span(), "again here", message);
        finding.about(object).related(earlier.name_span(), "written first here");
        finding.help("give one of them another name, or join the two");
    }
}

/// Whether both are surely applied to one cluster, and are not one file's two forms.
fn applied_together(world: &World<'_>, a: &Object<'_>, b: &Object<'_>) -> bool {
    let (a, b) = (a.value.span(), b.value.span());
    let name = |span: Span| &world.sources.get(span.source).name;
    let one_file = a.source != b.source && name(a) == name(b);
    !one_file && world.together(a.source, b.source) == Together::Yes
}
