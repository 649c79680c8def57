//! OPNsense: its `config.xml`.
//!
//! ## What it reads
//!
//! All three DHCP servers, and which of them is on. Kea, below `<OPNsense><Kea>`: `general` (`enabled`, `interfaces`,
//! `valid_lifetime`), `subnet4` and `subnet6` with `pools` (a line each: `a-b` or a prefix) and `option_data`, `reservation`.
//! Dnsmasq, `<dnsmasq>`: `enable`, `interface`, `dhcp_ranges`, `hosts` with an `hwaddr`, `dhcp_options` 3 and 6. ISC dhcpd, `<dhcpd>`
//! and `<dhcpdv6>` as pfSense has them. The interfaces' own addresses, VLAN tags, DHCP relays.
//!
//! The file holds every secret of the firewall: only what is read here is ever shown.
//!
//! ## How to get it
//!
//! System > Configuration > Backups > Download, without encryption; then `poolcheck router read config.xml`.
//!
//! ## What it cannot know
//!
//! What is written by hand for Kea (*manual configuration*), or into files of dnsmasq. IPv6 ranges in a prefix that the provider
//! delegates (*constructor*, *prefix source*, an interface that tracks another): what is written is only their end. Whether the plugin
//! for ISC dhcpd is still installed.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use poolcheck_plan::facts::{Completeness, DhcpState, Reservation, Sourced};
use poolcheck_plan::{AddrRange, Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Input, Page};
use crate::firewall::{self, Config, Firewall, Served, is_on};
use crate::said;
use crate::xml::{self, Element};

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "opnsense",
    title: "OPNsense, config.xml",
    tested_on: "written fixtures, by OPNsense's source of 2026",
    how_to_shrink: Some(OPNSENSE.how_to_shrink),
    recognise,
    parse,
};

const OPNSENSE: Firewall = Firewall {
    adapter: "opnsense",
    root: "opnsense",
    areas: &[],
    how_to_shrink: "On OPNsense: Services > Dnsmasq DNS & DHCP > DHCP ranges, or Services > Kea DHCP > Kea DHCPv4 > Subnets > Pools.",
    others: |config, served| {
        kea(config, ("dhcp4", "subnet4"), served)?;
        kea(config, ("dhcp6", "subnet6"), served)?;
        dnsmasq(config, served)
    },
};

fn recognise(page: &Page<'_>) -> bool {
    xml::begins_with(page.text, OPNSENSE.root)
}

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    firewall::parse(&OPNSENSE, input, sources)
}

fn kea(config: &Config<'_>, (family, subnet_name): (&str, &str), served: &mut Vec<Served>) -> Result<(), AdapterError> {
    let file = config.file;
    let Some(kea) = config.root.at(&["OPNsense", "Kea", family]) else { return Ok(()) };
    let general = kea.get("general");
    let said_on = general.and_then(|general| general.get("enabled"));
    let listens: Vec<&str> =
        general.and_then(|general| general.value("interfaces")).unwrap_or_default().split(',').map(str::trim).collect();
    // Without an interface it does not start.
    let on = said_on.is_some_and(|on| on.written() == "1") && listens.iter().any(|key| !key.is_empty());
    let by_hand = general.and_then(|general| general.get("manual_config")).filter(|by_hand| by_hand.written() == "1");
    let place = by_hand.or(said_on).unwrap_or(kea);
    if let Some(by_hand) = by_hand.filter(|_| on) {
        // Another file has the ranges, and the ones in this one may be of yesterday.
        for number in listens.iter().filter_map(|key| config.interface(key)) {
            let mut server = file.server(DhcpState::Unknown, by_hand.place());
            server.completeness = Completeness::Partial;
            served.push(Served { interface: Some(number), ..Served::by(server) });
        }
        return Ok(());
    }
    let lifetime = general.and_then(|general| general.value("valid_lifetime"));
    let reservations = kea.at(&["reservations"]).into_iter().flat_map(|all| all.all("reservation"));
    let mut by_subnet: HashMap<&str, Vec<Sourced<Reservation>>> = HashMap::new();
    for (subnet, reservation) in
        reservations.filter_map(|host| Some((host.value("subnet")?, reservation(config, host)?)))
    {
        by_subnet.entry(subnet).or_default().push(reservation);
    }
    for subnet in kea.get("subnets").into_iter().flat_map(|subnets| subnets.all(subnet_name)) {
        let net = subnet.value("subnet").and_then(|text| Some((text.parse::<IpNet>().ok()?.trunc(), text)));
        let named = subnet.value("interface").and_then(|key| config.interface(key));
        let interface = named.or_else(|| {
            config.interfaces.iter().position(|interface| {
                let v4 = interface.v4.map(|(own, _)| IpAddr::V4(own.addr()));
                let v6 = interface.v6.map(|(own, _)| IpAddr::V6(own.addr()));
                net.is_some_and(|(net, _)| v4.into_iter().chain(v6).any(|own| net.contains(&own)))
            })
        });
        let state = match interface {
            _ if !on => DhcpState::Off,
            // It does not listen there, and perhaps a relay brings it requests; or it may be switched on with its interface any day.
            Some(number) if !listens.contains(&config.interfaces[number].key) => DhcpState::Unknown,
            Some(number) if !config.interfaces[number].enabled => DhcpState::Unknown,
            _ => DhcpState::On,
        };
        let mut server = file.server(state, place.place());
        // Its prefix is another interface's own of the day, and its pool is made of that.
        if subnet.value("prefix_source").is_some() {
            server.completeness = Completeness::Partial;
        }
        for text in pools(subnet) {
            match said::span_of_addresses(text) {
                Some(range) if net.is_none_or(|(net, _)| AddrRange::from_net(net).covers(range)) => {
                    server.ranges.push(file.surely(range, text));
                }
                _ => server.completeness = Completeness::Partial,
            }
        }
        if server.ranges.is_empty() && state == DhcpState::On && server.completeness == Completeness::Full {
            server.state.value = DhcpState::StaticOnly;
        }
        let own = subnet.node.attribute("uuid").and_then(|uuid| by_subnet.remove(uuid));
        server.reservations = own.unwrap_or_default();
        let lease = subnet.value("valid_lifetime").or(lifetime);
        server.lease_seconds = lease.and_then(|text| Some(file.surely(text.parse().ok()?, text)));
        let options = subnet.get("option_data");
        let option = |name: &str| {
            options.and_then(|options| options.value(name)).map(|text| config.addresses(text)).unwrap_or_default()
        };
        let (gateways, mut dns) = (option("routers"), option("domain_name_servers"));
        dns.extend(option("dns_servers"));
        let subnet = net.map(|(net, text)| file.surely(net, text));
        served.push(Served { interface, name: None, subnet, server, gateways, dns });
        if served.len() > 4 * said::MAX_SEGMENTS {
            return Err(said::too_many().into());
        }
    }
    Ok(())
}

/// The pools of a subnet: a line each.
fn pools(subnet: Element<'_>) -> impl Iterator<Item = &str> {
    let lists = subnet.all("pools").flat_map(|pools| {
        let within = pools.all("pool").map(|pool| pool.value("pool").unwrap_or(pool.written()));
        std::iter::once(pools.written()).chain(within.collect::<Vec<_>>())
    });
    // A line may end as on Windows, which XML writes as a number.
    let lines = lists.flat_map(|list| list.split(['\n', ','])).map(|line| line.trim().trim_end_matches("&#13;").trim());
    lines.filter(|line| !line.is_empty())
}

fn reservation(config: &Config<'_>, host: Element<'_>) -> Option<Sourced<Reservation>> {
    let text = host.value("ip_address")?;
    let mac = host.value("hw_address").and_then(said::mac);
    let reservation = Reservation { address: text.parse().ok()?, mac, name: host.value("hostname").map(str::to_owned) };
    Some(config.file.surely(reservation, text))
}

fn dnsmasq<'a>(config: &Config<'a>, served: &mut Vec<Served>) -> Result<(), AdapterError> {
    let file = config.file;
    let Some(dnsmasq) = config.root.get("dnsmasq") else { return Ok(()) };
    let enable = dnsmasq.get("enable");
    let on = enable.is_some_and(|enable| is_on(enable) && !enable.written().is_empty());
    let place = enable.unwrap_or(dnsmasq).place();
    let keys = |list: Option<&'a str>| list.unwrap_or_default().split(',').map(str::trim).collect::<Vec<_>>();
    let only = keys(dnsmasq.value("interface"));
    let never = keys(dnsmasq.get("dhcp").and_then(|dhcp| dhcp.value("no_interface")));
    let listens = |number: usize| {
        let key = config.interfaces[number].key;
        !never.contains(&key) && (only == [""] || only.contains(&key))
    };
    let first_new = served.len();
    // The tags that machines get by the ranges of each, as many as there are ranges.
    let mut tags: Vec<Vec<Option<&str>>> = Vec::new();
    for range in dnsmasq.all("dhcp_ranges") {
        let Some(from) = range.value("start_addr") else { continue };
        let Ok(first) = from.parse::<IpAddr>() else { continue };
        let named = range.value("interface").or_else(|| range.value("constructor"));
        let interface = named.and_then(|key| config.interface(key)).or_else(|| config.interface_at(first));
        let modes =
            || ["mode", "ra_mode"].into_iter().filter_map(|name| range.value(name)).flat_map(|list| list.split(','));
        let to = range.value("end_addr");
        let state = match interface {
            _ if !on => DhcpState::Off,
            Some(number) if !listens(number) => DhcpState::Off,
            // It may be switched on with its interface any day.
            Some(number) if !config.interfaces[number].enabled => DhcpState::Unknown,
            _ if modes().any(|mode| matches!(mode.trim(), "static" | "ra-stateless")) => DhcpState::StaticOnly,
            // With its beginning alone a prefix is advertised, and nothing leased.
            _ if first.is_ipv6() && to.is_none() => DhcpState::Off,
            _ => DhcpState::On,
        };
        let mut server = file.server(state, place);
        match to.and_then(|to| Some((said::ordered_of(first, to.parse().ok()?)?, to))) {
            Some((whole, to)) if range.value("constructor").is_none() && !is_host_part(first) => {
                server.ranges.push(file.surely(whole, said::from_to(file.text, from, to)));
            }
            // The prefix is the interface's own of the day.
            _ if matches!(state, DhcpState::On | DhcpState::Unknown) => server.completeness = Completeness::Partial,
            _ => {}
        }
        // 0 is for ever.
        let lease = range.value("lease_time").filter(|lease| *lease != "0");
        server.lease_seconds = lease.and_then(|text| Some(file.surely(text.parse().ok()?, text)));
        let net = range.value("subnet_mask").and_then(|text| match (first, text.parse::<Ipv4Addr>()) {
            (IpAddr::V4(first), Ok(mask)) => Some(file.surely(said::network(first, mask)?, text)),
            _ => None,
        });
        let subnet = net.filter(|_| interface.is_none());
        // Several ranges of one interface are one server's.
        let same = served[first_new..].iter().position(|known| {
            let net = |subnet: &Option<Sourced<IpNet>>| subnet.as_ref().map(|subnet| subnet.value);
            known.interface == interface
                && net(&known.subnet) == net(&subnet)
                && known.server.state.value == state
                && known.server.ranges.first().is_none_or(|range| range.value.first().is_ipv4() == first.is_ipv4())
        });
        let set = range.value("set_tag");
        if let Some(at) = same {
            tags[at].push(set);
            let known = &mut served[first_new + at];
            known.server.ranges.extend(server.ranges);
            known.server.lease_seconds = known.server.lease_seconds.take().or(server.lease_seconds);
            if server.completeness == Completeness::Partial {
                known.server.completeness = Completeness::Partial;
            }
        } else {
            tags.push(vec![set]);
            served.push(Served { interface, subnet, ..Served::by(server) });
        }
        if served.len() > 4 * said::MAX_SEGMENTS {
            return Err(said::too_many().into());
        }
    }
    let hosts = dnsmasq.all("hosts").filter(|host| host.value("ignore") != Some("1"));
    for host in hosts.filter(|host| host.value("hwaddr").is_some() || host.value("client_id").is_some()) {
        let mac = host.value("hwaddr").and_then(|list| said::mac(list.split(',').next()?.trim()));
        for text in host.value("ip").unwrap_or_default().split(',').map(str::trim) {
            let Ok(address) = text.parse::<IpAddr>() else { continue };
            let at = config.interface_at(address);
            let own = served[first_new..].iter_mut().find(|known| known.interface == at);
            if let Some(own) = own.filter(|_| !is_host_part(address)) {
                let name = host.value("host").map(str::to_owned);
                own.server.reservations.push(file.surely(Reservation { address, mac: mac.clone(), name }, text));
            }
        }
    }
    let options: Vec<Told<'_>> = dnsmasq.all("dhcp_options").filter_map(|option| told(config, option)).collect();
    if options.len() > said::MAX_SEGMENTS {
        return Err(said::too_many().into());
    }
    for (known, tags) in served[first_new..].iter_mut().zip(&tags) {
        let distinct: BTreeSet<Option<&str>> = tags.iter().copied().collect();
        for set in distinct {
            for router in [true, false] {
                let fits = |told: &&Told<'_>| {
                    told.router == router
                        && told.interface.is_none_or(|of| Some(of) == known.interface)
                        && told.tags.iter().all(|tag| Some(*tag) == set)
                };
                let general = |told: &Told<'_>| told.interface.is_none() && told.tags.is_empty();
                // What is told to some machines only comes before what is told to all.
                let special = options.iter().filter(fits).any(|told| !general(told));
                let addresses = options.iter().filter(fits).filter(|told| !(special && general(told)));
                let addresses = addresses.flat_map(|told| config.addresses(told.value));
                // 0.0.0.0 stands for the firewall itself.
                let addresses = addresses.filter(|address| !address.value.is_unspecified());
                said::add_new(if router { &mut known.gateways } else { &mut known.dns }, addresses);
            }
        }
    }
    Ok(())
}

/// Whether an address is only the end of one, in whatever prefix there is.
fn is_host_part(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.segments()[..4] == [0; 4])
}

/// Routers or DNS servers that dnsmasq tells to machines on an interface, or with tags.
struct Told<'a> {
    router: bool,
    interface: Option<usize>,
    tags: Vec<&'a str>,
    value: &'a str,
}

fn told<'a>(config: &Config<'a>, option: Element<'a>) -> Option<Told<'a>> {
    if option.value("type") == Some("match") {
        return None;
    }
    let router = match (option.value("option"), option.value("option6")) {
        (Some("3" | "router"), _) => true,
        (Some("6" | "dns-server"), _) | (None, Some("23" | "dns-server")) => false,
        _ => return None,
    };
    // An interface that is not there has no machines.
    let interface = match option.value("interface") {
        Some(key) => Some(config.interface(key)?),
        None => None,
    };
    let tags =
        option.value("tag").unwrap_or_default().split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect();
    Some(Told { router, interface, tags, value: option.value("value").unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEA: &str = include_str!("fixtures/opnsense/kea.xml");
    const DNSMASQ: &str = include_str!("fixtures/opnsense/dnsmasq.xml");

    fn read(text: &str) -> (Facts, Sources) {
        let page = Page { name: "config.xml", text };
        assert!(recognise(&page));
        let mut sources = Sources::new();
        let facts = parse(&Input { pages: &[page], read_at: None }, &mut sources).expect("it is read");
        (facts, sources)
    }

    fn leased(facts: &Facts, segment: usize) -> Vec<String> {
        let servers = facts.segments[segment].dhcp.iter();
        servers.flat_map(|server| server.leased().map(|(range, _)| range.to_string()).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn kea_by_its_pools() {
        let (facts, sources) = read(KEA);
        let lan = &facts.segments[0];
        assert_eq!(lan.name.as_ref().map(|name| name.value.as_str()), Some("LAN"));
        assert_eq!(
            leased(&facts, 0),
            ["192.168.1.100-192.168.1.199", "192.168.1.224-192.168.1.231", "2001:db8:1::1000-2001:db8:1::1fff"]
        );
        assert_eq!(lan.dhcp.len(), 2, "ISC is off, and says nothing beside Kea");
        assert_eq!(lan.dhcp[0].reservations[0].value.owner(), "printer (00:00:5e:00:53:10)");
        assert_eq!(lan.dhcp[0].lease_seconds.as_ref().map(|lease| lease.value), Some(4000));
        assert_eq!((lan.gateways.len(), lan.dns.len()), (1, 3));
        assert_eq!(sources.slice(lan.dhcp[0].ranges[1].place), "192.168.1.224/29");
        // Kea does not listen on the second interface.
        assert_eq!(facts.segments[1].dhcp[0].state.value, DhcpState::Unknown);
        assert_eq!(facts.segments[1].dhcp[0].lease_seconds.as_ref().map(|lease| lease.value), Some(600));
        // A network behind a relay has no interface here.
        assert_eq!(facts.segments[2].subnets[0].value.to_string(), "10.99.0.0/16");
        assert_eq!(leased(&facts, 2), ["10.99.0.10-10.99.3.250"]);
    }

    #[test]
    fn kea_by_hand_is_not_known_and_kea_off_leases_nothing() {
        let (facts, _) = read(&KEA.replacen("<manual_config>0", "<manual_config>1", 1));
        let server = &facts.segments[0].dhcp[0];
        assert_eq!((server.state.value, server.ranges.len()), (DhcpState::Unknown, 0));
        assert!(!server.knows_ranges());
        let (facts, _) = read(&KEA.replace("<enabled>1</enabled>", "<enabled>0</enabled>"));
        assert!(facts.segments.iter().flat_map(|segment| &segment.dhcp).all(|s| s.state.value == DhcpState::Off));
        let (facts, _) = read(&KEA.replace("<interfaces>lan</interfaces>", "<interfaces/>"));
        assert!(leased(&facts, 0).is_empty());
    }

    #[test]
    fn dnsmasq_by_its_ranges() {
        let (facts, sources) = read(DNSMASQ);
        assert_eq!(leased(&facts, 0), ["192.168.1.100-192.168.1.199", "192.168.1.210-192.168.1.219"]);
        let lan = &facts.segments[0];
        assert_eq!(lan.dhcp.len(), 2, "{:?}", lan.dhcp);
        let owners: Vec<String> = lan.dhcp[0].reservations.iter().map(|host| host.value.owner()).collect();
        assert_eq!(owners, ["nas (00:00:5e:00:53:21)"]);
        assert_eq!(lan.dhcp[0].lease_seconds.as_ref().map(|lease| lease.value), Some(86_400));
        // The end of an address in a prefix of the day.
        assert_eq!((lan.dhcp[1].completeness, lan.dhcp[1].ranges.len()), (Completeness::Partial, 0));
        assert_eq!(lan.dns.iter().map(|dns| dns.value.to_string()).collect::<Vec<_>>(), ["192.168.1.53"]);
        let guests = &facts.segments[1];
        assert_eq!(
            (guests.vlan.as_ref().map(|vlan| vlan.value), guests.dhcp[0].state.value),
            (Some(30), DhcpState::StaticOnly)
        );
        // On the third one dnsmasq is told to lease nothing.
        assert_eq!(facts.segments[2].dhcp[0].state.value, DhcpState::Off);
        assert!(sources.iter().all(|(_, source)| !source.text.contains("NotAReal")));
        let off = DNSMASQ.replace("<enable>1</enable>\n    <regdhcp>", "<enable>0</enable>\n    <regdhcp>");
        assert!(leased(&read(&off).0, 0).is_empty());
    }

    #[test]
    fn what_is_made_of_a_prefix_of_the_day_is_not_known() {
        let pools = "<pools>2001:db8:1::1000-2001:db8:1::1fff</pools>";
        assert!(KEA.contains(pools));
        let (facts, _) = read(&KEA.replace(pools, "<pools/><prefix_source>wan</prefix_source>"));
        let server = &facts.segments[0].dhcp[1];
        assert_eq!((server.state.value, server.completeness), (DhcpState::On, Completeness::Partial));
        assert!(!server.knows_ranges());
        // What dhcpd has for an interface that tracks another is not what it does there.
        let six = "<dhcpdv6><lan><range><from>::1000</from><to>::2000</to></range></lan></dhcpdv6></opnsense>";
        let dhcpd = DNSMASQ.replace("<enable>1</enable>\n    <regdhcp>", "<enable>0</enable>\n    <regdhcp>");
        let (facts, _) = read(&dhcpd.replace("</opnsense>", six));
        let lan = facts.segments.iter().find(|segment| segment.vlan.is_none()).expect("LAN");
        assert_eq!((lan.dhcp.len(), lan.dhcp[0].state.value), (1, DhcpState::Unknown));
        let by_hand = dhcpd.replace(
            "<track6-interface>wan",
            "<dhcpd6track6allowoverride>1</dhcpd6track6allowoverride><track6-interface>wan",
        );
        assert_eq!(read(&by_hand.replace("</opnsense>", six)).0.segments[0].dhcp[0].state.value, DhcpState::Off);
    }

    #[test]
    fn an_interface_that_is_not_enabled_leases_perhaps() {
        let off = |text: &str| text.replacen("<enable>1</enable>\n      <ipaddr>192.168.1.1", "<ipaddr>192.168.1.1", 1);
        for text in [KEA, DNSMASQ] {
            let (facts, _) = read(&off(text));
            assert_eq!(facts.segments[0].dhcp[0].state.value, DhcpState::Unknown);
            assert_eq!(read(text).0.segments[0].dhcp[0].state.value, DhcpState::On);
        }
    }

    #[test]
    fn dnsmasq_in_all_its_modes() {
        let range = |from: &str, to: &str, more: &str| {
            let start = DNSMASQ.find("<dhcp_ranges").expect("ranges");
            let end = DNSMASQ.rfind("</dhcp_ranges>").expect("ranges") + "</dhcp_ranges>".len();
            let range = format!(
                "<dhcp_ranges><interface>lan</interface><start_addr>{from}</start_addr><end_addr>{to}</end_addr>{more}</dhcp_ranges>"
            );
            let text = format!("{}{range}{}", &DNSMASQ[..start], &DNSMASQ[end..]);
            let server = read(&text).0.segments[0].dhcp[0].clone();
            let ranges: Vec<String> = server.ranges.iter().map(|range| range.value.to_string()).collect();
            (server.state.value, ranges.join(" "), server.completeness, server.lease_seconds.map(|lease| lease.value))
        };
        let full = |state, ranges: &str| (state, ranges.to_owned(), Completeness::Full, None);
        let part = |state| (state, String::new(), Completeness::Partial, None);
        // For ever is no number of seconds.
        let ever = range("192.168.1.5", "192.168.1.9", "<lease_time>0</lease_time>");
        assert_eq!(ever, full(DhcpState::On, "192.168.1.5-192.168.1.9"));
        assert_eq!(range("192.168.1.5", "", ""), part(DhcpState::On));
        assert_eq!(range("fd00::5", "fd00::9", "<ra_mode>ra-only</ra_mode>"), full(DhcpState::On, "fd00::5-fd00::9"));
        let stateless = range("fd00::5", "fd00::9", "<ra_mode>slaac,ra-stateless</ra_mode>");
        assert_eq!((stateless.0, stateless.2), (DhcpState::StaticOnly, Completeness::Full));
        assert_eq!(range("::", "", "<constructor>lan</constructor>"), full(DhcpState::Off, ""));
        assert_eq!(range("::5", "::9", ""), part(DhcpState::On));
    }

    #[test]
    fn what_is_told_to_some_comes_before_what_is_told_to_all() {
        let gateways = |range: &str, options: &[(&str, &str, &str)]| {
            let options: Vec<String> = options
                .iter()
                .map(|(interface, tag, value)| {
                    format!("<dhcp_options><type>set</type><option>3</option><interface>{interface}</interface><tag>{tag}</tag><value>{value}</value></dhcp_options>")
                })
                .collect();
            let text =
                DNSMASQ.replacen("<set_tag/>", range, 1).replace("</dnsmasq>", &(options.join("") + "</dnsmasq>"));
            let facts = read(&text).0;
            let of = |at: usize| {
                facts.segments[at].gateways.iter().map(|own| own.value.to_string()).collect::<Vec<_>>().join(" ")
            };
            (of(0), of(1))
        };
        let said = |lan: &str, guests: &str| (lan.to_owned(), guests.to_owned());
        assert_eq!(gateways("<set_tag/>", &[]), said("192.168.1.1", "192.168.30.1"));
        let all = ("", "", "192.168.1.254");
        assert_eq!(gateways("<set_tag/>", &[all]), said("192.168.1.254", "192.168.1.254"));
        let guests = ("opt1", "", "192.168.30.254");
        assert_eq!(gateways("<set_tag/>", &[all, guests]), said("192.168.1.254", "192.168.30.254"));
        let tagged = ("", "t1", "192.168.1.253");
        assert_eq!(gateways("<set_tag/>", &[tagged]), said("192.168.1.1", "192.168.30.1"));
        // One of the two ranges of the LAN has the tag.
        assert_eq!(
            gateways("<set_tag>t1</set_tag>", &[all, tagged]),
            said("192.168.1.254 192.168.1.253", "192.168.1.254")
        );
        // 0.0.0.0 is the firewall itself.
        assert_eq!(gateways("<set_tag/>", &[all, ("opt1", "", "0.0.0.0")]), said("192.168.1.254", "192.168.30.1"));
    }

    #[test]
    fn a_pool_with_a_gateway_of_its_own() {
        let pool = "<enable>1</enable>\n      <pool><range><from>192.168.1.246</from><to>192.168.1.250</to></range><gateway>192.168.1.253</gateway></pool>";
        let both = KEA.replace("<lan>\n      <enable>0</enable>", &format!("<lan>\n      {pool}"));
        let gateways: Vec<String> =
            read(&both).0.segments[0].gateways.iter().map(|own| own.value.to_string()).collect();
        assert!(
            ["192.168.1.1", "192.168.1.253"].iter().all(|own| gateways.iter().any(|known| known == own)),
            "{gateways:?}"
        );
    }

    #[test]
    fn two_servers_that_are_on_are_both_told() {
        let both = KEA.replace("<lan>\n      <enable>0</enable>", "<lan>\n      <enable>1</enable>");
        let (facts, _) = read(&both);
        assert_eq!(facts.segments[0].dhcp.len(), 3);
        assert_eq!(leased(&facts, 0)[0], "192.168.1.10-192.168.1.245");
    }
}
