//! The choice itself: nothing is changed here.

use std::net::IpAddr;

use poolcheck_plan::Family;

use super::{Allocator, Because, Decision, Families, Passed, Pool, Refusal, Service};

impl Allocator {
    pub(super) fn choose(&self, service: &Service) -> Result<Decision, Refusal> {
        if self.pools.is_empty() {
            return Err(Refusal::NoPools);
        }
        if let Some(decision) = self.keep(service) {
            return Ok(decision);
        }
        if !service.requested.is_empty() {
            return self.requested(service);
        }
        if let Some(name) = &service.requested_pool {
            let at = self.pools.iter().position(|pool| pool.name == *name);
            let at = at.ok_or_else(|| Refusal::NoSuchPool(name.clone()))?;
            if !self.pools[at].is_for(service) {
                return Err(Refusal::NotForIt(name.clone()));
            }
            return self.first_fit(service, &[at], Because::RequestedPool, &[]);
        }
        self.automatic(service)
    }

    /// What a service has and may keep: MetalLB never takes an address from a service for which it is still right.
    fn keep(&self, service: &Service) -> Option<Decision> {
        let held = self.held(&service.id());
        let current = if held.is_empty() { &service.current[..] } else { held };
        let pool = self.pools.iter().find(|pool| current.iter().all(|address| pool.holds(*address)))?;
        let fits = match service.families {
            Families::Single(family) => current.len() == 1 && Family::of(current[0]) == family,
            Families::RequireDual => is_dual(current),
            // One address of the two may become both: only from its own pool.
            Families::PreferDual(_) => {
                is_dual(current) || (current.len() == 1 && self.other_half(pool, current[0], service).is_none())
            }
        };
        let asked = service.requested.is_empty() || same(&service.requested, current);
        let pool_asked = service.requested_pool.as_ref().is_none_or(|name| *name == pool.name);
        let free = current.iter().all(|a| self.obstacle(*a, service).is_none());
        let keeps = !current.is_empty() && fits && asked && pool_asked && free && pool.is_for(service);
        keeps.then(|| Decision {
            addresses: current.to_vec(),
            pool: pool.name.clone(),
            because: Because::Kept,
            passed: Vec::new(),
        })
    }

    fn other_half(&self, pool: &Pool, address: IpAddr, service: &Service) -> Option<IpAddr> {
        let at = self.pools.iter().position(|p| p.name == pool.name)?;
        let family = if address.is_ipv4() { Family::V6 } else { Family::V4 };
        self.first(at, family, service)
    }

    fn requested(&self, service: &Service) -> Result<Decision, Refusal> {
        let addresses = service.requested.clone();
        let families = |why| Refusal::Families { addresses: addresses.clone(), why };
        match (addresses.as_slice(), service.families) {
            ([_], Families::RequireDual) => return Err(families("it needs one of each")),
            ([one], Families::Single(family)) if Family::of(*one) != family => {
                return Err(families("it has the other"));
            }
            ([_, _], Families::Single(_)) => return Err(families("it has one only")),
            ([_], _) => {}
            (two @ [_, _], _) if is_dual(two) => {}
            _ => return Err(families("one address, or one of each family")),
        }
        let holds = |pool: &&Pool| addresses.iter().all(|address| pool.holds(*address));
        let pool = self.pools.iter().find(holds).ok_or_else(|| Refusal::NotInOnePool(addresses.clone()))?;
        if let Some(name) = service.requested_pool.as_ref().filter(|name| **name != pool.name) {
            return Err(Refusal::OtherPool { addresses, pool: name.clone() });
        }
        if !pool.is_for(service) {
            return Err(Refusal::NotForIt(pool.name.clone()));
        }
        if let Some(refusal) = addresses.iter().find_map(|address| self.obstacle(*address, service)) {
            return Err(refusal);
        }
        Ok(Decision { addresses, pool: pool.name.clone(), because: Because::Requested, passed: Vec::new() })
    }

    /// Why a service cannot have an address.
    fn obstacle(&self, address: IpAddr, service: &Service) -> Option<Refusal> {
        if let Some(evidence) = self.quarantine.get(&address) {
            return Some(Refusal::Quarantined { address, by: evidence.by });
        }
        let id = service.id();
        let others = self.grants.get(&address)?.services.values().filter(|other| other.id() != id);
        others.into_iter().find_map(|other| {
            let why = service.clash(other)?;
            Some(Refusal::Taken { address, by: other.id(), why })
        })
    }

    /// Pools made for the service, by priority; then the open ones; of equals the one declared first.
    fn automatic(&self, service: &Service) -> Result<Decision, Refusal> {
        let (mut scoped, mut open, mut passed) = (Vec::new(), Vec::new(), Vec::new());
        for (at, pool) in self.pools.iter().enumerate() {
            match &pool.scope {
                _ if !pool.automatic => passed.push((pool.name.clone(), Passed::NotAutomatic)),
                Some(_) if !pool.is_for(service) => passed.push((pool.name.clone(), Passed::NotForIt)),
                Some(scope) => scoped.push((scope.order(), at)),
                None => open.push(at),
            }
        }
        scoped.sort_unstable();
        let scoped: Vec<usize> = scoped.into_iter().map(|(_, at)| at).collect();
        match self.first_fit(service, &scoped, Because::Scoped, &passed) {
            Err(Refusal::Exhausted(passed)) => self.first_fit(service, &open, Because::Open, &passed),
            decided => decided,
        }
    }

    /// The first pool that has what is needed; of a service that prefers two addresses, the first that has both.
    fn first_fit(
        &self,
        service: &Service,
        pools: &[usize],
        because: Because,
        passed: &[(String, Passed)],
    ) -> Result<Decision, Refusal> {
        let both = [Family::V4, Family::V6];
        let other = |family| if family == Family::V4 { Family::V6 } else { Family::V4 };
        let attempts: Vec<Vec<Family>> = match service.families {
            Families::Single(family) => vec![vec![family]],
            Families::RequireDual => vec![both.to_vec()],
            Families::PreferDual(first) => vec![vec![first, other(first)], vec![first], vec![other(first)]],
        };
        let mut passed_now = Vec::new();
        for families in attempts {
            let mut passed = passed.to_vec();
            for at in pools {
                match families.iter().map(|family| self.attempt(*at, *family, service)).collect() {
                    Ok(addresses) => {
                        return Ok(Decision { addresses, pool: self.pools[*at].name.clone(), because, passed });
                    }
                    Err(why) => passed.push((self.pools[*at].name.clone(), why)),
                }
            }
            passed_now = if passed_now.is_empty() { passed } else { passed_now };
        }
        Err(Refusal::Exhausted(passed_now))
    }

    fn attempt(&self, at: usize, family: Family, service: &Service) -> Result<IpAddr, Passed> {
        if !self.pools[at].has(family) {
            return Err(Passed::NoFamily { family });
        }
        self.first(at, family, service).ok_or(Passed::Full { family })
    }

    /// The first address of a pool that is free or may be shared, in the order of its ranges.
    fn first(&self, at: usize, family: Family, service: &Service) -> Option<IpAddr> {
        let pool = &self.pools[at];
        let free = self.free[at].first(family, pool);
        // What it holds now would be free.
        let own = self.held(&service.id()).iter().filter(|a| Family::of(**a) == family && pool.holds(**a));
        let own = own.filter(|a| self.obstacle(**a, service).is_none()).map(|a| (pool.place(*a), *a));
        let shared = service.sharing.as_ref().and_then(|sharing| self.shared.get(&(at, sharing.clone())));
        let shared = shared
            .into_iter()
            .flatten()
            .copied()
            .find(|(_, address)| Family::of(*address) == family && self.obstacle(*address, service).is_none());
        free.into_iter().chain(own).chain(shared).min().map(|(_, address)| address)
    }
}

fn is_dual(addresses: &[IpAddr]) -> bool {
    matches!(addresses, [one, two] if Family::of(*one) != Family::of(*two))
}

fn same(one: &[IpAddr], other: &[IpAddr]) -> bool {
    one.len() == other.len() && one.iter().all(|address| other.contains(address))
}
