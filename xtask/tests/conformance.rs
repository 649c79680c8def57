//! The suite itself: it passes who is right, and finds who is wrong.
//!
//! The announcers are written here, on the LAN crate's packet link: one that is right about a few things, and the same with
//! one fault each. They are this test's own program, started by the suite on each node as any announcer is.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::time::Duration;

use poolcheck_lan::interface::interfaces;
use poolcheck_lan::link::{self, Link, Wanted};
use poolcheck_lan::wire::arp::{Operation, Repr as Arp};
use poolcheck_lan::wire::{MacAddr, Payload, compose, dissect};

/// Says to this program that it is an announcer, and which fault it has.
const FAULT: &str = "CONFORMANCE_TEST_FAULT";

/// The announcer: the first node owns all addresses. It runs until it is killed.
fn announce(fault: &str) {
    let variable = |name: &str| std::env::var(name).unwrap();
    let names = variable("NODES");
    let owner = names.split(',').next().unwrap() == variable("NODE");
    let addresses: Vec<Ipv4Addr> = variable("ADDRESSES").split(',').filter_map(|text| text.parse().ok()).collect();
    let interface = interfaces().unwrap().into_iter().find(|found| found.name == variable("INTERFACE")).unwrap();
    let mut link = link::open(&interface, Wanted::ARP).unwrap();
    let mac = link.mac();
    let active = owner || fault == "two-owners";
    for address in addresses.iter().filter(|_| active) {
        let request = Arp::announcement(mac, *address);
        let reply = Arp { operation: Operation::Reply, target_mac: mac, ..request };
        link.send(&[compose::arp(MacAddr::BROADCAST, &request), compose::arp(MacAddr::BROADCAST, &reply)]).unwrap();
    }
    let mut frames = Vec::new();
    loop {
        link.receive(link.now() + Duration::from_secs(1), &mut frames).unwrap();
        for received in frames.drain(..) {
            let Ok(dissected) = dissect(&received.frame) else { continue };
            let Payload::Arp(question) = dissected.payload else { continue };
            let destination = dissected.ethernet.destination;
            let ours = addresses.contains(&question.target_ip) || fault == "speaks-for-others";
            let to_us = destination == MacAddr::BROADCAST || destination == mac || fault == "answers-for-another";
            let asks = question.operation == Operation::Request || fault == "answers-replies";
            // The kernel answers for the node's own.
            let own = interface.addresses.iter().any(|net| net.addr() == IpAddr::V4(question.target_ip));
            if !active || own || !ours || !to_us || !asks || question.sender_mac == mac {
                continue;
            }
            let mut answer = compose::arp(question.sender_mac, &Arp::reply(&question, mac));
            match fault {
                "wrong-bytes" => answer[41] ^= 1,
                "leaks-memory" => answer[50] = 0x5a,
                _ => {}
            }
            let twice = [answer.clone(), answer];
            link.send(if fault == "answers-twice" { &twice } else { &twice[..1] }).unwrap();
        }
    }
}

/// Rows of one run with their verdicts.
fn run(fault: &str, rows: &str) -> BTreeMap<String, String> {
    // As an announcer this program is this test again, which then never ends.
    let this = std::env::current_exe().unwrap();
    let line = format!("{FAULT}={fault} exec {} the_suite_passes_who_is_right --exact --nocapture", this.display());
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["conformance", "--addresses", "10.77.0.240", "--rows", rows, "-o", "json", "--", &line])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let record: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {said}", String::from_utf8_lossy(&output.stdout)));
    let found: BTreeMap<String, String> = record["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["row"].as_str().unwrap().to_owned(), row["verdict"].as_str().unwrap().to_owned()))
        .collect();
    let failed = found.values().any(|verdict| verdict == "failed");
    assert_eq!(output.status.success(), !failed, "the exit status says whether a row failed: {said}");
    found
}

const QUICK: &str = "arp-broadcast-request,arp-unicast-request,arp-probe,arp-unpadded,arp-to-another,arp-reply-ignored,\
                     arp-short,arp-protocol-length,others-whole-subnet,one-owner-at-rest";

#[test]
fn the_suite_passes_who_is_right() {
    if let Ok(fault) = std::env::var(FAULT) {
        return announce(&fault);
    }
    let found = run("none", QUICK);
    assert_eq!(found.len(), QUICK.split(',').count());
    assert!(found.values().all(|verdict| verdict == "passed"), "{found:?}");
    // What it cannot have is not held against it, and is not counted as passed either.
    let found = run("none", "arp-probe,ndp-multicast,kubernetes-class");
    assert_eq!(found["ndp-multicast"], "not-applicable");
    assert_eq!(found["kubernetes-class"], "not-applicable");
}

#[test]
fn the_suite_finds_who_is_wrong() {
    const FAULTS: [(&str, &str); 6] = [
        ("wrong-bytes", "arp-broadcast-request"),
        ("leaks-memory", "arp-broadcast-request"),
        ("answers-twice", "arp-unicast-request"),
        ("answers-replies", "arp-reply-ignored"),
        ("answers-for-another", "arp-to-another"),
        ("speaks-for-others", "others-whole-subnet"),
    ];
    // Each in namespaces of its own; they mostly wait.
    std::thread::scope(|scope| {
        for (fault, row) in FAULTS {
            scope.spawn(move || {
                let found = run(fault, &format!("arp-probe,{row}"));
                assert_eq!(found[row], "failed", "{fault}: {found:?}");
            });
        }
    });
}

#[test]
fn two_owners_are_found() {
    let found = run("two-owners", "arp-probe,one-owner-at-rest");
    assert!(found.values().all(|verdict| verdict == "failed"), "{found:?}");
}

#[test]
fn who_asks_nobody_before_is_found() {
    let found = run("none", "conflict-probed-first,arp-not-ours");
    assert_eq!(found["conflict-probed-first"], "failed", "{found:?}");
    assert_eq!(found["arp-not-ours"], "passed", "{found:?}");
}
