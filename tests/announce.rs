//! `poolcheck announce` as a user runs it: three machines on a LAN of real Linux stacks, in namespaces that the test makes.
//!
//! Nothing here judges how fast something is: figures stand in docs/PERFORMANCE.md, and bounds in the simulator.

#![cfg(all(target_os = "linux", feature = "announce"))]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{Bridge, inside, interface, run};
use poolcheck_lan::link::{self, Link as _, Received, Wanted};
use poolcheck_lan::wire::arp::{Kind, Operation, Repr};
use poolcheck_lan::wire::{MacAddr, Payload, compose, dissect};
use serde_json::Value;

#[path = "../crates/lan/tests/common/mod.rs"]
mod common;

const VIP: &str = "10.77.0.240";
const NAMES: [&str; 3] = ["n1", "n2", "n3"];
/// Everything that must happen happens within this; it is no measurement.
const PATIENCE: Duration = Duration::from_secs(20);

/// Machines with announcers.
struct Cluster {
    lan: Bridge,
    folder: tempfile::TempDir,
    running: Vec<(String, Child)>,
}

impl Cluster {
    /// `n1` to `n3`, 10.77.0.1 to .3 and fd77::1 to ::3, whose announcers are not started yet.
    fn new() -> Self {
        let mut lan = Bridge::new();
        let folder = tempfile::tempdir().expect("a folder");
        for (at, name) in NAMES.iter().enumerate() {
            let n = at + 1;
            lan.host(name, &mac(name).to_string(), &format!("10.77.0.{n}/24"));
            run(&format!(
                "ip -n {name} link set lo up; ip netns exec {name} sysctl -qw net.ipv6.conf.all.disable_ipv6=0 \
                 net.ipv6.conf.eth0.disable_ipv6=0 net.ipv6.conf.lo.disable_ipv6=0; \
                 ip -n {name} addr add fd77::{n}/64 dev eth0 nodad"
            ));
        }
        let key = folder.path().join("key");
        std::fs::write(&key, "0123456789abcdef0123456789abcdef\n").expect("written");
        run(&format!("chmod 600 {}", key.display()));
        Self { lan, folder, running: Vec::new() }
    }

    fn config(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.toml"))
    }

    fn socket(&self, name: &str) -> String {
        self.folder.path().join(format!("{name}.sock")).display().to_string()
    }

    fn write(&self, name: &str, rest: &str) {
        let head = format!(
            "interface = \"eth0\"\nnode = \"{name}\"\ncluster = \"lab\"\nkey = {{ file = \"key\" }}\nsocket = \"{name}.sock\"\n"
        );
        std::fs::write(self.config(name), head + rest).expect("written");
    }

    /// Starts a node's announcer, and gives its number.
    fn start(&mut self, name: &str, rest: &str) -> u32 {
        self.write(name, rest);
        let log = std::fs::File::options().create(true).append(true).open(self.log_path(name)).expect("a log");
        let child = Command::new("ip")
            .args(["netns", "exec", name, env!("CARGO_BIN_EXE_poolcheck"), "announce", "--log", "json", "--config"])
            .arg(self.config(name))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("ip runs");
        let number = child.id();
        self.running.push((name.to_owned(), child));
        number
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.log"))
    }

    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.log_path(name)).unwrap_or_default()
    }

    /// The events of a node, by name.
    fn events(&self, name: &str, event: &str) -> Vec<Value> {
        let log = self.log(name);
        let all = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        all.filter(|value| value["event"] == event).collect()
    }

    /// Starts all three, and waits until every address has an owner that all know.
    fn start_all(&mut self, rest: &str) {
        for name in NAMES {
            self.start(name, rest);
        }
        for name in NAMES {
            self.wait(name, "has an owner for every address", |status| owners(status).iter().all(Option::is_some));
        }
    }

    fn number(&self, name: &str) -> u32 {
        let found = self.running.iter().rev().find(|(running, _)| running == name);
        found.unwrap_or_else(|| panic!("{name} does not run")).1.id()
    }

    fn signal(&self, name: &str, signal: &str) {
        run(&format!("kill -{signal} {}", self.number(name)));
    }

    fn poolcheck(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_poolcheck"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).output().expect("it was built")
    }

    fn status(&self, name: &str) -> Value {
        let output = self.poolcheck(&["announce", "status", "-o", "json", "--socket", &self.socket(name)]);
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// Waits until a node's status is as wanted.
    fn wait(&self, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let status = self.status(name);
            if is(&status) {
                return status;
            }
            if began.elapsed() > PATIENCE {
                let logs: Vec<String> = NAMES.iter().map(|name| format!("{name}:\n{}", self.log(name))).collect();
                panic!("{name} never {what}: {status:#}\n{}", logs.join("\n"));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn wait_for_event(&self, name: &str, event: &str) -> Value {
        self.wait(name, &format!("reports {event}"), |_| !self.events(name, event).is_empty());
        self.events(name, event).remove(0)
    }

    fn owner(&self, of: &str) -> String {
        let status = self.wait("n1", "knows an owner", |status| owner(status, of).is_some());
        owner(&status, of).expect("waited for")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            // Some have ended already, and one may be stopped.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn others(than: &str) -> [&'static str; 2] {
    let others: Vec<&str> = NAMES.into_iter().filter(|name| *name != than).collect();
    [others[0], others[1]]
}

fn mac(name: &str) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, name[1..].parse().expect("a number")])
}

fn owner(status: &Value, of: &str) -> Option<String> {
    let addresses = status["addresses"].as_array()?;
    let found = addresses.iter().find(|address| address["address"] == of)?;
    found["owner"].as_str().map(str::to_owned)
}

fn owners(status: &Value) -> Vec<Option<String>> {
    let addresses = status["addresses"].as_array().cloned().unwrap_or_default();
    if addresses.is_empty() {
        return vec![None];
    }
    addresses.iter().map(|address| address["owner"].as_str().map(str::to_owned)).collect()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn vip(at: u8) -> String {
    format!("[[address]]\naddress = \"10.77.0.{at}\"\n")
}

/// A machine on a port of the bridge that asks for an address all the time, and keeps all ARP that it hears.
struct Client {
    reader: thread::JoinHandle<(usize, Vec<Received>)>,
    over: Arc<AtomicBool>,
}

const CLIENT: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xcc]);

impl Client {
    fn new(lan: &mut Bridge, name: &str, of: Ipv4Addr, every: Duration) -> Self {
        lan.port(name, &CLIENT.to_string());
        let mut link = link::open(&interface(name), Wanted::ARP).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let ask = Repr {
            operation: Operation::Request,
            sender_mac: CLIENT,
            sender_ip: Ipv4Addr::new(10, 77, 0, 99),
            target_mac: MacAddr::ZERO,
            target_ip: of,
        };
        let read = move || {
            let (mut asked, mut heard) = (0, Vec::new());
            // A port that was just plugged in may lose the first questions: those after an answer count.
            let mut answered = false;
            let mut next = link.now();
            while !ended.load(Ordering::Acquire) {
                if link.now() >= next {
                    let sent = link.send(&[compose::arp(MacAddr::BROADCAST, &ask)]).unwrap();
                    asked += if answered { sent } else { 0 };
                    next += every;
                }
                link.receive(next, &mut heard).unwrap();
                answered |= heard.iter().any(|received| received.frame.starts_with(&CLIENT.0));
            }
            // What has been asked is answered by then.
            let end = link.now() + Duration::from_millis(200);
            while link.now() < end {
                link.receive(end, &mut heard).unwrap();
            }
            (asked, heard)
        };
        Self { reader: thread::spawn(read), over }
    }

    /// How often it asked, and the frames that answer or announce, with who says so.
    fn end(self) -> (usize, Vec<(Received, Repr)>) {
        self.over.store(true, Ordering::Release);
        let (asked, heard) = self.reader.join().unwrap();
        let arp = heard.into_iter().filter_map(|received| match dissect(&received.frame).ok()?.payload {
            Payload::Arp(packet) => Some((received, packet)),
            _ => None,
        });
        (asked, arp.collect())
    }
}

/// Passes ARP and Neighbor Discovery between two interfaces, and nothing else.
struct Firewall(Arc<AtomicBool>);

impl Firewall {
    fn between(one: &str, other: &str) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        for (from, to) in [(one, other), (other, one)] {
            let open = |name| link::open(&interface(name), Wanted::ARP.and(Wanted::NDP)).unwrap();
            let (mut from, mut to, ended) = (open(from), open(to), Arc::clone(&over));
            thread::spawn(move || {
                let mut heard = Vec::new();
                while !ended.load(Ordering::Acquire) {
                    from.receive(from.now() + Duration::from_millis(50), &mut heard).unwrap();
                    let frames: Vec<Vec<u8>> = heard.drain(..).map(|received| received.frame).collect();
                    to.send(&frames).unwrap();
                }
            });
        }
        Self(over)
    }
}

impl Drop for Firewall {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn answers(heard: &[(Received, Repr)]) -> impl Iterator<Item = &(Received, Repr)> {
    heard.iter().filter(|(_, packet)| packet.operation == Operation::Reply && packet.kind() != Kind::Announcement)
}

/// Who answers an address now: asks a few times.
fn who_answers(lan: &mut Bridge, port: &str, of: Ipv4Addr) -> BTreeSet<MacAddr> {
    let client = Client::new(lan, port, of, Duration::from_millis(5));
    thread::sleep(Duration::from_millis(100));
    let (_, heard) = client.end();
    answers(&heard).map(|(_, packet)| packet.sender_mac).collect()
}

#[test]
fn one_owner_answers_and_a_killed_one_is_replaced() {
    if !inside("one_owner_answers_and_a_killed_one_is_replaced") {
        return;
    }
    let mut cluster = Cluster::new();
    cluster.start_all(&vip(240));
    let owner = cluster.owner(VIP);
    assert_eq!(who_answers(&mut cluster.lan, "c1", [10, 77, 0, 240].into()), [mac(&owner)].into());

    // Whoever outlives the process says its last words: nobody has to miss it.
    cluster.signal(&owner, "KILL");
    let [one, other] = others(&owner);
    for name in [one, other] {
        cluster.wait(name, "knows the heir", |status| self::owner(status, VIP).is_some_and(|now| now != owner));
        let gone = cluster.wait_for_event(name, "peer-down");
        assert_eq!((&gone["other"], &gone["silent_seconds"]), (&owner.clone().into(), &0.0.into()), "{gone}");
    }
    let heir = self::owner(&cluster.status(one), VIP).expect("waited for");
    assert_eq!(who_answers(&mut cluster.lan, "c2", [10, 77, 0, 240].into()), [mac(&heir)].into());

    // It comes back, and takes nothing away.
    cluster.start(&owner, &vip(240));
    cluster.wait(&owner, "takes part", |status| status["active"] == true && self::owner(status, VIP).is_some());
    assert_eq!(self::owner(&cluster.status(one), VIP), Some(heir));
}

#[test]
fn a_power_cut_is_missed() {
    if !inside("a_power_cut_is_missed") {
        return;
    }
    let mut cluster = Cluster::new();
    cluster.start_all(&vip(240));
    let owner = cluster.owner(VIP);
    run(&format!("ip link set p-{owner} down"));
    cluster.signal(&owner, "KILL");
    let [one, _] = others(&owner);
    cluster.wait(one, "knows the heir", |status| self::owner(status, VIP).is_some_and(|now| now != owner));
    let gone = cluster.wait_for_event(one, "peer-down");
    assert!(gone["silent_seconds"].as_f64().is_some_and(|silent| silent > 0.2), "{gone}");
}

#[test]
fn who_was_frozen_answers_nothing_when_it_wakes() {
    if !inside("who_was_frozen_answers_nothing_when_it_wakes") {
        return;
    }
    let mut cluster = Cluster::new();
    cluster.start_all(&vip(240));
    let owner = cluster.owner(VIP);
    let client = Client::new(&mut cluster.lan, "c1", [10, 77, 0, 240].into(), Duration::from_millis(2));
    // It has been answered before.
    thread::sleep(Duration::from_millis(100));
    cluster.signal(&owner, "STOP");
    let [one, _] = others(&owner);
    cluster.wait(one, "knows the heir", |status| self::owner(status, VIP).is_some_and(|now| now != owner));
    thread::sleep(Duration::from_millis(300));
    cluster.signal(&owner, "CONT");
    cluster.wait_for_event(&owner, "stood-still");
    cluster.wait(&owner, "takes part again", |status| status["active"] == true);
    let (_, heard) = client.end();
    // From the heir's first word on the other says nothing more, though hundreds of questions waited in its socket.
    let heir = self::owner(&cluster.status(one), VIP).expect("waited for");
    let taken = heard.iter().position(|(_, packet)| packet.sender_mac == mac(&heir)).expect("the heir speaks");
    let since = heard[taken].0.at;
    let stale: Vec<_> = heard[taken..].iter().filter(|(_, packet)| packet.sender_mac == mac(&owner)).collect();
    let told: Vec<_> = stale.iter().map(|(frame, packet)| (frame.at.since(since), packet.operation)).collect();
    assert!(stale.is_empty(), "after {}: {told:?}\n{}\n{}", heir, cluster.log(&owner), cluster.log(&heir));
    assert!(heard[..taken].iter().any(|(_, packet)| packet.sender_mac == mac(&owner)), "it had answered before");
}

#[test]
fn a_planned_handover_loses_no_answer() {
    if !inside("a_planned_handover_loses_no_answer") {
        return;
    }
    let mut cluster = Cluster::new();
    cluster.start_all(&vip(240));
    let owner = cluster.owner(VIP);
    let [one, _] = others(&owner);
    let client = Client::new(&mut cluster.lan, "c1", [10, 77, 0, 240].into(), Duration::from_millis(5));
    thread::sleep(Duration::from_millis(50));
    let wrong = cluster.poolcheck(&["announce", "handover", VIP, "--socket", &cluster.socket(one)]);
    assert_eq!(wrong.status.code(), Some(3), "{}", told(&wrong));
    assert!(told(&wrong).contains(&format!("run it on {owner}")), "{}", told(&wrong));
    let done = cluster.poolcheck(&["announce", "handover", VIP, one, "--socket", &cluster.socket(&owner)]);
    assert_eq!(done.status.code(), Some(0), "{}", told(&done));
    assert!(told(&done).starts_with(&format!("{VIP} is owned by {one}, after ")), "{}", told(&done));
    // And a planned end.
    cluster.signal(one, "TERM");
    cluster.wait_for_event(one, "left");
    thread::sleep(Duration::from_millis(50));
    let (asked, heard) = client.end();
    let answered = answers(&heard).count();
    assert!(answered >= asked, "{asked} questions, {answered} answers");
    let by: BTreeSet<MacAddr> = answers(&heard).map(|(_, packet)| packet.sender_mac).collect();
    assert!(by.contains(&mac(&owner)) && by.contains(&mac(one)), "it has moved: {by:?}");
    let last = answers(&heard).last().map(|(_, packet)| packet.sender_mac);
    assert_ne!(last, Some(mac(one)), "and moved on");
}

#[test]
fn what_a_stranger_has_is_not_taken_and_a_claim_is_told() {
    if !inside("what_a_stranger_has_is_not_taken_and_a_claim_is_told") {
        return;
    }
    let mut cluster = Cluster::new();
    cluster.lan.host("phone", "3c:06:30:00:00:9a", "10.77.0.240/24");
    for name in NAMES {
        cluster.start(name, &format!("{}{}", vip(240), vip(241)));
    }
    cluster.wait("n1", "knows that somebody has it", |status| status["addresses"][0]["state"] == "in use");
    let found: Vec<Value> = NAMES.iter().flat_map(|name| cluster.events(name, "in-use")).collect();
    assert!(!found.is_empty() && found.iter().all(|event| event["by"] == "3c:06:30:00:00:9a"), "{found:?}");
    cluster.wait("n1", "knows the owner of the other", |status| owner(status, "10.77.0.241").is_some());
    assert_eq!(owner(&cluster.status("n1"), VIP), None);
    let phone: MacAddr = "3c:06:30:00:00:9a".parse().unwrap();
    assert_eq!(who_answers(&mut cluster.lan, "c1", [10, 77, 0, 240].into()), [phone].into());

    // Another takes an owned one without asking.
    let holder = cluster.owner("10.77.0.241");
    let client = Client::new(&mut cluster.lan, "c2", [10, 77, 0, 241].into(), Duration::from_millis(100));
    let claim = compose::arp(MacAddr::BROADCAST, &Repr::announcement(phone, [10, 77, 0, 241].into()));
    run("ip link add squat address 3c:06:30:00:00:9a type veth peer name p-squat; ip link set squat up; \
         ip link set p-squat master br0 up");
    let mut squatter = link::open(&interface("squat"), Wanted::ARP).unwrap();
    assert_eq!(squatter.send(&[claim.clone(), claim]).unwrap(), 2);
    let conflict = cluster.wait_for_event(&holder, "conflict");
    assert_eq!((&conflict["by"], &conflict["action"]), (&"3c:06:30:00:00:9a".into(), &"defended".into()));
    thread::sleep(Duration::from_millis(200));
    let (_, heard) = client.end();
    let defences = heard.iter().filter(|(_, packet)| packet.kind() == Kind::Announcement);
    let mine = defences.filter(|(_, packet)| packet.sender_mac == mac(&holder)).count();
    assert_eq!(mine, 2, "one round in both forms, and none for the second claim");
}

#[test]
fn a_healed_split_has_one_owner_and_filtered_messages_leave_one() {
    if !inside("a_healed_split_has_one_owner_and_filtered_messages_leave_one") {
        return;
    }
    let mut cluster = Cluster::new();
    cluster.start_all(&vip(240));
    let first = cluster.owner(VIP);
    let [one, _] = others(&first);
    let mine = |status: &Value| owner(status, VIP);
    // A switch in between fails: both sides have an owner, and nobody hears both.
    run(&format!("ip link set p-{first} nomaster"));
    cluster.wait(one, "has an owner on its side", |status| mine(status).is_some_and(|now| now != first));
    assert_eq!(mine(&cluster.status(&first)), Some(first.clone()));
    run(&format!("ip link set p-{first} master br0"));
    cluster.wait(&first, "gives way", |status| mine(status).is_some_and(|now| now != first));
    let second = mine(&cluster.status(&first)).expect("waited for");
    cluster.wait_for_event(&second, "split-healed");
    assert_eq!(who_answers(&mut cluster.lan, "c1", [10, 77, 0, 240].into()), [mac(&second)].into());

    // A firewall that lets ARP pass and the nodes' messages not.
    run(&format!(
        "ip link set p-{second} nomaster; ip link add fw address 02:00:00:00:00:f1 type veth peer name p-fw; \
         ip link set fw up; ip link set p-fw master br0 up"
    ));
    let _firewall = Firewall::between(&format!("p-{second}"), "fw");
    let split = || NAMES.iter().any(|name| !cluster.events(name, "split").is_empty());
    cluster.wait("n1", "is among those who tell of a split", |_| split());
    let began = Instant::now();
    loop {
        let port = format!("c{}", 2 + began.elapsed().as_millis());
        if who_answers(&mut cluster.lan, &port, [10, 77, 0, 240].into()).len() == 1 {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "two owners for ever");
    }
}

#[test]
fn the_owner_alone_accepts_traffic() {
    if !inside("the_owner_alone_accepts_traffic") {
        return;
    }
    let mut cluster = Cluster::new();
    let local = "[[address]]\naddress = [\"10.77.0.240\", \"fd77::240\"]\nlocal = true\n";
    // The kernel's own answers are the user's to switch off, or to have switched off.
    cluster.write("n1", local);
    let refused = Command::new("ip")
        .args(["netns", "exec", "n1", env!("CARGO_BIN_EXE_poolcheck"), "announce", "--config"])
        .arg(cluster.config("n1"))
        .output()
        .expect("ip runs");
    assert_eq!(refused.status.code(), Some(3), "{}", told(&refused));
    let line = "sudo sysctl -w net.ipv4.conf.eth0.arp_ignore=1 net.ipv4.conf.eth0.arp_announce=2";
    assert!(told(&refused).contains(line), "{}", told(&refused));

    let sysctl = |name: &str| run(&format!("ip netns exec {name} sysctl -n net.ipv4.conf.eth0.arp_ignore"));
    let before = sysctl("n1");
    cluster.start_all(&format!("set-sysctls = true\n{local}"));
    for name in NAMES {
        assert_eq!(sysctl(name), "1\n");
    }
    let has = |name: &str, address: &str| run(&format!("ip -n {name} -o addr show dev lo")).contains(address);
    let owner = cluster.owner(VIP);
    cluster.wait(&owner, "has it on an interface", |_| has(&owner, "10.77.0.240/32"));
    let lifetime = run(&format!("ip -n {owner} -o addr show dev lo to 10.77.0.240"));
    assert!(lifetime.contains("valid_lft ") && !lifetime.contains("valid_lft forever"), "{lifetime}");
    for name in others(&owner) {
        assert!(!has(name, "10.77.0.240"), "{name}");
    }
    // A client's connection reaches the service behind the address.
    cluster.lan.host("client", "02:00:00:00:00:77", "10.77.0.77/24");
    let busybox = common::program("busybox");
    let server = Command::new("ip")
        .args(["netns", "exec", &owner, "sh", "-c", &format!("exec timeout 10 {busybox} nc -l -p 7777")])
        .stdout(Stdio::piped())
        .spawn()
        .expect("ip runs");
    let listens = || run(&format!("ip netns exec {owner} cat /proc/net/tcp /proc/net/tcp6")).contains(":1E61 ");
    cluster.wait(&owner, "listens", |_| listens());
    run(&format!("echo hello | ip netns exec client {busybox} nc -w 3 {VIP} 7777"));
    assert_eq!(server.wait_with_output().expect("it ends").stdout, b"hello\n");

    // Killed: nothing stays behind. A service manager's watchdog signals all processes of a service.
    let number = cluster.number(&owner);
    run(&format!("kill -s ABRT $(cat /proc/{number}/task/{number}/children)"));
    cluster.signal(&owner, "KILL");
    let began = Instant::now();
    while has(&owner, "10.77.0.240") || sysctl(&owner) != before {
        assert!(began.elapsed() < PATIENCE, "left behind: {}", run(&format!("ip -n {owner} addr show dev lo")));
        thread::sleep(Duration::from_millis(20));
    }
    // Told to end: neither.
    let [one, _] = others(&owner);
    cluster.signal(one, "TERM");
    let began = Instant::now();
    while has(one, "10.77.0.240") || has(one, "fd77::240") || sysctl(one) != before {
        assert!(began.elapsed() < PATIENCE, "left behind: {}", run(&format!("ip -n {one} addr show dev lo")));
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn another_hardware_address_and_a_link_that_comes_back_are_announced() {
    if !inside("another_hardware_address_and_a_link_that_comes_back_are_announced") {
        return;
    }
    let mut cluster = Cluster::new();
    cluster.start("n1", &vip(240));
    cluster.wait("n1", "owns it", |status| owner(status, VIP).is_some());
    let client = Client::new(&mut cluster.lan, "c1", [10, 77, 0, 240].into(), Duration::from_millis(5));
    run("ip -n n1 link set eth0 address 02:00:00:00:00:aa");
    cluster.wait_for_event("n1", "mac-changed");
    thread::sleep(Duration::from_millis(200));
    let (_, heard) = client.end();
    let new: MacAddr = "02:00:00:00:00:aa".parse().unwrap();
    let changed = heard.iter().position(|(_, packet)| packet.sender_mac == new).expect("it speaks as another");
    assert!(heard[changed..].iter().all(|(_, packet)| packet.sender_mac != mac("n1")), "never as before again");
    assert!(heard[changed..].iter().any(|(_, packet)| packet.kind() == Kind::Announcement), "caches are told");

    // Under another name it is the same interface.
    run("ip -n n1 link set eth0 down; \
         ip -n n1 link set eth0 name lan0; ip -n n1 link set lan0 up; ip -n n1 addr replace 10.77.0.1/24 dev lan0");
    cluster.wait("n1", "owns it under another name", |status| status["active"] == true && owner(status, VIP).is_some());
    assert_eq!(who_answers(&mut cluster.lan, "c4", [10, 77, 0, 240].into()), [new].into());
    run("ip -n n1 link set lan0 down; ip -n n1 link set lan0 name eth0; ip -n n1 link set eth0 up");
    cluster.wait("n1", "owns it as before", |status| status["active"] == true && owner(status, VIP).is_some());

    let downs = cluster.events("n1", "link-down").len();
    run("ip -n n1 link set eth0 down");
    cluster.wait("n1", "misses its link", |_| cluster.events("n1", "link-down").len() > downs);
    cluster.wait_for_event("n1", "link-down");
    run("ip -n n1 link set eth0 up");
    cluster.wait_for_event("n1", "link-up");
    cluster.wait("n1", "owns it again", |status| status["active"] == true && owner(status, VIP).is_some());
    assert_eq!(who_answers(&mut cluster.lan, "c2", [10, 77, 0, 240].into()), [new].into());

    // The interface is made anew, under another number.
    run("ip -n n1 link del eth0");
    cluster.wait("n1", "misses its interface", |status| status["active"] == false);
    run("ip link add p-again type veth peer name eth0 address 02:00:00:00:00:bb netns n1; \
         ip link set p-again master br0 up; ip -n n1 addr add 10.77.0.1/24 dev eth0; ip -n n1 link set eth0 up");
    cluster.wait("n1", "owns it once more", |status| status["active"] == true && owner(status, VIP).is_some());
    let newest: MacAddr = "02:00:00:00:00:bb".parse().unwrap();
    assert_eq!(who_answers(&mut cluster.lan, "c3", [10, 77, 0, 240].into()), [newest].into());
}

#[test]
fn reloaded_without_a_lost_answer_and_moved_by_a_check() {
    if !inside("reloaded_without_a_lost_answer_and_moved_by_a_check") {
        return;
    }
    let mut cluster = Cluster::new();
    cluster.start_all(&vip(240));
    let owner = cluster.owner(VIP);
    let client = Client::new(&mut cluster.lan, "c1", [10, 77, 0, 240].into(), Duration::from_millis(5));
    let more = format!("metrics = \"127.0.0.1:9999\"\n{}{}", vip(240), vip(242));
    for name in NAMES {
        cluster.write(name, &more);
        cluster.signal(name, "HUP");
    }
    cluster.wait("n1", "knows the new one", |status| self::owner(status, "10.77.0.242").is_some());
    assert!(cluster.log(&owner).contains("needs a restart to change: metrics"), "{}", cluster.log(&owner));
    // A mistake changes nothing.
    cluster.write("n1", "adress = 1\n");
    cluster.signal("n1", "HUP");
    let complains = || cluster.log("n1").contains("stays as it was: unknown key `adress`");
    cluster.wait("n1", "complains", |_| complains());
    assert_eq!(cluster.owner(VIP), owner);
    let (asked, heard) = client.end();
    assert!(answers(&heard).count() >= asked, "{asked} questions");

    // Only where the check is good may it stay.
    let good = cluster.folder.path().join("good-n2");
    let check = |name: &str| {
        let file = cluster.folder.path().join(format!("good-{name}"));
        let check = format!(
            "check = {{ command = [\"test\", \"-e\", \"{}\"], every = \"100ms\", fall = 1 }}\n",
            file.display()
        );
        format!("{}{check}", vip(240))
    };
    std::fs::write(&good, "").expect("written");
    for name in NAMES {
        cluster.write(name, &check(name));
        cluster.signal(name, "HUP");
    }
    cluster.wait("n1", "knows who is ready", |status| self::owner(status, VIP).as_deref() == Some("n2"));
    std::fs::write(cluster.folder.path().join("good-n3"), "").expect("written");
    std::fs::remove_file(good).expect("removed");
    cluster.wait("n1", "knows who is ready now", |status| self::owner(status, VIP).as_deref() == Some("n3"));
    // Ready nowhere: it is held all the same, so that it never looks free.
    std::fs::remove_file(cluster.folder.path().join("good-n3")).expect("removed");
    cluster.wait("n3", "knows that it is not ready", |_| cluster.log("n3").matches("check bad").count() >= 2);
    assert_eq!(who_answers(&mut cluster.lan, "c2", [10, 77, 0, 240].into()), [mac("n3")].into());
}

#[test]
fn what_is_known_of_the_lan_comes_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, text: &str| std::fs::write(path(name), text).expect("written");
    write("key", "0123456789abcdef0123456789abcdef\n");
    run(&format!("chmod 600 {}", path("key").display()));
    write("lan.toml", "[[segment]]\nsubnet = \"192.168.1.0/24\"\ndhcp = \"192.168.1.100-192.168.1.199\"\n");
    let config = "interface = \"eth0\"\nnode = \"n1\"\nkey = { file = \"key\" }\nfacts = \"lan.toml\"\n[[address]]\naddress = ADDRESS\n";
    let check = |address: &str, more: &[&str]| {
        write("announcer.toml", &config.replace("ADDRESS", address));
        let mut command = Command::new(env!("CARGO_BIN_EXE_poolcheck"));
        command.current_dir(folder.path()).args(["announce", "--config", "announcer.toml", "--check"]).args(more);
        command.output().expect("it was built")
    };
    let fine = check("\"192.168.1.240\"", &[]);
    assert_eq!((fine.status.code(), told(&fine).as_str()), (Some(0), "ok: 1 address on eth0 as n1\n"));
    let leased = check("[\"192.168.1.240\", \"192.168.1.150-192.168.1.152\"]", &[]);
    assert_eq!(leased.status.code(), Some(1), "{}", told(&leased));
    for part in ["error[pool-in-dhcp-range]", "announcer.toml:6:30", "192.168.1.150-192.168.1.152", "lan.toml:3:9"] {
        assert!(told(&leased).contains(part), "no {part} in\n{}", told(&leased));
    }
    let anyway = check("\"192.168.1.150\"", &["--despite-findings"]);
    assert_eq!(anyway.status.code(), Some(0), "{}", told(&anyway));
}

#[test]
fn every_mistake_in_a_configuration_has_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("announcer.toml");
    let check = |text: &str| {
        std::fs::write(&file, text).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_poolcheck"));
        command.current_dir(folder.path()).args(["announce", "--config", "announcer.toml", "--check"]);
        let output = command.output().expect("it was built");
        (output.status.code(), told(&output))
    };
    let base = "interface = \"eth0\"\nnode = \"n1\"\nkey = { env = \"POOLCHECK_TEST_KEY\" }\n";
    let one = "[[address]]\naddress = \"10.0.0.1\"\n";
    for (text, wanted) in [
        (String::new(), &["`interface` is missing", "`key` is missing", "`address` is missing"][..]),
        (format!("{base}interfase = 1\n{one}"), &["unknown key `interfase`", "did you mean `interface`?", ":4:1"]),
        (format!("{base}timing = \"quick\"\n{one}"), &["`timing` cannot be `quick`", ":4:11"]),
        (format!("{base}timing = {{ beat = \"1 day\" }}\n{one}"), &["`beat` must be a time such as", ":4:19"]),
        (format!("{base}[[address]]\naddress = \"10.0.0.300\"\n"), &["10.0.0.300", ":5:12"]),
        (
            format!("{base}{one}[[address]]\naddress = \"10.0.0.0-10.0.0.9\"\n"),
            &["share addresses", "first here", ":7:12"],
        ),
        (format!("{base}[[address]]\naddress = \"10.0.0.0-10.0.255.255\"\n"), &["at most 3072 addresses"]),
        (format!("{base}[[address]]\nweight = 99999\naddress = \"10.0.0.1\"\n"), &["-32768 to 32767", ":5:10"]),
        (format!("{base}[[address]]\naddress = \"10.0.0.1\"\ncheck = {{ command = [] }}\n"), &["a check is a command"]),
    ] {
        let (status, told) = check(&text);
        assert_eq!(status, Some(2), "{text}\n{told}");
        for part in wanted {
            assert!(told.contains(part), "no {part:?} in\n{told}");
        }
    }
    std::fs::write(&file, format!("{base}{one}")).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolcheck"));
    let output = command.args(["announce", "--config"]).arg(&file).output().expect("it was built");
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(told(&output).contains("the environment variable POOLCHECK_TEST_KEY is not set"), "{}", told(&output));
    // A secret is never read from the file, and never shown.
    let literal = "interface = \"eth0\"\nnode = \"n1\"\nkey = \"hunter2hunter2hunter2\"\n".to_owned() + one;
    let (status, told) = check(&literal);
    assert_eq!(status, Some(2));
    assert!(told.contains("is not read from here") && !told.contains("hunter2"), "{told}");
}

#[test]
fn nobody_answers_where_no_announcer_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("no.sock").display().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_poolcheck"))
        .args(["announce", "status", "--socket", &socket])
        .output()
        .expect("it was built");
    assert_eq!(output.status.code(), Some(3));
    assert!(told(&output).contains("no announcer answers at"), "{}", told(&output));
}

/// Keeps what it is told in a file.
fn notebook(cluster: &Cluster, name: &str) -> (PathBuf, String) {
    let told = cluster.folder.path().join(format!("{name}.told"));
    let script = format!("notify = [\"sh\", \"-c\", \"echo $1 $2 >> {}\", \"notify\"]\n", told.display());
    (told, script)
}

#[test]
fn a_command_is_told_where_an_address_is() {
    if !inside("a_command_is_told_where_an_address_is") {
        return;
    }
    let mut cluster = Cluster::new();
    let mut books = Vec::new();
    for name in NAMES {
        let (told, notify) = notebook(&cluster, name);
        cluster.start(name, &(vip(240) + &notify));
        books.push(told);
    }
    let lines = |name: &str| {
        let book = NAMES.iter().position(|known| *known == name).unwrap();
        std::fs::read_to_string(&books[book]).unwrap_or_default()
    };
    let owner = cluster.owner(VIP);
    cluster.wait(&owner, "tells that it owns it", |_| lines(&owner).ends_with("owned 10.77.0.240\n"));
    for other in others(&owner) {
        cluster.wait(other, "tells that it does not", |_| lines(other) == "released 10.77.0.240\n");
    }
    // What is configured anew is told how things stand; what is not shared any more, that it is released.
    let (_, notify) = notebook(&cluster, &owner);
    cluster.write(&owner, &(vip(240) + &notify + &vip(241) + &notify));
    cluster.signal(&owner, "HUP");
    cluster.wait(&owner, "tells of the new one", |_| lines(&owner).contains("10.77.0.241"));
    cluster.write(&owner, &(vip(241) + &notify));
    cluster.signal(&owner, "HUP");
    cluster.wait(&owner, "tells that it is released", |_| {
        lines(&owner).lines().rfind(|line| line.ends_with(".240")) == Some("released 10.77.0.240")
    });
    // Whoever ends says so, and the next owner, too.
    let next = cluster.wait(others(&owner)[0], "knows another owner", |status| {
        self::owner(status, VIP).is_some_and(|now| now != owner)
    });
    let next = self::owner(&next, VIP).unwrap();
    cluster.wait(&next, "tells that it owns it", |_| lines(&next).ends_with("owned 10.77.0.240\n"));
    cluster.signal(&next, "TERM");
    cluster.wait(others(&next)[0], "sees it go", |_| lines(&next).ends_with("released 10.77.0.240\n"));
}

#[test]
fn a_command_that_fails_is_told_and_delays_nobody() {
    if !inside("a_command_that_fails_is_told_and_delays_nobody") {
        return;
    }
    let mut cluster = Cluster::new();
    cluster
        .start("n1", &(vip(240) + "notify = [\"/nowhere/at-all\"]\n" + &vip(241) + "notify = [\"sleep\", \"50\"]\n"));
    cluster.wait("n1", "owns both", |status| owners(status).iter().all(Option::is_some));
    cluster.wait("n1", "says that it failed", |_| cluster.log("n1").contains("notify failed: /nowhere/at-all"));
}

#[test]
fn addresses_that_go_together_have_one_owner_whatever_happens() {
    if !inside("addresses_that_go_together_have_one_owner_whatever_happens") {
        return;
    }
    let mut cluster = Cluster::new();
    let addresses = [VIP, "10.77.0.241", "10.77.0.242", "fd77::240"];
    cluster.start_all(&format!("[[address]]\naddress = {addresses:?}\ntogether = true\n"));
    let one = |status: &Value| {
        let owners: BTreeSet<Option<String>> = addresses.iter().map(|address| owner(status, address)).collect();
        owners.into_iter().collect::<Option<Vec<_>>>().filter(|owners| owners.len() == 1)
    };
    let first = one(&cluster.wait("n1", "knows one owner of all", |status| one(status).is_some())).unwrap().remove(0);
    let mover = |cluster: &Cluster, from: &str| {
        let witness = others(from)[0];
        let status = cluster.wait(witness, "knows one other owner of all", |status| {
            one(status).is_some_and(|owners| owners[0] != from)
        });
        one(&status).unwrap().remove(0)
    };
    // Whichever of them is handed over, all go.
    let to = others(&first)[1];
    let handed = cluster.poolcheck(&["announce", "handover", "10.77.0.242", to, "--socket", &cluster.socket(&first)]);
    assert!(handed.status.success(), "{}", told(&handed));
    assert_eq!(mover(&cluster, &first), to);
    cluster.signal(to, "KILL");
    mover(&cluster, to);
}
