//! More Services want an address than all pools together have.
//!
//! ## Why is this bad?
//!
//! The Services that come last get none and stay pending, and which ones these are depends on the order in which the controller
//! saw them: after a restart of the cluster it may be others.
//!
//! Services with one `allow-shared-ip` key count as one. The rule speaks only when every pool is known, and all are MetalLB's.
//!
//! ## Example
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses: # warning: [demand-above-capacity]
//!   - 192.168.1.240/32
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: web-0
//!   namespace: web
//! spec:
//!   type: LoadBalancer
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: web-1
//!   namespace: web
//! spec:
//!   type: LoadBalancer
//! ```
//!
//! ## Use instead
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: main-pool
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: web-0
//!   namespace: web
//! spec:
//!   type: LoadBalancer
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata:
//!   name: web-1
//!   namespace: web
//! spec:
//!   type: LoadBalancer
//! ```
//!
//! ## References
//!
//! MetalLB `internal/allocator`; MetalLB issue 703.

use std::collections::BTreeSet;

use poolcheck_manifest::kinds::pool::Pool;
use poolcheck_plan::{AddrRange, AddrSet, Family};

use crate::words::{count_addresses, list};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "demand-above-capacity", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let known = |pool: &Pool<'_>| pool.implementation.is_metallb() && pool.entries.iter().all(|e| e.range().is_some());
    let Some(first) = world.pools.first().filter(|_| world.pools.iter().all(known)) else { return };
    // Texts of several clusters are not one demand.
    let sources = world.pools.iter().map(|pool| pool.name_span.source);
    let services: Vec<_> = world
        .services
        .iter()
        .filter(|service| service.class.is_none() && !service.from_values)
        .filter(|service| sources.clone().all(|source| world.same_cluster(source, service.object.kind_span().source)))
        .collect();
    let wanted: BTreeSet<String> = services
        .iter()
        .map(|service| match service.sharing_key {
            Some(key) => format!("shared {}", key.text()),
            None => service.object.title(),
        })
        .collect();
    let capacity = capacity(world);
    if wanted.len() as u128 <= capacity {
        return;
    }
    let has = count_addresses(capacity);
    let message = format!("{} Services want an address of their own, and the pools have {has}", wanted.len());
    let finding = findings.report(first.addresses_span, format!("{has} in all pools"), message);
    let names: Vec<String> = services.iter().map(|service| service.object.title()).collect();
    finding.about(&first.object).help(format!("make the pools larger, or let Services share: {}", list(&names, 4)));
}

/// The addresses of all pools; one that two copies of a pool name counts once.
fn capacity(world: &World<'_>) -> u128 {
    let all: AddrSet =
        world.pools.iter().flat_map(|pool| pool.ranges().map(|(_, range)| range).collect::<Vec<AddrRange>>()).collect();
    all.size(Family::V4).saturating_add(all.size(Family::V6))
}
