//! What the rules about occupied single addresses share: a pool range that contains addresses somebody else has.
//!
//! One finding a range, with every occupied address as a label, so that a pool over ten reservations is one finding.

use poolcheck_plan::ClaimKind;

use crate::finding::Findings;
use crate::words::{list, pool_range, these_addresses};
use crate::world::{PoolMeeting, World};

/// How many occupied addresses get a label of their own.
const MOST_LABELS: usize = 8;

/// The words by which the rules differ.
pub(crate) struct Words {
    /// Between one address and its owner: `reserved for`.
    pub(crate) what: &'static str,
    /// Several of them: `reserved addresses`.
    pub(crate) what_many: &'static str,
    /// The label at the place that says so.
    pub(crate) label: &'static str,
}

/// Reports every pool range that contains claims of this kind.
pub(crate) fn report(world: &World<'_>, findings: &mut Findings<'_>, kind: ClaimKind, words: &Words) {
    report_if(world, findings, kind, words, |_| true);
}

/// [`report`] for the meetings that a rule does not let pass.
pub(crate) fn report_if(
    world: &World<'_>,
    findings: &mut Findings<'_>,
    kind: ClaimKind,
    words: &Words,
    counts: impl Fn(&PoolMeeting<'_, '_>) -> bool,
) {
    let meetings: Vec<_> = world.pool_meetings(kind).into_iter().filter(counts).collect();
    for group in meetings.chunk_by(|a, b| a.index == b.index && a.entry.span() == b.entry.span()) {
        let first = &group[0];
        let pool = pool_range(first.pool, first.entry, first.range);
        let mut owned: Vec<String> = group.iter().map(|m| format!("{} ({})", m.other.range, m.other.owner)).collect();
        owned.dedup();
        let message = match &owned[..] {
            [_] => format!("{pool} contains {}, {} {}", first.other.range, words.what, first.other.owner),
            many => format!("{pool} contains {} {}: {}", many.len(), words.what_many, list(many, 3)),
        };
        let label = format!("the cluster hands out {}", these_addresses(first.range));
        let finding = findings.report(first.entry.span(), label, message);
        finding.about(&first.pool.object);
        for meeting in group.iter().take(MOST_LABELS) {
            finding.evidence(meeting.other.confidence).identity(meeting.overlap.to_string());
            if let Some(place) = meeting.other.place {
                finding.related(place, words.label);
            }
        }
        if let Some(cure) = world.cure(first.index) {
            cure.advise(finding);
        }
    }
}
