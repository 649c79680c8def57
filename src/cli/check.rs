//! `poolcheck check`: the main job.

use std::path::{Path, PathBuf};

use clap::Args;
use poolcheck_rules::{Fact, Level, Safety};

use super::{InputArgs, JudgingArgs};
use crate::baseline::{self, Baseline, Covered};
use crate::config::Config;
use crate::exit::Exit;
use crate::fix;
use crate::output::{self, Format, Output, Style};
use crate::report::Report;
use crate::session::{self, Failure, Session};

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
    /// Ask the routers of poolcheck.lock what they say now: what differs is a finding (feature `live`)
    #[arg(long, conflicts_with = "staged")]
    drift: bool,
    #[command(flatten)]
    baseline: BaselineArgs,
    #[command(flatten)]
    fix: FixArgs,
}

#[derive(Debug, Args)]
struct FixArgs {
    /// Apply the safe fixes, then check what remains
    #[arg(long)]
    fix: bool,
    /// With --fix or --diff: apply also those that change what the cluster does
    #[arg(long)]
    unsafe_fixes: bool,
    /// Show what --fix would change, as a diff, and write nothing
    #[arg(long, conflicts_with = "fix")]
    diff: bool,
}

#[derive(Debug, Args)]
struct BaselineArgs {
    /// Accept the findings that this file names, poolcheck-baseline.json unless said
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = baseline::NAME,
        conflicts_with = "write_baseline"
    )]
    baseline: Option<PathBuf>,
    /// Write what is found now into a new baseline, or take what is gone out of one that is there
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "the flag, and its file, may each be absent")]
    write_baseline: Option<Option<PathBuf>>,
    /// Let --write-baseline also add what is new to a baseline that is there
    #[arg(long, requires = "write_baseline")]
    baseline_add: bool,
}

impl BaselineArgs {
    /// Takes what the baseline names out of the findings, and writes nothing.
    fn accept(&self, config: &Config, covered: &Covered, report: &mut Report) -> Result<(), Failure> {
        let file = self.baseline.as_deref().or(config.baseline.as_deref()).filter(|_| self.write_baseline.is_none());
        if let Some(file) = file
            && let Some(known) = Baseline::read(file)?
        {
            known.apply(report, covered, file);
        }
        Ok(())
    }

    /// Writes the baseline when asked to, then takes what it names out of the findings.
    fn apply(&self, config: &Config, covered: &Covered, report: &mut Report) -> Result<(), Failure> {
        let configured = config.baseline.as_deref();
        match (&self.write_baseline, self.baseline.as_deref().or(configured)) {
            (Some(file), _) => {
                let file = file.as_deref().or(configured).unwrap_or(Path::new(baseline::NAME));
                let old = Baseline::read(file)?;
                let grow = old.is_none() || self.baseline_add;
                let new = old.unwrap_or_default().after(report, covered, file, grow);
                new.write(file)?;
                new.apply(report, covered, file);
            }
            (None, Some(file)) => {
                let Some(known) = Baseline::read(file)? else {
                    let message = format!("there is no baseline {}", file.display());
                    return Err(session::usage(&message, &format!("write it: --write-baseline={}", file.display())));
                };
                known.apply(report, covered, file);
            }
            (None, None) => {}
        }
        Ok(())
    }
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
    match edit(args, style).and_then(|ended| match ended {
        Some(exit) => Ok(exit),
        None => judge(args, style),
    }) {
        Ok(exit) => exit,
        Err(failure) => failure.tell(style),
    }
}

/// Applies fixes, or shows them; the status where that was all.
fn edit(args: &CheckArgs, style: &Style) -> Result<Option<Exit>, Failure> {
    let FixArgs { fix, unsafe_fixes, diff } = args.fix;
    if !fix && !diff {
        let help = "add --fix, or --diff to see them first";
        return if unsafe_fixes { Err(session::usage("--unsafe-fixes alone does nothing", help)) } else { Ok(None) };
    }
    let only_files = "write it to a file, and fix that";
    if args.input.staged {
        return Err(session::usage("the git index cannot be fixed", "fix the work tree, and stage it"));
    }
    if args.input.paths.iter().chain(&args.input.file_list).any(|path| path == Path::new("-")) {
        return Err(session::usage("standard input cannot be fixed", only_files));
    }
    let permitted = if unsafe_fixes { Safety::Unsafe } else { Safety::Safe };
    let fixed = fix::run(permitted, |buffers| {
        let (mut report, config, covered) = look(args, buffers, None)?;
        args.baseline.accept(&config, &covered, &mut report)?;
        Ok(report)
    })?;
    for refused in &fixed.refused {
        output::print_error(&output::pretty::warning(&format!("not fixed: {refused}"), style));
    }
    if diff {
        let text = fixed.diff();
        let printed = output::finish(output::print(&text), style);
        return Ok(Some(printed.max(Exit::of_run(!text.is_empty(), false))));
    }
    fixed.write()?;
    for done in &fixed.done {
        output::print_error(&format!("fixed: {done}"));
    }
    Ok(None)
}

/// Reads and judges, without the baseline.
fn look(args: &CheckArgs, buffers: &fix::Buffers, style: Option<&Style>) -> Result<(Report, Config, Covered), Failure> {
    let mut session = Session::open_with(&args.input, buffers)?;
    if let Some(style) = style.filter(|_| args.drift) {
        session::ask_again(&args.input, style, &mut session)?;
    }
    let config = session.config.clone();
    let levels = args.judging.levels_over(&config.levels);
    let off = levels.into_iter().filter(|(_, level)| level.is_none()).map(|(rule, _)| rule).collect();
    Ok((session.check(&args.judging), config, Covered { paths: args.input.paths.clone(), off }))
}

fn judge(args: &CheckArgs, style: &Style) -> Result<Exit, Failure> {
    let (mut report, config, covered) = look(args, &fix::Buffers::new(), Some(style))?;
    let threshold = args.fail_on.unwrap_or(config.fail_on);
    let required: Vec<Fact> = args.require.iter().chain(&config.require).copied().collect();
    let allow_empty = args.allow_empty || config.allow_empty;
    args.baseline.apply(&config, &covered, &mut report)?;
    let default = [Output { format: Format::Pretty, file: None }];
    let outputs = if args.outputs.is_empty() { &default[..] } else { &args.outputs };
    output::write(outputs, &report, style).map_err(|error| {
        session::usage(&format!("cannot write the report: {error}"), "name a folder that exists and is writable")
    })?;
    let missing: Vec<_> = report.not_checked.iter().filter(|verdict| required.contains(&verdict.fact)).collect();
    if !missing.is_empty() {
        output::print_error(&output::pretty::warning(&required_missing(&missing), style));
    }
    let empty = report.summary.pools == 0 && !allow_empty;
    if empty {
        output::print_error(&output::pretty::warning(&nothing_to_check(&report), style));
    }
    let findings = threshold.is_some_and(|level| report.reaches(level));
    Ok(Exit::of_run(findings, empty || !missing.is_empty() || !report.problems.is_empty()))
}

fn required_missing(missing: &[&poolcheck_rules::NotChecked]) -> String {
    let mut facts: Vec<Fact> = missing.iter().map(|verdict| verdict.fact).collect();
    facts.sort();
    facts.dedup();
    let lines = facts.iter().map(|fact| {
        // In part, or as a whole.
        let part = missing.iter().find(|verdict| verdict.fact == *fact && verdict.subject.is_some());
        let what = part.map_or(fact.missing(), |verdict| &verdict.reason);
        format!("{} is required, and {what}: {}", fact.name(), fact.remedy())
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn nothing_to_check(report: &Report) -> String {
    format!(
        "no pool found in {}: searched YAML and JSON files for MetalLB pools (IPAddressPool, AddressPool, ConfigMap `config`)\n\
         name the folder that holds them, render templates first (helm template … | poolcheck check -), or pass --allow-empty",
        crate::report::counted(report.summary.files, "file"),
    )
}
