//! What the rules about the wire share: which pool an address is of, and how to say who has it.

use std::net::IpAddr;

use poolcheck_manifest::kinds::pool::{Pool, PoolEntry};
use poolcheck_plan::Span;
use poolcheck_plan::observed::{Observed, Seen};

use crate::words::list;
use crate::world::World;

/// Where an address comes into question for a pool.
pub(crate) enum Candidate<'w, 'a> {
    /// A pool has it.
    Pool(&'w Pool<'a>, &'w PoolEntry<'a>),
    /// Somebody considers it.
    Considered(Span),
}

impl<'a> Candidate<'_, 'a> {
    /// `192.168.1.50 of pool main-pool`, `192.168.1.50`.
    pub(crate) fn title(&self, address: IpAddr) -> String {
        match self {
            Self::Pool(pool, _) => format!("{address} of pool {}", pool.name),
            Self::Considered(_) => format!("{address}, which is considered for a pool,"),
        }
    }

    /// What that place says.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Pool(..) => "the cluster hands out these addresses",
            Self::Considered(_) => "considered for a pool",
        }
    }

    /// The place that makes it one.
    pub(crate) fn place(&self) -> Span {
        match self {
            Self::Pool(_, entry) => entry.value.span(),
            Self::Considered(place) => *place,
        }
    }

    /// The pool, when it is one's.
    pub(crate) fn pool(&self) -> Option<&Pool<'a>> {
        match self {
            Self::Pool(pool, _) => Some(pool),
            Self::Considered(_) => None,
        }
    }
}

/// The pool that an address is of, or the range in which it is considered.
pub(crate) fn candidate<'w, 'a>(
    world: &'w World<'a>,
    observed: &Observed,
    address: IpAddr,
) -> Option<Candidate<'w, 'a>> {
    let of_pools = world.pools.iter().find_map(|pool| {
        let entry = pool.entries.iter().find(|entry| entry.range().is_some_and(|range| range.contains(address)))?;
        Some(Candidate::Pool(pool, entry))
    });
    let considered = || {
        let found = observed.considered.iter().find(|(range, _)| range.contains(address));
        found.map(|(_, place)| Candidate::Considered(*place))
    };
    of_pools.or_else(considered)
}

/// The owners by name: `node n1`, `3c:06:30:00:00:9a (Apple)`.
pub(crate) fn names(observed: &Observed, owners: &[&Seen]) -> String {
    let name =
        |seen: &&Seen| observed.trusted(&seen.mac).map_or_else(|| seen.who(), |who| format!("{who} ({})", seen.mac));
    list(&owners.iter().map(name).collect::<Vec<_>>(), 4)
}

/// How an owner was seen, for a label: `answers, 0.4 ms after the question`.
pub(crate) fn how(seen: &Seen) -> String {
    match seen.after {
        Some(after) => format!("answers, {:.1} ms after the question", after.as_secs_f64() * 1000.0),
        None => "speaks with this address".to_owned(),
    }
}
