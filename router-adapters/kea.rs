//! Kea: the configuration files of its DHCP servers.
//!
//! ## What it reads
//!
//! `kea-dhcp4.conf` and `kea-dhcp6.conf`, with comments of all three kinds and the files that they include, when they are given with
//! them; or an answer of `config-get`. `subnet4` and `subnet6`, also in `shared-networks`: `subnet`, `pools` (`a - b` or a prefix),
//! `reservations`, `option-data` for routers and DNS, `valid-lifetime`. What is set further out holds further in, as Kea has it;
//! reservations count where `reservations-in-subnet`, `reservations-global` or `reservation-mode` let them. A pool that is
//! written as a prefix is leased from its first to its last address, `.0` and `.255` included.
//!
//! Passwords are never shown.
//!
//! ## How to get it
//!
//! Copy `/etc/kea/kea-dhcp4.conf`, then `poolcheck router read kea-dhcp4.conf`, with the files that it includes behind it.
//!
//! ## What it cannot know
//!
//! Files that are included and not given. What a configuration backend (`config-control`) or a hook adds: the facts are then
//! *partial*, and the place is told; what commands changed in the running server and no file has; reservations in a `hosts-database` or from RADIUS: then reservations are unknown. Prefixes that `pd-pools` delegate
//! to other routers.

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;
use poolcheck_plan::facts::{Completeness, DhcpServer, DhcpState, Reservation, Segment, Sourced};
use poolcheck_plan::{AddrRange, Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
use crate::json::{self, Node, Value};
use crate::said::{self, Said};

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "kea",
    title: "Kea, kea-dhcp4.conf and kea-dhcp6.conf",
    tested_on: "Kea 2.2, which leased what this had read; written fixtures, by its manual",
    how_to_shrink: Some(HOW_TO_SHRINK),
    recognise,
    parse,
};

const HOW_TO_SHRINK: &str = "In Kea's configuration: change `pool` of the subnet, then restart kea-dhcp4.";

fn recognise(page: &Page<'_>) -> bool {
    let named = page.text.contains("\"Dhcp4\"") || page.text.contains("\"Dhcp6\"");
    // Comments come first in many a file; a brace is not far.
    named && page.text.lines().map(str::trim_start).any(|line| line.starts_with(['{', '[']))
}

/// What is set at one level and holds further in.
#[derive(Clone, Copy)]
struct Level<'n, 't> {
    lifetime: Option<&'n Node<'t>>,
    routers: Option<&'n Node<'t>>,
    dns: Option<&'n Node<'t>>,
    in_subnet: bool,
    global: bool,
}

impl<'n, 't> Level<'n, 't> {
    /// What holds within a block.
    fn within(self, block: &'n Node<'t>, family: &Family) -> Self {
        let (mut in_subnet, mut global) = (self.in_subnet, self.global);
        match block.get("reservation-mode").and_then(Node::text) {
            Some("disabled") => (in_subnet, global) = (false, false),
            Some("global") => (in_subnet, global) = (false, true),
            Some("all" | "out-of-pool") => (in_subnet, global) = (true, false),
            _ => {}
        }
        let flag = |key: &str, known: bool| block.get(key).map_or(known, |node| node.is("true"));
        let option = |(name, code): (&str, &str)| {
            let is_it = |option: &&'n Node<'t>| {
                let named = option.get("name").and_then(Node::text) == Some(name);
                let by_code = option.get("code").is_some_and(|node| node.is(code));
                let own_space = option.get("space").and_then(Node::text).is_none_or(|space| space == family.space);
                let readable = option.get("csv-format").is_none_or(|csv| !csv.is("false"));
                // What is told to some machines only is not told to all.
                let to_all = option.list("client-classes").is_empty();
                (named || by_code) && own_space && readable && to_all
            };
            block.list("option-data").iter().find(is_it).and_then(|option| option.get("data"))
        };
        Self {
            lifetime: block.get("valid-lifetime").or(self.lifetime),
            routers: option(("routers", "3")).filter(|_| family.v4).or(self.routers),
            dns: option(family.dns).or(self.dns),
            in_subnet: flag("reservations-in-subnet", in_subnet),
            global: flag("reservations-global", global),
        }
    }
}

/// What the two servers name differently.
struct Family {
    server: &'static str,
    subnets: &'static str,
    space: &'static str,
    dns: (&'static str, &'static str),
    v4: bool,
}

const FAMILIES: [Family; 2] = [
    Family { server: "Dhcp4", subnets: "subnet4", space: "dhcp4", dns: ("domain-name-servers", "6"), v4: true },
    Family { server: "Dhcp6", subnets: "subnet6", space: "dhcp6", dns: ("dns-servers", "23"), v4: false },
];

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let files: Vec<Said<'_>> =
        input.pages.iter().map(|page| Said::new(page, json::shown(page.text), sources)).collect();
    let names: Vec<&str> = input.pages.iter().map(|page| page.name).collect();
    let includes = input.pages.iter().flat_map(|page| json::includes(page.text));
    let (mut segments, mut gaps) = (Vec::new(), Vec::new());
    let mut found = false;
    for start in said::not_included(&names, includes) {
        let whole = json::read(&files, &names, start)?;
        for family in &FAMILIES {
            if let Some(server) = server_of(&whole, family.server) {
                found = true;
                let unseen = unseen(server);
                let known = unseen.iter().map(|unseen| unseen.0).max().unwrap_or(Completeness::Full);
                read_server(server, family, known, &files, &mut segments)?;
                let told = unseen.iter().take(said::MAX_GAPS - gaps.len());
                gaps.extend(told.map(|(_, node, what)| said::gap(&files[node.file], names[node.file], node.raw, what)));
            }
        }
    }
    if !found {
        let message = "no `Dhcp4` and no `Dhcp6` was found";
        let help = "give kea-dhcp4.conf or kea-dhcp6.conf, and the files that it includes with it";
        return Err(Complaint::whole(message).help(help).into());
    }
    let title = names.first().copied().unwrap_or("kea");
    Ok(Facts { gaps, ..said::facts("kea", title, HOW_TO_SHRINK, segments) })
}

/// The part of one server, also in an answer of `config-get`.
fn server_of<'n, 't>(whole: &'n Node<'t>, key: &str) -> Option<&'n Node<'t>> {
    let answer = whole.items().first().unwrap_or(whole);
    answer.get(key).or_else(|| answer.get("arguments")?.get(key))
}

fn read_server<'t>(
    dhcp: &Node<'t>,
    family: &Family,
    known: Completeness,
    files: &[Said<'t>],
    segments: &mut Vec<Segment>,
) -> Result<(), AdapterError> {
    let start = Level { lifetime: None, routers: None, dns: None, in_subnet: true, global: false };
    let outer = start.within(dhcp, family);
    let first = segments.len();
    let mut globally = Vec::new();
    for subnet in dhcp.list(family.subnets).iter().filter(|subnet| matches!(subnet.value, Value::Map(_))) {
        let level = outer.within(subnet, family);
        let mut segment = Segment::default();
        let mut server = empty(dhcp, files, known);
        read_subnet(subnet, (level, family), files, (&mut segment, &mut server))?;
        globally.push(level.global);
        segment.dhcp.push(settled(server));
        segments.push(segment);
    }
    for network in dhcp.list("shared-networks") {
        let level = outer.within(network, family);
        let mut segment = Segment::default();
        let name = network.get("name").filter(|name| name.text().is_some());
        segment.name = name.map(|name| said(files, name, name.text().unwrap_or_default().to_owned()));
        let mut server = empty(dhcp, files, known);
        let mut any_global = false;
        for subnet in network.list(family.subnets) {
            let level = level.within(subnet, family);
            any_global |= level.global;
            read_subnet(subnet, (level, family), files, (&mut segment, &mut server))?;
        }
        if !segment.subnets.is_empty() {
            globally.push(any_global);
            segment.dhcp.push(settled(server));
            segments.push(segment);
        }
    }
    let new = &mut segments[first..];
    let interfaces = dhcp.get("interfaces-config").and_then(|config| config.get("interfaces"));
    if let Some(none) = interfaces.filter(|list| matches!(&list.value, Value::List(items) if items.is_empty())) {
        // Without an interface it hears nobody.
        for server in new.iter_mut().flat_map(|segment| &mut segment.dhcp) {
            server.state = said(files, none, DhcpState::Off);
        }
    }
    if new.is_empty() {
        // Without a subnet it leases nothing, unless something that is not here says otherwise.
        let mut server = empty(dhcp, files, known);
        server.state.value = if known == Completeness::Partial { DhcpState::Unknown } else { DhcpState::Off };
        segments.push(Segment { dhcp: vec![server], ..Segment::default() });
        return Ok(());
    }
    if globally.contains(&true) {
        let hosts: Vec<_> = dhcp.list("reservations").iter().flat_map(|host| reservations(host, files)).collect();
        let mut own: Vec<(usize, Segment)> = Vec::new();
        for (number, segment) in new.iter_mut().enumerate().filter(|(number, _)| globally[*number]) {
            own.push((number, std::mem::take(segment)));
        }
        let (numbers, mut taken): (Vec<usize>, Vec<Segment>) = own.into_iter().unzip();
        said::share(&hosts, &mut taken)?;
        for (number, segment) in numbers.into_iter().zip(taken) {
            new[number] = segment;
        }
    }
    Ok(())
}

/// A fact that a value says.
fn said<T>(files: &[Said<'_>], node: &Node<'_>, value: T) -> Sourced<T> {
    files[node.file].surely(value, node.raw)
}

fn empty(dhcp: &Node<'_>, files: &[Said<'_>], completeness: Completeness) -> DhcpServer {
    DhcpServer { completeness, ..files[dhcp.file].server(DhcpState::On, dhcp.raw) }
}

/// A server without a pool serves reservations only, where it is known that it has no pool.
fn settled(mut server: DhcpServer) -> DhcpServer {
    if server.ranges.is_empty() && server.completeness != Completeness::Partial {
        server.state.value = DhcpState::StaticOnly;
    }
    server
}

/// What adds to what the server does and is not seen: how much is known without it, what says so, and a sentence of it.
fn unseen<'n, 't>(dhcp: &'n Node<'t>) -> Vec<(Completeness, &'n Node<'t>, &'static str)> {
    /// Hooks that neither add a subnet nor a pool nor a reservation by themselves.
    const HARMLESS: [&str; 27] = [
        "lease_cmds",
        "subnet_cmds",
        "host_cmds",
        "stat_cmds",
        "class_cmds",
        "ha",
        "run_script",
        "legal_log",
        "forensic_log",
        "flex_option",
        "flex_id",
        "perfmon",
        "limits",
        "ping_check",
        "ddns_tuning",
        "gss_tsig",
        "tsig",
        "rbac",
        "bootp",
        "lease_query",
        "mysql",
        "mysql_cb",
        "pgsql",
        "pgsql_cb",
        "user_chk",
        "host_cache",
        "dhcp_cb_cmds",
    ];
    let mut missing = Vec::new();
    dhcp.missing(&mut missing);
    let mut unseen: Vec<_> = missing.into_iter().map(|node| (Completeness::Partial, node, said::NOT_GIVEN)).collect();
    for hook in dhcp.list("hooks-libraries").iter().filter(|hook| !matches!(hook.value, Value::Missing)) {
        let library = hook.get("library").unwrap_or(hook);
        let file = library.text().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        let name = file.trim_start_matches("libdhcp_").trim_end_matches(".so");
        match name {
            "radius" => {
                unseen.push((
                    Completeness::RangeOnly,
                    library,
                    "asks a RADIUS server, whose reservations are not known",
                ));
            }
            name if HARMLESS.contains(&name) => {}
            _ => unseen.push((Completeness::Partial, library, "is a hook that may add ranges and reservations")),
        }
    }
    let kind = |database: &'n Node<'t>| database.get("type").unwrap_or(database);
    let all = dhcp.get("config-control").map_or(&[][..], |control| control.list("config-databases"));
    let what = "is a database that adds to the configuration: ranges and reservations may be missing";
    unseen.extend(all.iter().map(|database| (Completeness::Partial, kind(database), what)));
    let hosts = dhcp.get("hosts-database").into_iter().chain(dhcp.list("hosts-databases"));
    let what = "is a database of reservations, which are not known";
    unseen.extend(hosts.map(|database| (Completeness::RangeOnly, kind(database), what)));
    unseen
}

fn read_subnet<'t>(
    subnet: &Node<'t>,
    (level, family): (Level<'_, 't>, &Family),
    files: &[Said<'t>],
    (segment, server): (&mut Segment, &mut DhcpServer),
) -> Result<(), AdapterError> {
    let Some(written) = subnet.get("subnet") else {
        let mut missing = Vec::new();
        subnet.missing(&mut missing);
        if !missing.is_empty() {
            return Ok(());
        }
        let message = "a subnet does not say its prefix".to_owned();
        return Err(Complaint::at(files[subnet.file].span(subnet.raw), "`subnet` is missing here", message).into());
    };
    let net = written.text().and_then(|text| text.trim().parse::<IpNet>().ok()).map(|net| net.trunc());
    let Some(net) = net else {
        let message = format!("the subnet `{}` is no prefix", written.raw);
        let complaint = Complaint::at(files[written.file].span(written.raw), "no prefix", message);
        return Err(complaint.help("Kea writes \"subnet\": \"192.168.1.0/24\"").into());
    };
    segment.subnets.push(said(files, written, net));
    for pool in subnet.list("pools") {
        let Some(written) = pool.get("pool") else { continue };
        let range = written.text().and_then(|text| said::span_of_addresses(text.trim()));
        let Some(range) = range.filter(|range| AddrRange::from_net(net).covers(*range)) else {
            let message = format!("the pool `{}` is no range of {net}", written.raw);
            let complaint = Complaint::at(files[written.file].span(written.raw), "no range of it", message);
            return Err(complaint
                .help("Kea writes \"pool\": \"192.168.1.100 - 192.168.1.199\", and refuses this one")
                .into());
        };
        server.ranges.push(said(files, written, range));
    }
    if level.in_subnet {
        server.reservations.extend(subnet.list("reservations").iter().flat_map(|host| reservations(host, files)));
    }
    if server.lease_seconds.is_none() {
        server.lease_seconds = level.lifetime.and_then(|node| Some(said(files, node, node.raw.parse().ok()?)));
    }
    // Routers that are set for all subnets are this one's where they lie in it.
    let mut tell = |level: &Level<'_, 't>| {
        let gateways = addresses(level.routers, files).into_iter().filter(|router| net.contains(&router.value));
        said::add_new(&mut segment.gateways, gateways);
        said::add_new(&mut segment.dns, addresses(level.dns, files));
    };
    tell(&level);
    // Machines of a pool may be told others.
    for pool in subnet.list("pools") {
        tell(&Level { routers: None, dns: None, ..level }.within(pool, family));
    }
    Ok(())
}

fn addresses(data: Option<&Node<'_>>, files: &[Said<'_>]) -> Vec<Sourced<IpAddr>> {
    let Some(data) = data else { return Vec::new() };
    let parts = data.raw.split(',').map(str::trim).take(said::MAX_ADDRESSES + 1);
    parts.filter_map(|part| Some(files[data.file].surely(part.parse().ok()?, part))).collect()
}

/// The addresses that are kept for one machine.
fn reservations(host: &Node<'_>, files: &[Said<'_>]) -> Vec<Sourced<Reservation>> {
    let mac = host.get("hw-address").and_then(Node::text).and_then(said::mac);
    let name = host.get("hostname").and_then(Node::text).filter(|name| !name.is_empty());
    let one = host.get("ip-address").into_iter();
    one.chain(host.list("ip-addresses"))
        .filter_map(|node| {
            let address = node.text()?.trim().parse().ok()?;
            let name = name.map(|name| Cow::from(name).into_owned());
            Some(said(files, node, Reservation { address, mac: mac.clone(), name }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_with_routers_of_its_own() {
        let text = r#"{"Dhcp4": {"subnet4": [{"id": 1, "subnet": "192.0.2.0/24",
            "option-data": [{"name": "routers", "data": "192.0.2.1"}],
            "pools": [{"pool": "192.0.2.10-192.0.2.19"}, {"pool": "192.0.2.20-192.0.2.29",
                "option-data": [{"name": "routers", "data": "192.0.2.254"}, {"code": 6, "data": "192.0.2.53"}]}]}]}}"#;
        let page = Page { name: "kea-dhcp4.conf", text };
        let facts = parse(&Input { pages: &[page], read_at: None }, &mut Sources::new()).expect("it is read");
        let texts = |list: &[Sourced<IpAddr>]| list.iter().map(|own| own.value.to_string()).collect::<Vec<_>>();
        assert_eq!(texts(&facts.segments[0].gateways), ["192.0.2.1", "192.0.2.254"]);
        assert_eq!(texts(&facts.segments[0].dns), ["192.0.2.53"]);
    }

    const FOUR: &str = include_str!("fixtures/kea/kea-dhcp4.conf");
    const INCLUDED: &str = include_str!("fixtures/kea/subnets.json");
    const SIX: &str = include_str!("fixtures/kea/kea-dhcp6.conf");

    fn pages<'t>(texts: &[(&'t str, &'t str)]) -> Result<(Facts, Sources), AdapterError> {
        let pages: Vec<Page<'_>> = texts.iter().map(|(name, text)| Page { name, text }).collect();
        let mut sources = Sources::new();
        Ok((parse(&Input { pages: &pages, read_at: None }, &mut sources)?, sources))
    }

    fn read(text: &str) -> Facts {
        assert!(recognise(&Page { name: "kea.conf", text }), "{text}");
        pages(&[("kea.conf", text)]).expect("it is read").0
    }

    fn ranges(segment: &Segment) -> Vec<String> {
        segment.dhcp.iter().flat_map(|server| &server.ranges).map(|range| range.value.to_string()).collect()
    }

    fn small(inner: &str) -> String {
        format!("{{\"Dhcp4\": {{ {inner} }} }}")
    }

    #[test]
    fn pools_in_all_forms_with_all_comments() {
        let (facts, sources) = pages(&[("kea-dhcp4.conf", FOUR), ("subnets.json", INCLUDED)]).expect("it is read");
        let lan = &facts.segments[0];
        assert_eq!(ranges(lan), ["192.0.2.10-192.0.2.99", "192.0.2.128-192.0.2.143", "192.0.2.200-192.0.2.209"]);
        assert_eq!(sources.slice(lan.dhcp[0].ranges[1].place), "192.0.2.128/28");
        assert_eq!(lan.dhcp[0].completeness, Completeness::Full);
        assert_eq!(lan.gateways[0].value.to_string(), "192.0.2.1");
        assert_eq!(lan.dns.len(), 2, "what is set for all is this one's, too");
        let owners: Vec<String> = lan.dhcp[0].reservations.iter().map(|host| host.value.owner()).collect();
        assert_eq!(owners, ["nas (00:00:5e:00:53:01)", "00:00:5e:00:53:02"]);
        assert_eq!(lan.dhcp[0].lease_seconds.as_ref().map(|lease| lease.value), Some(1800));
        // From the file that is included.
        let second = &facts.segments[1];
        assert_eq!((ranges(second), second.gateways.len()), (vec!["198.51.100.2-198.51.100.9".to_owned()], 1));
        assert_eq!(second.dhcp[0].lease_seconds.as_ref().map(|lease| lease.value), Some(3600));
        let place = second.dhcp[0].ranges[0].place;
        assert_eq!(
            (sources.slice(place), sources.get(place.source).name.as_str()),
            ("198.51.100.2-198.51.100.9", "subnets.json")
        );
        // Two subnets on one wire.
        let shared = &facts.segments[2];
        assert_eq!((shared.subnets.len(), shared.name.as_ref().map(|name| name.value.as_str())), (2, Some("floor-2")));
        assert_eq!(ranges(shared), ["203.0.113.2-203.0.113.62", "203.0.113.130-203.0.113.190"]);
        assert!(shared.dhcp[0].reservations.is_empty(), "reservations-in-subnet is false there");
        assert!(sources.iter().all(|(_, source)| !source.text.contains("NotAReal")));
    }

    #[test]
    fn what_is_included_and_not_given_is_not_known() {
        let facts = pages(&[("kea-dhcp4.conf", FOUR)]).expect("it is read").0;
        assert_eq!(facts.segments.len(), 2);
        assert!(facts.segments.iter().all(|segment| segment.dhcp[0].completeness == Completeness::Partial));
        assert_eq!(facts.gaps.len(), 1, "{:?}", facts.gaps);
        assert!(facts.gaps[0].value.contains("subnets.json` is included, and was not given"), "{:?}", facts.gaps);
        let only = read(&small("<?include \"/etc/kea/subnets.json\"?>"));
        assert_eq!(only.segments[0].dhcp[0].state.value, DhcpState::Unknown);
        let value = read(&small("\"subnet4\": <?include \"x.json\"?>, \"valid-lifetime\": 1"));
        assert_eq!(value.segments[0].dhcp[0].state.value, DhcpState::Unknown);
        // A file that includes itself is no way to stay forever.
        assert!(
            pages(&[("a.conf", "{\"Dhcp4\": <?include \"b.conf\"?>}"), ("b.conf", "<?include \"b.conf\"?>")]).is_err()
        );
    }

    #[test]
    fn six() {
        let facts = read(SIX);
        assert_eq!(
            ranges(&facts.segments[0]),
            ["2001:db8:1::1000-2001:db8:1::1fff", "2001:db8:1:0:ff::-2001:db8:1:0:ff::ffff"]
        );
        assert_eq!(facts.segments[0].dns[0].value.to_string(), "2001:db8:1::53");
        assert_eq!(facts.segments[0].dhcp[0].reservations.len(), 2);
    }

    #[test]
    fn what_a_backend_adds_is_not_known() {
        let subnet = "\"subnet4\": [{\"subnet\": \"10.0.0.0/24\", \"pools\": [{\"pool\": \"10.0.0.2-10.0.0.9\"}]}]";
        let known = |more: &str| read(&small(&format!("{subnet}, {more}"))).segments[0].dhcp[0].completeness;
        assert_eq!(known("\"valid-lifetime\": 4000"), Completeness::Full);
        assert_eq!(known("\"hosts-database\": {\"type\": \"mysql\"}"), Completeness::RangeOnly);
        assert_eq!(known("\"hosts-databases\": [{\"type\": \"mysql\"}]"), Completeness::RangeOnly);
        assert_eq!(known("\"config-control\": {\"config-databases\": [{\"type\": \"mysql\"}]}"), Completeness::Partial);
        assert_eq!(
            known("\"hooks-libraries\": [{\"library\": \"/usr/lib/kea/hooks/libdhcp_lease_cmds.so\"}]"),
            Completeness::Full
        );
        let own = "\"hooks-libraries\": [{\"library\": \"/opt/own.so\"}]";
        assert_eq!(known(own), Completeness::Partial);
        let gaps = read(&small(&format!("{subnet}, {own}"))).gaps;
        assert_eq!(gaps[0].value, "kea.conf, line 1: `/opt/own.so` is a hook that may add ranges and reservations");
        let listens = |to: &str| read(&small(&format!("{subnet}, \"interfaces-config\": {{\"interfaces\": {to}}}")));
        assert_eq!(listens("[\"*\"]").segments[0].dhcp[0].state.value, DhcpState::On);
        assert_eq!(listens("[]").segments[0].dhcp[0].state.value, DhcpState::Off);
        assert_eq!(known("\"hooks-libraries\": [{\"library\": \"libdhcp_radius.so\"}]"), Completeness::RangeOnly);
        let none = read(&small("\"subnet4\": []"));
        assert_eq!(none.segments[0].dhcp[0].state.value, DhcpState::Off);
        let poolless = read(&small("\"subnet4\": [{\"subnet\": \"10.0.0.0/24\"}]"));
        assert_eq!(poolless.segments[0].dhcp[0].state.value, DhcpState::StaticOnly);
    }

    #[test]
    fn reservations_for_all_count_where_they_are_asked_for() {
        let text = |mode: &str| {
            small(&format!(
                "{mode} \"reservations\": [{{\"hw-address\": \"00:00:5e:00:53:09\", \"ip-address\": \"10.0.0.50\"}}],
                 \"subnet4\": [{{\"subnet\": \"10.0.0.0/24\", \"pools\": [{{\"pool\": \"10.0.0.2-10.0.0.9\"}}]}},
                               {{\"subnet\": \"10.1.0.0/24\", \"pools\": [{{\"pool\": \"10.1.0.2-10.1.0.9\"}}]}}]"
            ))
        };
        let counts = |mode: &str| {
            read(&text(mode)).segments.iter().map(|segment| segment.dhcp[0].reservations.len()).collect::<Vec<_>>()
        };
        assert_eq!(counts(""), [0, 0]);
        assert_eq!(counts("\"reservations-global\": true,"), [1, 0]);
        assert_eq!(counts("\"reservation-mode\": \"global\","), [1, 0]);
    }

    #[test]
    fn answers_and_mistakes() {
        let answer = "[{\"result\": 0, \"arguments\": {\"Dhcp4\": {\"subnet4\": [{\"subnet\": \"10.0.0.0/24\", \"pools\": [{\"pool\": \"10.0.0.2-10.0.0.9\"}]}]}}}]";
        assert_eq!(ranges(&read(answer).segments[0]), ["10.0.0.2-10.0.0.9"]);
        // Kea warns about a comma too many, and reads on.
        assert_eq!(read("{\"Dhcp4\": {\"subnet4\": [,],},}").segments.len(), 1);
        for (text, part) in [
            (
                "{\"Dhcp4\": {\"subnet4\": [{\"subnet\": \"10.0.0.0/24\", \"pools\": [{\"pool\": \"10.0.1.2-10.0.1.9\"}]}]}}",
                "10.0.1.2-10.0.1.9",
            ),
            ("{\"Dhcp4\": {\"subnet4\": [{\"subnet\": \"10.0.0.0\"}]}}", "10.0.0.0"),
            ("{\"Dhcp4\": {\"a\": 1 \"b\": 2}}", "b"),
            ("{\"Dhcp4\": {\"a\": }}", "}"),
            ("{\"Dhcp4\": {\"a\": @}}", "@}}"),
        ] {
            let mut sources = Sources::new();
            let page = Page { name: "k", text };
            let error = parse(&Input { pages: &[page], read_at: None }, &mut sources).expect_err(text);
            assert_eq!(sources.slice(error.complaints[0].labels[0].0), part, "{text}");
        }
        for text in ["{\"Dhcp4\": {", "{\"Dhcp4\": {\"a\": \"b", "{\"Dhcp4\": 1} 2", "{\"DhcpDdns\": {}}", "", "/* "] {
            assert!(pages(&[("k", text)]).is_err(), "{text}");
        }
    }
}
