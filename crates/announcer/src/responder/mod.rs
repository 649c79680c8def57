//! Which frames are answered, and how: RFC 826 and 5227 for ARP, RFC 4861, 4862 and 7527 for Neighbor Discovery.
//!
//! A pure function of the frame, the interface's hardware address and the addresses owned. What is not answered is silence.

mod arp;
mod ndp;

use std::net::IpAddr;

use poolcheck_lan::wire::{Dissected, MacAddr, Payload};

/// The answer to a frame, if an owned address is asked for in a way that must be answered.
pub(crate) fn answer(frame: &Dissected, mac: MacAddr, owned: impl Fn(IpAddr) -> bool) -> Option<(IpAddr, Vec<u8>)> {
    if frame.ethernet.is_in_vlan() || frame.ethernet.source == mac {
        return None;
    }
    match &frame.payload {
        Payload::Arp(question) => arp::answer(&frame.ethernet, question, mac, owned),
        Payload::Ndp(header, question) => ndp::answer(&frame.ethernet, header, question, mac, owned),
        _ => None,
    }
}
