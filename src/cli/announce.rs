//! `poolcheck announce`: share addresses with other machines.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Plain;
use crate::exit::Exit;
use crate::output::Style;

/// Share addresses with other machines on this segment: one of them owns each, answers for it, and another takes over
/// when it is gone (feature `announce`, Linux).
///
/// No address is taken before it was probed, none that somebody else has, and none against what is known of the LAN.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  poolcheck announce --config announcer.toml
  poolcheck announce --config announcer.toml --check   only see whether it could
  poolcheck announce status
  poolcheck announce handover 192.168.1.240 n2

Exit status: 0 it was told to end and has handed over, 1 the rules find a conflict, 2 the configuration is wrong,
3 it could not: no permission, no running announcer, nobody to hand over to.")]
pub(crate) struct AnnounceArgs {
    #[command(subcommand)]
    command: Option<AnnounceCommand>,
    /// What to share, with whom, and how (TOML): see docs/announce.md
    #[arg(long, value_name = "FILE", default_value = "/etc/poolcheck/announcer.toml")]
    config: PathBuf,
    /// Judge the addresses by these facts of the LAN, too; may be given several times
    #[arg(long, value_name = "FILE")]
    facts: Vec<PathBuf>,
    /// Start although the rules find a conflict
    #[arg(long)]
    despite_findings: bool,
    /// Read and judge the configuration, and start nothing; neither the key nor the interface is needed
    #[arg(long)]
    check: bool,
    /// How events are told: a sentence, or a JSON object, a line each
    #[arg(long, value_name = "FORM", default_value = "text", value_parser = ["text", "json"])]
    log: String,
}

#[derive(Debug, Subcommand)]
enum AnnounceCommand {
    /// Show who owns which address, since when, and why
    Status {
        #[command(flatten)]
        to: ToArgs,
        /// How to tell it
        #[arg(short, long, value_enum, default_value_t = Plain::Pretty)]
        output: Plain,
    },
    /// Hand an address over without a gap, to a node or to whichever ranks next
    Handover {
        /// The address
        address: IpAddr,
        /// The node that is to own it
        node: Option<String>,
        #[command(flatten)]
        to: ToArgs,
    },
    /// Show in which order nodes come into question for an address, and what hinders them
    Why {
        /// The address
        address: IpAddr,
        #[command(flatten)]
        to: ToArgs,
        /// How to tell it
        #[arg(short, long, value_enum, default_value_t = Plain::Pretty)]
        output: Plain,
    },
    /// Outlive an announcer (started by it)
    #[command(hide = true)]
    Guard,
}

/// Which running announcer.
#[derive(Debug, Args)]
struct ToArgs {
    /// The running announcer's socket
    #[arg(long, value_name = "PATH", default_value = "/run/poolcheck/announce.sock")]
    socket: PathBuf,
}

/// Runs it.
#[cfg(all(feature = "announce", target_os = "linux"))]
pub(crate) fn run(args: &AnnounceArgs, style: &Style) -> Exit {
    use crate::announce;

    let ended = match &args.command {
        Some(AnnounceCommand::Status { to, output }) => announce::status(&to.socket, *output == Plain::Json),
        Some(AnnounceCommand::Handover { address, node, to }) => {
            announce::handover(&to.socket, *address, node.as_deref())
        }
        Some(AnnounceCommand::Why { address, to, output }) => {
            announce::why(&to.socket, *address, *output == Plain::Json)
        }
        Some(AnnounceCommand::Guard) => Ok(announce::guard::run()),
        None => {
            let options = announce::Options {
                config: args.config.clone(),
                facts: args.facts.clone(),
                despite_findings: args.despite_findings,
                check: args.check,
                log: if args.log == "json" { announce::log::Form::Json } else { announce::log::Form::Text },
            };
            announce::run(&options, style)
        }
    };
    ended.unwrap_or_else(|failure| failure.tell(style))
}

/// Says how to get what was left out.
#[cfg(not(all(feature = "announce", target_os = "linux")))]
pub(crate) fn run(args: &AnnounceArgs, style: &Style) -> Exit {
    let AnnounceArgs { command, config: _, facts: _, despite_findings: _, check: _, log: _ } = args;
    if let Some(
        AnnounceCommand::Status { to: ToArgs { socket: _ }, output: _ }
        | AnnounceCommand::Handover { address: _, node: _, to: _ }
        | AnnounceCommand::Why { address: _, to: _, output: _ }
        | AnnounceCommand::Guard,
    ) = command
    {
        // All of them need what was left out.
    }
    crate::session::usage(
        "this poolcheck was built without the announcer, which needs Linux",
        "install it with it: cargo install --path . --features announce",
    )
    .tell(style)
}
