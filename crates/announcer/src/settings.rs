//! What an announcer is told at its start.

use std::net::IpAddr;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::liveness::Key;

/// Longest name of a node, in octets.
pub const MAX_NAME: usize = 63;
/// Most addresses of one announcer: what its rosters can say in 64 frames.
pub const MAX_ADDRESSES: usize = 3072;

/// The times that decide how soon a dead owner is replaced.
///
/// Let `beat`, `fence` and `dead` be these times. An owner answers only while its latest beat left less than `fence` ago;
/// the others replace it when they have heard nothing of it for `dead`. With `fence + beat < dead` an owner that stood
/// still is silent before anyone replaces it. Both judge by their own monotonic clock alone, so clocks may differ as they like; their
/// rates may differ by `(dead - fence) / dead`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// A beat leaves so often.
    pub beat: Duration,
    /// After so long without a sign of life a node is asked for one.
    pub suspect: Duration,
    /// After so long without sending a beat a node stops answering.
    pub fence: Duration,
    /// After so long without a sign of life a node is replaced.
    pub dead: Duration,
}

impl Timing {
    /// For ordinary wired LANs: some 17 beats a second, a dead owner is replaced after 0.20 to 0.26 s.
    pub const DEFAULT: Self = Self::millis(60, 140, 180, 260);
    /// For wired LANs whose machines are never busy for long: 83 beats a second, replaced after 0.04 to 0.055 s.
    pub const FAST: Self = Self::millis(12, 28, 38, 54);
    /// For Wi-Fi and busy machines: 4 beats a second, replaced after 0.95 to 1.2 s.
    pub const CALM: Self = Self::millis(250, 600, 850, 1200);

    const fn millis(beat: u64, suspect: u64, fence: u64, dead: u64) -> Self {
        Self {
            beat: Duration::from_millis(beat),
            suspect: Duration::from_millis(suspect),
            fence: Duration::from_millis(fence),
            dead: Duration::from_millis(dead),
        }
    }

    fn check(&self) -> Result<()> {
        let refuse = |what, must| Err(Error::Timing { what, must });
        if self.beat < Duration::from_millis(5) {
            return refuse("beat", "at least 5 ms");
        }
        if self.suspect <= self.beat {
            return refuse("suspect", "longer than beat");
        }
        if self.fence < 2 * self.beat {
            return refuse("fence", "at least twice beat");
        }
        if self.dead <= self.suspect {
            return refuse("dead", "longer than suspect");
        }
        if self.fence + self.beat >= self.dead {
            return refuse("dead", "longer than fence and beat together");
        }
        if self.dead > Duration::from_secs(60) {
            return refuse("dead", "at most 60 s");
        }
        Ok(())
    }

    /// How long a node that starts, or that stood still, listens before it owns anything.
    pub fn listen(&self) -> Duration {
        self.dead + self.beat
    }

    /// An address that had an owner until so lately is taken over without a probe.
    pub(crate) fn failover_window(&self) -> Duration {
        (10 * self.dead).max(Duration::from_secs(5))
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What to do when a machine that is no node claims an owned address (RFC 5227 section 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Defence {
    /// (c): announce at most once in 10 s, and keep the address. For addresses that others rely on.
    #[default]
    Always,
    /// (b): announce once; give the address up if it is claimed again within 10 s.
    Once,
    /// (a): give it up at once.
    Yield,
}

/// Whether owners move addresses that nobody needs to have moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rebalance {
    /// Never: a node that joins takes nothing away.
    #[default]
    Never,
    /// What a node owns beyond the bound of [`crate::election`] is handed over, gapless, after 30 s of quiet.
    Excess,
    /// Addresses return to the node that ranks first ("fail-back"), gapless, after 30 s of quiet.
    Preferred,
}

/// Allocation probes: Address Conflict Detection, RFC 5227 section 2.1 and RFC 4862 section 5.4, at LAN speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probing {
    /// Probes sent.
    pub count: u8,
    /// Time after each of them, jittered by a fifth.
    pub spacing: Duration,
    /// An address that was found in use is probed again after this.
    pub retry: Duration,
}

impl Default for Probing {
    /// Three probes, 110 ms apart: what Apple's and Sun's hosts have long used; RFC 5227's own times are for unknown links.
    fn default() -> Self {
        Self { count: 3, spacing: Duration::from_millis(110), retry: Duration::from_secs(30) }
    }
}

/// Unsolicited announcements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announcing {
    /// Rounds for an address that changes its owner. Three at most: RFC 4861 section 7.2.6.
    pub rounds: u8,
    /// Time between them: more than Linux' locktime and RetransTimer, both one second.
    pub spacing: Duration,
    /// Frames a second, all addresses together.
    pub max_pps: u32,
    /// Frames that may leave at once.
    pub burst: u32,
    /// One more round this often for every owned address.
    pub refresh: Option<Duration>,
}

impl Default for Announcing {
    fn default() -> Self {
        Self { rounds: 3, spacing: Duration::from_millis(1100), max_pps: 1000, burst: 30, refresh: None }
    }
}

/// What an announcer is told at its start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This node's name: the same after a restart, different on every machine.
    pub name: String,
    /// Only nodes of one cluster hear each other; several may share a segment.
    pub cluster: String,
    /// The secret that all nodes of the cluster share.
    pub key: Key,
    /// Names of the nodes that are listened to; empty: all that have the key.
    pub peers: Vec<String>,
    /// How soon a dead owner is replaced. The same on all nodes.
    pub timing: Timing,
    /// What to do about foreign claims.
    pub defence: Defence,
    /// Whether addresses move without need.
    pub rebalance: Rebalance,
    /// Probes before an address is owned for the first time.
    pub probing: Probing,
    /// Unsolicited announcements.
    pub announcing: Announcing,
    /// A number that this node never had before and nobody can guess: 64 random bits from the system.
    pub incarnation: u64,
    /// A deliberate fault, for the simulator's own tests.
    #[cfg(feature = "sim")]
    pub mutation: Option<crate::sim::Mutation>,
}

impl Settings {
    /// Settings with the defaults of every part.
    pub fn new(name: &str, cluster: &str, key: Key, incarnation: u64) -> Self {
        Self {
            name: name.to_owned(),
            cluster: cluster.to_owned(),
            key,
            peers: Vec::new(),
            timing: Timing::DEFAULT,
            defence: Defence::default(),
            rebalance: Rebalance::default(),
            probing: Probing::default(),
            announcing: Announcing::default(),
            incarnation,
            #[cfg(feature = "sim")]
            mutation: None,
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.name.is_empty() || self.name.len() > MAX_NAME {
            return Err(Error::Name { name: self.name.clone(), most: MAX_NAME });
        }
        self.timing.check()?;
        let refuse = |what, must| Err(Error::Timing { what, must });
        if self.probing.count == 0 || self.probing.spacing < Duration::from_millis(20) {
            return refuse("probing", "at least one probe, and 20 ms for its answer");
        }
        if !(1..=3).contains(&self.announcing.rounds) || self.announcing.spacing <= Duration::from_secs(1) {
            return refuse("announcing", "one to three rounds more than 1 s apart");
        }
        if self.announcing.max_pps < 10 || self.announcing.burst < 2 {
            return refuse("announcing", "at least 10 frames a second, two at once");
        }
        Ok(())
    }
}

/// An address that this node may own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// The address.
    pub address: IpAddr,
    /// Nodes with a higher weight are preferred. Zero everywhere is an even spread.
    pub weight: i16,
    /// Traffic for it can be served here: its health check is good, its endpoints are here.
    pub ready: bool,
    /// Keep an owner while it is ready nowhere, so that it never looks free.
    pub hold: bool,
    /// Goes wherever this other address goes, without a gap, if it can: what clients use together is to be in one place. The
    /// other is wanted, too, and follows none itself.
    pub with: Option<IpAddr>,
}

impl Want {
    /// An address that is ready here, held, and follows no other.
    pub const fn new(address: IpAddr) -> Self {
        Self { address, weight: 0, ready: true, hold: true, with: None }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let bad = match self.address {
            IpAddr::V4(a) => a.is_unspecified() || a.is_multicast() || a.is_broadcast() || a.is_loopback(),
            IpAddr::V6(a) => a.is_unspecified() || a.is_multicast() || a.is_loopback(),
        };
        if bad { Err(Error::Address { address: self.address }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_allow_two_owners_are_refused() {
        for timing in [Timing::DEFAULT, Timing::FAST, Timing::CALM] {
            timing.check().unwrap();
            assert!(Timing { dead: timing.fence + timing.beat, ..timing }.check().is_err());
            assert!(Timing { fence: timing.beat, ..timing }.check().is_err());
        }
    }

    #[test]
    fn what_no_machine_owns_is_refused() {
        for text in ["0.0.0.0", "224.0.0.1", "255.255.255.255", "127.0.0.1", "::", "ff02::1", "::1"] {
            assert!(Want::new(text.parse().unwrap()).check().is_err(), "{text}");
        }
        Want::new("192.168.1.240".parse().unwrap()).check().unwrap();
    }
}
