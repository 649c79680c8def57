//! IPv6 headers (RFC 8200), as far as neighbours need them.

use std::net::Ipv6Addr;

use super::{at_least, be16, octets};
use crate::error::{Error, Result};

const LAYER: &str = "IPv6";
const PAYLOAD_LEN: usize = 4;
const NEXT_HEADER: usize = 6;
const HOP_LIMIT: usize = 7;
const SOURCE: usize = 8;
const DESTINATION: usize = 24;
/// Length of the fixed header.
pub const HEADER_LEN: usize = 40;
/// Next header: hop-by-hop options.
pub const HOP_BY_HOP: u8 = 0;
/// Next header: UDP.
pub const UDP: u8 = 17;
/// Next header: ICMPv6.
pub const ICMPV6: u8 = 58;
const ROUTING: u8 = 43;
const DESTINATION_OPTIONS: u8 = 60;

/// All nodes on the link, `ff02::1`.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// All routers on the link, `ff02::2`.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// All MLDv2-capable routers, `ff02::16` (RFC 3810 section 5.2.14).
pub const ALL_MLDV2_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);

/// The solicited-node group of an address (RFC 4291 section 2.7.1).
pub const fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let o = address.octets();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | o[13] as u16, (o[14] as u16) << 8 | o[15] as u16)
}

/// A view of an IPv6 packet.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T> {
    buffer: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// Checks version and lengths. Bytes behind the payload length are padding.
    pub fn new_checked(buffer: T) -> Result<Self> {
        let bytes = buffer.as_ref();
        at_least(bytes, HEADER_LEN, LAYER)?;
        if bytes[0] >> 4 != 6 {
            return Err(Error::Malformed { layer: LAYER, reason: "the version is not 6" });
        }
        at_least(bytes, HEADER_LEN + usize::from(be16(bytes, PAYLOAD_LEN)), LAYER)?;
        Ok(Self { buffer })
    }

    /// Source address.
    pub fn source(&self) -> Ipv6Addr {
        octets::<16>(self.buffer.as_ref(), SOURCE).into()
    }

    /// Destination address.
    pub fn destination(&self) -> Ipv6Addr {
        octets::<16>(self.buffer.as_ref(), DESTINATION).into()
    }

    /// Hop limit; 255 proves that no router forwarded the packet.
    pub fn hop_limit(&self) -> u8 {
        self.buffer.as_ref()[HOP_LIMIT]
    }

    /// The first next-header value.
    pub fn next_header(&self) -> u8 {
        self.buffer.as_ref()[NEXT_HEADER]
    }

    /// What follows the fixed header.
    pub fn payload(&self) -> &[u8] {
        let bytes = self.buffer.as_ref();
        &bytes[HEADER_LEN..HEADER_LEN + usize::from(be16(bytes, PAYLOAD_LEN))]
    }

    /// The upper-layer protocol and its bytes, behind hop-by-hop, routing and destination options. A fragment stops at
    /// its fragment header, which is returned as the protocol: RFC 6980 forbids fragmented Neighbor Discovery.
    pub fn upper_layer(&self) -> Result<(u8, &[u8])> {
        let (mut next, mut rest) = (self.next_header(), self.payload());
        while matches!(next, HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS) {
            at_least(rest, 8, LAYER)?;
            let len = (usize::from(rest[1]) + 1) * 8;
            at_least(rest, len, LAYER)?;
            (next, rest) = (rest[0], &rest[len..]);
        }
        Ok((next, rest))
    }
}

/// An IPv6 header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Repr {
    /// Source address.
    pub source: Ipv6Addr,
    /// Destination address.
    pub destination: Ipv6Addr,
    /// What follows.
    pub next_header: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// Length of what follows, in octets.
    pub payload_len: u16,
}

impl Repr {
    /// Reads a header. A multicast source is refused (RFC 4291 section 2.7).
    pub fn parse<T: AsRef<[u8]>>(packet: &Packet<T>) -> Result<Self> {
        if packet.source().is_multicast() {
            return Err(Error::Malformed { layer: LAYER, reason: "the source is a multicast address" });
        }
        Ok(Self {
            source: packet.source(),
            destination: packet.destination(),
            next_header: packet.next_header(),
            hop_limit: packet.hop_limit(),
            payload_len: packet.payload().len() as u16,
        })
    }

    /// How many bytes `emit` appends.
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN
    }

    /// Appends the header.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0x60, 0, 0, 0]);
        out.extend_from_slice(&self.payload_len.to_be_bytes());
        out.extend_from_slice(&[self.next_header, self.hop_limit]);
        out.extend_from_slice(&self.source.octets());
        out.extend_from_slice(&self.destination.octets());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solicited_node_of_rfc_4291() {
        // Section 2.7.1: 4037::01:800:200E:8C6C becomes FF02::1:FF0E:8C6C.
        let address: Ipv6Addr = "4037::1:800:200e:8c6c".parse().unwrap();
        assert_eq!(solicited_node(address), "ff02::1:ff0e:8c6c".parse::<Ipv6Addr>().unwrap());
    }

    #[test]
    fn round_trip_and_padding() {
        let repr = Repr {
            source: "fe80::1".parse().unwrap(),
            destination: ALL_NODES,
            next_header: ICMPV6,
            hop_limit: 255,
            payload_len: 2,
        };
        let mut bytes = Vec::new();
        repr.emit(&mut bytes);
        bytes.extend_from_slice(&[7, 8, 0, 0]);
        let packet = Packet::new_checked(&bytes).unwrap();
        assert_eq!(Repr::parse(&packet).unwrap(), repr);
        assert_eq!(packet.upper_layer().unwrap(), (ICMPV6, &[7, 8][..]));
    }

    #[test]
    fn extension_headers_are_walked_and_never_overrun() {
        let header = |payload_len, next_header| Repr {
            source: Ipv6Addr::UNSPECIFIED,
            destination: ALL_MLDV2_ROUTERS,
            next_header,
            hop_limit: 1,
            payload_len,
        };
        let mut bytes = Vec::new();
        header(9, HOP_BY_HOP).emit(&mut bytes);
        bytes.extend_from_slice(&[ICMPV6, 0, 5, 2, 0, 0, 1, 0, 143]);
        assert_eq!(Packet::new_checked(&bytes).unwrap().upper_layer().unwrap(), (ICMPV6, &[143][..]));
        bytes[HEADER_LEN + 1] = 200;
        assert!(Packet::new_checked(&bytes).unwrap().upper_layer().is_err());
        bytes.truncate(48);
        assert!(Packet::new_checked(&bytes).is_err());
    }
}
