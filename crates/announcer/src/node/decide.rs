//! Who owns what: the one place where addresses change their owner.
//!
//! Each claim has a *term*, one higher than that of the owner before. Of two claims the one with the higher term is right,
//! of two equal ones that of the node that ranks higher; both sides know both claims, so both decide alike. That is all
//! there is to a healed split and a planned handover: whoever hears of a better claim is silent at once. The claim of a node
//! that listens, because it stood still or lost its link, gives way to any claim of a node that takes part.
//!
//! An address that follows another is taken by the other's owner from whoever has it, as in a planned handover.

use std::net::IpAddr;
use std::time::Duration;

use poolcheck_lan::Timestamp;

use super::Announcer;
use super::hear::outranks;
use super::table::{Entry, Orphan, Owned, Rival, State};
use crate::conflict::Probe;
use crate::election::{Ballot, Candidate, order};
use crate::event::{Cause, Release, What};
use crate::liveness::{DRAINING, LISTENING, Listing, NodeId, Peer, Taker};
use crate::settings::Rebalance;

/// So long must nodes neither come nor go before addresses are moved without need.
const QUIET: Duration = Duration::from_secs(30);
/// Whoever claimed an address so lately has it.
const CLAIMED: Duration = Duration::from_secs(1);
/// So long a node says that it gave way.
const YIELDED: Duration = Duration::from_secs(1);
/// An address follows another this long after it has got an owner: nodes that were told to follow different ones do not tear at it.
const FOLLOWS: Duration = Duration::from_secs(1);
/// Others are seen to once all that is due now is done.
const SOON: Duration = Duration::from_millis(1);
/// So many at a time.
const REBALANCED: usize = 10;

/// Why an address is owned no more.
enum Lost {
    To(NodeId),
    NotReady,
}

impl Announcer {
    /// Looks at all addresses.
    pub(super) fn decide(&mut self, now: Timestamp) {
        self.dirty = false;
        self.recheck = Timestamp::FAR_FUTURE;
        // Those that follow others last.
        let (leads, followers): (Vec<_>, Vec<_>) = self.table.iter().partition(|(_, entry)| entry.want.with.is_none());
        let addresses: Vec<IpAddr> = leads.into_iter().chain(followers).map(|(address, _)| address).collect();
        let mut ballot = self.ballot();
        for address in &addresses {
            if let Some(holder) = self.settle(now, *address, false) {
                ballot.count(holder);
            }
        }
        for address in addresses {
            self.fill(now, address, &mut ballot);
            #[cfg(feature = "sim")]
            if self.broken(crate::sim::Mutation::AnnouncesAlways) && self.table.is_owned(address) {
                self.schedule.start(now, address, false);
            }
        }
    }

    /// An election among those who can act, before anything is counted.
    fn ballot(&self) -> Ballot {
        let others = self.members.all().filter(|(_, peer)| peer.can_act()).map(|(node, _)| node);
        let me = self.draining.is_none().then_some(self.me);
        Ballot::new(others.chain(me), self.table.len())
    }

    /// What others say of an address.
    fn listings(&self, address: IpAddr) -> impl Iterator<Item = (NodeId, &Listing)> {
        self.members.alive().filter_map(move |(node, peer)| Some((node, peer.roster.get(address)?)))
    }

    /// The best claim of a node that takes part, and a node that claims it while it listens.
    fn claims(&self, address: IpAddr) -> (Option<(u32, NodeId)>, Option<NodeId>) {
        let (mut best, mut absent) = (None, None);
        for (node, listing) in self.listings(address).filter(|(_, listing)| listing.owned) {
            if self.members.get(node).is_some_and(|peer| peer.flags & LISTENING != 0) {
                absent = Some(node);
            } else if best.is_none_or(|(term, other)| {
                listing.term > term || (listing.term == term && outranks(node, other, address))
            }) {
                best = Some((listing.term, node));
            }
        }
        (best, absent)
    }

    /// Finds the one owner among those who claim an address, and gives it up if that is another.
    /// `woken`: this node was away, and any other's claim is better.
    pub(super) fn settle(&mut self, now: Timestamp, address: IpAddr, woken: bool) -> Option<NodeId> {
        let (best, absent) = self.claims(address);
        let known = self.listings(address).map(|(_, listing)| listing.term).max().unwrap_or(0);
        let others_ready = self.listings(address).any(|(_, listing)| listing.ready && listing.able);
        let yielded = self.listings(address).find(|(_, listing)| listing.yielded).map(|(node, _)| node);
        let (draining, active) = (self.draining.is_some(), self.fence.is_active());
        let best_peer = best.and_then(|(_, node)| self.members.get(node));
        let deaf = best_peer.is_some_and(|peer| self.is_deaf_to_us(now, peer) == Some(true));
        let me = self.me;
        let entry = self.table.get_mut(address)?;
        entry.term = entry.term.max(known);
        let service = entry.service();
        let mut lost = None;
        match (&mut entry.state, best) {
            (State::Owned(owned), Some((term, node))) => {
                let better = woken || term > owned.term || (term == owned.term && outranks(node, me, address));
                let better = better && self.members.get(node).is_some_and(Peer::in_step);
                #[cfg(feature = "sim")]
                let better = match self.settings.mutation {
                    Some(crate::sim::Mutation::NeverYields) => false,
                    Some(crate::sim::Mutation::AlwaysYields) => true,
                    _ => better,
                };
                let planned = owned.offer.is_some() || draining || !service.ready;
                if better && deaf && !woken && !planned {
                    // It took over because it does not hear us, though we hear it: everyone else is served by us.
                    owned.term = term.saturating_add(1);
                    entry.term = owned.term;
                    self.roster_stale = true;
                    self.schedule.once(now, address);
                } else if better {
                    entry.yielded = (active && !planned).then(|| now + YIELDED);
                    lost = Some(Lost::To(node));
                } else {
                    let due = now + 2 * self.settings.timing.beat;
                    owned.rival = Some(Rival { node, unheard: None, due });
                }
            }
            (State::Owned(_), None) if service.should_release() && !others_ready => lost = Some(Lost::NotReady),
            // What was handed over just now was announced since.
            (State::Owned(owned), None)
                if owned.repaired.is_none_or(|at| now.since(at) > 2 * YIELDED)
                    && !(matches!(owned.cause, Cause::HandedOver { .. }) && now.since(owned.since) <= 2 * YIELDED) =>
            {
                owned.rival = owned.rival.or(yielded.map(|node| Rival { node, unheard: None, due: now }));
            }
            (State::Probing(_) | State::InUse { .. }, Some(_)) => entry.state = State::Idle,
            _ => {}
        }
        if let Some(why) = lost {
            entry.state = State::Idle;
            self.roster_stale = true;
            self.schedule.stop(address);
            let why = match why {
                Lost::To(node) => Release::To { node: self.name(node) },
                Lost::NotReady => Release::NotReady,
            };
            self.report(now, What::Released { address, why });
        }
        let holder = if self.table.is_owned(address) { Some(me) } else { best.map(|(_, node)| node).or(absent) };
        let entry = self.table.get_mut(address)?;
        match (entry.holder, holder) {
            (Some(of), None) => entry.orphan = Some(Orphan { since: now, of, owned: true }),
            (None, None) if entry.orphan.is_none() => {
                entry.orphan = Some(Orphan { since: now, of: me, owned: false });
            }
            (_, Some(_)) => entry.orphan = None,
            _ => {}
        }
        if entry.holder != holder {
            (entry.holder, entry.held_since) = (holder, now);
        }
        holder
    }

    /// Whether a node's beats have said for longer than it takes to be thought dead that it hears nothing of us, though it had the
    /// time to; `None` while its beats do not come, for then it may.
    fn is_deaf_to_us(&self, now: Timestamp, peer: &Peer) -> Option<bool> {
        let patience = self.settings.timing.dead + 2 * self.settings.timing.beat;
        let long = |since: Timestamp| now.since(since) > patience;
        let deaf = self.fence.active_since().is_some_and(long) && long(peer.since) && long(peer.hears_me);
        (!long(peer.beaten)).then_some(deaf)
    }

    /// Finds an owner for an address that has none, or whose owner wants to be rid of it; takes it if that is us.
    fn fill(&mut self, now: Timestamp, address: IpAddr, ballot: &mut Ballot) {
        let Some(entry) = self.table.get(address) else { return };
        let holder = entry.holder;
        let mut candidates = self.candidates(now, address, entry);
        let (ranked, retry, orphan) = (entry.want.with.unwrap_or(address), entry.retry, entry.orphan);
        let claimed = matches!(entry.state, State::InUse { .. });
        let lead = self.lead(address).filter(|lead| Self::may_follow(*lead, &candidates));
        if let Some(holder) = holder {
            let follows = self.follows(now, address, holder, &candidates);
            let Some(offered) = follows.or_else(|| self.given_away(address, holder, &candidates)) else { return };
            candidates.retain(|candidate| offered.is(candidate.node));
        }
        let in_use = self.listings(address).any(|(_, listing)| listing.in_use);
        if in_use || claimed {
            // Somebody else has it: whoever takes it later must probe.
            if let Some(orphan) = self.table.get_mut(address).and_then(|entry| entry.orphan.as_mut()) {
                orphan.owned = false;
            }
            return;
        }
        let elected = match lead.filter(|_| holder.is_none()) {
            Some(lead) => {
                order(ranked, &mut candidates);
                ballot.count(lead);
                Some(lead)
            }
            None => ballot.elect(ranked, &mut candidates),
        };
        if elected == Some(self.me) {
            self.take(now, address, holder);
            return;
        }
        let Some(orphan) = orphan.filter(|_| holder.is_none()) else { return };
        let Some(place) = candidates.iter().position(|candidate| candidate.node == self.me) else {
            let later = [retry, self.introduced()].into_iter().filter(|at| *at > now).max();
            self.recheck = self.recheck.min(later.unwrap_or(Timestamp::FAR_FUTURE));
            return self.stop_probing(address);
        };
        // Others may count differently, and wait for us as we wait for them: after a while the next in order acts.
        let patience = orphan.since + self.settings.timing.listen() * (place as u32 + 2);
        if now >= patience {
            self.take(now, address, None);
        } else {
            self.recheck = self.recheck.min(patience);
            self.stop_probing(address);
        }
    }

    /// The owner of the address that this one follows.
    pub(super) fn lead(&self, address: IpAddr) -> Option<NodeId> {
        #[cfg(feature = "sim")]
        if self.broken(crate::sim::Mutation::FollowsNobody) {
            return None;
        }
        self.table.get(self.table.get(address)?.want.with?)?.holder
    }

    /// Whether an owner is to be relieved of an address by the owner of the one that it follows.
    fn follows(&mut self, now: Timestamp, address: IpAddr, holder: NodeId, candidates: &[Candidate]) -> Option<Taker> {
        let lead = self.lead(address).filter(|lead| *lead != holder)?;
        let entry = self.table.get(address)?;
        let free = if lead == self.me { entry.retry.max(self.introduced()) } else { Timestamp::ZERO };
        let at = free.max(entry.held_since + FOLLOWS);
        if now < at {
            self.recheck = self.recheck.min(at);
            return None;
        }
        let ready = self.is_ready(lead, address) || !self.is_ready(holder, address);
        (ready && Self::may_follow(lead, candidates)).then_some(Taker::Only(lead))
    }

    /// Whether that owner can take an address: nobody who can is better placed to serve it.
    fn may_follow(lead: NodeId, candidates: &[Candidate]) -> bool {
        let lead = candidates.iter().find(|candidate| candidate.node == lead);
        lead.is_some_and(|lead| lead.ready || !candidates.iter().any(|candidate| candidate.ready))
    }

    fn is_ready(&self, node: NodeId, address: IpAddr) -> bool {
        if node == self.me {
            return self.table.get(address).is_some_and(|entry| entry.want.ready);
        }
        self.members.get(node).and_then(|peer| peer.roster.get(address)).is_some_and(|listing| listing.ready)
    }

    fn stop_probing(&mut self, address: IpAddr) {
        if let Some(entry) = self.table.get_mut(address)
            && matches!(entry.state, State::Probing(_))
        {
            entry.state = State::Idle;
        }
    }

    /// Who could own an address, but for its owner.
    fn candidates(&self, now: Timestamp, address: IpAddr, entry: &Entry) -> Vec<Candidate> {
        let others = self.members.all().filter(|(node, peer)| peer.can_act() && entry.holder != Some(*node));
        let mut candidates: Vec<Candidate> = others
            .filter_map(|(node, peer)| {
                let listing = peer.roster.get(address)?;
                let may = listing.able && !listing.in_use && listing.service().may_own();
                may.then_some(Candidate { node, weight: listing.weight, ready: listing.ready })
            })
            .collect();
        let mine = self.able(now, address) && entry.service().may_own() && entry.retry.max(self.introduced()) <= now;
        if mine && self.draining.is_none() && entry.holder != Some(self.me) {
            candidates.push(Candidate { node: self.me, weight: entry.want.weight, ready: entry.want.ready });
        }
        candidates
    }

    /// When the others know that this node takes part, and count with it.
    fn introduced(&self) -> Timestamp {
        self.fence.active_since().map_or(Timestamp::FAR_FUTURE, |since| since + self.settings.timing.beat / 2)
    }

    /// Whether this node has the subnet, and is heard by the others.
    pub(super) fn able(&self, now: Timestamp, address: IpAddr) -> bool {
        self.link.up && self.link.subnets.iter().any(|net| net.contains(&address)) && !self.is_mute(now)
    }

    /// Whether none of those we hear hears us.
    fn is_mute(&self, now: Timestamp) -> bool {
        let mut known = self.members.alive().filter_map(|(_, peer)| self.is_deaf_to_us(now, peer)).peekable();
        known.peek().is_some() && known.all(|deaf| deaf)
    }

    /// Whether an owner wants to be rid of an address: and whom it offers it to.
    fn given_away(&self, address: IpAddr, holder: NodeId, candidates: &[Candidate]) -> Option<Taker> {
        let peer = self.members.get(holder).filter(|_| holder != self.me)?;
        let listing = peer.roster.get(address)?;
        let others_ready = candidates.iter().any(|candidate| candidate.ready);
        #[cfg(feature = "sim")]
        if self.broken(crate::sim::Mutation::FailsBack) && outranks(self.me, holder, address) {
            return Some(Taker::Anyone);
        }
        let leaves = peer.flags & DRAINING != 0 || listing.service().should_move(others_ready);
        listing.offered.or(leaves.then_some(Taker::Anyone))
    }

    /// Those who could take an owned address now.
    pub(super) fn takers(&self, address: IpAddr) -> Vec<NodeId> {
        let Some(entry) = self.table.get(address) else { return Vec::new() };
        self.candidates(Timestamp::FAR_FUTURE, address, entry)
            .iter()
            .map(|c| c.node)
            .filter(|n| *n != self.me)
            .collect()
    }

    /// Takes an address: at once if it had an owner until just now, else after a probe.
    fn take(&mut self, now: Timestamp, address: IpAddr, from: Option<NodeId>) {
        let window = self.settings.timing.failover_window();
        let Some(entry) = self.table.get_mut(address) else { return };
        let cause = match (from, entry.orphan) {
            (Some(node), _) => Some((node, false)),
            (None, Some(orphan)) if orphan.owned && now.since(orphan.since) <= window => Some((orphan.of, true)),
            _ => None,
        };
        #[cfg(feature = "sim")]
        let cause = match self.settings.mutation {
            Some(crate::sim::Mutation::NeverTakesOver) if cause.is_some() => return,
            Some(crate::sim::Mutation::NeverProbes) => cause.or(Some((self.me, true))),
            _ => cause,
        };
        match (cause, &entry.state) {
            (Some((of, orphaned)), _) => {
                let from = self.name(of);
                let silent = self
                    .members
                    .get(of)
                    .filter(|_| orphaned)
                    .map_or(Duration::ZERO, |peer| if peer.alive { Duration::ZERO } else { now.since(peer.seen) });
                let cause = if orphaned { Cause::TakenOver { from, silent } } else { Cause::HandedOver { from } };
                self.own(now, address, cause);
            }
            (None, State::Probing(_)) => {}
            // Heard a moment ago: it need not be asked whether it has the address.
            (None, State::Idle)
                if let Some((by, at)) = entry.claimed
                    && now.since(at) < CLAIMED
                    && self.members.with_mac(by).is_none() =>
            {
                entry.found_in_use(now, by, &self.settings.probing);
                (self.dirty, self.roster_stale) = (true, true);
                self.report(now, What::InUse { address, by });
            }
            (None, _) => {
                entry.state = State::Probing(Probe::new(now, &mut self.random));
                self.report(now, What::Probing { address });
            }
        }
    }

    /// Owns an address from now on, and announces it.
    pub(super) fn own(&mut self, now: Timestamp, address: IpAddr, cause: Cause) {
        let me = self.me;
        let Some(entry) = self.table.get_mut(address) else { return };
        entry.term = entry.term.saturating_add(1);
        let (term, new) = (entry.term, cause == Cause::Probed);
        (entry.holder, entry.held_since, entry.orphan) = (Some(me), now, None);
        let owned = Owned {
            term,
            since: now,
            cause: cause.clone(),
            defender: <_>::default(),
            offer: None,
            rival: None,
            repaired: None,
        };
        entry.state = State::Owned(Box::new(owned));
        self.roster_stale = true;
        if self.table.is_followed(address) {
            self.recheck = self.recheck.min(now + SOON);
        }
        self.schedule.start(now, address, new);
        self.report(now, What::Owned { address, cause });
    }

    /// Offers what others should own, if settings ask for that and nothing else is going on.
    pub(super) fn rebalance(&mut self, now: Timestamp) {
        let policy = self.settings.rebalance;
        let calm = now.since(self.quiet_since) >= QUIET && now.since(self.rebalanced) >= Duration::from_secs(1);
        if policy == Rebalance::Never || !calm || self.draining.is_some() {
            return;
        }
        self.rebalanced = now;
        let mut ballot = self.ballot();
        self.table.iter().filter_map(|(_, entry)| entry.holder).for_each(|holder| ballot.count(holder));
        let mut excess = ballot.load(self.me).saturating_sub(ballot.bound());
        let mut offers = Vec::new();
        for address in self.table.owned() {
            // What follows another moves with it.
            let Some(entry) = self.table.get(address).filter(|entry| entry.want.with.is_none()) else { continue };
            let mut candidates = self.candidates(now, address, entry);
            candidates.retain(|candidate| candidate.ready);
            order(address, &mut candidates);
            let better = |c: &&Candidate| match policy {
                Rebalance::Preferred => {
                    c.weight > entry.want.weight
                        || (c.weight == entry.want.weight && outranks(c.node, self.me, address))
                }
                Rebalance::Excess => excess > 0 && ballot.load(c.node) < ballot.bound(),
                Rebalance::Never => false,
            };
            if let Some(candidate) = candidates.iter().find(better) {
                ballot.count(candidate.node);
                excess = excess.saturating_sub(1);
                offers.push((address, candidate.node));
            }
            if offers.len() == REBALANCED {
                break;
            }
        }
        for (address, node) in offers {
            if let Some(State::Owned(owned)) = self.table.get_mut(address).map(|entry| &mut entry.state) {
                owned.offer = Some(super::Offer { to: Some(node), until: now + super::OFFER });
                self.roster_stale = true;
            }
        }
    }
}
