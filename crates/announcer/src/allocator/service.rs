//! What a service asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use poolcheck_plan::Family;

/// A service that is to get an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its namespace's labels.
    pub namespace_labels: BTreeMap<String, String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The families it wants.
    pub families: Families,
    /// Addresses it asks for: one, or one of each family.
    pub requested: Vec<IpAddr>,
    /// The pool it asks for.
    pub requested_pool: Option<String>,
    /// With whom it may share an address; with nobody without.
    pub sharing: Option<Sharing>,
    /// The ports it needs on its address: two services that share have none in common.
    pub ports: BTreeSet<Port>,
    /// What it has, from before a restart.
    pub current: Vec<IpAddr>,
}

impl Service {
    /// A service that wants one IPv4 address.
    pub fn new(name: &str, namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            namespace_labels: BTreeMap::new(),
            labels: BTreeMap::new(),
            families: Families::Single(Family::V4),
            requested: Vec::new(),
            requested_pool: None,
            sharing: None,
            ports: BTreeSet::new(),
            current: Vec::new(),
        }
    }

    /// `namespace/name`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Why two services cannot have one address, if they cannot.
    pub(super) fn clash(&self, other: &Self) -> Option<&'static str> {
        match (&self.sharing, &other.sharing) {
            (None, _) | (_, None) => Some("it is not shared"),
            (Some(one), Some(two)) if one.key != two.key => Some("the sharing keys differ"),
            (Some(one), Some(two)) if one.backend != two.backend => Some("the backends differ"),
            _ if !self.ports.is_disjoint(&other.ports) => Some("both need the same port"),
            _ => None,
        }
    }
}

/// Who may share an address (`metallb.io/allow-shared-ip`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sharing {
    /// The key that sharers have in common.
    pub key: String,
    /// The pods behind it, where traffic stays on its node (`externalTrafficPolicy: Local`): only services with the same pods
    /// can have the same owner. Empty otherwise.
    pub backend: String,
}

/// A port on an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub number: u16,
}

/// A protocol with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// Which families a service wants (`ipFamilyPolicy`, `ipFamilies`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Families {
    /// This one.
    Single(Family),
    /// Both if one pool has both; else this one; else the other.
    PreferDual(Family),
    /// Both, of one pool.
    RequireDual,
}
