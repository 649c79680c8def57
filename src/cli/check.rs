//! `poolcheck check`: the main job.

use clap::Args;
use poolcheck_rules::{Fact, Level};

use super::{InputArgs, JudgingArgs};
use crate::exit::Exit;
use crate::output::{self, Format, Output, Style};
use crate::session::{self, Session};

/// Check manifests against what is known of the LAN.
///
/// Finds pools that the router may lease to somebody else, points at the bytes in the manifest and at what the router
/// said, and computes the cure.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  poolcheck check                        check the manifests below this folder
  poolcheck check -o json=report.json -o concise k8s/
  kustomize build … | poolcheck check -  check what Kustomize renders
  poolcheck check --require dhcp,nodes   fail when these facts are missing")]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    judging: JudgingArgs,
    /// How to tell it: pretty, concise or json; with `=FILE`, write it there. May be given several times
    #[arg(short, long = "output", value_name = "FORMAT[=FILE]")]
    outputs: Vec<Output>,
    /// The level from which findings fail the run: error, warning, note or never
    #[arg(long, value_name = "LEVEL", value_parser = parse_threshold)]
    fail_on: Option<Threshold>,
    /// Fail with status 3 when a rule could not judge for want of these facts
    #[arg(long, value_name = "FACT", value_delimiter = ',', value_parser = super::parse_fact)]
    require: Vec<Fact>,
    /// Succeed when there is no pool to check
    #[arg(long)]
    allow_empty: bool,
}

/// The level from which findings fail a run; `None` for never.
pub(crate) type Threshold = Option<Level>;

pub(crate) fn parse_threshold(text: &str) -> Result<Threshold, String> {
    match text {
        "error" => Ok(Some(Level::Error)),
        "warning" => Ok(Some(Level::Warning)),
        "note" => Ok(Some(Level::Note)),
        "never" => Ok(None),
        _ => Err("the levels are error, warning, note and never".to_owned()),
    }
}

pub(crate) fn run(args: &CheckArgs, style: &Style) -> Exit {
    let session = match Session::open(&args.input) {
        Ok(session) => session,
        Err(failure) => return failure.tell(style),
    };
    let threshold = args.fail_on.unwrap_or(session.config.fail_on);
    let required: Vec<Fact> = args.require.iter().chain(&session.config.require).copied().collect();
    let allow_empty = args.allow_empty || session.config.allow_empty;
    let report = session.check(&args.judging);
    let default = [Output { format: Format::Pretty, file: None }];
    let outputs = if args.outputs.is_empty() { &default[..] } else { &args.outputs };
    if let Err(error) = output::write(outputs, &report, style) {
        return session::usage(
            &format!("cannot write the report: {error}"),
            "name a folder that exists and is writable",
        )
        .tell(style);
    }
    let missing: Vec<_> = report.not_checked.iter().filter(|verdict| required.contains(&verdict.fact)).collect();
    if !missing.is_empty() {
        output::print_error(&output::pretty::warning(&required_missing(&missing), style));
    }
    let empty = report.summary.pools == 0 && !allow_empty;
    if empty {
        output::print_error(&output::pretty::warning(&nothing_to_check(&report), style));
    }
    let findings = threshold.is_some_and(|level| report.reaches(level));
    Exit::of_run(findings, empty || !missing.is_empty() || !report.problems.is_empty())
}

fn required_missing(missing: &[&poolcheck_rules::NotChecked]) -> String {
    let mut facts: Vec<Fact> = missing.iter().map(|verdict| verdict.fact).collect();
    facts.sort();
    facts.dedup();
    let lines =
        facts.iter().map(|fact| format!("{} is required, and {}: {}", fact.name(), fact.missing(), fact.remedy()));
    lines.collect::<Vec<_>>().join("\n")
}

fn nothing_to_check(report: &crate::report::Report) -> String {
    format!(
        "no pool found in {}: searched YAML and JSON files for MetalLB pools (IPAddressPool, AddressPool, ConfigMap `config`)\n\
         name the folder that holds them, render templates first (helm template … | poolcheck check -), or pass --allow-empty",
        crate::report::counted(report.summary.files, "file"),
    )
}
