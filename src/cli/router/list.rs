//! `poolcheck router list`: what exists, how sure it is, what it needs.

use std::fmt::Write as _;

use clap::Args;

use super::Plain;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, Style, pretty};
use crate::router::json::Told;
use crate::router::{Listed, Secrecy};

/// List the adapters.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  poolcheck router list
  poolcheck router list -o json")]
pub(crate) struct ListArgs {
    /// How to tell it
    #[arg(short, long, value_enum, default_value_t = Plain::Pretty)]
    output: Plain,
}

#[expect(clippy::unnecessary_wraps, reason = "as every subcommand")]
pub(super) fn run(args: &ListArgs, style: &Style) -> Result<Exit, Failure> {
    let listed = crate::router::list();
    let text = match args.output {
        Plain::Json => Told::list(listed).text(),
        Plain::Pretty => {
            let width = listed.iter().map(|one| one.id.chars().count()).max().unwrap_or(0);
            listed.iter().map(|one| told(one, width)).collect()
        }
    };
    let text = if style.ascii && args.output == Plain::Pretty { pretty::ascii(&text) } else { text };
    Ok(output::finish(output::print(&text), style))
}

fn told(one: &Listed, width: usize) -> String {
    let how = match (one.file, one.live) {
        (true, true) => "file, live",
        (true, false) => "file",
        _ => "live",
    };
    let mut out = format!("{:<width$}  {} ({how})\n", one.id, one.title);
    let mut line =
        |what: &str, text: &str| writeln!(out, "{:<width$}  {what}: {text}", "").expect("writes to a string");
    let tested = one.tested_on.join(", ");
    line(
        "tried on",
        if !tested.is_empty() {
            &tested
        } else if one.live {
            "no device yet"
        } else {
            "files"
        },
    );
    line("known from", &one.evidence);
    if let Some(needs) = &one.needs {
        line("needs", needs);
    }
    if one.secret == Secrecy::Optional {
        line("password", "only where the router is set up with one");
    }
    if let Some(consent) = &one.consent {
        line("does", consent);
    }
    out
}
