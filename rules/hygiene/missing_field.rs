//! An object lacks a field that its kind requires.
//!
//! ## Why is this bad?
//!
//! The API server refuses the object; the configuration that was in force stays in force.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec: # error: [missing-field]
//!   autoAssign: true
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
//!   autoAssign: true
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
//! ```
//!
//! ## References
//!
//! MetalLB 0.16 `config/crd/bases`, `required`.

use poolcheck_manifest::schema::{Problem, ProblemKind, check as check_schema};

use crate::metallb::objects;
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "missing-field", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for object in objects(world) {
        for Problem { span, path, kind } in check_schema(object).problems {
            let ProblemKind::Missing { field, shape } = kind else { continue };
            findings
                .report(span, format!("needs `{field}`"), format!("{} has no `{path}`", object.reference()))
                .about(object)
                .identity(path)
                .help(format!("add `{field}`: {}", shape.noun()));
        }
    }
}
