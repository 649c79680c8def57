//! Answers of 2 MB, made to cost: every adapter file ends with them in bounded time and memory, with facts or an error, and
//! the scrubber with a text.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::time::Duration;

use poolcheck_plan::Sources;
use poolcheck_router_adapters::engine::scrub::scrub;
use poolcheck_router_adapters::engine::{Declared, Replies, builtin};

const SIZE: usize = 2 << 20;

fn filled(start: &str, piece: &str, end: &str) -> String {
    let count = (SIZE - start.len() - end.len()) / piece.len();
    [start, &piece.repeat(count), end].concat()
}

fn hostile() -> Vec<(&'static str, String)> {
    vec![
        ("open brackets", filled("", "[", "")),
        ("open objects", filled("", "{\"dhcp\":", "")),
        ("nested elements", filled("<response>", "<a>", "")),
        ("flat elements", filled("<response>", "<NewMinAddress>x</NewMinAddress>", "</response>")),
        ("attributes", filled("<response ", "a='1' ", "/>")),
        ("rows", filled("[", "{\"name\":\"a\",\"interface\":\"a\",\"address-pool\":\"a\"},", "{}]")),
        (
            "rows that all match",
            filled(
                "[",
                "{\"name\":\"a\",\"interface\":\"a\",\"address-pool\":\"a\",\"ranges\":\"10.0.0.2-10.0.0.9\",\"address\":\"10.0.0.1/24\"},",
                "{}]",
            ),
        ),
        ("quotes", filled("", "\"", "")),
        ("one line", filled("var dhcpStart = '", "1", "")),
        ("nearly titles", filled("", "<title>Sky Hu", "")),
        ("colons", filled("", "a:", "")),
        ("hexadecimal", filled("", "ab:", "")),
        ("commas", filled("{\"hosts\":\"", ",a", "\"}")),
        ("entities", filled("<!DOCTYPE a [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><r>", "&b;", "</r>")),
        ("bytes that are none", "\u{fffd}".repeat(SIZE / 3)),
    ]
}

/// The time that this thread has worked, however busy the machine is with others.
#[cfg(target_os = "linux")]
fn worked() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

#[cfg(not(target_os = "linux"))]
fn worked() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// The most memory that this process ever had, in KiB.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

#[test]
fn two_megabytes_are_read_or_refused_soon() {
    let texts = hostile();
    #[cfg(target_os = "linux")]
    let before = peak();
    let mut slowest = (Duration::ZERO, String::new());
    for adapter in builtin() {
        for (what, text) in &texts {
            let steps: Vec<(&str, &str)> =
                adapter.description().step.iter().map(|step| (step.id.as_str(), text.as_str())).collect();
            let started = worked();
            let read = adapter.facts(&Replies { texts: &steps, read_at: None }, &mut Sources::new());
            let took = worked().saturating_sub(started) / u32::try_from(steps.len()).unwrap();
            if let Ok(facts) = read {
                assert!(facts.segments.len() <= 65_536, "{}: {what}", adapter.description().id);
            }
            if took > slowest.0 {
                slowest = (took, format!("{}: {what}", adapter.description().id));
            }
        }
    }
    assert!(slowest.0 < Duration::from_secs(10), "{slowest:?} for one answer (unoptimised)");
    #[cfg(target_os = "linux")]
    assert!(peak() - before < 1_500_000, "{} KiB more for up to seven answers at once", peak() - before);
}

#[test]
fn two_megabytes_are_scrubbed_soon() {
    for (what, text) in hostile() {
        let started = worked();
        let found = scrub(&text, &["name".to_owned()]);
        assert!(found.text.len() <= 4 * SIZE, "{what}");
        let took = worked().saturating_sub(started);
        assert!(took < Duration::from_secs(20), "{what}: {took:?} (unoptimised)");
    }
}

#[test]
fn an_adapter_file_of_2_mb_is_refused() {
    for (what, text) in hostile() {
        let started = worked();
        assert!(Declared::load("x.toml", &text, &mut Sources::new()).is_err(), "{what}");
        let took = worked().saturating_sub(started);
        assert!(took < Duration::from_secs(2), "{what}: {took:?}");
    }
}
