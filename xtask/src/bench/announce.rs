//! `cargo xtask bench announce`: how announcers fail over, answer, and what they cost, beside each other on one machine.
//!
//! `cargo xtask bench announce [--peer NAME]… [--profile NAME] [--program PATH] [--runs N] [--seconds N] [--list] [ROW…]`. Peers
//! are those of `cargo xtask conformance` (keepalived, keepalived:MS, poolcheck); without any they are keepalived by its default,
//! at 100 ms and at 20 ms. Each figure is measured at a client that asks by raw ARP on the same segment (`announcers::client`),
//! with the kernel's moments. Every run is a LAN made anew. A row's peers take turns, so that what else goes on is shared.
#![allow(clippy::cast_precision_loss, reason = "counts of frames and KiB, far below 2^52")]

use std::path::PathBuf;
use std::time::Duration;

use crate::announcers::lan::Lan;
use crate::announcers::millis;
use crate::announcers::peer::Peer;
use crate::{namespace, root};

mod load;
mod rows;

use rows::{ROWS, Row};

/// Set within the namespace.
const MARK: &str = "POOLCHECK_BENCH_ANNOUNCE";
const PEERS: [&str; 3] = ["keepalived", "keepalived:100", "keepalived:20"];

/// The unit of figures that count runs.
const RUNS: &str = "runs";

/// Figures of one kind, a run each or a question each.
pub(super) struct Figure {
    name: &'static str,
    unit: &'static str,
    values: Vec<f64>,
}

/// What one run of a row gives.
#[derive(Default)]
pub(super) struct Figures(Vec<Figure>);

impl Figures {
    /// Adds a value.
    pub(super) fn add(&mut self, name: &'static str, unit: &'static str, value: f64) {
        match self.0.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.values.push(value),
            None => self.0.push(Figure { name, unit, values: vec![value] }),
        }
    }

    /// Adds milliseconds.
    pub(super) fn millis(&mut self, name: &'static str, value: Duration) {
        self.add(name, "ms", millis(value));
    }

    /// Adds whether something was so in this run.
    pub(super) fn whether(&mut self, name: &'static str, so: bool) {
        self.add(name, RUNS, f64::from(u8::from(so)));
    }

    fn take(&mut self, other: Self) {
        for figure in other.0 {
            for value in figure.values {
                self.add(figure.name, figure.unit, value);
            }
        }
    }

    /// Each figure: its median, from hundred values on its 99th percentile, its range, and how many values there are.
    fn cell(&self, name: &str) -> String {
        let Some(figure) = self.0.iter().find(|figure| figure.name == name) else { return "–".to_owned() };
        let mut values = figure.values.clone();
        values.sort_by(f64::total_cmp);
        let at = |percent: usize| values[((values.len() - 1) * percent + 50) / 100];
        let unit = figure.unit;
        let text = |value: f64| match value {
            value if value.fract() == 0.0 || value.abs() >= 100.0 => format!("{value:.0}"),
            value if value.abs() >= 1.0 => format!("{value:.1}"),
            value => format!("{value:.3}"),
        };
        if unit == RUNS {
            return format!("{:.0} of {} runs", values.iter().sum::<f64>(), values.len());
        }
        let middle = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
        let (median, first, last) = (text(middle), text(values[0]), text(values[values.len() - 1]));
        if values.len() == 1 {
            return format!("{median} {unit}");
        }
        let tail = if values.len() >= 50 { format!(", p99 {}", text(at(99))) } else { String::new() };
        format!("{median} {unit} ({first}–{last}{tail}; {})", values.len())
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|figure| figure.name)
    }
}

/// What is asked for.
struct Settings {
    peers: Vec<String>,
    profile: String,
    program: Option<PathBuf>,
    runs: Option<usize>,
    seconds: u64,
    rows: Vec<&'static Row>,
}

#[expect(clippy::print_stdout, reason = "the list is for people")]
pub(super) fn run(arguments: &[String]) -> Result<(), String> {
    if arguments.iter().any(|word| word == "--list") {
        for row in ROWS {
            println!("{:16} {} ({} runs)", row.name, row.what, row.runs);
        }
        return Ok(());
    }
    let settings = settings(arguments)?;
    if std::env::var_os(MARK).is_some() {
        return measure(&settings);
    }
    for name in &settings.peers {
        peer(&settings, name)?;
    }
    let whole: Vec<String> =
        ["bench", "announce"].into_iter().map(str::to_owned).chain(arguments.iter().cloned()).collect();
    namespace::again(&whole, &[(MARK, "1")])
}

fn settings(arguments: &[String]) -> Result<Settings, String> {
    let mut settings = Settings {
        peers: Vec::new(),
        profile: "default".to_owned(),
        program: None,
        runs: None,
        seconds: 10,
        rows: Vec::new(),
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} takes a value"));
        match word.as_str() {
            "--peer" => settings.peers.push(value()?.clone()),
            "--profile" => settings.profile.clone_from(value()?),
            "--program" => settings.program = Some(root().join(value()?)),
            "--runs" => settings.runs = Some(value()?.parse().map_err(|_| "--runs takes a number")?),
            "--seconds" => settings.seconds = value()?.parse().map_err(|_| "--seconds takes a number")?,
            name => {
                let row = ROWS.iter().find(|row| row.name == name);
                settings.rows.push(row.ok_or_else(|| format!("there is no row `{name}`; see --list"))?);
            }
        }
    }
    if settings.peers.is_empty() {
        settings.peers = PEERS.map(str::to_owned).to_vec();
    }
    if settings.rows.is_empty() {
        settings.rows = ROWS.iter().collect();
    }
    Ok(settings)
}

fn peer(settings: &Settings, name: &str) -> Result<Peer, String> {
    match (name.split_once(':').unwrap_or((name, &settings.profile)), &settings.program) {
        (("poolcheck", timing), Some(program)) => {
            Ok(Peer::Poolcheck { program: program.clone(), timing: timing.to_owned() })
        }
        (("poolcheck", timing), None) => Peer::named("poolcheck", timing),
        _ => Peer::named(name, &settings.profile),
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the figures are what it is for; progress is for people")]
fn measure(settings: &Settings) -> Result<(), String> {
    let peers: Vec<Peer> = settings.peers.iter().map(|name| peer(settings, name)).collect::<Result<_, _>>()?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let columns: Vec<String> = peers.iter().map(Peer::name).collect();
    println!("| what | {} |\n|---|{}", columns.join(" | "), "---|".repeat(columns.len()));
    let mut lan: Option<Lan> = None;
    for row in &settings.rows {
        let mut results: Vec<Result<Figures, String>> = peers.iter().map(|_| Ok(Figures::default())).collect();
        for turn in 0..settings.runs.unwrap_or(row.runs) {
            for (peer, result) in peers.iter().zip(&mut results) {
                let Ok(figures) = result else { continue };
                // One LAN at a time: the names of its interfaces are the same.
                let lan = match &mut lan {
                    Some(lan) => lan,
                    none => none.insert(Lan::new(0, peer.clone(), Vec::new(), folder.path())?),
                };
                lan.change(row.nodes, peer.clone(), rows::addresses(row))?;
                eprintln!("{} {}, run {}", row.name, peer.name(), turn + 1);
                match (row.measure)(lan, Duration::from_secs(settings.seconds)) {
                    Ok(found) => figures.take(found),
                    // Once more is no remedy: an announcer that does not start is told as it is.
                    Err(reason) => *result = Err(reason),
                }
            }
        }
        let mut names: Vec<&str> = Vec::new();
        for name in results.iter().flatten().flat_map(Figures::names) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        for name in names {
            let cell = |result: &Result<Figures, String>| match result {
                Ok(figures) => figures.cell(name),
                Err(reason) => format!("not measured: {}", reason.replace(['|', '\n'], " ")),
            };
            let cells: Vec<String> = results.iter().map(cell).collect();
            println!("| {}: {name} | {} |", row.what, cells.join(" | "));
        }
        if results.iter().all(Result::is_err) {
            for reason in results.iter().filter_map(|result| result.as_ref().err()) {
                println!("| {}: not measured: {} |", row.what, reason.replace(['|', '\n'], " "));
            }
        }
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "\nMedian (range; number of values), p99 from 50 values on. Load at the end: {}",
        load.split(' ').next().unwrap_or("?")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_says_median_range_and_count() {
        let mut figures = Figures::default();
        for value in [3.0, 1.0, 2.0] {
            figures.add("silence", "ms", value);
        }
        assert_eq!(figures.cell("silence"), "2 ms (1–3; 3)");
        assert_eq!(figures.cell("nothing"), "–");
        figures.add("silence", "ms", 6.0);
        assert_eq!(figures.cell("silence"), "2.5 ms (1–6; 4)");
        for so in [true, false, true] {
            figures.whether("taken", so);
        }
        assert_eq!(figures.cell("taken"), "2 of 3 runs");
        let mut many = Figures::default();
        (0..101).for_each(|n| many.add("latency", "µs", f64::from(n)));
        assert_eq!(many.cell("latency"), "50 µs (0–100, p99 99; 101)");
    }
}
