//! No frame makes the dissector panic, and what it understood is written and read back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolcheck_lan::wire::{MacAddr, Payload, compose, dissect};

fuzz_target!(|frame: &[u8]| {
    let Ok(found) = dissect(frame) else { return };
    let mac = found.ethernet.source;
    let again = match &found.payload {
        Payload::Arp(packet) if packet.sender_mac.is_unicast() => compose::arp(MacAddr::BROADCAST, packet),
        Payload::Ndp(header, message) => compose::ndp((mac, header.source), (mac, header.destination), message),
        Payload::Mld(header, report) => compose::mld((mac, header.source), header.destination, report),
        _ => return,
    };
    let understood = dissect(&again).expect("what was written is read").payload;
    let same = match (&found.payload, &understood) {
        (Payload::Arp(a), Payload::Arp(b)) => a == b,
        (Payload::Ndp(_, a), Payload::Ndp(_, b)) => a == b,
        (Payload::Mld(_, a), Payload::Mld(_, b)) => a == b,
        _ => false,
    };
    assert!(same, "{:?} became {understood:?}", found.payload);
});
