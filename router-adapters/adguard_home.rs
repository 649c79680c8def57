//! AdGuard Home: `AdGuardHome.yaml`, and `leases.json` beside it.
//!
//! ## What it reads
//!
//! `dhcp` of the YAML file: `enabled`, `interface_name`, `dhcpv4` (`gateway_ip`, `subnet_mask`, `range_start`, `range_end`,
//! `lease_duration`, of its `options` the routers, 3, and DNS servers, 6) and `dhcpv6` (`range_start`, `prefix_source`,
//! `lease_duration`, `ra_slaac_only`); the older layout, with the keys of IPv4 in `dhcp` itself, too. Static leases are in
//! `data/leases.json`, which is read when it is given with the file.
//!
//! A range of IPv6 has no end: AdGuard Home counts the last byte up to `ff`. While DHCP is off, as it is by default, the router leases
//! addresses and not AdGuard Home. Nothing of the file but `dhcp` is ever shown.
//!
//! ## How to get it
//!
//! Copy `AdGuardHome.yaml` and `data/leases.json` from AdGuard Home's folder, often `/opt/AdGuardHome`, then
//! `poolcheck router read AdGuardHome.yaml leases.json`.
//!
//! ## What it cannot know
//!
//! Static leases without `leases.json`, or those in `leases.db` of an older version. AdGuard Home's own address, which it hands
//! out as the DNS server. A range of IPv6 in the prefix that the interface has of the day (`prefix_source: interface`).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use granit_parser::{Event, Parser, StrInput};
use ipnet::IpNet;
use poolcheck_plan::facts::{Completeness, DhcpServer, DhcpState, Reservation, Segment, Sourced};
use poolcheck_plan::{AddrRange, Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
use crate::json::{self, Node};
use crate::said::{self, MAX_DEPTH, Said};

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "adguard-home",
    title: "AdGuard Home, AdGuardHome.yaml",
    tested_on: "written fixtures, by the files of schema versions 10 to 29",
    how_to_shrink: Some(HOW_TO_SHRINK),
    recognise,
    parse,
};

const HOW_TO_SHRINK: &str = "In AdGuard Home: Settings > DHCP settings > Range of IP addresses.";

fn recognise(page: &Page<'_>) -> bool {
    let text = page.text;
    // Its own name for its DNS filters, so that no other YAML file with a `dhcp` is meant.
    let yaml = text.lines().any(|line| line.starts_with("dhcp:"))
        && (text.contains("range_start:") || text.contains("interface_name:"))
        && !text.contains('\t');
    yaml || is_leases(text) || is_old_leases(text)
}

/// Whether a text is `leases.db`, where older versions have their leases with addresses in Base64.
fn is_old_leases(text: &str) -> bool {
    text.trim_start().starts_with('[') && ["\"mac\"", "\"ip\"", "\"exp\""].iter().all(|key| text.contains(key))
}

/// Whether a text is `leases.json`.
fn is_leases(text: &str) -> bool {
    text.trim_start().starts_with('{') && text.contains("\"leases\"") && text.contains("\"static\"")
}

/// What is written below `dhcp`.
#[derive(Default)]
struct Written<'t> {
    /// The values by the paths of their keys, without those that are null.
    values: HashMap<String, &'t str>,
    /// The options of DHCPv4, a line each.
    options: Vec<&'t str>,
}

/// What is written below `dhcp`, with its bytes.
///
/// # Errors
/// With the reason, where the text is no YAML.
fn written(text: &str) -> Result<Written<'_>, String> {
    let options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    // Open collections: the key that is waiting for its value, in a mapping; nothing, in a sequence.
    let mut open: Vec<Option<Option<String>>> = Vec::new();
    let mut found = Written::default();
    for event in Parser::<StrInput<'_>>::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| error.info())?;
        match event {
            Event::MappingStart(..) => open.push(Some(None)),
            Event::SequenceStart(..) => open.push(None),
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
                if let Some(Some(key)) = open.last_mut() {
                    *key = None;
                }
            }
            Event::Alias(..) => {
                if let Some(Some(key)) = open.last_mut() {
                    *key = None;
                }
            }
            Event::Scalar(cooked, ..) => {
                if let Some(Some(key @ None)) = open.last_mut() {
                    *key = Some(cooked.into_owned());
                    continue;
                }
                let raw = span.byte_range().and_then(|range| text.get(range)).unwrap_or_default().trim();
                let path: Vec<&str> =
                    open.iter().map(|key| key.as_ref().and_then(Option::as_deref).unwrap_or("-")).collect();
                match path[..] {
                    ["dhcp", "dhcpv4", "options", "-"] => found.options.push(raw.trim_matches(['"', '\''])),
                    ["dhcp", ..] if path.len() <= 3 && !matches!(raw, "~" | "null" | "Null" | "NULL") => {
                        found.values.insert(path.join("."), raw.trim_matches(['"', '\'']));
                    }
                    _ => {}
                }
                if let Some(Some(key)) = open.last_mut() {
                    *key = None;
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Yes or no, in all the words that AdGuard Home reads as one.
fn is_yes(word: &str) -> Option<bool> {
    match word {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => Some(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => Some(false),
        _ => None,
    }
}

/// The addresses that an option hands out in place of AdGuard Home's own choice: `3 ip 192.0.2.1`, `6 ips A,B`, `3 hex c0000201`,
/// and none for `3 del`. `None` where no option of this code is one that it understands.
fn option<'t>(file: &Said<'t>, options: &[&'t str], code: &str) -> Option<Vec<Sourced<IpAddr>>> {
    let addresses = |kind: &str, value: &'t str| -> Option<Vec<Sourced<IpAddr>>> {
        let all = |list: &mut dyn Iterator<Item = (Option<Ipv4Addr>, &'t str)>| {
            list.map(|(address, part)| Some(file.surely(IpAddr::V4(address?), part))).collect()
        };
        match kind {
            "ip" => all(&mut std::iter::once((value.parse().ok(), value))),
            "ips" => all(&mut value.split(',').map(|part| (part.parse().ok(), part))),
            "hex" if value.len().is_multiple_of(8) && value.is_ascii() => {
                all(&mut (0..value.len()).step_by(8).map(|at| {
                    let part = &value[at..at + 8];
                    (u32::from_str_radix(part, 16).ok().map(Ipv4Addr::from), part)
                }))
            }
            "del" => Some(Vec::new()),
            _ => None,
        }
    };
    let read = |line: &'t str| {
        let mut words = line.split_ascii_whitespace();
        let own = words.next() == Some(code);
        let (kind, value) = (words.next()?, words.next().unwrap_or_default());
        own.then(|| addresses(kind, value))?
    };
    // The last one counts, and one that cannot be read is passed over.
    options.iter().rev().find_map(|line| read(line))
}

/// The text with whatever is not in `dhcp` unreadable: the lines from `dhcp:` to the next key of its column.
fn shown(text: &str) -> String {
    let mut parts = Vec::new();
    let mut inside = false;
    for line in text.split_inclusive('\n') {
        if !line.starts_with([' ', '\t', '\r', '\n']) {
            inside = line.starts_with("dhcp:");
        }
        if inside {
            parts.push(said::range_of(text, line));
        }
    }
    said::only(text, &mut parts)
}

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let is_other = |text: &str| is_leases(text) || is_old_leases(text);
    let show = |text: &str| if is_other(text) { json::shown(text) } else { shown(text) };
    let files: Vec<Said<'_>> = input.pages.iter().map(|page| Said::new(page, show(page.text), sources)).collect();
    let names: Vec<&str> = input.pages.iter().map(|page| page.name).collect();
    let main: Vec<usize> = (0..files.len()).filter(|at| !is_other(files[*at].text)).collect();
    let main = match main[..] {
        [main] => main,
        [] => {
            let message = "the leases alone say no range";
            return Err(Complaint::whole(message).help("give AdGuardHome.yaml with them").into());
        }
        [first, second, ..] => {
            let message = format!("{} and {} are two configurations", names[first], names[second]);
            return Err(Complaint::whole(message).help("read one AdGuardHome.yaml at a time").into());
        }
    };
    let file = &files[main];
    let written = written(file.text).map_err(|reason| {
        let message = format!("{} cannot be read as YAML: {reason}", names[main]);
        AdapterError::from(Complaint::whole(message).help("is it AdGuardHome.yaml?"))
    })?;
    let values = &written.values;
    let value = |path: &str| values.get(path).copied().filter(|value| !value.is_empty());
    let get = |key: &str| value(&format!("dhcp.dhcpv4.{key}")).or_else(|| value(&format!("dhcp.{key}")));
    let yes = |path: &str| -> Result<Option<(bool, &str)>, AdapterError> {
        let Some(word) = value(path) else { return Ok(None) };
        let yes = is_yes(word).ok_or_else(|| {
            let complaint = Complaint::at(file.span(word), "neither yes nor no", format!("{path} is `{word}`"));
            AdapterError::from(complaint.help("AdGuard Home writes true or false"))
        })?;
        Ok(Some((yes, word)))
    };
    let Some((on, enabled)) = yes("dhcp.enabled")? else {
        let message = format!("{} does not say dhcp.enabled", names[main]);
        return Err(Complaint::whole(message).help("is it AdGuardHome.yaml?").into());
    };
    let state = if on { DhcpState::On } else { DhcpState::Off };
    let name = value("dhcp.interface_name").map(|name| file.surely(name.to_owned(), name));
    let mut segment = Segment { name, ..Segment::default() };
    let mut server = file.server(state, enabled);
    let address = |key: &str| -> Result<Option<(Ipv4Addr, &str)>, AdapterError> {
        let Some(text) = get(key) else { return Ok(None) };
        let address = text.parse().map_err(|_| {
            let message = format!("{key} is `{text}`");
            AdapterError::from(
                Complaint::at(file.span(text), "no IPv4 address", message)
                    .help("AdGuard Home writes an address, or \"\""),
            )
        })?;
        Ok(Some((address, text)))
    };
    if let (Some((gateway, text)), mask) = (address("gateway_ip")?, address("subnet_mask")?) {
        segment.gateways.push(file.surely(IpAddr::V4(gateway), text));
        let net = mask.and_then(|(mask, text)| Some(file.surely(said::network(gateway, mask)?, text)));
        segment.subnets.extend(net);
    }
    if let Some(routers) = option(file, &written.options, "3") {
        // Machines are told others; the one in gateway_ip is a machine of this network all the same.
        let other = |own: &Sourced<IpAddr>| routers.iter().all(|router| router.value != own.value);
        segment.hosts.extend(segment.gateways.drain(..).filter(other).map(|own| said::router(&own)));
        said::add_new(&mut segment.gateways, routers);
    }
    segment.dns = option(file, &written.options, "6").unwrap_or_default();
    let four = match (address("range_start")?, address("range_end")?) {
        (Some((first, from)), Some((last, to))) => {
            let Some(range) = AddrRange::new(first.into(), last.into()) else {
                let message = format!("AdGuard Home does not start with a range from {first} to {last}");
                let complaint = Complaint::at(file.span(from), "it starts here", message);
                return Err(complaint.related(file.span(to), "and ends before").help("exchange the two").into());
            };
            server.ranges.push(file.surely(range, said::from_to(file.text, from, to)));
            true
        }
        _ => false,
    };
    let slaac_only = yes("dhcp.dhcpv6.ra_slaac_only")?.is_some_and(|(yes, _)| yes);
    let six = match value("dhcp.dhcpv6.range_start").filter(|_| !slaac_only) {
        Some(text) => {
            let first: Ipv6Addr = text.parse().map_err(|_| {
                let complaint =
                    Complaint::at(file.span(text), "no IPv6 address", format!("range_start of dhcpv6 is `{text}`"));
                AdapterError::from(complaint.help("AdGuard Home writes an address, or \"\""))
            })?;
            if value("dhcp.dhcpv6.prefix_source").is_some_and(|source| source != "static") {
                // Its end alone is meant: the prefix is the interface's own.
                server.completeness = Completeness::Partial;
            } else {
                let last = Ipv6Addr::from(u128::from(first) | 0xff);
                server.ranges.extend(AddrRange::new(first.into(), last.into()).map(|range| file.surely(range, text)));
            }
            true
        }
        None => false,
    };
    // Without one AdGuard Home leases no addresses, and does not start.
    if on && !four && !six && !slaac_only {
        server.completeness = Completeness::Partial;
    }
    let lease = if four || !six { get("lease_duration") } else { value("dhcp.dhcpv6.lease_duration") };
    server.lease_seconds = lease.and_then(|text| match text.parse().ok()? {
        // Its default.
        0 => Some(file.probably(86_400, text)),
        seconds => Some(file.surely(seconds, text)),
    });
    let given = reservations(&files, &names, &segment, &mut server)?;
    let mut gaps = Vec::new();
    if on && !given {
        let old = files.iter().zip(&names).find(|(file, _)| is_old_leases(file.text));
        gaps.push(if let Some((old, name)) = old {
            let part = said::first_word(old.text.trim_start());
            said::gap(old, name, part, "begins the leases of an old version: static ones are not read")
        } else {
            let part = file.text.lines().find(|line| line.starts_with("dhcp:")).map_or(enabled, |line| &line[..5]);
            let what = "keeps static leases in data/leases.json, which was not given with it";
            said::gap(file, names[main], part, what)
        });
    }
    segment.dhcp.push(server);
    Ok(Facts { gaps, ..said::facts("adguard-home", names[main], HOW_TO_SHRINK, vec![segment]) })
}

/// The static leases of `leases.json`; whether it is given.
fn reservations(
    files: &[Said<'_>],
    names: &[&str],
    segment: &Segment,
    server: &mut DhcpServer,
) -> Result<bool, AdapterError> {
    let mut given = false;
    for start in (0..files.len()).filter(|at| is_leases(files[*at].text)) {
        given = true;
        let whole = json::read(files, names, start)?;
        for lease in whole.list("leases").iter().filter(|lease| lease.get("static").is_some_and(|node| node.is("true")))
        {
            let Some(node) = lease.get("ip") else { continue };
            let Some(address) = node.text().and_then(|text| text.parse::<IpAddr>().ok()) else { continue };
            let mac = lease.get("mac").and_then(Node::text).and_then(said::mac);
            let name = lease.get("hostname").and_then(Node::text).filter(|name| !name.is_empty()).map(str::to_owned);
            let reservation: Sourced<Reservation> =
                files[node.file].surely(Reservation { address, mac, name }, node.raw);
            let inside = |net: &Sourced<IpNet>| net.value.contains(&address);
            if address.is_ipv6() || segment.subnets.is_empty() || segment.subnets.iter().any(inside) {
                server.reservations.push(reservation);
            }
        }
    }
    if !given && server.completeness == Completeness::Full {
        server.completeness = Completeness::RangeOnly;
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = include_str!("fixtures/adguard-home/AdGuardHome.yaml");
    const LEASES: &str = include_str!("fixtures/adguard-home/leases.json");

    fn pages(texts: &[(&str, &str)]) -> Result<(Facts, Sources), AdapterError> {
        let pages: Vec<Page<'_>> = texts.iter().map(|(name, text)| Page { name, text }).collect();
        let mut sources = Sources::new();
        Ok((parse(&Input { pages: &pages, read_at: None }, &mut sources)?, sources))
    }

    fn read(text: &str) -> Segment {
        assert!(recognise(&Page { name: "AdGuardHome.yaml", text }));
        pages(&[("AdGuardHome.yaml", text)]).expect("it is read").0.segments.remove(0)
    }

    fn ranges(segment: &Segment) -> Vec<String> {
        segment.dhcp[0].ranges.iter().map(|range| range.value.to_string()).collect()
    }

    #[test]
    fn a_server_with_its_leases() {
        let (facts, sources) = pages(&[("AdGuardHome.yaml", YAML), ("leases.json", LEASES)]).expect("it is read");
        let segment = &facts.segments[0];
        assert_eq!(ranges(segment), ["192.0.2.100-192.0.2.199", "2001:db8:1::80-2001:db8:1::ff"]);
        assert_eq!(sources.slice(segment.dhcp[0].ranges[0].place), "192.0.2.100\n    range_end: \"192.0.2.199");
        assert_eq!(
            (segment.subnets[0].value.to_string().as_str(), segment.gateways[0].value.to_string().as_str()),
            ("192.0.2.0/24", "192.0.2.1")
        );
        assert_eq!(segment.name.as_ref().map(|name| name.value.as_str()), Some("eth0"));
        let server = &segment.dhcp[0];
        assert_eq!(server.lease_seconds.as_ref().map(|lease| lease.value), Some(86_400));
        assert_eq!((server.state.value, server.completeness), (DhcpState::On, Completeness::Full));
        let owners: Vec<String> = server.reservations.iter().map(|host| host.value.owner()).collect();
        assert_eq!(owners, ["nas (00:00:5e:00:53:01)"], "what is not static is no reservation");
        assert!(sources.iter().all(|(_, source)| !source.text.contains("NotAReal")));
    }

    #[test]
    fn without_leases_reservations_are_not_known() {
        assert_eq!(read(YAML).dhcp[0].completeness, Completeness::RangeOnly);
        assert!(pages(&[("leases.json", LEASES)]).is_err());
    }

    #[test]
    fn yes_and_no_in_all_their_words() {
        for (word, state) in [("True", DhcpState::On), ("yes", DhcpState::On), ("Off", DhcpState::Off)] {
            let text =
                YAML.replace("  enabled: true\n  interface_name", &format!("  enabled: {word}\n  interface_name"));
            assert_eq!(read(&text).dhcp[0].state.value, state, "{word}");
        }
        let unclear = YAML.replace("  enabled: true\n  interface_name", "  enabled: maybe\n  interface_name");
        assert!(pages(&[("a", &unclear)]).is_err());
        let slaac = read(&YAML.replace("ra_slaac_only: false", "ra_slaac_only: True"));
        assert_eq!(ranges(&slaac), ["192.0.2.100-192.0.2.199"]);
    }

    #[test]
    fn options_come_before_the_gateway() {
        let with = |options: &str| {
            let segment = read(&YAML.replace("    options: []\n", options));
            let gateways: Vec<String> = segment.gateways.iter().map(|own| own.value.to_string()).collect();
            let dns: Vec<String> = segment.dns.iter().map(|own| own.value.to_string()).collect();
            let hosts: Vec<String> = segment.hosts.iter().map(|host| host.value.address.to_string()).collect();
            (gateways.join(" "), dns.join(" "), hosts.join(" "))
        };
        let said = |gateways: &str, dns: &str, hosts: &str| (gateways.to_owned(), dns.to_owned(), hosts.to_owned());
        assert_eq!(
            with("    options:\n      - 3 ip 192.0.2.254\n      - \"6 ips 192.0.2.53,192.0.2.54\"\n"),
            said("192.0.2.254", "192.0.2.53 192.0.2.54", "192.0.2.1")
        );
        assert_eq!(with("    options: ['3 hex c00002fe']\n"), said("192.0.2.254", "", "192.0.2.1"));
        assert_eq!(with("    options: ['3 del']\n"), said("", "", "192.0.2.1"));
        // What AdGuard Home cannot read it passes over.
        assert_eq!(with("    options: ['3 ip here', '33 ip 192.0.2.9', '3']\n"), said("192.0.2.1", "", ""));
    }

    #[test]
    fn a_range_in_the_prefix_of_the_day_is_not_known() {
        let day = read(&YAML.replace("ra_slaac_only: false", "prefix_source: interface\n    ra_slaac_only: false"));
        assert_eq!(
            (ranges(&day), day.dhcp[0].completeness),
            (vec!["192.0.2.100-192.0.2.199".into()], Completeness::Partial)
        );
        let wrong = YAML.replace("range_start: 2001:db8:1::80", "range_start: 2001:db8:1:80");
        assert!(pages(&[("a", &wrong)]).is_err());
    }

    #[test]
    fn what_was_not_given_is_told() {
        let gaps = |texts: &[(&str, &str)]| -> Vec<String> {
            let facts = pages(texts).expect("it is read").0;
            facts.gaps.into_iter().map(|gap| gap.value).collect()
        };
        assert_eq!(
            gaps(&[("AdGuardHome.yaml", YAML)]),
            ["AdGuardHome.yaml, line 17: `dhcp:` keeps static leases in data/leases.json, which was not given with it"]
        );
        let old = "[{\"mac\":\"AABeAFMB\",\"ip\":\"wAACFA==\",\"host\":\"nas\",\"exp\":1}]";
        let with_old = [("AdGuardHome.yaml", YAML), ("leases.db", old)];
        assert_eq!(gaps(&with_old).len(), 1);
        assert!(gaps(&with_old)[0].starts_with("leases.db, line 1:"), "{:?}", gaps(&with_old));
        assert_eq!(pages(&with_old).expect("it is read").0.segments[0].dhcp[0].completeness, Completeness::RangeOnly);
        assert!(gaps(&[("AdGuardHome.yaml", YAML), ("leases.json", LEASES)]).is_empty());
        assert!(pages(&[("one.yaml", YAML), ("two.yaml", YAML)]).is_err());
    }

    #[test]
    fn null_and_zero_are_not_said() {
        let null = read(&YAML.replace("range_start: 2001:db8:1::80", "range_start: ~"));
        assert_eq!(ranges(&null), ["192.0.2.100-192.0.2.199"]);
        let zero = read(&YAML.replace("lease_duration: 86400", "lease_duration: 0"));
        assert_eq!(zero.dhcp[0].lease_seconds.as_ref().map(|lease| lease.value), Some(86_400));
        let windows = read(&YAML.replace('\n', "\r\n"));
        assert_eq!(ranges(&windows), ["192.0.2.100-192.0.2.199", "2001:db8:1::80-2001:db8:1::ff"]);
    }

    #[test]
    fn what_is_off_or_older() {
        let off = read(&YAML.replace("  enabled: true\n  interface_name", "  enabled: false\n  interface_name"));
        assert_eq!((off.dhcp[0].state.value, off.dhcp[0].leased().count()), (DhcpState::Off, 0));
        let slaac = read(&YAML.replace("ra_slaac_only: false", "ra_slaac_only: true"));
        assert_eq!(ranges(&slaac), ["192.0.2.100-192.0.2.199"]);
        let old = "dhcp:\n  enabled: true\n  interface_name: eth0\n  gateway_ip: 192.0.2.1\n  subnet_mask: 255.255.255.0\n  range_start: 192.0.2.2\n  range_end: 192.0.2.9\n";
        assert_eq!(ranges(&read(old)), ["192.0.2.2-192.0.2.9"]);
        let empty = read("dhcp:\n  enabled: true\n  interface_name: eth0\n  dhcpv4:\n    range_start: \"\"\n");
        assert!(!empty.dhcp[0].knows_ranges());
        for text in [
            "dhcp:\n  interface_name: x\n",
            "dhcp: {enabled: true, dhcpv4: {range_start: x}}",
            "dhcp:\n  enabled: [\n",
            "dhcp:\n  enabled: true\n  range_start: 10.0.0.9\n  range_end: 10.0.0.1\n",
        ] {
            assert!(pages(&[("a", text)]).is_err(), "{text}");
        }
    }
}
