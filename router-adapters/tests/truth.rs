//! What an adapter reads is what the server leases: dnsmasq, ISC dhcpd, Kea and udhcpd run with the very text that the adapter has
//! read, and clients take addresses until there are none left.
//!
//! This is the test of off-by-one, of defaults and of what a manual says: every lease lies inside of what was read, both ends are
//! reached, nothing between them is left over, and a machine with a reservation gets that address.
//! `cargo xtask programs` provides the servers where they are not installed.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use common::servers::Server;
use common::{Bridge, inside, interface, run};
use poolcheck_lan::link::{self, Link, PacketLink, Wanted};
use poolcheck_lan::wire::dhcpv4::{MessageType, Repr, option};
use poolcheck_lan::wire::{MacAddr, Payload, compose, dissect};
use poolcheck_plan::facts::DhcpServer;
use poolcheck_plan::{AddrRange, AddrSet, Sources};
use poolcheck_router_adapters::{Input, Page, find};

#[path = "../../crates/lan/tests/common/mod.rs"]
mod common;

/// The server's host.
const HOST: &str = "dhcp";

/// Reads a configuration with an adapter, as `poolcheck router read` does.
fn read(adapter: &str, text: &str, more: &[(&str, &str)]) -> Vec<DhcpServer> {
    let mut pages = vec![Page { name: "server.conf", text }];
    pages.extend(more.iter().map(|(name, text)| Page { name, text }));
    let adapter = find(adapter).expect("it is built in");
    assert!(adapter.recognises(&pages[0]), "{text}");
    let facts = adapter.parse(&Input { pages: &pages, read_at: None }, &mut Sources::new()).expect("it is read");
    facts.segments.into_iter().flat_map(|segment| segment.dhcp).collect()
}

/// A client's MAC address.
fn client(number: u8) -> MacAddr {
    MacAddr([0x02, 0xc1, 0, 0, 0, number])
}

/// What a client says.
fn message(kind: MessageType, mac: MacAddr) -> Repr {
    let mut message = Repr::from_client(kind, mac, 0xc1_00_00 + u32::from(mac.0[5]));
    message.options.append(option::PARAMETER_LIST, &[option::SUBNET_MASK, option::ROUTER, option::LEASE_TIME]);
    message
}

/// Clients on `eth0` that take whatever is offered.
struct Clients {
    link: PacketLink,
    leases: BTreeMap<MacAddr, Ipv4Addr>,
}

impl Clients {
    fn new() -> Self {
        Self { link: link::open(&interface("eth0"), Wanted::DHCPV4).unwrap(), leases: BTreeMap::new() }
    }

    /// All of these clients without an address ask for one, at the same time; answers are awaited for a while.
    fn ask(&mut self, clients: &[MacAddr], wait: Duration) {
        let from = self.link.mac();
        let waiting: Vec<MacAddr> = clients.iter().copied().filter(|mac| !self.leases.contains_key(mac)).collect();
        let frames: Vec<Vec<u8>> = waiting
            .iter()
            .map(|mac| compose::dhcpv4_from_client(from, &message(MessageType::Discover, *mac)))
            .collect();
        self.link.send(&frames).unwrap();
        let end = self.link.now() + wait;
        let mut asked = BTreeSet::new();
        while self.link.now() < end && waiting.iter().any(|mac| !self.leases.contains_key(mac)) {
            let mut received = Vec::new();
            let until = self.link.now() + Duration::from_millis(100);
            self.link.receive(until, &mut received).unwrap();
            for frame in received {
                let Ok(found) = dissect(&frame.frame) else { continue };
                let Payload::Dhcpv4(_, _, answer) = found.payload else { continue };
                match answer.message_type() {
                    Some(MessageType::Offer) if asked.insert(answer.client_mac) => {
                        let mut request = message(MessageType::Request, answer.client_mac);
                        request.options.append(option::REQUESTED_ADDRESS, &answer.your_address.octets());
                        let server = answer.server_id().expect("a server says who it is");
                        request.options.append(option::SERVER_ID, &server.octets());
                        self.link.send(&[compose::dhcpv4_from_client(from, &request)]).unwrap();
                    }
                    Some(MessageType::Ack) => {
                        self.leases.insert(answer.client_mac, answer.your_address);
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Takes addresses until the server has none left; gives what the clients without a reservation got.
fn lease_all(server: Server, facts: &DhcpServer, addresses: usize) -> BTreeSet<Ipv4Addr> {
    let mut clients = Clients::new();
    let reserved: Vec<(MacAddr, IpAddr)> = facts
        .reservations
        .iter()
        .filter_map(|host| Some((host.value.mac.as_deref()?.parse().unwrap(), host.value.address)))
        .collect();
    let known: Vec<MacAddr> = reserved.iter().map(|(mac, _)| *mac).collect();
    for _ in 0..5 {
        clients.ask(&known, Duration::from_secs(4));
    }
    for (mac, address) in &reserved {
        let leased = clients.leases.get(mac).map(|leased| IpAddr::V4(*leased));
        assert_eq!(leased, Some(*address), "{mac}; {}", run(&format!("tail -20 /run/{server:?}.log")));
    }
    // Three more clients than there are addresses.
    let others: Vec<MacAddr> = (0..addresses as u8 + 3).map(|number| client(0x40 + number)).collect();
    let mut silent = 0;
    while silent < 2 {
        let before = clients.leases.len();
        clients.ask(&others, Duration::from_secs(4));
        silent = if clients.leases.len() == before { silent + 1 } else { 0 };
    }
    others.iter().filter_map(|mac| clients.leases.get(mac).copied()).collect()
}

/// Runs a server with the text that an adapter reads, and compares.
///
/// `never` are addresses inside of what was read that the server leases to nobody. They are kept in the range on purpose.
fn truth(server: Server, adapter: &str, text: &str, never: &[&str], ends: (&str, &str)) {
    truth_at("10.77.0.1/23", server, adapter, text, never, ends);
}

/// As [`truth`], with a server at another address.
fn truth_at(own: &str, server: Server, adapter: &str, text: &str, never: &[&str], ends: (&str, &str)) {
    truth_of(own, server, adapter, (text, &[]), never, ends);
}

/// As [`truth_at`], with more files, which the text names.
fn truth_of(
    own: &str,
    server: Server,
    adapter: &str,
    (text, more): (&str, &[(&str, &str)]),
    never: &[&str],
    ends: (&str, &str),
) {
    let servers = read(adapter, text, more);
    let [facts] = &servers[..] else { panic!("{servers:?}") };
    let mut lan = Bridge::new();
    lan.host(HOST, "02:71:00:00:00:01", own);
    for (name, text) in more {
        std::fs::create_dir_all(std::path::Path::new(name).parent().unwrap()).unwrap();
        std::fs::write(name, text).unwrap();
    }
    server.start(&mut lan, HOST, text);
    let reserved = facts.reservations.iter().map(|host| AddrRange::single(host.value.address));
    let never = never.iter().map(|address| AddrRange::single(address.parse().unwrap()));
    let taken: AddrSet = reserved.chain(never).collect();
    let read: AddrSet = facts.leased().map(|(range, _)| range).collect();
    let free = read.difference(&taken);
    let addresses: u128 = free.clone().into_iter().map(AddrRange::size).sum();
    let leased = lease_all(server, facts, addresses as usize);
    let log = || run(&format!("tail -60 /run/{server:?}.log"));
    for address in &leased {
        assert!(free.contains(IpAddr::V4(*address)), "{server:?} leased {address}, which was not read; {leased:?}");
    }
    assert_eq!(leased.len() as u128, addresses, "not all that was read is leased: {leased:?}; {}", log());
    let reached = (leased.first().map(ToString::to_string), leased.last().map(ToString::to_string));
    assert_eq!(reached, (Some(ends.0.to_owned()), Some(ends.1.to_owned())), "{leased:?}");
}

#[test]
fn dnsmasq_leases_what_was_read() {
    if !inside("dnsmasq_leases_what_was_read") {
        return;
    }
    let text = format!(
        "port=0\nuser=root\ninterface=eth0\nbind-dynamic\nno-ping\ndhcp-authoritative\npid-file=/run/dnsmasq.pid\ndhcp-leasefile={}\n\
         # The ends are the wrong way round.\ndhcp-range=set:lan,10.77.0.107,10.77.0.100,255.255.254.0,1h\n\
         dhcp-host=02:c1:00:00:00:01,10.77.0.50,nas\ndhcp-host=02:c1:00:00:00:02,10.77.0.103\n",
        Server::Dnsmasq.leases()
    );
    truth(Server::Dnsmasq, "dnsmasq", &text, &[], ("10.77.0.100", "10.77.0.107"));
}

/// Files that are named, a folder of which some files count, and files of hosts.
#[test]
fn dnsmasq_leases_what_its_files_say() {
    if !inside("dnsmasq_leases_what_its_files_say") {
        return;
    }
    let text = format!(
        "port=0\nuser=root\ninterface=eth0\nbind-dynamic\nno-ping\ndhcp-authoritative\npid-file=/run/dnsmasq.pid\ndhcp-leasefile={}\n\
         conf-dir=/run/lan.d,*.conf,-off.conf\nconf-file=/run/one.inc\ndhcp-hostsfile=/run/hosts.dhcp\ndhcp-hostsdir=/run/hosts.d\n",
        Server::Dnsmasq.leases()
    );
    let more = [
        ("/run/lan.d/10-lan.conf", "dhcp-range=10.77.0.100,10.77.0.103,255.255.254.0\n"),
        ("/run/lan.d/20-lan.conf.bak", "dhcp-range=10.77.0.110,10.77.0.113,255.255.254.0\n"),
        ("/run/lan.d/30-off.conf", "dhcp-range=10.77.0.120,10.77.0.123,255.255.254.0\n"),
        ("/run/lan.d/40-lan.conf~", "dhcp-range=10.77.0.130,10.77.0.133,255.255.254.0\n"),
        ("/run/lan.d/.conf", "dhcp-range=10.77.0.140,10.77.0.143,255.255.254.0\n"),
        ("/run/one.inc", "dhcp-range=10.77.0.150,10.77.0.151,255.255.254.0\nconf-file=/run/one.inc\n"),
        ("/run/hosts.dhcp", "# a machine a line\n02:c1:00:00:00:01,10.77.0.50,nas\n"),
        ("/run/hosts.d/more", "02:c1:00:00:00:02,10.77.0.101\n"),
    ];
    truth_of("10.77.0.1/23", Server::Dnsmasq, "dnsmasq", (&text, &more), &[], ("10.77.0.100", "10.77.0.151"));
}

/// dnsmasq keeps .0 and .255 to itself in class C networks only.
#[test]
fn dnsmasq_leases_the_ends_of_a_byte_elsewhere() {
    if !inside("dnsmasq_leases_the_ends_of_a_byte_elsewhere") {
        return;
    }
    let text = format!(
        "port=0\nuser=root\ninterface=eth0\nbind-dynamic\nno-ping\ndhcp-authoritative\npid-file=/run/dnsmasq.pid\ndhcp-leasefile={}\n\
         dhcp-range=10.77.0.252,10.77.1.2,255.255.254.0\n",
        Server::Dnsmasq.leases()
    );
    truth(Server::Dnsmasq, "dnsmasq", &text, &[], ("10.77.0.252", "10.77.1.2"));
}

/// In a class C network .255 and .0 stay in the range that is told, and dnsmasq leases them to nobody.
#[test]
fn dnsmasq_skips_the_ends_of_a_byte_in_class_c() {
    if !inside("dnsmasq_skips_the_ends_of_a_byte_in_class_c") {
        return;
    }
    let text = format!(
        "port=0\nuser=root\ninterface=eth0\nbind-dynamic\nno-ping\ndhcp-authoritative\npid-file=/run/dnsmasq.pid\ndhcp-leasefile={}\n\
         dhcp-range=192.168.76.253,192.168.77.2,255.255.254.0\n",
        Server::Dnsmasq.leases()
    );
    let never = ["192.168.76.255", "192.168.77.0"];
    truth_at("192.168.76.1/23", Server::Dnsmasq, "dnsmasq", &text, &never, ("192.168.76.253", "192.168.77.2"));
}

#[test]
fn isc_dhcpd_leases_what_was_read() {
    if !inside("isc_dhcpd_leases_what_was_read") {
        return;
    }
    let text = "authoritative;\nping-check false;\ndefault-lease-time 3600;\nsubnet 10.77.0.0 netmask 255.255.254.0 {\n\
                  range dynamic-bootp 10.77.0.107 10.77.0.104; # the wrong way round\n\
                  pool { range 10.77.0.100 10.77.0.101; allow unknown-clients; }\n\
                  pool { range 10.77.0.110; }\n}\n\
                group { host nas { hardware ethernet 02:c1:00:00:00:01; fixed-address 10.77.0.50; } }\n";
    truth(Server::Isc, "isc-dhcpd", text, &[], ("10.77.0.100", "10.77.0.110"));
}

#[test]
fn isc_dhcpd_leases_a_shared_network() {
    if !inside("isc_dhcpd_leases_a_shared_network") {
        return;
    }
    let text = "authoritative;\nping-check false;\nshared-network \"floor\" {\n\
                  subnet 10.77.0.0 netmask 255.255.254.0 { range 10.77.0.254 10.77.1.1; }\n\
                  subnet 10.78.0.0 netmask 255.255.255.0 { }\n  pool { range 10.78.0.7; }\n}\n";
    truth(Server::Isc, "isc-dhcpd", text, &[], ("10.77.0.254", "10.78.0.7"));
}

/// What is around the subnet in a configuration of Kea.
fn kea(inner: &str) -> String {
    format!(
        "// all kinds of comments\n{{ \"Dhcp4\": {{ # like this\n\"interfaces-config\": {{\"interfaces\": [\"eth0\"], \"dhcp-socket-type\": \"raw\"}},\n\
         /* and\n this */ \"lease-database\": {{\"type\": \"memfile\", \"persist\": true, \"lfc-interval\": 0, \"name\": \"{}\"}},\n{inner} }} }}\n",
        Server::Kea.leases()
    )
}

#[test]
fn kea_leases_what_was_read() {
    if !inside("kea_leases_what_was_read") {
        return;
    }
    let text = kea("\"subnet4\": [{\"id\": 1, \"subnet\": \"10.77.0.0/23\",\n\
         \"pools\": [{\"pool\": \"10.77.0.100 - 10.77.0.103\"}, {\"pool\": \"10.77.0.120/30\"}, {\"pool\": \"10.77.0.254-10.77.1.1\"}],\n\
         \"reservations\": [{\"hw-address\": \"02:c1:00:00:00:01\", \"ip-address\": \"10.77.0.50\"},\n\
                            {\"hw-address\": \"02:c1:00:00:00:02\", \"ip-address\": \"10.77.0.102\"}]}]");
    truth(Server::Kea, "kea", &text, &[], ("10.77.0.100", "10.77.1.1"));
}

/// Kea reads a file where it is included.
#[test]
fn kea_leases_what_its_files_say() {
    if !inside("kea_leases_what_its_files_say") {
        return;
    }
    let text = kea("\"subnet4\": <?include \"/run/more/subnets.json\"?>");
    let more = [
        (
            "/run/more/subnets.json",
            "[{\"id\": 1, \"subnet\": \"10.77.0.0/23\", \"pools\": <?include \"/run/more/pools.json\"?>,\n\
             \"reservations\": [{\"hw-address\": \"02:c1:00:00:00:01\", \"ip-address\": \"10.77.0.50\"}]}]",
        ),
        ("/run/more/pools.json", "[{\"pool\": \"10.77.0.100-10.77.0.103\"}]"),
    ];
    truth_of("10.77.0.1/23", Server::Kea, "kea", (&text, &more), &[], ("10.77.0.100", "10.77.0.103"));
}

/// A whole prefix as a pool: its first and its last address are leased. Reservations for all subnets, where they are asked for.
#[test]
fn kea_leases_a_prefix_and_global_reservations() {
    if !inside("kea_leases_a_prefix_and_global_reservations") {
        return;
    }
    let text = kea("\"reservations-global\": true, \"reservations-in-subnet\": false,\n\
         \"reservations\": [{\"hw-address\": \"02:c1:00:00:00:03\", \"ip-address\": \"10.77.0.60\"}],\n\
         \"shared-networks\": [{\"name\": \"floor\", \"interface\": \"eth0\", \"subnet4\": [\n\
         {\"id\": 1, \"subnet\": \"10.77.0.0/23\", \"pools\": [{\"pool\": \"10.77.0.192/29\"}],\n\
          \"reservations\": [{\"hw-address\": \"02:c1:00:00:00:50\", \"ip-address\": \"10.77.0.193\"}]}]}]");
    truth(Server::Kea, "kea", &text, &[], ("10.77.0.192", "10.77.0.199"));
}

#[test]
fn udhcpd_leases_what_was_read() {
    if !inside("udhcpd_leases_what_was_read") {
        return;
    }
    let text = format!(
        "start 10.77.0.100\nend 10.77.0.105 # both are leased\ninterface eth0\nlease_file {}\npidfile /run/udhcpd.pid\n\
         option subnet 255.255.254.0\nopt lease 3600\n\
         static_lease 02:c1:00:00:00:02 10.77.0.102 nas\n",
        Server::Udhcpd.leases()
    );
    truth(Server::Udhcpd, "udhcpd", &text, &[], ("10.77.0.100", "10.77.0.105"));
}

/// The server's own address is within what is told, and is leased to nobody. A static lease outside of the range takes one of
/// as many places as the range has addresses: here that of the server's own.
#[test]
fn udhcpd_skips_its_own_address() {
    if !inside("udhcpd_skips_its_own_address") {
        return;
    }
    let text = format!(
        "start 10.77.0.1\nend 10.77.0.4\ninterface eth0\nlease_file {}\npidfile /run/udhcpd.pid\noption subnet 255.255.254.0\n\
         static_lease 02:c1:00:00:00:01 10.77.0.50\n",
        Server::Udhcpd.leases()
    );
    truth(Server::Udhcpd, "udhcpd", &text, &["10.77.0.1"], ("10.77.0.2", "10.77.0.4"));
}
