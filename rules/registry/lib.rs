//! The rules of poolcheck: every file in a family folder is one rule.
mod bgp;
mod cure;
mod finding;
mod ignores;
mod metallb;
mod occupied;
mod peers;
mod pods;
mod releases;
mod rule;
mod run;
mod segment;
mod wire;
mod words;
mod world;

pub use cure::Cure;
pub use finding::{Finding, Findings, Fix, Label, Level, NotChecked, Outcome, Safety};
pub use ignores::{
    ANNOTATION, ANNOTATION_REASON, ANNOTATION_UNTIL, ConfiguredIgnore, IgnoredBy, Ignoring, Suppressed, name_pattern,
    parse_day,
};
pub use pods::{Held, Pods, Speakers};
pub use releases::ValuesFile;
pub use rule::{Fact, Registered, Rule};
pub use run::{APPLYING_WORDS, IGNORE, WIRE, check, check_with, support_words, words};
pub use world::{FACTS_MAX_AGE, SkippedDocument, Unseen, World, WorldInput};

include!(concat!(env!("OUT_DIR"), "/registry.rs"));

/// All rules, ordered by family and name.
pub fn all() -> &'static [Registered] {
    REGISTRY
}

/// The rule with this id.
pub fn find(id: &str) -> Option<&'static Registered> {
    REGISTRY.iter().find(|registered| registered.rule.id == id)
}
