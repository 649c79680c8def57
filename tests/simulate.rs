//! `poolcheck simulate` as it is run.
#![cfg(feature = "announce")]

use std::path::Path;
use std::process::{Command, Output};

fn simulate(args: &[&str]) -> Output {
    let root = env!("CARGO_MANIFEST_DIR");
    Command::new(env!("CARGO_BIN_EXE_poolcheck"))
        .arg("simulate")
        .args(args)
        .current_dir(root)
        .output()
        .expect("it runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn the_homelab_is_told_as_a_timeline() {
    let output = simulate(&["examples/simulate/homelab.toml"]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let place = |words: &str| told.find(words).unwrap_or_else(|| panic!("no {words:?} in\n{told}"));
    let leased = place("phone   is leased 192.168.1.50, and probes it");
    let declined = place("phone   is told that 192.168.1.50 is taken: declines");
    let killed = place("n1      loses its power");
    let taken = place("n2      owns 192.168.1.50: taken over from n1");
    assert!(leased < declined && declined < killed && killed < taken, "{told}");
}

#[test]
fn a_seed_is_a_run() {
    let run = |seed: &str| simulate(&["examples/simulate/split.toml", "-o", "json", "--seed", seed]).stdout;
    assert_eq!(run("7"), run("7"));
    assert_ne!(run("7"), run("8"));
    let told: serde_json::Value = serde_json::from_slice(&run("7")).expect("JSON");
    assert_eq!(told["seed"], 7);
    assert!(told["violation"].is_null());
}

#[test]
fn every_example_keeps_its_promises_with_many_seeds() {
    let entries =
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/simulate")).expect("the folder");
    let mut played = 0;
    for entry in entries {
        let path = entry.expect("an entry").path();
        let output = simulate(&[path.to_str().expect("UTF-8"), "--seeds", "20"]);
        assert_eq!(text(&output.stdout), "ok: every promise kept with 20 seeds from 0 on\n", "{path:?}");
        played += 1;
    }
    assert!(played >= 2);
}

#[test]
fn a_wrong_scenario_is_told_with_its_places() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wrong.toml");
    let wrong = "nodes = [\"a\", \"a\"]\naddresses = \"10.0.0.1\"\nseed = -1\n[[event]]\nat = 1\ncrash = \"b\"\n";
    std::fs::write(&path, wrong).expect("written");
    let output = simulate(&[path.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    for (place, words) in [
        ("wrong.toml:1:16", "\"a\" is no name for a node"),
        ("wrong.toml:2:14", "10.0.0.1 is not free on the LAN"),
        ("wrong.toml:3:8", "seed"),
        ("wrong.toml:6:10", "crash"),
    ] {
        assert!(told.contains(place) && told.contains(words), "{place} {words}\n{told}");
    }
    assert!(output.stdout.is_empty());
}
