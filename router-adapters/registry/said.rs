//! What adapters of configuration files share: a text as a source, facts with their bytes, and the limits of all of them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

use ipnet::{IpNet, Ipv4Net};
use poolcheck_plan::facts::{Completeness, DhcpServer, DhcpState, Origin, OriginId, Reservation, Segment, Sourced};
use poolcheck_plan::{AddrRange, Confidence, Facts, SourceId, SourceKind, Sources, Span};

use crate::adapter::{AdapterError, Complaint, Page};

/// The texts that one adapter reads together are no larger.
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// Blocks within blocks are no deeper.
pub(crate) const MAX_DEPTH: usize = 64;
/// No configuration says more facts.
pub(crate) const MAX_FACTS: usize = 100_000;
/// No router serves more networks, and no configuration changes its mind more often.
pub(crate) const MAX_SEGMENTS: usize = 4_096;
/// No network has more routers, or more DNS servers.
pub(crate) const MAX_ADDRESSES: usize = 256;

/// One file that says facts.
pub(crate) struct Said<'t> {
    /// Its text.
    pub(crate) text: &'t str,
    source: SourceId,
}

impl<'t> Said<'t> {
    /// Adds a file to the sources, as it may be shown.
    pub(crate) fn new(page: &Page<'t>, shown: String, sources: &mut Sources) -> Self {
        debug_assert_eq!(shown.len(), page.text.len(), "what is masked keeps its place");
        Self { text: page.text, source: sources.add(page.name, SourceKind::File, shown) }
    }

    /// The same file, of which no more than the beginning is read.
    pub(crate) fn up_to(&self, length: usize) -> Self {
        Self { text: self.text.get(..length).unwrap_or(self.text), source: self.source }
    }

    /// The place of a part of the text.
    pub(crate) fn span(&self, part: &str) -> Span {
        let start = (part.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        let start = if start <= self.text.len() { start } else { 0 };
        Span::new(self.source, start as u32, (start + part.len()).min(self.text.len()) as u32)
    }

    /// A fact that a part of the text says.
    pub(crate) fn surely<T>(&self, value: T, part: &str) -> Sourced<T> {
        Sourced { value, place: self.span(part), confidence: Confidence::High, origin: OriginId(0) }
    }

    /// A fact that follows from a documented default or from something else that is said.
    pub(crate) fn probably<T>(&self, value: T, part: &str) -> Sourced<T> {
        Sourced { confidence: Confidence::Medium, ..self.surely(value, part) }
    }

    /// A fact that a machine was told by somebody else, and that may have changed since.
    pub(crate) fn perhaps<T>(&self, value: T, part: &str) -> Sourced<T> {
        Sourced { confidence: Confidence::Low, ..self.surely(value, part) }
    }

    /// A DHCP server of which nothing but its state is known yet.
    pub(crate) fn server(&self, state: DhcpState, part: &str) -> DhcpServer {
        DhcpServer {
            state: self.surely(state, part),
            server: None,
            ranges: Vec::new(),
            excluded: Vec::new(),
            reservations: Vec::new(),
            lease_seconds: None,
            completeness: Completeness::Full,
        }
    }
}

/// The facts of one adapter.
pub(crate) fn facts(adapter: &str, title: &str, how_to_shrink: &str, segments: Vec<Segment>) -> Facts {
    let how_to_shrink = Some(how_to_shrink.to_owned());
    let origin = Origin { adapter: adapter.to_owned(), title: title.to_owned(), read_at: None, how_to_shrink };
    Facts { origins: vec![origin], segments, ..Facts::default() }
}

/// The text with a value made unreadable, every byte in its place.
pub(crate) fn starred(text: &mut String, part: Range<usize>) {
    let stars = "*".repeat(part.len());
    text.replace_range(part, &stars);
}

/// The text with whatever is outside of some parts made unreadable, every byte in its place and every line a line.
///
/// For texts that hold secrets of all kinds: what is read is known, what is secret is not.
pub(crate) fn only(text: &str, parts: &mut [Range<usize>]) -> String {
    parts.sort_by_key(|part| part.start);
    let mut shown = text.as_bytes().to_vec();
    let mut at = 0;
    let hide = |bytes: &mut [u8]| {
        for byte in bytes.iter_mut().filter(|byte| !byte.is_ascii_whitespace()) {
            *byte = b'*';
        }
    };
    for part in parts.iter() {
        let (start, end) = (part.start.max(at), part.end.min(text.len()));
        if start < end {
            hide(&mut shown[at..start]);
            at = end;
        }
    }
    hide(&mut shown[at..]);
    // A part that cuts a character in two leaves no text: then nothing is shown.
    String::from_utf8(shown).unwrap_or_else(|_| "*".repeat(text.len()))
}

/// The first word of a text, cut where it is long: what a label points at when nothing after it can be read.
pub(crate) fn first_word(text: &str) -> &str {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let mut end = if end == 0 { text.len().min(1) } else { end.min(40) };
    while !text.is_char_boundary(end) {
        end += 1;
    }
    &text[..end]
}

/// Whether a given file is the one that an include names: folders differ where it was copied.
pub(crate) fn is_named(given: &str, name: &str) -> bool {
    let last = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    !name.is_empty() && last(given) == last(name)
}

/// Adds the addresses that are not in a list yet, up to one more than there may be.
pub(crate) fn add_new(known: &mut Vec<Sourced<IpAddr>>, more: impl IntoIterator<Item = Sourced<IpAddr>>) {
    for address in more {
        if known.len() > MAX_ADDRESSES {
            return;
        }
        if known.iter().all(|own| own.value != address.value) {
            known.push(address);
        }
    }
}

/// Where a part of a text lies within it.
pub(crate) fn range_of(text: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    if start > text.len() { 0..0 } else { start..(start + part.len()).min(text.len()) }
}

/// From the beginning of one part of a text to the end of another.
pub(crate) fn from_to<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let (from, to) = (range_of(text, from), range_of(text, to));
    text.get(from.start.min(to.start)..to.end.max(from.end)).unwrap_or_default()
}

/// What is written of an address range: `a - b`, `a-b`, or a prefix; with what is wrong where it is none.
pub(crate) fn span_of_addresses(text: &str) -> Option<AddrRange> {
    if let Ok(net) = text.parse::<IpNet>() {
        return Some(AddrRange::from_net(net.trunc()));
    }
    let (first, last) = text.split_once('-')?;
    AddrRange::new(first.trim().parse().ok()?, last.trim().parse().ok()?)
}

/// Gives each reservation to the segments in whose subnet it lies, and to those whose subnet is not known.
///
/// # Errors
/// When that makes more facts than any configuration has.
pub(crate) fn share(reservations: &[Sourced<Reservation>], segments: &mut [Segment]) -> Result<(), AdapterError> {
    let mut by_subnet: HashMap<IpNet, Vec<usize>> = HashMap::new();
    let mut without = Vec::new();
    for (number, segment) in segments.iter().enumerate().filter(|(_, segment)| !segment.dhcp.is_empty()) {
        if segment.subnets.is_empty() {
            without.push(number);
        }
        for subnet in &segment.subnets {
            let same = by_subnet.entry(subnet.value).or_default();
            if !same.contains(&number) {
                same.push(number);
            }
        }
    }
    let mut lengths: Vec<u8> = by_subnet.keys().map(IpNet::prefix_len).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let mut given = 0;
    for reservation in reservations {
        let address = reservation.value.address;
        let subnets = lengths.iter().filter_map(|length| Some(IpNet::new(address, *length).ok()?.trunc()));
        let mut own: Vec<usize> = subnets.filter_map(|subnet| by_subnet.get(&subnet)).flatten().copied().collect();
        own.extend(&without);
        own.sort_unstable();
        own.dedup();
        given += own.len();
        if given > MAX_FACTS {
            return Err(too_many().into());
        }
        for number in own {
            if let Some(server) = segments[number].dhcp.first_mut() {
                server.reservations.push(reservation.clone());
            }
        }
    }
    Ok(())
}

/// What a text that is no configuration of a router says too much of.
pub(crate) fn too_many() -> Complaint {
    let message = format!(
        "it says more than any router's configuration does: at most {MAX_FACTS} facts, {MAX_SEGMENTS} networks, and {MAX_ADDRESSES} \
         routers or DNS servers of one"
    );
    Complaint::whole(message).help("is it the right file?")
}

/// What is nested too deeply.
pub(crate) fn too_deep(file: &Said<'_>, part: &str) -> Complaint {
    let message = format!("blocks are nested more than {MAX_DEPTH} deep, which no router's configuration does");
    Complaint::at(file.span(part), "this is deeper", message).help("is it the right file?")
}

/// Whether there is more than any configuration says.
pub(crate) fn is_too_much(facts: &Facts) -> bool {
    let crowded = |segment: &Segment| segment.gateways.len() > MAX_ADDRESSES || segment.dns.len() > MAX_ADDRESSES;
    number_of(facts) > MAX_FACTS || facts.segments.len() > MAX_SEGMENTS || facts.segments.iter().any(crowded)
}

/// How many facts there are.
fn number_of(facts: &Facts) -> usize {
    let of_server = |server: &DhcpServer| server.ranges.len() + server.excluded.len() + server.reservations.len() + 1;
    let of_segment = |segment: &Segment| {
        let servers: usize = segment.dhcp.iter().map(of_server).sum();
        1 + segment.subnets.len() + segment.gateways.len() + segment.dns.len() + segment.hosts.len() + servers
    };
    facts.segments.iter().map(of_segment).sum()
}

/// An IPv4 network from an address and a dotted mask.
pub(crate) fn network(address: Ipv4Addr, mask: Ipv4Addr) -> Option<IpNet> {
    Ipv4Net::with_netmask(address, mask).ok().map(|net| IpNet::V4(net.trunc()))
}

/// A range, its ends exchanged where they are written the wrong way round.
pub(crate) fn ordered(first: IpAddr, last: IpAddr) -> Option<AddrRange> {
    AddrRange::new(first.min(last), first.max(last))
}

/// As [`ordered`], of two addresses of one family.
pub(crate) fn ordered_of(first: IpAddr, last: IpAddr) -> Option<AddrRange> {
    ordered(first, last).filter(|_| first.is_ipv4() == last.is_ipv4())
}

/// A MAC address in lower case with colons.
pub(crate) fn mac(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    let ok = parts.len() == 6
        && parts.iter().all(|part| part.len() <= 2 && !part.is_empty() && part.chars().all(|c| c.is_ascii_hexdigit()));
    ok.then(|| parts.iter().map(|part| format!("{part:0>2}").to_ascii_lowercase()).collect::<Vec<_>>().join(":"))
}

/// A lease time: a number of seconds, or one with a unit (`12h`); `None` for `infinite` and what is none.
pub(crate) fn lease(text: &str) -> Option<u64> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, c)) if c.is_ascii_alphabetic() => (&text[..at], c.to_ascii_lowercase()),
        _ => (text, 's'),
    };
    digits.parse::<u64>().ok()?.checked_mul(seconds_of(unit)?)
}

/// The seconds of a unit of time.
pub(crate) const fn seconds_of(unit: char) -> Option<u64> {
    Some(match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    })
}

/// What a `dhcp-host` of dnsmasq says: `[MAC|id:…|*][,set:…][,ADDRESS][,name][,lease][,ignore]`. `None` without an address.
pub(crate) fn dhcp_host(text: &str) -> Option<(Reservation, &str)> {
    let (mut address, mut own_mac, mut name) = (None, None, None);
    for field in text.split(',').map(str::trim) {
        let bare = field.trim_start_matches('[').trim_end_matches(']');
        if let Ok(found) = bare.parse::<IpAddr>() {
            address = address.or(Some((found, bare)));
        } else if let Some(found) = mac(field) {
            own_mac = own_mac.or(Some(found));
        } else if field == "ignore" {
            return None;
        } else if !field.is_empty()
            && !field.contains(':')
            && field != "*"
            && lease(field).is_none()
            && field != "infinite"
        {
            name = name.or(Some(field.to_owned()));
        }
    }
    address.map(|(address, part)| (Reservation { address, mac: own_mac, name }, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_as_dnsmasq_reads_them() {
        assert_eq!(lease("12h"), Some(43_200));
        assert_eq!((lease("600"), lease("infinite"), lease("h")), (Some(600), None, None));
        assert_eq!(mac("AA-b:0C:1:2:3").as_deref(), Some("aa:0b:0c:01:02:03"));
        assert_eq!(mac("aa:bb"), None);
        let (host, part) = dhcp_host("11:22:33:44:55:66,set:x,192.168.0.60,nas,infinite").expect("a host");
        assert_eq!((host.name.as_deref(), part), (Some("nas"), "192.168.0.60"));
        assert_eq!(host.mac.as_deref(), Some("11:22:33:44:55:66"));
        assert!(dhcp_host("11:22:33:44:55:66,192.168.0.60,ignore").is_none());
        assert!(dhcp_host("bert").is_none());
        let (v6, _) = dhcp_host("id:00:01,[fd00::5],six").expect("a host");
        assert_eq!(v6.address.to_string(), "fd00::5");
    }
}
