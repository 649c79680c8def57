//! Neighbor Discovery (RFC 4861), with the nonce of Enhanced DAD (RFC 7527) and DNS servers (RFC 8106).

use std::net::Ipv6Addr;

use super::icmpv6::{self, emit_message};
use super::{MacAddr, at_least, be16, be32, ipv6, octets};
use crate::error::{Error, Result};

const LAYER: &str = "NDP";
/// Type of a Router Solicitation.
pub const ROUTER_SOLICITATION: u8 = 133;
/// Type of a Router Advertisement.
pub const ROUTER_ADVERTISEMENT: u8 = 134;
/// Type of a Neighbor Solicitation.
pub const NEIGHBOR_SOLICITATION: u8 = 135;
/// Type of a Neighbor Advertisement.
pub const NEIGHBOR_ADVERTISEMENT: u8 = 136;

/// A prefix a router announces (RFC 4861 section 4.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PrefixInformation {
    /// The prefix; bits beyond `length` mean nothing.
    pub prefix: Ipv6Addr,
    /// Length in bits.
    pub length: u8,
    /// L flag: addresses of the prefix are on this link.
    pub on_link: bool,
    /// A flag: hosts make their own addresses.
    pub autonomous: bool,
    /// Seconds; `u32::MAX` is for ever.
    pub valid_lifetime: u32,
    /// Seconds; `u32::MAX` is for ever.
    pub preferred_lifetime: u32,
}

/// An option of a Neighbor Discovery message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NdpOption {
    /// 1: hardware address of the sender.
    SourceLinkLayer(MacAddr),
    /// 2: hardware address of the target.
    TargetLinkLayer(MacAddr),
    /// 3: a prefix.
    Prefix(PrefixInformation),
    /// 5: maximum transmission unit of the link.
    Mtu(u32),
    /// 14: tells one's own looped-back solicitation from another's (RFC 3971 section 5.3.2). 6 octets, or 8·n − 2.
    Nonce(Vec<u8>),
    /// 25: recursive DNS servers, and for how many seconds (RFC 8106 section 5.1).
    RecursiveDns {
        /// Seconds.
        lifetime: u32,
        /// At least one.
        servers: Vec<Ipv6Addr>,
    },
    /// Any other, or one whose length is not what its type says; `data` without type and length, 8·n − 2 octets.
    Unknown {
        /// Type.
        kind: u8,
        /// Content.
        data: Vec<u8>,
    },
}

impl NdpOption {
    fn parse(kind: u8, data: &[u8]) -> Self {
        match (kind, data.len()) {
            (1, 6) => Self::SourceLinkLayer(MacAddr(octets(data, 0))),
            (2, 6) => Self::TargetLinkLayer(MacAddr(octets(data, 0))),
            (3, 30) if data[0] <= 128 => Self::Prefix(PrefixInformation {
                prefix: octets::<16>(data, 14).into(),
                length: data[0],
                on_link: data[1] & 0x80 != 0,
                autonomous: data[1] & 0x40 != 0,
                valid_lifetime: be32(data, 2),
                preferred_lifetime: be32(data, 6),
            }),
            (5, 6) => Self::Mtu(be32(data, 2)),
            (14, _) => Self::Nonce(data.to_vec()),
            (25, len) if len >= 22 && (len - 6) % 16 == 0 => Self::RecursiveDns {
                lifetime: be32(data, 2),
                servers: data[6..].chunks_exact(16).map(|server| octets::<16>(server, 0).into()).collect(),
            },
            _ => Self::Unknown { kind, data: data.to_vec() },
        }
    }

    fn buffer_len(&self) -> usize {
        let content: usize = match self {
            Self::SourceLinkLayer(_) | Self::TargetLinkLayer(_) | Self::Mtu(_) => 6,
            Self::Prefix(_) => 30,
            Self::Nonce(nonce) => nonce.len(),
            Self::RecursiveDns { servers, .. } => 6 + 16 * servers.len(),
            Self::Unknown { data, .. } => data.len(),
        };
        (content + 2).next_multiple_of(8)
    }

    fn emit(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.buffer_len();
        let kind = match self {
            Self::SourceLinkLayer(_) => 1,
            Self::TargetLinkLayer(_) => 2,
            Self::Prefix(_) => 3,
            Self::Mtu(_) => 5,
            Self::Nonce(_) => 14,
            Self::RecursiveDns { .. } => 25,
            Self::Unknown { kind, .. } => *kind,
        };
        out.extend_from_slice(&[kind, (self.buffer_len() / 8) as u8]);
        match self {
            Self::SourceLinkLayer(mac) | Self::TargetLinkLayer(mac) => out.extend_from_slice(&mac.0),
            Self::Prefix(info) => {
                out.extend_from_slice(&[info.length, u8::from(info.on_link) << 7 | u8::from(info.autonomous) << 6]);
                out.extend_from_slice(&info.valid_lifetime.to_be_bytes());
                out.extend_from_slice(&info.preferred_lifetime.to_be_bytes());
                out.extend_from_slice(&[0; 4]);
                out.extend_from_slice(&info.prefix.octets());
            }
            Self::Mtu(mtu) => {
                out.extend_from_slice(&[0; 2]);
                out.extend_from_slice(&mtu.to_be_bytes());
            }
            Self::Nonce(data) | Self::Unknown { data, .. } => out.extend_from_slice(data),
            Self::RecursiveDns { lifetime, servers } => {
                out.extend_from_slice(&[0; 2]);
                out.extend_from_slice(&lifetime.to_be_bytes());
                for server in servers {
                    out.extend_from_slice(&server.octets());
                }
            }
        }
        out.resize(end, 0);
    }
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Repr {
    /// Asks routers to speak now.
    RouterSolicitation {
        /// Options.
        options: Vec<NdpOption>,
    },
    /// A router describes the link.
    RouterAdvertisement {
        /// Hop limit hosts should use; 0: not said.
        hop_limit: u8,
        /// M flag: addresses come from DHCPv6.
        managed: bool,
        /// O flag: other configuration comes from DHCPv6.
        other_config: bool,
        /// Seconds this router serves as default router; 0: it does not.
        router_lifetime: u16,
        /// Milliseconds; 0: not said.
        reachable_time: u32,
        /// Milliseconds; 0: not said.
        retrans_timer: u32,
        /// Options.
        options: Vec<NdpOption>,
    },
    /// Asks who has an address; from `::` it is a probe (Duplicate Address Detection).
    NeighborSolicitation {
        /// The address asked for.
        target: Ipv6Addr,
        /// Options.
        options: Vec<NdpOption>,
    },
    /// Says who has an address.
    NeighborAdvertisement {
        /// R flag: the sender is a router.
        router: bool,
        /// S flag: answers a solicitation; never set on multicast.
        solicited: bool,
        /// O flag: caches shall be overwritten.
        override_cache: bool,
        /// The address owned.
        target: Ipv6Addr,
        /// Options.
        options: Vec<NdpOption>,
    },
}

impl Repr {
    /// Reads a message out of an IPv6 packet whose upper layer is ICMPv6, with the checks of RFC 4861 sections 6.1 and
    /// 7.1: hop limit 255, code 0, checksum, no empty option, and what each message demands of its addresses.
    pub fn parse(header: &ipv6::Repr, message: &[u8]) -> Result<Self> {
        if header.hop_limit != 255 {
            return Err(malformed("the hop limit is not 255"));
        }
        let packet = icmpv6::Packet::new_checked(message, header.source, header.destination)?;
        if packet.code() != 0 {
            return Err(malformed("the code is not 0"));
        }
        let body = packet.body();
        match packet.kind() {
            ROUTER_SOLICITATION => {
                let options = parse_options(body, 4)?;
                if header.source.is_unspecified() && has_source_link_layer(&options) {
                    return Err(malformed("an unspecified source with a source link-layer address"));
                }
                Ok(Self::RouterSolicitation { options })
            }
            ROUTER_ADVERTISEMENT => {
                let options = parse_options(body, 12)?;
                if !header.source.is_unicast_link_local() {
                    return Err(malformed("a router speaks from an address that is not link-local"));
                }
                Ok(Self::RouterAdvertisement {
                    hop_limit: body[0],
                    managed: body[1] & 0x80 != 0,
                    other_config: body[1] & 0x40 != 0,
                    router_lifetime: be16(body, 2),
                    reachable_time: be32(body, 4),
                    retrans_timer: be32(body, 8),
                    options,
                })
            }
            NEIGHBOR_SOLICITATION => {
                let options = parse_options(body, 20)?;
                let target = unicast_target(body)?;
                if header.source.is_unspecified() {
                    if header.destination != ipv6::solicited_node(target) {
                        return Err(malformed("a probe not sent to the solicited-node group"));
                    }
                    if has_source_link_layer(&options) {
                        return Err(malformed("an unspecified source with a source link-layer address"));
                    }
                }
                Ok(Self::NeighborSolicitation { target, options })
            }
            NEIGHBOR_ADVERTISEMENT => {
                let options = parse_options(body, 20)?;
                let solicited = body[0] & 0x40 != 0;
                if solicited && header.destination.is_multicast() {
                    return Err(malformed("a multicast advertisement that says it was solicited"));
                }
                Ok(Self::NeighborAdvertisement {
                    router: body[0] & 0x80 != 0,
                    solicited,
                    override_cache: body[0] & 0x20 != 0,
                    target: unicast_target(body)?,
                    options,
                })
            }
            _ => Err(malformed("not a Neighbor Discovery message")),
        }
    }

    /// The options, in order.
    pub fn options(&self) -> &[NdpOption] {
        match self {
            Self::RouterSolicitation { options }
            | Self::RouterAdvertisement { options, .. }
            | Self::NeighborSolicitation { options, .. }
            | Self::NeighborAdvertisement { options, .. } => options,
        }
    }

    /// The sender's hardware address, where it says it.
    pub fn source_link_layer(&self) -> Option<MacAddr> {
        self.options().iter().find_map(|option| match option {
            NdpOption::SourceLinkLayer(mac) => Some(*mac),
            _ => None,
        })
    }

    /// The hardware address of the address that is advertised, where it is said.
    pub fn target_link_layer(&self) -> Option<MacAddr> {
        self.options().iter().find_map(|option| match option {
            NdpOption::TargetLinkLayer(mac) => Some(*mac),
            _ => None,
        })
    }

    /// How many bytes `emit` appends.
    pub fn buffer_len(&self) -> usize {
        let fixed = match self {
            Self::RouterSolicitation { .. } => 4,
            Self::RouterAdvertisement { .. } => 12,
            Self::NeighborSolicitation { .. } | Self::NeighborAdvertisement { .. } => 20,
        };
        icmpv6::HEADER_LEN + fixed + self.options().iter().map(NdpOption::buffer_len).sum::<usize>()
    }

    /// Appends the message with its checksum, which covers the addresses of the IPv6 header. Options of more than 2,038
    /// octets cannot be written; their length octet would wrap.
    pub fn emit(&self, source: Ipv6Addr, destination: Ipv6Addr, out: &mut Vec<u8>) {
        let kind = match self {
            Self::RouterSolicitation { .. } => ROUTER_SOLICITATION,
            Self::RouterAdvertisement { .. } => ROUTER_ADVERTISEMENT,
            Self::NeighborSolicitation { .. } => NEIGHBOR_SOLICITATION,
            Self::NeighborAdvertisement { .. } => NEIGHBOR_ADVERTISEMENT,
        };
        emit_message(kind, source, destination, out, |out| {
            match self {
                Self::RouterSolicitation { .. } => out.extend_from_slice(&[0; 4]),
                Self::RouterAdvertisement {
                    hop_limit,
                    managed,
                    other_config,
                    router_lifetime,
                    reachable_time,
                    retrans_timer,
                    ..
                } => {
                    out.extend_from_slice(&[*hop_limit, u8::from(*managed) << 7 | u8::from(*other_config) << 6]);
                    out.extend_from_slice(&router_lifetime.to_be_bytes());
                    out.extend_from_slice(&reachable_time.to_be_bytes());
                    out.extend_from_slice(&retrans_timer.to_be_bytes());
                }
                Self::NeighborSolicitation { target, .. } => {
                    out.extend_from_slice(&[0; 4]);
                    out.extend_from_slice(&target.octets());
                }
                Self::NeighborAdvertisement { router, solicited, override_cache, target, .. } => {
                    let flags = u8::from(*router) << 7 | u8::from(*solicited) << 6 | u8::from(*override_cache) << 5;
                    out.extend_from_slice(&[flags, 0, 0, 0]);
                    out.extend_from_slice(&target.octets());
                }
            }
            for option in self.options() {
                option.emit(out);
            }
        });
    }
}

fn malformed(reason: &'static str) -> Error {
    Error::Malformed { layer: LAYER, reason }
}

fn has_source_link_layer(options: &[NdpOption]) -> bool {
    options.iter().any(|option| matches!(option, NdpOption::SourceLinkLayer(_)))
}

/// The target field of a solicitation or advertisement, whose length `parse_options` has checked.
fn unicast_target(body: &[u8]) -> Result<Ipv6Addr> {
    let target = Ipv6Addr::from(octets::<16>(body, 4));
    if target.is_multicast() { Err(malformed("the target is a multicast address")) } else { Ok(target) }
}

/// Checks that the fixed part is there and reads the options behind it.
fn parse_options(body: &[u8], fixed: usize) -> Result<Vec<NdpOption>> {
    at_least(body, fixed, LAYER)?;
    let mut rest = &body[fixed..];
    let mut options = Vec::new();
    while !rest.is_empty() {
        at_least(rest, 2, LAYER)?;
        let len = usize::from(rest[1]) * 8;
        if len == 0 {
            return Err(malformed("an option of length 0"));
        }
        at_least(rest, len, LAYER)?;
        options.push(NdpOption::parse(rest[0], &rest[2..len]));
        rest = &rest[len..];
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Router Advertisement as a home router sends it.
    fn advertisement() -> Repr {
        Repr::RouterAdvertisement {
            hop_limit: 64,
            managed: false,
            other_config: true,
            router_lifetime: 1800,
            reachable_time: 0,
            retrans_timer: 0,
            options: vec![
                NdpOption::SourceLinkLayer(MacAddr([2, 0x71, 0, 0, 0, 1])),
                NdpOption::Mtu(1500),
                NdpOption::Prefix(PrefixInformation {
                    prefix: "fd00:1::".parse().unwrap(),
                    length: 64,
                    on_link: true,
                    autonomous: true,
                    valid_lifetime: 86_400,
                    preferred_lifetime: 14_400,
                }),
                NdpOption::RecursiveDns { lifetime: 600, servers: vec!["fd00:1::1".parse().unwrap()] },
            ],
        }
    }

    fn header(source: &str, destination: Ipv6Addr) -> ipv6::Repr {
        let source = source.parse().unwrap();
        ipv6::Repr { source, destination, next_header: ipv6::ICMPV6, hop_limit: 255, payload_len: 0 }
    }

    fn bytes(repr: &Repr, header: &ipv6::Repr) -> Vec<u8> {
        let mut out = Vec::new();
        repr.emit(header.source, header.destination, &mut out);
        assert_eq!(out.len(), repr.buffer_len());
        out
    }

    #[test]
    fn probe_bytes() {
        // RFC 4861 section 4.3 with RFC 4862's unspecified source; the checksum was computed by hand.
        let target: Ipv6Addr = "fe80::1".parse().unwrap();
        let header = header("::", ipv6::solicited_node(target));
        let probe = Repr::NeighborSolicitation { target, options: vec![] };
        let out = bytes(&probe, &header);
        #[rustfmt::skip]
        assert_eq!(out, [
            135, 0, 0x7c, 0x25, 0, 0, 0, 0,
            0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
        ]);
        assert_eq!(Repr::parse(&header, &out).unwrap(), probe);
    }

    #[test]
    fn router_advertisement_round_trips() {
        let header = header("fe80::71ff:fe00:1", ipv6::ALL_NODES);
        let out = bytes(&advertisement(), &header);
        assert_eq!(out[16..24], [1, 1, 2, 0x71, 0, 0, 0, 1], "RFC 4861 section 4.6.1");
        assert_eq!(out[24..32], [5, 1, 0, 0, 0, 0, 0x05, 0xdc], "RFC 4861 section 4.6.4");
        assert_eq!(out[32..36], [3, 4, 64, 0xc0], "RFC 4861 section 4.6.2");
        assert_eq!(out[64..72], [25, 3, 0, 0, 0, 0, 2, 0x58], "RFC 8106 section 5.1");
        assert_eq!(Repr::parse(&header, &out).unwrap(), advertisement());
    }

    #[test]
    fn what_the_rfc_refuses_is_refused() {
        let target: Ipv6Addr = "fe80::1".parse().unwrap();
        let group = ipv6::solicited_node(target);
        let solicitation = |options| Repr::NeighborSolicitation { target, options };
        let source = vec![NdpOption::SourceLinkLayer(MacAddr::ZERO)];
        let refused = |repr: &Repr, header: &ipv6::Repr| Repr::parse(header, &bytes(repr, header)).is_err();

        assert!(refused(&solicitation(vec![]), &ipv6::Repr { hop_limit: 254, ..header("::", group) }));
        assert!(refused(&solicitation(source.clone()), &header("::", group)));
        assert!(!refused(&solicitation(source), &header("fe80::2", group)));
        assert!(refused(&solicitation(vec![]), &header("::", ipv6::ALL_NODES)));
        assert!(refused(&advertisement(), &header("fd00::1", ipv6::ALL_NODES)));
        let empty = solicitation(vec![NdpOption::Unknown { kind: 200, data: vec![0; 6] }]);
        let mut out = bytes(&empty, &header("::", group));
        out[25] = 0;
        assert!(Repr::parse(&header("::", group), &out).is_err());
    }

    #[test]
    fn a_wrong_checksum_is_refused() {
        let header = header("fe80::1", ipv6::ALL_NODES);
        let mut out = bytes(&advertisement(), &header);
        out[5] ^= 1;
        assert!(matches!(Repr::parse(&header, &out), Err(Error::Checksum { .. })));
    }
}
