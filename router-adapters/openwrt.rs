//! OpenWrt: the UCI files `dhcp` and `network`.
//!
//! ## What it reads
//!
//! `config dhcp` of `/etc/config/dhcp`: `interface`, `start`, `limit`, `leasetime`, `ignore`, `dynamicdhcp`, `netmask`,
//! `dhcp_option` 3 (router) and 6 (DNS), and whether `dhcpv6` leases; `config host`: `ip`, `mac`, `name`. `config interface` of `/etc/config/network`: `ipaddr` (with `netmask`, or with a prefix, also several),
//! `proto`.
//!
//! `start` counts from the network's address and `limit` is a *number* of addresses: with 192.168.1.1/24, `start 100` and
//! `limit 150` are .100 to .249. The range never reaches the broadcast address. Unset, they are 100 and 150, as OpenWrt
//! documents; the range is then less sure.
//!
//! ## How to get it
//!
//! `scp root@192.168.1.1:/etc/config/dhcp root@192.168.1.1:/etc/config/network .`, then
//! `poolcheck router read --adapter openwrt dhcp network`.
//!
//! ## What it cannot know
//!
//! Without `network` the addresses behind `start` and `limit`: then no range is told, only that the server leases. An
//! interface whose address comes from another server. Which addresses of IPv6 odhcpd leases: the prefixes are those of the day, and
//! such a server is *partial*.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use poolcheck_plan::facts::{Completeness, DhcpState, Host, Reservation, Role, Segment, Sourced};
use poolcheck_plan::{Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
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
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let mut words = words(line);
        match words.next() {
            Some("config") => {
                let (kind, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                sections.push(Section { kind, name, entries: Vec::new() });
            }
            Some("option" | "list") => {
                if let (Some(section), Some(key), Some(value)) = (sections.last_mut(), words.next(), words.next()) {
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
        let quote = rest.chars().next()?;
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

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let files: Vec<Said<'_>> = input.pages.iter().map(|page| Said::new(page, shown(page.text), sources)).collect();
    let all: Vec<(&Said<'_>, Section<'_>)> =
        files.iter().flat_map(|file| sections(file.text).into_iter().map(move |section| (file, section))).collect();
    let mut interfaces: HashMap<&str, &(&Said<'_>, Section<'_>)> = HashMap::new();
    for own in all.iter().filter(|(_, section)| section.kind == "interface") {
        interfaces.entry(own.1.name).or_insert(own);
    }
    let mut segments = Vec::new();
    for (file, dhcp) in all.iter().filter(|(_, section)| section.kind == "dhcp") {
        let name = dhcp.get("interface").unwrap_or(dhcp.name);
        let interface = interfaces.get(name);
        // A section that only says that an upstream interface serves nobody is no segment of the LAN.
        let ignored = dhcp.is_on("ignore") == Some(true);
        if ignored && matches!(name, "wan" | "wan6") {
            continue;
        }
        let mut segment = Segment { name: Some(file.surely(name.to_owned(), name)), ..Segment::default() };
        let own = interface.and_then(|(network_file, section)| Some((*network_file, address_of(section)?)));
        let own = own.and_then(|(network_file, (net, part))| Some((network_file, (masked(dhcp, net)?, part))));
        segment.dns.extend(told(file, dhcp, ["6", "option:dns-server"]).unwrap_or_default());
        let routers = told(file, dhcp, ["3", "option:router"]);
        if let Some((network_file, (net, part))) = own {
            segment.subnets.push(network_file.surely(net.trunc().into(), part));
            let address = IpAddr::V4(net.addr());
            if routers.as_ref().is_some_and(|routers| routers.iter().all(|router| router.value != address)) {
                // Machines are sent to another router; this one is still there.
                let host = Host { address, name: None, mac: None, role: Role::Router };
                segment.hosts.push(network_file.surely(host, part));
            } else if routers.is_none() {
                segment.gateways.push(network_file.surely(address, part));
            }
        }
        segment.gateways.extend(routers.unwrap_or_default());
        segment.dhcp.push(server(file, dhcp, ignored, own.map(|(_, (net, _))| net))?);
        segment.dhcp.extend(six(file, dhcp, ignored));
        segments.push(segment);
    }
    if segments.is_empty() {
        let message = "no `config dhcp` section was found";
        return Err(Complaint::whole(message).help("give /etc/config/dhcp, and /etc/config/network with it").into());
    }
    let hosts: Vec<Sourced<Reservation>> = all
        .iter()
        .filter(|(_, section)| section.kind == "host")
        .filter_map(|(file, host)| reservation(file, host))
        .collect();
    said::share(&hosts, &mut segments)?;
    let title = input.pages.first().map_or("openwrt", |page| page.name);
    Ok(said::facts("openwrt", title, HOW_TO_SHRINK, segments))
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
    let mask: Ipv4Addr = interface.get("netmask")?.parse().ok()?;
    Some((Ipv4Net::with_netmask(first.parse().ok()?, mask).ok()?, first))
}

/// The network as DHCP has it: its section may have a netmask of its own.
fn masked(dhcp: &Section<'_>, net: Ipv4Net) -> Option<Ipv4Net> {
    let Some(mask) = dhcp.get("netmask") else { return Some(net) };
    Ipv4Net::with_netmask(net.addr(), mask.parse().ok()?).ok()
}

/// What `dhcp_option` tells of one option, by its number and its name; `None` where nothing is said of it.
fn told(file: &Said<'_>, dhcp: &Section<'_>, names: [&str; 2]) -> Option<Vec<Sourced<IpAddr>>> {
    let fields = |option: &'_ str| names.iter().any(|name| option.split(',').next().map(str::trim) == Some(*name));
    let last = dhcp.all("dhcp_option").filter(|option| fields(option)).last()?;
    let list = last.split(',').skip(1).map(str::trim).take(said::MAX_ADDRESSES);
    let list = list.filter_map(|part| Some((part.parse::<IpAddr>().ok()?, part)));
    // The unspecified address stands for the router itself.
    Some(
        list.filter(|(address, _)| !address.is_unspecified())
            .map(|(address, part)| file.surely(address, part))
            .collect(),
    )
}

/// What odhcpd does of IPv6: where it leases, the prefixes are those of the day.
fn six(file: &Said<'_>, dhcp: &Section<'_>, ignored: bool) -> Option<poolcheck_plan::facts::DhcpServer> {
    let part = dhcp.get("dhcpv6")?;
    let state = match part {
        "server" if ignored => DhcpState::Unknown,
        "server" if dhcp.is_on("dynamicdhcp") == Some(false) => DhcpState::StaticOnly,
        "server" => DhcpState::On,
        "relay" => DhcpState::Relay,
        "hybrid" => DhcpState::Unknown,
        _ => return None,
    };
    Some(poolcheck_plan::facts::DhcpServer { completeness: Completeness::Partial, ..file.server(state, part) })
}

fn server(
    file: &Said<'_>,
    dhcp: &Section<'_>,
    ignored: bool,
    net: Option<Ipv4Net>,
) -> Result<poolcheck_plan::facts::DhcpServer, AdapterError> {
    if ignored {
        return Ok(file.server(DhcpState::Off, dhcp.get("ignore").unwrap_or(dhcp.name)));
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
    let dynamic = dhcp.is_on("dynamicdhcp") != Some(false);
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
    let (base, last) = (u32::from(net.network()), u32::from(net.broadcast()));
    let first = (base | (start & !u32::from(net.netmask()))).max(base + 1);
    let end = first.saturating_add(limit.saturating_sub(1)).min(last.saturating_sub(1));
    if limit > 0
        && first <= end
        && let Some(range) = said::ordered(Ipv4Addr::from(first).into(), Ipv4Addr::from(end).into())
    {
        let mut said = match (start_part, limit_part) {
            (Some(part), Some(_)) => file.surely(range, part),
            (part, other) => file.probably(range, part.or(other).unwrap_or(place)),
        };
        if let (Some(from), Some(to)) = (start_part, limit_part) {
            said.place = file.span(from).cover(file.span(to));
        }
        server.ranges.push(said);
    }
    Ok(server)
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
        assert_eq!(lan(&DHCP.replace("'100'", "'0'"), NETWORK), ["192.168.1.1-192.168.1.150"]);
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
