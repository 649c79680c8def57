//! Lets every rule judge a world.

use crate::finding::{Finding, Findings, NotChecked, Outcome};
use crate::ignores::{self, Ignoring};
use crate::rule::{Fact, Registered};
use crate::world::World;

/// The words by which a file is known to hold something that a rule judges: a file without any of them is not parsed.
///
/// Each kind that is read declares its own.
pub fn words() -> Vec<&'static str> {
    poolcheck_manifest::kinds::words().collect()
}

/// The words by which a file says what runs beside a pool: such a file is parsed only where there is a pool or a Service
/// to judge.
pub fn support_words() -> Vec<&'static str> {
    const CHARTS: [&str; 6] = [
        "chart: traefik",
        "name: traefik",
        "chart: ingress-nginx",
        "name: ingress-nginx",
        "chart: cilium",
        "name: cilium",
    ];
    CHARTS.into_iter().chain(poolcheck_manifest::kinds::support_words()).collect()
}

/// The words by which a file may say how others are applied: such a file is parsed only where it speaks of one that is.
pub const APPLYING_WORDS: &[&str] = &["kustomize.toolkit.fluxcd.io", "fluxcd.controlplane.io", "argoproj.io"];

/// The family of the rules about what is ignored; they run last, and cannot be ignored themselves.
pub const IGNORE: &str = "ignore";

/// The family of the rules about what a scan saw; without a scan they judge nothing.
pub const WIRE: &str = "wire";

/// Lets every rule judge the world, in the order of the registry; nothing is ignored.
///
/// A rule whose facts are missing says *not checked* instead, unless there is no pool it could have judged.
pub fn check(world: &World<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    judge(world, |registered| registered.family != IGNORE, &mut outcome);
    outcome.settle(world.sources);
    outcome
}

/// As [`check`], with what is ignored taken out, and what is wrong with the ignores added.
pub fn check_with(world: &World<'_>, ignoring: &Ignoring) -> Outcome {
    let mut outcome = check(world);
    let mut ignores = ignores::read(world, ignoring);
    ignores::apply(world, &mut ignores, ignoring, &mut outcome);
    world.set_ignores(ignores);
    let mut about_ignores = Outcome::default();
    judge(world, |registered| registered.family == IGNORE, &mut about_ignores);
    about_ignores.settle(world.sources);
    outcome.findings.append(&mut about_ignores.findings);
    outcome.sort(world.sources);
    outcome
}

fn judge(world: &World<'_>, wanted: impl Fn(&Registered) -> bool, outcome: &mut Outcome) {
    for registered in crate::all().iter().filter(|registered| wanted(registered)) {
        let rule = registered.rule;
        let missing: Vec<_> = rule.needs.iter().copied().filter(|fact| !world.knows(*fact)).collect();
        if missing.is_empty() {
            let mut findings = Findings::new(world.sources, rule);
            (rule.check)(world, &mut findings);
            findings.finish(outcome);
            if rule.needs.contains(&Fact::Dhcp) && !world.pools.is_empty() {
                outcome.not_checked.extend(world.unseen().map(|unseen| NotChecked {
                    rule: rule.id,
                    fact: Fact::Dhcp,
                    subject: Some(unseen.of),
                    reason: unseen.why,
                    place: Some(unseen.place),
                }));
            }
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
    for finding in &mut outcome.findings {
        show_definitions(world, finding);
    }
}

/// Where a label shows the use of a variable, another shows where the variable is said.
fn show_definitions(world: &World<'_>, finding: &mut Finding) {
    let spans: Vec<_> = std::iter::once(&finding.primary).chain(&finding.related).map(|label| label.span).collect();
    for substitution in spans.into_iter().flat_map(|span| world.substitutions_in(span)) {
        let (name, definition) = (&substitution.name, &substitution.definition);
        finding.evidence(definition.confidence);
        let says = format!("{name} is `{}`", definition.value);
        match definition.place {
            Some(place) if finding.related.iter().any(|label| label.span == place) => {}
            Some(place) => {
                finding.related(place, says);
            }
            None if finding.help.contains(&says) => {}
            None => {
                finding.help(says);
            }
        }
    }
}
