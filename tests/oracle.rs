//! What MetalLB 0.16.2 refuses is an error here, with a place; what it accepts is not called invalid.
//!
//! `oracle/metallb-verdicts.jsonl` holds small manifests with the verdict of MetalLB's own parser, webhooks and CRDs, behind
//! a Kubernetes API server that checks fields strictly; `oracle/README.md` says what the fields mean.

use std::fmt::Write as _;

use poolcheck_manifest::{Limits, ManifestFile};
use poolcheck_plan::{Facts, SourceKind, Sources};
use poolcheck_rules::{Level, Outcome, Safety, World, WorldInput};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Case {
    id: String,
    class: Class,
    yaml: String,
    valid: bool,
    #[serde(default)]
    layer: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    transient: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Class {
    /// The verdict holds.
    Judge,
    /// Text with placeholders: nothing may be judged, and that must be said.
    Template,
    /// The verdict depends on where MetalLB runs, or on nodes.
    Context,
    /// Readers of YAML differ.
    Contested,
}

/// Rules that find conflicts or traps in what MetalLB accepts: their errors do not call a manifest invalid.
const NOT_ABOUT_VALIDITY: &[&str] =
    &["advertisement-names-missing-pool", "advertisement-selects-no-pool", "pool-not-advertised", "special-use-range"];

fn cases() -> Vec<Case> {
    let text = include_str!("oracle/metallb-verdicts.jsonl");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is a case")).collect()
}

fn judge(yaml: &str) -> (Outcome, bool) {
    let mut sources = Sources::new();
    let source = sources.add("case.yaml", SourceKind::File, yaml);
    let files = [ManifestFile::parse(source, yaml.into(), &Limits::default())];
    let facts = Facts::default();
    let world = World::build(WorldInput::new(&sources, &files, &facts));
    let outcome = poolcheck_rules::check(&world);
    for finding in &outcome.findings {
        let span = finding.primary.span;
        assert!((span.end as usize) <= yaml.len() && span.start < span.end, "{} has no place in {yaml}", finding.rule);
    }
    (outcome, !world.skipped().is_empty())
}

/// What is wrong with our verdict on a case, if anything.
fn complaint(case: &Case) -> Option<String> {
    let (outcome, skipped) = judge(&case.yaml);
    let errors: Vec<&str> = outcome
        .findings
        .iter()
        .filter(|finding| finding.level == Level::Error && !NOT_ABOUT_VALIDITY.contains(&finding.rule))
        .map(|finding| finding.rule)
        .collect();
    let warned = outcome.findings.iter().any(|finding| finding.level >= Level::Warning);
    let not_checked =
        skipped || outcome.not_checked.iter().any(|verdict| verdict.fact == poolcheck_rules::Fact::Values);
    match case.class {
        Class::Judge if case.valid && !errors.is_empty() => Some(format!("accepted by MetalLB, but {errors:?}")),
        Class::Judge if case.transient && !warned => {
            Some(format!("not even a warning; {}: {}", case.layer, case.error))
        }
        Class::Judge if !case.valid && !case.transient && errors.is_empty() => {
            Some(format!("no error; {}: {}", case.layer, case.error))
        }
        Class::Template if !errors.is_empty() => Some(format!("a template, but {errors:?}")),
        Class::Template if !not_checked => Some("a template, but not said to be not checked".to_owned()),
        _ => None,
    }
}

#[test]
fn agrees_with_metallb() {
    let cases = cases();
    assert!(cases.len() > 400, "the oracle is not there");
    let mut table = String::new();
    let mut failures = String::new();
    for class in [Class::Judge, Class::Template, Class::Context, Class::Contested] {
        for valid in [true, false] {
            let of_class: Vec<&Case> = cases.iter().filter(|case| case.class == class && case.valid == valid).collect();
            let wrong: Vec<_> = of_class.iter().filter_map(|case| Some((&case.id, complaint(case)?))).collect();
            let word = if valid { "accepted" } else { "refused" };
            let right = of_class.len() - wrong.len();
            writeln!(table, "{class:?}, {word}: {right} of {}", of_class.len()).expect("writes to a string");
            for (id, complaint) in wrong {
                writeln!(failures, "{id}: {complaint}").expect("writes to a string");
            }
        }
    }
    assert!(failures.is_empty(), "\n{table}\n{failures}");
}

#[test]
fn safe_fixes_cure() {
    let mut applied = 0;
    for case in cases() {
        let (before, _) = judge(&case.yaml);
        for finding in &before.findings {
            for fix in finding.fixes.iter().filter(|fix| fix.safety == Safety::Safe) {
                let cured = poolcheck_manifest::apply(&case.yaml, &fix.edits).expect("the edits fit the text");
                let (after, _) = judge(&cured);
                let count = |outcome: &Outcome| outcome.findings.iter().filter(|f| f.rule == finding.rule).count();
                assert!(count(&after) < count(&before), "{}: `{}` leaves it as it was:\n{cured}", case.id, fix.title);
                let worse =
                    after.findings.iter().any(|f| f.rule == "kubernetes-cannot-parse" || f.rule == "duplicate-key");
                assert!(!worse, "{}: `{}` breaks the text:\n{cured}", case.id, fix.title);
                applied += 1;
            }
        }
    }
    assert!(applied > 20, "only {applied} fixes were tried");
}
