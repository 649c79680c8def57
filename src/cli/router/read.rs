//! `poolcheck router read`: files into facts.

use std::path::{Path, PathBuf};

use clap::Args;
use poolcheck_plan::Sources;
use poolcheck_router_adapters as adapters;

use super::{Form, tell};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Style;
use crate::router::{Choice, Named, ids};
use crate::session::usage;

/// Read a saved page, a configuration file, or recorded answers.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  poolcheck router read sky_lan_ip_setup.html
  poolcheck router read --adapter sky-hub page.html -o toml > lan.toml
  poolcheck router read --adapter ./my-router.toml dhcp=saved.json")]
pub(crate) struct ReadArgs {
    /// The files that belong together; a recorded answer is named after its step, or given as STEP=FILE
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The adapter, when the content does not tell, or an adapter file of your own
    #[arg(long, value_name = "ID|FILE")]
    adapter: Option<String>,
    /// How to tell it
    #[arg(short, long, value_enum, default_value_t = Form::Pretty)]
    output: Form,
}

pub(super) fn run(args: &ReadArgs, style: &Style) -> Result<Exit, Failure> {
    let mut sources = Sources::new();
    let facts = pick(args, &mut sources)?.read(&args.files, false, &mut sources)?;
    Ok(tell(&facts, &sources, args.output, style))
}

fn pick(args: &ReadArgs, sources: &mut Sources) -> Result<Choice, Failure> {
    if let Some(name) = &args.adapter {
        return Choice::of(&Named::of(name, Path::new("")), sources);
    }
    let file = &args.files[0];
    let text = crate::config::read_text(file, false)?;
    let name = crate::collect::shown(file);
    let found = adapters::recognise(&adapters::Page { name: &name, text: &text });
    found.and_then(|adapter| Choice::built_in(adapter.id)).ok_or_else(|| {
        let help = format!("force one with --adapter: {}", ids().join(", "));
        usage(&format!("{name} is not a format that poolcheck knows"), &help)
    })
}
