//! Rows of part 5: one owner, whoever comes, goes, or is cut off. And of part 10: withdrawing.

use std::net::IpAddr;
use std::time::Duration;

use super::stage::{EVERY, Stage};
use super::{Outcome, Verdict};
use crate::announcers::client::{Client, Way};
use crate::announcers::process::Signal;
use crate::announcers::wire::{Asked, Heard};
use crate::announcers::{Moment, millis};

/// Two owners at a time are borne so long.
pub(super) const BORNE: Duration = Duration::from_millis(500);

/// A LAN that was split, and was made one again.
#[derive(Clone)]
pub(super) struct Split {
    old: usize,
    here: Vec<Asked>,
    there: Vec<Asked>,
    after: Vec<Asked>,
    since: Moment,
    announced: Vec<Heard>,
}

fn address(stage: &Stage) -> IpAddr {
    IpAddr::V4(stage.v4())
}

/// From the first question that two nodes answered to the last of the same spell, the longest such spell.
pub(super) fn longest_double(asked: &[Asked]) -> Duration {
    let mut longest = Duration::ZERO;
    let mut spell: Option<(Moment, Moment)> = None;
    for question in asked.iter().filter(|question| !question.answers.is_empty()) {
        if question.twice() {
            let (began, _) = spell.unwrap_or((question.at, question.at));
            spell = Some((began, question.at));
            // One question alone is the time to the next.
            longest = longest.max(question.at.since(began) + EVERY);
        } else {
            spell = None;
        }
    }
    longest
}

/// Two owners, no longer than is borne.
pub(super) fn judge(stage: &Stage, asked: &[Asked]) -> Outcome {
    let double = longest_double(asked);
    let note = format!("two owners for {:.0} ms", millis(double));
    if double <= BORNE {
        return Ok(Verdict::passed(if double.is_zero() { "never two".to_owned() } else { note }));
    }
    let first = asked.iter().find(|question| question.twice());
    let evidence = first.map(|question| {
        let who: Vec<&str> = question.answers.iter().map(|(_, node)| stage.lan.nodes[*node].name.as_str()).collect();
        format!("one question answered by {}", who.join(" and "))
    });
    Err(Verdict::failed(note, evidence))
}

pub(super) fn at_rest(stage: &mut Stage) -> Outcome {
    for address in stage.lan.addresses().to_vec() {
        stage.settled(address)?;
        let every = if address.is_ipv4() { EVERY } else { Duration::from_millis(50) };
        let asked = stage.ask(address, every, Duration::from_secs(2))?;
        if let Some(question) = asked.iter().find(|question| question.answers.len() != 1) {
            let note = format!("a question for {address} has {} answers", question.answers.len());
            return Err(Verdict::failed(note, []));
        }
    }
    Ok(Verdict::passed(""))
}

pub(super) fn while_joining(stage: &mut Stage) -> Outcome {
    let address = address(stage);
    // The last first: whoever prefers the first takes the address back from it.
    let last = stage.lan.nodes.len() - 1;
    stage.only(&[last], address)?;
    let mut asked = Vec::new();
    for node in (0..last).rev() {
        stage.lan.start(node)?;
        asked.extend(stage.ask(address, EVERY, Duration::from_secs(5))?);
    }
    judge(stage, &asked)
}

pub(super) fn while_leaving(stage: &mut Stage) -> Outcome {
    let address = address(stage);
    let mut asked = Vec::new();
    let mut left = stage.lan.nodes.len();
    stage.settled(address)?;
    while left > 1 {
        let owned = stage.owner(address)?;
        stage.disturbed();
        stage.lan.signal(owned.node, Signal::Terminate)?;
        asked.extend(stage.ask(address, EVERY, stage.budget * 4 + Duration::from_secs(1))?);
        left -= 1;
    }
    judge(stage, &asked)
}

/// The LAN is split with the owner alone on the far side. What each half is asked, and then what both are after it is one
/// again. Looked at once.
fn split(stage: &mut Stage) -> Result<Split, Verdict> {
    if let Some(split) = &stage.split {
        return Ok(split.clone());
    }
    let address = address(stage);
    let owned = stage.settled(address)?;
    stage.disturbed();
    stage.lan.split(&[owned.node])?;
    let here = stage.ask(address, EVERY, stage.budget * 4 + Duration::from_secs(4))?;
    stage.lan.move_client(true)?;
    let there = stage.ask(address, EVERY, Duration::from_secs(1))?;
    stage.lan.move_client(false)?;
    let since = stage.lan.split(&[])?;
    let after = stage.ask(address, EVERY, Duration::from_secs(4))?;
    let announced = stage.tape()?.select(|heard| heard.at >= since && heard.announces(address));
    let split = Split { old: owned.node, here, there, after, since, announced };
    stage.split = Some(split.clone());
    Ok(split)
}

pub(super) fn in_each_half(stage: &mut Stage) -> Outcome {
    let Split { old, here, there, .. } = split(stage)?;
    let tail = &here[here.len() - here.len() / 8..];
    let one = |asked: &[Asked], node: Option<usize>| {
        let good =
            |question: &&Asked| question.answers.len() == 1 && node.is_none_or(|node| question.answers[0].1 == node);
        asked.iter().filter(good).count() * 100 / asked.len().max(1)
    };
    let (here, there) = (one(tail, None), one(&there, Some(old)));
    let note = format!("answered by one owner: {here} % of the questions on the near side, {there} % on the far one");
    if here >= 99 && there >= 99 { Ok(Verdict::passed(note)) } else { Err(Verdict::failed(note, [])) }
}

pub(super) fn after_healing(stage: &mut Stage) -> Outcome {
    let split = split(stage)?;
    judge(stage, &split.after)
}

pub(super) fn healing_repairs_caches(stage: &mut Stage) -> Outcome {
    let split = split(stage)?;
    let Some((_, owner)) = split.after.iter().rev().find_map(|question| question.answers.last().copied()) else {
        return Err(Verdict::failed("nobody answers after it", []));
    };
    let Some(first) = split.announced.iter().find(|heard| heard.node == owner) else {
        return Err(Verdict::failed("the owner that remains announces nothing", []));
    };
    let note = format!("after {:.0} ms", millis(first.at.since(split.since)));
    if first.at.since(split.since) <= Duration::from_secs(1) {
        return Ok(Verdict::passed(note));
    }
    Err(Verdict::failed(note, stage.evidence(split.since, [first])))
}

pub(super) fn membership_filtered(stage: &mut Stage) -> Outcome {
    let address = address(stage);
    let owned = stage.settled(address)?;
    stage.disturbed();
    stage.lan.filter(owned.node)?;
    let asked = stage.ask(address, EVERY, stage.budget * 4 + Duration::from_secs(6))?;
    stage.lan.unfilter();
    let answered = asked.iter().rev().take(200).filter(|question| !question.answers.is_empty()).count();
    if answered < 190 {
        return Err(Verdict::failed(format!("only {answered} of the last 200 questions were answered"), []));
    }
    judge(stage, &asked)
}

pub(super) fn withdraw_silence(stage: &mut Stage) -> Outcome {
    let address = address(stage);
    stage.settled(address)?;
    stage.disturbed();
    let mut since = stage.lan.clock.now();
    for node in 0..stage.lan.nodes.len() {
        since = stage.lan.signal(node, Signal::Terminate)?;
    }
    let asked = stage.ask(address, EVERY, Duration::from_secs(4))?;
    let last = asked.iter().flat_map(|question| &question.answers).map(|(at, _)| at.since(since)).max();
    let last = last.unwrap_or_default();
    let note = format!("the last answer {:.0} ms after the last SIGTERM", millis(last));
    if last <= Duration::from_secs(1) { Ok(Verdict::passed(note)) } else { Err(Verdict::failed(note, [])) }
}

pub(super) fn make_before_break(stage: &mut Stage) -> Outcome {
    let address = address(stage);
    let owned = stage.settled(address)?;
    stage.disturbed();
    let way = Way { every: Duration::from_millis(2), unicast: true };
    let client = Client::start(&stage.lan, address, way)?;
    std::thread::sleep(Duration::from_millis(100));
    let handed = stage.lan.hand_over(owned.node, address);
    std::thread::sleep(stage.budget * 2);
    let seen = client.stop()?;
    handed?;
    let new = |question: &Asked| question.answers.iter().any(|(_, node)| *node != owned.node);
    if !seen.asked.iter().any(new) {
        return Err(Verdict::failed("nobody else has the address afterwards", [stage.lan.last_words(owned.node)]));
    }
    let lost = |asked: &[Asked]| asked.iter().filter(|question| question.answers.is_empty()).count();
    let (lost, unicast) = (lost(&seen.asked), lost(&seen.unicast));
    let note = format!("unanswered: {lost} broadcast, {unicast} unicast questions, one of each every 2 ms");
    // The question that both were asked at once may be nobody's.
    if lost <= 1 && unicast <= 1 { Ok(Verdict::passed(note)) } else { Err(Verdict::failed(note, [])) }
}

/// A node whose processes were killed answers nothing: what they put on an interface would be an orphan there.
pub(super) fn nothing_left(stage: &mut Stage) -> Outcome {
    let address = address(stage);
    let owned = stage.only(&[0], address)?;
    let since = stage.lan.signal(owned.node, Signal::Kill)?;
    stage.lan.reap(owned.node);
    std::thread::sleep(Duration::from_secs(10));
    let asked = stage.ask(address, Duration::from_millis(20), Duration::from_secs(1))?;
    let answered = asked.iter().filter(|question| !question.answers.is_empty()).count();
    if answered == 0 {
        return Ok(Verdict::passed("silent 10 s later"));
    }
    let late = |heard: &Heard| heard.at >= since + Duration::from_secs(10) && heard.answers(address);
    let found = stage.tape()?.select(late);
    let note = format!(
        "10 s after its death {answered} of {} questions are answered from the dead process's node",
        asked.len()
    );
    Err(Verdict::failed(note, stage.evidence(since, &found[..found.len().min(1)])))
}
