//! The program `poolcheck`, as a library for its own tests: wiring only.
//!
//! [`collect`] reads files, [`session`] brings manifests, facts and configuration together into one world, the rules
//! judge it, [`output`] tells it, [`exit`] decides the status.

#[cfg(all(feature = "announce", target_os = "linux"))]
mod announce;
pub mod baseline;
pub mod cli;
#[cfg(feature = "cluster")]
mod cluster;
pub mod collect;
pub mod config;
pub mod exit;
mod failure;
pub mod fix;
#[cfg(feature = "lsp")]
mod lsp;
#[cfg(any(feature = "watch", feature = "announce"))]
mod metrics;
pub mod output;
pub mod report;
pub mod router;
pub mod scan;
mod schema;
pub mod session;
#[cfg(feature = "announce")]
mod simulate;

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The words that are searched for in every file; for measuring.
pub fn words() -> Vec<&'static str> {
    [&poolcheck_rules::words(), &poolcheck_rules::support_words(), poolcheck_rules::APPLYING_WORDS].concat()
}

/// Whether a text is read as the announcer's configuration, and whether as a scenario; for fuzzing.
#[cfg(all(feature = "announce", target_os = "linux"))]
pub fn reads_as(text: &str) -> [bool; 2] {
    let name = || "text.toml".to_owned();
    let config = announce::config::Config::parse(text, name(), std::path::PathBuf::new());
    [config.is_ok(), simulate::parse(text, name()).is_ok()]
}

/// The committed files that the code generates, by path from the repository's root.
pub fn generated() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut index = String::from(
        "# Rules\n\nGenerated from the rules' own documentation by `cargo xtask generate`.\n\n| rule | level | what is wrong |\n|---|---|---|\n",
    );
    for registered in poolcheck_rules::all() {
        let rule = registered.rule;
        writeln!(index, "| [{0}]({0}.md) | {1} | {2} |", rule.id, rule.level.name(), registered.summary())
            .expect("writes to a string");
        files.insert(format!("docs/rules/{}.md", rule.id), cli::rule_page(registered));
    }
    files.insert("docs/rules/README.md".to_owned(), index);
    files.insert("docs/schema/poolcheck.json".to_owned(), schema::configuration());
    files.insert("docs/schema/facts.json".to_owned(), schema::facts());
    files.insert("docs/schema/announcer.json".to_owned(), schema::announcer());
    files.insert("docs/schema/adapter-v1.json".to_owned(), schema::adapter());
    files.insert("docs/schema/router-v1.json".to_owned(), router::json::schema());
    files.insert("docs/schema/report-v1.json".to_owned(), output::json::schema());
    files.insert("docs/schema/watch-v1.json".to_owned(), output::json::schema_of_changes());
    files
}
