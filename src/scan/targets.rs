//! What to ask, and on which interface.

use std::net::IpAddr;

use ipnet::IpNet;
use poolcheck_lan::interface::{self, Interface};
use poolcheck_lan::scan::MAX_TARGETS;
use poolcheck_plan::facts::Role;
use poolcheck_plan::{AddrRange, AddrSet};
use poolcheck_rules::World;

use super::live::wire_failure;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::usage;

/// Of a larger pool only the addresses that Services ask for are asked.
const LARGEST_POOL: u128 = 1 << 16;

/// What is wanted.
#[derive(Debug)]
pub(crate) enum Wish {
    /// The pools of the manifests.
    Pools,
    /// Ranges that somebody considers.
    Ranges(Vec<AddrRange>),
    /// Everything in the interface's IPv4 subnets.
    Subnet,
    /// Nothing is asked: only listening.
    Nothing,
}

/// What is going to be asked.
#[derive(Debug)]
pub(crate) struct Aim {
    pub(crate) interface: Interface,
    /// The ranges that matter.
    pub(crate) ranges: Vec<AddrRange>,
    /// Those of them that are only considered.
    pub(crate) considered: Vec<AddrRange>,
    /// Machines that are asked for who they are: nodes and gateways.
    pub(crate) known: Vec<IpAddr>,
    /// `11 addresses of pool main-pool`.
    pub(crate) about: String,
    /// What is left out, and why.
    pub(crate) remarks: Vec<String>,
}

/// Finds the interface and what of the wish lies on its segment.
pub(crate) fn aim(world: &World<'_>, wish: &Wish, name: Option<&str>) -> Result<Aim, Failure> {
    let mut remarks = Vec::new();
    let wanted = match wish {
        Wish::Pools => pools(world, &mut remarks)?,
        Wish::Ranges(ranges) => ranges.clone(),
        Wish::Subnet | Wish::Nothing => Vec::new(),
    };
    let interface = choose(&wanted, name)?;
    interface.usable().map_err(|error| wire_failure(&error))?;
    let own: AddrSet = interface.addresses.iter().map(|net| AddrRange::from_net(net.trunc())).collect();
    let wanted = if matches!(wish, Wish::Subnet) { subnets(&interface)? } else { wanted };
    let mut ranges = Vec::new();
    for range in wanted {
        let inside = AddrSet::from(range).intersection(&own);
        ranges.extend(inside.iter());
        let outside = AddrSet::from(range).difference(&own);
        for left in outside.iter() {
            let why = if left.first().is_ipv6() && !interface.addresses.iter().any(|net| net.addr().is_ipv6()) {
                format!("IPv6 is off on {}", interface.name)
            } else {
                format!("it is on no segment of {}", interface.name)
            };
            remarks.push(format!("not asked: {left} ({why})"));
        }
    }
    if ranges.is_empty() && !matches!(wish, Wish::Nothing) {
        let help = format!("{}\nname ranges of that segment, or another interface with --interface", interfaces_text());
        let first = remarks.first().cloned().unwrap_or_else(|| "there is no address to ask".to_owned());
        return Err(Failure::plain(Exit::Unchecked, &first, &help));
    }
    let reaches = |address: &IpAddr| own.contains(*address);
    let mut known: Vec<IpAddr> = nodes(world).map(|(address, _)| address).collect();
    known.extend(world.facts.segments.iter().flat_map(|segment| &segment.gateways).map(|gateway| gateway.value));
    known.retain(reaches);
    let count: u128 = ranges.iter().copied().collect::<AddrSet>().iter().map(AddrRange::size).sum();
    let count = if count == 1 { "1 address".to_owned() } else { format!("{count} addresses") };
    let about = match wish {
        Wish::Pools => format!("{count} of {}", pool_names(world, &ranges)),
        Wish::Ranges(_) | Wish::Subnet => count,
        Wish::Nothing => "nothing is sent".to_owned(),
    };
    let considered = if matches!(wish, Wish::Ranges(_)) { ranges.clone() } else { Vec::new() };
    Ok(Aim { interface, ranges, considered, known, about, remarks })
}

/// Addresses of nodes with their names.
pub(super) fn nodes<'w>(world: &'w World<'_>) -> impl Iterator<Item = (IpAddr, String)> + 'w {
    let name = |address: IpAddr, name: Option<String>| format!("node {}", name.unwrap_or_else(|| address.to_string()));
    let objects = world.nodes.iter().flat_map(move |node| {
        let own = node.object.name().map(std::borrow::Cow::into_owned);
        node.addresses.iter().map(move |(address, _)| (*address, name(*address, own.clone()))).collect::<Vec<_>>()
    });
    let hosts = world.facts.segments.iter().flat_map(|segment| &segment.hosts);
    let hosts = hosts.filter(|host| host.value.role == Role::Node);
    objects.chain(hosts.map(move |host| (host.value.address, name(host.value.address, host.value.name.clone()))))
}

/// The ranges of all pools that are announced on a segment.
fn pools(world: &World<'_>, remarks: &mut Vec<String>) -> Result<Vec<AddrRange>, Failure> {
    let mut found = Vec::new();
    for pool in world.pools.iter().filter(|pool| !world.only_bgp(pool)) {
        for (_, range) in pool.ranges() {
            if range.size() <= LARGEST_POOL {
                found.push(range);
                continue;
            }
            let asked = world
                .services
                .iter()
                .flat_map(|service| &service.requested)
                .filter_map(poolcheck_manifest::kinds::service::Requested::address);
            let asked: Vec<AddrRange> = asked.filter(|a| range.contains(*a)).map(AddrRange::single).collect();
            remarks.push(format!(
                "pool {} has more addresses than can be asked ({range}): only the {} that Services ask for are",
                pool.name,
                asked.len()
            ));
            found.extend(asked);
        }
    }
    if found.is_empty() {
        let message = if world.pools.is_empty() { "no pool was found here" } else { "no pool has an address to ask" };
        let help =
            "name the folder of the manifests with --manifests, or ranges: poolcheck scan 192.168.1.240-192.168.1.250";
        return Err(Failure::plain(Exit::Unchecked, message, help));
    }
    Ok(found)
}

fn pool_names(world: &World<'_>, ranges: &[AddrRange]) -> String {
    let is_here = |pool: &&poolcheck_manifest::kinds::pool::Pool<'_>| {
        pool.ranges().any(|(_, own)| ranges.iter().any(|range| range.meets(own)))
    };
    let mut names: Vec<String> = world.pools.iter().filter(is_here).map(|pool| pool.name.clone()).collect();
    names.sort();
    names.dedup();
    match names.as_slice() {
        [one] => format!("pool {one}"),
        [a, b] => format!("pools {a} and {b}"),
        many => format!("{} pools", many.len()),
    }
}

fn subnets(interface: &Interface) -> Result<Vec<AddrRange>, Failure> {
    let v4: Vec<IpNet> = interface.addresses.iter().map(IpNet::trunc).filter(|net| net.addr().is_ipv4()).collect();
    if v4.is_empty() {
        let help = "an IPv6 subnet has too many addresses to ask: name the addresses";
        return Err(Failure::plain(Exit::Unchecked, &format!("{} has no IPv4 subnet", interface.name), help));
    }
    let ranges: Vec<AddrRange> = v4.into_iter().map(AddrRange::from_net).collect();
    if ranges.iter().map(|range| range.size()).sum::<u128>() > MAX_TARGETS as u128 {
        let help = format!("at most {MAX_TARGETS} addresses are asked: name ranges");
        return Err(usage(&format!("the subnets of {} are too large", interface.name), &help));
    }
    Ok(ranges)
}

/// The interface that is named, or the one on whose segment most of the ranges lie.
fn choose(ranges: &[AddrRange], name: Option<&str>) -> Result<Interface, Failure> {
    let all = interface::interfaces().map_err(|error| wire_failure(&error))?;
    if let Some(name) = name {
        let found = all.into_iter().find(|interface| interface.name == name);
        return found.ok_or_else(|| usage(&format!("there is no interface {name}"), &interfaces_text()));
    }
    let default = default_interface();
    let reach = |interface: &Interface| {
        let own: AddrSet = interface.addresses.iter().map(|net| AddrRange::from_net(net.trunc())).collect();
        let met = ranges.iter().filter(|range| own.meets(**range)).count();
        (met, default == Some(interface.index))
    };
    let usable = all.into_iter().filter(|interface| interface.usable().is_ok());
    let best = usable.max_by_key(|interface| reach(interface)).filter(|interface| {
        let (met, is_default) = reach(interface);
        met > 0 || (ranges.is_empty() && is_default)
    });
    best.ok_or_else(|| {
        let what = ranges.first().map_or_else(
            || "there is no default route, so the segment is not known".to_owned(),
            |range| format!("no interface of this machine is on the segment of {range}"),
        );
        let help = format!(
            "{}\nrun it on a machine of that segment, or name the interface with --interface",
            interfaces_text()
        );
        Failure::plain(Exit::Unchecked, &what, &help)
    })
}

#[cfg(target_os = "linux")]
fn default_interface() -> Option<u32> {
    let routes = interface::default_routes().ok()?;
    routes.iter().find(|route| route.gateway.is_ipv4()).or(routes.first()).map(|route| route.interface)
}

#[cfg(not(target_os = "linux"))]
fn default_interface() -> Option<u32> {
    None
}

/// `the interfaces are eth0 (192.168.1.77/24), wlan0 (no address)`.
fn interfaces_text() -> String {
    let all = interface::interfaces().unwrap_or_default();
    let shown = all.iter().filter(|interface| !interface.loopback && interface.ethernet).map(|interface| {
        let addresses: Vec<String> = interface.addresses.iter().map(ToString::to_string).collect();
        let addresses = if addresses.is_empty() { "no address".to_owned() } else { addresses.join(", ") };
        format!("{} ({addresses})", interface.name)
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() {
        "this machine has no Ethernet interface".to_owned()
    } else {
        format!("the interfaces are {}", shown.join(", "))
    }
}
