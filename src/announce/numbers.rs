//! An announcer in numbers, for Prometheus.

use std::sync::{Arc, Mutex, PoisonError};

use poolcheck_announcer::What;
use poolcheck_announcer::event::{Action, Cause};

use super::view::View;
use crate::metrics::Page;

/// The latest numbers, shared with whoever serves them.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    view: Option<View>,
    sent: [(&'static str, u64); 3],
    events: Counts,
}

/// What happened so far.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    takeovers: u64,
    handovers: u64,
    conflicts: u64,
    yielded: u64,
    in_use: u64,
    splits: u64,
    stood_still: u64,
    unproven: u64,
}

impl Numbers {
    pub(super) fn count(&self, what: &What) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let events = &mut kept.events;
        match what {
            What::Owned { cause: Cause::TakenOver { .. }, .. } => events.takeovers += 1,
            What::Owned { cause: Cause::HandedOver { .. }, .. } => events.handovers += 1,
            What::Conflict { action, .. } => {
                events.conflicts += 1;
                events.yielded += u64::from(*action == Action::Yield);
            }
            What::InUse { .. } => events.in_use += 1,
            What::Split { .. } => events.splits += 1,
            What::StoodStill { .. } => events.stood_still += 1,
            What::Unproven { .. } => events.unproven += 1,
            _ => {}
        }
    }

    pub(super) fn note(&self, view: View, counters: poolcheck_announcer::Counters) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.view = Some(view);
        kept.sent =
            [("answer", counters.answers), ("announcement", counters.announcements), ("message", counters.messages)];
    }

    pub(super) fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = Page::default();
        let alone = |value: u64| [(String::new(), value)];
        if let Some(view) = &kept.view {
            page.add("announcer_active", "gauge", "Whether this node takes part.", &alone(u64::from(view.active)));
            let owned = |a: &super::view::AddressView| u64::from(a.owner.as_ref() == Some(&view.node));
            let rows: Vec<_> =
                view.addresses.iter().map(|a| (format!("{{address=\"{}\"}}", a.address), owned(a))).collect();
            page.add("announcer_owned", "gauge", "Whether this node owns the address.", &rows);
            let states = ["owned", "probing", "in use", "unowned", "unknown"].map(|state| {
                let count = view.addresses.iter().filter(|a| a.state == state).count();
                (format!("{{state=\"{}\"}}", state.replace(' ', "_")), count)
            });
            page.add("announcer_addresses", "gauge", "Addresses, by what is known of them.", &states);
            let members: Vec<_> = view
                .members
                .iter()
                .filter(|member| !member.this)
                .map(|member| (format!("{{node=\"{}\"}}", label(&member.name)), u64::from(member.state == "up")))
                .collect();
            page.add("announcer_member_up", "gauge", "Whether another node is alive.", &members);
        }
        let sent = kept.sent.map(|(kind, count)| (format!("{{kind=\"{kind}\"}}"), count));
        page.add("announcer_frames_sent_total", "counter", "Frames sent.", &sent);
        let events = kept.events;
        for (name, help, count) in [
            ("takeovers", "Addresses taken over from a node that was gone.", events.takeovers),
            ("handovers", "Addresses handed over by another node.", events.handovers),
            ("conflicts", "Claims of foreign machines to owned addresses.", events.conflicts),
            ("yields", "Addresses given up to foreign machines.", events.yielded),
            ("found_in_use", "Probes that a foreign machine answered.", events.in_use),
            ("splits", "Claims of nodes whose messages do not come.", events.splits),
            ("stood_still", "Times this process stood still for too long.", events.stood_still),
            ("unproven", "Reports of messages that the key did not make.", events.unproven),
        ] {
            page.add(&format!("announcer_{name}_total"), "counter", help, &alone(count));
        }
        page.text
    }
}

/// A label's value, as Prometheus quotes it.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
