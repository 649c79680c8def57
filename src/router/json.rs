//! What `poolcheck router` tells machines: `docs/schema/router-v1.json`. What is not known is absent.

use poolcheck_plan::drift::Change;
use poolcheck_plan::facts::{Completeness, DhcpState, Role, Segment, Sourced};
use poolcheck_plan::{Confidence, Facts, Sources};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Listed, Secrecy};
use crate::output::pretty;

/// The version of this form.
const VERSION: u32 = 1;

/// What one command told.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "poolcheck router")]
pub(crate) struct Document {
    /// The version of this form: 1.
    version: u32,
    #[serde(flatten)]
    told: Told,
}

/// What was told, by its kind.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Told {
    /// `router list`.
    List {
        /// The adapters that are built in.
        adapters: Vec<JsonAdapter>,
    },
    /// `router identify`.
    #[cfg_attr(not(feature = "live"), allow(dead_code, reason = "told by builds that can ask"))]
    Identified {
        /// The host that was asked.
        host: String,
        /// What was asked, and what came.
        asked: Vec<JsonAsked>,
        /// The adapters that know what answers.
        adapters: Vec<String>,
    },
    /// `router read` and `router fetch`.
    Facts {
        /// Who said it.
        origins: Vec<JsonOrigin>,
        /// The segments.
        segments: Vec<JsonSegment>,
        /// What should have been read and was not there, a sentence each.
        not_seen: Vec<JsonFact>,
    },
    /// `router diff`.
    #[cfg_attr(not(feature = "live"), allow(dead_code, reason = "told by builds that can ask"))]
    Drift {
        /// The routers that were asked.
        routers: Vec<String>,
        /// What differs; empty when nothing does.
        changes: Vec<JsonChange>,
    },
}

/// An adapter.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JsonAdapter {
    id: String,
    title: String,
    /// Whether it reads saved pages and configuration files.
    file: bool,
    /// Whether it asks a router.
    live: bool,
    /// Whether asking needs a password or key.
    secret: Secrecy,
    /// What must be switched on or created on the router before.
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<String>,
    /// What a run does on the router besides reading.
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<String>,
    /// The devices that it was tried on.
    tested_on: Vec<String>,
    /// How what it relies on is known.
    evidence: String,
    /// Every request that may be made.
    requests: Vec<String>,
}

/// One question to a host.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JsonAsked {
    /// `GET http://192.168.1.1/`.
    pub(crate) request: String,
    /// What came, in a few words.
    pub(crate) answer: String,
    /// The adapters whose router it is.
    pub(crate) adapters: Vec<String>,
}

/// Who said facts.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JsonOrigin {
    adapter: String,
    title: String,
    /// When, as RFC 3339; absent for files.
    #[serde(skip_serializing_if = "Option::is_none")]
    read_at: Option<String>,
}

/// A value, how sure it is, and where it was said.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JsonFact {
    value: String,
    #[schemars(with = "String")]
    confidence: Confidence,
    place: String,
}

/// One LAN segment.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JsonSegment {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<JsonFact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan: Option<JsonFact>,
    subnets: Vec<JsonFact>,
    gateways: Vec<JsonFact>,
    dns: Vec<JsonFact>,
    /// None listed means that nothing is known of DHCP.
    dhcp: Vec<JsonServer>,
    hosts: Vec<JsonHost>,
}

/// One DHCP server.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JsonServer {
    #[schemars(with = "String")]
    state: DhcpState,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<JsonFact>,
    /// `first-last`, both inclusive.
    ranges: Vec<JsonFact>,
    excluded: Vec<JsonFact>,
    reservations: Vec<JsonReservation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_seconds: Option<u64>,
    #[schemars(with = "String")]
    completeness: Completeness,
}

/// A fixed address.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JsonReservation {
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[schemars(with = "String")]
    confidence: Confidence,
}

/// A machine.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JsonHost {
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[schemars(with = "String")]
    role: Role,
}

/// One difference.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JsonChange {
    router: String,
    segment: String,
    /// `DHCP range`, `reservation 192.168.1.20`.
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<String>,
}

impl Told {
    /// As text.
    pub(crate) fn text(self) -> String {
        let document = Document { version: VERSION, told: self };
        serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
    }

    pub(crate) fn list(listed: Vec<Listed>) -> Self {
        let adapters = listed.into_iter().map(|one| JsonAdapter {
            id: one.id,
            title: one.title,
            file: one.file,
            live: one.live,
            secret: one.secret,
            needs: one.needs,
            consent: one.consent,
            tested_on: one.tested_on,
            evidence: one.evidence,
            requests: one.requests,
        });
        Self::List { adapters: adapters.collect() }
    }

    pub(crate) fn facts(facts: &Facts, sources: &Sources) -> Self {
        let origins = facts.origins.iter().map(|origin| JsonOrigin {
            adapter: origin.adapter.clone(),
            title: origin.title.clone(),
            read_at: origin.read_at.clone(),
        });
        Self::Facts {
            origins: origins.collect(),
            segments: facts.segments.iter().map(|one| segment(one, sources)).collect(),
            not_seen: each(&facts.gaps, sources),
        }
    }

    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "only who can ask can compare"))]
    pub(crate) fn drift(routers: Vec<String>, changes: &[(String, Change)]) -> Self {
        let text = |side: &Option<(String, poolcheck_plan::Span)>| side.as_ref().map(|(text, _)| text.clone());
        let changes = changes.iter().map(|(router, change)| JsonChange {
            router: router.clone(),
            segment: change.segment.clone(),
            what: change.what.clone(),
            before: text(&change.before),
            now: text(&change.now),
        });
        Self::Drift { routers, changes: changes.collect() }
    }
}

fn each<T: ToString>(facts: &[Sourced<T>], sources: &Sources) -> Vec<JsonFact> {
    let one = |fact: &Sourced<T>| JsonFact {
        value: fact.value.to_string(),
        confidence: fact.confidence,
        place: pretty::title(fact.place, sources),
    };
    facts.iter().map(one).collect()
}

fn segment(segment: &Segment, sources: &Sources) -> JsonSegment {
    let dhcp = segment.dhcp.iter().map(|server| JsonServer {
        state: server.state.value,
        server: each(server.server.as_slice(), sources).pop(),
        ranges: each(&server.ranges, sources),
        excluded: each(&server.excluded, sources),
        reservations: server
            .reservations
            .iter()
            .map(|fact| JsonReservation {
                address: fact.value.address.to_string(),
                mac: fact.value.mac.clone(),
                name: fact.value.name.clone(),
                confidence: fact.confidence,
            })
            .collect(),
        lease_seconds: server.lease_seconds.as_ref().map(|lease| lease.value),
        completeness: server.completeness,
    });
    let hosts = segment.hosts.iter().map(|host| JsonHost {
        address: host.value.address.to_string(),
        name: host.value.name.clone(),
        role: host.value.role,
    });
    JsonSegment {
        name: each(segment.name.as_slice(), sources).pop(),
        vlan: each(segment.vlan.as_slice(), sources).pop(),
        subnets: each(&segment.subnets, sources),
        gateways: each(&segment.gateways, sources),
        dns: each(&segment.dns, sources),
        dhcp: dhcp.collect(),
        hosts: hosts.collect(),
    }
}

/// The schema, committed below `docs/schema`.
pub(crate) fn schema() -> String {
    serde_json::to_string_pretty(&schemars::schema_for!(Document)).unwrap_or_default() + "\n"
}
