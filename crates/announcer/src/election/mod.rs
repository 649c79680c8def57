//! Who takes an address that has no owner.
//!
//! Every node orders the candidates of an address alike, by weight and then by rendezvous hash, and takes what it ranks
//! first for. Nothing is voted on. What that promises:
//!
//! * **Leaving moves nothing else.** When a node leaves, its own addresses move and no others.
//! * **Joining moves nothing.** An address with an owner is not up for election ([`Rebalance`](crate::Rebalance) asks for more).
//! * **Bounded load.** Among candidates of equal weight nobody takes an address that would give it more than 1.25 × the mean + 1
//!   ([`bound`]); it goes to the next in order. Only where candidates differ between addresses so much that all of them are
//!   full, the least loaded takes it.
//! * **Views may differ in time.** A node that sees a death later computes the same: what others took by then is what it would
//!   have given them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::liveness::NodeId;

/// The rendezvous hash: of all candidates, the one with the highest is first. Even over nodes and over addresses.
pub fn rank(node: NodeId, address: IpAddr) -> u64 {
    let number = poolcheck_plan::number(address);
    let family = u64::from(address.is_ipv6());
    let mut hash = mix(node.0 ^ 0x9e37_79b9_7f4a_7c15);
    for part in [number as u64, (number >> 64) as u64, family] {
        hash = mix(hash ^ part).wrapping_add(hash.rotate_left(23));
    }
    mix(hash)
}

/// The finalizer of SplitMix64: each bit of the input changes half of the output's.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The most addresses that one of `nodes` may take of `total`: 1.25 × the mean + 1, rounded down.
pub const fn bound(total: usize, nodes: usize) -> usize {
    if nodes == 0 { 0 } else { total * 5 / (nodes * 4) + 1 }
}

/// A node that could own an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The node.
    pub node: NodeId,
    /// Preference: higher first.
    pub weight: i16,
    /// It could serve the traffic now.
    pub ready: bool,
}

impl Candidate {
    /// Its place in the order of an address: the least comes first.
    pub(crate) fn place(&self, address: IpAddr) -> impl Ord + use<> {
        std::cmp::Reverse((self.ready, self.weight, rank(self.node, address), self.node))
    }
}

/// An election: what every node owns already, and how much it may.
#[derive(Debug, Clone, Default)]
pub struct Ballot {
    loads: BTreeMap<NodeId, usize>,
    bound: usize,
}

impl Ballot {
    /// An election of owners for `total` addresses among these nodes.
    pub fn new(nodes: impl IntoIterator<Item = NodeId>, total: usize) -> Self {
        let loads: BTreeMap<NodeId, usize> = nodes.into_iter().map(|node| (node, 0)).collect();
        Self { bound: bound(total, loads.len()), loads }
    }

    /// Counts an address that a node owns.
    pub fn count(&mut self, owner: NodeId) {
        *self.loads.entry(owner).or_default() += 1;
    }

    /// What a node owns.
    pub fn load(&self, node: NodeId) -> usize {
        self.loads.get(&node).copied().unwrap_or_default()
    }

    /// The most a node may take.
    pub const fn bound(&self) -> usize {
        self.bound
    }

    /// Who takes the address; counts it.
    pub fn elect(&mut self, address: IpAddr, candidates: &mut [Candidate]) -> Option<NodeId> {
        order(address, candidates);
        let first = candidates.first()?;
        let equals = candidates.iter().filter(|c| (c.ready, c.weight) == (first.ready, first.weight));
        let open = equals.clone().find(|candidate| self.load(candidate.node) < self.bound);
        // `min_by_key` gives the first of equals, which is the one that ranks highest.
        let elected = open.or_else(|| equals.min_by_key(|candidate| self.load(candidate.node)))?.node;
        self.count(elected);
        Some(elected)
    }
}

/// The order in which candidates come into question: ready ones, weight, rendezvous hash.
pub fn order(address: IpAddr, candidates: &mut [Candidate]) {
    candidates.sort_by_cached_key(|candidate| candidate.place(address));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nodes(count: usize) -> Vec<NodeId> {
        (0..count).map(|n| NodeId::of(&format!("n{n}"))).collect()
    }

    fn address(n: usize) -> IpAddr {
        IpAddr::from([10, 0, (n >> 8) as u8, n as u8])
    }

    fn candidates(nodes: &[NodeId]) -> Vec<Candidate> {
        nodes.iter().map(|node| Candidate { node: *node, weight: 0, ready: true }).collect()
    }

    /// All addresses, to owners that are kept.
    fn assign(nodes: &[NodeId], total: usize, kept: &BTreeMap<IpAddr, NodeId>) -> BTreeMap<IpAddr, NodeId> {
        let mut ballot = Ballot::new(nodes.iter().copied(), total);
        for owner in kept.values() {
            ballot.count(*owner);
        }
        let mut owners = kept.clone();
        for address in (0..total).map(address) {
            if !owners.contains_key(&address) {
                owners.extend(ballot.elect(address, &mut candidates(nodes)).map(|node| (address, node)));
            }
        }
        owners
    }

    fn most(owners: &BTreeMap<IpAddr, NodeId>, nodes: &[NodeId]) -> usize {
        nodes.iter().map(|node| owners.values().filter(|owner| *owner == node).count()).max().unwrap_or(0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nobody_holds_more_than_the_bound_and_only_the_leavers_addresses_move(count in 2..12_usize, total in 0..300_usize) {
            let all = nodes(count);
            let before = assign(&all, total, &BTreeMap::new());
            prop_assert_eq!(before.len(), total);
            prop_assert!(most(&before, &all) <= bound(total, count));
            let mut kept = before.clone();
            kept.retain(|_, owner| *owner != all[0]);
            let after = assign(&all[1..], total, &kept);
            prop_assert!(kept.iter().all(|(address, owner)| after[address] == *owner));
            prop_assert!(most(&after, &all) <= bound(total, count - 1));
        }

        /// A node that sees a death later leaves the others what they took, and takes the rest.
        #[test]
        fn late_views_agree(count in 3..8_usize, total in 1..200_usize, early in 1..7_usize) {
            let all = nodes(count);
            let mut kept = assign(&all, total, &BTreeMap::new());
            kept.retain(|_, owner| *owner != all[0]);
            let left = &all[1..];
            let at_once = assign(left, total, &kept);
            let first = left[early % left.len()];
            let mut seen_later = kept.clone();
            seen_later.extend(at_once.iter().filter(|(_, owner)| **owner == first).map(|(a, o)| (*a, *o)));
            prop_assert_eq!(assign(left, total, &seen_later), at_once);
        }
    }

    #[test]
    fn the_hash_is_even() {
        let all = nodes(4);
        let mut firsts = BTreeMap::<NodeId, usize>::new();
        for n in 0..4000 {
            let mut candidates = candidates(&all);
            order(address(n), &mut candidates);
            *firsts.entry(candidates[0].node).or_default() += 1;
        }
        assert!(firsts.values().all(|count| (850..1150).contains(count)), "{firsts:?}");
    }

    #[test]
    fn ready_then_weight_then_hash() {
        let all = nodes(3);
        let candidate = |at: usize, weight, ready| Candidate { node: all[at], weight, ready };
        let mut ballot = Ballot::new(all.iter().copied(), 10);
        let elected =
            ballot.elect(address(1), &mut [candidate(0, 9, false), candidate(1, 0, true), candidate(2, 1, true)]);
        assert_eq!(elected, Some(all[2]));
        assert_eq!(ballot.elect(address(1), &mut []), None);
        // A weight is an order: it is obeyed beyond the bound.
        for n in 0..10 {
            assert_eq!(ballot.elect(address(n), &mut [candidate(0, 0, true), candidate(1, 5, true)]), Some(all[1]));
        }
    }
}
