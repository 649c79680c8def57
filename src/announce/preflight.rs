//! Before anything is announced: what the rules find of the addresses in what is known of the LAN.
//!
//! The addresses are judged as the pool that they are: a manifest is made of them whose every byte leads back to
//! `announcer.toml`, so that a finding points at what somebody wrote.

use std::fmt::Write as _;
use std::path::PathBuf;

use poolcheck_manifest::{Limits, ManifestFile};
use poolcheck_plan::{Facts, SourceKind, Sources, Span};
use poolcheck_rules::{Finding, Level, World, WorldInput};

use super::config::Config;
use crate::failure::Failure;

/// What was found.
pub(super) struct Preflight {
    pub(super) findings: Vec<Finding>,
    pub(super) sources: Sources,
    /// Whether anything was known to judge by.
    pub(super) judged: bool,
}

impl Preflight {
    pub(super) fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Error)
    }
}

/// Judges the addresses of a configuration by the facts files that it names, and by these.
pub(super) fn judge(config: &Config, more: &[PathBuf]) -> Result<Preflight, Failure> {
    let mut sources = config.sources.clone();
    let mut facts = Facts::default();
    let manual = poolcheck_router_adapters::find("manual").expect("the manual adapter is built in");
    for file in config.facts.iter().chain(more) {
        facts.merge(crate::session::read_router(manual, std::slice::from_ref(file), false, &mut sources)?);
    }
    let judged = !facts.segments.is_empty();
    let findings = if judged { findings(config, &facts, &mut sources) } else { Vec::new() };
    Ok(Preflight { findings, sources, judged })
}

fn findings(config: &Config, facts: &Facts, sources: &mut Sources) -> Vec<Finding> {
    let whole = Span::new(config.source, 0, 0);
    let (mut text, mut pieces) = (String::new(), vec![(0, whole, false)]);
    let name = serde_json::Value::from(config.cluster.as_str());
    let head = format!(
        "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: {name}\n  namespace: metallb-system\nspec:\n  addresses:\n"
    );
    text.push_str(&head);
    for (range, place) in &config.ranges {
        text.push_str("  - ");
        pieces.push((text.len() as u32, *place, false));
        write!(text, "{}-{}", range.first(), range.last()).expect("writes to a string");
        pieces.push((text.len() as u32, whole, false));
        text.push('\n');
    }
    let source = sources.add("the announcer's addresses as a pool", SourceKind::Card, text.as_str());
    let manifest = ManifestFile::made_of(source, text.as_str().into(), &Limits::default(), pieces);
    let files = [manifest];
    let world = World::build(WorldInput::new(sources, &files, facts));
    let mut findings = poolcheck_rules::check(&world).findings;
    let of_addresses =
        |finding: &Finding| poolcheck_rules::find(finding.rule).is_some_and(|rule| rule.family == "address");
    findings.retain(of_addresses);
    findings
}
