//! Rows of part 4: Neighbor Discovery and multicast listeners.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use poolcheck_lan::wire::ethernet::HEADER_LEN;
use poolcheck_lan::wire::mld::{self, RecordKind};
use poolcheck_lan::wire::ndp::{NdpOption, Repr as Ndp};
use poolcheck_lan::wire::{MacAddr, compose, ipv6};

use super::garp::rounds;
use super::stage::{Owned, Stage, Watch};
use super::{Outcome, Verdict};
use crate::announcers::lan::CLIENT;
use crate::announcers::process::Signal;
use crate::announcers::wire::{CLIENT_V6, Heard, asker, describe, question, source};
use crate::announcers::{Moment, millis};
use crate::namespace::shell;

/// What was not answered by then is not.
const SILENCE: Duration = Duration::from_millis(300);
/// Rounds of unsolicited advertisements, at most (RFC 4861 section 10, MAX_NEIGHBOR_ADVERTISEMENT).
const MOST: usize = 3;
const IPV6: usize = HEADER_LEN;
const ICMPV6: usize = IPV6 + ipv6::HEADER_LEN;

fn settled(stage: &mut Stage) -> Result<(Owned, Ipv6Addr), Verdict> {
    let address = stage.v6()?;
    Ok((stage.settled(IpAddr::V6(address))?, address))
}

/// A solicitation, from the sender of this number, with or without its hardware address as option.
fn solicitation(number: u32, target: Ipv6Addr, to: (MacAddr, Ipv6Addr), options: Vec<NdpOption>) -> Vec<u8> {
    compose::ndp((asker(number), source(number)), to, &Ndp::NeighborSolicitation { target, options })
}

fn group(target: Ipv6Addr) -> (MacAddr, Ipv6Addr) {
    (MacAddr::ZERO, ipv6::solicited_node(target))
}

/// Whether it is an advertisement of this address.
fn advertises(heard: &Heard, address: Ipv6Addr) -> bool {
    matches!(heard.ndp(), Some((_, _, Ndp::NeighborAdvertisement { target, .. })) if target == address)
}

/// What is not as RFC 4861 section 7.2.4 demands of an answer to one asker.
fn faults(heard: &Heard, owned: &Owned, asker: (MacAddr, Ipv6Addr)) -> Vec<String> {
    let Some((ethernet, header, message)) = heard.ndp() else { return vec!["it cannot be read".to_owned()] };
    let Ndp::NeighborAdvertisement { solicited, .. } = message else { return vec!["no advertisement".to_owned()] };
    let mut faults = Vec::new();
    let mut demand = |holds: bool, what: &str| {
        if !holds {
            faults.push(what.to_owned());
        }
    };
    demand(header.destination == asker.1, "it is not to the asker's address");
    demand(ethernet.destination == asker.0, "it is not to the asker's hardware address");
    demand(ethernet.source == owned.mac, "it is from another hardware address");
    demand(solicited, "S is 0");
    demand(message.target_link_layer().is_none_or(|mac| mac == owned.mac), "the option says another hardware address");
    faults
}

/// Asks, and demands exactly one answer to the asker; gives it.
fn answer(
    stage: &mut Stage,
    number: u32,
    frame: &[u8],
    target: Ipv6Addr,
    owned: &Owned,
) -> Result<(Heard, Moment), Verdict> {
    let to = (asker(number), source(number));
    let answers = |heard: &Heard| {
        advertises(heard, target) && heard.ndp().is_some_and(|(_, header, _)| !header.destination.is_multicast())
    };
    let (since, found) = stage.question(frame, answers)?;
    let sent = format!("asked: {}", describe(frame));
    let [answer] = &found[..] else {
        let note = format!("{} answers to one question", found.len());
        return Err(Verdict::failed(note, std::iter::once(sent).chain(stage.evidence(since, &found))));
    };
    let faults = faults(answer, owned, to);
    if faults.is_empty() {
        return Ok((answer.clone(), since));
    }
    Err(Verdict::failed(faults.join(", "), std::iter::once(sent).chain(stage.evidence(since, [answer]))))
}

fn answered(stage: &mut Stage, number: u32, frame: impl FnOnce(&Owned, Ipv6Addr) -> Vec<u8>) -> Outcome {
    let (owned, target) = settled(stage)?;
    let frame = frame(&owned, target);
    answer(stage, number, &frame, target, &owned)?;
    Ok(Verdict::passed(""))
}

/// Sends, three times, and demands that nobody advertises the address; afterwards an ordinary solicitation is answered.
fn ignored(stage: &mut Stage, frame: impl Fn(u32, Ipv6Addr) -> Vec<u8>) -> Outcome {
    let (_, target) = settled(stage)?;
    stage.quiet()?;
    let since = stage.lan.clock.now();
    let mut sent = String::new();
    for _ in 0..3 {
        let number = stage.number();
        let frame = frame(number, target);
        sent = format!("sent: {}", describe(&frame));
        stage.send(&frame)?;
        std::thread::sleep(Duration::from_millis(60));
    }
    std::thread::sleep(SILENCE);
    let found = stage.tape()?.select(|heard| heard.at >= since && advertises(heard, target));
    if !found.is_empty() {
        let evidence = std::iter::once(sent).chain(stage.evidence(since, &found));
        return Err(Verdict::failed(format!("{} answers to 3 such frames", found.len()), evidence));
    }
    multicast(stage)
}

pub(super) fn multicast(stage: &mut Stage) -> Outcome {
    let number = stage.number();
    answered(stage, number, |owned, _| question(number, owned.address, MacAddr::BROADCAST))
}

pub(super) fn override_flag(stage: &mut Stage) -> Outcome {
    let number = stage.number();
    let (owned, target) = settled(stage)?;
    let frame = question(number, owned.address, MacAddr::BROADCAST);
    let (answer, since) = answer(stage, number, &frame, target, &owned)?;
    match answer.ndp() {
        Some((_, _, message @ Ndp::NeighborAdvertisement { override_cache: true, .. })) => {
            match message.target_link_layer() {
                Some(_) => Ok(Verdict::passed("")),
                None => {
                    Err(Verdict::failed("the target's hardware address is not there", stage.evidence(since, [&answer])))
                }
            }
        }
        _ => Err(Verdict::failed(
            "O is 0: a cache that holds another address keeps it",
            stage.evidence(since, [&answer]),
        )),
    }
}

pub(super) fn unicast(stage: &mut Stage) -> Outcome {
    let number = stage.number();
    let option = vec![NdpOption::SourceLinkLayer(asker(number))];
    answered(stage, number, |owned, target| solicitation(number, target, (owned.mac, target), option))
}

pub(super) fn unicast_without_option(stage: &mut Stage) -> Outcome {
    // From the client's own address, which answers when it is asked for in its turn.
    answered(stage, 0, |owned, target| solicitation(0, target, (owned.mac, target), Vec::new()))
}

pub(super) fn multicast_without_option(stage: &mut Stage) -> Outcome {
    answered(stage, 0, |_, target| solicitation(0, target, group(target), Vec::new()))
}

/// A probe is answered to all nodes, with S 0.
fn probed(stage: &mut Stage, frame: impl FnOnce(Ipv6Addr) -> Vec<u8>) -> Outcome {
    let (owned, target) = settled(stage)?;
    stage.quiet()?;
    let frame = frame(target);
    let (since, found) = stage.question(&frame, |heard| advertises(heard, target))?;
    let sent = format!("sent: {}", describe(&frame));
    let Some(first) = found.first() else {
        return Err(Verdict::failed("no answer: another host takes the address", [sent]));
    };
    let evidence = std::iter::once(sent).chain(stage.evidence(since, &found));
    match first.ndp() {
        Some((ethernet, header, Ndp::NeighborAdvertisement { solicited, .. })) => {
            if header.destination != ipv6::ALL_NODES {
                return Err(Verdict::failed("the answer is not to ff02::1", evidence));
            }
            if solicited || ethernet.source != owned.mac {
                return Err(Verdict::failed("S is 1, or it is from another hardware address", evidence));
            }
            Ok(Verdict::passed(""))
        }
        _ => Err(Verdict::failed("the answer cannot be read", evidence)),
    }
}

pub(super) fn duplicate_detection(stage: &mut Stage) -> Outcome {
    let from = asker(stage.number());
    probed(stage, |target| compose::ndp_probe(from, target))
}

pub(super) fn nonce(stage: &mut Stage) -> Outcome {
    let from = asker(stage.number());
    probed(stage, |target| compose::ndp_probe_with_nonce(from, target, &[1, 2, 3, 4, 5, 6]))
}

/// Another machine's own kernel must find that the address is in use.
pub(super) fn real_host(stage: &mut Stage) -> Outcome {
    let (_, target) = settled(stage)?;
    let build = format!(
        "ip netns add guest && ip link add p-guest type veth peer name eth0 address 02:9e:00:00:00:01 netns guest && \
         ip link set p-guest master br0 up && ip netns exec guest sysctl -qw net.ipv6.conf.default.dad_transmits=1 \
         net.ipv6.conf.eth0.accept_dad=1 net.ipv6.conf.eth0.disable_ipv6=0 net.ipv6.conf.all.disable_ipv6=0 && \
         ip -n guest link set eth0 up && sleep 2.5 && ip -n guest address add {target}/64 dev eth0 && sleep 2.5"
    );
    shell(&build)?;
    let failed = shell("ip -n guest -6 address show dev eth0 dadfailed | grep -q inet6");
    shell("ip link del p-guest; ip netns del guest")?;
    // Whoever has it stays its owner.
    settled(stage)?;
    match failed {
        Ok(()) => Ok(Verdict::passed("")),
        Err(_) => Err(Verdict::failed(format!("a Linux host has assigned {target} without noticing"), [])),
    }
}

/// Sets the ICMPv6 checksum anew after a change, unless it is the checksum that was changed.
fn with_checksum(mut frame: Vec<u8>) -> Vec<u8> {
    let payload = usize::from(u16::from_be_bytes([frame[IPV6 + 4], frame[IPV6 + 5]]));
    frame[ICMPV6 + 2..ICMPV6 + 4].copy_from_slice(&[0, 0]);
    let mut sum = u32::from(ipv6::ICMPV6) + payload as u32;
    let words = |bytes: &[u8]| -> u32 {
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum()
    };
    sum += words(&frame[IPV6 + 8..ICMPV6]) + words(&frame[ICMPV6..ICMPV6 + payload]);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    frame[ICMPV6 + 2..ICMPV6 + 4].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    frame
}

fn changed(number: u32, target: Ipv6Addr, at: usize, byte: u8) -> Vec<u8> {
    let mut frame = question(number, IpAddr::V6(target), MacAddr::BROADCAST);
    frame[at] = byte;
    frame
}

pub(super) fn hop_limit(stage: &mut Stage) -> Outcome {
    for limit in [254, 64, 1] {
        ignored(stage, |number, target| changed(number, target, IPV6 + 7, limit))?;
    }
    Ok(Verdict::passed(""))
}

pub(super) fn checksum(stage: &mut Stage) -> Outcome {
    ignored(stage, |number, target| {
        let mut frame = question(number, IpAddr::V6(target), MacAddr::BROADCAST);
        frame[ICMPV6 + 3] ^= 0x5a;
        frame
    })
}

pub(super) fn code(stage: &mut Stage) -> Outcome {
    ignored(stage, |number, target| with_checksum(changed(number, target, ICMPV6 + 1, 1)))
}

pub(super) fn empty_option(stage: &mut Stage) -> Outcome {
    // The length of the one option, in units of eight octets.
    ignored(stage, |number, target| with_checksum(changed(number, target, ICMPV6 + 25, 0)))
}

pub(super) fn unspecified_with_option(stage: &mut Stage) -> Outcome {
    ignored(stage, |number, target| {
        let options = vec![NdpOption::SourceLinkLayer(asker(number))];
        let message = Ndp::NeighborSolicitation { target, options };
        compose::ndp((asker(number), Ipv6Addr::UNSPECIFIED), group(target), &message)
    })
}

pub(super) fn probe_to_one(stage: &mut Stage) -> Outcome {
    ignored(stage, |number, target| {
        let message = Ndp::NeighborSolicitation { target, options: Vec::new() };
        compose::ndp((asker(number), Ipv6Addr::UNSPECIFIED), (MacAddr::ZERO, ipv6::ALL_NODES), &message)
    })
}

/// Unsolicited advertisements of the new owner.
fn unsolicited(stage: &mut Stage) -> Result<(Watch, Vec<Heard>), Verdict> {
    let address = stage.v6()?;
    let watch = stage.takeover(IpAddr::V6(address))?;
    let found: Vec<Heard> = watch
        .of_owner()
        .filter(|heard| {
            advertises(heard, address)
                && heard.ndp().is_some_and(|(_, header, _)| header.destination == ipv6::ALL_NODES)
        })
        .cloned()
        .collect();
    if found.is_empty() {
        let note = format!("n{} took {address} over without advertising it", watch.owner.node + 1);
        return Err(Verdict::failed(note, []));
    }
    Ok((watch, found))
}

pub(super) fn advertised(stage: &mut Stage) -> Outcome {
    let (watch, found) = unsolicited(stage)?;
    let mac = watch.owner.mac;
    let wrong = |heard: &&Heard| match heard.ndp() {
        Some((_, _, message @ Ndp::NeighborAdvertisement { override_cache: true, solicited: false, .. })) => {
            message.target_link_layer() != Some(mac)
        }
        _ => true,
    };
    let wrong: Vec<&Heard> = found.iter().filter(wrong).collect();
    if wrong.is_empty() {
        return Ok(Verdict::passed(format!("{} advertisements", found.len())));
    }
    Err(Verdict::failed("O is not 1, S not 0, or the hardware address not there", stage.evidence(watch.since, wrong)))
}

pub(super) fn advertised_within_bounds(stage: &mut Stage) -> Outcome {
    let (watch, found) = unsolicited(stage)?;
    let moments: Vec<Moment> = found.iter().map(|heard| heard.at).collect();
    let note = format!("{} advertisements in {} rounds", found.len(), rounds(moments.iter().copied()).len());
    // A timer's own grain is forgiven.
    let close = moments.windows(2).any(|pair| pair[1].since(pair[0]) < Duration::from_millis(990));
    if found.len() <= MOST && !close {
        return Ok(Verdict::passed(note));
    }
    Err(Verdict::failed(note, stage.evidence(watch.since, &found)))
}

pub(super) fn routers_are_told(stage: &mut Stage) -> Outcome {
    let address = stage.v6()?;
    let watch = stage.first_start(IpAddr::V6(address))?;
    let to_routers = |heard: &&Heard| {
        advertises(heard, address) && heard.ndp().is_some_and(|(_, header, _)| header.destination == ipv6::ALL_ROUTERS)
    };
    let found: Vec<&Heard> = watch.of_owner().filter(to_routers).collect();
    let Some(first) = found.first() else {
        return Err(Verdict::failed("no advertisement of a new address to ff02::2", []));
    };
    match first.ndp() {
        Some((_, _, Ndp::NeighborAdvertisement { override_cache: false, solicited: false, .. })) => {
            Ok(Verdict::passed(""))
        }
        _ => Err(Verdict::failed("O or S is 1", stage.evidence(watch.since, found))),
    }
}

/// Whether a report says that its sender has joined, or listens to, the group of this address.
fn joined(heard: &Heard, address: Ipv6Addr) -> bool {
    let group = ipv6::solicited_node(address);
    heard
        .groups()
        .iter()
        .any(|(found, kind)| *found == group && matches!(kind, RecordKind::ChangeToExclude | RecordKind::ModeIsExclude))
}

fn left(heard: &Heard, address: Ipv6Addr) -> bool {
    heard.groups().contains(&(ipv6::solicited_node(address), RecordKind::ChangeToInclude))
}

pub(super) fn reported(stage: &mut Stage) -> Outcome {
    let address = stage.v6()?;
    let watch = stage.first_start(IpAddr::V6(address))?;
    match watch.of_owner().find(|heard| joined(heard, address)) {
        Some(heard) => Ok(Verdict::passed(format!("{:.0} ms after the start", millis(heard.at.since(watch.since))))),
        None => Err(Verdict::failed(format!("the owner reported no group {}", ipv6::solicited_node(address)), [])),
    }
}

pub(super) fn queried(stage: &mut Stage) -> Outcome {
    let (owned, address) = settled(stage)?;
    let more = mld::QueryV2 { suppress: false, robustness: 2, interval_code: 125, sources: Vec::new() };
    let query = mld::Repr::Query { max_response_code: 1000, group: Ipv6Addr::UNSPECIFIED, v2: Some(more) };
    let since = stage.send(&compose::mld((CLIENT, CLIENT_V6), ipv6::ALL_NODES, &query))?;
    let said = |heard: &Heard| heard.at >= since && heard.node == owned.node && joined(heard, address);
    let found = stage.tape()?.wait(Duration::from_millis(1500), said);
    match found.first() {
        Some(heard) => Ok(Verdict::passed(format!("after {:.0} ms of 1000", millis(heard.at.since(since))))),
        None => Err(Verdict::failed(
            format!("the owner does not say that it listens to {}", ipv6::solicited_node(address)),
            [],
        )),
    }
}

pub(super) fn group_left(stage: &mut Stage) -> Outcome {
    let (owned, address) = settled(stage)?;
    let since = stage.lan.signal(owned.node, Signal::Terminate)?;
    stage.disturbed();
    let said = |heard: &Heard| heard.at >= since && heard.node == owned.node && left(heard, address);
    let found = stage.tape()?.wait(Duration::from_secs(3), said);
    match found.first() {
        Some(heard) => Ok(Verdict::passed(format!("{:.0} ms after SIGTERM", millis(heard.at.since(since))))),
        None => Err(Verdict::failed(format!("the former owner did not leave {}", ipv6::solicited_node(address)), [])),
    }
}

pub(super) fn rejoined(stage: &mut Stage) -> Outcome {
    let address = stage.v6()?;
    let owned = stage.only(&[0], IpAddr::V6(address))?;
    stage.lan.cable(owned.node, false)?;
    std::thread::sleep(Duration::from_secs(2));
    let since = stage.lan.cable(owned.node, true)?;
    let said = |heard: &Heard| heard.at >= since && joined(heard, address);
    let found = stage.tape()?.wait(Duration::from_secs(2), said);
    match found.first() {
        Some(heard) => Ok(Verdict::passed(format!("{:.0} ms after the link was back", millis(heard.at.since(since))))),
        None => Err(Verdict::failed(format!("no report of {} within 2 s", ipv6::solicited_node(address)), [])),
    }
}
