//! Rows of part 2: nobody speaks for what is not its own.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use poolcheck_lan::link::Link;
use poolcheck_lan::wire::MacAddr;

use super::stage::{Owned, Stage};
use super::{Outcome, Verdict};
use crate::announcers::Moment;
use crate::announcers::wire::{Heard, Says, question};

/// Frames handed to the interface at once, and the pause after them: some 20,000 a second.
const BATCH: usize = 64;
const PAUSE: Duration = Duration::from_millis(3);
/// Changed frames of each kind.
const CHANGED: usize = 3000;

fn send_all(stage: &mut Stage, frames: &[Vec<u8>]) -> Result<(), Verdict> {
    for batch in frames.chunks(BATCH) {
        let mut rest = batch;
        while !rest.is_empty() {
            let sent = stage.lan.client.send(rest).map_err(|error| error.to_string())?;
            rest = &rest[sent..];
        }
        std::thread::sleep(PAUSE);
    }
    std::thread::sleep(Duration::from_millis(300));
    Ok(())
}

/// Frames that speak for an address that their sender does not own.
fn usurped(stage: &mut Stage, since: Moment, owners: &[Owned]) -> Result<Vec<Heard>, Verdict> {
    let own: Vec<BTreeSet<IpAddr>> = stage.lan.nodes.iter().map(|node| node.own().into()).collect();
    let wrong = |heard: &Heard| {
        let Some(Says::Answer(address, _) | Says::Announcement(address)) = heard.says() else { return false };
        let link_local = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
        let owner = owners.iter().find(|owned| owned.address == address);
        heard.at >= since
            && !link_local
            && !own[heard.node].contains(&address)
            && owner.is_none_or(|owned| owned.node != heard.node)
    };
    Ok(stage.tape()?.select(wrong))
}

fn owners(stage: &mut Stage) -> Result<Vec<Owned>, Verdict> {
    let addresses = stage.lan.addresses().to_vec();
    let v4 = addresses.iter().filter(|address| address.is_ipv4());
    let mut owners: Vec<Owned> = v4.map(|address| stage.settled(*address)).collect::<Result<_, _>>()?;
    // Those of IPv6 belong to whoever has them, if anybody has.
    for address in addresses.iter().filter(|address| address.is_ipv6()) {
        owners.extend(stage.settled(*address).ok());
    }
    Ok(owners)
}

fn judged(stage: &mut Stage, since: Moment, owners: &[Owned], asked: usize) -> Outcome {
    let wrong = usurped(stage, since, owners)?;
    if wrong.is_empty() {
        return Ok(Verdict::passed(format!("{asked} frames")));
    }
    let note = format!("{} frames speak for addresses that their senders do not own", wrong.len());
    Err(Verdict::failed(note, stage.evidence(since, &wrong)))
}

pub(super) fn whole_subnet(stage: &mut Stage) -> Outcome {
    let owners = owners(stage)?;
    let first = stage.numbers(1 << 16);
    let all = (1..u32::from(u16::MAX)).map(|offset| {
        let address = Ipv4Addr::from_bits(u32::from_be_bytes([10, 77, 0, 0]) + offset);
        question(first + offset, IpAddr::V4(address), MacAddr::BROADCAST)
    });
    let frames: Vec<Vec<u8>> = all.collect();
    let since = stage.lan.clock.now();
    send_all(stage, &frames)?;
    judged(stage, since, &owners, frames.len())
}

pub(super) fn same_group(stage: &mut Stage) -> Outcome {
    let address = stage.v6()?;
    stage.settled(IpAddr::V6(address))?;
    let owners = owners(stage)?;
    let first = stage.numbers(1 << 10);
    // Other addresses whose solicited-node group is the same, and the address's own neighbours.
    let same_group = (0..256_u32).map(|high| {
        let bits = address.to_bits() ^ (u128::from(high + 1) << 32);
        (high, Ipv6Addr::from_bits(bits))
    });
    let neighbours = (0..256_u32).map(|low| (256 + low, Ipv6Addr::from_bits(address.to_bits() + u128::from(low) + 1)));
    let frames: Vec<Vec<u8>> = same_group
        .chain(neighbours)
        .map(|(number, target)| question(first + number, IpAddr::V6(target), MacAddr::BROADCAST))
        .collect();
    let since = stage.lan.clock.now();
    send_all(stage, &frames)?;
    judged(stage, since, &owners, frames.len())
}

pub(super) fn changed_frames(stage: &mut Stage) -> Outcome {
    let owners = owners(stage)?;
    let mut random = fastrand::Rng::with_seed(5227);
    let first = stage.numbers(1 << 16);
    let mut frames = Vec::new();
    for address in stage.lan.addresses().to_vec() {
        for count in 0..CHANGED {
            let mut frame = question(first + count as u32, address, MacAddr::BROADCAST);
            for _ in 0..random.usize(1..6) {
                // The destination stays: every frame is to arrive.
                let at = random.usize(6..frame.len());
                frame[at] = random.u8(..);
            }
            if random.u8(..) < 32 {
                frame.truncate(random.usize(14..frame.len()));
            }
            frames.push(frame);
        }
    }
    let since = stage.lan.clock.now();
    send_all(stage, &frames)?;
    let verdict = judged(stage, since, &owners, frames.len())?;
    // And all of them are still answered for by the same.
    for owned in owners {
        let now = stage.owner(owned.address)?;
        if now.node != owned.node {
            return Err(Verdict::failed(format!("{} has another owner after it", owned.address), []));
        }
    }
    Ok(verdict)
}
