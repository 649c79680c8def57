//! The addresses in a node's care, and what it knows of each.

use std::collections::BTreeMap;
use std::net::IpAddr;

use poolcheck_lan::Timestamp;
use poolcheck_lan::wire::MacAddr;

use crate::conflict::{Defender, Probe};
use crate::event::Cause;
use crate::hold::Service;
use crate::liveness::NodeId;
use crate::settings::Want;

/// One address.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) want: Want,
    pub(super) state: State,
    /// The highest term that anybody spoke of. Each change of owner has a higher one.
    pub(super) term: u32,
    /// Who owns it, as far as is known.
    pub(super) holder: Option<NodeId>,
    /// Since when nobody does, and who did.
    pub(super) orphan: Option<Orphan>,
    /// Not to be probed before this.
    pub(super) retry: Timestamp,
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
    /// Another node that owned it, too, and when caches are repaired if it does no more.
    pub(super) rival: Option<(NodeId, Timestamp)>,
    /// When caches were last repaired.
    pub(super) repaired: Timestamp,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    pub(super) to: Option<NodeId>,
    pub(super) until: Timestamp,
}

impl Entry {
    fn new(want: Want) -> Self {
        Self { want, state: State::Idle, term: 0, holder: None, orphan: None, retry: Timestamp::ZERO, yielded: None }
    }

    pub(super) const fn service(&self) -> Service {
        Service { ready: self.want.ready, hold: self.want.hold }
    }

    /// When something is due.
    fn timeout(&self) -> Timestamp {
        match &self.state {
            State::Idle => self.yielded.unwrap_or(Timestamp::FAR_FUTURE),
            State::Probing(probe) => probe.timeout(),
            State::InUse { .. } => self.retry,
            State::Owned(owned) => {
                let offer = owned.offer.map_or(Timestamp::FAR_FUTURE, |offer| offer.until);
                offer.min(owned.rival.map_or(Timestamp::FAR_FUTURE, |(_, repair)| repair))
            }
        }
    }
}

/// All addresses in a node's care.
#[derive(Debug, Default)]
pub(super) struct Table(BTreeMap<IpAddr, Entry>);

impl Table {
    /// Takes over what is wanted now; gives what was owned and is wanted no more.
    pub(super) fn set_wants(&mut self, wants: &[Want]) -> Vec<IpAddr> {
        let mut before = std::mem::take(&mut self.0);
        for want in wants {
            let mut entry = before.remove(&want.address).unwrap_or_else(|| Entry::new(*want));
            entry.want = *want;
            self.0.insert(want.address, entry);
        }
        before.into_iter().filter(|(_, entry)| matches!(entry.state, State::Owned(_))).map(|(a, _)| a).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (IpAddr, &Entry)> {
        self.0.iter().map(|(address, entry)| (*address, entry))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (IpAddr, &mut Entry)> {
        self.0.iter_mut().map(|(address, entry)| (*address, entry))
    }

    pub(super) fn get(&self, address: IpAddr) -> Option<&Entry> {
        self.0.get(&address)
    }

    pub(super) fn get_mut(&mut self, address: IpAddr) -> Option<&mut Entry> {
        self.0.get_mut(&address)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_owned(&self, address: IpAddr) -> bool {
        self.get(address).is_some_and(|entry| matches!(entry.state, State::Owned(_)))
    }

    pub(super) fn owned(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.iter().filter(|(_, entry)| matches!(entry.state, State::Owned(_))).map(|(address, _)| address)
    }

    pub(super) fn timeout(&self) -> Timestamp {
        self.0.values().map(Entry::timeout).min().unwrap_or(Timestamp::FAR_FUTURE)
    }
}
