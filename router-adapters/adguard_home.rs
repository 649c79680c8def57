//! AdGuard Home: `AdGuardHome.yaml`, and `leases.json` beside it.
//!
//! ## What it reads
//!
//! `dhcp` of the YAML file: `enabled`, `interface_name`, `dhcpv4` (`gateway_ip`, `subnet_mask`, `range_start`, `range_end`,
//! `lease_duration`) and `dhcpv6` (`range_start`, `ra_slaac_only`); the older layout, with these keys in `dhcp` itself, too. Static
//! leases are in `data/leases.json`, which is read when it is given with the file.
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
//! Static leases without `leases.json`. AdGuard Home's own address, which it hands out as the DNS server.

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
    yaml || is_leases(text)
}

/// Whether a text is `leases.json`.
fn is_leases(text: &str) -> bool {
    text.trim_start().starts_with('{') && text.contains("\"leases\"") && text.contains("\"static\"")
}

/// The values of the keys below `dhcp`, by their path, with their bytes; `None` where the text is no YAML.
fn values(text: &str) -> Result<HashMap<String, &str>, String> {
    let options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    // Open collections: the key that is waiting for its value, in a mapping; nothing, in a sequence.
    let mut open: Vec<Option<Option<String>>> = Vec::new();
    let mut found = HashMap::new();
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
                let Some(Some(key)) = open.last_mut() else { continue };
                if key.is_none() {
                    *key = Some(cooked.into_owned());
                    continue;
                }
                let path: Option<Vec<&str>> = open.iter().map(|key| key.as_ref().and_then(Option::as_deref)).collect();
                if let Some(path) = path.filter(|path| path[0] == "dhcp" && path.len() <= 3) {
                    let raw = span.byte_range().and_then(|range| text.get(range)).unwrap_or_default();
                    let raw = raw.trim().trim_matches(['"', '\'']);
                    found.insert(path.join("."), raw);
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
    let show = |text: &str| if is_leases(text) { json::shown(text) } else { shown(text) };
    let files: Vec<Said<'_>> = input.pages.iter().map(|page| Said::new(page, show(page.text), sources)).collect();
    let names: Vec<&str> = input.pages.iter().map(|page| page.name).collect();
    let Some(main) = files.iter().position(|file| !is_leases(file.text)) else {
        let message = "leases.json alone says no range";
        return Err(Complaint::whole(message).help("give AdGuardHome.yaml with it").into());
    };
    let file = &files[main];
    let values = values(file.text).map_err(|reason| {
        let message = format!("{} cannot be read as YAML: {reason}", names[main]);
        AdapterError::from(Complaint::whole(message).help("is it AdGuardHome.yaml?"))
    })?;
    let get = |key: &str| {
        let paths = [format!("dhcp.dhcpv4.{key}"), format!("dhcp.{key}")];
        paths.iter().find_map(|path| values.get(path)).copied().filter(|value| !value.is_empty())
    };
    let Some(enabled) = values.get("dhcp.enabled").copied() else {
        let message = format!("{} does not say dhcp.enabled", names[main]);
        return Err(Complaint::whole(message).help("is it AdGuardHome.yaml?").into());
    };
    let on = enabled == "true";
    let state = if on { DhcpState::On } else { DhcpState::Off };
    let interface = values.get("dhcp.interface_name").copied().filter(|name| !name.is_empty());
    let name = interface.map(|name| file.surely(name.to_owned(), name));
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
    match (address("range_start")?, address("range_end")?) {
        (Some((first, from)), Some((last, to))) => {
            let Some(range) = AddrRange::new(first.into(), last.into()) else {
                let message = format!("AdGuard Home does not start with a range from {first} to {last}");
                let complaint = Complaint::at(file.span(from), "it starts here", message);
                return Err(complaint.related(file.span(to), "and ends before").help("exchange the two").into());
            };
            server.ranges.push(file.surely(range, said::from_to(file.text, from, to)));
        }
        // Without one AdGuard Home leases no IPv4 addresses.
        _ if on && values.get("dhcp.dhcpv6.range_start").is_none_or(|start| start.is_empty()) => {
            server.completeness = Completeness::Partial;
        }
        _ => {}
    }
    let six = values.get("dhcp.dhcpv6.range_start").copied().filter(|text| !text.is_empty());
    let slaac_only = values.get("dhcp.dhcpv6.ra_slaac_only") == Some(&"true");
    let six = six.filter(|_| !slaac_only).and_then(|text| Some((text.parse::<Ipv6Addr>().ok()?, text)));
    if let Some((first, text)) = six {
        let last = Ipv6Addr::from(u128::from(first) | 0xff);
        server.ranges.extend(AddrRange::new(first.into(), last.into()).map(|range| file.surely(range, text)));
    }
    let lease = get("lease_duration");
    server.lease_seconds = lease.and_then(|text| Some(file.surely(text.parse().ok()?, text)));
    reservations(&files, &names, &segment, &mut server)?;
    segment.dhcp.push(server);
    Ok(said::facts("adguard-home", names[main], HOW_TO_SHRINK, vec![segment]))
}

/// The static leases of `leases.json`, where it is given.
fn reservations(
    files: &[Said<'_>],
    names: &[&str],
    segment: &Segment,
    server: &mut DhcpServer,
) -> Result<(), AdapterError> {
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
    Ok(())
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
