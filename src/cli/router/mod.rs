//! `poolcheck router`: a router's facts, from a saved page or a file, or from the router itself.

#[cfg(feature = "live")]
mod diff;
#[cfg(feature = "live")]
mod fetch;
#[cfg(feature = "live")]
mod identify;
mod list;
mod read;
#[cfg(feature = "live")]
mod record;
mod test;

use clap::{Subcommand, ValueEnum};
use poolcheck_plan::{Facts, Sources};
use poolcheck_router_adapters as adapters;

use super::Plain;
use crate::exit::Exit;
use crate::output::{self, Style};
use crate::router::json::Told;

#[derive(Debug, Subcommand)]
pub(crate) enum RouterCommand {
    /// List the adapters: what can be read, how sure that is, what it needs
    List(list::ListArgs),
    /// Read a saved page, a configuration file, or recorded answers
    Read(read::ReadArgs),
    /// Run the tests of an adapter file
    Test(test::TestArgs),
    /// Ask what a router is, without any password; the default gateway unless said
    #[cfg(feature = "live")]
    Identify(identify::IdentifyArgs),
    /// Fetch the facts from the router itself
    #[cfg(feature = "live")]
    Fetch(fetch::FetchArgs),
    /// Compare poolcheck.lock with what the routers say now
    #[cfg(feature = "live")]
    Diff(diff::DiffArgs),
    /// Record a router's answers, without names and keys, for a test or a report
    #[cfg(feature = "live")]
    Record(record::RecordArgs),
    /// In a build with the feature `live`: ask a router
    #[cfg(not(feature = "live"))]
    #[command(aliases = ["identify", "diff", "record"])]
    Fetch(CannotArgs),
}

/// What a build that talks to no router is asked.
#[cfg(not(feature = "live"))]
#[derive(Debug, clap::Args)]
pub(crate) struct CannotArgs {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    _rest: Vec<String>,
}

/// How facts are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    Pretty,
    Toml,
    Json,
}

pub(crate) fn run(command: RouterCommand, style: &Style) -> Exit {
    let told = match command {
        RouterCommand::List(args) => list::run(&args, style),
        RouterCommand::Read(args) => read::run(&args, style),
        RouterCommand::Test(args) => test::run(&args, style),
        #[cfg(feature = "live")]
        RouterCommand::Identify(args) => identify::run(&args, style),
        #[cfg(feature = "live")]
        RouterCommand::Fetch(args) => fetch::run(&args, style),
        #[cfg(feature = "live")]
        RouterCommand::Diff(args) => diff::run(&args, style),
        #[cfg(feature = "live")]
        RouterCommand::Record(args) => record::run(&args, style),
        #[cfg(not(feature = "live"))]
        RouterCommand::Fetch(_) => Err(crate::router::cannot_ask()),
    };
    told.unwrap_or_else(|failure| failure.tell(style))
}

/// Tells facts.
fn tell(facts: &Facts, sources: &Sources, form: Form, style: &Style) -> Exit {
    let text = match form {
        Form::Toml => adapters::to_toml(facts),
        Form::Json => Told::facts(facts, sources).text(),
        Form::Pretty => {
            let cards = sources.iter().filter(|(_, source)| source.kind == poolcheck_plan::SourceKind::Card);
            let cards: Vec<String> =
                cards.map(|(_, card)| format!("{}\n{}\n", card.name, card.text.trim_end())).collect();
            if cards.is_empty() { adapters::to_toml(facts) } else { cards.concat() }
        }
    };
    output::finish(output::print(&text), style)
}
