//! `poolcheck scan`: from a look at the wire to what is told of it.
//!
//! `live` (feature `scan`) looks and makes an [`Observed`]; its record becomes a source like any file, so that findings point
//! into it. [`Scan`] is what a person is shown beside the findings: who was seen, and the map.

use std::collections::BTreeSet;
use std::time::Duration;

use poolcheck_plan::observed::{Observed, Seen};
use poolcheck_plan::{AddrRange, Claim, ClaimKind};
use poolcheck_rules::World;

#[cfg(feature = "watch")]
pub(crate) mod journal;
#[cfg(feature = "scan")]
pub(crate) mod live;
pub(crate) mod map;
#[cfg(feature = "watch")]
mod metrics;
#[cfg(feature = "scan")]
pub(crate) mod names;
pub(crate) mod save;
pub(crate) mod table;
#[cfg(feature = "scan")]
pub(crate) mod targets;
#[cfg(feature = "scan")]
mod vendor;
#[cfg(feature = "watch")]
pub(crate) mod watch;

use map::Segment;

/// What the machine that looks is called; which node it is may follow.
pub(crate) const THIS_MACHINE: &str = "this machine";

/// What was seen, for the report.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// The interface's name.
    pub interface: String,
    /// When, as RFC 3339.
    pub at: Option<String>,
    /// The ranges that were asked often enough for their silence to mean something.
    pub asked: Vec<AddrRange>,
    /// Every machine at every address, in the order of addresses.
    pub rows: Vec<Row>,
    /// The map of each /24 that matters.
    pub segments: Vec<Segment>,
    /// How the scan went; `None` for a record that was read back.
    pub run: Option<Run>,
}

/// A machine at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What was seen.
    pub seen: Seen,
    /// Who it is, when it may answer for a pool.
    pub who: Option<String>,
    /// What claims the address: `pool main-pool`, `dhcp range sky-hub`.
    pub claims: Vec<String>,
    /// What that makes it.
    pub state: State,
}

/// What a machine at an address is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A stranger at an address of a pool.
    Squatter,
    /// One of several machines at one address.
    SecondOwner,
    /// A node at an address of a pool: as it should be.
    Announced,
    /// A node at its own address.
    Node,
    /// The gateway.
    Router,
    /// Proxy ARP: it answers for nearly everything.
    Proxy,
    /// Any other machine.
    Other,
}

impl State {
    /// The word shown to people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Squatter => "squatter",
            Self::SecondOwner => "second owner",
            Self::Announced => "announced",
            Self::Node => "node",
            Self::Router => "router",
            Self::Proxy => "proxy ARP",
            Self::Other => "",
        }
    }
}

/// How a scan went.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    /// Addresses asked.
    pub addresses: usize,
    /// Of these, how many are not known to have been asked.
    pub unasked: usize,
    /// Frames sent.
    pub frames: u64,
    /// How long it took.
    pub duration: Duration,
    /// How the LAN treated the questions, in words.
    pub wire: String,
    /// Live machines that were probably missed.
    pub expected_missed: Option<f64>,
    /// Why it ended before its time; `None` when it did not.
    pub cut_short: Option<String>,
    /// What else must be known of it.
    pub remarks: Vec<String>,
}

impl Scan {
    /// What an observation means in a world.
    pub(crate) fn of(world: &World<'_>, observed: &Observed) -> Self {
        let proxies: BTreeSet<&str> = observed.proxies().into_keys().collect();
        let owners = observed.owners();
        let mut rows: Vec<Row> = Vec::new();
        for seen in &observed.seen {
            // A proxy is one line, whatever it answers for.
            let proxy = proxies.contains(seen.mac.as_str());
            let twin = |row: &Row| row.seen.mac == seen.mac && (proxy || row.seen.address == seen.address);
            if rows.iter().any(twin) {
                continue;
            }
            let claims: Vec<&Claim> = world.plan.claims_at(seen.address).map(|(_, claim)| claim).collect();
            let considered = observed.considered.iter().any(|(range, _)| range.contains(seen.address));
            let has = |kind: ClaimKind| claims.iter().any(|claim| claim.kind == kind);
            let in_pool = has(ClaimKind::Pool) || considered;
            let trusted = observed.trusted(&seen.mac);
            let several = owners.get(&seen.address).is_some_and(|owners| owners.len() > 1);
            let state = match (in_pool, trusted) {
                _ if proxy => State::Proxy,
                (true, None) if !several => State::Squatter,
                (_, None) if several => State::SecondOwner,
                (true, Some(_)) => State::Announced,
                // It may answer for a pool, for it announces on whoever's behalf it runs; that makes it no node.
                (false, Some(THIS_MACHINE)) => State::Other,
                (false, Some(_)) => State::Node,
                _ if has(ClaimKind::Gateway) => State::Router,
                _ => State::Other,
            };
            let titles = claims.iter().filter(|claim| !is_implied(claim.kind)).map(|claim| title(claim));
            let titles: BTreeSet<String> = titles.collect();
            let who = trusted.map(str::to_owned);
            rows.push(Row { seen: seen.clone(), who, claims: titles.into_iter().collect(), state });
        }
        rows.sort_by_key(|row| (row.seen.address, row.seen.after.is_none(), row.seen.after));
        Self {
            interface: observed.interface.clone(),
            at: observed.at.clone(),
            asked: observed.asked.iter().collect(),
            segments: map::segments(world, observed, &rows),
            rows,
            run: None,
        }
    }
}

const fn is_implied(kind: ClaimKind) -> bool {
    matches!(kind, ClaimKind::NetworkAddress | ClaimKind::BroadcastAddress | ClaimKind::Requested)
}

/// `pool main-pool`, `reserved nas`.
fn title(claim: &Claim) -> String {
    if claim.kind == ClaimKind::Gateway {
        return "gateway".to_owned();
    }
    let kind = match claim.kind {
        ClaimKind::Pool => "pool",
        ClaimKind::DynamicRange => "dhcp range",
        ClaimKind::Reservation => "reserved",
        ClaimKind::DnsServer => "dns",
        ClaimKind::Node => "",
        ClaimKind::Host => "host",
        _ => "claimed by",
    };
    let owner = claim.owner.rsplit('/').next().unwrap_or(&claim.owner);
    format!("{kind} {owner}").trim().to_owned()
}
