//! Multicast Listener Discovery: MLDv2 (RFC 3810) and MLDv1 (RFC 2710).
//!
//! A machine that takes an IPv6 address joins that address's solicited-node group, and says so. Switches that snoop need
//! to hear it before they pass on solicitations, and forget who does not answer their queries.

use std::net::Ipv6Addr;

use super::icmpv6::{self, emit_message};
use super::{at_least, be16, ipv6, octets};
use crate::error::{Error, Result};

const LAYER: &str = "MLD";
/// Type of a query, of either version.
pub const QUERY: u8 = 130;
/// Type of MLDv1's word of leaving.
pub const DONE_V1: u8 = 132;
/// Type of an MLDv1 report.
pub const REPORT_V1: u8 = 131;
/// Type of an MLDv2 report.
pub const REPORT_V2: u8 = 143;
const RECORD_LEN: usize = 20;

/// The hop-by-hop header with the Router Alert option (RFC 2711) that every MLD message carries, for next header ICMPv6.
pub const ROUTER_ALERT: [u8; 8] = [ipv6::ICMPV6, 0, 5, 2, 0, 0, 1, 0];

/// What a record says about its group (RFC 3810 section 5.2.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// 1: listens to these sources only.
    ModeIsInclude,
    /// 2: listens to all but these sources.
    ModeIsExclude,
    /// 3: has begun to listen to these sources only; without sources, has left the group.
    ChangeToInclude,
    /// 4: has begun to listen to all but these sources; without sources, has joined the group.
    ChangeToExclude,
    /// Any other number.
    Unknown(u8),
}

impl From<u8> for RecordKind {
    fn from(number: u8) -> Self {
        match number {
            1 => Self::ModeIsInclude,
            2 => Self::ModeIsExclude,
            3 => Self::ChangeToInclude,
            4 => Self::ChangeToExclude,
            other => Self::Unknown(other),
        }
    }
}

impl From<RecordKind> for u8 {
    fn from(kind: RecordKind) -> Self {
        match kind {
            RecordKind::ModeIsInclude => 1,
            RecordKind::ModeIsExclude => 2,
            RecordKind::ChangeToInclude => 3,
            RecordKind::ChangeToExclude => 4,
            RecordKind::Unknown(other) => other,
        }
    }
}

/// One group of an MLDv2 report.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Record {
    /// What is said.
    pub kind: RecordKind,
    /// About which group.
    pub group: Ipv6Addr,
    /// The sources that `kind` speaks of.
    pub sources: Vec<Ipv6Addr>,
}

/// What a query of MLDv2 says beyond one of MLDv1 (RFC 3810 sections 5.1.7 to 5.1.10).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QueryV2 {
    /// S flag: other routers shall not restart their timers.
    pub suppress: bool,
    /// Querier's robustness variable, 0 to 7.
    pub robustness: u8,
    /// Querier's query interval code.
    pub interval_code: u8,
    /// Sources asked for; none: any.
    pub sources: Vec<Ipv6Addr>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Repr {
    /// Asks who listens, to be answered within a while by [`Repr::listening`].
    Query {
        /// Milliseconds to answer in, below 32,768; beyond, a floating-point number (RFC 3810 section 5.1.3).
        max_response_code: u16,
        /// The group asked for; `::` for all.
        group: Ipv6Addr,
        /// What MLDv2 adds.
        v2: Option<QueryV2>,
    },
    /// MLDv1: listens no more to one group.
    V1Done {
        /// The group.
        group: Ipv6Addr,
    },
    /// MLDv1: listens to one group.
    V1 {
        /// The group.
        group: Ipv6Addr,
    },
    /// MLDv2: any number of records.
    V2 {
        /// The records.
        records: Vec<Record>,
    },
}

impl Repr {
    /// The report of one who has just joined `groups`, to [`ipv6::ALL_MLDV2_ROUTERS`].
    pub fn joined(groups: impl IntoIterator<Item = Ipv6Addr>) -> Self {
        Self::report(RecordKind::ChangeToExclude, groups)
    }

    /// The report of one who has just left `groups`, to the same.
    pub fn left(groups: impl IntoIterator<Item = Ipv6Addr>) -> Self {
        Self::report(RecordKind::ChangeToInclude, groups)
    }

    /// The answer to a query of one who listens to `groups`, to the same.
    pub fn listening(groups: impl IntoIterator<Item = Ipv6Addr>) -> Self {
        Self::report(RecordKind::ModeIsExclude, groups)
    }

    fn report(kind: RecordKind, groups: impl IntoIterator<Item = Ipv6Addr>) -> Self {
        let record = |group| Record { kind, group, sources: Vec::new() };
        Self::V2 { records: groups.into_iter().map(record).collect() }
    }

    /// Reads a message, with the checks of RFC 3810 sections 5.1.14 and 5.2.13: hop limit 1, checksum, a query's sender on
    /// this link. Auxiliary data are skipped.
    pub fn parse(header: &ipv6::Repr, message: &[u8]) -> Result<Self> {
        if header.hop_limit != 1 {
            return Err(Error::Malformed { layer: LAYER, reason: "the hop limit is not 1" });
        }
        let packet = icmpv6::Packet::new_checked(message, header.source, header.destination)?;
        let body = packet.body();
        match packet.kind() {
            QUERY => {
                if !header.source.is_unicast_link_local() {
                    return Err(Error::Malformed { layer: LAYER, reason: "a query that is not from this link" });
                }
                parse_query(body)
            }
            REPORT_V1 => {
                at_least(body, 20, LAYER)?;
                Ok(Self::V1 { group: octets::<16>(body, 4).into() })
            }
            DONE_V1 => {
                at_least(body, 20, LAYER)?;
                Ok(Self::V1Done { group: octets::<16>(body, 4).into() })
            }
            REPORT_V2 => {
                at_least(body, 4, LAYER)?;
                parse_records(usize::from(be16(body, 2)), &body[4..])
            }
            _ => Err(Error::Malformed { layer: LAYER, reason: "neither query nor report" }),
        }
    }

    /// How many bytes `emit` appends.
    pub fn buffer_len(&self) -> usize {
        match self {
            Self::Query { v2: Some(more), .. } => 28 + 16 * more.sources.len(),
            Self::Query { .. } | Self::V1 { .. } | Self::V1Done { .. } => 24,
            Self::V2 { records } => 8 + records.iter().map(|r| RECORD_LEN + 16 * r.sources.len()).sum::<usize>(),
        }
    }

    /// Appends the message with its checksum, which covers the addresses of the IPv6 header.
    pub fn emit(&self, source: Ipv6Addr, destination: Ipv6Addr, out: &mut Vec<u8>) {
        match self {
            Self::Query { max_response_code, group, v2 } => emit_message(QUERY, source, destination, out, |out| {
                out.extend_from_slice(&max_response_code.to_be_bytes());
                out.extend_from_slice(&[0; 2]);
                out.extend_from_slice(&group.octets());
                if let Some(more) = v2 {
                    out.extend_from_slice(&[u8::from(more.suppress) << 3 | more.robustness & 7, more.interval_code]);
                    out.extend_from_slice(&(more.sources.len() as u16).to_be_bytes());
                    more.sources.iter().for_each(|source| out.extend_from_slice(&source.octets()));
                }
            }),
            Self::V1 { group } => emit_v1(REPORT_V1, *group, (source, destination), out),
            Self::V1Done { group } => emit_v1(DONE_V1, *group, (source, destination), out),
            Self::V2 { records } => emit_message(REPORT_V2, source, destination, out, |out| {
                out.extend_from_slice(&[0; 2]);
                out.extend_from_slice(&(records.len() as u16).to_be_bytes());
                for record in records {
                    out.extend_from_slice(&[record.kind.into(), 0]);
                    out.extend_from_slice(&(record.sources.len() as u16).to_be_bytes());
                    out.extend_from_slice(&record.group.octets());
                    for source in &record.sources {
                        out.extend_from_slice(&source.octets());
                    }
                }
            }),
        }
    }
}

fn emit_v1(kind: u8, group: Ipv6Addr, (source, destination): (Ipv6Addr, Ipv6Addr), out: &mut Vec<u8>) {
    emit_message(kind, source, destination, out, |out| {
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&group.octets());
    });
}

/// The versions are told apart by their lengths (RFC 3810 section 8.1): 24 octets, or at least 28.
fn parse_query(body: &[u8]) -> Result<Repr> {
    at_least(body, 20, LAYER)?;
    let (max_response_code, group) = (be16(body, 0), octets::<16>(body, 4).into());
    let v2 = match body.len() {
        20 => None,
        21..24 => return Err(Error::Malformed { layer: LAYER, reason: "a query of neither version's length" }),
        _ => {
            let end = 24 + 16 * usize::from(be16(body, 22));
            at_least(body, end, LAYER)?;
            Some(QueryV2 {
                suppress: body[20] & 8 != 0,
                robustness: body[20] & 7,
                interval_code: body[21],
                sources: body[24..end].chunks_exact(16).map(|source| octets::<16>(source, 0).into()).collect(),
            })
        }
    };
    Ok(Repr::Query { max_response_code, group, v2 })
}

fn parse_records(count: usize, mut rest: &[u8]) -> Result<Repr> {
    let mut records = Vec::new();
    for _ in 0..count {
        at_least(rest, RECORD_LEN, LAYER)?;
        let sources_end = RECORD_LEN + 16 * usize::from(be16(rest, 2));
        let end = sources_end + 4 * usize::from(rest[1]);
        at_least(rest, end, LAYER)?;
        records.push(Record {
            kind: rest[0].into(),
            group: octets::<16>(rest, 4).into(),
            sources: rest[RECORD_LEN..sources_end].chunks_exact(16).map(|s| octets::<16>(s, 0).into()).collect(),
        });
        rest = &rest[end..];
    }
    Ok(Repr::V2 { records })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> ipv6::Repr {
        ipv6::Repr {
            source: "fe80::1".parse().unwrap(),
            destination: ipv6::ALL_MLDV2_ROUTERS,
            next_header: ipv6::HOP_BY_HOP,
            hop_limit: 1,
            payload_len: 0,
        }
    }

    #[test]
    fn joining_is_a_change_to_exclude_nothing() {
        let group: Ipv6Addr = "ff02::1:ff00:1".parse().unwrap();
        let mut out = Vec::new();
        Repr::joined([group]).emit(header().source, header().destination, &mut out);
        assert_eq!((out[0], &out[4..12]), (143, &[0, 0, 0, 1, 4, 0, 0, 0][..]), "RFC 3810 section 5.2");
        assert_eq!(Repr::parse(&header(), &out).unwrap(), Repr::joined([group]));
    }

    #[test]
    fn version_1_round_trips() {
        let repr = Repr::V1 { group: "ff02::1:ff00:1".parse().unwrap() };
        let mut out = Vec::new();
        repr.emit(header().source, header().destination, &mut out);
        assert_eq!(out.len(), repr.buffer_len());
        assert_eq!(Repr::parse(&header(), &out).unwrap(), repr);
    }

    #[test]
    fn queries_of_both_versions() {
        let header = ipv6::Repr { destination: ipv6::ALL_NODES, ..header() };
        let group = "ff02::1:ff00:50".parse().unwrap();
        let more = QueryV2 { suppress: true, robustness: 2, interval_code: 125, sources: vec![header.source] };
        for (group, v2, len) in [
            (Ipv6Addr::UNSPECIFIED, None, 24),
            (group, Some(QueryV2 { sources: Vec::new(), ..more.clone() }), 28),
            (group, Some(more), 44),
        ] {
            let repr = Repr::Query { max_response_code: 10_000, group, v2 };
            let mut out = Vec::new();
            repr.emit(header.source, header.destination, &mut out);
            assert_eq!((out.len(), repr.buffer_len(), out[0], &out[4..6]), (len, len, 130, &[0x27, 0x10][..]));
            assert_eq!(Repr::parse(&header, &out).unwrap(), repr);
            let stranger = ipv6::Repr { source: "fd00::1".parse().unwrap(), ..header };
            let mut out = Vec::new();
            repr.emit(stranger.source, stranger.destination, &mut out);
            assert!(Repr::parse(&stranger, &out).is_err(), "a query from another link");
        }
        assert!(parse_query(&[0; 22]).is_err());
        let mut sources = [0; 40];
        sources[23] = 1;
        assert!(parse_query(&sources).is_ok());
        sources[23] = 2;
        assert!(parse_query(&sources).is_err(), "counts are not believed");
    }

    #[test]
    fn leaving_is_a_change_to_include_nothing() {
        let group = "ff02::1:ff00:1".parse().unwrap();
        for (repr, kind) in [(Repr::left([group]), 3), (Repr::listening([group]), 2)] {
            let mut out = Vec::new();
            repr.emit(header().source, header().destination, &mut out);
            assert_eq!((out[0], out[8]), (143, kind), "RFC 3810 section 5.2.12");
            assert_eq!(Repr::parse(&header(), &out).unwrap(), repr);
        }
        let done = Repr::V1Done { group };
        let mut out = Vec::new();
        done.emit(header().source, header().destination, &mut out);
        assert_eq!(Repr::parse(&header(), &out).unwrap(), done);
    }

    #[test]
    fn counts_are_not_believed() {
        let mut out = Vec::new();
        Repr::joined([ipv6::ALL_NODES]).emit(header().source, header().destination, &mut out);
        let records_of = |count: usize| parse_records(count, &out[8..]);
        assert!(records_of(1).is_ok());
        assert!(records_of(2).is_err());
    }
}
