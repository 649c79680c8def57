//! A finding: one rule's verdict at one place, with labels in one or more sources.
//!
//! A finding cannot be made without a primary place. Its fingerprint is made of the rule, the object and the text it is
//! about, never of lines, so that it survives edits elsewhere in the file; equal ones are told apart by their order.

use poolcheck_manifest::Object;
use poolcheck_plan::{Confidence, Sources, Span};
use sha2::{Digest, Sha256};

use crate::ignores::Suppressed;
use crate::rule::{Fact, Rule};

/// How bad a finding is. Ordered: `Note < Warning < Error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Works today, or may be meant.
    Warning,
    /// Broken, or two machines will fight over an address.
    Error,
}

impl Level {
    /// The word shown to people and written to reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A place and what it contributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The bytes.
    pub span: Span,
    /// What they contribute to the finding, in a few words.
    pub text: String,
}

/// Whether an edit may be applied without looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Safety {
    /// It means the same, or what was plainly meant.
    Safe,
    /// It changes what the cluster does.
    Unsafe,
}

/// A machine-applicable cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, as an order: `move the pool to 192.168.1.240-192.168.1.250`.
    pub title: String,
    /// Whether it may be applied without looking.
    pub safety: Safety,
    /// Replacements by byte span; they do not overlap.
    pub edits: Vec<(Span, String)>,
}

/// One rule's verdict at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// How bad it is.
    pub level: Level,
    /// How sure we are: as sure as the weakest piece of evidence.
    pub confidence: Confidence,
    /// The facts, in one sentence.
    pub message: String,
    /// The place it is about.
    pub primary: Label,
    /// Other places that make it so.
    pub related: Vec<Label>,
    /// What to do; the first line may introduce the alternatives that follow.
    pub help: Vec<String>,
    /// Machine-applicable cures, the best first.
    pub fixes: Vec<Fix>,
    /// The object it is about: `IPAddressPool metallb-system/main-pool`.
    pub subject: String,
    /// 32 hexadecimal digits; see the module.
    pub fingerprint: String,
    identity: Vec<String>,
}

impl Finding {
    /// Adds another place.
    pub fn related(&mut self, span: Span, text: impl Into<String>) -> &mut Self {
        self.related.push(Label { span, text: text.into() });
        self
    }

    /// Adds a line of help.
    pub fn help(&mut self, text: impl Into<String>) -> &mut Self {
        self.help.push(text.into());
        self
    }

    /// Adds lines of help.
    pub fn help_lines(&mut self, lines: impl IntoIterator<Item = String>) -> &mut Self {
        self.help.extend(lines);
        self
    }

    /// Adds a cure that a machine can apply.
    pub fn fix(&mut self, title: impl Into<String>, safety: Safety, edits: Vec<(Span, String)>) -> &mut Self {
        self.fixes.push(Fix { title: title.into(), safety, edits });
        self
    }

    /// Adds a cure by one edit; none when what it would change is not written where it stands.
    pub fn fix_written(&mut self, title: impl Into<String>, safety: Safety, edit: Option<(Span, String)>) -> &mut Self {
        match edit {
            Some(edit) => self.fix(title, safety, vec![edit]),
            None => self,
        }
    }

    /// Sets another level than the rule's own.
    pub fn level(&mut self, level: Level) -> &mut Self {
        self.level = level;
        self
    }

    /// Lowers the confidence to that of a piece of evidence.
    pub fn evidence(&mut self, confidence: Confidence) -> &mut Self {
        self.confidence = self.confidence.min(confidence);
        self
    }

    /// Names the object it is about.
    pub fn about(&mut self, object: &Object<'_>) -> &mut Self {
        self.subject = object.reference();
        self
    }

    /// Names what it is about where that is no object: the release that chart values make.
    pub fn subject(&mut self, title: &str) -> &mut Self {
        title.clone_into(&mut self.subject);
        self
    }

    /// Adds to what makes this finding itself and no other, beside rule, object and the text under its primary label.
    pub fn identity(&mut self, part: impl Into<String>) -> &mut Self {
        self.identity.push(part.into());
        self
    }
}

/// A rule that could not judge, and why. Never silently a pass.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotChecked {
    /// The rule's id.
    pub rule: &'static str,
    /// Which kind of fact is missing.
    pub fact: Fact,
    /// What it would have judged: an object's reference, or `None` for everything.
    pub subject: Option<String>,
    /// Why, in one clause: `${LB_RANGE} is substituted at deploy time`.
    pub reason: String,
    /// Where the thing that could not be judged stands.
    pub place: Option<Span>,
}

/// Collects what the rules say.
#[derive(Debug)]
pub struct Findings<'w> {
    sources: &'w Sources,
    rule: &'static Rule,
    found: Vec<Finding>,
    not_checked: Vec<NotChecked>,
}

impl<'w> Findings<'w> {
    pub(crate) fn new(sources: &'w Sources, rule: &'static Rule) -> Self {
        Self { sources, rule, found: Vec::new(), not_checked: Vec::new() }
    }

    /// Reports a finding at its primary place; the returned finding takes the rest.
    pub fn report(&mut self, span: Span, label: impl Into<String>, message: impl Into<String>) -> &mut Finding {
        self.found.push(Finding {
            rule: self.rule.id,
            level: self.rule.level,
            confidence: Confidence::High,
            message: message.into(),
            primary: Label { span, text: label.into() },
            related: Vec::new(),
            help: Vec::new(),
            fixes: Vec::new(),
            subject: String::new(),
            fingerprint: String::new(),
            identity: Vec::new(),
        });
        self.found.last_mut().expect("one was pushed just now")
    }

    /// Says that one object could not be judged.
    pub fn not_checked(&mut self, fact: Fact, subject: Option<String>, reason: impl Into<String>, place: Option<Span>) {
        self.not_checked.push(NotChecked { rule: self.rule.id, fact, subject, reason: reason.into(), place });
    }

    pub(crate) fn finish(self, outcome: &mut Outcome) {
        for finding in &self.found {
            debug_assert!(!self.sources.slice(finding.primary.span).is_empty() || finding.primary.span.is_empty());
        }
        outcome.findings.extend(self.found);
        outcome.not_checked.extend(self.not_checked);
    }
}

/// Everything the rules said of one world.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The findings, ordered by source, place and rule.
    pub findings: Vec<Finding>,
    /// The verdicts *not checked*, ordered by rule.
    pub not_checked: Vec<NotChecked>,
    /// Findings that somebody has accepted, ordered as the findings are.
    pub suppressed: Vec<Suppressed>,
}

impl Outcome {
    /// Keeps what the rules of one family said, and nothing else.
    pub fn keep_family(&mut self, family: &str) {
        let is = |rule: &str| crate::find(rule).is_some_and(|registered| registered.family == family);
        self.findings.retain(|finding| is(finding.rule));
        self.suppressed.retain(|suppressed| is(suppressed.finding.rule));
        self.not_checked.retain(|verdict| is(verdict.rule));
    }

    /// Orders the findings by source, place, level and rule.
    pub(crate) fn sort(&mut self, sources: &Sources) {
        let place = |f: &Finding| (sources.get(f.primary.span.source).name.clone(), f.primary.span);
        self.findings.sort_by_cached_key(|f| (place(f), std::cmp::Reverse(f.level), f.rule, f.message.clone()));
    }

    pub(crate) fn settle(&mut self, sources: &Sources) {
        self.sort(sources);
        // A file that clusters use in several forms is several sources of one name.
        let same = |a: &Finding, b: &Finding| {
            let shift = |span: Span| (span.start, span.end, &sources.get(span.source).name);
            a.rule == b.rule && a.message == b.message && shift(a.primary.span) == shift(b.primary.span)
        };
        self.findings.dedup_by(|a, b| same(a, b));
        self.not_checked.sort();
        self.not_checked.dedup();
        let mut seen = std::collections::HashMap::<[u8; 32], u32>::new();
        for finding in &mut self.findings {
            let key = identity_digest(finding, sources, 0);
            let ordinal = seen.entry(key).and_modify(|n| *n += 1).or_insert(0);
            finding.fingerprint = hex(&identity_digest(finding, sources, *ordinal)[..16]);
        }
    }
}

/// Every part is preceded by its length, so that no two lists of parts give the same bytes.
fn identity_digest(finding: &Finding, sources: &Sources, ordinal: u32) -> [u8; 32] {
    let mut hash = Sha256::new();
    let primary = sources.slice(finding.primary.span).trim();
    let parts = [finding.rule, &finding.subject, primary];
    for part in parts.into_iter().chain(finding.identity.iter().map(String::as_str)) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.update(ordinal.to_le_bytes());
    hash.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
        text
    })
}
