//! Which frames are answered, and how: RFC 826 and 5227 for ARP, RFC 4861, 4862 and 7527 for Neighbor Discovery.
//!
//! A pure function of the frame, the interface's hardware address and the addresses owned. What is not answered is silence.

mod arp;
mod ndp;

use std::net::IpAddr;

use poolcheck_lan::wire::{Dissected, MacAddr, Payload};

/// The answer to a frame, if an owned address is asked for in a way that must be answered.
pub(crate) fn answer(frame: &Dissected, mac: MacAddr, owned: impl Fn(IpAddr) -> bool) -> Option<(IpAddr, Vec<u8>)> {
    // Other VLANs are other segments. Identifier 0 is a priority alone.
    if frame.ethernet.vlan.is_some_and(|tag| tag.id != 0) || frame.ethernet.source == mac {
        return None;
    }
    match &frame.payload {
        Payload::Arp(question) => arp::answer(&frame.ethernet, question, mac, owned),
        Payload::Ndp(header, question) => ndp::answer(&frame.ethernet, header, question, mac, owned),
        _ => None,
    }
}
