//! No frame makes the dissector panic, and what it understood is written and read back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolcheck_lan::wire::{MacAddr, Payload, compose, dissect, dns};

fuzz_target!(|frame: &[u8]| {
    // A DNS server's answers come without a frame around them.
    if let Ok(message) = dns::Repr::parse(frame) {
        let mut again = Vec::new();
        message.emit(&mut again);
        assert_eq!(dns::Repr::parse(&again).expect("what was written is read"), message);
    }
    let Ok(found) = dissect(frame) else { return };
    let mac = found.ethernet.source;
    let again = match &found.payload {
        Payload::Arp(packet) if packet.sender_mac.is_unicast() => compose::arp(MacAddr::BROADCAST, packet),
        Payload::Ndp(header, message) => compose::ndp((mac, header.source), (mac, header.destination), message),
        Payload::Mld(header, report) => compose::mld((mac, header.source), header.destination, report),
        Payload::Mdns(source, message) => compose::mdns((mac, *source), message),
        Payload::Dhcpv4(_, _, message) => {
            let _ = message.client_name();
            return;
        }
        _ => return,
    };
    let understood = dissect(&again).expect("what was written is read").payload;
    let same = match (&found.payload, &understood) {
        (Payload::Arp(a), Payload::Arp(b)) => a == b,
        (Payload::Ndp(_, a), Payload::Ndp(_, b)) => a == b,
        (Payload::Mld(_, a), Payload::Mld(_, b)) => a == b,
        (Payload::Mdns(a, b), Payload::Mdns(c, d)) => (a, b) == (c, d),
        _ => false,
    };
    assert!(same, "{:?} became {understood:?}", found.payload);
});
