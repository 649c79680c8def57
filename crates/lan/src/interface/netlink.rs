//! Linux: route netlink over a blocking socket.
//!
//! Each question is a dump: the kernel answers with all it has and a word of end. The kernel's own tables are only read, but
//! for addresses that are lent to an interface for a while.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::RouteNetlinkMessage as Message;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, AddressScope, CacheInfo};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use super::{DefaultRoute, Interface, Neighbour};
use crate::error::{Error, Result};
use crate::wire::MacAddr;

/// The kernel fills at most 32 KiB at a time.
const BUFFER_LEN: usize = 64 << 10;
/// A dump that changed under way is asked for again so often.
const ATTEMPTS: usize = 3;

/// All interfaces with their addresses, in the kernel's order.
pub fn interfaces() -> Result<Vec<Interface>> {
    let mut found: Vec<Interface> = Vec::new();
    for message in dump(&Message::GetLink(LinkMessage::default()))? {
        if let Message::NewLink(link) = message {
            found.push(interface(&link));
        }
    }
    for message in dump(&Message::GetAddress(AddressMessage::default()))? {
        if let Message::NewAddress(entry) = message
            && let Some(interface) = found.iter_mut().find(|interface| interface.index == entry.header.index)
        {
            interface.addresses.extend(address(&entry));
        }
    }
    Ok(found)
}

/// The kernel's neighbour table: ARP's and Neighbor Discovery's.
pub fn neighbours() -> Result<Vec<Neighbour>> {
    let entries = dump(&Message::GetNeighbour(NeighbourMessage::default()))?;
    Ok(entries.iter().filter_map(neighbour).collect())
}

/// The default routes of both families.
pub fn default_routes() -> Result<Vec<DefaultRoute>> {
    let entries = dump(&Message::GetRoute(RouteMessage::default()))?;
    Ok(entries.iter().filter_map(default_route).collect())
}

/// Puts an address on an interface for so long (whole seconds, at least one), or prolongs that. The kernel takes it away at
/// the end, whoever is still alive. It is never chosen as the source of anything (its preferred lifetime is zero), no route to a
/// subnet comes with it, and no Duplicate Address Detection is done: whoever lends it knows whose it is.
///
/// # Errors
///
/// [`Error::Io`]; without CAP_NET_ADMIN its source is [`io::ErrorKind::PermissionDenied`].
pub fn lend_address(interface: u32, address: IpAddr, lifetime: Duration) -> Result<()> {
    let seconds = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX - 1).max(1);
    let mut message = lent(interface, address);
    let mut cache = CacheInfo::default();
    (cache.ifa_preferred, cache.ifa_valid) = (0, seconds);
    message.attributes.push(AddressAttribute::CacheInfo(cache));
    message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad | AddressFlags::Noprefixroute));
    command(Message::NewAddress(message), NLM_F_CREATE | NLM_F_REPLACE).map_err(Error::io("lending an address"))
}

/// Takes back what [`lend_address`] lent; an address that is not there any more is taken back.
///
/// # Errors
///
/// As [`lend_address`].
pub fn take_back_address(interface: u32, address: IpAddr) -> Result<()> {
    match command(Message::DelAddress(lent(interface, address)), 0) {
        Err(source) if source.kind() != io::ErrorKind::AddrNotAvailable => {
            Err(Error::Io { what: "taking back an address", source })
        }
        _ => Ok(()),
    }
}

fn lent(interface: u32, address: IpAddr) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = interface;
    message.header.scope = AddressScope::Universe;
    (message.header.family, message.header.prefix_len) = match address {
        IpAddr::V4(_) => (AddressFamily::Inet, 32),
        IpAddr::V6(_) => (AddressFamily::Inet6, 128),
    };
    message.attributes = vec![AddressAttribute::Local(address), AddressAttribute::Address(address)];
    message
}

fn interface(link: &LinkMessage) -> Interface {
    let flags = link.header.flags;
    let mut interface = Interface {
        index: link.header.index,
        name: String::new(),
        mac: MacAddr::ZERO,
        mtu: 0,
        up: flags.contains(LinkFlags::Up),
        carrier: flags.contains(LinkFlags::LowerUp),
        loopback: flags.contains(LinkFlags::Loopback),
        ethernet: link.header.link_layer_type == LinkLayerType::Ether,
        addresses: Vec::new(),
    };
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::IfName(name) => interface.name.clone_from(name),
            LinkAttribute::Mtu(mtu) => interface.mtu = *mtu as usize,
            LinkAttribute::Address(octets) => interface.mac = mac(octets).unwrap_or(MacAddr::ZERO),
            _ => {}
        }
    }
    interface
}

/// The interface's own address: on point-to-point links `Address` is the other end's.
fn address(entry: &AddressMessage) -> Option<IpNet> {
    let (mut local, mut shown, mut tentative) = (None, None, false);
    for attribute in &entry.attributes {
        match attribute {
            AddressAttribute::Local(address) => local = Some(*address),
            AddressAttribute::Address(address) => shown = Some(*address),
            AddressAttribute::Flags(flags) => tentative = flags.contains(AddressFlags::Tentative),
            _ => {}
        }
    }
    // Another machine may have it: nothing may be sent from it yet (RFC 4862 section 5.4).
    let found = local.or(shown).filter(|address| !tentative || !is_link_local(*address));
    IpNet::new(found?, entry.header.prefix_len).ok()
}

const fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

fn neighbour(message: &Message) -> Option<Neighbour> {
    let Message::NewNeighbour(entry) = message else { return None };
    let (mut address, mut known) = (None, None);
    for attribute in &entry.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(found)) => address = Some(IpAddr::V4(*found)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(found)) => address = Some(IpAddr::V6(*found)),
            NeighbourAttribute::LinkLayerAddress(octets) => known = mac(octets),
            _ => {}
        }
    }
    let state = entry.header.state;
    let fresh = matches!(state, NeighbourState::Reachable | NeighbourState::Permanent);
    // Entries without address resolution (loopback, multicast) say nothing of a neighbour.
    let real = !matches!(state, NeighbourState::Noarp | NeighbourState::None);
    real.then_some(Neighbour { interface: entry.header.ifindex, address: address?, mac: known, fresh })
}

fn default_route(message: &Message) -> Option<DefaultRoute> {
    let Message::NewRoute(route) = message else { return None };
    if route.header.destination_prefix_length != 0 {
        return None;
    }
    let (mut gateway, mut interface) = (None, None);
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Gateway(RouteAddress::Inet(address)) => gateway = Some(IpAddr::V4(*address)),
            RouteAttribute::Gateway(RouteAddress::Inet6(address)) => gateway = Some(IpAddr::V6(*address)),
            RouteAttribute::Oif(index) => interface = Some(*index),
            _ => {}
        }
    }
    Some(DefaultRoute { interface: interface?, gateway: gateway? })
}

fn mac(octets: &[u8]) -> Option<MacAddr> {
    octets.try_into().ok().map(MacAddr)
}

/// Asks for a table, and again if it changed while it was being told.
fn dump(question: &Message) -> Result<Vec<Message>> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match dump_once(question) {
            Ok(entries) => return Ok(entries),
            Err(source) if source.kind() == io::ErrorKind::Interrupted => last = Some(source),
            Err(source) => return Err(Error::Io { what: "asking the kernel over netlink", source }),
        }
    }
    let source = last.unwrap_or_else(|| io::ErrorKind::Interrupted.into());
    Err(Error::Io { what: "asking the kernel over netlink", source })
}

fn dump_once(question: &Message) -> io::Result<Vec<Message>> {
    let mut entries = Vec::new();
    ask(question.clone(), NLM_F_DUMP, |payload| {
        match payload {
            NetlinkPayload::Done(_) => return Ok(true),
            NetlinkPayload::Error(error) => return Err(error.to_io()),
            NetlinkPayload::InnerMessage(entry) => entries.push(entry),
            _ => {}
        }
        Ok(false)
    })?;
    Ok(entries)
}

/// Has the kernel do something, and waits for its word that it is done.
fn command(order: Message, flags: u16) -> io::Result<()> {
    ask(order, flags | NLM_F_ACK, |payload| match payload {
        // No code, no error: an acknowledgement.
        NetlinkPayload::Error(error) if error.code.is_none() => Ok(true),
        NetlinkPayload::Error(error) => Err(error.to_io()),
        _ => Ok(false),
    })
}

/// Says something to the kernel, and hands over what it answers until `over` says that this was all.
fn ask(
    question: Message,
    flags: u16,
    mut over: impl FnMut(NetlinkPayload<Message>) -> io::Result<bool>,
) -> io::Result<()> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = flags | NLM_F_REQUEST;
    let mut request = NetlinkMessage::new(header, NetlinkPayload::from(question));
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let mut buffer = vec![0; BUFFER_LEN];
    loop {
        let len = socket.recv(&mut &mut buffer[..], 0)?;
        for message in messages(&buffer[..len.min(BUFFER_LEN)]) {
            if over(message?)? {
                return Ok(());
            }
        }
    }
}

/// The messages of one datagram.
pub(super) fn messages(mut rest: &[u8]) -> impl Iterator<Item = io::Result<NetlinkPayload<Message>>> + '_ {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        match NetlinkMessage::<Message>::deserialize(rest) {
            Ok(message) => {
                let used = (message.header.length as usize).next_multiple_of(4);
                rest = rest.get(used.max(4)..).unwrap_or_default();
                Some(Ok(message.payload))
            }
            Err(error) => {
                rest = &[];
                Some(Err(io::Error::new(io::ErrorKind::InvalidData, error.to_string())))
            }
        }
    })
}
