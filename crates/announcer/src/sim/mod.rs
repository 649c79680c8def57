//! The deterministic simulator: many nodes, a LAN in memory, virtual time.
//!
//! The nodes are real [`Announcer`](crate::Announcer)s. The LAN loses, delays, repeats and reorders frames, splits in both
//! directions or one, and carries clients, squatters, a DHCP server and an attacker beside them. Processes freeze, crawl,
//! crash and restart; every node has its own clock, which runs fast or slow. A [`Scenario`] and its seed decide all of it:
//! the same seed is the same run, byte for byte.
//!
//! While a run goes on, [`invariants`] are checked from what is seen on the wire and in the processes, not from what a node believes
//! of itself. A violation ends the run with a [`Timeline`] that a person can follow. [`Mutation`]s break the nodes on
//! purpose; each must be caught.
//!
//! ```
//! use poolcheck_announcer::sim::{Scenario, run};
//!
//! let report = run(&Scenario::random(42));
//! assert!(report.violation.is_none(), "{}", report.timeline);
//! assert_eq!(report.digest, run(&Scenario::random(42)).digest);
//! ```

mod actors;
pub mod invariants;
mod network;
mod random;
mod scenario;
mod timeline;
mod world;

use poolcheck_lan::wire::MacAddr;

use crate::liveness::{GROUP, Key, sealed};
pub use invariants::Violation;
pub use network::is_open;
pub use scenario::{Conditions, Fault, Scenario};
pub use timeline::{Line, Timeline};
pub use world::{Report, run};

/// A frame that proves itself to the nodes of a cluster, whatever it says: `said` are the bytes of a message behind its magic
/// word, of which 1300 are kept. For fuzzing what an insider could do.
pub fn authentic(key: &Key, cluster: &str, from: MacAddr, said: &[u8]) -> Vec<u8> {
    let mut message = b"PCA1\0\0\0\0".to_vec();
    let kind = said.len().min(2);
    message[4..4 + kind].copy_from_slice(&said[..kind]);
    message.extend(said.iter().skip(2).take(1300));
    sealed(message, &key.for_cluster(cluster), from, GROUP)
}

/// A deliberate fault of the nodes: what the invariants must catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mutation {
    /// Does not notice that it stood still.
    NeverFences,
    /// Answers what waited while it stood still.
    AnswersTheQueue,
    /// Takes part without having listened.
    NeverListens,
    /// Takes addresses without a probe.
    NeverProbes,
    /// Takes addresses that somebody answered for.
    IgnoresProbeAnswers,
    /// Keeps an address though another node's claim is better.
    NeverYields,
    /// Gives an address up for any other claim.
    AlwaysYields,
    /// Never takes over from a dead owner.
    NeverTakesOver,
    /// Answers for addresses of others.
    AnswersForAll,
    /// Owns, and does not answer.
    AnswersNothing,
    /// Announces nothing.
    NeverAnnounces,
    /// Announces everything whenever anything changes.
    AnnouncesAlways,
    /// Announces without a cap.
    NoRateCap,
    /// Does not see that others claim its addresses.
    IgnoresForeignClaims,
    /// Moves addresses back to whoever ranks first.
    FailsBack,
    /// Takes nodes for dead after a beat or two.
    Impatient,
    /// Believes recorded beats.
    BelievesRecordings,
    /// Leaves caches as they are after a healed split.
    NeverRepairs,
    /// Leaves addresses where they are when the one goes that they follow.
    FollowsNobody,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::NeverFences,
        Self::AnswersTheQueue,
        Self::NeverListens,
        Self::NeverProbes,
        Self::IgnoresProbeAnswers,
        Self::NeverYields,
        Self::AlwaysYields,
        Self::NeverTakesOver,
        Self::AnswersForAll,
        Self::AnswersNothing,
        Self::NeverAnnounces,
        Self::AnnouncesAlways,
        Self::NoRateCap,
        Self::IgnoresForeignClaims,
        Self::FailsBack,
        Self::Impatient,
        Self::BelievesRecordings,
        Self::NeverRepairs,
        Self::FollowsNobody,
    ];
}
