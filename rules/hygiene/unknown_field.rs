//! An object has a field that its kind does not have.
//!
//! ## Why is this bad?
//!
//! The API server refuses the object when it checks fields strictly, as `kubectl apply` asks it to. When it does not, it
//! drops the field in silence: `autoassign: false` then leaves the pool open to every Service.
//!
//! Field names are case-sensitive and written in camel case; the kebab case of MetalLB's old ConfigMap is not read.
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
//!   - 192.168.1.240-192.168.1.250
//!   auto-assign: false # error: [unknown-field]
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
//!   autoAssign: false
//! ```
//!
//! ## References
//!
//! MetalLB 0.16 `config/crd/bases`; Kubernetes API concepts, field validation.

use poolcheck_manifest::schema::{ProblemKind, Suggestion, check as check_schema};

use crate::metallb::objects;
use crate::{Findings, Level, Rule, Safety, World};

pub(crate) const RULE: Rule = Rule { id: "unknown-field", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for object in objects(world) {
        for problem in check_schema(object).problems {
            let ProblemKind::UnknownField { name, suggestion, taken } = problem.kind else { continue };
            let finding = findings.report(
                problem.span,
                "no such field",
                format!("{} has no field `{}`", object.kind(), problem.path),
            );
            finding.about(object).identity(problem.path);
            match suggestion {
                Some(Suggestion::Rename(meant)) if taken => {
                    finding.help(format!("`{meant}` is there already: remove `{name}`"));
                }
                Some(Suggestion::Rename(meant)) => {
                    finding.help(format!("did you mean `{meant}`?"));
                    let edits = vec![(problem.span, meant.to_owned())];
                    finding.fix(format!("rename `{name}` to `{meant}`"), Safety::Safe, edits);
                }
                Some(Suggestion::Move(path)) => {
                    finding.help(format!("the field belongs at `{path}`"));
                }
                Some(Suggestion::OtherKind { field, kind }) => {
                    finding.help(format!("`{field}` is a field of {kind}: say it there"));
                }
                Some(Suggestion::Advice(advice)) => {
                    finding.help(advice);
                }
                None => {
                    finding.help(format!("remove `{name}`"));
                }
            }
        }
    }
}
