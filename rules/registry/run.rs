//! Lets every rule judge a world.

use crate::finding::{Findings, NotChecked, Outcome};
use crate::world::World;

/// The words by which a file is known to hold something that a rule judges: a file without any of them is not parsed.
///
/// Each kind that is read declares its own.
pub fn words() -> Vec<&'static str> {
    poolcheck_manifest::kinds::words().collect()
}

/// Lets every rule judge the world, in the order of the registry.
///
/// A rule whose facts are missing says *not checked* instead, unless there is no pool it could have judged.
pub fn check(world: &World<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    for registered in crate::all() {
        let rule = registered.rule;
        let missing: Vec<_> = rule.needs.iter().copied().filter(|fact| !world.knows(*fact)).collect();
        if missing.is_empty() {
            let mut findings = Findings::new(world.sources, rule);
            (rule.check)(world, &mut findings);
            findings.finish(&mut outcome);
        } else if !world.pools.is_empty() {
            outcome.not_checked.extend(missing.into_iter().map(|fact| NotChecked {
                rule: rule.id,
                fact,
                subject: None,
                reason: fact.missing().to_owned(),
                place: None,
            }));
        }
    }
    outcome.settle(world.sources);
    outcome
}
