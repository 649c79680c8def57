//! The table of sightings, and the lines around it.

use std::fmt::Write as _;
use std::net::IpAddr;

use owo_colors::Style as Paint;

use super::{Row, Run, Scan, State};
use crate::output::Style;
use crate::report::counted;

/// Everything about a scan but its findings: the table and the maps.
pub(crate) fn shown(scan: &Scan, style: &Style) -> String {
    let mut out = String::new();
    if scan.rows.is_empty() {
        out.push_str("  nobody was seen\n");
    } else {
        out.push_str(&table(scan, style));
    }
    for segment in &scan.segments {
        out.push('\n');
        out.push_str(&super::map::shown(segment, style));
    }
    out.push('\n');
    out
}

const COLUMNS: usize = 7;
const SINCE: usize = 4;
const STATE: usize = 6;

fn table(scan: &Scan, style: &Style) -> String {
    let mut lines: Vec<[String; COLUMNS]> =
        vec![["address", "owner", "vendor / name", "claim", "since", "seen", ""].map(str::to_owned)];
    // Without a journal nobody knows.
    let since_known = scan.rows.iter().any(|row| row.seen.since.is_some());
    let mut last: Option<IpAddr> = None;
    for row in &scan.rows {
        let again = last == Some(row.seen.address);
        last = Some(row.seen.address);
        let address = if again { String::new() } else { row.seen.address.to_string() };
        let claims = if again { String::new() } else { row.claims.join(", ") };
        // Of a machine that is known by name its maker is of no interest.
        let vendor = row.seen.vendor.as_ref().filter(|_| row.who.is_none());
        let who: Vec<&str> =
            [row.who.as_ref(), vendor, row.seen.name.as_ref()].into_iter().flatten().map(String::as_str).collect();
        let who = who.join(" · ");
        let since = row.seen.since.as_deref().map(to_the_minute).unwrap_or_default();
        lines.push([address, row.seen.mac.clone(), who, claims, since, how(row), row.state.name().to_owned()]);
    }
    let mut widths = [0; COLUMNS];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        let mut text = String::from("  ");
        for (column, cell) in line.iter().enumerate().filter(|(column, _)| since_known || *column != SINCE) {
            let padded = format!("{cell:<width$}", width = widths[column]);
            let painted = match (number, column) {
                (0, _) => style.paint(Paint::new().dimmed(), &padded),
                (_, STATE) => style.paint(paint(scan.rows[number - 1].state), &padded),
                _ => padded,
            };
            text.push_str(&painted);
            text.push_str("  ");
        }
        writeln!(out, "{}", text.trim_end()).expect("writes to a string");
    }
    out
}

/// How a state is painted, in the table and on the map.
pub(crate) fn paint(state: State) -> Paint {
    match state {
        State::Squatter | State::SecondOwner => Paint::new().red().bold(),
        State::Proxy => Paint::new().yellow().bold(),
        State::Announced => Paint::new().green(),
        State::Node => Paint::new().bright_blue(),
        State::Router => Paint::new().cyan(),
        State::Other => Paint::new(),
    }
}

/// `2026-11-24 05:10` of an RFC 3339 time.
fn to_the_minute(at: &str) -> String {
    at.get(..16).unwrap_or(at).replace('T', " ")
}

/// `3 times, 0.4 ms`.
fn how(row: &Row) -> String {
    if row.seen.count == 0 {
        return "own address".to_owned();
    }
    let times = counted(row.seen.count as usize, "time");
    match row.seen.after {
        Some(after) => format!("{times}, {}", milliseconds(after)),
        None => format!("{times}, unasked"),
    }
}

fn milliseconds(duration: std::time::Duration) -> String {
    let ms = duration.as_secs_f64() * 1000.0;
    if ms < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

/// The last lines: what was asked, and what that is worth.
pub(crate) fn closing(scan: &Scan) -> String {
    let Some(run) = &scan.run else { return String::new() };
    let mut out = String::new();
    for remark in &run.remarks {
        writeln!(out, "{remark}").expect("writes to a string");
    }
    let asked =
        if run.addresses > 0 { format!("asked {}", addresses(run.addresses)) } else { "asked nobody".to_owned() };
    let mut facts = vec![
        format!("{asked} in {:.1} s", run.duration.as_secs_f64()),
        counted(usize::try_from(run.frames).unwrap_or(usize::MAX), "frame"),
    ];
    if !run.wire.is_empty() {
        facts.push(run.wire.clone());
    }
    write!(out, "{}", facts.join(", ")).expect("writes to a string");
    if let Some(missed) = missed(run) {
        write!(out, "; {missed}").expect("writes to a string");
    }
    out.push('\n');
    if let Some(why) = &run.cut_short {
        writeln!(out, "partial: {why}; addresses that did not answer are not known to be free")
            .expect("writes to a string");
    }
    out
}

fn addresses(count: usize) -> String {
    if count == 1 { "1 address".to_owned() } else { format!("{count} addresses") }
}

fn missed(run: &Run) -> Option<String> {
    let missed = run.expected_missed?;
    Some(if missed < 0.001 {
        "a live machine was missed with probability < 0.1 %".to_owned()
    } else if missed < 1.0 {
        format!("a live machine was missed with probability {:.1} %", missed * 100.0)
    } else {
        format!("about {missed:.0} live machines were missed")
    })
}
