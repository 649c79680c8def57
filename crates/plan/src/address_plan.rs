//! All claims on one LAN, and where they meet.
//!
//! The claims are sorted once by family and first address. A sweep then visits each claim with those before it that have
//! not ended yet, so that all meetings cost O((n + k) log n) for n claims and k meetings.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::claim::{Claim, ClaimId, ClaimKind};
use crate::range::AddrRange;
use crate::set::AddrSet;

/// All claims, indexed. Claims keep the numbers they were given in.
#[derive(Debug, Clone, Default)]
pub struct AddressPlan {
    claims: Vec<Claim>,
    /// Claim numbers by (family, first, last, kind, number).
    order: Vec<u32>,
}

/// Two claims that share addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Meeting {
    /// The claim of the kind asked for first.
    pub a: ClaimId,
    /// The other claim.
    pub b: ClaimId,
    /// What both claim.
    pub overlap: AddrRange,
}

impl AddressPlan {
    /// Lays claims on one plan.
    pub fn new(claims: Vec<Claim>) -> Self {
        let mut order: Vec<u32> = (0..claims.len() as u32).collect();
        order.sort_unstable_by_key(|&i| (claims[i as usize].range, claims[i as usize].kind, i));
        Self { claims, order }
    }

    /// The claims, in the order they were given.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// One claim.
    ///
    /// # Panics
    /// When the number is not one of this plan's.
    pub fn claim(&self, id: ClaimId) -> &Claim {
        &self.claims[id.0 as usize]
    }

    /// Every pair of claims that share addresses, each pair once, the one that begins first first.
    pub fn for_each_meeting(&self, mut visit: impl FnMut(ClaimId, ClaimId, AddrRange)) {
        self.sweep(|_| true, &mut visit);
    }

    fn sweep(&self, wanted: impl Fn(&Claim) -> bool, visit: &mut impl FnMut(ClaimId, ClaimId, AddrRange)) {
        // Claims that have begun and not ended, with the one that ends first on top of the heap.
        let mut ends: BinaryHeap<Reverse<(u128, u32)>> = BinaryHeap::new();
        let mut active: Vec<u32> = Vec::new();
        let mut slots: Vec<u32> = vec![u32::MAX; self.claims.len()];
        let mut family = None;
        for &index in &self.order {
            let claim = &self.claims[index as usize];
            if !wanted(claim) {
                continue;
            }
            if family != Some(claim.range.family()) {
                family = Some(claim.range.family());
                ends.clear();
                active.clear();
            }
            while let Some(Reverse((end, ended))) = ends.peek().copied() {
                if end >= claim.range.first_number() {
                    break;
                }
                ends.pop();
                let slot = slots[ended as usize] as usize;
                active.swap_remove(slot);
                if let Some(moved) = active.get(slot) {
                    slots[*moved as usize] = slot as u32;
                }
            }
            for &other in &active {
                if let Some(overlap) = self.claims[other as usize].range.intersection(claim.range) {
                    visit(ClaimId(other), ClaimId(index), overlap);
                }
            }
            slots[index as usize] = active.len() as u32;
            active.push(index);
            ends.push(Reverse((claim.range.last_number(), index)));
        }
    }

    /// Every pair of claims that share addresses, ordered.
    pub fn all_meetings(&self) -> Vec<Meeting> {
        let mut meetings = Vec::new();
        self.for_each_meeting(|a, b, overlap| meetings.push(Meeting { a, b, overlap }));
        meetings.sort_unstable();
        meetings
    }

    /// Where claims of one kind meet claims of another, ordered; of equal kinds each pair once, `a` the smaller number.
    pub fn meetings(&self, a: ClaimKind, b: ClaimKind) -> Vec<Meeting> {
        let mut meetings = Vec::new();
        self.sweep(|claim| claim.kind == a || claim.kind == b, &mut |x, y, overlap| {
            let (kind_x, kind_y) = (self.claim(x).kind, self.claim(y).kind);
            if a == b {
                meetings.push(Meeting { a: x.min(y), b: x.max(y), overlap });
            } else if (kind_x, kind_y) == (a, b) {
                meetings.push(Meeting { a: x, b: y, overlap });
            } else if (kind_x, kind_y) == (b, a) {
                meetings.push(Meeting { a: y, b: x, overlap });
            }
        });
        meetings.sort_unstable();
        meetings
    }

    /// The claims that share an address with a range, by first address.
    pub fn claims_meeting(&self, range: AddrRange) -> impl Iterator<Item = (ClaimId, &Claim)> {
        let all = self.order.iter().map(|&index| (ClaimId(index), &self.claims[index as usize]));
        all.take_while(move |(_, claim)| {
            (claim.range.family(), claim.range.first_number()) <= (range.family(), range.last_number())
        })
        .filter(move |(_, claim)| claim.range.meets(range))
    }

    /// The claims on one address.
    pub fn claims_at(&self, address: IpAddr) -> impl Iterator<Item = (ClaimId, &Claim)> {
        self.claims_meeting(AddrRange::single(address))
    }

    /// The claims in address order.
    pub fn in_order(&self) -> impl Iterator<Item = (ClaimId, &Claim)> {
        self.order.iter().map(|&index| (ClaimId(index), &self.claims[index as usize]))
    }

    /// The space of a subnet that no claim of the given kinds takes.
    pub fn gaps(&self, within: IpNet, taken_by: impl Fn(ClaimKind) -> bool) -> AddrSet {
        let taken: AddrSet = self.claims.iter().filter(|c| taken_by(c.kind)).map(|c| c.range).collect();
        taken.complement_in(AddrRange::from_net(within))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::claim::Confidence;
    use crate::range::Family;

    fn claim(range: AddrRange, kind: ClaimKind) -> Claim {
        Claim { range, kind, owner: String::new(), place: None, confidence: Confidence::High, cluster: None }
    }

    fn claims() -> impl Strategy<Value = Vec<Claim>> {
        let kinds = prop_oneof![Just(ClaimKind::Pool), Just(ClaimKind::DynamicRange), Just(ClaimKind::Node)];
        let one = (any::<bool>(), 0..40u128, 0..12u128, kinds).prop_map(|(v6, start, length, kind)| {
            let (family, base) =
                if v6 { (Family::V6, u128::MAX - 60) } else { (Family::V4, u128::from(u32::MAX) - 60) };
            let last = (base + start + length).min(family.max());
            claim(AddrRange::from_numbers(family, base + start, last).expect("in order"), kind)
        });
        prop::collection::vec(one, 0..24)
    }

    fn quadratic(claims: &[Claim]) -> Vec<Meeting> {
        let mut meetings = Vec::new();
        for (i, x) in claims.iter().enumerate() {
            for (j, y) in claims.iter().enumerate().skip(i + 1) {
                if let Some(overlap) = x.range.intersection(y.range) {
                    meetings.push(Meeting { a: ClaimId(i as u32), b: ClaimId(j as u32), overlap });
                }
            }
        }
        meetings.sort_unstable();
        meetings
    }

    proptest! {
        #[test]
        fn the_sweep_finds_what_comparing_all_pairs_finds(claims in claims()) {
            let plan = AddressPlan::new(claims.clone());
            let mut found: Vec<Meeting> = plan
                .all_meetings()
                .into_iter()
                .map(|m| Meeting { a: m.a.min(m.b), b: m.a.max(m.b), ..m })
                .collect();
            found.sort_unstable();
            prop_assert_eq!(&found, &quadratic(&claims));
            let kind = |id: ClaimId| claims[id.0 as usize].kind;
            let pools = plan.meetings(ClaimKind::Pool, ClaimKind::DynamicRange);
            prop_assert!(pools.iter().all(|m| kind(m.a) == ClaimKind::Pool && kind(m.b) == ClaimKind::DynamicRange));
            let mixed = |m: &&Meeting| {
                let kinds = [kind(m.a), kind(m.b)];
                kinds.contains(&ClaimKind::Pool) && kinds.contains(&ClaimKind::DynamicRange)
            };
            prop_assert_eq!(pools.len(), found.iter().filter(mixed).count());
        }

        #[test]
        fn claims_meeting_a_range(claims in claims(), start in 0..60u128, length in 0..9u128) {
            let base = u128::from(u32::MAX) - 60;
            let last = (base + start + length).min(u128::from(u32::MAX));
            let range = AddrRange::from_numbers(Family::V4, base + start, last).expect("in order");
            let plan = AddressPlan::new(claims.clone());
            let mut found: Vec<u32> = plan.claims_meeting(range).map(|(id, _)| id.0).collect();
            found.sort_unstable();
            let expected: Vec<u32> =
                (0..claims.len() as u32).filter(|i| claims[*i as usize].range.meets(range)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
