//! Sets of addresses: sorted, disjoint ranges that do not touch, over both families.

use std::fmt;
use std::net::IpAddr;

use crate::range::{AddrRange, Family};

/// A set of addresses of both families. Ranges are kept sorted, disjoint and as few as possible.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct AddrSet {
    ranges: Vec<AddrRange>,
}

impl AddrSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// Adds a range.
    pub fn insert(&mut self, range: AddrRange) {
        // The stretch of ranges that the new one meets or touches becomes one.
        let before =
            |r: &AddrRange| (r.family(), r.last_number().saturating_add(1)) < (range.family(), range.first_number());
        let from = self.ranges.partition_point(before);
        let touches =
            |r: &AddrRange| r.family() == range.family() && r.first_number() <= range.last_number().saturating_add(1);
        let to = from + self.ranges[from..].iter().take_while(|r| touches(r)).count();
        let stretch = &self.ranges[from..to];
        let first = stretch.first().map_or(range.first_number(), |r| r.first_number().min(range.first_number()));
        let last = stretch.last().map_or(range.last_number(), |r| r.last_number().max(range.last_number()));
        let joined = AddrRange::from_numbers(range.family(), first, last).unwrap_or(range);
        self.ranges.splice(from..to, [joined]);
    }

    /// Whether there is no address.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The ranges, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = AddrRange> + '_ {
        self.ranges.iter().copied()
    }

    /// How many addresses of a family; saturates at `u128::MAX`.
    pub fn size(&self, family: Family) -> u128 {
        self.iter().filter(|r| r.family() == family).fold(0, |sum, r| sum.saturating_add(r.size()))
    }

    /// Whether an address is in the set.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.covers(AddrRange::single(address))
    }

    /// Whether every address of a range is in the set.
    pub fn covers(&self, range: AddrRange) -> bool {
        let at =
            self.ranges.partition_point(|r| (r.family(), r.last_number()) < (range.family(), range.first_number()));
        self.ranges.get(at).is_some_and(|r| r.covers(range))
    }

    /// Whether an address of a range is in the set.
    pub fn meets(&self, range: AddrRange) -> bool {
        let at =
            self.ranges.partition_point(|r| (r.family(), r.last_number()) < (range.family(), range.first_number()));
        self.ranges.get(at).is_some_and(|r| r.meets(range))
    }

    /// The addresses of either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.iter().chain(other.iter()).collect()
    }

    /// The addresses of both. Linear in the number of ranges.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut a, mut b) = (0, 0);
        let mut ranges = Vec::new();
        while let (Some(x), Some(y)) = (self.ranges.get(a), other.ranges.get(b)) {
            ranges.extend(x.intersection(*y));
            if (x.family(), x.last_number()) <= (y.family(), y.last_number()) {
                a += 1;
            } else {
                b += 1;
            }
        }
        Self { ranges }
    }

    /// The addresses of this set that are not in the other. Linear in the number of ranges.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let mut holes = other.ranges.iter().peekable();
        for range in &self.ranges {
            let (family, last) = (range.family(), range.last_number());
            let mut next = Some(range.first_number());
            while let Some(hole) = holes.peek() {
                if (hole.family(), hole.last_number()) < (family, range.first_number()) {
                    holes.next();
                    continue;
                }
                let Some(start) = next.filter(|_| hole.family() == family && hole.first_number() <= last) else {
                    break;
                };
                if hole.first_number() > start {
                    ranges.extend(AddrRange::from_numbers(family, start, hole.first_number() - 1));
                }
                next = hole.last_number().checked_add(1).map(|n| n.max(start)).filter(|n| *n <= last);
                if hole.last_number() > last {
                    break; // it may reach into the next range
                }
                holes.next();
            }
            ranges.extend(next.and_then(|start| AddrRange::from_numbers(family, start, last)));
        }
        Self { ranges }
    }

    /// The addresses of a range that are not in the set.
    #[must_use]
    pub fn complement_in(&self, whole: AddrRange) -> Self {
        Self::from(whole).difference(self)
    }
}

impl From<AddrRange> for AddrSet {
    fn from(range: AddrRange) -> Self {
        Self { ranges: vec![range] }
    }
}

impl FromIterator<AddrRange> for AddrSet {
    /// Sorts once and joins, so that building is O(n log n).
    fn from_iter<I: IntoIterator<Item = AddrRange>>(ranges: I) -> Self {
        let mut all: Vec<AddrRange> = ranges.into_iter().collect();
        all.sort_unstable();
        let mut joined: Vec<AddrRange> = Vec::with_capacity(all.len());
        for range in all {
            match joined.last_mut() {
                Some(last)
                    if last.family() == range.family()
                        && range.first_number() <= last.last_number().saturating_add(1) =>
                {
                    let end = last.last_number().max(range.last_number());
                    *last = AddrRange::from_numbers(last.family(), last.first_number(), end).unwrap_or(*last);
                }
                _ => joined.push(range),
            }
        }
        Self { ranges: joined }
    }
}

impl Extend<AddrRange> for AddrSet {
    fn extend<I: IntoIterator<Item = AddrRange>>(&mut self, ranges: I) {
        *self = self.iter().chain(ranges).collect();
    }
}

impl IntoIterator for AddrSet {
    type Item = AddrRange;
    type IntoIter = std::vec::IntoIter<AddrRange>;

    fn into_iter(self) -> Self::IntoIter {
        self.ranges.into_iter()
    }
}

/// The ranges, comma separated.
impl fmt::Display for AddrSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, range) in self.ranges.iter().enumerate() {
            write!(f, "{}{range}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Small worlds at both ends of both families, where off-by-one errors live.
    fn corner() -> impl Strategy<Value = (Family, u128)> {
        prop_oneof![
            Just((Family::V4, 0)),
            Just((Family::V4, u128::from(u32::MAX) - 23)),
            Just((Family::V6, 0)),
            Just((Family::V6, u128::MAX - 23)),
        ]
    }

    fn range() -> impl Strategy<Value = AddrRange> {
        (corner(), 0..24u128, 0..24u128).prop_map(|((family, base), a, b)| {
            AddrRange::from_numbers(family, base + a.min(b), base + a.max(b)).expect("in order")
        })
    }

    fn ranges() -> impl Strategy<Value = Vec<AddrRange>> {
        prop::collection::vec(range(), 0..8)
    }

    type Model = BTreeSet<(Family, u128)>;

    fn model(ranges: &[AddrRange]) -> Model {
        ranges.iter().flat_map(|r| (r.first_number()..=r.last_number()).map(|n| (r.family(), n))).collect()
    }

    fn set_model(set: &AddrSet) -> Model {
        model(&set.iter().collect::<Vec<_>>())
    }

    fn is_canonical(set: &AddrSet) -> bool {
        set.ranges.windows(2).all(|w| {
            w[0].family() < w[1].family()
                || w[0].last_number().checked_add(1).is_some_and(|next| next < w[1].first_number())
        })
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_set(a in ranges(), b in ranges(), whole in range(), probe in range()) {
            let (x, y): (AddrSet, AddrSet) = (a.iter().copied().collect(), b.iter().copied().collect());
            let (p, q) = (model(&a), model(&b));
            for (set, expected) in [
                (x.union(&y), &p | &q),
                (x.intersection(&y), &p & &q),
                (x.difference(&y), &p - &q),
                (x.complement_in(whole), &model(&[whole]) - &p),
            ] {
                prop_assert!(is_canonical(&set), "{set}");
                prop_assert_eq!(set_model(&set), expected);
            }
            let probed = model(&[probe]);
            prop_assert_eq!(x.covers(probe), probed.is_subset(&p));
            prop_assert_eq!(x.meets(probe), !probed.is_disjoint(&p));
            prop_assert_eq!(x.size(Family::V4) + x.size(Family::V6), p.len() as u128);
        }

        #[test]
        fn inserting_one_by_one_is_collecting(a in ranges()) {
            let mut one_by_one = AddrSet::new();
            for range in &a {
                one_by_one.insert(*range);
            }
            prop_assert!(is_canonical(&one_by_one));
            prop_assert_eq!(one_by_one, a.into_iter().collect::<AddrSet>());
        }
    }
}
