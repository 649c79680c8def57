//! What an adapter reads is what the server leases, of IPv6: dnsmasq, ISC dhcpd and Kea run with the very text that the adapter has
//! read, and clients with DUIDs of their own take addresses until there are none left.
//!
//! As in `truth.rs`: every lease lies inside of what was read, both ends are reached, nothing between them is left over, and a
//! machine with a reservation gets that address. `cargo xtask programs` provides the servers where they are not installed.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::thread;
use std::time::Duration;

use common::servers::Server;
use common::{Bridge, inside, interface, run};
use poolcheck_lan::link::{self, Link, PacketLink, Wanted};
use poolcheck_lan::wire::dhcpv6::{MessageType, Repr, option};
use poolcheck_lan::wire::{MacAddr, Payload, compose, dissect};
use poolcheck_plan::facts::{DhcpServer, DhcpState};
use poolcheck_plan::{AddrRange, AddrSet, Sources};
use poolcheck_router_adapters::{Input, Page, find};

#[path = "../../crates/lan/tests/common/mod.rs"]
mod common;

/// The server's host.
const HOST: &str = "dhcp";
/// RFC 8415 section 7.3.
const REQUEST: u8 = 3;
const CONFIRMED: MessageType = MessageType::Reply;

/// Reads a configuration with an adapter, as `poolcheck router read` does.
fn read(adapter: &str, text: &str) -> Vec<DhcpServer> {
    let page = Page { name: "server.conf", text };
    let adapter = find(adapter).expect("it is built in");
    assert!(adapter.recognises(&page), "{text}");
    let facts = adapter.parse(&Input { pages: &[page], read_at: None }, &mut Sources::new()).expect("it is read");
    facts.segments.into_iter().flat_map(|segment| segment.dhcp).collect()
}

/// A client's MAC address, of which its DUID is made.
fn client(number: u8) -> MacAddr {
    MacAddr([0x02, 0xc1, 0, 0, 0, number])
}

/// Clients on `eth0` that take whatever is advertised.
struct Clients {
    link: PacketLink,
    from: Ipv6Addr,
    leases: BTreeMap<MacAddr, Ipv6Addr>,
}

impl Clients {
    fn new() -> Self {
        let from = (0..200).find_map(|_| {
            thread::sleep(Duration::from_millis(50));
            // Nobody speaks from an address that is still being probed.
            let settled = run("ip -6 addr show dev eth0 scope link -tentative").contains("fe80");
            settled.then(|| interface("eth0").link_local()).flatten()
        });
        let link = link::open(&interface("eth0"), Wanted::DHCPV6).unwrap();
        Self { link, from: from.expect("eth0 has a link-local address"), leases: BTreeMap::new() }
    }

    fn send(&mut self, messages: &[Repr]) {
        let from = (self.link.mac(), self.from);
        let frames: Vec<Vec<u8>> = messages.iter().map(|message| compose::dhcpv6_from_client(from, message)).collect();
        self.link.send(&frames).unwrap();
    }

    /// All of these clients without an address ask for one, at the same time; answers are awaited for a while.
    fn ask(&mut self, clients: &[MacAddr], wait: Duration) {
        let waiting: Vec<MacAddr> = clients.iter().copied().filter(|mac| !self.leases.contains_key(mac)).collect();
        let number = |mac: MacAddr| 0xc1_00_00 + u32::from(mac.0[5]);
        let who: BTreeMap<u32, MacAddr> = waiting.iter().map(|mac| (number(*mac), *mac)).collect();
        let messages: Vec<Repr> = waiting.iter().map(|mac| Repr::solicit(*mac, number(*mac))).collect();
        self.send(&messages);
        let end = self.link.now() + wait;
        let mut asked = BTreeSet::new();
        while self.link.now() < end && waiting.iter().any(|mac| !self.leases.contains_key(mac)) {
            let mut received = Vec::new();
            let until = self.link.now() + Duration::from_millis(100);
            self.link.receive(until, &mut received).unwrap();
            for frame in received {
                let Ok(found) = dissect(&frame.frame) else { continue };
                let Payload::Dhcpv6(_, _, answer) = found.payload else { continue };
                let Some(mac) = who.get(&answer.transaction).copied() else { continue };
                let Some(offered) = answer.addresses().first().copied() else { continue };
                match answer.message_type {
                    MessageType::Advertise if asked.insert(mac) => {
                        // What was advertised is asked for, of the server that advertised it.
                        let mut request = Repr::solicit(mac, answer.transaction);
                        request.message_type = MessageType::Unknown(REQUEST);
                        let said = |number| answer.option(number).expect("a server says it").to_vec();
                        request.options.retain(|(number, _)| *number != option::IA_NA);
                        request.options.push((option::SERVER_ID, said(option::SERVER_ID)));
                        request.options.push((option::IA_NA, said(option::IA_NA)));
                        self.send(&[request]);
                    }
                    kind if kind == CONFIRMED => {
                        self.leases.insert(mac, offered.address);
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Takes addresses until the server has none left; gives what the clients without a reservation got.
fn lease_all(server: Server, facts: &DhcpServer, addresses: usize) -> BTreeSet<Ipv6Addr> {
    let mut clients = Clients::new();
    // dnsmasq looks up who speaks, which is this test for all of them: there a client is known by its DUID, and told by its name.
    let named = |name: &str| Some(client(name.strip_prefix("client-")?.parse().ok()?));
    let reserved = facts.reservations.iter().filter_map(|host| {
        let host = &host.value;
        Some((
            host.mac.as_deref().map(|mac| mac.parse().unwrap()).or_else(|| named(host.name.as_deref()?))?,
            host.address,
        ))
    });
    let reserved: Vec<(MacAddr, IpAddr)> = reserved.collect();
    let known: Vec<MacAddr> = reserved.iter().map(|(mac, _)| *mac).collect();
    for _ in 0..5 {
        clients.ask(&known, Duration::from_secs(3));
    }
    assert_eq!(reserved.len(), facts.reservations.len(), "each is somebody's");
    for (mac, address) in &reserved {
        let leased = clients.leases.get(mac).map(|leased| IpAddr::V6(*leased));
        assert_eq!(leased, Some(*address), "{mac}; {}", run(&format!("tail -40 /run/{server:?}.log")));
    }
    // Three more clients than there are addresses.
    let others: Vec<MacAddr> = (0..addresses as u8 + 3).map(|number| client(0x40 + number)).collect();
    let mut silent = 0;
    while silent < 2 {
        let before = clients.leases.len();
        clients.ask(&others, Duration::from_secs(3));
        silent = if clients.leases.len() == before { silent + 1 } else { 0 };
    }
    others.iter().filter_map(|mac| clients.leases.get(mac).copied()).collect()
}

/// Runs a server with the text that an adapter reads, and compares.
fn truth(server: Server, adapter: &str, text: &str, ends: Option<(&str, &str)>) {
    let servers = read(adapter, text);
    let [facts] = &servers[..] else { panic!("{servers:?}") };
    let mut lan = Bridge::new();
    run("sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0");
    lan.host(HOST, "02:71:00:00:00:01", "fd00:77::1/64");
    // A server's socket is on the host's own link-local address, which is probed first.
    for _ in 0..200 {
        if run(&format!("ip -n {HOST} -6 addr show dev eth0 scope link -tentative")).contains("fe80") {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    server.start_six(&mut lan, HOST, text);
    let taken: AddrSet = facts.reservations.iter().map(|host| AddrRange::single(host.value.address)).collect();
    let read: AddrSet = facts.leased().map(|(range, _)| range).collect();
    let free = read.difference(&taken);
    let addresses: u128 = free.clone().into_iter().map(AddrRange::size).sum();
    let leased = lease_all(server, facts, addresses as usize);
    let log = || run(&format!("tail -60 /run/{server:?}.log"));
    for address in &leased {
        assert!(free.contains(IpAddr::V6(*address)), "{server:?} leased {address}, which was not read; {leased:?}");
    }
    assert_eq!(leased.len() as u128, addresses, "not all that was read is leased: {leased:?}; {}", log());
    let reached = leased.first().zip(leased.last()).map(|(first, last)| (first.to_string(), last.to_string()));
    assert_eq!(reached, ends.map(|(first, last)| (first.to_owned(), last.to_owned())), "{leased:?}");
}

/// What is around the ranges in a configuration of dnsmasq.
fn dnsmasq(ranges: &str) -> String {
    format!(
        "port=0\nuser=root\ninterface=eth0\nbind-dynamic\ndhcp-authoritative\npid-file=/run/dnsmasq.pid\ndhcp-leasefile={}\n{ranges}",
        Server::Dnsmasq.leases()
    )
}

#[test]
fn dnsmasq_leases_what_was_read() {
    if !inside("dnsmasq_leases_what_was_read") {
        return;
    }
    // The ends the wrong way round; a reservation inside, one outside, one by its host part.
    let text = dnsmasq(
        "dhcp-range=set:six,fd00:77::1ff,fd00:77::1fa,slaac,64,1h\ndhcp-host=id:00:03:00:01:02:c1:00:00:00:01,[fd00:77::50],client-1\n\
         dhcp-host=id:00:03:00:01:02:c1:00:00:00:02,[fd00:77::1fc],client-2\ndhcp-host=id:00:03:00:01:02:c1:00:00:00:03,[::53],client-3\n",
    );
    truth(Server::Dnsmasq, "dnsmasq", &text, Some(("fd00:77::1fa", "fd00:77::1ff")));
}

/// Without a prefix length it is 64; two ranges of one network, one of them for what has no tag.
#[test]
fn dnsmasq_leases_two_ranges() {
    if !inside("dnsmasq_leases_two_ranges") {
        return;
    }
    let text = dnsmasq(
        "dhcp-range=fd00:77::fffe,fd00:77::1:1\ndhcp-range=tag:!phone,fd00:77:0:0:ff::1,fd00:77:0:0:ff::2,off-link\n",
    );
    truth(Server::Dnsmasq, "dnsmasq", &text, Some(("fd00:77::fffe", "fd00:77::ff:0:0:2")));
}

/// Modes that lease to nobody but whoever has a reservation, although they name two ends.
#[test]
fn dnsmasq_leases_nothing_where_it_is_stateless() {
    if !inside("dnsmasq_leases_nothing_where_it_is_stateless") {
        return;
    }
    let text = dnsmasq(
        "dhcp-range=fd00:77::100,fd00:77::1ff,ra-stateless\ndhcp-host=id:00:03:00:01:02:c1:00:00:00:01,[fd00:77::50],client-1\n",
    );
    assert_eq!(read("dnsmasq", &text)[0].state.value, DhcpState::StaticOnly);
    truth(Server::Dnsmasq, "dnsmasq", &text, None);
}

/// Without a second address there is no DHCP at all.
#[test]
fn dnsmasq_leases_nothing_where_it_only_advertises() {
    if !inside("dnsmasq_leases_nothing_where_it_only_advertises") {
        return;
    }
    let text =
        dnsmasq("dhcp-range=10.77.0.100,static\ndhcp-range=fd00:77::,slaac,ra-names\ndhcp-range=fd00:77::,static\n");
    let servers = read("dnsmasq", &text);
    assert!(servers.iter().all(|server| server.state.value == DhcpState::StaticOnly && server.ranges.is_empty()));
    let [_, six] = &servers[..] else { panic!("{servers:?}") };
    let mut lan = Bridge::new();
    run("sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0");
    lan.host(HOST, "02:71:00:00:00:01", "fd00:77::1/64");
    Server::Dnsmasq.start_six(&mut lan, HOST, &text);
    assert!(lease_all(Server::Dnsmasq, six, 2).is_empty());
}

#[test]
fn isc_dhcpd_leases_what_was_read() {
    if !inside("isc_dhcpd_leases_what_was_read") {
        return;
    }
    let text = "authoritative;\ndefault-lease-time 3600;\nsubnet6 fd00:77::/64 {\n\
                  range6 fd00:77::100 fd00:77::103;\n  pool6 { range6 fd00:77::120/126; }\n}\n\
                host nas { hardware ethernet 02:c1:00:00:00:01; fixed-address6 fd00:77::50; }\n";
    truth(Server::Isc, "isc-dhcpd", text, Some(("fd00:77::100", "fd00:77::123")));
}

#[test]
fn kea_leases_what_was_read() {
    if !inside("kea_leases_what_was_read") {
        return;
    }
    let text = format!(
        "{{ \"Dhcp6\": {{ # like this\n\"data-directory\": \"/run\",\n\"interfaces-config\": {{\"interfaces\": [\"eth0\"]}},\n\
         \"lease-database\": {{\"type\": \"memfile\", \"persist\": true, \"lfc-interval\": 0, \"name\": \"{}\"}},\n\
         \"subnet6\": [{{\"id\": 1, \"subnet\": \"fd00:77::/64\", \"interface\": \"eth0\",\n\
         \"pools\": [{{\"pool\": \"fd00:77::100 - fd00:77::102\"}}, {{\"pool\": \"fd00:77::200/126\"}}],\n\
         \"reservations\": [{{\"hw-address\": \"02:c1:00:00:00:01\", \"ip-addresses\": [\"fd00:77::50\"]}},\n\
                            {{\"hw-address\": \"02:c1:00:00:00:02\", \"ip-addresses\": [\"fd00:77::101\"]}}]}}] }} }}\n",
        Server::Kea.leases()
    );
    truth(Server::Kea, "kea", &text, Some(("fd00:77::100", "fd00:77::203")));
}
