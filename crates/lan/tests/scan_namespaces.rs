//! The scanner against real Linux stacks, watched from a tap.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::thread;
use std::time::Duration;

use common::{Bridge, Tap, inside, interface, run};
use poolcheck_lan::interface::{DefaultRoute, Neighbour, default_routes, neighbours};
use poolcheck_lan::link::{self, Filter, Link, PacketLink, Received, Wanted};
use poolcheck_lan::scan::{Ending, Profile, Report, Scanner, Settings, Targets, WireState};
use poolcheck_lan::wire::{MacAddr, Payload, arp, compose, dissect, ndp};
use poolcheck_lan::{Cancel, drive};
use poolcheck_plan::syntax::parse_range;

fn open(name: &str) -> PacketLink {
    link::open(&interface(name), Wanted::ARP.and(Wanted::NDP)).unwrap()
}

/// Scans, and gives what left the scanner's interface beside the report.
fn scan(ranges: &[&str], settings: impl FnOnce(usize) -> Settings) -> (Report, Vec<Received>) {
    let targets = Targets::new(ranges.iter().map(|text| parse_range(text).unwrap())).unwrap();
    let settings = settings(targets.len());
    let tap = Tap::new();
    let mut link = open("eth0");
    let mut scanner = Scanner::new(link.mac(), targets, settings, 1).unwrap();
    drive(&mut scanner, &mut link, &Cancel::default(), drop).unwrap();
    (scanner.report(), tap.frames(link.mac()))
}

fn no_second_has_more_than(frames: &[Received], max_pps: usize) {
    for window in frames.windows(max_pps + 1) {
        let span = window[window.len() - 1].at.since(window[0].at);
        // The tap's moments come from two clocks: a millisecond is theirs.
        assert!(span >= Duration::from_millis(999), "{max_pps} frames in {span:?}");
    }
}

/// Answers ARP for one address after a delay, until the process ends.
fn late_owner(name: &'static str, address: Ipv4Addr, delay: Duration) {
    let mut link = open(name);
    let mac = link.mac();
    thread::spawn(move || {
        let mut questions: Vec<Received> = Vec::new();
        loop {
            let until = link.now() + Duration::from_millis(5);
            link.receive(until, &mut questions).unwrap();
            let now = link.now();
            let (due, waiting) = questions.drain(..).partition(|question| question.at + delay <= now);
            questions = waiting;
            for question in due as Vec<Received> {
                let Ok(found) = dissect(&question.frame) else { continue };
                let Payload::Arp(packet) = found.payload else { continue };
                if packet.target_ip == address && packet.operation == arp::Operation::Request {
                    link.send(&[compose::arp(packet.sender_mac, &arp::Repr::reply(&packet, mac))]).unwrap();
                }
            }
        }
    });
}

fn owners(report: &Report) -> BTreeSet<(IpAddr, MacAddr)> {
    report.found.iter().flat_map(|(address, all)| all.iter().map(|owner| (*address, owner.mac))).collect()
}

#[test]
fn finds_everyone_and_leaves_nothing_behind() {
    if !inside("finds_everyone_and_leaves_nothing_behind") {
        return;
    }
    let mut lan = Bridge::new();
    let mut truth = BTreeSet::new();
    for n in 0..12_u8 {
        let (mac, address) = (MacAddr([2, 2, 0, 0, 0, n]), Ipv4Addr::new(10, 77, 0, 10 + 17 * n));
        lan.host(&format!("h{n}"), &mac.to_string(), &format!("{address}/24"));
        truth.insert((IpAddr::V4(address), mac));
    }
    for n in 0..2_u8 {
        let (mac, address) = (MacAddr([2, 0xdd, 0, 0, 0, n]), Ipv4Addr::new(10, 77, 0, 10 + 17 * n));
        lan.host(&format!("twin{n}"), &mac.to_string(), &format!("{address}/24"));
        truth.insert((IpAddr::V4(address), mac));
    }
    let (late, address) = (MacAddr([2, 0xee, 0, 0, 0, 1]), Ipv4Addr::new(10, 77, 0, 10 + 17 * 5));
    lan.port("late", &late.to_string());
    late_owner("late", address, Duration::from_millis(400));
    truth.insert((IpAddr::V4(address), late));

    let (report, sent) = scan(&["10.77.0.1-10.77.0.249"], |n| Settings::new(Profile::Default, n));
    assert_eq!(owners(&report), truth);
    assert_eq!((report.ending, report.wire), (Ending::Complete, WireState::Clean));
    assert_eq!(report.conflicts().count(), 3);
    assert_eq!(sent.len() as u64, report.frames, "every frame was seen, and nothing else left");
    for received in &sent {
        let payload = dissect(&received.frame).unwrap().payload;
        assert!(matches!(payload, Payload::Arp(packet) if packet.kind() == arp::Kind::Probe), "{payload:?}");
    }
    no_second_has_more_than(&sent, 4000);
    assert_eq!(lan.neighbours(), "", "a neighbour cache learned something");
    let promiscuous = run("ip -d link show eth0");
    assert!(promiscuous.contains("promiscuity 0"), "{promiscuous}");
}

#[test]
fn the_rate_given_is_never_exceeded() {
    if !inside("the_rate_given_is_never_exceeded") {
        return;
    }
    let mut lan = Bridge::new();
    lan.host("h1", "02:02:00:00:00:01", "10.77.0.9/24");
    let (report, sent) = scan(&["10.77.0.1-10.77.0.60"], |n| Settings::new(Profile::Default, n).at_most(30));
    assert_eq!(report.found.len(), 1);
    assert!(sent.len() > 60, "too few frames to exceed anything");
    no_second_has_more_than(&sent, 30);
}

#[test]
fn neighbours_of_ipv6_are_found_by_probes() {
    if !inside("neighbours_of_ipv6_are_found_by_probes") {
        return;
    }
    let mut lan = Bridge::new();
    lan.host("h1", "02:02:00:00:00:01", "fd00:77::9/64");
    lan.host("h2", "02:02:00:00:00:02", "fd00:77::2f/64");
    let (report, sent) = scan(&["fd00:77::-fd00:77::3f"], |n| Settings::new(Profile::Default, n));
    let owner = |address: &str, n| (address.parse().unwrap(), MacAddr([2, 2, 0, 0, 0, n]));
    assert_eq!(owners(&report), [owner("fd00:77::9", 1), owner("fd00:77::2f", 2)].into());
    for received in &sent {
        match dissect(&received.frame).unwrap().payload {
            Payload::Ndp(header, ndp::Repr::NeighborSolicitation { .. }) => assert!(header.source.is_unspecified()),
            other => panic!("{other:?}"),
        }
    }
    assert!(!lan.neighbours().contains("02:5c:00:00:00:01"), "{}", lan.neighbours());
}

#[test]
fn a_run_can_be_cancelled_and_keeps_what_it_found() {
    if !inside("a_run_can_be_cancelled_and_keeps_what_it_found") {
        return;
    }
    let mut lan = Bridge::new();
    lan.host("h1", "02:02:00:00:00:01", "10.77.0.9/24");
    let mut link = open("eth0");
    let targets = Targets::new([parse_range("10.77.0.1-10.77.0.20").unwrap()]).unwrap();
    let mut scanner = Scanner::new(link.mac(), targets, Settings::new(Profile::Gentle, 20), 1).unwrap();
    let cancel = Cancel::default();
    drive(&mut scanner, &mut link, &cancel, |_| cancel.cancel()).unwrap();
    scanner.cancel(link.now());
    let report = scanner.report();
    assert_eq!((report.ending, report.found.len()), (Ending::Cancelled, 1));
}

#[test]
fn a_filter_lets_through_what_concerns_its_addresses_and_can_be_changed() {
    if !inside("a_filter_lets_through_what_concerns_its_addresses_and_can_be_changed") {
        return;
    }
    let mut lan = Bridge::new();
    lan.port("watch", "02:0a:00:00:00:01");
    let filter = |address: &str| Filter::from(Wanted::ARP).about([address.parse().unwrap()]).and_ethertype(0x88b5);
    let mut watch = link::open(&interface("watch"), filter("10.77.0.50")).unwrap();
    let mut link = open("eth0");
    let heard = |link: &mut PacketLink, watch: &mut PacketLink| {
        let mac = link.mac();
        let mut frames: Vec<Vec<u8>> =
            [50, 51].map(|n| compose::arp(MacAddr::BROADCAST, &arp::Repr::probe(mac, [10, 77, 0, n].into()))).into();
        frames.push(frames[0].clone());
        frames[2][12..14].copy_from_slice(&0x88b5_u16.to_be_bytes());
        assert_eq!(link.send(&frames).unwrap(), 3);
        let mut heard = Vec::new();
        // Two are to come, perhaps not at once; then a moment for one that must not.
        let until = watch.now() + Duration::from_secs(2);
        while heard.len() < 2 && watch.now() < until {
            watch.receive(until, &mut heard).unwrap();
        }
        watch.receive(watch.now() + Duration::from_millis(50), &mut heard).unwrap();
        let mut kinds: Vec<u8> = heard.iter().map(|r| if r.frame[13] == 6 { r.frame[41] } else { 0 }).collect();
        kinds.sort_unstable();
        kinds
    };
    assert_eq!(heard(&mut link, &mut watch), [0, 50]);
    watch.filter(&filter("10.77.0.51")).unwrap();
    assert_eq!(heard(&mut link, &mut watch), [0, 51]);
    watch.filter(&Wanted::ARP.into()).unwrap();
    assert_eq!(heard(&mut link, &mut watch), [50, 51]);
    let group = MacAddr([0x33, 0x33, 0xff, 0, 0, 0x50]);
    watch.join(group).unwrap();
    assert!(run("ip maddr show dev watch").contains("33:33:ff:00:00:50"));
    watch.leave(group).unwrap();
    assert!(!run("ip maddr show dev watch").contains("33:33:ff:00:00:50"));
}

#[test]
fn a_priority_is_no_vlan() {
    if !inside("a_priority_is_no_vlan") {
        return;
    }
    let mut lan = Bridge::new();
    lan.port("watch", "02:0a:00:00:00:01");
    let mut watch = open("watch");
    let mut link = open("eth0");
    let mac = link.mac();
    let tagged = |last: u8, tag: [u8; 2]| {
        let mut frame = compose::arp(MacAddr::BROADCAST, &arp::Repr::probe(mac, [10, 77, 0, last].into()));
        frame.splice(12..12, [0x81, 0, tag[0], tag[1]]);
        frame
    };
    // VLAN 10, priority 3 in no VLAN, VLAN 10 with priority 3.
    let frames = [tagged(50, [0, 10]), tagged(51, [0x60, 0]), tagged(52, [0x60, 10])];
    assert_eq!(link.send(&frames).unwrap(), 3);
    let mut heard = Vec::new();
    let until = watch.now() + Duration::from_secs(2);
    while heard.is_empty() && watch.now() < until {
        watch.receive(until, &mut heard).unwrap();
    }
    watch.receive(watch.now() + Duration::from_millis(50), &mut heard).unwrap();
    let asked: Vec<Payload> = heard.iter().map(|received| dissect(&received.frame).unwrap().payload).collect();
    assert_eq!(asked, [Payload::Arp(arp::Repr::probe(mac, [10, 77, 0, 51].into()))]);
}

#[test]
fn the_kernel_tells_of_neighbours_and_routes() {
    if !inside("the_kernel_tells_of_neighbours_and_routes") {
        return;
    }
    let _lan = Bridge::new();
    run("ip route add default via 10.77.0.1; ip neigh add 10.77.0.1 lladdr 02:71:00:00:00:01 dev eth0 nud reachable");
    run("ip neigh add 10.77.0.7 lladdr 02:02:00:00:00:07 dev eth0 nud stale");
    let eth0 = interface("eth0");
    assert_eq!((eth0.mtu, eth0.mac, eth0.up), (1500, MacAddr([2, 0x5c, 0, 0, 0, 1]), true));
    assert!(eth0.reaches("10.77.0.9".parse().unwrap()) && !eth0.reaches("10.78.0.9".parse().unwrap()));
    let gateway: IpAddr = "10.77.0.1".parse().unwrap();
    assert_eq!(default_routes().unwrap(), [DefaultRoute { interface: eth0.index, gateway }]);
    let entry = |last, mac, fresh| Neighbour {
        interface: eth0.index,
        address: [10, 77, 0, last].into(),
        mac: Some(MacAddr(mac)),
        fresh,
    };
    let known = neighbours().unwrap();
    assert!(known.contains(&entry(1, [2, 0x71, 0, 0, 0, 1], true)), "{known:?}");
    assert!(known.contains(&entry(7, [2, 2, 0, 0, 0, 7], false)), "{known:?}");
}
