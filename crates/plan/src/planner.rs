//! The cure: where a pool can safely go, and what the router must give up for it.
//!
//! Everything is computed on gaps between ranges, never on addresses, so that an IPv6 prefix costs no more than a /24.
//! The same inputs give the same answer in any order.

use std::cmp::Reverse;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::range::{AddrRange, Family};
use crate::set::AddrSet;

/// Beyond this distance from a dynamic range, farther is not better.
const MARGIN: u128 = 16;

/// The space a pool is looked for in.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The segment's subnet.
    pub subnet: IpNet,
    /// What can never be used: gateway, nodes, reservations, other pools …
    pub occupied: AddrSet,
    /// What a DHCP server leases.
    pub dynamic: Vec<AddrRange>,
}

/// What is wished for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// How many addresses, at least 1.
    pub size: u128,
    /// Addresses that Services ask for: kept if possible.
    pub keep: AddrSet,
    /// The pool as it is: the new one stays near if possible.
    pub current: Option<AddrRange>,
}

/// How DHCP ranges must be cut.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shrink {
    /// The ranges to cut.
    pub cuts: Vec<Cut>,
    reserved: Vec<(IpAddr, String)>,
}

/// One DHCP range, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The range as it is.
    pub from: AddrRange,
    /// The range as it must be; `None` when nothing of it can stay.
    pub to: Option<AddrRange>,
    /// Another, smaller part that could stay instead.
    pub alternative: Option<AddrRange>,
}

impl Cut {
    /// How many addresses the router no longer leases.
    pub fn given_up(&self) -> u128 {
        self.from.size() - self.to.map_or(0, AddrRange::size)
    }
}

impl Shrink {
    /// How many addresses the router no longer leases.
    pub fn given_up(&self) -> u128 {
        self.cuts.iter().fold(0, |sum, cut| sum.saturating_add(cut.given_up()))
    }

    /// Reservations in what is given up: many routers allow them only inside the range.
    pub fn in_the_way(&self) -> impl Iterator<Item = &(IpAddr, String)> {
        self.reserved.iter()
    }

    fn new(cuts: Vec<Cut>, reservations: &[(IpAddr, String)]) -> Self {
        let lost = |address: IpAddr| {
            cuts.iter().any(|cut| cut.from.contains(address) && !cut.to.is_some_and(|to| to.contains(address)))
        };
        let mut reserved: Vec<_> = reservations.iter().filter(|(address, _)| lost(*address)).cloned().collect();
        reserved.sort();
        reserved.dedup();
        Self { cuts, reserved }
    }
}

impl Ground {
    /// The subnet without what no machine can have: network and broadcast address (IPv4 up to /30), subnet-router anycast
    /// (RFC 4291 section 2.6.1).
    pub fn usable(&self) -> AddrSet {
        let whole = AddrRange::from_net(self.subnet);
        let (first, last) = (whole.first_number(), whole.last_number());
        let inner = match whole.family() {
            Family::V4 if self.subnet.prefix_len() <= 30 => AddrRange::from_numbers(Family::V4, first + 1, last - 1),
            Family::V6 if self.subnet.prefix_len() <= 126 => AddrRange::from_numbers(Family::V6, first + 1, last),
            _ => Some(whole),
        };
        inner.map(AddrSet::from).unwrap_or_default().difference(&self.occupied)
    }

    /// What nobody claims today.
    pub fn free(&self) -> AddrSet {
        self.usable().difference(&self.dynamic.iter().copied().collect())
    }
}

/// The best range of exactly `wish.size` addresses that nobody claims; `None` when no gap is large enough.
///
/// Best is, in this order: it keeps the most requested addresses; it shares the most with the pool as it is; it stays up
/// to 16 addresses away from what DHCP leases; it begins on a CIDR boundary of its size; it lies highest.
pub fn safe_pool(ground: &Ground, wish: &Wish) -> Option<AddrRange> {
    let free = ground.free();
    let candidates = free.iter().flat_map(|gap| candidates(gap, wish));
    candidates.max_by_key(|range| score(*range, ground, wish))
}

fn score(range: AddrRange, ground: &Ground, wish: &Wish) -> (u128, u128, u128, bool, u128) {
    let kept = wish.keep.intersection(&range.into()).size(range.family());
    let shared = wish.current.and_then(|current| current.intersection(range)).map_or(0, AddrRange::size);
    let margin = ground.dynamic.iter().map(|dynamic| distance(range, *dynamic)).min().unwrap_or(MARGIN).min(MARGIN);
    (kept, shared, margin, aligned(range.first_number(), wish.size), range.first_number())
}

fn distance(a: AddrRange, b: AddrRange) -> u128 {
    if a.family() != b.family() {
        return MARGIN;
    }
    let below = b.first_number().saturating_sub(a.last_number());
    below.max(a.first_number().saturating_sub(b.last_number()))
}

/// The block size that holds `size` addresses.
fn block(size: u128) -> u128 {
    size.checked_next_power_of_two().unwrap_or(1 << 127)
}

fn aligned(first: u128, size: u128) -> bool {
    first.is_multiple_of(block(size))
}

/// The few starts in a gap of which one is best: its ends, its CIDR boundaries, the current pool, the requested addresses.
fn candidates(gap: AddrRange, wish: &Wish) -> Vec<AddrRange> {
    let size = wish.size.max(1);
    if gap.size() < size {
        return Vec::new();
    }
    let (low, high) = (gap.first_number(), gap.last_number() - (size - 1));
    let block = block(size);
    let mut starts = vec![low, high, high - high % block];
    starts.extend(low.checked_next_multiple_of(block));
    // One margin away from either end, on a boundary or not.
    let (inner_low, inner_high) = (low.saturating_add(MARGIN), high.saturating_sub(MARGIN));
    starts.extend([inner_low, inner_high, inner_high - inner_high % block]);
    starts.extend(inner_low.checked_next_multiple_of(block));
    starts.extend(wish.current.filter(|c| c.family() == gap.family()).map(AddrRange::first_number));
    for keep in wish.keep.iter().filter(|keep| keep.family() == gap.family()) {
        starts.push(keep.first_number());
        starts.push(keep.last_number().saturating_sub(size - 1));
    }
    let mut clamped: Vec<u128> = starts.into_iter().map(|start| start.clamp(low, high)).collect();
    clamped.sort_unstable();
    clamped.dedup();
    clamped.into_iter().filter_map(|s| AddrRange::from_numbers(gap.family(), s, s + (size - 1))).collect()
}

/// The smallest cut of the DHCP ranges that frees a pool as it is.
///
/// A router has one contiguous range, so a range that is cut in its middle keeps its larger side.
pub fn shrink_to_free(ground: &Ground, pool: &AddrSet, reservations: &[(IpAddr, String)]) -> Shrink {
    let mut dynamic = ground.dynamic.clone();
    dynamic.sort_unstable();
    dynamic.dedup();
    let cuts = dynamic.into_iter().filter(|range| pool.meets(*range)).map(|from| {
        let mut sides: Vec<AddrRange> = pool.complement_in(from).into_iter().collect();
        sides.sort_by_key(|side| (Reverse(side.size()), *side));
        Cut { from, to: sides.first().copied(), alternative: sides.get(1).copied() }
    });
    Shrink::new(cuts.collect(), reservations)
}

/// When nothing is free: the smallest cut of one DHCP range after which a pool of the wished size fits, and that pool.
///
/// The high end of a range is cut before its low end, as people do. The pool begins on a CIDR boundary where that costs
/// the router fewer addresses than the pool has.
pub fn shrink_for_size(ground: &Ground, wish: &Wish, reservations: &[(IpAddr, String)]) -> Option<(Shrink, AddrRange)> {
    let mut dynamic = ground.dynamic.clone();
    dynamic.sort_unstable();
    dynamic.dedup();
    let high = dynamic.iter().filter_map(|range| cut_high(ground, *range, wish.size.max(1)));
    let best = high.min_by_key(|(cut, pool)| (cut.given_up(), Reverse(*pool)));
    let low = || {
        let low = dynamic.iter().filter_map(|range| cut_low(ground, *range, wish.size.max(1)));
        low.min_by_key(|(cut, pool)| (cut.given_up(), *pool))
    };
    let (cut, pool) = best.or_else(low)?;
    Some((Shrink::new(vec![cut], reservations), pool))
}

/// What could be used if this one range were not leased.
fn without(ground: &Ground, range: AddrRange) -> AddrSet {
    ground.usable().difference(&ground.dynamic.iter().copied().filter(|other| *other != range).collect())
}

fn cut_high(ground: &Ground, range: AddrRange, size: u128) -> Option<(Cut, AddrRange)> {
    let family = range.family();
    let start = without(ground, range).iter().rev().find_map(|block| {
        let start = (block.size() >= size).then(|| block.last_number() - (size - 1))?;
        let boundary = start - start % self::block(size);
        let cheap = boundary >= block.first_number() && start - boundary < size;
        let start = if cheap { boundary } else { start };
        // A block that ends below the range is not freed by cutting its high end.
        (block.last_number() >= range.first_number()).then_some(start)
    })?;
    let to = start.checked_sub(1).and_then(|last| AddrRange::from_numbers(family, range.first_number(), last));
    let to = to.and_then(|to| to.intersection(range));
    let pool = AddrRange::from_numbers(family, start, start + (size - 1))?;
    Some((Cut { from: range, to, alternative: None }, pool))
}

fn cut_low(ground: &Ground, range: AddrRange, size: u128) -> Option<(Cut, AddrRange)> {
    let family = range.family();
    let start = without(ground, range).iter().find_map(|block| {
        (block.size() >= size && block.first_number() <= range.last_number()).then(|| block.first_number())
    })?;
    let pool = AddrRange::from_numbers(family, start, start + (size - 1))?;
    let next = pool.last_number().checked_add(1);
    let to = next.and_then(|first| AddrRange::from_numbers(family, first, range.last_number()));
    Some((Cut { from: range, to: to.and_then(|to| to.intersection(range)), alternative: None }, pool))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::syntax::parse_range;

    fn range(text: &str) -> AddrRange {
        parse_range(text).expect("a range")
    }

    fn ground(subnet: &str, occupied: &[&str], dynamic: &[&str]) -> Ground {
        Ground {
            subnet: subnet.parse().expect("a prefix"),
            occupied: occupied.iter().map(|r| range(r)).collect(),
            dynamic: dynamic.iter().map(|r| range(r)).collect(),
        }
    }

    fn wish(size: u128) -> Wish {
        Wish { size, keep: AddrSet::new(), current: None }
    }

    fn safe(ground: &Ground, wish: &Wish) -> Option<String> {
        safe_pool(ground, wish).map(|range| range.to_string())
    }

    #[test]
    fn the_story() {
        let before = ground("192.168.1.0/24", &["192.168.1.1"], &["192.168.1.2-192.168.1.253"]);
        assert_eq!(safe(&before, &wish(11)), None);
        let (shrink, pool) = shrink_for_size(&before, &wish(11), &[]).expect("DHCP can give way");
        assert_eq!(pool.to_string(), "192.168.1.240-192.168.1.250");
        assert_eq!(shrink.cuts[0].to, Some(range("192.168.1.2-192.168.1.239")));
        let stay = shrink_to_free(&before, &range("192.168.1.50-192.168.1.60").into(), &[]);
        assert_eq!(stay.cuts[0].to, Some(range("192.168.1.61-192.168.1.253")));
        assert_eq!(stay.cuts[0].alternative, Some(range("192.168.1.2-192.168.1.49")));
        assert_eq!(stay.given_up(), 59);
        let after = ground("192.168.1.0/24", &["192.168.1.1"], &["192.168.1.2-192.168.1.120"]);
        assert_eq!(safe(&after, &wish(11)).as_deref(), Some("192.168.1.240-192.168.1.250"));
        assert_eq!(safe(&after, &wish(6)).as_deref(), Some("192.168.1.248-192.168.1.253"));
    }

    #[test]
    fn requested_addresses_are_kept_and_the_pool_stays_near() {
        let ground = ground("10.0.0.0/24", &["10.0.0.1"], &["10.0.0.100-10.0.0.199"]);
        let keep = Wish { keep: range("10.0.0.30").into(), ..wish(8) };
        assert!(safe_pool(&ground, &keep).is_some_and(|pool| pool.covers(range("10.0.0.30"))));
        let near = Wish { current: Some(range("10.0.0.95-10.0.0.104")), ..wish(10) };
        assert_eq!(safe(&ground, &near).as_deref(), Some("10.0.0.90-10.0.0.99"));
    }

    #[test]
    fn reservations_in_the_way_are_named() {
        let ground = ground("10.0.0.0/24", &["10.0.0.1"], &["10.0.0.2-10.0.0.254"]);
        let nas = (range("10.0.0.20").first(), "nas".to_owned());
        let stay = shrink_to_free(&ground, &range("10.0.0.50-10.0.0.60").into(), std::slice::from_ref(&nas));
        assert_eq!(stay.in_the_way().collect::<Vec<_>>(), [&nas]);
    }

    #[test]
    fn ipv6_costs_no_more() {
        let ground = ground("fd00:1::/64", &["fd00:1::1"], &["fd00:1::1000-fd00:1::2000"]);
        let pool = safe_pool(&ground, &wish(1 << 16)).expect("there is room");
        assert_eq!(pool.size(), 1 << 16);
        assert!(aligned(pool.first_number(), 1 << 16));
    }

    fn any_ground() -> impl Strategy<Value = Ground> {
        let ranges = |most: usize| prop::collection::vec((0..64u128, 0..20u128), 0..most);
        (any::<bool>(), ranges(5), ranges(3)).prop_map(|(v6, occupied, dynamic)| {
            let subnet: IpNet = if v6 { "fd00::/122" } else { "10.9.8.192/26" }.parse().expect("a prefix");
            let whole = AddrRange::from_net(subnet);
            let make = |list: Vec<(u128, u128)>| -> Vec<AddrRange> {
                let at = |n: u128| whole.first_number() + n.min(63);
                list.into_iter()
                    .filter_map(|(start, length)| {
                        AddrRange::from_numbers(whole.family(), at(start), at(start + length))
                    })
                    .collect()
            };
            let dynamic: AddrSet = make(dynamic).into_iter().collect();
            Ground { subnet, occupied: make(occupied).into_iter().collect(), dynamic: dynamic.into_iter().collect() }
        })
    }

    proptest! {
        #[test]
        fn a_suggestion_never_meets_a_claim(ground in any_ground(), size in 1..20u128, at in 0..50u128) {
            let whole = AddrRange::from_net(ground.subnet);
            let current = AddrRange::from_numbers(whole.family(), whole.first_number() + at, whole.first_number() + at + 9);
            let wish = Wish { current, ..wish(size) };
            let free = ground.free();
            match safe_pool(&ground, &wish) {
                Some(pool) => {
                    prop_assert_eq!(pool.size(), size);
                    prop_assert!(free.covers(pool) && whole.covers(pool));
                    let mut shuffled = ground.clone();
                    shuffled.dynamic.reverse();
                    prop_assert_eq!(safe_pool(&shuffled, &wish), Some(pool));
                }
                None => prop_assert!(free.iter().all(|gap| gap.size() < size)),
            }
        }

        #[test]
        fn the_best_overlap_is_found(ground in any_ground(), size in 1..12u128, at in 0..50u128) {
            let whole = AddrRange::from_net(ground.subnet);
            let start = whole.first_number() + at;
            let current = AddrRange::from_numbers(whole.family(), start, start + size - 1).expect("in order");
            let wish = Wish { current: Some(current), ..wish(size) };
            let free = ground.free();
            let best = (whole.first_number()..=whole.last_number())
                .filter_map(|s| AddrRange::from_numbers(whole.family(), s, s + size - 1))
                .filter(|r| free.covers(*r))
                .map(|r| r.intersection(current).map_or(0, AddrRange::size))
                .max();
            let found = safe_pool(&ground, &wish).map(|r| r.intersection(current).map_or(0, AddrRange::size));
            prop_assert_eq!(found, best);
        }

        #[test]
        fn after_the_cut_the_pool_is_free(ground in any_ground(), start in 0..60u128, length in 0..9u128) {
            let whole = AddrRange::from_net(ground.subnet);
            let first = whole.first_number() + start;
            let pool = AddrRange::from_numbers(whole.family(), first, (first + length).min(whole.last_number())).expect("in order");
            let shrink = shrink_to_free(&ground, &pool.into(), &[]);
            for cut in &shrink.cuts {
                prop_assert!(cut.to.is_none_or(|to| !to.meets(pool) && cut.from.covers(to)));
                // No contiguous part of the range that avoids the pool is larger.
                let (from, to) = (cut.from, cut.to.map_or(0, AddrRange::size));
                for a in from.first_number()..=from.last_number() {
                    for b in a..=from.last_number() {
                        let part = AddrRange::from_numbers(from.family(), a, b).expect("in order");
                        prop_assert!(part.meets(pool) || part.size() <= to);
                    }
                }
            }
            prop_assert_eq!(shrink.cuts.len(), ground.dynamic.iter().filter(|d| d.meets(pool)).count());
        }

        #[test]
        fn a_cut_makes_room(ground in any_ground(), size in 1..20u128) {
            if let Some((shrink, pool)) = shrink_for_size(&ground, &wish(size), &[]) {
                let cut = &shrink.cuts[0];
                let mut after = ground.clone();
                after.dynamic.retain(|range| *range != cut.from);
                after.dynamic.extend(cut.to);
                prop_assert!(after.free().covers(pool), "{pool} {shrink:?}");
                prop_assert_eq!(pool.size(), size);
            } else {
                let all: AddrSet = ground.usable();
                let others = |d: &AddrRange| all.difference(&ground.dynamic.iter().copied().filter(|o| o != d).collect());
                prop_assert!(ground.dynamic.iter().all(|d| others(d).iter().all(|gap| gap.size() < size || !gap.meets(*d))));
            }
        }
    }
}
