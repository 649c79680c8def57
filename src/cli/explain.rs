//! `poolcheck explain`: a rule's own documentation.

use clap::Args;
use poolcheck_router_adapters::spanned_toml::nearest;
use poolcheck_rules::Registered;

use crate::exit::Exit;
use crate::output::{self, Style};
use crate::session::usage;

/// Explain a rule.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  poolcheck explain pool-in-dhcp-range
  poolcheck rules                       the names of all rules")]
pub(crate) struct ExplainArgs {
    /// The rule's name
    #[arg(value_name = "RULE")]
    rule: String,
}

pub(crate) fn run(args: &ExplainArgs, style: &Style) -> Exit {
    let Some(registered) = poolcheck_rules::find(&args.rule) else {
        let known: Vec<&str> = poolcheck_rules::all().iter().map(|registered| registered.rule.id).collect();
        let help = match nearest(&args.rule, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`poolcheck rules` lists them".to_owned(),
        };
        return usage(&format!("there is no rule `{}`", args.rule), &help).tell(style);
    };
    output::finish(output::print(&page(registered)), style)
}

/// The rule's page in Markdown: what `explain` prints and `docs/rules/` holds.
pub fn page(registered: &Registered) -> String {
    let rule = registered.rule;
    let needs: Vec<&str> = rule.needs.iter().map(|fact| fact.name()).collect();
    let needs = if needs.is_empty() { "manifests alone".to_owned() } else { needs.join(", ") };
    format!(
        "# {}\n\n{} · family {} · needs {needs} · since {} · [source](../../{})\n\n{}\n",
        rule.id,
        rule.level.name(),
        registered.family,
        rule.since,
        registered.file,
        registered.docs.trim(),
    )
}
