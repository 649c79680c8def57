//! What the owner of an address does when a machine that is no node claims it (RFC 5227 section 2.4).

use std::time::Duration;

use poolcheck_lan::Timestamp;

use crate::settings::Defence;

/// DEFEND_INTERVAL of RFC 5227 section 1.1.
const INTERVAL: Duration = Duration::from_secs(10);

/// What to do about a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// One announcement.
    Defend,
    /// Nothing: it was defended within the last 10 s.
    Endure,
    /// Give the address up.
    Yield,
}

/// What happened to one owned address lately.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Defender {
    defended: Option<Timestamp>,
}

impl Defender {
    pub(crate) fn on_claim(&mut self, now: Timestamp, policy: Defence) -> Action {
        let lately = self.defended.is_some_and(|at| now.since(at) < INTERVAL);
        match (policy, lately) {
            (Defence::Yield, _) | (Defence::Once, true) => Action::Yield,
            (Defence::Always, true) => Action::Endure,
            (Defence::Once | Defence::Always, false) => {
                self.defended = Some(now);
                Action::Defend
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(policy: Defence) -> Vec<Action> {
        let mut defender = Defender::default();
        [0, 1, 9_999, 10_000].map(|at| defender.on_claim(Timestamp::from_millis(at), policy)).to_vec()
    }

    #[test]
    fn the_three_policies_of_rfc_5227() {
        use Action::{Defend, Endure, Yield};
        assert_eq!(actions(Defence::Always), [Defend, Endure, Endure, Defend]);
        assert_eq!(actions(Defence::Once), [Defend, Yield, Yield, Defend]);
        assert_eq!(actions(Defence::Yield), [Yield; 4]);
    }
}
