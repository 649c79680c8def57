//! Where YAML 1.2 and the parser of Kubernetes part ways.
//!
//! Kubernetes reads YAML by a Go port of libyaml. What our parser accepts and that family refuses is found here, so that a
//! file that looks fine does not fail on `kubectl apply`. The differences were found by comparing with `serde_yaml`, which
//! is of the same family; `tests/oracle.rs` of this crate keeps the comparison alive.

use super::{Document, NodeKind, Problem, ProblemKind, Quoting, slice};

/// Adds a problem for everything in a document that libyaml refuses although it is YAML 1.2.
pub(super) fn differences(document: &mut Document, text: &str) {
    let mut found = Vec::new();
    for node in &document.nodes {
        let NodeKind::Scalar { quoting: Quoting::Plain, .. } = node.kind else { continue };
        let plain = slice(text, &node.span);
        if plain.starts_with(':') && in_flow(document, node.span.start, text) {
            found.push((node.span.clone(), "an unquoted value in [ ] or { } cannot begin with a colon: quote it"));
        }
    }
    if let Some(at) = control_character(slice(text, &document.span)) {
        let start = document.span.start + at;
        found.push((start..start + 1, "control characters are not allowed"));
    }
    for (span, why) in found {
        document.problems.push(Problem { span, kind: ProblemKind::KubernetesRefuses(why) });
    }
}

/// Whether a byte lies inside a flow collection.
fn in_flow(document: &Document, at: u32, text: &str) -> bool {
    document.nodes.iter().any(|node| {
        matches!(node.kind, NodeKind::Sequence(_) | NodeKind::Mapping(_))
            && node.span.start < at
            && at < node.span.end
            && slice(text, &node.span).starts_with(['[', '{'])
    })
}

/// The first byte that libyaml does not take as printable.
fn control_character(text: &str) -> Option<u32> {
    text.bytes().position(|b| b == 0x7f || (b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r'))).map(|at| at as u32)
}
