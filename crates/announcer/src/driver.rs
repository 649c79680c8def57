//! Runs an [`Announcer`] on an interface of this machine (Linux): the one place of this crate with sockets, a clock and waiting.
//!
//! It opens packet sockets with a kernel filter for exactly the addresses in care and the nodes' own messages, joins the
//! multicast groups (telling switches by MLD), watches the kernel's interfaces, and does the announcer's bidding in turns. A turn
//! never lasts longer than asked for, so whoever embeds it keeps their own loop; see `examples/embed.rs`.
//!
//! The interface may come late, go, come back under another number, be renamed, get other addresses or another hardware address: the
//! announcer is told at once. What could not leave within [`STALE`] is not sent any more: it may not be true any more.

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv6Addr, UdpSocket};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use poolcheck_lan::interface::{Interface, Watch, interfaces};
use poolcheck_lan::link::{Clock, Filter, Link as _, PacketLink, Wanted, open_with_clock};
use poolcheck_lan::wire::MacAddr;
use poolcheck_lan::{Machine as _, Timestamp};

use crate::error::{Error, Result};
use crate::event::Event;
use crate::liveness::{ETHERTYPE, GROUP, PLAIN_BEAT, URGENT};
use crate::node::{Announcer, LinkFacts};
use crate::settings::{Settings, Want};

/// Frames handed to the link at once.
const BATCH: usize = 64;
/// A full queue of the interface is given this long.
const QUEUE_WAIT: Duration = Duration::from_millis(1);
/// What has not left by then is forgotten.
const STALE: Duration = Duration::from_millis(20);
/// The kernel limits the memberships of one socket by its memory (`net.core.optmem_max`).
const GROUPS_PER_SOCKET: usize = 64;

/// Where to speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The interface's name.
    pub interface: String,
    /// Subnets that addresses may be of, beside those that the interface has addresses in.
    pub subnets: Vec<IpNet>,
}

impl Port {
    /// An interface, for addresses of its own subnets.
    pub fn named(interface: &str) -> Self {
        Self { interface: interface.to_owned(), subnets: Vec::new() }
    }
}

impl Port {
    /// What an announcer is told of its interface, if that can be used; `mac` is what it had before.
    fn facts(&self, usable: Option<&Interface>, mac: MacAddr) -> LinkFacts {
        let mut subnets = self.subnets.clone();
        subnets.extend(usable.iter().flat_map(|interface| &interface.addresses).map(IpNet::trunc));
        LinkFacts { up: usable.is_some(), mac: usable.map_or(mac, |interface| interface.mac), subnets }
    }
}

/// Ends a [`Driver::turn`] from another thread. Clones wake the same driver.
#[derive(Debug, Clone)]
pub struct Waker(Arc<UnixStream>);

impl Waker {
    /// Ends the turn under way, or the next one.
    pub fn wake(&self) {
        // Full: it has been woken often enough. Closed: nobody is left to wake.
        drop((&*self.0).write(&[1]));
    }
}

/// An announcer on an interface.
pub struct Driver {
    announcer: Announcer,
    port: Port,
    clock: Clock,
    watch: Watch,
    link: Option<PacketLink>,
    /// Where plain beats wait until something is due: nobody is woken for them.
    beats: Option<PacketLink>,
    /// The interface as it was last; `None`: it is not there.
    interface: Option<Interface>,
    facts: LinkFacts,
    groups: Groups,
    waker: Waker,
    woken: UnixStream,
    leaving: Vec<Vec<u8>>,
    /// When the first of them was to leave.
    decided: Timestamp,
}

impl Driver {
    /// An announcer on this interface. The interface may still be down, without carrier, or not there at all: the announcer then
    /// has no link until it is.
    ///
    /// # Errors
    ///
    /// [`Error::Name`] and [`Error::Timing`] for settings that would not work; [`Error::Lan`] without the right to open packet
    /// sockets, or when the kernel cannot be asked.
    pub fn open(settings: Settings, port: Port) -> Result<Self> {
        let (waker, woken) = UnixStream::pair().map_err(|source| io_error("making a waker", source))?;
        waker.set_nonblocking(true).map_err(|source| io_error("making a waker", source))?;
        woken.set_nonblocking(true).map_err(|source| io_error("making a waker", source))?;
        // Watched before it is looked at: no change is missed.
        let watch = Watch::open()?;
        let found = interfaces()?.into_iter().find(|interface| interface.name == port.interface);
        let facts = port.facts(found.as_ref().filter(|interface| interface.usable().is_ok()), MacAddr::ZERO);
        let mut driver = Self {
            announcer: Announcer::new(settings, facts.clone())?,
            port,
            clock: Clock::start(),
            watch,
            link: None,
            beats: None,
            interface: None,
            facts,
            groups: Groups::default(),
            waker: Waker(Arc::new(waker)),
            woken,
            leaving: Vec::new(),
            decided: Timestamp::ZERO,
        };
        driver.look()?;
        Ok(driver)
    }

    /// The moment that it is, by the clock of all events.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Who ends a turn from elsewhere.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// The announcer: for its [status](Announcer::status) and the like.
    pub const fn announcer(&self) -> &Announcer {
        &self.announcer
    }

    /// The interface as it is now, if it is there.
    pub const fn interface(&self) -> Option<&Interface> {
        self.interface.as_ref()
    }

    /// Does something with the announcer now; its frames leave in the next turn.
    pub fn with<T>(&mut self, act: impl FnOnce(&mut Announcer, Timestamp) -> T) -> T {
        let now = self.heard_by_now();
        act(&mut self.announcer, now)
    }

    /// [`Announcer::set_wants`], now.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn set_wants(&mut self, wants: &[Want]) -> Result<()> {
        self.with(|announcer, now| announcer.set_wants(now, wants))
    }

    /// What happened, in order.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.announcer.poll_event()
    }

    /// Whether it has left: see [`Announcer::drain`].
    pub fn has_left(&self) -> bool {
        self.announcer.poll_timeout().is_none()
    }

    /// The groups that no IPv6 socket could join, so that switches that look at MLD do not know of them: usually because the
    /// interface has IPv6 switched off.
    pub fn untold_groups(&self) -> impl Iterator<Item = Ipv6Addr> + '_ {
        self.groups.untold.iter().copied()
    }

    /// Sends what is due, waits until something arrives, is due, or changes, for `longest` at most, and takes it in.
    ///
    /// # Errors
    ///
    /// [`Error::Lan`]: the kernel refuses. An interface that is down or gone is none.
    pub fn turn(&mut self, longest: Duration) -> Result<()> {
        if let Some(groups) = self.announcer.poll_groups() {
            self.tune(&groups)?;
        }
        let now = self.send()?;
        // An event is to be told before anything is waited for.
        let wake = self.announcer.poll_timeout().unwrap_or(now).min(now + longest);
        let wake = if self.leaving.is_empty() { wake } else { now + QUEUE_WAIT };
        let ready = self.wait(wake)?;
        let index = self.interface.as_ref().map_or(0, |known| known.index);
        if ready.watch && self.watch.changed(&self.port.interface, index)? {
            self.look()?;
        }
        if ready.link { self.receive() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<Timestamp> {
        loop {
            let now = self.heard_by_now();
            if self.leaving.is_empty() {
                self.decided = now;
            } else if now.since(self.decided) > STALE {
                self.leaving.clear();
            }
            while self.leaving.len() < BATCH
                && let Some(frame) = self.announcer.poll_output(now)
            {
                self.leaving.push(frame);
            }
            let full = self.leaving.len() == BATCH;
            let Some(link) = &mut self.link else {
                self.leaving.clear();
                return Ok(now);
            };
            if self.clock.now().since(self.decided) > STALE {
                self.leaving.clear();
                continue;
            }
            match link.send(&self.leaving) {
                Ok(sent) => drop(self.leaving.drain(..sent)),
                Err(error) => {
                    self.leaving.clear();
                    self.lose(error)?;
                }
            }
            if !full || !self.leaving.is_empty() {
                return Ok(now);
            }
        }
    }

    /// The moment that it is, once everything is heard that this moment is judged by.
    fn heard_by_now(&mut self) -> Timestamp {
        let now = self.clock.now();
        if now >= self.announcer.deadline()
            && let Some(beats) = &mut self.beats
        {
            // A socket that fails does so because the interface goes: the other one tells.
            drop(beats.each(|at, frame| self.announcer.handle(at, frame)));
        }
        now
    }

    /// Waits; what is there to be taken in.
    fn wait(&mut self, until: Timestamp) -> Result<Ready> {
        let limit = until.since(self.clock.now());
        let wanted = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let watch = self.watch.as_fd();
        // Without a link there are two to wait for; the watch twice is as good as once.
        let link = self.link.as_ref().map_or(watch, PacketLink::as_fd);
        let mut fds = [wanted(self.woken.as_fd()), wanted(watch), wanted(link)];
        match ppoll(&mut fds, Some(TimeSpec::from_duration(limit)), None) {
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => return Ok(Ready::default()),
            Err(errno) => return Err(io_error("waiting", errno.into())),
        }
        let [woken, watch, link] = fds.map(|fd| fd.any().unwrap_or(true));
        if woken {
            let mut bytes = [0; 64];
            while (&self.woken).read(&mut bytes).is_ok_and(|len| len == bytes.len()) {}
        }
        Ok(Ready { watch, link })
    }

    fn receive(&mut self) -> Result<()> {
        let Some(link) = &mut self.link else { return Ok(()) };
        let read = link.each(|at, frame| self.announcer.handle(at, frame));
        read.or_else(|error| self.lose(error))
    }

    /// The socket failed: mostly because the interface is down or gone, and the news of it are on the way.
    fn lose(&mut self, error: poolcheck_lan::Error) -> Result<()> {
        self.look()?;
        let usable = self.interface.as_ref().is_some_and(|interface| interface.usable().is_ok());
        match &error {
            // ENETDOWN is told once, by a socket that is good again afterwards.
            poolcheck_lan::Error::Io { source, .. } if !usable || source.kind() == io::ErrorKind::NetworkDown => Ok(()),
            _ => Err(error.into()),
        }
    }

    /// Looks at the interface, and tells the announcer.
    fn look(&mut self) -> Result<()> {
        let mut all = interfaces()?;
        // It stays the same when it is renamed; made anew, it has another number.
        let known = self.interface.as_ref().and_then(|known| all.iter().position(|one| one.index == known.index));
        let at = known.or_else(|| all.iter().position(|one| one.name == self.port.interface));
        let found = at.map(|at| all.swap_remove(at));
        let usable = found.as_ref().filter(|interface| interface.usable().is_ok());
        let known = self.interface.as_ref().map(|known| (known.index, known.mac));
        let same = usable.map(|interface| (interface.index, interface.mac)) == known && self.link.is_some();
        if let Some(interface) = usable.filter(|_| !same) {
            // Another interface of the same name, or another hardware address on it.
            (self.link, self.beats) = (None, None);
            let beats = Filter::from(Wanted::NOTHING).and_some_of(ETHERTYPE, PLAIN_BEAT);
            let beats = open_with_clock(interface, beats, self.clock);
            match open_with_clock(interface, self.filter(), self.clock).and_then(|link| Ok((link, beats?))) {
                Ok((link, beats)) => (self.link, self.beats) = (Some(link), Some(beats)),
                // It went down again meanwhile: that will be told.
                Err(poolcheck_lan::Error::Interface { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            self.groups = Groups::default();
        } else if found.is_none() {
            (self.link, self.beats) = (None, None);
        }
        let facts = self.port.facts(usable.filter(|_| self.link.is_some()), self.facts.mac);
        self.interface = found;
        if !same && self.link.is_some() {
            self.retune()?;
        }
        if facts != self.facts {
            self.facts = facts.clone();
            let now = self.heard_by_now();
            self.announcer.set_link(now, facts);
        }
        Ok(())
    }

    fn filter(&self) -> Filter {
        let filter = Filter::from(Wanted::ARP.and(Wanted::NDP)).about(self.announcer.addresses());
        URGENT.into_iter().fold(filter, |filter, octet| filter.and_some_of(ETHERTYPE, [octet]))
    }

    /// Lets through what concerns the addresses as they are now.
    fn tune(&mut self, groups: &[Ipv6Addr]) -> Result<()> {
        let filter = self.filter();
        let Some(link) = &mut self.link else { return Ok(()) };
        link.filter(&filter)?;
        let index = self.interface.as_ref().map_or(0, |interface| interface.index);
        self.groups.become_these(groups, index, link)
    }

    fn retune(&mut self) -> Result<()> {
        if let Some(link) = &mut self.link {
            link.join(GROUP)?;
        }
        self.tune(&self.announcer.groups())
    }
}

/// What has something to be read.
#[derive(Default)]
struct Ready {
    watch: bool,
    link: bool,
}

/// Memberships of multicast groups: of the packet socket, so that the interface lets them through, and of IPv6 sockets, for
/// whose sake the kernel sends MLD reports, also when the link returns.
#[derive(Default)]
struct Groups {
    joined: BTreeSet<Ipv6Addr>,
    sockets: Vec<UdpSocket>,
    untold: BTreeSet<Ipv6Addr>,
}

impl Groups {
    fn become_these(&mut self, groups: &[Ipv6Addr], index: u32, link: &mut PacketLink) -> Result<()> {
        let wanted: BTreeSet<Ipv6Addr> = groups.iter().copied().collect();
        for group in self.joined.difference(&wanted).copied().collect::<Vec<_>>() {
            link.leave(MacAddr::for_ipv6_multicast(group))?;
            if !self.untold.remove(&group) {
                // One of them is its member.
                let _ = self.sockets.iter().any(|socket| socket.leave_multicast_v6(&group, index).is_ok());
            }
            self.joined.remove(&group);
        }
        for group in wanted.difference(&self.joined).copied().collect::<Vec<_>>() {
            link.join(MacAddr::for_ipv6_multicast(group))?;
            if self.tell(group, index).is_err() {
                self.untold.insert(group);
            }
            self.joined.insert(group);
        }
        Ok(())
    }

    fn tell(&mut self, group: Ipv6Addr, index: u32) -> io::Result<()> {
        if self.joined.len() / GROUPS_PER_SOCKET >= self.sockets.len() {
            self.sockets.push(UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?);
        }
        let socket = self.sockets.last().ok_or(io::ErrorKind::NotFound)?;
        socket.join_multicast_v6(&group, index)
    }
}

fn io_error(what: &'static str, source: io::Error) -> Error {
    Error::Lan(poolcheck_lan::Error::Io { what, source })
}
