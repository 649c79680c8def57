//! MikroTik RouterOS: what `/export` prints.
//!
//! ## What it reads
//!
//! `/ip pool` (`ranges`, `next-pool`), `/ip dhcp-server` (`address-pool`, `interface`, `lease-time`, `disabled`), `/ip dhcp-server
//! network` (`address`, `gateway`, `dns-server`), `/ip dhcp-server lease`, `/ip dhcp-relay`, `/ip address`, `/interface vlan`. A path
//! may stand on a line of its own or before its command, with spaces or slashes; lines that end in `\` go on. `set` and `disable`
//! are followed where they name one entry.
//!
//! Of IPv6 `/ipv6 address`, `/ipv6 dhcp-server`, `/ipv6 pool`, `/ipv6 dhcp-server binding`, `/ipv6 dhcp-relay`, and of `/ipv6 nd` whether
//! machines are told to ask a DHCP server. A server leases addresses where its `address-pool` has `prefix-length=128`, and then the
//! whole prefix of the pool; from any other pool it delegates prefixes to routers and leases no address but those of bindings.
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
//! What scripts compute, and entries that `set` and `remove` find by more than a name: the facts are then *partial*. Unless
//! the text is of RouterOS 7, by its head or by paths with slashes, a server that does not say whether it is disabled: its state is
//! *unknown*. What stands in braces over several lines may never be run: then too the facts are *partial*. A pool of IPv6 that the provider
//! delegates stands in no export: a server of it is *partial*, and the place is told, as for an address with `from-pool` and for what
//! RADIUS leases. To whom prefixes are delegated.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use poolcheck_plan::facts::{Completeness, DhcpServer, DhcpState, Reservation, Segment, Sourced};
use poolcheck_plan::{AddrRange, Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
use crate::said::{self, Said};

#[path = "routeros/script.rs"]
mod script;

use script::{By, Entry, Export, Joined, Menu, is_computed, menu, plain};

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
            || ["/ip pool", "/ip/pool", "/ip dhcp-server", "/ip/dhcp-server", "/ipv6 dhcp-server", "/ipv6/dhcp-server"]
                .iter()
                .any(|path| line.starts_with(path))
    };
    page.text.lines().any(own)
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
                let is_verb = |word: &str| matches!(word, "add" | "set" | "remove" | "disable" | "enable");
                path = words.iter().copied().take_while(|word| !word.contains('=') && !is_verb(word)).take(6).collect();
            }
            let deeper: Vec<&str> =
                words.iter().copied().take_while(|word| matches!(*word, "network" | "lease" | "binding")).collect();
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
    let servers = [Menu::Server, Menu::Relay, Menu::SixServer, Menu::SixRelay];
    if servers.iter().map(|menu| export.all(*menu).len()).sum::<usize>() > said::MAX_SEGMENTS {
        return Err(said::too_many().into());
    }
    let reader = Reader {
        file: &file,
        name: page.name,
        joined: &joined,
        export: &export,
        pools: export.by(Menu::Pool, "name"),
        six_pools: export.by(Menu::SixPool, "name"),
        six_addresses: export.by(Menu::SixAddress, "interface"),
        perhaps_off: !is_version_seven(page.text),
    };
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
    reader.leases(Menu::Lease, &mut segments, &names)?;
    let gaps = reader.all_six(&mut segments)?;
    if segments.is_empty() {
        let message = format!("{} has no /ip dhcp-server and no /ipv6 dhcp-server", page.name);
        return Err(Complaint::whole(message).help("export everything: /export file=router").into());
    }
    Ok(Facts { gaps, ..said::facts("routeros", page.name, HOW_TO_SHRINK, segments) })
}

/// Whether a text is of RouterOS 7 or later, by what its head says, or by the spelling that no other version reads.
///
/// RouterOS 6 leaves out what is a default of its own, and a new server was disabled by default.
fn is_version_seven(text: &str) -> bool {
    let mut heads = text.lines().filter(|line| line.trim_start_matches('\u{feff}').starts_with('#'));
    if let Some(version) = heads.find_map(|line| line.split(" by RouterOS ").nth(1)) {
        return version.split('.').next().and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= 7);
    }
    text.lines().any(|line| ["/ip/", "/ipv6/", "/interface/"].iter().any(|path| line.trim_start().starts_with(path)))
}

struct Reader<'r, 't, 'j> {
    file: &'r Said<'t>,
    name: &'r str,
    joined: &'j Joined,
    export: &'r Export<'j>,
    /// The pools, by their names.
    pools: By<'r, 'j>,
    six_pools: By<'r, 'j>,
    /// The addresses of IPv6, by their interfaces.
    six_addresses: By<'r, 'j>,
    /// A server that does not say whether it is disabled may be.
    perhaps_off: bool,
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
        let name = plain(interface).into_owned();
        let mut segment = Segment { name: Some(self.surely(name, interface)), ..Segment::default() };
        self.four(&mut segment, interface);
        segment
    }

    /// What is known of its IPv4, and its VLAN.
    fn four(&self, segment: &mut Segment, interface: &str) {
        let name = plain(interface);
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
    }

    fn segment(&self, server: &Entry<'_>) -> Result<Segment, AdapterError> {
        let interface = server.get("interface").filter(|name| !is_computed(name));
        // It serves a network behind a relay (255.255.255.255: behind any), and not the one of its interface.
        let relay = server.get("relay").and_then(|text| text.parse::<Ipv4Addr>().ok());
        let relay = relay.filter(|relay| !relay.is_unspecified());
        let mut segment = match (relay, interface) {
            (None, Some(interface)) => self.on_interface(interface),
            (None, None) => Segment::default(),
            (Some(_), _) => {
                let name = server.get("name").map(|name| self.surely(plain(name).into_owned(), name));
                Segment { name, ..Segment::default() }
            }
        };
        let pool = server.get("address-pool");
        let place = pool.or(server.get("name")).or(interface).unwrap_or_default();
        let state = match server.get("disabled") {
            Some("yes") => DhcpState::Off,
            Some(computed) if is_computed(computed) => DhcpState::Unknown,
            None if self.perhaps_off => DhcpState::Unknown,
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
        self.networks(&mut segment, &dhcp.ranges, relay);
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
            let pool = self.pools.get(name.as_ref()).and_then(|pools| pools.last());
            // A chain that is longer than any is not followed.
            let Some(pool) = pool.filter(|_| seen.len() < said::MAX_DEPTH) else { return Ok(false) };
            for text in pool.get("ranges").unwrap_or_default().split(',').map(str::trim).filter(|text| !text.is_empty())
            {
                if is_computed(text) {
                    return Ok(false);
                }
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
    fn networks(&self, segment: &mut Segment, ranges: &[Sourced<AddrRange>], relay: Option<Ipv4Addr>) {
        let without = segment.subnets.is_empty();
        let routers: Vec<IpAddr> = segment.gateways.iter().map(|router| router.value).collect();
        for network in self.export.all(Menu::Network).iter().filter(|network| !network.is("disabled", "yes")) {
            let Some(text) = network.get("address") else { continue };
            let Some(net) = text.parse::<IpNet>().ok().map(|net| net.trunc()) else { continue };
            let own = if without {
                ranges.iter().any(|range| net.contains(&range.value.first()))
                    || relay.is_some_and(|relay| net.contains(&IpAddr::V4(relay)))
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
            let told = list("gateway");
            if !told.is_empty() {
                // Machines are told of another one: the router's own address is one of the network's machines.
                let other = |own: &Sourced<IpAddr>| {
                    let known = told.iter().any(|gateway| gateway.value == own.value);
                    net.contains(&own.value) && routers.contains(&own.value) && !known
                };
                let (machines, gateways) = std::mem::take(&mut segment.gateways).into_iter().partition(other);
                segment.gateways = gateways;
                let machines: Vec<Sourced<IpAddr>> = machines;
                segment.hosts.extend(machines.iter().map(said::router));
            }
            said::add_new(&mut segment.gateways, told);
            said::add_new(&mut segment.dns, list("dns-server"));
        }
    }

    /// Static leases go to the server that they name, or to the one in whose subnet they lie.
    fn leases(&self, menu: Menu, segments: &mut [Segment], names: &[Option<Cow<'_, str>>]) -> Result<(), AdapterError> {
        let mut shared = Vec::new();
        for lease in self.export.all(menu).iter().filter(|lease| !lease.is("disabled", "yes")) {
            let Some(text) = lease.get("address").filter(|_| !lease.is("ia-type", "pd")) else { continue };
            // A lease may name a pool instead, and a binding the prefix of a router.
            let Ok(address) = text.strip_suffix("/128").unwrap_or(text).parse::<IpAddr>() else { continue };
            let mac = lease.get("mac-address").and_then(said::mac);
            let mac = mac.or_else(|| mac_of(lease.get("duid")?));
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

    /// Adds what is known of IPv6: to the segments of the same interfaces, and as segments of their own. What is not known is told.
    fn all_six(&self, segments: &mut Vec<Segment>) -> Result<Vec<Sourced<String>>, AdapterError> {
        let mut gaps = Vec::new();
        let relays = self.export.all(Menu::SixRelay).iter().filter(|relay| !relay.is("disabled", "yes"));
        let relays = relays.filter(|relay| relay.get("interface").is_some());
        let (mut own, mut interfaces, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for server in self.export.all(Menu::SixServer).iter().chain(relays.clone()) {
            let interface = server.get("interface");
            let name = interface.map(|interface| self.surely(plain(interface).into_owned(), interface));
            let mut segment = Segment { name, ..Segment::default() };
            self.six(&mut segment, &mut gaps);
            own.push(segment);
            interfaces.push(interface);
        }
        for (server, segment) in self.export.all(Menu::SixServer).iter().zip(&mut own) {
            segment.dhcp.push(self.six_server(server, &mut gaps)?);
            names.push(server.get("name").map(plain));
        }
        self.leases(Menu::SixBinding, &mut own, &names)?;
        for (relay, segment) in relays.zip(own.iter_mut().skip(names.len())) {
            let place = self.place(relay.get("interface").unwrap_or_default());
            segment.dhcp.push(self.file.server(DhcpState::Relay, place));
        }
        let name_of = |segment: &Segment| segment.name.as_ref().map(|name| name.value.clone());
        let mut known: HashMap<String, usize> = HashMap::new();
        for (number, segment) in segments.iter_mut().enumerate() {
            self.six(segment, &mut gaps);
            known.extend(name_of(segment).map(|name| (name, number)));
        }
        for (mut segment, interface) in own.into_iter().zip(interfaces) {
            let name = name_of(&segment);
            if let Some(number) = name.as_ref().and_then(|name| known.get(name)) {
                segments[*number].dhcp.append(&mut segment.dhcp);
                continue;
            }
            if let Some(interface) = interface {
                self.four(&mut segment, interface);
            }
            known.extend(name.map(|name| (name, segments.len())));
            segments.push(segment);
        }
        self.asked(segments, &mut gaps);
        Ok(gaps)
    }

    /// What is known of the IPv6 of a segment. A prefix whose length is not written is one of 64 bits.
    fn six(&self, segment: &mut Segment, gaps: &mut Vec<Sourced<String>>) {
        let Some(name) = segment.name.as_ref().map(|name| name.value.clone()) else { return };
        let own = self.six_addresses.get(&name).map_or(&[][..], Vec::as_slice);
        for entry in own.iter().filter(|entry| !entry.is("disabled", "yes")).take(said::MAX_ADDRESSES) {
            if let Some(pool) = entry.get("from-pool") {
                self.gap(gaps, pool, "is a pool of prefixes: which of them the interface has is not written");
                continue;
            }
            let Some(text) = entry.get("address") else { continue };
            let net = text.parse::<Ipv6Net>().ok().or_else(|| Ipv6Net::new(text.parse().ok()?, 64).ok());
            let Some(net) = net.filter(|net| !net.addr().is_unicast_link_local()) else { continue };
            // One address alone is no network.
            if net.prefix_len() < 128 {
                segment.subnets.push(self.surely(IpNet::V6(net.trunc()), text));
            }
            // With `eui-64` the router's own address is made of its hardware address, which is not written.
            if !entry.is("eui-64", "yes") {
                said::add_new(&mut segment.gateways, [self.surely(IpAddr::V6(net.addr()), text)]);
            }
        }
    }

    /// A server of IPv6. Whatever its pool is, it answers those that have a binding.
    fn six_server(&self, server: &Entry<'_>, gaps: &mut Vec<Sourced<String>>) -> Result<DhcpServer, AdapterError> {
        let pool = server.get("address-pool").filter(|pool| *pool != "static-only");
        let place = server.get("address-pool").or(server.get("name")).or(server.get("interface")).unwrap_or_default();
        let mut dhcp = self.file.server(DhcpState::StaticOnly, self.place(place));
        let mut partial = self.export.unclear_six;
        if let Some(name) = pool {
            let entry = self.six_pools.get(plain(name).as_ref()).and_then(|pools| pools.last());
            let length = entry.and_then(|entry| entry.get("prefix-length"));
            let prefix = entry.and_then(|entry| entry.get("prefix"));
            match (length, prefix) {
                (Some("128"), Some(text)) => {
                    let Ok(net) = text.parse::<Ipv6Net>() else {
                        let message = format!("the pool `{}` has the prefix `{text}`", plain(name));
                        let complaint = Complaint::at(self.file.span(self.place(text)), "no prefix", message);
                        return Err(complaint.help("RouterOS writes prefix=2001:db8::/64").into());
                    };
                    dhcp.state.value = DhcpState::On;
                    dhcp.ranges.push(self.surely(AddrRange::from_net(net.trunc().into()), text));
                }
                // Prefixes for other routers: no machine on this segment is leased an address of it.
                (Some(length), _) if length != "128" => {}
                // It may hold addresses, or prefixes for other routers.
                _ => {
                    dhcp.state.value = DhcpState::Unknown;
                    partial = true;
                    self.gap(
                        gaps,
                        name,
                        "is a pool whose prefix is not in this export: what is leased of it is not known",
                    );
                }
            }
        }
        if let Some(word) = server.key("use-radius").filter(|_| server.is("use-radius", "yes")) {
            if dhcp.ranges.is_empty() {
                dhcp.state.value = DhcpState::Unknown;
            }
            partial = true;
            self.gap(gaps, word, "has a RADIUS server say what is leased, which is not known");
        }
        if partial {
            dhcp.completeness = Completeness::Partial;
        }
        match server.get("disabled") {
            Some("yes") => dhcp.state.value = DhcpState::Off,
            None if self.perhaps_off => dhcp.state.value = DhcpState::Unknown,
            _ => {}
        }
        let lease = server.get("lease-time");
        dhcp.lease_seconds = lease.and_then(|text| Some(self.surely(time(text)?, text)));
        Ok(dhcp)
    }

    /// Tells where machines are told to ask a server of IPv6 for their address, and the export has none.
    fn asked(&self, segments: &[Segment], gaps: &mut Vec<Sourced<String>>) {
        let own = self.export.by(Menu::Advertised, "interface");
        let all = self
            .export
            .all(Menu::Advertised)
            .iter()
            .filter(|entry| entry.get("interface").is_none_or(|on| on == "all"));
        let all: Vec<&Entry<'_>> = all.collect();
        let [servers, relays] = [Menu::SixServer, Menu::SixRelay].map(|menu| self.export.by(menu, "interface"));
        for name in segments.iter().filter_map(|segment| segment.name.as_ref()).map(|name| name.value.as_str()) {
            if servers.contains_key(name) || relays.contains_key(name) || !self.six_addresses.contains_key(name) {
                continue;
            }
            let entry = own.get(name).and_then(|entries| entries.last()).or(all.last());
            let entry =
                entry.filter(|entry| entry.is("managed-address-configuration", "yes") && !entry.is("disabled", "yes"));
            if let Some(word) = entry.and_then(|entry| entry.key("managed-address-configuration")) {
                let what =
                    format!("has the machines of {name} ask a DHCP server of IPv6, and none of them is in this export");
                self.gap(gaps, word, &what);
            }
        }
    }

    /// Tells once what is not known, and where that is written.
    fn gap(&self, gaps: &mut Vec<Sourced<String>>, part: &str, what: &str) {
        let gap = said::gap(self.file, self.name, self.place(part), what);
        if gaps.len() < said::MAX_GAPS && gaps.iter().all(|known| known.place != gap.place) {
            gaps.push(gap);
        }
    }
}

/// The hardware address in a DUID, where it is made of one (RFC 8415, 11.2 and 11.4), or is nothing but one.
fn mac_of(duid: &str) -> Option<String> {
    let digits = duid.strip_prefix("0x").unwrap_or(duid).to_ascii_lowercase();
    let link = digits.strip_prefix("00030001").or_else(|| digits.strip_prefix("00010001")?.get(8..)).unwrap_or(&digits);
    let pairs: Option<Vec<&str>> = (0..6).map(|number| link.get(number * 2..number * 2 + 2)).collect();
    pairs.filter(|_| link.len() == 12).and_then(|pairs| said::mac(&pairs.join(":")))
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
    const SIX_TOO: &str = include_str!("fixtures/routeros/six.rsc");

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
    fn an_export_of_all_values_is_one_too() {
        let verbose = "# 2026-01-01 10:00:00 by RouterOS 7.14\n/ip pool\nadd !next-pool name=p ranges=192.0.2.10-192.0.2.99\n\
                       /ip dhcp-server\nadd add-arp=no address-pool=p disabled=no interface=lan lease-time=10m name=s \\\n    \
                       relay=0.0.0.0 use-radius=no\n/ip dhcp-server network\nadd address=192.0.2.0/24 boot-file-name=\"\" \\\n    \
                       dhcp-option=\"\" dhcp-option-set=\"\" gateway=192.0.2.254\n/ip address\n\
                       add address=192.0.2.1/24 disabled=no interface=lan\n";
        let page = Page { name: "v.rsc", text: verbose };
        assert_eq!(crate::recognise(&page).map(|adapter| adapter.id), Some("routeros"));
        let (facts, _) = read(verbose);
        let lan = &facts.segments[0];
        assert_eq!(ranges(lan), ["192.0.2.10-192.0.2.99"]);
        // What machines are told is their gateway.
        assert_eq!(lan.gateways.iter().map(|own| own.value.to_string()).collect::<Vec<_>>(), ["192.0.2.254"]);
        assert_eq!(lan.hosts[0].value.address.to_string(), "192.0.2.1");
    }

    #[test]
    fn a_server_behind_a_relay_serves_another_network_than_its_interface() {
        let text = "# by RouterOS 7.1\n/ip pool add name=p ranges=198.51.100.10-198.51.100.99\n\
                    /ip address add address=192.0.2.1/30 interface=up\n\
                    /ip dhcp-server add address-pool=p interface=up name=far relay=198.51.100.1\n\
                    /ip dhcp-server network add address=198.51.100.0/24 gateway=198.51.100.1\n";
        let (facts, _) = read(text);
        let far = &facts.segments[0];
        let nets: Vec<String> = far.subnets.iter().map(|net| net.value.to_string()).collect();
        assert_eq!((nets, ranges(far)), (vec!["198.51.100.0/24".into()], vec!["198.51.100.10-198.51.100.99".into()]));
        assert_eq!(far.gateways.iter().map(|own| own.value.to_string()).collect::<Vec<_>>(), ["198.51.100.1"]);
        // Whichever relay asks: machines on its interface get nothing of it either.
        let any = read(&text.replace("relay=198.51.100.1", "relay=255.255.255.255")).0.segments.remove(0);
        assert_eq!(any.subnets.iter().map(|net| net.value.to_string()).collect::<Vec<_>>(), ["198.51.100.0/24"]);
        let direct = read(&text.replace("relay=198.51.100.1", "relay=0.0.0.0")).0.segments.remove(0);
        assert_eq!(direct.subnets[0].value.to_string(), "192.0.2.0/30");
    }

    #[test]
    fn scripts_are_known_as_far_as_they_are_plain() {
        let block = ":if ($mode = 1) do={\n  /ip pool add name=p ranges=192.0.2.10-192.0.2.99;\n  /ip dhcp-server\n    \
                     add name=s address-pool=p interface=lan disabled=no;\n}\n";
        let server = read(block).0.segments[0].dhcp[0].clone();
        assert_eq!((server.ranges.len(), server.completeness), (1, Completeness::Partial));
        let plain_text = &block[block.find("  /ip").expect("a path")..].replace("}\n", "");
        assert_eq!(read(plain_text).0.segments[0].dhcp[0].completeness, Completeness::Full);
        // Without a word of its version, what is not said may be either.
        let unsaid = plain_text.replace(" disabled=no", "");
        assert_eq!(read(&unsaid).0.segments[0].dhcp[0].state.value, DhcpState::Unknown);
        let computed = plain_text.replace("192.0.2.10-192.0.2.99", "$range").replace("=lan", "=$lan");
        let segment = read(&computed).0.segments.remove(0);
        assert_eq!((segment.dhcp[0].completeness, segment.dhcp[0].knows_ranges()), (Completeness::Partial, false));
        assert!(segment.name.is_none());
    }

    #[test]
    fn names_with_letters_as_bytes() {
        assert_eq!(plain("caf\\C3\\A9 \\\"x\\\" \\\\ \\_\\1B[2J"), "café \"x\" \\   [2J");
        assert_eq!(plain("\\"), "\\");
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

    #[test]
    fn servers_of_ipv6_lease_what_their_pools_hold() {
        let (facts, sources) = read(SIX_TOO);
        let [bridge, guests, lab, routers] = &facts.segments[..] else { panic!("{:?}", facts.segments) };
        let texts = |segment: &Segment| -> Vec<String> {
            let subnets = segment.subnets.iter().map(|subnet| subnet.value.to_string());
            subnets.chain(segment.gateways.iter().map(|gateway| gateway.value.to_string())).collect()
        };
        let owners = |server: &DhcpServer| -> Vec<String> {
            let kept = server.reservations.iter();
            kept.map(|host| format!("{} {}", host.value.address, host.value.owner())).collect()
        };
        assert_eq!(
            texts(bridge),
            ["192.0.2.0/24", "2001:db8:1::/64", "2001:db8:1:1::/64", "192.0.2.1", "2001:db8:1::1"],
            "one interface is one segment"
        );
        let [four, six] = &bridge.dhcp[..] else { panic!("{:?}", bridge.dhcp) };
        assert_eq!(owners(four), ["192.0.2.20 00:00:5e:00:53:01"]);
        assert_eq!((six.state.value, six.completeness), (DhcpState::On, Completeness::Full));
        assert_eq!(six.ranges.len(), 1);
        assert_eq!(six.ranges[0].value.to_string(), "2001:db8:1:0:8000::-2001:db8:1:0:8000:0:fff:ffff");
        assert_eq!(sources.slice(six.ranges[0].place), "2001:db8:1:0:8000::/100");
        assert_eq!(sources.slice(six.state.place), "addresses");
        assert_eq!(six.lease_seconds.as_ref().map(|lease| lease.value), Some(43_200));
        assert_eq!(owners(six), ["2001:db8:1::20 the nas (00:00:5e:00:53:01)"]);
        assert_eq!(sources.slice(six.reservations[0].place), "2001:db8:1::20/128");
        // Addresses that machines make themselves are nobody's lease.
        assert_eq!((texts(guests).len(), guests.dhcp.len()), (4, 1));
        // What the provider delegates.
        assert_eq!((texts(lab).len(), lab.vlan.as_ref().map(|vlan| vlan.value)), (0, Some(40)));
        let server = &lab.dhcp[0];
        assert_eq!((server.state.value, server.completeness), (DhcpState::Unknown, Completeness::Partial));
        // A binding without a server is everybody's, where it may lie in the network.
        assert_eq!((server.ranges.len(), owners(server)), (0, vec!["2001:db8:41::7 00:00:5e:00:53:02".to_owned()]));
        // What goes to routers.
        let server = &routers.dhcp[0];
        assert_eq!(
            (server.state.value, server.completeness, server.ranges.len()),
            (DhcpState::StaticOnly, Completeness::Full, 0)
        );
        assert_eq!(owners(server), ["2001:db8:41::7 00:00:5e:00:53:02"]);
        for secret in ["NotAReal", "ABCD-1234", "somebody"] {
            assert!(sources.iter().all(|(_, source)| !source.text.contains(secret)), "{secret}");
        }
    }

    #[test]
    fn what_is_not_known_of_ipv6_is_told_with_its_place() {
        let (facts, sources) = read(SIX_TOO);
        let gaps: Vec<&str> = facts.gaps.iter().map(|gap| gap.value.as_str()).collect();
        assert_eq!(
            gaps,
            [
                "router.rsc, line 38: `from-isp` is a pool of prefixes: which of them the interface has is not written",
                "router.rsc, line 20: `from-isp` is a pool whose prefix is not in this export: what is leased of it is not known",
                "router.rsc, line 54: `managed-address-configuration` has the machines of guests ask a DHCP server of IPv6, and none \
                 of them is in this export",
            ]
        );
        assert_eq!(sources.slice(facts.gaps[1].place), "from-isp");
        let gaps = |text: &str| read(text).0.gaps.len();
        assert_eq!(gaps(&SIX_TOO.replace("managed-address-configuration=yes", "managed-address-configuration=no")), 2);
        let relayed =
            format!("{SIX_TOO}/ipv6 dhcp-relay add dhcp-server=2001:db8:9::547 interface=guests name=relay\n");
        let (facts, _) = read(&relayed);
        assert_eq!((facts.gaps.len(), facts.segments[1].dhcp[1].state.value), (2, DhcpState::Relay));
    }

    #[test]
    fn six_alone_and_what_changes_it() {
        let alone = "/ipv6 pool add name=p prefix=2001:db8::/64 prefix-length=128\n\
                     /ipv6/dhcp-server/add address-pool=p interface=lan name=lan\n\
                     /ip address add address=192.0.2.1/24 interface=lan\n";
        let later = |line: &str| read(&format!("{alone}{line}\n")).0.segments[0].clone();
        let lan = later("");
        assert_eq!(ranges(&lan), ["2001:db8::-2001:db8::ffff:ffff:ffff:ffff"]);
        assert_eq!((lan.subnets.len(), lan.dhcp[0].completeness), (1, Completeness::Full));
        assert_eq!(later("/ipv6 dhcp-server disable lan").dhcp[0].state.value, DhcpState::Off);
        let set = later("/ipv6 dhcp-server set [ find name=lan ] address-pool=static-only");
        assert_eq!((set.dhcp[0].state.value, set.dhcp[0].ranges.len()), (DhcpState::StaticOnly, 0));
        let radius = later("/ipv6 dhcp-server set lan use-radius=yes");
        assert_eq!((radius.dhcp[0].state.value, radius.dhcp[0].completeness), (DhcpState::On, Completeness::Partial));
        for unclear in [
            "/ipv6 pool set 0 prefix=2001:db8:1::/64",
            "/ipv6 dhcp-server remove [find]",
            ":put [/ipv6 dhcp-server get 0]",
        ] {
            assert_eq!(later(unclear).dhcp[0].completeness, Completeness::Partial, "{unclear}");
        }
        // Doubts of one family are none of the other.
        assert_eq!(later("/ip pool set 0 ranges=192.0.2.7").dhcp[0].completeness, Completeness::Full);
        assert_eq!(
            read(&format!("{SIX}\n/ipv6 pool set 0 prefix=2001:db8::/64\n")).0.segments[0].dhcp[0].completeness,
            Completeness::Full
        );
        let binding = later("/ipv6 dhcp-server binding add address=2001:db8::9/128 duid=\"0x00005e005301\"");
        assert_eq!(binding.dhcp[0].reservations[0].value.mac.as_deref(), Some("00:00:5e:00:53:01"));
        let wrong = alone.replace("2001:db8::/64", "2001:db8::/164");
        let page = Page { name: "r", text: &wrong };
        assert!(parse(&Input { pages: &[page], read_at: None }, &mut Sources::new()).is_err());
    }

    #[test]
    fn hardware_addresses_of_duids() {
        assert_eq!(mac_of("0x0003000100005e0053AB").as_deref(), Some("00:00:5e:00:53:ab"));
        assert_eq!(mac_of("000100012a00000000005e005302").as_deref(), Some("00:00:5e:00:53:02"));
        for none in
            ["", "0x", "0x00030001", "0x0004aaaabbbbccccddddeeeeffff0000", "0x0003000100005e0053zz", "0x0001000é"]
        {
            assert_eq!(mac_of(none), None, "{none}");
        }
    }
}
