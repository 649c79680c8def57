//! Scans ranges on an interface: `cargo run -p poolcheck-lan --example scan -- eth0 192.168.1.50-192.168.1.60 [--fast]`.
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::error::Error;

use poolcheck_lan::interface::interfaces;
use poolcheck_lan::link::{self, Wanted};
use poolcheck_lan::scan::{Profile, Scanner, Settings, Targets};
use poolcheck_lan::{Cancel, drive};
use poolcheck_plan::syntax::parse_range;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (flags, words): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|word| word.starts_with("--"));
    let [name, ranges @ ..] = words.as_slice() else { return Err("usage: scan INTERFACE RANGE...".into()) };
    let profile = match flags.first().map(|flag| flag.as_str()) {
        Some("--fast") => Profile::Fast,
        Some("--gentle") => Profile::Gentle,
        _ => Profile::Default,
    };
    let interface = interfaces()?.into_iter().find(|interface| interface.name == **name);
    let interface = interface.ok_or_else(|| format!("there is no interface {name}"))?;
    let ranges = ranges.iter().map(|text| parse_range(text)).collect::<Result<Vec<_>, _>>()?;
    let targets = Targets::new(ranges)?;
    let settings = Settings::new(profile, targets.len());
    let mut link = link::open(&interface, Wanted::ARP.and(Wanted::NDP))?;
    let mut scanner = Scanner::new(interface.mac, targets, settings, std::process::id().into())?;
    let forecast = scanner.forecast();
    println!("{} addresses, at most {} frames/s, about {:?}", forecast.addresses, forecast.max_pps, forecast.duration);
    drive(&mut scanner, &mut link, &Cancel::default(), |seen| println!("{} {}", seen.address, seen.mac))?;
    let report = scanner.report();
    for (address, owners) in report.conflicts() {
        println!("{address} has {} owners", owners.len());
    }
    println!(
        "{:?}: {} in use, {:?}, {} frames in {:?}",
        report.ending,
        report.found.len(),
        report.wire,
        report.frames,
        report.duration
    );
    Ok(())
}
