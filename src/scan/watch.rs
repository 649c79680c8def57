//! Staying on the wire: listens, asks again gently, and tells what changes.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use poolcheck_lan::Cancel;
use poolcheck_rules::World;

use super::journal::{self, Habit, Journal};
use super::live::{Look, Manner, look};
use super::metrics::Metrics;
use super::targets::Aim;
use super::{Row, Scan, State};
use crate::failure::Failure;
use crate::output;
use crate::output::json::{JsonChange, JsonEvent, sighting};

/// How to watch.
#[derive(Debug)]
pub(crate) struct Watching {
    /// From the end of one round of asking to the next.
    pub(crate) every: Duration,
    pub(crate) journal: Option<PathBuf>,
    pub(crate) metrics: Option<SocketAddr>,
    /// One JSON object a line, instead of words.
    pub(crate) json: bool,
}

/// Who is where, as far as it has been told.
type Known = BTreeMap<(IpAddr, String), Row>;

/// Watches until it is cancelled; true when a stranger is on a pool's address at the end.
pub(crate) fn watch(
    world: &World<'_>,
    aim: &Aim,
    asking: &Manner,
    watching: &Watching,
    cancel: &Cancel,
) -> Result<bool, Failure> {
    let path = watching.journal.clone().unwrap_or_default();
    let refused = |error: rusqlite::Error| journal::refused(&path, &error);
    let teller = Teller { json: watching.json };
    let mut journal = watching.journal.as_deref().map(Journal::open).transpose()?;
    let metrics = watching.metrics.map(Metrics::serve).transpose()?;
    if let Some((_, address)) = &metrics {
        teller.tell(&now(), JsonEvent::Metrics, &format!("metrics: http://{address}/metrics"), About::Nothing)?;
    }
    let metrics = metrics.map(|(metrics, _)| metrics);
    let mut known = Known::new();
    let mut first = true;
    loop {
        let mut looked = look(world, aim, asking, cancel)?;
        let at = looked.observed.at.clone().unwrap_or_default();
        if let Some(journal) = &journal {
            journal.date(&at, &mut looked.observed.seen).map_err(refused)?;
        }
        let mut scan = Scan::of(world, &looked.observed);
        let whole = looked.run.cut_short.is_none();
        scan.run = Some(looked.run.clone());
        teller.changes(&at, &scan, &mut known, whole)?;
        teller.unrest(&at, &looked)?;
        if first {
            let text = format!("watching: {} of {} in use", known.len(), aim.about);
            teller.tell(&at, JsonEvent::Watching, &text, About::Nothing)?;
        }
        if let Some(journal) = &mut journal {
            journal.note(&at, &scan.rows).map_err(refused)?;
            if first {
                teller.habits(&at, &journal.habits(day(&at)).map_err(refused)?)?;
            }
        }
        if let Some(metrics) = &metrics {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            metrics.note(&scan, since.as_secs());
        }
        first = false;
        if !cancel.is_cancelled() {
            let listening = Manner { listen: Some(watching.every), dhcp: false, pcap: None, ..asking.clone() };
            let mut heard = look(world, aim, &listening, cancel)?;
            let at = heard.observed.at.clone().unwrap_or_default();
            if let Some(journal) = &journal {
                journal.date(&at, &mut heard.observed.seen).map_err(refused)?;
            }
            // Who is silent while nobody asks has not left.
            teller.changes(&at, &Scan::of(world, &heard.observed), &mut known, false)?;
            teller.unrest(&at, &heard)?;
        }
        if cancel.is_cancelled() {
            if let Some(journal) = &journal {
                teller.habits(&at, &journal.habits(day(&at)).map_err(refused)?)?;
            }
            teller.tell(&now(), JsonEvent::Ended, "ended", About::Nothing)?;
            return Ok(known.values().any(|row| matches!(row.state, State::Squatter | State::SecondOwner)));
        }
    }
}

/// What a line is about.
#[derive(Clone, Copy)]
enum About<'a> {
    Nothing,
    Machine(IpAddr, &'a str),
    Row(&'a Row),
}

/// Says what happens, a line each.
struct Teller {
    json: bool,
}

impl Teller {
    fn tell(&self, at: &str, event: JsonEvent, text: &str, about: About<'_>) -> Result<(), Failure> {
        let line = if self.json {
            let (address, mac) = match about {
                About::Nothing => (None, None),
                About::Machine(address, mac) => (Some(address.to_string()), Some(mac.to_owned())),
                About::Row(row) => (Some(row.seen.address.to_string()), Some(row.seen.mac.clone())),
            };
            let sighting = if let About::Row(row) = about { Some(sighting(row)) } else { None };
            let change = JsonChange { at: at.to_owned(), event, text: text.to_owned(), address, mac, sighting };
            serde_json::to_string(&change).unwrap_or_default()
        } else if matches!(event, JsonEvent::Metrics | JsonEvent::Habit | JsonEvent::Ended) {
            text.to_owned()
        } else {
            format!("{at}  {text}")
        };
        output::print(&format!("{line}\n"))
            .map_err(|error| crate::session::usage(&format!("cannot write: {error}"), ""))
    }

    /// Tells who came, who left and who changed.
    fn changes(&self, at: &str, scan: &Scan, known: &mut Known, whole: bool) -> Result<(), Failure> {
        let key = |row: &Row| (row.seen.address, row.seen.mac.clone());
        for row in &scan.rows {
            let (event, what) = match known.insert(key(row), row.clone()) {
                None => (JsonEvent::Appeared, "appeared"),
                Some(before) if before.state != row.state => (JsonEvent::Changed, "changed"),
                Some(_) => continue,
            };
            let claims = if row.claims.is_empty() { String::new() } else { format!(", {}", row.claims.join(", ")) };
            let state = if row.state.name().is_empty() { String::new() } else { format!(": {}", row.state.name()) };
            let who = row.who.clone().unwrap_or_else(|| row.seen.who());
            let text = format!("{} {what}: {who}{claims}{state}", row.seen.address);
            self.tell(at, event, &text, About::Row(row))?;
        }
        let here = |entry: &(IpAddr, String)| scan.rows.iter().any(|row| key(row) == *entry);
        let asked = |address: IpAddr| scan.asked.iter().any(|range| range.contains(address));
        let gone: Vec<_> = known.keys().filter(|entry| whole && asked(entry.0) && !here(entry)).cloned().collect();
        for entry in gone {
            if let Some(row) = known.remove(&entry) {
                self.tell(at, JsonEvent::Left, &format!("{} left: {}", entry.0, entry.1), About::Row(&row))?;
            }
        }
        Ok(())
    }

    /// Tells of addresses that moved and of storms.
    fn unrest(&self, at: &str, look: &Look) -> Result<(), Failure> {
        for moved in &look.observed.moved {
            let text = format!("{} moved from {} to {}", moved.address, moved.from, moved.to);
            self.tell(at, JsonEvent::Moved, &text, About::Machine(moved.address, &moved.to))?;
        }
        for storm in &look.observed.storms {
            let text = format!("{} announces {} over and over", storm.mac, storm.address);
            self.tell(at, JsonEvent::Storm, &text, About::Machine(storm.address, &storm.mac))?;
        }
        Ok(())
    }

    /// What the journal says of strangers on the pools' addresses.
    fn habits(&self, at: &str, habits: &[Habit]) -> Result<(), Failure> {
        for habit in habits {
            self.tell(at, JsonEvent::Habit, &habit.told(), About::Machine(habit.address, &habit.mac))?;
        }
        Ok(())
    }
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn day(at: &str) -> &str {
    at.get(..10).unwrap_or(at)
}
