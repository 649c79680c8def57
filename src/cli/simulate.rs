//! `poolcheck simulate`: what would happen?

use std::path::PathBuf;

use clap::Args;

use super::Plain;
use crate::exit::Exit;
use crate::output::Style;

/// Play a scenario of machines that share addresses, and show what happens.
///
/// The machines run the announcer library itself, on a LAN in memory and in virtual time: a minute takes
/// milliseconds, and the same seed is the same run.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  poolcheck simulate examples/simulate/homelab.toml
  poolcheck simulate split.toml --seeds 1000     the same with other luck, a thousand times: is every promise kept?

Exit status: 0 every promise was kept, 1 one was broken (shown with its seed), 2 the scenario is wrong.")]
pub(crate) struct SimulateArgs {
    /// What happens (TOML): see docs/simulate.md
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    /// Decides what is left to chance, instead of the scenario's own seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Play it with so many seeds, and show only a run that breaks a promise
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seeds: Option<u64>,
    /// How to tell it
    #[arg(short, long, value_enum, default_value_t = Plain::Pretty)]
    output: Plain,
}

/// Plays it.
#[cfg(feature = "announce")]
pub(crate) fn run(args: &SimulateArgs, style: &Style) -> Exit {
    use poolcheck_announcer::sim;

    let mut scenario = match crate::simulate::read(&args.scenario) {
        Ok(scenario) => scenario,
        Err(failure) => return failure.tell(style),
    };
    scenario.seed = args.seed.unwrap_or(scenario.seed);
    let first = scenario.seed;
    let mut report = sim::run(&scenario);
    for seed in 1..args.seeds.unwrap_or(1) {
        if report.violation.is_some() {
            break;
        }
        scenario.seed = first.wrapping_add(seed);
        report = sim::run(&scenario);
    }
    let text = match (args.output, args.seeds, &report.violation) {
        (Plain::Json, ..) => crate::simulate::json(&scenario, &report),
        (Plain::Pretty, Some(seeds), None) => format!("ok: every promise kept with {seeds} seeds from {first} on\n"),
        (Plain::Pretty, Some(_), Some(_)) => format!("seed {}\n{}", scenario.seed, report.timeline),
        (Plain::Pretty, None, _) => report.timeline.to_string(),
    };
    if let Err(error) = crate::output::print(&text) {
        return crate::session::usage(&format!("standard output: {error}"), "").tell(style);
    }
    if report.violation.is_some() { Exit::Findings } else { Exit::Clean }
}

/// Says how to get what was left out.
#[cfg(not(feature = "announce"))]
pub(crate) fn run(args: &SimulateArgs, style: &Style) -> Exit {
    let SimulateArgs { scenario: _, seed: _, seeds: _, output: _ } = args;
    crate::session::usage(
        "this poolcheck was built without the announcer and its simulator",
        "install it with them: cargo install --path . --features announce",
    )
    .tell(style)
}
