//! `poolcheck router test`: an adapter file's own tests.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use poolcheck_plan::Sources;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, Style};
use crate::report::counted;
use crate::router::{Choice, Named};
use crate::session::usage;

/// Run the tests of an adapter file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  poolcheck router test ./my-router.toml")]
pub(crate) struct TestArgs {
    /// The adapter file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(args: &TestArgs, style: &Style) -> Result<Exit, Failure> {
    let choice = Choice::of(&Named::File(args.file.clone()), &mut Sources::new())?;
    let adapter = choice.asker()?;
    let folder = args.file.parent().unwrap_or(Path::new(""));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|error| error.to_string());
    let results = adapter.run_tests(&read);
    if results.is_empty() {
        let help =
            "add [[test]] with the answers in files or texts, and the facts that they give: docs/adapters/write-one.md";
        return Err(usage(&format!("{} has no tests", choice.id), help));
    }
    let mut text = String::new();
    for result in &results {
        match &result.failure {
            None => writeln!(text, "ok      {}", result.name).expect("writes to a string"),
            Some(failure) => {
                writeln!(text, "failed  {}\n        {}", result.name, failure.trim_end().replace('\n', "\n        "))
                    .expect("writes to a string");
            }
        }
    }
    let failed = results.iter().filter(|result| result.failure.is_some()).count();
    let total = counted(results.len(), "test");
    let end = if failed == 0 {
        format!("{}: {total} passed", choice.id)
    } else {
        format!("{}: {failed} of {total} failed", choice.id)
    };
    writeln!(text, "{end}").expect("writes to a string");
    Ok(output::finish(output::print(&text), style).max(Exit::of_run(failed > 0, false)))
}
