//! The probe: what to ask, when, and which answers are meant for it.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::report::{Advertisement, DhcpEvent, DhcpReport, Offer, Unexpected, router_seen};
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::time::Timestamp;
use crate::wire::dhcpv4::{self, MessageType, option};
use crate::wire::{Dissected, MacAddr, Payload, compose, dhcpv6, dissect, ipv6, ndp};

/// As many addresses as one probe asks for.
pub const MAX_SPOTS: usize = 8;
/// Between any two DISCOVERs: five in any 30 seconds, and not six.
const GAP: Duration = Duration::from_millis(6_100);
/// Servers that ping first take three seconds.
const LEAST_LISTEN: Duration = Duration::from_secs(4);

/// What to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Addresses to ask for one by one, at most [`MAX_SPOTS`]: the ends of pools, and a few between. May be empty: the
    /// first DISCOVER asks for none, and shows which servers are about.
    pub spots: Vec<Ipv4Addr>,
    /// How long to listen after the last DISCOVER, at least 4 seconds.
    pub listen: Duration,
    /// Send a Router Solicitation, and a DHCPv6 SOLICIT from this link-local address; `None` leaves both out. A DHCPv6
    /// server answers to the address, so its neighbour cache learns it.
    pub solicit_from: Option<Ipv6Addr>,
}

impl Plan {
    /// About how long the probe takes.
    pub fn duration(&self) -> Duration {
        GAP * self.spots.len() as u32 + self.listen
    }
}

impl Default for Plan {
    /// Presence only: one DISCOVER and ten seconds.
    fn default() -> Self {
        Self { spots: Vec::new(), listen: Duration::from_secs(10), solicit_from: None }
    }
}

/// The one identity that probes from this interface use: locally administered, stable, and never the interface's own.
pub fn probe_mac(interface: MacAddr) -> MacAddr {
    let [.., a, b, c] = interface.0;
    let mac = MacAddr([0x02, 0x70, 0x6c, a, b, c]);
    if mac == interface { MacAddr([0x02, 0x70, 0x6d, a, b, c]) } else { mac }
}

/// A DISCOVER that was sent.
#[derive(Debug, Clone, Copy)]
struct Question {
    transaction: u32,
    asked_for: Option<Ipv4Addr>,
    at: Timestamp,
}

/// Asks DHCP servers what they would give. See the [module](super) for how and how not.
pub struct DhcpProbe {
    interface: MacAddr,
    client: MacAddr,
    plan: Plan,
    random: fastrand::Rng,
    coming: VecDeque<Option<Ipv4Addr>>,
    solicitations: VecDeque<Vec<u8>>,
    solicit_transaction: u32,
    asked: Vec<Question>,
    next: Timestamp,
    now: Timestamp,
    events: VecDeque<DhcpEvent>,
    report: DhcpReport,
}

impl DhcpProbe {
    /// A probe on the interface with this hardware address. Transaction identifiers come from `seed`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for more than [`MAX_SPOTS`] addresses, or less than four seconds to listen.
    pub fn new(interface: MacAddr, plan: Plan, seed: u64) -> Result<Self> {
        if plan.spots.len() > MAX_SPOTS {
            return Err(Error::Setting { what: "the number of addresses to ask for", range: "at most 8" });
        }
        if plan.listen < LEAST_LISTEN {
            return Err(Error::Setting { what: "the time to listen", range: "at least 4 seconds" });
        }
        let client = probe_mac(interface);
        let mut random = fastrand::Rng::with_seed(seed);
        let solicit_transaction = random.u32(..) & 0x00ff_ffff;
        let mut solicitations = VecDeque::new();
        if let Some(link_local) = plan.solicit_from {
            let solicitation = ndp::Repr::RouterSolicitation { options: Vec::new() };
            let to = (MacAddr::ZERO, ipv6::ALL_ROUTERS);
            // From `::`, so that routers learn nothing.
            solicitations.push_back(compose::ndp((interface, Ipv6Addr::UNSPECIFIED), to, &solicitation));
            let solicit = dhcpv6::Repr::solicit(client, solicit_transaction);
            solicitations.push_back(compose::dhcpv6_from_client((interface, link_local), &solicit));
        }
        let coming = std::iter::once(None).chain(plan.spots.iter().copied().map(Some)).collect();
        Ok(Self {
            interface,
            client,
            plan,
            random,
            coming,
            solicitations,
            solicit_transaction,
            asked: Vec::new(),
            next: Timestamp::ZERO,
            now: Timestamp::ZERO,
            events: VecDeque::new(),
            report: DhcpReport::default(),
        })
    }

    /// What was heard so far.
    pub fn report(&self) -> DhcpReport {
        DhcpReport { unasked: self.coming.iter().flatten().copied().collect(), ..self.report.clone() }
    }

    fn discover(&mut self, now: Timestamp, asked_for: Option<Ipv4Addr>) -> Vec<u8> {
        let transaction = self.random.u32(..);
        let mut message = dhcpv4::Repr::from_client(MessageType::Discover, self.client, transaction);
        let mut client_id = vec![1];
        client_id.extend_from_slice(&self.client.0);
        message.options.append(option::CLIENT_ID, &client_id);
        if let Some(address) = asked_for {
            message.options.append(option::REQUESTED_ADDRESS, &address.octets());
        }
        let wanted = [option::SUBNET_MASK, option::ROUTER, option::DNS_SERVER, option::DOMAIN_NAME];
        message.options.append(option::PARAMETER_LIST, &wanted);
        self.asked.push(Question { transaction, asked_for, at: now });
        self.report.discovers += 1;
        self.next = now + GAP;
        compose::dhcpv4_from_client(self.interface, &message)
    }

    /// An answer to one of the probe's own questions.
    fn answer(&mut self, at: Timestamp, source: Ipv4Addr, mac: MacAddr, message: &dhcpv4::Repr) {
        let mine = message.direction == dhcpv4::Direction::Reply && message.client_mac == self.client;
        let question = self.asked.iter().find(|question| question.transaction == message.transaction);
        let (true, Some(question), Some(kind)) = (mine, question.copied(), message.message_type()) else { return };
        let server = message.server_id().unwrap_or(source);
        if kind != MessageType::Offer {
            let unexpected = Unexpected { server, kind, address: message.your_address, at };
            self.report.unexpected.push(unexpected.clone());
            self.events.push_back(DhcpEvent::Unexpected(unexpected));
            return;
        }
        let offer = Offer {
            server,
            mac,
            relay: (!message.relay.is_unspecified()).then_some(message.relay),
            address: message.your_address,
            asked_for: question.asked_for,
            lease_seconds: message.options.number(option::LEASE_TIME),
            mask: message.options.address(option::SUBNET_MASK),
            routers: message.options.addresses(option::ROUTER),
            dns: message.options.addresses(option::DNS_SERVER),
            at,
            delay: at.since(question.at),
        };
        self.report.offers.push(offer.clone());
        self.note_sticky(&offer);
        self.events.push_back(DhcpEvent::Offer(offer));
    }

    /// The same address for two different wishes, neither of them that address: the server does not listen.
    fn note_sticky(&mut self, offer: &Offer) {
        let deaf = |other: &Offer| other.asked_for.is_some() && other.asked_for != Some(other.address);
        let same = self.report.offers.iter().any(|other| {
            other.server == offer.server
                && other.address == offer.address
                && other.asked_for != offer.asked_for
                && deaf(other)
        });
        if same && deaf(offer) && !self.report.sticky.contains(&offer.server) {
            self.report.sticky.push(offer.server);
        }
    }

    /// Whether asking on can tell anything.
    fn all_sticky(&self) -> bool {
        let servers = self.report.servers();
        !servers.is_empty() && servers.iter().all(|server| self.report.sticky.contains(server))
    }

    fn advertised(&mut self, at: Timestamp, source: Ipv6Addr, found: &Dissected, message: &dhcpv6::Repr) {
        let mine = message.message_type == dhcpv6::MessageType::Advertise
            && message.transaction == self.solicit_transaction
            && self.plan.solicit_from.is_some();
        let Some(server) = message.option(dhcpv6::option::SERVER_ID).filter(|_| mine) else { return };
        let advertisement = Advertisement {
            server: server.to_vec(),
            source: source.into(),
            mac: found.ethernet.source,
            addresses: message.addresses(),
            at,
        };
        self.report.advertisements.push(advertisement.clone());
        self.events.push_back(DhcpEvent::Advertisement(advertisement));
    }
}

impl Machine for DhcpProbe {
    type Event = DhcpEvent;

    fn handle(&mut self, at: Timestamp, frame: &[u8]) {
        let Ok(found) = dissect(frame) else { return };
        match &found.payload {
            Payload::Dhcpv4(header, _, message) => self.answer(at, header.source, found.ethernet.source, message),
            Payload::Dhcpv6(header, _, message) => self.advertised(at, header.source, &found, message),
            _ => {
                if let Some(router) = router_seen(at, &found)
                    && !self.report.routers.iter().any(|known| known.address == router.address)
                {
                    self.report.routers.push(router.clone());
                    self.events.push_back(DhcpEvent::Router(router));
                }
            }
        }
    }

    fn poll_output(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        self.now = self.now.max(now);
        if let Some(frame) = self.solicitations.pop_front() {
            return Some(frame);
        }
        if (self.asked.is_empty() || self.next <= now) && !self.all_sticky() {
            let asked_for = self.coming.pop_front()?;
            return Some(self.discover(now, asked_for));
        }
        None
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let Some(last) = self.asked.last() else { return Some(self.now) };
        if !self.coming.is_empty() && !self.all_sticky() {
            return Some(self.next);
        }
        let end = last.at + self.plan.listen;
        (self.now < end).then_some(end)
    }

    fn poll_event(&mut self) -> Option<DhcpEvent> {
        self.events.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::udp;

    const INTERFACE: MacAddr = MacAddr([0x00, 0x16, 0x3e, 1, 2, 3]);
    const SERVER: (MacAddr, Ipv4Addr) = (MacAddr([2, 0x71, 0, 0, 0, 1]), Ipv4Addr::new(10, 0, 0, 1));

    /// Runs a probe against a server that gives `serve(asked_for)`; every frame that left, with its moment.
    fn run(
        plan: Plan,
        serve: impl Fn(Option<Ipv4Addr>) -> Option<Ipv4Addr>,
    ) -> (Vec<(Timestamp, Vec<u8>)>, DhcpReport) {
        let mut probe = DhcpProbe::new(INTERFACE, plan, 1).unwrap();
        let (mut now, mut sent) = (Timestamp::from_millis(5), Vec::new());
        loop {
            while let Some(frame) = probe.poll_output(now) {
                if let Payload::Dhcpv4(_, _, question) = dissect(&frame).unwrap().payload
                    && let Some(address) = serve(question.options.address(option::REQUESTED_ADDRESS))
                {
                    probe.handle(now + Duration::from_millis(3), &offer(&question, address, MessageType::Offer));
                }
                sent.push((now, frame));
            }
            match probe.poll_timeout() {
                Some(wake) => now = wake.max(now + Duration::from_nanos(1)),
                None => return (sent, probe.report()),
            }
        }
    }

    fn offer(question: &dhcpv4::Repr, address: Ipv4Addr, kind: MessageType) -> Vec<u8> {
        let answer = dhcpv4::Repr {
            direction: dhcpv4::Direction::Reply,
            your_address: address,
            options: dhcpv4::Options::default()
                .with(option::MESSAGE_TYPE, &[kind.into()])
                .with(option::SERVER_ID, &SERVER.1.octets()),
            ..question.clone()
        };
        let ports = udp::Repr { source_port: dhcpv4::SERVER_PORT, destination_port: dhcpv4::CLIENT_PORT };
        compose::dhcpv4(SERVER, (MacAddr::BROADCAST, Ipv4Addr::BROADCAST), ports, &answer)
    }

    fn spots(n: u8) -> Vec<Ipv4Addr> {
        (0..n).map(|n| Ipv4Addr::new(10, 0, 0, 50 + n)).collect()
    }

    #[test]
    fn nothing_but_discovers_of_one_client_leaves_and_never_six_in_thirty_seconds() {
        let plan = Plan { spots: spots(8), ..Plan::default() };
        let (sent, report) = run(plan, |asked_for| asked_for.or(Some(Ipv4Addr::new(10, 0, 0, 100))));
        assert_eq!((sent.len(), report.discovers, report.offers.len()), (9, 9, 9));
        for (_, frame) in &sent {
            let found = dissect(frame).unwrap();
            let Payload::Dhcpv4(_, _, message) = found.payload else { panic!("{found:?}") };
            assert_eq!(message.message_type(), Some(MessageType::Discover));
            assert_eq!((found.ethernet.source, message.client_mac), (INTERFACE, probe_mac(INTERFACE)));
            assert!(message.broadcast && message.options.get(option::RAPID_COMMIT).is_none());
        }
        for window in sent.windows(6) {
            assert!(window[5].0.since(window[0].0) > Duration::from_secs(30));
        }
        let pool = AddrRange::new(spots(8)[0].into(), spots(8)[7].into()).unwrap();
        assert_eq!(report.offers_in(pool).count(), 8);
    }

    use poolcheck_plan::AddrRange;

    #[test]
    fn a_server_that_does_not_listen_is_left_alone() {
        let plan = Plan { spots: spots(8), ..Plan::default() };
        let (sent, report) = run(plan, |_| Some(Ipv4Addr::new(10, 0, 0, 100)));
        assert_eq!(report.sticky, [SERVER.1]);
        assert_eq!((sent.len(), report.unasked.len()), (3, 6));
    }

    #[test]
    fn answers_to_others_are_not_ours_and_a_lease_is_told() {
        let mut probe = DhcpProbe::new(INTERFACE, Plan::default(), 1).unwrap();
        let frame = probe.poll_output(Timestamp::ZERO).unwrap();
        let Payload::Dhcpv4(_, _, question) = dissect(&frame).unwrap().payload else { panic!("no DHCP") };
        let address = Ipv4Addr::new(10, 0, 0, 9);
        let other = dhcpv4::Repr { transaction: question.transaction ^ 1, ..question.clone() };
        probe.handle(Timestamp::ZERO, &offer(&other, address, MessageType::Offer));
        let stranger = dhcpv4::Repr { client_mac: INTERFACE, ..question.clone() };
        probe.handle(Timestamp::ZERO, &offer(&stranger, address, MessageType::Offer));
        assert_eq!(probe.poll_event(), None);
        probe.handle(Timestamp::ZERO, &offer(&question, address, MessageType::Ack));
        assert!(matches!(probe.poll_event(), Some(DhcpEvent::Unexpected(u)) if u.kind == MessageType::Ack));
    }

    #[test]
    fn solicitations_carry_no_rapid_commit() {
        let plan = Plan { solicit_from: "fe80::1".parse().ok(), ..Plan::default() };
        let (sent, _) = run(plan, |_| None);
        let kinds: Vec<Payload> = sent.iter().map(|(_, frame)| dissect(frame).unwrap().payload).collect();
        assert!(matches!(&kinds[0], Payload::Ndp(header, ndp::Repr::RouterSolicitation { options })
            if header.source.is_unspecified() && options.is_empty()));
        assert!(matches!(&kinds[1], Payload::Dhcpv6(_, _, message)
            if message.message_type == dhcpv6::MessageType::Solicit
                && message.option(dhcpv6::option::RAPID_COMMIT).is_none()));
        assert_eq!(kinds.len(), 3);
    }

    #[test]
    fn plans_beyond_the_limits_are_refused() {
        let new = |plan| DhcpProbe::new(INTERFACE, plan, 1).is_err();
        assert!(new(Plan { spots: spots(9), ..Plan::default() }));
        assert!(new(Plan { listen: Duration::from_secs(3), ..Plan::default() }));
        assert_ne!(probe_mac(probe_mac(INTERFACE)), probe_mac(INTERFACE), "never the interface's own");
    }
}
