//! A document is not YAML that Kubernetes can read.
//!
//! ## Why is this bad?
//!
//! `kubectl` stops at it, and a GitOps controller applies nothing of the whole folder. What poolcheck cannot read it
//! cannot check either.
//!
//! Kubernetes reads YAML with a parser of the libyaml family. A few things that YAML 1.2 allows are refused by it.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!    namespace: metallb-system # error: [kubernetes-cannot-parse]
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
//! ```
//!
//! ## References
//!
//! YAML 1.2.2; libyaml and go-yaml, the parsers of Kubernetes and its clients.

use poolcheck_manifest::{Document, Problem, ProblemKind};

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "kubernetes-cannot-parse", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for file in world.files {
        for document in file.documents() {
            let is_manifest = is_manifest(file.text(), document);
            let ours = |problem: &&Problem| is_manifest || matches!(problem.kind, ProblemKind::Limit(_));
            for problem in document.problems.iter().filter(ours) {
                let (label, message, help) = match &problem.kind {
                    ProblemKind::DuplicateKey { .. } => continue,
                    ProblemKind::Syntax(words) => (
                        "not YAML from here on",
                        format!("the document cannot be read: {words}"),
                        "mend the line; the rest of this document was not checked",
                    ),
                    ProblemKind::UnknownAlias(name) => (
                        "no such anchor",
                        format!("the alias `*{name}` names an anchor that this document does not have"),
                        "define the anchor in the same document: anchors end at `---`",
                    ),
                    ProblemKind::Limit(words) => (
                        "reading ended here",
                        format!("the document was not read to its end: {words}"),
                        "split the file",
                    ),
                    ProblemKind::KubernetesRefuses(words) => (
                        "Kubernetes stops here",
                        format!("Kubernetes cannot read this document: {words}"),
                        "write it in another way",
                    ),
                };
                findings.report(file.outer(&problem.span), label, message).help(help);
            }
        }
    }
}

/// Whether a document is meant for Kubernetes: other YAML may have tags and forms of its own.
fn is_manifest(text: &str, document: &Document) -> bool {
    let text = text.get(document.span.start as usize..document.span.end as usize).unwrap_or_default();
    let says = |line: &str| line.starts_with("apiVersion") || line.starts_with("kind") || line.starts_with('{');
    text.trim_start_matches('\u{feff}').lines().any(|line| says(line.trim_start_matches(['"', '\''])))
}
