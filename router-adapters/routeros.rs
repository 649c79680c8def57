//! MikroTik RouterOS: what `/export` prints.
//!
//! ## What it reads
//!
//! `/ip pool` (`ranges`, `next-pool`), `/ip dhcp-server` (`address-pool`, `interface`, `lease-time`, `disabled`), `/ip dhcp-server
//! network` (`address`, `gateway`, `dns-server`), `/ip dhcp-server lease`, `/ip dhcp-relay`, `/ip address`, `/interface vlan`. A path
//! may stand on a line of its own or before its command, with spaces or slashes; lines that end in `\` go on. `set` and `disable`
//! are followed where they name one entry.
//!
//! Only pools that a DHCP server names are told, with those that `next-pool` adds: other pools are for VPNs and hotspots. Nothing
//! of the file but these sections is ever shown.
//!
//! ## How to get it
//!
//! In a terminal of the router `/export file=router`, then download `router.rsc` from Files, and `poolcheck router read router.rsc`.
//!
//! ## What it cannot know
//!
//! What scripts compute, and entries that `set` and `remove` find by more than a name: the facts are then *partial*. On RouterOS 6 a
//! server of which the export does not say whether it is disabled: its state is *unknown*. Servers of IPv6, which delegate prefixes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use poolcheck_plan::facts::{Completeness, DhcpState, Reservation, Segment, Sourced};
use poolcheck_plan::{AddrRange, Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
use crate::said::{self, Said};

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "routeros",
    title: "MikroTik RouterOS, an /export",
    tested_on: "written fixtures, by exports of RouterOS 6 and 7",
    how_to_shrink: Some(HOW_TO_SHRINK),
    recognise,
    parse,
};

const HOW_TO_SHRINK: &str = "On RouterOS: IP > Pool, `Addresses` of the pool that the DHCP server names.";

fn recognise(page: &Page<'_>) -> bool {
    let own = |line: &str| {
        let line = line.trim_start();
        line.starts_with('#') && line.contains(" by RouterOS ")
            || ["/ip pool", "/ip/pool", "/ip dhcp-server", "/ip/dhcp-server"].iter().any(|path| line.starts_with(path))
    };
    page.text.lines().any(own)
}

/// The text with the lines that go on joined, and where its parts stood.
struct Joined {
    text: String,
    /// From this byte on, the text stood so far behind.
    shifts: Vec<(usize, usize)>,
}

impl Joined {
    fn of(text: &str) -> Self {
        let mut joined = Self { text: String::with_capacity(text.len()), shifts: vec![(0, 0)] };
        let mut rest = text;
        let mut from = 0;
        while let Some(at) = rest[from..].find('\\').map(|at| from + at) {
            let end = match rest.as_bytes().get(at + 1..) {
                Some([b'\n', ..]) => at + 2,
                Some([b'\r', b'\n', ..]) => at + 3,
                _ => {
                    from = at + 1;
                    continue;
                }
            };
            joined.text.push_str(&rest[..at]);
            rest = rest[end..].trim_start_matches([' ', '\t']);
            from = 0;
            joined.shifts.push((joined.text.len(), text.len() - rest.len() - joined.text.len()));
        }
        joined.text.push_str(rest);
        joined
    }

    /// The bytes of the original that a part of the joined text stood in.
    fn original<'t>(&self, text: &'t str, part: &str) -> &'t str {
        let own = said::range_of(&self.text, part);
        let shifted = |at: usize| {
            let known = self.shifts.partition_point(|(from, _)| *from <= at).saturating_sub(1);
            at + self.shifts.get(known).map_or(0, |(_, shift)| *shift)
        };
        let end = if own.is_empty() { shifted(own.start) } else { shifted(own.end - 1) + 1 };
        text.get(shifted(own.start)..end).unwrap_or_default()
    }
}

/// The menus that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Menu {
    Pool,
    Server,
    Network,
    Lease,
    Relay,
    Address,
    Vlan,
}

fn menu(path: &[&str]) -> Option<Menu> {
    Some(match path {
        ["ip", "pool"] => Menu::Pool,
        ["ip", "dhcp-server"] => Menu::Server,
        ["ip", "dhcp-server", "network"] => Menu::Network,
        ["ip", "dhcp-server", "lease"] => Menu::Lease,
        ["ip", "dhcp-relay"] => Menu::Relay,
        ["ip", "address"] => Menu::Address,
        ["interface", "vlan"] => Menu::Vlan,
        _ => return None,
    })
}

/// What one `add` says.
#[derive(Debug, Default)]
struct Entry<'j>(Vec<(&'j str, &'j str)>);

impl<'j> Entry<'j> {
    /// A value as written, without its quotes.
    fn get(&self, key: &str) -> Option<&'j str> {
        self.0.iter().rev().find(|(own, _)| *own == key).map(|(_, value)| *value).filter(|value| !value.is_empty())
    }

    fn is(&self, key: &str, value: &str) -> bool {
        self.get(key) == Some(value)
    }
}

/// The commands of a line, each a list of words; what stands in quotes, brackets and braces is one word.
fn commands(line: &str) -> Vec<Vec<&str>> {
    let mut commands = vec![Vec::new()];
    let (mut start, mut depth, mut quoted, mut escaped) = (None, 0usize, false, false);
    for (at, c) in line.char_indices() {
        let ends = !quoted && depth == 0 && (c.is_whitespace() || c == ';');
        if !ends && start.is_none() {
            start = Some(at);
        }
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '[' | '{' | '(' if !quoted => depth += 1,
            ']' | '}' | ')' if !quoted => depth = depth.saturating_sub(1),
            _ if ends => {
                if let (Some(start), Some(command)) = (start.take(), commands.last_mut()) {
                    command.push(&line[start..at]);
                }
                if c == ';' {
                    commands.push(Vec::new());
                }
            }
            _ => {}
        }
    }
    if let (Some(start), Some(command)) = (start, commands.last_mut()) {
        command.push(&line[start..]);
    }
    commands.retain(|command| !command.is_empty());
    commands
}

/// A value without its quotes.
fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').map_or(value, |inner| inner.strip_suffix('"').unwrap_or(inner))
}

/// What a name is, whether it was written with escapes or without.
fn plain(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    Cow::Owned(value.replace("\\\"", "\"").replace("\\$", "$").replace("\\_", " ").replace("\\\\", "\\"))
}

struct Export<'j> {
    entries: HashMap<Menu, Vec<Entry<'j>>>,
    /// Something was computed, or found by more than a name.
    unclear: bool,
    /// How many entries were changed later.
    changes: usize,
}

impl<'j> Export<'j> {
    fn all(&self, menu: Menu) -> &[Entry<'j>] {
        self.entries.get(&menu).map_or(&[], Vec::as_slice)
    }

    fn of(joined: &'j str) -> Self {
        let mut export = Self { entries: HashMap::new(), unclear: false, changes: 0 };
        let mut path: Vec<&str> = Vec::new();
        for line in joined.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            for words in commands(line) {
                export.command(&mut path, &words);
            }
        }
        export
    }

    fn command(&mut self, path: &mut Vec<&'j str>, words: &[&'j str]) {
        let is_verb = |word: &&str| {
            matches!(*word, "add" | "set" | "remove" | "disable" | "enable" | "edit" | "print" | "export")
        };
        let mut own: Vec<&'j str> = if words[0].starts_with('/') { Vec::new() } else { path.clone() };
        let mut rest = words;
        while let Some((word, after)) = rest.split_first() {
            let parts: Vec<&str> = word.split('/').filter(|part| !part.is_empty()).collect();
            if is_verb(word) || word.contains(['=', '[', '"', '$', ':']) {
                break;
            }
            // In the newer spelling the verb is the last part of the path.
            let verb = parts.last().is_some_and(is_verb);
            own.extend(&parts[..parts.len() - usize::from(verb)]);
            // Deeper than any menu is no menu.
            own.truncate(6);
            if verb {
                break;
            }
            rest = after;
        }
        let Some((first, arguments)) = rest.split_first() else {
            *path = own;
            return;
        };
        let verb = first.rsplit('/').next().unwrap_or_default();
        let Some(menu) = menu(&own) else {
            // A script may add anything; one that has nothing to do with addresses is none of ours.
            let scripted = first.starts_with(':') || first.contains('$');
            self.unclear |=
                scripted && words.iter().any(|word| word.contains("dhcp-server") || word.contains("/ip pool"));
            return;
        };
        match verb {
            "add" => {
                let entry = Entry(pairs(arguments));
                self.unclear |= entry.0.iter().any(|(_, value)| value.starts_with(['$', '[', '(']));
                self.entries.entry(menu).or_default().push(entry);
            }
            "set" | "disable" | "enable" => {
                let more = match verb {
                    "disable" => vec![("disabled", "yes")],
                    "enable" => vec![("disabled", "no")],
                    _ => pairs(arguments),
                };
                self.changes += 1;
                let follows = self.changes <= said::MAX_SEGMENTS;
                let entry = arguments.first().filter(|_| follows).and_then(|wanted| self.named(menu, wanted));
                match entry {
                    Some(entry) => entry.0.extend(more),
                    None => self.unclear = true,
                }
            }
            "remove" | "edit" => self.unclear = true,
            _ => {}
        }
    }

    /// The one entry that `[ find name=… ]` or a name means.
    fn named(&mut self, menu: Menu, wanted: &str) -> Option<&mut Entry<'j>> {
        let inner = wanted.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).map(str::trim);
        let name = match inner {
            Some(inner) => {
                let condition =
                    inner.strip_prefix("find")?.trim().strip_prefix("where").unwrap_or(inner[4..].trim()).trim();
                condition
                    .strip_prefix("name=")
                    .filter(|name| !unquoted(name).contains([' ', '=']) || name.starts_with('"'))?
            }
            None => wanted,
        };
        let name = plain(unquoted(name));
        let entries = self.entries.get_mut(&menu)?;
        let mut found = entries.iter_mut().filter(|entry| entry.get("name").is_some_and(|own| plain(own) == name));
        found.next().filter(|_| found.next().is_none())
    }
}

fn pairs<'j>(arguments: &[&'j str]) -> Vec<(&'j str, &'j str)> {
    let pairs = arguments.iter().filter_map(|word| word.split_once('='));
    pairs.map(|(key, value)| (key, unquoted(value))).collect()
}

/// The text with whatever is not in a section that is read unreadable.
fn shown(text: &str) -> String {
    let mut parts = Vec::new();
    let mut path: Vec<&str> = Vec::new();
    let mut reads = false;
    let mut goes_on = false;
    for line in text.split_inclusive('\n') {
        let words: Vec<&str> = line.trim().split([' ', '/']).filter(|word| !word.is_empty()).collect();
        if !goes_on {
            let own = line.trim_start().starts_with('/');
            if own {
                path = words.iter().copied().take_while(|word| !word.contains('=')).take(6).collect();
                path.retain(|word| !matches!(*word, "add" | "set" | "remove" | "disable" | "enable"));
            }
            let deeper: Vec<&str> =
                words.iter().copied().take_while(|word| matches!(*word, "network" | "lease")).collect();
            let whole: Vec<&str> = if own { path.clone() } else { path.iter().copied().chain(deeper).collect() };
            reads = menu(&whole).is_some() && !line.trim_start().starts_with('#');
        }
        goes_on = line.trim_end_matches(['\n', '\r']).ends_with('\\');
        if reads {
            parts.push(said::range_of(text, line));
        }
    }
    said::only(text, &mut parts)
}

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let [page] = input.pages else {
        return Err(Complaint::whole("an export is one file").help("read one file at a time").into());
    };
    let file = Said::new(page, shown(page.text), sources);
    let joined = Joined::of(page.text);
    let export = Export::of(&joined.text);
    if export.all(Menu::Server).len() + export.all(Menu::Relay).len() > said::MAX_SEGMENTS {
        return Err(said::too_many().into());
    }
    let named = |pool: &'_ Entry<'_>| pool.get("name").map(plain).map(Cow::into_owned);
    let mut pools = HashMap::new();
    for (number, pool) in export.all(Menu::Pool).iter().enumerate() {
        pools.extend(named(pool).map(|name| (name, number)));
    }
    let reader = Reader { file: &file, joined: &joined, export: &export, pools, old: is_version_six(page.text) };
    let mut segments = Vec::new();
    let mut names = Vec::new();
    let mut ranges = 0;
    for server in export.all(Menu::Server) {
        let segment = reader.segment(server)?;
        ranges += segment.dhcp[0].ranges.len();
        if ranges > said::MAX_FACTS {
            return Err(said::too_many().into());
        }
        segments.push(segment);
        names.push(server.get("name").map(plain));
    }
    for relay in export.all(Menu::Relay).iter().filter(|relay| !relay.is("disabled", "yes")) {
        let Some(interface) = relay.get("interface") else { continue };
        let mut segment = reader.on_interface(interface);
        segment.dhcp.push(file.server(DhcpState::Relay, reader.place(interface)));
        segments.push(segment);
    }
    if segments.is_empty() {
        let message = format!("{} has no /ip dhcp-server", page.name);
        return Err(Complaint::whole(message).help("export everything: /export file=router").into());
    }
    reader.leases(&mut segments, &names)?;
    Ok(said::facts("routeros", page.name, HOW_TO_SHRINK, segments))
}

/// RouterOS 6 leaves out what is a default of its own, and a new server was disabled by default.
fn is_version_six(text: &str) -> bool {
    let head = text.lines().take_while(|line| line.starts_with('#'));
    head.filter_map(|line| line.split(" by RouterOS ").nth(1)).any(|version| version.starts_with("6."))
}

struct Reader<'r, 't, 'j> {
    file: &'r Said<'t>,
    joined: &'j Joined,
    export: &'r Export<'j>,
    /// The numbers of the pools, by their names.
    pools: HashMap<String, usize>,
    old: bool,
}

impl<'t> Reader<'_, 't, '_> {
    /// Where a part of the joined text stands in the file.
    fn place(&self, part: &str) -> &'t str {
        self.joined.original(self.file.text, part)
    }

    fn surely<T>(&self, value: T, part: &str) -> Sourced<T> {
        self.file.surely(value, self.place(part))
    }

    /// What is known of the network behind an interface.
    fn on_interface(&self, interface: &str) -> Segment {
        let name = plain(interface);
        let mut segment =
            Segment { name: Some(self.surely(name.clone().into_owned(), interface)), ..Segment::default() };
        let on_it = |entry: &&Entry<'_>, key: &str| entry.get(key).is_some_and(|own| plain(own) == name);
        let own = self.export.all(Menu::Address).iter().filter(|entry| on_it(entry, "interface"));
        for entry in own.take(said::MAX_ADDRESSES) {
            let Some(text) = entry.get("address").filter(|_| !entry.is("disabled", "yes")) else { continue };
            let net = match (text.parse::<Ipv4Net>(), entry.get("netmask")) {
                (Ok(net), _) => Some(net),
                (Err(_), Some(mask)) => {
                    let mask: Option<Ipv4Addr> = mask.parse().ok();
                    mask.and_then(|mask| Ipv4Net::with_netmask(text.parse().ok()?, mask).ok())
                }
                _ => None,
            };
            if let Some(net) = net {
                segment.subnets.push(self.surely(IpNet::V4(net.trunc()), text));
                said::add_new(&mut segment.gateways, [self.surely(IpAddr::V4(net.addr()), text)]);
            }
        }
        let vlan = self.export.all(Menu::Vlan).iter().find(|entry| on_it(entry, "name"));
        let vlan = vlan.and_then(|entry| entry.get("vlan-id"));
        segment.vlan = vlan.and_then(|text| {
            let number = text.parse().ok().filter(|number| (1..=4094).contains(number))?;
            Some(self.surely(number, text))
        });
        segment
    }

    fn segment(&self, server: &Entry<'_>) -> Result<Segment, AdapterError> {
        let interface = server.get("interface");
        let mut segment = interface.map_or_else(Segment::default, |interface| self.on_interface(interface));
        let pool = server.get("address-pool");
        let place = pool.or(server.get("name")).or(interface).unwrap_or_default();
        let state = match server.get("disabled") {
            Some("yes") => DhcpState::Off,
            None if self.old => DhcpState::Unknown,
            _ if pool.is_none() || pool == Some("static-only") => DhcpState::StaticOnly,
            _ => DhcpState::On,
        };
        let mut dhcp = self.file.server(state, self.place(place));
        if self.export.unclear {
            dhcp.completeness = Completeness::Partial;
        }
        if let Some(name) = pool.filter(|name| *name != "static-only") {
            let known = self.ranges(name, &mut dhcp.ranges)?;
            if !known {
                dhcp.completeness = Completeness::Partial;
            }
        }
        let lease = server.get("lease-time");
        dhcp.lease_seconds = lease.and_then(|text| Some(self.surely(time(text)?, text)));
        self.networks(&mut segment, &dhcp.ranges);
        segment.dhcp.push(dhcp);
        Ok(segment)
    }

    /// The ranges of a pool and of those that follow it; whether all of them were found.
    fn ranges(&self, name: &str, ranges: &mut Vec<Sourced<AddrRange>>) -> Result<bool, AdapterError> {
        let mut seen: Vec<Cow<'_, str>> = Vec::new();
        let mut next = Some(plain(name));
        while let Some(name) = next.take() {
            if name == "none" || seen.contains(&name) {
                break;
            }
            let pool = self.pools.get(name.as_ref()).and_then(|number| self.export.all(Menu::Pool).get(*number));
            // A chain that is longer than any is not followed.
            let Some(pool) = pool.filter(|_| seen.len() < said::MAX_DEPTH) else { return Ok(false) };
            for text in pool.get("ranges").unwrap_or_default().split(',').map(str::trim).filter(|text| !text.is_empty())
            {
                let single = text.parse::<IpAddr>().ok().map(AddrRange::single);
                let Some(range) = single.or_else(|| said::span_of_addresses(text)) else {
                    let message = format!("the pool `{name}` has the range `{text}`");
                    let complaint = Complaint::at(self.file.span(self.place(text)), "no range", message);
                    return Err(complaint.help("RouterOS writes ranges=192.168.88.10-192.168.88.254").into());
                };
                ranges.push(self.surely(range, text));
            }
            next = pool.get("next-pool").map(plain);
            seen.push(name);
        }
        Ok(true)
    }

    /// What `/ip dhcp-server network` says of a segment: its subnet where no address of the router does, routers, DNS servers.
    fn networks(&self, segment: &mut Segment, ranges: &[Sourced<AddrRange>]) {
        let without = segment.subnets.is_empty();
        for network in self.export.all(Menu::Network).iter().filter(|network| !network.is("disabled", "yes")) {
            let Some(text) = network.get("address") else { continue };
            let Some(net) = text.parse::<IpNet>().ok().map(|net| net.trunc()) else { continue };
            let own = if without {
                ranges.iter().any(|range| net.contains(&range.value.first()))
            } else {
                segment
                    .subnets
                    .iter()
                    .any(|subnet| subnet.value.contains(&net.addr()) || net.contains(&subnet.value.addr()))
            };
            if !own {
                continue;
            }
            if without
                && segment.subnets.iter().all(|known| known.value != net)
                && segment.subnets.len() < said::MAX_ADDRESSES
            {
                segment.subnets.push(self.surely(net, text));
            }
            let list = |key: &str| -> Vec<Sourced<IpAddr>> {
                let parts = network.get(key).unwrap_or_default().split(',').map(str::trim);
                parts.filter_map(|part| Some(self.surely(part.parse().ok()?, part))).collect()
            };
            said::add_new(&mut segment.gateways, list("gateway"));
            said::add_new(&mut segment.dns, list("dns-server"));
        }
    }

    /// Static leases go to the server that they name, or to the one in whose subnet they lie.
    fn leases(&self, segments: &mut [Segment], names: &[Option<Cow<'_, str>>]) -> Result<(), AdapterError> {
        let mut shared = Vec::new();
        for lease in self.export.all(Menu::Lease).iter().filter(|lease| !lease.is("disabled", "yes")) {
            let Some(text) = lease.get("address") else { continue };
            // A lease may name a pool instead.
            let Ok(address) = text.parse::<IpAddr>() else { continue };
            let mac = lease.get("mac-address").and_then(said::mac);
            let name = lease.get("comment").map(|name| plain(name).into_owned());
            let reservation = self.surely(Reservation { address, mac, name }, text);
            let server = lease.get("server").map(plain).filter(|name| name != "all");
            match names.iter().position(|name| server.is_some() && *name == server) {
                Some(number) => segments[number].dhcp[0].reservations.push(reservation),
                None => shared.push(reservation),
            }
        }
        said::share(&shared, segments)
    }
}

/// A time as RouterOS writes it: `1d2h`, `10m`, `00:10:00`, `3d00:00:00`.
fn time(text: &str) -> Option<u64> {
    let (mut seconds, mut rest) = (0u64, text);
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        let number: u64 = rest[..at].parse().ok()?;
        seconds = seconds.checked_add(number.checked_mul(said::seconds_of(rest[at..].chars().next()?)?)?)?;
        rest = &rest[at + 1..];
    }
    if rest.is_empty() {
        return (!text.is_empty()).then_some(seconds);
    }
    let parts: Option<Vec<u64>> = rest.split(':').map(|part| part.parse().ok()).collect();
    match parts?[..] {
        [hours, minutes, own] => {
            seconds.checked_add(hours.checked_mul(3_600)?)?.checked_add(minutes.checked_mul(60)?)?.checked_add(own)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEVEN: &str = include_str!("fixtures/routeros/router.rsc");
    const SIX: &str = include_str!("fixtures/routeros/one-line.rsc");

    fn read(text: &str) -> (Facts, Sources) {
        let page = Page { name: "router.rsc", text };
        assert!(recognise(&page), "{text}");
        let mut sources = Sources::new();
        let facts = parse(&Input { pages: &[page], read_at: None }, &mut sources).expect("it is read");
        (facts, sources)
    }

    fn ranges(segment: &Segment) -> Vec<String> {
        segment.dhcp.iter().flat_map(|server| &server.ranges).map(|range| range.value.to_string()).collect()
    }

    #[test]
    fn an_export_with_paths_on_lines_of_their_own() {
        let (facts, sources) = read(SEVEN);
        let [bridge, guests, cameras] = &facts.segments[..] else { panic!("{:?}", facts.segments) };
        assert_eq!(ranges(bridge), ["192.168.88.10-192.168.88.99", "192.168.88.120", "192.168.88.200-192.168.88.220"]);
        assert_eq!(bridge.subnets[0].value.to_string(), "192.168.88.0/24");
        assert_eq!(bridge.gateways.len(), 1);
        assert_eq!(
            bridge.dns.iter().map(|dns| dns.value.to_string()).collect::<Vec<_>>(),
            ["192.168.88.53", "192.0.2.53"]
        );
        assert_eq!(bridge.dhcp[0].lease_seconds.as_ref().map(|lease| lease.value), Some(600));
        let owners: Vec<String> = bridge.dhcp[0].reservations.iter().map(|host| host.value.owner()).collect();
        assert_eq!(owners, ["the nas (00:00:5e:00:53:01)", "00:00:5e:00:53:02"]);
        assert_eq!(bridge.dhcp[0].completeness, Completeness::Full);
        // A range that a line's end cuts in two.
        assert_eq!(sources.slice(bridge.dhcp[0].ranges[1].place), "192.16\\\n    8.88.120");
        assert_eq!(
            (guests.vlan.as_ref().map(|vlan| vlan.value), guests.dhcp[0].state.value),
            (Some(30), DhcpState::Off)
        );
        assert_eq!((cameras.dhcp[0].state.value, cameras.dhcp[0].reservations.len()), (DhcpState::StaticOnly, 1));
        for secret in ["NotAReal", "ABCD-1234", "somebody"] {
            assert!(sources.iter().all(|(_, source)| !source.text.contains(secret)), "{secret}");
        }
    }

    #[test]
    fn an_export_of_six_with_one_line_a_command() {
        let (facts, _) = read(SIX);
        assert_eq!(ranges(&facts.segments[0]), ["10.0.0.2-10.0.0.99"]);
        assert_eq!(facts.segments[0].subnets[0].value.to_string(), "10.0.0.0/24");
        assert_eq!(facts.segments[0].dhcp[0].state.value, DhcpState::On);
        // What RouterOS 6 does not print is its default, and that was `disabled`.
        let (facts, _) = read(&SIX.replace(" disabled=no", ""));
        assert_eq!(facts.segments[0].dhcp[0].state.value, DhcpState::Unknown);
        let (facts, _) = read(&SIX.replace(" disabled=no", "").replace("RouterOS 6.49.10", "RouterOS 7.4"));
        assert_eq!(facts.segments[0].dhcp[0].state.value, DhcpState::On);
        let (facts, _) =
            read(&SIX.replace("/ip pool add", "/ip/pool/add").replace("/ip dhcp-server add", "/ip/dhcp-server add"));
        assert_eq!(ranges(&facts.segments[0]), ["10.0.0.2-10.0.0.99"]);
    }

    #[test]
    fn what_is_set_later_holds_and_what_is_found_otherwise_is_not_known() {
        let later = |line: &str| read(&format!("{SIX}\n{line}\n")).0.segments[0].dhcp[0].clone();
        assert_eq!(later("/ip dhcp-server disable lan").state.value, DhcpState::Off);
        assert_eq!(later("/ip dhcp-server\nset [ find name=lan ] disabled=yes").state.value, DhcpState::Off);
        let set = later("/ip pool set [find where name=\"lan-pool\"] ranges=10.0.0.50-10.0.0.60");
        assert_eq!(
            (set.ranges[0].value.to_string().as_str(), set.completeness),
            ("10.0.0.50-10.0.0.60", Completeness::Full)
        );
        for unclear in [
            "/ip pool set 0 ranges=10.0.0.50",
            "/ip dhcp-server remove [find]",
            "/ip pool add name=x ranges=$mine",
            ":foreach i in=[/ip dhcp-server find] do={ }",
        ] {
            assert_eq!(later(unclear).completeness, Completeness::Partial, "{unclear}");
        }
        assert_eq!(later(":log info \"hello\"; /system identity set name=x").completeness, Completeness::Full);
        let (facts, _) = read(&SIX.replace("name=lan-pool", "name=other"));
        assert_eq!(
            (ranges(&facts.segments[0]).len(), facts.segments[0].dhcp[0].completeness),
            (0, Completeness::Partial)
        );
    }

    #[test]
    fn times_and_mistakes() {
        assert_eq!(
            (time("10m"), time("1d2h"), time("00:10:00"), time("3d00:00:01")),
            (Some(600), Some(93_600), Some(600), Some(259_201))
        );
        assert_eq!((time(""), time("x"), time("1:2")), (None, None, None));
        let text = SIX.replace("10.0.0.2-10.0.0.99", "10.0.0.99-10.0.0.2");
        let page = Page { name: "r", text: &text };
        assert!(parse(&Input { pages: &[page], read_at: None }, &mut Sources::new()).is_err());
        let page = Page { name: "r", text: "/ip pool add name=x ranges=10.0.0.1" };
        assert!(parse(&Input { pages: &[page], read_at: None }, &mut Sources::new()).is_err());
    }
}
