//! ARP for IPv4 over Ethernet (RFC 826), with the words of RFC 5227: probe and announcement.

use std::net::Ipv4Addr;

use super::{MacAddr, at_least, be16, octets};
use crate::error::{Error, Result};

const LAYER: &str = "ARP";
const HARDWARE_TYPE: usize = 0;
const PROTOCOL_TYPE: usize = 2;
const LENGTHS: usize = 4;
const OPERATION: usize = 6;
const SENDER_MAC: usize = 8;
const SENDER_IP: usize = 14;
const TARGET_MAC: usize = 18;
const TARGET_IP: usize = 24;
/// Length of a packet for IPv4 over Ethernet.
pub const LEN: usize = 28;

/// What a packet does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// 1.
    Request,
    /// 2.
    Reply,
    /// Any other number (RARP and such).
    Unknown(u16),
}

impl From<u16> for Operation {
    fn from(number: u16) -> Self {
        match number {
            1 => Self::Request,
            2 => Self::Reply,
            other => Self::Unknown(other),
        }
    }
}

impl From<Operation> for u16 {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Request => 1,
            Operation::Reply => 2,
            Operation::Unknown(other) => other,
        }
    }
}

/// A view of an ARP packet; bytes behind it are padding.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T> {
    buffer: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// Checks length, hardware and protocol types.
    pub fn new_checked(buffer: T) -> Result<Self> {
        let bytes = buffer.as_ref();
        at_least(bytes, LEN, LAYER)?;
        if be16(bytes, HARDWARE_TYPE) != 1
            || be16(bytes, PROTOCOL_TYPE) != 0x0800
            || bytes[LENGTHS..OPERATION] != [6, 4]
        {
            return Err(Error::Malformed { layer: LAYER, reason: "not IPv4 over Ethernet" });
        }
        Ok(Self { buffer })
    }

    /// What the packet does.
    pub fn operation(&self) -> Operation {
        be16(self.buffer.as_ref(), OPERATION).into()
    }

    /// Hardware address of the sender.
    pub fn sender_mac(&self) -> MacAddr {
        MacAddr(octets(self.buffer.as_ref(), SENDER_MAC))
    }

    /// Protocol address of the sender; 0.0.0.0 in a probe.
    pub fn sender_ip(&self) -> Ipv4Addr {
        octets::<4>(self.buffer.as_ref(), SENDER_IP).into()
    }

    /// Hardware address of the target; ignored in requests.
    pub fn target_mac(&self) -> MacAddr {
        MacAddr(octets(self.buffer.as_ref(), TARGET_MAC))
    }

    /// The address asked for.
    pub fn target_ip(&self) -> Ipv4Addr {
        octets::<4>(self.buffer.as_ref(), TARGET_IP).into()
    }
}

/// What a packet says about its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Asks without claiming anything (RFC 5227 section 1.1): sender address 0.0.0.0.
    Probe,
    /// Claims an address to everyone (RFC 5227 section 2.3; "gratuitous ARP"): sender and target address are the same.
    Announcement,
    /// Asks, and claims its own address in passing.
    Request,
    /// Answers.
    Reply,
    /// Neither request nor reply.
    Other,
}

/// An ARP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Repr {
    /// What the packet does.
    pub operation: Operation,
    /// Hardware address of the sender.
    pub sender_mac: MacAddr,
    /// Protocol address of the sender; 0.0.0.0 in a probe.
    pub sender_ip: Ipv4Addr,
    /// Hardware address of the target.
    pub target_mac: MacAddr,
    /// The address asked for, or whom a reply is for.
    pub target_ip: Ipv4Addr,
}

impl Repr {
    /// "Does anyone have this address?", leaving nothing behind in any neighbour cache (RFC 5227 section 2.1.1).
    pub const fn probe(from: MacAddr, address: Ipv4Addr) -> Self {
        Self::request((from, Ipv4Addr::UNSPECIFIED), address)
    }

    /// "This address is mine now" (RFC 5227 section 2.3): a request with sender and target the same.
    pub const fn announcement(from: MacAddr, address: Ipv4Addr) -> Self {
        Self::request((from, address), address)
    }

    /// "Who has this address?" (RFC 826), asked by the owner of another.
    pub const fn request((sender_mac, sender_ip): (MacAddr, Ipv4Addr), target_ip: Ipv4Addr) -> Self {
        Self { operation: Operation::Request, sender_mac, sender_ip, target_mac: MacAddr::ZERO, target_ip }
    }

    /// The answer to `question` by the owner of the address it asks for. A probe has no sender address to answer to:
    /// the reply carries 0.0.0.0 there, as Linux sends it.
    pub const fn reply(question: &Self, owner: MacAddr) -> Self {
        Self {
            operation: Operation::Reply,
            sender_mac: owner,
            sender_ip: question.target_ip,
            target_mac: question.sender_mac,
            target_ip: question.sender_ip,
        }
    }

    /// What the packet says about its sender.
    pub fn kind(&self) -> Kind {
        match self.operation {
            Operation::Unknown(_) => Kind::Other,
            Operation::Request if self.sender_ip.is_unspecified() => Kind::Probe,
            _ if self.sender_ip == self.target_ip => Kind::Announcement,
            Operation::Request => Kind::Request,
            Operation::Reply => Kind::Reply,
        }
    }

    /// Reads a packet.
    pub fn parse<T: AsRef<[u8]>>(packet: &Packet<T>) -> Self {
        Self {
            operation: packet.operation(),
            sender_mac: packet.sender_mac(),
            sender_ip: packet.sender_ip(),
            target_mac: packet.target_mac(),
            target_ip: packet.target_ip(),
        }
    }

    /// How many bytes `emit` appends.
    pub const fn buffer_len(&self) -> usize {
        LEN
    }

    /// Appends the packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0, 1, 0x08, 0x00, 6, 4]);
        out.extend_from_slice(&u16::from(self.operation).to_be_bytes());
        out.extend_from_slice(&self.sender_mac.0);
        out.extend_from_slice(&self.sender_ip.octets());
        out.extend_from_slice(&self.target_mac.0);
        out.extend_from_slice(&self.target_ip.octets());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 826's packet for the addresses of RFC 5227's story: "who has 192.168.1.50?".
    #[rustfmt::skip]
    const PROBE: [u8; 28] = [
        0, 1, 8, 0, 6, 4, 0, 1,
        2, 0x5c, 0, 0, 0, 1, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 192, 168, 1, 50,
    ];
    const MAC: MacAddr = MacAddr([2, 0x5c, 0, 0, 0, 1]);
    const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 50);

    #[test]
    fn parse() {
        let repr = Repr::parse(&Packet::new_checked(&PROBE[..]).unwrap());
        assert_eq!(repr, Repr::probe(MAC, VIP));
        assert_eq!(repr.kind(), Kind::Probe);
    }

    #[test]
    fn emit() {
        let mut out = Vec::new();
        Repr::probe(MAC, VIP).emit(&mut out);
        assert_eq!(out, PROBE);
    }

    #[test]
    fn kinds() {
        let owner = MacAddr([2, 0, 0, 0, 0, 9]);
        assert_eq!(Repr::announcement(MAC, VIP).kind(), Kind::Announcement);
        let reply = Repr::reply(&Repr::probe(MAC, VIP), owner);
        assert_eq!((reply.kind(), reply.sender_ip, reply.target_mac), (Kind::Reply, VIP, MAC));
    }

    #[test]
    fn refused() {
        for len in 0..LEN {
            assert!(Packet::new_checked(&PROBE[..len]).is_err());
        }
        for at in [1, 2, 4, 5] {
            let mut other = PROBE;
            other[at] ^= 0xff;
            assert!(Packet::new_checked(other).is_err(), "octet {at}");
        }
    }
}
