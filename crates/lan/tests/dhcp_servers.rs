//! The DHCP probe against real servers: dnsmasq, ISC dhcpd, Kea and udhcpd, watched from a tap.
//!
//! `cargo xtask programs` provides the servers where they are not installed.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::thread;
use std::time::Duration;

use common::servers::Server;
use common::{Bridge, Tap, inside, interface, program, run};
use poolcheck_lan::dhcp::{DhcpProbe, DhcpReport, Plan, probe_mac};
use poolcheck_lan::link::{self, Link, Wanted};
use poolcheck_lan::wire::dhcpv4::{MessageType, option};
use poolcheck_lan::wire::{Payload, dissect};
use poolcheck_lan::{Cancel, drive};
use poolcheck_plan::syntax::parse_range;

/// Starts a server on a host of its own, 10.77.0.`host`, leasing `.first` to `.last`.
fn start(server: Server, lan: &mut Bridge, host: u8, (first, last): (u8, u8)) {
    let leases = server.leases();
    let (first, last) = (format!("10.77.0.{first}"), format!("10.77.0.{last}"));
    let text = match server {
        // Rapid commit is on: a probe that carried option 80 would get a lease.
        Server::Dnsmasq => format!(
            "port=0\nuser=root\ninterface=eth0\nbind-dynamic\ndhcp-rapid-commit\ndhcp-range={first},{last},1h\n\
             dhcp-option=option:router,10.77.0.{host}\ndhcp-leasefile={leases}\npid-file=/run/dnsmasq.pid\n"
        ),
        Server::Isc => format!(
            "authoritative;\ndefault-lease-time 3600;\nmax-lease-time 3600;\n\
             subnet 10.77.0.0 netmask 255.255.255.0 {{ range {first} {last}; option routers 10.77.0.{host}; }}\n"
        ),
        Server::Kea => format!(
            r#"{{"Dhcp4": {{"interfaces-config": {{"interfaces": ["eth0"], "dhcp-socket-type": "raw"}}, "valid-lifetime": 3600,
            "lease-database": {{"type": "memfile", "persist": true, "lfc-interval": 0, "name": "{leases}"}},
            "subnet4": [{{"id": 1, "subnet": "10.77.0.0/24", "pools": [{{"pool": "{first} - {last}"}}],
            "option-data": [{{"name": "routers", "data": "10.77.0.{host}"}}]}}]}}}}"#
        ),
        Server::Udhcpd => format!(
            "start {first}\nend {last}\ninterface eth0\nlease_file {leases}\npidfile /run/udhcpd.pid\n\
             option subnet 255.255.255.0\noption router 10.77.0.{host}\noption lease 3600\n"
        ),
    };
    lan.host(&format!("server{host}"), &format!("02:71:00:00:00:{host:02x}"), &format!("10.77.0.{host}/24"));
    server.start(lan, &format!("server{host}"), &text);
}

fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, last)
}

fn plan(spots: &[u8]) -> Plan {
    let spots = spots.iter().copied().map(address).collect();
    Plan { spots, listen: Duration::from_secs(5), ..Plan::default() }
}

/// Probes, and asserts what holds for every probe: nothing but DISCOVERs of one client left, never six in 30 seconds, no
/// leases file changed, no server did more than offer, and no neighbour cache learned the client.
fn probe(lan: &Bridge, servers: &[Server], plan: Plan) -> DhcpReport {
    let leases = || servers.iter().map(|server| std::fs::read(server.leases()).unwrap()).collect::<Vec<_>>();
    let before = leases();
    let tap = Tap::new();
    let mut link = link::open(&interface("eth0"), Wanted::DHCPV4.and(Wanted::DHCPV6).and(Wanted::NDP)).unwrap();
    let mut probe = DhcpProbe::new(link.mac(), plan, 1).unwrap();
    drive(&mut probe, &mut link, &Cancel::default(), drop).unwrap();
    let report = probe.report();

    let sent = tap.frames(link.mac());
    assert_eq!(sent.len(), report.discovers);
    for received in &sent {
        let Payload::Dhcpv4(_, _, message) = dissect(&received.frame).unwrap().payload else { panic!("{received:?}") };
        assert_eq!(message.message_type(), Some(MessageType::Discover));
        assert_eq!(message.client_mac, probe_mac(link.mac()));
        assert_eq!(message.options.get(option::RAPID_COMMIT), None);
    }
    for window in sent.windows(6) {
        assert!(window[5].at.since(window[0].at) > Duration::from_secs(30));
    }
    assert_eq!(leases(), before, "a probe changed a leases file: {servers:?}");
    assert!(report.unexpected.is_empty(), "{:?}", report.unexpected);
    for mac in [link.mac(), probe_mac(link.mac())] {
        assert!(!lan.neighbours().contains(&mac.to_string()), "{}", lan.neighbours());
    }
    report
}

#[test]
fn every_server_on_the_lan_is_seen() {
    if !inside("every_server_on_the_lan_is_seen") {
        return;
    }
    let mut lan = Bridge::new();
    let servers = [Server::Dnsmasq, Server::Isc, Server::Kea, Server::Udhcpd];
    for (server, host) in servers.into_iter().zip(1..) {
        start(server, &mut lan, host, (host * 20 + 80, host * 20 + 99));
    }
    let report = probe(&lan, &servers, plan(&[]));
    assert_eq!(report.discovers, 1);
    let heard: BTreeSet<Ipv4Addr> = report.servers().into_iter().collect();
    assert_eq!(heard, (1..=4).map(address).collect(), "{report:?}");
    for offer in &report.offers {
        let [.., host] = offer.server.octets();
        let leased = parse_range(&format!("10.77.0.{}-10.77.0.{}", host * 20 + 80, host * 20 + 99)).unwrap();
        assert!(leased.contains(offer.address.into()), "{offer:?}");
        assert_eq!(offer.mask, Some(Ipv4Addr::new(255, 255, 255, 0)), "{offer:?}");
        assert_eq!((offer.routers.as_slice(), offer.lease_seconds), (&[offer.server][..], Some(3600)), "{offer:?}");
    }
}

/// A server that honours a wish proves that its range and a pool overlap, and offers something else outside its range.
fn honours_wishes(server: Server) {
    let mut lan = Bridge::new();
    start(server, &mut lan, 1, (100, 199));
    let report = probe(&lan, &[server], plan(&[150, 240]));
    assert_eq!((report.servers(), report.discovers), (vec![address(1)], 3), "{report:?}");
    let inside_pool: Vec<_> = report.offers_in(parse_range("10.77.0.140-10.77.0.160").unwrap()).collect();
    assert!(inside_pool.iter().any(|offer| offer.asked_for == Some(offer.address)), "{report:?}");
    assert_eq!(report.offers_in(parse_range("10.77.0.200-10.77.0.254").unwrap()).count(), 0);
}

#[test]
fn dnsmasq_honours_a_wish_and_keeps_its_leases() {
    if inside("dnsmasq_honours_a_wish_and_keeps_its_leases") {
        honours_wishes(Server::Dnsmasq);
    }
}

#[test]
fn isc_dhcpd_honours_a_wish_and_keeps_its_leases() {
    if inside("isc_dhcpd_honours_a_wish_and_keeps_its_leases") {
        honours_wishes(Server::Isc);
    }
}

#[test]
fn kea_honours_a_wish_and_keeps_its_leases() {
    if inside("kea_honours_a_wish_and_keeps_its_leases") {
        honours_wishes(Server::Kea);
    }
}

#[test]
fn udhcpd_does_not_listen_and_is_left_alone() {
    if !inside("udhcpd_does_not_listen_and_is_left_alone") {
        return;
    }
    let mut lan = Bridge::new();
    start(Server::Udhcpd, &mut lan, 1, (100, 199));
    let report = probe(&lan, &[Server::Udhcpd], plan(&[150, 160, 170]));
    assert_eq!((report.servers(), report.sticky.clone()), (vec![address(1)], vec![address(1)]), "{report:?}");
    assert_eq!(report.unasked, [address(170)]);
}

/// dnsmasq looks at no more than six addresses in 30 seconds, and then offers without looking. A probe as slow as this one
/// never brings it there: the seventh address, which a machine uses, is not offered.
#[test]
fn dnsmasq_goes_on_looking_for_squatters_while_it_is_probed() {
    if !inside("dnsmasq_goes_on_looking_for_squatters_while_it_is_probed") {
        return;
    }
    let mut lan = Bridge::new();
    start(Server::Dnsmasq, &mut lan, 1, (100, 199));
    lan.host("squatter", "02:02:00:00:00:09", "10.77.0.177/24");
    let report = probe(&lan, &[Server::Dnsmasq], plan(&[171, 172, 173, 174, 175, 176, 177]));
    assert_eq!(report.discovers, 8);
    assert!(report.offers.iter().any(|offer| offer.address == address(176)), "{report:?}");
    assert!(report.offers.iter().all(|offer| offer.address != address(177)), "{report:?}");
}

#[test]
fn silence_is_heard_as_silence() {
    if !inside("silence_is_heard_as_silence") {
        return;
    }
    let lan = Bridge::new();
    let report = probe(&lan, &[], Plan { listen: Duration::from_secs(4), ..Plan::default() });
    assert_eq!((report.servers().len(), report.discovers), (0, 1));
}

/// dnsmasq as a home router with IPv6: Router Advertisements, and DHCPv6 with rapid commit switched on.
#[test]
fn routers_and_dhcpv6_servers_are_heard() {
    if !inside("routers_and_dhcpv6_servers_are_heard") {
        return;
    }
    let mut lan = Bridge::new();
    run("sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0");
    lan.host("router", "02:71:00:00:00:01", "fd00:77::1/64");
    std::fs::write(
        "/run/six.conf",
        "port=0\nuser=root\ninterface=eth0\nbind-dynamic\nenable-ra\ndhcp-rapid-commit\nleasefile-ro\n\
         dhcp-range=fd00:77::100,fd00:77::1ff,64,1h\ndhcp-option=option6:dns-server,[fd00:77::53]\n\
         pid-file=/run/six.pid\ndhcp-script=/run/leased\n",
    )
    .unwrap();
    std::fs::write("/run/leased", "#!/bin/sh\ncase $1 in add|old) echo \"$@\" >> /run/six.leases;; esac\n").unwrap();
    run("chmod +x /run/leased");
    lan.start(
        "router",
        &format!("{} --keep-in-foreground --conf-file=/run/six.conf --log-facility=/run/six.log", program("dnsmasq")),
    );
    let link_local = (0..200).find_map(|_| {
        thread::sleep(Duration::from_millis(50));
        let ready = run("ip netns exec router ss -Huln 'sport = :547'").contains(":547");
        // Nobody speaks from an address that is still being probed.
        let settled = |host| run(&format!("ip {host} -6 addr show dev eth0 scope link -tentative")).contains("fe80");
        (ready && settled("") && settled("-n router")).then(|| interface("eth0").link_local()).flatten()
    });
    let plan = Plan { listen: Duration::from_secs(4), solicit_from: link_local, ..Plan::default() };
    assert!(plan.solicit_from.is_some(), "{}", run("cat /run/six.log"));
    let mut link = link::open(&interface("eth0"), Wanted::DHCPV4.and(Wanted::DHCPV6).and(Wanted::NDP)).unwrap();
    let mut probe = DhcpProbe::new(link.mac(), plan, 1).unwrap();
    drive(&mut probe, &mut link, &Cancel::default(), drop).unwrap();
    let report = probe.report();
    let [advertisement] = &report.advertisements[..] else { panic!("{report:?}") };
    assert_eq!(advertisement.mac.to_string(), "02:71:00:00:00:01");
    let range = parse_range("fd00:77::100-fd00:77::1ff").unwrap();
    assert!(advertisement.addresses.iter().all(|offered| range.contains(offered.address.into())), "{advertisement:?}");
    assert_eq!(advertisement.addresses.len(), 1, "{advertisement:?}");
    let [router] = &report.routers[..] else { panic!("{report:?}") };
    assert!(router.managed && router.dns == ["fd00:77::53".parse::<Ipv6Addr>().unwrap()], "{router:?}");
    assert_eq!(router.prefixes[0].prefix, "fd00:77::".parse::<Ipv6Addr>().unwrap());
    assert!(!std::fs::exists("/run/six.leases").unwrap(), "a SOLICIT took a lease");
}
