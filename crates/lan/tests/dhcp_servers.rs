//! The DHCP probe against real servers: dnsmasq and udhcpd.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use common::{Bridge, inside, run};
use poolcheck_lan::dhcp::{DhcpProbe, DhcpReport, Plan};
use poolcheck_lan::interface::interfaces;
use poolcheck_lan::link::{self, Link, Wanted};
use poolcheck_lan::{Cancel, drive};
use poolcheck_plan::syntax::parse_range;

const LEASES: &str = "/run/leases";

fn probe(plan: Plan) -> DhcpReport {
    let interface = interfaces().unwrap().into_iter().find(|interface| interface.name == "eth0").unwrap();
    let mut link = link::open(&interface, Wanted::DHCPV4.and(Wanted::DHCPV6).and(Wanted::NDP)).unwrap();
    let mut probe = DhcpProbe::new(link.mac(), plan, 1).unwrap();
    drive(&mut probe, &mut link, &Cancel::default(), drop).unwrap();
    probe.report()
}

fn server(lan: &mut Bridge, extra: &str) {
    assert!(
        Command::new("dnsmasq").arg("--version").stdout(Stdio::null()).status().is_ok(),
        "this test needs dnsmasq: apt-get install -y dnsmasq-base"
    );
    run(": > /run/empty.conf");
    lan.host("router", "02:71:00:00:00:01", "10.77.0.1/24");
    lan.start(
        "router",
        &format!(
            "dnsmasq --keep-in-foreground --conf-file=/run/empty.conf --port=0 --user=root --interface=eth0 --bind-dynamic \
             --dhcp-range=10.77.0.100,10.77.0.199,1h --dhcp-leasefile={LEASES} --pid-file=/run/dnsmasq.pid --log-facility=/run/log {extra}"
        ),
    );
    // Its leases file appears when it is ready.
    for _ in 0..100 {
        if std::fs::exists(LEASES).unwrap_or(false) {
            thread::sleep(Duration::from_millis(300));
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("dnsmasq does not start");
}

#[test]
#[ignore = "needs dnsmasq: apt-get install -y dnsmasq-base"]
fn dnsmasq_is_found_and_keeps_its_leases() {
    if !inside("dnsmasq_is_found_and_keeps_its_leases") {
        return;
    }
    let mut lan = Bridge::new();
    // Rapid commit is on: a probe that carried option 80 would get a lease.
    server(&mut lan, "--dhcp-rapid-commit");
    let spots = vec![Ipv4Addr::new(10, 77, 0, 150), Ipv4Addr::new(10, 77, 0, 240)];
    let report = probe(Plan { spots, listen: Duration::from_secs(5), ..Plan::default() });
    let router = Ipv4Addr::new(10, 77, 0, 1);
    assert_eq!((report.servers(), report.discovers), (vec![router], 3), "{report:?}");
    let inside_pool = report.offers_in(parse_range("10.77.0.140-10.77.0.160").unwrap()).collect::<Vec<_>>();
    assert!(inside_pool.iter().any(|offer| offer.asked_for == Some(offer.address)), "{report:?}");
    assert_eq!(report.offers_in(parse_range("10.77.0.200-10.77.0.254").unwrap()).count(), 0);
    let offer = &report.offers[0];
    assert_eq!(offer.mask, Some(Ipv4Addr::new(255, 255, 255, 0)));
    assert_eq!((offer.routers.as_slice(), offer.lease_seconds), (&[router][..], Some(3600)));
    assert!(report.unexpected.is_empty());
    assert_eq!(run(&format!("cat {LEASES}")), "", "a probe writes no lease");
}

#[test]
fn silence_is_heard_as_silence() {
    if !inside("silence_is_heard_as_silence") {
        return;
    }
    let _lan = Bridge::new();
    let report = probe(Plan { listen: Duration::from_secs(4), ..Plan::default() });
    assert_eq!((report.servers().len(), report.discovers), (0, 1));
}

#[test]
#[ignore = "needs udhcpd: apt-get install -y udhcpd"]
fn udhcpd_does_not_listen_and_is_left_alone() {
    if !inside("udhcpd_does_not_listen_and_is_left_alone") {
        return;
    }
    let mut lan = Bridge::new();
    lan.host("router", "02:71:00:00:00:01", "10.77.0.1/24");
    run("printf 'start 10.77.0.100\\nend 10.77.0.199\\ninterface eth0\\nlease_file /run/udhcpd.leases\\n\
         pidfile /run/udhcpd.pid\\noption subnet 255.255.255.0\\noption router 10.77.0.1\\n' > /run/udhcpd.conf; \
         : > /run/udhcpd.leases");
    lan.start("router", "udhcpd -f /run/udhcpd.conf");
    thread::sleep(Duration::from_secs(1));
    let spots = [150, 160, 170].map(|n| Ipv4Addr::new(10, 77, 0, n)).to_vec();
    let report = probe(Plan { spots, listen: Duration::from_secs(4), ..Plan::default() });
    let router = Ipv4Addr::new(10, 77, 0, 1);
    assert_eq!((report.servers(), report.sticky.clone()), (vec![router], vec![router]), "{report:?}");
    assert_eq!(report.unasked, [Ipv4Addr::new(10, 77, 0, 170)]);
    assert!(report.unexpected.is_empty());
}
