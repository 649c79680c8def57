//! What arrives: other nodes' messages, questions for our addresses, and others' claims to them.

use std::net::IpAddr;
use std::time::Duration;

use poolcheck_lan::Timestamp;
use poolcheck_lan::wire::{MacAddr, dissect, ethernet};

use super::Announcer;
use super::table::{Rival, State};
use crate::conflict::{self, Action, Claim, How};
use crate::election::rank;
use crate::event::{Release, What};
use crate::liveness::{Change, GROUP, Message, NodeId, Refused, is_message};
use crate::responder;

/// The same is not reported more often.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// Messages that prove nothing are reported this often.
const UNPROVEN_EVERY: Duration = Duration::from_secs(10);
/// An address is probed again so long after a node's claim to it whose messages do not come.
pub(super) const UNHEARD: Duration = Duration::from_secs(5);
/// Whoever probed an address that another node probes or owns looks again after this.
const BACK_OFF: Duration = Duration::from_millis(500);

impl Announcer {
    /// Takes in a frame. What time it is now nobody says here: the frame may have waited. So nothing that depends on it is
    /// decided here either: whether this node stood still, whether it has listened for long enough, who is dead.
    pub(super) fn hear(&mut self, at: Timestamp, frame: &[u8]) {
        if self.fence.is_gone() || self.fence.is_down() {
            return;
        }
        if is_message(frame) {
            self.hear_node(at, frame);
            return;
        }
        let Ok(frame) = dissect(frame) else { return };
        if let Some(claim) = conflict::claim(&frame)
            && claim.mac != self.link.mac
        {
            self.hear_claim(at, claim);
        }
        if self.fence.is_active() {
            let owned = |address| self.table.is_owned(address);
            #[cfg(feature = "sim")]
            let owned = |address| {
                self.broken(crate::sim::Mutation::AnswersForAll)
                    || owned(address) && !self.broken(crate::sim::Mutation::AnswersNothing)
            };
            self.answers.extend(responder::answer(&frame, self.link.mac, owned));
        }
    }

    fn hear_node(&mut self, at: Timestamp, frame: &[u8]) {
        if let Some(from) = self.sender_to_us(frame) {
            self.hear_message(at, from, Message::parse(frame, &self.key).as_ref());
        }
    }

    /// [`Machine::handle`](poolcheck_lan::Machine::handle) of a message that was read before: one frame is the same for all who hear it.
    #[cfg(feature = "sim")]
    pub(crate) fn handle_message(&mut self, at: Timestamp, frame: &[u8], read: Result<&Message, &Refused>) {
        if self.fence.is_gone() || self.fence.is_down() {
            return;
        }
        if let Some(from) = self.sender_to_us(frame) {
            self.hear_message(at, from, read);
        }
    }

    /// Who sent a message, if it is for this node.
    fn sender_to_us(&self, frame: &[u8]) -> Option<MacAddr> {
        let view = ethernet::Frame::new_checked(frame).ok()?;
        let (to, from) = (view.destination(), view.source());
        let ours = (to == GROUP || to == self.link.mac) && from != self.link.mac && !from.is_multicast();
        ours.then_some(from)
    }

    fn hear_message(&mut self, at: Timestamp, from: MacAddr, read: Result<&Message, &Refused>) {
        match read {
            Ok(message) => {
                let mut changes = Vec::new();
                self.members.hear(at, from, message, &mut changes);
                self.take_in(at, changes);
            }
            Err(Refused::Unproven) => {
                if self.unproven.is_none_or(|last| at.since(last) >= UNPROVEN_EVERY) {
                    self.unproven = Some(at);
                    self.report(at, What::Unproven { mac: from });
                }
            }
            Err(Refused::Malformed) => {}
        }
    }

    /// Acts on what became of the members.
    pub(super) fn take_in(&mut self, at: Timestamp, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Up(_) => {
                    (self.dirty, self.quiet_since) = (true, at);
                    // Whoever is new must hear us soon, to know that it is not alone.
                    self.beat_soon(at);
                }
                Change::Known(node) => self.report(at, What::PeerUp { node: self.name(node) }),
                Change::Down(node, silent) => {
                    (self.dirty, self.quiet_since) = (true, at);
                    self.report(at, What::PeerDown { node: self.name(node), silent });
                }
                Change::GoneUnheard(node) if self.fence.is_active() => {
                    // It may have been the other side's owner: caches are repaired.
                    let mine: Vec<_> = self.table.owned().collect();
                    for address in &mine {
                        self.schedule.start(at, *address, false);
                    }
                    if !mine.is_empty() {
                        self.report(at, What::GoneUnheard { node: self.name(node) });
                    }
                }
                Change::GoneUnheard(_) => {}
                Change::Reborn(node, silent) => {
                    (self.dirty, self.quiet_since) = (true, at);
                    self.report(at, What::PeerRestarted { node: self.name(node), silent });
                }
                Change::News(_) => self.dirty = true,
                Change::Asks => {
                    if at.since(self.roster_sent) >= self.settings.timing.beat / 4
                        || self.roster_sent == Timestamp::ZERO
                    {
                        self.roster_sent = at;
                        self.say(at, GROUP, self.roster.whole(&self.settings.name));
                    }
                }
                Change::Pokes => self.beat_soon(at),
                Change::Namesake(mac) => {
                    if self.may_report(at, IpAddr::from([0; 4])) {
                        self.report(at, What::Namesake { mac });
                    }
                }
                Change::Unlisted(mac) => {
                    if self.may_report(at, IpAddr::from([0; 4])) {
                        self.report(at, What::Unlisted { mac });
                    }
                }
                Change::TooMany => self.report(at, What::TooManyNodes),
            }
        }
    }

    /// A beat out of turn; however often one is asked for, they are not many.
    fn beat_soon(&mut self, at: Timestamp) {
        self.fence.beat_now(at.max(self.fence.last_beat() + self.settings.timing.beat / 6));
    }

    /// Whether to report something of an address again.
    fn may_report(&mut self, at: Timestamp, address: IpAddr) -> bool {
        let again = self.probed.is_none_or(|(last, of)| of != address || at.since(last) >= REPORT_EVERY);
        if again {
            self.probed = Some((at, address));
        }
        again
    }

    fn report_probe(&mut self, at: Timestamp, address: IpAddr, by: MacAddr) {
        if self.may_report(at, address) {
            self.report(at, What::Probed { address, by });
        }
    }

    fn hear_claim(&mut self, at: Timestamp, claim: Claim<'_>) {
        let (address, by, me) = (claim.address, claim.mac, self.me);
        let active = self.fence.is_active();
        let Some(entry) = self.table.get_mut(address) else { return };
        let peer = self.members.with_mac(by);
        match (&mut entry.state, peer, claim.how) {
            (State::Probing(probe), _, How::Probes) if probe.is_own(claim.nonce) => {}
            #[cfg(feature = "sim")]
            (State::Probing(_), ..) if self.settings.mutation == Some(crate::sim::Mutation::IgnoresProbeAnswers) => {}
            // Another node owns it, or is to own it: not ours.
            (State::Probing(_), Some(node), how) if how == How::Claims || outranks(node, me, address) => {
                (entry.state, entry.retry) = (State::Idle, at + BACK_OFF);
                if how == How::Claims && self.members.get(node).is_some_and(|peer| !peer.alive) {
                    // It lives, though its messages do not come: nobody is to take the address from it.
                    (entry.state, entry.retry) = (State::InUse { by, since: at }, at + UNHEARD);
                }
                (self.dirty, self.roster_stale) = (true, true);
            }
            (State::Probing(_), Some(_), _) => {}
            (State::Probing(_), None, _) => {
                entry.found_in_use(at, by, &self.settings.probing);
                (self.dirty, self.roster_stale) = (true, true);
                self.report(at, What::InUse { address, by });
            }
            (State::Owned(owned), Some(node), How::Claims) if active => {
                let alive = self.members.get(node).is_some_and(|peer| peer.alive);
                let due = at + if alive { 2 * self.settings.timing.beat } else { self.settings.timing.listen() };
                // Whoever repeats itself is looked at no later for it.
                let before = owned
                    .rival
                    .filter(|before| before.node == node && before.unheard.is_some() != alive && before.due < due);
                let due = before.map_or(due, |before| before.due);
                owned.rival = Some(Rival { node, unheard: (!alive).then_some(at), due });
                if !alive && before.is_none() {
                    // It is to hear of us now, so that both judge at the same time.
                    self.schedule.defend(at, address);
                    self.report(at, What::Unheard { address, node: self.name(node) });
                }
            }
            #[cfg(feature = "sim")]
            (State::Owned(_), None, _)
                if self.settings.mutation == Some(crate::sim::Mutation::IgnoresForeignClaims) => {}
            (State::Owned(_), None, How::Probes) if active => self.report_probe(at, address, by),
            (State::Idle, None, How::Claims) => entry.claimed = Some((by, at)),
            (State::Owned(owned), None, How::Claims) if active => {
                let action = owned.defender.on_claim(at, self.settings.defence);
                self.resist(at, address, by, action);
            }
            _ => {}
        }
    }

    /// Acts on a claim to an owned address by a machine that is no node.
    fn resist(&mut self, at: Timestamp, address: IpAddr, by: MacAddr, action: Action) {
        if action != Action::Endure || self.may_report(at, address) {
            self.report(at, What::Conflict { address, by, action });
        }
        match action {
            Action::Defend => self.schedule.defend(at, address),
            Action::Endure => {}
            Action::Yield => {
                self.schedule.stop(address);
                if let Some(entry) = self.table.get_mut(address) {
                    entry.found_in_use(at, by, &self.settings.probing);
                }
                (self.dirty, self.roster_stale) = (true, true);
                self.report(at, What::Released { address, why: Release::Squatter { by } });
            }
        }
    }
}

/// Whether of two nodes with equal claims the first keeps the address.
pub(super) fn outranks(one: NodeId, other: NodeId, address: IpAddr) -> bool {
    (rank(one, address), one) > (rank(other, address), other)
}
