//! All layers of one frame at once.

use std::net::IpAddr;

use super::{arp, dhcpv4, dhcpv6, dns, ethernet, icmpv6, ipv4, ipv6, mld, ndp, udp};
use crate::error::{Error, Result};

/// A frame taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dissected {
    /// The Ethernet header.
    pub ethernet: ethernet::Repr,
    /// What it carries.
    pub payload: Payload,
}

/// What a frame carries, as far as this crate knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// ARP.
    Arp(arp::Repr),
    /// Neighbor Discovery.
    Ndp(ipv6::Repr, ndp::Repr),
    /// A Multicast Listener query or report.
    Mld(ipv6::Repr, mld::Repr),
    /// DHCP.
    Dhcpv4(ipv4::Repr, udp::Repr, dhcpv4::Repr),
    /// DHCPv6.
    Dhcpv6(ipv6::Repr, udp::Repr, dhcpv6::Repr),
    /// Multicast DNS, and who sends it.
    Mdns(IpAddr, dns::Repr),
    /// Anything else.
    Other,
}

/// Takes a frame apart.
///
/// # Errors
///
/// The frame is of a protocol this crate knows and breaks its rules: such a frame must be ignored, not believed in part.
pub fn dissect(frame: &[u8]) -> Result<Dissected> {
    let frame = ethernet::Frame::new_checked(frame)?;
    let ethernet = ethernet::Repr::parse(&frame)?;
    let payload = match ethernet.ethertype {
        ethernet::EtherType::Arp => Payload::Arp(arp::Repr::parse(&arp::Packet::new_checked(frame.payload())?)),
        ethernet::EtherType::Ipv4 => over_ipv4(frame.payload())?,
        ethernet::EtherType::Ipv6 => over_ipv6(frame.payload())?,
        ethernet::EtherType::Unknown(_) => Payload::Other,
    };
    Ok(Dissected { ethernet, payload })
}

fn over_ipv4(bytes: &[u8]) -> Result<Payload> {
    let packet = ipv4::Packet::new_checked(bytes)?;
    if packet.protocol() != ipv4::UDP || packet.is_fragment() {
        return Ok(Payload::Other);
    }
    let header = ipv4::Repr::parse(&packet)?;
    let datagram = udp::Datagram::new_checked(packet.payload(), udp::Addresses::V4(header.source, header.destination))?;
    let ports = udp::Repr::parse(&datagram);
    if ports.source_port == dns::MULTICAST_PORT {
        return Ok(Payload::Mdns(header.source.into(), dns::Repr::parse(datagram.payload())?));
    }
    if !is_between(ports, dhcpv4::CLIENT_PORT, dhcpv4::SERVER_PORT) {
        return Ok(Payload::Other);
    }
    let message = dhcpv4::Repr::parse(&dhcpv4::Packet::new_checked(datagram.payload())?)?;
    Ok(Payload::Dhcpv4(header, ports, message))
}

fn over_ipv6(bytes: &[u8]) -> Result<Payload> {
    let packet = ipv6::Packet::new_checked(bytes)?;
    let header = ipv6::Repr::parse(&packet)?;
    let (protocol, upper) = packet.upper_layer()?;
    match protocol {
        ipv6::ICMPV6 => match upper.first() {
            Some(&(ndp::ROUTER_SOLICITATION..=ndp::NEIGHBOR_ADVERTISEMENT)) => {
                if upper.len() < icmpv6::HEADER_LEN {
                    return Err(Error::Truncated { layer: "ICMPv6" });
                }
                Ok(Payload::Ndp(header, ndp::Repr::parse(&header, upper)?))
            }
            Some(&(mld::QUERY..=mld::DONE_V1 | mld::REPORT_V2)) => {
                Ok(Payload::Mld(header, mld::Repr::parse(&header, upper)?))
            }
            _ => Ok(Payload::Other),
        },
        ipv6::UDP => {
            let addresses = udp::Addresses::V6(header.source, header.destination);
            let datagram = udp::Datagram::new_checked(upper, addresses)?;
            let ports = udp::Repr::parse(&datagram);
            if ports.source_port == dns::MULTICAST_PORT {
                return Ok(Payload::Mdns(header.source.into(), dns::Repr::parse(datagram.payload())?));
            }
            if !is_between(ports, dhcpv6::CLIENT_PORT, dhcpv6::SERVER_PORT) {
                return Ok(Payload::Other);
            }
            let message = dhcpv6::Repr::parse(&dhcpv6::Packet::new_checked(datagram.payload())?)?;
            Ok(Payload::Dhcpv6(header, ports, message))
        }
        _ => Ok(Payload::Other),
    }
}

/// Servers answer clients and relays, so either port may stand on either side.
fn is_between(ports: udp::Repr, client: u16, server: u16) -> bool {
    ports.source_port == server || (ports.source_port == client && ports.destination_port == server)
}

#[cfg(test)]
mod tests {
    use super::super::{MacAddr, compose};
    use super::*;

    const MAC: MacAddr = MacAddr([2, 0x5c, 0, 0, 0, 1]);

    #[test]
    fn every_composed_frame_is_taken_apart_again() {
        let probe = arp::Repr::probe(MAC, [192, 168, 1, 50].into());
        let frame = compose::arp(MacAddr::BROADCAST, &probe);
        assert_eq!(frame.len(), ethernet::MIN_FRAME_LEN);
        assert_eq!(dissect(&frame).unwrap().payload, Payload::Arp(probe));

        let target = "fd00::50".parse().unwrap();
        let solicitation = dissect(&compose::ndp_probe(MAC, target)).unwrap();
        assert_eq!(solicitation.ethernet.destination.to_string(), "33:33:ff:00:00:50");
        assert!(matches!(solicitation.payload, Payload::Ndp(_, ndp::Repr::NeighborSolicitation { .. })));

        let report = mld::Repr::joined([ipv6::solicited_node(target)]);
        let frame = compose::mld((MAC, "fe80::1".parse().unwrap()), ipv6::ALL_MLDV2_ROUTERS, &report);
        assert!(matches!(dissect(&frame).unwrap().payload, Payload::Mld(_, found) if found == report));

        let discover = dhcpv4::Repr::from_client(dhcpv4::MessageType::Discover, MAC, 7);
        let frame = compose::dhcpv4_from_client(MAC, &discover);
        assert!(matches!(dissect(&frame).unwrap().payload, Payload::Dhcpv4(_, _, found) if found == discover));

        let solicit = dhcpv6::Repr::solicit(MAC, 7);
        let frame = compose::dhcpv6_from_client((MAC, "fe80::1".parse().unwrap()), &solicit);
        assert!(matches!(dissect(&frame).unwrap().payload, Payload::Dhcpv6(_, _, found) if found == solicit));

        let query = dns::Repr::multicast_query([[192, 168, 1, 50].into()]);
        for (from, group) in [("192.168.1.9", "01:00:5e:00:00:fb"), ("fe80::1", "33:33:00:00:00:fb")] {
            let from: IpAddr = from.parse().unwrap();
            let found = dissect(&compose::mdns((MAC, from), &query)).unwrap();
            assert_eq!(found.ethernet.destination.to_string(), group);
            assert_eq!(found.payload, Payload::Mdns(from, query.clone()));
        }
    }

    #[test]
    fn other_traffic_is_no_error() {
        let mut frame = compose::arp(MacAddr::BROADCAST, &arp::Repr::probe(MAC, [192, 168, 1, 50].into()));
        frame[12..14].copy_from_slice(&[0x88, 0xcc]);
        assert_eq!(dissect(&frame).unwrap().payload, Payload::Other);
    }
}
