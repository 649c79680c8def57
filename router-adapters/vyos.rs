//! VyOS and EdgeOS: their configuration, in braces or as `set` commands.
//!
//! ## What it reads
//!
//! `service dhcp-server` and `service dhcpv6-server`: `shared-network-name`, `subnet`; ranges as `range NAME { start, stop }`,
//! EdgeOS's `start A { stop B }`, and `address-range` and `prefix` of IPv6; `exclude`, `static-mapping`, `disable`, `lease`; routers
//! and DNS servers as VyOS 1.2, 1.3 and 1.4 spell them (`default-router`, `dns-server`, `name-server`, `option …`). The addresses
//! below `interfaces`, and `service dhcp-relay`. `delete` takes back what was set.
//!
//! Only lines that are read are ever shown.
//!
//! ## How to get it
//!
//! `show configuration commands > router.txt` on VyOS, or copy `/config/config.boot`; then `poolcheck router read config.boot`.
//!
//! ## What it cannot know
//!
//! Commands below `edit`, `copy` and `rename`, and templates: the facts are then *partial*. Prefixes that it delegates. What
//! `shared-network-parameters` and other raw statements for the server add.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv6Net};
use poolcheck_plan::facts::{Completeness, DhcpServer, DhcpState, Reservation, Segment, Sourced};
use poolcheck_plan::{AddrRange, Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
use crate::said::{self, Said};

#[path = "vyos/paths.rs"]
mod paths;

use paths::Paths;

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "vyos",
    title: "VyOS and EdgeOS, config.boot or set commands",
    tested_on: "written fixtures, by configurations of VyOS 1.2 to 1.5 and EdgeOS 2",
    how_to_shrink: Some(HOW_TO_SHRINK),
    recognise,
    parse,
};

const HOW_TO_SHRINK: &str =
    "On VyOS or EdgeOS: set service dhcp-server shared-network-name … subnet … range … start and stop.";

fn recognise(page: &Page<'_>) -> bool {
    page.text.contains("shared-network-name ")
        && (page.text.contains("dhcp-server") || page.text.contains("dhcpv6-server"))
}

/// What is wanted of a configuration that holds every secret of the router.
fn is_wanted(path: &[&str]) -> bool {
    matches!(path, ["service", "dhcp-server" | "dhcpv6-server" | "dhcp-relay", ..])
        || path.first() == Some(&"interfaces") && path.len() > 2 && path[path.len() - 2] == "address"
}

/// A subnet of a network.
#[derive(Default)]
struct Subnet<'t> {
    net: Option<(IpNet, &'t str)>,
    off: bool,
    /// The ends of each range, by its name; EdgeOS has no names.
    ranges: Vec<Range<'t>>,
    by_name: HashMap<&'t str, usize>,
    excluded: Vec<&'t str>,
    hosts: Vec<Mapping<'t>>,
    hosts_by_name: HashMap<&'t str, usize>,
    routers: Vec<&'t str>,
    dns: Vec<&'t str>,
    lease: Option<&'t str>,
}

#[derive(Default, Clone, Copy)]
struct Range<'t> {
    start: Option<&'t str>,
    stop: Option<&'t str>,
    prefix: Option<&'t str>,
}

impl<'t> Range<'t> {
    fn stop_of(&mut self, start: &'t str, stop: &'t str) {
        *self = Self { start: Some(start), stop: Some(stop), prefix: None };
    }
}

#[derive(Default)]
struct Mapping<'t> {
    name: &'t str,
    address: Option<&'t str>,
    mac: Option<&'t str>,
    off: bool,
}

#[derive(Default)]
struct Network<'t> {
    name: &'t str,
    off: bool,
    subnets: Vec<Subnet<'t>>,
    by_net: HashMap<&'t str, usize>,
    /// What its subnets have that say no routers of their own.
    routers: Vec<&'t str>,
    dns: Vec<&'t str>,
}

impl<'t> Network<'t> {
    fn take(&mut self, file: &Said<'t>, rest: &[&'t str]) -> Result<(), AdapterError> {
        match rest {
            ["disable"] => self.off = true,
            ["name-server" | "dns-server", dns] | ["option" | "common-options", "name-server", dns] => {
                self.dns.push(dns);
            }
            ["option", "default-router", router] => self.routers.push(router),
            ["subnet", written, rest @ ..] => {
                let subnets = &mut self.subnets;
                let number = *self.by_net.entry(written).or_insert_with(|| {
                    subnets.push(Subnet::default());
                    subnets.len() - 1
                });
                let subnet = &mut self.subnets[number];
                if subnet.net.is_none() {
                    let net = written.parse::<IpNet>().map_err(|_| {
                        let message = format!("the subnet `{written}` is no prefix");
                        let complaint = Complaint::at(file.span(written), "no prefix", message);
                        AdapterError::from(complaint.help("VyOS writes subnet 192.168.1.0/24"))
                    })?;
                    subnet.net = Some((net.trunc(), written));
                }
                subnet.take(rest);
            }
            _ => {}
        }
        Ok(())
    }
}

impl<'t> Subnet<'t> {
    fn range(&mut self, name: &'t str) -> &mut Range<'t> {
        let ranges = &mut self.ranges;
        let number = *self.by_name.entry(name).or_insert_with(|| {
            ranges.push(Range::default());
            ranges.len() - 1
        });
        &mut self.ranges[number]
    }

    fn take(&mut self, rest: &[&'t str]) {
        match *rest {
            ["disable"] => self.off = true,
            ["start", start, "stop", stop] => self.range(start).stop_of(start, stop),
            // Without its other end it is no range, and the next command may say it.
            ["start", start] => self.range(start).start = Some(start),
            ["address-range", "start", start, "stop", stop] => {
                self.ranges.push(Range { start: Some(start), stop: Some(stop), prefix: None });
            }
            ["address-range", "prefix", prefix, ..] => {
                self.ranges.push(Range { start: None, stop: None, prefix: Some(prefix) });
            }
            ["range", name, "start", start] => self.range(name).start = Some(start),
            ["range", name, "stop", stop] => self.range(name).stop = Some(stop),
            ["range", name, "start", start, "stop", stop] => {
                self.range(name).stop_of(start, stop);
            }
            ["range", name, "prefix", prefix, ..] => self.range(name).prefix = Some(prefix),
            ["exclude", address] => self.excluded.push(address),
            ["default-router", router] | ["option", "default-router", router] => self.routers.push(router),
            ["dns-server" | "name-server", dns] | ["option", "name-server", dns] => self.dns.push(dns),
            ["lease", seconds] | ["lease-time", "default", seconds] => self.lease = Some(seconds),
            ["static-mapping", name, ref rest @ ..] => {
                let hosts = &mut self.hosts;
                let number = *self.hosts_by_name.entry(name).or_insert_with(|| {
                    hosts.push(Mapping { name, ..Mapping::default() });
                    hosts.len() - 1
                });
                let host = &mut self.hosts[number];
                match *rest {
                    ["ip-address" | "ipv6-address", address] => host.address = Some(address),
                    ["mac-address" | "mac", mac] => host.mac = Some(mac),
                    ["disable"] => host.off = true,
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let [page] = input.pages else {
        return Err(Complaint::whole("a configuration is one file").help("read one file at a time").into());
    };
    // What may be shown is known once it is read: a text for the places of what is wrong comes first.
    let mut draft = Sources::new();
    let read = paths::read(&Said::new(page, page.text.to_owned(), &mut draft), is_wanted);
    let mut lines = read.as_ref().map(|paths| paths.lines.clone()).unwrap_or_default();
    if lines.is_empty() {
        lines
            .extend(page.text.lines().filter(|line| line.contains("dhcp")).map(|line| said::range_of(page.text, line)));
    }
    let file = Said::new(page, said::only(page.text, &mut lines), sources);
    let paths = paths::read(&file, is_wanted)?;
    let reader = Reader { file: &file, own: own_addresses(&paths) };
    let segments = reader.segments(&paths)?;
    if segments.is_empty() {
        let message = format!("{} has no service dhcp-server with a subnet", page.name);
        return Err(Complaint::whole(message).help("give the whole configuration").into());
    }
    Ok(said::facts("vyos", page.name, HOW_TO_SHRINK, segments))
}

/// An address of the router, with its VLAN.
struct Own<'t> {
    /// As other sections call it: `eth1`, `eth1.10`.
    interface: String,
    net: IpNet,
    text: &'t str,
    vlan: Option<(u16, &'t str)>,
}

fn own_addresses<'t>(paths: &Paths<'t>) -> Vec<Own<'t>> {
    let found = paths.all.iter().filter(|path| path[0] == "interfaces" && path.len() > 3);
    found
        .filter_map(|path| {
            let text = *path.last()?;
            let vlan = path.iter().position(|word| *word == "vif").and_then(|at| path.get(at + 1));
            let vlan =
                vlan.and_then(|text| Some((text.parse().ok().filter(|number| (1..=4094).contains(number))?, *text)));
            let parts = path.windows(2).filter(|pair| matches!(pair[0], "vif" | "vif-s" | "vif-c"));
            let interface = parts.fold(path[2].to_owned(), |name, pair| name + "." + pair[1]);
            Some(Own { interface, net: text.parse().ok()?, text, vlan })
        })
        .collect()
}

struct Reader<'f, 't> {
    file: &'f Said<'t>,
    own: Vec<Own<'t>>,
}

impl<'t> Reader<'_, 't> {
    fn segments(&self, paths: &Paths<'t>) -> Result<Vec<Segment>, AdapterError> {
        let mut networks: Vec<Network<'t>> = Vec::new();
        let mut by_name: HashMap<(&str, &str), usize> = HashMap::new();
        let mut off: HashMap<&str, &'t str> = HashMap::new();
        let mut relays: Vec<&'t str> = Vec::new();
        let mut upstream: Vec<IpAddr> = Vec::new();
        for path in &paths.all {
            match path[..] {
                ["service", server, "shared-network-name", name, ref rest @ ..] => {
                    let number = *by_name.entry((server, name)).or_insert_with(|| {
                        networks.push(Network { name, ..Network::default() });
                        networks.len() - 1
                    });
                    networks[number].take(self.file, rest)?;
                }
                // EdgeOS says `disabled true`, VyOS `disable`.
                ["service", server, "disable"] | ["service", server, "disabled", "true"] => {
                    off.insert(server, path.last().copied().unwrap_or_default());
                }
                ["service", server, "disabled", "false"] => {
                    off.remove(server);
                }
                ["service", "dhcp-relay", "interface" | "listen-interface", interface] => relays.push(interface),
                ["service", "dhcp-relay", "server", server] => upstream.extend(server.parse::<IpAddr>().ok()),
                _ => {}
            }
        }
        let subnets: usize = networks.iter().map(|network| network.subnets.len()).sum();
        let crowded = relays.len().max(upstream.len()) > said::MAX_ADDRESSES;
        if subnets > said::MAX_SEGMENTS || networks.len() > said::MAX_SEGMENTS || crowded {
            return Err(said::too_many().into());
        }
        let mut servers: Vec<&str> = vec![""; networks.len()];
        for ((server, _), number) in &by_name {
            servers[*number] = server;
        }
        let mut segments = Vec::new();
        for (network, server) in networks.iter().zip(servers) {
            if network.subnets.is_empty() {
                continue;
            }
            segments.push(self.segment(network, off.get(server).copied(), paths.unclear)?);
        }
        if off.contains_key("dhcp-relay") {
            relays.clear();
        }
        for interface in relays {
            let mut segment =
                Segment { name: Some(self.file.surely(interface.to_owned(), interface)), ..Segment::default() };
            let own = self.own.iter().filter(|own| own.interface == interface && own.net.addr().is_ipv4());
            // The interface towards the server is no network that it serves.
            if own.clone().any(|own| upstream.iter().any(|server| own.net.contains(server))) {
                continue;
            }
            for own in own {
                segment.subnets.push(self.file.surely(own.net.trunc(), own.text));
                said::add_new(&mut segment.gateways, [self.file.surely(own.net.addr(), own.text)]);
            }
            segment.dhcp.push(self.file.server(DhcpState::Relay, interface));
            segments.push(segment);
        }
        Ok(segments)
    }

    fn segment(&self, network: &Network<'t>, off: Option<&'t str>, unclear: bool) -> Result<Segment, AdapterError> {
        let file = self.file;
        let name = Some(file.surely(network.name.to_owned(), network.name));
        let mut segment = Segment { name, ..Segment::default() };
        let all_off = network.off || network.subnets.iter().all(|subnet| subnet.off);
        let state = if off.is_some() || all_off { DhcpState::Off } else { DhcpState::On };
        let mut server = file.server(state, off.unwrap_or(network.name));
        if unclear {
            server.completeness = Completeness::Partial;
        }
        for subnet in &network.subnets {
            let Some((net, written)) = subnet.net else { continue };
            segment.subnets.push(file.surely(net, written));
            let routers = if subnet.routers.is_empty() { &network.routers } else { &subnet.routers };
            let routers =
                self.addresses(routers).into_iter().filter(|router| router.value.is_ipv4() == net.addr().is_ipv4());
            said::add_new(&mut segment.gateways, routers);
            said::add_new(&mut segment.dns, self.addresses(&subnet.dns));
            if !subnet.off {
                self.serve(subnet, net, &mut server)?;
            }
            for own in self.own.iter().filter(|own| net.contains(&own.net.addr())).take(said::MAX_ADDRESSES) {
                segment.vlan = segment.vlan.take().or(own.vlan.map(|(number, text)| file.surely(number, text)));
                let v4 = |gateway: &Sourced<IpAddr>| gateway.value.is_ipv4() == own.net.addr().is_ipv4();
                if !segment.gateways.iter().any(v4) {
                    segment.gateways.push(file.surely(own.net.addr(), own.text));
                } else if segment.gateways.iter().all(|gateway| gateway.value != own.net.addr()) {
                    segment.hosts.push(said::router(&file.surely(own.net.addr(), own.text)));
                }
            }
        }
        said::add_new(&mut segment.dns, self.addresses(&network.dns));
        if server.ranges.is_empty() && state == DhcpState::On && server.completeness == Completeness::Full {
            server.state.value = DhcpState::StaticOnly;
        }
        segment.dhcp.push(server);
        Ok(segment)
    }

    fn serve(&self, subnet: &Subnet<'t>, net: IpNet, server: &mut DhcpServer) -> Result<(), AdapterError> {
        let file = self.file;
        for range in &subnet.ranges {
            let (found, place) = match *range {
                Range { start: Some(start), stop: Some(stop), .. } => {
                    let found = start.parse().ok().zip(stop.parse().ok()).and_then(|(a, b)| AddrRange::new(a, b));
                    (found, said::from_to(file.text, start, stop))
                }
                Range { prefix: Some(prefix), .. } => {
                    (prefix.parse::<Ipv6Net>().ok().map(|net| AddrRange::from_net(IpNet::V6(net.trunc()))), prefix)
                }
                Range { start, stop, .. } => (None, start.or(stop).unwrap_or_default()),
            };
            let Some(found) = found.filter(|found| AddrRange::from_net(net).covers(*found)) else {
                let message = format!("a range of {net} is not one of its ranges");
                let complaint = Complaint::at(file.span(place), "no range of it", message);
                return Err(complaint.help("both ends are needed, in the subnet, and the lower one is `start`").into());
            };
            server.ranges.push(file.surely(found, place));
        }
        for text in &subnet.excluded {
            let hole = text.parse::<IpAddr>().ok().map(AddrRange::single).or_else(|| said::span_of_addresses(text));
            server.excluded.extend(hole.map(|hole| file.surely(hole, text)));
        }
        for host in subnet.hosts.iter().filter(|host| !host.off) {
            let Some((address, text)) = host.address.and_then(|text| Some((text.parse().ok()?, text))) else {
                continue;
            };
            let reservation =
                Reservation { address, mac: host.mac.and_then(said::mac), name: Some(host.name.to_owned()) };
            server.reservations.push(file.surely(reservation, text));
        }
        if server.lease_seconds.is_none() {
            server.lease_seconds = subnet.lease.and_then(|text| Some(file.surely(text.parse().ok()?, text)));
        }
        Ok(())
    }

    fn addresses(&self, list: &[&'t str]) -> Vec<Sourced<IpAddr>> {
        list.iter().filter_map(|text| Some(self.file.surely(text.parse().ok()?, text))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VYOS: &str = include_str!("fixtures/vyos/config.boot");
    const COMMANDS: &str = include_str!("fixtures/vyos/commands.txt");
    const EDGE: &str = include_str!("fixtures/vyos/edgeos.boot");

    fn read(text: &str) -> (Facts, Sources) {
        let page = Page { name: "config.boot", text };
        assert!(recognise(&page), "{text}");
        let mut sources = Sources::new();
        let facts = parse(&Input { pages: &[page], read_at: None }, &mut sources).expect("it is read");
        (facts, sources)
    }

    fn leased(segment: &Segment) -> Vec<String> {
        segment
            .dhcp
            .iter()
            .flat_map(|server| server.leased().map(|(range, _)| range.to_string()).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn in_braces() {
        let (facts, sources) = read(VYOS);
        let [lan, cameras, six] = &facts.segments[..] else { panic!("{:?}", facts.segments) };
        assert_eq!(leased(lan), ["192.0.2.50-192.0.2.59", "192.0.2.61-192.0.2.99", "192.0.2.150-192.0.2.160"]);
        assert_eq!(lan.gateways.iter().map(|g| g.value.to_string()).collect::<Vec<_>>(), ["192.0.2.1"]);
        assert_eq!(lan.dns.iter().map(|g| g.value.to_string()).collect::<Vec<_>>(), ["192.0.2.53"]);
        let owners: Vec<String> = lan.dhcp[0].reservations.iter().map(|host| host.value.owner()).collect();
        assert_eq!(owners, ["nas (00:00:5e:00:53:01)"], "what is disabled is none");
        assert_eq!(lan.dhcp[0].lease_seconds.as_ref().map(|lease| lease.value), Some(86_400));
        assert_eq!(sources.slice(lan.dhcp[0].excluded[0].place), "192.0.2.60");
        assert_eq!(
            (cameras.vlan.as_ref().map(|vlan| vlan.value), cameras.dhcp[0].state.value),
            (Some(40), DhcpState::Off)
        );
        assert_eq!(leased(six), ["2001:db8:1::100-2001:db8:1::1ff", "2001:db8:1:0:ff::-2001:db8:1:0:ff::ffff"]);
        assert!(sources.iter().all(|(_, source)| !source.text.contains("NotAReal")));
    }

    #[test]
    fn as_commands() {
        let (facts, sources) = read(COMMANDS);
        let lan = &facts.segments[0];
        assert_eq!(leased(lan), ["192.0.2.50-192.0.2.99"]);
        assert_eq!(sources.slice(lan.dhcp[0].ranges[0].place).lines().count(), 2, "both commands");
        assert_eq!((lan.gateways.len(), lan.dns.len(), lan.hosts.len()), (1, 2, 1));
        assert_eq!(lan.dhcp[0].reservations[0].value.owner(), "nas (00:00:5e:00:53:01)");
        assert_eq!(lan.dhcp[0].completeness, Completeness::Full);
        let edited = read(&format!("{COMMANDS}\nedit service dhcp-server\nset x y\n")).0;
        assert_eq!(edited.segments[0].dhcp[0].completeness, Completeness::Partial);
        let deleted = read(&format!(
            "{COMMANDS}\ndelete service dhcp-server shared-network-name LAN subnet 192.0.2.0/24 range\n"
        ))
        .0;
        assert_eq!(deleted.segments[0].dhcp[0].state.value, DhcpState::StaticOnly);
    }

    #[test]
    fn of_edgeos() {
        let (facts, _) = read(EDGE);
        let lan = &facts.segments[0];
        assert_eq!(leased(lan), ["192.168.1.38-192.168.1.99", "192.168.1.101-192.168.1.243"]);
        assert_eq!(lan.dhcp[0].reservations.len(), 1);
        assert_eq!(facts.segments[1].dhcp[0].state.value, DhcpState::Relay);
        let (facts, _) = read(&EDGE.replace("disabled false", "disabled true"));
        assert!(leased(&facts.segments[0]).is_empty());
        assert_eq!(facts.segments[0].dhcp[0].state.value, DhcpState::Off);
    }

    #[test]
    fn half_a_range_is_no_server_without_one() {
        let half = "set service dhcp-server shared-network-name LAN subnet 192.0.2.0/24 start 192.0.2.50\n";
        let page = Page { name: "c", text: half };
        assert!(parse(&Input { pages: &[page], read_at: None }, &mut Sources::new()).is_err());
        let whole = format!("{half}{} stop 192.0.2.99\n", half.trim_end());
        assert_eq!(leased(&read(&whole).0.segments[0]), ["192.0.2.50-192.0.2.99"]);
    }

    #[test]
    fn what_a_whole_network_has_and_relays_of_vlans() {
        let text = "set interfaces ethernet eth1 address 192.0.2.1/24\n\
                    set interfaces ethernet eth1 vif 10 address 198.51.100.1/24\n\
                    set service dhcp-relay listen-interface eth1.10\nset service dhcp-relay listen-interface eth1\n\
                    set service dhcp-server shared-network-name LAN option default-router 203.0.113.254\n\
                    set service dhcp-server shared-network-name LAN option name-server 203.0.113.53\n\
                    set service dhcp-server shared-network-name LAN subnet 203.0.113.0/24 range a start 203.0.113.9\n\
                    set service dhcp-server shared-network-name LAN subnet 203.0.113.0/24 range a stop 203.0.113.19\n";
        let (facts, _) = read(text);
        let [lan, vlan, untagged] = &facts.segments[..] else { panic!("{:?}", facts.segments) };
        assert_eq!(lan.gateways.iter().map(|g| g.value.to_string()).collect::<Vec<_>>(), ["203.0.113.254"]);
        assert_eq!(lan.dns.len(), 1);
        let nets = |segment: &Segment| segment.subnets.iter().map(|net| net.value.to_string()).collect::<Vec<_>>();
        assert_eq!((nets(vlan), nets(untagged)), (vec!["198.51.100.0/24".into()], vec!["192.0.2.0/24".into()]));
    }

    #[test]
    fn mistakes_have_a_place() {
        for (from, to, part) in [
            ("stop 192.0.2.99", "stop 192.0.2.9", "192.0.2.50\n                    stop 192.0.2.9"),
            ("stop 192.0.2.99", "", "192.0.2.50"),
            ("subnet 192.0.2.0/24 {", "subnet 192.0.2.0 {", "192.0.2.0"),
        ] {
            let text = VYOS.replace(from, to);
            let mut sources = Sources::new();
            let page = Page { name: "c", text: &text };
            let error = parse(&Input { pages: &[page], read_at: None }, &mut sources).expect_err(to);
            assert_eq!(sources.slice(error.complaints[0].labels[0].0), part);
        }
        for text in
            ["service {\n dhcp-server {\n", "}\n", "", "set service dhcp-server shared-network-name LAN authoritative"]
        {
            let page = Page { name: "c", text };
            assert!(parse(&Input { pages: &[page], read_at: None }, &mut Sources::new()).is_err(), "{text}");
        }
    }
}
