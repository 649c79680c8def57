//! UDP datagrams (RFC 768).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::checksum::Sum;
use super::{at_least, be16, ethernet, ipv4, ipv6};
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

/// Writes the checksum of a UDP datagram within a frame whose sender left that to its network card. Other frames, and such
/// as are cut short, stay as they are.
pub fn complete_checksum(frame: &mut [u8]) {
    let Some((start, addresses)) = locate(frame) else { return };
    let Some(len) = frame.get(start..start + HEADER_LEN).map(|header| usize::from(be16(header, 4))) else { return };
    let Some(datagram) = frame.get_mut(start..start + len).filter(|datagram| datagram.len() >= HEADER_LEN) else {
        return;
    };
    datagram[6..8].fill(0);
    let sum = match addresses.sum(len).bytes(datagram).finish() {
        0 => 0xffff,
        sum => sum,
    };
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
}

/// Where a frame's UDP datagram begins, and what its checksum covers beside it.
fn locate(frame: &[u8]) -> Option<(usize, Addresses)> {
    let outer = ethernet::Frame::new_checked(frame).ok()?;
    let network = frame.len() - outer.payload().len();
    match outer.ethertype() {
        ethernet::EtherType::Ipv4 => {
            let packet = ipv4::Packet::new_checked(outer.payload()).ok()?;
            let header = usize::from(outer.payload()[0] & 0x0f) * 4;
            let whole = packet.protocol() == PROTOCOL && !packet.is_fragment();
            whole.then(|| (network + header, Addresses::V4(packet.source(), packet.destination())))
        }
        ethernet::EtherType::Ipv6 => {
            let packet = ipv6::Packet::new_checked(outer.payload()).ok()?;
            let addresses = Addresses::V6(packet.source(), packet.destination());
            (packet.next_header() == PROTOCOL).then_some((network + ipv6::HEADER_LEN, addresses))
        }
        _ => None,
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
    fn a_checksum_left_to_the_card_is_completed() {
        use super::super::{MacAddr, compose, dhcpv4, dhcpv6, dissect};
        let mac = MacAddr([2, 0, 0, 0, 0, 1]);
        let discover = dhcpv4::Repr::from_client(dhcpv4::MessageType::Discover, mac, 1);
        let over_v4 = compose::dhcpv4_from_client(mac, &discover);
        let over_v6 = compose::dhcpv6_from_client((mac, "fe80::1".parse().unwrap()), &dhcpv6::Repr::solicit(mac, 1));
        for (frame, at) in [(over_v4, 40), (over_v6, 60)] {
            let mut pending = frame.clone();
            pending[at] ^= 0x55;
            assert!(dissect(&pending).is_err());
            complete_checksum(&mut pending);
            assert_eq!(pending, frame);
            for len in 0..frame.len() {
                complete_checksum(&mut frame[..len].to_vec());
            }
        }
    }

    #[test]
    fn lengths() {
        assert!(Datagram::new_checked([0, 67, 0, 68, 0, 7, 0, 0], ADDRESSES).is_err());
        assert!(Datagram::new_checked([0, 67, 0, 68, 0, 9, 0, 0], ADDRESSES).is_err());
        assert!(Datagram::new_checked([0; 7], ADDRESSES).is_err());
    }
}
