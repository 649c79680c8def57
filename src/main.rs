//! `poolcheck`: reads the command line, runs, and exits with the status decided in [`poolcheck::exit`].

use std::process::ExitCode;

use clap::Parser as _;
use poolcheck::cli::Cli;
use poolcheck::exit::Exit;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => cli.run().into(),
        Err(error) => {
            let asked = !error.use_stderr();
            // Whoever asked for help and went away before it was printed has lost nothing.
            let _ = error.print();
            if asked { Exit::Clean.into() } else { Exit::Usage.into() }
        }
    }
}
