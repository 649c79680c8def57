//! systemd-networkd: `.network` files of a machine that serves DHCP.
//!
//! ## What it reads
//!
//! `[Network]` `DHCPServer` and `Address`, `[Address]` `Address`, `[DHCPServer]` `ServerAddress`, `PoolOffset`, `PoolSize`,
//! `DefaultLeaseTimeSec`, `EmitRouter`, `Router`, `DNS`, `RelayTarget`, and `[DHCPServerStaticLease]`. Drop-ins below `NAME.network.d/` are
//! read with their file when they are given with it; a later value counts, an empty one takes back what was set.
//!
//! The pool is in the network of `ServerAddress`, or of the first IPv4 address that is neither link-local nor of the loopback.
//! `PoolOffset` counts from the network's address; without it, or with 0, the pool begins one behind it. Without `PoolSize`, or
//! with 0, it ends one before the broadcast address. networkd does not start with a pool that is larger. Its own address is never
//! leased.
//!
//! ## How to get it
//!
//! `networkctl cat NAME > lan.network` on the machine that serves, then `poolcheck router read lan.network`.
//!
//! ## What it cannot know
//!
//! Drop-ins that are not given. The network of a machine whose address is `0.0.0.0/LENGTH`, which networkd chooses itself: then no
//! range is told. DNS servers that come from its uplink. IPv6, of which networkd only advertises prefixes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use poolcheck_plan::facts::{Completeness, DhcpState, Host, Reservation, Role, Segment, Sourced};
use poolcheck_plan::{AddrRange, Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
use crate::said::{self, Said};

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "systemd-networkd",
    title: "systemd-networkd, .network files",
    tested_on: "written fixtures, by systemd's source of versions 253 to 257",
    how_to_shrink: Some(HOW_TO_SHRINK),
    recognise,
    parse,
};

const HOW_TO_SHRINK: &str = "In the .network file: change `PoolOffset` and `PoolSize` (a number of addresses) of [DHCPServer], then networkctl reload.";

fn recognise(page: &Page<'_>) -> bool {
    let has = |section: &str| page.text.lines().any(|line| line.trim() == section);
    has("[DHCPServer]") || has("[Match]") && has("[Network]")
}

/// What one `Key=value` says.
struct Line<'t> {
    file: usize,
    /// The number of its section: two sections of one name are two.
    number: usize,
    section: &'t str,
    key: &'t str,
    value: &'t str,
}

fn lines<'t>(file: usize, text: &'t str, lines: &mut Vec<Line<'t>>) {
    let mut section = "";
    let mut number = lines.last().map_or(0, |line| line.number + 1);
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            number += 1;
        } else if let Some((key, value)) = line.split_once('=') {
            lines.push(Line { file, number, section, key: key.trim(), value: value.trim() });
        }
    }
}

/// A word and the number of its file.
type Word<'t> = (usize, &'t str);

/// Where a pool lies.
enum Own<'t> {
    /// The server's address.
    Address(Ipv4Net, Word<'t>),
    /// networkd chooses it.
    Chosen,
}

/// One link's configuration: a file and its drop-ins.
struct Network<'f, 't> {
    files: &'f [Said<'t>],
    lines: Vec<Line<'t>>,
}

impl<'t> Network<'_, 't> {
    /// The last value of a key; `None` where it was taken back.
    fn get(&self, section: &str, key: &str) -> Option<&Line<'t>> {
        let found = self.lines.iter().rev().find(|line| line.section == section && line.key == key);
        found.filter(|line| !line.value.is_empty())
    }

    /// The values of a key that may be set several times, or to several words.
    fn all(&self, section: &str, key: &str) -> Vec<Word<'t>> {
        let mut values = Vec::new();
        for line in self.lines.iter().filter(|line| line.section == section && line.key == key) {
            if line.value.is_empty() {
                values.clear();
            }
            values.extend(line.value.split_whitespace().map(|value| (line.file, value)));
        }
        values
    }

    fn surely<T>(&self, value: T, (file, part): Word<'_>) -> Sourced<T> {
        self.files[file].surely(value, part)
    }

    fn is_on(&self, section: &str, key: &str) -> Option<(bool, Word<'t>)> {
        let line = self.get(section, key)?;
        let on = matches!(line.value.to_ascii_lowercase().as_str(), "1" | "yes" | "y" | "true" | "t" | "on");
        Some((on, (line.file, line.value)))
    }

    fn addresses(&self, key: &str) -> Vec<Sourced<IpAddr>> {
        let values = self.all("DHCPServer", key);
        values.into_iter().filter_map(|(file, text)| Some(self.surely(text.parse().ok()?, (file, text)))).collect()
    }

    /// Where the pool lies; `None` where networkd has no address of its own to serve from.
    fn own(&self) -> Option<Own<'t>> {
        let set = self.get("DHCPServer", "ServerAddress").map(|line| (line.file, line.value));
        let listed: Vec<Word<'t>> = self
            .lines
            .iter()
            .filter(|l| matches!(l.section, "Network" | "Address") && l.key == "Address")
            .map(|l| (l.file, l.value))
            .collect();
        // An empty `Address=` of [Network] takes back those before it.
        let from = listed.iter().rposition(|(_, value)| value.is_empty()).map_or(0, |at| at + 1);
        let suitable = |net: &Ipv4Net| !net.addr().is_loopback() && !net.addr().is_link_local();
        // What is no network of either family (one without its length, what a template leaves) is one that is not known.
        let unread = |text: &str| text.parse::<IpNet>().is_err();
        let first = listed[from..].iter().copied().find(|(_, text)| match text.parse() {
            Ok(net) => suitable(&net),
            Err(_) => unread(text) && text.parse::<std::net::Ipv6Addr>().is_err(),
        });
        let (file, text) = set.or(first)?;
        match text.parse::<Ipv4Net>() {
            Ok(net) if !net.addr().is_unspecified() => Some(Own::Address(net, (file, text))),
            _ => Some(Own::Chosen),
        }
    }

    fn segment(&self) -> Result<Option<Segment>, AdapterError> {
        let name = self.get("Match", "Name").map(|line| self.surely(line.value.to_owned(), (line.file, line.value)));
        let mut segment = Segment { name, ..Segment::default() };
        let Some((on, place)) = self.is_on("Network", "DHCPServer") else { return Ok(None) };
        let relay = self.get("DHCPServer", "RelayTarget").filter(|_| on).map(|line| (line.file, line.value));
        let own = self.own();
        let state = match own {
            _ if !on => DhcpState::Off,
            _ if relay.is_some() => DhcpState::Relay,
            // Without an address of its own networkd switches the server off.
            None => DhcpState::Off,
            Some(_) => DhcpState::On,
        };
        let (file, part) = relay.unwrap_or(place);
        let mut server = self.files[file].server(state, part);
        if let Some(Own::Address(net, place)) = own {
            segment.subnets.push(self.surely(IpNet::V4(net.trunc()), place));
            server.server = Some(self.surely(IpAddr::V4(net.addr()), place)).filter(|_| state == DhcpState::On);
            let routers = self.addresses("Router");
            if routers.is_empty() && self.is_on("DHCPServer", "EmitRouter").is_none_or(|(on, _)| on) {
                segment.gateways.push(self.surely(IpAddr::V4(net.addr()), place));
            } else {
                let host = Host { address: net.addr().into(), name: None, mac: None, role: Role::Other };
                segment.hosts.push(self.surely(host, place));
                segment.gateways = routers;
            }
            if state == DhcpState::On {
                server.ranges.push(self.pool(net, place)?);
                server.excluded.push(self.surely(AddrRange::single(net.addr().into()), place));
            }
        } else if state == DhcpState::On {
            server.completeness = Completeness::Partial;
        }
        server.lease_seconds = self
            .get("DHCPServer", "DefaultLeaseTimeSec")
            .and_then(|line| Some(self.surely(time(line.value)?, (line.file, line.value))));
        server.reservations = self.reservations();
        segment.dns = self.addresses("DNS");
        segment.dhcp.push(server);
        Ok(Some(segment))
    }

    fn pool(&self, net: Ipv4Net, place: Word<'t>) -> Result<Sourced<AddrRange>, AdapterError> {
        let number = |key: &str| -> Result<(u32, Option<Word<'t>>), AdapterError> {
            let Some(line) = self.get("DHCPServer", key) else { return Ok((0, None)) };
            let value = line.value.parse().map_err(|_| {
                let message = format!("{key} is `{}`", line.value);
                let complaint = Complaint::at(self.files[line.file].span(line.value), "no number", message);
                AdapterError::from(
                    complaint.help("networkd writes PoolOffset=100 and PoolSize=50, a number of addresses"),
                )
            })?;
            Ok((value, Some((line.file, line.value))))
        };
        let ((offset, offset_place), (size, size_place)) = (number("PoolOffset")?, number("PoolSize")?);
        let (base, last) = (u32::from(net.network()), u32::from(net.broadcast()));
        let offset = offset.max(1);
        let most = (last - base).saturating_sub(offset);
        let said = offset_place.or(size_place).unwrap_or(place);
        let refused = most == 0 || size > most;
        let size = if size == 0 { most } else { size };
        let range = base.checked_add(offset).filter(|_| !refused).and_then(|first| {
            AddrRange::new(Ipv4Addr::from(first).into(), Ipv4Addr::from(first.checked_add(size - 1)?).into())
        });
        let Some(range) = range else {
            let message = format!(
                "networkd does not start with a pool of {size} addresses from {offset} on: {net} has {most} there"
            );
            let complaint = Complaint::at(self.files[said.0].span(said.1), "this pool does not fit", message);
            return Err(complaint.help("make PoolSize or PoolOffset smaller").into());
        };
        let mut range = self.surely(range, said);
        if let (Some((file, from)), Some((other, to))) = (offset_place, size_place)
            && file == other
        {
            range.place = self.files[file].span(from).cover(self.files[other].span(to));
        }
        Ok(range)
    }

    fn reservations(&self) -> Vec<Sourced<Reservation>> {
        // A section is one lease; of a key that stands in it twice the last one counts.
        let mut sections: BTreeMap<usize, StaticLease<'t>> = BTreeMap::new();
        for line in self.lines.iter().filter(|line| line.section == "DHCPServerStaticLease") {
            let value = Some(line.value).filter(|value| !value.is_empty());
            let lease = sections.entry(line.number).or_default();
            match line.key {
                "Address" => lease.address = value.map(|value| (line.file, value)),
                "MACAddress" => lease.mac = value,
                "Hostname" => lease.name = value,
                _ => {}
            }
        }
        let told = |lease: StaticLease<'t>| {
            let (file, text) = lease.address?;
            let address: Ipv4Addr = text.parse().ok()?;
            let (mac, name) = (lease.mac.and_then(said::mac), lease.name.map(str::to_owned));
            Some(self.surely(Reservation { address: address.into(), mac, name }, (file, text)))
        };
        sections.into_values().filter_map(told).collect()
    }
}

/// One `[DHCPServerStaticLease]`, as written.
#[derive(Default)]
struct StaticLease<'t> {
    address: Option<Word<'t>>,
    mac: Option<&'t str>,
    name: Option<&'t str>,
}

/// A time span as systemd writes it: `3600`, `1h 30min`, `2d`.
fn time(text: &str) -> Option<u64> {
    let (mut seconds, mut rest) = (0u64, text.trim());
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "" | "s" | "sec" | "second" | "seconds" => 's',
            "m" | "min" | "minute" | "minutes" => 'm',
            "h" | "hr" | "hour" | "hours" => 'h',
            "d" | "day" | "days" => 'd',
            "w" | "week" | "weeks" => 'w',
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(said::seconds_of(unit)?)?)?;
        rest = rest[letters..].trim_start();
    }
    (!text.trim().is_empty()).then_some(seconds)
}

/// The file that a drop-in belongs to: `lan.network` for `/etc/…/lan.network.d/pool.conf`.
fn main_file(name: &str) -> Option<&str> {
    let folder = name.rsplit_once(['/', '\\'])?.0;
    folder.rsplit(['/', '\\']).next()?.strip_suffix(".d")
}

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let files: Vec<Said<'_>> = input.pages.iter().map(|page| Said::new(page, page.text.to_owned(), sources)).collect();
    let is_of = |name: &str, of: &str| main_file(name).is_some_and(|main| said::is_named(of, main));
    let mut segments = Vec::new();
    for (number, page) in input.pages.iter().enumerate() {
        if input.pages.iter().any(|main| is_of(page.name, main.name)) {
            continue;
        }
        let mut network = Network { files: &files, lines: Vec::new() };
        lines(number, page.text, &mut network.lines);
        // networkd reads drop-ins in the order of their names.
        let mut drop_ins: Vec<usize> = (0..files.len()).filter(|at| is_of(input.pages[*at].name, page.name)).collect();
        drop_ins.sort_by_key(|at| input.pages[*at].name);
        for at in drop_ins {
            lines(at, input.pages[at].text, &mut network.lines);
        }
        segments.extend(network.segment()?);
    }
    if segments.is_empty() {
        let message = "no file says DHCPServer= in its [Network]";
        let help = "read it on the machine that serves DHCP: this one may have its addresses from another server";
        return Err(Complaint::whole(message).help(help).into());
    }
    let title = input.pages.first().map_or("systemd-networkd", |page| page.name);
    Ok(said::facts("systemd-networkd", title, HOW_TO_SHRINK, segments))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAN: &str = include_str!("fixtures/systemd-networkd/lan.network");
    const POOL: &str = include_str!("fixtures/systemd-networkd/pool.conf");

    fn pages(texts: &[(&str, &str)]) -> Result<(Facts, Sources), AdapterError> {
        let pages: Vec<Page<'_>> = texts.iter().map(|(name, text)| Page { name, text }).collect();
        assert!(pages.iter().all(recognise));
        let mut sources = Sources::new();
        Ok((parse(&Input { pages: &pages, read_at: None }, &mut sources)?, sources))
    }

    fn range(address: &str, server: &str) -> Option<String> {
        let text = format!("[Match]\nName=lan\n[Network]\nDHCPServer=yes\nAddress={address}\n[DHCPServer]\n{server}\n");
        let facts = pages(&[("lan.network", &text)]).ok()?.0;
        facts.segments[0].dhcp[0].ranges.first().map(|range| range.value.to_string())
    }

    /// The arithmetic of `sd_dhcp_server_configure_pool`.
    #[test]
    fn offsets_and_sizes() {
        let whole = Some("192.0.2.1-192.0.2.254".to_owned());
        assert_eq!(range("192.0.2.1/24", ""), whole);
        assert_eq!(range("192.0.2.1/24", "PoolOffset=0\nPoolSize=0"), whole);
        assert_eq!(range("192.0.2.1/24", "PoolSize=254"), whole);
        assert_eq!(range("192.0.2.1/24", "PoolOffset=100\nPoolSize=50").as_deref(), Some("192.0.2.100-192.0.2.149"));
        assert_eq!(range("192.0.2.1/24", "PoolOffset=100").as_deref(), Some("192.0.2.100-192.0.2.254"));
        assert_eq!(range("192.0.2.1/24", "PoolOffset=254").as_deref(), Some("192.0.2.254"));
        assert_eq!(range("192.0.2.130/25", "PoolOffset=10\nPoolSize=5").as_deref(), Some("192.0.2.138-192.0.2.142"));
        assert_eq!(range("10.0.0.1/8", "PoolOffset=256\nPoolSize=1").as_deref(), Some("10.0.1.0"));
        // What it does not start with.
        assert_eq!(range("192.0.2.1/24", "PoolSize=255"), None);
        assert_eq!(range("192.0.2.1/24", "PoolOffset=100\nPoolSize=156"), None);
        assert_eq!(range("192.0.2.1/24", "PoolOffset=255"), None);
        assert_eq!(range("192.0.2.1/32", ""), None);
        assert_eq!(range("192.0.2.1/24", "PoolOffset=many"), None);
    }

    #[test]
    fn a_file_and_its_drop_in() {
        let (facts, sources) =
            pages(&[("lan.network", LAN), ("lan.network.d/50-pool.conf", POOL)]).expect("it is read");
        let [segment] = &facts.segments[..] else { panic!("{:?}", facts.segments) };
        let server = &segment.dhcp[0];
        assert_eq!(server.ranges[0].value.to_string(), "192.0.2.64-192.0.2.127");
        assert_eq!(sources.slice(server.ranges[0].place), "64\nPoolSize=64");
        assert_eq!(
            server.leased().map(|(range, _)| range.to_string()).collect::<Vec<_>>(),
            ["192.0.2.64-192.0.2.99", "192.0.2.101-192.0.2.127"]
        );
        assert_eq!(segment.gateways[0].value.to_string(), "192.0.2.100");
        assert_eq!(
            segment.dns.iter().map(|dns| dns.value.to_string()).collect::<Vec<_>>(),
            ["192.0.2.53"],
            "the drop-in takes the others back"
        );
        assert_eq!(server.lease_seconds.as_ref().map(|lease| lease.value), Some(5_400));
        let owners: Vec<String> = server.reservations.iter().map(|host| host.value.owner()).collect();
        assert_eq!(owners, ["00:00:5e:00:53:01", "nas (00:00:5e:00:53:02)"]);
        assert_eq!(segment.name.as_ref().map(|name| name.value.as_str()), Some("br-lan"));
    }

    /// It has an address, and which network that is in is not said: then the server is not off.
    #[test]
    fn an_address_that_cannot_be_read_is_none_that_is_missing() {
        for address in ["10.0.0.1", "${LAN}/24", "{{ address }}"] {
            let text = format!("[Match]\nName=lan0\n[Network]\nAddress={address}\nDHCPServer=yes\n");
            let page = Page { name: "lan.network", text: &text };
            let facts = parse(&Input { pages: &[page], read_at: None }, &mut Sources::new()).expect("it is read");
            let server = &facts.segments[0].dhcp[0];
            assert_eq!((server.state.value, server.completeness), (DhcpState::On, Completeness::Partial), "{address}");
            assert!(server.ranges.is_empty());
        }
    }

    #[test]
    fn addresses_relays_and_what_is_off() {
        let one = |text: &str| pages(&[("lan.network", text)]).expect("it is read").0.segments.remove(0);
        let chosen = one("[Match]\n[Network]\nDHCPServer=yes\nAddress=0.0.0.0/24\n[DHCPServer]\nPoolSize=9\n");
        assert_eq!(
            (chosen.dhcp[0].state.value, chosen.dhcp[0].completeness, chosen.dhcp[0].ranges.len()),
            (DhcpState::On, Completeness::Partial, 0)
        );
        let second = one(
            "[Match]\n[Network]\nDHCPServer=yes\nAddress=169.254.1.1/16\nAddress=2001:db8::1/64\n[Address]\nAddress=192.0.2.9/24\n",
        );
        assert_eq!(second.subnets[0].value.to_string(), "192.0.2.0/24");
        let set = one(
            "[Match]\n[Network]\nDHCPServer=yes\nAddress=192.0.2.9/24\n[DHCPServer]\nServerAddress=198.51.100.1/24\nEmitRouter=no\n",
        );
        assert_eq!(
            (set.subnets[0].value.to_string().as_str(), set.gateways.len(), set.hosts.len()),
            ("198.51.100.0/24", 0, 1)
        );
        let relay =
            one("[Match]\n[Network]\nDHCPServer=yes\nAddress=192.0.2.9/24\n[DHCPServer]\nRelayTarget=10.0.0.1\n");
        assert_eq!(relay.dhcp[0].state.value, DhcpState::Relay);
        let off = one("[Match]\n[Network]\nDHCPServer=no\nAddress=192.0.2.9/24\n");
        assert_eq!(off.dhcp[0].state.value, DhcpState::Off);
        let none = one("[Match]\n[Network]\nDHCPServer=yes\n");
        assert_eq!(none.dhcp[0].state.value, DhcpState::Off, "networkd switches it off");
        // A machine that has its addresses from somebody else says nothing of the LAN's server.
        assert!(pages(&[("eth.network", "[Match]\nName=eth0\n[Network]\nDHCP=yes\n")]).is_err());
        assert_eq!(
            (time("3600"), time("1h 30min"), time("2d"), time("soon")),
            (Some(3_600), Some(5_400), Some(172_800), None)
        );
    }
}
