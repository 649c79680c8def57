//! The lock: whatever a router said, it says again when it is read back, as sure as it was; and equal facts are equal bytes.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::path::Path;

use poolcheck_plan::facts::DhcpServer;
use poolcheck_plan::{Confidence, Facts, Sources};
use poolcheck_router_adapters::engine::{Replies, builtin};
use poolcheck_router_adapters::{Locked, Page, read_lock, to_lock};

/// What every adapter's own tests read, locked.
fn all() -> Vec<Locked> {
    let mut found = Vec::new();
    for adapter in builtin() {
        let description = adapter.description();
        for (number, test) in description.test.iter().enumerate().filter(|(_, test)| test.facts.is_some()) {
            let mut texts: Vec<(&str, String)> =
                test.texts.iter().map(|(step, text)| (step.as_str(), text.clone())).collect();
            for (step, file) in &test.files {
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
                texts.push((step, std::fs::read_to_string(path).unwrap()));
            }
            texts.retain(|(step, _)| !test.status.contains_key(*step));
            let texts: Vec<(&str, &str)> = texts.iter().map(|(step, text)| (*step, text.as_str())).collect();
            let host = format!("192.168.{number}.1");
            let replies = Replies { texts: &texts, read_at: Some((&host, "2026-11-23T10:32:00Z")) };
            let facts = adapter.facts(&replies, &mut Sources::new()).unwrap();
            found.push(Locked { adapter: description.id.clone(), version: description.version, host, facts });
        }
    }
    found
}

fn read(text: &str) -> Vec<Locked> {
    let page = Page { name: "poolcheck.lock", text };
    read_lock(&page, &mut Sources::new()).unwrap_or_else(|error| panic!("{:?}\n{text}", error.complaints))
}

/// How sure each key is, the least of its values.
fn sure(facts: &Facts) -> Vec<Option<Confidence>> {
    let of_server = |server: &DhcpServer| {
        [
            Some(server.state.confidence),
            server.ranges.iter().map(|fact| fact.confidence).min(),
            server.lease_seconds.as_ref().map(|fact| fact.confidence),
            server.reservations.iter().map(|fact| fact.confidence).min(),
        ]
    };
    let segments = facts.segments.iter();
    segments
        .flat_map(|segment| {
            let own = [
                segment.subnets.iter().map(|fact| fact.confidence).min(),
                segment.gateways.iter().map(|fact| fact.confidence).min(),
            ];
            own.into_iter().chain(segment.dhcp.iter().flat_map(of_server)).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn what_was_locked_is_read_back_whole() {
    let written = all();
    assert!(written.len() >= 15, "{}", written.len());
    let text = to_lock(&written);
    let again = read(&text);
    assert_eq!(again.len(), written.len());
    let mut unsure = 0;
    for new in &again {
        let old = written.iter().find(|old| (&old.adapter, &old.host) == (&new.adapter, &new.host)).unwrap();
        let who = format!("{} {}", old.adapter, old.host);
        assert_eq!((old.version, &old.facts.origins), (new.version, &new.facts.origins), "{who}");
        assert_eq!(old.facts.drift(&new.facts), [], "{who}");
        assert_eq!(sure(&old.facts), sure(&new.facts), "{who}");
        unsure += sure(&old.facts).iter().flatten().filter(|level| **level != Confidence::High).count();
        let complete = |facts: &Facts| -> Vec<_> {
            facts
                .segments
                .iter()
                .flat_map(|s| s.dhcp.iter().map(|server| (server.completeness, server.knows_reservations())))
                .collect()
        };
        for (old, new) in complete(&old.facts).iter().zip(complete(&new.facts)) {
            assert_eq!(old.1, new.1, "{who}");
        }
    }
    assert!(unsure > 0, "something is less than sure, so that this is tested");
    // In whatever order they come, the bytes are the same.
    let mut other = again;
    other.reverse();
    assert_eq!(to_lock(&other), text);
}

#[test]
fn a_lock_that_somebody_broke_is_told_with_its_place() {
    for (text, told) in [
        ("[[router]]\nadapter = \"unifi\"\n", "a router without its name"),
        ("[[router]]\nadapter = \"unifi\"\nhost = \"x\"\nversion = \"1\"\n", "`version` must be"),
        ("[[router]]\nadapter = \"unifi\"\nhost = \"x\"\nsecret = \"y\"\n", "secret"),
        (
            "[[router]]\nadapter = \"unifi\"\nhost = \"x\"\n[[router.segment]]\nconfidence = { subnet = \"sure\" }\n",
            "cannot be `sure`",
        ),
        (
            "[[router]]\nadapter = \"unifi\"\nhost = \"x\"\n[[router.segment]]\nsubnet = \"10.0.0.1/24\"\n",
            "inside a prefix",
        ),
    ] {
        let page = Page { name: "poolcheck.lock", text };
        let error = read_lock(&page, &mut Sources::new()).expect_err(text);
        assert!(error.complaints.iter().any(|complaint| complaint.message.contains(told)), "{told}: {error:?}");
        assert!(error.complaints.iter().all(|complaint| !complaint.labels.is_empty()), "{error:?}");
    }
}
