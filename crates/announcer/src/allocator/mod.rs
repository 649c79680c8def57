//! Which address a service gets, and why: the rules of MetalLB's controller, deterministic and told.
//!
//! What is MetalLB's: explicit addresses and a requested pool come first; then pools made for the service (by namespace and
//! labels), by priority, lower first, zero last; then the others. Inside a pool the first address that is free, in the order of its
//! ranges, or one that may be shared. What an assigned service holds it keeps.
//!
//! What differs: where MetalLB takes pools in the order of a Go map, this takes the order in which they were declared; each decision says why
//! each pool was passed over; and an address is first [reserved](Standing::Probing), until somebody has
//! [asked the segment](Allocator::confirm) whether it is free. One that is not is [quarantined](Allocator::refuse) with the
//! evidence, and the next is taken.
//!
//! An allocation costs O(log n) in the addresses handed out, and nothing in the size of the pools.
//!
//! ```
//! use poolcheck_announcer::allocator::{Allocator, Evidence, Pool, Service};
//! use poolcheck_lan::Timestamp;
//! use poolcheck_plan::syntax::parse_range;
//!
//! let pool = Pool::new("main", [parse_range("192.168.1.240-192.168.1.245")?]);
//! let mut allocator = Allocator::new(vec![pool])?;
//! let first = allocator.allocate(&Service::new("web", "traefik"))?;
//! assert_eq!(first.addresses, ["192.168.1.240".parse::<std::net::IpAddr>()?]);
//! // Somebody answered the probe: the service gets the next.
//! let evidence = Evidence { by: "02:00:00:00:00:09".parse()?, at: Timestamp::ZERO };
//! allocator.refuse(first.addresses[0], evidence)?;
//! assert_eq!(allocator.held("traefik/web"), ["192.168.1.241".parse::<std::net::IpAddr>()?]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod choose;
mod free;
mod pool;
mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use poolcheck_lan::Timestamp;
use poolcheck_lan::wire::MacAddr;
use poolcheck_plan::Family;

use free::Free;
pub use pool::{Pool, Requirement, Scope, Selector};
pub use service::{Families, Port, Protocol, Service, Sharing};

/// How sure it is that an address is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Handed out, not to be announced yet: the segment is being asked.
    Probing,
    /// Nobody else has it.
    Owned,
}

/// Who answered for an address that should have been free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// Its hardware address.
    pub by: MacAddr,
    /// When it was heard.
    pub at: Timestamp,
}

/// What a service got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// One address, or one of each family.
    pub addresses: Vec<IpAddr>,
    /// The pool they are from.
    pub pool: String,
    /// Why this pool.
    pub because: Because,
    /// Pools that came first in question, and why they were passed over.
    pub passed: Vec<(String, Passed)>,
}

/// Why a pool was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// The service has its addresses already, and they are still right.
    Kept,
    /// The service asks for these addresses.
    Requested,
    /// The service asks for this pool.
    RequestedPool,
    /// The pool is made for such services.
    Scoped,
    /// The pool is for everyone.
    Open,
}

/// Why a pool was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// It is for other namespaces or services.
    NotForIt,
    /// It is only for those who ask for it.
    NotAutomatic,
    /// Nothing is left in it.
    Full {
        /// Of this family.
        family: Family,
    },
    /// It has no addresses of this family.
    NoFamily {
        /// Which.
        family: Family,
    },
}

/// Why a service gets nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There are no pools.
    #[error("there are no pools")]
    NoPools,
    /// The pool that was asked for does not exist.
    #[error("there is no pool {0}")]
    NoSuchPool(String),
    /// An address that was asked for is in no pool, or not all are in one.
    #[error("no single pool holds {}", list(.0))]
    NotInOnePool(Vec<IpAddr>),
    /// Addresses and pool that were asked for do not go together.
    #[error("{} is not in pool {pool}, which is asked for as well", list(.addresses))]
    OtherPool {
        /// The addresses.
        addresses: Vec<IpAddr>,
        /// The pool.
        pool: String,
    },
    /// The pool that was asked for is for other namespaces or services.
    #[error("pool {0} is not for this service")]
    NotForIt(String),
    /// More than two addresses, two of one family, or families that the service does not have.
    #[error("{} does not fit the families of the service: {why}", list(.addresses))]
    Families {
        /// The addresses.
        addresses: Vec<IpAddr>,
        /// What is wrong.
        why: &'static str,
    },
    /// An address that was asked for is another service's.
    #[error("{address} is used by {by}: {why}")]
    Taken {
        /// The address.
        address: IpAddr,
        /// One service that has it.
        by: String,
        /// Why it cannot be shared.
        why: &'static str,
    },
    /// An address that was asked for is used by a machine on the segment.
    #[error("{address} is used by {by} on the segment")]
    Quarantined {
        /// The address.
        address: IpAddr,
        /// Who.
        by: MacAddr,
    },
    /// No pool has what is needed.
    #[error("no pool has an address for it: {}", reasons(.0))]
    Exhausted(Vec<(String, Passed)>),
}

/// Pools that make no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// Two pools of one name.
    #[error("there are two pools named {0}")]
    SameName(String),
    /// Two ranges share an address.
    #[error("{one} and {other} share addresses")]
    Overlap {
        /// `pool range`.
        one: String,
        /// `pool range`.
        other: String,
    },
    /// An address that is handed out would be in no pool any more, or in another.
    #[error("{address} is used by {by}, and would not be in pool {pool} any more")]
    InUse {
        /// The address.
        address: IpAddr,
        /// One service that has it.
        by: String,
        /// The pool it is from.
        pool: String,
    },
    /// An address that nobody has.
    #[error("{0} is not handed out")]
    NotHandedOut(IpAddr),
}

/// How full a pool is, of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capacity {
    /// Addresses with a service.
    pub used: u128,
    /// Addresses that could be handed out; `u128::MAX` stands for more.
    pub free: u128,
    /// Addresses that somebody on the segment uses.
    pub quarantined: u128,
}

/// An address that is handed out.
#[derive(Debug, Clone)]
struct Grant {
    pool: usize,
    standing: Standing,
    services: BTreeMap<String, Service>,
}

/// Pools, and who has what of them.
#[derive(Debug, Clone)]
pub struct Allocator {
    pools: Vec<Pool>,
    free: Vec<Free>,
    grants: BTreeMap<IpAddr, Grant>,
    /// What each service has.
    held: BTreeMap<String, Vec<IpAddr>>,
    /// Addresses that may be shared, by pool, sharing key and backend.
    shared: BTreeMap<(usize, Sharing), BTreeSet<(usize, IpAddr)>>,
    quarantine: BTreeMap<IpAddr, Evidence>,
}

/// What became of a request.
pub type Outcome = Result<Decision, Refusal>;

impl Allocator {
    /// An allocator that has handed out nothing.
    pub fn new(pools: Vec<Pool>) -> Result<Self, PoolError> {
        pool::check(&pools)?;
        let free = pools.iter().map(Free::new).collect();
        Ok(Self {
            pools,
            free,
            grants: BTreeMap::new(),
            held: BTreeMap::new(),
            shared: BTreeMap::new(),
            quarantine: BTreeMap::new(),
        })
    }

    /// Other pools from now on. Nothing handed out may fall out of its pool.
    ///
    /// # Errors
    ///
    /// Then nothing has changed.
    pub fn set_pools(&mut self, pools: Vec<Pool>) -> Result<(), PoolError> {
        let mut next = Self::new(pools)?;
        for (address, grant) in &self.grants {
            let (pool, by) = (&self.pools[grant.pool].name, grant.first_service());
            let refused = || PoolError::InUse { address: *address, by: by.clone(), pool: pool.clone() };
            let at = next.pools.iter().position(|p| p.name == *pool && p.holds(*address)).ok_or_else(refused)?;
            for service in grant.services.values() {
                next.grant(at, *address, service, grant.standing);
            }
        }
        for (address, evidence) in &self.quarantine {
            next.isolate(*address, *evidence);
        }
        *self = next;
        Ok(())
    }

    /// Gives a service what it asks for, or tells why not. What it holds already it keeps if that is still right, and else
    /// gives back. A service that restarts with addresses ([`Service::current`]) keeps them, unprobed: give all of those first.
    pub fn allocate(&mut self, service: &Service) -> Outcome {
        let decision = self.choose(service);
        let kept = matches!(&decision, Ok(decision) if decision.because == Because::Kept);
        let standing: Vec<_> = self.held.get(&service.id()).into_iter().flatten().copied().collect();
        let standing: BTreeMap<_, _> =
            standing.into_iter().filter_map(|a| Some((a, self.grants.get(&a)?.standing))).collect();
        self.release(&service.id());
        let decision = decision?;
        let pool = self.pools.iter().position(|pool| pool.name == decision.pool).unwrap_or_default();
        for address in &decision.addresses {
            // What is shared is known to be free; what was held before is, too.
            let before = standing.get(address).copied().or(kept.then_some(Standing::Owned));
            let shared = self.grants.get(address).map(|grant| grant.standing);
            self.grant(pool, *address, service, shared.or(before).unwrap_or(Standing::Probing));
        }
        Ok(decision)
    }

    /// A service is gone, and with it its hold on its addresses; gives those that nobody holds any more.
    pub fn release(&mut self, service: &str) -> Vec<IpAddr> {
        let mut freed = Vec::new();
        for address in self.held.remove(service).unwrap_or_default() {
            let Some(grant) = self.grants.get_mut(&address) else { continue };
            let sharing = grant.services.remove(service).and_then(|service| service.sharing);
            if !grant.services.is_empty() {
                continue;
            }
            let pool = grant.pool;
            self.grants.remove(&address);
            // Those that share an address say the same of sharing: the last to go takes the note with it.
            if let Some(key) = sharing.map(|sharing| (pool, sharing))
                && let Some(addresses) = self.shared.get_mut(&key)
            {
                addresses.remove(&(self.pools[pool].place(address), address));
                if addresses.is_empty() {
                    self.shared.remove(&key);
                }
            }
            self.free[pool].give(&self.pools[pool], address);
            freed.push(address);
        }
        freed
    }

    /// The segment was asked: nobody has the address.
    ///
    /// # Errors
    ///
    /// [`PoolError::NotHandedOut`].
    pub fn confirm(&mut self, address: IpAddr) -> Result<(), PoolError> {
        let grant = self.grants.get_mut(&address).ok_or(PoolError::NotHandedOut(address))?;
        grant.standing = Standing::Owned;
        Ok(())
    }

    /// The segment was asked, and somebody has the address: it is kept from everyone until [`Allocator::readmit`], and the
    /// services that held it get others if they can. Gives what became of each.
    ///
    /// # Errors
    ///
    /// [`PoolError::NotHandedOut`].
    pub fn refuse(&mut self, address: IpAddr, evidence: Evidence) -> Result<Vec<(String, Outcome)>, PoolError> {
        let grant = self.grants.get(&address).ok_or(PoolError::NotHandedOut(address))?;
        let services: Vec<Service> = grant.services.values().cloned().collect();
        for service in &services {
            self.release(&service.id());
        }
        self.isolate(address, evidence);
        let again = |service: Service| (service.id(), self.allocate(&Service { current: Vec::new(), ..service }));
        Ok(services.into_iter().map(again).collect())
    }

    /// Somebody whom no service knows uses an address of a pool.
    pub fn isolate(&mut self, address: IpAddr, evidence: Evidence) {
        if let Some(pool) = self.pools.iter().position(|pool| pool.holds(address)) {
            self.free[pool].take(&self.pools[pool], address);
        }
        self.quarantine.insert(address, evidence);
    }

    /// A quarantined address may be handed out, and probed, again.
    pub fn readmit(&mut self, address: IpAddr) {
        if self.quarantine.remove(&address).is_some()
            && !self.grants.contains_key(&address)
            && let Some(pool) = self.pools.iter().position(|pool| pool.holds(address))
        {
            self.free[pool].give(&self.pools[pool], address);
        }
    }

    /// What somebody on the segment uses, and who.
    pub fn quarantined(&self) -> impl Iterator<Item = (IpAddr, Evidence)> + '_ {
        self.quarantine.iter().map(|(address, evidence)| (*address, *evidence))
    }

    /// Who has an address, and how sure that is.
    pub fn holders(&self, address: IpAddr) -> Option<(Standing, impl Iterator<Item = &str>)> {
        let grant = self.grants.get(&address)?;
        Some((grant.standing, grant.services.keys().map(String::as_str)))
    }

    /// What a service has.
    pub fn held(&self, service: &str) -> &[IpAddr] {
        self.held.get(service).map_or(&[], Vec::as_slice)
    }

    /// How full a pool is.
    pub fn capacity(&self, pool: &str, family: Family) -> Capacity {
        let Some(at) = self.pools.iter().position(|p| p.name == pool) else { return Capacity::default() };
        let ours = |address: &IpAddr| Family::of(*address) == family && self.pools[at].holds(*address);
        Capacity {
            used: self.grants.keys().filter(|address| ours(address)).count() as u128,
            free: self.free[at].count(family, &self.pools[at]),
            quarantined: self.quarantine.keys().filter(|address| ours(address)).count() as u128,
        }
    }

    fn grant(&mut self, pool: usize, address: IpAddr, service: &Service, standing: Standing) {
        self.free[pool].take(&self.pools[pool], address);
        let grant = self.grants.entry(address).or_insert_with(|| Grant { pool, standing, services: BTreeMap::new() });
        grant.services.insert(service.id(), service.clone());
        self.held.entry(service.id()).or_default().push(address);
        if let Some(sharing) = &service.sharing {
            let place = (self.pools[pool].place(address), address);
            self.shared.entry((pool, sharing.clone())).or_default().insert(place);
        }
    }
}

impl Grant {
    fn first_service(&self) -> String {
        self.services.keys().next().cloned().unwrap_or_default()
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "it has them already",
            Self::Requested => "it asks for these addresses",
            Self::RequestedPool => "it asks for this pool",
            Self::Scoped => "the pool is made for such services",
            Self::Open => "the pool is for everyone",
        })
    }
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotForIt => f.write_str("is for other namespaces or services"),
            Self::NotAutomatic => f.write_str("is only for those who ask for it"),
            Self::Full { family } => write!(f, "has no free {family} address"),
            Self::NoFamily { family } => write!(f, "has no {family} addresses"),
        }
    }
}

fn list(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn reasons(passed: &[(String, Passed)]) -> String {
    passed.iter().map(|(pool, why)| format!("{pool} {why}")).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
