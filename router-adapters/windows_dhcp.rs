//! Windows Server: the file that `Export-DhcpServer` writes.
//!
//! ## What it reads
//!
//! Every IPv4 scope: `ScopeId` and `SubnetMask`, `StartRange` and `EndRange`, `ExclusionRanges`, `Reservations`, `State`, `LeaseDuration`,
//! and the options 3 and 6, also those that the server has for all scopes. Scopes of one superscope are one segment. What is told
//! to a vendor or user class alone is not read; nor what a policy tells, unless it has a part of the scope for its machines.
//!
//! ## How to get it
//!
//! In PowerShell on the server `Export-DhcpServer -File dhcp.xml`, without `-Leases`; then `poolcheck router read dhcp.xml`.
//!
//! ## What it cannot know
//!
//! What scopes of IPv6 lease: no export with one was to be had. Where a scope has a `Prefix`, its network of 64 bits is told with a
//! server of which nothing is known, and the place of each scope. Scopes that the export leaves out because `-ScopeId` was given.
//! Whether the server is authorised in Active Directory: one that is not leases nothing.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv6Net};
use poolcheck_plan::facts::{Completeness, DhcpState, Reservation, Segment, Sourced};
use poolcheck_plan::{AddrRange, Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
use crate::said::{self, Said};
use crate::xml::{self, Element};

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "windows-dhcp",
    title: "Windows Server, Export-DhcpServer",
    tested_on: "written fixtures, by exports in public tests of other programs",
    how_to_shrink: Some(HOW_TO_SHRINK),
    recognise,
    parse,
};

const HOW_TO_SHRINK: &str =
    "On Windows Server: DHCP > IPv4 > the scope > Properties, or Add-DhcpServerv4ExclusionRange.";

fn recognise(page: &Page<'_>) -> bool {
    xml::begins_with(page.text, "DHCPServer")
}

/// What may be shown: an export also has credentials for DNS.
fn is_shown(name: &str, _: &str) -> bool {
    const SHOWN: [&str; 19] = [
        "Enabled",
        "ScopeId",
        "Prefix",
        "Name",
        "SubnetMask",
        "StartRange",
        "EndRange",
        "LeaseDuration",
        "State",
        "Type",
        "SuperScopeName",
        "IPAddress",
        "ClientId",
        "OptionId",
        "Value",
        "VendorClass",
        "UserClass",
        "MajorVersion",
        "MinorVersion",
    ];
    SHOWN.contains(&name)
}

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let [page] = input.pages else {
        return Err(Complaint::whole("an export is one file").help("read one file at a time").into());
    };
    let document = xml::parse(page)?;
    let root = Element::root(&document);
    let file = Said::new(page, xml::shown(&document, is_shown), sources);
    let (four, six) = (root.get("IPv4"), root.get("IPv6"));
    if four.or(six).is_none() {
        let message = format!("{} has neither an IPv4 nor an IPv6 server", page.name);
        return Err(Complaint::whole(message).help("is it a file of Export-DhcpServer?").into());
    }
    let mut segments: Vec<Segment> = Vec::new();
    for (four, scope) in scopes_of(four) {
        let own = self::scope(&file, four, scope)?;
        let superscope = scope.value("SuperScopeName").map(xml::plain);
        let known = segments.iter_mut().find(|segment| {
            superscope.is_some() && segment.name.as_ref().map(|name| &name.value) == superscope.as_ref()
        });
        match known {
            Some(known) => {
                known.subnets.extend(own.subnets);
                known.dhcp.extend(own.dhcp);
                said::add_new(&mut known.gateways, own.gateways);
                said::add_new(&mut known.dns, own.dns);
            }
            None => segments.push(own),
        }
    }
    let mut gaps = Vec::new();
    for (_, scope) in scopes_of(six) {
        segments.extend(scope_of_six(&file, scope));
        if gaps.len() < said::MAX_GAPS {
            let part = scope.value("Prefix").unwrap_or_else(|| said::first_word(scope.place()));
            gaps.push(said::gap(&file, page.name, part, "is a scope of IPv6: what it leases is not read"));
        }
    }
    if segments.is_empty() && gaps.is_empty() {
        let message = format!("{} has no scope", page.name);
        return Err(Complaint::whole(message).help("export the whole server: Export-DhcpServer -File dhcp.xml").into());
    }
    Ok(Facts { gaps, ..said::facts("windows-dhcp", page.name, HOW_TO_SHRINK, segments) })
}

/// The scopes of one family, each with all of them.
fn scopes_of(family: Option<Element<'_>>) -> impl Iterator<Item = (Element<'_>, Element<'_>)> {
    let scopes = family.and_then(|family| Some((family, family.get("Scopes")?)));
    scopes.into_iter().flat_map(|(family, scopes)| scopes.all("Scope").map(move |scope| (family, scope)))
}

/// A scope of IPv6, of which no more is told than its name, its network of 64 bits, and that a server may lease anything of it;
/// nothing where no network is written.
fn scope_of_six(file: &Said<'_>, scope: Element<'_>) -> Option<Segment> {
    let text = scope.value("Prefix")?;
    let net = Ipv6Net::new(text.parse().ok()?, 64).ok()?.trunc();
    let name = scope.value("Name").map(|name| file.probably(xml::plain(name), name));
    let mut server = file.server(DhcpState::Unknown, text);
    server.completeness = Completeness::Partial;
    Some(Segment { name, subnets: vec![file.probably(IpNet::V6(net), text)], dhcp: vec![server], ..Segment::default() })
}

fn scope<'a>(file: &Said<'a>, four: Element<'a>, scope: Element<'a>) -> Result<Segment, AdapterError> {
    let refused = |element: Element<'a>, what: &str| {
        let message = format!("the scope `{}` has {what}", scope.value("ScopeId").unwrap_or_default());
        let complaint = Complaint::at(file.span(element.place()), "here", message);
        AdapterError::from(complaint.help("export the server once more"))
    };
    let ends = |element: Element<'a>| -> Result<Sourced<AddrRange>, AdapterError> {
        let pair = element.value("StartRange").zip(element.value("EndRange"));
        let range = pair.and_then(|(from, to)| AddrRange::new(from.parse().ok()?, to.parse().ok()?));
        let (range, (from, to)) = range.zip(pair).ok_or_else(|| refused(element, "no range"))?;
        Ok(file.surely(range, said::from_to(file.text, from, to)))
    };
    let name = scope.value("SuperScopeName").or_else(|| scope.value("Name"));
    let mut segment = Segment { name: name.map(|name| file.surely(xml::plain(name), name)), ..Segment::default() };
    let id = scope.value("ScopeId").and_then(|text| Some((text.parse::<Ipv4Addr>().ok()?, text)));
    let mask = scope.value("SubnetMask").and_then(|text| text.parse().ok());
    let net = id.zip(mask).and_then(|((id, text), mask)| Some(file.surely(said::network(id, mask)?, text)));
    segment.subnets.push(net.ok_or_else(|| refused(scope, "no subnet"))?);
    let state = scope.get("State");
    let on = match state.map(Element::written) {
        Some("Active") => DhcpState::On,
        Some("Inactive") => DhcpState::Off,
        // There are states of old (*switched*) whose words no export was seen to have.
        _ => DhcpState::Unknown,
    };
    let mut server = file.server(on, state.unwrap_or(scope).place());
    server.ranges.push(ends(scope)?);
    for hole in scope.get("ExclusionRanges").into_iter().flat_map(|holes| holes.all("IPRange")) {
        server.excluded.push(ends(hole)?);
    }
    for host in scope.get("Reservations").into_iter().flat_map(|hosts| hosts.all("Reservation")) {
        let Some((address, text)) = host.value("IPAddress").and_then(|text| Some((text.parse().ok()?, text))) else {
            return Err(refused(host, "a reservation without an address"));
        };
        let mac = host.value("ClientId").and_then(said::mac);
        let name = host.value("Name").map(xml::plain);
        server.reservations.push(file.surely(Reservation { address, mac, name }, text));
    }
    let lease = scope.value("LeaseDuration");
    server.lease_seconds = lease.and_then(|text| Some(file.surely(duration(text)?, text)));
    segment.gateways = option(file, scope, "3").or_else(|| option(file, four, "3")).unwrap_or_default();
    segment.dns = option(file, scope, "6").or_else(|| option(file, four, "6")).unwrap_or_default();
    // A policy has a part of the scope for its machines, and may tell them another router.
    let policies = scope.get("Policies").into_iter().flat_map(|policies| policies.all("Policy"));
    for policy in policies.filter(|policy| policy.value("Enabled") != Some("false") && policy.get("IPRanges").is_some())
    {
        said::add_new(&mut segment.gateways, option(file, policy, "3").unwrap_or_default());
        said::add_new(&mut segment.dns, option(file, policy, "6").unwrap_or_default());
    }
    let own = segment.subnets[0].value;
    segment.gateways.retain(|gateway| own.contains(&gateway.value));
    segment.dhcp.push(server);
    Ok(segment)
}

/// The addresses of an option that is told to all machines.
fn option<'a>(file: &Said<'a>, of: Element<'a>, number: &str) -> Option<Vec<Sourced<IpAddr>>> {
    let mut values = of.get("OptionValues")?.all("OptionValue").filter(|option| {
        let to_all = option.value("VendorClass").is_none() && option.value("UserClass").is_none();
        to_all && option.value("OptionId") == Some(number)
    });
    let option = values.next()?;
    let texts = option.all("Value").map(Element::written).take(said::MAX_ADDRESSES + 1);
    Some(texts.filter_map(|text| Some(file.surely(text.parse().ok()?, text))).collect())
}

/// A time span of .NET: `8.00:00:00` is eight days; `None` for one that never ends.
fn duration(text: &str) -> Option<u64> {
    let (days, time) = text.split_once('.').filter(|(days, _)| !days.contains(':')).unwrap_or(("0", text));
    let parts: Option<Vec<u64>> = time.split(':').map(|part| part.parse().ok()).collect();
    let [hours, minutes, seconds] = parts?[..] else { return None };
    let days: u64 = days.parse().ok()?;
    days.checked_mul(86_400)?
        .checked_add(hours.checked_mul(3_600)?)?
        .checked_add(minutes.checked_mul(60)?)?
        .checked_add(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = include_str!("fixtures/windows-dhcp/dhcp.xml");

    fn read(text: &str) -> Result<(Facts, Sources), AdapterError> {
        let page = Page { name: "dhcp.xml", text };
        assert!(recognise(&page));
        let mut sources = Sources::new();
        Ok((parse(&Input { pages: &[page], read_at: None }, &mut sources)?, sources))
    }

    fn leased(segment: &Segment) -> Vec<String> {
        segment
            .dhcp
            .iter()
            .flat_map(|server| server.leased().map(|(range, _)| range.to_string()).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn scopes_with_their_holes() {
        let (facts, sources) = read(XML).expect("it is read");
        let [office, floor] = &facts.segments[..] else { panic!("{:?}", facts.segments) };
        assert_eq!(leased(office), ["192.0.2.20-192.0.2.29", "192.0.2.40-192.0.2.59", "192.0.2.61-192.0.2.120"]);
        assert_eq!(office.subnets[0].value.to_string(), "192.0.2.0/24");
        assert_eq!(office.gateways.iter().map(|g| g.value.to_string()).collect::<Vec<_>>(), ["192.0.2.1"]);
        assert_eq!(
            office.dns.iter().map(|g| g.value.to_string()).collect::<Vec<_>>(),
            ["192.0.2.53", "192.0.2.54"],
            "what all scopes have"
        );
        let owners: Vec<String> = office.dhcp[0].reservations.iter().map(|host| host.value.owner()).collect();
        assert_eq!(owners, ["printer.office.example (00:00:5e:00:53:01)"]);
        assert_eq!(office.dhcp[0].lease_seconds.as_ref().map(|lease| lease.value), Some(691_200));
        assert_eq!(
            sources.slice(office.dhcp[0].ranges[0].place),
            "192.0.2.20</StartRange>\n        <EndRange>192.0.2.120"
        );
        // A superscope, one of its scopes inactive.
        assert_eq!((floor.subnets.len(), floor.dhcp.len()), (2, 2));
        assert_eq!(leased(floor), ["198.51.100.10-198.51.100.100"]);
        assert!(sources.iter().all(|(_, source)| !source.text.contains("NotAReal")));
    }

    #[test]
    fn a_scope_of_ipv6_is_there_and_what_it_leases_is_not_known() {
        let six = "  <IPv6>\n    <Scopes>\n      <Scope>\n        <Prefix>2001:db8:0:7::</Prefix>\n        <Name>Office</Name>\n        \
                   <State>Active</State>\n      </Scope>\n      <Scope />\n    </Scopes>\n  </IPv6>\n</DHCPServer>";
        let (facts, sources) = read(&XML.replace("</DHCPServer>", six)).expect("it is read");
        let [_, _, office] = &facts.segments[..] else { panic!("{:?}", facts.segments) };
        assert_eq!(office.subnets.iter().map(|net| net.value.to_string()).collect::<Vec<_>>(), ["2001:db8:0:7::/64"]);
        assert_eq!(sources.slice(office.subnets[0].place), "2001:db8:0:7::");
        let server = &office.dhcp[0];
        assert_eq!((server.state.value, server.completeness), (DhcpState::Unknown, Completeness::Partial));
        assert!(server.ranges.is_empty(), "{server:?}");
        let gaps: Vec<&str> = facts.gaps.iter().map(|gap| gap.value.as_str()).collect();
        assert_eq!(
            gaps,
            [
                "dhcp.xml, line 86: `2001:db8:0:7::` is a scope of IPv6: what it leases is not read",
                "dhcp.xml, line 90: `<Scope` is a scope of IPv6: what it leases is not read"
            ]
        );
        // IPv4 is seen as before, and an export of IPv6 alone is one.
        assert_eq!(leased(&facts.segments[1]), ["198.51.100.10-198.51.100.100"]);
        let alone = "<DHCPServer><IPv6><Scopes><Scope><Prefix>2001:db8::</Prefix></Scope></Scopes></IPv6></DHCPServer>";
        assert_eq!(read(alone).expect("it is read").0.segments.len(), 1);
        assert!(read(XML).expect("it is read").0.gaps.is_empty());
    }

    #[test]
    fn a_policy_with_a_part_of_the_scope_and_names_with_signs() {
        let policies = |policy: &str| {
            XML.replace("<Name>Office<", "<Name>R&amp;D<")
                .replace("<Policies />", &format!("<Policies>{policy}</Policies>"))
        };
        let gateways = |policy: &str| {
            let segment = read(&policies(policy)).expect("it is read").0.segments.remove(0);
            assert_eq!(segment.name.as_ref().map(|name| name.value.as_str()), Some("R&D"));
            segment.gateways.iter().map(|own| own.value.to_string()).collect::<Vec<_>>()
        };
        let options = "<OptionValues><OptionValue><OptionId>3</OptionId><Value>192.0.2.7</Value><VendorClass /><UserClass /></OptionValue></OptionValues>";
        let part = "<IPRanges><IPRange><StartRange>192.0.2.100</StartRange><EndRange>192.0.2.110</EndRange></IPRange></IPRanges>";
        let on = |inner: &str| format!("<Policy><Enabled>true</Enabled>{inner}</Policy>");
        assert_eq!(gateways(&on(&format!("{options}{part}"))), ["192.0.2.1", "192.0.2.7"]);
        assert_eq!(gateways(&on(options)), ["192.0.2.1"]);
        assert_eq!(gateways(&on(&format!("{options}{part}")).replace("true", "false")), ["192.0.2.1"]);
    }

    #[test]
    fn a_state_of_another_word_is_not_known() {
        let switched = XML.replace("<State>Inactive</State>", "<State>ActiveSwitched</State>");
        let (facts, _) = read(&switched).expect("it is read");
        assert_eq!(facts.segments[1].dhcp[1].state.value, DhcpState::Unknown);
        assert_eq!(read(XML).expect("it is read").0.segments[1].dhcp[1].state.value, DhcpState::Off);
    }

    #[test]
    fn mistakes_and_durations() {
        for (from, to) in [
            ("<EndRange>192.0.2.120", "<EndRange>192.0.2.12"),
            ("<SubnetMask>255.255.255.0", "<SubnetMask>255.0.255.0"),
            ("<IPAddress>192.0.2.50", "<IPAddress>here"),
        ] {
            assert!(read(&XML.replacen(from, to, 1)).is_err(), "{to}");
        }
        assert!(read("<DHCPServer><IPv4/></DHCPServer>").is_err() && read("<DHCPServer/>").is_err());
        assert_eq!((duration("8.00:00:00"), duration("02:30:00")), (Some(691_200), Some(9_000)));
        assert_eq!((duration("10675199.02:48:05.4775807"), duration("soon")), (None, None));
    }
}
