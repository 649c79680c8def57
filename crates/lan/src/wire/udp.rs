//! UDP datagrams (RFC 768).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::checksum::Sum;
use super::{at_least, be16};
use crate::error::{Error, Result};

const LAYER: &str = "UDP";
const PROTOCOL: u8 = 17;
/// Length of the header.
pub const HEADER_LEN: usize = 8;

/// The addresses a UDP checksum covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// IPv4 source and destination.
    V4(Ipv4Addr, Ipv4Addr),
    /// IPv6 source and destination.
    V6(Ipv6Addr, Ipv6Addr),
}

impl Addresses {
    fn sum(self, len: usize) -> Sum {
        match self {
            Self::V4(source, destination) => Sum::pseudo_v4(source, destination, PROTOCOL, len),
            Self::V6(source, destination) => Sum::pseudo_v6(source, destination, PROTOCOL, len),
        }
    }

    /// The source.
    pub const fn source(self) -> IpAddr {
        match self {
            Self::V4(source, _) => IpAddr::V4(source),
            Self::V6(source, _) => IpAddr::V6(source),
        }
    }
}

/// A view of a datagram.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<T> {
    buffer: T,
}

impl<T: AsRef<[u8]>> Datagram<T> {
    /// Checks the length and, where there is one, the checksum. Over IPv6 there must be one (RFC 8200 section 8.1).
    pub fn new_checked(buffer: T, addresses: Addresses) -> Result<Self> {
        let bytes = buffer.as_ref();
        at_least(bytes, HEADER_LEN, LAYER)?;
        let len = usize::from(be16(bytes, 4));
        if len < HEADER_LEN {
            return Err(Error::Malformed { layer: LAYER, reason: "the length is shorter than the header" });
        }
        at_least(bytes, len, LAYER)?;
        let absent = be16(bytes, 6) == 0;
        let optional = matches!(addresses, Addresses::V4(..));
        if !(absent && optional) && (absent || addresses.sum(len).bytes(&bytes[..len]).finish() != 0) {
            return Err(Error::Checksum { layer: LAYER });
        }
        Ok(Self { buffer })
    }

    /// Source port.
    pub fn source_port(&self) -> u16 {
        be16(self.buffer.as_ref(), 0)
    }

    /// Destination port.
    pub fn destination_port(&self) -> u16 {
        be16(self.buffer.as_ref(), 2)
    }

    /// What the datagram carries.
    pub fn payload(&self) -> &[u8] {
        let bytes = self.buffer.as_ref();
        &bytes[HEADER_LEN..usize::from(be16(bytes, 4))]
    }
}

/// A UDP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Repr {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
}

impl Repr {
    /// Reads a header.
    pub fn parse<T: AsRef<[u8]>>(datagram: &Datagram<T>) -> Self {
        Self { source_port: datagram.source_port(), destination_port: datagram.destination_port() }
    }

    /// Appends header and payload with their checksum. A payload of more than 65,527 octets cannot be written; the length
    /// field would wrap.
    pub fn emit(&self, addresses: Addresses, payload: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        let len = HEADER_LEN + payload.len();
        out.extend_from_slice(&self.source_port.to_be_bytes());
        out.extend_from_slice(&self.destination_port.to_be_bytes());
        out.extend_from_slice(&(len as u16).to_be_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(payload);
        // A computed zero is written as all ones: zero would mean "no checksum".
        let sum = match addresses.sum(len).bytes(&out[start..]).finish() {
            0 => 0xffff,
            sum => sum,
        };
        out[start + 6..start + 8].copy_from_slice(&sum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESSES: Addresses = Addresses::V4(Ipv4Addr::new(192, 168, 0, 1), Ipv4Addr::BROADCAST);

    #[test]
    fn round_trip_and_checksum() {
        let repr = Repr { source_port: 67, destination_port: 68 };
        let mut out = Vec::new();
        repr.emit(ADDRESSES, &[1, 2, 3], &mut out);
        let datagram = Datagram::new_checked(&out, ADDRESSES).unwrap();
        assert_eq!((Repr::parse(&datagram), datagram.payload()), (repr, &[1, 2, 3][..]));
        out[8] ^= 1;
        assert!(matches!(Datagram::new_checked(&out, ADDRESSES), Err(Error::Checksum { .. })));
        out[6..8].fill(0);
        assert!(Datagram::new_checked(&out, ADDRESSES).is_ok(), "IPv4 may leave the checksum out");
        let v6 = Addresses::V6(Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
        assert!(Datagram::new_checked(&out, v6).is_err(), "IPv6 may not");
    }

    #[test]
    fn lengths() {
        assert!(Datagram::new_checked([0, 67, 0, 68, 0, 7, 0, 0], ADDRESSES).is_err());
        assert!(Datagram::new_checked([0, 67, 0, 68, 0, 9, 0, 0], ADDRESSES).is_err());
        assert!(Datagram::new_checked([0; 7], ADDRESSES).is_err());
    }
}
