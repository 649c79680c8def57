//! DNS messages (RFC 1035) as Multicast DNS (RFC 6762) and a reverse look-up use them: which names has this address, and
//! which addresses has this name?
//!
//! The messages themselves are read and written by `simple-dns`, whose names, compression and record types are older than
//! this file and used for Multicast DNS elsewhere; it has one small dependency, no `unsafe`, and neither sockets nor a
//! runtime. `hickory-proto` would bring some fifty crates for the same; `dns-parser` has not been kept since 2018.
//!
//! What comes from the wire is shown on terminals and written to files: a [`HostName`] holds letters, digits, `-` and `_`
//! only. A record whose name holds anything else is left out, as are all records that are not of these three kinds.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::{A, AAAA, PTR, RData};
use simple_dns::{CLASS, Label, Name, Packet, PacketFlag, QCLASS, QTYPE, ResourceRecord, TYPE};

use crate::error::{Error, Result};

const LAYER: &str = "DNS";
/// Port of DNS servers.
pub const PORT: u16 = 53;
/// Port of Multicast DNS, on both ends.
pub const MULTICAST_PORT: u16 = 5353;
/// Where Multicast DNS is spoken over IPv4: a group that no router forwards.
pub const MULTICAST_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
/// Where Multicast DNS is spoken over IPv6, on this link only.
pub const MULTICAST_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
/// A name has at most so many octets, and so many in one label (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// The name of a host: labels of letters, digits, `-` and `_`, with dots between, none at the end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

impl HostName {
    /// Takes a name if it can be one; a dot at the end is left out.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let right = |label: &str| {
            (1..=MAX_LABEL).contains(&label.len())
                && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
        };
        (text.len() <= MAX_NAME && text.split('.').all(right)).then(|| Self(text.to_owned()))
    }

    /// The name that a DNS server keeps an address's name under: `9.0.77.10.in-addr.arpa` (RFC 1035 section 3.5), or 32
    /// nibbles below `ip6.arpa` (RFC 3596 section 2.5).
    pub fn reverse(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                Self(format!("{d}.{c}.{b}.{a}.in-addr.arpa"))
            }
            IpAddr::V6(address) => {
                let bits = address.to_bits();
                let nibbles: Vec<String> = (0..32).map(|n| format!("{:x}", bits >> (4 * n) & 0xf)).collect();
                Self(format!("{}.ip6.arpa", nibbles.join(".")))
            }
        }
    }

    /// The address whose name is kept under this one, if it is such a name.
    pub fn reversed(&self) -> Option<IpAddr> {
        let lower = self.0.to_ascii_lowercase();
        if let Some(octets) = lower.strip_suffix(".in-addr.arpa") {
            let octets: Vec<&str> = octets.rsplit('.').collect();
            return octets.join(".").parse().ok().map(IpAddr::V4).filter(|_| octets.len() == 4);
        }
        let nibbles: Vec<&str> = lower.strip_suffix(".ip6.arpa")?.rsplit('.').collect();
        let right = nibbles.len() == 32 && nibbles.iter().all(|nibble| nibble.len() == 1);
        let bits = u128::from_str_radix(&nibbles.concat(), 16).ok().filter(|_| right)?;
        Some(IpAddr::V6(Ipv6Addr::from_bits(bits)))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn read(name: &Name<'_>) -> Option<Self> {
        let labels: Option<Vec<&str>> = name.as_bytes().map(|label| std::str::from_utf8(label).ok()).collect();
        // A dot within a label would become one between two.
        labels
            .filter(|labels| labels.iter().all(|label| !label.contains('.')))
            .and_then(|all| Self::new(&all.join(".")))
    }

    fn write(&self) -> Name<'_> {
        let labels: Vec<Label<'_>> = self.0.split('.').map(|label| Label::new_unchecked(label.as_bytes())).collect();
        Name::new_with_labels(&labels)
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A question for the name that stands under another: a PTR record of class IN.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// What is asked about.
    pub name: HostName,
    /// Whether the answer may go to the asker alone (RFC 6762 section 5.4).
    pub unicast: bool,
}

/// Something that a message says of a name, of class IN.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Record {
    /// The name.
    pub name: HostName,
    /// For how many seconds it may be kept. In Multicast DNS 0 takes it back (RFC 6762 section 10.1); servers say 0 of what
    /// shall not be kept.
    pub ttl: u32,
    /// What is said.
    pub data: Data,
}

/// What a record holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Data {
    /// The name stands for this other name (PTR).
    Pointer(HostName),
    /// The name has this address (A, AAAA).
    Address(IpAddr),
}

/// A message, as far as this crate knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repr {
    /// Which question an answer belongs to; 0 in Multicast DNS.
    pub id: u16,
    /// Whether it is an answer.
    pub response: bool,
    /// Whether the server shall ask others where it does not know.
    pub recursion: bool,
    /// What is asked.
    pub questions: Vec<Question>,
    /// What is said, in the answer and the additional section. Authority records are not for hosts.
    pub records: Vec<Record>,
}

impl Repr {
    /// Asks everyone on the link for the names of addresses. At most [`MAX_QUESTIONS`] fit into one frame.
    pub fn multicast_query(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let question = |address| Question { name: HostName::reverse(address), unicast: false };
        let questions = addresses.into_iter().map(question).collect();
        Self { id: 0, response: false, recursion: false, questions, records: Vec::new() }
    }

    /// Asks a DNS server for the name of an address.
    pub fn query(id: u16, address: IpAddr) -> Self {
        Self { id, recursion: true, ..Self::multicast_query([address]) }
    }

    /// Reads a message.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when any part of it breaks the format: it is not believed in part.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let packet = Packet::parse(bytes)
            .map_err(|_| Error::Malformed { layer: LAYER, reason: "the message breaks the format of RFC 1035" })?;
        let questions = packet.questions.iter().filter(|question| {
            matches!(question.qtype, QTYPE::TYPE(TYPE::PTR) | QTYPE::ANY)
                && matches!(question.qclass, QCLASS::CLASS(CLASS::IN) | QCLASS::ANY)
        });
        let questions = questions.filter_map(|question| {
            Some(Question { name: HostName::read(&question.qname)?, unicast: question.unicast_response })
        });
        let said = packet.answers.iter().chain(&packet.additional_records);
        let records = said.filter(|record| record.class == CLASS::IN).filter_map(|record| {
            let data = match &record.rdata {
                RData::PTR(PTR(target)) => Data::Pointer(HostName::read(target)?),
                RData::A(A { address }) => Data::Address(Ipv4Addr::from(*address).into()),
                RData::AAAA(AAAA { address }) => Data::Address(Ipv6Addr::from(*address).into()),
                _ => return None,
            };
            Some(Record { name: HostName::read(&record.name)?, ttl: record.ttl, data })
        });
        Ok(Self {
            id: packet.id(),
            response: packet.has_flags(PacketFlag::RESPONSE),
            recursion: packet.has_flags(PacketFlag::RECURSION_DESIRED),
            questions: questions.collect(),
            records: records.collect(),
        })
    }

    /// Appends the message. Names are not longer than they may be, so there is nothing that could not be written.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let mut packet = if self.response { Packet::new_reply(self.id) } else { Packet::new_query(self.id) };
        if self.recursion {
            packet.set_flags(PacketFlag::RECURSION_DESIRED);
        }
        for question in &self.questions {
            packet.questions.push(simple_dns::Question::new(
                question.name.write(),
                QTYPE::TYPE(TYPE::PTR),
                QCLASS::CLASS(CLASS::IN),
                question.unicast,
            ));
        }
        for record in &self.records {
            let data = match &record.data {
                Data::Pointer(target) => RData::PTR(PTR(target.write())),
                Data::Address(IpAddr::V4(address)) => RData::A((*address).into()),
                Data::Address(IpAddr::V6(address)) => RData::AAAA((*address).into()),
            };
            packet.answers.push(ResourceRecord::new(record.name.write(), CLASS::IN, record.ttl, data));
        }
        let bytes = packet.build_bytes_vec_compressed().expect("names and numbers of records are within their limits");
        out.extend_from_slice(&bytes);
    }
}

/// So many questions of 73 octets (an IPv6 address) fit into a frame beside its headers.
pub const MAX_QUESTIONS: usize = 16;
/// For so many seconds Multicast DNS' records of hosts may be kept (RFC 6762 section 10).
pub const HOST_TTL: u32 = 120;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HostName {
        HostName::new(text).unwrap()
    }

    /// An answer as RFC 1035 section 4.1 lays it out, the name in its data compressed: 10.77.0.9 is printer.local.
    const ANSWER: &[u8] = b"\x00\x00\x84\x00\x00\x00\x00\x02\x00\x00\x00\x00\
        \x019\x010\x0277\x0210\x07in-addr\x04arpa\x00\x00\x0c\x80\x01\x00\x00\x00\x78\x00\x0f\
        \x07printer\x05local\x00\
        \xc0\x2e\x00\x01\x80\x01\x00\x00\x00\x78\x00\x04\x0a\x4d\x00\x09";

    #[test]
    fn an_answer_of_multicast_dns() {
        let found = Repr::parse(ANSWER).unwrap();
        let address: IpAddr = [10, 77, 0, 9].into();
        let record = |name, data| Record { name, ttl: 120, data };
        let pointer = record(HostName::reverse(address), Data::Pointer(name("printer.local")));
        assert_eq!(found.records, [pointer, record(name("printer.local"), Data::Address(address))]);
        assert!(found.response && found.questions.is_empty());
        for len in 0..ANSWER.len() {
            assert!(Repr::parse(&ANSWER[..len]).is_err(), "cut at {len}");
        }
    }

    #[test]
    fn a_question_byte_for_byte() {
        let mut out = Vec::new();
        Repr::multicast_query([[10, 77, 0, 9].into()]).emit(&mut out);
        assert_eq!(
            out,
            b"\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x019\x010\x0277\x0210\x07in-addr\x04arpa\x00\x00\x0c\x00\x01"
        );
        let mut out = Vec::new();
        Repr::query(7, [10, 77, 0, 9].into()).emit(&mut out);
        assert_eq!(out[..6], [0, 7, 1, 0, 0, 1], "recursion is asked for");
    }

    #[test]
    fn the_longest_query_fits_into_a_frame() {
        let addresses = (0..MAX_QUESTIONS as u128).map(|n| Ipv6Addr::from_bits(u128::MAX / 17 * (n + 1)).into());
        let mut out = Vec::new();
        Repr::multicast_query(addresses).emit(&mut out);
        assert!(out.len() <= 1500 - 40 - 8, "{}", out.len());
    }

    #[test]
    fn reverse_names_lead_back() {
        for address in ["10.77.0.9", "255.255.255.255", "fd00:77::2f", "::"] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(HostName::reverse(address).reversed(), Some(address));
        }
        assert_eq!(HostName::reverse("fd00::1".parse().unwrap()).as_str().len(), 72);
        for text in ["1.2.3.in-addr.arpa", "1.2.3.4.5.in-addr.arpa", "300.1.1.1.in-addr.arpa", "1.ip6.arpa", "a.local"]
        {
            assert_eq!(name(text).reversed(), None, "{text}");
        }
    }

    #[test]
    fn names_that_could_do_harm_are_left_out() {
        for text in ["", ".", "a..b", "evil\u{1b}[2J.local", "two words.local", "tab\t", "\u{202e}rtl", "a\\b"] {
            assert_eq!(HostName::new(text), None, "{text:?}");
        }
        assert!(HostName::new(&"a".repeat(64)).is_none() && HostName::new(&"abc.".repeat(64)).is_none());
        assert_eq!(name("küche.local.").as_str(), "küche.local");
        let mut escape = ANSWER.to_vec();
        escape[47] = 0x1b;
        assert_eq!(Repr::parse(&escape).unwrap().records, [], "neither the pointer nor the address");
        let mut dot = ANSWER.to_vec();
        dot[47] = b'.';
        assert_eq!(Repr::parse(&dot).unwrap().records, []);
    }

    #[test]
    fn a_pointer_to_itself_ends() {
        let mut loops = ANSWER[..12].to_vec();
        loops[7] = 1;
        loops.extend_from_slice(b"\xc0\x0c\x00\x0c\x00\x01\x00\x00\x00\x78\x00\x02\xc0\x0c");
        assert!(Repr::parse(&loops).is_err());
    }
}
