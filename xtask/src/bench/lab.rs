//! A LAN to scan, within a network namespace that holds nothing else: a bridge, the scanner's `eth0`, and hosts.
//!
//! Hosts are addresses on the interfaces of one namespace: real Linux stacks, each interface answering for its own addresses
//! only (`arp_ignore` 1). Second owners are a second namespace. What Linux will not do, answering late, a thread does. The
//! bridge loses (each receiver on its own) and polices by nftables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use poolcheck_lan::interface::Interface;
use poolcheck_lan::link::{self, Link, Received, Wanted};
use poolcheck_lan::wire::{Payload, arp, compose, dissect};

use crate::namespace::{feed, shell, usable};

/// As many interfaces share the addresses of a big LAN.
const MAX_PORTS: usize = 50;
const NETWORK: u32 = u32::from_be_bytes([10, 77, 0, 0]);
const LATE_MAC: &str = "02:ee:00:00:00:01";

/// What the LAN is like.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    /// Length of the subnet's prefix.
    pub(super) prefix: u8,
    /// Hosts that answer at once.
    pub(super) live: usize,
    /// How many of them have a second owner, which answers at once, too.
    pub(super) twins: usize,
    pub(super) late: Late,
    pub(super) wire: Wire,
    /// Only the first host's address is scanned, rather than the subnet.
    pub(super) single: bool,
}

/// Who answers late.
#[derive(Clone, Copy)]
pub(super) enum Late {
    Nobody,
    /// So many more hosts, by so many milliseconds.
    Hosts(usize, u64),
    /// A second owner of the first host's address, by so many milliseconds.
    SecondOwner(u64),
}

/// What happens to ARP on the bridge.
#[derive(Clone, Copy)]
pub(super) enum Wire {
    Clean,
    /// So many of a thousand deliveries are lost, questions and answers alike.
    Lossy(u32),
    /// So many frames a second of the scanner's get through, and 50 at once.
    Policed(u32),
}

/// The LAN, and what is true of it.
pub(super) struct Lab {
    range: String,
    /// The hardware addresses that stand behind each address.
    truth: BTreeMap<String, BTreeSet<String>>,
}

impl Lab {
    /// Builds it here.
    pub(super) fn new(plan: &Plan) -> Result<Self, String> {
        let size = 1_u32 << (32 - plan.prefix);
        let address = |offset: u32| Ipv4Addr::from(NETWORK + offset);
        let own = address(size - 6);
        let late = if let Late::Hosts(count, _) = plan.late { count } else { 0 };
        let mut random = fastrand::Rng::with_seed(1);
        let drawn = random.choose_multiple(1..size - 6, plan.live + late);
        let (live, late) = drawn.split_at(plan.live);

        let mut truth: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut script = format!(
            "link set lo up\nlink add br0 type bridge stp_state 0 mcast_snooping 0 forward_delay 0\nlink set br0 up\n\
             link add eth0 address 02:5c:00:00:00:01 type veth peer name sw0\nlink set sw0 master br0 up\n\
             address add {own}/{} broadcast + dev eth0\nlink set eth0 up\n",
            plan.prefix
        );
        let ports = plan.live.min(MAX_PORTS);
        let (mut first, mut second) = (String::new(), String::new());
        for port in 0..ports {
            let mac = format!("02:02:00:00:00:{port:02x}");
            plug(&mut script, "hosts", &format!("h{port}"), &mac);
            let _ = writeln!(first, "link set h{port} up");
            for offset in live.iter().skip(port).step_by(ports) {
                let _ = writeln!(first, "address add {}/32 dev h{port}", address(*offset));
                truth.entry(address(*offset).to_string()).or_default().insert(mac.clone());
            }
        }
        for (port, offset) in live.iter().take(plan.twins).enumerate() {
            let mac = format!("02:dd:00:00:00:{port:02x}");
            plug(&mut script, "twins", &format!("t{port}"), &mac);
            let _ = writeln!(second, "link set t{port} up\naddress add {}/32 dev t{port}", address(*offset));
            truth.entry(address(*offset).to_string()).or_default().insert(mac);
        }
        let (responds, delay) = match plan.late {
            Late::Nobody => (Vec::new(), 0),
            Late::Hosts(_, delay) => (late.iter().map(|offset| address(*offset)).collect(), delay),
            Late::SecondOwner(delay) => (vec![address(live[0])], delay),
        };
        if !responds.is_empty() {
            let _ = writeln!(script, "link add late address {LATE_MAC} type veth peer name p-late");
            let _ = writeln!(script, "link set late up\nlink set p-late master br0 up");
        }
        for address in &responds {
            truth.entry(address.to_string()).or_default().insert(LATE_MAC.to_owned());
        }

        shell("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 || true")?;
        // The bridge would answer for `eth0`'s address, which is in the same namespace.
        shell("sysctl -qw net.ipv4.conf.all.arp_ignore=1")?;
        for namespace in ["hosts", "twins"] {
            shell(&format!(
                "ip netns add {namespace}; ip netns exec {namespace} sh -c 'sysctl -qw net.ipv6.conf.default.disable_ipv6=1; \
                 sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 net.ipv4.conf.all.rp_filter=0 \
                 net.ipv4.conf.default.rp_filter=0'"
            ))?;
        }
        feed("ip -batch -", &script)?;
        feed("ip -n hosts -batch -", &first)?;
        feed("ip -n twins -batch -", &second)?;
        if let Some(rules) = rules(plan.wire) {
            feed("nft -f -", &rules)?;
        }
        usable("eth0")?;
        if !responds.is_empty() {
            answer_late(&usable("late")?, responds, Duration::from_millis(delay))?;
        }
        let range = if plan.single { address(live[0]).to_string() } else { format!("{}/{}", address(0), plan.prefix) };
        Ok(Self { range, truth })
    }

    /// What to scan.
    pub(super) fn range(&self) -> String {
        self.range.clone()
    }

    /// Addresses that are in use.
    pub(super) fn hosts(&self) -> usize {
        self.truth.len()
    }

    /// Owners of an address beside its first.
    pub(super) fn second_owners(&self) -> usize {
        self.truth.values().map(|owners| owners.len() - 1).sum()
    }

    /// How many hosts are in these (address, hardware address) pairs, and how many second owners.
    pub(super) fn found(&self, pairs: &BTreeSet<(String, String)>) -> (usize, usize) {
        let known = |(address, owners): (&String, &BTreeSet<String>)| {
            owners.iter().filter(|mac| pairs.contains(&(address.clone(), (*mac).clone()))).count()
        };
        let found: Vec<usize> = self.truth.iter().map(known).filter(|known| *known > 0).collect();
        (found.len(), found.iter().map(|known| known - 1).sum())
    }

    /// Frames that have left the scanner's interface.
    #[expect(clippy::unused_self, reason = "there is such a counter only once there is a lab")]
    pub(super) fn frames_sent(&self) -> Result<f64, String> {
        let text = std::fs::read_to_string("/proc/self/net/dev").map_err(|error| error.to_string())?;
        let line = text.lines().find_map(|line| line.trim().strip_prefix("eth0:")).ok_or("eth0 is gone")?;
        line.split_whitespace().nth(9).and_then(|count| count.parse().ok()).ok_or_else(|| "no counter".to_owned())
    }

    /// Lets late answers pass and a policer's bucket fill, and makes the scanner forget its neighbours.
    #[expect(clippy::unused_self, reason = "there is something to rest only once there is a lab")]
    pub(super) fn rest(&self, pause: Duration) -> Result<(), String> {
        thread::sleep(pause);
        shell("ip neigh flush dev eth0")
    }
}

/// Adds an interface of a namespace, on the bridge.
fn plug(script: &mut String, namespace: &str, name: &str, mac: &str) {
    let _ = writeln!(script, "link add p-{name} type veth peer name {name} address {mac} netns {namespace}");
    let _ = writeln!(script, "link set p-{name} master br0 up");
}

fn rules(wire: Wire) -> Option<String> {
    let (hook, matches) = match wire {
        Wire::Clean => return None,
        Wire::Lossy(share) => ("forward", format!("ether type arp numgen random mod 1000 < {share}")),
        Wire::Policed(rate) => {
            ("prerouting", format!("iifname \"sw0\" ether type arp limit rate over {rate}/second burst 50 packets"))
        }
    };
    Some(format!("table bridge lab {{ chain frames {{ type filter hook {hook} priority 0; {matches} drop; }}; }}"))
}

/// Answers ARP for these addresses, each question so late, until the process ends.
fn answer_late(interface: &Interface, addresses: Vec<Ipv4Addr>, delay: Duration) -> Result<(), String> {
    let mut link = link::open(interface, Wanted::ARP).map_err(|error| error.to_string())?;
    let mac = link.mac();
    thread::spawn(move || -> poolcheck_lan::Result<()> {
        let mut questions: Vec<Received> = Vec::new();
        loop {
            let now = link.now();
            let next = questions.iter().map(|question| question.at + delay).min();
            let until = next.unwrap_or(now + Duration::from_millis(50));
            let mut heard = Vec::new();
            link.receive(until, &mut heard)?;
            questions.extend(heard.into_iter().filter(|received| asks_for(&received.frame, &addresses).is_some()));
            let now = link.now();
            let (due, waiting) = questions.drain(..).partition(|question| question.at + delay <= now);
            questions = waiting;
            for question in due as Vec<Received> {
                if let Some(packet) = asks_for(&question.frame, &addresses) {
                    link.send(&[compose::arp(packet.sender_mac, &arp::Repr::reply(&packet, mac))])?;
                }
            }
        }
    });
    Ok(())
}

fn asks_for(frame: &[u8], addresses: &[Ipv4Addr]) -> Option<arp::Repr> {
    match dissect(frame).ok()?.payload {
        Payload::Arp(packet) if packet.operation == arp::Operation::Request => {
            addresses.contains(&packet.target_ip).then_some(packet)
        }
        _ => None,
    }
}
