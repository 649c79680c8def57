//! Neighbor Discovery (RFC 4861 section 7.2.4): solicitations to the group or to the address itself, with or without the
//! asker's hardware address, and the probes of Duplicate Address Detection, with or without nonce.

use std::net::IpAddr;

use poolcheck_lan::wire::ethernet::Repr as Ethernet;
use poolcheck_lan::wire::ndp::Repr;
use poolcheck_lan::wire::{MacAddr, compose, ipv6};

pub(super) fn answer(
    ethernet: &Ethernet,
    header: &ipv6::Repr,
    question: &Repr,
    mac: MacAddr,
    owned: impl Fn(IpAddr) -> bool,
) -> Option<(IpAddr, Vec<u8>)> {
    let Repr::NeighborSolicitation { target, .. } = question else { return None };
    let address = IpAddr::V6(*target);
    let group = ipv6::solicited_node(*target);
    // Neighbour Unreachability Detection asks the owner alone; everyone else asks the group (RFC 4861 section 7.2.2).
    let for_us = if header.destination.is_multicast() {
        header.destination == group && ethernet.destination == MacAddr::for_ipv6_multicast(group)
    } else {
        ethernet.destination == mac
    };
    if !for_us || header.source == *target || !owned(address) {
        return None;
    }
    let probe = header.source.is_unspecified();
    // An asker that does not say its hardware address (it may leave it out when it knows ours) is where its frame came from.
    let asker = question.source_link_layer().unwrap_or(ethernet.source);
    if !probe && !asker.is_unicast() {
        return None;
    }
    Some((address, compose::ndp_answer(mac, *target, (asker, header.source), true)))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use poolcheck_lan::wire::ndp::NdpOption;
    use poolcheck_lan::wire::{Payload, dissect};

    use super::super::answer;
    use super::*;

    const ME: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const ASKER: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);
    const OTHER: MacAddr = MacAddr([2, 0, 0, 0, 0, 8]);

    fn vip() -> Ipv6Addr {
        "fd00::50".parse().unwrap()
    }

    fn host() -> Ipv6Addr {
        "fd00::9".parse().unwrap()
    }

    fn ask(from: Ipv6Addr, to: (MacAddr, Ipv6Addr), target: Ipv6Addr, options: Vec<NdpOption>) -> Vec<u8> {
        compose::ndp((ASKER, from), to, &Repr::NeighborSolicitation { target, options })
    }

    fn answered(frame: &[u8]) -> Option<Vec<u8>> {
        let dissected = dissect(frame).ok()?;
        answer(&dissected, ME, |address| address == IpAddr::V6(vip())).map(|(_, frame)| frame)
    }

    fn advertisement(to: (MacAddr, Ipv6Addr), solicited: bool) -> Vec<u8> {
        let options = vec![NdpOption::TargetLinkLayer(ME)];
        let message =
            Repr::NeighborAdvertisement { router: false, solicited, override_cache: true, target: vip(), options };
        compose::ndp((ME, vip()), to, &message)
    }

    #[test]
    fn every_way_to_ask_for_an_owned_address_is_answered() {
        let group = (MacAddr::ZERO, ipv6::solicited_node(vip()));
        let source = vec![NdpOption::SourceLinkLayer(ASKER)];
        let nonce = vec![NdpOption::Nonce(vec![1, 2, 3, 4, 5, 6])];
        let to_asker = advertisement((ASKER, host()), true);
        assert_eq!(answered(&ask(host(), group, vip(), source.clone())), Some(to_asker.clone()), "resolution");
        assert_eq!(answered(&ask(host(), group, vip(), vec![])), Some(to_asker.clone()), "resolution without option");
        assert_eq!(
            answered(&ask(host(), (ME, vip()), vip(), vec![])),
            Some(to_asker.clone()),
            "unicast without option"
        );
        assert_eq!(answered(&ask(host(), (ME, vip()), vip(), source)), Some(to_asker), "unicast");
        let to_all = advertisement((MacAddr::ZERO, ipv6::ALL_NODES), false);
        assert_eq!(answered(&ask(Ipv6Addr::UNSPECIFIED, group, vip(), vec![])), Some(to_all.clone()), "DAD");
        assert_eq!(answered(&ask(Ipv6Addr::UNSPECIFIED, group, vip(), nonce)), Some(to_all), "DAD with nonce");
    }

    #[test]
    fn the_bytes_of_an_advertisement() {
        let frame = answered(&ask(host(), (MacAddr::ZERO, ipv6::solicited_node(vip())), vip(), vec![])).unwrap();
        assert_eq!(frame[..14], [2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 0x86, 0xdd]);
        assert_eq!(frame[14..22], [0x60, 0, 0, 0, 0, 32, 58, 255]);
        assert_eq!(frame[54..56], [136, 0]);
        assert_eq!(frame[58], 0b0110_0000, "solicited, override, no router");
        assert_eq!(frame[78..86], [2, 1, 2, 0, 0, 0, 0, 1], "target link-layer address");
    }

    #[test]
    fn everything_else_is_silence() {
        let group = (MacAddr::ZERO, ipv6::solicited_node(vip()));
        let silent = |frame: &[u8], what: &str| assert_eq!(answered(frame), None, "{what}");
        silent(&ask(host(), group, "fd01::50".parse().unwrap(), vec![]), "another address of the same group");
        silent(&ask(host(), (OTHER, vip()), vip(), vec![]), "unicast to another");
        silent(&ask(host(), (MacAddr::ZERO, ipv6::ALL_NODES), vip(), vec![]), "to all nodes");
        silent(&ask(vip(), group, vip(), vec![]), "asks for its own address: a conflict");
        let broadcast = vec![NdpOption::SourceLinkLayer(MacAddr::BROADCAST)];
        silent(&ask(host(), group, vip(), broadcast), "a group asks");
        let mut forwarded = ask(host(), group, vip(), vec![]);
        forwarded[21] = 64;
        silent(&forwarded, "hop limit");
        let mut wrong = ask(host(), group, vip(), vec![]);
        wrong[56] ^= 1;
        silent(&wrong, "checksum");
        silent(&advertisement((ME, host()), true), "an advertisement");
        let frame = ask(host(), group, vip(), vec![]);
        for len in 0..frame.len().min(78) {
            silent(&frame[..len], "short");
        }
    }

    #[test]
    fn an_answer_is_well_formed() {
        let frame = answered(&ask(host(), (ME, vip()), vip(), vec![])).unwrap();
        assert!(matches!(dissect(&frame).unwrap().payload, Payload::Ndp(_, Repr::NeighborAdvertisement { .. })));
    }
}
