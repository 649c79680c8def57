//! A mapping has the same key twice.
//!
//! ## Why is this bad?
//!
//! Kubernetes' clients refuse the document when they check strictly; those that do not keep one of the two and drop the
//! other in silence, so that a pool loses half of its ranges.
//!
//! A merge key (`<<`) counts too: Kubernetes refuses a merged key that the mapping has itself, where YAML would let the
//! mapping's own value win.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.244
//!   addresses: # error: [duplicate-key]
//!   - 192.168.1.248-192.168.1.250
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
//!   - 192.168.1.240-192.168.1.244
//!   - 192.168.1.248-192.168.1.250
//! ```
//!
//! ## References
//!
//! YAML 1.2.2 section 3.2.1.3 (keys are unique); go-yaml's strict mode, which Kubernetes uses.

use std::collections::{HashMap, HashSet};

use poolcheck_manifest::{Kind, ProblemKind, Value};
use poolcheck_plan::Span;

use crate::metallb::objects;
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "duplicate-key", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for file in world.files {
        let is_kubernetes = |root: &Value<'_>| root.get("kind").is_some() && root.get("apiVersion").is_some();
        let kubernetes: HashSet<usize> = file.roots().filter(is_kubernetes).map(|root| root.document().index).collect();
        for document in file.documents() {
            for problem in &document.problems {
                let ProblemKind::DuplicateKey { key, first } = &problem.kind else { continue };
                let message = format!("the key `{key}` is written twice in one mapping");
                let finding = findings.report(file.outer(&problem.span), "again here", message);
                finding
                    .related(file.outer(first), "written first here")
                    .help("keep one of the two, or join their values");
                if !kubernetes.contains(&document.index) {
                    finding.level(Level::Warning);
                }
            }
        }
    }
    for object in objects(world) {
        for (own, merged, key) in merged_twice(object.value) {
            let message = format!("the key `{key}` is written here and merged in again, which Kubernetes refuses");
            let finding = findings.report(own, "written here", message);
            finding.about(object).related(merged, "and merged from here");
            finding.help(format!("remove `{key}` from one of the two, or write the mapping without `<<`"));
        }
    }
}

/// Keys that a mapping has and a merge brings again: the first place, the merged place, the key.
fn merged_twice(value: Value<'_>) -> Vec<(Span, Span, String)> {
    let mut found = Vec::new();
    visit(value, &mut found, 0);
    found
}

fn visit(value: Value<'_>, found: &mut Vec<(Span, Span, String)>, depth: usize) {
    // What an alias names is visited where it stands; nothing of MetalLB's is this deep.
    if depth > 24 {
        return;
    }
    let own: Vec<_> = value.entries().into_iter().filter(|entry| !entry.merged).collect();
    if let Some(merge) = value.get("<<") {
        let sources: Vec<_> = if merge.kind() == Kind::Sequence { merge.items().collect() } else { vec![merge] };
        let mut seen: HashMap<String, Span> =
            own.iter().map(|entry| (entry.key.text().into_owned(), entry.key.span())).collect();
        for entry in sources.iter().flat_map(Value::entries) {
            let key = entry.key.text().into_owned();
            match seen.get(&key) {
                Some(first) => found.push((*first, entry.key.span(), key)),
                None => {
                    seen.insert(key, entry.key.span());
                }
            }
        }
    }
    let children = own.into_iter().map(|entry| entry.value).chain(value.items());
    for child in children.filter(|child| child.alias_span().is_none()) {
        visit(child, found, depth + 1);
    }
}
