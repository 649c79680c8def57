//! Texts into values: addresses, prefixes, masks, ranges, lease times.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use poolcheck_plan::AddrRange;
use poolcheck_plan::facts::DhcpState;
use poolcheck_plan::syntax::parse_range;
use serde_json::Value;

use super::description::Written;
use crate::said::seconds_of;

/// A value of JSON as text; tables, lists and null have none.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A value of JSON as texts: a list of scalars is several.
pub(crate) fn scalars(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().filter_map(scalar).collect(),
        one => scalar(one).into_iter().collect(),
    }
}

/// An address; a prefix length after it is left out.
pub(crate) fn address(text: &str, written: Option<Written>) -> Option<IpAddr> {
    if written == Some(Written::HexIpv4) {
        let digits = text.get(text.len().checked_sub(8)?..)?;
        return u32::from_str_radix(digits, 16).ok().map(|bits| Ipv4Addr::from(bits).into());
    }
    let bare = text.split_once('/').map_or(text, |(address, _)| address);
    bare.parse().ok().filter(|address: &IpAddr| !address.is_unspecified())
}

/// A prefix, its host bits cleared.
pub(crate) fn prefix(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().map(|net| net.trunc()).filter(|net| net.prefix_len() > 0)
}

/// The length of a network mask: `255.255.255.0`, `24`, `/24`.
pub(crate) fn mask(text: &str, written: Option<Written>) -> Option<u8> {
    if let Ok(length) = text.trim_start_matches('/').parse::<u8>() {
        return (1..=32).contains(&length).then_some(length);
    }
    let IpAddr::V4(mask) = address(text, written)? else { return None };
    ipnet::ipv4_mask_to_prefix(mask).ok().filter(|length| *length > 0)
}

/// So many addresses from one on.
pub(crate) fn so_many(first: IpAddr, count: u32) -> Option<AddrRange> {
    let IpAddr::V4(start) = first else { return None };
    let last = u32::from(start).checked_add(count.checked_sub(1)?)?;
    AddrRange::new(first, Ipv4Addr::from(last).into())
}

/// A range of addresses.
pub(crate) fn range(text: &str) -> Option<AddrRange> {
    parse_range(text).ok()
}

/// What a DHCP server does.
pub(crate) fn state(text: &str) -> Option<DhcpState> {
    Some(match text {
        "on" => DhcpState::On,
        "off" => DhcpState::Off,
        "relay" => DhcpState::Relay,
        "static-only" => DhcpState::StaticOnly,
        "unknown" => DhcpState::Unknown,
        _ => return None,
    })
}

/// How long a lease lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lease {
    Seconds(u64),
    Endless,
}

/// A lease time.
pub(crate) fn lease(text: &str, written: Option<Written>) -> Option<Lease> {
    let number = || text.parse::<u64>().ok();
    let seconds = match written {
        Some(Written::Minutes) => number()?.checked_mul(60)?,
        Some(Written::Hours) => number()?.checked_mul(3_600)?,
        Some(Written::Units) if matches!(text, "infinite" | "infinity" | "never") => return Some(Lease::Endless),
        Some(Written::Units) => units(text)?,
        // All ones is how a lease without end stands in DHCP (RFC 2131, section 3.3).
        _ => match number()? {
            seconds if seconds >= u64::from(u32::MAX) => return Some(Lease::Endless),
            seconds => seconds,
        },
    };
    Some(Lease::Seconds(seconds))
}

fn units(text: &str) -> Option<u64> {
    let (mut total, mut rest) = (0u64, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next();
        let factor = unit.map_or(Some(1), seconds_of)?;
        total = total.checked_add(number.checked_mul(factor)?)?;
        rest = &rest[digits + unit.map_or(0, char::len_utf8)..];
    }
    (!text.is_empty()).then_some(total)
}

/// A range by its offset from the network address and its count, as OpenWrt writes it.
pub(crate) fn counted(net: IpNet, offset: u32, count: u32) -> Option<AddrRange> {
    let IpNet::V4(net) = net else { return None };
    let (network, broadcast) = (u32::from(net.network()), u32::from(net.broadcast()));
    let host_bits = broadcast - network;
    let first = network + (offset & host_bits).max(1);
    let last = first.checked_add(count.checked_sub(1)?)?.min(broadcast.checked_sub(1)?);
    AddrRange::new(Ipv4Addr::from(first).into(), Ipv4Addr::from(last).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_and_a_number_are_a_range() {
        let range = |first: &str, count| so_many(first.parse().unwrap(), count).map(|range| range.to_string());
        assert_eq!(range("192.168.1.20", 180).as_deref(), Some("192.168.1.20-192.168.1.199"));
        assert_eq!(range("10.0.0.250", 10).as_deref(), Some("10.0.0.250-10.0.1.3"));
        assert_eq!((range("10.0.0.1", 0), range("255.255.255.250", 10), range("fd00::1", 2)), (None, None, None));
    }

    #[test]
    fn lease_times() {
        assert_eq!(lease("86400", None), Some(Lease::Seconds(86_400)));
        assert_eq!(lease("4294967295", None), Some(Lease::Endless));
        assert_eq!(lease("24", Some(Written::Hours)), Some(Lease::Seconds(86_400)));
        assert_eq!(lease("120", Some(Written::Minutes)), Some(Lease::Seconds(7_200)));
        assert_eq!(lease("1d12h", Some(Written::Units)), Some(Lease::Seconds(129_600)));
        assert_eq!(lease("10m0s", Some(Written::Units)), Some(Lease::Seconds(600)));
        assert_eq!(lease("infinite", Some(Written::Units)), Some(Lease::Endless));
        for bad in ["", "h", "10y", "99999999999999999999", "18446744073709551615w", "1é"] {
            assert_eq!(lease(bad, Some(Written::Units)), None, "{bad}");
        }
    }

    #[test]
    fn addresses_masks_and_counts() {
        assert_eq!(address("$c0a80001", Some(Written::HexIpv4)), "192.168.0.1".parse().ok());
        assert_eq!(address("192.168.1.1/24", None), "192.168.1.1".parse().ok());
        assert_eq!(address("0.0.0.0", None), None);
        for same in ["255.255.255.0", "24", "/24"] {
            assert_eq!(mask(same, None), Some(24), "{same}");
        }
        assert_eq!((mask("255.0.255.0", None), mask("33", None), mask("0.0.0.0", None)), (None, None, None));
        let net: IpNet = "192.168.1.0/24".parse().unwrap();
        let text = |offset, count| counted(net, offset, count).map(|range| range.to_string());
        assert_eq!(text(100, 150).as_deref(), Some("192.168.1.100-192.168.1.249"));
        assert_eq!(text(0, 1).as_deref(), Some("192.168.1.1"));
        assert_eq!(text(200, 200).as_deref(), Some("192.168.1.200-192.168.1.254"));
        assert_eq!(text(100, 0), None);
    }
}
