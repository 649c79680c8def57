//! Pi-hole: `pihole.toml` of version 6, `setupVars.conf` of version 5, and what dnsmasq inside of it reads besides.
//!
//! ## What it reads
//!
//! `[dhcp]` of `/etc/pihole/pihole.toml`: `active`, `start`, `end`, `router`, `netmask`, `leaseTime`, `hosts` (as dnsmasq's
//! `dhcp-host`); `dnsmasq_lines` of `[misc]`, which are dnsmasq's options, also while DHCP is off, and `etc_dnsmasq_d`. Of
//! `/etc/pihole/setupVars.conf`: `DHCP_ACTIVE`, `DHCP_START`, `DHCP_END`, `DHCP_ROUTER`, `DHCP_LEASETIME`, and behind it files of
//! `/etc/dnsmasq.d`: reservations are in `04-pihole-static-dhcp.conf`, and people add files of their own.
//! An empty value is unset. Passwords and their hashes are never shown.
//!
//! While DHCP is off, as it is on most Pi-holes, the router leases addresses and not the Pi-hole: its own range is not told.
//! `ipv6` (`DHCP_IPv6`) tells machines DNS servers and leases no address, so it adds nothing.
//!
//! ## How to get it
//!
//! Copy the file from the Pi-hole, then `poolcheck router read pihole.toml`, or
//! `poolcheck router read setupVars.conf dnsmasq.d/*`. They hold the hash of the web password, which is never shown.
//!
//! ## What it cannot know
//!
//! Files of `/etc/dnsmasq.d` that are not given, where the Pi-hole reads that folder. Settings that come from the environment
//! (`FTLCONF_dhcp_…` of a container).

use std::net::{IpAddr, Ipv4Addr};

use poolcheck_plan::facts::{Completeness, DhcpState};
use poolcheck_plan::{Facts, Sources};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
use crate::dnsmasq_conf::{self, Conf, Pool};
use crate::said::{self, Said};

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "pihole",
    title: "Pi-hole, pihole.toml (6) and setupVars.conf (5)",
    tested_on: "Pi-hole 6 and 5, by their documented files",
    how_to_shrink: Some(HOW_TO_SHRINK),
    recognise,
    parse,
};

const HOW_TO_SHRINK: &str = "On a Pi-hole: Settings > DHCP > Range of IP addresses to hand out.";

fn recognise(page: &Page<'_>) -> bool {
    let has = |wanted: &dyn Fn(&str) -> bool| page.text.lines().any(|line| wanted(line.trim()));
    let key = |line: &str| line.split_once('=').map(|(key, _)| key.trim_end().to_owned());
    let own = |line: &str| key(line).is_some_and(|key| matches!(&*key, "active" | "leaseTime"));
    is_five(page.text) || has(&|line| line == "[dhcp]") && has(&own)
}

/// What a Pi-hole says of DHCP, as it is written.
#[derive(Default)]
struct Written<'t> {
    active: Option<&'t str>,
    start: Option<&'t str>,
    end: Option<&'t str>,
    router: Option<&'t str>,
    netmask: Option<&'t str>,
    lease: Option<&'t str>,
    hosts: Vec<&'t str>,
    /// Options of dnsmasq.
    lines: Vec<&'t str>,
    /// Whether `/etc/dnsmasq.d` is read, and what says so.
    folder: Option<&'t str>,
}

/// `setupVars.conf`: what is said last holds.
fn of_five(text: &str) -> Written<'_> {
    let value = |key: &str| {
        let found = text.lines().rev().filter_map(|line| line.trim().split_once('=')).find(|(own, _)| *own == key);
        found.map(|(_, value)| unquoted(value)).filter(|value| !value.is_empty())
    };
    Written {
        active: value("DHCP_ACTIVE"),
        start: value("DHCP_START"),
        end: value("DHCP_END"),
        router: value("DHCP_ROUTER"),
        lease: value("DHCP_LEASETIME"),
        ..Written::default()
    }
}

/// `pihole.toml`.
fn of_six<'t>(text: &'t str, table: &DeTable<'t>) -> Written<'t> {
    let raw = |item: &Spanned<DeValue<'t>>| unquoted(text.get(item.span()).unwrap_or_default());
    let get = |name: &str, key: &str| table.get(name)?.get_ref().as_table()?.get(key);
    let value = |key: &str| get("dhcp", key).map(raw).filter(|value| !value.is_empty());
    let list = |name: &str, key: &str| {
        let items = get(name, key).and_then(|item| item.get_ref().as_array());
        items.into_iter().flatten().map(raw).collect::<Vec<_>>()
    };
    Written {
        active: value("active"),
        start: value("start"),
        end: value("end"),
        router: value("router"),
        netmask: value("netmask"),
        lease: value("leaseTime"),
        hosts: list("dhcp", "hosts"),
        lines: list("misc", "dnsmasq_lines"),
        folder: get("misc", "etc_dnsmasq_d").map(raw).filter(|value| *value == "true"),
    }
}

/// A value without the quotes around it.
fn unquoted(value: &str) -> &str {
    let value = value.trim();
    let inner = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

/// Whether a file is one of version 5.
fn is_five(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("DHCP_ACTIVE=") || line.starts_with("PIHOLE_INTERFACE="))
}

/// The text with whatever is a secret made unreadable.
fn shown(text: &str) -> String {
    const SECRETS: [&str; 5] = ["pwhash", "app_pwhash", "totp_secret", "password", "WEBPASSWORD"];
    let mut shown = text.to_owned();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some((key, value)) = line.split_once('=')
            && SECRETS.iter().any(|secret| key.trim() == *secret)
        {
            let start = at + key.len() + 1;
            said::starred(&mut shown, start..start + value.trim_end().len());
        }
        at += line.len();
    }
    shown
}

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let files: Vec<Said<'_>> = input.pages.iter().map(|page| Said::new(page, shown(page.text), sources)).collect();
    let names: Vec<&str> = input.pages.iter().map(|page| page.name).collect();
    // Of the files that are given together this is the Pi-hole's own.
    let main = input.pages.iter().position(recognise).unwrap_or_default();
    let Some(file) = files.get(main) else { return Err(Complaint::whole("no file was given").into()) };
    let five = is_five(file.text);
    let table;
    let written = if five {
        of_five(file.text)
    } else {
        let (parsed, errors) = DeTable::parse_recoverable(file.text);
        if let Some(error) = errors.first() {
            let span = error.span().and_then(|span| file.text.get(span)).unwrap_or_default();
            let message = format!("{} is no TOML: {}", names[main], error.message().trim());
            return Err(Complaint::at(file.span(span), "here", message).help("copy the file again, as it is").into());
        }
        table = parsed;
        of_six(file.text, table.get_ref())
    };
    // Version 5 writes its switch when DHCP is first switched on.
    let Some(switch) = written.active.or_else(|| five.then(|| said::first_word(file.text))) else {
        let message = format!("{} has no `active`", names[main]);
        return Err(Complaint::whole(message).help("it is looked for in [dhcp] of pihole.toml").into());
    };
    let mut conf = Conf::new(&files, &names);
    if switch == "true" {
        own(&mut conf, &files, (main, names[main]), &written, five)?;
    }
    for host in &written.hosts {
        conf.host(main, host);
    }
    for (key, value) in written.lines.iter().filter_map(|line| dnsmasq_conf::option(line.trim())) {
        conf.option(main, key, value, 0)?;
    }
    let mut gaps = Vec::new();
    let others: Vec<usize> = (0..files.len()).filter(|other| *other != main).collect();
    let is_called = |other: &usize, name: &str| said::is_named(names[*other], name);
    if five || written.folder.is_some() {
        // These two the Pi-hole writes itself, from what is read here.
        let own =
            |other: &usize| five && (is_called(other, "01-pihole.conf") || is_called(other, "02-pihole-dhcp.conf"));
        conf.files(&others.iter().copied().filter(|other| !own(other)).collect::<Vec<_>>())?;
    } else if let Some(other) = others.first() {
        let what = "is not read: the Pi-hole reads /etc/dnsmasq.d only where `etc_dnsmasq_d` of [misc] is true";
        gaps.push(said::gap(&files[*other], names[*other], said::first_word(files[*other].text), what));
    }
    if five && written.active.is_some() && !others.iter().any(|other| is_called(other, "04-pihole-static-dhcp.conf")) {
        let what = "keeps reservations in /etc/dnsmasq.d/04-pihole-static-dhcp.conf, which was not given with it";
        conf.hosts_are_missing(said::gap(file, names[main], switch, what));
    }
    if let Some(folder) = written.folder.filter(|_| others.is_empty()) {
        let what = "is `etc_dnsmasq_d`, and no file of /etc/dnsmasq.d was given with it: ranges may be missing";
        conf.ranges_are_missing(said::gap(file, names[main], folder, what));
    }
    let (mut segments, missing) = conf.segments()?;
    for server in segments.iter_mut().flat_map(|segment| &mut segment.dhcp) {
        let nothing = server.ranges.is_empty() && server.reservations.is_empty();
        if switch != "true" && nothing && server.state.value == DhcpState::Off {
            server.state = file.surely(DhcpState::Off, switch);
            server.completeness = Completeness::Full;
        }
    }
    gaps.extend(missing);
    Ok(Facts { gaps, ..said::facts("pihole", names[main], HOW_TO_SHRINK, segments) })
}

/// What the Pi-hole itself makes of its settings for dnsmasq.
fn own<'t>(
    conf: &mut Conf<'_, 't>,
    files: &[Said<'t>],
    (main, name): (usize, &str),
    written: &Written<'t>,
    five: bool,
) -> Result<(), AdapterError> {
    let file = &files[main];
    let address = |key: &str, text: Option<&'t str>| -> Result<Option<(Ipv4Addr, &'t str)>, AdapterError> {
        let Some(text) = text else { return Ok(None) };
        match text.parse::<Ipv4Addr>() {
            Ok(found) if found.is_unspecified() => Ok(None),
            Ok(found) => Ok(Some((found, text))),
            Err(_) => {
                let complaint = Complaint::at(
                    file.span(text),
                    "no address",
                    format!("`{key}` is `{text}`, which is no IPv4 address"),
                );
                Err(complaint.help("copy the file again, or write the facts into lan.toml").into())
            }
        }
    };
    let (first, last) = (address("start", written.start)?, address("end", written.end)?);
    let router = address("router", written.router)?;
    let netmask = address("netmask", written.netmask)?;
    if let Some((router, part)) = router {
        conf.router(main, IpAddr::V4(router), part);
    }
    let (Some(first), Some(last)) = (first, last) else {
        let switch = written.active.unwrap_or_default();
        let what = "switches DHCP on, and the two ends of its range are not there";
        conf.ranges_are_missing(said::gap(file, name, switch, what));
        conf.on(main, switch);
        return Ok(());
    };
    if first.0 > last.0 {
        let complaint = Complaint::at(file.span(first.1), "begins here", "the DHCP range ends before it begins");
        return Err(complaint.related(file.span(last.1), "and ends here").help("set it again on the Pi-hole").into());
    }
    let lease = written.lease.and_then(|text| {
        // In version 5 a bare number counts hours, and none of them are for ever.
        let hours = text.parse::<u64>().ok().filter(|_| five);
        let seconds = hours.map_or_else(|| said::lease(text), |hours| hours.checked_mul(3_600))?;
        (seconds > 0).then_some((seconds, text))
    });
    conf.pool(&Pool { file: main, first, last, netmask, lease });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIX: &str = include_str!("fixtures/pihole/pihole.toml");
    const FIVE: &str = include_str!("fixtures/pihole/setupVars.conf");

    fn read(text: &str) -> Result<(Facts, Sources), AdapterError> {
        let page = Page { name: "pihole.toml", text };
        assert!(recognise(&page));
        let mut sources = Sources::new();
        parse(&Input { pages: &[page], read_at: None }, &mut sources).map(|facts| (facts, sources))
    }

    #[test]
    fn version_6() {
        let (facts, sources) = read(SIX).expect("it is read");
        let segment = &facts.segments[0];
        let server = &segment.dhcp[0];
        assert_eq!(server.ranges[0].value.to_string(), "192.168.1.201-192.168.1.251");
        assert_eq!(segment.subnets[0].value.to_string(), "192.168.1.0/24");
        assert_eq!(segment.gateways[0].value.to_string(), "192.168.1.1");
        assert_eq!(server.lease_seconds.as_ref().map(|lease| lease.value), Some(86_400));
        let hosts: Vec<String> = server.reservations.iter().map(|host| host.value.address.to_string()).collect();
        assert_eq!(hosts, ["192.168.1.20", "192.168.1.21"]);
        assert!(sources.slice(server.ranges[0].place).starts_with("192.168.1.201"));
        let text = &sources.get(server.ranges[0].place.source).text;
        assert!(!text.contains("BALLOON"), "the hash is not shown");
        assert_eq!(text.len(), SIX.len());
    }

    #[test]
    fn version_5() {
        let (facts, _) = read(FIVE).expect("it is read");
        let server = &facts.segments[0].dhcp[0];
        assert_eq!(server.ranges[0].value.to_string(), "192.168.178.100-192.168.178.150");
        assert_eq!(server.lease_seconds.as_ref().map(|lease| lease.value), Some(24 * 3_600));
        assert_eq!(server.completeness, Completeness::RangeOnly);
        // With its reservations, and what somebody added; what the Pi-hole writes itself is not read twice.
        let pages = [
            Page { name: "setupVars.conf", text: FIVE },
            Page { name: "dnsmasq.d/02-pihole-dhcp.conf", text: "dhcp-range=192.168.178.100,192.168.178.150,24h\n" },
            Page {
                name: "dnsmasq.d/04-pihole-static-dhcp.conf",
                text: "dhcp-host=00:00:5E:00:53:01,192.168.178.20,nas\n",
            },
            Page { name: "dnsmasq.d/90-guests.conf", text: "dhcp-range=set:g,10.9.0.2,10.9.0.9,255.255.255.0,1h\n" },
        ];
        let mut sources = Sources::new();
        let facts = parse(&Input { pages: &pages, read_at: None }, &mut sources).expect("it is read");
        let [own, guests] = &facts.segments[..] else { panic!("{facts:?}") };
        assert_eq!((own.dhcp[0].ranges.len(), own.dhcp[0].completeness), (1, Completeness::Full));
        assert_eq!(own.dhcp[0].reservations[0].value.owner(), "nas (00:00:5e:00:53:01)");
        assert_eq!(guests.dhcp[0].ranges[0].value.to_string(), "10.9.0.2-10.9.0.9");
        assert_eq!(sources.get(guests.dhcp[0].ranges[0].place.source).name, "dnsmasq.d/90-guests.conf");
        let forever = read(&FIVE.replace("LEASETIME=24", "LEASETIME=0")).expect("it is read").0;
        assert!(forever.segments[0].dhcp[0].lease_seconds.is_none());
        let never = read("PIHOLE_INTERFACE=eth0\nWEBPASSWORD=BALLOON\n").expect("it is read").0;
        assert_eq!((never.segments[0].dhcp[0].state.value, never.gaps.len()), (DhcpState::Off, 0));
    }

    /// Options of dnsmasq's own, which hold also while the Pi-hole's DHCP is off.
    #[test]
    fn lines_for_dnsmasq() {
        let lines = "\n[misc]\n  dnsmasq_lines = [\n    # \"dhcp-range=10.8.0.2,10.8.0.9\",\n    \"dhcp-range=10.9.0.2,10.9.0.9,255.255.255.0,1h\",\n    'dhcp-host=00:00:5e:00:53:07,10.9.0.20,cam'\n  ]\n";
        let text = format!("{SIX}{lines}");
        let (facts, sources) = read(&text).expect("it is read");
        let [own, added] = &facts.segments[..] else { panic!("{facts:?}") };
        assert_eq!((own.dhcp[0].ranges.len(), own.dhcp[0].reservations.len()), (1, 2));
        assert_eq!(sources.slice(added.dhcp[0].ranges[0].place), "10.9.0.2,10.9.0.9");
        assert_eq!(added.dhcp[0].reservations.len(), 1);
        let off = read(&text.replace("active = true", "active = false")).expect("it is read").0;
        let [added] = &off.segments[..] else { panic!("{off:?}") };
        assert_eq!(added.dhcp[0].ranges[0].value.to_string(), "10.9.0.2-10.9.0.9");
        assert!(read(&format!("{SIX}\n[misc]\ndnsmasq_lines = [\"dhcp-range=lan,1h\"]\n")).is_err());
    }

    /// A reservation with an address of IPv6 has a bracket in it.
    #[test]
    fn brackets_and_comments_in_a_list_of_hosts() {
        let text = SIX.replace("192.168.1.20,nas", "[fd00::20],192.168.1.20,nas");
        let text = text.replace("printer,infinite\"", "printer,infinite\" # \"no, ]");
        let (facts, _) = read(&text).expect("it is read");
        let hosts: Vec<String> =
            facts.segments[0].dhcp[0].reservations.iter().map(|host| host.value.address.to_string()).collect();
        assert_eq!(hosts, ["192.168.1.20", "192.168.1.21"]);
    }

    #[test]
    fn the_folder_of_dnsmasq() {
        let with = |folder: &str, pages: &[(&str, &str)]| {
            let text = format!("{SIX}\n[misc]\n  etc_dnsmasq_d = {folder}\n");
            let mut all = vec![Page { name: "pihole.toml", text: &text }];
            all.extend(pages.iter().map(|(name, text)| Page { name, text }));
            parse(&Input { pages: &all, read_at: None }, &mut Sources::new()).expect("it is read")
        };
        let more = [("dnsmasq.d/more.conf", "dhcp-range=10.9.0.2,10.9.0.9,255.255.255.0\n")];
        assert_eq!(with("true", &more).segments.len(), 2);
        let (missing, unread) = (with("true", &[]), with("false", &more));
        assert_eq!(missing.segments[0].dhcp[0].completeness, Completeness::Partial);
        assert_eq!(missing.gaps.len(), 1);
        assert_eq!((unread.segments.len(), unread.segments[0].dhcp[0].completeness), (1, Completeness::Full));
        assert!(unread.gaps[0].value.contains("is not read"), "{:?}", unread.gaps);
    }

    #[test]
    fn off_is_off_and_a_range_without_ends_is_not_known() {
        let (facts, _) = read(&SIX.replace("active = true", "active = false")).expect("it is read");
        assert_eq!(facts.segments[0].dhcp[0].state.value, DhcpState::Off);
        assert!(facts.segments[0].dhcp[0].ranges.is_empty());
        let short = "[dhcp]\nactive = true\nstart = \"10.0.0.5\"\nend = \"10.0.0.9\"\nrouter = \"10.0.0.1\"\n";
        assert_eq!(
            read(short).expect("it is read").0.segments[0].dhcp[0].ranges[0].value.to_string(),
            "10.0.0.5-10.0.0.9"
        );
        let (facts, _) = read(&SIX.replace("start = \"192.168.1.201\"", "start = \"\"")).expect("it is read");
        assert_eq!(facts.segments[0].dhcp[0].completeness, Completeness::Partial);
        assert!(read(&SIX.replace("start = \"192.168.1.201\"", "start = \"192.168.1.252\"")).is_err());
        assert!(read(&SIX.replace("192.168.1.201", "192.168.1.2o1")).is_err());
        assert!(read(&SIX.replace("leaseTime = \"24h\"", "leaseTime = \"24h")).is_err(), "no TOML");
    }
}
