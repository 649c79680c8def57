//! The hub's backup, `sky_router_settings.conf`: XML in the words of TR-098.
//!
//! `LANHostConfigManagement` of each `LANDevice` is read, and nothing else: the file holds passwords and keys. What it does not
//! say is not known; in particular, firmware has been seen that leaves the range out while it is the factory's.

use std::net::{IpAddr, Ipv4Addr};

use poolcheck_plan::facts::{Completeness, DhcpState, Reservation, Segment};
use poolcheck_plan::{Facts, Sources};

use crate::adapter::{AdapterError, Complaint, Page};
use crate::said::{self, Said};
use crate::xml::{self, Element};

const ROOTS: [&str; 2] = ["DslCpeConfig", "InternetGatewayDevice"];
const SHOWN: [&str; 13] = [
    "DHCPServerEnable",
    "DHCPRelay",
    "MinAddress",
    "MaxAddress",
    "DHCPLeaseTime",
    "IPRouters",
    "IPInterfaceIPAddress",
    "IPInterfaceSubnetMask",
    "Enable",
    "Chaddr",
    "Yiaddr",
    "ReservedAddresses",
    "DomainName",
];

pub(super) fn is_one(text: &str) -> bool {
    ROOTS.iter().any(|root| xml::begins_with(text, root)) && text.contains("LANHostConfigManagement")
}

pub(super) fn read(page: &Page<'_>, how_to_shrink: &str, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let document = xml::parse(page)?;
    let file = Said::new(page, xml::shown(&document, |_, name| SHOWN.contains(&name)), sources);
    let root = Element::root(&document);
    let gateway = if root.name() == "InternetGatewayDevice" { Some(root) } else { root.get("InternetGatewayDevice") };
    let lans = gateway.into_iter().flat_map(|gateway| gateway.all("LANDevice"));
    let mut segments = Vec::new();
    for lan in lans.filter_map(|lan| lan.get("LANHostConfigManagement")) {
        segments.push(segment(&file, lan)?);
    }
    // Broadcom's software begins its files so, whoever sells the router.
    let is_sky = [page.name, page.text].iter().any(|text| text.to_ascii_lowercase().contains("sky"));
    let how_to_shrink = if is_sky { how_to_shrink } else { "In the router's own pages: the end of its DHCP range." };
    let what =
        "begins the backups of many makers' routers, and nothing says that this is a Sky Hub's: compare what was read";
    let first = file.text.find(root.name()).and_then(|at| file.text.get(at..at + root.name().len()));
    let gap = first.filter(|_| !is_sky).map(|first| said::gap(&file, page.name, first, what));
    if segments.is_empty() {
        let message = format!("{} has no LANDevice with a LANHostConfigManagement", page.name);
        return Err(Complaint::whole(message).help("save the backup again; or save the page LAN IP Setup").into());
    }
    Ok(Facts { gaps: gap.into_iter().collect(), ..said::facts("sky-hub", page.name, how_to_shrink, segments) })
}

fn is_true(text: &str) -> bool {
    text == "1" || text.eq_ignore_ascii_case("true")
}

fn segment<'a>(file: &Said<'a>, lan: Element<'a>) -> Result<Segment, AdapterError> {
    let mut segment = Segment::default();
    let address = |text: &str| text.parse::<Ipv4Addr>().ok().filter(|address| !address.is_unspecified());
    let mut own = None;
    for interface in lan.all("IPInterface") {
        let Some(text) = interface.value("IPInterfaceIPAddress") else { continue };
        let mask = interface.value("IPInterfaceSubnetMask").and_then(address);
        let Some((hub, mask)) = address(text).zip(mask) else { continue };
        own = own.or(Some((hub, text)));
        segment.subnets.extend(said::network(hub, mask).map(|net| file.surely(net, text)));
        said::add_new(&mut segment.gateways, [file.surely(IpAddr::V4(hub), text)]);
    }
    let relays = lan.value("DHCPRelay").filter(|text| is_true(text));
    let (state, place) = match (relays, lan.value("DHCPServerEnable")) {
        (Some(place), _) => (DhcpState::Relay, place),
        (None, Some(text)) if is_true(text) => (DhcpState::On, text),
        (None, Some(text)) => (DhcpState::Off, text),
        (None, None) => (DhcpState::Unknown, lan.place()),
    };
    let mut server = file.server(state, place);
    server.server = own.map(|(address, text)| file.surely(address.into(), text));
    if let (Some(from), Some(to)) = (lan.value("MinAddress"), lan.value("MaxAddress")) {
        let ends = address(from).zip(address(to)).and_then(|(from, to)| said::ordered(from.into(), to.into()));
        let both = said::from_to(file.text, from, to);
        let range = ends.ok_or_else(|| {
            Complaint::at(file.span(from), "the range begins here", "the hub's DHCP range is none")
                .related(file.span(to), "and ends here")
                .help("save the backup again; or save the page LAN IP Setup")
        })?;
        server.ranges.push(file.surely(range, both));
    } else {
        server.completeness = Completeness::Partial;
    }
    server.lease_seconds =
        lan.value("DHCPLeaseTime").and_then(|text| Some(file.surely(text.parse::<u64>().ok()?, text)));
    // The hub keeps a reservation as a pool for one machine; others of its make, as TR-098 has it.
    let kept = lan.all("DHCPConditionalServingPool").map(|pool| (pool, "ReservedAddresses"));
    for (pool, key) in kept.chain(lan.all("DHCPStaticAddress").map(|kept| (kept, "Yiaddr"))) {
        let off = pool.value("Enable").is_some_and(|text| !is_true(text));
        let Some((text, address)) = pool.value(key).and_then(|text| Some((text, address(text)?))) else { continue };
        if !off {
            let (mac, name) = (pool.value("Chaddr").and_then(said::mac), pool.value("DomainName").map(str::to_owned));
            server.reservations.push(file.surely(Reservation { address: address.into(), mac, name }, text));
        }
    }
    segment.dhcp.push(server);
    Ok(segment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Input, find, recognise};

    const BACKUP: &str = "<?xml version=\"1.0\"?>\n<DslCpeConfig version=\"3.0\">\n<InternetGatewayDevice>\n<LANDevice instance=\"1\">\n<LANHostConfigManagement>\n<DHCPServerEnable>TRUE</DHCPServerEnable>\n<MinAddress>192.168.0.2</MinAddress>\n<MaxAddress>192.168.0.199</MaxAddress>\n<DHCPLeaseTime>86400</DHCPLeaseTime>\n<IPInterfaceNumberOfEntries>1</IPInterfaceNumberOfEntries>\n<IPInterface instance=\"1\">\n<IPInterfaceIPAddress>192.168.0.1</IPInterfaceIPAddress>\n<IPInterfaceSubnetMask>255.255.255.0</IPInterfaceSubnetMask>\n</IPInterface>\n<DHCPConditionalServingPool instance=\"1\">\n<Enable>TRUE</Enable>\n<Chaddr>02:00:5E:00:53:01</Chaddr>\n<ReservedAddresses>192.168.0.20</ReservedAddresses>\n<DomainName>nas</DomainName>\n</DHCPConditionalServingPool>\n<DHCPConditionalServingPool nextInstance=\"2\" />\n</LANHostConfigManagement>\n<WLANConfiguration><KeyPassphrase>hunter2</KeyPassphrase></WLANConfiguration>\n</LANDevice>\n<LANDevice nextInstance=\"2\" />\n</InternetGatewayDevice>\n</DslCpeConfig>\n";

    fn facts(text: &str) -> Result<(Facts, Sources), AdapterError> {
        let (mut sources, page) = (Sources::new(), Page { name: "sky_router_settings.conf", text });
        assert_eq!(recognise(&page).map(|adapter| adapter.id), Some("sky-hub"));
        let adapter = find("sky-hub").expect("it is built in");
        Ok((adapter.parse(&Input { pages: &[page], read_at: None }, &mut sources)?, sources))
    }

    #[test]
    fn a_backup_says_what_the_page_says_and_shows_no_key() {
        let (facts, sources) = facts(BACKUP).expect("it is read");
        let segment = &facts.segments[0];
        assert_eq!((facts.segments.len(), segment.subnets[0].value.to_string().as_str()), (1, "192.168.0.0/24"));
        let server = &segment.dhcp[0];
        assert_eq!(
            (server.state.value, server.ranges[0].value.to_string().as_str()),
            (DhcpState::On, "192.168.0.2-192.168.0.199")
        );
        assert_eq!(server.reservations[0].value.owner(), "nas (02:00:5e:00:53:01)");
        assert_eq!(server.lease_seconds.as_ref().map(|lease| lease.value), Some(86_400));
        assert!(sources.iter().all(|(_, source)| !source.text.contains("hunter2")));
    }

    #[test]
    fn a_backup_of_whoever_says_that_it_may_be_no_sky_hub() {
        assert!(facts(BACKUP).expect("it is read").0.gaps.is_empty());
        let (mut sources, page) = (Sources::new(), Page { name: "backupsettings.conf", text: BACKUP });
        let found = read(&page, "On a Sky Hub: …", &mut sources).expect("it is read");
        assert!(found.gaps[0].value.contains("many makers"), "{:?}", found.gaps);
        assert!(!found.origins[0].how_to_shrink.as_deref().unwrap_or_default().contains("Sky"));
    }

    #[test]
    fn what_a_backup_leaves_out_is_not_known() {
        let without = BACKUP.replace("<MinAddress>192.168.0.2</MinAddress>\n", "");
        let server = &facts(&without).expect("it is read").0.segments[0].dhcp[0];
        assert!(!server.knows_ranges() && server.completeness == Completeness::Partial);
        for (from, to, state) in [
            ("<DHCPServerEnable>TRUE", "<DHCPServerEnable>FALSE", DhcpState::Off),
            ("<DHCPServerEnable>TRUE</DHCPServerEnable>", "", DhcpState::Unknown),
            ("<MinAddress>", "<DHCPRelay>TRUE</DHCPRelay><MinAddress>", DhcpState::Relay),
        ] {
            let (facts, _) = facts(&BACKUP.replace(from, to)).expect("it is read");
            assert_eq!(facts.segments[0].dhcp[0].state.value, state, "{to}");
        }
        let off = BACKUP.replace("<Enable>TRUE", "<Enable>FALSE");
        assert!(facts(&off).expect("it is read").0.segments[0].dhcp[0].reservations.is_empty());
        assert!(facts(&BACKUP.replace("192.168.0.199", "here")).is_err());
        assert!(facts("<DslCpeConfig><!-- LANHostConfigManagement --></DslCpeConfig>").is_err());
    }
}
