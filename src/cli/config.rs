//! `poolcheck config`: what applies, and where each value comes from.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use poolcheck_plan::Sources;

use crate::config::{self, Config};
use crate::exit::Exit;
use crate::output::{self, Style};

/// Show the configuration that applies, and where each value comes from.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Where the search for poolcheck.toml begins
    #[arg(value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// Use this configuration instead of looking for poolcheck.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Show every value, those that nobody set too
    #[arg(long)]
    effective: bool,
}

pub(crate) fn run(args: &ConfigArgs, style: &Style) -> Exit {
    let start = if args.path.is_dir() { args.path.as_path() } else { args.path.parent().unwrap_or(Path::new(".")) };
    let file = args.config.clone().or_else(|| config::discover(start));
    let mut sources = Sources::new();
    let config = match file.as_deref().map(|file| config::read(file, false, &mut sources)).transpose() {
        Ok(config) => config.unwrap_or_default(),
        Err(failure) => return failure.tell(style),
    };
    let mut out = String::new();
    match &file {
        Some(file) => writeln!(out, "# {}", crate::collect::shown(file)).expect("writes to a string"),
        None => out.push_str("# no poolcheck.toml here or above: the defaults apply\n"),
    }
    if config.facts.is_empty()
        && let Some(found) = config::discover_facts(start)
    {
        writeln!(out, "# facts found beside it: {}", crate::collect::shown(&found)).expect("writes to a string");
    }
    let default = Config::default();
    for (key, value, unset) in rows(&config, &default) {
        if args.effective || !unset {
            let from = if unset { "  # default" } else { "" };
            writeln!(out, "{key} = {value}{from}").expect("writes to a string");
        }
    }
    output::finish(output::print(&out), style)
}

/// (key, value as TOML, whether it is the default).
fn rows(config: &Config, default: &Config) -> Vec<(&'static str, String, bool)> {
    let level = |level: Option<poolcheck_rules::Level>, none: &str| format!("\"{}\"", level.map_or(none, |l| l.name()));
    let paths = |paths: &[PathBuf]| list(paths.iter().map(|path| crate::collect::shown(path)));
    let rules =
        config.levels.iter().map(|(rule, l)| format!("{rule} = {}", level(*l, "off"))).collect::<Vec<_>>().join(", ");
    let namespace = config.metallb_namespace.as_deref().map_or_else(
        || "\"metallb-system\" # unless the manifests say another".to_owned(),
        |name| format!("\"{name}\""),
    );
    vec![
        ("facts", paths(&config.facts), config.facts.is_empty()),
        ("exclude", list(config.exclude.iter().cloned()), config.exclude.is_empty()),
        ("fail-on", level(config.fail_on, "never"), config.fail_on == default.fail_on),
        ("require", list(config.require.iter().map(|fact| fact.name().to_owned())), config.require.is_empty()),
        ("allow-empty", config.allow_empty.to_string(), config.allow_empty == default.allow_empty),
        ("facts-max-age", config.facts_max_age.to_string(), config.facts_max_age == default.facts_max_age),
        ("inline-ignores", config.inline_ignores.to_string(), config.inline_ignores == default.inline_ignores),
        ("metallb-namespace", namespace, config.metallb_namespace.is_none()),
        ("router", list(config.routers.iter().map(|router| router.adapter.shown())), config.routers.is_empty()),
        (
            "values",
            list(config.values.iter().map(|v| format!("{} ({})", crate::collect::shown(&v.path), v.chart))),
            config.values.is_empty(),
        ),
        ("substitute", list(config.substitute.keys().cloned()), config.substitute.is_empty()),
        ("cluster", list(config.clusters.iter().map(|cluster| cluster.name.clone())), config.clusters.is_empty()),
        ("rules", format!("{{ {rules} }}"), config.levels.is_empty()),
        ("ignore", format!("{} entries", config.ignores.len()), config.ignores.is_empty()),
    ]
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.map(|item| format!("\"{item}\"")).collect::<Vec<_>>().join(", "))
}
