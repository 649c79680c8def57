//! Looks at the wire: runs the protocols of `poolcheck-lan` and writes down what they saw.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use indicatif::{ProgressBar, ProgressStyle};
use poolcheck_lan::dhcp::{DhcpProbe, MAX_SPOTS, Plan};
use poolcheck_lan::link::capture::{Reader, Recorder, Replay};
use poolcheck_lan::link::{self, Link, Wanted};
use poolcheck_lan::listen::{Listener, Noticed};
use poolcheck_lan::names::{Asker, By};
use poolcheck_lan::scan::{Ending, Profile, Scanner, Settings, Targets, WireState};
use poolcheck_lan::wire::MacAddr;
use poolcheck_lan::wire::dns::{self, HostName};
use poolcheck_lan::{Cancel, Error, Machine, Timestamp, drive};
use poolcheck_manifest::kinds::pool::PoolEntry;
use poolcheck_plan::facts::Role;
use poolcheck_plan::observed::{Moved, NamedBy, Observed, Seen, SeenOffer, SeenServer, Storm};
use poolcheck_plan::{AddrRange, SourceId, Span};
use poolcheck_rules::World;

use super::names::{self, Leases, Names};
use super::targets::{Aim, nodes};
use super::vendor::Vendors;
use super::{Run, THIS_MACHINE};
use crate::exit::Exit;
use crate::failure::Failure;

/// How to look.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    pub(crate) profile: Profile,
    pub(crate) max_pps: Option<u32>,
    /// Ask DHCP servers, too.
    pub(crate) dhcp: bool,
    /// Only listen, for so long.
    pub(crate) listen: Option<Duration>,
    /// Write all frames here.
    pub(crate) pcap: Option<PathBuf>,
    /// Show how far it is.
    pub(crate) progress: bool,
    /// Nodes by hardware address or address, as the user names them.
    pub(crate) nodes: Vec<Identity>,
    /// Other machines that may answer for a pool.
    pub(crate) allowed: Vec<MacAddr>,
    /// How names become known.
    pub(crate) names: Names,
    /// Files in which DHCP servers keep their leases.
    pub(crate) leases: Vec<PathBuf>,
}

/// A machine as a user names it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Identity {
    Mac(MacAddr),
    Address(IpAddr),
}

/// What looking brings.
#[derive(Debug, Default)]
pub(crate) struct Look {
    pub(crate) observed: Observed,
    pub(crate) run: Run,
}

/// The settings of a look, so that they can be told before it begins.
pub(crate) fn settings(aim: &Aim, manner: &Manner) -> Result<(Targets, Settings), Failure> {
    let known = aim.known.iter().copied().map(AddrRange::single);
    let targets = Targets::new(aim.ranges.iter().copied().chain(known)).map_err(|error| wire_failure(&error))?;
    let settings = Settings::new(manner.profile, targets.len());
    let settings = settings.soliciting_from(aim.interface.link_local());
    let settings = match manner.max_pps {
        Some(max) => settings.at_most(max),
        None => settings,
    };
    settings.check().map_err(|error| wire_failure(&error))?;
    Ok((targets, settings))
}

/// Looks at the segment of an interface.
pub(crate) fn look(world: &World<'_>, aim: &Aim, manner: &Manner, cancel: &Cancel) -> Result<Look, Failure> {
    let mut found = Found { leases: Leases::read(&manner.leases)?, ..Found::default() };
    let asked = Wanted::ARP.and(Wanted::NDP).and(Wanted::MDNS);
    let wanted = if manner.listen.is_some() { Wanted::ALL } else { asked };
    let mut link = open(aim, wanted, manner.pcap.as_deref())?;
    let mut run = Run { remarks: aim.remarks.clone(), ..Run::default() };
    let mac = aim.interface.mac;
    if let Some(length) = manner.listen {
        let began = link.now();
        let mut listening =
            Watch { inner: Listener::new(mac, began + length), bar: bar(manner, "listening"), began, length };
        let ended = drive(&mut listening, &mut link, cancel, |noticed| found.notice(&noticed));
        run.duration = link.now().since(began);
        run.cut_short = cut_short(ended.err(), cancel);
        found.heard(&listening.inner);
        found.names_heard(&listening.inner);
        found.names_leased();
    } else {
        let (targets, settings) = settings(aim, manner)?;
        let scanner = Scanner::new(mac, targets, settings, seed()).map_err(|error| wire_failure(&error))?;
        let mut asking = Asking {
            scanner,
            listener: Listener::new(mac, Timestamp::FAR_FUTURE),
            names: names::asker(aim, manner.names),
            room_at: Timestamp::ZERO,
            bar: bar(manner, "asking"),
        };
        let ended = drive(&mut asking, &mut link, cancel, |noticed| found.notice(&noticed));
        let lost = ended.err();
        if cancel.is_cancelled() || lost.is_some() {
            asking.scanner.cancel(link.now());
        }
        asking.bar.finish_and_clear();
        let report = asking.scanner.report();
        let named = asking.names.as_ref().map_or(0, Asker::frames);
        run = Run {
            addresses: report.addresses,
            unasked: report.unasked,
            frames: report.frames + named,
            duration: report.duration,
            wire: wire_words(report.wire),
            expected_missed: report.expected_missed,
            cut_short: cut_short(lost, cancel).or_else(|| {
                (report.ending == Ending::BudgetUsed).then(|| "the time that a scan may take was over".to_owned())
            }),
            ..run
        };
        if report.success.is_none() && run.cut_short.is_none() {
            run.remarks.push("nobody answered, so nothing is known of whether questions get through".to_owned());
        }
        if let Some(node) = own_node(world, manner, aim) {
            run.remarks.push(format!("this machine is {node}, and hears no answer of its own"));
        }
        found.asked = if report.ending == Ending::Complete { aim.ranges.clone() } else { Vec::new() };
        found.owners(&report);
        found.names_heard(&asking.listener);
        found.names_leased();
        if run.cut_short.is_none() {
            let nameless = found.seen.keys().filter(|key| !found.names.contains_key(key)).map(|(address, _)| *address);
            let nameless: BTreeSet<IpAddr> = nameless.collect();
            let room = |now| asking.scanner.make_room(now);
            let looked_up = names::look_up(aim, manner.names, nameless, report.duration, || link.now(), room, cancel);
            run.frames += looked_up.frames;
            run.remarks.extend(looked_up.remark);
            found.looked_up(&looked_up.names);
        }
    }
    if manner.dhcp && run.cut_short.is_none() {
        dhcp(aim, manner, cancel, &mut found, &mut run)?;
    }
    Ok(Look { observed: found.observed(world, aim, manner), run })
}

/// Reads a capture instead of looking.
pub(crate) fn replay(world: &World<'_>, file: &Path, manner: &Manner) -> Result<Look, Failure> {
    let refused = |message: String| {
        crate::session::usage(&message, "record one: tcpdump -w lan.pcap 'arp or icmp6 or udp port 67'")
    };
    let open = File::open(file).map_err(|error| refused(format!("{} cannot be read: {error}", file.display())))?;
    let reader = Reader::new(BufReader::new(open)).map_err(|error| refused(format!("{}: {error}", file.display())))?;
    let mut link =
        Replay::new(reader, MacAddr::ZERO).map_err(|error| refused(format!("{}: {error}", file.display())))?;
    let mut found = Found { leases: Leases::read(&manner.leases)?, ..Found::default() };
    let mut listener = Listener::new(MacAddr::ZERO, Timestamp::FAR_FUTURE);
    while !link.is_over() {
        let mut arrived = Vec::new();
        link.receive(Timestamp::FAR_FUTURE, &mut arrived).map_err(|error| wire_failure(&error))?;
        for received in arrived {
            listener.handle(received.at, &received.frame);
        }
        while let Some(noticed) = listener.poll_event() {
            found.notice(&noticed);
        }
    }
    found.heard(&listener);
    found.names_heard(&listener);
    found.names_leased();
    let mut observed = found.machines(world, manner, None);
    observed.interface = file.display().to_string();
    let run = Run { duration: link.now().since(Timestamp::ZERO), ..Run::default() };
    Ok(Look { observed, run })
}

/// A sentence and a remedy for what goes wrong on the way to the wire.
pub(crate) fn wire_failure(error: &Error) -> Failure {
    let help = match error {
        Error::Permission { .. } => {
            "sudo setcap cap_net_raw+ep $(command -v poolcheck)     (or run as root)\n\
             without that right, read what somebody recorded: poolcheck scan --replay lan.pcap"
        }
        Error::Interface { .. } => "name another interface with --interface",
        Error::TooManyTargets { .. } => "name the ranges that matter: poolcheck scan 192.168.1.240-192.168.1.250",
        _ => "",
    };
    let exit = match error {
        Error::Setting { .. } | Error::NoInterface { .. } | Error::TooManyTargets { .. } => Exit::Usage,
        _ => Exit::Unchecked,
    };
    Failure::plain(exit, &error.to_string(), help)
}

/// The link, recorded when asked for.
fn open(aim: &Aim, wanted: Wanted, pcap: Option<&Path>) -> Result<Box<dyn Link>, Failure> {
    let mut link = link::open(&aim.interface, wanted).map_err(|error| wire_failure(&error))?;
    if wanted.has(Wanted::MDNS) {
        // The network card drops groups that nobody asked for. The LAN is told nothing of this.
        let groups = [MacAddr::for_ipv4_multicast(dns::MULTICAST_V4), MacAddr::for_ipv6_multicast(dns::MULTICAST_V6)];
        for group in groups {
            link.join(group).map_err(|error| wire_failure(&error))?;
        }
    }
    let Some(path) = pcap else { return Ok(Box::new(link)) };
    let file = File::create(path).map_err(|error| {
        crate::session::usage(
            &format!("{} cannot be written: {error}", path.display()),
            "name a file in a folder that exists",
        )
    })?;
    let recorder = Recorder::new(link, BufWriter::new(file), SystemTime::now());
    Ok(Box::new(recorder.map_err(|error| wire_failure(&error))?))
}

pub(super) fn seed() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_nanos() as u64
}

fn cut_short(lost: Option<Error>, cancel: &Cancel) -> Option<String> {
    match lost {
        Some(error) => Some(format!("the interface went away ({error})")),
        None => cancel.is_cancelled().then(|| "it was interrupted".to_owned()),
    }
}

fn wire_words(wire: WireState) -> String {
    match wire {
        WireState::Unknown => String::new(),
        WireState::Clean => "nothing lost".to_owned(),
        WireState::Lossy { unanswered } => format!("{:.0} % of the questions were lost", unanswered * 100.0),
        WireState::Policed { rate } => format!("the LAN polices ARP: what exceeds about {rate:.0} a second is dropped"),
    }
}

/// Asks DHCP servers what they would give: the ends of the ranges, and which servers are about.
fn dhcp(aim: &Aim, manner: &Manner, cancel: &Cancel, found: &mut Found, run: &mut Run) -> Result<(), Failure> {
    let mut spots = Vec::new();
    for range in &aim.ranges {
        for end in [range.first(), range.last()] {
            if let IpAddr::V4(end) = end
                && !spots.contains(&end)
                && spots.len() < MAX_SPOTS
            {
                spots.push(end);
            }
        }
    }
    let plan = Plan { spots, solicit_from: aim.interface.link_local(), ..Plan::default() };
    let length = plan.duration();
    let mut link = open(aim, Wanted::DHCPV4.and(Wanted::DHCPV6).and(Wanted::NDP), None)?;
    let probe = DhcpProbe::new(aim.interface.mac, plan, seed()).map_err(|error| wire_failure(&error))?;
    let began = link.now();
    let mut asking = Watch { inner: probe, bar: bar(manner, "asking DHCP servers"), began, length };
    let ended = drive(&mut asking, &mut link, cancel, |_| {});
    asking.bar.finish_and_clear();
    run.cut_short = cut_short(ended.err(), cancel);
    let report = asking.inner.report();
    run.frames += report.discovers as u64;
    run.duration += link.now().since(began);
    for offer in &report.offers {
        found.server(offer.server.into(), Some(offer.mac));
        found.offers.push((offer.address.into(), offer.server.into()));
    }
    for advertisement in &report.advertisements {
        found.server(advertisement.source, Some(advertisement.mac));
    }
    for unexpected in &report.unexpected {
        let (server, address) = (unexpected.server, unexpected.address);
        run.remarks
            .push(format!("the DHCP server {server} answered a DISCOVER with {:?} for {address}", unexpected.kind));
    }
    if report.offers.is_empty() {
        run.remarks.push("no DHCP server offered anything".to_owned());
    } else if !report.offers.iter().any(|offer| aim.ranges.iter().any(|range| range.contains(offer.address.into()))) {
        run.remarks.push("no offer lies in a pool, which proves nothing: a server offers what it likes".to_owned());
    }
    if !report.sticky.is_empty() {
        let servers: Vec<String> = report.sticky.iter().map(ToString::to_string).collect();
        run.remarks.push(format!("{} offers the same address whatever is asked for", servers.join(", ")));
    }
    Ok(())
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Found {
    seen: BTreeMap<(IpAddr, MacAddr), Sight>,
    servers: Vec<(IpAddr, Option<MacAddr>)>,
    offers: Vec<(IpAddr, IpAddr)>,
    moved: BTreeMap<IpAddr, (MacAddr, MacAddr)>,
    storms: Vec<(IpAddr, MacAddr)>,
    asked: Vec<AddrRange>,
    names: BTreeMap<(IpAddr, MacAddr), (String, NamedBy)>,
    leases: Leases,
}

#[derive(Debug, Clone, Copy)]
struct Sight {
    via: MacAddr,
    count: u32,
    after: Option<Duration>,
}

impl Found {
    fn notice(&mut self, noticed: &Noticed) {
        match noticed {
            Noticed::Sighting(_) | Noticed::Router(_) | Noticed::Name(_) => {}
            Noticed::Moved { address, from, to, .. } => {
                self.moved.insert(*address, (*from, *to));
            }
            Noticed::Storm { address, mac, .. } => self.storms.push((*address, *mac)),
            Noticed::Lease(lease) => self.server(lease.server.into(), None),
            Noticed::Server { server, mac, .. } => self.server(*server, Some(*mac)),
        }
    }

    fn server(&mut self, address: IpAddr, mac: Option<MacAddr>) {
        match self.servers.iter_mut().find(|(known, _)| *known == address) {
            Some((_, known)) => *known = known.or(mac),
            None => self.servers.push((address, mac)),
        }
    }

    fn heard(&mut self, listener: &Listener) {
        for (address, owners) in listener.heard() {
            for heard in owners {
                let sight = Sight { via: heard.mac, count: heard.count, after: None };
                self.seen.entry((*address, heard.mac)).or_insert(sight);
            }
        }
    }

    fn names_heard(&mut self, listener: &Listener) {
        for (address, mac) in self.seen.keys() {
            if let Some((name, by)) = listener.name(*mac, *address) {
                let by = match by {
                    By::Mdns => NamedBy::Mdns,
                    By::Dhcp => NamedBy::Dhcp,
                };
                self.names.insert((*address, *mac), (name.to_string(), by));
            }
        }
    }

    /// What is not known by the machines' own words DHCP servers may have noted.
    fn names_leased(&mut self) {
        for (address, mac) in self.seen.keys() {
            if let Some(name) = self.leases.name(*address, &mac.to_string()) {
                self.names.entry((*address, *mac)).or_insert_with(|| (name.to_owned(), NamedBy::Leases));
            }
        }
    }

    /// Of two machines at one address a DNS server cannot say which one it means.
    fn looked_up(&mut self, names: &BTreeMap<IpAddr, HostName>) {
        for (address, name) in names {
            let mut here = self.seen.keys().filter(|(seen, _)| seen == address);
            if let (Some(key), None) = (here.next(), here.next()) {
                self.names.entry(*key).or_insert_with(|| (name.to_string(), NamedBy::Dns));
            }
        }
    }

    fn owners(&mut self, report: &poolcheck_lan::scan::Report) {
        for (address, owners) in &report.found {
            for owner in owners {
                let sight = Sight { via: owner.sender, count: owner.count, after: owner.delay };
                self.seen.insert((*address, owner.mac), sight);
            }
        }
    }

    fn observed(&self, world: &World<'_>, aim: &Aim, manner: &Manner) -> Observed {
        let mut observed = self.machines(world, manner, Some(aim));
        observed.interface.clone_from(&aim.interface.name);
        observed.subnets = aim.interface.addresses.iter().map(ipnet::IpNet::trunc).collect();
        observed.asked = self.asked.iter().copied().collect();
        observed.considered = aim.considered.iter().map(|range| (*range, NOWHERE)).collect();
        observed
    }

    /// Who the machines are, as far as manifests, facts and the user say.
    fn machines(&self, world: &World<'_>, manner: &Manner, aim: Option<&Aim>) -> Observed {
        let trusted = self.trusted(world, manner, aim);
        let names = names::Written::of(world);
        let vendors = Vendors::of(self.seen.keys().map(|(_, mac)| *mac));
        let seen = self.seen.iter().map(|((address, mac), sight)| {
            let written = names.of_machine(*address, &mac.to_string()).map(|name| (name, NamedBy::Facts));
            let (name, named_by) = written.or_else(|| self.names.get(&(*address, *mac)).cloned()).unzip();
            Seen {
                address: *address,
                mac: mac.to_string(),
                via: (sight.via != *mac).then(|| sight.via.to_string()),
                count: sight.count,
                after: sight.after,
                vendor: vendors.name(*mac),
                name,
                named_by,
                since: None,
                place: NOWHERE,
            }
        });
        // Nobody is asked for these: the kernel knows.
        let own = aim.map(|aim| {
            let asked = |address: IpAddr| {
                aim.known.contains(&address) || aim.ranges.iter().any(|range| range.contains(address))
            };
            let addresses = aim.interface.addresses.iter().map(ipnet::IpNet::addr).filter(move |own| asked(*own));
            addresses.map(|address| Seen {
                address,
                mac: aim.interface.mac.to_string(),
                via: None,
                count: 0,
                after: None,
                vendor: None,
                name: None,
                named_by: None,
                since: None,
                place: NOWHERE,
            })
        });
        let now = jiff::Timestamp::now();
        let pools = || world.pools.iter().flat_map(|pool| &pool.entries).filter_map(PoolEntry::range);
        let matters = |address: IpAddr| {
            let asked = aim.is_some_and(|aim| aim.ranges.iter().any(|range| range.contains(address)));
            asked || pools().any(|range| range.contains(address))
        };
        let server = |(address, mac): &(IpAddr, Option<MacAddr>)| SeenServer {
            address: *address,
            mac: mac.map(|mac| mac.to_string()),
            place: NOWHERE,
        };
        Observed {
            at: Some(now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            on_node: aim.is_some_and(|aim| own_node(world, manner, aim).is_some()),
            trusted,
            seen: own.into_iter().flatten().chain(seen).collect(),
            servers: self.servers.iter().map(server).collect(),
            offers: self
                .offers
                .iter()
                .map(|(address, server)| SeenOffer { address: *address, server: *server, place: NOWHERE })
                .collect(),
            leases: self.leases.current(now, matters),
            moved: self
                .moved
                .iter()
                .map(|(address, (from, to))| Moved {
                    address: *address,
                    from: from.to_string(),
                    to: to.to_string(),
                    place: NOWHERE,
                })
                .collect(),
            storms: self
                .storms
                .iter()
                .map(|(address, mac)| Storm { address: *address, mac: mac.to_string(), place: NOWHERE })
                .collect(),
            ..Observed::default()
        }
    }

    fn trusted(&self, world: &World<'_>, manner: &Manner, aim: Option<&Aim>) -> BTreeMap<String, String> {
        let mut trusted: BTreeMap<String, String> = BTreeMap::new();
        for mac in &manner.allowed {
            trusted.insert(mac.to_string(), "allowed".to_owned());
        }
        let mut at_address: Vec<(IpAddr, String)> = nodes(world).collect();
        for identity in &manner.nodes {
            match identity {
                Identity::Mac(mac) => {
                    trusted.insert(mac.to_string(), "node".to_owned());
                }
                Identity::Address(address) => at_address.push((*address, format!("node {address}"))),
            }
        }
        for host in world.facts.segments.iter().flat_map(|segment| &segment.hosts) {
            if let (Role::Node, Some(mac)) = (host.value.role, &host.value.mac) {
                let name = host.value.name.clone().unwrap_or_else(|| host.value.address.to_string());
                trusted.insert(mac.clone(), format!("node {name}"));
            }
        }
        for (address, name) in at_address {
            let mut owners = self.seen.keys().filter(|(seen, _)| *seen == address).map(|(_, mac)| mac.to_string());
            // Two machines at a node's address: which of them is the node cannot be said.
            if let (Some(mac), None) = (owners.next(), owners.next()) {
                trusted.insert(mac, name);
            }
        }
        if let Some(aim) = aim {
            let node = own_node(world, manner, aim).map_or_else(String::new, |node| format!(", {node}"));
            trusted.insert(aim.interface.mac.to_string(), format!("{THIS_MACHINE}{node}"));
        }
        trusted
    }
}

/// The node that this machine is, if it is one.
fn own_node(world: &World<'_>, manner: &Manner, aim: &Aim) -> Option<String> {
    let own = |address: IpAddr| aim.interface.addresses.iter().any(|net| net.addr() == address);
    let written = nodes(world).find(|(address, _)| own(*address)).map(|(_, name)| name);
    let host = || {
        let mac = aim.interface.mac.to_string();
        let hosts = world.facts.segments.iter().flat_map(|segment| &segment.hosts);
        let mut own = hosts.filter(|host| host.value.role == Role::Node && host.value.mac.as_ref() == Some(&mac));
        own.next()
            .map(|host| format!("node {}", host.value.name.clone().unwrap_or_else(|| host.value.address.to_string())))
    };
    let named = || {
        let own = manner.nodes.iter().any(|identity| match identity {
            Identity::Mac(mac) => *mac == aim.interface.mac,
            Identity::Address(address) => own(*address),
        });
        own.then(|| "node".to_owned())
    };
    written.or_else(host).or_else(named)
}

/// A record that is not written down yet has no places; its text gives them.
pub(super) const NOWHERE: Span = Span { source: SourceId(0), start: 0, end: 0 };

fn bar(manner: &Manner, what: &'static str) -> ProgressBar {
    if !manner.progress {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{msg} {wide_bar} {percent} %").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(1000).with_style(style).with_message(what)
}

/// Shows a share of 0 to 1.
fn show(bar: &ProgressBar, share: f64) {
    let thousandths = Duration::from_secs_f64(share.clamp(0.0, 1.0)).as_millis();
    bar.set_position(thousandths as u64);
}

/// The scanner, with an ear for what is said unasked, and a question for the names of those who answer.
struct Asking {
    scanner: Scanner,
    listener: Listener,
    names: Option<Asker>,
    /// A question for names has no room in the rate before.
    room_at: Timestamp,
    bar: ProgressBar,
}

impl Asking {
    /// The next question for names, within the rate that was promised for all frames.
    fn ask_for_names(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        let names = self.names.as_mut()?;
        while let Some(seen) = self.scanner.poll_event() {
            names.ask(seen.address, now);
        }
        if self.scanner.poll_timeout().is_none() {
            names.end(now);
        }
        if names.is_due(now)
            && let Err(room_at) = self.scanner.make_room(now)
        {
            self.room_at = room_at;
            return None;
        }
        names.poll_output(now)
    }
}

impl Machine for Asking {
    type Event = Noticed;

    fn handle(&mut self, at: Timestamp, frame: &[u8]) {
        self.scanner.handle(at, frame);
        self.listener.handle(at, frame);
        if let Some(names) = &mut self.names {
            // The listener keeps them.
            names.handle(at, frame);
            while names.poll_event().is_some() {}
        }
    }

    fn poll_output(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        show(&self.bar, self.scanner.progress());
        let probe = self.scanner.poll_output(now);
        probe.or_else(|| self.ask_for_names(now))
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let names = self.names.as_ref().and_then(Machine::poll_timeout).map(|next| next.max(self.room_at));
        [self.scanner.poll_timeout(), names].into_iter().flatten().min()
    }

    fn poll_event(&mut self) -> Option<Noticed> {
        self.listener.poll_event()
    }
}

/// A machine that takes a known time, with a bar.
struct Watch<M> {
    inner: M,
    bar: ProgressBar,
    began: Timestamp,
    length: Duration,
}

impl<M: Machine> Machine for Watch<M> {
    type Event = M::Event;

    fn handle(&mut self, at: Timestamp, frame: &[u8]) {
        self.inner.handle(at, frame);
    }

    fn poll_output(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        let share = now.since(self.began).as_secs_f64() / self.length.as_secs_f64().max(0.001);
        show(&self.bar, share);
        self.inner.poll_output(now)
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.inner.poll_timeout()
    }

    fn poll_event(&mut self) -> Option<M::Event> {
        self.inner.poll_event()
    }
}
