//! The addresses in a node's care, and what it knows of each.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use poolcheck_lan::Timestamp;
use poolcheck_lan::wire::MacAddr;

use crate::conflict::{Defender, Probe};
use crate::event::Cause;
use crate::hold::Service;
use crate::liveness::NodeId;
use crate::settings::{Probing, Want};

/// One address.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) want: Want,
    pub(super) state: State,
    /// The highest term that anybody spoke of. Each change of owner has a higher one.
    pub(super) term: u32,
    /// Who owns it, as far as is known, and since when that is known.
    pub(super) holder: Option<NodeId>,
    pub(super) held_since: Timestamp,
    /// Since when nobody does, and who did.
    pub(super) orphan: Option<Orphan>,
    /// Not to be probed before this.
    pub(super) retry: Timestamp,
    /// Who claimed it last while it was not ours, and when.
    pub(super) claimed: Option<(MacAddr, Timestamp)>,
    /// We owned it as well as another and gave way: told to all until then.
    pub(super) yielded: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Orphan {
    pub(super) since: Timestamp,
    pub(super) of: NodeId,
    /// Whether an owner was ever known.
    pub(super) owned: bool,
}

#[derive(Debug)]
pub(super) enum State {
    /// Somebody else's, or nobody's.
    Idle,
    /// Being probed.
    Probing(Probe),
    /// Ours.
    Owned(Box<Owned>),
    /// A machine that is no node has it.
    InUse { by: MacAddr, since: Timestamp },
}

#[derive(Debug)]
pub(super) struct Owned {
    pub(super) term: u32,
    pub(super) since: Timestamp,
    pub(super) cause: Cause,
    pub(super) defender: Defender,
    pub(super) offer: Option<Offer>,
    pub(super) rival: Option<Rival>,
    /// When caches were last repaired, if they were since it is ours.
    pub(super) repaired: Option<Timestamp>,
}

/// Another node that owned it, too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rival {
    pub(super) node: NodeId,
    /// When it claimed the address while none of its messages came.
    pub(super) unheard: Option<Timestamp>,
    /// When caches are repaired if it owns it no more; when an unheard one is judged.
    pub(super) due: Timestamp,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    pub(super) to: Option<NodeId>,
    pub(super) until: Timestamp,
}

impl Entry {
    fn new(want: Want) -> Self {
        Self {
            want,
            state: State::Idle,
            term: 0,
            holder: None,
            held_since: Timestamp::ZERO,
            orphan: None,
            retry: Timestamp::ZERO,
            claimed: None,
            yielded: None,
        }
    }

    pub(super) const fn service(&self) -> Service {
        Service { ready: self.want.ready, hold: self.want.hold }
    }

    /// A machine that is no node has it: it is probed again later.
    pub(super) fn found_in_use(&mut self, now: Timestamp, by: MacAddr, plan: &Probing) {
        (self.state, self.retry) = (State::InUse { by, since: now }, now + plan.retry);
    }

    /// When something is due.
    fn timeout(&self) -> Timestamp {
        match &self.state {
            State::Idle => self.yielded.unwrap_or(Timestamp::FAR_FUTURE),
            State::Probing(probe) => probe.timeout(),
            State::InUse { .. } => self.retry,
            State::Owned(owned) => {
                let offer = owned.offer.map_or(Timestamp::FAR_FUTURE, |offer| offer.until);
                offer.min(owned.rival.map_or(Timestamp::FAR_FUTURE, |rival| rival.due))
            }
        }
    }
}

/// All addresses in a node's care.
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: BTreeMap<IpAddr, Entry>,
    /// Those that others follow.
    followed: BTreeSet<IpAddr>,
    /// When the first of them is due, until one is changed: it is asked for with every frame.
    due: Cell<Option<Timestamp>>,
}

impl Table {
    /// Takes over what is wanted now; gives what was owned and is wanted no more.
    pub(super) fn set_wants(&mut self, wants: &[Want]) -> Vec<IpAddr> {
        self.due.set(None);
        self.followed = wants.iter().filter_map(|want| want.with).collect();
        let mut before = std::mem::take(&mut self.entries);
        for want in wants {
            let mut entry = before.remove(&want.address).unwrap_or_else(|| Entry::new(*want));
            entry.want = *want;
            self.entries.insert(want.address, entry);
        }
        before.into_iter().filter(|(_, entry)| matches!(entry.state, State::Owned(_))).map(|(a, _)| a).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (IpAddr, &Entry)> {
        self.entries.iter().map(|(address, entry)| (*address, entry))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (IpAddr, &mut Entry)> {
        self.due.set(None);
        self.entries.iter_mut().map(|(address, entry)| (*address, entry))
    }

    pub(super) fn get(&self, address: IpAddr) -> Option<&Entry> {
        self.entries.get(&address)
    }

    pub(super) fn get_mut(&mut self, address: IpAddr) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(&address)?;
        self.due.set(None);
        Some(entry)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether another address goes where this one goes.
    pub(super) fn is_followed(&self, address: IpAddr) -> bool {
        self.followed.contains(&address)
    }

    pub(super) fn is_owned(&self, address: IpAddr) -> bool {
        self.get(address).is_some_and(|entry| matches!(entry.state, State::Owned(_)))
    }

    pub(super) fn owned(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.iter().filter(|(_, entry)| matches!(entry.state, State::Owned(_))).map(|(address, _)| address)
    }

    pub(super) fn timeout(&self) -> Timestamp {
        let due = self
            .due
            .get()
            .unwrap_or_else(|| self.entries.values().map(Entry::timeout).min().unwrap_or(Timestamp::FAR_FUTURE));
        self.due.set(Some(due));
        due
    }
}
