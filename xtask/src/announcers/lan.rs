//! The LAN: a bridge, nodes in namespaces of their own, and this program's own interfaces on it.
//!
//! ```text
//! n1: eth0 ── p-n1 ┐                      ┌ p-client ── client   asks
//! n2: eth0 ── p-n2 ┤ br0        (br1: the other half of a split LAN)
//! n3: eth0 ── p-n3 ┘                      └ p-rogue ── rogue     claims what is not its own
//! ```
//!
//! A node's cable is its port of the bridge: pulled by taking the port down (the node sees no carrier), moved to `br1` to
//! split the LAN (the node sees nothing), or led through a relay that passes only ARP, Neighbor Discovery and multicast
//! reports. All that runs in a node's namespace is that machine's processes.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use poolcheck_lan::link::{self, Link, PacketLink, Received, Wanted};
use poolcheck_lan::wire::MacAddr;

use super::peer::{Peer, Site};
use super::process::{self, Signal};
use super::wire::Recorder;
use super::{Clock, Moment};
use crate::namespace::{feed, shell, usable};

/// The interface that nodes are told to announce on.
pub(crate) const INTERFACE: &str = "eth0";
/// The client's hardware address; its questions may come from others that differ in the last four octets.
pub(crate) const CLIENT: MacAddr = MacAddr([0x02, 0x5c, 0, 0, 0, 0]);
/// The hardware address of a machine that claims what is not its own.
pub(crate) const ROGUE: MacAddr = MacAddr([0x02, 0xbd, 0, 0, 0, 1]);

/// The LAN, and the nodes on it.
pub(crate) struct Lan {
    pub(crate) clock: Clock,
    pub(crate) nodes: Vec<Node>,
    /// Asks; see [`super::wire`].
    pub(crate) client: PacketLink,
    pub(crate) rogue: PacketLink,
    peer: Peer,
    addresses: Vec<IpAddr>,
    work: PathBuf,
    relay: Option<Arc<AtomicBool>>,
}

/// A machine that announces.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) mac: MacAddr,
    started: Option<Child>,
}

impl Node {
    fn new(number: usize) -> Self {
        Self { name: format!("n{number}"), mac: MacAddr([2, 1, 0, 0, 0, number as u8]), started: None }
    }

    /// Its port of the bridge.
    fn port(&self) -> String {
        format!("p-{}", self.name)
    }

    /// The machine's own addresses, which its kernel answers for.
    pub(crate) fn own(&self) -> [IpAddr; 2] {
        let last = 10 + u16::from(self.mac.0[5]);
        [[10, 77, 0, last as u8].into(), [0xfd77, 0, 0, 0, 0, 0, 0, last].into()]
    }
}

impl Lan {
    /// Builds the LAN here, in a namespace that holds nothing else. No node runs anything yet.
    pub(crate) fn new(nodes: usize, peer: Peer, addresses: Vec<IpAddr>, work: &Path) -> Result<Self, String> {
        let off = "net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1";
        shell(&format!("sysctl -qw {off} net.ipv4.conf.all.arp_ignore=8"))?;
        let bridge = "type bridge stp_state 0 mcast_snooping 0 forward_delay 0";
        let mut script = format!("link set lo up\nlink add br0 {bridge}\nlink add br1 {bridge}\n");
        for (name, mac) in [("client", CLIENT), ("rogue", ROGUE)] {
            let _ = writeln!(script, "link add {name} address {mac} type veth peer name p-{name}");
            let _ = writeln!(script, "link set {name} up\nlink set p-{name} master br0 up");
        }
        script += "link set br0 up\nlink set br1 up\n";
        feed("ip -batch -", &script)?;
        // The kernel answers for the client's link-local address alone: whom a solicitation gave no hardware address asks.
        shell(
            "sysctl -qw net.ipv6.conf.client.accept_dad=0 net.ipv6.conf.client.accept_ra=0 net.ipv6.conf.client.router_solicitations=0",
        )?;
        shell("sysctl -qw net.ipv6.conf.client.addr_gen_mode=1 net.ipv6.conf.client.disable_ipv6=0")?;
        shell("ip address add fe80::5c/64 dev client nodad")?;
        let open = |name: &str| {
            let wanted = Wanted::ARP.and(Wanted::NDP);
            link::open(&usable(name)?, wanted).map_err(|error| error.to_string())
        };
        let lan = Self {
            clock: Clock::new(),
            nodes: (1..=nodes).map(Node::new).collect(),
            client: open("client")?,
            rogue: open("rogue")?,
            peer,
            addresses,
            work: work.to_owned(),
            relay: None,
        };
        lan.build()?;
        Ok(lan)
    }

    /// Everything as at the beginning: new namespaces, nothing running, no neighbour and no bridge remembering anything.
    pub(crate) fn fresh(&mut self) -> Result<(), String> {
        self.remove()?;
        self.build()
    }

    fn build(&self) -> Result<(), String> {
        for node in 0..self.nodes.len() {
            self.plug(node, true)?;
        }
        self.ready()
    }

    /// Another number of nodes, another announcer, other addresses; everything as at the beginning.
    pub(crate) fn change(&mut self, nodes: usize, peer: Peer, addresses: Vec<IpAddr>) -> Result<(), String> {
        self.remove()?;
        self.nodes = (1..=nodes).map(Node::new).collect();
        (self.peer, self.addresses) = (peer, addresses);
        self.build()
    }

    /// What is announced.
    pub(crate) fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// Other addresses, from the next start on.
    pub(crate) fn announce(&mut self, addresses: Vec<IpAddr>) {
        self.addresses = addresses;
    }

    /// Ends all processes of all nodes, and takes the nodes away.
    pub(crate) fn remove(&mut self) -> Result<(), String> {
        self.unfilter();
        let mut script = String::new();
        for node in &mut self.nodes {
            if let Some(mut child) = node.started.take() {
                // It may not have entered its namespace yet.
                let _ = child.kill();
                let _ = child.wait();
            }
            let Ok(processes) = process::of_namespace(&node.name) else { continue };
            process::signal(&processes, Signal::Kill);
            let _ = writeln!(script, "ip link del {} 2>/dev/null; ip netns del {}", node.port(), node.name);
            // Files of processes that are gone (their numbers, for one) mislead the next.
            let _ = std::fs::remove_dir_all(self.work.join(&node.name));
        }
        // What the bridge has learned belongs to machines that are gone.
        let _ = writeln!(script, "ip link set br0 type bridge fdb_flush; ip link set br1 type bridge fdb_flush");
        shell(&script)
    }

    /// Makes a node's namespace, and its interface if it has one from the beginning.
    fn plug(&self, node: usize, with_interface: bool) -> Result<(), String> {
        let node = &self.nodes[node];
        let name = &node.name;
        shell(&format!(
            "ip netns add {name} && ip -n {name} link set lo up && ip netns exec {name} sysctl -qw \
             net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.ip_forward=1 \
             net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0 \
             net.ipv6.conf.default.router_solicitations=0"
        ))?;
        if with_interface { Self::interface(node) } else { Ok(()) }
    }

    fn interface(node: &Node) -> Result<(), String> {
        let (name, port) = (&node.name, node.port());
        feed(
            "ip -batch -",
            &format!(
                "link add {port} type veth peer name {INTERFACE} address {} netns {name}\nlink set {port} master br0 up\n",
                node.mac
            ),
        )?;
        let [v4, v6] = node.own();
        feed(
            &format!("ip -n {name} -batch -"),
            &format!(
                "link set {INTERFACE} up\naddress add {v4}/16 dev {INTERFACE}\naddress add {v6}/64 dev {INTERFACE} nodad\n"
            ),
        )
    }

    /// Waits until every node's interface has a carrier and a link-local address that may be used.
    fn ready(&self) -> Result<(), String> {
        let mut script = String::new();
        for node in &self.nodes {
            let _ = writeln!(
                script,
                "i=0; until ip -n {0} -6 address show dev {INTERFACE} scope link -tentative | grep -q fe80 && \
                 ip -n {0} link show {INTERFACE} | grep -q LOWER_UP; do i=$((i+1)); [ $i -lt 200 ] || exit 1; sleep 0.02; done",
                node.name
            );
        }
        shell(&script).map_err(|_| "a node's interface does not come up".to_owned())
    }

    /// A new namespace for a node, without the interface that it is told to announce on.
    pub(crate) fn without_interface(&mut self, node: usize) -> Result<(), String> {
        self.unplug(node)?;
        self.plug(node, false)
    }

    /// A machine whose power was off starts: nothing is left of what ran there, and the announcer is started.
    pub(crate) fn power_on(&mut self, node: usize) -> Result<Moment, String> {
        self.unplug(node)?;
        self.plug(node, true)?;
        self.ready()?;
        let now = self.clock.now();
        self.start(node)?;
        Ok(now)
    }

    fn unplug(&mut self, node: usize) -> Result<(), String> {
        self.signal(node, Signal::Kill)?;
        self.reap(node);
        let name = &self.nodes[node].name;
        shell(&format!("ip link del p-{name}; ip netns del {name}"))
    }

    /// Gives that node its interface.
    pub(crate) fn add_interface(&self, node: usize) -> Result<(), String> {
        Self::interface(&self.nodes[node])
    }

    /// Starts the announcer of a node; what it says goes to `log` in its folder.
    pub(crate) fn start(&mut self, node: usize) -> Result<(), String> {
        self.start_on(node, INTERFACE)
    }

    /// Starts it on another interface.
    pub(crate) fn start_on(&mut self, node: usize, interface: &str) -> Result<(), String> {
        let names: Vec<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        let here = &mut self.nodes[node];
        let folder = self.work.join(&here.name);
        let site = Site { node, nodes: &names, addresses: &self.addresses, work: &folder, interface };
        let command = self.peer.command(&site)?;
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        let log = std::fs::File::create(folder.join("log")).map_err(failed)?;
        let errors = log.try_clone().map_err(failed)?;
        let mut start = Command::new("ip");
        start.args(["netns", "exec", &here.name, "sh", "-c", &command]);
        start.envs(site.variables()).env("PROFILE", self.peer.profile());
        start.stdin(Stdio::null()).stdout(log).stderr(errors);
        here.started = Some(start.spawn().map_err(|error| format!("ip cannot be started: {error}"))?);
        Ok(())
    }

    /// Starts them all.
    pub(crate) fn start_all(&mut self) -> Result<(), String> {
        (0..self.nodes.len()).try_for_each(|node| self.start(node))
    }

    /// What the announcer of a node said last.
    pub(crate) fn last_words(&self, node: usize) -> String {
        let text = std::fs::read_to_string(self.work.join(&self.nodes[node].name).join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
    }

    /// Whether the announcer of a node has ended.
    pub(crate) fn has_ended(&mut self, node: usize) -> bool {
        self.nodes[node].started.as_mut().is_none_or(|child| child.try_wait().is_ok_and(|status| status.is_some()))
    }

    /// All processes of a node: in its namespace, and the one that was started, which may not be there yet.
    pub(crate) fn processes(&self, node: usize) -> Result<Vec<i32>, String> {
        let node = &self.nodes[node];
        let mut processes = process::of_namespace(&node.name)?;
        let started = node.started.as_ref().and_then(|child| i32::try_from(child.id()).ok());
        processes.extend(started.filter(|started| !processes.contains(started)));
        Ok(processes)
    }

    /// Signals all processes of a node, and says when.
    pub(crate) fn signal(&self, node: usize, signal: Signal) -> Result<Moment, String> {
        let processes = self.processes(node)?;
        let now = self.clock.now();
        process::signal(&processes, signal);
        Ok(now)
    }

    /// Kills the one process that was started, not what it has started in its turn; says when.
    pub(crate) fn kill_first(&self, node: usize) -> Result<Moment, String> {
        let started = self.nodes[node].started.as_ref().and_then(|child| i32::try_from(child.id()).ok());
        let started = started.ok_or_else(|| format!("nothing was started on {}", self.nodes[node].name))?;
        let now = self.clock.now();
        process::signal(&[started], Signal::Kill);
        Ok(now)
    }

    /// Waits for the end of a node's announcer.
    pub(crate) fn reap(&mut self, node: usize) {
        if let Some(mut child) = self.nodes[node].started.take() {
            let _ = child.wait();
        }
    }

    /// Asks the announcer of a node to give an address to others, by its own command where it has one, by the signal to end
    /// where not. Says when.
    pub(crate) fn hand_over(&self, node: usize, address: IpAddr) -> Result<Moment, String> {
        let name = &self.nodes[node].name;
        match self.peer.handover(&self.work.join(name), address) {
            None => self.signal(node, Signal::Terminate),
            Some(command) => {
                let now = self.clock.now();
                shell(&format!("ip netns exec {name} {command}"))?;
                Ok(now)
            }
        }
    }

    /// Pulls a node's cable, or puts it back. Says when.
    pub(crate) fn cable(&self, node: usize, plugged: bool) -> Result<Moment, String> {
        let now = self.clock.now();
        let state = if plugged { "up" } else { "down" };
        shell(&format!("ip link set {} {state}", self.nodes[node].port()))?;
        Ok(now)
    }

    /// Pulls a node's plug: its cable is dead and its processes are.
    pub(crate) fn power_off(&mut self, node: usize) -> Result<Moment, String> {
        let processes = self.processes(node)?;
        let now = self.cable(node, false)?;
        process::signal(&processes, Signal::Kill);
        self.reap(node);
        Ok(now)
    }

    /// Puts these nodes on another bridge, where the client is not, and all others where it is.
    pub(crate) fn split(&self, away: &[usize]) -> Result<Moment, String> {
        let mut script = String::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let bridge = if away.contains(&at) { "br1" } else { "br0" };
            let _ = writeln!(script, "link set {} master {bridge}", node.port());
        }
        let now = self.clock.now();
        feed("ip -batch -", &script)?;
        Ok(now)
    }

    /// The client's cable, and the rogue's, to the other half of a split LAN and back.
    #[expect(clippy::unused_self, reason = "there is a client to move only once there is a LAN")]
    pub(crate) fn move_client(&self, away: bool) -> Result<(), String> {
        shell(&format!("ip link set p-client master br{}", u8::from(away)))
    }

    /// Leads a node's cable through a relay that passes only ARP, Neighbor Discovery and multicast reports.
    pub(crate) fn filter(&mut self, node: usize) -> Result<Moment, String> {
        let port = self.nodes[node].port();
        feed(
            "ip -batch -",
            "link add relay type veth peer name p-relay\nlink set relay up\nlink set p-relay master br0 up\n",
        )?;
        let passed = Wanted::ARP.and(Wanted::NDP).and(Wanted::MLD);
        let open = |name: &str| link::open(&usable(name)?, passed).map_err(|error| error.to_string());
        let (mut near, mut far) = (open(&port)?, open("relay")?);
        // In both directions nobody's addresses but the nodes' own are asked for: all frames of these kinds pass.
        shell(&format!("ip link set {port} nomaster; ip link set {port} promisc on; ip link set relay promisc on"))?;
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        thread::spawn(move || {
            let mut frames: Vec<Received> = Vec::new();
            while !ended.load(Ordering::Acquire) {
                pass(&mut near, &mut far, &mut frames);
                pass(&mut far, &mut near, &mut frames);
            }
        });
        self.relay = Some(over);
        Ok(self.clock.now())
    }

    /// Ends [`Lan::filter`].
    pub(crate) fn unfilter(&mut self) {
        if let Some(over) = self.relay.take() {
            over.store(true, Ordering::Release);
            let mut ports = String::new();
            for node in &self.nodes {
                let _ = write!(ports, "ip link set {} master br0;", node.port());
            }
            // Nodes that are gone have no port to be put back.
            let _ = shell(&format!("ip link del relay; {{ {ports} }} 2>/dev/null; true"));
        }
    }

    /// Runs a line of shell in a node's namespace, and says when.
    pub(crate) fn on(&self, node: usize, line: &str) -> Result<Moment, String> {
        let now = self.clock.now();
        let name = &self.nodes[node].name;
        shell(&format!("ip netns exec {name} sh -c '{line}'"))?;
        Ok(now)
    }

    /// Reads all that the nodes send, from now on.
    pub(crate) fn record(&self) -> Result<Recorder, String> {
        let ports: Vec<String> = self.nodes.iter().map(Node::port).collect();
        Recorder::new(self.clock, &ports)
    }
}

/// Passes on what is there, or waits a millisecond for it.
fn pass(from: &mut PacketLink, to: &mut PacketLink, frames: &mut Vec<Received>) {
    // A cable that is pulled meanwhile is no error of the relay's.
    let _ = from.receive(from.now() + Duration::from_micros(500), frames);
    let frames: Vec<Vec<u8>> = frames.drain(..).map(|received| received.frame).collect();
    let _ = to.send(&frames);
}

impl Drop for Lan {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = self.remove();
    }
}
