//! Scenarios out of seeds: short lives full of trouble.

use std::net::IpAddr;
use std::time::Duration;

use super::scenario::{Conditions, Fault, Scenario};

const NAMES: [&str; 5] = ["n1", "n2", "n3", "n4", "n5"];

pub(super) fn scenario(seed: u64) -> Scenario {
    let mut r = fastrand::Rng::with_seed(seed ^ 0x706f_6f6c);
    let nodes = r.usize(2..=5);
    let addresses: Vec<IpAddr> = (0..r.u8(1..=5))
        .map(|n| {
            if r.u8(0..4) == 0 {
                IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 0x50 + u16::from(n)])
            } else {
                IpAddr::from([192, 168, 1, 50 + n])
            }
        })
        .collect();
    let mut scenario = Scenario::new(&NAMES[..nodes], &addresses, Duration::ZERO);
    scenario.seed = seed;
    scenario.conditions = Conditions {
        loss: [0.0, 0.0, 0.01, 0.05][r.usize(0..4)],
        duplication: [0.0, 0.02][r.usize(0..2)],
        delay: Duration::from_micros([60, 1_000, 5_000][r.usize(0..3)]),
    };
    scenario.clock_error = [0, 200, 10_000][r.usize(0..3)];
    let at_once = r.bool();
    for start in &mut scenario.starts {
        *start = millis(&mut r, 0, if at_once { 100 } else { 1500 });
    }
    let mut at = millis(&mut r, 3500, 4500);
    if r.u8(0..5) == 0 {
        let address = r.usize(0..addresses.len());
        scenario.faults.push((Duration::ZERO, Fault::Squat(address)));
        if r.bool() {
            scenario.faults.push((millis(&mut r, 5_000, 9_000), Fault::Unsquat(address)));
        }
    }
    for _ in 0..r.usize(1..=3) {
        at = trouble(&mut r, at, &mut scenario);
        at += if r.u8(0..3) == 0 { millis(&mut r, 50, 800) } else { millis(&mut r, 3_000, 5_000) };
    }
    scenario.together = r.u8(0..6) == 0;
    scenario.eager = r.u8(0..4) == 0;
    scenario.faults.sort_by_key(|(at, _)| *at);
    scenario.duration = at.max(Duration::from_secs(7));
    scenario
}

fn millis(r: &mut fastrand::Rng, least: u64, most: u64) -> Duration {
    Duration::from_micros(r.u64(least * 1000..=most * 1000))
}

/// Adds a trouble that begins now, and its end; gives when it is over.
fn trouble(r: &mut fastrand::Rng, at: Duration, scenario: &mut Scenario) -> Duration {
    let (nodes, addresses) = (scenario.nodes.len(), scenario.addresses.len());
    let node = r.usize(0..nodes);
    let address = r.usize(0..addresses);
    let end = at + if r.bool() { millis(r, 20, 500) } else { millis(r, 500, 6_000) };
    let mut add = |at, fault| scenario.faults.push((at, fault));
    match r.u8(0..14) {
        0 | 1 => {
            add(at, if r.bool() { Fault::Crash(node) } else { Fault::Kill(node) });
            add(end, Fault::Restart(node));
        }
        2 | 3 => {
            add(at, Fault::Freeze(node));
            add(end, Fault::Thaw(node));
        }
        4 => {
            add(at, Fault::Slow(node, millis(r, 5, 60)));
            add(end, Fault::Slow(node, Duration::ZERO));
        }
        5 => {
            add(at, Fault::LinkDown(node));
            add(end, Fault::LinkUp(node));
        }
        6 | 7 => {
            let mut sides: Vec<bool> = (0..nodes).map(|_| r.bool()).collect();
            sides[node] = !sides[(node + 1) % nodes];
            add(at, Fault::Split(sides));
            add(end, Fault::Heal);
        }
        8 => {
            add(at, Fault::OneWay(node, (node + 1) % nodes));
            add(end, Fault::Heal);
        }
        9 => add(at, Fault::NewMac(node)),
        10 => {
            add(at, Fault::Drain(node));
            add(end + Duration::from_secs(3), Fault::Restart(node));
            return end + Duration::from_secs(3);
        }
        11 => add(at, Fault::HandOver(address)),
        12 => {
            add(at, Fault::Ready(node, address, false));
            add(end, Fault::Ready(node, address, true));
        }
        _ => match r.u8(0..3) {
            0 => {
                add(at, Fault::Squat(address));
                add(end + Duration::from_secs(1), Fault::Unsquat(address));
                return end + Duration::from_secs(1);
            }
            1 => add(at, Fault::Phone { leased: [192, 168, 1, 50].into(), careful: true }),
            _ => {
                add(at, Fault::Replay(node));
                add(at + Duration::from_millis(200), Fault::Crash(node));
                add(end + Duration::from_secs(1), Fault::Restart(node));
                return end + Duration::from_secs(1);
            }
        },
    }
    end
}
