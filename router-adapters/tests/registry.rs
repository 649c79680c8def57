//! All adapters together: each fixture is recognised by exactly one, and no text makes any of them panic.

use poolcheck_plan::Sources;
use poolcheck_router_adapters::{Input, Page, all};
use proptest::prelude::*;

/// (fixture, the adapter that it is for).
const FIXTURES: &[(&str, &str, &str)] = &[
    ("dnsmasq", "dnsmasq.conf", include_str!("../fixtures/dnsmasq/dnsmasq.conf")),
    ("dnsmasq", "dnsmasq.conf", include_str!("../fixtures/dnsmasq/whole/dnsmasq.conf")),
    ("dnsmasq", "10-lan.conf", include_str!("../fixtures/dnsmasq/whole/dnsmasq.d/10-lan.conf")),
    ("dnsmasq", "20-six.conf", include_str!("../fixtures/dnsmasq/whole/dnsmasq.d/20-six.conf")),
    ("openwrt", "dhcp", include_str!("../fixtures/openwrt/dhcp")),
    ("openwrt", "network", include_str!("../fixtures/openwrt/network")),
    ("pihole", "pihole.toml", include_str!("../fixtures/pihole/pihole.toml")),
    ("pihole", "setupVars.conf", include_str!("../fixtures/pihole/setupVars.conf")),
    ("adguard-home", "AdGuardHome.yaml", include_str!("../fixtures/adguard-home/AdGuardHome.yaml")),
    ("adguard-home", "leases.json", include_str!("../fixtures/adguard-home/leases.json")),
    ("isc-dhcpd", "dhcpd.conf", include_str!("../fixtures/isc-dhcpd/dhcpd.conf")),
    ("isc-dhcpd", "hosts.conf", include_str!("../fixtures/isc-dhcpd/hosts.conf")),
    ("isc-dhcpd", "dhcpd6.conf", include_str!("../fixtures/isc-dhcpd/dhcpd6.conf")),
    ("routeros", "router.rsc", include_str!("../fixtures/routeros/router.rsc")),
    ("routeros", "one-line.rsc", include_str!("../fixtures/routeros/one-line.rsc")),
    ("routeros", "six.rsc", include_str!("../fixtures/routeros/six.rsc")),
    ("systemd-networkd", "lan.network", include_str!("../fixtures/systemd-networkd/lan.network")),
    ("systemd-networkd", "lan.network.d/50-pool.conf", include_str!("../fixtures/systemd-networkd/pool.conf")),
    ("vyos", "config.boot", include_str!("../fixtures/vyos/config.boot")),
    ("vyos", "commands.txt", include_str!("../fixtures/vyos/commands.txt")),
    ("vyos", "config.boot", include_str!("../fixtures/vyos/edgeos.boot")),
    ("windows-dhcp", "dhcp.xml", include_str!("../fixtures/windows-dhcp/dhcp.xml")),
    ("own-lease", "2", include_str!("../fixtures/own-lease/networkd")),
    ("own-lease", "dhclient.leases", include_str!("../fixtures/own-lease/dhclient.leases")),
    ("udhcpd", "udhcpd.conf", include_str!("../fixtures/udhcpd/udhcpd.conf")),
    ("kea", "kea-dhcp4.conf", include_str!("../fixtures/kea/kea-dhcp4.conf")),
    ("kea", "kea-dhcp6.conf", include_str!("../fixtures/kea/kea-dhcp6.conf")),
    ("opnsense", "config.xml", include_str!("../fixtures/opnsense/kea.xml")),
    ("opnsense", "config.xml", include_str!("../fixtures/opnsense/dnsmasq.xml")),
    ("pfsense", "config.xml", include_str!("../fixtures/pfsense/config.xml")),
    ("manual", "lan.toml", "[[segment]]\nsubnet = \"192.168.1.0/24\"\ndhcp = \"off\"\n"),
];

#[test]
fn each_fixture_is_recognised_by_one() {
    for (adapter, name, text) in FIXTURES {
        let page = Page { name, text };
        let found: Vec<&str> = all().iter().filter(|r| r.adapter.recognises(&page)).map(|r| r.adapter.id).collect();
        assert_eq!(found, [*adapter], "{name}");
    }
}

/// What a person gets as `lan.toml` is read by hand's own adapter, and says the same.
#[test]
fn each_fixture_is_written_as_a_facts_file_and_read_again() {
    let parse = |adapter: &str, page: Page<'_>| {
        let adapter = poolcheck_router_adapters::find(adapter).expect("it is built in");
        adapter.parse(&Input { pages: &[page], read_at: None }, &mut Sources::new())
    };
    let mut read = 0;
    for (adapter, name, text) in FIXTURES.iter().filter(|(adapter, _, _)| *adapter != "manual") {
        // Some fixtures are parts that only say something with their main file.
        let Ok(facts) = parse(adapter, Page { name, text }) else { continue };
        let written = poolcheck_router_adapters::to_toml(&facts);
        let again = parse("manual", Page { name: "lan.toml", text: &written });
        let again = again.unwrap_or_else(|error| panic!("{adapter} {name}: {error}\n{written}"));
        let said = |facts: &poolcheck_plan::Facts| {
            let servers = facts.segments.iter().flat_map(|segment| &segment.dhcp);
            let mut said: Vec<String> = servers
                .flat_map(|server| {
                    let leased = server.leased().map(|(range, _)| range.to_string());
                    let kept = server.reservations.iter().map(|host| host.value.address.to_string());
                    leased.chain(kept).collect::<Vec<_>>()
                })
                .collect();
            said.sort();
            said
        };
        assert_eq!(said(&facts), said(&again), "{adapter} {name}\n{written}");
        read += 1;
    }
    assert!(read >= 20, "{read}");
}

fn read_by_all(text: &str) {
    for registered in all() {
        let page = Page { name: "any", text };
        let mut sources = Sources::new();
        let recognised = registered.adapter.recognises(&page);
        if let Ok(facts) = registered.adapter.parse(&Input { pages: &[page], read_at: None }, &mut sources) {
            for range in facts.segments.iter().flat_map(|segment| &segment.dhcp).flat_map(|server| &server.ranges) {
                assert!(range.value.first() <= range.value.last());
                assert!(range.place.range().end <= sources.get(range.place.source).text.len());
            }
        }
        let _ = recognised;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        read_by_all(&text);
    }

    #[test]
    fn a_fixture_with_bytes_changed_is_read_or_refused(number in 0..FIXTURES.len(), at in any::<prop::sample::Index>(), piece in "[\\[\\]{}\"'=,.:#é\n0-9a-z -]{0,8}", cut in 0usize..12) {
        let text = FIXTURES[number].2;
        let mut start = at.index(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = (start + cut).min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        read_by_all(&format!("{}{piece}{}", &text[..start], &text[end..]));
    }
}
