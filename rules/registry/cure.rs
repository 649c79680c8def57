//! The cure of a pool in trouble: where it can safely go, and what the router would have to give up to let it stay.
//!
//! All pools in trouble are cured together, in the order of the world, so that no two suggestions meet: a pool that is
//! not in trouble stays occupied, and each suggestion becomes occupied for the next.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use poolcheck_plan::planner::{Ground, Shrink, Wish, safe_pool, shrink_for_size, shrink_to_free};
use poolcheck_plan::{AddrRange, AddrSet, ClaimKind, Family, Span, facts::Segment};

use crate::finding::{Finding, Safety};
use crate::words::{count_addresses, list};
use crate::world::World;

/// What a pool in trouble can do.
#[derive(Debug, Clone)]
pub struct Cure {
    /// Where a pool of the same size fits today.
    pub safe: Option<AddrRange>,
    /// The smallest cut of the DHCP ranges that lets the pool stay as it is; `None` when DHCP is not its trouble.
    pub stay: Option<Shrink>,
    /// When nothing is free today: the smallest cut that makes room, and the pool that fits then.
    pub room: Option<(Shrink, AddrRange)>,
    /// Whether the pool cannot stay at all: it meets something that cannot move (gateway, node, the segment's edge).
    pub must_move: bool,
    /// Whether DHCP leaves no address of the segment free.
    pub dhcp_covers_subnet: bool,
    /// Where a person changes the range on this router.
    pub how_to_shrink: Option<String>,
    edit: Option<Vec<(Span, String)>>,
}

impl Cure {
    /// Writes the cure into a finding: as help, and as an edit where the new pool fits today.
    pub fn advise(&self, finding: &mut Finding) {
        finding.help_lines(self.lines());
        if let (Some(safe), Some(edits)) = (self.safe, &self.edit) {
            finding.fix(format!("move the pool to {safe}"), Safety::Unsafe, edits.clone());
        }
    }

    /// The cure in words, a line each.
    pub fn lines(&self) -> Vec<String> {
        let mut ways = Vec::new();
        if let Some(safe) = self.safe {
            ways.push(format!("use {safe}, which nobody claims"));
        }
        if let (Some(stay), false) = (&self.stay, self.must_move) {
            ways.push(format!("{} and keep this pool", shrink_words(stay)));
        }
        if let Some((shrink, pool)) = &self.room {
            ways.push(format!("{} and use {pool} (`poolcheck suggest`)", shrink_words(shrink)));
        }
        let mut lines = match (self.safe.is_some(), self.dhcp_covers_subnet) {
            _ if ways.is_empty() => {
                vec!["nothing is free on this segment: take a smaller pool, or another subnet".to_owned()]
            }
            (false, true) => vec!["nothing is free today, DHCP covers the subnet".to_owned()],
            (false, false) => vec!["no free space on this segment is large enough today".to_owned()],
            (true, _) => Vec::new(),
        };
        match (&ways[..], lines.last_mut()) {
            ([], _) => {}
            ([one], Some(line)) => *line = format!("{line}: {one}"),
            ([one], None) => lines.push(one.clone()),
            ([first, rest @ ..], line) => {
                match line {
                    Some(line) => line.push_str(". Either"),
                    None => lines.push("either".to_owned()),
                }
                lines.push(format!("· {first}, or"));
                let last = rest.len() - 1;
                lines.extend(
                    rest.iter().enumerate().map(|(i, way)| format!("· {way}{}", if i == last { "" } else { ", or" })),
                );
            }
        }
        let shrinking = (self.stay.is_some() && !self.must_move) || self.room.is_some();
        lines.extend(self.how_to_shrink.iter().filter(|_| shrinking).cloned());
        lines
    }
}

/// `end the router's range at 192.168.1.49 (it gives up 204 addresses)`.
fn shrink_words(shrink: &Shrink) -> String {
    let cuts: Vec<String> = shrink
        .cuts
        .iter()
        .map(|cut| match cut.to {
            None => format!("take the router's range {} away", cut.from),
            Some(to) if to.first() == cut.from.first() => format!("end the router's range at {}", to.last()),
            Some(to) if to.last() == cut.from.last() => format!("start the router's range at {}", to.first()),
            Some(to) => format!("cut the router's range to {to}"),
        })
        .collect();
    let gives_up = format!("it gives up {}", count_addresses(shrink.given_up()));
    let reserved: Vec<String> =
        shrink.in_the_way().map(|(address, owner)| format!("{address} {owner}").trim_end().to_owned()).collect();
    let gives_up = match reserved.len() {
        0 => gives_up,
        1 => format!("{gives_up}; move the reservation {} first", reserved[0]),
        _ => format!("{gives_up}; move the reservations {} first", list(&reserved, 4)),
    };
    format!("{} ({gives_up})", list(&cuts, 4))
}

/// The cures of all pools in trouble, by pool.
#[derive(Debug, Default)]
pub(crate) struct Cures {
    by_pool: BTreeMap<usize, Cure>,
}

impl Cures {
    pub(crate) fn of(&self, pool: usize) -> Option<&Cure> {
        self.by_pool.get(&pool)
    }

    pub(crate) fn compute(world: &World<'_>) -> Self {
        let troubled = troubled(world);
        let mut taken: AddrSet = world
            .pools
            .iter()
            .enumerate()
            .filter(|(index, _)| !troubled.contains_key(index))
            .flat_map(|(_, pool)| pool.ranges().map(|(_, range)| range).collect::<Vec<_>>())
            .collect();
        let mut cures = Self::default();
        for (&pool, &must_move) in &troubled {
            let Some(cure) = cure_of(world, pool, must_move, &taken) else { continue };
            taken.extend(cure.safe.or(cure.room.as_ref().map(|(_, range)| *range)));
            cures.by_pool.insert(pool, cure);
        }
        cures
    }
}

/// The pools in trouble; `true` for those that meet something that cannot move.
fn troubled(world: &World<'_>) -> BTreeMap<usize, bool> {
    use ClaimKind::{
        BroadcastAddress, DnsServer, DynamicRange, Gateway, Host, NetworkAddress, Node, PodCidr, Reservation,
        ServiceCidr,
    };
    let fixed = [Gateway, DnsServer, Node, Host, NetworkAddress, BroadcastAddress, PodCidr, ServiceCidr, Reservation];
    let mut troubled = BTreeMap::new();
    for meeting in world.pool_meetings(DynamicRange) {
        troubled.entry(meeting.index).or_insert(false);
    }
    for kind in fixed {
        for meeting in world.pool_meetings(kind) {
            troubled.insert(meeting.index, true);
        }
    }
    for position in crate::segment::positions(world) {
        if let crate::segment::Position::Outside { index, .. } = position {
            troubled.insert(index, true);
        }
    }
    troubled
}

/// The ground of a segment's subnet: what is occupied there, `taken` included, and what DHCP leases.
pub(crate) fn ground(world: &World<'_>, subnet: IpNet, taken: &AddrSet) -> Ground {
    let whole = AddrRange::from_net(subnet);
    let mut occupied = taken.clone();
    let mut dynamic = Vec::new();
    for claim in world.plan.claims().iter().filter(|claim| claim.range.meets(whole)) {
        match claim.kind {
            ClaimKind::DynamicRange => dynamic.push(claim.range),
            ClaimKind::Pool | ClaimKind::Requested => {}
            _ => occupied.insert(claim.range),
        }
    }
    Ground { subnet, occupied, dynamic }
}

/// The subnet a pool belongs to: the one it meets, else the first of its family.
fn home<'w>(world: &'w World<'_>, pool: usize, family: Family) -> Option<(&'w Segment, IpNet)> {
    let of_family = |net: IpNet| AddrRange::from_net(net).family() == family;
    let subnets = || {
        let segments = world.facts.segments.iter();
        segments.flat_map(|segment| segment.subnets.iter().map(move |subnet| (segment, subnet.value)))
    };
    let meets = |net: IpNet| world.pools[pool].ranges().any(|(_, range)| AddrRange::from_net(net).meets(range));
    subnets().find(|(_, net)| meets(*net)).or_else(|| subnets().find(|(_, net)| of_family(*net)))
}

fn cure_of(world: &World<'_>, pool: usize, must_move: bool, taken: &AddrSet) -> Option<Cure> {
    let p = &world.pools[pool];
    let (entry, current) = p.ranges().next()?;
    let (segment, subnet) = home(world, pool, current.family())?;
    let whole = AddrRange::from_net(subnet);
    let ranges: AddrSet = p.ranges().map(|(_, range)| range).filter(|r| r.family() == whole.family()).collect();
    let size = ranges.size(whole.family());
    let keep: AddrSet = world
        .services
        .iter()
        .flat_map(|service| service.requested.iter().filter_map(poolcheck_manifest::kinds::service::Requested::address))
        .map(AddrRange::single)
        .filter(|address| ranges.covers(*address))
        .collect();
    let ground = ground(world, subnet, taken);
    let wish = Wish { size, keep, current: Some(current) };
    let safe = safe_pool(&ground, &wish);
    let reservations: Vec<_> = world
        .facts
        .segments
        .iter()
        .flat_map(|segment| &segment.dhcp)
        .flat_map(|server| &server.reservations)
        .map(|reservation| (reservation.value.address, reservation.value.name.clone().unwrap_or_default()))
        .collect();
    let meets_dhcp = ground.dynamic.iter().any(|range| ranges.meets(*range));
    let stay = meets_dhcp.then(|| shrink_to_free(&ground, &ranges, &reservations));
    let room = if safe.is_none() { shrink_for_size(&ground, &wish, &reservations) } else { None };
    let dynamic: BTreeSet<AddrRange> = ground.dynamic.iter().copied().collect();
    let free = AddrSet::from(whole).difference(&ground.occupied).difference(&dynamic.into_iter().collect());
    let one_entry = p.entries.len() == 1;
    Some(Cure {
        safe,
        stay,
        room,
        must_move,
        dhcp_covers_subnet: free.size(whole.family()) <= 1,
        how_to_shrink: how_to_shrink(world, segment),
        edit: safe.filter(|_| one_entry).and_then(|range| entry.rewrite(range)),
    })
}

fn how_to_shrink(world: &World<'_>, segment: &Segment) -> Option<String> {
    let origin = segment.dhcp.iter().find_map(|server| server.ranges.first()).map(|range| range.origin)?;
    world.facts.origins.get(origin.0 as usize)?.how_to_shrink.clone()
}

impl World<'_> {
    /// The ground for a new pool on a subnet: every claim is occupied, the pools that are there included.
    pub fn ground(&self, subnet: IpNet) -> Ground {
        let pools = self.plan.claims().iter().filter(|claim| claim.kind == ClaimKind::Pool).map(|claim| claim.range);
        ground(self, subnet, &pools.collect())
    }
}
