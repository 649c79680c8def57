//! Frames at a rate, and how many of them are answered.

use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use poolcheck_lan::Timestamp;
use poolcheck_lan::link::{Link, Received};
use poolcheck_lan::wire::arp::{Operation, Repr as Arp};
use poolcheck_lan::wire::{MacAddr, Payload, dissect};

use crate::announcers::lan::{CLIENT, Lan};
use crate::announcers::wire::{number, question};

/// What could not be sent for so long is not made up for, as a network card's queue would not.
const QUEUE: Duration = Duration::from_millis(4);
/// So many are sent before answers are looked at.
const AT_ONCE: usize = 32;
/// Frames that nobody answers are handed over this often: as many at once as the rate needs.
const TICK: Duration = Duration::from_millis(1);

/// What came of a stream of questions.
pub(super) struct Answered {
    pub(super) sent: usize,
    pub(super) answers: usize,
    /// From handing a question over to the kernel's moment of its answer, microseconds.
    pub(super) latencies: Vec<f64>,
    pub(super) took: Duration,
}

/// How many frames a rate makes in this time.
fn due(elapsed: Duration, rate: u32) -> usize {
    (elapsed.as_micros() * u128::from(rate) / 1_000_000) as usize
}

/// Asks for an address at this rate, whatever comes back: each question at its own moment, so that none waits for others.
pub(super) fn ask_at(lan: &mut Lan, address: IpAddr, rate: u32, long: Duration) -> Result<Answered, String> {
    // Frames are made before, so that making them is not measured. Askers' hardware addresses repeat after a while.
    const KINDS: usize = 1 << 14;
    let frames: Vec<Vec<u8>> = (0..KINDS).map(|n| question(n as u32, address, MacAddr::BROADCAST)).collect();
    let mut asked: Vec<Option<Timestamp>> = vec![None; KINDS];
    // The kernel wakes a thread up to 50 µs late, unless it is told not to.
    nix::sys::prctl::set_timerslack(1).map_err(|error| format!("the thread's timer slack: {error}"))?;
    let link = &mut lan.client;
    let began = link.now();
    let mut found = Answered { sent: 0, answers: 0, latencies: Vec::new(), took: Duration::ZERO };
    let mut seen: Vec<Received> = Vec::new();
    let (mut due, gap) = (began, Duration::from_secs(1) / rate);
    loop {
        let mut now = link.now();
        let over = now.since(began) >= long;
        due = due.max(now.before(QUEUE));
        // Answers are looked at now and then, also where questions cannot leave as fast as they should.
        let most = found.sent + AT_ONCE;
        while !over && due <= now && found.sent < most {
            let n = found.sent % KINDS;
            if link.send(&frames[n..=n]).map_err(|error| error.to_string())? == 0 {
                break;
            }
            asked[n] = Some(now);
            found.sent += 1;
            due += gap;
            now = link.now();
        }
        let until = if over { now + Duration::from_millis(200) } else { due };
        link.receive(until, &mut seen).map_err(|error| error.to_string())?;
        for received in seen.drain(..) {
            let Some(packet) = reply(&received.frame).filter(|packet| IpAddr::V4(packet.sender_ip) == address) else {
                continue;
            };
            let Some(slot) = number(packet.target_mac).and_then(|number| asked.get_mut(number as usize)) else {
                continue;
            };
            // A second answer to one question is none.
            if let Some(at) = slot.take() {
                found.answers += 1;
                found.latencies.push((received.at.since(at)).as_secs_f64() * 1e6);
            }
        }
        if over {
            found.took = long;
            return Ok(found);
        }
    }
}

fn reply(frame: &[u8]) -> Option<Arp> {
    match dissect(frame).ok()?.payload {
        Payload::Arp(packet) if packet.operation == Operation::Reply => Some(packet),
        _ => None,
    }
}

/// One question at a time, each asked once the one before is answered; microseconds.
pub(super) fn one_at_a_time(lan: &mut Lan, address: IpAddr, to: MacAddr, count: u32) -> Result<Vec<f64>, String> {
    let link = &mut lan.client;
    let (mut latencies, mut seen) = (Vec::new(), Vec::new());
    for n in 0..count {
        let frame = question(n, address, to);
        let at = link.now();
        link.send(&[frame]).map_err(|error| error.to_string())?;
        let end = at + Duration::from_millis(200);
        'answer: while link.now() < end {
            link.receive(end, &mut seen).map_err(|error| error.to_string())?;
            for received in seen.drain(..) {
                let answers =
                    |packet: &Arp| IpAddr::V4(packet.sender_ip) == address && number(packet.target_mac) == Some(n);
                if reply(&received.frame).is_some_and(|packet| answers(&packet)) {
                    latencies.push(received.at.since(at).as_secs_f64() * 1e6);
                    break 'answer;
                }
            }
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(latencies)
}

/// Broadcast questions for addresses that nobody here has, at this rate; how many were sent.
pub(super) fn foreign(lan: &mut Lan, rate: u32, long: Duration) -> Result<usize, String> {
    // 10.77.128.0 and up: neither nodes nor announced.
    let frames: Vec<Vec<u8>> = (0..=255_u8)
        .map(|last| {
            let mut frame = question(0, IpAddr::from([10, 77, 200, last]), MacAddr::BROADCAST);
            frame[6..12].copy_from_slice(&CLIENT.0);
            frame
        })
        .collect();
    let link = &mut lan.client;
    let began = link.now();
    let mut sent = 0;
    while link.now() < began + long {
        let wanted = due(link.now().since(began), rate);
        let count = wanted.saturating_sub(sent).min(frames.len());
        let batch: Vec<Vec<u8>> = (0..count).map(|n| frames[(sent + n) % frames.len()].clone()).collect();
        sent += link.send(&batch).map_err(|error| error.to_string())?;
        thread::sleep(TICK);
    }
    Ok(sent)
}
