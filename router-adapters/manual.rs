//! The facts file that a person writes (`lan.toml`).
//!
//! ## What it reads
//!
//! Three lines are enough to begin; everything else is optional:
//!
//! ```toml
//! [[segment]]
//! subnet = "192.168.1.0/24"
//! dhcp   = "192.168.1.2-192.168.1.253"
//! ```
//!
//! | key of `[[segment]]` | value |
//! |---|---|
//! | `subnet` | a prefix, or a list (IPv4 and IPv6) |
//! | `dhcp` | a range, a list of ranges, `"off"`, or `[[segment.dhcp]]` tables |
//! | `gateway`, `dns` | an address, or a list |
//! | `reservations` | a list of `{ address, mac, name }` |
//! | `hosts` | a list of `{ address, name, mac, role }`; role is `node`, `router`, `dns` or `other` |
//! | `name`, `vlan` | a name; a VLAN number |
//!
//! A `[[segment.dhcp]]` table has `range` (one or a list), `state` (`on`, `off`, `relay`, `static-only`), `server`,
//! `exclude`, `lease` (`"24h"`), and `reservations`. A top-level `[cluster]` has `pods` and `services`, lists of prefixes.
//! An optional `[origin]` says who wrote the file: `adapter`, `title`, `read-at` (RFC 3339), `confidence`.
//!
//! `poolcheck.lock` has a `[[router]]` for each router that was asked: `adapter`, `version`, `host`, `read-at`, and its
//! segments as `[[router.segment]]`. In both, a `confidence` table of a segment or a DHCP server says of a key how sure it
//! is, where it is not sure.
//!
//! ## How to get it
//!
//! Write it by hand, or let `poolcheck router read` or `poolcheck router fetch` write it: `-o toml`.
//!
//! ## What it cannot know
//!
//! Whether it is still true. A key that is not there means *unknown*, never *none*; `reservations = []` means none.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use poolcheck_plan::facts::{
    Completeness, DhcpServer, DhcpState, Host, Origin, OriginId, Reservation, Role, Segment, Sourced,
};
use poolcheck_plan::syntax::parse_range;
use poolcheck_plan::{AddrRange, Confidence, Facts, SourceKind, Sources, Span};
use toml::de::{DeTable, DeValue};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
use crate::spanned_toml::{Item, Reader};

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "manual",
    title: "facts file (TOML), written by hand or by poolcheck",
    tested_on: "poolcheck's own format",
    how_to_shrink: None,
    recognise,
    parse,
};

const ROOT_KEYS: [&str; 4] = ["segment", "cluster", "origin", "router"];
const ROUTER_KEYS: [&str; 5] = ["adapter", "version", "host", "read-at", "segment"];
const SEGMENT_KEYS: [&str; 9] =
    ["name", "vlan", "subnet", "gateway", "dns", "dhcp", "reservations", "hosts", "confidence"];
const DHCP_KEYS: [&str; 8] =
    ["range", "state", "server", "exclude", "lease", "reservations", "completeness", "confidence"];
const LEVELS: [(&str, Confidence); 3] =
    [("high", Confidence::High), ("medium", Confidence::Medium), ("low", Confidence::Low)];
const ORIGIN_KEYS: [&str; 4] = ["adapter", "title", "read-at", "confidence"];

fn recognise(page: &Page<'_>) -> bool {
    let extension = std::path::Path::new(page.name).extension();
    // A table `[dhcp]` is somebody else's TOML; anything else with that ending is ours, mistakes included.
    let foreign = page.text.lines().any(|line| line.trim() == "[dhcp]");
    page.text.contains("[[segment]]")
        || page.text.contains("[[router.segment]]")
        || (!foreign && extension.is_some_and(|e| e == "toml" || e == "lock"))
}

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let [page] = input.pages else {
        return Err(Complaint::whole("a facts file is one file").into());
    };
    let (mut facts, routers) = read(page, sources)?;
    for router in routers {
        facts.merge(router.facts);
    }
    Ok(facts)
}

/// What a file says of itself, and what each of its routers said.
pub(crate) fn read(page: &Page<'_>, sources: &mut Sources) -> Result<(Facts, Vec<Locked>), AdapterError> {
    let source = sources.add(page.name, SourceKind::File, crate::spanned_toml::masked(page.text));
    let mut file = File { reader: Reader::new(source), confidence: Confidence::High, by_hand: true };
    let root = file.reader.parse(page.text);
    let facts = file.facts(root.get_ref(), page.name);
    let routers = file.routers(root.get_ref());
    if file.reader.complaints.is_empty() {
        Ok((facts, routers))
    } else {
        let mut complaints = file.reader.complaints;
        complaints.sort_by_key(|complaint| complaint.labels.first().map(|(span, _)| span.start));
        Err(AdapterError { complaints })
    }
}

/// What one router said, as a lock keeps it.
#[derive(Debug, Clone)]
pub struct Locked {
    /// The adapter that asked.
    pub adapter: String,
    /// The adapter's version.
    pub version: u32,
    /// The router's address as it was asked for.
    pub host: String,
    /// What it said, with one origin.
    pub facts: Facts,
}

/// One facts file on its way into facts.
struct File {
    reader: Reader,
    confidence: Confidence,
    /// Whether a person wrote it.
    by_hand: bool,
}

impl File {
    fn said<T>(&self, value: T, place: Span) -> Sourced<T> {
        Sourced { value, place, confidence: self.confidence, origin: OriginId(0) }
    }

    fn facts(&mut self, root: &DeTable<'_>, name: &str) -> Facts {
        self.reader.only_keys(root, &ROOT_KEYS, "a facts file");
        let mut facts = Facts::default();
        // A lock says nothing of its own.
        if !root.contains_key("router") || root.len() > 1 {
            facts.origins.push(self.origin(root, name));
        }
        if let Some(cluster) = root.get("cluster").and_then(|item| self.reader.table(item, "cluster")) {
            self.reader.only_keys(cluster, &["pods", "services"], "[cluster]");
            facts.networks.pods = cluster.get("pods").map(|item| self.nets(item, "pods")).unwrap_or_default();
            facts.networks.services =
                cluster.get("services").map(|item| self.nets(item, "services")).unwrap_or_default();
        }
        for item in root.get("segment").map(|item| self.reader.one_or_many(item)).unwrap_or_default() {
            if let Some(table) = self.reader.table(item, "segment") {
                let segment = self.segment(table, self.reader.span(item.span()));
                self.distinct(&facts.segments, &segment);
                facts.segments.push(segment);
            }
        }
        facts
    }

    fn routers(&mut self, root: &DeTable<'_>) -> Vec<Locked> {
        let mut found = Vec::new();
        (self.by_hand, self.confidence) = (false, Confidence::High);
        for item in root.get("router").map(|item| self.reader.one_or_many(item)).unwrap_or_default() {
            if let Some(table) = self.reader.table(item, "router") {
                let place = self.reader.span(item.span());
                found.extend(self.router(table, place));
            }
        }
        found
    }

    fn router(&mut self, table: &DeTable<'_>, place: Span) -> Option<Locked> {
        self.reader.only_keys(table, &ROUTER_KEYS, "[[router]]");
        let mut text = |key: &str| table.get(key).and_then(|item| self.reader.string(item, key)).map(str::to_owned);
        let (adapter, host, read_at) = (text("adapter"), text("host"), text("read-at"));
        let version = table.get("version").and_then(|item| {
            let number = item.get_ref().as_integer();
            let version = number.and_then(|number| u32::from_str_radix(number.as_str(), number.radix()).ok());
            if version.is_none() {
                self.reader.wrong_type(item, "version", "the adapter's version, a whole number");
            }
            version
        });
        let (Some(adapter), Some(host)) = (adapter, host) else {
            let complaint = Complaint::at(place, "`adapter` or `host` is missing", "a router without its name");
            self.reader.complain(complaint.help("poolcheck router fetch --lock writes this file"));
            return None;
        };
        let mut facts = Facts::default();
        facts.origins.push(Origin {
            title: format!("{adapter} {host}"),
            read_at,
            how_to_shrink: crate::how_to_shrink(&adapter),
            adapter: adapter.clone(),
        });
        for item in table.get("segment").map(|item| self.reader.one_or_many(item)).unwrap_or_default() {
            if let Some(table) = self.reader.table(item, "segment") {
                let segment = self.segment(table, self.reader.span(item.span()));
                self.distinct(&facts.segments, &segment);
                facts.segments.push(segment);
            }
        }
        Some(Locked { adapter, version: version.unwrap_or(0), host, facts })
    }

    /// What a `confidence` table says of the keys beside it.
    fn levels(&mut self, table: &DeTable<'_>, known: &[&str]) -> BTreeMap<String, Confidence> {
        let mut found = BTreeMap::new();
        let Some(levels) = table.get("confidence").and_then(|item| self.reader.table(item, "confidence")) else {
            return found;
        };
        self.reader.only_keys(levels, known, "`confidence`");
        for (key, item) in levels {
            let level = self.reader.choice(item, key.get_ref(), &LEVELS);
            found.extend(level.map(|level| (key.get_ref().to_string(), level)));
        }
        found
    }

    /// Reads a key with the confidence that is said of it.
    fn key<T>(
        &mut self,
        table: &DeTable<'_>,
        key: &str,
        levels: &BTreeMap<String, Confidence>,
        read: impl FnOnce(&mut Self, Item<'_, '_>) -> T,
    ) -> Option<T> {
        let item = table.get(key)?;
        let usual = self.confidence;
        self.confidence = levels.get(key).copied().unwrap_or(usual);
        let found = read(self, item);
        self.confidence = usual;
        Some(found)
    }

    fn origin(&mut self, root: &DeTable<'_>, name: &str) -> Origin {
        let mut origin =
            Origin { adapter: "manual".to_owned(), title: name.to_owned(), read_at: None, how_to_shrink: None };
        let Some(table) = root.get("origin").and_then(|item| self.reader.table(item, "origin")) else { return origin };
        self.reader.only_keys(table, &ORIGIN_KEYS, "[origin]");
        let mut text = |key: &str| table.get(key).and_then(|item| self.reader.string(item, key)).map(str::to_owned);
        origin.adapter = text("adapter").unwrap_or(origin.adapter);
        self.by_hand = origin.adapter == ADAPTER.id;
        origin.title = text("title").unwrap_or(origin.title);
        origin.read_at = text("read-at");
        let confidence = table.get("confidence").and_then(|item| self.reader.choice(item, "confidence", &LEVELS));
        self.confidence = confidence.unwrap_or(Confidence::High);
        origin.how_to_shrink = crate::how_to_shrink(&origin.adapter);
        origin
    }

    fn distinct(&mut self, known: &[Segment], segment: &Segment) {
        for subnet in &segment.subnets {
            let twin = known.iter().flat_map(|s| &s.subnets).find(|other| other.value == subnet.value);
            if let Some(twin) = twin {
                let message = format!("the subnet {} is described twice", subnet.value);
                let complaint = Complaint::at(subnet.place, "again here", message).related(twin.place, "first here");
                self.reader.complain(complaint.help("make one [[segment]] of the two"));
            }
        }
    }

    fn segment(&mut self, table: &DeTable<'_>, place: Span) -> Segment {
        self.reader.only_keys(table, &SEGMENT_KEYS, "[[segment]]");
        let mut segment = Segment::default();
        let levels = self.levels(table, &SEGMENT_KEYS[..5]);
        let name = self.key(table, "name", &levels, |file, item| {
            let text = file.reader.string(item, "name")?.to_owned();
            Some(file.said(text, file.reader.inside(item)))
        });
        segment.name = name.flatten();
        segment.vlan = self.key(table, "vlan", &levels, Self::vlan).flatten();
        match self.key(table, "subnet", &levels, |file, item| file.nets(item, "subnet")) {
            Some(subnets) => segment.subnets = subnets,
            // A router that was read may not say its network; a person knows it.
            None if !self.by_hand => {}
            None => self.reader.complain(
                Complaint::at(place, "no `subnet` here", "a segment has no subnet")
                    .help("write its prefix, for example subnet = \"192.168.1.0/24\""),
            ),
        }
        let addresses = |file: &mut Self, key: &str| {
            file.key(table, key, &levels, |file, item| file.addresses(item, key)).unwrap_or_default()
        };
        (segment.gateways, segment.dns) = (addresses(self, "gateway"), addresses(self, "dns"));
        for gateway in segment.gateways.clone() {
            self.inside_subnet(AddrRange::single(gateway.value), gateway.place, "the gateway", &segment);
        }
        if let Some(item) = table.get("dhcp") {
            segment.dhcp = self.dhcp(item, &segment);
        }
        if let Some(item) = table.get("reservations") {
            let reservations = self.reservations(item, &segment);
            if let Some(server) = segment.dhcp.first_mut() {
                server.reservations.extend(reservations);
                server.completeness = Completeness::Full;
            } else {
                let place = self.reader.span(item.span());
                let mut server = self.server(DhcpState::Unknown, place);
                server.reservations = reservations;
                server.completeness = Completeness::Partial;
                segment.dhcp.push(server);
            }
        }
        segment.hosts = table.get("hosts").map(|item| self.hosts(item, &segment)).unwrap_or_default();
        segment
    }

    fn vlan(&mut self, item: Item<'_, '_>) -> Option<Sourced<u16>> {
        let number = item.get_ref().as_integer().and_then(|i| u16::from_str_radix(i.as_str(), i.radix()).ok());
        let Some(vlan) = number.filter(|vlan| (1..=4094).contains(vlan)) else {
            self.reader.wrong_type(item, "vlan", "a VLAN number from 1 to 4094");
            return None;
        };
        Some(self.said(vlan, self.reader.span(item.span())))
    }

    fn nets(&mut self, item: Item<'_, '_>, key: &str) -> Vec<Sourced<IpNet>> {
        let items = self.reader.one_or_many(item);
        items.into_iter().filter_map(|item| self.net(item, key)).collect()
    }

    fn net(&mut self, item: Item<'_, '_>, key: &str) -> Option<Sourced<IpNet>> {
        let text = self.reader.string(item, key)?;
        let place = self.reader.inside(item);
        let Ok(net) = text.trim().parse::<IpNet>() else {
            let complaint = Complaint::at(place, "not a prefix", format!("`{key}` is `{text}`, which is no prefix"));
            self.reader.complain(complaint.help("write address and length, for example 192.168.1.0/24"));
            return None;
        };
        if net.network() != net.addr() {
            let complaint =
                Complaint::at(place, "host bits are set", format!("`{key}` {text} is an address inside a prefix"));
            self.reader.complain(complaint.help(format!("write the prefix itself: {}", net.trunc())));
            return None;
        }
        Some(self.said(net, place))
    }

    fn addresses(&mut self, item: Item<'_, '_>, key: &str) -> Vec<Sourced<IpAddr>> {
        let items = self.reader.one_or_many(item);
        items.into_iter().filter_map(|item| self.address(item, key)).collect()
    }

    fn address(&mut self, item: Item<'_, '_>, key: &str) -> Option<Sourced<IpAddr>> {
        let text = self.reader.string(item, key)?;
        let place = self.reader.inside(item);
        let Ok(address) = text.trim().parse() else {
            let complaint = Complaint::at(place, "not an IP address", format!("`{key}` is `{text}`"));
            self.reader.complain(complaint.help("write one address, for example 192.168.1.1"));
            return None;
        };
        Some(self.said(address, place))
    }

    fn range(&mut self, item: Item<'_, '_>, key: &str) -> Option<Sourced<AddrRange>> {
        let text = self.reader.string(item, key)?;
        let place = self.reader.inside(item);
        match parse_range(text) {
            Ok(range) => Some(self.said(range, place)),
            Err(error) => {
                let complaint = Complaint::at(place, error.label(), format!("`{key}`: {error}"));
                let instead = error.suggestion().unwrap_or_else(|| "192.168.1.2-192.168.1.120".to_owned());
                self.reader.complain(complaint.help(format!("write a range, for example \"{instead}\"")));
                None
            }
        }
    }

    fn inside_subnet(&mut self, range: AddrRange, place: Span, what: &str, segment: &Segment) {
        let of_family: Vec<_> =
            segment.subnets.iter().filter(|s| AddrRange::from_net(s.value).family() == range.family()).collect();
        let inside = of_family.iter().any(|subnet| AddrRange::from_net(subnet.value).covers(range));
        if let (Some(subnet), false) = (of_family.first(), inside) {
            let message = format!("{what} {range} lies outside the subnet {}", subnet.value);
            let complaint = Complaint::at(place, "outside", message).related(subnet.place, "the segment's subnet");
            self.reader
                .complain(complaint.help("correct one of the two, or give the other network a [[segment]] of its own"));
        }
    }

    fn server(&self, state: DhcpState, place: Span) -> DhcpServer {
        DhcpServer {
            state: self.said(state, place),
            server: None,
            ranges: Vec::new(),
            excluded: Vec::new(),
            reservations: Vec::new(),
            lease_seconds: None,
            completeness: Completeness::RangeOnly,
        }
    }

    fn dhcp(&mut self, item: Item<'_, '_>, segment: &Segment) -> Vec<DhcpServer> {
        let place = self.reader.span(item.span());
        match item.get_ref() {
            DeValue::String(text) if matches!(&**text, "off" | "none") => vec![self.server(DhcpState::Off, place)],
            DeValue::Boolean(false) => vec![self.server(DhcpState::Off, place)],
            DeValue::Array(list) if list.iter().any(|item| item.get_ref().is_table()) => {
                let tables = list.iter().filter_map(|item| Some((self.reader.table(item, "dhcp")?, item)));
                let tables: Vec<_> = tables.collect();
                tables.into_iter().map(|(table, item)| self.dhcp_table(table, item, segment)).collect()
            }
            DeValue::Table(table) => vec![self.dhcp_table(table, item, segment)],
            DeValue::String(_) | DeValue::Array(_) => {
                let mut server = self.server(DhcpState::On, place);
                server.ranges = self.ranges(item, "dhcp", "the DHCP range", segment);
                vec![server]
            }
            _ => {
                self.reader.wrong_type(item, "dhcp", "a range, a list of ranges, \"off\" or a table");
                Vec::new()
            }
        }
    }

    fn ranges(&mut self, item: Item<'_, '_>, key: &str, what: &str, segment: &Segment) -> Vec<Sourced<AddrRange>> {
        let items = self.reader.one_or_many(item);
        let ranges: Vec<_> = items.into_iter().filter_map(|item| self.range(item, key)).collect();
        for range in &ranges {
            self.inside_subnet(range.value, range.place, what, segment);
        }
        ranges
    }

    fn dhcp_table(&mut self, table: &DeTable<'_>, item: Item<'_, '_>, segment: &Segment) -> DhcpServer {
        self.reader.only_keys(table, &DHCP_KEYS, "[[segment.dhcp]]");
        let states = [
            ("on", DhcpState::On),
            ("off", DhcpState::Off),
            ("relay", DhcpState::Relay),
            ("static-only", DhcpState::StaticOnly),
            ("unknown", DhcpState::Unknown),
        ];
        let levels = self.levels(table, &DHCP_KEYS[..6]);
        let state = self.key(table, "state", &levels, |file, item| {
            let state = file.reader.choice(item, "state", &states)?;
            Some(file.server(state, file.reader.inside(item)))
        });
        let default = || self.server(DhcpState::On, self.reader.span(item.span()));
        let mut server = state.flatten().unwrap_or_else(default);
        let state = server.state.value;
        server.server = self.key(table, "server", &levels, |file, item| file.address(item, "server")).flatten();
        let ranges = |file: &mut Self, key: &str, what: &str| {
            file.key(table, key, &levels, |file, item| file.ranges(item, key, what, segment)).unwrap_or_default()
        };
        server.ranges = ranges(self, "range", "the DHCP range");
        server.excluded = ranges(self, "exclude", "the excluded range");
        let reservations = self.key(table, "reservations", &levels, |file, item| file.reservations(item, segment));
        if let Some(reservations) = reservations {
            server.reservations = reservations;
            server.completeness = Completeness::Full;
        }
        if let Some(item) = table.get("completeness") {
            let words = [
                ("full", Completeness::Full),
                ("range-only", Completeness::RangeOnly),
                ("partial", Completeness::Partial),
            ];
            server.completeness = self.reader.choice(item, "completeness", &words).unwrap_or(server.completeness);
        }
        server.lease_seconds = self.key(table, "lease", &levels, Self::lease).flatten();
        // What a router was not heard to say is not known; a person knows it.
        if state == DhcpState::On && !table.contains_key("range") && self.by_hand {
            let place = self.reader.span(item.span());
            let complaint = Complaint::at(place, "no `range` here", "a DHCP server that is on has no range");
            self.reader.complain(complaint.help("write range = \"first-last\", or state = \"static-only\""));
        }
        server
    }

    /// `24h`, `90m`, `3600s`, `7d`, or a number of seconds.
    fn lease(&mut self, item: Item<'_, '_>) -> Option<Sourced<u64>> {
        let place = self.reader.span(item.span());
        let seconds = match item.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            DeValue::String(text) => {
                let digits = text.trim_end_matches(['s', 'm', 'h', 'd', 'w']);
                let unit = match &text[digits.len()..] {
                    "" | "s" => Some(1),
                    "m" => Some(60),
                    "h" => Some(3600),
                    "d" => Some(86_400),
                    "w" => Some(604_800),
                    _ => None,
                };
                digits.parse::<u64>().ok().zip(unit).and_then(|(n, unit)| n.checked_mul(unit))
            }
            _ => None,
        };
        if seconds.is_none() {
            self.reader.wrong_type(item, "lease", "a duration such as \"24h\"");
        }
        seconds.map(|seconds| self.said(seconds, place))
    }

    fn reservations(&mut self, item: Item<'_, '_>, segment: &Segment) -> Vec<Sourced<Reservation>> {
        let mut found = Vec::new();
        for item in self.reader.list(item, "reservations", "tables") {
            let Some(table) = self.reader.table(item, "reservations") else { continue };
            self.reader.only_keys(table, &["address", "mac", "name"], "a reservation");
            let Some((address, place)) = self.own_address(table, item, "a reservation") else { continue };
            self.inside_subnet(AddrRange::single(address), place, "the reservation", segment);
            let (mac, name) = (self.mac(table), self.name(table));
            found.push(self.said(Reservation { address, mac, name }, place));
        }
        found
    }

    fn hosts(&mut self, item: Item<'_, '_>, segment: &Segment) -> Vec<Sourced<Host>> {
        let roles = [("node", Role::Node), ("router", Role::Router), ("dns", Role::Dns), ("other", Role::Other)];
        let mut found = Vec::new();
        for item in self.reader.list(item, "hosts", "tables") {
            let Some(table) = self.reader.table(item, "hosts") else { continue };
            self.reader.only_keys(table, &["address", "mac", "name", "role"], "a host");
            let Some((address, place)) = self.own_address(table, item, "a host") else { continue };
            self.inside_subnet(AddrRange::single(address), place, "the host", segment);
            let role = table.get("role").map_or(Some(Role::Other), |role| self.reader.choice(role, "role", &roles));
            let (mac, name) = (self.mac(table), self.name(table));
            found.push(self.said(Host { address, name, mac, role: role.unwrap_or(Role::Other) }, place));
        }
        found
    }

    fn own_address(&mut self, table: &DeTable<'_>, item: Item<'_, '_>, what: &str) -> Option<(IpAddr, Span)> {
        let Some(address) = table.get("address") else {
            let place = self.reader.span(item.span());
            self.reader.complain(Complaint::at(place, "no `address` here", format!("{what} has no address")));
            return None;
        };
        self.address(address, "address").map(|address| (address.value, address.place))
    }

    fn name(&mut self, table: &DeTable<'_>) -> Option<String> {
        table.get("name").and_then(|item| self.reader.string(item, "name")).map(str::to_owned)
    }

    fn mac(&mut self, table: &DeTable<'_>) -> Option<String> {
        let item = table.get("mac")?;
        let text = self.reader.string(item, "mac")?;
        let mac = crate::write::normal_mac(text);
        if mac.is_none() {
            let place = self.reader.inside(item);
            let complaint = Complaint::at(place, "not a MAC address", format!("`mac` is `{text}`"));
            self.reader.complain(complaint.help("write six pairs of hexadecimal digits: aa:bb:cc:00:00:01"));
        }
        mac
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (Result<Facts, AdapterError>, Sources) {
        let mut sources = Sources::new();
        let page = Page { name: "lan.toml", text };
        let facts = ADAPTER.parse(&Input { pages: &[page], read_at: None }, &mut sources);
        (facts, sources)
    }

    fn complaints(text: &str) -> Vec<(String, String)> {
        let (facts, sources) = read(text);
        let error = facts.expect_err(text);
        let place = |c: &Complaint| c.labels.first().map_or(String::new(), |(span, _)| sources.slice(*span).to_owned());
        error.complaints.iter().map(|c| (c.message.clone(), place(c))).collect()
    }

    const SEGMENT: &str = "[[segment]]\nsubnet = \"192.168.1.0/24\"\n";

    #[test]
    fn three_lines_are_enough() {
        let (facts, sources) = read(&format!("{SEGMENT}dhcp = \"192.168.1.2-192.168.1.253\"\n"));
        let facts = facts.expect("it is right");
        let server = &facts.segments[0].dhcp[0];
        assert_eq!(server.state.value, DhcpState::On);
        assert_eq!(sources.slice(server.ranges[0].place), "192.168.1.2-192.168.1.253");
        assert!(!server.knows_reservations());
    }

    #[test]
    fn what_the_documentation_shows_can_be_read() {
        let documentation = include_str!("../docs/adapters/manual.md");
        let examples: Vec<&str> =
            documentation.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert_eq!(examples.len(), 2);
        for example in examples {
            assert!(read(example).0.is_ok(), "{example}");
        }
    }

    #[test]
    fn everything() {
        let text = r#"
[origin]
adapter = "sky-hub"
read-at = "2026-11-23T10:32:00Z"
confidence = "medium"
[cluster]
pods = ["10.42.0.0/16"]
services = ["10.43.0.0/16"]
[[segment]]
name = "home"
vlan = 10
subnet = ["192.168.1.0/24", "fd00:1::/64"]
gateway = "192.168.1.1"
dns = ["192.168.1.1", "9.9.9.9"]
reservations = [{ mac = "AA-BB-CC-00-00-01", address = "192.168.1.20", name = "nas" }]
hosts = [{ name = "n1", address = "192.168.1.210", role = "node" }]
[[segment.dhcp]]
server = "192.168.1.1"
range = ["192.168.1.100-192.168.1.150", "192.168.1.160/28"]
exclude = "192.168.1.120"
lease = "24h"
"#;
        let facts = read(text).0.expect("it is right");
        let segment = &facts.segments[0];
        assert_eq!(segment.subnets.len(), 2);
        let server = &segment.dhcp[0];
        assert_eq!(server.ranges.len(), 2);
        assert_eq!(server.lease_seconds.as_ref().map(|l| l.value), Some(86_400));
        assert_eq!(server.reservations[0].value.mac.as_deref(), Some("aa:bb:cc:00:00:01"));
        assert_eq!(server.ranges[0].confidence, Confidence::Medium);
        assert_eq!(facts.networks.pods[0].value.to_string(), "10.42.0.0/16");
        let again = read(&crate::to_toml(&facts)).0.expect("what is written can be read");
        let values =
            |facts: &Facts| facts.claims().iter().map(|c| (c.range, c.kind, c.owner.clone())).collect::<Vec<_>>();
        assert_eq!(values(&again), values(&facts));
    }

    #[test]
    fn dhcp_that_is_off_is_known() {
        let facts = read(&format!("{SEGMENT}dhcp = \"off\"\n")).0.expect("it is right");
        assert!(facts.segments[0].dhcp[0].knows_ranges());
        assert!(!facts.claims().iter().any(|c| c.kind == poolcheck_plan::ClaimKind::DynamicRange));
    }

    #[test]
    fn every_mistake_has_its_place() {
        let one = |body: &str, message: &str, place: &str| {
            let found = complaints(&format!("{SEGMENT}{body}\n"));
            assert!(found.iter().any(|(m, p)| m.contains(message) && p == place), "{body}: {found:?}");
        };
        one("dhpc = \"x\"", "unknown key `dhpc`", "dhpc");
        one("dhcp = \"192.168.1.9-192.168.1.2\"", "begins after it ends", "192.168.1.9-192.168.1.2");
        one("dhcp = \"192.168.2.2-192.168.2.9\"", "lies outside the subnet", "192.168.2.2-192.168.2.9");
        one("gateway = \"192.168.2.1\"", "the gateway 192.168.2.1 lies outside", "192.168.2.1");
        one("reservations = [{ address = \"10.0.0.1\" }]", "the reservation 10.0.0.1 lies outside", "10.0.0.1");
        one("password = \"hunter2\"", "secrets are never read", "password");
        one("vlan = 5000", "`vlan` must be", "5000");
        one("dns = 5", "`dns` must be a string", "5");
        one("hosts = [{ address = \"192.168.1.3\", role = \"nod\" }]", "cannot be `nod`", "nod");
        one("hosts = [{ name = \"x\" }]", "a host has no address", "{ name = \"x\" }");
        one("[[segment]]\nsubnet = \"192.168.1.0/24\"", "is described twice", "192.168.1.0/24");
        one("[[segment]]\nsubnet = \"10.0.0.1/24\"", "is an address inside a prefix", "10.0.0.1/24");
        assert_eq!(complaints("[[segment]]\ndhcp = [\n").first().map(|(m, _)| m.is_empty()), Some(false));
        assert!(complaints("[[segment]]\nname = \"x\"\n")[0].0.contains("no subnet"));
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        assert_eq!(complaints("[[segment]]\nsubnet = \"x\"\ngatway = 1\nvlan = \"a\"\n").len(), 3);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\[\\[segment\\]\\]\n|subnet = |dhcp = |\"|'|[0-9./-]{1,12}|\\[|\\]|\\{|\\}|=|\n|.){0,40}") {
            let _ = read(&text);
        }
    }
}
