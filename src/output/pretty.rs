//! The rich form: each place in its own frame, one under the other, then one help.
//!
//! `miette` draws the frames. It has no frame over several files, so each source of a finding is drawn on its own and
//! the frames are joined here: the first opens, the following hang below it, the last closes. A place on a card is
//! headed by the card's title, a place in a file by `file:line:column`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode, ThemeCharacters,
    ThemeStyles,
};
use owo_colors::Style as Paint;
use poolcheck_plan::{SourceId, SourceKind, Sources, Span};
use poolcheck_rules::{Fact, Finding, Label, Level};

use super::Style;
use crate::report::{Report, counted};

/// How many objects that could not be judged are named.
const MOST_SUBJECTS: usize = 5;

/// The whole report: the findings, what could not be read, and a summary of three lines at most.
pub fn report(report: &Report, style: &Style) -> String {
    let mut out = report.scan.as_ref().map_or_else(String::new, |scan| crate::scan::table::shown(scan, style));
    for one in &report.findings {
        out.push_str(&finding(one, &report.sources, style));
    }
    for problem in &report.problems {
        out.push_str(&error_headline(&format!("{} {}", problem.name, problem.message), style));
        out.push_str(&help(std::slice::from_ref(&problem.help), style));
        out.push('\n');
    }
    for gone in &report.gone {
        let what = format!("{}: {} in {} is gone: {}", gone.baseline, gone.rule, gone.path, gone.message);
        out.push_str(&warning(&what, style));
        out.push('\n');
        out.push_str(&help(&["--write-baseline takes it out of the baseline".to_owned()], style));
        out.push('\n');
    }
    match &report.scan {
        Some(scan) => out.push_str(&scan_summary(report, scan)),
        None => out.push_str(&summary(report)),
    }
    if style.ascii { ascii_lines(&out) } else { out }
}

/// What a scan found, and what that is worth.
fn scan_summary(report: &Report, scan: &crate::scan::Scan) -> String {
    let counts = counts(report);
    let mut out = if counts.is_empty() { String::new() } else { format!("{}\n", counts.join(", ")) };
    if !report.suppressed.is_empty() {
        writeln!(out, "accepted: {}", report.accepted()).expect("writes to a string");
    }
    out.push_str(&crate::scan::table::closing(scan));
    out
}

/// `2 errors`, `1 warning`; nothing for what there is none of.
fn counts(report: &Report) -> Vec<String> {
    let levels = [(Level::Error, "error"), (Level::Warning, "warning"), (Level::Note, "note")];
    let counts = levels.iter().map(|(level, name)| (report.count(*level), *name)).filter(|(count, _)| *count > 0);
    counts.map(|(count, name)| counted(count, name)).collect()
}

fn summary(report: &Report) -> String {
    let looked = &report.summary;
    let mut out = String::new();
    if report.findings.is_empty() && report.problems.is_empty() && report.gone.is_empty() {
        let facts = if looked.facts.is_empty() { String::new() } else { format!(" ({})", looked.facts.join(", ")) };
        let against = match looked.dhcp_ranges {
            0 => format!("no DHCP range{facts}"),
            n => format!("{}{facts}", counted(n, "DHCP range")),
        };
        let verdict = if looked.pools == 0 { "nothing to check" } else { "ok" };
        let (pools, reservations) = (counted(looked.pools, "pool"), counted(looked.reservations, "reservation"));
        let (nodes, files) = (counted(looked.nodes, "node"), counted(looked.files, "file"));
        writeln!(
            out,
            "{verdict}: {pools} against {against}, {reservations}, {nodes}, {files}, {} ms",
            looked.elapsed.as_millis()
        )
        .expect("writes to a string");
    } else {
        let mut counts = counts(report);
        if !report.gone.is_empty() {
            counts.push(format!("{} gone", counted(report.gone.len(), "baseline entry")));
        }
        if !report.problems.is_empty() {
            counts.push(format!("{} not read", counted(report.problems.len(), "input")));
        }
        let (files, pools) = (counted(looked.files, "file"), counted(looked.pools, "pool"));
        writeln!(out, "{} in {files}: {pools}, {}", counts.join(", "), counted(looked.segments, "segment"))
            .expect("writes to a string");
    }
    if !report.suppressed.is_empty() {
        writeln!(out, "accepted: {}", report.accepted()).expect("writes to a string");
    }
    out.push_str(&unchecked(report));
    out
}

/// What was not judged, with the way to judge it: a line for each reason.
fn unchecked(report: &Report) -> String {
    let mut lines: Vec<String> = Vec::new();
    for fact in Fact::ALL {
        let verdicts: Vec<_> = report.not_checked.iter().filter(|verdict| verdict.fact == fact).collect();
        let whole = verdicts.iter().filter(|verdict| verdict.subject.is_none()).map(|verdict| verdict.rule);
        let rules: BTreeSet<&str> = whole.collect();
        if !rules.is_empty() {
            let rules: Vec<&str> = rules.into_iter().collect();
            lines.push(format!("{} ({}: {})", rules.join(", "), fact.missing(), fact.remedy()));
        }
        let single: BTreeSet<(&String, &str)> =
            verdicts.iter().filter_map(|verdict| Some((verdict.subject.as_ref()?, verdict.reason.as_str()))).collect();
        let more = single.len().saturating_sub(MOST_SUBJECTS);
        lines.extend(
            single
                .iter()
                .take(MOST_SUBJECTS)
                .map(|(subject, reason)| format!("{subject} ({reason}: {})", fact.remedy())),
        );
        if more > 0 {
            lines.push(format!("{} more of the same kind (-o json lists them)", counted(more, "object")));
        }
    }
    let templates = report.skipped.len();
    if let Some(first) = report.skipped.first() {
        let at = title(first.place, &report.sources);
        let rest = if templates > 1 { format!(" and {} more", templates - 1) } else { String::new() };
        lines.push(format!("{} {at}{rest} (render first: helm template … | poolcheck check -)", first.what));
    }
    let mut out = String::new();
    for (i, line) in lines.iter().enumerate() {
        let lead = if i == 0 { "not checked: " } else { "             " };
        writeln!(out, "{lead}{line}").expect("writes to a string");
    }
    out
}

/// The glyphs of the summary; frames have been drawn in ASCII already and quoted text is never touched.
fn ascii_lines(text: &str) -> String {
    let cut = text.rfind("\n\n").map_or(0, |at| at + 2);
    format!("{}{}", &text[..cut], ascii(&text[cut..]))
}

/// `error:` and what is wrong; lines after the first say more of it.
pub(crate) fn error_headline(message: &str, style: &Style) -> String {
    let head = style.paint(Paint::new().red().bold(), "error");
    let (first, rest) = message.split_once('\n').unwrap_or((message, ""));
    let first = style.paint(Paint::new().bold(), &format!(": {first}"));
    if rest.is_empty() { format!("{head}{first}\n") } else { format!("{head}{first}\n{rest}\n") }
}

/// `warning:` and what it is about, the following lines indented.
pub(crate) fn warning(message: &str, style: &Style) -> String {
    let head = style.paint(Paint::new().yellow().bold(), "warning:");
    format!("{head} {}", message.replace('\n', "\n  "))
}

/// `note:` and what a person should know, the following lines indented.
#[cfg(feature = "live")]
pub(crate) fn note(message: &str, style: &Style) -> String {
    let head = style.paint(Paint::new().blue().bold(), "note:");
    format!("{head} {}", message.replace('\n', "\n  "))
}

/// Draws one finding, with an empty line at its end.
pub fn finding(finding: &Finding, sources: &Sources, style: &Style) -> String {
    let mut out = headline(finding, style);
    let labels: Vec<(&Label, bool)> =
        std::iter::once((&finding.primary, true)).chain(finding.related.iter().map(|label| (label, false))).collect();
    out.push_str(&frames(&labels, finding.level, sources, style));
    out.push_str(&help(&finding.help, style));
    out.push('\n');
    out
}

/// Draws the frames of an error that is no finding (a wrong configuration, a wrong facts file).
pub(crate) fn error_frames(labels: &[(Span, String)], sources: &Sources, style: &Style) -> String {
    let labels: Vec<Label> = labels.iter().map(|(span, text)| Label { span: *span, text: text.clone() }).collect();
    let marked: Vec<_> = labels.iter().enumerate().map(|(i, label)| (label, i == 0)).collect();
    frames(&marked, Level::Error, sources, style)
}

/// `help:` and its lines, the following ones indented under the first.
pub(crate) fn help(lines: &[String], style: &Style) -> String {
    let mut out = String::new();
    let mut lead = style.paint(Paint::new().cyan(), "help:");
    for line in lines.iter().flat_map(|line| line.lines()) {
        writeln!(out, "{lead} {line}").expect("writes to a string");
        "     ".clone_into(&mut lead);
    }
    if style.ascii { ascii(&out) } else { out }
}

/// The glyphs of our own texts have ASCII twins; quoted source text is never touched.
pub(crate) fn ascii(text: &str) -> String {
    text.replace('·', "*").replace(['–', '—'], "-").replace('…', "...").replace('×', "x").replace('≥', ">=")
}

fn headline(finding: &Finding, style: &Style) -> String {
    let rule = style.link(&super::rule_url(finding.rule), finding.rule);
    let head = style.paint(paint(finding.level), &format!("{}[{rule}]", finding.level.name()));
    let message = if style.ascii { ascii(&finding.message) } else { finding.message.clone() };
    format!("{head}{} {}\n", style.paint(Paint::new().bold(), ":"), style.paint(Paint::new().bold(), &message))
}

fn paint(level: Level) -> Paint {
    match level {
        Level::Error => Paint::new().red().bold(),
        Level::Warning => Paint::new().yellow().bold(),
        Level::Note => Paint::new().blue().bold(),
    }
}

/// All frames of a finding, joined; the primary label's source comes first.
fn frames(labels: &[(&Label, bool)], level: Level, sources: &Sources, style: &Style) -> String {
    let mut order: Vec<SourceId> = Vec::new();
    for (label, _) in labels {
        if !order.contains(&label.span.source) {
            order.push(label.span.source);
        }
    }
    let drawn: Vec<Vec<String>> = order
        .iter()
        .map(|source| {
            let here: Vec<_> = labels.iter().filter(|(label, _)| label.span.source == *source).copied().collect();
            frame(*source, &here, level, sources, style)
        })
        .collect();
    let gutter = drawn.iter().flatten().map(|line| gutter_of(line)).max().unwrap_or(0);
    let glyphs = Glyphs::of(style);
    let mut out = String::new();
    for (number, (source, lines)) in order.iter().zip(&drawn).enumerate() {
        let corner = if number == 0 { glyphs.open } else { glyphs.join };
        let first = labels.iter().find(|(label, _)| label.span.source == *source).map(|(label, _)| label.span);
        let title = first.map_or_else(String::new, |span| title(span, sources));
        writeln!(out, "{}{corner}[{}]", " ".repeat(gutter), style.paint(Paint::new().cyan().bold(), &title))
            .expect("writes to a string");
        for line in lines {
            writeln!(out, "{}{line}", " ".repeat(gutter - gutter_of(line))).expect("writes to a string");
        }
    }
    writeln!(out, "{}{}", " ".repeat(gutter), glyphs.close).expect("writes to a string");
    out
}

/// `file:line:column`, or the title of a card.
pub(crate) fn title(span: Span, sources: &Sources) -> String {
    let source = sources.get(span.source);
    if source.kind == SourceKind::Card {
        return source.name.clone();
    }
    let at = sources.line_column(span.source, span.start);
    let from = super::rendered_from(span, sources).map_or_else(String::new, |from| format!(" ({from})"));
    format!("{}:{}:{}{from}", source.name, at.line, at.column)
}

struct Glyphs {
    open: &'static str,
    join: &'static str,
    close: &'static str,
    bars: [char; 2],
    gap: char,
}

impl Glyphs {
    const fn of(style: &Style) -> Self {
        if style.ascii {
            Self { open: ",-", join: "|-", close: "`----", bars: ['|', ':'], gap: ':' }
        } else {
            Self { open: "╭─", join: "├─", close: "╰────", bars: ['│', '·'], gap: '⋮' }
        }
    }
}

/// The body lines of one source's frame, without its head and foot.
fn frame(source: SourceId, labels: &[(&Label, bool)], level: Level, sources: &Sources, style: &Style) -> Vec<String> {
    let text = &sources.get(source).text;
    let mut sorted: Vec<_> = labels.to_vec();
    sorted.sort_by_key(|(label, primary)| (label.span.start, !primary));
    let spans = sorted.iter().map(|(label, primary)| {
        let range = clip(text, label.span);
        let text = if style.ascii { ascii(&label.text) } else { label.text.clone() };
        let text = Some(text).filter(|t| !t.is_empty());
        match primary {
            true => LabeledSpan::new_primary_with_span(text, range),
            false => LabeledSpan::new_with_span(text, range),
        }
    });
    let snippet = Snippet { code: NamedSource::new("source", text.to_string()), labels: spans.collect() };
    let mut drawn = String::new();
    let handler = GraphicalReportHandler::new_themed(theme(&sorted, level, style))
        .with_width(style.width.max(40))
        .with_links(false)
        .with_context_lines(1);
    if handler.render_report(&mut drawn, &snippet).is_err() {
        return Vec::new();
    }
    body(&drawn, &Glyphs::of(style))
}

/// The lines between the frame's head and its foot; a gap between far labels becomes one line with an ellipsis.
fn body(drawn: &str, glyphs: &Glyphs) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in drawn.lines().map(str::trim_end) {
        let shown = plain(line);
        let rest = shown.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit());
        if rest.starts_with(glyphs.bars) {
            lines.push(line.to_owned());
        } else if rest.starts_with(glyphs.open) && !lines.is_empty() {
            lines.push(format!("{}{}", " ".repeat(shown.chars().count() - rest.chars().count()), glyphs.gap));
        }
    }
    lines
}

/// A label over more than one line is drawn on its first: the frame stays small and says where to look.
fn clip(text: &str, span: Span) -> std::ops::Range<usize> {
    let range = span.range();
    let start = range.start.min(text.len());
    let shown = text.get(start..range.end.min(text.len())).unwrap_or("");
    let first = shown.lines().next().unwrap_or("").trim_end();
    start..start + first.len()
}

fn theme(labels: &[(&Label, bool)], level: Level, style: &Style) -> GraphicalTheme {
    let characters = if style.ascii { ThemeCharacters::ascii() } else { ThemeCharacters::unicode() };
    if !style.color {
        return GraphicalTheme { characters, styles: ThemeStyles::none() };
    }
    let other = Paint::new().cyan().bold();
    let highlights = labels.iter().map(|(_, primary)| if *primary { paint(level) } else { other }).collect();
    GraphicalTheme { characters, styles: ThemeStyles { highlights, ..ThemeStyles::ansi() } }
}

/// How many columns stand before the frame's bar.
fn gutter_of(line: &str) -> usize {
    let plain = plain(line);
    plain.chars().take_while(|c| c.is_ascii_digit() || *c == ' ').count()
}

fn plain(line: &str) -> String {
    anstream::adapter::strip_str(line).to_string()
}

/// What `miette` draws: one source with its labels.
#[derive(Debug)]
struct Snippet {
    code: NamedSource<String>,
    labels: Vec<LabeledSpan>,
}

impl std::fmt::Display for Snippet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("finding")
    }
}

impl std::error::Error for Snippet {}

impl Diagnostic for Snippet {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.code)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
