//! `cargo xtask conformance`: what is demanded of whoever answers for shared addresses on a LAN, row by row, of any announcer.
//!
//! Nothing is known of the announcer but what its frames show. A row is a function with a stable name, a sentence that says
//! what is demanded, and the place that demands it; [`ROWS`] lists them all. A row passes, fails with the frames
//! that show it, does not apply to this announcer, or could not be measured on this machine: never silently the first.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::announcers::lan::Lan;
use crate::announcers::peer::Peer;
use crate::{namespace, root};

mod arp;
mod conflict;
mod document;
mod failover;
mod garp;
mod lifecycle;
mod ndp;
mod others;
mod owner;
mod rows;
mod stage;

use rows::{ROWS, Row};
use stage::Stage;

/// Set within the namespace.
const MARK: &str = "POOLCHECK_CONFORMANCE";
/// What is announced if nothing else is said.
const ADDRESSES: &str = "10.77.0.240,10.77.0.241,fd77::240";

const HELP: &str = "cargo xtask conformance [OPTION…] [--peer NAME | -- COMMAND]

What is demanded of whoever answers for shared addresses, row by row, of any announcer. COMMAND is run by `sh -c` once on each
node, in a network namespace with eth0, and learns from its environment what to do: NODE (n1), NODES (n1,n2,n3), INTERFACE
(eth0), ADDRESSES (10.77.0.240,10.77.0.241,fd77::240; nodes are 10.77.0.11/16 and so on), WORK (a folder of its own), PROFILE.
It stays in the foreground, and ends on SIGTERM.

  --peer NAME        keepalived, keepalived:MS (advertisements each MS milliseconds), poolcheck
  --profile NAME     for PROFILE, and poolcheck's timing (default: default)
  --handover LINE    how a COMMAND is asked to hand over $ADDRESS (default: SIGTERM)
  --program PATH     the poolcheck to run (default: the one built here with the feature `announce`)
  --budget MS        how soon a dead owner is to be replaced (default: 1000)
  --nodes N          how many nodes (default: 3, the least)
  --addresses LIST   what is announced, at least one of IPv4; rows of IPv6 need one of IPv6
  --rows LIST        only these rows, or parts by number
  -o FORMAT          table, markdown or json
  --record NAME      also keep the rows in docs/conformance/NAME.json, and write docs/CONFORMANCE.md anew
  --document         only write docs/CONFORMANCE.md anew from what is kept
  --list             only list the rows

  cargo xtask conformance --peer keepalived:100 --rows 1,garp-both-forms
  cargo xtask conformance -- 'exec my-announcer --interface $INTERFACE --addresses $ADDRESSES'

Exit status 1: a row failed.";

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// As demanded; the figure that was found, if there is one.
    Passed { note: String },
    /// Not as demanded; what was seen instead, and the frames that show it.
    Failed {
        note: String,
        /// Kept out of documents: frames and last words are for whoever looks at this run.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        evidence: Vec<String>,
    },
    /// It cannot be demanded of this announcer.
    NotApplicable { note: String },
    /// It could not be looked at here.
    NotMeasured { note: String },
}

/// Rows end early with `?`: what could not be done is not measured.
impl From<String> for Verdict {
    fn from(note: String) -> Self {
        Self::NotMeasured { note }
    }
}

impl Verdict {
    fn passed(note: impl Into<String>) -> Self {
        Self::Passed { note: note.into() }
    }

    fn failed(note: impl Into<String>, evidence: impl IntoIterator<Item = String>) -> Self {
        // Some frames show it; hundreds hide it.
        Self::Failed { note: note.into(), evidence: evidence.into_iter().take(4).collect() }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Passed { .. } => "passed",
            Self::Failed { .. } => "failed",
            Self::NotApplicable { .. } => "not applicable",
            Self::NotMeasured { .. } => "not measured",
        }
    }

    fn note(&self) -> &str {
        match self {
            Self::Passed { note }
            | Self::Failed { note, .. }
            | Self::NotApplicable { note }
            | Self::NotMeasured { note } => note,
        }
    }
}

/// What a row gives; either arm is a verdict.
type Outcome = Result<Verdict, Verdict>;

/// All that one run found.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    announcer: String,
    profile: String,
    budget_ms: u64,
    rows: Vec<Found>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Found {
    row: String,
    #[serde(flatten)]
    verdict: Verdict,
}

/// What is asked for.
struct Settings {
    peer: Option<String>,
    command: Option<String>,
    profile: String,
    handover: Option<String>,
    program: Option<PathBuf>,
    budget: Duration,
    nodes: usize,
    addresses: Vec<IpAddr>,
    rows: Vec<&'static Row>,
    output: String,
    record: Option<String>,
}

#[expect(clippy::print_stdout, reason = "help and the list are for people")]
pub(crate) fn run() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let flag = |name: &str| arguments.iter().take_while(|word| *word != "--").any(|word| word == name);
    if flag("--help") || flag("-h") {
        println!("{HELP}");
        return Ok(());
    }
    if flag("--list") {
        print!("{}", document::list());
        return Ok(());
    }
    if flag("--document") {
        return document::write();
    }
    let settings = settings(&arguments)?;
    if std::env::var_os(MARK).is_some() {
        return measure(&settings);
    }
    // What must be fetched or built is, before the namespace that has no way out.
    peer(&settings)?;
    let whole: Vec<String> = std::iter::once("conformance".to_owned()).chain(arguments).collect();
    namespace::again(&whole, &[(MARK, "1")])
}

fn settings(arguments: &[String]) -> Result<Settings, String> {
    let mut settings = Settings {
        peer: None,
        command: None,
        profile: "default".to_owned(),
        handover: None,
        program: None,
        budget: Duration::from_secs(1),
        nodes: 3,
        addresses: addresses(ADDRESSES)?,
        rows: ROWS.iter().collect(),
        output: "table".to_owned(),
        record: None,
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            settings.command = Some(words.by_ref().cloned().collect::<Vec<_>>().join(" "));
            break;
        }
        let value = words.next().ok_or_else(|| format!("{word} takes a value; see --help"))?;
        match word.as_str() {
            "--peer" => settings.peer = Some(value.clone()),
            "--profile" => settings.profile.clone_from(value),
            "--handover" => settings.handover = Some(value.clone()),
            "--program" => settings.program = Some(root().join(value)),
            "--budget" => {
                let millis: u64 = value.parse().map_err(|_| "--budget takes milliseconds")?;
                settings.budget = Duration::from_millis(millis);
            }
            "--nodes" => {
                let nodes = value.parse().ok().filter(|nodes| (3..=100).contains(nodes));
                settings.nodes = nodes.ok_or("--nodes takes a number from 3 to 100")?;
            }
            "--addresses" => settings.addresses = addresses(value)?,
            "--rows" => settings.rows = chosen(value)?,
            "-o" if ["table", "markdown", "json"].contains(&value.as_str()) => settings.output.clone_from(value),
            "-o" => return Err("-o takes table, markdown or json".to_owned()),
            "--record" => settings.record = Some(value.clone()),
            other => return Err(format!("`{other}` is not understood; see --help")),
        }
    }
    if settings.peer.is_some() == settings.command.is_some() {
        return Err("one announcer is needed: --peer NAME, or -- COMMAND; see --help".to_owned());
    }
    Ok(settings)
}

fn addresses(list: &str) -> Result<Vec<IpAddr>, String> {
    let parse = |text: &str| text.parse::<IpAddr>().map_err(|_| format!("`{text}` is no address"));
    let found: Vec<IpAddr> = list.split(',').map(parse).collect::<Result<_, _>>()?;
    if found.iter().any(IpAddr::is_ipv4) { Ok(found) } else { Err("one address of IPv4 is needed".to_owned()) }
}

fn chosen(list: &str) -> Result<Vec<&'static Row>, String> {
    let mut found = Vec::new();
    for word in list.split(',') {
        let before = found.len();
        found.extend(ROWS.iter().filter(|row| row.name == word || row.part.number().to_string() == word));
        if found.len() == before {
            return Err(format!("there is no row or part `{word}`; see --list"));
        }
    }
    // In the list's order, which spares restarts.
    found.sort_by_key(|row| ROWS.iter().position(|known| known.name == row.name));
    found.dedup_by_key(|row| row.name);
    Ok(found)
}

fn peer(settings: &Settings) -> Result<Peer, String> {
    match (&settings.peer, &settings.command, &settings.program) {
        (None, Some(line), _) => Ok(Peer::Command {
            line: line.clone(),
            handover: settings.handover.clone(),
            profile: settings.profile.clone(),
        }),
        (Some(name), _, Some(program)) if name == "poolcheck" => {
            Ok(Peer::Poolcheck { program: program.clone(), timing: settings.profile.clone() })
        }
        (Some(name), ..) => Peer::named(name, &settings.profile),
        (None, None, _) => Err("no announcer".to_owned()),
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is what it is for; progress is for people")]
fn measure(settings: &Settings) -> Result<(), String> {
    let peer = peer(settings)?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let name = peer.name();
    let lan = Lan::new(settings.nodes, peer, settings.addresses.clone(), folder.path())?;
    let mut stage = Stage::new(lan, settings.budget);
    let mut record = Record {
        announcer: name,
        profile: settings.profile.clone(),
        budget_ms: u64::try_from(settings.budget.as_millis()).unwrap_or(u64::MAX),
        rows: Vec::new(),
    };
    for row in &settings.rows {
        let verdict = match row.check {
            None => Verdict::NotApplicable { note: "only an announcer of Kubernetes can have it".to_owned() },
            Some(check) => check(&mut stage).unwrap_or_else(|verdict| verdict),
        };
        if settings.output == "table" {
            print!("{}", document::line(row, &verdict));
        } else {
            eprintln!("{:14} {}", verdict.word(), row.name);
        }
        record.rows.push(Found { row: row.name.to_owned(), verdict });
    }
    drop(stage);
    match settings.output.as_str() {
        "json" => println!("{}", serde_json::to_string_pretty(&record).map_err(|error| error.to_string())?),
        "markdown" => print!("{}", document::table(std::slice::from_ref(&record))),
        _ => {}
    }
    let count = |word: &str| record.rows.iter().filter(|found| found.verdict.word() == word).count();
    let summary = format!(
        "{} rows: {} passed, {} failed, {} not applicable, {} not measured",
        record.rows.len(),
        count("passed"),
        count("failed"),
        count("not applicable"),
        count("not measured")
    );
    if settings.output == "table" {
        println!("{summary}");
    }
    let failed = count("failed");
    if let Some(name) = &settings.record {
        document::keep(name, &mut record)?;
    }
    if failed > 0 { Err(format!("{failed} rows failed")) } else { Ok(()) }
}
