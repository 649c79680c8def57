//! `poolcheck render`: a JSON report told in another format, later or elsewhere.

use std::path::PathBuf;

use clap::Args;

use crate::exit::Exit;
use crate::output::{self, Output, Style, json};
use crate::session;

/// Tell a JSON report in another format.
///
/// One run of `check -o json=report.json` can be told in every format afterwards, where the manifests are not at hand.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  poolcheck render report.json -o sarif=poolcheck.sarif -o markdown
  poolcheck check -o json | poolcheck render - -o gitlab")]
pub(crate) struct RenderArgs {
    /// The report; `-` for standard input
    #[arg(value_name = "REPORT")]
    report: PathBuf,
    /// How to tell it; with `=FILE`, write it there. May be given several times
    #[arg(short, long = "output", value_name = "FORMAT[=FILE]", required = true)]
    outputs: Vec<Output>,
}

pub(crate) fn run(args: &RenderArgs, style: &Style) -> Exit {
    let name = args.report.display();
    let text = if args.report.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(&args.report)
    };
    let read = text.map_err(|error| format!("cannot be read: {error}")).and_then(|text| json::read(&text));
    let report = match read {
        Ok(report) => report,
        Err(message) => {
            return session::usage(&format!("{name} {message}"), "make a report: poolcheck check -o json=report.json")
                .tell(style);
        }
    };
    match output::write_model(&args.outputs, &report) {
        Ok(()) => Exit::Clean,
        Err(error) => {
            session::usage(&format!("cannot write the report: {error}"), "name a folder that is writable").tell(style)
        }
    }
}
