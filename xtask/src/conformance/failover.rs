//! Rows of part 6: how soon a dead owner is replaced, by kind of death, and how those behave that were only thought dead.

use std::net::IpAddr;
use std::time::Duration;

use super::owner::judge;
use super::stage::{EVERY, Owned, Stage};
use super::{Outcome, Verdict};
use crate::announcers::process::Signal;
use crate::announcers::wire::{Asked, Heard};
use crate::announcers::{Moment, millis};

/// The owner dies in some way; gives who owned the address, when, and what was asked meanwhile.
fn dies(
    stage: &mut Stage,
    how: impl FnOnce(&mut Stage, Owned) -> Result<Moment, String>,
) -> Result<(Owned, Moment, Vec<Asked>), Verdict> {
    let address = IpAddr::V4(stage.v4());
    let owned = stage.settled(address)?;
    stage.disturbed();
    let mut asked = stage.ask(address, EVERY, Duration::from_millis(200))?;
    let since = how(stage, owned)?;
    // Long enough to tell how late it is rather than that it is.
    asked.extend(stage.ask(address, EVERY, stage.budget * 3 + Duration::from_secs(3))?);
    Ok((owned, since, asked))
}

/// The silence between the old owner's last answer before another's first, and that first one.
fn silence(stage: &Stage, owned: &Owned, since: Moment, asked: &[Asked]) -> Result<Duration, Verdict> {
    let answers = || asked.iter().flat_map(|question| &question.answers);
    let Some(new) = answers().filter(|(at, node)| *node != owned.node && *at >= since).map(|(at, _)| *at).min() else {
        let note = format!("nobody else answers within {:.1} s", millis(stage.budget * 3) / 1000.0 + 3.0);
        return Err(Verdict::failed(note, [stage.lan.last_words((owned.node + 1) % stage.lan.nodes.len())]));
    };
    let old = answers().filter(|(at, node)| *node == owned.node && *at < new).map(|(at, _)| *at).max();
    Ok(new.since(old.unwrap_or(since).max(since)))
}

fn within_budget(stage: &Stage, silence: Duration) -> Outcome {
    let note = format!("{:.0} ms", millis(silence));
    if silence <= stage.budget { Ok(Verdict::passed(note)) } else { Err(Verdict::failed(note, [])) }
}

pub(super) fn terminated(stage: &mut Stage) -> Outcome {
    let address = IpAddr::V4(stage.v4());
    let watch = stage.takeover(address)?;
    let after = |question: &&Asked| question.at + EVERY >= watch.since;
    let unanswered = watch.asked.iter().filter(after).filter(|question| question.answers.is_empty()).count();
    let note = format!("{unanswered} questions, one each {:.0} ms, unanswered", millis(EVERY));
    // One packet a 10 ms, as the list says it.
    if unanswered <= 2 { Ok(Verdict::passed(note)) } else { Err(Verdict::failed(note, [])) }
}

pub(super) fn killed(stage: &mut Stage) -> Outcome {
    let (owned, since, asked) = dies(stage, |stage, owned| stage.lan.kill_first(owned.node))?;
    let silence = silence(stage, &owned, since, &asked)?;
    within_budget(stage, silence)
}

pub(super) fn all_killed(stage: &mut Stage) -> Outcome {
    let (owned, since, asked) = dies(stage, |stage, owned| stage.lan.signal(owned.node, Signal::Kill))?;
    let silence = silence(stage, &owned, since, &asked)?;
    within_budget(stage, silence)
}

pub(super) fn killed_alone(stage: &mut Stage) -> Outcome {
    let (_, _, asked) = dies(stage, |stage, owned| stage.lan.signal(owned.node, Signal::Kill))?;
    judge(stage, &asked)
}

pub(super) fn powered_off(stage: &mut Stage) -> Outcome {
    let (owned, since, asked) = dies(stage, |stage, owned| stage.lan.power_off(owned.node))?;
    let silence = silence(stage, &owned, since, &asked)?;
    within_budget(stage, silence)
}

pub(super) fn link_down(stage: &mut Stage) -> Outcome {
    let (owned, since, asked) = dies(stage, |stage, owned| stage.lan.cable(owned.node, false))?;
    let silence = silence(stage, &owned, since, &asked)?;
    within_budget(stage, silence)
}

pub(super) fn link_returns(stage: &mut Stage) -> Outcome {
    let (owned, since, asked) = dies(stage, |stage, owned| stage.lan.cable(owned.node, false))?;
    silence(stage, &owned, since, &asked)?;
    stage.lan.cable(owned.node, true)?;
    let asked = stage.ask(owned.address, EVERY, Duration::from_secs(5))?;
    judge(stage, &asked)
}

pub(super) fn frozen(stage: &mut Stage) -> Outcome {
    let (owned, since, asked) = dies(stage, |stage, owned| stage.lan.signal(owned.node, Signal::Stop))?;
    let silence = silence(stage, &owned, since, &asked);
    stage.lan.signal(owned.node, Signal::Continue)?;
    within_budget(stage, silence?)
}

pub(super) fn frozen_is_silent(stage: &mut Stage) -> Outcome {
    let (owned, since, asked) = dies(stage, |stage, owned| stage.lan.signal(owned.node, Signal::Stop))?;
    stage.lan.signal(owned.node, Signal::Continue)?;
    silence(stage, &owned, since, &asked)?;
    let twice = asked.iter().filter(|question| question.twice()).count();
    let note = format!("{twice} questions answered by the frozen owner, too");
    if twice == 0 { Ok(Verdict::passed("")) } else { Err(Verdict::failed(note, [])) }
}

pub(super) fn thawed_is_silent(stage: &mut Stage) -> Outcome {
    let (owned, since, asked) = dies(stage, |stage, owned| stage.lan.signal(owned.node, Signal::Stop))?;
    let before = silence(stage, &owned, since, &asked);
    let woken = stage.lan.signal(owned.node, Signal::Continue)?;
    before?;
    let after = stage.ask(owned.address, EVERY, Duration::from_secs(2))?;
    // Answers of the one that woke to questions that another has answered, or that were asked while it slept.
    let address = owned.address;
    let slept = |heard: &Heard| heard.at >= woken && heard.node == owned.node && heard.answers(address);
    let found = stage.tape()?.select(slept);
    let fresh: Vec<Moment> = after
        .iter()
        .flat_map(|question| &question.answers)
        .filter(|(_, node)| *node == owned.node)
        .map(|(at, _)| *at)
        .collect();
    let stale: Vec<&Heard> = found.iter().filter(|heard| !fresh.contains(&heard.at)).collect();
    if !stale.is_empty() {
        let note = format!("{} answers to questions asked while it slept", stale.len());
        return Err(Verdict::failed(note, stage.evidence(woken, stale)));
    }
    let twice = after.iter().filter(|question| question.twice()).count();
    let note = format!("{twice} questions answered by two after it woke");
    if twice == 0 { Ok(Verdict::passed("")) } else { Err(Verdict::failed(note, [])) }
}
