//! Whole frames from representations, lengths and checksums filled in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ethernet::{EtherType, MIN_FRAME_LEN, Repr as Ethernet};
use super::{MacAddr, arp, dhcpv4, dhcpv6, dns, ipv4, ipv6, mld, ndp, udp};

/// An ARP packet from its sender to `destination`.
pub fn arp(destination: MacAddr, packet: &arp::Repr) -> Vec<u8> {
    let mut out = start(packet.sender_mac, destination, EtherType::Arp);
    packet.emit(&mut out);
    padded(out)
}

/// A Neighbor Discovery message. Multicast destinations get their group's hardware address, whatever `mac` says.
pub fn ndp(from: (MacAddr, Ipv6Addr), to: (MacAddr, Ipv6Addr), message: &ndp::Repr) -> Vec<u8> {
    let mut out = start(from.0, hardware(to), EtherType::Ipv6);
    let header = ipv6::Repr {
        source: from.1,
        destination: to.1,
        next_header: ipv6::ICMPV6,
        hop_limit: 255,
        payload_len: message.buffer_len() as u16,
    };
    header.emit(&mut out);
    message.emit(from.1, to.1, &mut out);
    padded(out)
}

/// The Neighbor Solicitation of Duplicate Address Detection (RFC 4862 section 5.4.2): from `::`, so that it leaves nothing
/// behind in any neighbour cache and its answer comes to all nodes.
pub fn ndp_probe(from: MacAddr, target: Ipv6Addr) -> Vec<u8> {
    probe(from, target, Vec::new())
}

/// The same with a nonce, by which its sender knows it again (RFC 7527 section 4.1).
pub fn ndp_probe_with_nonce(from: MacAddr, target: Ipv6Addr, nonce: &[u8]) -> Vec<u8> {
    probe(from, target, vec![ndp::NdpOption::Nonce(nonce.to_vec())])
}

fn probe(from: MacAddr, target: Ipv6Addr, options: Vec<ndp::NdpOption>) -> Vec<u8> {
    let to = (MacAddr::ZERO, ipv6::solicited_node(target));
    ndp((from, Ipv6Addr::UNSPECIFIED), to, &ndp::Repr::NeighborSolicitation { target, options })
}

/// The Neighbor Solicitation of a machine that wants to speak to `target` (RFC 4861 section 7.2.2): from its own address, so
/// that the answer comes to it alone, with its hardware address, as section 4.3 demands. Who answers remembers it.
pub fn ndp_solicitation(from: (MacAddr, Ipv6Addr), target: Ipv6Addr) -> Vec<u8> {
    let options = vec![ndp::NdpOption::SourceLinkLayer(from.0)];
    let to = (MacAddr::ZERO, ipv6::solicited_node(target));
    ndp(from, to, &ndp::Repr::NeighborSolicitation { target, options })
}

/// Says to all nodes, unasked, that `target` is at `owner` (RFC 4861 section 7.2.6). With `override_cache` neighbour caches
/// take it over at once.
pub fn ndp_announcement(owner: MacAddr, target: Ipv6Addr, override_cache: bool) -> Vec<u8> {
    advertisement(owner, target, (MacAddr::ZERO, ipv6::ALL_NODES), override_cache)
}

/// Says to all routers that `target` is new and at `owner`, without overriding anything (RFC 9131 section 6.1.1).
pub fn ndp_announcement_to_routers(owner: MacAddr, target: Ipv6Addr) -> Vec<u8> {
    advertisement(owner, target, (MacAddr::ZERO, ipv6::ALL_ROUTERS), false)
}

/// Answers a Neighbor Solicitation for `target` that came from `asker`: a probe (source `::`) is answered to all nodes, an
/// ordinary one to its sender (RFC 4861 section 7.2.4).
pub fn ndp_answer(owner: MacAddr, target: Ipv6Addr, asker: (MacAddr, Ipv6Addr), override_cache: bool) -> Vec<u8> {
    let to = if asker.1.is_unspecified() { (MacAddr::ZERO, ipv6::ALL_NODES) } else { asker };
    advertisement(owner, target, to, override_cache)
}

fn advertisement(owner: MacAddr, target: Ipv6Addr, to: (MacAddr, Ipv6Addr), override_cache: bool) -> Vec<u8> {
    let message = ndp::Repr::NeighborAdvertisement {
        router: false,
        solicited: !to.1.is_multicast(),
        override_cache,
        target,
        options: vec![ndp::NdpOption::TargetLinkLayer(owner)],
    };
    ndp((owner, target), to, &message)
}

/// An MLD message, behind the Router Alert option that RFC 3810 section 5 demands.
pub fn mld(from: (MacAddr, Ipv6Addr), destination: Ipv6Addr, report: &mld::Repr) -> Vec<u8> {
    let mut out = start(from.0, MacAddr::for_ipv6_multicast(destination), EtherType::Ipv6);
    let header = ipv6::Repr {
        source: from.1,
        destination,
        next_header: ipv6::HOP_BY_HOP,
        hop_limit: 1,
        payload_len: (mld::ROUTER_ALERT.len() + report.buffer_len()) as u16,
    };
    header.emit(&mut out);
    out.extend_from_slice(&mld::ROUTER_ALERT);
    report.emit(from.1, destination, &mut out);
    padded(out)
}

/// A DHCP message of a client without address: 0.0.0.0 port 68 to the broadcast address port 67. The Ethernet source is the
/// interface's own address, so that switches learn nothing wrong; the client's is inside the message.
pub fn dhcpv4_from_client(from: MacAddr, message: &dhcpv4::Repr) -> Vec<u8> {
    let ports = udp::Repr { source_port: dhcpv4::CLIENT_PORT, destination_port: dhcpv4::SERVER_PORT };
    dhcpv4((from, Ipv4Addr::UNSPECIFIED), (MacAddr::BROADCAST, Ipv4Addr::BROADCAST), ports, message)
}

/// A DHCP message between any two ends.
pub fn dhcpv4(from: (MacAddr, Ipv4Addr), to: (MacAddr, Ipv4Addr), ports: udp::Repr, message: &dhcpv4::Repr) -> Vec<u8> {
    let mut payload = Vec::new();
    message.emit(&mut payload);
    udp_over_ipv4(from, to, 64, ports, &payload)
}

/// A Multicast DNS message from an address of this link to everyone on it, by its own IP version. From port 5353 to port
/// 5353 and with a hop limit of 255, as RFC 6762 section 11 wants it: answers come to the group, and nobody needs to learn
/// the asker's hardware address to give them.
pub fn mdns(from: (MacAddr, IpAddr), message: &dns::Repr) -> Vec<u8> {
    let mut payload = Vec::new();
    message.emit(&mut payload);
    let ports = udp::Repr { source_port: dns::MULTICAST_PORT, destination_port: dns::MULTICAST_PORT };
    match from.1 {
        IpAddr::V4(source) => {
            let group = (MacAddr::for_ipv4_multicast(dns::MULTICAST_V4), dns::MULTICAST_V4);
            udp_over_ipv4((from.0, source), group, 255, ports, &payload)
        }
        IpAddr::V6(source) => udp_over_ipv6((from.0, source), (MacAddr::ZERO, dns::MULTICAST_V6), 255, ports, &payload),
    }
}

fn udp_over_ipv4(
    from: (MacAddr, Ipv4Addr),
    to: (MacAddr, Ipv4Addr),
    ttl: u8,
    ports: udp::Repr,
    payload: &[u8],
) -> Vec<u8> {
    let mut out = start(from.0, to.0, EtherType::Ipv4);
    let header = ipv4::Repr {
        source: from.1,
        destination: to.1,
        protocol: ipv4::UDP,
        ttl,
        payload_len: (udp::HEADER_LEN + payload.len()) as u16,
    };
    header.emit(&mut out);
    ports.emit(udp::Addresses::V4(from.1, to.1), payload, &mut out);
    padded(out)
}

/// A DHCPv6 message of a client, from its link-local address to all servers on the link.
pub fn dhcpv6_from_client(from: (MacAddr, Ipv6Addr), message: &dhcpv6::Repr) -> Vec<u8> {
    let ports = udp::Repr { source_port: dhcpv6::CLIENT_PORT, destination_port: dhcpv6::SERVER_PORT };
    dhcpv6(from, (MacAddr::ZERO, dhcpv6::ALL_SERVERS), ports, message)
}

/// A DHCPv6 message between any two ends.
pub fn dhcpv6(from: (MacAddr, Ipv6Addr), to: (MacAddr, Ipv6Addr), ports: udp::Repr, message: &dhcpv6::Repr) -> Vec<u8> {
    let mut payload = Vec::new();
    message.emit(&mut payload);
    udp_over_ipv6(from, to, 1, ports, &payload)
}

fn udp_over_ipv6(
    from: (MacAddr, Ipv6Addr),
    to: (MacAddr, Ipv6Addr),
    hop_limit: u8,
    ports: udp::Repr,
    payload: &[u8],
) -> Vec<u8> {
    let mut out = start(from.0, hardware(to), EtherType::Ipv6);
    let header = ipv6::Repr {
        source: from.1,
        destination: to.1,
        next_header: ipv6::UDP,
        hop_limit,
        payload_len: (udp::HEADER_LEN + payload.len()) as u16,
    };
    header.emit(&mut out);
    ports.emit(udp::Addresses::V6(from.1, to.1), payload, &mut out);
    padded(out)
}

fn hardware((mac, address): (MacAddr, Ipv6Addr)) -> MacAddr {
    if address.is_multicast() { MacAddr::for_ipv6_multicast(address) } else { mac }
}

fn start(source: MacAddr, destination: MacAddr, ethertype: EtherType) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    Ethernet { destination, source, vlan: None, ethertype }.emit(&mut out);
    out
}

/// Short frames are padded here, so that captures on the sending and the receiving side are the same bytes.
fn padded(mut out: Vec<u8>) -> Vec<u8> {
    out.resize(out.len().max(MIN_FRAME_LEN), 0);
    out
}
