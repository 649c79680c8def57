//! DHCPv6 messages between clients and servers (RFC 8415).

use std::net::Ipv6Addr;

use super::{MacAddr, at_least, be16, be32, octets};
use crate::error::{Error, Result};

const LAYER: &str = "DHCPv6";
const HEADER_LEN: usize = 4;
/// Port of clients.
pub const CLIENT_PORT: u16 = 546;
/// Port of servers and relays.
pub const SERVER_PORT: u16 = 547;
/// All servers and relays on the link, `ff02::1:2`.
pub const ALL_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

/// Option numbers (RFC 8415 section 21) that this crate reads or writes.
pub mod option {
    /// Which client speaks.
    pub const CLIENT_ID: u16 = 1;
    /// Which server speaks.
    pub const SERVER_ID: u16 = 2;
    /// Non-temporary addresses.
    pub const IA_NA: u16 = 3;
    /// One address within an [`IA_NA`].
    pub const IA_ADDRESS: u16 = 5;
    /// Which options the client wants.
    pub const OPTION_REQUEST: u16 = 6;
    /// Preference of a server, 0 to 255.
    pub const PREFERENCE: u16 = 7;
    /// Hundredths of a second since the client began.
    pub const ELAPSED_TIME: u16 = 8;
    /// What went wrong.
    pub const STATUS_CODE: u16 = 13;
    /// Rapid commit: a server that grants it commits at once. Never sent by this crate.
    pub const RAPID_COMMIT: u16 = 14;
    /// DNS servers (RFC 3646).
    pub const DNS_SERVERS: u16 = 23;
}

/// Message types (RFC 8415 section 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// 1: a client looks for servers.
    Solicit,
    /// 2: a server says it is there, and what it would give.
    Advertise,
    /// 7: a server commits.
    Reply,
    /// Any other.
    Unknown(u8),
}

impl From<u8> for MessageType {
    fn from(number: u8) -> Self {
        match number {
            1 => Self::Solicit,
            2 => Self::Advertise,
            7 => Self::Reply,
            other => Self::Unknown(other),
        }
    }
}

impl From<MessageType> for u8 {
    fn from(kind: MessageType) -> Self {
        match kind {
            MessageType::Solicit => 1,
            MessageType::Advertise => 2,
            MessageType::Reply => 7,
            MessageType::Unknown(other) => other,
        }
    }
}

/// A view of a message.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T> {
    buffer: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// Checks the length. Messages between relays (types 12 and 13) have another layout and are refused.
    pub fn new_checked(buffer: T) -> Result<Self> {
        let bytes = buffer.as_ref();
        at_least(bytes, HEADER_LEN, LAYER)?;
        if matches!(bytes[0], 12 | 13) {
            return Err(Error::Malformed { layer: LAYER, reason: "a message between relays" });
        }
        Ok(Self { buffer })
    }

    /// Message type.
    pub fn message_type(&self) -> MessageType {
        self.buffer.as_ref()[0].into()
    }

    /// Transaction identifier, 24 bits.
    pub fn transaction(&self) -> u32 {
        be32(self.buffer.as_ref(), 0) & 0x00ff_ffff
    }

    /// The options as they stand, in order.
    pub fn options(&self) -> Result<Vec<(u16, Vec<u8>)>> {
        parse_options(&self.buffer.as_ref()[HEADER_LEN..])
    }
}

/// An address a server offers (RFC 8415 section 21.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OfferedAddress {
    /// The address.
    pub address: Ipv6Addr,
    /// Seconds.
    pub preferred_lifetime: u32,
    /// Seconds.
    pub valid_lifetime: u32,
}

/// A message. Options that may hold others are kept as bytes; accessors read what this crate needs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repr {
    /// Message type.
    pub message_type: MessageType,
    /// Transaction identifier; only 24 bits are sent.
    pub transaction: u32,
    /// Options, in order.
    pub options: Vec<(u16, Vec<u8>)>,
}

impl Repr {
    /// A SOLICIT for one address, without rapid commit. The client is named by a DUID made of its hardware address
    /// (RFC 8415 section 11.4), so that it is the same each time.
    pub fn solicit(client: MacAddr, transaction: u32) -> Self {
        let mut duid = vec![0, 3, 0, 1];
        duid.extend_from_slice(&client.0);
        let mut association = client.0[2..].to_vec();
        association.extend_from_slice(&[0; 8]);
        let dns = option::DNS_SERVERS.to_be_bytes().to_vec();
        Self {
            message_type: MessageType::Solicit,
            transaction: transaction & 0x00ff_ffff,
            options: vec![
                (option::CLIENT_ID, duid),
                (option::ELAPSED_TIME, vec![0, 0]),
                (option::OPTION_REQUEST, dns),
                (option::IA_NA, association),
            ],
        }
    }

    /// Reads a message.
    pub fn parse<T: AsRef<[u8]>>(packet: &Packet<T>) -> Result<Self> {
        Ok(Self { message_type: packet.message_type(), transaction: packet.transaction(), options: packet.options()? })
    }

    /// The content of the first option of this number.
    pub fn option(&self, number: u16) -> Option<&[u8]> {
        self.options.iter().find(|(n, _)| *n == number).map(|(_, data)| data.as_slice())
    }

    /// The addresses of all IA_NA options; broken ones are left out.
    pub fn addresses(&self) -> Vec<OfferedAddress> {
        let associations = self.options.iter().filter(|(number, data)| *number == option::IA_NA && data.len() >= 12);
        let inner = associations.flat_map(|(_, data)| parse_options(&data[12..]).unwrap_or_default());
        let addresses = inner.filter(|(number, data)| *number == option::IA_ADDRESS && data.len() >= 24);
        let offered = |(_, data): (u16, Vec<u8>)| OfferedAddress {
            address: octets::<16>(&data, 0).into(),
            preferred_lifetime: be32(&data, 16),
            valid_lifetime: be32(&data, 20),
        };
        addresses.map(offered).collect()
    }

    /// How many bytes `emit` appends.
    pub fn buffer_len(&self) -> usize {
        HEADER_LEN + self.options.iter().map(|(_, data)| 4 + data.len()).sum::<usize>()
    }

    /// Appends the message. Options of more than 65,535 octets cannot be written.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let [_, a, b, c] = self.transaction.to_be_bytes();
        out.extend_from_slice(&[self.message_type.into(), a, b, c]);
        for (number, data) in &self.options {
            out.extend_from_slice(&number.to_be_bytes());
            out.extend_from_slice(&(data.len() as u16).to_be_bytes());
            out.extend_from_slice(data);
        }
    }
}

fn parse_options(mut rest: &[u8]) -> Result<Vec<(u16, Vec<u8>)>> {
    let mut options = Vec::new();
    while !rest.is_empty() {
        at_least(rest, 4, LAYER)?;
        let end = 4 + usize::from(be16(rest, 2));
        at_least(rest, end, LAYER)?;
        options.push((be16(rest, 0), rest[4..end].to_vec()));
        rest = &rest[end..];
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solicit_bytes() {
        let mut out = Vec::new();
        let solicit = Repr::solicit(MacAddr([2, 0x5c, 1, 2, 3, 4]), 0xff12_3456);
        solicit.emit(&mut out);
        assert_eq!(out.len(), solicit.buffer_len());
        #[rustfmt::skip]
        assert_eq!(out, [
            1, 0x12, 0x34, 0x56,
            0, 1, 0, 10, 0, 3, 0, 1, 2, 0x5c, 1, 2, 3, 4,
            0, 8, 0, 2, 0, 0,
            0, 6, 0, 2, 0, 23,
            0, 3, 0, 12, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0,
        ], "RFC 8415 sections 8, 11.4, 21.2, 21.9, 21.7, 21.4");
        assert_eq!(Repr::parse(&Packet::new_checked(&out).unwrap()).unwrap(), solicit);
        assert_eq!(solicit.option(option::RAPID_COMMIT), None);
    }

    #[test]
    fn offered_addresses() {
        let mut association = vec![0; 12];
        association.extend_from_slice(&[0, 5, 0, 24]);
        association.extend_from_slice(&"fd00::1000".parse::<Ipv6Addr>().unwrap().octets());
        association.extend_from_slice(&[0, 0, 0, 60, 0, 0, 0, 120]);
        let repr =
            Repr { message_type: MessageType::Advertise, transaction: 1, options: vec![(option::IA_NA, association)] };
        let address = "fd00::1000".parse().unwrap();
        assert_eq!(repr.addresses(), [OfferedAddress { address, preferred_lifetime: 60, valid_lifetime: 120 }]);
    }

    #[test]
    fn refused() {
        assert!(Packet::new_checked([1, 0, 0]).is_err());
        assert!(Packet::new_checked([12, 0, 0, 0]).is_err());
        assert!(Packet::new_checked([2, 0, 0, 0, 0, 1, 0, 1]).unwrap().options().is_err());
    }
}
