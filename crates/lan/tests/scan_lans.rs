//! The scanner on the LANs of the measurements, in memory: what it finds, how long that takes on the virtual clock, and
//! that it stays within its bounds.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use poolcheck_lan::scan::{Ending, How, Profile, Report, Scanner, Settings, Targets, WireState};
use poolcheck_lan::sim::{Conditions, Host, Lan, Policer};
use poolcheck_lan::wire::{MacAddr, Payload, arp, dissect, ndp};
use poolcheck_lan::{Cancel, Run, Timestamp, drive};
use poolcheck_plan::AddrRange;

/// So many seeds; `cargo xtask soak` asks for more, and others.
fn seeds(count: u64) -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first = number("POOLCHECK_SOAK_FIRST").unwrap_or(0);
    first..first + count * number("POOLCHECK_SOAK_FACTOR").unwrap_or(1)
}

const SCANNER: MacAddr = MacAddr([2, 0x5c, 0, 0, 0, 1]);

/// A LAN to be, and what is true of it.
struct Plan {
    range: AddrRange,
    conditions: Conditions,
    hosts: Vec<Host>,
    policer: Option<Policer>,
    profile: Profile,
}

impl Plan {
    fn new(profile: Profile, range: &str) -> Self {
        let range = poolcheck_plan::syntax::parse_range(range).unwrap();
        Self { range, conditions: Conditions::default(), hosts: Vec::new(), policer: None, profile }
    }

    /// `live` hosts on addresses drawn from the seed, the first `twins` of them with a second owner.
    fn with_hosts(mut self, seed: u64, live: usize, twins: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let size = u32::try_from(self.range.size()).unwrap();
        let mut offsets: Vec<u32> = Vec::new();
        while offsets.len() < live {
            let offset = random.u32(1..size - 1);
            if !offsets.contains(&offset) {
                offsets.push(offset);
            }
        }
        for (n, offset) in offsets.iter().enumerate() {
            let address = self.range.family().address(self.range.first_number() + u128::from(*offset));
            self.hosts.push(Host::new(mac(2, n), [address]));
            if n < twins {
                self.hosts.push(Host::new(mac(0xdd, n), [address]));
            }
        }
        self
    }

    fn run(self, seed: u64) -> Outcome {
        let lan = Lan::new(seed, self.conditions);
        let mut truth: BTreeMap<IpAddr, Vec<MacAddr>> = BTreeMap::new();
        for host in &self.hosts {
            for address in &host.addresses {
                truth.entry(*address).or_default().push(host.mac);
            }
            lan.add(host.clone());
        }
        let mut link = lan.attach(SCANNER);
        if let Some(policer) = self.policer {
            lan.police(&link, policer);
        }
        let targets = Targets::new([self.range]).unwrap();
        let settings = Settings::new(self.profile, targets.len());
        let max_pps = settings.max_pps;
        let mut scanner = Scanner::new(SCANNER, targets, settings, seed).unwrap();
        let budget = scanner.forecast().budget;
        let run = drive(&mut scanner, &mut link, &Cancel::default(), drop).unwrap();
        assert_eq!(run, Run::Finished);
        let report = scanner.report();
        check_manners(&lan, max_pps, self.range);
        assert!(report.duration <= budget + Duration::from_millis(1));
        assert_eq!(report.frames, lan.sent().len() as u64);
        for (address, owners) in &report.found {
            let owned = truth.get(address).map_or(&[][..], Vec::as_slice);
            assert!(owners.iter().all(|owner| owned.contains(&owner.mac)), "{address} is not {owners:?}");
        }
        Outcome { truth, report }
    }
}

struct Outcome {
    truth: BTreeMap<IpAddr, Vec<MacAddr>>,
    report: Report,
}

impl Outcome {
    /// (address, owner) pairs found, and all there are.
    fn pairs(&self) -> (usize, usize) {
        (self.report.found.values().map(Vec::len).sum(), self.truth.values().map(Vec::len).sum())
    }

    fn is_full(&self) -> bool {
        self.pairs().0 == self.pairs().1
    }

    fn seconds(&self) -> f64 {
        self.report.duration.as_secs_f64()
    }
}

fn mac(kind: u8, n: usize) -> MacAddr {
    let [.., a, b] = n.to_be_bytes();
    MacAddr([2, kind, 0, 0, a, b])
}

/// Nothing but probes for addresses of the range left, no neighbour learned anything, no second had too many frames.
fn check_manners(lan: &Lan, max_pps: u32, range: AddrRange) {
    assert!(lan.learned().is_empty());
    let sent = lan.sent();
    for frame in &sent {
        let allowed = match dissect(&frame.frame).unwrap().payload {
            Payload::Arp(packet) => packet.kind() == arp::Kind::Probe && range.contains(packet.target_ip.into()),
            Payload::Ndp(header, ndp::Repr::NeighborSolicitation { target, options }) => {
                header.source == Ipv6Addr::UNSPECIFIED && options.is_empty() && range.contains(target.into())
            }
            _ => false,
        };
        assert!(allowed, "{frame:?}");
    }
    for window in sent.windows(max_pps as usize + 1) {
        assert!(window[window.len() - 1].at.since(window[0].at) >= Duration::from_secs(1));
    }
}

/// Found and all (address, owner) pairs of many runs, and the median of their durations.
fn pooled(runs: &[Outcome]) -> (f64, f64) {
    let (found, all) = runs.iter().map(Outcome::pairs).fold((0, 0), |sum, pairs| (sum.0 + pairs.0, sum.1 + pairs.1));
    let mut seconds: Vec<f64> = runs.iter().map(Outcome::seconds).collect();
    seconds.sort_by(f64::total_cmp);
    (found as f64 / all as f64, seconds[seconds.len() / 2])
}

#[test]
fn a_clean_lan_is_found_in_full() {
    for seed in seeds(500) {
        let run = Plan::new(Profile::Default, "10.77.0.0/24").with_hosts(seed, 40, 3).run(seed);
        assert!(run.is_full(), "seed {seed}: {:?}", run.pairs());
        assert_eq!((run.report.ending, run.report.wire), (Ending::Complete, WireState::Clean), "seed {seed}");
        assert_eq!(run.report.conflicts().count(), 3);
        assert!(run.report.expected_missed.unwrap() < 0.2);
        assert!(run.seconds() < 0.887, "0.45 of the peer's 1.97 s; seed {seed}: {}", run.seconds());
    }
}

#[test]
fn a_fast_scan_is_full_too() {
    for seed in seeds(300) {
        let run = Plan::new(Profile::Fast, "10.77.0.0/24").with_hosts(seed, 40, 3).run(seed);
        assert!(run.is_full(), "seed {seed}: {:?}", run.pairs());
        assert!(run.seconds() < 0.158, "0.08 of the peer's 1.97 s; seed {seed}: {}", run.seconds());
    }
}

#[test]
fn big_lans() {
    for seed in seeds(1) {
        for (profile, range, live, limit) in [
            (Profile::Default, "10.77.0.0/22", 150, 1.43),
            (Profile::Fast, "10.77.0.0/22", 150, 0.57),
            (Profile::Default, "10.77.0.0/16", 1000, 26.1),
            (Profile::Fast, "10.77.0.0/16", 1000, 6.5),
        ] {
            let run = Plan::new(profile, range).with_hosts(seed, live, 3).run(seed);
            assert!(run.is_full(), "seed {seed}, {range} {profile:?}: {:?}", run.pairs());
            assert!(run.seconds() < limit, "seed {seed}, {range} {profile:?}: {}", run.seconds());
        }
    }
}

#[test]
fn a_lossy_lan_is_asked_more_often() {
    for (loss, limit) in [(0.05, 1.1), (0.1, 1.3), (0.2, 1.6), (0.3, 1.85)] {
        let run = |seed| {
            let mut plan = Plan::new(Profile::Default, "10.77.0.0/24").with_hosts(seed, 50, 0);
            plan.conditions.loss = loss;
            plan.run(seed)
        };
        let runs: Vec<Outcome> = seeds(100).map(run).collect();
        let (recall, seconds) = pooled(&runs);
        assert!(recall >= 0.99, "{loss}: {recall}");
        assert!(seconds < limit, "{loss}: {seconds}");
        let told = runs.iter().filter(|run| matches!(run.report.wire, WireState::Lossy { .. })).count();
        assert!(told * 100 >= runs.len() * 97, "{loss}: {told} of {} say so", runs.len());
    }
}

/// Waiting for each answer of a slow host in turn would double the scan.
#[test]
fn slow_hosts_do_not_hold_up_a_lossy_lan() {
    let run = |seed| {
        let mut plan = Plan::new(Profile::Default, "10.77.0.0/24").with_hosts(seed, 50, 0);
        plan.conditions.loss = 0.3;
        let late = Duration::from_millis(200);
        plan.hosts.iter_mut().take(10).for_each(|host| *host = host.clone().late(late, late));
        plan.run(seed)
    };
    let (recall, seconds) = pooled(&seeds(100).map(run).collect::<Vec<_>>());
    assert!(recall >= 0.99, "{recall}");
    assert!(seconds < 1.9, "{seconds}");
}

#[test]
fn a_policed_lan_is_found_at_its_own_pace() {
    let run = |seed| {
        let mut plan = Plan::new(Profile::Default, "10.77.0.0/24").with_hosts(seed, 40, 0);
        plan.policer = Some(Policer { rate: 100.0, burst: 50.0 });
        plan.run(seed)
    };
    let runs: Vec<Outcome> = seeds(150).map(run).collect();
    let (recall, seconds) = pooled(&runs);
    assert!(recall >= 0.98, "{recall}");
    assert!(seconds < 6.0, "{seconds}");
    let told = runs.iter().filter(|run| matches!(run.report.wire, WireState::Policed { .. })).count();
    assert!(told * 100 >= runs.len() * 97, "{told} of {} say so", runs.len());
}

#[test]
fn a_lan_policed_too_hard_is_never_called_clean() {
    let run = |seed| {
        let mut plan = Plan::new(Profile::Default, "10.77.0.0/24").with_hosts(seed, 40, 0);
        plan.policer = Some(Policer { rate: 20.0, burst: 50.0 });
        plan.run(seed)
    };
    let runs: Vec<Outcome> = seeds(50).map(run).collect();
    assert!(pooled(&runs).0 > 0.95);
    for run in &runs {
        assert!(run.is_full() || run.report.wire != WireState::Clean, "{:?}", run.report.wire);
    }
}

#[test]
fn a_late_second_owner_of_one_address_is_heard() {
    let address = IpAddr::from([10, 77, 0, 50]);
    for seed in seeds(300) {
        let late = Duration::from_millis(seed % 300 * 800 / 299);
        let mut plan = Plan::new(Profile::Default, "10.77.0.50");
        plan.hosts = vec![Host::new(mac(2, 1), [address]), Host::new(mac(2, 2), [address]).late(late, late)];
        let run = plan.run(seed);
        assert!(run.is_full(), "{late:?} late");
        assert!(run.report.found[&address][0].mac == mac(2, 1) || late < Duration::from_millis(1));
    }
}

#[test]
fn late_second_owners_on_a_subnet_are_heard() {
    for seed in seeds(100) {
        let mut plan = Plan::new(Profile::Default, "10.77.0.0/24").with_hosts(seed, 40, 5);
        for host in plan.hosts.iter_mut().filter(|host| host.mac.0[1] == 0xdd) {
            *host = host.clone().late(Duration::ZERO, Duration::from_millis(500));
        }
        let run = plan.run(seed);
        assert!(run.is_full(), "seed {seed}: {:?}", run.pairs());
        assert!(run.seconds() < 0.95, "seed {seed}: {}", run.seconds());
    }
}

#[test]
fn duplicated_and_reordered_frames_invent_nobody() {
    for seed in seeds(200) {
        let mut plan = Plan::new(Profile::Default, "10.77.0.0/25").with_hosts(seed, 20, 3);
        plan.conditions.duplication = 0.3;
        plan.conditions.delay = Duration::from_micros(10)..=Duration::from_millis(30);
        let run = plan.run(seed);
        assert!(run.is_full(), "seed {seed}: {:?}", run.pairs());
        assert_ne!(run.report.wire, WireState::Unknown);
    }
}

#[test]
fn proxy_arp_is_one_machine() {
    for seed in seeds(50) {
        let mut plan = Plan::new(Profile::Default, "10.77.0.0/27").with_hosts(seed, 3, 0);
        plan.hosts.push(Host::new(mac(0x71, 1), (0..32).map(|n| IpAddr::from([10, 77, 0, n]))));
        let many = plan.run(seed).report.holders_of_many(4);
        assert_eq!(many.into_iter().map(|(mac, held)| (mac, held.len())).collect::<Vec<_>>(), [(mac(0x71, 1), 32)]);
    }
}

#[test]
fn a_device_deaf_to_probes_is_heard_when_it_speaks() {
    let address = IpAddr::from([10, 77, 0, 9]);
    for seed in seeds(50) {
        let lan = Lan::new(seed, Conditions::default());
        lan.add(Host::new(mac(2, 9), [address]).probe_deaf());
        lan.announce(Timestamp::from_millis(seed % 50 * 10), mac(2, 9), address);
        let mut link = lan.attach(SCANNER);
        let targets = Targets::new([AddrRange::single(address)]).unwrap();
        let mut scanner = Scanner::new(SCANNER, targets, Settings::new(Profile::Default, 1), seed).unwrap();
        drive(&mut scanner, &mut link, &Cancel::default(), drop).unwrap();
        let owner = &scanner.report().found[&address][0];
        assert_eq!((owner.mac, owner.how, owner.delay), (mac(2, 9), How::Announcement, None));
    }
}

#[test]
fn neighbors_of_ipv6() {
    for seed in seeds(150) {
        let run = Plan::new(Profile::Default, "fd00:77::/120").with_hosts(seed, 20, 2).run(seed);
        assert!(run.is_full(), "seed {seed}: {:?}", run.pairs());
    }
}

/// Machines that drop what comes from `::` answer our own address; nobody else is asked by it, so nobody else learns it.
#[test]
fn neighbors_deaf_to_duplicate_address_detection_are_found_from_our_own_address() {
    let own: Ipv6Addr = "fe80::5cff:fe00:1".parse().unwrap();
    let scan = |seed, loss, from| {
        let plan = Plan::new(Profile::Default, "fd00:77::/120").with_hosts(seed, 20, 0);
        let lan = Lan::new(seed, Conditions { loss, ..Conditions::default() });
        for (n, host) in plan.hosts.iter().enumerate() {
            lan.add(if n < 10 { host.clone().probe_deaf() } else { host.clone() });
        }
        let mut link = lan.attach(SCANNER);
        let targets = Targets::new([plan.range]).unwrap();
        let settings = Settings::new(Profile::Default, targets.len()).soliciting_from(from);
        let mut scanner = Scanner::new(SCANNER, targets, settings, seed).unwrap();
        drive(&mut scanner, &mut link, &Cancel::default(), drop).unwrap();
        (scanner.report(), lan)
    };
    let mut found = 0;
    for seed in seeds(50) {
        let (report, lan) = scan(seed, 0.0, Some(own));
        assert_eq!(report.found.len(), 20, "seed {seed}");
        assert_eq!(report.wire, WireState::Clean, "seed {seed}: who is deaf loses nothing");
        let deaf = |mac: MacAddr| mac.0[5] < 10;
        assert!(lan.learned().iter().all(|(host, address, mac)| deaf(*host) && *address == own && *mac == SCANNER));
        let asked = |from: Ipv6Addr| {
            let sent = lan.sent();
            let by = sent.iter().filter(|sent| match dissect(&sent.frame).unwrap().payload {
                Payload::Ndp(header, ndp::Repr::NeighborSolicitation { options, .. }) => {
                    assert_eq!(options.is_empty(), header.source.is_unspecified(), "RFC 4861 section 4.3");
                    header.source == from
                }
                other => panic!("{other:?}"),
            });
            by.count()
        };
        assert!(asked(own) > 0 && asked(own) + asked(Ipv6Addr::UNSPECIFIED) == lan.sent().len());
        assert_eq!(scan(seed, 0.0, None).0.found.len(), 10, "seed {seed}: without it they are not found");
        found += scan(seed, 0.2, Some(own)).0.found.len();
    }
    assert!(found * 100 >= seeds(50).count() * 20 * 99, "with a fifth of the frames lost: {found}");
}

/// No LAN, however bad, breaks the invariants that `Plan::run` asserts: bounds, manners, an end, and no false sighting.
#[test]
fn any_lan() {
    for seed in seeds(300) {
        let mut random = fastrand::Rng::with_seed(seed);
        let profile = [Profile::Default, Profile::Fast][random.usize(..2)];
        let range = ["10.77.0.0/26", "10.77.0.0/24", "10.77.0.7", "fd00::/121"][random.usize(..4)];
        let live = if range == "10.77.0.7" { 0 } else { random.usize(..30) };
        let mut plan = Plan::new(profile, range).with_hosts(seed, live, live / 4);
        plan.conditions.loss = random.f64() * 0.6;
        plan.conditions.duplication = random.f64() * 0.5;
        plan.conditions.delay = Duration::ZERO..=Duration::from_millis(random.u64(0..200));
        if random.bool() {
            plan.policer = Some(Policer { rate: 5.0 + random.f64() * 2000.0, burst: 1.0 + random.f64() * 100.0 });
        }
        for host in &mut plan.hosts {
            if random.u8(..5) == 0 {
                *host = host.clone().late(Duration::ZERO, Duration::from_millis(random.u64(..1500)));
            }
            host.probe_deaf = random.u8(..10) == 0;
        }
        let report = plan.run(seed).report;
        assert!(report.duration > Duration::ZERO && report.frames > 0);
    }
}

#[test]
fn settings_that_make_no_scan_are_refused() {
    let targets = || Targets::new([AddrRange::single(IpAddr::from([10, 0, 0, 1]))]).unwrap();
    let with = |change: fn(&mut Settings)| {
        let mut settings = Settings::new(Profile::Default, 1);
        change(&mut settings);
        Scanner::new(SCANNER, targets(), settings, 1).is_err()
    };
    assert!(!with(|_| ()));
    assert!(with(|s| s.max_pps = 1));
    assert!(with(|s| s.max_pps = 1_000_000));
    assert!(with(|s| s.miss = 0.0));
    assert!(with(|s| s.miss = f64::NAN));
    assert!(with(|s| s.blind_asks = 0));
}

/// Where nobody answers, the last round is slow, and no slower than that.
#[test]
fn an_empty_subnet_is_asked_slowly_once() {
    for (range, limit) in [("10.77.0.0/24", 4.5), ("10.77.0.0/22", 5.5), ("10.77.0.240-10.77.0.250", 1.2)] {
        let report = Plan::new(Profile::Default, range).run(1).report;
        assert_eq!((report.wire, report.asks, report.success), (WireState::Unknown, 4, None), "{range}");
        assert!(report.duration.as_secs_f64() < limit, "{range}: {:?}", report.duration);
    }
    let fast = Plan::new(Profile::Fast, "10.77.0.0/24").run(1).report;
    assert!(fast.duration.as_secs_f64() < 0.3, "{:?}", fast.duration);
}

/// A loss that happens to take all that one machine answers is not called policing.
#[test]
fn few_hosts_on_a_lossy_lan() {
    let run = |seed| {
        let mut plan = Plan::new(Profile::Default, "10.77.0.0/24").with_hosts(seed, 2, 0);
        plan.conditions.loss = 0.4;
        plan.run(seed)
    };
    let runs: Vec<Outcome> = seeds(300).map(run).collect();
    let policed = runs.iter().filter(|run| matches!(run.report.wire, WireState::Policed { .. })).count();
    assert!(policed * 20 <= runs.len(), "{policed} of {}", runs.len());
}

/// Few hosts tell little of the LAN: what they tell must suffice, or the report must not sound sure.
#[test]
fn a_policed_lan_with_few_hosts() {
    for (rate, live, least) in
        [(100.0, 3, 0.98), (100.0, 5, 0.98), (100.0, 15, 0.95), (500.0, 40, 0.93), (1000.0, 40, 0.95)]
    {
        let run = |seed| {
            let mut plan = Plan::new(Profile::Default, "10.77.0.0/24").with_hosts(seed, live, 0);
            plan.policer = Some(Policer { rate, burst: 50.0 });
            plan.run(seed)
        };
        let runs: Vec<Outcome> = seeds(50).map(run).collect();
        let recall = pooled(&runs).0;
        assert!(recall >= least, "{live} hosts, {rate} a second: {recall}");
        let unknown = runs.iter().filter(|run| run.report.wire == WireState::Unknown).count();
        assert_eq!(unknown, 0, "{live} hosts, {rate} a second: the last round is slow enough to be heard");
        let told = runs.iter().filter(|run| matches!(run.report.wire, WireState::Policed { .. })).count();
        assert!(told * 100 >= runs.len() * 80, "{live} hosts, {rate} a second: {told} of {} say so", runs.len());
        let sure = runs.iter().filter(|run| !run.is_full() && run.report.wire == WireState::Clean).count();
        assert!(
            sure * 50 <= runs.len(),
            "{live} hosts, {rate} a second: {sure} runs missed hosts and called the LAN clean"
        );
    }
}
