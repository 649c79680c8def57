//! `poolcheck scan`: who is really on the pool's addresses?

use std::path::PathBuf;

use clap::Args;
use poolcheck_plan::AddrRange;
use poolcheck_plan::syntax::parse_range;

use super::check::{Threshold, parse_threshold};
use super::{InputArgs, JudgingArgs};
use crate::exit::Exit;
use crate::output::{self, Format, Output, Style};
use crate::session::{self, Failure, Session};

/// Ask the wire who is on the addresses of the pools found here.
///
/// Sends ARP probes and neighbour solicitations that no neighbour cache learns from, never more than the rate that it tells
/// beforehand, and nothing beyond the segment of the interface.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  poolcheck scan                               the pools of the manifests here
  poolcheck scan 192.168.1.240-192.168.1.250   is this range free?
  poolcheck scan --subnet --gentle             everyone on the segment, 50 frames a second
  poolcheck scan --dhcp --save lan.lock        ask DHCP servers too, keep what was seen for `check`")]
pub(crate) struct ScanArgs {
    /// Ranges that are considered for a pool; without any, the pools of the manifests
    #[arg(value_name = "RANGE", value_parser = range)]
    ranges: Vec<AddrRange>,
    /// Ask for everything in the interface's IPv4 subnet
    #[arg(long, conflicts_with_all = ["ranges", "candidates"])]
    subnet: bool,
    /// Look for a free pool of so many addresses, and verify it on the wire
    #[arg(long, value_name = "N", conflicts_with = "ranges", value_parser = clap::value_parser!(u64).range(1..=1024))]
    candidates: Option<u64>,
    /// Send nothing, and listen for so long: 60s, 10m
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with_all = ["candidates", "dhcp"])]
    listen: Option<std::time::Duration>,
    /// Judge the record of an earlier scan (`--record`), and look at nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ranges", "subnet", "candidates", "listen", "dhcp", "pcap", "replay"])]
    from: Option<PathBuf>,
    /// Judge what somebody recorded with tcpdump, and look at nothing
    #[arg(long, value_name = "PCAP", conflicts_with_all = ["ranges", "subnet", "candidates", "listen", "dhcp", "pcap"])]
    replay: Option<PathBuf>,
    /// The interface; unless named, the one on whose segment the addresses are
    #[arg(short, long, value_name = "NAME")]
    interface: Option<String>,
    /// Never send more frames a second than this
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=20_000))]
    max_pps: Option<u32>,
    /// 50 frames a second
    #[arg(long, conflicts_with = "fast")]
    gentle: bool,
    /// As fast as a wired LAN allows; sees second owners up to 100 ms late
    #[arg(long)]
    fast: bool,
    /// Ask DHCP servers what they would lease; takes no lease
    #[arg(long)]
    dhcp: bool,
    /// How names of machines become known; asking takes at most half a second longer (or a tenth of the scan's time).
    /// Unless said, `heard` with --fast and `ask` otherwise
    #[arg(long, value_name = "HOW")]
    names: Option<HowNames>,
    /// The file in which a DHCP server keeps its leases (dnsmasq, ISC dhcpd, Kea, systemd-networkd): names, and leases
    /// that run on addresses of a pool; may be given several times
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    leases: Vec<PathBuf>,
    /// A node of the cluster, by address or hardware address; may be given several times
    #[arg(long = "node", value_name = "NODE")]
    nodes: Vec<String>,
    /// Another machine that may answer for a pool: its hardware address; may be given several times
    #[arg(long, value_name = "MAC")]
    allow_mac: Vec<String>,
    /// Write all frames sent and received here
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Keep the record of this scan (TOML), to judge it again with --from
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Merge what was seen into this facts file (lan.lock), so that `check` knows of it
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Stay, listen, ask again gently every so often (10m unless said), and tell what changes, a line each, or with
    /// `-o json` a JSON object each (feature `watch`)
    #[arg(long, value_name = "TIME", value_parser = duration, num_args = 0..=1, require_equals = true, default_missing_value = "10m")]
    #[arg(conflicts_with_all = ["candidates", "listen", "from", "replay", "fast", "save", "record", "pcap"])]
    watch: Option<std::time::Duration>,
    /// Keep who was seen on which day in this file (SQLite), and tell since when everybody is there (feature `watch`)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "replay"])]
    journal: Option<PathBuf>,
    /// With --watch: serve metrics for Prometheus here, on loopback
    #[arg(long, value_name = "ADDRESS:PORT", requires = "watch")]
    metrics: Option<std::net::SocketAddr>,
    /// Show no progress
    #[arg(long)]
    no_progress: bool,
    /// Manifests: files or folders
    #[arg(long, value_name = "PATH", default_value = ".")]
    manifests: Vec<PathBuf>,
    /// Read facts of the LAN from this file (TOML); may be given several times
    #[arg(long, value_name = "FILE")]
    facts: Vec<PathBuf>,
    /// Use this configuration instead of looking for poolcheck.toml
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    config: Option<PathBuf>,
    /// Use no configuration file and no facts but those named here
    #[arg(long)]
    no_config: bool,
    #[command(flatten)]
    judging: JudgingArgs,
    /// How to tell it: pretty, concise, json …; with `=FILE`, write it there. May be given several times
    #[arg(short, long = "output", value_name = "FORMAT[=FILE]")]
    outputs: Vec<Output>,
    /// The level from which findings fail the run: error, warning, note or never
    #[arg(long, value_name = "LEVEL", value_parser = parse_threshold)]
    fail_on: Option<Threshold>,
}

/// How names of machines become known, beside facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum HowNames {
    /// Ask for none: what machines say unasked
    Heard,
    /// Ask the machines by Multicast DNS, and this machine's DNS server if it is on the segment
    Ask,
    /// The same, and this machine's DNS server wherever it is
    Dns,
}

fn range(text: &str) -> Result<AddrRange, String> {
    parse_range(text).map_err(|_| "write a range as 192.168.1.240-192.168.1.250, a prefix or an address".to_owned())
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || "write a time as 60s, 10m or 2h, at most a day".to_owned();
    let nanos = poolcheck_manifest::schema::parse_duration(text).ok_or_else(wrong)?;
    let length = u64::try_from(nanos).map(std::time::Duration::from_nanos).map_err(|_| wrong())?;
    (1..=86_400).contains(&length.as_secs()).then_some(length).ok_or_else(wrong)
}

/// `suggest --scan`: the planner's pool, verified on the wire.
pub(super) fn candidates(input: &InputArgs, size: u64, style: &Style) -> Exit {
    #[derive(clap::Parser)]
    struct Alone {
        #[command(flatten)]
        args: ScanArgs,
    }
    let size = size.to_string();
    // The defaults of all other arguments are those of the command line.
    let Ok(Alone { mut args }) = <Alone as clap::Parser>::try_parse_from(["scan", "--candidates", &size]) else {
        return session::usage("--scan verifies pools of up to 1024 addresses", "ask for a smaller pool").tell(style);
    };
    args.manifests.clone_from(&input.paths);
    args.facts.clone_from(&input.facts);
    args.config.clone_from(&input.config);
    args.no_config = input.no_config;
    run(&args, style)
}

pub(crate) fn run(args: &ScanArgs, style: &Style) -> Exit {
    scan(args, style).unwrap_or_else(|failure| failure.tell(style))
}

fn scan(args: &ScanArgs, style: &Style) -> Result<Exit, Failure> {
    let input = InputArgs {
        facts: args.facts.clone(),
        config: args.config.clone(),
        no_config: args.no_config,
        ..InputArgs::of(args.manifests.clone())
    };
    let mut session = Session::open(&input)?;
    if let Some(every) = args.watch {
        let strangers = live::stay(args, &session, every, style)?;
        return Ok(Exit::of_run(strangers, false));
    }
    let (fail_on, threshold) = (session.config.fail_on, args.fail_on);
    let run = look(args, &mut session, style)?;
    let observed = session.observed.clone().unwrap_or_default();
    let mut report = session.check(&args.judging);
    if let Some(scan) = &mut report.scan {
        scan.run = run;
        if let Some(file) = &args.journal {
            live::note(file, scan)?;
        }
        if let Some(file) = &args.save {
            crate::scan::save::save(file, scan, &observed)?;
        }
    }
    if let Some(file) = &args.record {
        let record = poolcheck_router_adapters::observed::write(&observed);
        output::write_file(file, &record).map_err(|error| {
            session::usage(&format!("{} cannot be written: {error}", file.display()), "name a folder that exists")
        })?;
    }
    let default = [Output { format: Format::Pretty, file: None }];
    let outputs = if args.outputs.is_empty() { &default[..] } else { &args.outputs };
    output::write(outputs, &report, style).map_err(|error| {
        session::usage(&format!("cannot write the report: {error}"), "name a folder that exists and is writable")
    })?;
    let partial = report.scan.as_ref().and_then(|scan| scan.run.as_ref()).is_some_and(|run| run.cut_short.is_some());
    let findings = threshold.unwrap_or(fail_on).is_some_and(|level| report.reaches(level));
    Ok(Exit::of_run(findings, partial || !report.problems.is_empty()))
}

/// Looks, or reads back what an earlier look saw; how it went, when it looked.
fn look(args: &ScanArgs, session: &mut Session, style: &Style) -> Result<Option<crate::scan::Run>, Failure> {
    if let Some(file) = &args.from {
        let text = crate::config::read_text(file, false)?;
        session.observe(&crate::collect::shown(file), poolcheck_plan::SourceKind::File, &text)?;
        return Ok(None);
    }
    live::look(args, session, style).map(Some)
}

#[cfg(not(feature = "scan"))]
mod live {
    pub(super) fn note(_: &std::path::Path, _: &crate::scan::Scan) -> Result<(), Failure> {
        let help = "build it with `cargo install --path . --features watch`";
        Err(session::usage("this poolcheck was built without the feature `watch`, which keeps journals", help))
    }

    use super::{Failure, ScanArgs, Session, Style, session};
    use crate::scan::Run;

    pub(super) fn look(_: &ScanArgs, _: &mut Session, _: &Style) -> Result<Run, Failure> {
        let help = "build it with `cargo install --path .`, or judge a record: poolcheck scan --from scan.toml";
        Err(session::usage("this poolcheck was built without the feature `scan`", help))
    }

    pub(super) fn stay(_: &ScanArgs, _: &Session, _: std::time::Duration, _: &Style) -> Result<bool, Failure> {
        let help = "build it with `cargo install --path . --features watch`";
        Err(session::usage("this poolcheck was built without the feature `watch`", help))
    }
}

#[cfg(feature = "scan")]
mod live {
    use std::io::IsTerminal as _;

    use poolcheck_lan::Cancel;
    use poolcheck_lan::scan::Profile;
    use poolcheck_lan::wire::MacAddr;
    use poolcheck_plan::planner::{Wish as PoolWish, safe_pool};
    use poolcheck_plan::{AddrRange, AddrSet, SourceKind};
    use poolcheck_router_adapters::observed;
    use poolcheck_rules::World;

    use super::{Exit, Failure, Format, HowNames, ScanArgs, Session, Style, output, session};
    use crate::scan::live::{Identity, Look, Manner, replay, settings};
    use crate::scan::names::Names;
    use crate::scan::targets::{Wish, aim};
    use crate::scan::{Run, live};

    pub(super) fn look(args: &ScanArgs, session: &mut Session, style: &Style) -> Result<Run, Failure> {
        let manner = manner(args)?;
        let world = session.world();
        let Look { mut observed, run } = match &args.replay {
            Some(file) => replay(&world, file, &manner)?,
            None => on_the_wire(args, &world, &manner, style)?,
        };
        drop(world);
        if let Some(file) = &args.journal {
            date(file, &mut observed)?;
        }
        let at = observed.at.as_deref().map_or_else(String::new, |at| format!(", {}", at.replace('T', " ")));
        let title = format!("scan of {}{at}", observed.interface);
        session.observe(&title, SourceKind::Card, &observed::write(&observed))?;
        Ok(run)
    }

    /// Writes down since when everybody is there, by a journal.
    #[cfg(feature = "watch")]
    fn date(file: &std::path::Path, observed: &mut poolcheck_plan::observed::Observed) -> Result<(), Failure> {
        use crate::scan::journal::{Journal, refused};
        let at = observed.at.clone().unwrap_or_default();
        Journal::open(file)?.date(&at, &mut observed.seen).map_err(|error| refused(file, &error))
    }

    /// Keeps what was seen in a journal.
    #[cfg(feature = "watch")]
    pub(super) fn note(file: &std::path::Path, scan: &crate::scan::Scan) -> Result<(), Failure> {
        use crate::scan::journal::{Journal, refused};
        let at = scan.at.clone().unwrap_or_default();
        Journal::open(file)?.note(&at, &scan.rows).map_err(|error| refused(file, &error))
    }

    #[cfg(not(feature = "watch"))]
    fn date(_: &std::path::Path, _: &mut poolcheck_plan::observed::Observed) -> Result<(), Failure> {
        Err(no_journal())
    }

    #[cfg(not(feature = "watch"))]
    pub(super) fn note(_: &std::path::Path, _: &crate::scan::Scan) -> Result<(), Failure> {
        Err(no_journal())
    }

    #[cfg(not(feature = "watch"))]
    fn no_journal() -> Failure {
        let help = "build it with `cargo install --path . --features watch`";
        session::usage("this poolcheck was built without the feature `watch`, which keeps journals", help)
    }

    /// Watches until it is told to end; whether a stranger is on a pool's address then.
    #[cfg(feature = "watch")]
    pub(super) fn stay(
        args: &ScanArgs,
        session: &Session,
        every: std::time::Duration,
        style: &Style,
    ) -> Result<bool, Failure> {
        use crate::scan::watch::{Watching, watch};
        let (world, cancel) = (session.world(), caught()?);
        let manner = Manner { profile: Profile::Gentle, progress: false, ..manner(args)? };
        let aim = aim(&world, &wish(args), args.interface.as_deref())?;
        let json = match &args.outputs[..] {
            [] => false,
            [one] if one.file.is_none() && matches!(one.format, Format::Pretty | Format::Json) => {
                one.format == Format::Json
            }
            _ => {
                let help = "leave -o out, or write `-o json`: a JSON object a line, on standard output";
                return Err(session::usage("a watch tells what changes in words or as JSON", help));
            }
        };
        announce(args, &aim, &manner, style)?;
        let watching = Watching { every, journal: args.journal.clone(), metrics: args.metrics, json };
        watch(&world, &aim, &manner, &watching, &cancel)
    }

    #[cfg(not(feature = "watch"))]
    pub(super) fn stay(_: &ScanArgs, _: &Session, _: std::time::Duration, _: &Style) -> Result<bool, Failure> {
        let help = "build it with `cargo install --path . --features watch`";
        Err(session::usage("this poolcheck was built without the feature `watch`", help))
    }

    /// What is asked for without a planner.
    fn wish(args: &ScanArgs) -> Wish {
        match args.listen {
            Some(_) => Wish::Nothing,
            None if args.subnet => Wish::Subnet,
            None if args.ranges.is_empty() => Wish::Pools,
            None => Wish::Ranges(args.ranges.clone()),
        }
    }

    /// What ends the run when a signal comes.
    fn caught() -> Result<Cancel, Failure> {
        let cancel = Cancel::default();
        let handle = cancel.clone();
        ctrlc::set_handler(move || handle.cancel())
            .map_err(|error| Failure::plain(Exit::Unchecked, &format!("signals cannot be caught: {error}"), ""))?;
        Ok(cancel)
    }

    fn on_the_wire(args: &ScanArgs, world: &World<'_>, manner: &Manner, style: &Style) -> Result<Look, Failure> {
        let wish = match args.candidates {
            Some(size) => Wish::Ranges(vec![candidate(world, size, &AddrSet::new())?]),
            None => wish(args),
        };
        let cancel = caught()?;
        let mut aim = aim(world, &wish, args.interface.as_deref())?;
        announce(args, &aim, manner, style)?;
        let mut look = live::look(world, &aim, manner, &cancel)?;
        // A candidate that somebody has is no candidate: the next one is asked for, until one is silent.
        let Some(size) = args.candidates else { return Ok(look) };
        let mut taken = AddrSet::new();
        const TRIES: usize = 16;
        for _ in 0..TRIES {
            let used: Vec<_> = look.observed.seen.iter().map(|seen| seen.address).collect();
            let held: Vec<_> =
                used.iter().filter(|address| aim.ranges.iter().any(|range| range.contains(**address))).collect();
            if held.is_empty() || cancel.is_cancelled() {
                let verdict = match aim.ranges.first() {
                    Some(range) if held.is_empty() => format!("{range} is free: nobody claims it, and nobody answered"),
                    _ => "no free pool was found".to_owned(),
                };
                look.run.remarks.insert(0, verdict);
                return Ok(look);
            }
            taken.extend(held.into_iter().map(|address| AddrRange::single(*address)));
            let next = candidate(world, size, &taken)?;
            aim.ranges = vec![next];
            aim.considered = vec![next];
            look = live::look(world, &aim, manner, &cancel)?;
        }
        look.run.remarks.insert(0, format!("{TRIES} candidates were all in use"));
        Ok(look)
    }

    /// The planner's pool around what is known and what was seen.
    fn candidate(world: &World<'_>, size: u64, taken: &AddrSet) -> Result<AddrRange, Failure> {
        let subnet = world.facts.segments.iter().flat_map(|segment| &segment.subnets).map(|subnet| subnet.value).next();
        let Some(subnet) = subnet else {
            let help = "write `[[segment]]` with `subnet = \"…\"` in lan.toml";
            return Err(session::usage("no subnet is known", help));
        };
        let mut ground = world.ground(subnet);
        ground.occupied = ground.occupied.union(taken);
        let wish = PoolWish { size: u128::from(size), keep: AddrSet::new(), current: None };
        safe_pool(&ground, &wish).ok_or_else(|| {
            let message = format!("{subnet} has no {size} addresses in a row that nobody claims");
            Failure::plain(Exit::Unchecked, &message, "shrink the router's DHCP range first: poolcheck suggest")
        })
    }

    /// What is going to happen, before it does.
    fn announce(
        args: &ScanArgs,
        aim: &crate::scan::targets::Aim,
        manner: &Manner,
        style: &Style,
    ) -> Result<(), Failure> {
        let told =
            args.outputs.is_empty() || args.outputs.iter().any(|o| o.format == Format::Pretty && o.file.is_none());
        if !told {
            return Ok(());
        }
        let address = aim.interface.addresses.first().map_or_else(String::new, |net| format!(" {net}"));
        let how = if let Some(length) = manner.listen {
            format!("listening for {} s", length.as_secs())
        } else {
            let (targets, settings) = settings(aim, manner)?;
            let forecast = settings.forecast(&targets);
            let seconds = forecast.duration.as_secs_f64();
            let names = match manner.names {
                Names::Heard => "",
                Names::Asked => " and questions for names",
                Names::Everywhere => " and questions for names, also beyond the segment",
            };
            format!("RFC 5227 probes{names}, about {seconds:.1} s, at most {} frames/s", forecast.max_pps)
        };
        let text = format!("{}{address} · {} · {how}\n\n", aim.interface.name, aim.about);
        let text = if style.ascii { output::pretty::ascii(&text) } else { text };
        output::print(&text).map_err(|error| session::usage(&format!("cannot write: {error}"), ""))
    }

    fn manner(args: &ScanArgs) -> Result<Manner, Failure> {
        let wrong =
            |text: &str| session::usage(&format!("`{text}` is no hardware address"), "write it as 02:00:5e:10:00:01");
        let mac = |text: &String| text.parse::<MacAddr>().map_err(|_| wrong(text));
        let identity = |text: &String| match (text.parse(), text.parse()) {
            (Ok(address), _) => Ok(Identity::Address(address)),
            (_, Ok(mac)) => Ok(Identity::Mac(mac)),
            _ => Err(session::usage(&format!("`{text}` is neither an address nor a hardware address"), "")),
        };
        let quiet = args.no_progress || std::env::var_os("CI").is_some() || !std::io::stderr().is_terminal();
        Ok(Manner {
            profile: match (args.fast, args.gentle) {
                (true, _) => Profile::Fast,
                (_, true) => Profile::Gentle,
                _ => Profile::Default,
            },
            max_pps: args.max_pps,
            dhcp: args.dhcp,
            listen: args.listen,
            pcap: args.pcap.clone(),
            progress: !quiet,
            nodes: args.nodes.iter().map(identity).collect::<Result<_, _>>()?,
            allowed: args.allow_mac.iter().map(mac).collect::<Result<_, _>>()?,
            names: match args.names {
                Some(HowNames::Heard) => Names::Heard,
                None if args.fast => Names::Heard,
                Some(HowNames::Ask) | None => Names::Asked,
                Some(HowNames::Dns) => Names::Everywhere,
            },
            leases: args.leases.clone(),
        })
    }
}
