//! What an announcer knows, for people and machines: who owns what since when and why, and who is there.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use poolcheck_announcer::{AddressState, AddressStatus, Announcer, Reason};
use poolcheck_lan::Timestamp;
use serde::{Deserialize, Serialize};

/// All of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct View {
    /// The node that says it.
    pub(super) node: String,
    pub(super) interface: String,
    /// It has a link, has heard the segment, and takes part.
    pub(super) active: bool,
    pub(super) addresses: Vec<AddressView>,
    pub(super) members: Vec<MemberView>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AddressView {
    pub(super) address: IpAddr,
    pub(super) owner: Option<String>,
    /// Since when, in seconds before now.
    pub(super) since_seconds: f64,
    /// `owned`, `probing`, `in use` (by a machine that is no node), `unowned`, or `unknown` while this node listens.
    pub(super) state: String,
    pub(super) why: String,
    /// How many owners it had, and this one.
    pub(super) term: u32,
    /// The machine that has it, if that is no node.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) by: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MemberView {
    pub(super) name: String,
    pub(super) mac: Option<String>,
    /// `up`, `down`, or `never heard`: named as a peer in the configuration, and silent so far.
    pub(super) state: String,
    pub(super) since_seconds: f64,
    /// Its latest sign of life, in seconds before now.
    pub(super) heard_seconds: f64,
    pub(super) owned: usize,
    /// The node that says all this.
    pub(super) this: bool,
}

/// One node's place in the order for an address.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ReasonView {
    pub(super) node: String,
    pub(super) owner: bool,
    pub(super) hindered: Option<String>,
}

impl View {
    pub(super) fn of(announcer: &Announcer, interface: &str, now: Timestamp) -> Self {
        let status = announcer.status();
        let age = |since: Timestamp| now.since(since).as_secs_f64();
        let addresses = status.addresses.iter().map(|address| address_view(announcer, address, status.active, now));
        let owned = status.addresses.iter().filter(|address| matches!(address.state, AddressState::Owned { .. }));
        let this = MemberView {
            name: status.node.clone(),
            mac: None,
            state: if status.active { "up" } else { "listening" }.to_owned(),
            since_seconds: age(Timestamp::ZERO),
            heard_seconds: 0.0,
            owned: owned.count(),
            this: true,
        };
        let others = status.members.iter().map(|member| MemberView {
            name: member.name.clone(),
            mac: Some(member.mac.to_string()),
            state: if member.alive { "up" } else { "down" }.to_owned(),
            since_seconds: age(member.since),
            heard_seconds: age(member.seen),
            owned: member.owned,
            this: false,
        });
        let mut members: Vec<MemberView> = others.chain([this]).collect();
        for peer in &announcer.settings().peers {
            if members.iter().all(|member| member.name != *peer) {
                let (name, state) = (peer.clone(), "never heard".to_owned());
                let (since_seconds, heard_seconds) = (age(Timestamp::ZERO), age(Timestamp::ZERO));
                members.push(MemberView {
                    name,
                    mac: None,
                    state,
                    since_seconds,
                    heard_seconds,
                    owned: 0,
                    this: false,
                });
            }
        }
        members.sort_by(|a, b| a.name.cmp(&b.name));
        let addresses = addresses.collect();
        Self { node: status.node, interface: interface.to_owned(), active: status.active, addresses, members }
    }

    pub(super) fn table(&self) -> String {
        let mut rows = vec![["address", "owner", "since", "state", "why"].map(str::to_owned)];
        rows.extend(self.addresses.iter().map(|a| {
            let owner = a.owner.as_ref().map_or_else(
                || "–".to_owned(),
                |owner| if *owner == self.node { format!("{owner} *") } else { owner.clone() },
            );
            [a.address.to_string(), owner, span(a.since_seconds), a.state.clone(), a.why.clone()]
        }));
        let mut out = columns(&rows);
        let members = self.members.iter().map(|member| match (member.this, &*member.state) {
            (true, "up") => format!("{} (this node)", member.name),
            (true, _) => format!("{} (this node, listens)", member.name),
            (false, "up") => format!("{} up {} ms", member.name, (member.heard_seconds * 1000.0).round()),
            (false, state) => format!("{} {state} {}", member.name, span(member.since_seconds)),
        });
        writeln!(out, "members: {}", members.collect::<Vec<_>>().join(" · ")).expect("writes to a string");
        out
    }
}

impl ReasonView {
    pub(super) fn of(reason: Reason) -> Self {
        Self { node: reason.node, owner: reason.owner, hindered: reason.hindered.map(str::to_owned) }
    }

    /// The order, as a table.
    pub(super) fn table(reasons: &[Self]) -> String {
        let mut rows = vec![["rank", "node", "owner", "what keeps it from owning the address"].map(str::to_owned)];
        rows.extend(reasons.iter().enumerate().map(|(at, reason)| {
            let owner = if reason.owner { "owner" } else { "" };
            let why = reason.hindered.clone().unwrap_or_else(|| if reason.owner { "" } else { "nothing" }.to_owned());
            [(at + 1).to_string(), reason.node.clone(), owner.to_owned(), why]
        }));
        columns(&rows)
    }
}

fn address_view(announcer: &Announcer, status: &AddressStatus, active: bool, now: Timestamp) -> AddressView {
    let reasons = announcer.why(now, status.address).unwrap_or_default();
    let mut by = None;
    let mut since = status.since;
    let (state, why) = match &status.state {
        AddressState::Owned { cause, .. } => ("owned", cause.to_string()),
        AddressState::Probing => ("probing", "asks whether anyone has it".to_owned()),
        AddressState::InUse { by: mac, since: found } => {
            (by, since) = (Some(mac.to_string()), *found);
            ("in use", format!("{mac} has it: not taken"))
        }
        AddressState::FoundInUse { node } => ("in use", format!("another machine has it, as {node} found: not taken")),
        AddressState::Idle => match (&status.owner, reasons.first()) {
            (Some(_), Some(first)) if first.owner => ("owned", "first in rank".to_owned()),
            (Some(_), Some(first)) => {
                ("owned", format!("stays where it is; {} is first in rank{}", first.node, but(first)))
            }
            (Some(_), None) => ("owned", String::new()),
            (None, _) if !active => ("unknown", "this node listens first".to_owned()),
            (None, _) => ("unowned", hindrances(&reasons)),
        },
    };
    AddressView {
        address: status.address,
        owner: status.owner.clone(),
        since_seconds: now.since(since).as_secs_f64(),
        state: state.to_owned(),
        why,
        term: status.term,
        by,
    }
}

fn but(reason: &Reason) -> String {
    reason.hindered.map(|why| format!(" ({why})")).unwrap_or_default()
}

/// Why nobody owns an address.
fn hindrances(reasons: &[Reason]) -> String {
    let told = reasons.iter().filter_map(|reason| Some(format!("{}: {}", reason.node, reason.hindered?)));
    let told: Vec<String> = told.collect();
    if told.is_empty() { "about to be taken".to_owned() } else { told.join("; ") }
}

/// Text in columns, the last one ragged.
fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            write!(line, "{cell:width$}  ").expect("writes to a string");
        }
        writeln!(out, "{}", line.trim_end()).expect("writes to a string");
    }
    out
}

/// A length of time as people say it: its two greatest units.
fn span(seconds: f64) -> String {
    let whole = Duration::from_secs_f64(seconds.max(0.0)).as_secs();
    let (days, hours, minutes) = (whole / 86400, whole / 3600 % 24, whole / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) if seconds < 10.0 => format!("{seconds:.1} s"),
        (0, 0, 0) => format!("{whole} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_at_most_two_units() {
        for (seconds, told) in [
            (0.04, "0.0 s"),
            (9.94, "9.9 s"),
            (59.9, "59 s"),
            (720.0, "12 min"),
            (3700.0, "1 h 1 min"),
            (273_600.0, "3 d 4 h"),
        ] {
            assert_eq!(span(seconds), told);
        }
    }

    #[test]
    fn columns_stand_under_each_other() {
        let rows = [["a", "long", ""], ["–", "b", "c"]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), "a  long\n–  b     c\n");
    }
}
