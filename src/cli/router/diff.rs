//! `poolcheck router diff`: poolcheck.lock against what the routers say now.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use poolcheck_plan::Sources;
use poolcheck_plan::drift::Change;

use super::Plain;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, Style, pretty};
use crate::router::ask;
use crate::router::json::Told;
use crate::router::lock;
use crate::session::usage;

/// Compare poolcheck.lock with what the routers say now.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  poolcheck router diff
  poolcheck router diff --lock=lan/poolcheck.lock -o json

Exit status: 0 when nothing differs, 1 when something does.")]
pub(crate) struct DiffArgs {
    /// The lock; the one that is found unless said
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// How to tell it
    #[arg(short, long, value_enum, default_value_t = Plain::Pretty)]
    output: Plain,
}

pub(super) fn run(args: &DiffArgs, style: &Style) -> Result<Exit, Failure> {
    let mut sources = Sources::new();
    let config = ask::configuration(&mut sources)?;
    let file = args.lock.clone().unwrap_or_else(|| lock::place(Path::new("."), config.folder.as_deref()));
    if !file.exists() {
        return Err(usage(&format!("there is no {}", file.display()), "write it: poolcheck router fetch --lock"));
    }
    let mut routers = Vec::new();
    let mut changes: Vec<(String, Change)> = Vec::new();
    let mut text = String::new();
    for locked in lock::read(&file, &mut sources)? {
        let title = format!("{} {}", locked.adapter, locked.host);
        let now = ask::job_of(&locked, &config, &mut sources)?.fetch(&mut sources, style)?.locked;
        let drift = locked.facts.drift(&now.facts);
        let read_at = locked.facts.origins.first().and_then(|origin| origin.read_at.clone()).unwrap_or_default();
        let same = if drift.is_empty() { ": nothing differs" } else { ":" };
        writeln!(text, "{title}, locked {read_at}, against now{same}").expect("writes to a string");
        let width = drift.iter().map(|change| change.what.chars().count()).max().unwrap_or(0);
        for change in &drift {
            writeln!(text, "  {}  {:<width$}  {}", change.segment, change.what, change.told())
                .expect("writes to a string");
        }
        routers.push(title.clone());
        changes.extend(drift.into_iter().map(|change| (title.clone(), change)));
    }
    let differs = !changes.is_empty();
    let text = match args.output {
        Plain::Json => Told::drift(routers, &changes).text(),
        Plain::Pretty if style.ascii => pretty::ascii(&text),
        Plain::Pretty => text,
    };
    Ok(output::finish(output::print(&text), style).max(Exit::of_run(differs, false)))
}
