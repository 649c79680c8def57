//! ARP (RFC 826, with RFC 5227 section 2.1.1: probes are answered, too).

use std::net::IpAddr;

use poolcheck_lan::wire::arp::{Kind, Operation, Repr};
use poolcheck_lan::wire::ethernet::Repr as Ethernet;
use poolcheck_lan::wire::{MacAddr, compose};

pub(super) fn answer(
    ethernet: &Ethernet,
    question: &Repr,
    mac: MacAddr,
    owned: impl Fn(IpAddr) -> bool,
) -> Option<(IpAddr, Vec<u8>)> {
    let address = IpAddr::V4(question.target_ip);
    let for_us = ethernet.destination == MacAddr::BROADCAST || ethernet.destination == mac;
    // An announcement claims, it does not ask. A group as sender cannot be answered without flooding the segment.
    let asks = question.operation == Operation::Request && question.kind() != Kind::Announcement;
    let sender = question.sender_mac;
    if !for_us || !asks || !sender.is_unicast() || sender == mac || !owned(address) {
        return None;
    }
    Some((address, compose::arp(sender, &Repr::reply(question, mac))))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use poolcheck_lan::wire::ethernet::{EtherType, VlanTag};
    use poolcheck_lan::wire::{dissect, ethernet};

    use super::super::answer;
    use super::*;

    const ME: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const ASKER: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);
    const OTHER: MacAddr = MacAddr([2, 0, 0, 0, 0, 8]);
    const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 50);
    const HOST: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 9);

    fn request() -> Repr {
        Repr {
            operation: Operation::Request,
            sender_mac: ASKER,
            sender_ip: HOST,
            target_mac: MacAddr::ZERO,
            target_ip: VIP,
        }
    }

    fn to(destination: MacAddr, packet: &Repr) -> Vec<u8> {
        let mut frame = compose::arp(destination, packet);
        frame[6..12].copy_from_slice(&packet.sender_mac.0);
        frame
    }

    fn answered(frame: &[u8]) -> Option<Vec<u8>> {
        let dissected = dissect(frame).ok()?;
        answer(&dissected, ME, |address| address == IpAddr::V4(VIP)).map(|(_, frame)| frame)
    }

    /// The bytes of the answer to [`request`]: RFC 826's fields, in order, padded to the shortest frame.
    #[rustfmt::skip]
    fn golden(asker: Ipv4Addr) -> Vec<u8> {
        let mut frame = vec![
            2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 8, 6,
            0, 1, 8, 0, 6, 4, 0, 2,
            2, 0, 0, 0, 0, 1, 192, 168, 1, 50,
            2, 0, 0, 0, 0, 9,
        ];
        frame.extend_from_slice(&asker.octets());
        frame.resize(60, 0);
        frame
    }

    #[test]
    fn what_asks_for_an_owned_address_is_answered_byte_for_byte() {
        assert_eq!(answered(&to(MacAddr::BROADCAST, &request())), Some(golden(HOST)), "broadcast");
        assert_eq!(answered(&to(ME, &request())), Some(golden(HOST)), "unicast");
        let probe = Repr::probe(ASKER, VIP);
        assert_eq!(answered(&to(MacAddr::BROADCAST, &probe)), Some(golden(Ipv4Addr::UNSPECIFIED)), "probe");
        let far = Ipv4Addr::new(10, 9, 8, 7);
        let off_subnet = Repr { sender_ip: far, ..request() };
        assert_eq!(answered(&to(MacAddr::BROADCAST, &off_subnet)), Some(golden(far)), "another subnet's host");
        let mut padded = to(MacAddr::BROADCAST, &request());
        padded.resize(1400, 0xaa);
        assert_eq!(answered(&padded), Some(golden(HOST)), "padded");
        let unpadded = &to(MacAddr::BROADCAST, &request())[..42];
        assert_eq!(answered(unpadded), Some(golden(HOST)), "as virtual machines send it");
        let odd_target = Repr { target_mac: MacAddr::BROADCAST, ..request() };
        assert_eq!(
            answered(&to(MacAddr::BROADCAST, &odd_target)),
            Some(golden(HOST)),
            "the target field means nothing"
        );
    }

    #[test]
    fn everything_else_is_silence() {
        let silent = |frame: &[u8], what: &str| assert_eq!(answered(frame), None, "{what}");
        silent(&to(OTHER, &request()), "unicast to another");
        silent(&to(MacAddr([1, 0, 0x5e, 0, 0, 1]), &request()), "to a group");
        let reply = Repr { operation: Operation::Reply, ..request() };
        silent(&to(MacAddr::BROADCAST, &reply), "a reply");
        silent(&to(ME, &Repr { operation: Operation::Unknown(3), ..request() }), "RARP");
        let next = Ipv4Addr::new(192, 168, 1, 51);
        silent(&to(MacAddr::BROADCAST, &Repr { target_ip: next, ..request() }), "the next address");
        silent(
            &to(MacAddr::BROADCAST, &Repr::announcement(ASKER, VIP)),
            "a foreign claim is a conflict, not a question",
        );
        silent(&to(MacAddr::BROADCAST, &Repr { sender_mac: ME, ..request() }), "our own words");
        silent(&to(MacAddr::BROADCAST, &Repr { sender_mac: MacAddr::ZERO, ..request() }), "nobody asks");
        let mut group = to(MacAddr::BROADCAST, &request());
        group[22..28].copy_from_slice(&MacAddr::BROADCAST.0);
        silent(&group, "a group asks");
        for (at, what) in
            [(15, "hardware type"), (16, "protocol type"), (18, "hardware length"), (19, "protocol length")]
        {
            let mut frame = to(MacAddr::BROADCAST, &request());
            frame[at] ^= 0x10;
            silent(&frame, what);
        }
        for len in 0..42 {
            silent(&to(MacAddr::BROADCAST, &request())[..len], "short");
        }
    }

    #[test]
    fn other_vlans_are_other_segments() {
        let tagged = |id| {
            let mut frame = Vec::new();
            let header = ethernet::Repr {
                destination: MacAddr::BROADCAST,
                source: ASKER,
                vlan: Some(VlanTag::new(id)),
                ethertype: EtherType::Arp,
            };
            header.emit(&mut frame);
            request().emit(&mut frame);
            frame
        };
        assert_eq!(answered(&tagged(10)), None);
        assert_eq!(answered(&tagged(0)), Some(golden(HOST)), "a priority tag");
    }

    proptest::proptest! {
        /// Never speaks for others: whatever is asked, an answer is for the owned address, and to the asker.
        #[test]
        fn only_owned_addresses(packet in proptest::prelude::any::<[u8; 28]>(), third in 0..4_u8, fourth: u8) {
            let mut frame = to(MacAddr::BROADCAST, &request());
            frame[14..42].copy_from_slice(&packet);
            proptest::prop_assert!(answered(&frame).is_none());
            let target = Ipv4Addr::new(192, 168, third, fourth);
            let asked = answered(&to(MacAddr::BROADCAST, &Repr { target_ip: target, ..request() }));
            proptest::prop_assert_eq!(asked.is_some(), target == VIP);
        }
    }
}
