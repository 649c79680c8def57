//! What an announcer knows, for people: who owns what since when, and why not another.

use std::net::IpAddr;

use poolcheck_lan::Timestamp;
use poolcheck_lan::wire::MacAddr;

use super::Announcer;
use super::table::State;
use crate::election::Candidate;
use crate::error::{Error, Result};
use crate::event::Cause;
use crate::liveness::Peer;

/// All that is known now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// This node's name.
    pub node: String,
    /// Whether it takes part: it has a link, and has heard the segment.
    pub active: bool,
    /// The addresses in its care, ascending.
    pub addresses: Vec<AddressStatus>,
    /// The other nodes it has heard of.
    pub members: Vec<MemberStatus>,
}

/// Frames sent since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Answers to questions for owned addresses.
    pub answers: u64,
    /// Unsolicited announcements.
    pub announcements: u64,
    /// Beats, rosters, questions to other nodes, and probes.
    pub messages: u64,
}

/// One address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressStatus {
    /// The address.
    pub address: IpAddr,
    /// The name of its owner, this node or another.
    pub owner: Option<String>,
    /// Since when it has that owner, or none, as far as this node knows.
    pub since: Timestamp,
    /// How many owners it had before, as far as anyone alive knows, and this one.
    pub term: u32,
    /// What this node does about it.
    pub state: AddressState,
}

/// What a node does about an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressState {
    /// Owns it.
    Owned {
        /// Since when.
        since: Timestamp,
        /// How it came.
        cause: Cause,
    },
    /// Asks whether anyone has it.
    Probing,
    /// Somebody who is no node has it.
    InUse {
        /// Who.
        by: MacAddr,
        /// Since when that is known.
        since: Timestamp,
    },
    /// Nothing: another node has found that somebody who is no node has it.
    FoundInUse {
        /// The name of the node that found it.
        node: String,
    },
    /// Nothing: another node owns it, or should.
    Idle,
}

/// Another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStatus {
    /// Its name.
    pub name: String,
    /// Its hardware address.
    pub mac: MacAddr,
    /// Whether it is alive.
    pub alive: bool,
    /// Since when it is alive or not.
    pub since: Timestamp,
    /// Its latest sign of life.
    pub seen: Timestamp,
    /// How many addresses it owns.
    pub owned: usize,
}

/// One node's place in the order for an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The node.
    pub node: String,
    /// Owns the address now.
    pub owner: bool,
    /// What keeps it from owning the address, if anything does.
    pub hindered: Option<&'static str>,
}

impl Announcer {
    /// All that is known now.
    pub fn status(&self) -> Status {
        let addresses = self.table.iter().map(|(address, entry)| {
            let state = match &entry.state {
                State::Idle => self.found_in_use(address).unwrap_or(AddressState::Idle),
                State::Probing(_) => AddressState::Probing,
                State::InUse { by, since } => AddressState::InUse { by: *by, since: *since },
                State::Owned(owned) => AddressState::Owned { since: owned.since, cause: owned.cause.clone() },
            };
            let (owner, since) = (entry.holder.map(|node| self.name(node)), entry.held_since);
            AddressStatus { address, owner, since, term: entry.term, state }
        });
        let members = self.members.all().map(|(node, peer)| MemberStatus {
            name: self.name(node),
            mac: peer.mac,
            alive: peer.alive,
            since: peer.since,
            seen: peer.seen,
            owned: peer.roster.owned().count(),
        });
        Status {
            node: self.settings.name.clone(),
            active: self.fence.is_active(),
            addresses: addresses.collect(),
            members: members.collect(),
        }
    }

    fn found_in_use(&self, address: IpAddr) -> Option<AddressState> {
        let told = |peer: &Peer| peer.roster.get(address).is_some_and(|listing| listing.in_use);
        let (node, _) = self.members.alive().find(|(_, peer)| told(peer))?;
        Some(AddressState::FoundInUse { node: self.name(node) })
    }

    /// Why an address is where it is: all nodes in the order in which they come into question, with what hinders them.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`].
    pub fn why(&self, now: Timestamp, address: IpAddr) -> Result<Vec<Reason>> {
        let entry = self.table.get(address).ok_or(Error::Unknown { address })?;
        let mine = match &entry.state {
            State::InUse { .. } => Some("another machine has the address"),
            _ if !self.link.up => Some("no link"),
            _ if !self.able(now, address) => Some("not on the address's subnet, or heard by nobody"),
            _ if !self.fence.is_active() => Some("has not heard the segment yet"),
            _ if self.draining.is_some() => Some("leaves"),
            _ if !entry.service().may_own() => Some("not ready"),
            _ => None,
        };
        let me = Candidate { node: self.me, weight: entry.want.weight, ready: entry.want.ready };
        let mut all = vec![(me, mine)];
        for (node, peer) in self.members.all() {
            let listing = peer.roster.get(address);
            let hindered = match listing {
                _ if !peer.alive => Some("silent"),
                None => Some("does not know the address"),
                Some(_) if !peer.can_act() => Some("leaves, or has not heard the segment yet"),
                Some(listing) if listing.in_use => Some("another machine has the address"),
                Some(listing) if !listing.able => Some("not on the address's subnet, or heard by nobody"),
                Some(listing) if !listing.service().may_own() => Some("not ready"),
                Some(_) => None,
            };
            let (weight, ready) = listing.map_or((i16::MIN, false), |listing| (listing.weight, listing.ready));
            all.push((Candidate { node, weight, ready }, hindered));
        }
        let ranked = entry.want.with.unwrap_or(address);
        all.sort_by_cached_key(|(candidate, _)| candidate.place(ranked));
        let lead = self.lead(address);
        let elsewhere =
            |node| lead.is_some_and(|lead| lead != node).then_some("the address that it follows is elsewhere");
        let reason = |(Candidate { node, .. }, hindered): (_, Option<_>)| {
            let hindered = hindered.or(elsewhere(node));
            let owner = entry.holder == Some(node);
            Reason { node: self.name(node), owner, hindered }
        };
        Ok(all.into_iter().map(reason).collect())
    }
}
