//! Which frames a link lets through, as a set and as a program for the kernel.
//!
//! A busy LAN stays out of this process: the kernel drops what is not wanted. The program refuses frames that this machine
//! sent itself, and frames of another VLAN, whose tag the kernel keeps beside the frame. A tag with identifier 0 is a priority
//! alone (IEEE 802.1Q section 9.6): such a frame belongs to this segment.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// Kinds of frames, to be joined by [`Wanted::and`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Wanted(u8);

impl Wanted {
    /// Nothing: for a link that only sends.
    pub const NOTHING: Self = Self(0);
    /// ARP.
    pub const ARP: Self = Self(1);
    /// Neighbor Discovery: solicitations and advertisements of routers and neighbours.
    pub const NDP: Self = Self(2);
    /// Multicast Listener queries and reports.
    pub const MLD: Self = Self(4);
    /// DHCP, both directions.
    pub const DHCPV4: Self = Self(8);
    /// DHCPv6, both directions.
    pub const DHCPV6: Self = Self(16);
    /// What comes from port 5353: Multicast DNS, over IPv4 and IPv6.
    pub const MDNS: Self = Self(32);
    /// All of these.
    pub const ALL: Self = Self(63);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What a link lets through: kinds of frames, and of ARP and Neighbor Discovery perhaps only what concerns some addresses.
///
/// Someone who answers for a few addresses of a big LAN is not woken by everyone else's questions. A filter may let more
/// through than it says (links without a kernel's filter do), never less.
///
/// ```
/// use poolcheck_lan::link::{Filter, Wanted};
///
/// let filter = Filter::from(Wanted::ARP.and(Wanted::NDP)).about(["192.168.1.240".parse()?]).and_ethertype(0x88b5);
/// # let _ = filter;
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub(super) wanted: Wanted,
    pub(super) about: Option<BTreeSet<IpAddr>>,
    /// EtherTypes, each with octets that must be within a range.
    pub(super) ethertypes: Vec<(u16, Vec<Octet>)>,
}

/// An octet's place in a frame without VLAN tag, and what it may be.
pub type Octet = (u16, RangeInclusive<u8>);

/// With more addresses than this a kernel's filter grows too long, and all are let through.
const MAX_ABOUT: usize = 900;

impl From<Wanted> for Filter {
    fn from(wanted: Wanted) -> Self {
        Self { wanted, about: None, ethertypes: Vec::new() }
    }
}

impl Filter {
    /// Of ARP only packets whose sender or target is one of these addresses; of Neighbor Discovery only solicitations and
    /// advertisements of these, and all of routers.
    #[must_use]
    pub fn about(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.about = Some(addresses.into_iter().collect()).filter(|all: &BTreeSet<IpAddr>| all.len() <= MAX_ABOUT);
        self
    }

    /// Frames of this EtherType, too, whatever they carry. 0x88b5 and 0x88b6 are for local use (IEEE 802).
    #[must_use]
    pub fn and_ethertype(self, ethertype: u16) -> Self {
        self.and_some_of(ethertype, [])
    }

    /// Frames of this EtherType, too, if all these octets of theirs are within their ranges.
    #[must_use]
    pub fn and_some_of(mut self, ethertype: u16, octets: impl IntoIterator<Item = Octet>) -> Self {
        self.ethertypes.push((ethertype, octets.into_iter().collect()));
        self
    }
}

#[cfg(any(target_os = "linux", test))]
pub(super) use program::{Instruction, program};

#[cfg(any(target_os = "linux", test))]
mod program {
    use std::net::IpAddr;

    use super::{Filter, Wanted};

    /// One instruction of classic BPF, laid out as `struct sock_filter`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(in crate::link) struct Instruction {
        pub(in crate::link) code: u16,
        pub(in crate::link) jt: u8,
        pub(in crate::link) jf: u8,
        pub(in crate::link) k: u32,
    }

    const LOAD_WORD: u16 = 0x20;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_HALF_INDEXED: u16 = 0x48;
    const LOAD_X_IPV4_HEADER_LEN: u16 = 0xb1;
    const AND: u16 = 0x54;
    const JUMP: u16 = 0x05;
    const JUMP_EQUAL: u16 = 0x15;
    const JUMP_GREATER: u16 = 0x25;
    const JUMP_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    const WHOLE_FRAME: u32 = 0x0004_0000;
    /// Offsets from here on are not in the frame, but what the kernel knows of it.
    const ANCILLARY: u32 = 0xffff_f000;
    const PACKET_TYPE: u32 = ANCILLARY + 4;
    const VLAN_TAG: u32 = ANCILLARY + 44;
    const VLAN_TAG_PRESENT: u32 = ANCILLARY + 48;
    const VLAN_IDENTIFIER: u32 = 0x0fff;
    const OUTGOING: u32 = 4;

    const ETHERTYPE: u32 = 12;
    const NETWORK: u32 = 14;

    /// One demand on a frame.
    enum Demand {
        /// The value found by this load is one of these (inclusive).
        Within(u16, u32, u32, u32),
        /// Makes [`LOAD_HALF_INDEXED`] count from the end of the IPv4 header.
        IndexBehindIpv4,
        /// One of these words is at one of these offsets. It decides: the frame is accepted or dropped here.
        OneOf(Vec<u32>, Vec<u32>),
    }

    use Demand::{IndexBehindIpv4, OneOf, Within};

    impl Demand {
        /// How many instructions it takes.
        fn len(&self) -> usize {
            match self {
                IndexBehindIpv4 => 1,
                Within(..) => 5,
                OneOf(offsets, words) => offsets.len() * (1 + 2 * words.len()) + 1,
            }
        }
    }

    fn demands(filter: &Filter) -> Vec<Vec<Demand>> {
        let wanted = filter.wanted;
        let ethertype = |kind| Within(LOAD_HALF, ETHERTYPE, kind, kind);
        let next_header = |kind| Within(LOAD_BYTE, NETWORK + 6, kind, kind);
        // A port in the datagram behind the IPv4 header.
        let over_ipv4 = |at, first, last| {
            let udp = Within(LOAD_BYTE, NETWORK + 9, 17, 17);
            vec![ethertype(0x0800), udp, IndexBehindIpv4, Within(LOAD_HALF_INDEXED, at, first, last)]
        };
        let mut all = Vec::new();
        if wanted.has(Wanted::ARP) {
            let mut arp = vec![ethertype(0x0806)];
            if let Some(about) = &filter.about {
                let words = about.iter().filter_map(|address| match address {
                    IpAddr::V4(address) => Some(address.to_bits()),
                    IpAddr::V6(_) => None,
                });
                // Sender and target protocol address.
                arp.push(OneOf(vec![NETWORK + 14, NETWORK + 24], words.collect()));
            }
            all.push(arp);
        }
        if wanted.has(Wanted::NDP) {
            let message =
                |first, last| vec![ethertype(0x86dd), next_header(58), Within(LOAD_BYTE, NETWORK + 40, first, last)];
            all.push(message(133, 134));
            let mut neighbour = message(135, 136);
            if let Some(about) = &filter.about {
                // The last four octets of the target: a few others may have the same.
                let words = about.iter().filter_map(|address| match address {
                    IpAddr::V4(_) => None,
                    IpAddr::V6(address) => Some(address.to_bits() as u32),
                });
                neighbour.push(OneOf(vec![NETWORK + 60], words.collect()));
            }
            all.push(neighbour);
        }
        if wanted.has(Wanted::MLD) {
            // Behind a hop-by-hop header of eight octets: type 130, 131, 132 or 143.
            let mld = |first, last| {
                let inner = Within(LOAD_BYTE, NETWORK + 40, 58, 58);
                vec![ethertype(0x86dd), next_header(0), inner, Within(LOAD_BYTE, NETWORK + 48, first, last)]
            };
            all.push(mld(130, 132));
            all.push(mld(143, 143));
        }
        if wanted.has(Wanted::DHCPV4) {
            all.push(over_ipv4(NETWORK + 2, 67, 68));
        }
        if wanted.has(Wanted::DHCPV6) {
            all.push(vec![ethertype(0x86dd), next_header(17), Within(LOAD_HALF, NETWORK + 42, 546, 547)]);
        }
        if wanted.has(Wanted::MDNS) {
            all.push(over_ipv4(NETWORK, 5353, 5353));
            all.push(vec![ethertype(0x86dd), next_header(17), Within(LOAD_HALF, NETWORK + 40, 5353, 5353)]);
        }
        for (kind, octets) in &filter.ethertypes {
            let within = |(at, range): &super::Octet| {
                Within(LOAD_BYTE, u32::from(*at), u32::from(*range.start()), u32::from(*range.end()))
            };
            all.push(std::iter::once(ethertype(u32::from(*kind))).chain(octets.iter().map(within)).collect());
        }
        all
    }

    const fn step(code: u16, jt: u8, jf: u8, k: u32) -> Instruction {
        Instruction { code, jt, jf, k }
    }

    /// The program: own frames and other VLANs out, then one block for each kind, each of which accepts or goes on.
    /// Conditional jumps reach 255 instructions only, so what leaves a block is an unconditional one.
    pub(in crate::link) fn program(filter: &Filter) -> Vec<Instruction> {
        let mut out = vec![
            step(LOAD_WORD, 0, 0, PACKET_TYPE),
            step(JUMP_EQUAL, 5, 0, OUTGOING),
            step(LOAD_WORD, 0, 0, VLAN_TAG_PRESENT),
            step(JUMP_EQUAL, 4, 0, 0),
            step(LOAD_WORD, 0, 0, VLAN_TAG),
            step(AND, 0, 0, VLAN_IDENTIFIER),
            step(JUMP_EQUAL, 1, 0, 0),
            step(RETURN, 0, 0, 0),
        ];
        for block in demands(filter) {
            let len: usize = 1 + block.iter().map(Demand::len).sum::<usize>();
            let start = out.len();
            for demand in block {
                match demand {
                    IndexBehindIpv4 => out.push(step(LOAD_X_IPV4_HEADER_LEN, 0, 0, NETWORK)),
                    Within(load, at, first, last) => {
                        // Jumps count from the instruction behind them.
                        let out_of_block = |at: usize| step(JUMP, 0, 0, (start + len - at - 1) as u32);
                        out.push(step(load, 0, 0, at));
                        out.push(step(JUMP_AT_LEAST, 1, 0, first));
                        out.push(out_of_block(out.len()));
                        out.push(step(JUMP_GREATER, 0, 1, last));
                        out.push(out_of_block(out.len()));
                    }
                    OneOf(offsets, words) => {
                        for offset in offsets {
                            out.push(step(LOAD_WORD, 0, 0, offset));
                            for word in &words {
                                out.push(step(JUMP_EQUAL, 0, 1, *word));
                                out.push(step(RETURN, 0, 0, WHOLE_FRAME));
                            }
                        }
                        out.push(step(RETURN, 0, 0, 0));
                    }
                }
            }
            out.push(step(RETURN, 0, 0, WHOLE_FRAME));
        }
        out.push(step(RETURN, 0, 0, 0));
        out
    }

    #[cfg(test)]
    mod tests {
        use super::super::MAX_ABOUT;
        use super::*;
        use crate::wire::{MacAddr, arp, compose, dhcpv4, dhcpv6, dns, ipv6, mld};

        /// The kernel's interpreter, as far as the program above needs it. `vlan` is a tag, or 0 for none.
        fn accepts(program: &[Instruction], frame: &[u8], packet_type: u32, vlan: u32) -> bool {
            let (mut a, mut x, mut at) = (0_u32, 0_usize, 0);
            loop {
                let i = program[at];
                at += 1;
                let k = i.k as usize;
                let half = |at: usize| frame.get(at..at + 2).map(|b| u32::from(u16::from_be_bytes([b[0], b[1]])));
                let loaded = match i.code {
                    LOAD_WORD if i.k == PACKET_TYPE => Some(packet_type),
                    LOAD_WORD if i.k == VLAN_TAG_PRESENT => Some(u32::from(vlan != 0)),
                    LOAD_WORD if i.k == VLAN_TAG => Some(vlan),
                    AND => Some(a & i.k),
                    LOAD_HALF => half(k),
                    LOAD_HALF_INDEXED => half(x + k),
                    LOAD_BYTE => frame.get(k).copied().map(u32::from),
                    LOAD_X_IPV4_HEADER_LEN => {
                        x = usize::from(frame[k] & 0xf) * 4;
                        Some(a)
                    }
                    JUMP => {
                        at += k;
                        Some(a)
                    }
                    LOAD_WORD => half(k).zip(half(k + 2)).map(|(high, low)| high << 16 | low),
                    JUMP_EQUAL | JUMP_GREATER | JUMP_AT_LEAST => {
                        let holds = match i.code {
                            JUMP_EQUAL => a == i.k,
                            JUMP_GREATER => a > i.k,
                            _ => a >= i.k,
                        };
                        at += usize::from(if holds { i.jt } else { i.jf });
                        Some(a)
                    }
                    RETURN => return i.k != 0,
                    code => panic!("instruction {code:#x}"),
                };
                // A load beyond the frame ends the program with "drop".
                match loaded {
                    Some(value) => a = value,
                    None => return false,
                }
            }
        }

        #[test]
        fn exactly_what_is_wanted() {
            let mac = MacAddr([2, 0, 0, 0, 0, 1]);
            let local: std::net::Ipv6Addr = "fe80::1".parse().unwrap();
            let query = dns::Repr::multicast_query([[10, 0, 0, 1].into()]);
            let discover = dhcpv4::Repr::from_client(dhcpv4::MessageType::Discover, mac, 1);
            let report = mld::Repr::joined([ipv6::ALL_NODES]);
            let frames = [
                (Wanted::ARP, compose::arp(MacAddr::BROADCAST, &arp::Repr::probe(mac, [10, 0, 0, 1].into()))),
                (Wanted::NDP, compose::ndp_probe(mac, local)),
                (Wanted::MLD, compose::mld((mac, local), ipv6::ALL_MLDV2_ROUTERS, &report)),
                (Wanted::DHCPV4, compose::dhcpv4_from_client(mac, &discover)),
                (Wanted::DHCPV6, compose::dhcpv6_from_client((mac, local), &dhcpv6::Repr::solicit(mac, 1))),
                (Wanted::MDNS, compose::mdns((mac, [10, 0, 0, 9].into()), &query)),
                (Wanted::MDNS, compose::mdns((mac, local.into()), &query)),
            ];
            for wanted in 0..=63 {
                let program = program(&Wanted(wanted).into());
                for (kind, frame) in &frames {
                    let expected = Wanted(wanted).has(*kind);
                    assert_eq!(accepts(&program, frame, 1, 0), expected, "{kind:?} in {wanted:#b}");
                    assert!(!accepts(&program, frame, OUTGOING, 0), "own frames");
                    assert!(!accepts(&program, frame, 1, 1), "other VLANs");
                    assert!(!accepts(&program, frame, 1, 0x600a), "other VLANs, with a priority");
                    assert_eq!(accepts(&program, frame, 1, 0x6000), expected, "a priority alone");
                    assert!(!accepts(&program, &frame[..13], 1, 0), "short frames");
                }
            }
        }

        #[test]
        fn only_what_concerns_the_addresses() {
            let (mac, owner) = (MacAddr([2, 0, 0, 0, 0, 1]), MacAddr([2, 0, 0, 0, 0, 2]));
            let about = |n: u8| [IpAddr::from([10, 0, 3, n]), format!("fd00::3:{n:x}").parse().unwrap()];
            // Long enough that no conditional jump would reach over it.
            let many: Vec<IpAddr> = (0..200).flat_map(about).collect();
            let filter = Filter::from(Wanted::ARP.and(Wanted::NDP)).about(many).and_ethertype(0x88b5);
            let program = program(&filter);
            assert!(program.len() <= 4096, "the kernel takes no more: {}", program.len());
            let asks = |address: [u8; 4]| compose::arp(MacAddr::BROADCAST, &arp::Repr::probe(mac, address.into()));
            let claims = |address: [u8; 4]| {
                let question = arp::Repr::probe(mac, address.into());
                compose::arp(mac, &arp::Repr::reply(&question, owner))
            };
            for (address, passes) in [([10, 0, 3, 0], true), ([10, 0, 3, 199], true), ([10, 0, 3, 200], false)] {
                assert_eq!(accepts(&program, &asks(address), 1, 0), passes, "{address:?}");
                assert_eq!(accepts(&program, &claims(address), 1, 0), passes, "{address:?}");
            }
            for (target, passes) in [("fd00::3:0", true), ("fd00::3:c7", true), ("fd00::3:c8", false)] {
                let target = target.parse().unwrap();
                assert_eq!(accepts(&program, &compose::ndp_probe(mac, target), 1, 0), passes, "{target}");
                let announced = compose::ndp_announcement(mac, target, true);
                assert_eq!(accepts(&program, &announced, 1, 0), passes, "{target}");
            }
            let mut advert = asks([10, 0, 9, 9]);
            advert[12..14].copy_from_slice(&0x88b5_u16.to_be_bytes());
            assert!(accepts(&program, &advert, 1, 0));
            advert[13] = 0xb6;
            assert!(!accepts(&program, &advert, 1, 0));
        }

        #[test]
        fn some_frames_of_a_type_by_what_stands_in_them() {
            let filter = Filter::from(Wanted::NOTHING).and_some_of(0x88b5, [(18, 1..=1), (19, 0..=0)]);
            let others = Filter::from(Wanted::NOTHING)
                .and_some_of(0x88b5, [(18, 2..=255)])
                .and_some_of(0x88b5, [(18, 0..=1), (19, 1..=255)]);
            let frame = |kind: u8, flags: u8| {
                let mut frame = vec![0; 60];
                frame[12..14].copy_from_slice(&0x88b5_u16.to_be_bytes());
                (frame[18], frame[19]) = (kind, flags);
                frame
            };
            for (kind, flags, first) in [(1, 0, true), (1, 1, false), (1, 255, false), (2, 0, false), (4, 3, false)] {
                assert_eq!(accepts(&program(&filter), &frame(kind, flags), 1, 0), first, "{kind} {flags}");
                assert_eq!(accepts(&program(&others), &frame(kind, flags), 1, 0), !first, "{kind} {flags}");
            }
            assert!(!accepts(&program(&filter), &frame(1, 0)[..19], 1, 0), "too short to tell");
        }

        #[test]
        fn no_filter_is_too_long_for_the_kernel() {
            let addresses = |count: u32| (0..count).map(|n| IpAddr::V4((0x0a00_0000 + n).into()));
            let length = |count| program(&Filter::from(Wanted::ALL).about(addresses(count))).len();
            assert!(length(MAX_ABOUT as u32) <= 4096, "{}", length(MAX_ABOUT as u32));
            assert!(length(MAX_ABOUT as u32 + 1) < 200, "then all are let through");
        }

        #[test]
        fn other_traffic_is_dropped() {
            let mac = MacAddr([2, 0, 0, 0, 0, 1]);
            let discover = dhcpv4::Repr::from_client(dhcpv4::MessageType::Discover, mac, 1);
            let mut web = compose::dhcpv4_from_client(mac, &discover);
            web[36..38].copy_from_slice(&80_u16.to_be_bytes());
            assert!(!accepts(&program(&Wanted::ALL.into()), &web, 1, 0));
            let mut echo = compose::ndp_probe(mac, "fe80::1".parse().unwrap());
            echo[54] = 128;
            assert!(!accepts(&program(&Wanted::ALL.into()), &echo, 1, 0));
        }
    }
}
