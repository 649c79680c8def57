//! Pi-hole: `pihole.toml` of version 6, `setupVars.conf` of version 5.
//!
//! ## What it reads
//!
//! `[dhcp]` of `/etc/pihole/pihole.toml`: `active`, `start`, `end`, `router`, `netmask`, `leaseTime`, `hosts` (as dnsmasq's
//! `dhcp-host`). Of `/etc/pihole/setupVars.conf`: `DHCP_ACTIVE`, `DHCP_START`, `DHCP_END`, `DHCP_ROUTER`, `DHCP_LEASETIME`.
//! An empty value is unset. Passwords and their hashes are never shown.
//!
//! While DHCP is off, as it is on most Pi-holes, the router leases addresses and not the Pi-hole: its own range is not told.
//!
//! ## How to get it
//!
//! Copy the file from the Pi-hole, then `poolcheck router read pihole.toml`. It holds the hash of the web password: copy only
//! the `[dhcp]` part where others may read it.
//!
//! ## What it cannot know
//!
//! Version 5 keeps reservations in `/etc/dnsmasq.d/04-pihole-static-dhcp.conf`: read that with the adapter `dnsmasq`. Files in
//! `/etc/dnsmasq.d` that somebody added, and IPv6.

use std::net::{IpAddr, Ipv4Addr};

use poolcheck_plan::facts::{Completeness, DhcpState, Segment};
use poolcheck_plan::{Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
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
    let old = page.text.lines().any(|line| line.starts_with("DHCP_ACTIVE=") || line.starts_with("PIHOLE_INTERFACE="));
    let new = page.text.lines().any(|line| line.trim() == "[dhcp]") && page.text.contains("leaseTime");
    old || new
}

/// A key's value with its bytes, quotes left out.
fn values(text: &str, new: bool) -> Vec<(&str, &str)> {
    let mut table = "";
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if new && line.starts_with('[') && !line.contains('=') && line.ends_with(']') {
            table = line;
            continue;
        }
        if line.starts_with('#') || (new && table != "[dhcp]") {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = value.trim();
        let value = match value.strip_prefix('"') {
            Some(rest) => rest.split('"').next().unwrap_or(rest),
            // Only outside quotes does a `#` begin a comment.
            None if new => value.split('#').next().unwrap_or(value).trim(),
            None => value,
        };
        found.push((key.trim(), value));
    }
    found
}

/// The strings of `hosts = [ … ]`, which may go over several lines.
fn hosts(text: &str) -> Vec<&str> {
    let Some(table) = text.find("[dhcp]") else { return Vec::new() };
    let body = &text[table..];
    let Some(start) = body.find("\n  hosts").or_else(|| body.find("\nhosts")) else { return Vec::new() };
    let body = &body[start..];
    let Some(open) = body.find('[') else { return Vec::new() };
    let close = body[open..].find(']').map_or(body.len(), |at| open + at);
    // Between each pair of quotes stands a string.
    body[open..close].split('"').skip(1).step_by(2).collect()
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
    let Some(page) = input.pages.first() else { return Err(Complaint::whole("no file was given").into()) };
    let file = Said::new(page, shown(page.text), sources);
    let new = !page.text.lines().any(|line| line.starts_with("DHCP_ACTIVE=") || line.starts_with("PIHOLE_INTERFACE="));
    let values = values(page.text, new);
    let keys = if new {
        ["active", "start", "end", "router", "netmask", "leaseTime"]
    } else {
        ["DHCP_ACTIVE", "DHCP_START", "DHCP_END", "DHCP_ROUTER", "DHCP_NETMASK", "DHCP_LEASETIME"]
    };
    let value =
        |key: &str| values.iter().rev().find(|(own, text)| *own == key && !text.is_empty()).map(|(_, text)| *text);
    let address = |key: &str| -> Result<Option<(Ipv4Addr, &str)>, AdapterError> {
        let Some(text) = value(key) else { return Ok(None) };
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
    let [active, start, end, router, netmask, lease] = keys;
    let Some(switch) = value(active) else {
        let message = format!("{} has no `{active}`", page.name);
        return Err(Complaint::whole(message)
            .help("it is looked for in [dhcp] of pihole.toml, or in setupVars.conf")
            .into());
    };
    let mut segment = Segment::default();
    if switch != "true" {
        segment.dhcp.push(file.server(DhcpState::Off, switch));
        return Ok(said::facts("pihole", page.name, HOW_TO_SHRINK, vec![segment]));
    }
    let mut server = file.server(DhcpState::On, switch);
    match (address(start)?, address(end)?) {
        (Some((first, from)), Some((last, to))) if first <= last => {
            let range = said::ordered(first.into(), last.into());
            server.ranges.extend(range.map(|range| file.surely(range, from)));
            if let Some(range) = server.ranges.first_mut() {
                range.place = file.span(from).cover(file.span(to));
            }
        }
        (Some((_, from)), Some((_, to))) => {
            let complaint = Complaint::at(file.span(from), "begins here", "the DHCP range ends before it begins");
            return Err(complaint.related(file.span(to), "and ends here").help("set it again on the Pi-hole").into());
        }
        _ => server.completeness = Completeness::Partial,
    }
    let router = address(router)?;
    segment.gateways.extend(router.map(|(address, part)| file.surely(IpAddr::V4(address), part)));
    if let (Some((address, _)), Some((mask, part))) = (router, address(netmask)?) {
        segment.subnets.extend(said::network(address, mask).map(|net| file.surely(net, part)));
    }
    server.lease_seconds = value(lease).and_then(|text| {
        // In version 5 a bare number counts hours.
        let hours = (!new).then(|| text.parse::<u64>().ok()).flatten().map(|hours| hours * 3_600);
        hours.or_else(|| said::lease(text)).map(|seconds| file.surely(seconds, text))
    });
    if new {
        let found = hosts(page.text).into_iter().filter_map(said::dhcp_host);
        server.reservations.extend(found.map(|(host, part)| file.surely(host, part)));
    } else {
        server.completeness = Completeness::RangeOnly;
    }
    segment.dhcp.push(server);
    Ok(said::facts("pihole", page.name, HOW_TO_SHRINK, vec![segment]))
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
    }

    #[test]
    fn off_is_off_and_a_range_without_ends_is_not_known() {
        let (facts, _) = read(&SIX.replace("active = true", "active = false")).expect("it is read");
        assert_eq!(facts.segments[0].dhcp[0].state.value, DhcpState::Off);
        assert!(facts.segments[0].dhcp[0].ranges.is_empty());
        let (facts, _) = read(&SIX.replace("start = \"192.168.1.201\"", "start = \"\"")).expect("it is read");
        assert_eq!(facts.segments[0].dhcp[0].completeness, Completeness::Partial);
        assert!(read(&SIX.replace("start = \"192.168.1.201\"", "start = \"192.168.1.252\"")).is_err());
        assert!(read(&SIX.replace("192.168.1.201", "192.168.1.2o1")).is_err());
    }
}
