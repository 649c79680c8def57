//! The addresses to ask, numbered.

use std::net::IpAddr;

use poolcheck_plan::{AddrRange, AddrSet, Family, number};

use crate::error::{Error, Result};

/// As many addresses as one scan asks: two /16 networks. A bigger range is a mistake, or an IPv6 pool whose few used
/// addresses must be named.
pub const MAX_TARGETS: usize = 1 << 17;

/// Addresses to ask, each once, in order.
#[derive(Debug, Clone)]
pub struct Targets {
    /// Range and the number of its first address.
    ranges: Vec<(AddrRange, usize)>,
    count: usize,
}

impl Targets {
    /// The addresses of all ranges; overlaps count once. Unspecified and multicast addresses, which nobody can own, are
    /// not left out: they are simply never answered.
    ///
    /// # Errors
    ///
    /// [`Error::NoTargets`], or [`Error::TooManyTargets`] beyond [`MAX_TARGETS`].
    pub fn new(ranges: impl IntoIterator<Item = AddrRange>) -> Result<Self> {
        let set: AddrSet = ranges.into_iter().collect();
        let mut numbered = Vec::new();
        let mut count: u128 = 0;
        for range in set.iter() {
            let size = (number(range.last()) - number(range.first())).saturating_add(1);
            let first = count;
            count = count.saturating_add(size);
            if count > MAX_TARGETS as u128 {
                return Err(Error::TooManyTargets { count, limit: MAX_TARGETS });
            }
            numbered.push((range, first as usize));
        }
        if count == 0 { Err(Error::NoTargets) } else { Ok(Self { ranges: numbered, count: count as usize }) }
    }

    /// How many addresses.
    pub fn len(&self) -> usize {
        self.count
    }

    /// How many of them are IPv6.
    pub(super) fn len_v6(&self) -> usize {
        // IPv4 comes first in the order of addresses.
        let first = self.ranges.iter().find(|(range, _)| range.first().is_ipv6()).map(|(_, number)| *number);
        first.map_or(0, |first| self.count - first)
    }

    /// Never: see [`Error::NoTargets`].
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The address with this number, which must be below [`Targets::len`].
    pub(super) fn address(&self, at: usize) -> IpAddr {
        let place = self.ranges.partition_point(|(_, first)| *first <= at).saturating_sub(1);
        let (range, first) = self.ranges[place];
        Family::of(range.first()).address(number(range.first()) + (at - first) as u128)
    }

    /// The number of an address, if it is to be asked.
    pub(super) fn index(&self, address: IpAddr) -> Option<usize> {
        let place = self.ranges.partition_point(|(range, _)| range.first() <= address).checked_sub(1)?;
        let (range, first) = self.ranges[place];
        range.contains(address).then(|| first + (number(address) - number(range.first())) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolcheck_plan::syntax::parse_range;

    fn targets(ranges: &[&str]) -> Result<Targets> {
        Targets::new(ranges.iter().map(|text| parse_range(text).unwrap()))
    }

    #[test]
    fn numbers_and_addresses_agree() {
        let targets = targets(&["fd00::10-fd00::1f", "10.0.0.250-10.0.1.5", "10.0.1.0-10.0.1.9", "10.9.0.1"]).unwrap();
        assert_eq!((targets.len(), targets.len_v6()), (16 + 16 + 1, 16));
        for at in 0..targets.len() {
            assert_eq!(targets.index(targets.address(at)), Some(at));
        }
        for outside in ["10.0.0.249", "10.0.1.10", "fd00::f", "fd00::20", "0.0.0.0", "::"] {
            assert_eq!(targets.index(outside.parse().unwrap()), None, "{outside}");
        }
    }

    #[test]
    fn too_many_and_none() {
        assert!(matches!(targets(&[]), Err(Error::NoTargets)));
        assert!(targets(&["10.0.0.0/16", "10.8.0.0/16"]).is_ok());
        let many = |text| matches!(targets(&[text]), Err(Error::TooManyTargets { .. }));
        assert!(many("10.0.0.0/14") && many("fd00::-fd00::f:4240") && many("::/0"));
    }
}
