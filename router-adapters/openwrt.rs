//! OpenWrt: the UCI files `dhcp` and `network`.
//!
//! ## What it reads
//!
//! `config dhcp` of `/etc/config/dhcp`: `interface`, `start`, `limit`, `leasetime`, `ignore`, `dhcpv4`, `dynamicdhcp` (which
//! `dynamicdhcpv4` comes before), `netmask`, `instance`, `networkid`, `dhcp_option` 3 (router) and 6 (DNS), and whether `dhcpv6` leases; `config host`: `ip`, `mac`, `name`,
//! `instance`, `hostid`; `config relay`; `config odhcpd`: `maindhcp`. `config interface` of `/etc/config/network`: `ipaddr` (with
//! `netmask`, or with a prefix, also several), `ip6addr`, `proto`, `disabled`.
//!
//! `config dnsmasq`, also several: a section is served by the instance that it names, or by all, where that is not `disabled` and its
//! `interface` and `notinterface` let it. An option for a tag (`tag:…`, `config tag`) is told where the tag is the network's own, which is
//! its `networkid` or its interface; one for other tags is for some machines only. `dhcp_option` of `config dnsmasq` is for all networks.
//!
//! `start` counts from the network's address and `limit` is a *number* of addresses: with 192.168.1.1/24, `start 100` and
//! `limit 150` are .100 to .249. The range never reaches the broadcast address, and neither begins nor ends with the router's own.
//! Unset, they are 100 and 150, as OpenWrt documents; the range is then less sure. So is one with the router's own address inside, which
//! newer releases do not serve. dnsmasq serves no interface whose address comes from elsewhere.
//!
//! With `maindhcp` odhcpd leases, where `dhcpv4` is `server`, or, with `legacy`, where there is a `start`; it tells the `router`s and `dns`
//! of the section. Its range is less sure: older releases lease one address more.
//!
//! Files that are no UCI are dnsmasq's (of `confdir`), or `ethers`.
//!
//! ## How to get it
//!
//! `scp root@192.168.1.1:/etc/config/dhcp root@192.168.1.1:/etc/config/network .`, then
//! `poolcheck router read --adapter openwrt dhcp network`; files of a `confdir`, and `ethers`, behind them.
//!
//! ## What it cannot know
//!
//! Without `network` the addresses behind `start` and `limit`: then no range is told, only that the server leases.
//! Which addresses of IPv6 odhcpd leases: the prefixes are those of the day, and
//! such a server is *partial*; `hostid` is an address only with an `ip6addr` whose prefix has 64 bits. What `confdir`, `dhcphostsfile` and
//! `extraconftext` add, where that is not given. `/etc/dnsmasq.conf`, `/tmp/dnsmasq.d` and `/etc/ethers`, which are read on every
//! OpenWrt, and are empty on most: give them where they are not.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use poolcheck_plan::facts::{Completeness, DhcpServer, DhcpState, Reservation, Segment, Sourced};
use poolcheck_plan::{AddrRange, Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
use crate::dnsmasq_conf::Conf;
use crate::said::{self, Said};

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "openwrt",
    title: "OpenWrt, /etc/config/dhcp and /etc/config/network",
    tested_on: "OpenWrt 23 and 24, by their init scripts",
    how_to_shrink: Some(HOW_TO_SHRINK),
    recognise,
    parse,
};

const HOW_TO_SHRINK: &str =
    "On OpenWrt: Network > Interfaces > LAN > DHCP Server, `Start` and `Limit` (a number of addresses).";

fn recognise(page: &Page<'_>) -> bool {
    let sections = sections(page.text);
    sections.iter().any(|section| matches!(section.kind, "dhcp" | "dnsmasq" | "odhcpd"))
        || sections.iter().any(|section| section.kind == "interface")
            && sections.iter().any(|s| matches!(s.kind, "globals" | "device"))
}

/// One `config` section of UCI.
struct Section<'t> {
    kind: &'t str,
    name: &'t str,
    /// `option` and `list` entries in order.
    entries: Vec<(&'t str, &'t str)>,
}

impl<'t> Section<'t> {
    fn get(&self, key: &str) -> Option<&'t str> {
        self.entries.iter().rev().find(|(own, _)| *own == key).map(|(_, value)| *value)
    }

    fn all(&self, key: &str) -> impl Iterator<Item = &'t str> {
        let values = self.entries.iter().filter(move |(own, _)| *own == key);
        values.flat_map(|(_, value)| value.split_whitespace()).collect::<Vec<_>>().into_iter()
    }

    fn is_on(&self, key: &str) -> Option<bool> {
        self.get(key).map(|value| matches!(value, "1" | "on" | "true" | "yes" | "enabled"))
    }
}

fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut named: HashMap<(&str, &str), usize> = HashMap::new();
    let mut open = None;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let mut words = words(line);
        match words.next() {
            Some("config") => {
                let (kind, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                // UCI has one section of a name: what is written later is added to it.
                let known = named.get(&(kind, name)).copied().filter(|_| !name.is_empty());
                open = Some(known.unwrap_or(sections.len()));
                if known.is_none() {
                    named.insert((kind, name), sections.len());
                    sections.push(Section { kind, name, entries: Vec::new() });
                }
            }
            Some("option" | "list") => {
                let section = open.and_then(|open: usize| sections.get_mut(open));
                if let (Some(section), Some(key), Some(value)) = (section, words.next(), words.next()) {
                    section.entries.push((key, value));
                }
            }
            _ => {}
        }
    }
    sections
}

/// The words of a line; a quoted one may hold spaces.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let quote = rest.chars().next().filter(|first| *first != '#')?;
        let (word, after) = if matches!(quote, '\'' | '"') {
            let inner = &rest[1..];
            let end = inner.find(quote).unwrap_or(inner.len());
            (&inner[..end], inner.get(end + 1..).unwrap_or_default())
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            (&rest[..end], &rest[end..])
        };
        rest = after;
        Some(word)
    })
}

/// The text with whatever is a secret made unreadable.
fn shown(text: &str) -> String {
    const SECRETS: [&str; 5] = ["password", "private_key", "preshared_key", "key", "auth"];
    let mut shown = text.to_owned();
    for section in sections(text) {
        for (_, value) in section.entries.iter().filter(|(key, _)| SECRETS.contains(key)) {
            let start = value.as_ptr() as usize - text.as_ptr() as usize;
            said::starred(&mut shown, start..start + value.len());
        }
    }
    shown
}

/// A section and its file.
type Own<'f, 't> = (&'f Said<'t>, Section<'t>);

/// One dnsmasq: which sections it serves.
struct Instance<'t> {
    name: &'t str,
    interfaces: Vec<&'t str>,
    others: Vec<&'t str>,
    disabled: Option<&'t str>,
}

impl<'t> Instance<'t> {
    fn of(section: &Section<'t>) -> Self {
        let off = section.get("disabled").filter(|_| section.is_on("disabled") == Some(true));
        let not_on = section.get("enabled").filter(|_| section.is_on("enabled") == Some(false));
        Self {
            name: section.name,
            interfaces: section.all("interface").collect(),
            others: section.all("notinterface").collect(),
            disabled: off.or(not_on),
        }
    }

    /// What says that it does not serve an interface; `known` are the names of interfaces, others may be a device of this one.
    fn refuses(&self, interface: &str, known: &HashSet<&str>) -> Option<&'t str> {
        let listed = self.interfaces.iter().all(|name| *name != interface && known.contains(name));
        let not_listed = self.interfaces.first().copied().filter(|_| listed);
        self.disabled.or_else(|| self.others.iter().copied().find(|name| *name == interface)).or(not_listed)
    }
}

/// All that UCI says, and what follows from it for one network after the other.
struct Uci<'f, 't> {
    all: Vec<Own<'f, 't>>,
    /// The interfaces of `network`, by their names.
    interfaces: HashMap<&'t str, usize>,
    /// The names that mean one of these, and not a device of the kernel.
    known: HashSet<&'t str>,
    instances: Vec<(&'f Said<'t>, Instance<'t>)>,
}

impl<'f, 't> Uci<'f, 't> {
    fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = &Own<'f, 't>> {
        self.all.iter().filter(move |(_, section)| section.kind == kind)
    }

    fn interface(&self, name: &str) -> Option<&Own<'f, 't>> {
        self.interfaces.get(name).and_then(|at| self.all.get(*at))
    }

    /// Whether the instance of this name is the one of a section, which names one, or is for all.
    fn is_of(instance: &str, section: &Section<'t>) -> bool {
        section.get("instance").is_none_or(|named| named == instance)
    }

    /// What says that no dnsmasq serves a section, if that is so.
    fn unserved(&self, dhcp: &Section<'t>, name: &str, file: &'f Said<'t>) -> Option<(&'f Said<'t>, &'t str)> {
        if self.instances.is_empty() {
            return None;
        }
        let mut why = dhcp.get("instance").map(|named| (file, named));
        for (own, instance) in self.instances.iter().filter(|(_, instance)| Self::is_of(instance.name, dhcp)) {
            why = Some((*own, instance.refuses(name, &self.known)?));
        }
        why
    }

    /// The section that says that odhcpd leases addresses of IPv4, and not dnsmasq.
    fn main(&self) -> Option<(&'f Said<'t>, &Section<'t>)> {
        let mut all = self.of_kind("odhcpd");
        all.find(|(_, odhcpd)| odhcpd.is_on("maindhcp") == Some(true)).map(|(own, odhcpd)| (*own, odhcpd))
    }

    /// What switches the server of IPv4 off for a network.
    fn off(&self, dhcp: &Section<'t>, name: &str, file: &'f Said<'t>) -> Option<(&'f Said<'t>, &'t str)> {
        if let Some(part) = dhcp.get("dhcpv4").filter(|text| *text == "disabled") {
            return Some((file, part));
        }
        if let Some((own, odhcpd)) = self.main() {
            // Then dnsmasq leases nothing, and odhcpd where it is told to; with `legacy` where a range begins, too.
            let told = dhcp.get("dhcpv4") == Some("server");
            let legacy = odhcpd.is_on("legacy") == Some(true) && dhcp.get("start").is_some();
            return odhcpd.get("maindhcp").filter(|_| !told && !legacy).map(|part| (own, part));
        }
        if let Some((own, interface)) = self.interface(name) {
            let elsewhere = interface.get("proto").filter(|proto| *proto != "static");
            let down = interface.get("disabled").filter(|_| interface.is_on("disabled") == Some(true));
            if let Some(part) = elsewhere.or(down) {
                return Some((*own, part));
            }
        }
        self.unserved(dhcp, name, file)
    }

    /// What a network's machines are told of one option; `None` where nothing is said of it.
    fn told(
        &self,
        file: &'f Said<'t>,
        dhcp: &Section<'t>,
        name: &str,
        names: [&str; 2],
    ) -> Option<Vec<Sourced<IpAddr>>> {
        let tag = dhcp.get("networkid").unwrap_or(name);
        let of = |own: &'f Said<'t>, section: &Section<'t>, key: &str| {
            section.all(key).map(move |option| (own, option)).collect::<Vec<_>>()
        };
        let both = |own: &'f Said<'t>, section: &Section<'t>| {
            let mut list = of(own, section, "dhcp_option");
            list.extend(of(own, section, "dhcp_option_force"));
            list
        };
        // What is written last holds; an option for a network holds instead of one for all.
        let mut lists: Vec<(&'f Said<'t>, &'t str)> = Vec::new();
        for (own, dnsmasq) in self.of_kind("dnsmasq").filter(|(_, dnsmasq)| Self::is_of(dnsmasq.name, dhcp)) {
            lists.extend(both(own, dnsmasq));
        }
        for (own, tagged) in self.of_kind("tag").filter(|(_, own)| own.get("match_tag").unwrap_or(own.name) == tag) {
            lists.extend(both(own, tagged));
        }
        lists.extend(both(file, dhcp));
        let found = lists.iter().rev().find_map(|(own, option)| Some((own, values(option, tag, names)?)));
        found.map(|(own, list)| {
            let list = list.split(',').map(str::trim).take(said::MAX_ADDRESSES);
            // The unspecified address stands for the router itself.
            let list = list.filter_map(|part| Some((part.parse::<IpAddr>().ok()?, part)));
            let list = list.filter(|(address, _)| !address.is_unspecified());
            list.map(|(address, part)| own.surely(address, part)).collect()
        })
    }
}

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let files: Vec<Said<'_>> = input.pages.iter().map(|page| Said::new(page, shown(page.text), sources)).collect();
    let names: Vec<&str> = input.pages.iter().map(|page| page.name).collect();
    let mut all: Vec<Own<'_, '_>> = Vec::new();
    let mut others = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let own = sections(file.text);
        if own.is_empty() {
            others.push(number);
        }
        all.extend(own.into_iter().map(|section| (file, section)));
    }
    let dnsmasq = all.iter().filter(|(_, section)| section.kind == "dnsmasq");
    let instances = dnsmasq.map(|(file, section)| (*file, Instance::of(section))).collect();
    if all.len() > said::MAX_FACTS || all.iter().filter(|(_, own)| own.kind == "dhcp").count() > said::MAX_SEGMENTS {
        return Err(said::too_many().into());
    }
    let mut interfaces = HashMap::new();
    let mut known = HashSet::new();
    for (at, (_, section)) in all.iter().enumerate() {
        match section.kind {
            "interface" => {
                interfaces.entry(section.name).or_insert(at);
                known.insert(section.name);
            }
            "dhcp" => {
                known.insert(section.get("interface").unwrap_or(section.name));
            }
            _ => {}
        }
    }
    let uci = Uci { all, interfaces, known, instances };
    let mut segments = Vec::new();
    let mut of_segments = Vec::new();
    let by_odhcpd = uci.main().is_some();
    for (file, dhcp) in uci.of_kind("dhcp") {
        let name = dhcp.get("interface").unwrap_or(dhcp.name);
        let interface = uci.interface(name);
        // A section that only says that an upstream interface serves nobody is no segment of the LAN.
        let ignored = dhcp.is_on("ignore") == Some(true);
        if ignored && matches!(name, "wan" | "wan6") {
            continue;
        }
        let mut segment = Segment { name: Some(file.surely(name.to_owned(), name)), ..Segment::default() };
        let own = interface.and_then(|(network_file, section)| Some((*network_file, address_of(section)?)));
        let own = own.and_then(|(network_file, (net, part))| Some((network_file, (masked(dhcp, net)?, part))));
        let told = |names: [&str; 2], key: &str| {
            if by_odhcpd { listed(file, dhcp, key) } else { uci.told(file, dhcp, name, names) }
        };
        segment.dns.extend(told(["6", "option:dns-server"], "dns").unwrap_or_default());
        let routers = told(["3", "option:router"], "router");
        if let Some((network_file, (net, part))) = own {
            segment.subnets.push(network_file.surely(net.trunc().into(), part));
            let address = IpAddr::V4(net.addr());
            if routers.as_ref().is_some_and(|routers| routers.iter().all(|router| router.value != address)) {
                // Machines are sent to another router; this one is still there.
                segment.hosts.push(said::router(&network_file.surely(address, part)));
            } else if routers.is_none() {
                segment.gateways.push(network_file.surely(address, part));
            }
        }
        segment.gateways.extend(routers.unwrap_or_default());
        let off = dhcp.get("ignore").filter(|_| ignored).map(|part| (*file, part));
        let off = off.or_else(|| uci.off(dhcp, name, file));
        segment.dhcp.push(server(file, dhcp, off, own.map(|(_, (net, _))| net), by_odhcpd)?);
        segment.dhcp.extend(six(file, dhcp, ignored));
        segments.push(segment);
        of_segments.push(dhcp);
    }
    if segments.is_empty() {
        let message = "no `config dhcp` section was found";
        return Err(Complaint::whole(message).help("give /etc/config/dhcp, and /etc/config/network with it").into());
    }
    for (file, relay) in uci.of_kind("relay") {
        let Some(part) = relay.get("server_addr").filter(|_| relay.get("local_addr").is_some()) else { continue };
        let name = relay.get("interface").map(|name| file.surely(name.to_owned(), name));
        segments.push(Segment { name, dhcp: vec![file.server(DhcpState::Relay, part)], ..Segment::default() });
    }
    let mut hosts: Vec<Sourced<Reservation>> = Vec::new();
    for (file, host) in uci.of_kind("host") {
        let Some(kept) = reservation(file, host) else { continue };
        let Some(named) = host.get("instance") else {
            hosts.push(kept);
            continue;
        };
        // One dnsmasq knows it, and it is kept where that one serves.
        for (segment, dhcp) in segments.iter_mut().zip(&of_segments) {
            let inside =
                segment.subnets.is_empty() || segment.subnets.iter().any(|net| net.value.contains(&kept.value.address));
            if dhcp.get("instance").is_none_or(|own| own == named)
                && inside
                && let Some(server) = segment.dhcp.first_mut()
            {
                server.reservations.push(kept.clone());
            }
        }
    }
    let mut gaps = host_parts(&uci, &mut segments, &of_segments, &names, &files);
    gaps.extend(besides(&uci, &files, &names, &others, &mut segments, &mut hosts)?);
    said::share(&hosts, &mut segments)?;
    gaps.truncate(said::MAX_GAPS);
    let title = input.pages.first().map_or("openwrt", |page| page.name);
    Ok(Facts { gaps, ..said::facts("openwrt", title, HOW_TO_SHRINK, segments) })
}

/// The name of a file.
fn name_of<'n>(file: &Said<'_>, files: &[Said<'_>], names: &[&'n str]) -> &'n str {
    files.iter().position(|own| std::ptr::eq(own, file)).and_then(|at| names.get(at).copied()).unwrap_or("the file")
}

/// What `hostid` keeps: addresses where the prefix is said; else it is told that it is not known.
fn host_parts<'t>(
    uci: &Uci<'_, 't>,
    segments: &mut [Segment],
    of_segments: &[&Section<'t>],
    names: &[&str],
    files: &[Said<'t>],
) -> Vec<Sourced<String>> {
    let mut gaps = Vec::new();
    for (segment, dhcp) in segments.iter_mut().zip(of_segments) {
        let name = dhcp.get("interface").unwrap_or(dhcp.name);
        let Some(server) = segment.dhcp.get_mut(1) else { continue };
        if !matches!(server.state.value, DhcpState::On | DhcpState::StaticOnly) {
            continue;
        }
        let mut prefixes: Vec<Ipv6Net> = Vec::new();
        if let Some((file, interface)) = uci.interface(name) {
            for part in interface.all("ip6addr").take(said::MAX_ADDRESSES) {
                let Some(net) = part.parse::<Ipv6Net>().ok().filter(|net| net.prefix_len() == 64) else { continue };
                segment.subnets.push(file.surely(IpNet::V6(net.trunc()), part));
                prefixes.push(net.trunc());
            }
        }
        let parts = uci.of_kind("host").filter_map(|(file, host)| Some((*file, host, host.get("hostid")?)));
        for (file, host, part) in parts {
            if host.get("instance").is_some_and(|named| dhcp.get("instance").is_some_and(|own| own != named)) {
                continue;
            }
            let Some(number) = host_part(part) else { continue };
            if prefixes.is_empty() && gaps.is_empty() {
                let what = "is the part of a host: the prefixes before it are those of the day, and are not known";
                gaps.push(said::gap(file, name_of(file, files, names), part, what));
            }
            if server.reservations.len() > said::MAX_FACTS {
                return gaps;
            }
            let (mac, name) = (host.all("mac").next().and_then(said::mac), host.get("name").map(str::to_owned));
            server.reservations.extend(prefixes.iter().map(|prefix| {
                let address = Ipv6Addr::from(u128::from(prefix.network()) | u128::from(number));
                file.surely(Reservation { address: address.into(), mac: mac.clone(), name: name.clone() }, part)
            }));
        }
    }
    gaps
}

/// The last 64 bits of an address: hexadecimal, or in groups.
fn host_part(text: &str) -> Option<u64> {
    if text.contains(':') {
        let address: Ipv6Addr = format!("::{}", text.trim_start_matches(':')).parse().ok()?;
        return u64::try_from(u128::from(address)).ok();
    }
    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X")).unwrap_or(text);
    u64::from_str_radix(digits, 16).ok()
}

/// What dnsmasq reads besides UCI, and what of it was not given.
fn besides<'t>(
    uci: &Uci<'_, 't>,
    files: &[Said<'t>],
    names: &[&'t str],
    others: &[usize],
    segments: &mut Vec<Segment>,
    hosts: &mut Vec<Sourced<Reservation>>,
) -> Result<Vec<Sourced<String>>, AdapterError> {
    let mut gaps = Vec::new();
    let (ethers, options): (Vec<usize>, Vec<usize>) =
        others.iter().partition(|at| said::is_named(names[**at], "ethers"));
    let reads_ethers = uci.of_kind("dnsmasq").any(|(_, dnsmasq)| dnsmasq.is_on("readethers") == Some(true));
    for at in ethers.into_iter().filter(|_| reads_ethers) {
        let kept = files[at].text.lines().map(str::trim).filter(|line| !line.starts_with('#')).filter_map(said::ether);
        for host in kept {
            hosts.extend(host.reservations().map(|(kept, part)| files[at].surely(kept, part)));
        }
    }
    for (file, dnsmasq) in uci.of_kind("dnsmasq") {
        let name = name_of(file, files, names);
        let mut missing = |part: &str, what: &str, known: Completeness| {
            gaps.push(said::gap(file, name, part, what));
            for server in segments.iter_mut().filter_map(|segment| segment.dhcp.first_mut()) {
                if known == Completeness::Partial || server.completeness == Completeness::Full {
                    server.completeness = known;
                }
            }
        };
        // This one is read on every OpenWrt, and no person writes into it: it is lost at every start.
        let folder = dnsmasq.get("confdir").filter(|folder| folder.split(',').next() != Some("/tmp/dnsmasq.d"));
        if let Some(part) = folder.filter(|_| options.is_empty()) {
            missing(part, "was not given with it: ranges may be missing", Completeness::Partial);
        }
        if let Some(part) = dnsmasq.get("extraconftext").filter(|text| text.contains("dhcp-") || text.contains("conf-"))
        {
            missing(
                part,
                "is dnsmasq's own text, which is not read here: ranges may be missing",
                Completeness::Partial,
            );
        }
        if let Some(part) =
            dnsmasq.get("dhcphostsfile").filter(|part| !names.iter().any(|name| said::is_named(name, part)))
        {
            missing(part, "was not given with it: reservations may be missing", Completeness::RangeOnly);
        }
    }
    let (of_hosts, options): (Vec<usize>, Vec<usize>) = options.into_iter().partition(|at| {
        uci.of_kind("dnsmasq")
            .any(|(_, dnsmasq)| dnsmasq.get("dhcphostsfile").is_some_and(|file| said::is_named(names[*at], file)))
    });
    if options.is_empty() && of_hosts.is_empty() {
        return Ok(gaps);
    }
    let mut conf = Conf::new(files, names);
    if !options.is_empty() {
        conf.files(&options)?;
    }
    for at in of_hosts {
        for line in files[at].text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            conf.host(at, line);
        }
    }
    let (more, unseen) = conf.segments()?;
    gaps.extend(unseen);
    for mut segment in more {
        let mut kept: Vec<_> = segment.dhcp.iter_mut().flat_map(|server| server.reservations.drain(..)).collect();
        kept.retain(|kept| hosts.iter().all(|known| known.place != kept.place));
        hosts.append(&mut kept);
        let first = segment.dhcp.iter().flat_map(|server| &server.ranges).map(|range| range.value.first()).next();
        let net = segment.subnets.first().map(|net| net.value.addr()).or(first);
        let Some(net) = net else { continue };
        let same = |own: &&mut Segment| own.subnets.iter().any(|subnet| subnet.value.contains(&net));
        match segments.iter_mut().find(same) {
            Some(own) => own.dhcp.append(&mut segment.dhcp),
            None => segments.push(segment),
        }
    }
    Ok(gaps)
}

/// The address of an interface with its prefix, and the bytes that say it; `None` when another server gives it.
fn address_of<'t>(interface: &Section<'t>) -> Option<(Ipv4Net, &'t str)> {
    if interface.get("proto").is_some_and(|proto| proto != "static") {
        return None;
    }
    let first = interface.all("ipaddr").next()?;
    if let Ok(net) = first.parse::<Ipv4Net>() {
        return Some((net, first));
    }
    Some((with_mask(first.parse().ok()?, interface.get("netmask")?)?, first))
}

/// The network as DHCP has it: its section may have a netmask of its own.
fn masked(dhcp: &Section<'_>, net: Ipv4Net) -> Option<Ipv4Net> {
    let Some(mask) = dhcp.get("netmask") else { return Some(net) };
    with_mask(net.addr(), mask)
}

/// A network whose mask is written with dots, or as a number of bits.
fn with_mask(address: Ipv4Addr, mask: &str) -> Option<Ipv4Net> {
    let bits = || Ipv4Net::new(address, mask.parse().ok()?).ok();
    mask.parse::<Ipv4Addr>().map_or_else(|_| bits(), |mask| Ipv4Net::with_netmask(address, mask).ok())
}

/// What an option of dnsmasq says, where it is one of these names and its tags are the network's own.
fn values<'t>(option: &'t str, tag: &str, names: [&str; 2]) -> Option<&'t str> {
    let mut rest = option;
    loop {
        let (field, after) = rest.split_once(',').unwrap_or((rest, ""));
        let field = field.trim();
        if names.contains(&field) {
            return Some(after);
        }
        let prefixed = ["tag:", "net:", "set:"].iter().find_map(|prefix| field.strip_prefix(prefix));
        let is_other =
            field.starts_with("option") || field.contains("encap:") || field.bytes().all(|b| b.is_ascii_digit());
        let wanted = prefixed.or(Some(field).filter(|_| !is_other && !field.contains(':')))?;
        let holds = wanted.strip_prefix('!').map_or(wanted == tag, |other| other != tag);
        if !holds || after.is_empty() {
            return None;
        }
        rest = after;
    }
}

/// What odhcpd does of IPv6: where it leases, the prefixes are those of the day.
fn six(file: &Said<'_>, dhcp: &Section<'_>, ignored: bool) -> Option<DhcpServer> {
    let part = dhcp.get("dhcpv6")?;
    let state = match part {
        "server" if ignored => DhcpState::Unknown,
        // Where they differ, dnsmasq follows the one and odhcpd the other.
        "server" if dhcp.is_on("dynamicdhcp") == Some(false) && dhcp.is_on("dynamicdhcpv6") == Some(true) => {
            DhcpState::Unknown
        }
        "server" if dhcp.is_on("dynamicdhcp") == Some(false) => DhcpState::StaticOnly,
        "server" => DhcpState::On,
        "relay" => DhcpState::Relay,
        "hybrid" => DhcpState::Unknown,
        _ => return None,
    };
    Some(DhcpServer { completeness: Completeness::Partial, ..file.server(state, part) })
}

fn server(
    file: &Said<'_>,
    dhcp: &Section<'_>,
    off: Option<(&Said<'_>, &str)>,
    net: Option<Ipv4Net>,
    by_odhcpd: bool,
) -> Result<DhcpServer, AdapterError> {
    if let Some((own, part)) = off {
        return Ok(own.server(DhcpState::Off, part));
    }
    let whole = |key: &str, default: u32| -> Result<(u32, Option<&str>), AdapterError> {
        let Some(text) = dhcp.get(key) else { return Ok((default, None)) };
        // A dotted `start` is an address whose host part counts.
        let dotted = text.parse::<Ipv4Addr>().ok().map(u32::from);
        text.parse::<u32>().ok().or(dotted).map(|number| (number, Some(text))).ok_or_else(|| {
            let complaint = Complaint::at(file.span(text), "no number", format!("`{key}` is `{text}`"));
            complaint.help("OpenWrt writes `option start '100'` and `option limit '150'`").into()
        })
    };
    // The one for IPv4 alone comes before the one for both.
    let dynamic = dhcp.is_on("dynamicdhcpv4").or(dhcp.is_on("dynamicdhcp")) != Some(false);
    let state = if dynamic { DhcpState::On } else { DhcpState::StaticOnly };
    let place = dhcp.get("start").or_else(|| dhcp.get("interface")).unwrap_or(dhcp.kind);
    let mut server = file.server(state, place);
    server.lease_seconds = dhcp.get("leasetime").and_then(|text| Some(file.surely(said::lease(text)?, text)));
    let ((start, start_part), (limit, limit_part)) = (whole("start", 100)?, whole("limit", 150)?);
    let Some(net) = net.filter(|_| dynamic) else {
        if dynamic {
            server.completeness = Completeness::Partial;
        }
        return Ok(server);
    };
    if by_odhcpd {
        match range_of_odhcpd(file, dhcp, net, place) {
            Some(range) => server.ranges.push(range),
            None => server.completeness = Completeness::Partial,
        }
        return Ok(server);
    }
    let (base, last, own) = (u32::from(net.network()), u32::from(net.broadcast()), u32::from(net.addr()));
    let mut first = (base | (start & !u32::from(net.netmask()))).max(base.saturating_add(1));
    // The router's own address neither begins nor ends it. How far releases go then differs by this one.
    let begins = first == own;
    first += u32::from(begins && own < last);
    let mut end = first.saturating_add(limit.saturating_sub(1)).min(last.saturating_sub(1));
    end -= u32::from(end == own && end > first);
    if first <= end
        && let Some(range) = said::ordered(Ipv4Addr::from(first).into(), Ipv4Addr::from(end).into())
    {
        let sure = !begins && limit > 0 && !(first..=end).contains(&own);
        let mut said = match (start_part, limit_part) {
            (Some(part), Some(_)) if sure => file.surely(range, part),
            (part, other) => file.probably(range, part.or(other).unwrap_or(place)),
        };
        if let (Some(from), Some(to)) = (start_part, limit_part) {
            said.place = file.span(from).cover(file.span(to));
        }
        server.ranges.push(said);
    }
    Ok(server)
}

/// What odhcpd leases of IPv4, as far as its releases agree: they differ by the last address, and by what they do of a range that does
/// not fit into the network, or of which half is said.
fn range_of_odhcpd(file: &Said<'_>, dhcp: &Section<'_>, net: Ipv4Net, place: &str) -> Option<Sourced<AddrRange>> {
    let (base, hosts) = (u32::from(net.network()), u32::from(net.hostmask()));
    let (first, last, place) = match (dhcp.get("start"), dhcp.get("limit")) {
        (Some(from), Some(to)) => {
            let (start, limit): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
            let last = start.checked_add(limit)?;
            // The broadcast address is never one of them.
            if start == 0 || limit == 0 || last > hosts {
                return None;
            }
            (start, last.min(hosts - 1), file.span(from).cover(file.span(to)))
        }
        (None, None) if net.prefix_len() <= 24 => (100, 249, file.span(place)),
        _ => return None,
    };
    let range = said::ordered(Ipv4Addr::from(base + first).into(), Ipv4Addr::from(base + last).into())?;
    let mut told = file.probably(range, "");
    told.place = place;
    Some(told)
}

/// The addresses of IPv4 in a list that odhcpd reads; `None` where there is none.
fn listed(file: &Said<'_>, dhcp: &Section<'_>, key: &str) -> Option<Vec<Sourced<IpAddr>>> {
    let parts = dhcp.all(key).take(said::MAX_ADDRESSES + 1);
    let four = parts.filter_map(|part| Some(file.surely(IpAddr::V4(part.parse().ok()?), part)));
    Some(four.collect()).filter(|list: &Vec<_>| !list.is_empty())
}

fn reservation(file: &Said<'_>, host: &Section<'_>) -> Option<Sourced<Reservation>> {
    let text = host.get("ip")?;
    // `ignore` says that the machine gets nothing at all.
    let address: IpAddr = text.parse().ok()?;
    let mac = host.all("mac").next().and_then(said::mac);
    let name = host.get("name").map(str::to_owned);
    Some(file.surely(Reservation { address, mac, name }, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DHCP: &str = include_str!("fixtures/openwrt/dhcp");
    const NETWORK: &str = include_str!("fixtures/openwrt/network");

    fn read(dhcp: &str, network: &str) -> Facts {
        let mut pages = vec![Page { name: "dhcp", text: dhcp }];
        if !network.is_empty() {
            pages.push(Page { name: "network", text: network });
        }
        assert!(pages.iter().all(recognise));
        parse(&Input { pages: &pages, read_at: None }, &mut Sources::new()).expect("it is read")
    }

    fn lan(dhcp: &str, network: &str) -> Vec<String> {
        let facts = read(dhcp, network);
        let segment =
            facts.segments.iter().find(|s| s.name.as_ref().is_some_and(|name| name.value == "lan")).expect("lan");
        segment.dhcp[0].ranges.iter().map(|range| range.value.to_string()).collect()
    }

    #[test]
    fn start_is_an_offset_and_limit_a_count() {
        assert_eq!(lan(DHCP, NETWORK), ["192.168.1.100-192.168.1.249"]);
        assert_eq!(lan(&DHCP.replace("'150'", "'1'"), NETWORK), ["192.168.1.100"]);
        assert_eq!(lan(&DHCP.replace("'150'", "'155'"), NETWORK), ["192.168.1.100-192.168.1.254"]);
        assert_eq!(lan(&DHCP.replace("'150'", "'900'"), NETWORK), ["192.168.1.100-192.168.1.254"]);
        // The first address is the router's own, and is none that it leases.
        assert_eq!(lan(&DHCP.replace("'100'", "'0'"), NETWORK), ["192.168.1.2-192.168.1.151"]);
        assert_eq!(lan(&DHCP.replace("'150'", "'0'"), NETWORK), ["192.168.1.100"], "no number is one address");
        assert_eq!(lan(&DHCP.replace("'100'", "'192.168.1.20'"), NETWORK), ["192.168.1.20-192.168.1.169"]);
        let wide = NETWORK.replace("255.255.255.0", "255.255.252.0");
        assert_eq!(lan(DHCP, &wide), ["192.168.0.100-192.168.0.249"]);
        let cidr = NETWORK.replace(
            "\toption ipaddr '192.168.1.1'\n\toption netmask '255.255.255.0'",
            "\tlist ipaddr '192.168.1.1/25'",
        );
        assert_eq!(lan(DHCP, &cidr), ["192.168.1.100-192.168.1.126"]);
    }

    #[test]
    fn what_else_is_said() {
        let facts = read(DHCP, NETWORK);
        assert_eq!(facts.segments.len(), 2, "wan is not one of them");
        let lan = &facts.segments[0];
        assert_eq!(
            (lan.subnets[0].value.to_string().as_str(), lan.gateways[0].value.to_string().as_str()),
            ("192.168.1.0/24", "192.168.1.1")
        );
        assert_eq!(lan.dhcp[0].reservations.len(), 1);
        assert_eq!(lan.dhcp[0].reservations[0].value.owner(), "nas (aa:bb:cc:00:00:01)");
        let guest = &facts.segments[1];
        assert_eq!(guest.dhcp[0].state.value, DhcpState::StaticOnly);
        assert!(guest.dhcp[0].ranges.is_empty());
    }

    #[test]
    fn another_router_a_netmask_and_six() {
        let with = |more: &str| read(&DHCP.replace("\toption ra 'server'", more), NETWORK).segments.remove(0);
        let told = with("\tlist dhcp_option '3,192.168.1.254'\n\tlist dhcp_option '6,192.168.1.53,0.0.0.0'");
        assert_eq!(told.gateways.iter().map(|g| g.value.to_string()).collect::<Vec<_>>(), ["192.168.1.254"]);
        assert_eq!(told.dns.iter().map(|dns| dns.value.to_string()).collect::<Vec<_>>(), ["192.168.1.53"]);
        assert_eq!(told.hosts[0].value.address.to_string(), "192.168.1.1", "its address is still taken");
        let narrow = with("\toption netmask '255.255.255.128'");
        assert_eq!(narrow.subnets[0].value.to_string(), "192.168.1.0/25");
        assert_eq!(narrow.dhcp[0].ranges[0].value.to_string(), "192.168.1.100-192.168.1.126");
        let six = |more: &str| with(more).dhcp.get(1).map(|server| (server.state.value, server.completeness));
        assert_eq!(six("\toption dhcpv6 'server'"), Some((DhcpState::On, Completeness::Partial)));
        assert_eq!(six("\toption dhcpv6 'relay'"), Some((DhcpState::Relay, Completeness::Partial)));
        assert_eq!(six("\toption dhcpv6 'disabled'"), None);
    }

    fn state_of(dhcp: &str, network: &str) -> DhcpState {
        read(dhcp, network).segments[0].dhcp[0].state.value
    }

    #[test]
    fn which_dnsmasq_serves_a_network() {
        let with = |more: &str| DHCP.replacen("config dnsmasq\n", &format!("{more}\n"), 1);
        assert_eq!(state_of(&with("config dnsmasq\n\tlist interface 'lan'"), NETWORK), DhcpState::On);
        // Listed are other networks, or this one as none; a device may be any network's.
        assert_eq!(state_of(&with("config dnsmasq\n\tlist interface 'guest'"), NETWORK), DhcpState::Off);
        assert_eq!(state_of(&with("config dnsmasq\n\tlist notinterface 'lan'"), NETWORK), DhcpState::Off);
        assert_eq!(state_of(&with("config dnsmasq\n\tlist interface 'br-lan'"), NETWORK), DhcpState::On);
        assert_eq!(state_of(&with("config dnsmasq\n\toption disabled '1'"), NETWORK), DhcpState::Off);
        let two = "config dnsmasq 'a'\n\tlist notinterface 'lan'\nconfig dnsmasq 'b'\n\tlist interface 'lan'";
        assert_eq!(state_of(&with(two), NETWORK), DhcpState::On, "one of them is enough");
        let of = |name: &str| {
            with(two).replacen(
                "option interface 'lan'",
                &format!("option interface 'lan'\n\toption instance '{name}'"),
                1,
            )
        };
        assert_eq!(state_of(&of("b"), NETWORK), DhcpState::On);
        assert_eq!(state_of(&of("a"), NETWORK), DhcpState::Off);
        assert_eq!(state_of(&of("gone"), NETWORK), DhcpState::Off);
        let host = "\nconfig host\n\toption ip '192.168.1.77'\n\toption instance 'a'\n";
        let kept = |dhcp: &str| {
            read(dhcp, NETWORK).segments[0].dhcp[0]
                .reservations
                .iter()
                .any(|kept| kept.value.address.to_string() == "192.168.1.77")
        };
        assert!(kept(&format!("{}{host}", of("a"))) && !kept(&format!("{}{host}", of("b"))));
    }

    #[test]
    fn what_switches_dhcp_off() {
        let bare = &DHCP.replace("\toption dhcpv4 'server'\n", "");
        let with =
            |more: &str| bare.replacen("option interface 'lan'", &format!("option interface 'lan'\n\t{more}"), 1);
        assert_eq!(state_of(&with("option dhcpv4 'disabled'"), NETWORK), DhcpState::Off);
        assert_eq!(state_of(&with("option dhcpv4 'server'"), NETWORK), DhcpState::On);
        assert_eq!(state_of(&with("option dynamicdhcpv4 '0'"), NETWORK), DhcpState::StaticOnly);
        let main = |dhcp: &str| format!("{dhcp}\nconfig odhcpd 'odhcpd'\n\toption maindhcp '1'\n");
        assert_eq!(state_of(&main(bare), NETWORK), DhcpState::Off, "odhcpd leases where it is told to");
        assert_eq!(state_of(&main(&with("option dhcpv4 'server'")), NETWORK), DhcpState::On);
        assert_eq!(state_of(&with("option dynamicdhcp '0'"), NETWORK), DhcpState::StaticOnly);
        let four = "option dynamicdhcp '0'\n\toption dynamicdhcpv4 '1'";
        assert_eq!(state_of(&with(four), NETWORK), DhcpState::On, "the one for IPv4 comes before");
        let elsewhere = format!("{NETWORK}\nconfig interface 'lan'\n\toption proto 'dhcp'\n");
        assert_eq!(state_of(DHCP, &elsewhere), DhcpState::Off, "and a name is one section");
        let relay = read(
            &format!("{DHCP}\nconfig relay\n\toption local_addr '10.0.0.1'\n\toption server_addr '10.9.0.1'\n"),
            NETWORK,
        );
        assert_eq!(relay.segments.last().map(|segment| segment.dhcp[0].state.value), Some(DhcpState::Relay));
    }

    #[test]
    fn odhcpd_as_the_main_server() {
        let lan = |own: &str, odhcpd: &str, network: &str| {
            let dhcp = format!(
                "config odhcpd 'odhcpd'\n\toption maindhcp '1'\n{odhcpd}\nconfig dhcp 'lan'\n\toption interface 'lan'\n{own}\n"
            );
            let network = format!(
                "config globals\nconfig interface 'lan'\n\toption proto 'static'\n\toption ipaddr '{network}'\n"
            );
            read(&dhcp, &network).segments.remove(0)
        };
        let ranges = |own: &str, network: &str| {
            let server = &lan(&format!("\toption dhcpv4 'server'\n{own}"), "", network).dhcp[0];
            let all: Vec<String> = server.ranges.iter().map(|range| range.value.to_string()).collect();
            (all.join(" "), server.completeness)
        };
        let full = |range: &str| (range.to_owned(), Completeness::Full);
        let unknown = (String::new(), Completeness::Partial);
        let both = "\toption start '100'\n\toption limit '50'\n";
        assert_eq!(ranges(both, "192.168.1.1/24"), full("192.168.1.100-192.168.1.150"));
        assert_eq!(ranges("", "192.168.1.1/24"), full("192.168.1.100-192.168.1.249"));
        assert_eq!(ranges("", "192.168.1.1/26"), unknown);
        assert_eq!(ranges("\toption start '100'\n", "192.168.1.1/24"), unknown);
        assert_eq!(ranges(both, "192.168.1.1/25"), unknown, "it does not fit");
        assert_eq!(
            ranges("\toption start '100'\n\toption limit '154'\n", "192.168.1.1/24"),
            full("192.168.1.100-192.168.1.254")
        );
        // `legacy` serves where a range begins.
        let state = |own: &str, odhcpd: &str| lan(own, odhcpd, "192.168.1.1/24").dhcp[0].state.value;
        assert_eq!(state(both, ""), DhcpState::Off);
        assert_eq!(state(both, "\toption legacy '1'"), DhcpState::On);
        assert_eq!(state("", "\toption legacy '1'"), DhcpState::Off);
        assert_eq!(state(&format!("{both}\toption dhcpv4 'disabled'\n"), "\toption legacy '1'"), DhcpState::Off);
        // What is an option of dnsmasq is not told by odhcpd.
        let told = lan(
            "\toption dhcpv4 'server'\n\tlist dhcp_option '3,192.168.1.9'\n\tlist router '192.168.1.254'\n\tlist dns '192.168.1.53'\n\tlist dns 'fd00::1'\n",
            "",
            "192.168.1.1/24",
        );
        let texts =
            |list: &[Sourced<IpAddr>]| list.iter().map(|own| own.value.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!((texts(&told.gateways).as_str(), texts(&told.dns).as_str()), ("192.168.1.254", "192.168.1.53"));
        assert_eq!(told.hosts[0].value.address.to_string(), "192.168.1.1");
    }

    #[test]
    fn options_for_tags() {
        let gateways = |own: &str, more: &str| {
            let dhcp = DHCP.replacen("option interface 'lan'", &format!("option interface 'lan'\n\t{own}"), 1);
            let facts = read(&format!("{dhcp}\n{more}\n"), NETWORK);
            facts.segments[0].gateways.iter().map(|router| router.value.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(gateways("list dhcp_option 'tag:phones,3,192.168.1.9'", ""), ["192.168.1.1"]);
        assert_eq!(gateways("list dhcp_option 'tag:lan,3,192.168.1.9'", ""), ["192.168.1.9"]);
        assert_eq!(gateways("list dhcp_option 'tag:!guest,option:router,192.168.1.9'", ""), ["192.168.1.9"]);
        assert_eq!(gateways("", "config tag 'tv'\n\tlist dhcp_option '3,192.168.1.9'"), ["192.168.1.1"]);
        assert_eq!(gateways("", "config tag 'lan'\n\tlist dhcp_option '3,192.168.1.9'"), ["192.168.1.9"]);
        assert_eq!(
            gateways("option networkid 'home'", "config tag 'lan'\n\tlist dhcp_option '3,192.168.1.9'"),
            ["192.168.1.1"]
        );
        assert_eq!(gateways("", "config dnsmasq\n\tlist dhcp_option '3,192.168.1.8'"), ["192.168.1.8"]);
        assert_eq!(
            gateways("list dhcp_option_force '3,192.168.1.9'", "config dnsmasq\n\tlist dhcp_option '3,192.168.1.8'"),
            ["192.168.1.9"]
        );
        assert_eq!(gateways("list dhcp_option '43,3'", ""), ["192.168.1.1"], "another option");
    }

    #[test]
    fn the_part_of_a_host() {
        let dhcp = DHCP.replacen("option interface 'lan'", "option interface 'lan'\n\toption dhcpv6 'server'", 1);
        let dhcp = format!(
            "{dhcp}\nconfig host\n\toption name 'six'\n\toption hostid '0x1a'\nconfig host\n\toption hostid 'beef:0:5'\n"
        );
        let facts = read(&dhcp, NETWORK);
        let [gap] = &facts.gaps[..] else { panic!("{:?}", facts.gaps) };
        assert!(gap.value.contains("`0x1a` is the part of a host"), "{}", gap.value);
        let fixed = format!("{NETWORK}\nconfig interface 'lan'\n\toption ip6addr '2001:db8:7::1/64'\n");
        let facts = read(&dhcp, &fixed);
        let kept: Vec<String> =
            facts.segments[0].dhcp[1].reservations.iter().map(|kept| kept.value.address.to_string()).collect();
        assert_eq!(kept, ["2001:db8:7::1a", "2001:db8:7::beef:0:5"]);
        assert!(facts.gaps.is_empty());
    }

    #[test]
    fn files_besides_uci() {
        let dhcp = format!("config dnsmasq\n\toption confdir '/etc/dnsmasq.d'\n\toption readethers '1'\n{DHCP}");
        let facts = read(&dhcp, NETWORK);
        assert!(facts.gaps[0].value.contains("`/etc/dnsmasq.d` was not given with it"), "{:?}", facts.gaps);
        assert_eq!(facts.segments[0].dhcp[0].completeness, Completeness::Partial);
        let own = dhcp.replace("'/etc/dnsmasq.d'", "'/tmp/dnsmasq.d'");
        assert!(read(&own, NETWORK).gaps.is_empty(), "which every OpenWrt has");
        let pages = [
            Page { name: "dhcp", text: &dhcp },
            Page { name: "network", text: NETWORK },
            Page {
                name: "more.conf",
                text: "dhcp-range=192.168.1.20,192.168.1.29,255.255.255.0\ndhcp-host=nas2,192.168.1.31\n",
            },
            Page { name: "ethers", text: "# kept\n02:00:5e:00:53:09 192.168.1.32\n" },
        ];
        let facts = parse(&Input { pages: &pages, read_at: None }, &mut Sources::new()).expect("it is read");
        assert!(facts.gaps.is_empty(), "{:?}", facts.gaps);
        let lan = &facts.segments[0];
        let ranges: Vec<String> =
            lan.dhcp.iter().flat_map(|server| &server.ranges).map(|range| range.value.to_string()).collect();
        assert_eq!(ranges, ["192.168.1.100-192.168.1.249", "192.168.1.20-192.168.1.29"]);
        let kept =
            |address: &str| lan.dhcp[0].reservations.iter().any(|kept| kept.value.address.to_string() == address);
        assert!(kept("192.168.1.31") && kept("192.168.1.32"));
    }

    #[test]
    fn the_routers_own_address_is_not_leased() {
        let own = |address: &str| NETWORK.replace("192.168.1.1'", &format!("{address}'"));
        assert_eq!(lan(DHCP, &own("192.168.1.100")), ["192.168.1.101-192.168.1.250"]);
        assert_eq!(lan(DHCP, &own("192.168.1.249")), ["192.168.1.100-192.168.1.248"]);
        let inside = &read(DHCP, &own("192.168.1.120")).segments[0].dhcp[0].ranges[0].confidence;
        assert_eq!(*inside, poolcheck_plan::Confidence::Medium);
    }

    #[test]
    fn without_the_network_the_range_is_not_known() {
        let facts = read(DHCP, "");
        assert!(facts.segments[0].dhcp[0].ranges.is_empty());
        assert_eq!(facts.segments[0].dhcp[0].completeness, Completeness::Partial);
        assert_eq!(facts.segments[0].dhcp[0].state.value, DhcpState::On);
    }

    #[test]
    fn defaults_are_less_sure_and_secrets_are_not_shown() {
        let unset = DHCP.replace("\toption start '100'\n\toption limit '150'\n", "");
        let facts = read(&unset, NETWORK);
        let range = &facts.segments[0].dhcp[0].ranges[0];
        assert_eq!(
            (range.value.to_string().as_str(), range.confidence),
            ("192.168.1.100-192.168.1.249", poolcheck_plan::Confidence::Medium)
        );
        assert!(!shown(NETWORK).contains("c2VjcmV0") && shown(NETWORK).len() == NETWORK.len());
    }
}
