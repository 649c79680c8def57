//! What nodes say to each other: authenticated frames on the announced segment itself.
//!
//! Ethernet type 0x88b5 (IEEE 802, for local experiments), to a locally administered group, never routed. All numbers are
//! big-endian.
//!
//! ```text
//! "PCA1"  kind  flags  length(2)  node(8)  incarnation(8)  sequence(8)  body…  proof(16)
//!
//! Beat    roster version(4)  count(1)  count × (node(8) incarnation(8) sequence(8))      whom I heard last
//! Roster  version(4)  base(4)  part(1)  parts(1)  name length(1)  name  count(2)  count × listing
//! Ask     node(8)                                                                        send your whole roster
//! Poke    node(8)                                                                        send a beat now
//! ```

use std::net::IpAddr;

use poolcheck_lan::link::Octet;
use poolcheck_lan::wire::MacAddr;
use poolcheck_lan::wire::ethernet::{EtherType, MIN_FRAME_LEN, Repr as Ethernet};

use super::key::{Key, TAG_LEN};
use crate::hold::Service;
use crate::settings::MAX_NAME;

/// The Ethernet type of all messages.
pub const ETHERTYPE: u16 = 0x88b5;
/// The group all nodes listen to.
pub const GROUP: MacAddr = MacAddr([0x03, 0x70, 0x6f, 0x6f, 0x6c, 0x01]);
const ETHERNET_LEN: usize = 14;
const MAGIC: &[u8; 4] = b"PCA1";
const HEADER_LEN: usize = 32;
/// Most nodes one beat can name.
pub(crate) const MAX_PEERS: usize = 48;
/// Octets of listings in one frame.
const LISTINGS_LEN: usize = 1300;
const MAX_PARTS: usize = 64;

/// Whether a frame carries a message of nodes.
pub(crate) fn is_message(frame: &[u8]) -> bool {
    frame.get(12..14) == Some(&ETHERTYPE.to_be_bytes())
}

/// Where a frame's kind and flags stand.
const KIND_AT: u16 = 18;
const FLAGS_AT: u16 = 19;
/// Beats that say no more than that their sender lives: they change nothing before time does
/// ([`Announcer::deadline`](crate::Announcer)), so whoever waits for frames need not be woken by them.
pub(crate) const PLAIN_BEAT: [Octet; 2] = [(KIND_AT, 1..=1), (FLAGS_AT, 0..=0)];
/// All other messages have either of these.
pub(crate) const URGENT: [Octet; 2] = [(KIND_AT, 2..=255), (FLAGS_AT, 1..=255)];

/// Whether a frame is one of the beats that can wait.
#[cfg(feature = "sim")]
pub(crate) fn is_plain_beat(frame: &[u8]) -> bool {
    let holds = |(at, range): &Octet| frame.get(usize::from(*at)).is_some_and(|octet| range.contains(octet));
    is_message(frame) && PLAIN_BEAT.iter().all(holds)
}

/// A node, as messages name it: made from its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u64);

impl NodeId {
    /// The number of a name.
    pub fn of(name: &str) -> Self {
        use sha2::Digest as _;
        let hash = sha2::Sha256::digest(name);
        Self(u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]]))
    }
}

/// The sender is not owner of anything yet: it has just started, or stood still.
pub(crate) const LISTENING: u8 = 1;
/// The sender wants to be rid of all it owns.
pub(crate) const DRAINING: u8 = 2;
/// The sender's last words.
pub(crate) const LEAVING: u8 = 4;

/// A sequence number under an incarnation: proves, when echoed, that the echo is younger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Echo {
    pub(crate) node: NodeId,
    pub(crate) incarnation: u64,
    pub(crate) sequence: u64,
}

/// What a node says about one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Listing {
    /// The highest term known; the sender's own if it owns the address.
    pub(crate) term: u32,
    pub(crate) weight: i16,
    pub(crate) owned: bool,
    pub(crate) ready: bool,
    /// The sender could own it: it has the subnet.
    pub(crate) able: bool,
    /// Somebody who is no node answers for it.
    pub(crate) in_use: bool,
    /// To keep while nobody is ready.
    pub(crate) hold: bool,
    /// The sender owned it as well until just now, and gave way: caches may need repair.
    pub(crate) yielded: bool,
    /// The owner hands it over: to this node, or to whoever ranks next.
    pub(crate) offered: Option<Taker>,
}

impl Listing {
    pub(crate) const fn service(&self) -> Service {
        Service { ready: self.ready, hold: self.hold }
    }
}

/// Whom an address is offered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taker {
    Anyone,
    Only(NodeId),
}

impl Taker {
    pub(crate) fn is(self, node: NodeId) -> bool {
        match self {
            Self::Anyone => true,
            Self::Only(only) => only == node,
        }
    }
}

impl From<Option<NodeId>> for Taker {
    fn from(node: Option<NodeId>) -> Self {
        node.map_or(Self::Anyone, Self::Only)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    Beat { version: u32, echoes: Vec<Echo> },
    Roster { version: u32, base: u32, part: u8, parts: u8, name: String, listings: Vec<(IpAddr, Listing)> },
    Ask { node: NodeId },
    Poke { node: NodeId },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) from: NodeId,
    pub(crate) incarnation: u64,
    pub(crate) sequence: u64,
    pub(crate) flags: u8,
    pub(crate) body: Body,
}

/// Why a frame of our Ethernet type is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Not one of these messages, or a later version of them.
    Malformed,
    /// The proof is not of our key and cluster.
    Unproven,
}

impl Message {
    /// The whole frame.
    pub(crate) fn frame(&self, key: &Key, from: MacAddr, to: MacAddr) -> Vec<u8> {
        let mut message = Vec::with_capacity(160);
        message.extend_from_slice(MAGIC);
        message.extend_from_slice(&[self.kind(), self.flags, 0, 0]);
        for number in [self.from.0, self.incarnation, self.sequence] {
            message.extend_from_slice(&number.to_be_bytes());
        }
        self.emit_body(&mut message);
        sealed(message, key, from, to)
    }

    /// Reads a frame of our Ethernet type. Total: any bytes give a message or a reason.
    pub(crate) fn parse(frame: &[u8], key: &Key) -> Result<Self, Refused> {
        let bytes = frame.get(ETHERNET_LEN..).ok_or(Refused::Malformed)?;
        let mut reader = Reader(bytes);
        if reader.take(4)? != MAGIC {
            return Err(Refused::Malformed);
        }
        let (kind, flags, length) = (reader.u8()?, reader.u8()?, usize::from(reader.u16()?));
        let (sealed, tag) = match (bytes.get(..length), bytes.get(length..length + TAG_LEN)) {
            (Some(sealed), Some(tag)) if length >= HEADER_LEN => (sealed, tag),
            _ => return Err(Refused::Malformed),
        };
        if !key.proves([sealed, &frame[6..12]], tag) {
            return Err(Refused::Unproven);
        }
        let mut reader = Reader(&sealed[8..]);
        let (from, incarnation, sequence) = (NodeId(reader.u64()?), reader.u64()?, reader.u64()?);
        let body = parse_body(kind, &mut reader)?;
        Ok(Self { from, incarnation, sequence, flags, body })
    }

    const fn kind(&self) -> u8 {
        match self.body {
            Body::Beat { .. } => 1,
            Body::Roster { .. } => 2,
            Body::Ask { .. } => 3,
            Body::Poke { .. } => 4,
        }
    }

    fn emit_body(&self, out: &mut Vec<u8>) {
        match &self.body {
            Body::Beat { version, echoes } => {
                out.extend_from_slice(&version.to_be_bytes());
                out.push(echoes.len().min(MAX_PEERS) as u8);
                for echo in echoes.iter().take(MAX_PEERS) {
                    for number in [echo.node.0, echo.incarnation, echo.sequence] {
                        out.extend_from_slice(&number.to_be_bytes());
                    }
                }
            }
            Body::Roster { version, base, part, parts, name, listings } => {
                out.extend_from_slice(&version.to_be_bytes());
                out.extend_from_slice(&base.to_be_bytes());
                out.extend_from_slice(&[*part, *parts, name.len() as u8]);
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(&(listings.len() as u16).to_be_bytes());
                for (address, listing) in listings {
                    emit_listing(*address, listing, out);
                }
            }
            Body::Ask { node } | Body::Poke { node } => out.extend_from_slice(&node.0.to_be_bytes()),
        }
    }
}

fn emit_listing(address: IpAddr, listing: &Listing, out: &mut Vec<u8>) {
    let flags = [address.is_ipv6(), listing.owned, listing.ready, listing.able, listing.in_use, listing.hold];
    let flags = flags.iter().enumerate().fold(0, |sum, (bit, set)| sum | u8::from(*set) << bit);
    out.push(flags | u8::from(listing.offered.is_some()) << 6 | u8::from(listing.yielded) << 7);
    match address {
        IpAddr::V4(a) => out.extend_from_slice(&a.octets()),
        IpAddr::V6(a) => out.extend_from_slice(&a.octets()),
    }
    out.extend_from_slice(&listing.term.to_be_bytes());
    out.extend_from_slice(&listing.weight.to_be_bytes());
    if let Some(taker) = listing.offered {
        let number = match taker {
            Taker::Anyone => 0,
            Taker::Only(node) => node.0,
        };
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn parse_listing(reader: &mut Reader<'_>) -> Result<(IpAddr, Listing), Refused> {
    let flags = reader.u8()?;
    let set = |bit: u8| flags & 1 << bit != 0;
    let address = if set(0) { IpAddr::from(reader.array::<16>()?) } else { IpAddr::from(reader.array::<4>()?) };
    let (term, weight) = (u32::from_be_bytes(reader.array()?), i16::from_be_bytes(reader.array()?));
    let mut offered = None;
    if set(6) {
        offered = Some(Taker::from(Some(NodeId(reader.u64()?)).filter(|node| node.0 != 0)));
    }
    let (owned, ready, able, in_use, hold, yielded) = (set(1), set(2), set(3), set(4), set(5), set(7));
    let listing = Listing { term, weight, owned, ready, able, in_use, hold, yielded, offered };
    Ok((address, listing))
}

fn parse_body(kind: u8, reader: &mut Reader<'_>) -> Result<Body, Refused> {
    match kind {
        1 => {
            let version = u32::from_be_bytes(reader.array()?);
            let count = usize::from(reader.u8()?);
            let mut echoes = Vec::with_capacity(count.min(MAX_PEERS));
            for _ in 0..count.min(MAX_PEERS) {
                echoes.push(Echo { node: NodeId(reader.u64()?), incarnation: reader.u64()?, sequence: reader.u64()? });
            }
            Ok(Body::Beat { version, echoes })
        }
        2 => {
            let (version, base) = (u32::from_be_bytes(reader.array()?), u32::from_be_bytes(reader.array()?));
            let (part, parts, len) = (reader.u8()?, reader.u8()?, usize::from(reader.u8()?));
            if part >= parts || usize::from(parts) > MAX_PARTS || len > MAX_NAME {
                return Err(Refused::Malformed);
            }
            let name = String::from_utf8(reader.take(len)?.to_vec()).map_err(|_| Refused::Malformed)?;
            let count = usize::from(reader.u16()?);
            let mut listings = Vec::new();
            for _ in 0..count {
                listings.push(parse_listing(reader)?);
            }
            Ok(Body::Roster { version, base, part, parts, name, listings })
        }
        3 => Ok(Body::Ask { node: NodeId(reader.u64()?) }),
        4 => Ok(Body::Poke { node: NodeId(reader.u64()?) }),
        _ => Err(Refused::Malformed),
    }
}

/// Cuts a roster into parts that fit a frame each; at least one.
pub(crate) fn parts(listings: Vec<(IpAddr, Listing)>) -> Vec<Vec<(IpAddr, Listing)>> {
    let (mut all, mut part, mut len) = (Vec::new(), Vec::new(), 0);
    for (address, listing) in listings {
        let octets = 7 + if address.is_ipv6() { 16 } else { 4 } + if listing.offered.is_some() { 8 } else { 0 };
        if len + octets > LISTINGS_LEN {
            all.push(std::mem::take(&mut part));
            len = 0;
        }
        len += octets;
        part.push((address, listing));
    }
    all.push(part);
    all.truncate(MAX_PARTS);
    all
}

/// A frame of a message's bytes: its length filled in, its proof behind it.
pub(crate) fn sealed(mut message: Vec<u8>, key: &Key, from: MacAddr, to: MacAddr) -> Vec<u8> {
    let mut out = Vec::with_capacity(160);
    let header = Ethernet { destination: to, source: from, vlan: None, ethertype: EtherType::Unknown(ETHERTYPE) };
    header.emit(&mut out);
    let length = (message.len() as u16).to_be_bytes();
    message[6..8].copy_from_slice(&length);
    let len = message.len();
    // The Ethernet source is covered by the proof: a peer's hardware address cannot be forged.
    message.extend_from_slice(&from.0);
    key.seal(&mut message);
    out.extend_from_slice(&message[..len]);
    out.extend_from_slice(&message[len + 6..]);
    debug_assert!(out.len() - ETHERNET_LEN <= 1500, "a message fits a frame");
    out.resize(out.len().max(MIN_FRAME_LEN), 0);
    out
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Refused> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(Refused::Malformed)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Refused> {
        self.take(N)?.try_into().map_err(|_| Refused::Malformed)
    }

    fn u8(&mut self) -> Result<u8, Refused> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> Result<u16, Refused> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, Refused> {
        Ok(u64::from_be_bytes(self.array()?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FROM: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    fn key() -> Key {
        Key::new(b"0123456789abcdef").unwrap().for_cluster("lab")
    }

    fn listing() -> impl Strategy<Value = (IpAddr, Listing)> {
        let only = (1_u64..).prop_map(|n| Some(Taker::Only(NodeId(n))));
        let offered = prop_oneof![Just(None), Just(Some(Taker::Anyone)), only];
        (any::<IpAddr>(), any::<(u32, i16)>(), any::<[bool; 6]>(), offered).prop_map(
            |(address, numbers, f, offered)| {
                let ((term, weight), [owned, ready, able, in_use, hold, yielded]) = (numbers, f);
                (address, Listing { term, weight, owned, ready, able, in_use, hold, yielded, offered })
            },
        )
    }

    fn body() -> impl Strategy<Value = Body> {
        let echo = any::<(u64, u64, u64)>().prop_map(|(n, incarnation, sequence)| Echo {
            node: NodeId(n),
            incarnation,
            sequence,
        });
        prop_oneof![
            (any::<u32>(), proptest::collection::vec(echo, 0..MAX_PEERS))
                .prop_map(|(version, echoes)| Body::Beat { version, echoes }),
            (any::<(u32, u32)>(), "[a-z]{1,63}", proptest::collection::vec(listing(), 0..40)).prop_map(
                |((version, base), name, listings)| Body::Roster { version, base, part: 0, parts: 1, name, listings }
            ),
            any::<u64>().prop_map(|n| Body::Ask { node: NodeId(n) }),
            any::<u64>().prop_map(|n| Body::Poke { node: NodeId(n) }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_said_is_heard(body in body(), numbers in any::<(u64, u64, u64)>(), flags: u8) {
            let message = Message { from: NodeId(numbers.0), incarnation: numbers.1, sequence: numbers.2, flags, body };
            prop_assert_eq!(Message::parse(&message.frame(&key(), FROM, GROUP), &key()), Ok(message));
        }

        #[test]
        fn nothing_changed_is_believed(body in body(), at: usize, bit in 0..8_u8) {
            let message = Message { from: NodeId(1), incarnation: 2, sequence: 3, flags: 0, body };
            let mut frame = message.frame(&key(), FROM, GROUP);
            let end = ETHERNET_LEN + usize::from(u16::from_be_bytes([frame[20], frame[21]])) + TAG_LEN;
            // The destination may differ: the same words are said to one and to all. The type is looked at before.
            let at = 6 + at % (end - 6);
            prop_assume!(!(12..14).contains(&at));
            frame[at] ^= 1 << bit;
            prop_assert!(Message::parse(&frame, &key()).is_err());
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::parse(&bytes, &key());
            let mut proven = bytes;
            proven.resize(proven.len().max(32), 0);
            proven[..4].copy_from_slice(MAGIC);
            let length = (proven.len() as u16).to_be_bytes();
            proven[6..8].copy_from_slice(&length);
            let mut frame = vec![0; ETHERNET_LEN];
            let mut sealed = proven.clone();
            sealed.extend_from_slice(&frame[6..12]);
            key().seal(&mut sealed);
            frame.extend_from_slice(&proven);
            frame.extend_from_slice(&sealed[sealed.len() - TAG_LEN..]);
            prop_assert!(Message::parse(&frame, &key()) != Err(Refused::Unproven));
        }
    }

    #[test]
    fn a_large_roster_is_cut_into_frames() {
        let address = |n: u32| IpAddr::V6(std::net::Ipv6Addr::from_bits(u128::from(n)));
        let all: Vec<_> = (0..500).map(|n| (address(n), Listing::default())).collect();
        let cut = parts(all.clone());
        assert_eq!(cut.concat(), all);
        assert!(cut.len() > 1);
        for listings in cut {
            let name = "n".repeat(MAX_NAME);
            let body = Body::Roster { version: 1, base: 0, part: 0, parts: 1, name, listings };
            let message = Message { from: NodeId(1), incarnation: 1, sequence: 1, flags: 0, body };
            assert!(message.frame(&key(), FROM, GROUP).len() <= 1514);
        }
        assert_eq!(parts(Vec::new()).len(), 1, "an empty roster is said, too");
    }
}
