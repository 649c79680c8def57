//! What happens, a line each: for people, or as JSON.

use poolcheck_announcer::event::{Action, Cause, Release};
use poolcheck_announcer::{Driver, Event, What};
use serde_json::{Map, Value, json};

use crate::output;

/// How events are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A sentence with its time
    Text,
    /// A JSON object
    Json,
}

/// Tells events under a node's name.
pub(super) struct Log {
    pub(super) node: String,
    pub(super) form: Form,
}

impl Log {
    /// Something that the announcer reports.
    pub(super) fn event(&self, driver: &Driver, event: &Event) {
        let age = driver.now().since(event.at);
        let at = jiff::Timestamp::now() - jiff::SignedDuration::try_from(age).unwrap_or_default();
        self.line(at, &event.what.to_string(), fields(&event.what));
    }

    /// Something that the program around it has to say.
    pub(super) fn say(&self, what: &str) {
        let fields = Map::from_iter([("event".to_owned(), json!("program"))]);
        self.line(jiff::Timestamp::now(), what, fields);
    }

    fn line(&self, at: jiff::Timestamp, message: &str, mut fields: Map<String, Value>) {
        let line = match self.form {
            Form::Text => format!("{at:.3} {} {message}\n", self.node),
            Form::Json => {
                fields.insert("at".to_owned(), json!(format!("{at:.6}")));
                fields.insert("node".to_owned(), json!(self.node));
                fields.insert("message".to_owned(), json!(message));
                format!("{}\n", Value::Object(fields))
            }
        };
        // Whoever reads it may have gone; addresses are shared all the same.
        drop(output::print(&line));
    }
}

/// An event's name and what it is about.
fn fields(what: &What) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut add = |key: &str, value: Value| drop(fields.insert(key.to_owned(), value));
    let name = match what {
        What::Active => "active",
        What::StoodStill { missing } => {
            add("missing_seconds", json!(missing.as_secs_f64()));
            "stood-still"
        }
        What::LinkDown => "link-down",
        What::LinkUp => "link-up",
        What::MacChanged { mac } => {
            add("mac", json!(mac.to_string()));
            "mac-changed"
        }
        What::Probing { address } => {
            add("address", json!(address));
            "probing"
        }
        What::Owned { address, cause } => {
            add("address", json!(address));
            let (cause, from) = match cause {
                Cause::Probed => ("probed", None),
                Cause::TakenOver { from, silent } => {
                    add("silent_seconds", json!(silent.as_secs_f64()));
                    ("taken-over", Some(from))
                }
                Cause::HandedOver { from } => ("handed-over", Some(from)),
            };
            add("cause", json!(cause));
            add("from", json!(from));
            "owned"
        }
        What::Released { address, why } => {
            add("address", json!(address));
            let (why, to) = match why {
                Release::To { node } => ("owned-by-another", Some(node.clone())),
                Release::Withdrawn => ("withdrawn", None),
                Release::NotReady => ("not-ready", None),
                Release::Squatter { by } => ("claimed", Some(by.to_string())),
                Release::Left => ("left", None),
                Release::Stale => ("away-too-long", None),
            };
            add("why", json!(why));
            add("to", json!(to));
            "released"
        }
        What::InUse { address, by } => {
            add("address", json!(address));
            add("by", json!(by.to_string()));
            "in-use"
        }
        What::Probed { address, by } => {
            add("address", json!(address));
            add("by", json!(by.to_string()));
            "asked-for"
        }
        What::Conflict { address, by, action } => {
            add("address", json!(address));
            add("by", json!(by.to_string()));
            let action = match action {
                Action::Defend => "defended",
                Action::Endure => "endured",
                Action::Yield => "yielded",
            };
            add("action", json!(action));
            "conflict"
        }
        What::Unheard { address, node } => {
            add("address", json!(address));
            add("other", json!(node));
            "unheard"
        }
        What::Split { address, node, kept } => {
            add("address", json!(address));
            add("other", json!(node));
            add("kept", json!(kept));
            "split"
        }
        What::SplitHealed { address, node } => {
            add("address", json!(address));
            add("other", json!(node));
            "split-healed"
        }
        What::GoneUnheard { node } => {
            add("other", json!(node));
            "gone-unheard"
        }
        What::PeerUp { node } => {
            add("other", json!(node));
            "peer-up"
        }
        What::PeerDown { node, silent } => {
            add("other", json!(node));
            add("silent_seconds", json!(silent.as_secs_f64()));
            "peer-down"
        }
        What::PeerRestarted { node, silent } => {
            add("other", json!(node));
            add("silent_seconds", json!(silent.as_secs_f64()));
            "peer-restarted"
        }
        What::NotTaken { address } => {
            add("address", json!(address));
            "not-taken"
        }
        What::Namesake { mac } => {
            add("mac", json!(mac.to_string()));
            "namesake"
        }
        What::Unlisted { mac } => {
            add("mac", json!(mac.to_string()));
            "unlisted"
        }
        What::Unproven { mac } => {
            add("mac", json!(mac.to_string()));
            "unproven"
        }
        What::TooManyNodes => "too-many-nodes",
        What::Left => "left",
    };
    fields.insert("event".to_owned(), json!(name));
    fields
}
