//! Staying on the wire: listens, asks again gently, and tells what changes.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use poolcheck_lan::Cancel;
use poolcheck_rules::World;

use super::journal::{self, Journal};
use super::live::{Manner, look};
use super::metrics::Metrics;
use super::targets::Aim;
use super::{Row, Scan, State};
use crate::failure::Failure;
use crate::output;

/// How to watch.
#[derive(Debug)]
pub(crate) struct Watching {
    /// From the end of one round of asking to the next.
    pub(crate) every: Duration,
    pub(crate) journal: Option<PathBuf>,
    pub(crate) metrics: Option<SocketAddr>,
}

/// Watches until it is cancelled; true when a stranger is on a pool's address at the end.
pub(crate) fn watch(
    world: &World<'_>,
    aim: &Aim,
    asking: &Manner,
    watching: &Watching,
    cancel: &Cancel,
) -> Result<bool, Failure> {
    let path = watching.journal.clone().unwrap_or_default();
    let mut journal = watching.journal.as_deref().map(Journal::open).transpose()?;
    let metrics = watching.metrics.map(Metrics::serve).transpose()?;
    if let Some((_, address)) = &metrics {
        say(&format!("metrics: http://{address}/metrics"))?;
    }
    let metrics = metrics.map(|(metrics, _)| metrics);
    let mut known: BTreeMap<(IpAddr, String), State> = BTreeMap::new();
    let mut first = true;
    loop {
        let looked = look(world, aim, asking, cancel)?;
        let at = looked.observed.at.clone().unwrap_or_default();
        let mut scan = Scan::of(world, &looked.observed);
        let whole = looked.run.cut_short.is_none();
        scan.run = Some(looked.run);
        let now = tell_changes(&at, &scan, &mut known, whole)?;
        if first {
            say(&format!("{at}  watching: {now} of {} addresses in use", aim.about))?;
        }
        if let Some(journal) = &mut journal {
            journal.note(&at, &scan.rows).map_err(|error| journal::refused(&path, &error))?;
            if first {
                tell_habits(journal, &at).map_err(|error| journal::refused(&path, &error))??;
            }
        }
        if let Some(metrics) = &metrics {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            metrics.note(&scan, since.as_secs());
        }
        first = false;
        if !cancel.is_cancelled() {
            let listening = Manner { listen: Some(watching.every), dhcp: false, pcap: None, ..asking.clone() };
            let heard = look(world, aim, &listening, cancel)?;
            let at = heard.observed.at.clone().unwrap_or_default();
            // Who is silent while nobody asks has not left.
            tell_changes(&at, &Scan::of(world, &heard.observed), &mut known, false)?;
            for storm in &heard.observed.storms {
                say(&format!("{at}  {} announces {} over and over", storm.mac, storm.address))?;
            }
        }
        if cancel.is_cancelled() {
            if let Some(journal) = &journal {
                tell_habits(journal, &at).map_err(|error| journal::refused(&path, &error))??;
            }
            say("ended")?;
            return Ok(known.values().any(|state| matches!(state, State::Squatter | State::SecondOwner)));
        }
    }
}

/// Tells who came, who left and who changed, and gives how many are there.
fn tell_changes(
    at: &str,
    scan: &Scan,
    known: &mut BTreeMap<(IpAddr, String), State>,
    whole: bool,
) -> Result<usize, Failure> {
    let key = |row: &Row| (row.seen.address, row.seen.mac.clone());
    for row in &scan.rows {
        let what = match known.insert(key(row), row.state) {
            None => "appeared",
            Some(before) if before != row.state => "changed",
            Some(_) => continue,
        };
        let claims = if row.claims.is_empty() { String::new() } else { format!(", {}", row.claims.join(", ")) };
        let state = if row.state.name().is_empty() { String::new() } else { format!(": {}", row.state.name()) };
        let who = row.who.clone().unwrap_or_else(|| row.seen.who());
        say(&format!("{at}  {} {what}: {who}{claims}{state}", row.seen.address))?;
    }
    let here = |entry: &(IpAddr, String)| scan.rows.iter().any(|row| key(row) == *entry);
    let asked = |address: IpAddr| scan.asked.iter().any(|range| range.contains(address));
    let gone: Vec<_> = known.keys().filter(|entry| whole && asked(entry.0) && !here(entry)).cloned().collect();
    for entry in gone {
        known.remove(&entry);
        say(&format!("{at}  {} left: {}", entry.0, entry.1))?;
    }
    Ok(known.len())
}

/// What the journal says of strangers on the pools' addresses.
fn tell_habits(journal: &Journal, at: &str) -> Result<Result<(), Failure>, rusqlite::Error> {
    for habit in journal.habits(at.get(..10).unwrap_or(at))? {
        if let Err(failure) = say(&habit.told()) {
            return Ok(Err(failure));
        }
    }
    Ok(Ok(()))
}

fn say(line: &str) -> Result<(), Failure> {
    output::print(&format!("{line}\n")).map_err(|error| crate::session::usage(&format!("cannot write: {error}"), ""))
}
