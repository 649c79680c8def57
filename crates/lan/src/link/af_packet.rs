//! Packet sockets of Linux (`packet(7)`).
//!
//! The socket is made deaf (protocol 0), given its filter, and only then bound: no frame slips in that the filter would
//! have refused. Promiscuous mode stays off. Moments of arrival are the kernel's. This is the one file with `unsafe`: it
//! hands pointers to buffers of its own to system calls, and nothing of that leaves it.
#![allow(unsafe_code, reason = "packet sockets, their filter and batches are system calls without a safe door")]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::filter::{Filter, Instruction, program};
use super::{Link, Received};
use crate::error::{Error, Result};
use crate::interface::Interface;
use crate::time::Timestamp;
use crate::wire::{MacAddr, udp};

/// Frames of one system call.
const BATCH: usize = 64;
/// Received frames longer than this are cut: no protocol wanted here needs more.
const FRAME_LEN: usize = 2048;
const CONTROL_LEN: usize = 128;
/// Room for the answers to a fast scan while this process is not scheduled.
const RECEIVE_BUFFER: libc::c_int = 4 << 20;

/// A packet socket bound to one interface.
pub struct PacketLink {
    socket: OwnedFd,
    index: libc::c_int,
    mac: MacAddr,
    mtu: usize,
    clock: Clock,
    /// When the socket was last known to be empty: no frame in it can be older.
    emptied: Timestamp,
    frames: Vec<[u8; FRAME_LEN]>,
}

impl PacketLink {
    /// Opens the socket; see [`super::open`].
    pub(super) fn open(interface: &Interface, filter: &Filter, clock: Clock) -> Result<Self> {
        // SAFETY: `socket` takes no pointer.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) };
        if fd < 0 {
            let source = io::Error::last_os_error();
            return Err(match source.raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => Error::Permission { name: interface.name.clone() },
                _ => Error::Io { what: "opening a packet socket", source },
            });
        }
        // SAFETY: `fd` was opened just now and nobody else has it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        let index = libc::c_int::try_from(interface.index)
            .map_err(|_| Error::Interface { name: interface.name.clone(), reason: "its index is out of range" })?;
        let frames = vec![[0; FRAME_LEN]; BATCH];
        let mut link =
            Self { socket, index, mac: interface.mac, mtu: interface.mtu, clock, emptied: clock.now(), frames };
        link.attach(&program(filter))?;
        link.set(libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &1_i32).map_err(Error::io("asking for timestamps"))?;
        link.set(libc::SOL_PACKET, libc::PACKET_AUXDATA, &1_i32).map_err(Error::io("asking for frame details"))?;
        // Beyond the system's limit only the privileged may go; without it the default is kept.
        if link.set(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &RECEIVE_BUFFER).is_err() {
            let _ = link.set(libc::SOL_SOCKET, libc::SO_RCVBUF, &RECEIVE_BUFFER);
        }
        link.bind()?;
        // Answers to probes for IPv6 addresses go to all nodes, also where this machine has IPv6 switched off.
        link.join(MacAddr([0x33, 0x33, 0, 0, 0, 1]))?;
        Ok(link)
    }

    fn attach(&self, instructions: &[Instruction]) -> Result<()> {
        let mut filter: Vec<libc::sock_filter> =
            instructions.iter().map(|i| libc::sock_filter { code: i.code, jt: i.jt, jf: i.jf, k: i.k }).collect();
        let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
        // The kernel copies the program; `filter` outlives the call.
        self.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program).map_err(Error::io("attaching the packet filter"))
    }

    fn bind(&self) -> Result<()> {
        // SAFETY: all zeros is a valid `sockaddr_ll`.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = self.index;
        let len = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: the pointer is to a live `sockaddr_ll` of the length given.
        let bound = unsafe { libc::bind(self.socket.as_raw_fd(), (&raw const address).cast(), len) };
        if bound < 0 { Err(Error::io("binding the packet socket")(io::Error::last_os_error())) } else { Ok(()) }
    }

    fn set<T>(&self, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
        let len = size_of::<T>() as libc::socklen_t;
        // SAFETY: the pointer is to a live `T` of the length given, and the kernel only reads it.
        let set = unsafe { libc::setsockopt(self.socket.as_raw_fd(), level, name, (&raw const *value).cast(), len) };
        if set < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    fn membership(&self, change: libc::c_int, group: MacAddr) -> io::Result<()> {
        let mut address = [0; 8];
        address[..6].copy_from_slice(&group.0);
        let request = libc::packet_mreq {
            mr_ifindex: self.index,
            mr_type: libc::PACKET_MR_MULTICAST as u16,
            mr_alen: 6,
            mr_address: address,
        };
        self.set(libc::SOL_PACKET, change, &request)
    }

    /// Waits until the socket is readable or the time is over.
    fn wait(&self, limit: Duration) -> Result<()> {
        let mut poll = libc::pollfd { fd: self.socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let timeout = libc::timespec {
            tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        };
        // SAFETY: both pointers are to live values, one `pollfd` is announced, and no signal mask is given.
        let ready = unsafe { libc::ppoll(&raw mut poll, 1, &raw const timeout, std::ptr::null()) };
        if ready < 0 {
            let source = io::Error::last_os_error();
            if source.kind() != io::ErrorKind::Interrupted {
                return Err(Error::Io { what: "waiting for frames", source });
            }
        }
        Ok(())
    }

    /// Gives all that is there to `hear`, each with the moment it arrived, without waiting; nothing is kept of it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]: the socket fails, mostly because the interface is down or gone.
    pub fn each(&mut self, mut hear: impl FnMut(Timestamp, &[u8])) -> Result<()> {
        while self.read(&mut hear)? {}
        Ok(())
    }

    /// Reads one batch; says whether it was full.
    fn read(&mut self, hear: &mut impl FnMut(Timestamp, &[u8])) -> Result<bool> {
        let mut control = [[0_u64; CONTROL_LEN / 8]; BATCH];
        // SAFETY: all zeros is valid for `mmsghdr` and `iovec`.
        let (mut headers, mut vectors): ([libc::mmsghdr; BATCH], [libc::iovec; BATCH]) =
            unsafe { (zeroed(), zeroed()) };
        for (at, header) in headers.iter_mut().enumerate() {
            vectors[at] = libc::iovec { iov_base: self.frames[at].as_mut_ptr().cast(), iov_len: FRAME_LEN };
            header.msg_hdr.msg_iov = &raw mut vectors[at];
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control[at].as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL_LEN as _;
        }
        let fd = self.socket.as_raw_fd();
        let before = self.now();
        // SAFETY: `BATCH` headers are live, and each points at live buffers of the lengths it states.
        let count = unsafe { libc::recvmmsg(fd, headers.as_mut_ptr(), BATCH as u32, 0, std::ptr::null_mut()) };
        if count < 0 {
            let source = io::Error::last_os_error();
            return match source.raw_os_error() {
                Some(libc::EAGAIN) => {
                    self.emptied = before;
                    Ok(false)
                }
                Some(libc::EINTR) => Ok(false),
                _ => Err(Error::Io { what: "receiving frames", source }),
            };
        }
        let count = usize::try_from(count).unwrap_or(0);
        let (now, wall) = (self.now(), SystemTime::now());
        let oldest = now.since(self.emptied);
        if count < BATCH {
            self.emptied = before;
        }
        for (header, frame) in headers[..count].iter().zip(&mut self.frames) {
            let known = details(&header.msg_hdr);
            let age = known.arrival.map_or(Duration::ZERO, |at| age(wall, at, oldest));
            let frame = &mut frame[..FRAME_LEN.min(header.msg_len as usize)];
            if known.checksum_pending {
                udp::complete_checksum(frame);
            }
            hear(now.before(age), frame);
        }
        Ok(count == BATCH)
    }
}

/// A clock for links: it never goes back, and goes on while the machine sleeps (CLOCK_BOOTTIME), for whoever was suspended
/// must know. Links with copies of one clock agree on every moment.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Timestamp);

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self(uptime())
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        Timestamp::ZERO + uptime().since(self.0)
    }
}

fn uptime() -> Timestamp {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live `timespec`, which the kernel fills. It knows this clock since Linux 2.6.39.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Timestamp::ZERO + Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}

/// How old a frame is that arrived at `at` by the wall clock, which may have been set meanwhile: never older than the moment
/// when the socket was last empty, and if the clock was put back, as old as that.
fn age(wall: SystemTime, at: SystemTime, oldest: Duration) -> Duration {
    wall.duration_since(at).map_or(oldest, |age| age.min(oldest))
}

/// What the kernel says about a frame beside it.
#[derive(Default)]
struct Details {
    /// When it came, by the wall clock.
    arrival: Option<SystemTime>,
    /// It comes from this machine, which left the checksum to a network card that it never passed.
    checksum_pending: bool,
}

fn details(header: &libc::msghdr) -> Details {
    let mut details = Details::default();
    // SAFETY: the header was filled by `recvmmsg`, so its control buffer holds well-formed messages, which these
    // functions walk within the length stated there; a message of these types holds what is read from it.
    unsafe {
        let mut control = libc::CMSG_FIRSTHDR(header);
        while !control.is_null() {
            let data = libc::CMSG_DATA(control);
            match ((*control).cmsg_level, (*control).cmsg_type) {
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    let time = data.cast::<libc::timespec>().read_unaligned();
                    let parts = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
                    if let (Ok(seconds), Ok(nanos)) = parts {
                        details.arrival = Some(UNIX_EPOCH + Duration::new(seconds, nanos));
                    }
                }
                (libc::SOL_PACKET, libc::PACKET_AUXDATA) => {
                    let status = data.cast::<libc::tpacket_auxdata>().read_unaligned().tp_status;
                    details.checksum_pending = status & libc::TP_STATUS_CSUMNOTREADY != 0;
                }
                _ => {}
            }
            control = libc::CMSG_NXTHDR(header, control);
        }
    }
    details
}

/// To wait for frames together with other things: readable when a frame is there.
impl AsFd for PacketLink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Link for PacketLink {
    fn mac(&self) -> MacAddr {
        self.mac
    }

    fn mtu(&self) -> usize {
        self.mtu
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn join(&mut self, group: MacAddr) -> Result<()> {
        self.membership(libc::PACKET_ADD_MEMBERSHIP, group).map_err(Error::io("joining a multicast group"))
    }

    fn leave(&mut self, group: MacAddr) -> Result<()> {
        self.membership(libc::PACKET_DROP_MEMBERSHIP, group).map_err(Error::io("leaving a multicast group"))
    }

    /// The kernel puts the new filter in the old one's place at once: no frame passes by neither.
    fn filter(&mut self, filter: &Filter) -> Result<()> {
        self.attach(&program(filter))
    }

    fn send(&mut self, frames: &[Vec<u8>]) -> Result<usize> {
        let mut sent = 0;
        for batch in frames.chunks(BATCH) {
            // SAFETY: all zeros is valid for `mmsghdr` and `iovec`.
            let (mut headers, mut vectors): ([libc::mmsghdr; BATCH], [libc::iovec; BATCH]) =
                unsafe { (zeroed(), zeroed()) };
            for (at, frame) in batch.iter().enumerate() {
                // The kernel only reads what it sends; the field is mutable because `iovec` serves both directions.
                vectors[at] = libc::iovec { iov_base: frame.as_ptr().cast_mut().cast(), iov_len: frame.len() };
                headers[at].msg_hdr.msg_iov = &raw mut vectors[at];
                headers[at].msg_hdr.msg_iovlen = 1;
            }
            let fd = self.socket.as_raw_fd();
            // SAFETY: as many headers as announced are live, and each points at a live frame of the length it states.
            let count = unsafe { libc::sendmmsg(fd, headers.as_mut_ptr(), batch.len() as u32, 0) };
            if count < 0 {
                let source = io::Error::last_os_error();
                return match source.raw_os_error() {
                    Some(libc::EAGAIN | libc::ENOBUFS | libc::EINTR) => Ok(sent),
                    _ => Err(Error::Io { what: "sending frames", source }),
                };
            }
            let count = usize::try_from(count).unwrap_or(0);
            sent += count;
            if count < batch.len() {
                break;
            }
        }
        Ok(sent)
    }

    fn receive(&mut self, until: Timestamp, frames: &mut Vec<Received>) -> Result<()> {
        let limit = until.since(self.now());
        if !limit.is_zero() {
            self.wait(limit)?;
        }
        self.each(|at, frame| frames.push(Received { at, frame: frame.to_vec() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_makes_no_frame_old_or_young() {
        let (wall, oldest) = (UNIX_EPOCH + Duration::from_secs(1_000_000), Duration::from_secs(90));
        let second = Duration::from_secs(1);
        assert_eq!(age(wall, wall - second, oldest), second);
        assert_eq!(age(wall, wall - 70 * second, oldest), 70 * second, "it waited while this process stood still");
        assert_eq!(age(wall, wall - 3600 * second, oldest), oldest, "put forward");
        assert_eq!(age(wall, wall + 3600 * second, oldest), oldest, "put back");
    }

    #[test]
    fn the_clock_runs() {
        let first = uptime();
        std::thread::sleep(Duration::from_millis(2));
        assert!(uptime().since(first) >= Duration::from_millis(2));
    }
}
