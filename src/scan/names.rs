//! What machines are called: what facts say, and whom a scan asks.
//!
//! Nothing leaves the segment for a name unless that is asked for: Multicast DNS is spoken to a group that no router
//! forwards, and a DNS server is asked only where it is a machine of the segment. `--names dns` asks it wherever it is.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use poolcheck_lan::names::{Asker, Lookup};
use poolcheck_lan::wire::dns::{HostName, PORT};
use poolcheck_lan::{Cancel, Timestamp};
use poolcheck_plan::Sources;
use poolcheck_plan::observed::SeenLease;
use poolcheck_router_adapters::Page;
use poolcheck_router_adapters::leases::{self, Lease, Until};
use poolcheck_rules::World;

use super::live::NOWHERE;
use super::targets::Aim;
use crate::failure::Failure;

/// How names become known, beside facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Nobody is asked.
    Heard,
    /// Machines are asked, and a DNS server on the segment.
    Asked,
    /// A DNS server is asked wherever it is.
    Everywhere,
}

/// At least so long the DNS server is awaited, or a tenth of what the scan took.
const PATIENCE: Duration = Duration::from_millis(250);
/// One wait for an answer: so soon a cancellation is noticed.
const LONGEST_WAIT: Duration = Duration::from_millis(20);
/// Where systems say which DNS servers they ask. Where the first names only this machine's own, the second says whom that
/// one asks (systemd-resolved).
const RESOLVERS: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/// What facts call machines.
pub(super) struct Written {
    by_mac: BTreeMap<String, String>,
    /// Of those whose hardware address facts do not say.
    by_address: BTreeMap<IpAddr, String>,
}

impl Written {
    pub(super) fn of(world: &World<'_>) -> Self {
        let mut written = Self { by_mac: BTreeMap::new(), by_address: BTreeMap::new() };
        let segments = || world.facts.segments.iter();
        let reservations = segments().flat_map(|segment| &segment.dhcp).flat_map(|server| &server.reservations);
        let reservations = reservations.map(|own| (own.value.address, &own.value.mac, &own.value.name));
        let hosts = segments().flat_map(|segment| &segment.hosts);
        let hosts = hosts.map(|host| (host.value.address, &host.value.mac, &host.value.name));
        // What is known of hosts is nearer to the machine than what the router has reserved.
        for (address, mac, name) in reservations.chain(hosts) {
            match (mac, name) {
                (Some(mac), Some(name)) => drop(written.by_mac.insert(mac.clone(), name.clone())),
                (None, Some(name)) => drop(written.by_address.insert(address, name.clone())),
                (_, None) => {}
            }
        }
        written
    }

    pub(super) fn of_machine(&self, address: IpAddr, mac: &str) -> Option<String> {
        self.by_mac.get(mac).or_else(|| self.by_address.get(&address)).cloned()
    }
}

/// What DHCP servers' own files say, as far as it can be shown: a name is one that DNS could have.
#[derive(Debug, Default)]
pub(crate) struct Leases(Vec<(String, Lease)>);

impl Leases {
    /// Reads the files.
    pub(crate) fn read(files: &[PathBuf]) -> Result<Self, Failure> {
        let mut read = Self::default();
        for file in files {
            let (text, name) = (crate::config::read_text(file, false)?, crate::collect::shown(file));
            let mut sources = Sources::new();
            let leases = leases::read(&Page { name: &name, text: &text }, &mut sources)
                .map_err(|error| Failure::facts(error, sources))?;
            read.0.extend(leases.into_iter().map(|lease| {
                let name_of_machine = lease.name.as_deref().and_then(HostName::new).map(|name| name.to_string());
                (name.clone(), Lease { name: name_of_machine, ..lease })
            }));
        }
        Ok(read)
    }

    /// What the servers call a machine: by its hardware address, or by the address where they do not say that.
    pub(super) fn name(&self, address: IpAddr, mac: &str) -> Option<&str> {
        let leases = || self.0.iter().map(|(_, lease)| lease).filter(|lease| lease.name.is_some());
        let own = |lease: &&Lease| lease.mac.as_deref() == Some(mac);
        // A machine that had several addresses is called what it is called at this one.
        let here = leases().find(|lease| lease.address == address && (own(lease) || lease.mac.is_none()));
        here.or_else(|| leases().find(own)).and_then(|lease| lease.name.as_deref())
    }

    /// The leases that run at a time, of the addresses that matter.
    pub(super) fn current(&self, at: jiff::Timestamp, matters: impl Fn(IpAddr) -> bool) -> Vec<SeenLease> {
        let runs = |(_, lease): &&(String, Lease)| lease.until.is_current(at.as_second()) && matters(lease.address);
        let seen = |(file, lease): &(String, Lease)| SeenLease {
            address: lease.address,
            mac: lease.mac.clone(),
            name: lease.name.clone(),
            until: match lease.until {
                // What is later than any calendar is for ever.
                Until::At(end) => jiff::Timestamp::from_second(end).ok().map(|end| end.to_string()),
                Until::Never | Until::Ended | Until::Unknown => None,
            },
            file: format!("{file}:{}", lease.line),
            place: NOWHERE,
        };
        self.0.iter().filter(runs).map(seen).collect()
    }
}

/// Who asks for names by Multicast DNS: as an address of the segment that is asked, or else by IPv6's own.
pub(super) fn asker(aim: &Aim, names: Names) -> Option<Asker> {
    if names == Names::Heard {
        return None;
    }
    let own = &aim.interface.addresses;
    let v4 = || own.iter().filter(|net| net.addr().is_ipv4());
    let here = v4().find(|net| aim.ranges.iter().any(|range| net.contains(&range.first()))).or_else(|| v4().next());
    let from = here.map(ipnet::IpNet::addr).or_else(|| aim.interface.link_local().map(IpAddr::V6))?;
    Some(Asker::new(aim.interface.mac, from))
}

/// What a DNS server said.
#[derive(Debug, Default)]
pub(super) struct LookedUp {
    pub(super) names: BTreeMap<IpAddr, HostName>,
    pub(super) frames: u64,
    pub(super) remark: Option<String>,
}

/// Asks this machine's DNS server, if it may be asked. `room` takes a frame's place in the rate of the scan, or says when
/// there may be one.
pub(super) fn look_up(
    aim: &Aim,
    names: Names,
    addresses: BTreeSet<IpAddr>,
    took: Duration,
    now: impl Fn() -> Timestamp,
    mut room: impl FnMut(Timestamp) -> Result<(), Timestamp>,
    cancel: &Cancel,
) -> LookedUp {
    let server = if names == Names::Heard { None } else { server(aim, names, &resolvers()) };
    let Some(server) = server.filter(|_| !addresses.is_empty()) else { return LookedUp::default() };
    let from: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let until = now() + PATIENCE.max(took / 10);
    let mut lookup = Lookup::new(addresses, until, super::live::seed());
    let asked = UdpSocket::bind((from, 0)).and_then(|socket| {
        socket.connect(server)?;
        let mut answer = [0; 4096];
        loop {
            let mut wait = LONGEST_WAIT;
            while lookup.is_due(now()) {
                if let Err(room_at) = room(now()) {
                    wait = wait.min(room_at.since(now())).max(Duration::from_micros(50));
                    break;
                }
                if let Some(question) = lookup.poll_output(now()) {
                    socket.send(&question)?;
                }
            }
            if lookup.poll_timeout(now()).is_none() || cancel.is_cancelled() {
                return Ok(());
            }
            socket.set_read_timeout(Some(wait))?;
            match socket.recv(&mut answer) {
                Ok(len) => lookup.handle(&answer[..len]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error),
            }
        }
    });
    let remark =
        asked.err().map(|error| format!("the DNS server {} could not be asked for names: {error}", server.ip()));
    LookedUp { names: lookup.names().clone(), frames: lookup.frames(), remark }
}

/// The first DNS server that may be asked.
fn server(aim: &Aim, names: Names, resolvers: &[IpAddr]) -> Option<SocketAddr> {
    let own = |address: IpAddr| aim.interface.addresses.iter().any(|net| net.addr() == address);
    // This machine's own asks others: whom, nobody here knows.
    let on_segment = |address: IpAddr| aim.interface.reaches(address) && !own(address);
    let may_be_asked = |address: &&IpAddr| names == Names::Everywhere || on_segment(**address);
    resolvers.iter().find(may_be_asked).map(|address| SocketAddr::new(*address, PORT))
}

/// The DNS servers that this machine asks.
fn resolvers() -> Vec<IpAddr> {
    let read = |path| nameservers(&std::fs::read_to_string(path).unwrap_or_default());
    let [first, behind] = RESOLVERS.map(read);
    if first.iter().all(IpAddr::is_loopback) && !behind.is_empty() { behind } else { first }
}

/// The `nameserver` lines of a resolv.conf(5); addresses with a zone are left out.
fn nameservers(text: &str) -> Vec<IpAddr> {
    let words = text.lines().map(|line| line.split_whitespace());
    words
        .filter_map(|mut words| words.next().filter(|word| *word == "nameserver").and(words.next())?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use poolcheck_lan::interface::Interface;

    use super::*;

    fn aim() -> Aim {
        let interface = Interface {
            index: 2,
            name: "eth0".to_owned(),
            mac: poolcheck_lan::wire::MacAddr([2, 0, 0, 0, 0, 1]),
            mtu: 1500,
            up: true,
            carrier: true,
            loopback: false,
            ethernet: true,
            addresses: vec!["10.77.0.250/24".parse().unwrap()],
        };
        let (ranges, considered, known) = (Vec::new(), Vec::new(), Vec::new());
        Aim { interface, ranges, considered, known, about: String::new(), remarks: Vec::new() }
    }

    #[test]
    fn only_a_server_on_the_segment_is_asked_unless_told_otherwise() {
        let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        let asked = |names, resolvers: &[&str]| {
            server(&aim(), names, &addresses(resolvers)).map(|server| server.ip().to_string())
        };
        assert_eq!(asked(Names::Asked, &["10.77.0.1"]).as_deref(), Some("10.77.0.1"));
        assert_eq!(asked(Names::Asked, &["9.9.9.9", "10.77.0.1"]).as_deref(), Some("10.77.0.1"));
        for beyond in ["9.9.9.9", "192.168.1.1", "127.0.0.53", "10.77.0.250", "::1"] {
            assert_eq!(asked(Names::Asked, &[beyond]), None, "{beyond}");
            assert_eq!(asked(Names::Everywhere, &[beyond]).as_deref(), Some(beyond));
        }
        assert_eq!(asked(Names::Everywhere, &[]), None);
    }

    #[test]
    fn resolv_conf_is_read() {
        let text = "# nameserver 1.1.1.1\nsearch lan\nnameserver 10.77.0.1\n nameserver\tfd00::1 # x\nnameserver fe80::1%eth0\nnameserver\n";
        let read: Vec<String> = nameservers(text).iter().map(ToString::to_string).collect();
        assert_eq!(read, ["10.77.0.1", "fd00::1"]);
    }
}
