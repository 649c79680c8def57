//! Rows of part 8: what interfaces go through while addresses are announced on them.

use std::net::IpAddr;
use std::time::Duration;

use poolcheck_lan::link::{self, Link, Received, Wanted};
use poolcheck_lan::wire::{MacAddr, Payload, dissect};

use super::stage::{EVERY, Owned, Stage};
use super::{Outcome, Verdict};
use crate::announcers::lan::INTERFACE;
use crate::announcers::wire::{Heard, describe, question};
use crate::announcers::{Moment, millis};
use crate::namespace::{shell, usable};

/// Within this time an address is announced again after its interface has changed.
const SOON: Duration = Duration::from_secs(1);
/// An interface that appears is used by then: the address is new there, and may be probed.
const LATE: Duration = Duration::from_secs(5);

/// One node alone, so that nobody else takes over.
fn alone(stage: &mut Stage) -> Result<Owned, Verdict> {
    let address = IpAddr::V4(stage.v4());
    let owned = stage.only(&[0], address)?;
    stage.quiet()?;
    Ok(owned)
}

/// The first announcement after a change, in time.
fn announced(stage: &mut Stage, owned: &Owned, since: Moment, wanted: impl Fn(&Heard) -> bool) -> Outcome {
    let said = |heard: &Heard| heard.at >= since && heard.announces(owned.address) && wanted(heard);
    let found = stage.tape()?.wait(SOON + Duration::from_millis(500), said);
    let Some(first) = found.first() else {
        return Err(Verdict::failed("no announcement within 1.5 s", [stage.lan.last_words(owned.node)]));
    };
    let note = format!("announced after {:.0} ms", millis(first.at.since(since)));
    if first.at.since(since) <= SOON { Ok(Verdict::passed(note)) } else { Err(Verdict::failed(note, [])) }
}

/// The address is answered for from now on.
fn still_answered(stage: &mut Stage, owned: &Owned, within: Duration) -> Outcome {
    let asked = stage.ask(owned.address, EVERY, within + Duration::from_secs(1))?;
    let Some(began) = asked.first().map(|question| question.at) else {
        return Err("nothing was asked".to_owned().into());
    };
    let silent =
        asked.iter().filter(|question| question.answers.is_empty()).map(|question| question.at.since(began)).max();
    let silent = silent.unwrap_or_default();
    let note =
        if silent.is_zero() { "never silent".to_owned() } else { format!("silent for {:.0} ms", millis(silent)) };
    if silent <= within {
        return Ok(Verdict::passed(note));
    }
    let answered = asked.iter().filter(|question| !question.answers.is_empty()).count();
    let note = format!(
        "{answered} of {} questions answered, the last unanswered one {:.1} s after",
        asked.len(),
        silent.as_secs_f64()
    );
    Err(Verdict::failed(note, [stage.lan.last_words(owned.node)]))
}

pub(super) fn hardware_address(stage: &mut Stage) -> Outcome {
    let owned = alone(stage)?;
    let new = MacAddr([2, 1, 0, 0, 0xee, 1]);
    let since = stage.lan.on(owned.node, &format!("ip link set {INTERFACE} address {new}"))?;
    let verdict = announced(stage, &owned, since, |heard| heard.frame[6..12] == new.0)?;
    let late = stage.lan.clock.now();
    stage.ask(owned.address, EVERY, Duration::from_millis(500))?;
    let old = |heard: &Heard| {
        heard.at >= late && heard.answers(owned.address) && heard.arp().is_some_and(|packet| packet.sender_mac != new)
    };
    let wrong = stage.tape()?.select(old);
    if wrong.is_empty() {
        return Ok(verdict);
    }
    Err(Verdict::failed(
        format!("{} answers with the old hardware address", wrong.len()),
        stage.evidence(since, &wrong),
    ))
}

pub(super) fn renamed(stage: &mut Stage) -> Outcome {
    let owned = alone(stage)?;
    if let Err(reason) = stage.lan.on(owned.node, &format!("ip link set {INTERFACE} name lan0")) {
        // Linux renames interfaces that are up since 6.2.
        return Err(format!("this kernel does not rename an interface that is up: {}", reason.trim()).into());
    }
    still_answered(stage, &owned, SOON)
}

pub(super) fn appears_late(stage: &mut Stage) -> Outcome {
    stage.clean()?;
    stage.disturbed();
    stage.lan.without_interface(0)?;
    stage.lan.start(0)?;
    std::thread::sleep(Duration::from_secs(2));
    if stage.lan.has_ended(0) {
        return Err(Verdict::failed("it ends when its interface is not there", [stage.lan.last_words(0)]));
    }
    stage.lan.add_interface(0)?;
    let owned = Owned { address: IpAddr::V4(stage.v4()), node: 0, mac: stage.lan.nodes[0].mac };
    // Its cable is a new one.
    stage.listen_anew()?;
    still_answered(stage, &owned, LATE)
}

pub(super) fn flaps(stage: &mut Stage) -> Outcome {
    let owned = alone(stage)?;
    stage.lan.cable(owned.node, false)?;
    std::thread::sleep(Duration::from_secs(2));
    let since = stage.lan.cable(owned.node, true)?;
    announced(stage, &owned, since, |_| true)
}

pub(super) fn node_address(stage: &mut Stage) -> Outcome {
    let owned = alone(stage)?;
    let [v4, _] = stage.lan.nodes[owned.node].own();
    let change = format!("ip address add 10.77.3.9/16 dev {INTERFACE} && ip address del {v4}/16 dev {INTERFACE}");
    stage.lan.on(owned.node, &change)?;
    still_answered(stage, &owned, SOON)
}

pub(super) fn vlan_child(stage: &mut Stage) -> Outcome {
    stage.clean()?;
    stage.disturbed();
    if shell("ip link add link client name client.10 type vlan id 10 && ip link set client.10 up").is_err() {
        return Err("this kernel has no VLAN interfaces".to_owned().into());
    }
    let found = on_vlan(stage);
    shell("ip link del client.10")?;
    found
}

fn on_vlan(stage: &mut Stage) -> Outcome {
    let address = IpAddr::V4(stage.v4());
    let child = format!("{INTERFACE}.10");
    stage.lan.on(
        0,
        &format!("ip link add link {INTERFACE} name {child} type vlan id 10 && ip link set {child} up && ip address add 10.77.3.8/16 dev {child}"),
    )?;
    stage.lan.start_on(0, &child)?;
    let mut link = link::open(&usable("client.10")?, Wanted::ARP).map_err(|error| error.to_string())?;
    let node = stage.lan.nodes[0].mac;
    let mut seen: Vec<Received> = Vec::new();
    let (mut announced, mut answered) = (false, false);
    let end = stage.lan.clock.now() + Duration::from_secs(10);
    while stage.lan.clock.now() < end && !(announced && answered) {
        let mut frame = question(0, address, MacAddr::BROADCAST);
        frame[6..12].copy_from_slice(&link.mac().0);
        link.send(&[frame]).map_err(|error| error.to_string())?;
        link.receive(link.now() + Duration::from_millis(50), &mut seen).map_err(|error| error.to_string())?;
        for received in seen.drain(..) {
            let Ok(Payload::Arp(packet)) = dissect(&received.frame).map(|dissected| dissected.payload) else {
                continue;
            };
            if packet.sender_mac == node && IpAddr::V4(packet.sender_ip) == address {
                if packet.target_ip == packet.sender_ip {
                    announced = true;
                } else {
                    answered = true;
                }
            }
        }
    }
    if !(announced && answered) {
        let note = format!("within VLAN 10, in 10 s: announced {announced}, answered {answered}");
        return Err(Verdict::failed(note, [stage.lan.last_words(0)]));
    }
    let since = stage.lan.clock.now();
    stage.ask(address, EVERY, Duration::from_millis(500))?;
    let outside = stage.tape()?.select(|heard| heard.at >= since && heard.answers(address));
    match outside.first() {
        None => Ok(Verdict::passed("")),
        Some(heard) => Err(Verdict::failed("it answers outside the VLAN, too", [describe(&heard.frame)])),
    }
}
