//! dnsmasq: its configuration file, which many routers have inside.
//!
//! ## What it reads
//!
//! `dnsmasq.conf` and the files that it takes in, when they are given with it: `dhcp-range`, `dhcp-host`, `dhcp-option` 3
//! (router) and 6 (DNS), `dhcp-option=option:router`, `option:dns-server`. Options may begin with `--`.
//!
//! A range's ends may be the wrong way round, as dnsmasq allows. `static` and `proxy` ranges lease nothing of their own. A
//! netmask, where one is written, gives the subnet; otherwise it is not known. Addresses that end in .0 and .255 are kept
//! in the range, although dnsmasq leases them only outside class C networks.
//!
//! ## How to get it
//!
//! Copy `/etc/dnsmasq.conf` and the files below `/etc/dnsmasq.d/`, then
//! `poolcheck router read --adapter dnsmasq dnsmasq.conf dnsmasq.d/lan.conf`.
//!
//! ## What it cannot know
//!
//! Files that `conf-file`, `conf-dir`, `dhcp-hostsfile` or `read-ethers` name and that are not given: then reservations, and
//! perhaps ranges, are missing. The prefix behind `constructor:` of an IPv6 range, which is the interface's own of the day.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use poolcheck_plan::facts::{Completeness, DhcpServer, DhcpState, Segment};
use poolcheck_plan::{AddrRange, Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
use crate::said::{self, Said};

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "dnsmasq",
    title: "dnsmasq, its configuration file",
    tested_on: "dnsmasq 2.90, by its manual and source",
    how_to_shrink: Some(HOW_TO_SHRINK),
    recognise,
    parse,
};

const HOW_TO_SHRINK: &str = "In dnsmasq's configuration: change `dhcp-range`, then restart dnsmasq.";

fn recognise(page: &Page<'_>) -> bool {
    let own = options(page.text)
        .filter(|(key, _)| key.starts_with("dhcp-") || *key == "domain-needed" || *key == "bogus-priv");
    let uci = page.text.lines().any(|line| line.trim_start().starts_with("config "));
    own.take(1).count() == 1 && !uci && !page.text.contains("[dhcp]")
}

/// The options of a file: (name, value), comments left out.
fn options(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        // A comment begins where a `#` follows a space, or at the beginning.
        let end = line.match_indices('#').find(|(at, _)| *at == 0 || line.as_bytes()[at - 1].is_ascii_whitespace());
        let line = end.map_or(line, |(at, _)| line[..at].trim_end());
        let line = line.strip_prefix("--").unwrap_or(line);
        let (key, value) = line.split_once('=').unwrap_or((line, &line[line.len()..]));
        let key = key.trim();
        let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        plain.then_some((key, value.trim()))
    })
}

/// A `dhcp-range` as written.
struct RangeLine<'t> {
    range: Option<AddrRange>,
    first: IpAddr,
    part: &'t str,
    mask: Option<(Ipv4Addr, &'t str)>,
    state: DhcpState,
    lease: Option<(u64, &'t str)>,
    /// The prefix is the interface's own of the day.
    constructed: bool,
}

fn range_line(value: &str) -> Option<RangeLine<'_>> {
    let is_tag = |field: &str| field.parse::<IpAddr>().is_err() && (field.contains(':') || !field.contains('.'));
    let mut fields =
        value.split(',').map(str::trim).skip_while(|field| is_tag(field) && field.parse::<IpAddr>().is_err());
    let first_part = fields.next()?;
    let first: IpAddr = first_part.parse().ok()?;
    let mut line = RangeLine {
        range: None,
        first,
        part: first_part,
        mask: None,
        state: DhcpState::On,
        lease: None,
        constructed: false,
    };
    for field in fields {
        match field {
            "static" => line.state = DhcpState::StaticOnly,
            "proxy" | "ra-only" | "slaac" | "ra-names" | "ra-stateless" | "ra-advrouter" | "off-link" => {
                // Router advertisements alone lease nothing.
                if line.range.is_none() {
                    line.state = DhcpState::Off;
                }
            }
            _ if field.starts_with("constructor:") => line.constructed = true,
            _ => match field.parse::<IpAddr>() {
                Ok(last) if line.range.is_none() && last.is_ipv4() == first.is_ipv4() => {
                    line.range = said::ordered(first, last);
                    line.part = said::from_to(value, first_part, field);
                }
                Ok(IpAddr::V4(mask)) if line.mask.is_none() => line.mask = Some((mask, field)),
                Ok(_) => {}
                Err(_) => {
                    line.lease = line.lease.or(said::lease(field)
                        .filter(|_| first.is_ipv4() || field.parse::<u8>().is_err())
                        .map(|seconds| (seconds, field)));
                }
            },
        }
    }
    Some(line)
}

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let files: Vec<Said<'_>> = input.pages.iter().map(|page| Said::new(page, page.text.to_owned(), sources)).collect();
    let mut segments: Vec<Segment> = Vec::new();
    let mut known: HashMap<(Option<IpNet>, bool), usize> = HashMap::new();
    let (mut hosts, mut routers, mut dns) = (Vec::new(), Vec::new(), Vec::new());
    let mut left_out = false;
    for file in &files {
        for (key, value) in options(file.text) {
            match key {
                "dhcp-range" => {
                    let Some(line) = range_line(value) else {
                        let message = format!("`dhcp-range={value}` does not begin with an address after its tags");
                        let help = "dnsmasq writes dhcp-range=192.168.1.50,192.168.1.150,12h";
                        return Err(Complaint::at(file.span(value), "no address", message).help(help).into());
                    };
                    take_range(&line, file, &mut segments, &mut known);
                }
                "dhcp-host" => hosts.extend(said::dhcp_host(value).map(|(host, part)| file.surely(host, part))),
                "dhcp-option" | "dhcp-option-force" => {
                    let fields: Vec<&str> = value.split(',').map(str::trim).collect();
                    let Some(at) =
                        fields.iter().position(|f| matches!(*f, "3" | "option:router" | "6" | "option:dns-server"))
                    else {
                        continue;
                    };
                    let list = fields[at + 1..].iter().filter_map(|part| Some((part.parse::<IpAddr>().ok()?, *part)));
                    // 0.0.0.0 stands for the machine that runs dnsmasq, whose address is not said here.
                    let list = list.filter(|(address, _)| !address.is_unspecified());
                    let target = if matches!(fields[at], "3" | "option:router") { &mut routers } else { &mut dns };
                    target.extend(list.map(|(address, part)| file.surely(address, part)));
                }
                "conf-file" | "conf-dir" | "dhcp-hostsfile" | "dhcp-hostsdir" | "read-ethers" => {
                    let name = value.split(',').next().unwrap_or(value);
                    let given =
                        |page: &Page<'_>| !name.is_empty() && page.name.ends_with(name.trim_start_matches("./"));
                    left_out |= key == "read-ethers"
                        || key == "conf-dir" && files.len() == 1
                        || key != "conf-dir" && !input.pages.iter().any(given);
                }
                _ => {}
            }
        }
    }
    if segments.is_empty() {
        let Some(file) = files.first() else { return Err(Complaint::whole("no file was given").into()) };
        // Without a range dnsmasq serves no DHCP, unless a file that is not here says otherwise.
        let state = if left_out { DhcpState::Unknown } else { DhcpState::Off };
        let first = file.text.lines().find(|line| !line.trim().is_empty()).unwrap_or(file.text);
        segments.push(Segment { dhcp: vec![file.server(state, first)], ..Segment::default() });
    }
    let too_many =
        segments.len() > said::MAX_SEGMENTS || dns.len().max(routers.len()) > said::MAX_FACTS / segments.len();
    if too_many {
        return Err(said::too_many().into());
    }
    for segment in &mut segments {
        let inside = |address: IpAddr| {
            segment.subnets.is_empty() || segment.subnets.iter().any(|subnet| subnet.value.contains(&address))
        };
        let gateways: Vec<_> = routers.iter().filter(|router| inside(router.value)).cloned().collect();
        said::add_new(&mut segment.dns, dns.iter().cloned());
        said::add_new(&mut segment.gateways, gateways);
        if let Some(server) = segment.dhcp.first_mut().filter(|_| left_out) {
            server.completeness = Completeness::Partial;
        }
    }
    said::share(&hosts, &mut segments)?;
    let title = input.pages.first().map_or("dnsmasq", |page| page.name);
    Ok(said::facts("dnsmasq", title, HOW_TO_SHRINK, segments))
}

/// Adds a range to the segment of its subnet, and of its family.
fn take_range(
    line: &RangeLine<'_>,
    file: &Said<'_>,
    segments: &mut Vec<Segment>,
    known: &mut HashMap<(Option<IpNet>, bool), usize>,
) {
    let subnet = match (line.first, line.mask) {
        (IpAddr::V4(first), Some((mask, part))) => said::network(first, mask).map(|net| file.surely(net, part)),
        _ => None,
    };
    let mut server: DhcpServer = file.server(line.state, line.part);
    server.ranges.extend(line.range.filter(|_| !line.constructed).map(|range| file.surely(range, line.part)));
    server.lease_seconds = line.lease.map(|(seconds, part)| file.surely(seconds, part));
    if line.constructed {
        server.completeness = Completeness::Partial;
    }
    let key = (subnet.as_ref().map(|subnet| subnet.value), line.first.is_ipv4());
    let same = known.get(&key).and_then(|number| segments.get_mut(*number)?.dhcp.first_mut());
    let Some(same) = same else {
        known.insert(key, segments.len());
        segments.push(Segment { subnets: subnet.into_iter().collect(), dhcp: vec![server], ..Segment::default() });
        return;
    };
    if same.state.value != DhcpState::On {
        same.state = server.state;
    }
    same.ranges.extend(server.ranges);
    same.lease_seconds = same.lease_seconds.take().or(server.lease_seconds);
    if server.completeness == Completeness::Partial {
        same.completeness = Completeness::Partial;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Facts {
        let page = Page { name: "dnsmasq.conf", text };
        assert!(recognise(&page), "{text}");
        parse(&Input { pages: &[page], read_at: None }, &mut Sources::new()).expect("it is read")
    }

    fn ranges(text: &str) -> Vec<String> {
        let facts = read(text);
        facts.segments.iter().flat_map(|s| &s.dhcp).flat_map(|d| &d.ranges).map(|r| r.value.to_string()).collect()
    }

    #[test]
    fn ranges_in_all_forms() {
        assert_eq!(ranges("dhcp-range=192.168.0.50,192.168.0.150,12h\n"), ["192.168.0.50-192.168.0.150"]);
        assert_eq!(
            ranges("--dhcp-range=set:red,tag:blue,10.0.0.9,10.0.0.2,255.255.255.0,1d # swapped\n"),
            ["10.0.0.2-10.0.0.9"]
        );
        assert_eq!(ranges("dhcp-range=lan,10.0.0.2,10.0.0.9\n"), ["10.0.0.2-10.0.0.9"]);
        assert_eq!(ranges("dhcp-range=1234::2, 1234::500, 64, 12h\n"), ["1234::2-1234::500"]);
        assert_eq!(ranges("dhcp-range=::1,::400,constructor:eth0\n"), [""; 0]);
        assert_eq!(ranges("dhcp-range=192.168.0.0,static\n"), [""; 0]);
    }

    #[test]
    fn what_else_is_said() {
        let facts = read(
            "dhcp-range=192.168.7.100,192.168.7.199,255.255.255.0,12h\ndhcp-host=aa:bb:cc:00:00:01,192.168.7.20,nas\ndhcp-host=aa:bb:cc:00:00:02,10.0.0.1\ndhcp-option=3,192.168.7.1\ndhcp-option=option:dns-server,192.168.7.2,0.0.0.0\n",
        );
        let segment = &facts.segments[0];
        assert_eq!(segment.subnets[0].value.to_string(), "192.168.7.0/24");
        assert_eq!(segment.gateways[0].value.to_string(), "192.168.7.1");
        assert_eq!(segment.dns.len(), 1);
        let server = &segment.dhcp[0];
        assert_eq!(server.lease_seconds.as_ref().map(|lease| lease.value), Some(43_200));
        let hosts: Vec<String> = server.reservations.iter().map(|host| host.value.owner()).collect();
        assert_eq!(hosts, ["nas (aa:bb:cc:00:00:01)"]);
        assert_eq!(server.completeness, Completeness::Full);
    }

    #[test]
    fn a_fact_points_at_its_bytes() {
        let text = "# lan\ndhcp-range=set:x,192.168.0.50,192.168.0.150,12h\n";
        let page = Page { name: "d.conf", text };
        let mut sources = Sources::new();
        let facts = parse(&Input { pages: &[page], read_at: None }, &mut sources).expect("it is read");
        assert_eq!(sources.slice(facts.segments[0].dhcp[0].ranges[0].place), "192.168.0.50,192.168.0.150");
    }

    #[test]
    fn what_is_not_given_is_not_known() {
        let facts = read("dhcp-range=10.0.0.2,10.0.0.9\nconf-dir=/etc/dnsmasq.d/,*.conf\n");
        assert_eq!(facts.segments[0].dhcp[0].completeness, Completeness::Partial);
        assert_eq!(read("domain-needed\n").segments[0].dhcp[0].state.value, DhcpState::Off);
        assert_eq!(read("bogus-priv\nconf-file=/etc/more.conf\n").segments[0].dhcp[0].state.value, DhcpState::Unknown);
        let page = Page { name: "d.conf", text: "dhcp-range=lan,12h\n" };
        assert!(parse(&Input { pages: &[page], read_at: None }, &mut Sources::new()).is_err());
    }
}
