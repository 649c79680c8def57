//! Where frames leave and arrive.
//!
//! A [`Link`] is one interface of one segment: it sends batches, gives what arrives with the moment it arrived, and owns
//! the clock that these moments belong to. So whatever runs on a link runs in real time on a real one and in virtual time
//! on [`crate::sim`]'s, and cannot tell.
//!
//! * [`open`] gives this system's link: packet sockets on Linux, `pnet_datalink` elsewhere.
//! * [`SimLink`](crate::sim::SimLink) is a port of a LAN in memory.
//! * [`capture`] records what passes through a link to a file, and replays such a file.

#[cfg(target_os = "linux")]
mod af_packet;
pub mod capture;
mod filter;
#[cfg(not(target_os = "linux"))]
mod portable;

#[cfg(target_os = "linux")]
pub use af_packet::{Clock, PacketLink};
pub use filter::{Filter, Octet, Wanted};
#[cfg(not(target_os = "linux"))]
pub use portable::PacketLink;

use crate::error::Result;
use crate::interface::Interface;
use crate::time::Timestamp;
use crate::wire::MacAddr;

/// A frame that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// When, by the link's clock; the kernel's moment where the system gives it.
    pub at: Timestamp,
    /// From the Ethernet header on, without check sequence.
    pub frame: Vec<u8>,
}

/// One interface of one segment.
pub trait Link {
    /// The interface's hardware address.
    fn mac(&self) -> MacAddr;

    /// The largest payload of a frame, in octets.
    fn mtu(&self) -> usize;

    /// The link's clock, which never goes back.
    fn now(&self) -> Timestamp;

    /// Asks the interface to let a multicast group's frames through.
    fn join(&mut self, group: MacAddr) -> Result<()>;

    /// Takes back a [`Link::join`].
    fn leave(&mut self, _group: MacAddr) -> Result<()> {
        Ok(())
    }

    /// Lets other frames through from now on. A link without filter lets all through.
    fn filter(&mut self, _filter: &Filter) -> Result<()> {
        Ok(())
    }

    /// Sends frames in order, and says how many of them left: fewer than given when the interface's queue is full.
    fn send(&mut self, frames: &[Vec<u8>]) -> Result<usize>;

    /// Waits until a frame is there or the clock shows `until`, and appends all that is there. With a moment that has
    /// passed it does not wait. It may return without frames before `until`.
    fn receive(&mut self, until: Timestamp, frames: &mut Vec<Received>) -> Result<()>;
}

impl<L: Link + ?Sized> Link for Box<L> {
    fn mac(&self) -> MacAddr {
        (**self).mac()
    }

    fn mtu(&self) -> usize {
        (**self).mtu()
    }

    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn join(&mut self, group: MacAddr) -> Result<()> {
        (**self).join(group)
    }

    fn leave(&mut self, group: MacAddr) -> Result<()> {
        (**self).leave(group)
    }

    fn filter(&mut self, filter: &Filter) -> Result<()> {
        (**self).filter(filter)
    }

    fn send(&mut self, frames: &[Vec<u8>]) -> Result<usize> {
        (**self).send(frames)
    }

    fn receive(&mut self, until: Timestamp, frames: &mut Vec<Received>) -> Result<()> {
        (**self).receive(until, frames)
    }
}

/// Opens this system's link on an interface, for the frames wanted and no others, promiscuous mode off. `wanted` is a
/// [`Wanted`] or a whole [`Filter`].
///
/// # Errors
///
/// [`Error::Permission`](crate::Error::Permission) without the right to open packet sockets,
/// [`Error::Interface`](crate::Error::Interface) when the interface is down or not Ethernet.
pub fn open(interface: &Interface, wanted: impl Into<Filter>) -> Result<PacketLink> {
    interface.usable()?;
    #[cfg(target_os = "linux")]
    return PacketLink::open(interface, &wanted.into(), Clock::start());
    #[cfg(not(target_os = "linux"))]
    return PacketLink::open(interface, &wanted.into());
}

/// The same with a clock that runs already: for an interface that came back, or several that one program speaks on.
#[cfg(target_os = "linux")]
pub fn open_with_clock(interface: &Interface, wanted: impl Into<Filter>, clock: Clock) -> Result<PacketLink> {
    interface.usable()?;
    PacketLink::open(interface, &wanted.into(), clock)
}
