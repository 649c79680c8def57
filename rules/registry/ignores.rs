//! Findings that somebody has accepted: by a comment, an annotation or the configuration.
//!
//! Nothing that is ignored is lost: it goes to [`Outcome::suppressed`] with whoever accepted it and why. An ignore that is
//! unused, expired, without a reason, forbidden or not understood is a finding of its own, of the family `ignore`, whose
//! rules run after all others and look at what became of each ignore. A comment holds for findings whose primary place is
//! on its line, or on the line below when it stands alone; it is found by its text, so that it also works in YAML that is
//! a string of another document and in facts files.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobMatcher};
use jiff::civil::Date;
use poolcheck_manifest::Object;
use poolcheck_plan::{SourceId, SourceKind, Sources, Span};

use crate::finding::{Finding, Outcome};
use crate::world::World;

/// The annotation that names the rules an object is exempt from, separated by commas.
pub const ANNOTATION: &str = "poolcheck.dev/ignore";
/// The annotation that says why.
pub const ANNOTATION_REASON: &str = "poolcheck.dev/ignore-reason";
/// The annotation that says until when.
pub const ANNOTATION_UNTIL: &str = "poolcheck.dev/ignore-until";

/// What a run is told about ignoring.
#[derive(Debug, Default)]
pub struct Ignoring {
    /// The day on which `until` is judged; without it nothing has expired.
    pub today: Option<Date>,
    /// Whether comments and annotations do nothing, and are findings.
    pub forbid_inline: bool,
    /// Whether everything is looked at that the configured ignores may be about: else none of them is called unused.
    pub whole: bool,
    /// The ignores of the configuration.
    pub configured: Vec<ConfiguredIgnore>,
}

/// One `[[ignore]]` of the configuration.
#[derive(Debug, Clone)]
pub struct ConfiguredIgnore {
    /// The rules, each with its place in the configuration.
    pub rules: Vec<(String, Span)>,
    /// Which objects, as `Kind namespace/name`.
    pub object: Option<GlobMatcher>,
    /// Which files, by the name from the configuration's folder.
    pub path: Option<GlobMatcher>,
    /// What to take from a file's name before `path` is matched: the configuration's folder.
    pub folder: String,
    /// Why.
    pub reason: Option<String>,
    /// The last day.
    pub until: Option<Date>,
}

/// Where an ignore is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IgnoredBy {
    /// A comment at the line.
    Comment,
    /// An annotation of the object.
    Annotation,
    /// `[[ignore]]` in the configuration.
    Configuration,
}

/// A finding that somebody has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    /// What was found.
    pub finding: Finding,
    /// Where it was accepted.
    pub by: IgnoredBy,
    /// The place.
    pub place: Span,
    /// Why.
    pub reason: Option<String>,
}

/// One ignore, with what became of it.
#[derive(Debug)]
pub(crate) struct Ignore {
    pub(crate) by: IgnoredBy,
    pub(crate) place: Span,
    pub(crate) rules: Vec<IgnoredRule>,
    pub(crate) reason: Option<String>,
    pub(crate) until: Option<Date>,
    pub(crate) state: State,
    /// What is not understood.
    pub(crate) problems: Vec<String>,
    scope: Scope,
}

/// One rule of an ignore.
#[derive(Debug)]
pub(crate) struct IgnoredRule {
    pub(crate) id: String,
    pub(crate) place: Span,
    /// Whether it is known that nothing was there to ignore.
    pub(crate) unused: bool,
}

/// Whether an ignore holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Holds,
    Expired,
    Forbidden,
    Broken,
}

#[derive(Debug)]
enum Scope {
    /// Findings that begin in these bytes.
    Lines(Span),
    /// Findings in an object or about it.
    Object { span: Span, reference: String },
    /// Findings that a configured ignore selects.
    Configured(Box<ConfiguredIgnore>),
}

/// A pattern over names whose parts are separated by `/`; `**` matches any number of parts.
///
/// # Errors
/// When the pattern cannot be read; the reason, for people.
pub fn name_pattern(text: &str) -> Result<GlobMatcher, String> {
    let glob = GlobBuilder::new(text).literal_separator(true).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| error.kind().to_string())
}

/// A day as `until` says it: `2026-12-31`.
pub fn parse_day(text: &str) -> Option<Date> {
    text.parse().ok().filter(|_| text.len() == 10)
}

impl Ignore {
    /// Whether it is about this finding, its rules aside.
    fn covers(&self, finding: &Finding, sources: &Sources) -> bool {
        let at = finding.primary.span;
        let begins_in = |span: Span| span.source == at.source && span.start <= at.start && at.start <= span.end;
        match &self.scope {
            Scope::Lines(span) => begins_in(*span),
            Scope::Object { span, reference } => begins_in(*span) || finding.subject == *reference,
            Scope::Configured(ignore) => {
                let name = &sources.get(at.source).name;
                let name = name.strip_prefix(&ignore.folder).unwrap_or(name);
                ignore.object.as_ref().is_none_or(|glob| glob.is_match(&finding.subject))
                    && ignore.path.as_ref().is_none_or(|glob| glob.is_match(name))
            }
        }
    }

    fn settle(mut self, ignoring: &Ignoring) -> Self {
        self.state = match (self.until, ignoring.today) {
            _ if ignoring.forbid_inline && self.by != IgnoredBy::Configuration => State::Forbidden,
            _ if !self.problems.is_empty() && self.rules.is_empty() => State::Broken,
            (Some(until), Some(today)) if until < today => State::Expired,
            _ => State::Holds,
        };
        self
    }
}

/// Every ignore of a world.
pub(crate) fn read(world: &World<'_>, ignoring: &Ignoring) -> Vec<Ignore> {
    let mut found = Vec::new();
    // A file that clusters use in several forms is several sources of one name: its comments hold in each of them.
    for (id, source) in world.sources.iter() {
        if source.kind != SourceKind::Card && source.text.contains("poolcheck:") {
            comments(id, &source.text, &mut found);
        }
    }
    found.extend(world.objects.iter().filter_map(annotation));
    found.extend(ignoring.configured.iter().map(configured));
    found.into_iter().map(|ignore: Ignore| ignore.settle(ignoring)).collect()
}

fn rule(id: &str, place: Span) -> IgnoredRule {
    IgnoredRule { id: id.to_owned(), place, unused: true }
}

fn configured(ignore: &ConfiguredIgnore) -> Ignore {
    Ignore {
        by: IgnoredBy::Configuration,
        place: ignore.rules.iter().map(|(_, place)| *place).reduce(Span::cover).unwrap_or(Span::new(SourceId(0), 0, 0)),
        rules: ignore.rules.iter().map(|(id, place)| rule(id, *place)).collect(),
        reason: ignore.reason.clone(),
        until: ignore.until,
        state: State::Holds,
        problems: Vec::new(),
        scope: Scope::Configured(Box::new(ignore.clone())),
    }
}

fn annotation(object: &Object<'_>) -> Option<Ignore> {
    let value = object.annotation(ANNOTATION)?;
    let text = value.text();
    let mut ignore = Ignore {
        by: IgnoredBy::Annotation,
        place: value.place(),
        rules: Vec::new(),
        reason: None,
        until: None,
        state: State::Holds,
        problems: Vec::new(),
        scope: Scope::Object { span: object.value.span(), reference: object.reference() },
    };
    let part = |range: std::ops::Range<usize>| value.part_span(range);
    ignore.read_rules(&text, &part);
    let reason = object.annotation(ANNOTATION_REASON).map(|reason| reason.text().trim().to_owned());
    ignore.reason = reason.filter(|reason| !reason.is_empty());
    if let Some(until) = object.annotation(ANNOTATION_UNTIL) {
        ignore.read_until(&until.text());
    }
    Some(ignore)
}

/// The comments of a text that speak to poolcheck.
fn comments(source: SourceId, text: &str, found: &mut Vec<Ignore>) {
    let mut at = 0;
    let lines: Vec<(usize, &str)> = text
        .split_inclusive('\n')
        .map(|line| {
            let here = at;
            at += line.len();
            (here, line)
        })
        .collect();
    for (number, (start, line)) in lines.iter().enumerate() {
        let Some((hash, body)) = directive(line) else { continue };
        let alone = line[..hash].trim_start_matches('\u{feff}').trim().is_empty();
        let is_comment = |line: &str| line.trim_start().starts_with('#');
        let target = if alone {
            lines[number + 1..].iter().find(|(_, line)| !is_comment(line)).copied()
        } else {
            Some((*start, *line))
        };
        let (from, to) = target.map_or((text.len(), text.len()), |(from, line)| (from, from + line.trim_end().len()));
        let span =
            |range: std::ops::Range<usize>| Span::new(source, (start + range.start) as u32, (start + range.end) as u32);
        let mut ignore = Ignore {
            by: IgnoredBy::Comment,
            place: span(hash..line.trim_end().len()),
            rules: Vec::new(),
            reason: None,
            until: None,
            state: State::Holds,
            problems: Vec::new(),
            scope: Scope::Lines(Span::new(source, from as u32, to as u32)),
        };
        ignore.read_comment(line.trim_end(), body, &span);
        found.push(ignore);
    }
}

/// Where a line's comment to poolcheck begins, and what follows `poolcheck:`.
fn directive(line: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(at) = line[from..].find('#').map(|at| at + from) {
        let rest = line[at + 1..].trim_start();
        let apart = line[..at].chars().next_back().is_none_or(|c| c.is_whitespace() || c == '\u{feff}');
        if let Some(body) = rest.strip_prefix("poolcheck:").filter(|_| apart) {
            return Some((at, line.len() - body.len()));
        }
        from = at + 1;
    }
    None
}

impl Ignore {
    /// `ignore[rule, rule] reason="…" until=2026-12-31`.
    fn read_comment(&mut self, line: &str, body: usize, span: &dyn Fn(std::ops::Range<usize>) -> Span) {
        let rest = line[body.min(line.len())..].trim_start();
        let Some((rules, mut rest)) = rest.strip_prefix("ignore[").and_then(|rest| rest.split_once(']')) else {
            self.problems.push("after `poolcheck:` comes `ignore[rule, rule]`".to_owned());
            return;
        };
        let first = line.len() - rest.len() - 1 - rules.len();
        self.read_rules(rules, &|range| span(first + range.start..first + range.end));
        loop {
            rest = rest.trim_start();
            // Behind another `#` somebody else's comment begins.
            if rest.is_empty() || rest.starts_with('#') {
                return;
            }
            let (reason, until) = (rest.strip_prefix("reason=\""), rest.strip_prefix("until="));
            rest = match (reason.map(|text| text.split_once('"')), until) {
                (Some(Some((reason, after))), _) => {
                    self.reason = Some(reason.trim().to_owned()).filter(|text| !text.is_empty());
                    after
                }
                (Some(None), _) => {
                    self.problems.push("the reason has no closing quote".to_owned());
                    return;
                }
                (None, Some(text)) => {
                    let (until, after) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
                    self.read_until(until);
                    after
                }
                (None, None) => {
                    let word = rest.split_whitespace().next().unwrap_or(rest);
                    self.problems
                        .push(format!("`{word}` is not understood: write reason=\"…\" and until=2026-12-31 only"));
                    return;
                }
            };
        }
    }

    fn read_rules(&mut self, text: &str, span: &dyn Fn(std::ops::Range<usize>) -> Span) {
        let mut at = 0;
        for part in text.split(',') {
            let id = part.trim();
            let from = at + (part.len() - part.trim_start().len());
            at += part.len() + 1;
            let known = crate::find(id).is_some_and(|registered| registered.family != crate::run::IGNORE);
            if known {
                self.rules.push(rule(id, span(from..from + id.len())));
                continue;
            }
            self.problems.push(match (id, crate::find(id), crate::words::nearest_rule(id)) {
                ("", ..) => "no rule is named".to_owned(),
                (_, Some(_), _) => format!("`{id}` is about ignores and cannot be ignored"),
                (_, None, Some(near)) => format!("there is no rule `{id}`; did you mean `{near}`?"),
                (_, None, None) => format!("there is no rule `{id}`; `poolcheck rules` lists them"),
            });
        }
    }

    /// A date that cannot be read must not make an ignore hold for ever.
    fn read_until(&mut self, text: &str) {
        self.until = parse_day(text.trim());
        if self.until.is_none() {
            self.problems.push(format!("`{}` is not a day: write until=2026-12-31", text.trim()));
            self.rules.clear();
        }
    }
}

/// Takes what is ignored out of the findings, and notes what each ignore was good for.
pub(crate) fn apply(world: &World<'_>, ignores: &mut [Ignore], ignoring: &Ignoring, outcome: &mut Outcome) {
    let mut used = BTreeSet::new();
    for finding in std::mem::take(&mut outcome.findings) {
        let mut accepted = None;
        for ignore in ignores.iter().filter(|ignore| ignore.covers(&finding, world.sources)) {
            for rule in ignore.rules.iter().filter(|rule| rule.id == finding.rule) {
                used.insert(same_place(world, rule.place));
                if ignore.state == State::Holds {
                    accepted.get_or_insert((ignore.by, ignore.place, ignore.reason.clone()));
                }
            }
        }
        match accepted {
            None => outcome.findings.push(finding),
            Some((by, place, reason)) => outcome.suppressed.push(Suppressed { finding, by, place, reason }),
        }
    }
    let mut unjudged: BTreeSet<&str> = outcome.not_checked.iter().map(|verdict| verdict.rule).collect();
    if world.observed.is_none() {
        // Nobody looked at the wire.
        unjudged.extend(crate::all().iter().filter(|rule| rule.family == crate::run::WIRE).map(|rule| rule.rule.id));
    }
    let templates: BTreeSet<SourceId> = world.skipped().iter().map(|skipped| skipped.place.source).collect();
    for ignore in ignores {
        let unseen = match ignore.by {
            IgnoredBy::Configuration => !ignoring.whole,
            _ => templates.contains(&ignore.place.source),
        };
        for rule in &mut ignore.rules {
            let used = used.contains(&same_place(world, rule.place));
            rule.unused = !(unseen || used || unjudged.contains(rule.id.as_str()));
        }
    }
}

fn same_place<'w>(world: &'w World<'_>, span: Span) -> (&'w str, u32) {
    (world.sources.get(span.source).name.as_str(), span.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(line: &str) -> Ignore {
        let mut found = Vec::new();
        comments(SourceId(0), line, &mut found);
        found.pop().expect("a comment")
    }

    #[test]
    fn a_comment_is_read_whole() {
        let ignore = read_one(
            "- 10.0.0.1 # lab # poolcheck: ignore[pool-overlap, pool-in-dhcp-range] reason=\"a # b\" until=2026-12-31\n",
        );
        let ids: Vec<&str> = ignore.rules.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids, ["pool-overlap", "pool-in-dhcp-range"]);
        assert_eq!(ignore.reason.as_deref(), Some("a # b"));
        assert_eq!(ignore.until, parse_day("2026-12-31"));
        assert!(ignore.problems.is_empty());
    }

    #[test]
    fn what_is_not_understood_is_said_and_never_holds_for_ever() {
        for (line, problem) in [
            ("# poolcheck: off", "after `poolcheck:`"),
            ("# poolcheck: ignore[]", "no rule is named"),
            ("# poolcheck: ignore[pool-overlp]", "did you mean `pool-overlap`?"),
            ("# poolcheck: ignore[pool-overlap] until=tomorrow", "`tomorrow` is not a day"),
            ("# poolcheck: ignore[pool-overlap] reason=\"x", "no closing quote"),
            ("# poolcheck: ignore[pool-overlap] because", "`because` is not understood"),
            ("# poolcheck: ignore[unused-ignore]", "cannot be ignored"),
        ] {
            let ignore = read_one(line);
            assert!(ignore.problems.iter().any(|text| text.contains(problem)), "{line}: {:?}", ignore.problems);
        }
        assert!(read_one("# poolcheck: ignore[pool-overlap] until=tomorrow").rules.is_empty());
        assert!(directive("image: a#poolcheck: ignore[x]").is_none());
    }

    #[test]
    fn patterns_do_not_cross_a_slash() {
        let glob = name_pattern("IPAddressPool metallb-system/*").expect("a pattern");
        assert!(glob.is_match("IPAddressPool metallb-system/main"));
        assert!(!glob.is_match("IPAddressPool other/main"));
        assert!(name_pattern("k8s/**").expect("a pattern").is_match("k8s/a/b.yaml"));
        assert!(name_pattern("a[").is_err());
    }
}
