//! `announcer.toml`: what a machine shares, with whom, and how.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use poolcheck_announcer::{Defence, Key, MAX_ADDRESSES, MAX_NAME, Port, Rebalance, Settings, Timing, Want};
use poolcheck_plan::syntax::parse_range;
use poolcheck_plan::{AddrRange, SourceId, SourceKind, Sources, Span};
use poolcheck_router_adapters::spanned_toml::{Item, Reader, integer};
use poolcheck_router_adapters::{AdapterError, Complaint};
use toml::de::DeTable;

use crate::failure::Failure;

const KEYS: [&str; 17] = [
    "interface",
    "node",
    "cluster",
    "key",
    "peers",
    "timing",
    "defence",
    "rebalance",
    "refresh",
    "subnets",
    "facts",
    "socket",
    "metrics",
    "local-interface",
    "set-sysctls",
    "hold",
    "address",
];
const OF_AN_ADDRESS: [&str; 7] = ["address", "weight", "hold", "local", "check", "notify", "together"];
const OF_A_CHECK: [&str; 5] = ["command", "every", "timeout", "rise", "fall"];
/// Where the socket is if nobody says otherwise: systemd makes the folder (`RuntimeDirectory=poolcheck`).
pub(crate) const SOCKET: &str = "/run/poolcheck/announce.sock";

/// What is configured.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) port: Port,
    pub(crate) node: String,
    pub(crate) cluster: String,
    pub(crate) key: KeyFrom,
    pub(crate) peers: Vec<String>,
    pub(crate) timing: Timing,
    pub(crate) defence: Defence,
    pub(crate) rebalance: Rebalance,
    pub(crate) refresh: Option<Duration>,
    pub(crate) facts: Vec<PathBuf>,
    pub(crate) socket: PathBuf,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) local_interface: String,
    pub(crate) set_sysctls: bool,
    pub(crate) addresses: Vec<Shared>,
    /// The ranges as they were written, each with its place in the source.
    pub(crate) ranges: Vec<(AddrRange, Span)>,
    pub(crate) source: SourceId,
    pub(crate) sources: Sources,
}

/// One address, with what its `[[address]]` says of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shared {
    pub(crate) address: IpAddr,
    pub(crate) weight: i16,
    pub(crate) hold: bool,
    /// It goes where this other one goes.
    pub(crate) with: Option<IpAddr>,
    /// The owner's kernel is to accept traffic for it.
    pub(crate) local: bool,
    pub(crate) check: Option<Check>,
    /// A command that is told when this machine owns it, and when no more; empty: none.
    pub(crate) notify: Vec<String>,
}

/// A command that says whether traffic for an address can be served here: it can if it ends with status 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Check {
    pub(crate) command: Vec<String>,
    pub(crate) every: Duration,
    pub(crate) timeout: Duration,
    /// So often in a row it must succeed, or fail, to be believed.
    pub(crate) rise: u32,
    pub(crate) fall: u32,
}

/// Where the key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyFrom {
    File(PathBuf),
    Env(String),
    Command(String),
}

impl Config {
    /// Reads it.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = crate::config::read_text(path, false)?;
        Self::parse(&text, crate::collect::shown(path), path.parent().map(Path::to_owned).unwrap_or_default())
    }

    /// Reads its text; relative paths are relative to `folder`.
    pub(crate) fn parse(text: &str, name: String, folder: PathBuf) -> Result<Self, Failure> {
        let mut sources = Sources::new();
        let mut file = File { reader: Reader::new(SourceId(0)), folder };
        let root = file.reader.parse(text);
        let literal =
            root.get_ref().get("key").filter(|item| item.get_ref().as_str().is_some()).map(toml::Spanned::span);
        // What was meant as a secret is not shown where its place is.
        let shown = literal.map_or_else(|| text.to_owned(), |range| starred(text, range));
        let source = sources.add(name, SourceKind::File, shown);
        debug_assert_eq!(source, SourceId(0), "it is the first");
        let config = file.config(root.get_ref(), source);
        match config {
            Some(config) if file.reader.complaints.is_empty() => Ok(Self { sources, ..config }),
            _ => Err(Failure::facts(AdapterError { complaints: file.reader.complaints }, sources)),
        }
    }

    /// What the library is told.
    pub(crate) fn settings(&self, key: Key) -> Settings {
        // As random as the system's own seeds: no number that this node had before.
        let incarnation = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), std::process::id());
        let mut settings = Settings::new(&self.node, &self.cluster, key, incarnation);
        settings.peers.clone_from(&self.peers);
        (settings.timing, settings.defence, settings.rebalance) = (self.timing, self.defence, self.rebalance);
        settings.announcing.refresh = self.refresh;
        settings
    }

    /// What cannot change while it runs, by name, where this one differs from another.
    pub(crate) fn fixed_differences(&self, new: &Self) -> Vec<&'static str> {
        let mut names = Vec::new();
        let mut differ = |name, differs: bool| names.extend(differs.then_some(name));
        differ("interface", self.port.interface != new.port.interface);
        differ("subnets", self.port.subnets != new.port.subnets);
        differ("node", self.node != new.node);
        differ("cluster", self.cluster != new.cluster);
        differ("key", self.key != new.key);
        differ("peers", self.peers != new.peers);
        differ("timing", self.timing != new.timing);
        differ("defence", self.defence != new.defence);
        differ("rebalance", self.rebalance != new.rebalance);
        differ("refresh", self.refresh != new.refresh);
        differ("socket", self.socket != new.socket);
        differ("metrics", self.metrics != new.metrics);
        differ("local-interface", self.local_interface != new.local_interface);
        differ("set-sysctls", self.set_sysctls != new.set_sysctls);
        names
    }
}

impl Shared {
    /// What the library is told, given whether its check is good.
    pub(crate) const fn want(&self, ready: bool) -> Want {
        Want { address: self.address, weight: self.weight, ready, hold: self.hold, with: self.with }
    }
}

fn starred(text: &str, range: std::ops::Range<usize>) -> String {
    let mut shown = text.to_owned();
    shown.replace_range(range.clone(), &"*".repeat(range.len()));
    shown
}

struct File {
    reader: Reader,
    /// Relative paths are relative to it.
    folder: PathBuf,
}

impl File {
    fn config(&mut self, root: &DeTable<'_>, source: SourceId) -> Option<Config> {
        self.reader.only_keys(root, &KEYS, "the announcer's configuration");
        let interface = self.text(root, "interface").unwrap_or_default();
        if interface.is_empty() {
            self.missing(source, "interface", "interface = \"eth0\"");
        }
        let node = self.text(root, "node").or_else(host_name).unwrap_or_default();
        if node.is_empty() || node.len() > MAX_NAME {
            let place = root.get("node").map_or(Span::new(source, 0, 0), |item| self.reader.inside(item));
            let help = format!("write node = \"n1\": 1 to {MAX_NAME} octets, different on every machine");
            self.complain(place, "this machine needs a name", &help);
        }
        let hold = root.get("hold").and_then(|item| self.reader.boolean(item, "hold")).unwrap_or(true);
        let (addresses, ranges) = self.addresses(root, hold);
        if root.get("address").is_none() {
            self.missing(source, "address", "[[address]]\naddress = \"192.168.1.240\"");
        }
        let timing = root.get("timing").and_then(|item| self.timing(item)).unwrap_or_default();
        let policies = [("always", Defence::Always), ("once", Defence::Once), ("yield", Defence::Yield)];
        let defence = root.get("defence").and_then(|item| self.reader.choice(item, "defence", &policies));
        let rebalances =
            [("never", Rebalance::Never), ("excess", Rebalance::Excess), ("preferred", Rebalance::Preferred)];
        let rebalance = root.get("rebalance").and_then(|item| self.reader.choice(item, "rebalance", &rebalances));
        let subnets = self.each(root, "subnets", "subnets", |text| {
            text.parse().map_err(|_| "write a subnet such as \"192.168.1.0/24\"".to_owned())
        });
        let facts: Vec<PathBuf> = self.each(root, "facts", "files", |text| Ok(PathBuf::from(text)));
        let metrics = self.each(root, "metrics", "addresses", |text| {
            text.parse().map_err(|_| "write an address and a port: \"127.0.0.1:9403\"".to_owned())
        });
        let socket = self.text(root, "socket").map_or_else(|| SOCKET.into(), |path| self.folder.join(path));
        let set_sysctls = root.get("set-sysctls").and_then(|item| self.reader.boolean(item, "set-sysctls"));
        let peers = self.each(root, "peers", "names", |text| Ok(text.to_owned()));
        Some(Config {
            port: Port { interface, subnets: subnets.into_iter().map(|net: IpNet| net.trunc()).collect() },
            node,
            cluster: self.text(root, "cluster").unwrap_or_else(|| "default".to_owned()),
            key: self.key(root, source)?,
            peers,
            timing,
            defence: defence.unwrap_or_default(),
            rebalance: rebalance.unwrap_or_default(),
            refresh: root.get("refresh").and_then(|item| self.duration(item, "refresh", 10.0..=86400.0)),
            facts: facts.into_iter().map(|path| self.folder.join(path)).collect(),
            socket,
            metrics: metrics.first().copied(),
            local_interface: self.text(root, "local-interface").unwrap_or_else(|| "lo".to_owned()),
            set_sysctls: set_sysctls.unwrap_or(false),
            addresses,
            ranges,
            source,
            sources: Sources::new(),
        })
    }

    fn complain(&mut self, place: Span, message: &str, help: &str) {
        self.reader.complain(Complaint::at(place, "here", message).help(help));
    }

    fn missing(&mut self, source: SourceId, key: &str, write: &str) {
        let place = Span::new(source, 0, 0);
        self.reader.complain(Complaint::at(place, "", format!("`{key}` is missing")).help(format!("write {write}")));
    }

    fn text(&mut self, table: &DeTable<'_>, key: &str) -> Option<String> {
        table.get(key).and_then(|item| self.reader.string(item, key)).map(str::to_owned)
    }

    /// The strings of a list, or one alone, each made into something.
    fn each<T>(
        &mut self,
        table: &DeTable<'_>,
        key: &str,
        of: &str,
        make: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let Some(item) = table.get(key) else { return Vec::new() };
        let mut made = Vec::new();
        for item in self.reader.one_or_many(item) {
            let Some(text) = self.reader.string(item, key) else { continue };
            match make(text) {
                Ok(value) => made.push(value),
                Err(help) => {
                    let place = self.reader.inside(item);
                    self.complain(place, &format!("{text:?} is none of the {of} that can stand here"), &help);
                }
            }
        }
        made
    }

    fn timing(&mut self, item: Item<'_, '_>) -> Option<Timing> {
        if item.get_ref().as_str().is_some() {
            let timings = [("default", Timing::DEFAULT), ("fast", Timing::FAST), ("calm", Timing::CALM)];
            return self.reader.choice(item, "timing", &timings);
        }
        let table = self.reader.table(item, "timing")?;
        self.reader.only_keys(table, &["beat", "suspect", "fence", "dead"], "timing");
        let mut time =
            |key, usual: Duration| table.get(key).map_or(Some(usual), |item| self.duration(item, key, 0.005..=60.0));
        let usual = Timing::DEFAULT;
        Some(Timing {
            beat: time("beat", usual.beat)?,
            suspect: time("suspect", usual.suspect)?,
            fence: time("fence", usual.fence)?,
            dead: time("dead", usual.dead)?,
        })
    }

    /// A length of time: `"250ms"`, `"2s"`, `"5m"`, or a number of seconds.
    fn duration(&mut self, item: Item<'_, '_>, key: &str, range: std::ops::RangeInclusive<f64>) -> Option<Duration> {
        let seconds = match item.get_ref().as_str() {
            None => self.reader.number(item, key, range)?,
            Some(text) => {
                let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                let unit = match &text[digits.len()..] {
                    "ms" => Some(0.001),
                    "s" => Some(1.0),
                    "m" => Some(60.0),
                    "h" => Some(3600.0),
                    _ => None,
                };
                let seconds = unit.zip(digits.trim().parse::<f64>().ok()).map(|(unit, number)| unit * number);
                let Some(seconds) = seconds.filter(|seconds| range.contains(seconds)) else {
                    let wanted = format!("a time such as \"250ms\" or \"2s\", {} to {} s", range.start(), range.end());
                    self.reader.wrong_type(item, key, &wanted);
                    return None;
                };
                seconds
            }
        };
        Some(Duration::from_secs_f64(seconds))
    }

    fn key(&mut self, root: &DeTable<'_>, source: SourceId) -> Option<KeyFrom> {
        let help = "write key = { file = \"/etc/poolcheck/announcer.key\" } (mode 0600, made by `openssl rand -hex 32`), \
                    { env = \"NAME\" } or { command = \"pass show announcer\" }";
        let Some(item) = root.get("key") else {
            let place = Span::new(source, 0, 0);
            self.reader.complain(Complaint::at(place, "", "`key` is missing").help(help));
            return None;
        };
        if item.get_ref().as_str().is_some() {
            let place = self.reader.span(item.span());
            self.complain(place, "a secret in a file that is no secret: it is not read from here", help);
            return None;
        }
        let table = self.reader.table(item, "key")?;
        self.reader.only_keys(table, &["file", "env", "command"], "key");
        let file = self.text(table, "file").map(|path| KeyFrom::File(self.folder.join(path)));
        let env = self.text(table, "env").map(KeyFrom::Env);
        let command = self.text(table, "command").map(KeyFrom::Command);
        let mut said: Vec<KeyFrom> = [file, env, command].into_iter().flatten().collect();
        if said.len() != 1 {
            let place = self.reader.span(item.span());
            self.complain(place, "the key is in one place", help);
            return None;
        }
        said.pop()
    }

    fn addresses(&mut self, root: &DeTable<'_>, hold: bool) -> (Vec<Shared>, Vec<(AddrRange, Span)>) {
        let (mut all, mut ranges): (Vec<Shared>, Vec<(AddrRange, Span)>) = (Vec::new(), Vec::new());
        for item in root.get("address").map(|item| self.reader.one_or_many(item)).unwrap_or_default() {
            let Some(table) = self.reader.table(item, "address") else { continue };
            self.reader.only_keys(table, &OF_AN_ADDRESS, "[[address]]");
            let hold = table.get("hold").and_then(|item| self.reader.boolean(item, "hold")).unwrap_or(hold);
            let local = table.get("local").and_then(|item| self.reader.boolean(item, "local")).unwrap_or(false);
            let weight = table.get("weight").and_then(|item| {
                let weight = integer(item).and_then(|n| i16::try_from(n).ok());
                if weight.is_none() {
                    self.reader.wrong_type(item, "weight", "a whole number from -32768 to 32767");
                }
                weight
            });
            let together =
                table.get("together").and_then(|item| self.reader.boolean(item, "together")).unwrap_or(false);
            let first_of_them = all.len();
            let check = table.get("check").and_then(|item| self.check(item));
            let notify = self.each(table, "notify", "words", |text| Ok(text.to_owned()));
            let Some(places) = table.get("address") else {
                let place = self.reader.span(item.span());
                self.complain(place, "no address is named", "write address = \"192.168.1.240\", a range, or a list");
                continue;
            };
            for item in self.reader.one_or_many(places) {
                let Some(text) = self.reader.string(item, "address") else { continue };
                let place = self.reader.inside(item);
                let range = parse_range(text);
                let range = match range {
                    Ok(range) => range,
                    Err(error) => {
                        self.complain(place, &error.to_string(), "write 192.168.1.240 or 192.168.1.240-192.168.1.245");
                        continue;
                    }
                };
                if range.size() + all.len() as u128 > MAX_ADDRESSES as u128 {
                    let help = format!("one announcer shares at most {MAX_ADDRESSES} addresses");
                    self.complain(place, "too many addresses", &help);
                    continue;
                }
                if let Some((other, before)) = ranges.iter().find(|(other, _)| other.meets(range)) {
                    let complaint = Complaint::at(place, "again here", format!("{range} and {other} share addresses"));
                    let mut complaint = complaint.help("name every address once");
                    complaint.labels.push((*before, "first here".to_owned()));
                    self.reader.complain(complaint);
                    continue;
                }
                ranges.push((range, place));
                let numbers = range.first_number()..=range.last_number();
                all.extend(numbers.map(|number| Shared {
                    address: range.family().address(number),
                    weight: weight.unwrap_or_default(),
                    hold,
                    with: None,
                    local,
                    check: check.clone(),
                    notify: notify.clone(),
                }));
            }
            if together && let Some((first, others)) = all[first_of_them..].split_first_mut() {
                for other in others {
                    other.with = Some(first.address);
                }
            }
        }
        (all, ranges)
    }

    fn check(&mut self, item: Item<'_, '_>) -> Option<Check> {
        let table = self.reader.table(item, "check")?;
        self.reader.only_keys(table, &OF_A_CHECK, "check");
        let command = self.each(table, "command", "words", |text| Ok(text.to_owned()));
        if command.is_empty() {
            let place = self.reader.span(item.span());
            self.complain(place, "a check is a command", "write check = { command = [\"/usr/bin/true\"] }");
        }
        let mut time = |key, usual: u64| {
            let written = table.get(key).and_then(|item| self.duration(item, key, 0.05..=3600.0));
            written.unwrap_or(Duration::from_secs(usual))
        };
        let (every, timeout) = (time("every", 2), time("timeout", 1));
        let mut times = |key, usual| {
            let Some(item) = table.get(key) else { return usual };
            let number = integer(item).and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=100).contains(n));
            if number.is_none() {
                self.reader.wrong_type(item, key, "a whole number from 1 to 100");
            }
            number.unwrap_or(usual)
        };
        let (rise, fall) = (times("rise", 1), times("fall", 2));
        Some(Check { command, every, timeout, rise, fall })
    }
}

/// The name the kernel knows this machine by, up to its first dot.
fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    name.trim().split('.').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, Failure> {
        Config::parse(text, "announcer.toml".to_owned(), PathBuf::from("/etc/poolcheck"))
    }

    const BASE: &str = "interface = \"eth0\"\nnode = \"n1\"\nkey = { file = \"key\" }\n";

    #[test]
    fn ranges_are_addresses_and_the_defaults_are_said_once() {
        let text = format!(
            "{BASE}hold = false\n[[address]]\naddress = [\"10.0.0.8/31\", \"fd00::1-fd00::2\"]\nhold = true\nweight = 5\n\
             [[address]]\naddress = \"10.0.0.10\"\ncheck = {{ command = [\"true\"], every = \"500ms\" }}\n"
        );
        let config = read(&text).expect("it is right");
        let told: Vec<_> = config.addresses.iter().map(|a| (a.address.to_string(), a.hold, a.weight)).collect();
        let wanted = [
            ("10.0.0.8", true, 5),
            ("10.0.0.9", true, 5),
            ("fd00::1", true, 5),
            ("fd00::2", true, 5),
            ("10.0.0.10", false, 0),
        ];
        assert_eq!(told, wanted.map(|(address, hold, weight)| (address.to_owned(), hold, weight)));
        let check = config.addresses[4].check.clone().expect("it has one");
        assert_eq!(
            (check.every, check.timeout, check.rise, check.fall),
            (Duration::from_millis(500), Duration::from_secs(1), 1, 2)
        );
        assert_eq!(config.key, KeyFrom::File("/etc/poolcheck/key".into()));
        assert_eq!(config.socket, Path::new(SOCKET));
        assert_eq!(config.timing, Timing::DEFAULT);
    }

    #[test]
    fn what_goes_together_follows_the_first_of_its_own_table() {
        let text = format!(
            "{BASE}[[address]]\naddress = [\"10.0.0.8\", \"fd00::1\", \"10.0.0.1\"]\ntogether = true\n[[address]]\naddress = \"10.0.0.2\"\n"
        );
        let config = read(&text).expect("it is right");
        let first = Some(IpAddr::from([10, 0, 0, 8]));
        let with: Vec<_> = config.addresses.iter().map(|a| a.with).collect();
        assert_eq!(with, [None, first, first, None]);
        let key = Key::new(b"0123456789abcdef").expect("it is long enough");
        let link =
            poolcheck_announcer::LinkFacts { up: false, mac: poolcheck_lan::wire::MacAddr::ZERO, subnets: Vec::new() };
        let mut announcer = poolcheck_announcer::Announcer::new(config.settings(key), link).expect("they are right");
        let mut wants: Vec<Want> = config.addresses.iter().map(|a| a.want(true)).collect();
        let now = poolcheck_lan::Timestamp::ZERO;
        announcer.set_wants(now, &wants).expect("they are right");
        // Neither is a chain followed, nor what is not there.
        for with in [config.addresses[1].address, IpAddr::from([10, 0, 0, 3])] {
            wants[3].with = Some(with);
            let error = announcer.set_wants(now, &wants).expect_err("it cannot follow that");
            assert!(matches!(error, poolcheck_announcer::Error::Follows { .. }), "{error}");
        }
    }

    #[test]
    fn times_are_said_in_many_ways_and_one_that_is_none_is_told() {
        let timing =
            |text: &str| read(&format!("{BASE}timing = {{ dead = {text} }}\n[[address]]\naddress = \"10.0.0.1\"\n"));
        for (text, millis) in
            [("\"400ms\"", 400), ("0.4", 400), ("\"2s\"", 2000), ("\"0.5 s\"", 500), ("\"1m\"", 60_000)]
        {
            assert_eq!(timing(text).expect(text).timing.dead, Duration::from_millis(millis), "{text}");
        }
        for text in ["\"\"", "\"ms\"", "\"4\"", "\"2 days\"", "\"-1s\"", "\"2m\"", "true", "\"NaNs\"", "\"ünf s\""] {
            assert!(timing(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_needs_a_restart_is_named() {
        let one = "[[address]]\naddress = \"10.0.0.1\"\n";
        let before = read(&format!("{BASE}{one}")).expect("it is right");
        let after = read(&format!("{BASE}timing = \"fast\"\nmetrics = \"127.0.0.1:1\"\n{one}weight = 3\n"))
            .expect("it is right");
        assert_eq!(before.fixed_differences(&after), ["timing", "metrics"]);
        assert!(before.fixed_differences(&before).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(
            text in "(interface = |node = |key = |timing = |\\[\\[address\\]\\]\n|address = |check = |weight = |\"|[0-9./-]{1,12}|\\[|\\]|\\{|\\}|=|\n|,|ms|.){0,40}"
        ) {
            drop(read(&text));
            drop(read(&format!("{BASE}{text}")));
        }
    }
}
