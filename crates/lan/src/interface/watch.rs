//! News of the kernel's interfaces, as they happen: no polling.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::RouteNetlinkMessage as Message;
use netlink_packet_route::link::{LinkAttribute, LinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use super::netlink::messages;
use crate::error::{Error, Result};

/// Links, IPv4 addresses, IPv6 addresses: RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR of `linux/rtnetlink.h`.
const GROUPS: u32 = 0x1 | 0x10 | 0x100;
const BUFFER_LEN: usize = 32 << 10;

/// Tells when something about one interface changed: its carrier, its name, its hardware address, its addresses, or that it
/// came or went. What is true now is then to be asked for ([`interfaces`](super::interfaces)): news may be lost, and are
/// then taken for a change.
pub struct Watch {
    socket: Socket,
    buffer: Vec<u8>,
}

impl Watch {
    /// Watches from now on. Ask for the state after this, and no change is missed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn open() -> Result<Self> {
        let open = || {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind(&SocketAddr::new(0, GROUPS))?;
            socket.set_non_blocking(true)?;
            Ok(socket)
        };
        let socket = open().map_err(Error::io("watching the kernel's interfaces"))?;
        Ok(Self { socket, buffer: vec![0; BUFFER_LEN] })
    }

    /// Whether anything about the interface of this name, or of this number, changed since the last call. Never waits.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn changed(&mut self, name: &str, index: u32) -> Result<bool> {
        let mut changed = false;
        loop {
            match self.socket.recv(&mut &mut self.buffer[..], 0) {
                Ok(len) => changed |= concerns(&self.buffer[..len.min(BUFFER_LEN)], name, index),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(changed),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The kernel had more to tell than there was room for.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => changed = true,
                Err(source) => return Err(Error::Io { what: "watching the kernel's interfaces", source }),
            }
        }
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether a datagram tells of this interface; what cannot be read may.
fn concerns(datagram: &[u8], name: &str, index: u32) -> bool {
    let named = |link: &LinkMessage| {
        let is_name = |attribute: &LinkAttribute| matches!(attribute, LinkAttribute::IfName(found) if found == name);
        link.header.index == index || link.attributes.iter().any(is_name)
    };
    messages(datagram).any(|message| match message {
        Ok(NetlinkPayload::InnerMessage(Message::NewLink(link) | Message::DelLink(link))) => named(&link),
        Ok(NetlinkPayload::InnerMessage(Message::NewAddress(entry) | Message::DelAddress(entry))) => {
            entry.header.index == index
        }
        Ok(_) => false,
        Err(_) => true,
    })
}
