//! Inclusive address ranges of one family.
//!
//! `a-b` stays a range: it is never turned into CIDR blocks to be compared. The ends of the address space,
//! `255.255.255.255` and `ffff:…:ffff`, are ordinary ends, which a half-open range could not express. Nothing here
//! iterates over addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// Address length in bits: 32 or 128.
    pub const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    /// The last address of the family as a number.
    pub const fn max(self) -> u128 {
        match self {
            Self::V4 => u32::MAX as u128,
            Self::V6 => u128::MAX,
        }
    }

    /// The address with this number; numbers beyond the family are cut to its width.
    pub const fn address(self, number: u128) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::from_bits(number as u32)),
            Self::V6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// An address as a number: 32 or 128 bits, most significant first.
pub const fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(a) => a.to_bits() as u128,
        IpAddr::V6(a) => a.to_bits(),
    }
}

/// An inclusive, never empty range `first..=last` of one family. Ordered by family, first, last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddrRange {
    family: Family,
    first: u128,
    last: u128,
}

impl AddrRange {
    /// The range `first..=last`; `None` when the families differ or `first` comes after `last`.
    pub const fn new(first: IpAddr, last: IpAddr) -> Option<Self> {
        match (first, last) {
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => {
                Self::from_numbers(Family::of(first), number(first), number(last))
            }
            _ => None,
        }
    }

    /// The range between two numbers; `None` when out of order or beyond the family.
    pub const fn from_numbers(family: Family, first: u128, last: u128) -> Option<Self> {
        if first <= last && last <= family.max() { Some(Self { family, first, last }) } else { None }
    }

    /// The range of one address.
    pub const fn single(address: IpAddr) -> Self {
        Self { family: Family::of(address), first: number(address), last: number(address) }
    }

    /// All addresses of a family.
    pub const fn everything(family: Family) -> Self {
        Self { family, first: 0, last: family.max() }
    }

    /// All addresses of a prefix, network and broadcast addresses included.
    pub fn from_net(net: IpNet) -> Self {
        Self { family: Family::of(net.network()), first: number(net.network()), last: number(net.broadcast()) }
    }

    /// The family.
    pub const fn family(self) -> Family {
        self.family
    }

    /// The first address.
    pub const fn first(self) -> IpAddr {
        self.family.address(self.first)
    }

    /// The last address.
    pub const fn last(self) -> IpAddr {
        self.family.address(self.last)
    }

    /// The first address as a number.
    pub const fn first_number(self) -> u128 {
        self.first
    }

    /// The last address as a number.
    pub const fn last_number(self) -> u128 {
        self.last
    }

    /// How many addresses; saturates at `u128::MAX` for the whole of IPv6.
    pub const fn size(self) -> u128 {
        (self.last - self.first).saturating_add(1)
    }

    /// Whether the address lies in the range.
    pub const fn contains(self, address: IpAddr) -> bool {
        self.family as u8 == Family::of(address) as u8 && self.first <= number(address) && number(address) <= self.last
    }

    /// Whether every address of `other` lies in this range.
    pub fn covers(self, other: Self) -> bool {
        self.family == other.family && self.first <= other.first && other.last <= self.last
    }

    /// Whether the two share an address.
    pub fn meets(self, other: Self) -> bool {
        self.intersection(other).is_some()
    }

    /// The addresses both have.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        if self.family != other.family {
            return None;
        }
        Self::from_numbers(self.family, self.first.max(other.first), self.last.min(other.last))
    }

    /// The prefix that is exactly this range, if there is one.
    pub fn as_net(self) -> Option<IpNet> {
        let size_minus_one = self.last - self.first;
        let host_bits = size_minus_one.trailing_ones();
        let is_block = size_minus_one.checked_shr(host_bits).unwrap_or(0) == 0 && self.first & size_minus_one == 0;
        if !is_block {
            return None;
        }
        IpNet::new(self.first(), self.family.bits() - host_bits as u8).ok()
    }
}

/// `a-b`, or the address alone when there is just one.
impl fmt::Display for AddrRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first())
        } else {
            write!(f, "{}-{}", self.first(), self.last())
        }
    }
}

impl fmt::Debug for AddrRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn ends_of_the_address_space_are_ordinary() {
        let all = AddrRange::everything(Family::V6);
        assert_eq!(all.size(), u128::MAX);
        assert_eq!(all.as_net().map(|n| n.to_string()), Some("::/0".to_owned()));
        let last = AddrRange::single(ip("255.255.255.255"));
        assert_eq!(last.size(), 1);
        assert!(AddrRange::everything(Family::V4).covers(last));
        assert_eq!(AddrRange::everything(Family::V4).as_net().map(|n| n.to_string()), Some("0.0.0.0/0".to_owned()));
    }

    #[test]
    fn as_net_only_for_blocks() {
        let range = |a, b| AddrRange::new(ip(a), ip(b)).expect("a range");
        assert_eq!(range("10.0.0.8", "10.0.0.15").as_net().map(|n| n.to_string()), Some("10.0.0.8/29".to_owned()));
        assert_eq!(range("10.0.0.4", "10.0.0.11").as_net(), None);
        assert_eq!(range("10.0.0.8", "10.0.0.14").as_net(), None);
    }

    #[test]
    fn families_never_mix() {
        assert_eq!(AddrRange::new(ip("10.0.0.1"), ip("::1")), None);
        assert!(!AddrRange::everything(Family::V6).contains(ip("10.0.0.1")));
        assert!(!AddrRange::everything(Family::V6).meets(AddrRange::everything(Family::V4)));
    }
}
