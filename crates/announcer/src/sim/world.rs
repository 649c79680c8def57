//! The clock of a run, and all that happens by it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use poolcheck_lan::wire::MacAddr;
use poolcheck_lan::{Machine, Timestamp};

use super::Mutation;
use super::actors::{Actor, Attacker, Client, Doing, Phone, Squatter};
use super::invariants::{Checker, Violation};
use super::network::{self, Network};
use super::scenario::{Fault, Scenario};
use super::timeline::Timeline;
use crate::liveness::{Key, Message, Refused, is_message, is_plain_beat};
use crate::node::{Announcer, LinkFacts};
use crate::settings::{Settings, Want};

/// The nodes' cluster.
const CLUSTER: &str = "sim";
/// What a socket holds while its process does not read.
const SOCKET: usize = 512;
/// How often what lasts is looked at.
const TICK: Duration = Duration::from_millis(20);

/// How a run went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The first broken promise, which ended the run.
    pub violation: Option<Violation>,
    /// What happened.
    pub timeline: Timeline,
    /// A number made of every frame and its moment: the same for the same run.
    pub digest: u64,
    /// Frames sent.
    pub frames: u64,
    /// How long nodes ran, all together.
    pub node_time: Duration,
}

#[derive(Debug, Clone)]
enum Happening {
    Frame { from: usize, to: usize, frame: Rc<Frame> },
    Wake(usize),
    Host(usize),
    Start(usize),
    Fault(usize),
    Tick,
}

/// A frame on its way, to all who hear it.
#[derive(Debug)]
struct Frame {
    octets: Vec<u8>,
    /// What it says if it is a message of nodes: read once, for it says the same to everyone.
    message: Option<Result<Message, Refused>>,
}

/// When by the receiver's clock, from which port, and what.
type Arrived = (Timestamp, usize, Rc<Frame>);

/// A process and its machine.
struct Node {
    core: Option<Box<Announcer>>,
    /// Nanoseconds that its clock shows when the world's shows none, and parts per million that it is fast.
    clock: (u64, i64),
    frozen: bool,
    slow: Duration,
    inbox: VecDeque<Arrived>,
    /// Beats that wait until something is due, as in the driver, by their arrival; those on their way are here, too, for
    /// nothing happens when they arrive.
    beats: VecDeque<Arrived>,
    wake: Timestamp,
    lives: u64,
    macs: u8,
    ready: Vec<bool>,
}

impl Node {
    fn local(&self, now: Timestamp) -> Timestamp {
        let drift = i128::from(now.as_nanos()) * i128::from(self.clock.1) / 1_000_000;
        let local = i128::from(self.clock.0) + i128::from(now.as_nanos()) + drift;
        Timestamp::from_nanos(u64::try_from(local).unwrap_or(0))
    }

    /// Rounded up, so that what is due is due.
    fn world(&self, local: Timestamp) -> Timestamp {
        if local == Timestamp::FAR_FUTURE {
            return local;
        }
        let passed = i128::from(local.as_nanos()) - i128::from(self.clock.0);
        let world = passed * 1_000_000 / (1_000_000 + i128::from(self.clock.1)) + 1;
        Timestamp::from_nanos(u64::try_from(world.max(0)).unwrap_or(u64::MAX))
    }

    /// A beat will arrive.
    fn post(&mut self, at: Timestamp, from: usize, frame: Rc<Frame>) {
        if self.core.is_some() && self.beats.len() < SOCKET {
            let at = self.local(at);
            let place = self.beats.partition_point(|(before, ..)| *before <= at);
            self.beats.insert(place, (at, from, frame));
        }
    }
}

struct Host {
    name: String,
    port: usize,
    actor: Actor,
    wake: Timestamp,
}

struct World<'a> {
    scenario: &'a Scenario,
    key: Key,
    /// The same, for the nodes' cluster.
    proof: Key,
    random: fastrand::Rng,
    now: Timestamp,
    queue: BinaryHeap<Reverse<(Timestamp, u64)>>,
    happenings: Vec<Option<Happening>>,
    free: Vec<usize>,
    order: u64,
    net: Network,
    nodes: Vec<Node>,
    hosts: Vec<Host>,
    timeline: Timeline,
    checker: Checker,
    digest: u64,
    frames: u64,
    /// Whether plain beats wake nobody. Both ways must do.
    lazy: bool,
    /// The addresses, ascending, each with its place in the scenario.
    order_of_addresses: Vec<(IpAddr, usize)>,
    /// What a node owns just now, by place in the scenario; kept to be filled again.
    owns: Vec<bool>,
}

/// Runs a scenario to its end, or to the first broken promise.
pub fn run(scenario: &Scenario) -> Report {
    let mut world = World::new(scenario);
    let end = Timestamp::ZERO + scenario.duration;
    while let Some((at, happening)) = world.next()
        && at <= end
    {
        world.now = at;
        world.happen(happening);
        if let Some(violation) = world.checker.violation() {
            let line = format!("VIOLATION {violation}");
            world.timeline.push(at, "", line);
            break;
        }
    }
    let passed = world.now.since(Timestamp::ZERO);
    Report {
        violation: world.checker.violation().cloned(),
        timeline: world.timeline,
        digest: world.digest,
        frames: world.frames,
        node_time: passed * scenario.nodes.len() as u32,
    }
}

fn settings(scenario: &Scenario, key: &Key, node: usize, lives: u64) -> Settings {
    let incarnation = scenario.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (node as u64) << 32 ^ lives << 48 ^ 0x5eed;
    let mut settings = Settings::new(&scenario.nodes[node], CLUSTER, key.clone(), incarnation);
    settings.timing = scenario.timing;
    settings.defence = scenario.defence;
    settings.rebalance = scenario.rebalance;
    settings.announcing = scenario.announcing;
    settings.mutation = scenario.mutation;
    if scenario.mutation == Some(Mutation::NoRateCap) {
        (settings.announcing.max_pps, settings.announcing.burst) = (u32::MAX, u32::MAX);
    }
    settings
}

fn ascending(addresses: &[IpAddr]) -> Vec<(IpAddr, usize)> {
    let mut ascending: Vec<_> = addresses.iter().copied().zip(0..).collect();
    ascending.sort();
    ascending
}

const fn mac(port: usize, generation: u8) -> MacAddr {
    MacAddr([2, 0x5c, generation, 0, 0, port as u8 + 1])
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let mut random = fastrand::Rng::with_seed(scenario.seed);
        let mut net = Network::new(scenario.conditions);
        let mut nodes = Vec::new();
        for _ in &scenario.nodes {
            let port = net.plug(mac(nodes.len(), 0));
            debug_assert_eq!(port, nodes.len(), "nodes have the first ports");
            let error = i64::from(scenario.clock_error);
            let clock = (random.u64(1..1 << 50), random.i64(-error..=error));
            nodes.push(Node {
                core: None,
                clock,
                frozen: false,
                slow: Duration::ZERO,
                inbox: VecDeque::new(),
                beats: VecDeque::new(),
                wake: Timestamp::FAR_FUTURE,
                lives: 0,
                macs: 0,
                ready: vec![true; scenario.addresses.len()],
            });
        }
        // A test secret: the simulator proves nothing to anyone outside.
        let key = Key::new(b"the simulator's own secret").unwrap_or_else(|_| unreachable!("it is long enough"));
        let mut world = Self {
            proof: key.for_cluster(CLUSTER),
            key,
            random,
            now: Timestamp::ZERO,
            queue: BinaryHeap::new(),
            happenings: Vec::new(),
            free: Vec::new(),
            order: 0,
            net,
            nodes,
            hosts: Vec::new(),
            timeline: Timeline { title: scenario.title.clone(), lines: Vec::new() },
            checker: Checker::new(scenario),
            digest: 0xcbf2_9ce4_8422_2325,
            frames: 0,
            lazy: !scenario.eager,
            order_of_addresses: ascending(&scenario.addresses),
            owns: vec![false; scenario.addresses.len()],
            scenario,
        };
        for (node, start) in scenario.starts.iter().enumerate() {
            world.plan(Timestamp::ZERO + *start, Happening::Start(node));
        }
        for (at, (when, _)) in scenario.faults.iter().enumerate() {
            world.plan(Timestamp::ZERO + *when, Happening::Fault(at));
        }
        for n in 0..network::CLIENTS {
            let client = Client::new(n, scenario.addresses.clone(), n == 1);
            world.join(format!("client{}", n + 1), Actor::Client(client));
        }
        world.plan(Timestamp::ZERO + TICK, Happening::Tick);
        world
    }

    fn plan(&mut self, at: Timestamp, happening: Happening) {
        // The order of planning decides among things of one moment; the slot rides in the low bits.
        self.order += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.happenings.push(None);
            self.happenings.len() - 1
        });
        self.happenings[slot] = Some(happening);
        self.queue.push(Reverse((at, self.order << 24 | slot as u64)));
    }

    fn next(&mut self) -> Option<(Timestamp, Happening)> {
        let Reverse((at, tag)) = self.queue.pop()?;
        let slot = (tag & 0xff_ffff) as usize;
        self.free.push(slot);
        Some((at, self.happenings[slot].take()?))
    }

    fn join(&mut self, name: String, actor: Actor) -> usize {
        let port = self.net.plug(mac(self.hosts.len() + 100, 0));
        self.hosts.push(Host { name, port, actor, wake: Timestamp::FAR_FUTURE });
        self.wake_host(self.hosts.len() - 1);
        port
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Frame { from, to, frame } => self.arrive(from, to, frame),
            Happening::Wake(node) => {
                if self.nodes[node].wake <= self.now {
                    self.nodes[node].wake = Timestamp::FAR_FUTURE;
                    self.step(node);
                }
            }
            Happening::Host(host) => {
                if self.hosts[host].wake <= self.now {
                    self.hosts[host].wake = Timestamp::FAR_FUTURE;
                    let mac = self.net.mac(self.hosts[host].port);
                    let mut doing = Doing::default();
                    self.hosts[host].actor.tick(self.now, mac, &mut doing);
                    self.act(host, doing);
                }
            }
            Happening::Start(node) => self.start(node),
            Happening::Fault(at) => self.fault(&self.scenario.faults[at].1.clone()),
            Happening::Tick => self.tick(),
        }
    }

    fn start(&mut self, node: usize) {
        let scenario = self.scenario;
        self.nodes[node].lives += 1;
        self.nodes[node].inbox.clear();
        self.nodes[node].beats.clear();
        let settings = settings(scenario, &self.key, node, self.nodes[node].lives);
        let local = self.nodes[node].local(self.now);
        let Ok(mut core) = Announcer::new(settings, self.link(node)) else { return };
        let set = core.set_wants(local, &self.wants(node));
        debug_assert!(set.is_ok());
        self.nodes[node].core = Some(Box::new(core));
        self.checker.started(self.now, node);
        let name = &scenario.nodes[node];
        self.timeline.push(self.now, name, "starts");
        self.step(node);
    }

    fn wants(&self, node: usize) -> Vec<Want> {
        let ready = self.nodes[node].ready.iter();
        let first = self.scenario.addresses.first().copied().filter(|_| self.scenario.together);
        let all = self.scenario.addresses.iter().zip(ready);
        all.map(|(a, ready)| Want { ready: *ready, with: first.filter(|first| first != a), ..Want::new(*a) }).collect()
    }

    fn link(&self, node: usize) -> LinkFacts {
        LinkFacts { up: self.net.is_up(node), mac: self.net.mac(node), subnets: network::subnets().to_vec() }
    }

    /// A frame reaches a port.
    fn arrive(&mut self, from: usize, to: usize, frame: Rc<Frame>) {
        // A cable pulled meanwhile, or a frame for a hardware address of before.
        if !self.net.is_up(to) {
            return;
        }
        if to < self.nodes.len() {
            let local = self.nodes[to].local(self.now);
            let node = &mut self.nodes[to];
            if node.core.is_some() && node.inbox.len() < SOCKET {
                node.inbox.push_back((local, from, frame));
            }
            if node.frozen {
                return;
            }
            if node.slow.is_zero() {
                self.step(to);
            } else {
                let late = Duration::from_nanos(self.random.u64(0..=self.nodes[to].slow.as_nanos() as u64));
                self.wake_node(to, self.now + late);
            }
            return;
        }
        let Some(host) = self.hosts.iter().position(|host| host.port == to) else { return };
        let mut doing = Doing::default();
        self.hosts[host].actor.hear(self.now, self.net.mac(to), &frame.octets, &mut doing);
        self.act(host, doing);
    }

    fn act(&mut self, host: usize, doing: Doing) {
        let (port, name) = (self.hosts[host].port, self.hosts[host].name.clone());
        for what in doing.says {
            self.timeline.push(self.now, &name, what);
        }
        for frame in doing.frames {
            self.send(port, frame);
        }
        if let Actor::Phone(phone) = &self.hosts[host].actor
            && let Some(address) = phone.has()
        {
            self.checker.used(self.now, address, true);
        }
        self.wake_host(host);
    }

    fn wake_host(&mut self, host: usize) {
        let due = self.hosts[host].actor.timeout();
        if due != Timestamp::FAR_FUTURE && due != self.hosts[host].wake {
            self.hosts[host].wake = due;
            self.plan(due, Happening::Host(host));
        }
    }

    fn wake_node(&mut self, node: usize, at: Timestamp) {
        if at < self.nodes[node].wake {
            self.nodes[node].wake = at;
            self.plan(at, Happening::Wake(node));
        }
    }

    /// Lets a process run until it has nothing to do.
    fn step(&mut self, node: usize) {
        if self.nodes[node].frozen {
            return;
        }
        let Some(mut core) = self.nodes[node].core.take() else { return };
        let local = self.nodes[node].local(self.now);
        self.hear_beats(node, &mut core, local);
        // A loop that sends before it receives finds the frames of its sleep after the alarm.
        if self.random.u8(0..8) == 0 {
            self.flush(node, &mut core, local);
        }
        while let Some(arrived) = self.nodes[node].inbox.pop_front() {
            self.hear(node, &mut core, &arrived);
        }
        self.flush(node, &mut core, local);
        let Some(due) = core.poll_timeout() else {
            self.report(node, &mut core, local);
            return;
        };
        let mut wake = self.nodes[node].world(due).max(self.now + Duration::from_micros(1));
        if !self.nodes[node].slow.is_zero() {
            wake += Duration::from_nanos(self.random.u64(0..=self.nodes[node].slow.as_nanos() as u64));
        }
        self.nodes[node].core = Some(core);
        if wake < Timestamp::FAR_FUTURE {
            self.wake_node(node, wake);
        }
    }

    /// What is judged by now must have been heard.
    fn hear_beats(&mut self, node: usize, core: &mut Announcer, local: Timestamp) {
        if local >= core.deadline() {
            let beats = &self.nodes[node].beats;
            for _ in 0..beats.partition_point(|(at, ..)| *at <= local) {
                let Some(arrived) = self.nodes[node].beats.pop_front() else { break };
                self.hear(node, core, &arrived);
            }
        }
    }

    fn hear(&mut self, node: usize, core: &mut Announcer, (at, from, frame): &Arrived) {
        // What waited while it stood still tells nothing of how the segment is now.
        let woke = self.checker.woke(node).map(|woke| self.nodes[node].local(woke));
        self.checker.heard(self.now, node, *from, &frame.octets, woke.is_none_or(|woke| *at > woke));
        match &frame.message {
            Some(message) => core.handle_message(*at, &frame.octets, message.as_ref()),
            None => core.handle(*at, &frame.octets),
        }
    }

    /// Sends what a core wants to send, and looks at it from outside.
    fn flush(&mut self, node: usize, core: &mut Announcer, local: Timestamp) {
        loop {
            let frame = core.poll_output(local);
            self.report(node, core, local);
            let Some(frame) = frame else { break };
            self.checker.sent(self.now, node, &frame);
            self.send(node, frame);
        }
    }

    fn report(&mut self, node: usize, core: &mut Announcer, local: Timestamp) {
        while let Some(event) = core.poll_event() {
            let name = &self.scenario.nodes[node];
            self.timeline.push(self.now, name, &event.what);
            self.checker.event(self.now, node, &event);
        }
        // Both ascend.
        let mut owned = core.answered(local).peekable();
        for (address, at) in &self.order_of_addresses {
            self.owns[*at] = owned.next_if_eq(address).is_some();
        }
        for (at, owns) in self.owns.iter().enumerate() {
            self.checker.owns(self.now, node, at, *owns);
        }
    }

    fn send(&mut self, port: usize, frame: Vec<u8>) {
        self.frames += 1;
        let word = |octets: &[u8]| octets.iter().fold(0, |word, octet| word << 8 | u64::from(*octet));
        for word in frame.chunks(8).map(word).chain([self.now.as_nanos()]) {
            self.digest = (self.digest ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
        }
        let message = is_message(&frame).then(|| Message::parse(&frame, &self.proof));
        let waits = self.lazy && is_plain_beat(&frame);
        let deliveries = self.net.deliveries(port, &frame, &mut self.random);
        let frame = Rc::new(Frame { octets: frame, message });
        for (to, delay) in deliveries {
            let (at, frame) = (self.now + delay, Rc::clone(&frame));
            match self.nodes.get_mut(to).filter(|_| waits) {
                Some(node) => node.post(at, port, frame),
                None => self.plan(at, Happening::Frame { from: port, to, frame }),
            }
        }
    }

    fn tick(&mut self) {
        let mut caches = Vec::new();
        for host in &self.hosts {
            if let Actor::Client(client) = &host.actor {
                let entries = self.scenario.addresses.iter().enumerate();
                caches.extend(entries.map(|(at, address)| (host.port, at, client.entry(*address))));
            }
        }
        self.checker.tick(self.now, &self.net, &caches);
        self.plan(self.now + TICK, Happening::Tick);
    }

    fn with_core(&mut self, node: usize, act: impl FnOnce(&mut Announcer, Timestamp)) {
        let local = self.nodes[node].local(self.now);
        if let Some(mut core) = self.nodes[node].core.take() {
            self.hear_beats(node, &mut core, local);
            act(&mut core, local);
            self.nodes[node].core = Some(core);
            self.wake_node(node, self.now);
        }
    }

    fn fault(&mut self, fault: &Fault) {
        self.checker.fault(self.now, fault);
        let name = |node: &usize| self.scenario.nodes[*node].clone();
        let mut say = |who: &str, what: String| self.timeline.push(self.now, who, what);
        match fault {
            Fault::Crash(node) => {
                say(&name(node), "loses its power".to_owned());
                (self.nodes[*node].core, self.nodes[*node].frozen) = (None, false);
            }
            Fault::Kill(node) => {
                say(&name(node), "is killed".to_owned());
                self.nodes[*node].frozen = false;
                if let Some(core) = self.nodes[*node].core.take() {
                    for _ in 0..2 {
                        self.send(*node, core.last_words());
                    }
                }
            }
            Fault::Mute(node) | Fault::Unmute(node) => {
                let mute = matches!(fault, Fault::Mute(_));
                let what = if mute { "filters messages from and to" } else { "lets messages pass again from and to" };
                say("LAN", format!("{what} {}", name(node)));
                self.net.set_mute(*node, mute);
                for address in &self.scenario.addresses {
                    self.checker.used(self.now, *address, mute);
                }
            }
            Fault::Restart(node) => {
                (self.nodes[*node].core, self.nodes[*node].frozen) = (None, false);
                self.start(*node);
            }
            Fault::Freeze(node) => {
                say(&name(node), "is frozen".to_owned());
                self.nodes[*node].frozen = true;
                for at in 0..self.scenario.addresses.len() {
                    self.checker.owns(self.now, *node, at, false);
                }
            }
            Fault::Thaw(node) => {
                let waiting = self.nodes[*node].inbox.len();
                say(&name(node), format!("goes on, with {waiting} frames in its socket"));
                self.nodes[*node].frozen = false;
                self.step(*node);
            }
            Fault::Slow(node, delay) if delay.is_zero() => {
                say(&name(node), "is quick again".to_owned());
                self.nodes[*node].slow = *delay;
                self.wake_node(*node, self.now);
            }
            Fault::Slow(node, delay) => {
                say(&name(node), format!("is slow: up to {} ms a step", delay.as_millis()));
                self.nodes[*node].slow = *delay;
            }
            Fault::LinkDown(node) | Fault::LinkUp(node) => {
                let up = matches!(fault, Fault::LinkUp(_));
                self.net.set_up(*node, up);
                if !up {
                    let local = self.nodes[*node].local(self.now);
                    self.nodes[*node].beats.retain(|(at, ..)| *at <= local);
                }
                let link = self.link(*node);
                self.with_core(*node, |core, local| core.set_link(local, link));
            }
            Fault::Split(sides) => {
                let cut: Vec<String> =
                    sides.iter().enumerate().filter(|(_, side)| **side).map(|(n, _)| name(&n)).collect();
                say("LAN", format!("cuts off {}", cut.join(", ")));
                self.net.split(sides);
            }
            Fault::OneWay(from, to) => {
                say("LAN", format!("loses all from {} to {}", name(from), name(to)));
                self.net.one_way(*from, *to);
            }
            Fault::Heal => {
                say("LAN", "is whole".to_owned());
                self.net.heal();
            }
            Fault::NewMac(node) => {
                self.nodes[*node].macs += 1;
                self.net.set_mac(*node, mac(*node, self.nodes[*node].macs));
                let link = self.link(*node);
                self.with_core(*node, |core, local| core.set_link(local, link));
            }
            Fault::Drain(node) => {
                say(&name(node), "is told to leave".to_owned());
                self.with_core(*node, Announcer::drain);
            }
            Fault::HandOver(at) => {
                let address = self.scenario.addresses[*at];
                for node in 0..self.nodes.len() {
                    self.with_core(node, |core, local| {
                        let _ = core.hand_over(local, address, None);
                    });
                }
            }
            Fault::Ready(node, at, ready) => {
                let address = self.scenario.addresses[*at];
                say(&name(node), format!("{} for {address}", if *ready { "is ready" } else { "is not ready" }));
                self.nodes[*node].ready[*at] = *ready;
                let wants = self.wants(*node);
                self.with_core(*node, |core, local| {
                    let _ = core.set_wants(local, &wants);
                });
            }
            Fault::Squat(at) => {
                let address = self.scenario.addresses[*at];
                say("squatter", format!("uses {address}"));
                self.checker.used(self.now, address, true);
                self.join("squatter".to_owned(), Actor::Squatter(Squatter::new(self.now, address)));
            }
            Fault::Unsquat(at) => {
                let gone = self.scenario.addresses[*at];
                say("squatter", format!("is gone from {gone}"));
                self.checker.used(self.now, gone, false);
                for host in &mut self.hosts {
                    if let Actor::Squatter(squatter) = &mut host.actor
                        && squatter.address == gone
                    {
                        squatter.present = false;
                    }
                }
            }
            Fault::Phone { leased, careful } => {
                // What a phone asks for may be probed by a node just then, and count as in use.
                for address in self.scenario.addresses.clone() {
                    if address.is_ipv4() {
                        self.checker.used(self.now, address, false);
                    }
                }
                let phones = self.hosts.iter().filter(|host| matches!(host.actor, Actor::Phone(_))).count();
                let name = if phones == 0 { "phone".to_owned() } else { format!("phone{}", phones + 1) };
                self.join(name, Actor::Phone(Phone::new(self.now, *careful, *leased)));
            }
            Fault::Replay(node) => {
                say("attacker", format!("records {}, and repeats it", name(node)));
                let victim = self.net.mac(*node);
                self.join("attacker".to_owned(), Actor::Attacker(Attacker::new(self.now, victim)));
            }
        }
    }
}
