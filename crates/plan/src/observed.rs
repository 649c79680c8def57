//! What one look at the wire saw: who used which address, which DHCP servers spoke, and what was asked at all.
//!
//! Everything carries the place where it is recorded, so that it can be shown like any other fact.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::range::AddrRange;
use crate::set::AddrSet;
use crate::source::Span;

/// One look at one segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The interface's name.
    pub interface: String,
    /// When, as RFC 3339.
    pub at: Option<String>,
    /// Whether a node looked: then its own answers could not be seen.
    pub on_node: bool,
    /// The interface's prefixes; empty when they are not known.
    pub subnets: Vec<IpNet>,
    /// The addresses that were asked often enough: of these, silence is an answer.
    pub asked: AddrSet,
    /// Ranges that somebody considers for a pool.
    pub considered: Vec<(AddrRange, Span)>,
    /// Machines that may answer for a pool: hardware address, and who that is (`node n2`, `this machine`).
    pub trusted: BTreeMap<String, String>,
    /// Who was seen where.
    pub seen: Vec<Seen>,
    /// DHCP servers that spoke.
    pub servers: Vec<SeenServer>,
    /// What DHCP servers offered.
    pub offers: Vec<SeenOffer>,
    /// Leases that run, by servers' own files.
    pub leases: Vec<SeenLease>,
    /// Addresses that went from one machine to another.
    pub moved: Vec<Moved>,
    /// Machines that announce one address over and over.
    pub storms: Vec<Storm>,
}

/// An address and a machine that uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The address.
    pub address: IpAddr,
    /// The hardware address that was named, lower case with colons.
    pub mac: String,
    /// The hardware address the frames came from, where it is another one.
    pub via: Option<String>,
    /// How often; 0: it is this machine's own address, which nobody has to be asked for.
    pub count: u32,
    /// How long after the question it first answered; `None` when it spoke unasked.
    pub after: Option<Duration>,
    /// The name of the maker, or `virtual or private`.
    pub vendor: Option<String>,
    /// What the machine is called.
    pub name: Option<String>,
    /// Who calls it so.
    pub named_by: Option<NamedBy>,
    /// Since when it is there without a day of absence, as RFC 3339, where a journal knows.
    pub since: Option<String>,
    /// Where this is recorded.
    pub place: Span,
}

/// Whose word a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NamedBy {
    /// Facts, written by people or read from routers.
    Facts,
    /// The machine itself, by Multicast DNS.
    Mdns,
    /// The machine itself, to DHCP servers.
    Dhcp,
    /// A DHCP server, in the file of its leases.
    Leases,
    /// A DNS server.
    Dns,
}

impl NamedBy {
    /// All, in the order in which they are believed.
    pub const ALL: [Self; 5] = [Self::Facts, Self::Mdns, Self::Dhcp, Self::Leases, Self::Dns];

    /// The word for it in files and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Facts => "facts",
            Self::Mdns => "mdns",
            Self::Dhcp => "dhcp",
            Self::Leases => "leases",
            Self::Dns => "dns",
        }
    }
}

/// A DHCP server that spoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenServer {
    /// The server, by its own word.
    pub address: IpAddr,
    /// Where its frames came from.
    pub mac: Option<String>,
    /// Where this is recorded.
    pub place: Span,
}

/// A DHCP offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenOffer {
    /// The address offered.
    pub address: IpAddr,
    /// The server, by its own word.
    pub server: IpAddr,
    /// Where this is recorded.
    pub place: Span,
}

/// A lease that ran when somebody looked, by the file in which its server keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenLease {
    /// The address.
    pub address: IpAddr,
    /// To which machine, where the file says it.
    pub mac: Option<String>,
    /// What the server calls the machine.
    pub name: Option<String>,
    /// Up to when, as RFC 3339; `None`: for ever.
    pub until: Option<String>,
    /// The file and its line: `dnsmasq.leases:3`.
    pub file: String,
    /// Where this is recorded.
    pub place: Span,
}

/// An address that went from one machine to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The address.
    pub address: IpAddr,
    /// Who had it.
    pub from: String,
    /// Who has it.
    pub to: String,
    /// Where this is recorded.
    pub place: Span,
}

/// A machine that announces one address over and over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storm {
    /// The address.
    pub address: IpAddr,
    /// The machine.
    pub mac: String,
    /// Where this is recorded.
    pub place: Span,
}

impl Seen {
    /// `3c:06:30:00:00:9a (Apple, annas-phone)`.
    pub fn who(&self) -> String {
        let more: Vec<&str> = [&self.vendor, &self.name].into_iter().flatten().map(String::as_str).collect();
        if more.is_empty() { self.mac.clone() } else { format!("{} ({})", self.mac, more.join(", ")) }
    }
}

/// So many addresses of one untrusted machine are proxy ARP, whatever was asked.
const MANY: usize = 16;
/// So many are, when they are also at least half of what was asked.
const MOST: usize = 8;

impl Observed {
    /// The machines that answer for nearly everything, with all they answer for: proxy ARP, and not as many squatters.
    pub fn proxies(&self) -> BTreeMap<&str, Vec<&Seen>> {
        let mut holders: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
        for seen in self.seen.iter().filter(|seen| !self.trusted.contains_key(&seen.mac)) {
            holders.entry(&seen.mac).or_default().push(seen);
        }
        let asked = self.asked.iter().map(AddrRange::size).fold(0_u128, u128::saturating_add);
        holders.retain(|_, seen| {
            let addresses: BTreeSet<IpAddr> = seen.iter().map(|seen| seen.address).collect();
            addresses.len() > MANY || (addresses.len() >= MOST && addresses.len() as u128 * 2 >= asked)
        });
        holders
    }

    /// Everyone who uses an address, each once, proxies left out.
    pub fn owners(&self) -> BTreeMap<IpAddr, Vec<&Seen>> {
        let proxies = self.proxies();
        let mut owners: BTreeMap<IpAddr, Vec<&Seen>> = BTreeMap::new();
        for seen in self.seen.iter().filter(|seen| !proxies.contains_key(seen.mac.as_str())) {
            let here = owners.entry(seen.address).or_default();
            if !here.iter().any(|other| other.mac == seen.mac) {
                here.push(seen);
            }
        }
        owners
    }

    /// Who a machine is, when it may answer for a pool.
    pub fn trusted(&self, mac: &str) -> Option<&str> {
        self.trusted.get(mac).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;
    use crate::syntax::parse_range;

    fn seen(address: &str, mac: &str) -> Seen {
        Seen {
            address: address.parse().unwrap(),
            mac: mac.to_owned(),
            via: None,
            count: 1,
            after: None,
            vendor: None,
            name: None,
            named_by: None,
            since: None,
            place: Span::new(SourceId(0), 0, 0),
        }
    }

    #[test]
    fn who_answers_for_nearly_everything_is_a_proxy_and_no_owner() {
        let asked = |range: &str| AddrSet::from(parse_range(range).unwrap());
        let eight: Vec<Seen> = (1..=8).map(|n| seen(&format!("10.0.0.{n}"), "a")).collect();
        let small = Observed { asked: asked("10.0.0.1-10.0.0.16"), seen: eight.clone(), ..Observed::default() };
        assert_eq!(small.proxies().keys().collect::<Vec<_>>(), [&"a"]);
        assert!(small.owners().is_empty());
        let wide = Observed { asked: asked("10.0.0.0/24"), seen: eight.clone(), ..Observed::default() };
        assert!(wide.proxies().is_empty(), "eight of 256 may be a server");
        assert_eq!(wide.owners().len(), 8);
        let trusted = BTreeMap::from([("a".to_owned(), "node n1".to_owned())]);
        let node = Observed { trusted, ..small };
        assert!(node.proxies().is_empty(), "a node has as many addresses as Services");
        let twice = Observed { seen: vec![seen("10.0.0.1", "a"), seen("10.0.0.1", "a")], ..Observed::default() };
        assert_eq!(twice.owners().values().map(Vec::len).sum::<usize>(), 1);
    }
}
