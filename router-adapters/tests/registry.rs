//! All adapters together: each fixture is recognised by exactly one, and no text makes any of them panic.

use poolcheck_plan::Sources;
use poolcheck_router_adapters::{Input, Page, all};
use proptest::prelude::*;

/// (fixture, the adapter that it is for).
const FIXTURES: &[(&str, &str, &str)] = &[
    ("dnsmasq", "dnsmasq.conf", include_str!("../fixtures/dnsmasq/dnsmasq.conf")),
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
    ("systemd-networkd", "lan.network", include_str!("../fixtures/systemd-networkd/lan.network")),
    ("systemd-networkd", "lan.network.d/50-pool.conf", include_str!("../fixtures/systemd-networkd/pool.conf")),
    ("vyos", "config.boot", include_str!("../fixtures/vyos/config.boot")),
    ("vyos", "commands.txt", include_str!("../fixtures/vyos/commands.txt")),
    ("vyos", "config.boot", include_str!("../fixtures/vyos/edgeos.boot")),
    ("windows-dhcp", "dhcp.xml", include_str!("../fixtures/windows-dhcp/dhcp.xml")),
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
