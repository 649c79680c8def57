//! `cargo xtask bench scan`: our scanner beside arp-scan and nmap, in turns, on LANs made for it in network namespaces.
//!
//! `cargo xtask bench scan [--runs N] [--own COMMAND] [LAN…]`. `COMMAND` is what scans, with `{interface}`, `{range}` and
//! `{flags}` in it; whatever it prints is searched for addresses and, on the same or a later line, hardware addresses.
//!
//! Hosts are real Linux stacks behind a bridge (`lab.rs`). Time, CPU and memory are a whole process's, from its start to
//! its end; frames are what its interface counted. A tool's late answers must not fill the next one's result, so there is a
//! pause between any two.
#![allow(clippy::cast_precision_loss, reason = "counts of frames and KiB, far below 2^52")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::lab::{Lab, Late, Plan, Wire};
use super::needs;
use crate::{cargo, namespace, root};

/// Set within the namespace: which LAN to build there.
const MARK: &str = "POOLCHECK_BENCH_LAN";
const OWN: &str = "target/release/examples/scan {flags} {interface} {range}";

/// A LAN of the table.
struct Row {
    name: &'static str,
    what: &'static str,
    plan: Plan,
    /// Our flags, each a column of its own.
    profiles: &'static [&'static str],
    peers: &'static [Peer],
    pause: Duration,
}

/// A tool to compare with.
struct Peer {
    name: &'static str,
    line: &'static str,
    /// So slow that once must do.
    once: bool,
}

const fn peer(name: &'static str, line: &'static str) -> Peer {
    Peer { name, line, once: false }
}

/// Times are ratios to the first of these.
const ARP_SCAN: Peer = peer("arp-scan", "arp-scan -I {interface} --localnet");
const ARP_SCAN_TUNED: Peer = peer("arp-scan tuned", "arp-scan -I {interface} --localnet -B 10M -r 1 -t 100");
const NMAP: Peer = peer("nmap", "nmap -sn -n {range}");
const NMAP_TUNED: Peer = peer("nmap tuned", "nmap -sn -PR -n -T5 --min-rate 10000 --max-retries 1 {range}");
/// What people run for a single address.
const SINGLE: [Peer; 3] = [
    peer("arp-scan", "arp-scan -I {interface} {range}"),
    peer("arp-scan --localnet", "arp-scan -I {interface} --localnet"),
    peer("nmap", "nmap -sn -n {range}"),
];
const BIG: [Peer; 3] = [Peer { once: true, ..ARP_SCAN }, ARP_SCAN_TUNED, NMAP_TUNED];
const BOTH: &[&str] = &["", "--fast"];

fn rows() -> Vec<Row> {
    let plan = |prefix, live, twins| Plan { prefix, live, twins, late: Late::Nobody, wire: Wire::Clean, single: false };
    let small = plan(24, 40, 3);
    let row = |name, what, plan| Row {
        name,
        what,
        plan,
        profiles: &[""],
        peers: &[ARP_SCAN, ARP_SCAN_TUNED, NMAP, NMAP_TUNED],
        pause: Duration::from_millis(1500),
    };
    let lossy = Plan { twins: 0, late: Late::Hosts(10, 200), wire: Wire::Lossy(300), ..small };
    let policed = |rate| Plan { twins: 0, wire: Wire::Policed(rate), ..small };
    let late = |millis| Plan { live: 1, twins: 0, late: Late::SecondOwner(millis), single: true, ..small };
    let single = |row: Row| Row { profiles: BOTH, peers: &SINGLE, ..row };
    vec![
        Row { profiles: BOTH, ..row("24", "/24 clean, 40 live, 3 with two owners", small) },
        Row { profiles: BOTH, ..row("22", "/22, 150 live, 3 with two owners", plan(22, 150, 3)) },
        Row { profiles: BOTH, peers: &BIG, ..row("16", "/16, 1,000 live, 3 with two owners", plan(16, 1000, 3)) },
        row("loss", "/24, 30 % loss each way, 50 live, 10 of them 200 ms late", lossy),
        Row { pause: Duration::from_secs(2), ..row("policed100", "/24, 40 live, ARP policed to 100/s", policed(100)) },
        Row { pause: Duration::from_secs(4), ..row("policed20", "/24, 40 live, ARP policed to 20/s", policed(20)) },
        single(row("late5", "one address, second owner 5 ms late", late(5))),
        single(row("late100", "one address, second owner 100 ms late", late(100))),
        single(row("late400", "one address, second owner 400 ms late", late(400))),
        single(row("late800", "one address, second owner 800 ms late", late(800))),
    ]
}

pub(super) fn run(arguments: &[String]) -> Result<(), String> {
    if let [flag, command @ ..] = arguments
        && flag == "--measure"
    {
        return measured(command);
    }
    let (mut runs, mut own, mut wanted) = (7, OWN.to_owned(), Vec::new());
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--runs" => runs = words.next().and_then(|n| n.parse().ok()).ok_or("--runs takes a number")?,
            "--own" => words.next().ok_or("--own takes a command")?.clone_into(&mut own),
            name => wanted.push(name.to_owned()),
        }
    }
    let rows = rows();
    if let Some(name) = wanted.iter().find(|name| !rows.iter().any(|row| row.name == **name)) {
        let names: Vec<&str> = rows.iter().map(|row| row.name).collect();
        return Err(format!("there is no LAN `{name}`; there are {}", names.join(", ")));
    }
    if let Ok(name) = std::env::var(MARK) {
        let row = rows.iter().find(|row| row.name == name).ok_or("no such LAN")?;
        return compare(row, runs, &own);
    }
    for (program, package) in [("ip", "iproute2"), ("nft", "nftables"), ("arp-scan", "arp-scan"), ("nmap", "nmap")] {
        needs(program, &format!("apt-get install -y --no-install-recommends {package}"))?;
    }
    cargo(&["build", "--release", "--quiet", "-p", "poolcheck-lan", "--example", "scan"], &[])?;
    for row in rows.iter().filter(|row| wanted.is_empty() || wanted.iter().any(|name| name == row.name)) {
        in_namespace(row.name, runs, &own)?;
    }
    Ok(())
}

fn in_namespace(name: &str, runs: usize, own: &str) -> Result<(), String> {
    let arguments = ["bench", "scan", "--runs", &runs.to_string(), "--own", own].map(str::to_owned);
    namespace::again(&arguments, &[(MARK, name)]).map_err(|reason| format!("the LAN `{name}`: {reason}"))
}

/// One run of one command.
struct Run {
    seconds: f64,
    cpu: f64,
    /// Largest resident set, KiB.
    memory: f64,
    frames: f64,
    /// Hosts found, and second owners found.
    found: (usize, usize),
    said: String,
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn compare(row: &Row, runs: usize, own: &str) -> Result<(), String> {
    let lab = Lab::new(&row.plan)?;
    let mut commands: Vec<(String, String, bool)> =
        row.peers.iter().map(|peer| (peer.name.to_owned(), peer.line.to_owned(), peer.once)).collect();
    for flags in row.profiles {
        let name = if flags.is_empty() { "poolcheck".to_owned() } else { format!("poolcheck {flags}") };
        commands.push((name, own.replace("{flags}", flags), false));
    }
    let mut results: Vec<Vec<Run>> = commands.iter().map(|_| Vec::new()).collect();
    for turn in 0..runs {
        for ((_, line, once), results) in commands.iter().zip(&mut results) {
            if turn == 0 || !once {
                lab.rest(row.pause)?;
                results.push(measure(&lab, line)?);
            }
        }
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    println!("\n{} ({runs} runs in turns, load {load})\n", row.what);
    println!("| command | time | ratio | range | hosts | second owners | frames | CPU | memory |");
    println!("|---|---|---|---|---|---|---|---|---|");
    let reference = median(&results[0], |run| run.seconds);
    let (hosts, twins) = (lab.hosts(), lab.second_owners());
    for ((name, ..), runs) in commands.iter().zip(&results) {
        let time = median(runs, |run| run.seconds);
        let times = || runs.iter().map(|run| run.seconds);
        let pooled = |share: fn(&Run) -> usize, of: usize| match of * runs.len() {
            0 => "–".to_owned(),
            all => format!("{:.1} %", 100.0 * runs.iter().map(share).sum::<usize>() as f64 / all as f64),
        };
        println!(
            "| {name} | {time:.3} s | **{:.3}** | {:.2}–{:.2} s | {} | {} | {:.0} | {:.3} s | {:.1} MB |",
            time / reference,
            times().fold(f64::INFINITY, f64::min),
            times().fold(0.0, f64::max),
            pooled(|run| run.found.0, hosts),
            pooled(|run| run.found.1, twins),
            median(runs, |run| run.frames),
            median(runs, |run| run.cpu),
            median(runs, |run| run.memory) / 1024.0,
        );
    }
    let own = &results[results.len() - row.profiles.len()];
    let last: Vec<&str> = own.iter().filter_map(|run| run.said.lines().last()).collect();
    println!("\nlast lines of `poolcheck`:\n");
    for line in last {
        println!("    {line}");
    }
    Ok(())
}

fn median(runs: &[Run], value: impl Fn(&Run) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn measure(lab: &Lab, line: &str) -> Result<Run, String> {
    let line = line.replace("{interface}", "eth0").replace("{range}", &lab.range());
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let before = lab.frames_sent()?;
    // A process of its own, so that what its children used is this command's alone.
    let output = Command::new(this).args(["bench", "scan", "--measure"]).args(line.split_whitespace()).output();
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("{line}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let frames = lab.frames_sent()? - before;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (said, figures) = text.trim_end().rsplit_once('\n').ok_or("nothing was measured")?;
    let figures: Vec<f64> = figures.split(' ').filter_map(|figure| figure.parse().ok()).collect();
    let [seconds, cpu, memory] = figures[..] else { return Err("nothing was measured".to_owned()) };
    Ok(Run { seconds, cpu, memory, frames, found: lab.found(&pairs(said)), said: said.to_owned() })
}

/// Runs a command, hands on what it prints, and adds a line: seconds, seconds of CPU, KiB of memory.
#[cfg(unix)]
#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn measured(command: &[String]) -> Result<(), String> {
    use nix::sys::resource::{UsageWho, getrusage};
    let [program, arguments @ ..] = command else { return Err("--measure takes a command".to_owned()) };
    let program = if program.contains('/') { root().join(program) } else { Path::new(program).to_owned() };
    let began = Instant::now();
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let seconds = began.elapsed().as_secs_f64();
    let output = output.map_err(|error| error.to_string())?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| error.to_string())?;
    let cpu = [usage.user_time(), usage.system_time()].map(|t| t.tv_sec() as f64 + t.tv_usec() as f64 * 1e-6);
    print!("{}", String::from_utf8_lossy(&output.stdout));
    println!("\n{seconds} {} {}", cpu[0] + cpu[1], usage.max_rss());
    Ok(())
}

#[cfg(not(unix))]
fn measured(_command: &[String]) -> Result<(), String> {
    Err("only Unix tells what a process used".to_owned())
}

/// Every address with every hardware address that stands behind it, before the next address.
fn pairs(text: &str) -> BTreeSet<(String, String)> {
    let (mut address, mut found) = (String::new(), BTreeSet::new());
    let words = |c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == ':');
    for word in text.split(words) {
        let word = word.trim_end_matches(['.', ':']);
        if word.parse::<std::net::Ipv4Addr>().is_ok() {
            word.clone_into(&mut address);
        } else if word.parse::<poolcheck_lan::wire::MacAddr>().is_ok() {
            found.insert((address.clone(), word.to_ascii_lowercase()));
        }
    }
    found
}
