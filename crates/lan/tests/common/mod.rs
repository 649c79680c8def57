//! A LAN of real Linux stacks: a bridge and hosts in network namespaces, made by the test itself, without root where user
//! namespaces allow.
//!
//! A test calls [`inside`], which runs the test of that name again in a namespace of its own; there it builds a [`Bridge`].
//! The namespace holds the scanner's interface `eth0`, the bridge and its ports, so that `sw0`, the other end of `eth0`,
//! can be listened to: a tap for all that the scanner sends.

#![allow(dead_code, reason = "each test file uses its part")]

use std::process::{Child, Command, Stdio};

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

/// The LAN within this namespace.
pub(crate) struct Bridge {
    hosts: Vec<String>,
    ports: usize,
    children: Vec<Child>,
}

impl Bridge {
    /// `eth0` with 10.77.0.250/24, on a bridge.
    pub(crate) fn new() -> Self {
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
