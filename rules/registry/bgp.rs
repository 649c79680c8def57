//! What the rules about BGP share: communities, prefix lengths, and who meets whom.

use std::collections::HashSet;

use poolcheck_manifest::kinds::metallb::Advertisement;
use poolcheck_manifest::kinds::node::Node;
use poolcheck_manifest::kinds::pool::{Implementation, Pool, PoolEntry};
use poolcheck_manifest::{LabelSelector, Value};
use poolcheck_plan::{AddrRange, Family};

use crate::metallb::{applied, field, number};
use crate::world::World;

/// A BGP community as MetalLB reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Community {
    /// `64512:100`.
    Legacy,
    /// `large:1:2:3`.
    Large,
}

/// Why a text is no community.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoCommunity {
    /// It looks like one and has a wrong part.
    Value,
    /// It does not look like one: in an advertisement it is taken for the name of one.
    Format,
}

/// Reads a community: `<16 bits>:<16 bits>`, or `large:` and three numbers of 32 bits.
pub(crate) fn community(text: &str) -> Result<Community, NoCommunity> {
    let parts: Vec<&str> = text.split(':').collect();
    // Go's ParseUint takes digits only: no sign, no blank.
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match parts[..] {
        [a, b] => {
            let ok = [a, b].iter().all(|part| digits(part) && part.parse::<u16>().is_ok());
            if ok { Ok(Community::Legacy) } else { Err(NoCommunity::Value) }
        }
        [marker, a, b, c] => {
            let ok = marker == "large" && [a, b, c].iter().all(|part| digits(part) && part.parse::<u32>().is_ok());
            if ok { Ok(Community::Large) } else { Err(NoCommunity::Value) }
        }
        _ => Err(NoCommunity::Format),
    }
}

/// The BGPAdvertisements as they stand after everything was applied.
pub(crate) fn advertisements<'w, 'a>(world: &'w World<'a>) -> Vec<&'w Advertisement<'a>> {
    let kept: HashSet<_> = applied(world, "BGPAdvertisement").iter().map(|object| object.value.span()).collect();
    world.advertisements.iter().filter(|ad| kept.contains(&ad.object.value.span())).collect()
}

/// The IPAddressPools as they stand after everything was applied.
pub(crate) fn pools<'w, 'a>(world: &'w World<'a>) -> Vec<&'w Pool<'a>> {
    let kept: HashSet<_> = applied(world, "IPAddressPool").iter().map(|object| object.value.span()).collect();
    let ours =
        |pool: &&Pool<'_>| pool.implementation == Implementation::Metallb && kept.contains(&pool.object.value.span());
    world.pools.iter().filter(ours).collect()
}

/// Whether an advertisement has serviceSelectors.
pub(crate) fn has_service_selectors(ad: &Advertisement<'_>) -> bool {
    field(&ad.object, "serviceSelectors").is_some_and(|list| list.items().next().is_some())
}

/// The aggregation length of a family: the value where it is written, and its number; the default is one address.
pub(crate) fn aggregation<'a>(ad: &Advertisement<'a>, family: Family) -> (Option<Value<'a>>, i128) {
    let name = match family {
        Family::V4 => "aggregationLength",
        Family::V6 => "aggregationLengthV6",
    };
    let value = field(&ad.object, name);
    (value, value.and_then(number).unwrap_or_else(|| i128::from(family.bits())))
}

/// The length of the largest block of a pool's range: MetalLB cuts a range into blocks, and each is announced by itself.
pub(crate) fn shortest_prefix(entry: &PoolEntry<'_>, range: AddrRange) -> i128 {
    let text = entry.value.text();
    // An IPv4 address in IPv6 spelling keeps the IPv6 length it is written with.
    if range.family() == Family::V4
        && text.contains(':')
        && let Some((_, length)) = text.split_once('/')
        && let Ok(length) = length.trim().parse()
    {
        return length;
    }
    let bits = u32::from(range.family().bits());
    i128::from(bits - largest_block(range, bits))
}

/// Host bits of the largest block when a range is cut into as few blocks as can be.
fn largest_block(range: AddrRange, bits: u32) -> u32 {
    let (mut at, last) = (range.first_number(), range.last_number());
    let mut largest = 0;
    loop {
        let aligned = if at == 0 { bits } else { at.trailing_zeros().min(bits) };
        let left = last - at;
        // `left + 1` addresses remain; all of IPv6 is one more than 128 bits can say.
        let fits = left.checked_add(1).map_or(bits, u128::ilog2);
        let block = aligned.min(fits);
        largest = largest.max(block);
        let Some(next) = 1u128.checked_shl(block).and_then(|size| at.checked_add(size)) else { return largest };
        if next > last {
            return largest;
        }
        at = next;
    }
}

/// The nodes an advertisement announces from; all of them when it selects none.
pub(crate) fn nodes_of<'w, 'a>(world: &'w World<'a>, ad: &Advertisement<'a>) -> Vec<&'w Node<'a>> {
    let selectors = LabelSelector::list(field(&ad.object, "nodeSelectors"));
    let selected = |node: &&Node<'_>| {
        let labels = node.object.labels();
        selectors.is_empty() || selectors.iter().any(|selector| selector.matches(&labels))
    };
    world.nodes.iter().filter(selected).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn communities() {
        assert_eq!(community("64512:100"), Ok(Community::Legacy));
        assert_eq!(community("65535:65535"), Ok(Community::Legacy));
        assert_eq!(community("large:1:2:4294967295"), Ok(Community::Large));
        for value in ["-1:5", "64512: 100", "64512:70000", "LARGE:1:2:3", "large:1:2:", "+1:2", ":"] {
            assert_eq!(community(value), Err(NoCommunity::Value), "{value}");
        }
        for format in ["", "blackhole", "large:1:2", "1:2:3:4:5"] {
            assert_eq!(community(format), Err(NoCommunity::Format), "{format}");
        }
    }

    #[test]
    fn largest_blocks() {
        let range = |a: &str, b: &str| AddrRange::new(a.parse().expect("ip"), b.parse().expect("ip")).expect("a range");
        assert_eq!(largest_block(range("192.168.7.1", "192.168.7.254"), 32), 6);
        assert_eq!(largest_block(range("192.168.7.0", "192.168.7.255"), 32), 8);
        assert_eq!(largest_block(range("192.168.7.5", "192.168.7.5"), 32), 0);
        assert_eq!(largest_block(AddrRange::everything(Family::V4), 32), 32);
        assert_eq!(largest_block(AddrRange::everything(Family::V6), 128), 128);
        assert_eq!(largest_block(range("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 128), 127);
        assert_eq!(largest_block(range("255.255.255.254", "255.255.255.255"), 32), 1);
    }
}
