//! MetalLB's rules as a table, and a slow allocator that must agree.

use poolcheck_plan::syntax::parse_range;
use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| ip(text)).collect()
}

fn pool(name: &str, ranges: &[&str]) -> Pool {
    Pool::new(name, ranges.iter().map(|text| parse_range(text).unwrap()))
}

fn service(name: &str) -> Service {
    Service::new(name, "default")
}

fn tcp(number: u16) -> Port {
    Port { protocol: Protocol::Tcp, number }
}

fn shared(name: &str, key: &str, backend: &str, port: u16) -> Service {
    let sharing = Some(Sharing { key: key.to_owned(), backend: backend.to_owned() });
    Service { sharing, ports: [tcp(port)].into(), ..service(name) }
}

fn evidence() -> Evidence {
    Evidence { by: MacAddr([2, 0, 0, 0, 0, 9]), at: Timestamp::from_millis(7) }
}

fn given(allocator: &mut Allocator, service: &Service) -> Vec<IpAddr> {
    allocator.allocate(service).unwrap().addresses
}

#[test]
fn the_first_free_address_in_the_order_of_ranges() {
    let mut allocator = Allocator::new(vec![pool("a", &["10.0.0.9-10.0.0.9", "10.0.0.0/31"])]).unwrap();
    assert_eq!(given(&mut allocator, &service("1")), ips(&["10.0.0.9"]));
    assert_eq!(given(&mut allocator, &service("2")), ips(&["10.0.0.0"]), "network addresses are addresses");
    assert_eq!(given(&mut allocator, &service("3")), ips(&["10.0.0.1"]));
    let full = allocator.allocate(&service("4")).unwrap_err();
    assert_eq!(full.to_string(), "no pool has an address for it: a has no free IPv4 address");
    allocator.release("default/2");
    assert_eq!(given(&mut allocator, &service("4")), ips(&["10.0.0.0"]));
    assert_eq!(given(&mut allocator, &service("4")), ips(&["10.0.0.0"]), "asked again, kept");
}

#[test]
fn addresses_that_old_equipment_drops() {
    let avoiding = Pool { avoid_buggy: true, ..pool("a", &["10.0.0.254-10.0.1.1"]) };
    let mut allocator = Allocator::new(vec![avoiding]).unwrap();
    assert_eq!(allocator.capacity("a", Family::V4).free, 2);
    assert_eq!(given(&mut allocator, &service("1")), ips(&["10.0.0.254"]));
    assert_eq!(given(&mut allocator, &service("2")), ips(&["10.0.1.1"]));
    assert_eq!(allocator.capacity("a", Family::V4), Capacity { used: 2, free: 0, quarantined: 0 });
    let asks = Service { requested: ips(&["10.0.0.255"]), ..service("3") };
    assert!(matches!(allocator.allocate(&asks), Err(Refusal::NotInOnePool(_))));
}

#[test]
fn pools_by_scope_then_priority_then_declaration() {
    let scoped = |name: &str, range: &str, priority, namespaces: &[&str]| {
        let namespaces = namespaces.iter().map(|n| (*n).to_owned()).collect();
        Pool { scope: Some(Scope { priority, namespaces, ..Scope::default() }), ..pool(name, &[range]) }
    };
    let pools = vec![
        pool("open", &["10.0.0.1-10.0.0.9"]),
        scoped("zero", "10.0.1.1-10.0.1.1", 0, &["default"]),
        scoped("ten", "10.0.2.1-10.0.2.1", 10, &["default"]),
        scoped("ten-too", "10.0.3.1-10.0.3.1", 10, &["default"]),
        scoped("other", "10.0.4.1-10.0.4.9", 1, &["kube-system"]),
        scoped("everyone", "10.0.5.1-10.0.5.1", 20, &[]),
        Pool { automatic: false, ..pool("asked", &["10.0.6.1-10.0.6.9"]) },
    ];
    let mut allocator = Allocator::new(pools).unwrap();
    let order = ["10.0.2.1", "10.0.3.1", "10.0.5.1", "10.0.1.1", "10.0.0.1", "10.0.0.2"];
    for (n, expected) in order.iter().enumerate() {
        let decision = allocator.allocate(&service(&n.to_string())).unwrap();
        assert_eq!(decision.addresses, ips(&[expected]), "{decision:?}");
        assert!(decision.passed.contains(&("other".to_owned(), Passed::NotForIt)));
        assert!(decision.passed.contains(&("asked".to_owned(), Passed::NotAutomatic)));
    }
    let last = allocator.allocate(&service("9")).unwrap();
    assert!(last.passed.contains(&("ten".to_owned(), Passed::Full { family: Family::V4 })), "{last:?}");
    let asks = |pool: &str| Service { requested_pool: Some(pool.to_owned()), ..service("asks") };
    assert_eq!(given(&mut allocator, &asks("asked")), ips(&["10.0.6.1"]), "it need not be automatic");
    assert_eq!(allocator.allocate(&asks("other")), Err(Refusal::NotForIt("other".to_owned())));
    assert_eq!(allocator.allocate(&asks("none")), Err(Refusal::NoSuchPool("none".to_owned())));
    assert_eq!(allocator.held("default/asks"), &[] as &[IpAddr], "what cannot be had is not kept either");
}

#[test]
fn selectors_of_namespaces_and_services() {
    let has = |key: &str, value: &str| Selector(vec![Requirement::In(key.to_owned(), vec![value.to_owned()])]);
    let scope = Scope {
        namespaces: vec!["edge".to_owned()],
        namespace_selectors: vec![has("tier", "edge")],
        service_selectors: vec![has("app", "web"), has("app", "dns")],
        ..Scope::default()
    };
    let mut allocator = Allocator::new(vec![Pool { scope: Some(scope), ..pool("a", &["10.0.0.0/24"]) }]).unwrap();
    let labels = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let mut gets = |namespace: &str, tier: &str, app: &str| {
        let service = Service::new(app, namespace);
        let service = Service { namespace_labels: labels("tier", tier), labels: labels("app", app), ..service };
        allocator.allocate(&service).is_ok()
    };
    assert!(gets("edge", "", "web") && gets("other", "edge", "dns"), "by name or by label, any selector");
    assert!(!gets("other", "inner", "web") && !gets("edge", "", "db"));
    let none = Selector(vec![Requirement::DoesNotExist("x".to_owned()), Requirement::NotIn("y".to_owned(), vec![])]);
    assert!(none.matches(&labels("z", "1")) && !none.matches(&labels("x", "1")));
}

#[test]
fn requested_addresses() {
    let mut allocator =
        Allocator::new(vec![pool("a", &["10.0.0.0/24", "fd00::/120"]), pool("b", &["10.1.0.0/24"])]).unwrap();
    let asks = |families, addresses: &[&str]| Service { families, requested: ips(addresses), ..service("s") };
    let v4 = Families::Single(Family::V4);
    let decision = allocator.allocate(&asks(v4, &["10.1.0.7"])).unwrap();
    assert_eq!((decision.pool.as_str(), decision.because), ("b", Because::Requested));
    let dual = asks(Families::RequireDual, &["fd00::7", "10.0.0.7"]);
    assert_eq!(given(&mut allocator, &dual), ips(&["fd00::7", "10.0.0.7"]));
    let refused = |allocator: &mut Allocator, service| allocator.clone().allocate(&service).unwrap_err().to_string();
    let across = asks(Families::RequireDual, &["10.1.0.7", "fd00::7"]);
    assert_eq!(refused(&mut allocator, across), "no single pool holds 10.1.0.7 and fd00::7");
    for (families, addresses) in [
        (v4, &["fd00::1"][..]),
        (v4, &["10.0.0.1", "fd00::1"]),
        (Families::RequireDual, &["10.0.0.1"]),
        (Families::PreferDual(Family::V4), &["10.0.0.1", "10.0.0.2"]),
    ] {
        assert!(
            matches!(allocator.allocate(&asks(families, addresses)), Err(Refusal::Families { .. })),
            "{addresses:?}"
        );
    }
    let wrong = Service { requested_pool: Some("b".to_owned()), ..asks(v4, &["10.0.0.7"]) };
    assert_eq!(refused(&mut allocator, wrong), "10.0.0.7 is not in pool b, which is asked for as well");
    given(&mut allocator, &asks(v4, &["10.0.0.7"]));
    let other = Service { requested: ips(&["10.0.0.7"]), ..service("t") };
    assert_eq!(refused(&mut allocator, other), "10.0.0.7 is used by default/s: it is not shared");
}

#[test]
fn two_families() {
    let pools = vec![pool("v4", &["10.0.0.0/24"]), pool("both", &["10.1.0.0/24", "fd00::/127"])];
    let mut allocator = Allocator::new(pools).unwrap();
    let wants = |name: &str, families| Service { families, ..service(name) };
    let both = Families::PreferDual(Family::V4);
    assert_eq!(given(&mut allocator, &wants("1", both)), ips(&["10.1.0.0", "fd00::"]), "the pool that has both");
    assert_eq!(given(&mut allocator, &wants("2", Families::RequireDual)), ips(&["10.1.0.1", "fd00::1"]));
    assert_eq!(given(&mut allocator, &wants("3", both)), ips(&["10.0.0.0"]), "one is better than none");
    assert!(allocator.allocate(&wants("4", Families::RequireDual)).is_err());
    assert!(allocator.allocate(&wants("5", Families::Single(Family::V6))).is_err());
    // One of the first two goes; who preferred both stays where it is, since its own pool has no second for it.
    allocator.release("default/1");
    assert_eq!(given(&mut allocator, &wants("3", both)), ips(&["10.0.0.0"]));
    // In its own pool it gets the second.
    let single = Service { current: ips(&["10.1.0.5"]), ..wants("6", both) };
    assert_eq!(given(&mut allocator, &single), ips(&["10.1.0.0", "fd00::"]));
}

#[test]
fn shared_addresses() {
    let mut allocator = Allocator::new(vec![pool("a", &["10.0.0.0/24"])]).unwrap();
    given(&mut allocator, &service("alone"));
    assert_eq!(given(&mut allocator, &shared("1", "k", "", 80)), ips(&["10.0.0.1"]));
    assert_eq!(given(&mut allocator, &shared("2", "k", "", 443)), ips(&["10.0.0.1"]), "another port");
    assert_eq!(given(&mut allocator, &shared("3", "k", "", 80)), ips(&["10.0.0.2"]), "the same port");
    assert_eq!(given(&mut allocator, &shared("4", "other", "", 81)), ips(&["10.0.0.3"]), "another key");
    assert_eq!(given(&mut allocator, &shared("5", "k", "app=x", 82)), ips(&["10.0.0.4"]), "other pods behind it");
    let udp = Port { protocol: Protocol::Udp, number: 80 };
    let dns = Service { ports: [udp].into(), ..shared("6", "k", "", 1) };
    assert_eq!(given(&mut allocator, &dns), ips(&["10.0.0.1"]), "another protocol");
    let asks = Service { requested: ips(&["10.0.0.1"]), ..shared("7", "k", "", 443) };
    let refusal = allocator.allocate(&asks).unwrap_err();
    assert_eq!(refusal.to_string(), "10.0.0.1 is used by default/2: both need the same port");
    for name in ["1", "2", "6"] {
        allocator.release(&format!("default/{name}"));
    }
    assert!(allocator.holders(ip("10.0.0.1")).is_none(), "free when the last has gone");
}

#[test]
fn probing_then_owned_or_quarantined() {
    let mut allocator = Allocator::new(vec![pool("a", &["10.0.0.1-10.0.0.3"])]).unwrap();
    let one = given(&mut allocator, &service("1"))[0];
    assert_eq!(allocator.holders(one).unwrap().0, Standing::Probing);
    allocator.confirm(one).unwrap();
    given(&mut allocator, &service("1"));
    assert_eq!(allocator.holders(one).unwrap().0, Standing::Owned, "asked again, it need not be probed again");
    let two = given(&mut allocator, &service("2"))[0];
    let moved = allocator.refuse(two, evidence()).unwrap();
    assert_eq!(moved[0].1.as_ref().unwrap().addresses, ips(&["10.0.0.3"]));
    assert_eq!(allocator.capacity("a", Family::V4), Capacity { used: 2, free: 0, quarantined: 1 });
    assert!(allocator.allocate(&service("3")).is_err());
    let asks = Service { requested: vec![two], ..service("3") };
    let refusal = allocator.allocate(&asks).unwrap_err();
    assert_eq!(refusal.to_string(), "10.0.0.2 is used by 02:00:00:00:00:09 on the segment");
    allocator.readmit(two);
    assert_eq!(given(&mut allocator, &asks), vec![two]);
    assert_eq!(allocator.refuse(ip("10.9.9.9"), evidence()), Err(PoolError::NotHandedOut(ip("10.9.9.9"))));
}

#[test]
fn a_restart_moves_nothing() {
    let pools = vec![pool("a", &["10.0.0.0/24"]), pool("b", &["10.1.0.0/24"])];
    let mut allocator = Allocator::new(pools.clone()).unwrap();
    let back = Service { current: ips(&["10.1.0.77"]), ..service("1") };
    let decision = allocator.allocate(&back).unwrap();
    assert_eq!((decision.addresses, decision.because), (ips(&["10.1.0.77"]), Because::Kept));
    assert_eq!(allocator.holders(ip("10.1.0.77")).unwrap().0, Standing::Owned);
    // What it asks for now is something else: it moves.
    let asks = Service { requested_pool: Some("a".to_owned()), ..back.clone() };
    assert_eq!(given(&mut allocator, &asks), ips(&["10.0.0.0"]));
    // Pools may change around what is handed out, not under it.
    let error = allocator.set_pools(vec![pool("b", &["10.1.0.0/24"])]).unwrap_err();
    assert_eq!(error.to_string(), "10.0.0.0 is used by default/1, and would not be in pool a any more");
    allocator.set_pools(vec![pool("a", &["10.0.0.0/31"]), pool("c", &["10.2.0.0/24"])]).unwrap();
    assert_eq!(allocator.held("default/1"), ips(&["10.0.0.0"]));
}

#[test]
fn pools_that_make_no_sense() {
    let overlap = Allocator::new(vec![pool("a", &["10.0.0.0/24"]), pool("b", &["10.0.0.200-10.0.1.5"])]).unwrap_err();
    assert_eq!(overlap.to_string(), "a 10.0.0.0-10.0.0.255 and b 10.0.0.200-10.0.1.5 share addresses");
    assert!(matches!(Allocator::new(vec![pool("a", &[]), pool("a", &[])]), Err(PoolError::SameName(_))));
    assert_eq!(Allocator::new(Vec::new()).unwrap().allocate(&service("1")), Err(Refusal::NoPools));
}

/// MetalLB's way: every address in turn.
fn slow(allocator: &Allocator, service: &Service) -> Option<IpAddr> {
    let addresses = allocator.pools[0]
        .ranges
        .iter()
        .flat_map(|range| (range.first_number()..=range.last_number()).map(|number| range.family().address(number)));
    let avoids = |address: &IpAddr| allocator.pools[0].holds(*address) && !allocator.quarantine.contains_key(address);
    addresses.filter(avoids).find(|address| {
        let grant = allocator.grants.get(address);
        grant.is_none_or(|grant| grant.services.values().all(|other| service.clash(other).is_none()))
    })
}

proptest! {
    #[test]
    fn as_if_every_address_were_tried(
        steps in proptest::collection::vec((0..5_u8, 0..30_u8, 0..4_u16, 0..3_u8), 1..120),
        avoid_buggy: bool,
    ) {
        let a = Pool { avoid_buggy, ..pool("a", &["10.0.0.250-10.0.1.5", "10.0.0.10-10.0.0.14"]) };
        let mut allocator = Allocator::new(vec![a]).unwrap();
        for (what, name, port, key) in steps {
            let id = format!("default/{name}");
            match what {
                0 => { allocator.release(&id); }
                1 => {
                    if let Some(address) = allocator.held(&id).first().copied() {
                        allocator.refuse(address, evidence()).unwrap();
                    }
                }
                2 => {
                    let first = allocator.quarantined().next();
                    if let Some((address, _)) = first {
 allocator.readmit(address);
}
                }
                _ => {
                    let name = name.to_string();
                    let service = if key == 0 { service(&name) } else { shared(&name, &key.to_string(), "", port) };
                    allocator.release(&id);
                    let expected = slow(&allocator, &service);
                    let got = allocator.allocate(&service).ok().map(|decision| decision.addresses[0]);
                    prop_assert_eq!(got, expected);
                }
            }
            // Nobody shares with whom it may not; counts are true.
            for grant in allocator.grants.values() {
                let services: Vec<_> = grant.services.values().collect();
                for (n, one) in services.iter().enumerate() {
                    prop_assert!(services[..n].iter().all(|other| one.clash(other).is_none()));
                }
            }
            let capacity = allocator.capacity("a", Family::V4);
            let all = if avoid_buggy { 15 } else { 17 };
            prop_assert_eq!(capacity.used + capacity.free + capacity.quarantined, all);
        }
    }
}
