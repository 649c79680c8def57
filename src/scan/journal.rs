//! The journal of a watch: who used which address on which day, so that "leased to a phone on 9 of 14 days" can be said.
//!
//! One small SQLite file. A day on which somebody looked is a row of its own: silence counts only where it was heard.

use std::net::IpAddr;
use std::path::Path;

use rusqlite::{Connection, params};

use poolcheck_plan::observed::Seen;

use super::{Row, State};
use crate::failure::Failure;
use crate::session::usage;

/// So many days back are told, and kept.
pub(crate) const DAYS: i64 = 14;
/// Older rows are forgotten.
const KEPT: i64 = 400;

/// An open journal.
#[derive(Debug)]
pub(crate) struct Journal(Connection);

/// A machine at an address over the last days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Habit {
    pub(crate) address: IpAddr,
    pub(crate) mac: String,
    /// On so many days it was there.
    pub(crate) days: i64,
    /// On so many somebody looked.
    pub(crate) of: i64,
    pub(crate) last: String,
}

impl Journal {
    /// Opens a journal, and makes it when it is not there.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let open = || {
            let connection = Connection::open(path)?;
            connection.execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
                 CREATE TABLE IF NOT EXISTS looked (day TEXT PRIMARY KEY);
                 CREATE TABLE IF NOT EXISTS seen (
                   day TEXT NOT NULL, address TEXT NOT NULL, mac TEXT NOT NULL, state TEXT NOT NULL,
                   first TEXT NOT NULL, last TEXT NOT NULL, count INTEGER NOT NULL,
                   PRIMARY KEY (day, address, mac)) WITHOUT ROWID;",
            )?;
            Ok(Self(connection))
        };
        open().map_err(|error: rusqlite::Error| refused(path, &error))
    }

    /// Writes down one round; `at` is RFC 3339 in UTC, its first ten characters are the day.
    pub(crate) fn note(&mut self, at: &str, rows: &[Row]) -> Result<(), rusqlite::Error> {
        let day = at.get(..10).unwrap_or(at);
        let round = self.0.transaction()?;
        round.execute("INSERT OR IGNORE INTO looked VALUES (?1)", [day])?;
        for row in rows.iter().filter(|row| row.state != State::Proxy) {
            round.execute(
                "INSERT INTO seen VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1) ON CONFLICT (day, address, mac)
                 DO UPDATE SET state = ?4, last = ?5, count = count + 1",
                params![day, row.seen.address.to_string(), row.seen.mac, row.state.name(), at],
            )?;
        }
        let oldest = format!("-{KEPT} days");
        round.execute("DELETE FROM seen WHERE day < date(?1, ?2)", [day, &oldest])?;
        round.execute("DELETE FROM looked WHERE day < date(?1, ?2)", [day, &oldest])?;
        round.commit()
    }

    /// Since when a machine is at an address without a day on which somebody looked and it was not there; `None` when it has
    /// not been seen.
    pub(crate) fn since(&self, day: &str, address: IpAddr, mac: &str) -> Result<Option<String>, rusqlite::Error> {
        let query = "SELECT min(first) FROM seen WHERE address = ?2 AND mac = ?3 AND day > coalesce(
               (SELECT max(day) FROM looked WHERE day < ?1 AND NOT EXISTS
                  (SELECT 1 FROM seen WHERE seen.day = looked.day AND address = ?2 AND mac = ?3)), '')";
        self.0.query_row(query, [day, &address.to_string(), mac], |row| row.get(0))
    }

    /// Writes down with each of these since when it is there, `at` being now.
    pub(crate) fn date(&self, at: &str, seen: &mut [Seen]) -> Result<(), rusqlite::Error> {
        let day = at.get(..10).unwrap_or(at);
        for seen in seen {
            let since = self.since(day, seen.address, &seen.mac)?;
            seen.since = Some(since.unwrap_or_else(|| at.to_owned()));
        }
        Ok(())
    }

    /// The strangers at addresses of pools over the last days before and with `day`.
    pub(crate) fn habits(&self, day: &str) -> Result<Vec<Habit>, rusqlite::Error> {
        let since = format!("-{} days", DAYS - 1);
        let of = "SELECT count(*) FROM looked WHERE day >= date(?1, ?2) AND day <= ?1";
        let of: i64 = self.0.query_row(of, [day, &since], |row| row.get(0))?;
        let mut query = self.0.prepare(
            "SELECT address, mac, count(*), max(last) FROM seen
             WHERE day >= date(?1, ?2) AND day <= ?1 AND state IN (?3, ?4) GROUP BY address, mac",
        )?;
        let states = [State::Squatter.name(), State::SecondOwner.name()];
        let found = query.query_map(params![day, since, states[0], states[1]], |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        let mut habits = Vec::new();
        for row in found {
            let (address, mac, days, last) = row?;
            if let Ok(address) = address.parse() {
                habits.push(Habit { address, mac, days, of, last });
            }
        }
        habits.sort_by(|a, b| (a.address, &a.mac).cmp(&(b.address, &b.mac)));
        Ok(habits)
    }
}

pub(crate) fn refused(path: &Path, error: &rusqlite::Error) -> Failure {
    let help = "name a file in a folder that exists, or a journal of poolcheck";
    usage(&format!("the journal {} cannot be used: {error}", path.display()), help)
}

impl Habit {
    /// `192.168.1.245 was used by 3c:06:30:00:00:9a on 9 of 14 days, last at 2026-11-24T05:10:00Z`.
    pub(crate) fn told(&self) -> String {
        let Self { address, mac, days, of, last } = self;
        format!("{address} was used by {mac} on {days} of {of} days, last at {last}")
    }
}

#[cfg(test)]
mod tests {
    use poolcheck_plan::{SourceId, Span};

    use super::*;

    fn row(address: &str, mac: &str, state: State) -> Row {
        let place = Span::new(SourceId(0), 0, 0);
        let (address, mac) = (address.parse().unwrap(), mac.to_owned());
        let seen = Seen {
            address,
            mac,
            via: None,
            count: 1,
            after: None,
            vendor: None,
            name: None,
            named_by: None,
            since: None,
            place,
        };
        Row { seen, who: None, claims: Vec::new(), state }
    }

    #[test]
    fn days_are_counted_where_somebody_looked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.sqlite");
        let mut journal = Journal::open(&path).unwrap();
        let phone = row("192.168.1.245", "3c:06:30:00:00:9a", State::Squatter);
        let node = row("192.168.1.241", "52:54:00:00:00:11", State::Announced);
        for (day, there) in [("2026-11-01", true), ("2026-11-20", true), ("2026-11-21", false), ("2026-11-22", true)] {
            for hour in ["05", "17"] {
                let rows = if there { vec![phone.clone(), node.clone()] } else { vec![node.clone()] };
                journal.note(&format!("{day}T{hour}:00:00Z"), &rows).unwrap();
            }
        }
        drop(journal);
        let habits = Journal::open(&path).unwrap().habits("2026-11-22").unwrap();
        let told: Vec<String> = habits.iter().map(Habit::told).collect();
        assert_eq!(
            told,
            ["192.168.1.245 was used by 3c:06:30:00:00:9a on 2 of 3 days, last at 2026-11-22T17:00:00Z"],
            "the first of November is longer ago than fourteen days, and nodes belong there"
        );
    }

    #[test]
    fn a_stay_begins_after_the_last_day_of_absence() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&folder.path().join("journal.sqlite")).unwrap();
        let phone = row("192.168.1.245", "3c:06:30:00:00:9a", State::Squatter);
        let node = row("192.168.1.241", "52:54:00:00:00:11", State::Announced);
        // Nobody looks on the 4th, which says nothing of anybody.
        for (day, there) in [("01", true), ("02", false), ("03", true), ("05", true)] {
            let rows = if there { vec![phone.clone(), node.clone()] } else { vec![node.clone()] };
            for hour in ["05", "17"] {
                journal.note(&format!("2026-11-{day}T{hour}:00:00Z"), &rows).unwrap();
            }
        }
        let new = row("192.168.1.246", "3c:06:30:00:00:9a", State::Squatter);
        let mut seen = [phone.seen, node.seen, new.seen];
        journal.date("2026-11-05T18:00:00Z", &mut seen).unwrap();
        let since = seen.map(|seen| seen.since.unwrap_or_default());
        assert_eq!(since, ["2026-11-03T05:00:00Z", "2026-11-01T05:00:00Z", "2026-11-05T18:00:00Z"]);
    }

    #[test]
    fn what_is_no_journal_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "not a database, but long enough to be taken for one at first sight").unwrap();
        assert!(Journal::open(&path).is_err());
        assert!(Journal::open(&folder.path().join("no/such/journal")).is_err());
    }
}
