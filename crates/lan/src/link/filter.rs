//! Which frames a link lets through, as a set and as a program for the kernel.
//!
//! A busy LAN stays out of this process: the kernel drops what is not wanted. The program refuses frames that this machine
//! sent itself, and frames of another VLAN, whose tag the kernel keeps beside the frame.

/// Kinds of frames, to be joined by [`Wanted::and`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Wanted(u8);

impl Wanted {
    /// ARP.
    pub const ARP: Self = Self(1);
    /// Neighbor Discovery: solicitations and advertisements of routers and neighbours.
    pub const NDP: Self = Self(2);
    /// Multicast Listener reports.
    pub const MLD: Self = Self(4);
    /// DHCP, both directions.
    pub const DHCPV4: Self = Self(8);
    /// DHCPv6, both directions.
    pub const DHCPV6: Self = Self(16);
    /// All of these.
    pub const ALL: Self = Self(31);

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

#[cfg(any(target_os = "linux", test))]
pub(super) use program::{Instruction, program};

#[cfg(any(target_os = "linux", test))]
mod program {
    use super::Wanted;

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
    const JUMP_EQUAL: u16 = 0x15;
    const JUMP_GREATER: u16 = 0x25;
    const JUMP_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    const WHOLE_FRAME: u32 = 0x0004_0000;
    /// Offsets from here on are not in the frame, but what the kernel knows of it.
    const ANCILLARY: u32 = 0xffff_f000;
    const PACKET_TYPE: u32 = ANCILLARY + 4;
    const VLAN_TAG_PRESENT: u32 = ANCILLARY + 48;
    const OUTGOING: u32 = 4;

    const ETHERTYPE: u32 = 12;
    const NETWORK: u32 = 14;

    /// One demand on a frame.
    enum Demand {
        /// The value found by this load is one of these (inclusive).
        Within(u16, u32, u32, u32),
        /// Makes [`LOAD_HALF_INDEXED`] count from the end of the IPv4 header.
        IndexBehindIpv4,
    }

    use Demand::{IndexBehindIpv4, Within};

    fn demands(wanted: Wanted) -> Vec<Vec<Demand>> {
        let ethertype = |kind| Within(LOAD_HALF, ETHERTYPE, kind, kind);
        let next_header = |kind| Within(LOAD_BYTE, NETWORK + 6, kind, kind);
        let mut all = Vec::new();
        if wanted.has(Wanted::ARP) {
            all.push(vec![ethertype(0x0806)]);
        }
        if wanted.has(Wanted::NDP) {
            all.push(vec![ethertype(0x86dd), next_header(58), Within(LOAD_BYTE, NETWORK + 40, 133, 136)]);
        }
        if wanted.has(Wanted::MLD) {
            // Behind a hop-by-hop header of eight octets: type 131, 132 or 143.
            let mld = |first, last| {
                let inner = Within(LOAD_BYTE, NETWORK + 40, 58, 58);
                vec![ethertype(0x86dd), next_header(0), inner, Within(LOAD_BYTE, NETWORK + 48, first, last)]
            };
            all.push(mld(131, 132));
            all.push(mld(143, 143));
        }
        if wanted.has(Wanted::DHCPV4) {
            all.push(vec![
                ethertype(0x0800),
                Within(LOAD_BYTE, NETWORK + 9, 17, 17),
                IndexBehindIpv4,
                Within(LOAD_HALF_INDEXED, NETWORK + 2, 67, 68),
            ]);
        }
        if wanted.has(Wanted::DHCPV6) {
            all.push(vec![ethertype(0x86dd), next_header(17), Within(LOAD_HALF, NETWORK + 42, 546, 547)]);
        }
        all
    }

    const fn step(code: u16, jt: u8, jf: u8, k: u32) -> Instruction {
        Instruction { code, jt, jf, k }
    }

    /// The program: own frames and other VLANs out, then one block for each kind, each of which accepts or goes on.
    pub(in crate::link) fn program(wanted: Wanted) -> Vec<Instruction> {
        let mut out = vec![
            step(LOAD_WORD, 0, 0, PACKET_TYPE),
            step(JUMP_EQUAL, 2, 0, OUTGOING),
            step(LOAD_WORD, 0, 0, VLAN_TAG_PRESENT),
            step(JUMP_EQUAL, 1, 0, 0),
            step(RETURN, 0, 0, 0),
        ];
        for block in demands(wanted) {
            let len: usize = 1 + block.iter().map(|d| if matches!(d, IndexBehindIpv4) { 1 } else { 3 }).sum::<usize>();
            let start = out.len();
            for demand in block {
                // Jumps count from the instruction behind them.
                let out_of_block = |at: usize| (start + len - at - 1) as u8;
                match demand {
                    IndexBehindIpv4 => out.push(step(LOAD_X_IPV4_HEADER_LEN, 0, 0, NETWORK)),
                    Within(load, at, first, last) => {
                        out.push(step(load, 0, 0, at));
                        out.push(step(JUMP_AT_LEAST, 0, out_of_block(out.len()), first));
                        out.push(step(JUMP_GREATER, out_of_block(out.len()), 0, last));
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
        use super::*;
        use crate::wire::{MacAddr, arp, compose, dhcpv4, dhcpv6, ipv6, mld};

        /// The kernel's interpreter, as far as the program above needs it.
        fn accepts(program: &[Instruction], frame: &[u8], packet_type: u32, vlan: u32) -> bool {
            let (mut a, mut x, mut at) = (0_u32, 0_usize, 0);
            loop {
                let i = program[at];
                at += 1;
                let k = i.k as usize;
                let half = |at: usize| frame.get(at..at + 2).map(|b| u32::from(u16::from_be_bytes([b[0], b[1]])));
                let loaded = match i.code {
                    LOAD_WORD if i.k == PACKET_TYPE => Some(packet_type),
                    LOAD_WORD if i.k == VLAN_TAG_PRESENT => Some(vlan),
                    LOAD_HALF => half(k),
                    LOAD_HALF_INDEXED => half(x + k),
                    LOAD_BYTE => frame.get(k).copied().map(u32::from),
                    LOAD_X_IPV4_HEADER_LEN => {
                        x = usize::from(frame[k] & 0xf) * 4;
                        Some(a)
                    }
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
            let local = "fe80::1".parse().unwrap();
            let discover = dhcpv4::Repr::from_client(dhcpv4::MessageType::Discover, mac, 1);
            let report = mld::Repr::joined([ipv6::ALL_NODES]);
            let frames = [
                (Wanted::ARP, compose::arp(MacAddr::BROADCAST, &arp::Repr::probe(mac, [10, 0, 0, 1].into()))),
                (Wanted::NDP, compose::ndp_probe(mac, local)),
                (Wanted::MLD, compose::mld((mac, local), ipv6::ALL_MLDV2_ROUTERS, &report)),
                (Wanted::DHCPV4, compose::dhcpv4_from_client(mac, &discover)),
                (Wanted::DHCPV6, compose::dhcpv6_from_client((mac, local), &dhcpv6::Repr::solicit(mac, 1))),
            ];
            for wanted in 0..=31 {
                let program = program(Wanted(wanted));
                for (kind, frame) in &frames {
                    let expected = Wanted(wanted).has(*kind);
                    assert_eq!(accepts(&program, frame, 1, 0), expected, "{kind:?} in {wanted:#b}");
                    assert!(!accepts(&program, frame, OUTGOING, 0), "own frames");
                    assert!(!accepts(&program, frame, 1, 1), "other VLANs");
                    assert!(!accepts(&program, &frame[..13], 1, 0), "short frames");
                }
            }
        }

        #[test]
        fn other_traffic_is_dropped() {
            let mac = MacAddr([2, 0, 0, 0, 0, 1]);
            let discover = dhcpv4::Repr::from_client(dhcpv4::MessageType::Discover, mac, 1);
            let mut web = compose::dhcpv4_from_client(mac, &discover);
            web[36..38].copy_from_slice(&80_u16.to_be_bytes());
            assert!(!accepts(&program(Wanted::ALL), &web, 1, 0));
            let mut echo = compose::ndp_probe(mac, "fe80::1".parse().unwrap());
            echo[54] = 128;
            assert!(!accepts(&program(Wanted::ALL), &echo, 1, 0));
        }
    }
}
