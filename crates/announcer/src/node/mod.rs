//! The announcer of one node on one segment: all parts put together.

mod decide;
mod fence;
mod hear;
mod speak;
mod status;
mod table;

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use ipnet::IpNet;
use poolcheck_lan::wire::{MacAddr, ipv6};
use poolcheck_lan::{Machine, Timestamp};

use crate::announce::Schedule;
use crate::error::{Error, Result};
use crate::event::{Event, Release, What};
use crate::liveness::{Body, GROUP, Key, LEAVING, Members, NodeId, OwnRoster};
use crate::settings::{MAX_ADDRESSES, Settings, Want};
use fence::Fence;
pub use status::{AddressState, AddressStatus, Counters, MemberStatus, Reason, Status};
use table::{Offer, State, Table};

/// How long an address stays on offer, and how long a node that leaves waits for others to take its addresses.
const OFFER: Duration = Duration::from_secs(2);

/// The interface that an announcer speaks on, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkFacts {
    /// Up, with carrier.
    pub up: bool,
    /// Its hardware address.
    pub mac: MacAddr,
    /// The subnets that it is on: an address outside them all is never owned here.
    pub subnets: Vec<IpNet>,
}

/// An announcer of one node on one segment. It neither waits, reads a clock, nor touches a socket: see the
/// [crate's page](crate) for how to drive it.
pub struct Announcer {
    settings: Settings,
    key: Key,
    me: NodeId,
    link: LinkFacts,
    members: Members,
    roster: OwnRoster,
    roster_stale: bool,
    /// When the whole roster was last sent because someone asked.
    roster_sent: Timestamp,
    table: Table,
    fence: Fence,
    schedule: Schedule,
    random: fastrand::Rng,
    /// Frames of the node itself, to leave before everything but beats.
    urgent: VecDeque<Vec<u8>>,
    /// Answers, with the address that must still be owned when they leave.
    answers: VecDeque<(IpAddr, Vec<u8>)>,
    events: VecDeque<Event>,
    /// Something changed that may change who owns what.
    dirty: bool,
    /// Since when no node came or went.
    quiet_since: Timestamp,
    /// When owners must be looked at again though nothing changes.
    recheck: Timestamp,
    rebalanced: Timestamp,
    draining: Option<Timestamp>,
    unproven: Option<Timestamp>,
    probed: Option<(Timestamp, IpAddr)>,
    groups_changed: bool,
    counters: Counters,
}

impl Announcer {
    /// An announcer that owns nothing yet. It first listens for [`Timing::listen`](crate::Timing::listen).
    ///
    /// # Errors
    ///
    /// [`Error::Name`] and [`Error::Timing`] for settings that would not work.
    pub fn new(settings: Settings, link: LinkFacts) -> Result<Self> {
        settings.check()?;
        let me = NodeId::of(&settings.name);
        let timing = settings.timing;
        #[cfg(feature = "sim")]
        let timing = match settings.mutation {
            Some(crate::sim::Mutation::Impatient) => crate::Timing { dead: timing.beat.mul_f64(1.1), ..timing },
            _ => timing,
        };
        let mut members = Members::new(me, settings.incarnation, timing);
        members.listen_to(settings.peers.iter().map(|name| NodeId::of(name)));
        #[cfg(feature = "sim")]
        let members = members.credulous(settings.mutation == Some(crate::sim::Mutation::BelievesRecordings));
        Ok(Self {
            key: settings.key.for_cluster(&settings.cluster),
            me,
            members,
            roster: OwnRoster::default(),
            roster_stale: true,
            roster_sent: Timestamp::ZERO,
            table: Table::default(),
            fence: Fence::new(link.up),
            schedule: Schedule::new(settings.announcing),
            random: fastrand::Rng::with_seed(settings.incarnation),
            urgent: VecDeque::new(),
            answers: VecDeque::new(),
            events: VecDeque::new(),
            dirty: false,
            quiet_since: Timestamp::ZERO,
            recheck: Timestamp::FAR_FUTURE,
            rebalanced: Timestamp::ZERO,
            draining: None,
            unproven: None,
            probed: None,
            groups_changed: false,
            counters: Counters::default(),
            settings,
            link,
        })
    }

    /// The addresses this node may own, all of them: what is not named any more is withdrawn, what stays is not touched.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`Error::Follows`] and [`Error::TooMany`]; then nothing has changed.
    pub fn set_wants(&mut self, now: Timestamp, wants: &[Want]) -> Result<()> {
        if wants.len() > MAX_ADDRESSES {
            return Err(Error::TooMany { count: wants.len(), most: MAX_ADDRESSES });
        }
        wants.iter().try_for_each(Want::check)?;
        let leads: BTreeSet<IpAddr> =
            wants.iter().filter(|want| want.with.is_none()).map(|want| want.address).collect();
        for want in wants {
            if let Some(with) = want.with.filter(|with| !leads.contains(with)) {
                return Err(Error::Follows { address: want.address, with });
            }
        }
        self.advance(now);
        for address in self.table.set_wants(wants) {
            self.schedule.stop(address);
            self.report(now, What::Released { address, why: Release::Withdrawn });
        }
        (self.dirty, self.roster_stale, self.groups_changed) = (true, true, true);
        Ok(())
    }

    /// What the interface is like now. Without a link nothing is answered; a link that returns is listened to first; another
    /// hardware address is announced.
    pub fn set_link(&mut self, now: Timestamp, link: LinkFacts) {
        self.advance(now);
        let before = std::mem::replace(&mut self.link, link);
        if before.up != self.link.up {
            self.stop_speaking();
            if self.link.up {
                self.fence.link_up(now);
                self.members.stood_still(now);
                self.report(now, What::LinkUp);
            } else {
                self.fence.link_down();
                self.report(now, What::LinkDown);
            }
        }
        if before.mac != self.link.mac {
            self.answers.clear();
            self.urgent.clear();
            self.fence.beat_now(now);
            self.report(now, What::MacChanged { mac: self.link.mac });
            if self.fence.is_active() {
                for address in self.table.owned().collect::<Vec<_>>() {
                    self.schedule.start(now, address, false);
                }
            }
        }
        (self.dirty, self.roster_stale) = (true, true);
    }

    /// Hands an owned address to another node, or to whichever ranks next. The other announces first; this one answers until
    /// it hears that it does. Without a taker within 2 s the address stays: [`What::NotTaken`]. An address that follows another
    /// goes with it: then that one is offered.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`], [`Error::NotOwner`], [`Error::NoTaker`].
    pub fn hand_over(&mut self, now: Timestamp, address: IpAddr, to: Option<&str>) -> Result<()> {
        self.advance(now);
        let lead = self.table.get(address).and_then(|entry| entry.want.with);
        let address = lead.filter(|lead| self.table.is_owned(*lead)).unwrap_or(address);
        let node = to.map(NodeId::of);
        let takers = self.takers(address);
        let active = self.fence.is_active();
        let Some(entry) = self.table.get_mut(address) else { return Err(Error::Unknown { address }) };
        let State::Owned(owned) = &mut entry.state else { return Err(Error::NotOwner { address }) };
        if !active {
            return Err(Error::NotOwner { address });
        }
        if node.map_or(takers.is_empty(), |node| !takers.contains(&node)) {
            let node = to.unwrap_or("any node").to_owned();
            return Err(Error::NoTaker { address, node, reason: "not alive, or without this address" });
        }
        owned.offer = Some(Offer { to: node, until: now + OFFER });
        (self.dirty, self.roster_stale) = (true, true);
        self.fence.beat_now(now);
        Ok(())
    }

    /// Leaves: hands everything over, says goodbye, and has finished ([`Machine::poll_timeout`] is `None`) after 2 s at most.
    pub fn drain(&mut self, now: Timestamp) {
        self.advance(now);
        if self.draining.is_none() {
            self.draining = Some(now + OFFER);
            (self.dirty, self.roster_stale) = (true, true);
            self.fence.beat_now(now);
        }
    }

    /// The frame that says goodbye for this life of the node, for someone who outlives it: a small process beside it that sends
    /// it, twice, when this one is gone. The others then take over at once instead of after [`Timing::dead`](crate::Timing). To be
    /// kept secret until then, and to be asked for anew when the hardware address changes.
    pub fn last_words(&self) -> Vec<u8> {
        let body = Body::Beat { version: self.roster.version(), echoes: Vec::new() };
        self.members.last_message(LEAVING, body).frame(&self.key, self.link.mac, GROUP)
    }

    /// The solicited-node groups that the interface must be a member of, if they changed since the last call. Joining them on
    /// an IPv6 socket makes the kernel tell switches and routers (MLD).
    pub fn poll_groups(&mut self) -> Option<Vec<Ipv6Addr>> {
        std::mem::take(&mut self.groups_changed).then(|| self.groups())
    }

    /// The solicited-node groups that the interface must be a member of, ascending.
    pub fn groups(&self) -> Vec<Ipv6Addr> {
        let v6 = self.table.iter().filter_map(|(address, _)| match address {
            IpAddr::V6(address) => Some(ipv6::solicited_node(address)),
            IpAddr::V4(_) => None,
        });
        let groups: BTreeSet<_> = v6.collect();
        groups.into_iter().collect()
    }

    /// The addresses in its care, owned or not, ascending: frames about others need not reach it.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.table.iter().map(|(address, _)| address)
    }

    /// The addresses it owns, ascending, whether it may answer for them just now or not.
    pub fn owned(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.table.owned()
    }

    /// The addresses that it answers for now, ascending.
    pub fn answered(&self, now: Timestamp) -> impl Iterator<Item = IpAddr> + '_ {
        let may = self.fence.may_answer(now, &self.settings.timing);
        self.table.owned().take_while(move |_| may)
    }

    /// Whether it answers for an address now.
    pub fn answers_for(&self, now: Timestamp, address: IpAddr) -> bool {
        self.fence.may_answer(now, &self.settings.timing) && self.table.is_owned(address)
    }

    /// What it is told at its start, as it is now.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What it has sent so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    fn report(&mut self, at: Timestamp, what: What) {
        self.events.push_back(Event { at, what });
    }

    /// A node's name, or its number while that is all we know.
    fn name(&self, node: NodeId) -> String {
        if node == self.me {
            return self.settings.name.clone();
        }
        match self.members.get(node) {
            Some(peer) if !peer.name.is_empty() => peer.name.clone(),
            _ => format!("node {:016x}", node.0),
        }
    }

    /// Whether this deliberately broken variant runs.
    #[cfg(feature = "sim")]
    fn broken(&self, mutation: crate::sim::Mutation) -> bool {
        self.settings.mutation == Some(mutation)
    }
}

impl Machine for Announcer {
    type Event = Event;

    fn handle(&mut self, at: Timestamp, frame: &[u8]) {
        self.hear(at, frame);
    }

    fn poll_output(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        self.speak(now)
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.wake_at()
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}
