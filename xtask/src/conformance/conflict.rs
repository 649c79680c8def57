//! Rows of part 7: what happens when somebody else claims an address, before it is owned and after.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use poolcheck_lan::link::Link;
use poolcheck_lan::wire::arp::{Operation, Repr as Arp};
use poolcheck_lan::wire::ndp::Repr as Ndp;
use poolcheck_lan::wire::{MacAddr, Payload, compose, dissect};

use super::garp::rounds;
use super::stage::{Owned, Stage};
use super::{Outcome, Verdict};
use crate::announcers::lan::ROGUE;
use crate::announcers::wire::{Heard, Says};
use crate::announcers::{Moment, millis};

/// Between two defences (RFC 5227 section 1.1, DEFEND_INTERVAL).
const INTERVAL: Duration = Duration::from_secs(10);
/// How long claims go on: within one interval.
const CLAIMED: Duration = INTERVAL.saturating_sub(Duration::from_secs(1));

fn settled(stage: &mut Stage) -> Result<(Owned, Ipv4Addr), Verdict> {
    let address = stage.v4();
    let owned = stage.settled(IpAddr::V4(address))?;
    stage.quiet()?;
    Ok((owned, address))
}

fn claim(address: Ipv4Addr, operation: Operation) -> Vec<u8> {
    compose::arp(MacAddr::BROADCAST, &Arp { operation, ..Arp::announcement(ROGUE, address) })
}

/// Claims once, and gives when, and what the owner then says to everyone within a second.
fn claimed(stage: &mut Stage, operation: Operation) -> Result<(Moment, Vec<Heard>), Verdict> {
    let (owned, address) = settled(stage)?;
    stage.disturbed();
    let since = stage.claim(&claim(address, operation))?;
    let said = |heard: &Heard| heard.at >= since && heard.node == owned.node && heard.announces(owned.address);
    stage.tape()?.wait(Duration::from_secs(1), said);
    std::thread::sleep(Duration::from_millis(50));
    Ok((since, stage.tape()?.select(said)))
}

fn defended(stage: &mut Stage, operation: Operation) -> Outcome {
    let (since, found) = claimed(stage, operation)?;
    match found.first() {
        Some(heard) => Ok(Verdict::passed(format!("after {:.0} ms", millis(heard.at.since(since))))),
        None => Err(Verdict::failed("the owner says nothing within 1 s", [])),
    }
}

pub(super) fn request_defended(stage: &mut Stage) -> Outcome {
    defended(stage, Operation::Request)
}

pub(super) fn reply_defended(stage: &mut Stage) -> Outcome {
    defended(stage, Operation::Reply)
}

pub(super) fn rate_limited(stage: &mut Stage) -> Outcome {
    let (owned, address) = settled(stage)?;
    stage.disturbed();
    let since = stage.lan.clock.now();
    while stage.lan.clock.now() < since + CLAIMED {
        stage.claim(&claim(address, Operation::Request))?;
        std::thread::sleep(Duration::from_millis(250));
    }
    let said = |heard: &Heard| heard.at >= since && heard.node == owned.node && heard.announces(owned.address);
    let found = stage.tape()?.select(said);
    let times = rounds(found.iter().map(|heard| heard.at)).len();
    let note = format!("{times} defences in 9 s of claims, {} frames", found.len());
    match times {
        1 => Ok(Verdict::passed(note)),
        _ => Err(Verdict::failed(note, stage.evidence(since, &found))),
    }
}

/// A claim is no question: whoever claims is not told, to itself alone, where the address is.
pub(super) fn not_answered(stage: &mut Stage) -> Outcome {
    let (_, address) = settled(stage)?;
    stage.disturbed();
    let since = stage.claim(&claim(address, Operation::Request))?;
    std::thread::sleep(Duration::from_millis(300));
    let found = stage.tape()?.select(|heard| heard.at >= since && heard.frame[..6] == ROGUE.0);
    if found.is_empty() {
        Ok(Verdict::passed(""))
    } else {
        Err(Verdict::failed("the claim was answered", stage.evidence(since, &found)))
    }
}

/// The address keeps its owner while another claims it now and then.
pub(super) fn kept(stage: &mut Stage) -> Outcome {
    let (owned, address) = settled(stage)?;
    stage.disturbed();
    stage.claim(&claim(address, Operation::Request))?;
    let asked = stage.ask(owned.address, Duration::from_millis(20), Duration::from_secs(3))?;
    let others = asked.iter().filter(|question| question.answers.iter().any(|(_, node)| *node != owned.node)).count();
    let unanswered = asked.iter().filter(|question| question.answers.is_empty()).count();
    let note = format!("{unanswered} of {} questions unanswered, {others} answered by other nodes", asked.len());
    if unanswered + others == 0 { Ok(Verdict::passed("")) } else { Err(Verdict::failed(note, [])) }
}

/// Answers for an address as somebody else, while the nodes start; gives what they say of it.
fn taken(stage: &mut Stage, address: IpAddr) -> Result<(Moment, Vec<Heard>), Verdict> {
    stage.clean()?;
    stage.disturbed();
    if address.is_ipv6() {
        // Solicitations go to the address's group.
        let IpAddr::V6(target) = address else { return Err("no address of IPv6".to_owned().into()) };
        let group = MacAddr::for_ipv6_multicast(poolcheck_lan::wire::ipv6::solicited_node(target));
        stage.lan.rogue.join(group).map_err(|error| error.to_string())?;
    }
    let mut heard = Vec::new();
    // What came before is nobody's question now.
    stage.lan.rogue.receive(poolcheck_lan::Timestamp::ZERO, &mut heard).map_err(|error| error.to_string())?;
    heard.clear();
    let since = stage.lan.clock.now();
    stage.lan.start_all()?;
    while stage.lan.clock.now() < since + Duration::from_secs(8) {
        let rogue = &mut stage.lan.rogue;
        rogue.receive(rogue.now() + Duration::from_millis(20), &mut heard).map_err(|error| error.to_string())?;
        for received in heard.drain(..) {
            let Some(answer) = answer(&received.frame, address) else { continue };
            rogue.send(&[answer]).map_err(|error| error.to_string())?;
        }
    }
    let said = |heard: &Heard| {
        heard.at >= since && matches!(heard.says(), Some(Says::Announcement(a) | Says::Answer(a, _)) if a == address)
    };
    Ok((since, stage.tape()?.select(said)))
}

fn answer(frame: &[u8], address: IpAddr) -> Option<Vec<u8>> {
    match (dissect(frame).ok()?.payload, address) {
        (Payload::Arp(packet), IpAddr::V4(address)) => {
            let asks =
                packet.operation == Operation::Request && packet.target_ip == address && packet.sender_ip != address;
            asks.then(|| compose::arp(packet.sender_mac, &Arp::reply(&packet, ROGUE)))
        }
        (Payload::Ndp(header, message @ Ndp::NeighborSolicitation { target, .. }), IpAddr::V6(address)) => {
            let asker = message.source_link_layer().unwrap_or(MacAddr::ZERO);
            (target == address).then(|| compose::ndp_answer(ROGUE, address, (asker, header.source), true))
        }
        _ => None,
    }
}

fn not_taken(stage: &mut Stage, address: IpAddr) -> Outcome {
    let (since, found) = taken(stage, address)?;
    if !found.is_empty() {
        let note = format!("{} frames claim an address that another host answers for", found.len());
        return Err(Verdict::failed(note, stage.evidence(since, &found)));
    }
    // And it runs at all: it has taken the others.
    let others: Vec<IpAddr> =
        stage.lan.addresses().iter().copied().filter(|other| *other != address && other.is_ipv4()).collect();
    let Some(other) = others.first() else { return Ok(Verdict::passed("")) };
    stage.owner(*other)?;
    Ok(Verdict::passed(""))
}

pub(super) fn not_taken_v4(stage: &mut Stage) -> Outcome {
    let address = IpAddr::V4(stage.v4());
    not_taken(stage, address)
}

pub(super) fn not_taken_v6(stage: &mut Stage) -> Outcome {
    let address = IpAddr::V6(stage.v6()?);
    stage.settled(address)?;
    not_taken(stage, address)
}

/// Before the first claim at a first start, its maker has asked whether anyone has the address.
fn probed(stage: &mut Stage, address: IpAddr) -> Outcome {
    let watch = stage.first_start(address)?;
    let claims =
        |heard: &&Heard| matches!(heard.says(), Some(Says::Announcement(a) | Says::Answer(a, _)) if a == address);
    let Some(claim) = watch.of_owner().find(claims) else {
        return Err(Verdict::failed("the address was not announced", []));
    };
    let probes =
        watch.of_owner().filter(|heard| heard.at < claim.at && heard.says() == Some(Says::Probe(address))).count();
    let note = format!("{probes} probes before the first claim");
    if probes > 0 {
        Ok(Verdict::passed(note))
    } else {
        Err(Verdict::failed(note, stage.evidence(watch.since, [claim])))
    }
}

pub(super) fn probed_v4(stage: &mut Stage) -> Outcome {
    let address = IpAddr::V4(stage.v4());
    probed(stage, address)
}

pub(super) fn probed_v6(stage: &mut Stage) -> Outcome {
    let address = IpAddr::V6(stage.v6()?);
    probed(stage, address)
}
