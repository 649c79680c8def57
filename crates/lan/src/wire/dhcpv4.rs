//! DHCPv4 messages (RFC 2131, RFC 2132), with long options (RFC 3396) and option overload.

use std::net::Ipv4Addr;

use super::dns::HostName;
use super::{MacAddr, at_least, be16, be32, octets};
use crate::error::{Error, Result};

const LAYER: &str = "DHCP";
const XID: usize = 4;
const SECS: usize = 8;
const FLAGS: usize = 10;
const CIADDR: usize = 12;
const YIADDR: usize = 16;
const SIADDR: usize = 20;
const GIADDR: usize = 24;
const CHADDR: usize = 28;
const SNAME: usize = 44;
const FILE: usize = 108;
const COOKIE: usize = 236;
const OPTIONS: usize = 240;
const MAGIC: [u8; 4] = [99, 130, 83, 99];
/// Servers and relays of BOOTP's days drop shorter messages (RFC 1542 section 2.1).
const MIN_LEN: usize = 300;
/// Port of servers.
pub const SERVER_PORT: u16 = 67;
/// Port of clients.
pub const CLIENT_PORT: u16 = 68;

/// Option numbers (RFC 2132) that this crate reads or writes.
pub mod option {
    /// Subnet mask.
    pub const SUBNET_MASK: u8 = 1;
    /// Routers.
    pub const ROUTER: u8 = 3;
    /// DNS servers.
    pub const DNS_SERVER: u8 = 6;
    /// What the client calls itself.
    pub const HOST_NAME: u8 = 12;
    /// Domain name.
    pub const DOMAIN_NAME: u8 = 15;
    /// Address the client asks for.
    pub const REQUESTED_ADDRESS: u8 = 50;
    /// Lease time in seconds.
    pub const LEASE_TIME: u8 = 51;
    /// The `file` and `sname` fields hold options too.
    pub const OVERLOAD: u8 = 52;
    /// Message type.
    pub const MESSAGE_TYPE: u8 = 53;
    /// Which server speaks.
    pub const SERVER_ID: u8 = 54;
    /// Which options the client wants.
    pub const PARAMETER_LIST: u8 = 55;
    /// Which client speaks.
    pub const CLIENT_ID: u8 = 61;
    /// Rapid commit (RFC 4039): a server that grants it writes a lease at once. Never sent by this crate.
    pub const RAPID_COMMIT: u8 = 80;
    /// What the client calls itself, in full (RFC 4702).
    pub const CLIENT_FQDN: u8 = 81;
}

/// Message types (RFC 2132 section 9.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// 1: a client looks for servers.
    Discover,
    /// 2: a server offers an address.
    Offer,
    /// 3: a client takes an offer.
    Request,
    /// 4: a client found its address in use.
    Decline,
    /// 5: a server commits.
    Ack,
    /// 6: a server refuses.
    Nak,
    /// 7: a client gives its address back.
    Release,
    /// 8: a client asks for options only.
    Inform,
    /// Any other number.
    Unknown(u8),
}

impl From<u8> for MessageType {
    fn from(number: u8) -> Self {
        match number {
            1 => Self::Discover,
            2 => Self::Offer,
            3 => Self::Request,
            4 => Self::Decline,
            5 => Self::Ack,
            6 => Self::Nak,
            7 => Self::Release,
            8 => Self::Inform,
            other => Self::Unknown(other),
        }
    }
}

impl From<MessageType> for u8 {
    fn from(kind: MessageType) -> Self {
        match kind {
            MessageType::Discover => 1,
            MessageType::Offer => 2,
            MessageType::Request => 3,
            MessageType::Decline => 4,
            MessageType::Ack => 5,
            MessageType::Nak => 6,
            MessageType::Release => 7,
            MessageType::Inform => 8,
            MessageType::Unknown(other) => other,
        }
    }
}

/// Who sends: BOOTREQUEST or BOOTREPLY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Client to server.
    Request,
    /// Server to client.
    Reply,
}

/// A view of a DHCP message.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T> {
    buffer: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// Checks length, hardware type and magic cookie. Plain BOOTP, which has no cookie, is refused.
    pub fn new_checked(buffer: T) -> Result<Self> {
        let bytes = buffer.as_ref();
        at_least(bytes, OPTIONS, LAYER)?;
        if bytes[COOKIE..OPTIONS] != MAGIC {
            return Err(malformed("the magic cookie is missing"));
        }
        if bytes[1] != 1 || bytes[2] != 6 {
            return Err(malformed("not over Ethernet"));
        }
        Ok(Self { buffer })
    }

    /// Transaction identifier.
    pub fn transaction(&self) -> u32 {
        be32(self.buffer.as_ref(), XID)
    }

    /// Hardware address of the client.
    pub fn client_mac(&self) -> MacAddr {
        MacAddr(octets(self.buffer.as_ref(), CHADDR))
    }

    fn address(&self, at: usize) -> Ipv4Addr {
        octets::<4>(self.buffer.as_ref(), at).into()
    }

    /// All options: those of the options field, then of `file` and `sname` where option 52 says so (RFC 3396 section 5);
    /// parts of one option are put together in that order.
    pub fn options(&self) -> Result<Options> {
        let bytes = self.buffer.as_ref();
        let mut options = Options::default();
        options.read(&bytes[OPTIONS..])?;
        let overload = options.get(option::OVERLOAD).and_then(|data| data.first().copied()).unwrap_or(0);
        if overload & 1 != 0 {
            options.read(&bytes[FILE..COOKIE])?;
        }
        if overload & 2 != 0 {
            options.read(&bytes[SNAME..FILE])?;
        }
        Ok(options)
    }
}

/// The options of a message, each once, in the order of their first appearance.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Options(Vec<(u8, Vec<u8>)>);

impl Options {
    /// The content of an option.
    pub fn get(&self, number: u8) -> Option<&[u8]> {
        self.0.iter().find(|(n, _)| *n == number).map(|(_, data)| data.as_slice())
    }

    /// Adds to an option: what it held stays in front (RFC 3396). Numbers 0 and 255 are not options and are left out.
    pub fn append(&mut self, number: u8, data: &[u8]) {
        if matches!(number, 0 | 255) {
            return;
        }
        match self.0.iter_mut().find(|(n, _)| *n == number) {
            Some((_, held)) => held.extend_from_slice(data),
            None => self.0.push((number, data.to_vec())),
        }
    }

    /// The same, to chain.
    #[must_use]
    pub fn with(mut self, number: u8, data: &[u8]) -> Self {
        self.append(number, data);
        self
    }

    /// Numbers and contents.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.0.iter().map(|(number, data)| (*number, data.as_slice()))
    }

    /// What an option holds if it is one address.
    pub fn address(&self, number: u8) -> Option<Ipv4Addr> {
        self.get(number).and_then(|data| <[u8; 4]>::try_from(data).ok()).map(Into::into)
    }

    /// What an option holds if it is a list of addresses; empty where it is absent.
    pub fn addresses(&self, number: u8) -> Vec<Ipv4Addr> {
        let data = self.get(number).unwrap_or_default();
        data.chunks_exact(4).map(|address| octets::<4>(address, 0).into()).collect()
    }

    /// What an option holds if it is a 32-bit number.
    pub fn number(&self, number: u8) -> Option<u32> {
        self.get(number).and_then(|data| <[u8; 4]>::try_from(data).ok()).map(u32::from_be_bytes)
    }

    fn read(&mut self, mut rest: &[u8]) -> Result<()> {
        while let Some((&number, behind)) = rest.split_first() {
            match number {
                0 => rest = behind,
                255 => return Ok(()),
                _ => {
                    let (&len, data) = behind.split_first().ok_or(Error::Truncated { layer: LAYER })?;
                    at_least(data, usize::from(len), LAYER)?;
                    let (data, behind) = data.split_at(usize::from(len));
                    self.append(number, data);
                    rest = behind;
                }
            }
        }
        Ok(())
    }

    /// Writes the options; what is longer than 255 octets is split (RFC 3396 section 6).
    fn emit(&self, out: &mut Vec<u8>) {
        for (number, data) in &self.0 {
            if data.is_empty() {
                out.extend_from_slice(&[*number, 0]);
            }
            for part in data.chunks(255) {
                out.extend_from_slice(&[*number, part.len() as u8]);
                out.extend_from_slice(part);
            }
        }
        out.push(255);
    }
}

/// A DHCP message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repr {
    /// Who sends.
    pub direction: Direction,
    /// Transaction identifier.
    pub transaction: u32,
    /// Seconds since the client began.
    pub seconds: u16,
    /// Whether answers shall be broadcast.
    pub broadcast: bool,
    /// The client's address, if it has one it uses.
    pub client_address: Ipv4Addr,
    /// The address offered or committed.
    pub your_address: Ipv4Addr,
    /// The next server of the boot process.
    pub next_server: Ipv4Addr,
    /// The relay the message went through; 0.0.0.0: none.
    pub relay: Ipv4Addr,
    /// Hardware address of the client.
    pub client_mac: MacAddr,
    /// Options, message type included.
    pub options: Options,
}

impl Repr {
    /// A message of a client that has no address, asking for broadcast answers.
    pub fn from_client(kind: MessageType, client_mac: MacAddr, transaction: u32) -> Self {
        Self {
            direction: Direction::Request,
            transaction,
            seconds: 0,
            broadcast: true,
            client_address: Ipv4Addr::UNSPECIFIED,
            your_address: Ipv4Addr::UNSPECIFIED,
            next_server: Ipv4Addr::UNSPECIFIED,
            relay: Ipv4Addr::UNSPECIFIED,
            client_mac,
            options: Options::default().with(option::MESSAGE_TYPE, &[kind.into()]),
        }
    }

    /// Reads a message; option 52 is resolved, not kept.
    pub fn parse<T: AsRef<[u8]>>(packet: &Packet<T>) -> Result<Self> {
        let bytes = packet.buffer.as_ref();
        let direction = match bytes[0] {
            1 => Direction::Request,
            2 => Direction::Reply,
            _ => return Err(malformed("neither a request nor a reply")),
        };
        let mut options = packet.options()?;
        options.0.retain(|(number, _)| *number != option::OVERLOAD);
        Ok(Self {
            direction,
            transaction: packet.transaction(),
            seconds: be16(bytes, SECS),
            broadcast: bytes[FLAGS] & 0x80 != 0,
            client_address: packet.address(CIADDR),
            your_address: packet.address(YIADDR),
            next_server: packet.address(SIADDR),
            relay: packet.address(GIADDR),
            client_mac: packet.client_mac(),
            options,
        })
    }

    /// The message type; `None` in BOOTP messages.
    pub fn message_type(&self) -> Option<MessageType> {
        self.options.get(option::MESSAGE_TYPE).and_then(|data| data.first().copied()).map(Into::into)
    }

    /// Which server speaks, or is spoken to.
    pub fn server_id(&self) -> Option<Ipv4Addr> {
        self.options.address(option::SERVER_ID)
    }

    /// What the client calls itself: option 81 (RFC 4702), in ASCII or as labels, or else option 12.
    pub fn client_name(&self) -> Option<HostName> {
        const LABELS: u8 = 0x04;
        const TEXT: usize = 3;
        let full = self.options.get(option::CLIENT_FQDN).filter(|data| data.len() > TEXT);
        let full =
            full.and_then(|data| if data[0] & LABELS == 0 { text(&data[TEXT..]) } else { labels(&data[TEXT..]) });
        full.or_else(|| self.options.get(option::HOST_NAME).and_then(text))
    }

    /// Appends the message, padded to 300 octets.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let op = match self.direction {
            Direction::Request => 1,
            Direction::Reply => 2,
        };
        out.extend_from_slice(&[op, 1, 6, 0]);
        out.extend_from_slice(&self.transaction.to_be_bytes());
        out.extend_from_slice(&self.seconds.to_be_bytes());
        out.extend_from_slice(&[u8::from(self.broadcast) << 7, 0]);
        for address in [self.client_address, self.your_address, self.next_server, self.relay] {
            out.extend_from_slice(&address.octets());
        }
        out.extend_from_slice(&self.client_mac.0);
        out.resize(start + COOKIE, 0);
        out.extend_from_slice(&MAGIC);
        self.options.emit(out);
        out.resize(out.len().max(start + MIN_LEN), 0);
    }
}

/// A name as text; some clients end it with a zero.
fn text(data: &[u8]) -> Option<HostName> {
    std::str::from_utf8(data).ok().and_then(|text| HostName::new(text.trim_end_matches('\0')))
}

/// A name as labels, each behind its length (RFC 4702 section 2.3.1): a partial name ends without the empty one.
fn labels(mut data: &[u8]) -> Option<HostName> {
    let mut parts = Vec::new();
    while let Some((&len, rest)) = data.split_first().filter(|(len, _)| **len > 0) {
        let (label, behind) = rest.split_at_checked(usize::from(len))?;
        parts.push(std::str::from_utf8(label).ok().filter(|label| !label.contains('.'))?);
        data = behind;
    }
    HostName::new(&parts.join("."))
}

fn malformed(reason: &'static str) -> Error {
    Error::Malformed { layer: LAYER, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr([2, 0x5c, 0, 0, 0, 1]);

    fn discover() -> Vec<u8> {
        let mut out = Vec::new();
        Repr::from_client(MessageType::Discover, MAC, 0x3903_f326).emit(&mut out);
        out
    }

    #[test]
    fn discover_bytes() {
        let out = discover();
        assert_eq!(out.len(), 300);
        assert_eq!(out[..12], [1, 1, 6, 0, 0x39, 0x03, 0xf3, 0x26, 0, 0, 0x80, 0], "RFC 2131 figure 1");
        assert_eq!(out[28..34], MAC.0);
        assert_eq!(out[236..244], [99, 130, 83, 99, 53, 1, 1, 255]);
        let back = Repr::parse(&Packet::new_checked(&out).unwrap()).unwrap();
        assert_eq!(back, Repr::from_client(MessageType::Discover, MAC, 0x3903_f326));
        assert_eq!(back.message_type(), Some(MessageType::Discover));
    }

    #[test]
    fn overload_and_concatenation() {
        let mut bytes = discover();
        bytes[244 - 1..251].copy_from_slice(&[52, 1, 3, 6, 2, 10, 0, 255]);
        bytes[FILE..FILE + 5].copy_from_slice(&[6, 1, 0, 255, 9]);
        bytes[SNAME..SNAME + 5].copy_from_slice(&[6, 1, 53, 255, 9]);
        let repr = Repr::parse(&Packet::new_checked(&bytes).unwrap()).unwrap();
        assert_eq!(repr.options.addresses(option::DNS_SERVER), [Ipv4Addr::new(10, 0, 0, 53)]);
        assert_eq!(repr.options.get(option::OVERLOAD), None);
    }

    #[test]
    fn long_options_are_split_and_joined() {
        let long: Vec<u8> = (0..600_u16).map(|n| n as u8).collect();
        let mut repr = Repr::from_client(MessageType::Discover, MAC, 1);
        repr.options.append(224, &long);
        let mut out = Vec::new();
        repr.emit(&mut out);
        assert_eq!(Repr::parse(&Packet::new_checked(&out).unwrap()).unwrap(), repr);
    }

    #[test]
    fn clients_name_themselves() {
        let named = |options: &[(u8, &[u8])]| {
            let mut repr = Repr::from_client(MessageType::Request, MAC, 1);
            for (number, data) in options {
                repr.options.append(*number, data);
            }
            repr.client_name().map(|name| name.to_string())
        };
        assert_eq!(named(&[(12, b"phone")]).as_deref(), Some("phone"));
        assert_eq!(named(&[(12, b"phone\0")]).as_deref(), Some("phone"));
        let full = named(&[(12, b"phone"), (81, b"\x04\0\0\x05phone\x03lan\0")]);
        assert_eq!(full.as_deref(), Some("phone.lan"), "the full name is preferred");
        assert_eq!(named(&[(81, b"\x00\0\0phone.lan")]).as_deref(), Some("phone.lan"));
        for bad in [&b"\x04\0\0\x09phone"[..], b"\x04\0\0\x02a.", b"\x04\0", b"", b"\0\0\0a\x1b[2J", b"\x04\0\0\0"] {
            assert_eq!(named(&[(81, bad)]), None, "{bad:?}");
            assert_eq!(named(&[(81, bad), (12, b"phone")]).as_deref(), Some("phone"), "{bad:?}");
        }
        assert_eq!(named(&[]), None);
    }

    #[test]
    fn refused() {
        for len in 0..OPTIONS {
            assert!(Packet::new_checked(&discover()[..len]).is_err());
        }
        let mut cut = discover();
        cut.truncate(242);
        assert!(Repr::parse(&Packet::new_checked(&cut).unwrap()).is_err(), "an option beyond the end");
        let mut bootp = discover();
        bootp[237] = 0;
        assert!(Packet::new_checked(&bootp).is_err());
    }
}
