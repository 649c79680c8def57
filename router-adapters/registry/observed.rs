//! The record of a scan (TOML): written by `poolcheck scan`, read back to be judged again.
//!
//! ```toml
//! interface = "eth0"
//! at = "2026-11-24T05:10:00Z"
//! subnets = ["192.168.1.0/24"]
//! asked = ["192.168.1.240-192.168.1.250"]
//! trusted = [
//!   { mac = "52:54:00:00:00:11", who = "node n1" },
//! ]
//! seen = [
//!   { address = "192.168.1.242", mac = "3c:06:30:00:00:9a", count = 3, after-us = 400, vendor = "Apple" },
//! ]
//! ```
//!
//! Of what was `seen`, also: `name` and `named-by` (`facts`, `mdns`, `dhcp`, `leases` or `dns`), `since`, `via`; a `count` of 0 is this
//! machine's own address.
//!
//! Also: `on-node` (a node looked, whose own answers cannot be seen), `considered` (ranges), `servers` (`{ address, mac }`), `offers` (`{ address, server }`), `leases` (`{ address, mac, name, until, file }`), `moved`
//! (`{ address, from, to }`) and `storms` (`{ address, mac }`).

use std::net::IpAddr;
use std::time::Duration;

use poolcheck_plan::observed::{Moved, NamedBy, Observed, Seen, SeenLease, SeenOffer, SeenServer, Storm};
use poolcheck_plan::syntax::parse_range;
use poolcheck_plan::{AddrRange, SourceId, Span};
use toml::de::DeTable;

use crate::adapter::{AdapterError, Complaint};
use crate::spanned_toml::{Item, Reader};

const KEYS: [&str; 13] = [
    "interface",
    "at",
    "on-node",
    "subnets",
    "asked",
    "considered",
    "trusted",
    "seen",
    "servers",
    "offers",
    "leases",
    "moved",
    "storms",
];
const SEEN_KEYS: [&str; 9] = ["address", "mac", "via", "count", "after-us", "vendor", "name", "named-by", "since"];

/// Reads the record of a scan; `source` is its number among the sources.
///
/// # Errors
/// Everything that is wrong with it, each with its place.
pub fn read(text: &str, source: SourceId) -> Result<Observed, AdapterError> {
    let mut record = Record { reader: Reader::new(source) };
    let root = record.reader.parse(text);
    let observed = record.observed(root.get_ref());
    if record.reader.complaints.is_empty() {
        return Ok(observed);
    }
    let mut complaints = record.reader.complaints;
    complaints.sort_by_key(|complaint| complaint.labels.first().map(|(span, _)| span.start));
    Err(AdapterError { complaints })
}

struct Record {
    reader: Reader,
}

impl Record {
    fn observed(&mut self, root: &DeTable<'_>) -> Observed {
        self.reader.only_keys(root, &KEYS, "the record of a scan");
        let mut found = Observed::default();
        if let Some(item) = root.get("interface") {
            self.reader.string(item, "interface").unwrap_or_default().clone_into(&mut found.interface);
        }
        found.at = root.get("at").and_then(|item| self.reader.string(item, "at")).map(str::to_owned);
        if let Some(item) = root.get("on-node") {
            match item.get_ref().as_bool() {
                Some(on_node) => found.on_node = on_node,
                None => self.reader.wrong_type(item, "on-node", "true or false"),
            }
        }
        for item in self.items(root, "subnets", "prefixes") {
            let net = self
                .parsed(item, "subnets", "a prefix such as 192.168.1.0/24", |text| text.parse::<ipnet::IpNet>().ok());
            found.subnets.extend(net);
        }
        for item in self.items(root, "asked", "ranges") {
            found.asked.extend(self.range(item, "asked"));
        }
        for item in self.items(root, "considered", "ranges") {
            let place = self.reader.inside(item);
            found.considered.extend(self.range(item, "considered").map(|range| (range, place)));
        }
        for (table, _) in self.tables(root, "trusted", &["mac", "who"]) {
            if let (Some(mac), Some(who)) = (self.mac(table, "mac"), self.text(table, "who")) {
                found.trusted.insert(mac, who);
            }
        }
        for (table, place) in self.tables(root, "seen", &SEEN_KEYS) {
            if let (Some(address), Some(mac)) = (self.address(table, "address", place), self.mac(table, "mac")) {
                let seen = Seen {
                    address,
                    mac,
                    via: self.mac(table, "via"),
                    count: self.number(table, "count").and_then(|n| u32::try_from(n).ok()).unwrap_or(1),
                    after: self.number(table, "after-us").map(Duration::from_micros),
                    vendor: self.text(table, "vendor"),
                    name: self.text(table, "name"),
                    named_by: self.named_by(table),
                    since: self.text(table, "since"),
                    place,
                };
                found.seen.push(seen);
            }
        }
        for (table, place) in self.tables(root, "servers", &["address", "mac"]) {
            let mac = self.mac(table, "mac");
            found.servers.extend(self.address(table, "address", place).map(|address| SeenServer {
                address,
                mac,
                place,
            }));
        }
        for (table, place) in self.tables(root, "offers", &["address", "server"]) {
            if let (Some(address), Some(server)) =
                (self.address(table, "address", place), self.address(table, "server", place))
            {
                found.offers.push(SeenOffer { address, server, place });
            }
        }
        for (table, place) in self.tables(root, "leases", &["address", "mac", "name", "until", "file"]) {
            let lease = self.address(table, "address", place).map(|address| SeenLease {
                address,
                mac: self.mac(table, "mac"),
                name: self.text(table, "name"),
                until: self.text(table, "until"),
                file: self.text(table, "file").unwrap_or_else(|| "a lease file".to_owned()),
                place,
            });
            found.leases.extend(lease);
        }
        for (table, place) in self.tables(root, "moved", &["address", "from", "to"]) {
            let address = self.address(table, "address", place);
            if let (Some(address), Some(from), Some(to)) = (address, self.mac(table, "from"), self.mac(table, "to")) {
                found.moved.push(Moved { address, from, to, place });
            }
        }
        for (table, place) in self.tables(root, "storms", &["address", "mac"]) {
            if let (Some(address), Some(mac)) = (self.address(table, "address", place), self.mac(table, "mac")) {
                found.storms.push(Storm { address, mac, place });
            }
        }
        found
    }

    fn items<'t, 'i>(&mut self, root: &'t DeTable<'i>, key: &str, of: &str) -> Vec<Item<'t, 'i>> {
        root.get(key).map(|item| self.reader.list(item, key, of)).unwrap_or_default()
    }

    fn tables<'t, 'i>(&mut self, root: &'t DeTable<'i>, key: &str, known: &[&str]) -> Vec<(&'t DeTable<'i>, Span)> {
        let items = self.items(root, key, "tables");
        let mut found = Vec::new();
        for item in items {
            if let Some(table) = self.reader.table(item, key) {
                self.reader.only_keys(table, known, key);
                found.push((table, self.reader.span(item.span())));
            }
        }
        found
    }

    fn parsed<T>(
        &mut self,
        item: Item<'_, '_>,
        key: &str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.reader.string(item, key)?;
        let value = parse(text);
        if value.is_none() {
            let place = self.reader.inside(item);
            let complaint = Complaint::at(place, "not understood", format!("`{key}` cannot be `{text}`"));
            self.reader.complain(complaint.help(format!("write {wanted}")));
        }
        value
    }

    fn range(&mut self, item: Item<'_, '_>, key: &str) -> Option<AddrRange> {
        self.parsed(item, key, "a range such as 192.168.1.240-192.168.1.250", |text| parse_range(text).ok())
    }

    fn address(&mut self, table: &DeTable<'_>, key: &str, place: Span) -> Option<IpAddr> {
        let Some(item) = table.get(key) else {
            self.reader.complain(Complaint::at(place, "here", format!("no `{key}`")));
            return None;
        };
        self.parsed(item, key, "an address", |text| text.parse().ok())
    }

    fn mac(&mut self, table: &DeTable<'_>, key: &str) -> Option<String> {
        self.parsed(table.get(key)?, key, "six hexadecimal octets, such as 02:00:5e:10:00:01", |text| {
            let octets: Vec<&str> = text.split(':').collect();
            let right = |octet: &&str| octet.len() == 2 && octet.chars().all(|c| c.is_ascii_hexdigit());
            (octets.len() == 6 && octets.iter().all(right)).then(|| text.to_ascii_lowercase())
        })
    }

    fn text(&mut self, table: &DeTable<'_>, key: &str) -> Option<String> {
        table.get(key).and_then(|item| self.reader.string(item, key)).map(str::to_owned)
    }

    fn named_by(&mut self, table: &DeTable<'_>) -> Option<NamedBy> {
        let wanted = NamedBy::ALL.map(NamedBy::word).join(", ");
        self.parsed(table.get("named-by")?, "named-by", &format!("one of {wanted}"), |text| {
            NamedBy::ALL.into_iter().find(|by| by.word() == text)
        })
    }

    fn number(&mut self, table: &DeTable<'_>, key: &str) -> Option<u64> {
        let item = table.get(key)?;
        let number = item.get_ref().as_integer().and_then(|i| u64::from_str_radix(i.as_str(), i.radix()).ok());
        if number.is_none() {
            self.reader.wrong_type(item, key, "a whole number from 0");
        }
        number
    }
}

/// The record as text; [`read`] gives the same observation again, with places in this text.
pub fn write(observed: &Observed) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let list = |items: Vec<String>| items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", ");
    let mut line = |text: String| writeln!(out, "{text}").expect("writes to a string");
    line(format!("interface = {}", quoted(&observed.interface)));
    if let Some(at) = &observed.at {
        line(format!("at = {}", quoted(at)));
    }
    if observed.on_node {
        line("on-node = true".to_owned());
    }
    line(format!("subnets = [{}]", list(observed.subnets.iter().map(ToString::to_string).collect())));
    line(format!("asked = [{}]", list(observed.asked.iter().map(|range| range.to_string()).collect())));
    if !observed.considered.is_empty() {
        let ranges = observed.considered.iter().map(|(range, _)| range.to_string());
        line(format!("considered = [{}]", list(ranges.collect())));
    }
    let mut table = |key: &str, rows: Vec<Vec<(&str, String)>>| {
        if rows.is_empty() {
            return;
        }
        line(format!("{key} = ["));
        for row in rows {
            let cells: Vec<String> = row.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            line(format!("  {{ {} }},", cells.join(", ")));
        }
        line("]".to_owned());
    };
    let trusted = observed.trusted.iter().map(|(mac, who)| vec![("mac", quoted(mac)), ("who", quoted(who))]);
    table("trusted", trusted.collect());
    let address = |address: IpAddr| ("address", quoted(&address.to_string()));
    let seen = observed.seen.iter().map(|seen| {
        let mut row = vec![address(seen.address), ("mac", quoted(&seen.mac))];
        row.extend(seen.via.as_ref().map(|via| ("via", quoted(via))));
        row.push(("count", seen.count.to_string()));
        row.extend(seen.after.map(|after| ("after-us", after.as_micros().to_string())));
        row.extend(seen.vendor.as_ref().map(|vendor| ("vendor", quoted(vendor))));
        row.extend(seen.name.as_ref().map(|name| ("name", quoted(name))));
        row.extend(seen.named_by.map(|by| ("named-by", quoted(by.word()))));
        row.extend(seen.since.as_ref().map(|since| ("since", quoted(since))));
        row
    });
    table("seen", seen.collect());
    let servers = observed.servers.iter().map(|server| {
        let mac = server.mac.as_ref().map(|mac| ("mac", quoted(mac)));
        std::iter::once(address(server.address)).chain(mac).collect()
    });
    table("servers", servers.collect());
    let offers = observed.offers.iter();
    let offers = offers.map(|offer| vec![address(offer.address), ("server", quoted(&offer.server.to_string()))]);
    table("offers", offers.collect());
    let leases = observed.leases.iter().map(|lease| {
        let said = [("mac", &lease.mac), ("name", &lease.name), ("until", &lease.until)];
        let said = said.into_iter().filter_map(|(key, value)| Some((key, quoted(value.as_ref()?))));
        let mut row = vec![address(lease.address)];
        row.extend(said);
        row.push(("file", quoted(&lease.file)));
        row
    });
    table("leases", leases.collect());
    let moved = observed.moved.iter();
    let moved =
        moved.map(|moved| vec![address(moved.address), ("from", quoted(&moved.from)), ("to", quoted(&moved.to))]);
    table("moved", moved.collect());
    table(
        "storms",
        observed.storms.iter().map(|storm| vec![address(storm.address), ("mac", quoted(&storm.mac))]).collect(),
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"interface = "eth0"
at = "2026-11-24T05:10:00Z"
on-node = true
subnets = ["192.168.1.0/24"]
asked = ["192.168.1.240-192.168.1.250"]
considered = ["192.168.1.240-192.168.1.250"]
trusted = [
  { mac = "52:54:00:00:00:11", who = 'node "n1"' },
]
seen = [
  { address = "192.168.1.242", mac = "3c:06:30:00:00:9a", via = "3c:06:30:00:00:9b", count = 3, after-us = 400, vendor = "Apple", name = "phone", named-by = "mdns", since = "2026-11-01T05:10:00Z" },
  { address = "fe80::1", mac = "52:54:00:00:00:11", count = 1 },
]
servers = [
  { address = "192.168.1.1", mac = "3c:06:30:00:00:01" },
]
offers = [
  { address = "192.168.1.242", server = "192.168.1.1" },
]
leases = [
  { address = "192.168.1.242", mac = "3c:06:30:00:00:9a", name = "phone", until = "2026-11-24T17:10:00Z", file = "dnsmasq.leases:3" },
  { address = "192.168.1.243", file = "dnsmasq.leases:4" },
]
moved = [
  { address = "192.168.1.9", from = "3c:06:30:00:00:01", to = "3c:06:30:00:00:02" },
]
storms = [
  { address = "192.168.1.9", mac = "3c:06:30:00:00:02" },
]
"#;

    #[test]
    fn what_is_written_is_read_back() {
        let observed = read(FULL, SourceId(0)).unwrap();
        assert_eq!((observed.seen.len(), observed.trusted.len()), (2, 1));
        assert_eq!(
            &FULL[observed.seen[1].place.range()],
            r#"{ address = "fe80::1", mac = "52:54:00:00:00:11", count = 1 }"#
        );
        assert_eq!(write(&observed), FULL);
    }

    #[test]
    fn every_mistake_has_its_place() {
        let text = "interfaces = 1\nseen = [{ mac = \"zz\" }, 5]\nasked = [\"x\"]\n";
        let error = read(text, SourceId(0)).unwrap_err();
        let places: Vec<&str> = error.complaints.iter().map(|c| &text[c.labels[0].0.range()]).collect();
        assert_eq!(places, ["interfaces", "{ mac = \"zz\" }", "zz", "5", "x"]);
    }
}
