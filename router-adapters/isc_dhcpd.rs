//! ISC dhcpd: `dhcpd.conf` and `dhcpd6.conf`.
//!
//! ## What it reads
//!
//! The whole grammar, and of it `subnet` and `subnet6`, alone, in `shared-network` or in `group`; `range` (one address or two, with
//! `dynamic-bootp`) and `range6` (two addresses, a prefix, `temporary`), also in `pool`s and `pool6`s, whomever they allow or deny;
//! `host` with `fixed-address` or `fixed-address6`; `option routers`, `option domain-name-servers`, `option dhcp6.name-servers`;
//! `default-lease-time`. What is set further out holds further in. Files that it includes are read when they are given with it.
//! What stands in `if`, `class` or `on` is told to some machines only, and is not read.
//!
//! The two ends of a range may be the wrong way round, as dhcpd allows. Keys of DNS updates are never shown.
//!
//! ## How to get it
//!
//! Copy `/etc/dhcp/dhcpd.conf`, then `poolcheck router read dhcpd.conf`, with the files that it includes behind it.
//!
//! ## What it cannot know
//!
//! Files that are included and not given: the facts are then *partial*. Addresses of hosts that are written as names, hosts in LDAP,
//! and hosts that OMAPI added. Prefixes that `prefix6` delegates.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use poolcheck_plan::facts::{Completeness, DhcpState, Reservation, Segment, Sourced};
use poolcheck_plan::{AddrRange, Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
use crate::said::{self, Said};
use crate::statements::{self, Statement};

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "isc-dhcpd",
    title: "ISC dhcpd, dhcpd.conf",
    tested_on: "ISC dhcpd 4.4, which leased what this had read; written fixtures, by its manual",
    how_to_shrink: Some(HOW_TO_SHRINK),
    recognise,
    parse,
};

const HOW_TO_SHRINK: &str = "In dhcpd.conf: change `range` of the subnet, then restart dhcpd.";

fn recognise(page: &Page<'_>) -> bool {
    let subnet = page.text.lines().any(|line| {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("subnet") => words.nth(1) == Some("netmask"),
            Some("subnet6" | "shared-network") => words.next().is_some(),
            _ => false,
        }
    });
    subnet || page.text.contains("hardware ethernet ") && page.text.contains("fixed-address")
}

/// What is set at one level and holds further in.
#[derive(Clone, Copy, Default)]
struct Level<'s, 't> {
    lease: Option<(usize, &'t str)>,
    routers: Option<&'s Statement<'t>>,
    dns: Option<&'s Statement<'t>>,
    dns6: Option<&'s Statement<'t>>,
}

impl<'s, 't> Level<'s, 't> {
    /// What holds within a block.
    fn within(mut self, block: &'s [Statement<'t>]) -> Self {
        for statement in block.iter().filter(|statement| statement.block.is_empty()) {
            match (statement.word(0), statement.word(1)) {
                ("default-lease-time", seconds) => self.lease = Some((statement.file, seconds)),
                ("option", "routers") => self.routers = Some(statement),
                ("option", "domain-name-servers") => self.dns = Some(statement),
                ("option", "dhcp6.name-servers") => self.dns6 = Some(statement),
                _ => {}
            }
        }
        self
    }
}

struct Reader<'f, 't> {
    files: &'f [Said<'t>],
    segments: Vec<Segment>,
    hosts: Vec<Sourced<Reservation>>,
    /// A host whose address is a name.
    unresolved: bool,
}

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let files: Vec<Said<'_>> = input.pages.iter().map(|page| Said::new(page, shown(page.text), sources)).collect();
    let names: Vec<&str> = input.pages.iter().map(|page| page.name).collect();
    let includes = input.pages.iter().flat_map(|page| statements::includes(page.text));
    let mut reader = Reader { files: &files, segments: Vec::new(), hosts: Vec::new(), unresolved: false };
    let mut missing = Vec::new();
    for start in said::not_included(&names, includes) {
        let whole = statements::read(&files, &names, start, &mut missing)?;
        reader.block(&whole, Level::default().within(&whole), None)?;
    }
    let Reader { mut segments, hosts, unresolved, .. } = reader;
    if segments.is_empty() {
        let Some((file, name)) = missing.first() else {
            let message = "no `subnet` was found";
            return Err(Complaint::whole(message)
                .help("give dhcpd.conf, and the files that it includes with it")
                .into());
        };
        segments.push(Segment { dhcp: vec![files[*file].server(DhcpState::Unknown, name)], ..Segment::default() });
    }
    for server in segments.iter_mut().flat_map(|segment| &mut segment.dhcp) {
        if !missing.is_empty() {
            server.completeness = Completeness::Partial;
        } else if unresolved {
            server.completeness = Completeness::RangeOnly;
        }
        if server.ranges.is_empty() && missing.is_empty() {
            server.state.value = DhcpState::StaticOnly;
        }
    }
    said::share(&hosts, &mut segments)?;
    let gaps = missing
        .iter()
        .take(said::MAX_GAPS)
        .map(|(file, name)| said::gap(&files[*file], names[*file], name, said::NOT_GIVEN));
    let title = names.first().copied().unwrap_or("dhcpd.conf");
    Ok(Facts { gaps: gaps.collect(), ..said::facts("isc-dhcpd", title, HOW_TO_SHRINK, segments) })
}

/// The text with the secrets of keys unreadable.
fn shown(text: &str) -> String {
    let mut shown = text.to_owned();
    for (at, found) in text.match_indices("secret") {
        let rest = &text[at + found.len()..];
        let value = rest.trim_start();
        let end = value.find([';', '\n', '}']).unwrap_or(value.len());
        if rest.starts_with(char::is_whitespace) {
            said::starred(&mut shown, said::range_of(text, &value[..end]));
        }
    }
    for (at, found) in text.match_indices("omapi-key").chain(text.match_indices("ldap-password")) {
        let rest = &text[at + found.len()..];
        let end = rest.find([';', '\n']).unwrap_or(rest.len());
        said::starred(&mut shown, said::range_of(text, &rest[..end]));
    }
    shown
}

impl<'t> Reader<'_, 't> {
    /// Reads a block: `network` is the number of the segment that a shared network is, within one.
    fn block<'s>(
        &mut self,
        block: &'s [Statement<'t>],
        level: Level<'s, 't>,
        network: Option<usize>,
    ) -> Result<(), AdapterError> {
        for statement in block {
            match statement.word(0) {
                "group" => self.block(&statement.block, level.within(&statement.block), network)?,
                "shared-network" => {
                    let name = statement.word(1);
                    let file = &self.files[statement.file];
                    let segment = Segment {
                        name: Some(file.surely(name.to_owned(), name)).filter(|_| !name.is_empty()),
                        dhcp: vec![file.server(DhcpState::On, if name.is_empty() { statement.word(0) } else { name })],
                        ..Segment::default()
                    };
                    self.segments.push(segment);
                    let number = self.segments.len() - 1;
                    self.block(&statement.block, level.within(&statement.block), Some(number))?;
                    // Pools beside the subnets are of the network as a whole.
                    self.ranges(&statement.block, number)?;
                }
                "subnet" | "subnet6" => self.subnet(statement, level.within(&statement.block), network)?,
                "host" => self.host(statement),
                _ => {}
            }
        }
        Ok(())
    }

    fn subnet<'s>(
        &mut self,
        statement: &'s Statement<'t>,
        level: Level<'s, 't>,
        network: Option<usize>,
    ) -> Result<(), AdapterError> {
        let file = &self.files[statement.file];
        let written = statement.word(1);
        let net = match statement.words[..] {
            ["subnet", net, "netmask", mask] => match (net.parse::<Ipv4Addr>(), mask.parse::<Ipv4Addr>()) {
                (Ok(net), Ok(mask)) => said::network(net, mask),
                _ => None,
            },
            ["subnet6", net] => net.parse::<IpNet>().ok().map(|net| net.trunc()),
            _ => None,
        };
        let Some(net) = net else {
            let message = format!("`{}` is no subnet", statement.words.join(" "));
            let complaint = Complaint::at(
                file.span(if written.is_empty() { statement.word(0) } else { written }),
                "no subnet",
                message,
            );
            return Err(complaint.help("dhcpd writes subnet 192.168.1.0 netmask 255.255.255.0 { … }").into());
        };
        let number = network.unwrap_or_else(|| {
            let server = file.server(DhcpState::On, written);
            self.segments.push(Segment { dhcp: vec![server], ..Segment::default() });
            self.segments.len() - 1
        });
        self.segments[number].subnets.push(file.surely(net, written));
        self.ranges(&statement.block, number)?;
        self.block(&statement.block, level, Some(number))?;
        let routers = self.addresses(level.routers);
        let dns = self.addresses(if net.addr().is_ipv4() { level.dns } else { level.dns6 });
        let segment = &mut self.segments[number];
        // Routers that are set for all subnets are this one's where they lie in it.
        said::add_new(&mut segment.gateways, routers.into_iter().filter(|router| net.contains(&router.value)));
        said::add_new(&mut segment.dns, dns);
        let lease = level.lease.and_then(|(file, text)| Some(self.files[file].surely(text.parse().ok()?, text)));
        if let Some(server) = segment.dhcp.first_mut() {
            server.lease_seconds = server.lease_seconds.take().or(lease);
        }
        Ok(())
    }

    /// The routers and DNS servers that machines of one pool are told.
    fn told_by_pool(&mut self, pool: &[Statement<'t>], number: usize) {
        let own = Level::default().within(pool);
        let (routers, dns) = (self.addresses(own.routers), self.addresses(own.dns.or(own.dns6)));
        let segment = &mut self.segments[number];
        let inside = |router: &Sourced<IpAddr>| segment.subnets.iter().any(|net| net.value.contains(&router.value));
        said::add_new(&mut segment.gateways, routers.into_iter().filter(inside));
        said::add_new(&mut segment.dns, dns);
    }

    /// The ranges of a subnet, or of a network, and of their pools.
    fn ranges(&mut self, block: &[Statement<'t>], number: usize) -> Result<(), AdapterError> {
        for statement in block {
            match statement.word(0) {
                "pool" | "pool6" => {
                    self.ranges(&statement.block, number)?;
                    self.told_by_pool(&statement.block, number);
                }
                "range" | "range6" => {
                    let range = self.range(statement, number)?;
                    if let Some(server) = self.segments[number].dhcp.first_mut() {
                        server.ranges.push(range);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn range(&self, statement: &Statement<'t>, number: usize) -> Result<Sourced<AddrRange>, AdapterError> {
        let file = &self.files[statement.file];
        let words = match statement.words[1..] {
            ["dynamic-bootp", ..] => &statement.words[2..],
            _ => &statement.words[1..],
        };
        let range = match words {
            [one, "temporary"] if !one.contains('/') => {
                // Without a length it is the address's /64.
                let net = one.parse::<IpAddr>().ok().and_then(|address| IpNet::new(address, 64).ok());
                net.map(|net| AddrRange::from_net(net.trunc()))
            }
            [one] | [one, "temporary"] => match one.parse::<IpNet>() {
                Ok(net) => Some(AddrRange::from_net(net.trunc())),
                Err(_) => one.parse::<IpAddr>().ok().map(AddrRange::single),
            },
            [low, high] => match (low.parse(), high.parse()) {
                (Ok(low), Ok(high)) => said::ordered_of(low, high),
                _ => None,
            },
            _ => None,
        };
        let place = match (words.first(), words.last()) {
            (Some(first), Some(last)) => said::from_to(file.text, first, last),
            _ => statement.word(0),
        };
        let subnets = &self.segments[number].subnets;
        let inside = |range: &AddrRange| {
            subnets.is_empty() || subnets.iter().any(|net| AddrRange::from_net(net.value).covers(*range))
        };
        range.filter(inside).map(|range| file.surely(range, place)).ok_or_else(|| {
            let message = format!("`{}` is no range of its subnet", statement.words.join(" "));
            let complaint = Complaint::at(file.span(place), "no range of it", message);
            complaint.help("dhcpd writes range 192.168.1.100 192.168.1.199; and refuses this one").into()
        })
    }

    fn host(&mut self, host: &Statement<'t>) {
        let file = &self.files[host.file];
        let mac =
            host.block.iter().find(|statement| statement.word(0) == "hardware").map(|statement| statement.word(2));
        let named = host.block.iter().find(|statement| statement.words.starts_with(&["option", "host-name"]));
        let name = named.map_or(host.word(1), |statement| statement.word(2));
        let fixed =
            host.block.iter().filter(|statement| matches!(statement.word(0), "fixed-address" | "fixed-address6"));
        for part in fixed.flat_map(|statement| statement.words[1..].iter().copied()) {
            match part.parse::<IpAddr>() {
                Ok(address) => {
                    let name = Some(name.to_owned()).filter(|name| !name.is_empty());
                    let reservation = Reservation { address, mac: mac.and_then(said::mac), name };
                    self.hosts.push(file.surely(reservation, part));
                }
                Err(_) => self.unresolved = true,
            }
        }
    }

    fn addresses(&self, option: Option<&Statement<'t>>) -> Vec<Sourced<IpAddr>> {
        let Some(option) = option else { return Vec::new() };
        let file = &self.files[option.file];
        option.words[2..]
            .iter()
            .take(said::MAX_ADDRESSES + 1)
            .filter_map(|part| Some(file.surely(part.parse().ok()?, part)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use poolcheck_plan::facts::DhcpServer;

    use super::*;

    #[test]
    fn a_pool_with_routers_of_its_own() {
        let text = "subnet 192.0.2.0 netmask 255.255.255.0 {\n option routers 192.0.2.1;\n pool { range 192.0.2.10 192.0.2.19; }\n \
                    pool {\n option routers 192.0.2.254, 203.0.113.1;\n option domain-name-servers 192.0.2.53;\n range 192.0.2.20 \
                    192.0.2.29;\n }\n}\n";
        let page = Page { name: "dhcpd.conf", text };
        let facts = parse(&Input { pages: &[page], read_at: None }, &mut Sources::new()).expect("it is read");
        let texts = |list: &[Sourced<IpAddr>]| {
            let mut texts: Vec<String> = list.iter().map(|own| own.value.to_string()).collect();
            texts.sort();
            texts
        };
        assert_eq!(texts(&facts.segments[0].gateways), ["192.0.2.1", "192.0.2.254"]);
        assert_eq!(texts(&facts.segments[0].dns), ["192.0.2.53"]);
    }

    const FOUR: &str = include_str!("fixtures/isc-dhcpd/dhcpd.conf");
    const HOSTS: &str = include_str!("fixtures/isc-dhcpd/hosts.conf");
    const SIX: &str = include_str!("fixtures/isc-dhcpd/dhcpd6.conf");

    fn server(segment: &Segment) -> &DhcpServer {
        &segment.dhcp[0]
    }

    fn pages(texts: &[(&str, &str)]) -> Result<(Facts, Sources), AdapterError> {
        let pages: Vec<Page<'_>> = texts.iter().map(|(name, text)| Page { name, text }).collect();
        let mut sources = Sources::new();
        Ok((parse(&Input { pages: &pages, read_at: None }, &mut sources)?, sources))
    }

    fn ranges(segment: &Segment) -> Vec<String> {
        server(segment).ranges.iter().map(|range| range.value.to_string()).collect()
    }

    fn range_of(statement: &str) -> Vec<String> {
        let text = format!("subnet 10.0.0.0 netmask 255.255.255.0 {{ {statement} }}");
        ranges(&pages(&[("dhcpd.conf", &text)]).expect(statement).0.segments[0])
    }

    #[test]
    fn ranges_in_all_forms() {
        assert_eq!(range_of("range 10.0.0.5 10.0.0.9;"), ["10.0.0.5-10.0.0.9"]);
        assert_eq!(range_of("range 10.0.0.5;"), ["10.0.0.5"]);
        assert_eq!(range_of("range dynamic-bootp 10.0.0.9 10.0.0.5;"), ["10.0.0.5-10.0.0.9"]);
        assert_eq!(
            range_of("pool { range 10.0.0.5 10.0.0.9; deny unknown-clients; } range 10.0.0.20;"),
            ["10.0.0.5-10.0.0.9", "10.0.0.20"]
        );
        assert_eq!(range_of("# range 10.0.0.5;\noption x \"range 10.0.0.6; }\";"), [""; 0]);
    }

    #[test]
    fn groups_networks_and_files() {
        let (facts, sources) = pages(&[("dhcpd.conf", FOUR), ("hosts.conf", HOSTS)]).expect("it is read");
        let [lan, shared, empty] = &facts.segments[..] else { panic!("{:?}", facts.segments) };
        assert_eq!(ranges(lan), ["192.0.2.100-192.0.2.149", "192.0.2.160-192.0.2.169"]);
        assert_eq!(lan.gateways[0].value.to_string(), "192.0.2.1");
        assert_eq!(lan.dns.iter().map(|dns| dns.value.to_string()).collect::<Vec<_>>(), ["192.0.2.53", "192.0.2.54"]);
        let owners: Vec<String> = server(lan).reservations.iter().map(|host| host.value.owner()).collect();
        assert_eq!(owners, ["nas (00:00:5e:00:53:01)", "printer (00:00:5e:00:53:02)"]);
        assert_eq!(server(lan).lease_seconds.as_ref().map(|lease| lease.value), Some(600));
        assert_eq!((server(lan).state.value, server(lan).completeness), (DhcpState::On, Completeness::Full));
        assert_eq!(sources.slice(server(lan).ranges[0].place), "192.0.2.100 192.0.2.149");
        assert_eq!((shared.subnets.len(), shared.name.as_ref().map(|name| name.value.as_str())), (2, Some("floor")));
        assert_eq!(ranges(shared), ["198.51.100.10-198.51.100.60", "198.51.100.70-198.51.100.90", "198.51.100.200"]);
        assert_eq!(server(shared).lease_seconds.as_ref().map(|lease| lease.value), Some(7200));
        assert_eq!(server(shared).reservations.len(), 1);
        assert_eq!((server(empty).state.value, ranges(empty).len()), (DhcpState::StaticOnly, 0));
        assert!(sources.iter().all(|(_, source)| !source.text.contains("NotAReal")));
    }

    #[test]
    fn what_is_included_and_not_given_is_not_known() {
        let facts = pages(&[("dhcpd.conf", FOUR)]).expect("it is read").0;
        assert!(facts.segments.iter().all(|segment| server(segment).completeness == Completeness::Partial));
        assert_eq!(server(&facts.segments[2]).state.value, DhcpState::On);
        assert!(!server(&facts.segments[2]).knows_ranges());
        assert_eq!(facts.gaps.len(), 1, "{:?}", facts.gaps);
        assert!(facts.gaps[0].value.contains("hosts.conf` is included, and was not given"), "{:?}", facts.gaps);
        let only = pages(&[("dhcpd.conf", "include \"/etc/dhcp/more.conf\";")]).expect("it is read").0;
        assert_eq!(server(&only.segments[0]).state.value, DhcpState::Unknown);
        assert!(pages(&[("a.conf", "include \"b.conf\";"), ("b.conf", "include \"b.conf\";")]).is_err());
        let named =
            "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.5; }\nhost x { fixed-address x.example.org; }";
        assert_eq!(
            server(&pages(&[("d", named)]).expect("it is read").0.segments[0]).completeness,
            Completeness::RangeOnly
        );
    }

    #[test]
    fn files_of_one_name_are_told_apart_by_their_folders() {
        let subnet = |third: u8| format!("subnet 10.0.{third}.0 netmask 255.255.255.0 {{ range 10.0.{third}.5; }}");
        let (one, two) = (subnet(1), subnet(2));
        let both = "include \"/etc/dhcp/lan/net.conf\"; include \"/etc/dhcp/iot/net.conf\";";
        let files = [("dhcpd.conf", both), ("copy/iot/net.conf", &*two), ("copy/lan/net.conf", &*one)];
        let facts = pages(&files).expect("it is read").0;
        let found: Vec<Vec<String>> = facts.segments.iter().map(ranges).collect();
        assert_eq!((found, facts.gaps.len()), (vec![vec!["10.0.1.5".to_owned()], vec!["10.0.2.5".to_owned()]], 0));
        // Which of the two is meant is not known; both are read for all that.
        let files = [("dhcpd.conf", "include \"/etc/net.conf\";"), ("iot/net.conf", &*two), ("lan/net.conf", &*one)];
        let facts = pages(&files).expect("it is read").0;
        assert_eq!((facts.segments.len(), facts.gaps.len()), (2, 1));
        assert!(facts.segments.iter().all(|segment| server(segment).completeness == Completeness::Partial));
    }

    #[test]
    fn tabs_are_as_good_as_spaces() {
        assert!(recognise(&Page { name: "d", text: "\tsubnet\t10.0.0.0\tnetmask\t255.255.255.0 {\n}\n" }));
        assert!(!recognise(&Page { name: "d", text: "the subnet is 10.0.0.0, its netmask 255.255.255.0\n" }));
    }

    #[test]
    fn six() {
        let facts = pages(&[("dhcpd6.conf", SIX)]).expect("it is read").0;
        let segment = &facts.segments[0];
        assert_eq!(
            ranges(segment),
            [
                "2001:db8:1::1000-2001:db8:1::1fff",
                "2001:db8:1:0:ff::-2001:db8:1:0:ff::ffff",
                "2001:db8:1::-2001:db8:1:0:ffff:ffff:ffff:ffff"
            ]
        );
        assert_eq!(segment.dns[0].value.to_string(), "2001:db8:1::53");
        assert_eq!(server(segment).reservations[0].value.address.to_string(), "2001:db8:1::20");
    }

    #[test]
    fn mistakes_have_a_place() {
        for (text, part) in [
            ("subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.1.5 10.0.1.9; }", "10.0.1.5 10.0.1.9"),
            ("subnet 10.0.0.0 netmask 255.255.255.0 { range here; }", "here"),
            ("subnet 10.0.0.0 netmask 255.0.255.0 { }", "10.0.0.0"),
            ("subnet 10.0.0.0/24 { }", "10.0.0.0/24"),
            ("subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.5 }", "}"),
            ("}", "}"),
            ("option x \"y", "\""),
        ] {
            let mut sources = Sources::new();
            let error =
                parse(&Input { pages: &[Page { name: "d", text }], read_at: None }, &mut sources).expect_err(text);
            assert_eq!(sources.slice(error.complaints[0].labels[0].0), part, "{text}");
        }
        for text in ["subnet 10.0.0.0 netmask 255.255.255.0 {", "range 10.0.0.1", ""] {
            assert!(pages(&[("d", text)]).is_err(), "{text}");
        }
    }
}
