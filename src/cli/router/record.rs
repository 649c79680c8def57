//! `poolcheck router record`: a router's answers as fixtures, without names and keys, with what was taken out.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use poolcheck_plan::Sources;
use poolcheck_router_adapters::engine::scrub;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, Style};
use crate::router::ask::{self, AskArgs};
use crate::session::usage;

/// Record a router's answers, without names and keys, for a test or a report.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  poolcheck router record --adapter fritzbox --user reader
  poolcheck router record --adapter ./my-router.toml --to fixtures/my-router

Read what it wrote before you send it to anybody: it takes out what it knows to be yours, and cannot know everything.")]
pub(crate) struct RecordArgs {
    #[command(flatten)]
    ask: AskArgs,
    /// The folder to write to; `recorded-` and the adapter's name unless said
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

pub(super) fn run(args: &RecordArgs, style: &Style) -> Result<Exit, Failure> {
    let mut sources = Sources::new();
    let config = ask::configuration(&mut sources)?;
    let jobs = ask::jobs(&args.ask, &config, &mut sources, style)?;
    if args.to.is_some() && jobs.len() > 1 {
        return Err(usage("several routers cannot be recorded into one folder", "choose one with --adapter"));
    }
    let mut text = String::new();
    for job in jobs {
        let adapter = job.choice.asker()?;
        let id = &adapter.description().id;
        let said = job.record(style)?;
        let folder = args.to.clone().unwrap_or_else(|| format!("recorded-{id}").into());
        let unwritable = |error: std::io::Error| {
            usage(&format!("{} cannot be written: {error}", folder.display()), "name a folder with --to")
        };
        std::fs::create_dir_all(&folder).map_err(unwritable)?;
        let mut scrubber = scrub::Scrubber::new(&adapter.description().redact);
        said.answers.iter().for_each(|(_, answer)| scrubber.learn(answer));
        for (step, answer) in &said.answers {
            let name = format!("{step}.{}", ending(answer));
            let scrubbed = scrubber.scrub(answer);
            output::write_file(&folder.join(&name), &scrubbed.text).map_err(unwritable)?;
            let removed: Vec<String> =
                scrubbed.removed.iter().map(|(what, count)| format!("{count} of {what}")).collect();
            let removed = if removed.is_empty() { "nothing".to_owned() } else { removed.join(", ") };
            writeln!(text, "{}\n  taken out: {removed}", folder.join(&name).display()).expect("writes to a string");
        }
        if let Some(problem) = &said.ended {
            writeln!(text, "ended early: {problem}").expect("writes to a string");
        }
        text.push_str("read these files before you send them to anybody: a name that looks like a setting stays\n");
    }
    Ok(output::finish(output::print(&text), style))
}

/// How a file with this text is named.
fn ending(text: &str) -> &'static str {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.starts_with(['{', '[']) {
        "json"
    } else if start.starts_with("<?xml") || start.starts_with("<response") || start.contains("Envelope") {
        "xml"
    } else if start.starts_with('<') {
        "html"
    } else {
        "txt"
    }
}
