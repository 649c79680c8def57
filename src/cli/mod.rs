//! The command line: one file a subcommand.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use poolcheck_rules::Fact;

use crate::exit::Exit;
use crate::output::Style;

mod announce;
mod check;
mod claims;
mod completions;
mod config;
mod explain;
mod init;
mod judging;
mod lsp;
mod render;
mod router;
mod rules;
mod scan;
mod simulate;
mod suggest;

pub use explain::page as rule_page;
pub(crate) use judging::JudgingArgs;

/// Network-safety linter for bare-metal Kubernetes address pools.
#[derive(Debug, Parser)]
#[command(name = "poolcheck", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "Examples:
  poolcheck check                      check the manifests below this folder
  poolcheck check --facts lan.toml k8s/
  helm template … | poolcheck check -  check what Helm renders
  poolcheck suggest --size 16          where can a pool of 16 addresses go?

Exit status: 0 clean, 1 findings, 2 wrong usage or configuration, 3 could not check.")]
pub struct Cli {
    #[command(flatten)]
    look: Look,
    #[command(subcommand)]
    command: Command,
}

/// How texts for people are drawn.
#[derive(Debug, Args)]
struct Look {
    /// Use colours: when the output is a terminal, always, or never.
    #[arg(long, global = true, value_enum, default_value_t = When::Auto, value_name = "WHEN")]
    color: When,
    /// Draw with ASCII characters only.
    #[arg(long, global = true)]
    ascii: bool,
}

/// How an answer that is neither findings nor facts is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Plain {
    /// For people
    Pretty,
    /// For programs
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check manifests against what is known of the LAN
    Check(check::CheckArgs),
    /// Show every claim on the address space: who, where it was said, how sure
    Claims(claims::ClaimsArgs),
    /// Compute where a pool can safely go
    Suggest(suggest::SuggestArgs),
    /// Ask the wire who is on the pools' addresses
    Scan(scan::ScanArgs),
    /// Explain a rule
    Explain(explain::ExplainArgs),
    /// List the rules
    Rules(rules::RulesArgs),
    /// Tell a JSON report in another format
    Render(render::RenderArgs),
    /// Write a configuration and a facts file to begin with
    Init(init::InitArgs),
    /// Show the configuration that applies, and where each value comes from
    Config(config::ConfigArgs),
    /// Play a scenario of machines that share addresses, and show what happens (feature `announce`)
    Simulate(simulate::SimulateArgs),
    /// Share addresses with other machines: own, answer, fail over (feature `announce`)
    Announce(announce::AnnounceArgs),
    /// Write completions for a shell
    Completions(completions::CompletionsArgs),
    /// Write the manual page
    Man,
    /// Serve an editor: the Language Server Protocol on standard input and output
    Lsp,
    /// Read a router's DHCP ranges
    #[command(subcommand)]
    Router(router::RouterCommand),
}

/// What to look at and what is known; shared by every subcommand that reads manifests.
#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// Files or folders to read; `-` reads standard input
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    /// Read facts of the LAN from this file (TOML); may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) facts: Vec<PathBuf>,
    /// Use this configuration instead of looking for poolcheck.toml
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub(crate) config: Option<PathBuf>,
    /// Use no configuration file and no facts but those named here
    #[arg(long)]
    pub(crate) no_config: bool,
    /// Read more inputs from this file, one a line; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) file_list: Option<PathBuf>,
    /// The name under which standard input is shown
    #[arg(long, value_name = "NAME")]
    pub(crate) stdin_filename: Option<String>,
    /// Leave out files that match this glob; may be given several times
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Also read hidden files and folders
    #[arg(long)]
    pub(crate) hidden: bool,
    /// Judge what runs in a cluster instead of files: the current context, or this one (feature `cluster`)
    #[arg(long, value_name = "CONTEXT", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    #[arg(conflicts_with_all = ["staged", "file_list"])]
    pub(crate) cluster: Option<String>,
    /// Read what is staged in git instead of the work tree
    #[arg(long)]
    pub(crate) staged: bool,
    /// Put this variable in where Flux would (`${NAME}`); may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_variable)]
    pub(crate) set: Vec<(String, String)>,
}

impl InputArgs {
    /// These files and folders, and nothing else said.
    pub(crate) fn of(paths: Vec<PathBuf>) -> Self {
        Self {
            cluster: None,
            paths,
            facts: Vec::new(),
            config: None,
            no_config: false,
            file_list: None,
            stdin_filename: None,
            exclude: Vec::new(),
            hidden: false,
            staged: false,
            set: Vec::new(),
        }
    }
}

/// A variable on the command line.
fn parse_variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    if name.is_empty() || name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        return Err("a variable's name is made of letters, digits and `_`".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// A kind of fact on the command line.
pub(crate) fn parse_fact(text: &str) -> Result<Fact, String> {
    let names = || Fact::ALL.map(Fact::name).join(", ");
    Fact::ALL.into_iter().find(|fact| fact.name() == text).ok_or_else(|| format!("no such fact; there are {}", names()))
}

impl Cli {
    /// Runs the subcommand; everything it has to say has been said when this returns.
    pub fn run(self) -> Exit {
        let style = self.look.style();
        match self.command {
            Command::Check(args) => check::run(&args, &style),
            Command::Claims(args) => claims::run(&args, &style),
            Command::Suggest(args) => suggest::run(&args, &style),
            Command::Scan(args) => scan::run(&args, &style),
            Command::Explain(args) => explain::run(&args, &style),
            Command::Rules(args) => rules::run(&args, &style),
            Command::Render(args) => render::run(&args, &style),
            Command::Init(args) => init::run(&args, &style),
            Command::Config(args) => config::run(&args, &style),
            Command::Simulate(args) => simulate::run(&args, &style),
            Command::Announce(args) => announce::run(&args, &style),
            Command::Completions(args) => completions::run(&args, &style),
            Command::Man => completions::man(&style),
            Command::Lsp => lsp::run(&style),
            Command::Router(command) => router::run(command, &style),
        }
    }
}

impl Look {
    /// Colours and links are off where nobody could see them; glyphs are ASCII where Unicode cannot be expected.
    fn style(&self) -> Style {
        use std::io::IsTerminal as _;
        let terminal = std::io::stdout().is_terminal();
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let color = match self.color {
            When::Always => true,
            When::Never => false,
            When::Auto if set("NO_COLOR") => false,
            When::Auto if set("CLICOLOR_FORCE") => true,
            When::Auto => terminal && !dumb,
        };
        let width = terminal_width().unwrap_or(100);
        Style { color, ascii: self.ascii || dumb || !utf8_locale(), links: color && terminal, width }
    }
}

/// Whether the locale says UTF-8; where no locale is set at all (CI, containers), UTF-8 is what is in use.
fn utf8_locale() -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    locale.is_none_or(|value| {
        let value = value.to_ascii_lowercase();
        value.contains("utf-8") || value.contains("utf8") || value == "c" || value == "posix"
    })
}

fn terminal_width() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.parse().ok().filter(|width| (40..=400).contains(width))
}
