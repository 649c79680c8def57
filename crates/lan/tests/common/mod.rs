//! A LAN of real Linux stacks: a bridge and hosts in network namespaces, made by the test itself, without root where user
//! namespaces allow.
//!
//! A test calls [`inside`], which runs the test of that name again in a namespace of its own; there it builds a [`Bridge`].
//! The namespace holds the scanner's interface `eth0`, the bridge and its ports, so that `sw0`, the other end of `eth0`,
//! can be listened to: a tap for all that the scanner sends.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use poolcheck_lan::interface::{Interface, interfaces};
use poolcheck_lan::link::{self, Link, Received, Wanted};
use poolcheck_lan::{Timestamp, wire::MacAddr};

pub(crate) mod servers;

/// Set within the namespace.
const MARK: &str = "POOLCHECK_LAN_TEST_NAMESPACE";

/// Runs the test `name` in a fresh namespace, or says that this is it.
pub(crate) fn inside(name: &str) -> bool {
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    assert!(
        Command::new("ip").arg("-V").stdout(Stdio::null()).status().is_ok_and(|status| status.success()),
        "this test needs iproute2: apt-get install -y iproute2"
    );
    let root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout == b"0\n");
    let output = Command::new("unshare")
        .arg(if root { "-nm" } else { "-Urnm" })
        .args(["sh", "-c", "mount -t tmpfs tmpfs /run && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().expect("the test knows its own program"))
        .args([name, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"])
        .env(MARK, "1")
        .output()
        .expect("unshare runs: apt-get install -y util-linux");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success(),
        "in its own namespace (root, or unprivileged user namespaces, are needed):\n{out}\n{err}"
    );
    assert!(out.contains("1 passed"), "{out}\n{err}");
    false
}

/// Runs a command and gives its output; a failure is the test's.
pub(crate) fn run(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output().expect("sh runs");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// How to call a program that may only be unpacked: `env`, the place of its libraries, and its path.
pub(crate) fn program(name: &str) -> String {
    // From whichever crate's folder the tests were built.
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("target/programs/root"));
    let unpacked = target.into_iter().find(|folder| folder.is_dir()).unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut installed = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    if let Some(folder) = installed.find(|folder| folder.join(name).is_file()) {
        return folder.join(name).display().to_string();
    }
    let found = ["usr/sbin", "usr/bin", "sbin", "bin"].map(|folder| unpacked.join(folder).join(name));
    let found = found.into_iter().find(|path| path.is_file());
    let found = found.unwrap_or_else(|| panic!("this test needs {name}: cargo xtask programs"));
    let libraries: Vec<String> = std::fs::read_dir(unpacked.join("usr/lib"))
        .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path().display().to_string())).collect())
        .unwrap_or_default();
    format!("env LD_LIBRARY_PATH={} {}", libraries.join(":"), found.display())
}

/// An interface, once it has a carrier.
pub(crate) fn interface(name: &str) -> Interface {
    for _ in 0..100 {
        let found = interfaces().unwrap().into_iter().find(|interface| interface.name == name).unwrap();
        if found.usable().is_ok() {
            return found;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("{name} does not come up");
}

/// Listens to all that leaves `eth0`: every frame of a kind that this crate knows, and the number of all frames.
///
/// It reads all the time, so that moments of arrival do not depend on the wall clock standing still.
pub(crate) struct Tap {
    reader: thread::JoinHandle<Vec<Received>>,
    over: Arc<AtomicBool>,
    counted: u64,
}

impl Tap {
    pub(crate) fn new() -> Self {
        let mut link = link::open(&interface("sw0"), Wanted::ALL).unwrap();
        interface("eth0");
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let read = move || {
            let mut seen = Vec::new();
            // Once more after the end: what has left is there by then.
            while !ended.load(Ordering::Acquire) {
                link.receive(link.now() + Duration::from_millis(20), &mut seen).unwrap();
            }
            link.receive(Timestamp::ZERO, &mut seen).unwrap();
            seen
        };
        Self { counted: counted(), reader: thread::spawn(read), over }
    }

    /// What has left `eth0`, and nothing else has: the interface's own counter knows of no other frame.
    pub(crate) fn frames(self, from: MacAddr) -> Vec<Received> {
        self.over.store(true, Ordering::Release);
        let mut seen = self.reader.join().unwrap();
        seen.retain(|received| received.frame[6..12] == from.0);
        assert_eq!(seen.len() as u64, counted() - self.counted, "frames of kinds that nobody may send have left");
        seen
    }
}

/// Frames that have left `eth0` so far, by the kernel's count.
fn counted() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("eth0:")).unwrap();
    line.split_whitespace().nth(9).unwrap().parse().unwrap()
}

/// The LAN within this namespace.
pub(crate) struct Bridge {
    hosts: Vec<String>,
    ports: usize,
    children: Vec<Child>,
}

impl Bridge {
    /// `eth0` with 10.77.0.250/24, on a bridge.
    pub(crate) fn new() -> Self {
        // The bridge is in `eth0`'s namespace, and would answer for its address.
        run("sysctl -qw net.ipv4.conf.all.arp_ignore=1");
        run("sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1 || true");
        run(
            "ip link set lo up; ip link add br0 type bridge stp_state 0 mcast_snooping 0 forward_delay 0; ip link set br0 up",
        );
        let bridge = Self { hosts: Vec::new(), ports: 0, children: Vec::new() };
        run("ip link add eth0 address 02:5c:00:00:00:01 type veth peer name sw0");
        run("ip link set sw0 master br0 up; ip addr add 10.77.0.250/24 dev eth0; ip link set eth0 up");
        bridge
    }

    /// A host in its own namespace, with one address.
    pub(crate) fn host(&mut self, name: &str, mac: &str, address: &str) {
        run(&format!(
            "ip netns add {name} && ip link add p-{name} type veth peer name eth0 address {mac} netns {name} && \
             ip link set p-{name} master br0 up && ip -n {name} link set eth0 up"
        ));
        if address.contains(':') {
            run(&format!(
                "ip netns exec {name} sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.eth0.disable_ipv6=0; \
                 ip -n {name} addr add {address} dev eth0 nodad"
            ));
        } else {
            run(&format!("ip -n {name} addr add {address} dev eth0"));
        }
        self.hosts.push(name.to_owned());
    }

    /// A port of the bridge for a responder of the test's own; the interface's name is `name`.
    pub(crate) fn port(&mut self, name: &str, mac: &str) {
        run(&format!("ip link add {name} address {mac} type veth peer name p-{name}; ip link set {name} up"));
        run(&format!("ip link set p-{name} master br0 up"));
        self.ports += 1;
    }

    /// Starts a program in a host's namespace; it ends with the LAN.
    pub(crate) fn start(&mut self, host: &str, line: &str) {
        let child = Command::new("ip").args(["netns", "exec", host, "sh", "-c", &format!("exec {line}")]).spawn();
        self.children.push(child.expect("ip runs"));
    }

    /// What the hosts' neighbour tables hold.
    pub(crate) fn neighbours(&self) -> String {
        self.hosts.iter().map(|host| run(&format!("ip -n {host} neigh show"))).collect()
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
