//! `poolcheck rules`: all rules, a line each.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;

use super::Plain;
use crate::exit::Exit;
use crate::output::{self, Style};

/// List the rules.
#[derive(Debug, Args)]
pub(crate) struct RulesArgs {
    /// How to tell it
    #[arg(short, long, value_enum, default_value_t = Plain::Pretty)]
    output: Plain,
}

#[derive(Serialize)]
struct JsonRule {
    id: &'static str,
    level: &'static str,
    family: &'static str,
    needs: Vec<&'static str>,
    since: &'static str,
    summary: &'static str,
    url: String,
}

pub(crate) fn run(args: &RulesArgs, style: &Style) -> Exit {
    let text = match args.output {
        Plain::Pretty => table(),
        Plain::Json => json(),
    };
    output::finish(output::print(&text), style)
}

fn table() -> String {
    let width = poolcheck_rules::all().iter().map(|r| r.rule.id.len()).max().unwrap_or(0);
    let mut out = String::new();
    for registered in poolcheck_rules::all() {
        let (id, level) = (registered.rule.id, registered.rule.level.name());
        writeln!(out, "{id:width$}  {level:7}  {}", registered.summary()).expect("writes to a string");
    }
    out
}

fn json() -> String {
    let rules: Vec<JsonRule> = poolcheck_rules::all()
        .iter()
        .map(|registered| JsonRule {
            id: registered.rule.id,
            level: registered.rule.level.name(),
            family: registered.family,
            needs: registered.rule.needs.iter().map(|fact| fact.name()).collect(),
            since: registered.rule.since,
            summary: registered.summary(),
            url: registered.url(),
        })
        .collect();
    serde_json::to_string_pretty(&rules).unwrap_or_default() + "\n"
}
