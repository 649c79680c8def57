//! IPv4 headers (RFC 791), as far as DHCP needs them.

use std::net::Ipv4Addr;

use super::checksum::Sum;
use super::{at_least, be16, octets};
use crate::error::{Error, Result};

const LAYER: &str = "IPv4";
const TOTAL_LEN: usize = 2;
const FRAGMENT: usize = 6;
const TTL: usize = 8;
const PROTOCOL: usize = 9;
const SOURCE: usize = 12;
const DESTINATION: usize = 16;
/// Length of a header without options.
pub const HEADER_LEN: usize = 20;
/// Protocol: UDP.
pub const UDP: u8 = 17;

/// A view of an IPv4 packet.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T> {
    buffer: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// Checks version and lengths. Bytes behind the total length are padding.
    pub fn new_checked(buffer: T) -> Result<Self> {
        let bytes = buffer.as_ref();
        at_least(bytes, HEADER_LEN, LAYER)?;
        if bytes[0] >> 4 != 4 {
            return Err(Error::Malformed { layer: LAYER, reason: "the version is not 4" });
        }
        let packet = Self { buffer };
        let (header, total) = (packet.header_len(), packet.total_len());
        if header < HEADER_LEN || total < header {
            return Err(Error::Malformed { layer: LAYER, reason: "the lengths contradict each other" });
        }
        at_least(packet.buffer.as_ref(), total, LAYER)?;
        Ok(packet)
    }

    /// Source address.
    pub fn source(&self) -> Ipv4Addr {
        octets::<4>(self.buffer.as_ref(), SOURCE).into()
    }

    /// Destination address.
    pub fn destination(&self) -> Ipv4Addr {
        octets::<4>(self.buffer.as_ref(), DESTINATION).into()
    }

    /// What the packet carries.
    pub fn protocol(&self) -> u8 {
        self.buffer.as_ref()[PROTOCOL]
    }

    /// Time to live.
    pub fn ttl(&self) -> u8 {
        self.buffer.as_ref()[TTL]
    }

    /// Whether the packet is a part of a bigger one.
    pub fn is_fragment(&self) -> bool {
        be16(self.buffer.as_ref(), FRAGMENT) & 0x3fff != 0
    }

    /// What follows the header and its options.
    pub fn payload(&self) -> &[u8] {
        &self.buffer.as_ref()[self.header_len()..self.total_len()]
    }

    fn header(&self) -> &[u8] {
        &self.buffer.as_ref()[..self.header_len()]
    }

    fn header_len(&self) -> usize {
        usize::from(self.buffer.as_ref()[0] & 0x0f) * 4
    }

    fn total_len(&self) -> usize {
        usize::from(be16(self.buffer.as_ref(), TOTAL_LEN))
    }
}

/// An IPv4 header without options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Repr {
    /// Source address.
    pub source: Ipv4Addr,
    /// Destination address.
    pub destination: Ipv4Addr,
    /// What the packet carries.
    pub protocol: u8,
    /// Time to live.
    pub ttl: u8,
    /// Length of what follows the header, in octets.
    pub payload_len: u16,
}

impl Repr {
    /// Reads a header: the checksum must be right and the packet whole.
    pub fn parse<T: AsRef<[u8]>>(packet: &Packet<T>) -> Result<Self> {
        if Sum::default().bytes(packet.header()).finish() != 0 {
            return Err(Error::Checksum { layer: LAYER });
        }
        if packet.is_fragment() {
            return Err(Error::Malformed { layer: LAYER, reason: "the packet is a fragment" });
        }
        Ok(Self {
            source: packet.source(),
            destination: packet.destination(),
            protocol: packet.protocol(),
            ttl: packet.ttl(),
            payload_len: packet.payload().len() as u16,
        })
    }

    /// How many bytes `emit` appends.
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN
    }

    /// Appends the header with its checksum.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let total = (HEADER_LEN as u16).saturating_add(self.payload_len);
        out.extend_from_slice(&[0x45, 0]);
        out.extend_from_slice(&total.to_be_bytes());
        out.extend_from_slice(&[0, 0, 0, 0, self.ttl, self.protocol, 0, 0]);
        out.extend_from_slice(&self.source.octets());
        out.extend_from_slice(&self.destination.octets());
        let sum = Sum::default().bytes(&out[start..]).finish();
        out[start + 10..start + 12].copy_from_slice(&sum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rustfmt::skip]
    const HEADER: [u8; 20] = [
        0x45, 0x00, 0x00, 0x22, 0x00, 0x00, 0x00, 0x00, 0x40, 0x11, 0xf8, 0xfb,
        0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0x7e,
    ];

    fn repr() -> Repr {
        let (source, destination) = (Ipv4Addr::new(192, 168, 0, 1), Ipv4Addr::new(192, 168, 0, 126));
        Repr { source, destination, protocol: UDP, ttl: 64, payload_len: 14 }
    }

    #[test]
    fn parse_and_emit() {
        let mut out = Vec::new();
        repr().emit(&mut out);
        out.resize(46, 0);
        let packet = Packet::new_checked(&out).unwrap();
        assert_eq!(Repr::parse(&packet).unwrap(), repr());
        assert_eq!(packet.payload().len(), 14, "padding is no payload");
        assert_eq!(out[..20], HEADER);
    }

    #[test]
    fn refused() {
        let mut out = Vec::new();
        repr().emit(&mut out);
        out.resize(34, 0);
        let with = |at: usize, value: u8| {
            let mut other = out.clone();
            other[at] = value;
            Packet::new_checked(other).and_then(|packet| Repr::parse(&packet))
        };
        assert!(with(0, 0x65).is_err(), "version");
        assert!(with(0, 0x44).is_err(), "header length");
        assert!(with(3, 19).is_err(), "total length below the header");
        assert!(with(3, 35).is_err(), "total length beyond the frame");
        assert!(with(8, 63).is_err(), "checksum");
        assert!(with(8, 64).is_ok());
    }
}
