//! pfSense: its `config.xml`.
//!
//! ## What it reads
//!
//! `<dhcpd>` and `<dhcpdv6>`, an element an interface: `enable`, `range` (`from`, `to`), the ranges of further `pool`s,
//! `staticmap`, `gateway`, `dnsserver`, `defaultleasetime`; the interfaces' own addresses; VLAN tags; `<dhcrelay>`. Kea and ISC
//! dhcpd are configured by the same elements, so that `<dhcpbackend>` changes nothing here.
//!
//! A backup of the area *DHCP Server* alone is read too: then neither the subnet nor the gateway is known, unless `gateway` says it. A
//! server on an interface that is not enabled has an *unknown* state.
//!
//! Without `gateway` pfSense names itself. An interface that is on and has no range serves its static mappings only. The file
//! holds every secret of the firewall: only what is read here is ever shown.
//!
//! ## How to get it
//!
//! Diagnostics > Backup & Restore > Download configuration as XML, not encrypted; then `poolcheck router read config.xml`.
//!
//! ## What it cannot know
//!
//! IPv6 ranges in a prefix that the provider delegates: what is written is only their end. Lease times left to their default.
//! What packages add.

use poolcheck_plan::{Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Input, Page};
use crate::firewall::{self, Firewall};
use crate::xml;

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "pfsense",
    title: "pfSense, config.xml",
    tested_on: "written fixtures, by pfSense's source of 2026",
    how_to_shrink: Some(PFSENSE.how_to_shrink),
    recognise,
    parse,
};

const PFSENSE: Firewall = Firewall {
    adapter: "pfsense",
    root: "pfsense",
    areas: &["dhcpd", "dhcpdv6"],
    how_to_shrink: "On pfSense: Services > DHCP Server > the interface's tab > Address Pool Range.",
    others: |_, _| Ok(()),
};

fn recognise(page: &Page<'_>) -> bool {
    std::iter::once(&PFSENSE.root).chain(PFSENSE.areas).any(|root| xml::begins_with(page.text, root))
}

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    firewall::parse(&PFSENSE, input, sources)
}

#[cfg(test)]
mod tests {
    use poolcheck_plan::facts::{Completeness, DhcpState, Role};

    use super::*;

    const CONFIG: &str = include_str!("fixtures/pfsense/config.xml");

    fn read(text: &str) -> (Facts, Sources) {
        let page = Page { name: "config.xml", text };
        assert!(recognise(&page));
        let mut sources = Sources::new();
        let facts = parse(&Input { pages: &[page], read_at: None }, &mut sources).expect("it is read");
        (facts, sources)
    }

    #[test]
    fn an_interface_is_a_segment() {
        let (facts, sources) = read(CONFIG);
        let names: Vec<&str> = facts.segments.iter().filter_map(|s| Some(s.name.as_ref()?.value.as_str())).collect();
        assert_eq!(names, ["LAN", "Cameras", "Guests"]);
        let lan = &facts.segments[0];
        assert_eq!(lan.subnets[0].value.to_string(), "192.168.10.0/24");
        assert_eq!(lan.gateways[0].value.to_string(), "192.168.10.1");
        assert_eq!(
            lan.dns.iter().map(|dns| dns.value.to_string()).collect::<Vec<_>>(),
            ["192.168.10.53", "192.0.2.53"]
        );
        let [v4, v6] = &lan.dhcp[..] else { panic!("{:?}", lan.dhcp) };
        let ranges: Vec<String> = v4.ranges.iter().map(|range| range.value.to_string()).collect();
        assert_eq!(ranges, ["192.168.10.100-192.168.10.149", "192.168.10.180-192.168.10.189"]);
        assert_eq!(v4.reservations[0].value.owner(), "nas (00:00:5e:00:53:01)");
        assert_eq!((v4.state.value, v4.completeness), (DhcpState::On, Completeness::Full));
        assert_eq!(v4.lease_seconds.as_ref().map(|lease| lease.value), Some(7200));
        assert!(sources.slice(v4.ranges[0].place).starts_with("192.168.10.100</from>"));
        assert!(sources.slice(v4.ranges[0].place).ends_with("<to>192.168.10.149"));
        // The provider delegates this one.
        assert_eq!((v6.ranges.len(), v6.completeness, v6.state.value), (0, Completeness::Partial, DhcpState::On));
        assert!(!v6.knows_ranges());
    }

    #[test]
    fn another_gateway_leaves_the_firewall_a_machine_of_the_segment() {
        let (facts, _) = read(CONFIG);
        let cameras = &facts.segments[1];
        assert_eq!(cameras.vlan.as_ref().map(|vlan| vlan.value), Some(20));
        assert_eq!(cameras.gateways.len(), 1);
        assert_eq!(cameras.gateways[0].value.to_string(), "10.20.0.254");
        assert_eq!(
            (cameras.hosts[0].value.address.to_string().as_str(), cameras.hosts[0].value.role),
            ("10.20.0.1", Role::Router)
        );
        assert_eq!(cameras.dhcp[0].state.value, DhcpState::StaticOnly);
        assert_eq!(cameras.dhcp[0].reservations.len(), 1);
    }

    #[test]
    fn what_is_off_leases_nothing_and_a_relay_is_one() {
        let (facts, _) = read(CONFIG);
        assert_eq!(facts.segments[2].dhcp[0].state.value, DhcpState::Off);
        let relayed = CONFIG.replace("<interface>opt9</interface>", "<interface>opt2, opt9</interface>");
        let (facts, _) = read(&relayed);
        let states: Vec<DhcpState> = facts.segments[2].dhcp.iter().map(|server| server.state.value).collect();
        assert_eq!(states, [DhcpState::Relay]);
    }

    #[test]
    fn a_static_v6_range_is_told_and_kea_changes_nothing() {
        let fixed =
            CONFIG.replace("<ipaddrv6>track6</ipaddrv6>", "<ipaddrv6>2001:db8:10::1</ipaddrv6><subnetv6>64</subnetv6>");
        let fixed =
            fixed.replace("<from>::1000", "<from>2001:db8:10::1000").replace("<to>::2000", "<to>2001:db8:10::2000");
        let (facts, _) = read(&fixed.replace("<dhcpbackend>isc", "<dhcpbackend>kea"));
        assert_eq!(facts.segments[0].dhcp[1].ranges[0].value.to_string(), "2001:db8:10::1000-2001:db8:10::2000");
        assert_eq!(facts.segments[0].dhcp[0].ranges.len(), 2);
    }

    #[test]
    fn one_area_alone_has_its_ranges_and_no_subnet() {
        let (from, to) = (CONFIG.find("<dhcpd>").expect("a section"), CONFIG.find("</dhcpd>").expect("its end"));
        let area = format!("<?xml version=\"1.0\"?>\n{}</dhcpd>\n", &CONFIG[from..to]);
        let (facts, _) = read(&area);
        let lan = &facts.segments[0];
        assert_eq!(lan.name.as_ref().map(|name| name.value.as_str()), Some("lan"));
        assert!(lan.subnets.is_empty() && lan.gateways.is_empty());
        assert_eq!(lan.dhcp[0].ranges[0].value.to_string(), "192.168.10.100-192.168.10.149");
        assert_eq!(lan.dhcp[0].reservations.len(), 1);
    }

    #[test]
    fn whether_a_server_on_an_interface_that_is_not_enabled_leases_is_not_known() {
        let text = |enable: &str| {
            format!(
                "<pfsense><interfaces><lan><enable/><ipaddr>192.0.2.1</ipaddr><subnet>24</subnet></lan><opt1>{enable}\
                 <ipaddr>198.51.100.1</ipaddr><subnet>24</subnet></opt1></interfaces><dhcpd><opt1><enable/><range><from>198.51.100.9\
                 </from><to>198.51.100.19</to></range></opt1></dhcpd></pfsense>"
            )
        };
        let state = |enable: &str| read(&text(enable)).0.segments[0].dhcp[0].state.value;
        assert_eq!((state(""), state("<enable/>")), (DhcpState::Unknown, DhcpState::On));
    }

    #[test]
    fn secrets_are_not_shown_and_a_wrong_range_is_refused() {
        let (_, sources) = read(CONFIG);
        for (_, source) in sources.iter() {
            assert_eq!(source.text.len(), CONFIG.len());
            assert!(!source.text.contains("NotAReal") && source.text.contains("192.168.10.100"));
        }
        let wrong = CONFIG.replace("<from>192.168.10.100", "<from>192.168.10.300");
        let page = Page { name: "config.xml", text: &wrong };
        let error = parse(&Input { pages: &[page], read_at: None }, &mut Sources::new()).expect_err("no address");
        assert!(error.to_string().contains("192.168.10.300"), "{error}");
        let empty = Page { name: "config.xml", text: "<pfsense><system/></pfsense>" };
        assert!(parse(&Input { pages: &[empty], read_at: None }, &mut Sources::new()).is_err());
    }
}
