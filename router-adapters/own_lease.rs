//! The system's own view: what a DHCP server told this machine when it leased it an address.
//!
//! ## What it reads
//!
//! Leases of systemd-networkd (`/run/systemd/netif/leases/*`) and of NetworkManager's own client
//! (`/var/lib/NetworkManager/internal-*.lease`), and `dhclient.leases`, of which the last lease of each interface counts. They tell the
//! server, the subnet, routers, DNS servers and the machine's own address. All of it is of *low* confidence: it was true when the
//! address was leased.
//!
//! ## How to get it
//!
//! `poolcheck router read /run/systemd/netif/leases/2`, on a machine of the LAN.
//!
//! ## What it cannot know
//!
//! A range. No DHCP message says which other addresses the server leases: pools are not checked against it until the router's
//! own configuration is read. The subnet, where a lease has a mask of 32 bits. Whether a lease has run out. NetworkManager keeps no more than the address in most of its versions.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use poolcheck_plan::facts::{Completeness, DhcpState, Host, Role, Segment, Sourced};
use poolcheck_plan::{Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
use crate::said::{self, Said};
use crate::statements;

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "own-lease",
    title: "this machine's own lease (systemd-networkd, NetworkManager, dhclient)",
    tested_on: "written fixtures, by lease files in the tests of these programs and of cloud-init",
    how_to_shrink: None,
    recognise,
    parse,
};

fn recognise(page: &Page<'_>) -> bool {
    is_of_dhclient(page.text)
        || assignments(page.text).any(|(key, value)| key == "ADDRESS" && value.parse::<Ipv4Addr>().is_ok())
}

fn is_of_dhclient(text: &str) -> bool {
    text.lines().any(|line| line.trim() == "lease {") && text.contains("fixed-address ")
}

/// The lines `KEY=value` of systemd's lease files.
fn assignments(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(key, value)| (key, value.trim_matches(['"', '\''])))
}

/// What one lease says, as written.
#[derive(Default, Clone)]
struct Lease<'t> {
    interface: Option<&'t str>,
    address: Option<&'t str>,
    mask: Option<&'t str>,
    server: Option<&'t str>,
    lifetime: Option<&'t str>,
    routers: Vec<&'t str>,
    dns: Vec<&'t str>,
}

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let files: Vec<Said<'_>> = input.pages.iter().map(|page| Said::new(page, shown(page.text), sources)).collect();
    let names: Vec<&str> = input.pages.iter().map(|page| page.name).collect();
    let mut segments = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let leases =
            if is_of_dhclient(file.text) { of_dhclient(&files, &names, number)? } else { vec![of_systemd(file.text)] };
        segments.extend(leases.iter().filter_map(|lease| segment(file, lease)));
    }
    if segments.is_empty() {
        let message = "no lease of an IPv4 address was found";
        return Err(Complaint::whole(message)
            .help("read it on a machine that has its address from the LAN's DHCP server")
            .into());
    }
    let mut facts = said::facts("own-lease", names.first().copied().unwrap_or("own-lease"), "", segments);
    facts.origins[0].how_to_shrink = None;
    Ok(facts)
}

/// The text without what identifies the machine.
fn shown(text: &str) -> String {
    let mut shown = text.to_owned();
    for (key, value) in assignments(text) {
        if matches!(key, "CLIENTID" | "HOSTNAME") || key.starts_with("OPTION_") {
            said::starred(&mut shown, said::range_of(text, value));
        }
    }
    shown
}

fn of_systemd(text: &str) -> Lease<'_> {
    let mut lease = Lease::default();
    for (key, value) in assignments(text) {
        match key {
            "ADDRESS" => lease.address = Some(value),
            "NETMASK" => lease.mask = Some(value),
            "SERVER_ADDRESS" => lease.server = Some(value),
            "LIFETIME" => lease.lifetime = Some(value),
            "ROUTER" => lease.routers = value.split_whitespace().collect(),
            "DNS" => lease.dns = value.split_whitespace().collect(),
            _ => {}
        }
    }
    lease
}

/// The last lease of each interface.
fn of_dhclient<'t>(files: &[Said<'t>], names: &[&'t str], number: usize) -> Result<Vec<Lease<'t>>, AdapterError> {
    let mut leases: Vec<Lease<'t>> = Vec::new();
    let mut by_interface = HashMap::new();
    let whole = statements::read(files, names, number, &mut Vec::new())?;
    for block in whole.iter().filter(|statement| statement.words[..] == ["lease"]) {
        let mut lease = Lease::default();
        for statement in &block.block {
            match statement.words[..] {
                ["interface", name] => lease.interface = Some(name),
                ["fixed-address", address] => lease.address = Some(address),
                ["option", "subnet-mask", mask] => lease.mask = Some(mask),
                ["option", "dhcp-server-identifier", server] => lease.server = Some(server),
                ["option", "dhcp-lease-time", seconds] => lease.lifetime = Some(seconds),
                ["option", "routers", ref list @ ..] => lease.routers = list.to_vec(),
                ["option", "domain-name-servers", ref list @ ..] => lease.dns = list.to_vec(),
                _ => {}
            }
        }
        let number = *by_interface.entry(lease.interface).or_insert(leases.len());
        match leases.get_mut(number) {
            Some(known) => *known = lease,
            None => leases.push(lease),
        }
    }
    Ok(leases)
}

fn segment(file: &Said<'_>, lease: &Lease<'_>) -> Option<Segment> {
    let (address, text) = lease.address.and_then(|text| Some((text.parse::<Ipv4Addr>().ok()?, text)))?;
    let name = lease.interface.map(|name| file.perhaps(name.to_owned(), name));
    let mut segment = Segment { name, ..Segment::default() };
    // Clouds and providers lease an address by itself (a mask of 32 bits): which others are on the link it does not say.
    let mask = lease.mask.and_then(|text| text.parse().ok()).filter(|mask| *mask != Ipv4Addr::BROADCAST);
    segment.subnets.extend(mask.and_then(|mask| Some(file.perhaps(said::network(address, mask)?, text))));
    let addresses = |list: &[&str]| -> Vec<Sourced<IpAddr>> {
        let read = |text: &&str| text.parse().ok().filter(|address: &IpAddr| !address.is_unspecified());
        list.iter().filter_map(|text| Some(file.perhaps(read(text)?, text))).collect()
    };
    segment.gateways = addresses(&lease.routers);
    segment.dns = addresses(&lease.dns);
    segment.hosts.push(file.perhaps(Host { address: address.into(), name: None, mac: None, role: Role::Other }, text));
    // A server has leased this address; which others it leases nobody has said.
    let mut server = file.server(DhcpState::On, lease.server.unwrap_or(text));
    server.state = file.perhaps(DhcpState::On, lease.server.unwrap_or(text));
    server.server = lease.server.and_then(|text| Some(file.perhaps(text.parse().ok()?, text)));
    server.lease_seconds = lease.lifetime.and_then(|text| Some(file.perhaps(text.parse().ok()?, text)));
    server.completeness = Completeness::Partial;
    segment.dhcp.push(server);
    Some(segment)
}

#[cfg(test)]
mod tests {
    use poolcheck_plan::Confidence;

    use super::*;

    const NETWORKD: &str = include_str!("fixtures/own-lease/networkd");
    const DHCLIENT: &str = include_str!("fixtures/own-lease/dhclient.leases");

    fn read(text: &str) -> Result<(Facts, Sources), AdapterError> {
        let mut sources = Sources::new();
        let page = Page { name: "lease", text };
        Ok((parse(&Input { pages: &[page], read_at: None }, &mut sources)?, sources))
    }

    #[test]
    fn a_lease_of_networkd() {
        let (facts, sources) = read(NETWORKD).expect("it is read");
        let segment = &facts.segments[0];
        assert_eq!(segment.subnets[0].value.to_string(), "192.0.2.0/24");
        assert_eq!(segment.subnets[0].confidence, Confidence::Low);
        assert_eq!(segment.gateways[0].value.to_string(), "192.0.2.1");
        assert_eq!((segment.dns.len(), segment.hosts[0].value.address.to_string().as_str()), (2, "192.0.2.117"));
        let server = &segment.dhcp[0];
        assert_eq!(server.server.as_ref().map(|server| server.value.to_string()).as_deref(), Some("192.0.2.2"));
        assert_eq!(server.lease_seconds.as_ref().map(|lease| lease.value), Some(3_600));
        // Never a range.
        assert!(server.ranges.is_empty() && !server.knows_ranges() && !server.knows_reservations());
        assert!(sources.iter().all(|(_, source)| !source.text.contains("ff5600")));
    }

    #[test]
    fn the_last_lease_of_each_interface() {
        let (facts, _) = read(DHCLIENT).expect("it is read");
        let own: Vec<String> =
            facts.segments.iter().map(|segment| segment.hosts[0].value.address.to_string()).collect();
        assert_eq!(own, ["192.0.2.118", "198.51.100.20"]);
        assert_eq!(facts.segments[0].dns.len(), 2);
        assert_eq!(facts.segments[1].gateways.len(), 0);
        assert!(facts.segments.iter().flat_map(|segment| &segment.dhcp).all(|server| server.ranges.is_empty()));
    }

    #[test]
    fn an_address_leased_by_itself_tells_no_subnet() {
        let cloud =
            "ADDRESS=192.0.2.4\nNETMASK=255.255.255.255\nROUTER=192.0.2.1 0.0.0.0\nSERVER_ADDRESS=169.254.169.254\n";
        let (facts, _) = read(cloud).expect("it is read");
        let segment = &facts.segments[0];
        assert!(segment.subnets.is_empty(), "{:?}", segment.subnets);
        assert_eq!(segment.gateways.iter().map(|own| own.value.to_string()).collect::<Vec<_>>(), ["192.0.2.1"]);
    }

    #[test]
    fn dates_texts_and_leases_of_ipv6_are_passed_over() {
        let text = "default-duid \"\\000\\\"{;\";\nlease {\n interface \"eth0\";\n fixed-address 192.0.2.7;\n option routers \
                    192.0.2.1,192.0.2.2;\n option host-name \"x; y } z\";\n bootp;\n renew epoch 1700000000; # Tue\n expire \
                    never;\n}\nlease6 {\n interface \"eth0\";\n ia-na 1:2 {\n iaaddr 2001:db8::5 {\n starts 1;\n }\n }\n}\n";
        let (facts, _) = read(text).expect("it is read");
        assert_eq!((facts.segments.len(), facts.segments[0].gateways.len()), (1, 2));
    }

    #[test]
    fn an_address_alone_tells_no_subnet() {
        let (facts, _) = read("# This is private data. Do not parse.\nADDRESS=192.0.2.5\n").expect("it is read");
        assert!(facts.segments[0].subnets.is_empty() && facts.segments[0].dhcp[0].server.is_none());
        for text in ["", "ADDRESS=here\n", "lease {\n fixed-address x;\n}\n", "lease {\n fixed-address 10.0.0.1;\n"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
