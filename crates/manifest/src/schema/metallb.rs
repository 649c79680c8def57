//! The kinds of group `metallb.io` and their fields.

use super::meta::{LABEL_SELECTOR, NODE_SELECTOR_V1BETA1, OBJECT_META};
use super::{Field, Shape};

/// The API group.
pub const GROUP: &str = "metallb.io";

/// Where a kind and version stand in MetalLB 0.16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Served.
    Served,
    /// Served, with a warning that names the version to use instead.
    Deprecated,
}

/// One kind in one version.
#[derive(Debug, PartialEq)]
pub struct SchemaKind {
    /// The kind: `IPAddressPool`.
    pub kind: &'static str,
    /// The version: `v1beta1`.
    pub version: &'static str,
    /// Where it stands.
    pub standing: Standing,
    /// The fields of the whole object.
    pub fields: &'static [Field],
}

/// The kind with this group, version and name, when MetalLB serves it.
pub fn find(group: &str, version: &str, kind: &str) -> Option<&'static SchemaKind> {
    KINDS.iter().find(|k| group == GROUP && k.version == version && k.kind == kind)
}

const STR: Shape = Shape::Str;
const STRINGS: Shape = Shape::list(&STR);
const SELECTORS: Shape = Shape::list(&LABEL_SELECTOR);
const U32: Shape = Shape::Int { min: 0, max: u32::MAX as i128 };
const I32_MIN: i128 = i32::MIN as i128;
const I32_MAX: i128 = i32::MAX as i128;

const API_VERSION: Field = Field::optional("apiVersion", STR);
const KIND: Field = Field::optional("kind", STR);
const METADATA: Field = Field::optional("metadata", OBJECT_META);
const EMPTY_STATUS: Field = Field::optional("status", Shape::Object(&[]));
const ANY_SPEC: Field = Field::optional("spec", Shape::Any);
const ANY_STATUS: Field = Field::optional("status", Shape::Any);

/// A kind whose objects only MetalLB itself writes: known, not looked into.
const fn status_kind(kind: &'static str) -> SchemaKind {
    const FIELDS: &[Field] = &[API_VERSION, KIND, METADATA, ANY_SPEC, ANY_STATUS];
    SchemaKind { kind, version: "v1beta1", standing: Standing::Served, fields: FIELDS }
}

/// Every kind that MetalLB 0.16 serves.
pub static KINDS: &[SchemaKind] = &[
    SchemaKind {
        kind: "IPAddressPool",
        version: "v1beta1",
        standing: Standing::Served,
        fields: &[API_VERSION, KIND, METADATA, Field::required("spec", IP_ADDRESS_POOL), IP_ADDRESS_POOL_STATUS],
    },
    SchemaKind {
        kind: "L2Advertisement",
        version: "v1beta1",
        standing: Standing::Served,
        fields: &[API_VERSION, KIND, METADATA, Field::optional("spec", L2_ADVERTISEMENT), EMPTY_STATUS],
    },
    SchemaKind {
        kind: "BGPAdvertisement",
        version: "v1beta1",
        standing: Standing::Served,
        fields: &[API_VERSION, KIND, METADATA, Field::optional("spec", BGP_ADVERTISEMENT), EMPTY_STATUS],
    },
    SchemaKind {
        kind: "BGPPeer",
        version: "v1beta2",
        standing: Standing::Served,
        fields: &[API_VERSION, KIND, METADATA, Field::optional("spec", BGP_PEER), EMPTY_STATUS],
    },
    SchemaKind {
        kind: "BGPPeer",
        version: "v1beta1",
        standing: Standing::Deprecated,
        fields: &[API_VERSION, KIND, METADATA, Field::optional("spec", BGP_PEER_V1BETA1), EMPTY_STATUS],
    },
    SchemaKind {
        kind: "Community",
        version: "v1beta1",
        standing: Standing::Served,
        fields: &[API_VERSION, KIND, METADATA, Field::optional("spec", COMMUNITY), EMPTY_STATUS],
    },
    SchemaKind {
        kind: "BFDProfile",
        version: "v1beta1",
        standing: Standing::Served,
        fields: &[API_VERSION, KIND, METADATA, Field::optional("spec", BFD_PROFILE), EMPTY_STATUS],
    },
    status_kind("ServiceL2Status"),
    status_kind("ServiceBGPStatus"),
    status_kind("ConfigurationState"),
];

const COUNT: Shape = Shape::Int { min: i64::MIN as i128, max: i64::MAX as i128 };
const IP_ADDRESS_POOL_STATUS: Field = Field::optional(
    "status",
    Shape::Object(&[
        Field::optional("assignedIPv4", COUNT),
        Field::optional("assignedIPv6", COUNT),
        Field::optional("availableIPv4", COUNT),
        Field::optional("availableIPv6", COUNT),
    ]),
);

const IP_ADDRESS_POOL: Shape = Shape::Object(&[
    Field::required("addresses", STRINGS),
    Field::optional("autoAssign", Shape::Bool),
    Field::optional("avoidBuggyIPs", Shape::Bool),
    Field::optional("serviceAllocation", SERVICE_ALLOCATION),
]);

const SERVICE_ALLOCATION: Shape = Shape::Object(&[
    Field::optional("priority", Shape::Int { min: i64::MIN as i128, max: i64::MAX as i128 }),
    Field::optional("namespaces", STRINGS),
    Field::optional("namespaceSelectors", SELECTORS),
    Field::optional("serviceSelectors", SELECTORS),
]);

const L2_ADVERTISEMENT: Shape = Shape::Object(&[
    Field::optional("ipAddressPools", STRINGS),
    Field::optional("ipAddressPoolSelectors", SELECTORS),
    Field::optional("nodeSelectors", SELECTORS),
    Field::optional("interfaces", STRINGS),
    Field::optional("serviceSelectors", SELECTORS),
    Field::optional("preferredNodeSelectors", Shape::list(&PREFERRED_NODE_SELECTOR)),
]);

const PREFERRED_NODE_SELECTOR: Shape = Shape::Object(&[
    Field::required("weight", Shape::Int { min: 1, max: 100 }),
    Field::required("preference", LABEL_SELECTOR),
]);

const BGP_ADVERTISEMENT: Shape = Shape::Object(&[
    Field::optional("aggregationLength", Shape::Int { min: 1, max: I32_MAX }),
    Field::optional("aggregationLengthV6", Shape::Int { min: I32_MIN, max: I32_MAX }),
    Field::optional("localPref", U32),
    Field::optional("asPathPrepend", Shape::Int { min: 1, max: 10 }),
    Field::optional("communities", STRINGS),
    Field::optional("peers", STRINGS),
    Field::optional("ipAddressPools", STRINGS),
    Field::optional("ipAddressPoolSelectors", SELECTORS),
    Field::optional("nodeSelectors", SELECTORS),
    Field::optional("serviceSelectors", SELECTORS),
]);

const PASSWORD_SECRET: Shape = Shape::Object(&[Field::optional("name", STR), Field::optional("namespace", STR)]);

const BGP_PEER: Shape = Shape::Object(&[
    Field::required("myASN", U32),
    Field::optional("peerASN", U32),
    Field::optional("localASN", U32),
    Field::optional("dynamicASN", Shape::OneOf(&["internal", "external"])),
    Field::optional("peerAddress", STR),
    Field::optional("interface", STR),
    Field::optional("sourceAddress", STR),
    Field::optional("peerPort", Shape::Int { min: 1, max: 16384 }),
    Field::optional("holdTime", Shape::Duration),
    Field::optional("keepaliveTime", Shape::Duration),
    Field::optional("connectTime", Shape::Duration),
    Field::optional("routerID", STR),
    Field::optional("nodeSelectors", SELECTORS),
    Field::optional("password", STR),
    Field::optional("passwordSecret", PASSWORD_SECRET),
    Field::optional("bfdProfile", STR),
    Field::optional("enableGracefulRestart", Shape::Bool),
    Field::optional("ebgpMultiHop", Shape::Bool),
    Field::optional("vrf", STR),
    Field::optional("disableMP", Shape::Bool),
    Field::optional("dualStackAddressFamily", Shape::Bool),
]);

const BGP_PEER_V1BETA1: Shape = Shape::Object(&[
    Field::required("myASN", U32),
    Field::required("peerASN", U32),
    Field::required("peerAddress", STR),
    Field::optional("sourceAddress", STR),
    Field::optional("peerPort", Shape::Int { min: 0, max: 16384 }),
    Field::optional("holdTime", Shape::Duration),
    Field::optional("keepaliveTime", Shape::Duration),
    Field::optional("routerID", STR),
    Field::optional("nodeSelectors", Shape::list(&NODE_SELECTOR_V1BETA1)),
    Field::optional("password", STR),
    Field::optional("bfdProfile", STR),
    Field::optional("ebgpMultiHop", Shape::Bool),
]);

const COMMUNITY: Shape = Shape::Object(&[Field::optional(
    "communities",
    Shape::list(&Shape::Object(&[Field::optional("name", STR), Field::optional("value", STR)])),
)]);

const BFD_INTERVAL: Shape = Shape::Int { min: 10, max: 60000 };
const BFD_PROFILE: Shape = Shape::Object(&[
    Field::optional("receiveInterval", BFD_INTERVAL),
    Field::optional("transmitInterval", BFD_INTERVAL),
    Field::optional("detectMultiplier", Shape::Int { min: 2, max: 255 }),
    Field::optional("echoInterval", BFD_INTERVAL),
    Field::optional("echoMode", Shape::Bool),
    Field::optional("passiveMode", Shape::Bool),
    Field::optional("minimumTtl", Shape::Int { min: 1, max: 254 }),
]);
