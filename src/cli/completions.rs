//! `poolcheck completions` and `poolcheck man`: what a shell and `man` need, made from the command line itself.

use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::{Shell, generate};

use super::Cli;
use crate::exit::Exit;
use crate::output::{self, Style};

/// Write completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  poolcheck completions bash > /etc/bash_completion.d/poolcheck
  poolcheck completions fish > ~/.config/fish/completions/poolcheck.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: AnyShell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AnyShell {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
    Elvish,
    Nushell,
}

pub(crate) fn run(args: &CompletionsArgs, style: &Style) -> Exit {
    let mut command = Cli::command();
    let mut text = Vec::new();
    let shell = match args.shell {
        AnyShell::Bash => Some(Shell::Bash),
        AnyShell::Zsh => Some(Shell::Zsh),
        AnyShell::Fish => Some(Shell::Fish),
        AnyShell::PowerShell => Some(Shell::PowerShell),
        AnyShell::Elvish => Some(Shell::Elvish),
        AnyShell::Nushell => None,
    };
    match shell {
        Some(shell) => generate(shell, &mut command, "poolcheck", &mut text),
        None => generate(clap_complete_nushell::Nushell, &mut command, "poolcheck", &mut text),
    }
    output::finish(output::print(&String::from_utf8_lossy(&text)), style)
}

/// The manual page of the program and of each subcommand, one after the other.
pub(crate) fn man(style: &Style) -> Exit {
    let mut command = Cli::command();
    command.build();
    let mut text = Vec::new();
    let pages = std::iter::once(&command).chain(command.get_subcommands().filter(|c| c.get_name() != "help"));
    for page in pages {
        if let Err(error) = clap_mangen::Man::new(page.clone()).render(&mut text) {
            return crate::session::usage(&format!("the manual cannot be written: {error}"), "").tell(style);
        }
    }
    output::finish(output::print(&String::from_utf8_lossy(&text)), style)
}
