//! What a LAN tells unasked: ARP, Neighbor Discovery, DHCP and Multicast DNS, heard without sending anything.
//!
//! The listener remembers who used which address, when and how; machines that moved from one hardware address to another;
//! DHCP servers and what they leased; routers; what machines call themselves. It grows with the LAN and no further than [`MAX_ADDRESSES`] addresses: what
//! comes beyond is counted, not kept, so that a flood of invented addresses cannot fill the memory.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::dhcp::{RouterSeen, router_seen};
use crate::machine::Machine;
use crate::names::{By, Named, named};
use crate::scan::{How, Sighting, sighting};
use crate::time::Timestamp;
use crate::wire::dhcpv4::{self, MessageType, option};
use crate::wire::dns::HostName;
use crate::wire::{MacAddr, Payload, dhcpv6, dissect};

/// As many addresses as one listener remembers.
pub const MAX_ADDRESSES: usize = 1 << 17;
/// As many machines as are remembered for one address.
const MAX_OWNERS: usize = 16;
/// Announcements of one address by one machine within [`STORM_WINDOW`] that are called a storm.
const STORM: usize = 20;
const STORM_WINDOW: Duration = Duration::from_secs(10);

/// A machine that used an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Its hardware address.
    pub mac: MacAddr,
    /// When it was first heard.
    pub first: Timestamp,
    /// When it was last heard.
    pub last: Timestamp,
    /// How it was first heard.
    pub how: How,
    /// How often it was heard.
    pub count: u32,
}

/// A lease that a DHCP server was heard to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseHeard {
    /// The server.
    pub server: Ipv4Addr,
    /// The address leased.
    pub address: Ipv4Addr,
    /// The client.
    pub client: MacAddr,
    /// For how many seconds.
    pub seconds: Option<u32>,
    /// When it was heard.
    pub at: Timestamp,
}

/// Something new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noticed {
    /// An address is used, or by one more machine.
    Sighting(Sighting),
    /// An address that another machine used until now is announced by this one: it moved, or two claim it.
    Moved {
        /// The address.
        address: IpAddr,
        /// Who used it last.
        from: MacAddr,
        /// Who announces it.
        to: MacAddr,
        /// When.
        at: Timestamp,
    },
    /// One machine announces one address over and over: 20 times in ten seconds. Said once for each.
    Storm {
        /// The address.
        address: IpAddr,
        /// Who announces it.
        mac: MacAddr,
        /// When the twentieth came.
        at: Timestamp,
    },
    /// A DHCP server gave a lease, or renewed it.
    Lease(LeaseHeard),
    /// A DHCP server spoke for the first time.
    Server {
        /// The server, by its own word.
        server: IpAddr,
        /// Hardware address it spoke from.
        mac: MacAddr,
        /// When.
        at: Timestamp,
    },
    /// A router described the link for the first time.
    Router(RouterSeen),
    /// A machine says what it is called, for the first time or by another name than before.
    Name(Named),
}

/// Listens until a moment. It never has a frame to send.
pub struct Listener {
    until: Timestamp,
    now: Timestamp,
    own: MacAddr,
    heard: BTreeMap<IpAddr, Vec<Heard>>,
    storms: BTreeMap<(IpAddr, MacAddr), VecDeque<Timestamp>>,
    servers: BTreeMap<IpAddr, MacAddr>,
    routers: Vec<RouterSeen>,
    leases: Vec<LeaseHeard>,
    names: BTreeMap<(MacAddr, Option<IpAddr>), (HostName, By)>,
    left_out: u64,
    events: VecDeque<Noticed>,
}

impl Listener {
    /// A listener until `until`; what the machine itself (`own`) says is left out.
    pub fn new(own: MacAddr, until: Timestamp) -> Self {
        Self {
            until,
            now: Timestamp::ZERO,
            own,
            heard: BTreeMap::new(),
            storms: BTreeMap::new(),
            servers: BTreeMap::new(),
            routers: Vec::new(),
            leases: Vec::new(),
            names: BTreeMap::new(),
            left_out: 0,
            events: VecDeque::new(),
        }
    }

    /// Addresses heard, and who used them.
    pub const fn heard(&self) -> &BTreeMap<IpAddr, Vec<Heard>> {
        &self.heard
    }

    /// DHCP and DHCPv6 servers heard.
    pub const fn servers(&self) -> &BTreeMap<IpAddr, MacAddr> {
        &self.servers
    }

    /// Routers heard.
    pub fn routers(&self) -> &[RouterSeen] {
        &self.routers
    }

    /// Leases heard, in order.
    pub fn leases(&self) -> &[LeaseHeard] {
        &self.leases
    }

    /// What a machine calls itself at an address: by Multicast DNS for this address, or to DHCP servers.
    pub fn name(&self, mac: MacAddr, address: IpAddr) -> Option<&(HostName, By)> {
        self.names.get(&(mac, Some(address))).or_else(|| self.names.get(&(mac, None)))
    }

    /// Sightings, leases and names that found no room.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    fn see(&mut self, seen: Sighting) {
        if self.heard.len() >= MAX_ADDRESSES && !self.heard.contains_key(&seen.address) {
            self.left_out += 1;
            return;
        }
        let owners = self.heard.entry(seen.address).or_default();
        let latest = owners.iter().max_by_key(|owner| owner.last).map(|owner| owner.mac);
        let moved = latest.filter(|mac| *mac != seen.mac && seen.how == How::Announcement);
        if let Some(owner) = owners.iter_mut().find(|owner| owner.mac == seen.mac) {
            owner.last = owner.last.max(seen.at);
            owner.count += 1;
        } else if owners.len() < MAX_OWNERS {
            let Sighting { mac, at, how, .. } = seen;
            owners.push(Heard { mac, first: at, last: at, how, count: 1 });
            self.events.push_back(Noticed::Sighting(seen));
        } else {
            self.left_out += 1;
        }
        if let Some(from) = moved {
            self.events.push_back(Noticed::Moved { address: seen.address, from, to: seen.mac, at: seen.at });
        }
        if seen.how == How::Announcement {
            self.note_storm(seen);
        }
    }

    fn note_storm(&mut self, seen: Sighting) {
        if self.storms.len() >= MAX_ADDRESSES && !self.storms.contains_key(&(seen.address, seen.mac)) {
            return;
        }
        let times = self.storms.entry((seen.address, seen.mac)).or_default();
        // Full: the storm has been told.
        if times.len() >= STORM {
            return;
        }
        while times.front().is_some_and(|first| seen.at.since(*first) > STORM_WINDOW) {
            times.pop_front();
        }
        times.push_back(seen.at);
        if times.len() == STORM {
            self.events.push_back(Noticed::Storm { address: seen.address, mac: seen.mac, at: seen.at });
        }
    }

    fn name_heard(&mut self, heard: Named) {
        let key = (heard.mac, heard.address);
        if self.names.len() >= MAX_ADDRESSES && !self.names.contains_key(&key) {
            self.left_out += 1;
            return;
        }
        let before = self.names.insert(key, (heard.name.clone(), heard.by));
        if before.is_none_or(|(name, _)| name != heard.name) {
            self.events.push_back(Noticed::Name(heard));
        }
    }

    fn server(&mut self, at: Timestamp, server: IpAddr, mac: MacAddr) {
        if self.servers.len() < MAX_ADDRESSES && self.servers.insert(server, mac).is_none() {
            self.events.push_back(Noticed::Server { server, mac, at });
        }
    }

    fn dhcp(&mut self, at: Timestamp, source: Ipv4Addr, mac: MacAddr, message: &dhcpv4::Repr) {
        if message.direction != dhcpv4::Direction::Reply {
            return;
        }
        let server = message.server_id().unwrap_or(source);
        self.server(at, server.into(), mac);
        let committed = message.message_type() == Some(MessageType::Ack) && !message.your_address.is_unspecified();
        if !committed {
            return;
        }
        if self.leases.len() >= MAX_ADDRESSES {
            self.left_out += 1;
            return;
        }
        let lease = LeaseHeard {
            server,
            address: message.your_address,
            client: message.client_mac,
            seconds: message.options.number(option::LEASE_TIME),
            at,
        };
        self.leases.push(lease.clone());
        self.events.push_back(Noticed::Lease(lease));
    }
}

impl Machine for Listener {
    type Event = Noticed;

    fn handle(&mut self, at: Timestamp, frame: &[u8]) {
        let Ok(found) = dissect(frame) else { return };
        let mac = found.ethernet.source;
        if mac == self.own {
            return;
        }
        if let Some(seen) = sighting(at, &found) {
            self.see(seen);
        }
        for heard in named(at, &found) {
            self.name_heard(heard);
        }
        match &found.payload {
            Payload::Dhcpv4(header, _, message) => self.dhcp(at, header.source, mac, message),
            Payload::Dhcpv6(header, _, message)
                if matches!(message.message_type, dhcpv6::MessageType::Advertise | dhcpv6::MessageType::Reply) =>
            {
                self.server(at, header.source.into(), mac);
            }
            _ => {
                if let Some(router) = router_seen(at, &found)
                    && self.routers.len() < MAX_ADDRESSES
                    && !self.routers.iter().any(|known| known.address == router.address)
                {
                    self.routers.push(router.clone());
                    self.events.push_back(Noticed::Router(router));
                }
            }
        }
    }

    /// Never anything.
    fn poll_output(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        self.now = self.now.max(now);
        None
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        (self.now < self.until).then_some(self.until)
    }

    fn poll_event(&mut self) -> Option<Noticed> {
        self.events.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Link;
    use crate::sim::{Conditions, Lan};
    use crate::wire::{arp, compose, udp};
    use crate::{Cancel, drive};

    const OWN: MacAddr = MacAddr([2, 0x5c, 0, 0, 0, 1]);
    const A: MacAddr = MacAddr([2, 2, 0, 0, 0, 1]);
    const B: MacAddr = MacAddr([2, 2, 0, 0, 0, 2]);

    fn ms(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn listen(lan: &Lan) -> (Listener, Vec<Noticed>) {
        let mut link = lan.attach(OWN);
        let (mut listener, mut noticed) = (Listener::new(OWN, ms(60_000)), Vec::new());
        drive(&mut listener, &mut link, &Cancel::default(), |event| noticed.push(event)).unwrap();
        assert!(link.now() >= ms(60_000));
        assert!(lan.sent().is_empty(), "a listener sends nothing");
        (listener, noticed)
    }

    #[test]
    fn a_moved_address_is_noticed() {
        let lan = Lan::new(1, Conditions::default());
        let address: IpAddr = [10, 0, 0, 50].into();
        lan.announce(ms(100), A, address);
        lan.announce(ms(200), B, address);
        let (listener, noticed) = listen(&lan);
        assert!(
            matches!(noticed[..], [Noticed::Sighting(_), Noticed::Sighting(_), Noticed::Moved { from: A, to: B, .. },]),
            "{noticed:?}"
        );
        assert_eq!(listener.heard()[&address].len(), 2);
    }

    #[test]
    fn a_storm_is_told_once() {
        let lan = Lan::new(1, Conditions::default());
        let slow: IpAddr = [10, 0, 0, 51].into();
        for n in 0..50 {
            lan.announce(ms(n * 100), A, [10, 0, 0, 50].into());
            lan.announce(ms(n * 1000), B, slow);
        }
        let storms = listen(&lan).1.into_iter().filter(|event| matches!(event, Noticed::Storm { mac: A, .. }));
        assert_eq!(storms.count(), 1);
    }

    #[test]
    fn questions_name_their_sender() {
        let lan = Lan::new(1, Conditions::default());
        let question =
            arp::Repr { target_ip: [10, 0, 0, 1].into(), ..arp::Repr::announcement(A, [10, 0, 0, 7].into()) };
        lan.inject(ms(5), compose::arp(MacAddr::BROADCAST, &question));
        lan.inject(ms(6), compose::arp(MacAddr::BROADCAST, &arp::Repr::probe(B, [10, 0, 0, 8].into())));
        let (listener, _) = listen(&lan);
        let heard: Vec<_> = listener.heard().iter().map(|(address, who)| (*address, who[0].mac, who[0].how)).collect();
        assert_eq!(heard, [([10, 0, 0, 7].into(), A, How::Request)], "a probe claims nothing");
    }

    #[test]
    fn names_are_heard_and_belong_to_who_says_them() {
        use crate::wire::dns::{Data, HOST_TTL, Record, Repr};
        let lan = Lan::new(1, Conditions::default());
        let address: IpAddr = [10, 0, 0, 7].into();
        let says = |mac: MacAddr, name: &str, ttl: u32, address: IpAddr| {
            let record = Record { name: HostName::new(name).unwrap(), ttl, data: Data::Address(address) };
            let message = Repr { id: 0, response: true, recursion: false, questions: vec![], records: vec![record] };
            compose::mdns((mac, [10, 0, 0, 9].into()), &message)
        };
        lan.inject(ms(1), says(A, "phone.local", HOST_TTL, address));
        lan.inject(ms(2), says(A, "phone.local", HOST_TTL, address));
        lan.inject(ms(3), says(B, "liar.local", HOST_TTL, address));
        let mut request = dhcpv4::Repr::from_client(MessageType::Request, B, 9);
        request.options.append(option::HOST_NAME, b"camera");
        lan.inject(ms(4), compose::dhcpv4_from_client(B, &request));
        lan.inject(ms(5), compose::dhcpv4_from_client(A, &request));
        lan.inject(ms(6), says(A, "tablet.local", HOST_TTL, address));
        lan.inject(ms(7), says(A, "gone.local", 0, address));
        let (listener, noticed) = listen(&lan);
        let names: Vec<String> = noticed
            .iter()
            .filter_map(|event| if let Noticed::Name(named) = event { Some(named.name.to_string()) } else { None })
            .collect();
        assert_eq!(
            names,
            ["phone.local", "liar.local", "camera", "tablet.local"],
            "what A says of B's name is not kept"
        );
        let name = |mac, address: IpAddr| listener.name(mac, address).map(|(name, by)| (name.as_str(), *by));
        assert_eq!(name(A, address), Some(("tablet.local", By::Mdns)));
        assert_eq!(name(A, [10, 0, 0, 8].into()), None);
        assert_eq!(name(B, [10, 0, 0, 8].into()), Some(("camera", By::Dhcp)));
        assert!(listener.heard().is_empty(), "a name is no sighting");
    }

    #[test]
    fn leases_and_servers_are_heard() {
        let lan = Lan::new(1, Conditions::default());
        let server = (B, Ipv4Addr::new(10, 0, 0, 1));
        let mut ack = dhcpv4::Repr::from_client(MessageType::Ack, A, 9);
        ack.direction = dhcpv4::Direction::Reply;
        ack.your_address = Ipv4Addr::new(10, 0, 0, 77);
        ack.options.append(option::SERVER_ID, &server.1.octets());
        ack.options.append(option::LEASE_TIME, &3600_u32.to_be_bytes());
        let ports = udp::Repr { source_port: dhcpv4::SERVER_PORT, destination_port: dhcpv4::CLIENT_PORT };
        lan.inject(ms(9), compose::dhcpv4(server, (MacAddr::BROADCAST, Ipv4Addr::BROADCAST), ports, &ack));
        let (listener, noticed) = listen(&lan);
        assert_eq!(listener.servers().get(&IpAddr::from(server.1)), Some(&B));
        assert!(matches!(&noticed[1], Noticed::Lease(lease)
            if lease.client == A && lease.seconds == Some(3600) && lease.address == ack.your_address));
    }
}
