//! The rows: each a situation, measured once on a LAN made for it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::thread;
use std::time::{Duration, Instant};

use poolcheck_lan::link::Link;
use poolcheck_lan::wire::arp::{Operation, Repr as Arp};
use poolcheck_lan::wire::{MacAddr, Payload, compose, dissect};

use super::{Figures, load};
use crate::announcers::Moment;
use crate::announcers::client::{Client, Seen, Way};
use crate::announcers::lan::{INTERFACE, Lan, ROGUE};
use crate::announcers::process::{self, Signal};
use crate::announcers::wire::Asked;

/// One row.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) nodes: usize,
    /// How many addresses are announced; one stands for 10.77.0.240.
    addresses: u16,
    /// So many runs unless it is said otherwise.
    pub(super) runs: usize,
    /// The second argument is how long loads last.
    pub(super) measure: fn(&mut Lan, Duration) -> Result<Figures, String>,
}

const fn row(
    name: &'static str,
    what: &'static str,
    (nodes, addresses): (usize, u16),
    runs: usize,
    measure: fn(&mut Lan, Duration) -> Result<Figures, String>,
) -> Row {
    Row { name, what, nodes, addresses, runs, measure }
}

pub(super) static ROWS: &[Row] = &[
    row("power-3", "power off, 3 nodes", (3, 1), 50, power_off),
    row("power-10", "power off, 10 nodes", (10, 1), 50, power_off),
    row("killed", "process killed, host alive", (3, 1), 20, killed),
    row("all-killed", "all its processes killed at once, host alive", (3, 1), 20, all_killed),
    row("frozen", "SIGSTOP for 5 s, SIGCONT", (3, 1), 10, frozen),
    row("handover", "planned handover, asked each 1 ms", (3, 1), 20, handover),
    row("link", "link of the owner down for 6 s, then back", (3, 1), 10, link_flap),
    row("latency", "ARP answers one at a time", (3, 1), 5, latency),
    row("rates", "ARP answers at a rate", (3, 1), 5, rates),
    row("foreign", "20,000 foreign broadcast ARP frames a second", (3, 1), 5, foreign),
    row("many", "500 addresses taken at once", (3, 500), 3, many),
    row("share", "the owner of a third of 500 dies", (3, 500), 3, share),
    row("mac", "another hardware address on the owner's interface", (3, 1), 5, hardware_address),
    row("filtered", "membership filtered for 10 s, segment intact", (3, 1), 5, filtered),
    row("idle", "500 addresses, 10 nodes, idle", (10, 500), 1, idle),
    row("squatter", "another host answers for the address before", (3, 1), 5, squatter),
    row("claim", "another host claims the address later", (3, 1), 5, claim),
    row("healed", "split for 6 s, then healed", (3, 1), 5, healed),
];

/// An announcer that has just started has this long to have an owner for the address.
const PATIENCE: Duration = Duration::from_secs(20);
const EVERY: Way = Way { every: Duration::from_millis(1), unicast: false };

pub(super) fn addresses(row: &Row) -> Vec<IpAddr> {
    if row.addresses == 1 {
        return vec![[10, 77, 0, 240].into()];
    }
    (0..row.addresses).map(|n| IpAddr::from([10, 77, 1 + (n >> 8) as u8, n as u8])).collect()
}

fn address(lan: &Lan) -> IpAddr {
    lan.addresses().first().copied().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Starts all, and waits until the first address has one owner, and for a second more.
fn settled(lan: &mut Lan) -> Result<usize, String> {
    lan.start_all()?;
    owner(lan)
}

fn owner(lan: &mut Lan) -> Result<usize, String> {
    let began = lan.clock.now();
    while lan.clock.now() < began + PATIENCE {
        let client = Client::start(lan, address(lan), Way { every: Duration::from_millis(10), unicast: false })?;
        thread::sleep(Duration::from_millis(1200));
        let seen = client.stop()?;
        let owners: BTreeSet<Option<usize>> = seen
            .asked
            .iter()
            .map(|asked| asked.answers.first().map(|(_, node)| *node).filter(|_| asked.answers.len() == 1))
            .collect();
        if let [Some(node)] = owners.iter().copied().collect::<Vec<_>>()[..]
            && node < lan.nodes.len()
        {
            return Ok(node);
        }
    }
    Err(format!("no single owner after {} s: {}", PATIENCE.as_secs(), lan.last_words(0)))
}

/// Something happens while the client asks; gives what it saw, and when it happened.
fn during(
    lan: &mut Lan,
    way: Way,
    long: Duration,
    event: impl FnOnce(&mut Lan) -> Result<Moment, String>,
) -> Result<(Seen, Moment), String> {
    while_asked(lan, way, event, |_| thread::sleep(long))
}

/// The same, for as long as `wait` takes.
fn while_asked(
    lan: &mut Lan,
    way: Way,
    event: impl FnOnce(&mut Lan) -> Result<Moment, String>,
    wait: impl FnOnce(&Client),
) -> Result<(Seen, Moment), String> {
    let client = Client::start(lan, address(lan), way)?;
    // At any phase of what the nodes tell each other at intervals, which began with their start.
    thread::sleep(Duration::from_millis(fastrand::u64(300..1300)));
    let since = event(lan);
    wait(&client);
    let seen = client.stop()?;
    Ok((seen, since?))
}

fn answers(asked: &[Asked]) -> impl Iterator<Item = (Moment, usize)> {
    asked.iter().flat_map(|asked| asked.answers.iter().copied())
}

/// From the old owner's last answer before another's first to that first one.
fn silence(seen: &Seen, old: usize, since: Moment) -> Result<Duration, String> {
    let new = answers(&seen.asked).filter(|(at, node)| *node != old && *at >= since).map(|(at, _)| at).min();
    let new = new.ok_or("nobody else has answered")?;
    let last = answers(&seen.asked).filter(|(at, node)| *node == old && *at < new).map(|(at, _)| at).max();
    Ok(new.since(last.unwrap_or(since)))
}

/// For how long questions had two answers, from the first such to the last.
fn double(asked: &[Asked]) -> Duration {
    let mut twice = asked.iter().filter(|asked| asked.twice()).map(|asked| asked.at);
    let Some(first) = twice.next() else { return Duration::ZERO };
    twice.next_back().unwrap_or(first).since(first) + EVERY.every
}

/// Longer than keepalived needs by default.
const TAKEOVER: Duration = Duration::from_secs(5);

fn power_off(lan: &mut Lan, _: Duration) -> Result<Figures, String> {
    let old = settled(lan)?;
    // Who has lost its power does not come back: once another answers, all has been seen.
    let taken = |client: &Client| {
        let began = Instant::now();
        while began.elapsed() < TAKEOVER && client.latest().is_none_or(|node| node == old) {
            thread::sleep(Duration::from_millis(20));
        }
    };
    let (seen, since) = while_asked(lan, EVERY, |lan| lan.power_off(old), taken)?;
    let mut figures = Figures::default();
    figures.millis("last old to first new answer", silence(&seen, old, since)?);
    Ok(figures)
}

fn killed(lan: &mut Lan, _: Duration) -> Result<Figures, String> {
    dies(lan, Lan::kill_first)
}

fn all_killed(lan: &mut Lan, _: Duration) -> Result<Figures, String> {
    dies(lan, |lan, node| lan.signal(node, Signal::Kill))
}

fn dies(lan: &mut Lan, how: impl FnOnce(&Lan, usize) -> Result<Moment, String>) -> Result<Figures, String> {
    let old = settled(lan)?;
    let (seen, since) = during(lan, EVERY, TAKEOVER, |lan| how(lan, old))?;
    let mut figures = Figures::default();
    let new = answers(&seen.asked).filter(|(at, node)| *node != old && *at >= since).map(|(at, _)| at).min();
    figures.millis("kill to first new answer", new.ok_or("nobody else has answered")?.since(since));
    figures.millis("last old to first new answer", silence(&seen, old, since)?);
    figures.millis("two owners within 5 s", double(&seen.asked));
    Ok(figures)
}

fn frozen(lan: &mut Lan, _: Duration) -> Result<Figures, String> {
    let old = settled(lan)?;
    let (seen, since) = during(lan, EVERY, TAKEOVER, |lan| lan.signal(old, Signal::Stop))?;
    let mut figures = Figures::default();
    figures.millis("last old to first new answer", silence(&seen, old, since)?);
    figures.millis("two owners while frozen", double(&seen.asked));
    // What is asked just before it wakes stands in its queue when it does.
    let (seen, woken) = during(lan, EVERY, Duration::from_secs(3), |lan| lan.signal(old, Signal::Continue))?;
    let stale = seen.asked.iter().filter(|asked| asked.at < woken);
    let stale = stale.flat_map(|asked| &asked.answers).filter(|(at, node)| *node == old && *at >= woken).count();
    figures.add("answers to older questions after it woke", "frames", stale as f64);
    let all = answers(&seen.asked).filter(|(at, node)| *node == old && *at >= woken).count();
    figures.add("all answers of the woken in 3 s", "frames", all as f64);
    figures.millis("two owners after it woke", double(&seen.asked));
    Ok(figures)
}

fn handover(lan: &mut Lan, _: Duration) -> Result<Figures, String> {
    let old = settled(lan)?;
    let way = Way { unicast: true, ..EVERY };
    let handed = address(lan);
    let (seen, since) = during(lan, way, Duration::from_secs(2), |lan| lan.hand_over(old, handed))?;
    silence(&seen, old, since)?;
    let lost = |asked: &[Asked]| asked.iter().filter(|asked| asked.answers.is_empty()).count() as f64;
    let mut figures = Figures::default();
    figures.add("broadcast questions unanswered of some 2,800", "", lost(&seen.asked));
    figures.add("unicast questions unanswered", "", lost(&seen.unicast));
    figures.millis("two owners", double(&seen.asked));
    Ok(figures)
}

fn link_flap(lan: &mut Lan, _: Duration) -> Result<Figures, String> {
    let old = settled(lan)?;
    let (seen, since) = during(lan, EVERY, Duration::from_secs(6), |lan| lan.cable(old, false))?;
    let mut figures = Figures::default();
    figures.millis("last old to first new answer", silence(&seen, old, since)?);
    let (seen, _) = during(lan, EVERY, Duration::from_secs(8), |lan| lan.cable(old, true))?;
    figures.millis("two owners after it is back", double(&seen.asked));
    let unanswered = seen.asked.iter().filter(|asked| asked.answers.is_empty()).count();
    figures.add("questions unanswered after it is back, one each ms", "", unanswered as f64);
    Ok(figures)
}

fn latency(lan: &mut Lan, _: Duration) -> Result<Figures, String> {
    let owner = settled(lan)?;
    let (address, mac) = (address(lan), lan.nodes[owner].mac);
    let mut figures = Figures::default();
    for (to, [middle, tail]) in
        [(MacAddr::BROADCAST, ["broadcast p50", "broadcast p99"]), (mac, ["unicast p50", "unicast p99"])]
    {
        let mut latencies = load::one_at_a_time(lan, address, to, 500)?;
        percentiles(&mut figures, &mut latencies, [middle, tail]);
    }
    let own = lan.nodes[owner].own()[0];
    let mut reference = load::one_at_a_time(lan, own, MacAddr::BROADCAST, 500)?;
    percentiles(&mut figures, &mut reference, ["reference: the kernel for the node's own p50", "reference p99"]);
    Ok(figures)
}

fn percentiles(figures: &mut Figures, latencies: &mut [f64], [middle, tail]: [&'static str; 2]) {
    latencies.sort_by(f64::total_cmp);
    for (name, share) in [(middle, 50), (tail, 99)] {
        if let Some(value) = latencies.get((latencies.len().saturating_sub(1)) * share / 100) {
            figures.add(name, "µs", *value);
        }
    }
}

fn rates(lan: &mut Lan, _: Duration) -> Result<Figures, String> {
    const RATES: [(u32, [&str; 5]); 5] = [
        (1_000, ["1,000/s: answered", "1,000/s: answers a second", "1,000/s: CPU", "1,000/s: p50", "1,000/s: p99"]),
        (5_000, ["5,000/s: answered", "5,000/s: answers a second", "5,000/s: CPU", "5,000/s: p50", "5,000/s: p99"]),
        (
            10_000,
            ["10,000/s: answered", "10,000/s: answers a second", "10,000/s: CPU", "10,000/s: p50", "10,000/s: p99"],
        ),
        (
            20_000,
            ["20,000/s: answered", "20,000/s: answers a second", "20,000/s: CPU", "20,000/s: p50", "20,000/s: p99"],
        ),
        (
            50_000,
            ["50,000/s: answered", "50,000/s: answers a second", "50,000/s: CPU", "50,000/s: p50", "50,000/s: p99"],
        ),
    ];
    let owner = settled(lan)?;
    let address = address(lan);
    let mut figures = Figures::default();
    for (rate, [share, answers, cpu, middle, tail]) in RATES {
        let processes = lan.processes(owner)?;
        let before = process::cpu(&processes);
        let mut found = load::ask_at(lan, address, rate, Duration::from_secs(5))?;
        let used = process::cpu(&processes) - before;
        figures.add(share, "% of what was sent", 100.0 * found.answers as f64 / found.sent.max(1) as f64);
        figures.add(answers, "", found.answers as f64 / found.took.as_secs_f64());
        figures.add(cpu, "% of a core", 100.0 * used / found.took.as_secs_f64());
        percentiles(&mut figures, &mut found.latencies, [middle, tail]);
        thread::sleep(Duration::from_millis(500));
    }
    Ok(figures)
}

fn foreign(lan: &mut Lan, long: Duration) -> Result<Figures, String> {
    settled(lan)?;
    let processes: Vec<Vec<i32>> = (0..lan.nodes.len()).map(|node| lan.processes(node)).collect::<Result<_, _>>()?;
    let before: Vec<f64> = processes.iter().map(|processes| process::cpu(processes)).collect();
    let sent = load::foreign(lan, 20_000, long)?;
    let mut figures = Figures::default();
    for (processes, before) in processes.iter().zip(before) {
        let used = process::cpu(processes) - before;
        figures.add("CPU of each node", "% of a core", 100.0 * used / long.as_secs_f64());
    }
    figures.add("sent", "frames a second", sent as f64 / long.as_secs_f64());
    Ok(figures)
}

/// The most frames within a tenth of a second.
fn peak(moments: &[Moment]) -> usize {
    let tenth = Duration::from_millis(100);
    let within = |at: usize| moments[at..].iter().take_while(|moment| **moment < moments[at] + tenth).count();
    (0..moments.len()).map(within).max().unwrap_or_default()
}

/// When each address was announced first, by whom, among what was heard after this moment.
fn first_announced(seen: &Seen, since: Moment) -> BTreeMap<Ipv4Addr, (Moment, Option<usize>)> {
    let mut first = BTreeMap::new();
    for (at, node, address, _) in seen.announced.iter().filter(|(at, ..)| *at >= since) {
        first.entry(*address).or_insert((*at, *node));
    }
    first
}

fn announced(lan: &Lan, seen: &Seen, since: Moment) -> BTreeMap<Ipv4Addr, (Moment, Option<usize>)> {
    let mut first = first_announced(seen, since);
    first.retain(|address, _| lan.addresses().contains(&IpAddr::V4(*address)));
    first
}

fn many(lan: &mut Lan, long: Duration) -> Result<Figures, String> {
    let client = Client::start(lan, address(lan), Way { every: Duration::from_millis(50), unicast: false })?;
    let since = lan.clock.now();
    lan.start_all()?;
    thread::sleep(long.max(Duration::from_secs(15)));
    let seen = client.stop()?;
    let first = announced(lan, &seen, since);
    let moments: Vec<Moment> = first.values().map(|(at, _)| *at).collect();
    let (Some(begin), Some(end)) = (moments.iter().min(), moments.iter().max()) else {
        return Err(format!("nothing was announced: {}", lan.last_words(0)));
    };
    let frames: Vec<Moment> = seen
        .announced
        .iter()
        .filter(|(at, _, address, _)| *at >= since && first.contains_key(address))
        .map(|(at, ..)| *at)
        .collect();
    let mut figures = Figures::default();
    figures.add("addresses announced", "", first.len() as f64);
    figures.millis("start to first announcement", begin.since(since));
    figures.millis("first to last address's first announcement", end.since(*begin));
    figures.add("announcements", "frames", frames.len() as f64);
    figures.add("most in a tenth of a second", "frames", peak(&frames) as f64);
    for node in 0..lan.nodes.len() {
        figures.add("CPU of each node", "s", process::cpu(&lan.processes(node)?));
    }
    Ok(figures)
}

fn share(lan: &mut Lan, _: Duration) -> Result<Figures, String> {
    settled(lan)?;
    // Who has how many is known by asking for each.
    let mut owners: BTreeMap<usize, BTreeSet<Ipv4Addr>> = BTreeMap::new();
    thread::sleep(Duration::from_secs(12));
    for address in lan.addresses().to_vec() {
        let IpAddr::V4(v4) = address else { continue };
        if let Some(node) = who_has(lan, v4)? {
            owners.entry(node).or_default().insert(v4);
        }
    }
    let (dead, moved) = owners
        .iter()
        .min_by_key(|(_, addresses)| addresses.len().abs_diff(160))
        .map(|(node, addresses)| (*node, addresses.clone()))
        .ok_or("nobody owns anything")?;
    let client = Client::start(lan, address(lan), Way { every: Duration::from_millis(50), unicast: false })?;
    thread::sleep(Duration::from_millis(200));
    let since = lan.power_off(dead)?;
    thread::sleep(Duration::from_secs(9));
    let seen = client.stop()?;
    let first = announced(lan, &seen, since);
    let times: Vec<Duration> =
        moved.iter().filter_map(|address| first.get(address)).map(|(at, _)| at.since(since)).collect();
    let mut figures = Figures::default();
    figures.add("addresses of the dead", "", moved.len() as f64);
    figures.add("of them announced by others", "", times.len() as f64);
    figures.millis("death to first announcement", times.iter().min().copied().ok_or("none was announced")?);
    figures.millis("death to last address's first announcement", times.iter().max().copied().unwrap_or_default());
    let stay = seen.announced.iter().filter(|(at, _, address, _)| {
        *at >= since && lan.addresses().contains(&IpAddr::V4(*address)) && !moved.contains(address)
    });
    figures.add("announcements of addresses that stay", "frames", stay.count() as f64);
    let client = Client::start(lan, address(lan), Way { every: Duration::from_millis(50), unicast: false })?;
    let back = lan.power_on(dead)?;
    thread::sleep(Duration::from_secs(12));
    let seen = client.stop()?;
    let returned = seen.announced.iter().filter(|(at, node, address, _)| {
        *at >= back && *node == Some(dead) && lan.addresses().contains(&IpAddr::V4(*address))
    });
    let returned: BTreeSet<Ipv4Addr> = returned.map(|(_, _, address, _)| *address).collect();
    figures.add("addresses that move back when it returns", "", returned.len() as f64);
    let others = seen.announced.iter().filter(|(at, _, address, _)| {
        *at >= back && lan.addresses().contains(&IpAddr::V4(*address)) && !returned.contains(address)
    });
    figures.add("announcements of all others when it returns", "frames", others.count() as f64);
    Ok(figures)
}

/// Which node answers for an address now.
fn who_has(lan: &mut Lan, address: Ipv4Addr) -> Result<Option<usize>, String> {
    let link = &mut lan.client;
    let frame = crate::announcers::wire::question(1, IpAddr::V4(address), MacAddr::BROADCAST);
    let mut seen = Vec::new();
    link.receive(poolcheck_lan::Timestamp::ZERO, &mut seen).map_err(|error| error.to_string())?;
    seen.clear();
    link.send(&[frame]).map_err(|error| error.to_string())?;
    let end = link.now() + Duration::from_millis(100);
    while link.now() < end {
        link.receive(end, &mut seen).map_err(|error| error.to_string())?;
        for received in seen.drain(..) {
            if let Ok(Payload::Arp(packet)) = dissect(&received.frame).map(|dissected| dissected.payload)
                && packet.sender_ip == address
                && packet.operation == Operation::Reply
            {
                return Ok(lan.nodes.iter().position(|node| node.mac == packet.sender_mac));
            }
        }
    }
    Ok(None)
}

fn hardware_address(lan: &mut Lan, _: Duration) -> Result<Figures, String> {
    let owner = settled(lan)?;
    let new = MacAddr([2, 1, 0, 0, 0xee, 1]);
    let change = format!("ip link set {INTERFACE} address {new}");
    let (seen, since) = during(lan, EVERY, TAKEOVER, |lan| lan.on(owner, &change))?;
    let mut figures = Figures::default();
    // Neither hardware address of a node: the new one.
    let right = answers(&seen.asked).filter(|(at, node)| *node == usize::MAX && *at >= since).map(|(at, _)| at).min();
    let old = answers(&seen.asked).filter(|(at, node)| *node == owner && *at >= since).map(|(at, _)| at).max();
    let announced =
        seen.announced.iter().filter(|(at, _, _, mac)| *at >= since && *mac == new).map(|(at, ..)| *at).min();
    if let Some(right) = right {
        figures.millis("change to first answer with it", right.since(since));
    }
    figures.millis("change to last answer with the old one", old.unwrap_or(since).since(since));
    figures.whether("announced within 5 s", announced.is_some());
    if let Some(announced) = announced {
        figures.millis("change to announcement", announced.since(since));
    }
    Ok(figures)
}

fn filtered(lan: &mut Lan, _: Duration) -> Result<Figures, String> {
    let owner = settled(lan)?;
    let (seen, _) = during(lan, EVERY, Duration::from_secs(10), |lan| lan.filter(owner))?;
    lan.unfilter();
    let mut figures = Figures::default();
    figures.millis("two owners within 10 s", double(&seen.asked));
    let last = &seen.asked[seen.asked.len() - seen.asked.len() / 5..];
    let twice = last.iter().filter(|asked| asked.twice()).count() as f64;
    figures.add("answered by two in the last 2 s", "%", 100.0 * twice / last.len().max(1) as f64);
    Ok(figures)
}

fn idle(lan: &mut Lan, long: Duration) -> Result<Figures, String> {
    settled(lan)?;
    // Announcements of the start are over by then.
    thread::sleep(Duration::from_secs(20));
    let processes: Vec<Vec<i32>> = (0..lan.nodes.len()).map(|node| lan.processes(node)).collect::<Result<_, _>>()?;
    let before: Vec<f64> = processes.iter().map(|processes| process::cpu(processes)).collect();
    let long = long.max(Duration::from_secs(30));
    thread::sleep(long);
    let mut figures = Figures::default();
    for (processes, before) in processes.iter().zip(before) {
        figures.add("memory of each node", "MB", process::memory(processes) as f64 / 1024.0);
        figures.add("CPU of each node", "% of a core", 100.0 * (process::cpu(processes) - before) / long.as_secs_f64());
    }
    Ok(figures)
}

fn squatter(lan: &mut Lan, _: Duration) -> Result<Figures, String> {
    let IpAddr::V4(wanted) = address(lan) else { return Err("no address of IPv4".to_owned()) };
    let mut heard = Vec::new();
    let since = lan.clock.now();
    let client = Client::start(lan, IpAddr::V4(wanted), Way { every: Duration::from_millis(100), unicast: false })?;
    lan.start_all()?;
    while lan.clock.now() < since + Duration::from_secs(8) {
        let rogue = &mut lan.rogue;
        rogue.receive(rogue.now() + Duration::from_millis(20), &mut heard).map_err(|error| error.to_string())?;
        for received in heard.drain(..) {
            let Ok(Payload::Arp(packet)) = dissect(&received.frame).map(|dissected| dissected.payload) else {
                continue;
            };
            if packet.operation == Operation::Request && packet.target_ip == wanted && packet.sender_ip != wanted {
                let answer = compose::arp(packet.sender_mac, &Arp::reply(&packet, ROGUE));
                rogue.send(&[answer]).map_err(|error| error.to_string())?;
            }
        }
    }
    let seen = client.stop()?;
    let taken = seen.announced.iter().filter(|(_, node, address, _)| node.is_some() && *address == wanted).count();
    let answers = answers(&seen.asked).filter(|(_, node)| *node != usize::MAX).count();
    let mut figures = Figures::default();
    figures.whether("taken all the same", taken + answers > 0);
    figures.add("announcements", "frames", taken as f64);
    Ok(figures)
}

fn claim(lan: &mut Lan, _: Duration) -> Result<Figures, String> {
    let owner = settled(lan)?;
    // What a start announces is over.
    thread::sleep(Duration::from_secs(7));
    let IpAddr::V4(claimed) = address(lan) else { return Err("no address of IPv4".to_owned()) };
    let frame = compose::arp(MacAddr::BROADCAST, &Arp::announcement(ROGUE, claimed));
    let (seen, since) = during(lan, EVERY, Duration::from_secs(3), |lan| {
        let now = lan.clock.now();
        lan.rogue.send(&[frame]).map_err(|error| error.to_string())?;
        Ok(now)
    })?;
    let defence = seen
        .announced
        .iter()
        .filter(|(at, node, address, _)| *at >= since && *node == Some(owner) && *address == claimed);
    let mut figures = Figures::default();
    let mut defence = defence.map(|(at, ..)| *at);
    let first = defence.next();
    figures.whether("defended within 3 s", first.is_some());
    if let Some(first) = first {
        figures.millis("claim to defence", first.since(since));
    }
    Ok(figures)
}

fn healed(lan: &mut Lan, _: Duration) -> Result<Figures, String> {
    let owner = settled(lan)?;
    lan.split(&[owner])?;
    thread::sleep(Duration::from_secs(6));
    let (seen, since) = during(lan, EVERY, Duration::from_secs(5), |lan| lan.split(&[]))?;
    let mut figures = Figures::default();
    figures.millis("two owners", double(&seen.asked));
    let last = seen.asked.iter().rev().find_map(|asked| asked.answers.last());
    let remains = last.map(|(_, node)| *node).ok_or("nobody answers afterwards")?;
    let announced = seen.announced.iter().find(|(at, node, ..)| *at >= since && *node == Some(remains));
    figures.whether("the one that remains announces within 5 s", announced.is_some());
    if let Some((at, ..)) = announced {
        figures.millis("healing to its announcement", at.since(since));
    }
    Ok(figures)
}
