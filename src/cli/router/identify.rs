//! `poolcheck router identify`: what a router is, by what it shows to everybody.

use std::fmt::Write as _;

use clap::Args;

use super::Plain;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, Style, pretty};
use crate::router::ask;
use crate::router::json::{JsonAsked, Told};

/// Ask what a router is, without any password.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  poolcheck router identify
  poolcheck router identify 192.168.1.1 -o json")]
pub(crate) struct IdentifyArgs {
    /// The host; the default gateway unless said
    #[arg(value_name = "HOST")]
    host: Option<String>,
    /// Ask a router whose address is not private
    #[arg(long)]
    allow_public: bool,
    /// How long each request may take, at most 5
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=5))]
    timeout: u64,
    /// How to tell it
    #[arg(short, long, value_enum, default_value_t = Plain::Pretty)]
    output: Plain,
}

pub(super) fn run(args: &IdentifyArgs, style: &Style) -> Result<Exit, Failure> {
    let host = args.host.clone().map_or_else(ask::default_gateway, Ok)?;
    let found = ask::identify(&host, args.timeout, args.allow_public)?;
    let ids = ask::recognised(&found);
    let known = !ids.is_empty();
    let text = match args.output {
        Plain::Json => {
            let asked = found.into_iter().map(|one| JsonAsked {
                request: one.asked,
                answer: one.answer,
                adapters: one.adapters,
            });
            Told::Identified { host, asked: asked.collect(), adapters: ids }.text()
        }
        Plain::Pretty => {
            let mut text = ask::told_of(&host, &found, style) + "\n";
            for id in &ids {
                writeln!(text, "this is for the adapter {id}: poolcheck router fetch --adapter {id} --host {host}")
                    .expect("writes to a string");
            }
            if !known {
                text.push_str("no adapter knows it: write the range into lan.toml, or an adapter file (docs/adapters/write-one.md)\n");
            }
            if style.ascii { pretty::ascii(&text) } else { text }
        }
    };
    Ok(output::finish(output::print(&text), style).max(Exit::of_run(false, !known)))
}
