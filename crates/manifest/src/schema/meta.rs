//! The fields every object shares: ObjectMeta, and label selectors.

use super::{Field, Shape};

const STR: Shape = Shape::Str;
const I64: Shape = Shape::Int { min: i64::MIN as i128, max: i64::MAX as i128 };

/// `metadata` (`meta/v1` ObjectMeta).
pub(super) const OBJECT_META: Shape = Shape::Object(&[
    Field::optional("name", STR),
    Field::optional("generateName", STR),
    Field::optional("namespace", STR),
    Field::optional("selfLink", STR),
    Field::optional("uid", STR),
    Field::optional("resourceVersion", STR),
    Field::optional("generation", I64),
    Field::optional("creationTimestamp", Shape::Time),
    Field::optional("deletionTimestamp", Shape::Time),
    Field::optional("deletionGracePeriodSeconds", I64),
    Field::optional("labels", Shape::Map(&STR)),
    Field::optional("annotations", Shape::Map(&STR)),
    Field::optional("ownerReferences", Shape::list(&OWNER_REFERENCE)),
    Field::optional("finalizers", Shape::list(&STR)),
    Field::optional("managedFields", Shape::list(&MANAGED_FIELDS)),
]);

const OWNER_REFERENCE: Shape = Shape::Object(&[
    Field::required("apiVersion", STR),
    Field::required("kind", STR),
    Field::required("name", STR),
    Field::required("uid", STR),
    Field::optional("controller", Shape::Bool),
    Field::optional("blockOwnerDeletion", Shape::Bool),
]);

const MANAGED_FIELDS: Shape = Shape::Object(&[
    Field::optional("manager", STR),
    Field::optional("operation", STR),
    Field::optional("apiVersion", STR),
    Field::optional("time", Shape::Time),
    Field::optional("fieldsType", STR),
    Field::optional("fieldsV1", Shape::Any),
    Field::optional("subresource", STR),
]);

/// A label selector (`meta/v1` LabelSelector). Operators and keys are judged apart: the CRD leaves them to MetalLB.
pub(super) const LABEL_SELECTOR: Shape = Shape::Object(&[
    Field::optional("matchLabels", Shape::Map(&STR)),
    Field::optional("matchExpressions", Shape::list(&REQUIREMENT)),
]);

const REQUIREMENT: Shape = Shape::Object(&[
    Field::required("key", STR),
    Field::required("operator", STR),
    Field::optional("values", Shape::list(&STR)),
]);

/// The node selector of BGPPeer v1beta1, which wants at least one value in every expression.
pub(super) const NODE_SELECTOR_V1BETA1: Shape = Shape::Object(&[
    Field::optional("matchLabels", Shape::Map(&STR)),
    Field::optional(
        "matchExpressions",
        Shape::list(&Shape::Object(&[
            Field::required("key", STR),
            Field::required("operator", STR),
            Field::required("values", Shape::List { item: &STR, at_least: 1 }),
        ])),
    ),
]);
