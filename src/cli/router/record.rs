//! `poolcheck router record`: a router's answers as fixtures, without names and keys, with what was taken out.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use poolcheck_plan::Sources;
use poolcheck_router_adapters::engine::{Declared, Replies, scrub};

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
        let mut clean = Vec::new();
        for (step, answer) in &said.answers {
            let name = format!("{step}.{}", ending(answer));
            let scrubbed = scrubber.scrub(answer);
            output::write_file(&folder.join(&name), &scrubbed.text).map_err(unwritable)?;
            clean.push((step.clone(), folder.join(&name), scrubbed.text));
            let removed: Vec<String> =
                scrubbed.removed.iter().map(|(what, count)| format!("{count} of {what}")).collect();
            let removed = if removed.is_empty() { "nothing".to_owned() } else { removed.join(", ") };
            writeln!(text, "{}\n  taken out: {removed}", folder.join(&name).display()).expect("writes to a string");
        }
        match test_of(adapter, &said.answers, &clean) {
            Ok(test) => {
                let file = folder.join("test.toml");
                output::write_file(&file, &test).map_err(unwritable)?;
                writeln!(text, "{}\n  a test for the adapter file, of what these answers say", file.display())
                    .expect("writes to a string");
            }
            Err(reason) => writeln!(text, "no test was made of them: {reason}").expect("writes to a string"),
        }
        if let Some(problem) = &said.ended {
            writeln!(text, "ended early: {problem}").expect("writes to a string");
        }
        text.push_str("read these files before you send them to anybody: a name that looks like a setting stays\n");
    }
    Ok(output::finish(output::print(&text), style))
}

/// A `[[test]]` of the recorded answers, where they say what the router's own answers say.
fn test_of(
    adapter: &Declared,
    answers: &[(String, String)],
    clean: &[(String, PathBuf, String)],
) -> Result<String, String> {
    let read = |texts: &[(&str, &str)]| {
        let facts = adapter.facts(&Replies { texts, read_at: None }, &mut Sources::new());
        facts.map_err(|error| error.to_string())
    };
    let before: Vec<(&str, &str)> = answers.iter().map(|(step, text)| (step.as_str(), text.as_str())).collect();
    let after: Vec<(&str, &str)> = clean.iter().map(|(step, _, text)| (step.as_str(), text.as_str())).collect();
    let (before, mut after) = (read(&before)?, read(&after)?);
    // Names and hardware addresses are others now; nothing else may be.
    let drift = before.drift(&after);
    if let Some(change) = drift.iter().find(|change| change.what != "name" && !change.what.starts_with("reservation "))
    {
        return Err(format!("what was taken out is needed to read the {}", change.what));
    }
    after.origins.clear();
    let files: Vec<String> = clean
        .iter()
        .filter(|(step, _, _)| adapter.description().step.iter().any(|known| known.id == *step))
        .map(|(step, file, _)| format!("{step} = {}", toml::Value::String(file.display().to_string())))
        .collect();
    let facts = poolcheck_router_adapters::to_toml(&after);
    Ok(format!(
        "[[test]]\nname  = \"as it was recorded\"\nfiles = {{ {} }}\nfacts = '''\n{}\n'''\n",
        files.join(", "),
        facts.trim_end()
    ))
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
