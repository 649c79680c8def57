//! No frame makes an announcer panic, answer for what it does not own, or ask to be woken in the past for ever: neither what
//! strangers send, nor what somebody sends who has the key.
#![no_main]

use std::net::IpAddr;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use poolcheck_announcer::sim::authentic;
use poolcheck_announcer::{Announcer, Key, LinkFacts, Settings, Want};
use poolcheck_lan::wire::arp::Operation;
use poolcheck_lan::wire::{MacAddr, Payload, dissect};
use poolcheck_lan::{Machine as _, Timestamp};

const OTHER: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

// Pieces: a length, how long after the one before, how it is sent, and its bytes.
fuzz_target!(|data: &[u8]| {
    let key = Key::new(b"0123456789abcdef").expect("it is long enough");
    let mac = MacAddr([2, 0, 0, 0, 0, 1]);
    let subnets = vec!["10.0.0.0/24".parse().expect("a subnet"), "fd00::/64".parse().expect("a subnet")];
    let link = LinkFacts { up: true, mac, subnets };
    let mut node = Announcer::new(Settings::new("n1", "fuzz", key.clone(), 7), link).expect("they are the defaults");
    let own: [IpAddr; 2] = ["10.0.0.9".parse().expect("an address"), "fd00::9".parse().expect("an address")];
    node.set_wants(Timestamp::ZERO, &own.map(Want::new)).expect("they are addresses");
    let mut now = Timestamp::from_millis(1);
    let mut rest = data;
    while let [length, wait, how, more @ ..] = rest {
        let (piece, after) = more.split_at(usize::from(*length).min(more.len()));
        rest = after;
        let until = now + Duration::from_millis(u64::from(*wait) * 2);
        while now < until {
            let mut sent = 0;
            while let Some(frame) = node.poll_output(now) {
                sent += 1;
                assert!(sent < 10_000, "it never ends");
                if let Ok(Payload::Arp(packet)) = dissect(&frame).map(|frame| frame.payload)
                    && packet.operation == Operation::Reply
                {
                    assert!(own.contains(&packet.sender_ip.into()), "it answers for {}", packet.sender_ip);
                }
            }
            while node.poll_event().is_some() {}
            now = node.poll_timeout().unwrap_or(until).max(now + Duration::from_millis(1)).min(until);
        }
        match how % 3 {
            0 => node.handle(now, piece),
            _ => node.handle(now, &authentic(&key, "fuzz", OTHER, piece)),
        }
        drop((node.status(), node.why(now, own[0])));
    }
});
