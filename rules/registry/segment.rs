//! Where pools lie with respect to the known segments.

use ipnet::IpNet;
use poolcheck_manifest::kinds::pool::PoolEntry;
use poolcheck_plan::facts::Sourced;
use poolcheck_plan::{AddrRange, AddrSet};

use crate::world::World;

/// A pool range that does not lie wholly inside one segment.
pub(crate) enum Position<'w, 'a> {
    /// It meets no known subnet of its family.
    Outside {
        /// The pool's index.
        index: usize,
        /// The entry.
        entry: &'w PoolEntry<'a>,
        /// Its range.
        range: AddrRange,
        /// The subnets of its family.
        subnets: Vec<&'w Sourced<IpNet>>,
    },
    /// It begins or ends outside the subnets it meets.
    Partly {
        /// The pool's index.
        index: usize,
        /// The entry.
        entry: &'w PoolEntry<'a>,
        /// Its range.
        range: AddrRange,
        /// The subnet it meets.
        subnet: &'w Sourced<IpNet>,
        /// What lies inside.
        inside: AddrRange,
    },
}

/// The ranges that do not lie inside the known segments, of pools that are announced by Layer 2.
///
/// A family of which no subnet is known is not judged. Adjacent subnets that a range spans count as inside.
pub(crate) fn positions<'w, 'a>(world: &'w World<'a>) -> Vec<Position<'w, 'a>> {
    let all: Vec<&Sourced<IpNet>> = world.facts.segments.iter().flat_map(|segment| &segment.subnets).collect();
    let covered: AddrSet = all.iter().map(|subnet| AddrRange::from_net(subnet.value)).collect();
    let mut positions = Vec::new();
    for (index, pool) in world.pools.iter().enumerate().filter(|(_, pool)| !world.only_bgp(pool)) {
        for entry in &pool.entries {
            let Some(range) = entry.range() else { continue };
            let subnets: Vec<_> =
                all.iter().copied().filter(|s| AddrRange::from_net(s.value).family() == range.family()).collect();
            if subnets.is_empty() || covered.covers(range) {
                continue;
            }
            let met = subnets.iter().find_map(|s| Some((*s, AddrRange::from_net(s.value).intersection(range)?)));
            positions.push(match met {
                Some((subnet, inside)) => Position::Partly { index, entry, range, subnet, inside },
                None => Position::Outside { index, entry, range, subnets },
            });
        }
    }
    positions
}
