//! For machines: one JSON object with a versioned schema.
//!
//! The schema is generated from these types and committed as `docs/schema/report-v1.json`; a field is only ever added
//! within a version. Offsets are bytes, from 0, end exclusive; lines and columns count from 1, columns in characters.

use poolcheck_plan::{Confidence, SourceKind, Sources, Span};
use poolcheck_rules::{Finding, Label, Level, Registered, Safety};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::Report;
use crate::scan::{Row, Scan};

/// The version of this schema.
pub const VERSION: u32 = 1;

/// The whole report.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "poolcheck report, version 1")]
pub struct JsonReport {
    /// The schema's version: 1.
    pub version: u32,
    /// The program that made the report.
    pub tool: JsonTool,
    /// What is wrong, ordered by file and place.
    pub findings: Vec<JsonFinding>,
    /// What was found and accepted, by an ignore or the baseline; it never fails a run.
    pub suppressed: Vec<JsonSuppressed>,
    /// Entries of the baseline that are not found any more.
    pub gone: Vec<JsonGone>,
    /// What rules could not judge because a fact is missing.
    pub not_checked: Vec<JsonNotChecked>,
    /// Inputs that were not looked into: templates, encrypted documents.
    pub skipped: Vec<JsonSkipped>,
    /// Inputs that could not be read.
    pub problems: Vec<JsonProblem>,
    /// The rendered texts that stand for facts without a file; places with kind `card` point into them.
    pub cards: Vec<JsonCard>,
    /// What was looked at.
    pub summary: JsonSummary,
    /// What was seen on the wire; absent when nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan: Option<JsonScan>,
}

/// A look at the wire.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonScan {
    /// The interface's name, or the capture's.
    pub interface: String,
    /// When, as RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Ranges that were asked often enough for their silence to mean something.
    pub asked: Vec<String>,
    /// Every machine at every address.
    pub sightings: Vec<JsonSighting>,
    /// How the scan went; absent for a record that was read back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<JsonScanRun>,
}

/// A machine at an address.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonSighting {
    /// The address.
    pub address: String,
    /// The hardware address that was named.
    pub mac: String,
    /// The hardware address the frames came from, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// How often it was seen; 0: an address of the machine that looked.
    pub count: u32,
    /// Microseconds from the question to the first answer; absent when it spoke unasked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_us: Option<u64>,
    /// The maker of the network card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// What the machine is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who calls it so: `facts`, `mdns` (the machine itself), `dhcp` (the machine itself), `leases` (a DHCP server's file)
    /// or `dns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_by: Option<String>,
    /// Since when it is there without a day of absence, as RFC 3339; absent without a journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Who it is, when it may answer for a pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// What claims the address.
    pub claims: Vec<String>,
    /// What that makes it.
    pub state: crate::scan::State,
}

/// One line of `poolcheck scan --watch -o json`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonChange {
    /// When, as RFC 3339.
    pub at: String,
    /// What happened.
    pub event: JsonEvent,
    /// The same in words, as people are told it.
    pub text: String,
    /// The address it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The hardware address of the machine it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// The machine at the address, in full: of what appeared, changed, or left (as it was).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sighting: Option<JsonSighting>,
}

/// What happened while somebody watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JsonEvent {
    /// Metrics are served; the text says where.
    Metrics,
    /// The first round is over.
    Watching,
    /// A machine is at an address where it was not.
    Appeared,
    /// A machine at an address is something else than before: its `state`.
    Changed,
    /// A machine does not answer any more.
    Left,
    /// An address is announced by another machine than before.
    Moved,
    /// A machine announces an address over and over.
    Storm,
    /// On how many days a stranger was at an address of a pool, by the journal.
    Habit,
    /// The watch ended.
    Ended,
}

/// How a scan went.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonScanRun {
    /// Addresses asked.
    pub addresses: usize,
    /// Of these, how many are not known to have been asked.
    pub unasked: usize,
    /// Frames sent.
    pub frames: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How the LAN treated the questions.
    pub wire: String,
    /// Live machines that were probably missed; absent when nothing is known of the LAN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_missed: Option<f64>,
    /// Why it ended before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
    /// What else must be known of it.
    pub remarks: Vec<String>,
}

/// A finding that somebody has accepted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonSuppressed {
    /// What was found.
    pub finding: JsonFinding,
    /// `comment`, `annotation`, `configuration` or `baseline`.
    pub by: String,
    /// Why, in the words of whoever accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where it was accepted; absent for the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<JsonPlace>,
}

/// An entry of the baseline that is not found any more.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonGone {
    /// The baseline's name.
    pub baseline: String,
    /// The rule's id.
    pub rule: String,
    /// The object it was about.
    pub object: String,
    /// The file it was in, from the baseline's folder.
    pub path: String,
    /// What was found.
    pub message: String,
}

/// The program that made the report.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonTool {
    /// `poolcheck`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// One finding.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonFinding {
    /// The rule's id.
    pub rule: String,
    /// `error`, `warning` or `note`.
    pub level: JsonLevel,
    /// How sure: `high`, `medium` or `low`.
    pub confidence: JsonConfidence,
    /// The facts, in one sentence.
    pub message: String,
    /// The object it is about: kind, namespace and name.
    pub subject: String,
    /// The place it is about.
    pub primary: JsonPlace,
    /// Other places that make it so.
    pub related: Vec<JsonPlace>,
    /// What to do, line by line.
    pub help: Vec<String>,
    /// Cures that a machine can apply, the best first.
    pub fixes: Vec<JsonFix>,
    /// Names this finding across edits elsewhere in its file.
    pub fingerprint: String,
    /// The page about the rule.
    pub url: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JsonLevel {
    /// Broken, or two machines will fight over an address.
    Error,
    /// Works today, or may be meant.
    Warning,
    /// Worth knowing.
    Note,
}

impl JsonLevel {
    /// The word: `error`, `warning`, `note`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// How sure a finding is, from its evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JsonConfidence {
    /// Said by the authority itself.
    High,
    /// Said by something that is usually right.
    Medium,
    /// Guessed from indirect evidence.
    Low,
}

/// A place in a file, on standard input or on a card.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonPlace {
    /// The file's path, or the card's title.
    pub file: String,
    /// `file`, `stdin` or `card`.
    pub kind: JsonSourceKind,
    /// First byte, from 0.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// Line of the first byte, from 1.
    pub line: u32,
    /// Column of the first byte in characters, from 1.
    pub column: u32,
    /// Line of the end, from 1.
    pub end_line: u32,
    /// Column of the end in characters, from 1; exclusive.
    pub end_column: u32,
    /// The template it was rendered from, where piped text says it (`# Source:`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendered_from: Option<String>,
    /// What the place contributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// What a place points into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JsonSourceKind {
    /// A file.
    File,
    /// Standard input.
    Stdin,
    /// One of `cards`.
    Card,
}

/// A cure that a machine can apply.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonFix {
    /// What it does.
    pub title: String,
    /// Whether it may be applied without looking.
    pub safe: bool,
    /// Replacements; they do not overlap.
    pub edits: Vec<JsonEdit>,
}

/// One replacement.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonEdit {
    /// The bytes to replace.
    pub place: JsonPlace,
    /// What to write there.
    pub replacement: String,
}

/// A rule that could not judge.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonNotChecked {
    /// The rule's id.
    pub rule: String,
    /// The kind of fact that is missing, as `--require` names it.
    pub fact: String,
    /// What would have been judged; absent for everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Why.
    pub reason: String,
    /// How to make it known.
    pub remedy: String,
    /// Where the thing that could not be judged stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<JsonPlace>,
}

/// An input that was not looked into.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonSkipped {
    /// What it is.
    pub what: String,
    /// The place that shows it.
    pub place: JsonPlace,
}

/// An input that could not be read.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonProblem {
    /// The input's name.
    pub file: String,
    /// What is wrong with it.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// A rendered text that stands for facts without a file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonCard {
    /// Its title.
    pub title: String,
    /// Its text.
    pub text: String,
}

/// What was looked at.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonSummary {
    /// Findings of level error.
    pub errors: usize,
    /// Findings of level warning.
    pub warnings: usize,
    /// Findings of level note.
    pub notes: usize,
    /// Findings that somebody has accepted.
    pub suppressed: usize,
    /// Files read.
    pub files: usize,
    /// YAML documents parsed.
    pub documents: usize,
    /// Pools seen.
    pub pools: usize,
    /// Segments known.
    pub segments: usize,
    /// DHCP dynamic ranges known.
    pub dhcp_ranges: usize,
    /// Reservations known.
    pub reservations: usize,
    /// Nodes known.
    pub nodes: usize,
    /// Where the facts come from.
    pub facts: Vec<String>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// The report as JSON text.
pub fn report(report: &JsonReport) -> String {
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// The schema as JSON text, as it is committed.
pub fn schema() -> String {
    schema_text(&schemars::schema_for!(JsonReport))
}

/// The schema of the lines of a watch.
pub fn schema_of_changes() -> String {
    schema_text(&schemars::schema_for!(JsonChange))
}

fn schema_text(schema: &schemars::Schema) -> String {
    let mut text = serde_json::to_string_pretty(schema).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads a report back.
///
/// # Errors
/// When the text is no report of this version; the message says what to do.
pub fn read(text: &str) -> Result<JsonReport, String> {
    #[derive(Deserialize)]
    struct Versioned {
        version: Option<u64>,
    }
    let versioned: Versioned = serde_json::from_str(text).map_err(|error| format!("is no JSON object: {error}"))?;
    match versioned.version {
        Some(version) if version == u64::from(VERSION) => {}
        Some(other) => return Err(format!("is a report of version {other}; this program reads version {VERSION}")),
        None => return Err("is no report of poolcheck: it has no `version`".to_owned()),
    }
    serde_json::from_str(text).map_err(|error| format!("is no whole report: {error}"))
}

/// The report as the machine formats tell it.
pub(crate) fn model(report: &Report) -> JsonReport {
    let sources = &report.sources;
    let summary = &report.summary;
    JsonReport {
        version: VERSION,
        tool: JsonTool { name: "poolcheck".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        findings: report.findings.iter().map(|f| finding(f, sources)).collect(),
        suppressed: report
            .suppressed
            .iter()
            .map(|suppressed| JsonSuppressed {
                finding: finding(&suppressed.finding, sources),
                by: suppressed.by.name().to_owned(),
                reason: suppressed.reason.clone(),
                place: suppressed.place.map(|span| place(span, None, sources)),
            })
            .collect(),
        gone: report
            .gone
            .iter()
            .map(|gone| JsonGone {
                baseline: gone.baseline.clone(),
                rule: gone.rule.clone(),
                object: gone.object.clone(),
                path: gone.path.clone(),
                message: gone.message.clone(),
            })
            .collect(),
        not_checked: report
            .not_checked
            .iter()
            .map(|verdict| JsonNotChecked {
                rule: verdict.rule.to_owned(),
                fact: verdict.fact.name().to_owned(),
                subject: verdict.subject.clone(),
                reason: verdict.reason.clone(),
                remedy: verdict.fact.remedy().to_owned(),
                place: verdict.place.map(|span| place(span, None, sources)),
            })
            .collect(),
        skipped: report
            .skipped
            .iter()
            .map(|s| JsonSkipped { what: s.what.clone(), place: place(s.place, None, sources) })
            .collect(),
        problems: report
            .problems
            .iter()
            .map(|p| JsonProblem { file: p.name.clone(), message: p.message.clone(), help: p.help.clone() })
            .collect(),
        cards: sources
            .iter()
            .filter(|(_, source)| source.kind == SourceKind::Card)
            .map(|(_, source)| JsonCard { title: source.name.clone(), text: source.text.to_string() })
            .collect(),
        summary: JsonSummary {
            errors: report.count(Level::Error),
            warnings: report.count(Level::Warning),
            notes: report.count(Level::Note),
            suppressed: report.suppressed.len(),
            files: summary.files,
            documents: summary.documents,
            pools: summary.pools,
            segments: summary.segments,
            dhcp_ranges: summary.dhcp_ranges,
            reservations: summary.reservations,
            nodes: summary.nodes,
            facts: summary.facts.clone(),
            elapsed_ms: u64::try_from(summary.elapsed.as_millis()).unwrap_or(u64::MAX),
        },
        scan: report.scan.as_ref().map(scan),
    }
}

/// A machine at an address.
pub(crate) fn sighting(row: &Row) -> JsonSighting {
    JsonSighting {
        address: row.seen.address.to_string(),
        mac: row.seen.mac.clone(),
        via: row.seen.via.clone(),
        count: row.seen.count,
        after_us: row.seen.after.map(|after| u64::try_from(after.as_micros()).unwrap_or(u64::MAX)),
        vendor: row.seen.vendor.clone(),
        name: row.seen.name.clone(),
        named_by: row.seen.named_by.map(|by| by.word().to_owned()),
        since: row.seen.since.clone(),
        who: row.who.clone(),
        claims: row.claims.clone(),
        state: row.state,
    }
}

fn scan(scan: &Scan) -> JsonScan {
    JsonScan {
        interface: scan.interface.clone(),
        at: scan.at.clone(),
        asked: scan.asked.iter().map(ToString::to_string).collect(),
        sightings: scan.rows.iter().map(sighting).collect(),
        run: scan.run.as_ref().map(|run| JsonScanRun {
            addresses: run.addresses,
            unasked: run.unasked,
            frames: run.frames,
            duration_ms: u64::try_from(run.duration.as_millis()).unwrap_or(u64::MAX),
            wire: run.wire.clone(),
            expected_missed: run.expected_missed,
            partial: run.cut_short.clone(),
            remarks: run.remarks.clone(),
        }),
    }
}

fn finding(finding: &Finding, sources: &Sources) -> JsonFinding {
    let labelled = |label: &Label| place(label.span, Some(&label.text), sources);
    JsonFinding {
        rule: finding.rule.to_owned(),
        level: match finding.level {
            Level::Error => JsonLevel::Error,
            Level::Warning => JsonLevel::Warning,
            Level::Note => JsonLevel::Note,
        },
        confidence: match finding.confidence {
            Confidence::High => JsonConfidence::High,
            Confidence::Medium => JsonConfidence::Medium,
            Confidence::Low => JsonConfidence::Low,
        },
        message: finding.message.clone(),
        subject: finding.subject.clone(),
        primary: labelled(&finding.primary),
        related: finding.related.iter().map(labelled).collect(),
        help: finding.help.clone(),
        fixes: finding
            .fixes
            .iter()
            .map(|fix| JsonFix {
                title: fix.title.clone(),
                safe: fix.safety == Safety::Safe,
                edits: fix
                    .edits
                    .iter()
                    .map(|(span, text)| JsonEdit { place: place(*span, None, sources), replacement: text.clone() })
                    .collect(),
            })
            .collect(),
        fingerprint: finding.fingerprint.clone(),
        url: poolcheck_rules::find(finding.rule).map_or_else(String::new, Registered::url),
    }
}

fn place(span: Span, label: Option<&str>, sources: &Sources) -> JsonPlace {
    let source = sources.get(span.source);
    let start = sources.line_column(span.source, span.start);
    let end = sources.line_column(span.source, span.end);
    JsonPlace {
        file: source.name.clone(),
        kind: match source.kind {
            SourceKind::File => JsonSourceKind::File,
            SourceKind::Stdin => JsonSourceKind::Stdin,
            SourceKind::Card => JsonSourceKind::Card,
        },
        start: span.start,
        end: span.end,
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        rendered_from: super::rendered_from(span, sources).map(str::to_owned),
        label: label.filter(|text| !text.is_empty()).map(str::to_owned),
    }
}
