//! What adapters of configuration files share: a text as a source, facts with their bytes, and the limits of all of them.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use poolcheck_plan::facts::{
    Completeness, DhcpServer, DhcpState, Host, Origin, OriginId, Reservation, Role, Segment, Sourced,
};
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
/// As many gaps are told.
pub(crate) const MAX_GAPS: usize = 64;

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

/// What is not seen because it was not given, as a fact with the place that names it.
pub(crate) fn gap(file: &Said<'_>, name: &str, part: &str, what: &str) -> Sourced<String> {
    let line = file.text.get(..range_of(file.text, part).start).map_or(0, |before| before.matches('\n').count()) + 1;
    let mut end = part.len().min(80);
    while !part.is_char_boundary(end) {
        end -= 1;
    }
    file.surely(format!("{name}, line {line}: `{}` {what}", &part[..end]), part)
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

/// The parts of a path, from the last one on.
pub(crate) fn from_end(path: &str) -> impl Iterator<Item = &str> {
    path.rsplit(['/', '\\']).filter(|part| !part.is_empty() && *part != ".")
}

/// How many parts two paths have in common at their ends: folders differ where files were copied.
pub(crate) fn in_common(given: &str, named: &str) -> usize {
    from_end(given).zip(from_end(named)).take_while(|(given, named)| given == named).count()
}

/// Which of the given files an include names: the one that has most of its path. None where two have as much of it: which of them
/// is meant is not known.
pub(crate) fn file_named(given: &[&str], name: &str) -> Option<usize> {
    let fit = |at: usize| (in_common(given[at], name), given[at] == name);
    let best = (0..given.len()).max_by_key(|at| fit(*at)).filter(|best| fit(*best).0 > 0)?;
    (0..given.len()).all(|at| at == best || fit(at) != fit(best)).then_some(best)
}

/// What is told of a file that is included and was not given.
pub(crate) const NOT_GIVEN: &str = "is included, and was not given with it: ranges and reservations may be missing";

/// The given files that none of them includes, by their places among these: where reading begins.
pub(crate) fn not_included<'n>(given: &[&str], includes: impl Iterator<Item = &'n str>) -> Vec<usize> {
    let included: BTreeSet<usize> = includes.filter_map(|name| file_named(given, name)).collect();
    (0..given.len()).filter(|at| !included.contains(at)).collect()
}

/// The router's own address as one of the network's machines: those are told another gateway.
pub(crate) fn router(own: &Sourced<IpAddr>) -> Sourced<Host> {
    let &Sourced { value: address, place, confidence, origin } = own;
    Sourced { value: Host { address, name: None, mac: None, role: Role::Router }, place, confidence, origin }
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

/// Gives each reservation to the segments in whose subnet it lies, and to those whose subnet is not known unless all that
/// they lease is of the other family.
///
/// # Errors
/// When that makes more facts than any configuration has.
pub(crate) fn share(reservations: &[Sourced<Reservation>], segments: &mut [Segment]) -> Result<(), AdapterError> {
    let mut by_subnet: HashMap<IpNet, Vec<usize>> = HashMap::new();
    let mut without = Vec::new();
    for (number, segment) in segments.iter().enumerate().filter(|(_, segment)| !segment.dhcp.is_empty()) {
        if segment.subnets.is_empty() {
            let leases =
                segment.dhcp.iter().flat_map(|server| &server.ranges).map(|range| range.value.first().is_ipv4());
            let (fours, sixes): (Vec<bool>, Vec<bool>) = leases.partition(|four| *four);
            without.push((number, fours.is_empty() && !sixes.is_empty(), sixes.is_empty() && !fours.is_empty()));
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
        let other = |only_six: bool, only_four: bool| if address.is_ipv4() { only_six } else { only_four };
        own.extend(without.iter().filter(|(_, six, four)| !other(*six, *four)).map(|(number, _, _)| *number));
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

/// What a `dhcp-host` of dnsmasq says: `[MAC|id:…|*][,set:…][,tag:…][,IPV4|[IPV6]…][,name][,lease][,ignore]`.
#[derive(Debug, Default)]
pub(crate) struct DhcpHost<'t> {
    mac: Option<String>,
    name: Option<&'t str>,
    /// A prefix behind an IPv6 address keeps all of its addresses.
    addresses: Vec<(AddrRange, &'t str)>,
}

impl<'t> DhcpHost<'t> {
    /// The addresses that it keeps; without those that are told by their host part alone.
    pub(crate) fn reservations(&self) -> impl Iterator<Item = (Reservation, &'t str)> {
        let whole = self.addresses.iter().filter(|(range, _)| !is_host_part(*range));
        whole.flat_map(|(range, part)| self.each(*range, part, 0))
    }

    /// The addresses that it keeps in a network by their host part alone (`[::56]`).
    pub(crate) fn in_network(&self, network: Ipv6Net) -> impl Iterator<Item = (Reservation, &'t str)> {
        let base = u128::from(network.network());
        self.addresses
            .iter()
            .filter(|(range, _)| is_host_part(*range))
            .flat_map(move |(range, part)| self.each(*range, part, base))
    }

    /// Whether it tells an address by its host part alone, which holds in every network.
    pub(crate) fn has_host_part(&self) -> bool {
        self.addresses.iter().any(|(range, _)| is_host_part(*range))
    }

    /// Whether it keeps more addresses than are told one by one.
    pub(crate) fn is_wide(&self) -> bool {
        self.addresses.iter().any(|(range, _)| range.size() > MAX_KEPT)
    }

    /// Whether its address is wherever the machine's name has one.
    pub(crate) fn is_by_name(&self) -> bool {
        self.name.is_some() && self.addresses.is_empty()
    }

    fn each(&self, range: AddrRange, part: &'t str, base: u128) -> impl Iterator<Item = (Reservation, &'t str)> {
        let address = move |number: u128| match range.first() {
            IpAddr::V4(_) => range.first(),
            IpAddr::V6(_) => IpAddr::V6((base | number).into()),
        };
        let numbers = (range.size() <= MAX_KEPT).then(|| range.first_number()..=range.last_number());
        let (mac, name) = (self.mac.clone(), self.name.map(str::to_owned));
        numbers
            .into_iter()
            .flatten()
            .map(move |number| (Reservation { address: address(number), mac: mac.clone(), name: name.clone() }, part))
    }
}

/// One `dhcp-host` keeps no more addresses, as far as they are told one by one.
const MAX_KEPT: u128 = 256;

/// Whether an address is the part of a host alone, as dnsmasq has it: an IPv6 address whose network is zero.
fn is_host_part(range: AddrRange) -> bool {
    range.first().is_ipv6() && range.first_number() >> 64 == 0
}

/// Reads a `dhcp-host` of dnsmasq. `None` where it keeps nothing because the machine is ignored.
pub(crate) fn dhcp_host(text: &str) -> Option<DhcpHost<'_>> {
    let mut host = DhcpHost::default();
    for field in text.split(',').map(|field| field.trim().trim_matches('"')) {
        if let Some(six) = field.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let range = match six.parse::<Ipv6Net>() {
                // dnsmasq refuses a prefix with bits behind it.
                Ok(net) => (net.trunc() == net).then(|| AddrRange::from_net(net.into())),
                Err(_) => six.parse::<Ipv6Addr>().ok().map(|address| AddrRange::single(address.into())),
            };
            host.addresses.extend(range.map(|range| (range, six)));
        } else if let Ok(four) = field.parse::<Ipv4Addr>() {
            host.addresses.push((AddrRange::single(four.into()), field));
        } else if let Some(found) = mac(field) {
            host.mac = host.mac.or(Some(found));
        } else if field == "ignore" {
            return None;
        } else if !field.is_empty()
            && !field.contains(':')
            && field != "*"
            && lease(field).is_none()
            && field != "infinite"
        {
            host.name = host.name.or(Some(field));
        }
    }
    Some(host)
}

/// Reads a line of `/etc/ethers`: a hardware address, and an IPv4 address or a name.
pub(crate) fn ether(line: &str) -> Option<DhcpHost<'_>> {
    let mut words = line.split_whitespace();
    let (own, at) = (mac(words.next()?)?, words.next()?);
    let mut host = DhcpHost { mac: Some(own), ..DhcpHost::default() };
    match at.parse::<Ipv4Addr>() {
        Ok(four) => host.addresses.push((AddrRange::single(four.into()), at)),
        Err(_) => host.name = Some(at),
    }
    Some(host)
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
        let host = |text| -> Vec<(Reservation, &str)> {
            dhcp_host(text).map(|host| host.reservations().collect()).unwrap_or_default()
        };
        let four = host("11:22:33:44:55:66,set:x,192.168.0.60,nas,infinite");
        assert_eq!((four[0].0.name.as_deref(), four[0].1), (Some("nas"), "192.168.0.60"));
        assert_eq!(four[0].0.mac.as_deref(), Some("11:22:33:44:55:66"));
        assert!(host("11:22:33:44:55:66,192.168.0.60,ignore").is_empty());
        assert!(host("bert").is_empty() && dhcp_host("bert").is_some_and(|host| host.is_by_name()));
        let addresses = |text| host(text).iter().map(|(host, _)| host.address.to_string()).collect::<Vec<_>>();
        assert_eq!(addresses("id:00:01,[fd00::5],six"), ["fd00::5"]);
        // Both families, several addresses, and a prefix, which keeps all of its addresses.
        assert_eq!(
            addresses("nas,10.0.0.1,[fd00::5],[fd00::10/126]"),
            ["10.0.0.1", "fd00::5", "fd00::10", "fd00::11", "fd00::12", "fd00::13"]
        );
        // Without brackets dnsmasq reads an address of hardware, and a network is none behind which there are bits.
        assert!(addresses("nas,fd00::5").is_empty() && addresses("nas,[fd00::11/126]").is_empty());
        // The part of a host is an address in a network only.
        assert!(addresses("nas,[::56]").is_empty());
        let nas = dhcp_host("nas,[::56]").expect("a host");
        let net = "fd00:0:0:7::/64".parse().expect("a prefix");
        assert_eq!(
            nas.in_network(net).map(|(host, _)| host.address.to_string()).collect::<Vec<_>>(),
            ["fd00:0:0:7::56"]
        );
        assert!(dhcp_host("nas,[fd00::/64]").is_some_and(|host| host.is_wide() && host.reservations().count() == 0));
    }
}
