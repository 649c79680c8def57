//! `poolcheck router fetch`: the facts from the router itself, shown or kept in poolcheck.lock.

use std::path::{Path, PathBuf};

use clap::Args;
use poolcheck_plan::{Facts, Sources};

use super::{Form, tell};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, Style};
use crate::router::ask::{self, AskArgs};
use crate::router::lock;

/// Fetch the facts from the router itself.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  poolcheck router fetch
  poolcheck router fetch --adapter sky-hub --secret-command 'pass show hub' --lock
  poolcheck router fetch --adapter ./my-router.toml --host 192.168.1.1")]
pub(crate) struct FetchArgs {
    #[command(flatten)]
    ask: AskArgs,
    /// Keep the facts in this file, poolcheck.lock unless said; what other routers said stays in it
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "the flag, and its file, may each be absent")]
    lock: Option<Option<PathBuf>>,
    /// How to tell it
    #[arg(short, long, value_enum, default_value_t = Form::Pretty)]
    output: Form,
}

pub(super) fn run(args: &FetchArgs, style: &Style) -> Result<Exit, Failure> {
    let mut sources = Sources::new();
    let config = ask::configuration(&mut sources)?;
    let mut fetched = Vec::new();
    for job in ask::jobs(&args.ask, &config, &mut sources, style)? {
        fetched.push(job.fetch(&mut sources, style)?.locked);
    }
    let mut facts = Facts::default();
    for locked in &fetched {
        facts.merge(locked.facts.clone());
    }
    if let Some(file) = &args.lock {
        let file = file.clone().unwrap_or_else(|| lock::place(Path::new("."), config.folder.as_deref()));
        lock::write(&file, fetched)?;
        output::print_error(&format!("written: {}", file.display()));
    }
    Ok(tell(&facts, &sources, args.output, style))
}
