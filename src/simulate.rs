//! Scenarios for the simulator, as people write them (TOML).

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use poolcheck_announcer::sim::{Fault, Report, Scenario, is_open};
use poolcheck_announcer::{Defence, Rebalance, Timing};
use poolcheck_plan::syntax::parse_range;
use poolcheck_plan::{SourceKind, Sources, Span};
use poolcheck_router_adapters::spanned_toml::{Item, Reader, integer};
use poolcheck_router_adapters::{AdapterError, Complaint};
use toml::de::DeTable;

use crate::failure::Failure;

const KEYS: [&str; 13] = [
    "title",
    "seed",
    "nodes",
    "addresses",
    "together",
    "duration",
    "timing",
    "defence",
    "rebalance",
    "loss",
    "duplication",
    "delay-ms",
    "event",
];
/// What happens to the node or the address of that number.
type Happens = fn(usize) -> Fault;

/// What can happen to a node, by name.
const OF_A_NODE: [(&str, Happens); 12] = [
    ("crash", Fault::Crash),
    ("kill", Fault::Kill),
    ("mute", Fault::Mute),
    ("unmute", Fault::Unmute),
    ("restart", Fault::Restart),
    ("freeze", Fault::Freeze),
    ("thaw", Fault::Thaw),
    ("link-down", Fault::LinkDown),
    ("link-up", Fault::LinkUp),
    ("new-mac", Fault::NewMac),
    ("drain", Fault::Drain),
    ("replay", Fault::Replay),
];
/// What can happen to an address.
const OF_AN_ADDRESS: [(&str, Happens); 3] =
    [("hand-over", Fault::HandOver), ("squat", Fault::Squat), ("unsquat", Fault::Unsquat)];
const OTHERS: [&str; 7] = ["split", "one-way", "heal", "phone", "careless-phone", "ready", "not-ready"];
const MAX_NODES: usize = 32;
const MAX_ADDRESSES: u128 = 256;
const MAX_EVENTS: usize = 1000;
/// Longest run, in seconds.
const MAX_DURATION: f64 = 3600.0;

/// Reads a scenario.
pub(crate) fn read(path: &Path) -> Result<Scenario, Failure> {
    parse(&crate::config::read_text(path, false)?, crate::collect::shown(path))
}

/// Reads a scenario's text.
pub(crate) fn parse(text: &str, name: String) -> Result<Scenario, Failure> {
    let mut sources = Sources::new();
    let source = sources.add(name, SourceKind::File, text.to_owned());
    let mut file = File { reader: Reader::new(source) };
    let root = file.reader.parse(text);
    let scenario = file.scenario(root.get_ref());
    if file.reader.complaints.is_empty() {
        return Ok(scenario);
    }
    Err(Failure::facts(AdapterError { complaints: file.reader.complaints }, sources))
}

/// A run for machines.
pub(crate) fn json(scenario: &Scenario, report: &Report) -> String {
    let line = |line: &poolcheck_announcer::sim::Line| serde_json::json!({ "at": line.at.as_secs_f64(), "who": line.who, "what": line.what });
    let violation = report.violation.as_ref().map(|violation| {
        serde_json::json!({ "at": violation.at.as_secs_f64(), "name": violation.name, "what": violation.what })
    });
    let value = serde_json::json!({
        "title": scenario.title,
        "seed": scenario.seed,
        "timeline": report.timeline.lines.iter().map(line).collect::<Vec<_>>(),
        "violation": violation,
        "frames": report.frames,
    });
    format!("{value:#}\n")
}

struct File {
    reader: Reader,
}

impl File {
    fn scenario(&mut self, root: &DeTable<'_>) -> Scenario {
        self.reader.only_keys(root, &KEYS, "a scenario");
        let nodes = self.nodes(root);
        let addresses = self.addresses(root);
        let seconds = root.get("duration").and_then(|item| self.reader.number(item, "duration", 0.1..=MAX_DURATION));
        let names: Vec<&str> = nodes.iter().map(String::as_str).collect();
        let mut scenario = Scenario::new(&names, &addresses, Duration::from_secs_f64(seconds.unwrap_or(60.0)));
        if let Some(title) = root.get("title").and_then(|item| self.reader.string(item, "title")) {
            title.clone_into(&mut scenario.title);
        }
        scenario.together =
            root.get("together").and_then(|item| self.reader.boolean(item, "together")).unwrap_or(false);
        if let Some(item) = root.get("seed") {
            let seed = integer(item).and_then(|seed| u64::try_from(seed).ok());
            if seed.is_none() {
                self.reader.wrong_type(item, "seed", "a whole number from 0");
            }
            scenario.seed = seed.unwrap_or_default();
        }
        if let Some(item) = root.get("timing") {
            let timings = [("default", Timing::DEFAULT), ("fast", Timing::FAST), ("calm", Timing::CALM)];
            scenario.timing = self.reader.choice(item, "timing", &timings).unwrap_or_default();
        }
        if let Some(item) = root.get("defence") {
            let policies = [("always", Defence::Always), ("once", Defence::Once), ("yield", Defence::Yield)];
            scenario.defence = self.reader.choice(item, "defence", &policies).unwrap_or_default();
        }
        if let Some(item) = root.get("rebalance") {
            let policies =
                [("never", Rebalance::Never), ("excess", Rebalance::Excess), ("preferred", Rebalance::Preferred)];
            scenario.rebalance = self.reader.choice(item, "rebalance", &policies).unwrap_or_default();
        }
        let mut share = |key| root.get(key).and_then(|item| self.reader.number(item, key, 0.0..=1.0));
        scenario.conditions.loss = share("loss").unwrap_or(0.0);
        scenario.conditions.duplication = share("duplication").unwrap_or(0.0);
        if let Some(delay) = root.get("delay-ms").and_then(|item| self.reader.number(item, "delay-ms", 0.0..=1000.0)) {
            scenario.conditions.delay = Duration::from_secs_f64(delay / 1000.0);
        }
        let events = root.get("event").map(|item| self.reader.one_or_many(item)).unwrap_or_default();
        if events.len() > MAX_EVENTS {
            self.complain(self.reader.span(events[MAX_EVENTS].span()), "too many events", "write at most 1000");
        }
        for item in events.into_iter().take(MAX_EVENTS) {
            if let Some(table) = self.reader.table(item, "event") {
                let place = self.reader.span(item.span());
                scenario.faults.extend(self.event(table, place, &nodes, &addresses));
            }
        }
        scenario.faults.sort_by_key(|(at, _)| *at);
        scenario
    }

    fn complain(&mut self, place: Span, message: &str, help: &str) {
        self.reader.complain(Complaint::at(place, message, "here").help(help));
    }

    fn nodes(&mut self, root: &DeTable<'_>) -> Vec<String> {
        let Some(item) = root.get("nodes") else { return vec!["n1".to_owned(), "n2".to_owned()] };
        let mut names: Vec<String> = Vec::new();
        for item in self.reader.list(item, "nodes", "names") {
            let Some(name) = self.reader.string(item, "nodes").map(str::to_owned) else { continue };
            let place = self.reader.inside(item);
            if name.is_empty() || name.len() > poolcheck_announcer::MAX_NAME || names.contains(&name) {
                self.complain(
                    place,
                    &format!("{name:?} is no name for a node"),
                    "names differ, and have 1 to 63 octets",
                );
            } else if names.len() == MAX_NODES {
                self.complain(place, "too many nodes", "write at most 32");
                break;
            } else {
                names.push(name);
            }
        }
        names
    }

    fn addresses(&mut self, root: &DeTable<'_>) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        let items = root.get("addresses").map(|item| self.reader.one_or_many(item)).unwrap_or_default();
        for item in items {
            let Some(text) = self.reader.string(item, "addresses").map(str::to_owned) else { continue };
            let place = self.reader.inside(item);
            match parse_range(&text) {
                Ok(range) if range.size() + addresses.len() as u128 <= MAX_ADDRESSES => {
                    let numbers = range.first_number()..=range.last_number();
                    let all: Vec<IpAddr> = numbers.map(|number| range.family().address(number)).collect();
                    if all.iter().all(|address| is_open(*address)) {
                        addresses.extend(all);
                    } else {
                        let help = "the simulated LAN is 192.168.1.0/24 and fd00::/64; .1, .200 and .201 are taken";
                        self.complain(place, &format!("{range} is not free on the LAN"), help);
                    }
                }
                Ok(_) => self.complain(place, "too many addresses", "write at most 256"),
                Err(error) => {
                    self.complain(place, &error.to_string(), "write 192.168.1.50-192.168.1.52 or one address");
                }
            }
        }
        addresses.sort();
        addresses.dedup();
        addresses
    }

    fn event(
        &mut self,
        table: &DeTable<'_>,
        place: Span,
        nodes: &[String],
        addresses: &[IpAddr],
    ) -> Option<(Duration, Fault)> {
        let kinds = OF_A_NODE.iter().chain(&OF_AN_ADDRESS).map(|(key, _)| *key).chain(OTHERS);
        let known: Vec<&str> = std::iter::once("at").chain(kinds).collect();
        let before = self.reader.complaints.len();
        self.reader.only_keys(table, &known, "[[event]]");
        let at = table.get("at").and_then(|item| self.reader.number(item, "at", 0.0..=MAX_DURATION));
        let mut what = Vec::new();
        for (key, item) in table {
            what.extend(self.fault(key.get_ref(), item, nodes, addresses));
        }
        if self.reader.complaints.len() > before {
            return None;
        }
        if let (Some(at), 1) = (at, what.len()) {
            return Some((Duration::from_secs_f64(at), what.remove(0)));
        }
        let help = "write at = 12.0 and one of: ".to_owned() + &known[1..].join(", ");
        self.complain(place, "an event is a time and one thing that happens", &help);
        None
    }

    fn fault(&mut self, key: &str, item: Item<'_, '_>, nodes: &[String], addresses: &[IpAddr]) -> Option<Fault> {
        if let Some((_, fault)) = OF_A_NODE.iter().find(|(name, _)| *name == key) {
            return self.node(item, key, nodes).map(fault);
        }
        if let Some((_, fault)) = OF_AN_ADDRESS.iter().find(|(name, _)| *name == key) {
            return self.address(item, key, addresses).map(fault);
        }
        match key {
            "split" => {
                let cut = self.several(item, key, nodes);
                Some(Fault::Split((0..nodes.len()).map(|node| cut.contains(&node)).collect()))
            }
            "one-way" => {
                if let [from, to] = self.several(item, key, nodes)[..] {
                    return Some(Fault::OneWay(from, to));
                }
                self.reader.wrong_type(item, key, "two nodes: from whom nothing comes, and to whom");
                None
            }
            "heal" => Some(Fault::Heal),
            "phone" | "careless-phone" => {
                let leased = self.reader.string(item, key).and_then(|text| text.parse().ok());
                if leased.is_none() {
                    self.reader.wrong_type(item, key, "the IPv4 address that the router leases it");
                }
                leased.map(|leased| Fault::Phone { leased, careful: key == "phone" })
            }
            "ready" | "not-ready" => {
                let table = self.reader.table(item, key)?;
                self.reader.only_keys(table, &["node", "address"], key);
                let node = table.get("node").and_then(|item| self.node(item, "node", nodes));
                let address = table.get("address").and_then(|item| self.address(item, "address", addresses));
                if let (Some(node), Some(address)) = (node, address) {
                    return Some(Fault::Ready(node, address, key == "ready"));
                }
                self.reader.wrong_type(item, key, "{ node = \"n1\", address = \"192.168.1.50\" }");
                None
            }
            _ => None,
        }
    }

    fn several(&mut self, item: Item<'_, '_>, key: &str, nodes: &[String]) -> Vec<usize> {
        let names = self.reader.list(item, key, "names");
        names.into_iter().filter_map(|item| self.node(item, key, nodes)).collect()
    }

    fn node(&mut self, item: Item<'_, '_>, key: &str, nodes: &[String]) -> Option<usize> {
        let choices: Vec<(&str, usize)> = nodes.iter().enumerate().map(|(n, name)| (name.as_str(), n)).collect();
        self.reader.choice(item, key, &choices)
    }

    fn address(&mut self, item: Item<'_, '_>, key: &str, addresses: &[IpAddr]) -> Option<usize> {
        let text = self.reader.string(item, key)?;
        let address: Option<IpAddr> = text.parse().ok();
        let found = address.and_then(|address| addresses.iter().position(|known| *known == address));
        if found.is_none() {
            self.reader.wrong_type(item, key, "one of the scenario's addresses");
        }
        found
    }
}
