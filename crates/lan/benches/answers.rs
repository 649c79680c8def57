//! What someone who answers on the wire does for each frame: read it, and compose the answer.
//!
//! `cargo bench -p poolcheck-lan --bench answers`.

use std::hint::black_box;

use poolcheck_lan::wire::{MacAddr, Payload, arp, compose, dissect, ndp};

const ASKER: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const OWNER: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

fn main() {
    divan::main();
}

fn solicitation() -> Vec<u8> {
    compose::ndp_probe(ASKER, "fd00::50".parse().expect("an address"))
}

fn question() -> Vec<u8> {
    compose::arp(MacAddr::BROADCAST, &arp::Repr::probe(ASKER, [192, 168, 1, 240].into()))
}

#[divan::bench]
fn read_an_arp_question(bencher: divan::Bencher) {
    let frame = question();
    bencher.bench(|| dissect(black_box(&frame)));
}

#[divan::bench]
fn answer_an_arp_question(bencher: divan::Bencher) {
    let frame = question();
    bencher.bench(|| match dissect(black_box(&frame)).ok()?.payload {
        Payload::Arp(packet) => Some(compose::arp(packet.sender_mac, &arp::Repr::reply(&packet, OWNER))),
        _ => None,
    });
}

#[divan::bench]
fn answer_a_neighbor_solicitation(bencher: divan::Bencher) {
    let frame = solicitation();
    bencher.bench(|| {
        let found = dissect(black_box(&frame)).ok()?;
        match found.payload {
            Payload::Ndp(header, ndp::Repr::NeighborSolicitation { target, .. }) => {
                Some(compose::ndp_answer(OWNER, target, (found.ethernet.source, header.source), true))
            }
            _ => None,
        }
    });
}
