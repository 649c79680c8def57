//! What the configuration files of OPNsense and pfSense have in common: interfaces, and DHCP by interface as ISC dhcpd has it.
//!
//! Both wrote `<dhcpd>` and `<dhcpdv6>` the same way before their ways parted, and pfSense keeps it for Kea too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use poolcheck_plan::facts::{Completeness, DhcpServer, DhcpState, Reservation, Segment, Sourced};
use poolcheck_plan::{AddrRange, Facts, Sources};

use crate::adapter::{AdapterError, Complaint, Input};
use crate::said::{self, Said};
use crate::xml::{self, Element};

/// One of the two.
pub(crate) struct Firewall {
    /// The adapter's name.
    pub(crate) adapter: &'static str,
    /// The file's first element.
    pub(crate) root: &'static str,
    /// The first elements of the files that hold one area only.
    pub(crate) areas: &'static [&'static str],
    pub(crate) how_to_shrink: &'static str,
    /// The DHCP servers beside the one in `<dhcpd>`.
    pub(crate) others: fn(&Config<'_>, &mut Vec<Served>) -> Result<(), AdapterError>,
}

/// A configuration file.
pub(crate) struct Config<'a> {
    pub(crate) file: &'a Said<'a>,
    pub(crate) root: Element<'a>,
    pub(crate) interfaces: Vec<Interface<'a>>,
}

/// A network interface of the firewall.
pub(crate) struct Interface<'a> {
    /// Its name in the file: `lan`, `opt1`.
    pub(crate) key: &'a str,
    name: &'a str,
    pub(crate) v4: Option<(Ipv4Net, &'a str)>,
    pub(crate) v6: Option<(Ipv6Net, &'a str)>,
    vlan: Option<(u16, &'a str)>,
    /// Whether a server on it leases is not known of an interface that is not enabled.
    pub(crate) enabled: bool,
    /// Whether OPNsense serves IPv6 on it by itself, in the prefix of another interface.
    tracks: bool,
}

/// What a DHCP server says of one interface, or of a network behind a relay.
pub(crate) struct Served {
    /// The number of the interface, where it is known.
    pub(crate) interface: Option<usize>,
    /// The name that the file has for the interface, where it has no such interface.
    pub(crate) name: Option<Sourced<String>>,
    pub(crate) subnet: Option<Sourced<IpNet>>,
    pub(crate) server: DhcpServer,
    pub(crate) gateways: Vec<Sourced<IpAddr>>,
    pub(crate) dns: Vec<Sourced<IpAddr>>,
}

impl Served {
    pub(crate) fn by(server: DhcpServer) -> Self {
        Self { interface: None, name: None, subnet: None, server, gateways: Vec::new(), dns: Vec::new() }
    }
}

impl<'a> Config<'a> {
    /// The number of the interface of this name.
    pub(crate) fn interface(&self, key: &str) -> Option<usize> {
        self.interfaces.iter().position(|interface| interface.key == key)
    }

    /// The number of the interface in whose network an address lies.
    pub(crate) fn interface_at(&self, address: IpAddr) -> Option<usize> {
        self.interfaces.iter().position(|interface| match address {
            IpAddr::V4(address) => interface.v4.is_some_and(|(net, _)| net.contains(&address)),
            IpAddr::V6(address) => interface.v6.is_some_and(|(net, _)| net.contains(&address)),
        })
    }

    /// The addresses in a list with commas, spaces or line ends between them.
    pub(crate) fn addresses(&self, list: &'a str) -> Vec<Sourced<IpAddr>> {
        let parts = list.split(|c: char| c == ',' || c == ';' || c.is_whitespace());
        parts.filter_map(|part| Some(self.file.surely(part.parse().ok()?, part))).collect()
    }
}

/// Whether an element says yes: pfSense by being there, OPNsense by a 1.
pub(crate) fn is_on(element: Element<'_>) -> bool {
    !matches!(element.written(), "0" | "no" | "off" | "disabled")
}

pub(crate) fn parse(firewall: &Firewall, input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let [page] = input.pages else {
        return Err(Complaint::whole("a config.xml is one file").help("read one file at a time").into());
    };
    let document = xml::parse(page)?;
    let root = Element::root(&document);
    if root.name() != firewall.root && !firewall.areas.contains(&root.name()) {
        let message = format!("{} begins with <{}>, and not with <{}>", page.name, root.name(), firewall.root);
        return Err(Complaint::whole(message).help("is it the right file, or the right adapter?").into());
    }
    let file = Said::new(page, xml::shown(&document, is_shown), sources);
    let config = Config { file: &file, root, interfaces: interfaces(root) };
    if config.interfaces.len() > said::MAX_SEGMENTS {
        return Err(said::too_many().into());
    }
    let mut served = Vec::new();
    by_interface(&config, "dhcpd", &mut served)?;
    by_interface(&config, "dhcpdv6", &mut served)?;
    (firewall.others)(&config, &mut served)?;
    relayed(&config, &mut served);
    if served.len() > 4 * said::MAX_SEGMENTS {
        return Err(said::too_many().into());
    }
    let segments = segments(&config, served);
    if segments.is_empty() {
        let message = format!("{} has no DHCP server: no <dhcpd> section, and none of its other servers", page.name);
        return Err(Complaint::whole(message).help("download the whole configuration, not one area of it").into());
    }
    Ok(said::facts(firewall.adapter, page.name, firewall.how_to_shrink, segments))
}

/// What may be shown of a file that holds every secret of a firewall.
fn is_shown(name: &str, parent: &str) -> bool {
    const SHOWN: [&str; 46] = [
        "enable",
        "enabled",
        "manual_config",
        "interface",
        "interfaces",
        "no_interface",
        "from",
        "to",
        "ipaddr",
        "subnet",
        "ipaddrv6",
        "subnetv6",
        "if",
        "vlanif",
        "tag",
        "mac",
        "hostname",
        "duid",
        "gateway",
        "dnsserver",
        "defaultleasetime",
        "maxleasetime",
        "pools",
        "pool",
        "ip_address",
        "hw_address",
        "routers",
        "domain_name_servers",
        "dns_servers",
        "valid_lifetime",
        "start_addr",
        "end_addr",
        "subnet_mask",
        "constructor",
        "mode",
        "prefix_len",
        "lease_time",
        "ra_mode",
        "host",
        "ip",
        "hwaddr",
        "dhcpbackend",
        "option",
        "server",
        "ignore",
        "descr",
    ];
    SHOWN.contains(&name) || name == "value" && parent == "dhcp_options"
}

fn interfaces(root: Element<'_>) -> Vec<Interface<'_>> {
    let vlans: Vec<(&str, u16, &str)> = root
        .get("vlans")
        .into_iter()
        .flat_map(|vlans| vlans.all("vlan"))
        .filter_map(|vlan| {
            let tag = vlan.value("tag")?;
            let number = tag.parse().ok().filter(|number| (1..=4094).contains(number))?;
            Some((vlan.value("vlanif")?, number, tag))
        })
        .collect();
    let all = || root.get("interfaces").into_iter().flat_map(Element::elements);
    // Files of old versions do not say it of any.
    let says = all().any(|interface| interface.get("enable").is_some());
    all()
        .map(|interface| {
            let v4 = interface.value("ipaddr").and_then(|text| {
                let length = interface.value("subnet")?.parse().ok()?;
                Some((Ipv4Net::new(text.parse::<Ipv4Addr>().ok()?, length).ok()?, text))
            });
            let v6 = interface.value("ipaddrv6").and_then(|text| {
                let length = interface.value("subnetv6")?.parse().ok()?;
                Some((Ipv6Net::new(text.parse::<Ipv6Addr>().ok()?, length).ok()?, text))
            });
            let device = interface.value("if").unwrap_or_default();
            let vlan = vlans.iter().find(|(own, _, _)| *own == device).map(|(_, number, tag)| (*number, *tag));
            let name = interface.value("descr").unwrap_or_default();
            let enabled = !says || interface.get("enable").is_some_and(is_on);
            let tracks = root.name() == "opnsense"
                && interface.value("track6-interface").is_some()
                && interface.get("dhcpd6track6allowoverride").is_none_or(|by_hand| !is_on(by_hand));
            Interface { key: interface.name(), name, v4, v6, vlan, enabled, tracks }
        })
        .collect()
}

/// `<dhcpd>` and `<dhcpdv6>`: an element an interface.
fn by_interface<'a>(config: &Config<'a>, name: &str, served: &mut Vec<Served>) -> Result<(), AdapterError> {
    let file = config.file;
    let area = Some(config.root).filter(|root| root.name() == name);
    for section in config.root.all(name).chain(area).flat_map(Element::elements) {
        let interface = config.interface(section.name());
        let enable = section.get("enable");
        let on = enable.is_some_and(is_on);
        let enabled = interface.is_none_or(|number| config.interfaces[number].enabled);
        // What is neither on nor holds anything says nothing.
        if enable.is_none() && section.get("range").is_none() && section.get("staticmap").is_none() {
            continue;
        }
        let state = match (on, enabled) {
            (true, true) => DhcpState::On,
            // It may be switched on with its interface any day.
            (true, false) => DhcpState::Unknown,
            (false, _) => DhcpState::Off,
        };
        let mut server = file.server(state, enable.unwrap_or(section).place());
        // Where an interface tracks another, OPNsense leases from the prefix of the day whatever is written here.
        let by_itself = name == "dhcpdv6" && interface.is_some_and(|number| config.interfaces[number].tracks);
        if by_itself {
            server.state.value = DhcpState::Unknown;
            server.completeness = Completeness::Partial;
        }
        let ranges = section.all("range").chain(section.all("pool").flat_map(|pool| pool.all("range")));
        for range in ranges {
            let (Some(from), Some(to)) = (range.value("from"), range.value("to")) else { continue };
            let own_v6 = interface.and_then(|number| config.interfaces[number].v6);
            match (from.parse::<IpAddr>(), to.parse::<IpAddr>()) {
                // A range in a prefix that the provider delegates is written without the prefix, or with one of yesterday.
                (Ok(IpAddr::V6(first)), Ok(IpAddr::V6(last)))
                    if !own_v6.is_some_and(|(net, _)| net.contains(&first) && net.contains(&last)) =>
                {
                    server.completeness = Completeness::Partial;
                }
                _ if by_itself => {}
                (Ok(first), Ok(last)) if AddrRange::new(first, last).is_some() => {
                    let place = said::from_to(file.text, from, to);
                    server.ranges.extend(AddrRange::new(first, last).map(|range| file.surely(range, place)));
                }
                _ => {
                    let message = format!("the range of `{}` is `{from}` to `{to}`", section.name());
                    let complaint =
                        Complaint::at(file.span(from), "from here", message).related(file.span(to), "to here");
                    return Err(complaint
                        .help("save the range once more in the web interface, and download again")
                        .into());
                }
            }
        }
        for host in section.all("staticmap") {
            let Some(text) = host.value("ipaddr").or_else(|| host.value("ipaddrv6")) else { continue };
            let Ok(address) = text.parse::<IpAddr>() else { continue };
            // A suffix to a delegated prefix.
            if matches!(address, IpAddr::V6(address) if address.segments()[..4] == [0; 4]) {
                server.completeness = server.completeness.max(Completeness::RangeOnly);
                continue;
            }
            let mac = host.value("mac").and_then(said::mac);
            let name = host.value("hostname").map(str::to_owned);
            server.reservations.push(file.surely(Reservation { address, mac, name }, text));
        }
        let lease = section.value("defaultleasetime");
        server.lease_seconds = lease.and_then(|text| Some(file.surely(text.parse().ok()?, text)));
        if on && server.ranges.is_empty() && server.completeness == Completeness::Full {
            server.state.value = DhcpState::StaticOnly;
        }
        let of = |part: Element<'a>| part.value("gateway").map(|text| config.addresses(text)).unwrap_or_default();
        let mut gateways = of(section);
        let pools: Vec<_> = section.all("pool").flat_map(of).collect();
        // Machines of a pool of its own may be told another; those beside it are told the interface's own, where nothing is written.
        let own =
            interface.and_then(|number| config.interfaces[number].v4).filter(|_| section.value("gateway").is_none());
        if let Some((net, text)) = own.filter(|_| !pools.is_empty()) {
            gateways.push(file.surely(IpAddr::V4(net.addr()), text));
        }
        said::add_new(&mut gateways, pools);
        let dns = section.all("dnsserver").flat_map(|dns| config.addresses(dns.written())).collect();
        let name = interface.is_none().then(|| file.surely(section.name().to_owned(), section.place()));
        served.push(Served { interface, name, subnet: None, server, gateways, dns });
    }
    Ok(())
}

/// Interfaces whose requests go to a server elsewhere.
fn relayed(config: &Config<'_>, served: &mut Vec<Served>) {
    let named = |relay: Element<'_>, enable: &str| relay.get(enable).is_some_and(is_on);
    let old = config.root.all("dhcrelay").filter(|relay| named(*relay, "enable"));
    let new = config.root.at(&["OPNsense", "DHCRelay"]).into_iter().flat_map(|relays| relays.all("relays"));
    let new = new.filter(|relay| named(*relay, "enabled"));
    for relay in old.chain(new) {
        let Some(list) = relay.value("interface") else { continue };
        for key in list.split(',').map(str::trim) {
            if let Some(number) = config.interface(key) {
                let server = config.file.server(DhcpState::Relay, key);
                served.push(Served { interface: Some(number), ..Served::by(server) });
            }
        }
    }
}

/// One segment an interface, and one a network that no interface has.
fn segments(config: &Config<'_>, served: Vec<Served>) -> Vec<Segment> {
    let file = config.file;
    let mut segments: Vec<(Option<usize>, Segment)> = Vec::new();
    for mut served in served {
        let subnet = served.subnet.as_ref().map(|subnet| subnet.value);
        let known = segments.iter().position(|(interface, segment)| {
            let same_subnet = segment.subnets.iter().any(|own| Some(own.value) == subnet);
            *interface == served.interface && (interface.is_some() || same_subnet)
        });
        let at = known.unwrap_or_else(|| {
            let mut segment = served.interface.map_or_else(Segment::default, |number| of_interface(config, number));
            segment.name = segment.name.take().or(served.name.take());
            segments.push((served.interface, segment));
            segments.len() - 1
        });
        let segment = &mut segments[at].1;
        let subnet = served.subnet.filter(|subnet| segment.subnets.iter().all(|own| own.value != subnet.value));
        segment.subnets.extend(subnet);
        said::add_new(&mut segment.gateways, served.gateways);
        said::add_new(&mut segment.dns, served.dns);
        segment.dhcp.push(served.server);
    }
    for (interface, segment) in &mut segments {
        // A server that is off says nothing where another one is on.
        let others = segment.dhcp.iter().any(|server| server.state.value != DhcpState::Off);
        segment.dhcp.retain(|server| !others || server.state.value != DhcpState::Off);
        let interface = interface.map(|number| &config.interfaces[number]);
        if let Some((net, text)) = interface.and_then(|interface| interface.v4) {
            let own = IpAddr::V4(net.addr());
            let other = segment.gateways.iter().any(|gateway| gateway.value.is_ipv4() && gateway.value != own);
            if other {
                segment.hosts.push(said::router(&file.surely(own, text)));
            } else {
                said::add_new(&mut segment.gateways, [file.surely(own, text)]);
            }
        }
    }
    segments.into_iter().map(|(_, segment)| segment).collect()
}

fn of_interface(config: &Config<'_>, number: usize) -> Segment {
    let (file, interface) = (config.file, &config.interfaces[number]);
    let name = if interface.name.is_empty() { interface.key } else { interface.name };
    let place = if interface.name.is_empty() {
        interface.v4.map(|(_, text)| text).or(interface.v6.map(|(_, text)| text)).unwrap_or(file.text)
    } else {
        interface.name
    };
    let place = place.lines().next().unwrap_or_default();
    let mut segment = Segment { name: Some(file.surely(xml::plain(name), place)), ..Segment::default() };
    segment.vlan = interface.vlan.map(|(number, text)| file.surely(number, text));
    segment.subnets.extend(interface.v4.map(|(net, text)| file.surely(IpNet::V4(net.trunc()), text)));
    segment.subnets.extend(interface.v6.map(|(net, text)| file.surely(IpNet::V6(net.trunc()), text)));
    segment
}
