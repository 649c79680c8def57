//! How address ranges are written: MetalLB's syntax exactly, and the looser one of facts files.
//!
//! MetalLB (0.16, `internal/config`) takes a CIDR as Go's `net.ParseCIDR` reads it, or, when there is a `-` in it, two
//! addresses as `net.ParseIP` reads them. Blanks are fine around the two addresses of a range and break a CIDR.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use ipnet::IpNet;

use crate::range::{AddrRange, Family};

/// A range as MetalLB understands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parsed {
    /// The addresses.
    pub range: AddrRange,
    /// How it was written.
    pub written: Written,
}

/// How a range was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// `address/length`.
    Cidr {
        /// The prefix, host bits cleared.
        net: IpNet,
        /// The address before the slash.
        address: IpAddr,
        /// Whether that address is not the prefix's own: MetalLB rounds it down.
        host_bits: bool,
    },
    /// `first-last`.
    Range,
}

/// What is wrong with a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct SyntaxError {
    text: String,
    cause: Cause,
    part: Option<Range<usize>>,
}

/// Why a range cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// There is nothing.
    Empty,
    /// One address without a length: MetalLB wants `/32` or `/128`.
    BareAddress,
    /// `192.168.1.240-250`: the end is shortened.
    ShortEnd,
    /// The first address comes after the last.
    Reversed,
    /// One end is IPv4, the other IPv6.
    MixedFamilies,
    /// The end of a range has a prefix length.
    CidrEnd,
    /// The two ends are joined by something else than `-`.
    Separator,
    /// A blank, tab or line break in a CIDR.
    Blank,
    /// A netmask after the slash instead of a length.
    Netmask,
    /// The prefix length is missing, is no number, or is too large.
    Length,
    /// A wildcard (`192.168.1.*`).
    Wildcard,
    /// A port after the address.
    Port,
    /// A URL.
    Url,
    /// Brackets around an IPv6 address.
    Brackets,
    /// A zone (`%eth0`).
    Zone,
    /// A range where only a CIDR is taken.
    WantsCidr,
    /// A CIDR or one address where only a range is taken.
    WantsRange,
    /// A CIDR or range where one address is taken.
    WantsAddress,
    /// Something else stands where an address should.
    Address,
}

impl SyntaxError {
    pub(crate) fn new(text: &str, cause: Cause, part: Option<Range<usize>>) -> Self {
        Self { text: text.to_owned(), cause, part: part.filter(|part| !part.is_empty()) }
    }

    /// Why it cannot be read.
    pub const fn cause(&self) -> Cause {
        self.cause
    }

    /// The bytes of the text that are to blame, where that is clear.
    pub fn part(&self) -> Option<Range<usize>> {
        self.part.clone()
    }

    fn blamed(&self) -> &str {
        self.part.clone().and_then(|part| self.text.get(part)).unwrap_or(&self.text).trim()
    }

    fn message(&self) -> String {
        let text = self.text.escape_debug();
        let blamed = self.blamed().escape_debug();
        match self.cause {
            Cause::Empty => "a range is empty".to_owned(),
            Cause::BareAddress => format!("`{text}` is one address without a prefix length"),
            Cause::ShortEnd => format!("`{text}` shortens the end of the range to `{blamed}`"),
            Cause::Reversed => format!("`{text}` begins after it ends"),
            Cause::MixedFamilies => format!("`{text}` mixes IPv4 and IPv6"),
            Cause::CidrEnd => format!("`{text}` has a prefix length at the end of a range"),
            Cause::Separator => format!("`{text}` joins its ends by `{blamed}` instead of `-`"),
            Cause::Blank => format!("`{text}` has a blank or line break in a CIDR"),
            Cause::Netmask => format!("`{text}` has a netmask where a prefix length must be"),
            Cause::Length => format!("`{text}` has no valid prefix length"),
            Cause::Wildcard => format!("`{text}` has a wildcard"),
            Cause::Port => format!("`{text}` has a port"),
            Cause::Url => format!("`{text}` is a URL"),
            Cause::Brackets => format!("`{text}` has brackets around an address"),
            Cause::Zone => format!("`{text}` has an interface zone"),
            Cause::WantsCidr => format!("`{text}` is a range where a CIDR must be"),
            Cause::WantsRange => format!("`{text}` is not `first-last`"),
            Cause::WantsAddress => format!("`{text}` is more than one address"),
            Cause::Address => format!("`{blamed}` is not an IP address"),
        }
    }

    /// What the blamed part is, in a few words.
    pub const fn label(&self) -> &'static str {
        match self.cause {
            Cause::Empty => "nothing here",
            Cause::BareAddress => "MetalLB wants a prefix length or a range",
            Cause::ShortEnd => "MetalLB wants the whole address",
            Cause::Reversed => "the first address is the larger one",
            Cause::MixedFamilies => "two families in one range",
            Cause::CidrEnd => "a range ends with an address, not a prefix",
            Cause::Separator => "must be `-`",
            Cause::Blank => "no blanks in or around a CIDR",
            Cause::Netmask => "must be a prefix length",
            Cause::Length => "must be 0 to 32 (IPv4) or 0 to 128 (IPv6)",
            Cause::Port => "a pool has no ports",
            Cause::Wildcard | Cause::Url => "must be an address",
            Cause::Brackets => "no brackets here",
            Cause::Zone => "no zone here",
            Cause::WantsCidr => "must be a CIDR",
            Cause::WantsRange => "must be `first-last`",
            Cause::WantsAddress => "must be one address",
            Cause::Address => "not an IP address",
        }
    }

    /// What to write instead, when it is clear what was meant; it is always something MetalLB reads.
    pub fn suggestion(&self) -> Option<String> {
        let text = self.text.trim();
        let guess = match self.cause {
            Cause::BareAddress => {
                let address: IpAddr = text.parse().ok()?;
                format!("{address}/{}", Family::of(address).bits())
            }
            Cause::ShortEnd => {
                let (first, end) = text.split_once('-')?;
                let (first, end) = (first.trim(), end.trim());
                let keep = end.split(['.', ':']).count();
                let separator = if first.contains(':') { ':' } else { '.' };
                let mut head = first;
                for _ in 0..keep {
                    head = &head[..head.rfind(separator)?];
                }
                format!("{first}-{head}{separator}{end}")
            }
            Cause::Reversed => {
                let (first, last) = text.split_once('-')?;
                format!("{}-{}", last.trim(), first.trim())
            }
            Cause::CidrEnd => {
                let (first, last) = text.split_once('-')?;
                format!("{}-{}", first.trim(), last.split('/').next()?.trim())
            }
            Cause::Separator => {
                let part = self.part.clone()?;
                format!("{}-{}", self.text[..part.start].trim(), self.text[part.end..].trim())
            }
            Cause::Blank => text.split_whitespace().collect(),
            Cause::Netmask => {
                let (address, mask) = text.split_once('/')?;
                let mask: Ipv4Addr = mask.trim().parse().ok()?;
                let length = mask.to_bits().leading_ones();
                (mask.to_bits().checked_shl(length).unwrap_or(0) == 0).then(|| format!("{address}/{length}"))?
            }
            Cause::Wildcard => {
                let stem = text
                    .trim_end_matches("/24")
                    .strip_suffix(".*")
                    .or_else(|| text.trim_end_matches("/24").strip_suffix(".x"))?;
                format!("{stem}.0/24")
            }
            Cause::Brackets => text.replace(['[', ']'], ""),
            _ => return None,
        };
        parse_metallb(&guess).is_ok().then_some(guess)
    }
}

/// Reads a range as MetalLB does.
///
/// # Errors
/// When MetalLB would refuse it; the error says why, where, and where possible what to write.
pub fn parse_metallb(text: &str) -> Result<Parsed, SyntaxError> {
    if text.contains('-') { parse_dashed(text) } else { parse_cidr(text) }
}

fn parse_dashed(text: &str) -> Result<Parsed, SyntaxError> {
    let (left, right) = text.split_once('-').unwrap_or((text, ""));
    let part_of = |side: &str, offset: usize| {
        let start = offset + (side.len() - side.trim_start().len());
        start..start + side.trim().len()
    };
    let (left_part, right_part) = (part_of(left, 0), part_of(right, left.len() + 1));
    let first = parse_address(left.trim()).map_err(|cause| SyntaxError::new(text, cause, Some(left_part)));
    let last = parse_address(right.trim());
    match (first, last) {
        (Err(error), _) => Err(error),
        (Ok(_), Err(_)) if is_short_end(right.trim()) => Err(SyntaxError::new(text, Cause::ShortEnd, Some(right_part))),
        (Ok(_), Err(_)) if right.trim().split_once('/').is_some_and(|(a, _)| parse_address(a).is_ok()) => {
            Err(SyntaxError::new(text, Cause::CidrEnd, Some(right_part)))
        }
        (Ok(_), Err(cause)) => Err(SyntaxError::new(text, cause, Some(right_part))),
        (Ok(first), Ok(last)) if Family::of(first) != Family::of(last) => {
            Err(SyntaxError::new(text, Cause::MixedFamilies, None))
        }
        (Ok(first), Ok(last)) => match AddrRange::new(first, last) {
            Some(range) => Ok(Parsed { range, written: Written::Range }),
            None => Err(SyntaxError::new(text, Cause::Reversed, None)),
        },
    }
}

/// `250`, `1.250`, `20`, `::20`: the tail of an address.
fn is_short_end(text: &str) -> bool {
    let dotted = text.split('.').all(|part| part.parse::<u8>().is_ok()) && text.split('.').count() < 4;
    let hex = !text.contains('.') && (1..=4).contains(&text.len()) && text.chars().all(|c| c.is_ascii_hexdigit());
    dotted || hex
}

pub(crate) fn parse_cidr(text: &str) -> Result<Parsed, SyntaxError> {
    let wrong = |cause, part| Err(SyntaxError::new(text, cause, part));
    if text.trim().is_empty() {
        return wrong(Cause::Empty, None);
    }
    if text.contains("://") {
        return wrong(Cause::Url, None);
    }
    for separator in ["..", "–", "—", "−", ",", ";", "\\", " to "] {
        let Some(at) = text.find(separator) else { continue };
        let sides = [&text[..at], &text[at + separator.len()..]];
        if sides.iter().all(|side| parse_address(side.trim()).is_ok()) {
            return wrong(Cause::Separator, Some(at..at + separator.len()));
        }
    }
    if text.contains(char::is_whitespace) && parse_cidr(&text.split_whitespace().collect::<String>()).is_ok() {
        return wrong(Cause::Blank, None);
    }
    let Some((address, length)) = text.split_once('/') else {
        return match parse_address(text.trim()) {
            Ok(_) => wrong(Cause::BareAddress, None),
            Err(cause) => wrong(cause, None),
        };
    };
    let ip = match parse_address(address) {
        Ok(ip) => ip,
        Err(cause) => return wrong(cause, Some(0..address.len())),
    };
    let length_part = Some(address.len() + 1..text.len());
    if length.parse::<Ipv4Addr>().is_ok() {
        return wrong(Cause::Netmask, length_part);
    }
    let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    let written_v6 = address.contains(':');
    let most = if written_v6 { 128 } else { 32 };
    let Some(bits) = length.parse::<u8>().ok().filter(|bits| digits && *bits <= most) else {
        return wrong(Cause::Length, length_part);
    };
    Ok(cidr(ip, written_v6, bits))
}

/// An IPv4-mapped address counts as IPv4 as long as its prefix lies within the mapped block.
fn cidr(ip: IpAddr, written_v6: bool, bits: u8) -> Parsed {
    let (address, bits) = match (ip, written_v6) {
        (IpAddr::V4(_), true) if bits >= 96 => (ip, bits - 96),
        (IpAddr::V4(v4), true) => (IpAddr::V6(v4.to_ipv6_mapped()), bits),
        _ => (ip, bits),
    };
    let net = IpNet::new_assert(address, bits).trunc();
    let host_bits = net.network() != address;
    Parsed { range: AddrRange::from_net(net), written: Written::Cidr { net, address, host_bits } }
}

/// Go's `net.ParseIP`: no zones, no leading zeros, IPv4-mapped IPv6 is IPv4.
pub(crate) fn parse_address(text: &str) -> Result<IpAddr, Cause> {
    if let Ok(v4) = text.parse::<Ipv4Addr>() {
        return Ok(IpAddr::V4(v4));
    }
    if let Ok(v6) = text.parse::<Ipv6Addr>() {
        return Ok(v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4));
    }
    Err(match text {
        _ if text.contains('%') => Cause::Zone,
        _ if text.starts_with('[') => Cause::Brackets,
        _ if text.contains('*') || text.strip_suffix("x").is_some_and(|stem| stem.ends_with('.')) => Cause::Wildcard,
        _ if text
            .rsplit_once(':')
            .is_some_and(|(ip, port)| ip.parse::<Ipv4Addr>().is_ok() && port.parse::<u16>().is_ok()) =>
        {
            Cause::Port
        }
        _ => Cause::Address,
    })
}

/// Reads a range as facts files write it: `first-last` (blanks allowed), a CIDR, or one address.
///
/// # Errors
/// When it is none of these; the error says why.
pub fn parse_range(text: &str) -> Result<AddrRange, SyntaxError> {
    let text = text.trim();
    let joined: Cow<'_, str> =
        if text.contains(['–', '—']) { text.replace(['–', '—'], "-").into() } else { text.into() };
    match parse_address(&joined) {
        Ok(address) => Ok(AddrRange::single(address)),
        Err(_) => parse_metallb(&joined).map(|parsed| parsed.range),
    }
}

/// Address space that is no ordinary unicast space of a LAN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialUse {
    /// Its name: `loopback`.
    pub name: &'static str,
    /// The document that reserves it.
    pub rfc: &'static str,
    /// The part of the range that lies in it.
    pub part: AddrRange,
    effect: &'static str,
}

impl SpecialUse {
    /// What happens to packets there.
    pub const fn effect(&self) -> &'static str {
        self.effect
    }
}

/// The first special-use block that a range meets. A range over all of a family meets many; the first is told.
pub fn special_use(range: AddrRange) -> Option<SpecialUse> {
    const BLOCKS: [(&str, &str, &str, &str); 12] = [
        ("0.0.0.0/8", "\"this network\"", "RFC 791", "which no machine can have as its address"),
        ("127.0.0.0/8", "loopback", "RFC 1122", "which never leaves a machine"),
        ("169.254.0.0/16", "link-local", "RFC 3927", "which machines give themselves"),
        ("224.0.0.0/4", "multicast", "RFC 5771", "which belongs to groups, not machines"),
        ("240.0.0.0/4", "reserved", "RFC 1112", "which hosts and routers drop"),
        ("::/128", "unspecified", "RFC 4291", "which no machine can have as its address"),
        ("::1/128", "loopback", "RFC 4291", "which never leaves a machine"),
        ("::ffff:0:0/96", "IPv4-mapped", "RFC 4291", "which never appears on a wire"),
        ("2001:db8::/32", "documentation", "RFC 3849", "which is for examples only"),
        ("3fff::/20", "documentation", "RFC 9637", "which is for examples only"),
        ("fe80::/10", "link-local", "RFC 4291", "which machines give themselves"),
        ("ff00::/8", "multicast", "RFC 4291", "which belongs to groups, not machines"),
    ];
    BLOCKS.into_iter().find_map(|(block, name, rfc, effect)| {
        let net: IpNet = block.parse().expect("the table holds prefixes");
        let part = AddrRange::from_net(net).intersection(range)?;
        Some(SpecialUse { name, rfc, part, effect })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> String {
        parse_metallb(text).map_or_else(|e| format!("{:?}", e.cause()), |p| p.range.to_string())
    }

    #[test]
    fn what_metallb_takes() {
        for (text, expected) in [
            ("192.168.7.243/29", "192.168.7.240-192.168.7.247"),
            ("10.0.0.0/024", "10.0.0.0-10.0.0.255"),
            ("192.168.7.99/32", "192.168.7.99"),
            ("0.0.0.0-255.255.255.255", "0.0.0.0-255.255.255.255"),
            (" 192.168.7.240 -\t192.168.7.250\n", "192.168.7.240-192.168.7.250"),
            ("fd00:7::A-fd00:7::1F", "fd00:7::a-fd00:7::1f"),
            ("::ffff:192.168.7.240/124", "192.168.7.240-192.168.7.255"),
            ("::ffff:10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"),
            ("::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            assert_eq!(range(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_metallb_refuses_and_what_to_write() {
        let cases = [
            ("192.168.7.240", Cause::BareAddress, Some("192.168.7.240/32")),
            ("fd00::5", Cause::BareAddress, Some("fd00::5/128")),
            ("192.168.7.240-250", Cause::ShortEnd, Some("192.168.7.240-192.168.7.250")),
            ("192.168.7.240-8.250", Cause::ShortEnd, Some("192.168.7.240-192.168.8.250")),
            ("fd00:7::10-20", Cause::ShortEnd, Some("fd00:7::10-fd00:7::20")),
            ("192.168.7.250-192.168.7.240", Cause::Reversed, Some("192.168.7.240-192.168.7.250")),
            ("192.168.7.240-fd00:7::10", Cause::MixedFamilies, None),
            ("192.168.7.240-192.168.7.250/24", Cause::CidrEnd, Some("192.168.7.240-192.168.7.250")),
            ("192.168.7.240..192.168.7.250", Cause::Separator, Some("192.168.7.240-192.168.7.250")),
            ("192.168.7.240−192.168.7.250", Cause::Separator, Some("192.168.7.240-192.168.7.250")),
            ("192.168.7.240/29\n", Cause::Blank, Some("192.168.7.240/29")),
            ("192.168.7.0 /24", Cause::Blank, Some("192.168.7.0/24")),
            ("192.168.7.0/255.255.255.0", Cause::Netmask, Some("192.168.7.0/24")),
            ("192.168.7.0/255.0.255.0", Cause::Netmask, None),
            ("10.0.0.0/33", Cause::Length, None),
            ("10.0.0.0/", Cause::Length, None),
            ("10.0.0.0/+8", Cause::Length, None),
            ("10.0.0.0/-1", Cause::Address, None),
            ("192.168.7.*", Cause::Wildcard, Some("192.168.7.0/24")),
            ("192.168.7.x/24", Cause::Wildcard, Some("192.168.7.0/24")),
            ("192.168.7.240:80", Cause::Port, None),
            ("http://192.168.7.240", Cause::Url, None),
            ("[fd00:7::]/64", Cause::Brackets, Some("fd00:7::/64")),
            ("fe80::1%eth0-fe80::5%eth0", Cause::Zone, None),
            ("192.168.07.1/24", Cause::Address, None),
            ("", Cause::Empty, None),
            ("-", Cause::Address, None),
            ("default", Cause::Address, None),
        ];
        for (text, cause, suggestion) in cases {
            let error = parse_metallb(text).expect_err(text);
            assert_eq!((error.cause(), error.suggestion().as_deref()), (cause, suggestion), "{text:?}");
        }
    }

    #[test]
    fn blame_points_at_the_part() {
        let part = |text: &str| parse_metallb(text).unwrap_err().part().map(|part| text[part].to_owned());
        assert_eq!(part("192.168.1.1 - 192.168.1.300"), Some("192.168.1.300".to_owned()));
        assert_eq!(part("192.168.1.240-250"), Some("250".to_owned()));
        assert_eq!(part("10.0.0.0/33"), Some("33".to_owned()));
    }

    #[test]
    fn facts_files_are_looser() {
        assert_eq!(parse_range("192.168.1.5").unwrap().to_string(), "192.168.1.5");
        assert_eq!(parse_range("192.168.1.2 – 192.168.1.9").unwrap().to_string(), "192.168.1.2-192.168.1.9");
        assert!(parse_range("192.168.1.9-192.168.1.2").is_err());
    }

    #[test]
    fn special_use_blocks() {
        let name = |text: &str| special_use(parse_range(text).unwrap()).map(|s| s.name);
        assert_eq!(name("127.0.0.1"), Some("loopback"));
        assert_eq!(name("223.255.255.250-224.0.0.5"), Some("multicast"));
        assert_eq!(name("255.255.255.255"), Some("reserved"));
        assert_eq!(name("fe80::1-fe80::5"), Some("link-local"));
        assert_eq!(name("192.168.1.0/24"), None);
        assert_eq!(name("fd00::/64"), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_suggestions_are_valid(text in "[0-9a-f:./ ,;*\\[\\]%x-]{0,40}|.{0,20}") {
            if let Err(error) = parse_metallb(&text) {
                if let Some(part) = error.part() {
                    proptest::prop_assert!(text.get(part).is_some());
                }
                if let Some(suggestion) = error.suggestion() {
                    proptest::prop_assert!(parse_metallb(&suggestion).is_ok());
                }
                proptest::prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
