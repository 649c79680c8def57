//! Ethernet II frames, with IEEE 802.1Q tags.

use super::{MacAddr, at_least, be16, octets};
use crate::error::{Error, Result};

const LAYER: &str = "Ethernet";
const DESTINATION: usize = 0;
const SOURCE: usize = 6;
const TYPE: usize = 12;
/// Length of a header without tag.
pub const HEADER_LEN: usize = 14;
const TAG_LEN: usize = 4;
const TPID_8021Q: u16 = 0x8100;
const TPID_8021AD: u16 = 0x88a8;
/// Shortest frame a network card sends, without its checksum.
pub const MIN_FRAME_LEN: usize = 60;

/// What an Ethernet frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EtherType {
    /// 0x0800.
    Ipv4,
    /// 0x0806.
    Arp,
    /// 0x86dd.
    Ipv6,
    /// Any other number.
    Unknown(u16),
}

impl From<u16> for EtherType {
    fn from(number: u16) -> Self {
        match number {
            0x0800 => Self::Ipv4,
            0x0806 => Self::Arp,
            0x86dd => Self::Ipv6,
            other => Self::Unknown(other),
        }
    }
}

impl From<EtherType> for u16 {
    fn from(kind: EtherType) -> Self {
        match kind {
            EtherType::Ipv4 => 0x0800,
            EtherType::Arp => 0x0806,
            EtherType::Ipv6 => 0x86dd,
            EtherType::Unknown(other) => other,
        }
    }
}

/// An IEEE 802.1Q tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VlanTag {
    /// Priority code point, 0 to 7.
    pub priority: u8,
    /// Drop eligible indicator.
    pub drop_eligible: bool,
    /// VLAN identifier, 0 to 4095.
    pub id: u16,
}

impl VlanTag {
    /// A tag with priority 0.
    pub const fn new(id: u16) -> Self {
        Self { priority: 0, drop_eligible: false, id: id & 0x0fff }
    }

    const fn from_tci(tci: u16) -> Self {
        Self { priority: (tci >> 13) as u8, drop_eligible: tci & 0x1000 != 0, id: tci & 0x0fff }
    }

    const fn tci(self) -> u16 {
        ((self.priority as u16 & 7) << 13) | ((self.drop_eligible as u16) << 12) | (self.id & 0x0fff)
    }
}

/// A view of a frame.
#[derive(Debug, Clone, Copy)]
pub struct Frame<T> {
    buffer: T,
}

impl<T: AsRef<[u8]>> Frame<T> {
    /// Checks that the headers are there. Frames with two tags (802.1ad) are refused: they belong to a provider's
    /// network, not to a LAN segment.
    pub fn new_checked(buffer: T) -> Result<Self> {
        let bytes = buffer.as_ref();
        at_least(bytes, HEADER_LEN, LAYER)?;
        if matches!(be16(bytes, TYPE), TPID_8021Q) {
            at_least(bytes, HEADER_LEN + TAG_LEN, LAYER)?;
        }
        let frame = Self { buffer };
        match u16::from(frame.ethertype()) {
            TPID_8021Q | TPID_8021AD => {
                Err(Error::Malformed { layer: LAYER, reason: "the frame has stacked VLAN tags" })
            }
            length if length < 0x0600 => {
                Err(Error::Malformed { layer: LAYER, reason: "an IEEE 802.3 length instead of a type" })
            }
            _ => Ok(frame),
        }
    }

    /// Destination hardware address.
    pub fn destination(&self) -> MacAddr {
        MacAddr(octets(self.buffer.as_ref(), DESTINATION))
    }

    /// Source hardware address.
    pub fn source(&self) -> MacAddr {
        MacAddr(octets(self.buffer.as_ref(), SOURCE))
    }

    /// The 802.1Q tag, if there is one.
    pub fn vlan(&self) -> Option<VlanTag> {
        let bytes = self.buffer.as_ref();
        (be16(bytes, TYPE) == TPID_8021Q).then(|| VlanTag::from_tci(be16(bytes, TYPE + 2)))
    }

    /// What the frame carries, behind the tag.
    pub fn ethertype(&self) -> EtherType {
        be16(self.buffer.as_ref(), self.header_len() - 2).into()
    }

    /// What follows the header, padding included.
    pub fn payload(&self) -> &[u8] {
        &self.buffer.as_ref()[self.header_len()..]
    }

    fn header_len(&self) -> usize {
        if self.vlan().is_some() { HEADER_LEN + TAG_LEN } else { HEADER_LEN }
    }
}

/// An Ethernet header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Repr {
    /// Destination hardware address.
    pub destination: MacAddr,
    /// Source hardware address.
    pub source: MacAddr,
    /// The 802.1Q tag, if any.
    pub vlan: Option<VlanTag>,
    /// What the frame carries.
    pub ethertype: EtherType,
}

impl Repr {
    /// Reads a header. A group address as source is refused (IEEE 802.3 section 3.2.3).
    pub fn parse<T: AsRef<[u8]>>(frame: &Frame<T>) -> Result<Self> {
        if frame.source().is_multicast() {
            return Err(Error::Malformed { layer: LAYER, reason: "the source is a group address" });
        }
        Ok(Self {
            destination: frame.destination(),
            source: frame.source(),
            vlan: frame.vlan(),
            ethertype: frame.ethertype(),
        })
    }

    /// Whether it belongs to a VLAN, which is another segment: identifier 0 is a priority alone (IEEE 802.1Q section 9.6).
    pub fn is_in_vlan(&self) -> bool {
        self.vlan.is_some_and(|tag| tag.id != 0)
    }

    /// How many bytes `emit` appends.
    pub const fn buffer_len(&self) -> usize {
        if self.vlan.is_some() { HEADER_LEN + TAG_LEN } else { HEADER_LEN }
    }

    /// Appends the header.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.destination.0);
        out.extend_from_slice(&self.source.0);
        if let Some(tag) = self.vlan {
            out.extend_from_slice(&TPID_8021Q.to_be_bytes());
            out.extend_from_slice(&tag.tci().to_be_bytes());
        }
        out.extend_from_slice(&u16::from(self.ethertype).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rustfmt::skip]
    const TAGGED: [u8; 20] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x5c, 0, 0, 0, 1,
        0x81, 0x00, 0x60, 0x0a, 0x08, 0x06, 0xaa, 0xbb,
    ];

    fn repr() -> Repr {
        Repr {
            destination: MacAddr::BROADCAST,
            source: MacAddr([2, 0x5c, 0, 0, 0, 1]),
            vlan: Some(VlanTag { priority: 3, drop_eligible: false, id: 10 }),
            ethertype: EtherType::Arp,
        }
    }

    #[test]
    fn parse() {
        let frame = Frame::new_checked(&TAGGED[..]).unwrap();
        assert_eq!(Repr::parse(&frame).unwrap(), repr());
        assert_eq!(frame.payload(), [0xaa, 0xbb]);
    }

    #[test]
    fn emit() {
        let mut out = Vec::new();
        repr().emit(&mut out);
        assert_eq!(out, TAGGED[..18]);
        assert_eq!(out.len(), repr().buffer_len());
    }

    #[test]
    fn refused() {
        for len in 0..18 {
            assert!(Frame::new_checked(&TAGGED[..len]).is_err(), "{len}");
        }
        let mut stacked = TAGGED;
        stacked[16..18].copy_from_slice(&[0x81, 0x00]);
        assert!(Frame::new_checked(stacked).is_err());
        let mut length = TAGGED;
        length[16..18].copy_from_slice(&[0x00, 0x26]);
        assert!(Frame::new_checked(length).is_err());
        let mut group = TAGGED;
        group[6] |= 1;
        assert!(Repr::parse(&Frame::new_checked(group).unwrap()).is_err());
    }
}
