//! Address conflicts (RFC 5227, RFC 4862): what a frame claims, who may claim it, and what is done about it.

mod defence;
mod probe;

use std::net::IpAddr;

use poolcheck_lan::wire::arp::Kind;
use poolcheck_lan::wire::ndp::{NdpOption, Repr as Ndp};
use poolcheck_lan::wire::{Dissected, MacAddr, Payload};

pub use defence::Action;
pub(crate) use defence::Defender;
pub(crate) use probe::{Probe, Step};

/// What a frame says of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// An ARP packet or an advertisement: its sender has the address.
    Claims,
    /// A probe: its sender is about to take the address if nobody objects.
    Probes,
}

/// Somebody's word on an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim<'a> {
    pub(crate) address: IpAddr,
    pub(crate) mac: MacAddr,
    pub(crate) how: How,
    /// Of a probe for an IPv6 address (RFC 7527).
    pub(crate) nonce: Option<&'a [u8]>,
}

/// The claim in a frame. In ARP every packet claims its sender address, whatever else it does (RFC 5227 section 2.4).
pub(crate) fn claim(frame: &Dissected) -> Option<Claim<'_>> {
    if frame.ethernet.is_in_vlan() {
        return None;
    }
    let source = frame.ethernet.source;
    match &frame.payload {
        Payload::Arp(packet) => {
            let (address, how) = match packet.kind() {
                Kind::Probe => (packet.target_ip, How::Probes),
                _ if packet.sender_ip.is_unspecified() => return None,
                _ => (packet.sender_ip, How::Claims),
            };
            Some(Claim { address: address.into(), mac: packet.sender_mac, how, nonce: None })
        }
        Payload::Ndp(_, message @ Ndp::NeighborAdvertisement { target, .. }) => {
            let mac = message.target_link_layer().unwrap_or(source);
            Some(Claim { address: (*target).into(), mac, how: How::Claims, nonce: None })
        }
        Payload::Ndp(header, Ndp::NeighborSolicitation { target, options }) => {
            let nonce = options.iter().find_map(|option| match option {
                NdpOption::Nonce(nonce) => Some(&nonce[..]),
                _ => None,
            });
            let (address, how) =
                if header.source.is_unspecified() { (*target, How::Probes) } else { (header.source, How::Claims) };
            Some(Claim { address: address.into(), mac: source, how, nonce })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use poolcheck_lan::wire::{arp, compose, dissect};

    use super::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);
    const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 50);

    fn of(frame: &[u8]) -> Option<(IpAddr, MacAddr, How)> {
        let dissected = dissect(frame).unwrap();
        claim(&dissected).map(|claim| (claim.address, claim.mac, claim.how))
    }

    #[test]
    fn every_arp_packet_claims_its_sender_address() {
        let claims = Some((VIP.into(), MAC, How::Claims));
        let announcement = arp::Repr::announcement(MAC, VIP);
        assert_eq!(of(&compose::arp(MacAddr::BROADCAST, &announcement)), claims);
        let request = arp::Repr { target_ip: [192, 168, 1, 1].into(), ..announcement };
        assert_eq!(of(&compose::arp(MacAddr::BROADCAST, &request)), claims, "asking for another");
        let reply = arp::Repr { operation: arp::Operation::Reply, ..request };
        assert_eq!(of(&compose::arp(MacAddr::BROADCAST, &reply)), claims);
        let probe = arp::Repr::probe(MAC, VIP);
        assert_eq!(of(&compose::arp(MacAddr::BROADCAST, &probe)), Some((VIP.into(), MAC, How::Probes)));
        let nobody = arp::Repr { sender_ip: Ipv4Addr::UNSPECIFIED, ..reply };
        assert_eq!(of(&compose::arp(MacAddr::BROADCAST, &nobody)), None);
    }

    #[test]
    fn solicitations_and_advertisements_claim() {
        let vip: std::net::Ipv6Addr = "fd00::50".parse().unwrap();
        assert_eq!(of(&compose::ndp_probe(MAC, vip)), Some((vip.into(), MAC, How::Probes)));
        let options = vec![NdpOption::TargetLinkLayer(MAC)];
        let message =
            Ndp::NeighborAdvertisement { router: false, solicited: false, override_cache: true, target: vip, options };
        let frame = compose::ndp((MAC, vip), (MAC, poolcheck_lan::wire::ipv6::ALL_NODES), &message);
        assert_eq!(of(&frame), Some((vip.into(), MAC, How::Claims)));
        let gateway = "fd00::1".parse().unwrap();
        let asks = Ndp::NeighborSolicitation { target: gateway, options: Vec::new() };
        let frame = compose::ndp((MAC, vip), (MAC, gateway), &asks);
        assert_eq!(of(&frame), Some((vip.into(), MAC, How::Claims)), "asks from the address");
    }
}
