//! What is left of a pool: stretches of free addresses, in the order in which they are used up.

use std::collections::BTreeMap;
use std::net::IpAddr;

use poolcheck_plan::{Family, number};

use super::Pool;
use super::pool::is_buggy;

/// Free stretches: (place of the range in the pool, first address) to last address. Each has an address that may be handed
/// out: those of nothing but addresses to be avoided are left out.
type Stretches = BTreeMap<(usize, u128), u128>;

#[derive(Debug, Clone, Default)]
pub(super) struct Free {
    v4: Stretches,
    v6: Stretches,
}

impl Free {
    pub(super) fn new(pool: &Pool) -> Self {
        let mut free = Self::default();
        for (place, range) in pool.ranges.iter().enumerate() {
            let stretch = ((place, range.first_number()), range.last_number());
            free.insert(pool, range.family(), stretch);
        }
        free
    }

    const fn of(&self, family: Family) -> &Stretches {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    const fn of_mut(&mut self, family: Family) -> &mut Stretches {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }

    fn insert(&mut self, pool: &Pool, family: Family, (key, last): ((usize, u128), u128)) {
        if first_open(pool, family, key.1, last).is_some() {
            self.of_mut(family).insert(key, last);
        }
    }

    /// The first free address of a family that may be handed out.
    pub(super) fn first(&self, family: Family, pool: &Pool) -> Option<(usize, IpAddr)> {
        let ((place, first), last) = self.of(family).first_key_value()?;
        first_open(pool, family, *first, *last).map(|address| (*place, address))
    }

    pub(super) fn take(&mut self, pool: &Pool, address: IpAddr) {
        let (family, place, at) = (Family::of(address), pool.place(address), number(address));
        let stretch = self.of(family).range(..=(place, at)).next_back().map(|(key, last)| (*key, *last));
        let Some((key, last)) = stretch.filter(|(key, last)| key.0 == place && *last >= at) else { return };
        self.of_mut(family).remove(&key);
        if key.1 < at {
            self.insert(pool, family, (key, at - 1));
        }
        if at < last {
            self.insert(pool, family, ((place, at + 1), last));
        }
    }

    pub(super) fn give(&mut self, pool: &Pool, address: IpAddr) {
        let (family, place, at) = (Family::of(address), pool.place(address), number(address));
        if place == usize::MAX {
            return;
        }
        let stretches = self.of_mut(family);
        let (mut first, mut last) = (at, at);
        let before = stretches.range(..=(place, at)).next_back().map(|(key, end)| (*key, *end));
        if let Some((key, end)) = before.filter(|(key, _)| key.0 == place) {
            if end >= at {
                return;
            }
            if end + 1 == at {
                first = key.1;
            }
        }
        if let Some(end) = at.checked_add(1).and_then(|next| stretches.remove(&(place, next))) {
            last = end;
        }
        self.insert(pool, family, ((place, first), last));
    }

    /// How many addresses could be handed out.
    pub(super) fn count(&self, family: Family, pool: &Pool) -> u128 {
        self.of(family).iter().fold(0, |sum: u128, ((_, first), last)| {
            let size = (last - first).saturating_add(1);
            let avoided = if pool.avoid_buggy && family == Family::V4 {
                // Numbers below n that end in 0, and in 255.
                let below = |n: u128| n.div_ceil(256) + n / 256;
                below(last + 1) - below(*first)
            } else {
                0
            };
            sum.saturating_add(size - avoided)
        })
    }
}

/// The first address of a stretch that may be handed out: of neighbours at most two are avoided, .255 and .0.
fn first_open(pool: &Pool, family: Family, first: u128, last: u128) -> Option<IpAddr> {
    let open = (first..=last).take(3).map(|number| family.address(number));
    open.into_iter().find(|address| !(pool.avoid_buggy && is_buggy(*address)))
}
