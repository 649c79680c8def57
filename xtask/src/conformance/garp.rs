//! Rows of part 3: how an address is announced to those who know it elsewhere.

use std::net::IpAddr;
use std::time::Duration;

use poolcheck_lan::wire::MacAddr;
use poolcheck_lan::wire::arp::Operation;

use super::stage::{Stage, Watch};
use super::{Outcome, Verdict};
use crate::announcers::process::Signal;
use crate::announcers::wire::Heard;
use crate::announcers::{Moment, millis};

/// Frames this close together are one round.
const ROUND: Duration = Duration::from_millis(400);
/// Frames for one address after one event, at most: MetalLB sends 10, keepalived 10.
const MOST: usize = 20;
/// Frames of all addresses within a tenth of a second, at most.
const PEAK: usize = 400;
/// So many addresses are taken at once.
pub(super) const MANY: u16 = 500;

fn announcements(watch: &Watch) -> Vec<&Heard> {
    let address = watch.owner.address;
    watch
        .of_owner()
        .filter(|heard| {
            heard.arp().is_some_and(|packet| IpAddr::V4(packet.sender_ip) == address) && heard.announces(address)
        })
        .collect()
}

fn takeover(stage: &mut Stage) -> Result<Watch, Verdict> {
    let address = IpAddr::V4(stage.v4());
    let watch = stage.takeover(address)?;
    if announcements(&watch).is_empty() {
        let note = format!("n{} took {address} over without announcing it", watch.owner.node + 1);
        return Err(Verdict::failed(note, []));
    }
    Ok(watch)
}

/// The moments at which rounds begin.
pub(super) fn rounds(moments: impl IntoIterator<Item = Moment>) -> Vec<Moment> {
    let mut rounds: Vec<Moment> = Vec::new();
    let mut last = None;
    for at in moments {
        if last.is_none_or(|last| at > last + ROUND) {
            rounds.push(at);
        }
        last = Some(at);
    }
    rounds
}

pub(super) fn both_forms(stage: &mut Stage) -> Outcome {
    let watch = takeover(stage)?;
    let found = announcements(&watch);
    let form = |operation| found.iter().any(|heard| heard.arp().is_some_and(|packet| packet.operation == operation));
    match (form(Operation::Request), form(Operation::Reply)) {
        (true, true) => Ok(Verdict::passed("")),
        (true, false) => Err(Verdict::failed("only requests", stage.evidence(watch.since, found))),
        _ => Err(Verdict::failed("only replies", stage.evidence(watch.since, found))),
    }
}

pub(super) fn to_everyone(stage: &mut Stage) -> Outcome {
    let watch = takeover(stage)?;
    let wrong: Vec<&Heard> = announcements(&watch)
        .into_iter()
        .filter(|heard| {
            let packet = heard.arp();
            heard.frame[..6] != MacAddr::BROADCAST.0
                || heard.frame[6..12] != watch.owner.mac.0
                || packet
                    .is_none_or(|packet| packet.sender_mac != watch.owner.mac || packet.target_ip != packet.sender_ip)
        })
        .collect();
    if wrong.is_empty() {
        return Ok(Verdict::passed(""));
    }
    Err(Verdict::failed("sender, target or destination is another", stage.evidence(watch.since, wrong)))
}

pub(super) fn target_hardware_address(stage: &mut Stage) -> Outcome {
    let watch = takeover(stage)?;
    let wrong = |heard: &&Heard| {
        heard.arp().is_some_and(|packet| match packet.operation {
            Operation::Request => packet.target_mac != MacAddr::ZERO,
            _ => packet.target_mac != packet.sender_mac,
        })
    };
    let wrong: Vec<&Heard> = announcements(&watch).into_iter().filter(wrong).collect();
    if wrong.is_empty() {
        return Ok(Verdict::passed(""));
    }
    let note = "a request's target hardware address is not zero, or a reply's not the sender's own";
    Err(Verdict::failed(note, stage.evidence(watch.since, wrong)))
}

pub(super) fn promptly(stage: &mut Stage) -> Outcome {
    let watch = takeover(stage)?;
    let first = announcements(&watch)[0];
    // A question each 5 ms finds the decision: from then on the new owner answers.
    let Some(answer) = watch.first_answer() else {
        return Err("the new owner was not seen to answer".to_owned().into());
    };
    let late = first.at.since(answer);
    if late <= Duration::from_millis(10) {
        return Ok(Verdict::passed(format!("{:.1} ms after the first answer", millis(late))));
    }
    let note = format!("{:.0} ms after the first answer", millis(late));
    Err(Verdict::failed(note, stage.evidence(watch.since, [first])))
}

pub(super) fn twice_a_second_apart(stage: &mut Stage) -> Outcome {
    let watch = takeover(stage)?;
    let found = announcements(&watch);
    let rounds = rounds(found.iter().map(|heard| heard.at));
    let apart: Vec<String> =
        rounds.windows(2).map(|pair| format!("{:.2} s", (pair[1].since(pair[0])).as_secs_f64())).collect();
    let said = if apart.is_empty() {
        "1 round".to_owned()
    } else {
        format!("{} rounds, {} apart", rounds.len(), apart.join(", "))
    };
    let enough = rounds.windows(2).any(|pair| pair[1].since(pair[0]) > Duration::from_secs(1));
    if enough { Ok(Verdict::passed(said)) } else { Err(Verdict::failed(said, stage.evidence(watch.since, found))) }
}

pub(super) fn bounded(stage: &mut Stage) -> Outcome {
    let watch = takeover(stage)?;
    let found = announcements(&watch);
    if found.len() <= MOST {
        return Ok(Verdict::passed(format!("{} frames in 14 s", found.len())));
    }
    Err(Verdict::failed(
        format!("{} frames in 14 s", found.len()),
        stage.evidence(watch.since, found.into_iter().skip(MOST)),
    ))
}

pub(super) fn none_on_unrelated_change(stage: &mut Stage) -> Outcome {
    let addresses: Vec<IpAddr> = stage.lan.addresses().iter().copied().filter(IpAddr::is_ipv4).collect();
    let mut owners = Vec::new();
    for address in &addresses {
        owners.push(stage.settled(*address)?);
    }
    stage.quiet()?;
    let Some(idle) = (0..stage.lan.nodes.len()).find(|node| owners.iter().all(|owned| owned.node != *node)) else {
        return Err("every node owns an address".to_owned().into());
    };
    // A node that owns nothing goes and comes back: no address moves.
    let since = stage.lan.signal(idle, Signal::Terminate)?;
    std::thread::sleep(Duration::from_secs(4));
    stage.lan.reap(idle);
    stage.lan.start(idle)?;
    std::thread::sleep(Duration::from_secs(4));
    stage.disturbed();
    let said = |heard: &Heard| heard.at >= since && addresses.iter().any(|address| heard.announces(*address));
    let found = stage.tape()?.select(said);
    if found.is_empty() {
        return Ok(Verdict::passed(""));
    }
    Err(Verdict::failed(format!("{} frames for addresses that stay", found.len()), stage.evidence(since, &found)))
}

/// This many addresses of IPv4, beginning at 10.77.1.0.
pub(crate) fn many(count: u16) -> Vec<IpAddr> {
    (0..count).map(|n| IpAddr::from([10, 77, 1 + (n >> 8) as u8, n as u8])).collect()
}

pub(super) fn capped(stage: &mut Stage) -> Outcome {
    let usual = stage.lan.addresses().to_vec();
    let addresses = many(MANY);
    stage.lan.announce(addresses.clone());
    stage.clean()?;
    let since = stage.lan.clock.now();
    let started = stage.lan.start_all();
    stage.lan.announce(usual);
    started?;
    stage.disturbed();
    let announced = |heard: &Heard| matches!(heard.says(), Some(crate::announcers::wire::Says::Announcement(a)) if addresses.contains(&a));
    std::thread::sleep(Duration::from_secs(12));
    let found = stage.tape()?.select(announced);
    let different: std::collections::BTreeSet<_> =
        found.iter().filter_map(Heard::arp).map(|packet| packet.sender_ip).collect();
    if different.len() < addresses.len() {
        let note = format!("12 s after the start {} of {MANY} addresses were announced", different.len());
        return Err(Verdict::failed(note, [stage.lan.last_words(0)]));
    }
    let tenth = Duration::from_millis(100);
    let within = |at: usize| found[at..].iter().take_while(|heard| heard.at < found[at].at + tenth).count();
    let peak = (0..found.len()).map(within).max().unwrap_or_default();
    let note = format!("{} frames, at most {peak} in a tenth of a second", found.len());
    if peak <= PEAK {
        Ok(Verdict::passed(note))
    } else {
        Err(Verdict::failed(note, stage.evidence(since, &found[..2])))
    }
}
