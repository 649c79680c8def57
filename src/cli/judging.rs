//! How findings are weighed: levels by rule, what is ignored, and the day.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use jiff::civil::Date;
use poolcheck_router_adapters::spanned_toml::nearest;
use poolcheck_rules::{Level, parse_day};

/// What the command line says of levels and ignores.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct JudgingArgs {
    #[command(flatten)]
    levels: LevelArgs,
    /// Tell what comments, annotations and the configuration ignore, too
    #[arg(long)]
    pub(crate) no_ignores: bool,
    /// The day on which `until` of an ignore is judged; for tests
    #[arg(long, hide = true, env = "POOLCHECK_TODAY", value_name = "DAY", value_parser = day)]
    today: Option<Date>,
}

impl JudgingArgs {
    /// All levels: those of the configuration, and over them those of the command line.
    pub(crate) fn levels_over(&self, configured: &BTreeMap<String, Option<Level>>) -> BTreeMap<String, Option<Level>> {
        let mut levels = configured.clone();
        levels.extend(self.levels().map(|(rule, level)| (rule.to_owned(), level)));
        levels
    }

    /// The levels, the last of a rule wins; `None` switches it off.
    fn levels(&self) -> impl Iterator<Item = (&'static str, Option<Level>)> {
        self.levels.0.iter().flat_map(|(name, level)| members(name).into_iter().map(|rule| (rule, *level)))
    }

    /// Today, in UTC: here, and nowhere else, the clock is read.
    pub(crate) fn today(&self) -> Date {
        self.today.unwrap_or_else(|| jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date())
    }
}

fn day(text: &str) -> Result<Date, String> {
    parse_day(text).ok_or_else(|| "write a day as 2026-12-31".to_owned())
}

/// `-D`, `-W` and `-A` in the order in which they were given, which decides.
#[derive(Debug, Clone, Default)]
struct LevelArgs(Vec<(String, Option<Level>)>);

/// (id, short, long, level, help)
const FLAGS: [(&str, char, Option<Level>, &str); 3] = [
    ("deny", 'D', Some(Level::Error), "Make findings of this rule errors; a family or `all` names several"),
    ("warn", 'W', Some(Level::Warning), "Make findings of this rule warnings"),
    ("allow", 'A', None, "Switch this rule off"),
];

impl Args for LevelArgs {
    fn augment_args(command: Command) -> Command {
        let flags = FLAGS.iter().map(|(name, short, _, help)| {
            Arg::new(*name)
                .short(*short)
                .long(*name)
                .value_name("RULE")
                .action(ArgAction::Append)
                .value_parser(known)
                .help(*help)
        });
        command.args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LevelArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut found = Vec::new();
        for (name, _, level, _) in FLAGS {
            let values = matches.get_many::<String>(name).into_iter().flatten();
            let places = matches.indices_of(name).into_iter().flatten();
            found.extend(places.zip(values).map(|(place, rule)| (place, rule.clone(), level)));
        }
        found.sort_by_key(|(place, ..)| *place);
        Ok(Self(found.into_iter().map(|(_, rule, level)| (rule, level)).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The rules behind a name: one, a family, or all.
fn members(name: &str) -> Vec<&'static str> {
    let all = poolcheck_rules::all().iter();
    all.filter(|r| name == "all" || r.rule.id == name || r.family == name).map(|r| r.rule.id).collect()
}

fn known(name: &str) -> Result<String, String> {
    if !members(name).is_empty() {
        return Ok(name.to_owned());
    }
    let rules = poolcheck_rules::all().iter().flat_map(|registered| [registered.rule.id, registered.family]);
    let names: Vec<&str> = rules.collect();
    Err(match nearest(name, &names) {
        Some(near) => format!("there is no rule `{name}`; did you mean `{near}`?"),
        None => format!("there is no rule `{name}`; `poolcheck rules` lists them"),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        judging: JudgingArgs,
    }

    fn levels(line: &str) -> Result<Vec<(&'static str, Option<Level>)>, String> {
        let parsed = Line::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
        Ok(parsed.judging.levels().collect())
    }

    #[test]
    fn the_order_of_the_flags_is_kept() {
        let found = levels("x -A pool-overlap --deny pool-overlap -W empty-pool").expect("known rules");
        let expected =
            [("pool-overlap", None), ("pool-overlap", Some(Level::Error)), ("empty-pool", Some(Level::Warning))];
        assert_eq!(found, expected);
        assert!(levels("x -D ignore").expect("a family").contains(&("unused-ignore", Some(Level::Error))));
        assert_eq!(levels("x -A all").expect("all").len(), poolcheck_rules::all().len());
        assert!(levels("x -D pool-overlp").unwrap_err().contains("did you mean `pool-overlap`?"));
    }
}
