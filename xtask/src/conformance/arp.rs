//! Rows of part 1: to which ARP packets there is an answer, and which bytes it is.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use poolcheck_lan::wire::arp::{Operation, Repr as Arp};
use poolcheck_lan::wire::{MacAddr, compose};

use super::stage::{Owned, Stage};
use super::{Outcome, Verdict};
use crate::announcers::Moment;
use crate::announcers::wire::{CLIENT_V4, asker, describe, question};

/// What was not answered by then is not.
const SILENCE: Duration = Duration::from_millis(300);
/// Length of an ARP packet for IPv4 with its Ethernet header; padding follows.
const LEN: usize = 42;
/// A machine that is not on this LAN.
const ABSENT: MacAddr = MacAddr([0x02, 0x99, 0, 0, 0, 9]);
/// Offset of the ARP packet in an untagged frame.
const ARP: usize = 14;

/// The frame of an ordinary broadcast request, to be changed by a row.
struct Ask {
    frame: Vec<u8>,
    packet: Arp,
}

impl Ask {
    fn new(number: u32, owned: &Owned) -> Self {
        let IpAddr::V4(address) = owned.address else { return Self { frame: Vec::new(), packet: no_packet() } };
        let packet = Arp::request((asker(number), CLIENT_V4), address);
        Self { frame: question(number, owned.address, MacAddr::BROADCAST), packet }
    }

    /// To this hardware address.
    fn to(mut self, destination: MacAddr) -> Self {
        self.frame[..6].copy_from_slice(&destination.0);
        self
    }

    /// With a packet that differs.
    fn with(mut self, change: impl FnOnce(&mut Arp)) -> Self {
        change(&mut self.packet);
        let destination = MacAddr([0, 1, 2, 3, 4, 5].map(|at| self.frame[at]));
        self.frame = compose::arp(destination, &self.packet);
        self
    }

    /// With other bytes at an offset of the packet.
    fn bytes(mut self, at: usize, bytes: &[u8]) -> Self {
        self.frame[ARP + at..ARP + at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// With an IEEE 802.1Q tag.
    fn tagged(mut self, vlan: u16) -> Self {
        let [high, low] = vlan.to_be_bytes();
        self.frame.splice(12..12, [0x81, 0x00, high, low]);
        self
    }
}

fn no_packet() -> Arp {
    Arp::probe(MacAddr::ZERO, Ipv4Addr::UNSPECIFIED)
}

/// Asks, and demands exactly one answer, byte for byte.
fn answered(stage: &mut Stage, change: impl FnOnce(Ask, &Owned) -> Ask) -> Outcome {
    let owned = stage.settled(IpAddr::V4(stage.v4()))?;
    let number = stage.number();
    let ask = change(Ask::new(number, &owned), &owned);
    let (since, answers) = stage.question(&ask.frame, |heard| heard.frame[..6] == asker(number).0)?;
    let wanted = compose::arp(asker(number), &Arp::reply(&ask.packet, owned.mac));
    let sent = format!("asked: {}", describe(&ask.frame));
    let [answer] = &answers[..] else {
        let note = format!("{} answers to one question", answers.len());
        return Err(Verdict::failed(note, std::iter::once(sent).chain(stage.evidence(since, &answers))));
    };
    let padding = answer.frame.get(LEN..).unwrap_or_default();
    if answer.frame.get(..LEN) != Some(&wanted[..LEN]) {
        let wanted = format!("demanded: {}", describe(&wanted[..LEN]));
        let evidence = [sent, wanted].into_iter().chain(stage.evidence(since, [answer]));
        return Err(Verdict::failed("other bytes than demanded", evidence));
    }
    if padding.iter().any(|byte| *byte != 0) {
        return Err(Verdict::failed(
            "the padding is not zero: it tells what was in memory",
            stage.evidence(since, [answer]),
        ));
    }
    Ok(Verdict::passed(""))
}

/// Sends, three times, and demands that nobody reacts to the sender; afterwards an ordinary question is answered.
fn ignored(stage: &mut Stage, change: impl Fn(Ask, &Owned) -> Ask) -> Outcome {
    let owned = stage.settled(IpAddr::V4(stage.v4()))?;
    let mut began: Option<Moment> = None;
    let mut numbers = Vec::new();
    let mut sent = String::new();
    for _ in 0..3 {
        let number = stage.number();
        let ask = change(Ask::new(number, &owned), &owned);
        let at = stage.send(&ask.frame)?;
        began = began.or(Some(at));
        sent = format!("sent: {}", describe(&ask.frame));
        numbers.push(asker(number).0);
        std::thread::sleep(Duration::from_millis(60));
    }
    std::thread::sleep(SILENCE);
    let since = began.unwrap_or_default();
    let answers = stage.tape()?.select(|heard| heard.at >= since && numbers.iter().any(|mac| heard.frame[..6] == *mac));
    if !answers.is_empty() {
        let evidence = std::iter::once(sent).chain(stage.evidence(since, &answers));
        return Err(Verdict::failed(format!("{} answers to 3 such frames", answers.len()), evidence));
    }
    // Silence of one that is dead is no merit.
    answered(stage, |ask, _| ask)
}

pub(super) fn broadcast_request(stage: &mut Stage) -> Outcome {
    answered(stage, |ask, _| ask)
}

pub(super) fn unicast_request(stage: &mut Stage) -> Outcome {
    answered(stage, |ask, owned| ask.to(owned.mac))
}

pub(super) fn probe(stage: &mut Stage) -> Outcome {
    answered(stage, |ask, _| ask.with(|packet| packet.sender_ip = Ipv4Addr::UNSPECIFIED))
}

pub(super) fn sender_elsewhere(stage: &mut Stage) -> Outcome {
    answered(stage, |ask, _| ask.with(|packet| packet.sender_ip = Ipv4Addr::new(192, 0, 2, 7)))
}

pub(super) fn target_hardware_ignored(stage: &mut Stage) -> Outcome {
    answered(stage, |ask, _| ask.with(|packet| packet.target_mac = ABSENT))
}

pub(super) fn unpadded(stage: &mut Stage) -> Outcome {
    answered(stage, |mut ask, _| {
        ask.frame.truncate(LEN);
        ask
    })
}

pub(super) fn padded(stage: &mut Stage) -> Outcome {
    answered(stage, |mut ask, _| {
        ask.frame.resize(1514, 0xaa);
        ask
    })
}

pub(super) fn priority_tagged(stage: &mut Stage) -> Outcome {
    answered(stage, |ask, _| ask.tagged(0x6000))
}

pub(super) fn to_another(stage: &mut Stage) -> Outcome {
    ignored(stage, |ask, _| ask.to(ABSENT))
}

pub(super) fn reply_ignored(stage: &mut Stage) -> Outcome {
    ignored(stage, |ask, owned| ask.to(owned.mac).with(|packet| packet.operation = Operation::Reply))
}

pub(super) fn unknown_operation(stage: &mut Stage) -> Outcome {
    for operation in [0, 3, 8, 0xffff] {
        ignored(stage, |ask, _| ask.with(|packet| packet.operation = Operation::Unknown(operation)))?;
    }
    Ok(Verdict::passed(""))
}

pub(super) fn not_ours(stage: &mut Stage) -> Outcome {
    let announced = stage.lan.addresses().to_vec();
    let near = (1..=20).map(|distance| Ipv4Addr::from_bits(stage.v4().to_bits() + distance));
    let other = near.into_iter().find(|address| !announced.contains(&IpAddr::V4(*address)) && *address != CLIENT_V4);
    let other = other.unwrap_or(CLIENT_V4);
    ignored(stage, |ask, _| ask.with(|packet| packet.target_ip = other))
}

pub(super) fn own_announcement_of_another(stage: &mut Stage) -> Outcome {
    // "192.0.2.7 is at …", said of an address that nobody here announces.
    ignored(stage, |ask, _| {
        ask.with(|packet| (packet.sender_ip, packet.target_ip) = ([192, 0, 2, 7].into(), [192, 0, 2, 7].into()))
    })
}

pub(super) fn short(stage: &mut Stage) -> Outcome {
    for len in [LEN - 1, LEN - 4, ARP + 8, ARP] {
        ignored(stage, |mut ask, _| {
            ask.frame.truncate(len);
            ask
        })?;
    }
    Ok(Verdict::passed(""))
}

pub(super) fn other_vlan(stage: &mut Stage) -> Outcome {
    ignored(stage, |ask, _| ask.tagged(10))
}

pub(super) fn hardware_type(stage: &mut Stage) -> Outcome {
    // 6, IEEE 802, is also understood by some as Ethernet.
    for kind in [0_u16, 2, 0xffff] {
        ignored(stage, |ask, _| ask.bytes(0, &kind.to_be_bytes()))?;
    }
    Ok(Verdict::passed(""))
}

pub(super) fn protocol_type(stage: &mut Stage) -> Outcome {
    for kind in [0_u16, 0x86dd, 0x0806] {
        ignored(stage, |ask, _| ask.bytes(2, &kind.to_be_bytes()))?;
    }
    Ok(Verdict::passed(""))
}

pub(super) fn hardware_length(stage: &mut Stage) -> Outcome {
    for len in [0_u8, 5, 8, 255] {
        ignored(stage, |ask, _| ask.bytes(4, &[len]))?;
    }
    Ok(Verdict::passed(""))
}

pub(super) fn protocol_length(stage: &mut Stage) -> Outcome {
    for len in [0_u8, 3, 16, 255] {
        ignored(stage, |ask, _| ask.bytes(5, &[len]))?;
    }
    Ok(Verdict::passed(""))
}
