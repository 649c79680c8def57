//! Writes facts in the schema of the facts file, in a stable order.

use std::fmt::Write as _;

use poolcheck_plan::Facts;
use poolcheck_plan::facts::{DhcpServer, DhcpState, Host, Reservation, Role, Segment, Sourced};

/// Facts as a facts file: what the manual adapter reads gives the same facts again.
pub fn to_toml(facts: &Facts) -> String {
    let mut out = String::new();
    if let Some(origin) = facts.origins.first() {
        line(&mut out, "[origin]");
        line(&mut out, &format!("adapter = {}", quoted(&origin.adapter)));
        line(&mut out, &format!("title = {}", quoted(&origin.title)));
        if let Some(read_at) = &origin.read_at {
            line(&mut out, &format!("read-at = {}", quoted(read_at)));
        }
        let confidence = facts.segments.iter().flat_map(|s| &s.subnets).map(|s| s.confidence).min();
        if let Some(confidence) = confidence.filter(|c| *c != poolcheck_plan::Confidence::High) {
            line(&mut out, &format!("confidence = {}", quoted(&format!("{confidence:?}").to_ascii_lowercase())));
        }
        out.push('\n');
    }
    let networks = [("pods", &facts.networks.pods), ("services", &facts.networks.services)];
    if networks.iter().any(|(_, list)| !list.is_empty()) {
        line(&mut out, "[cluster]");
        for (key, list) in networks {
            values(&mut out, key, list);
        }
        out.push('\n');
    }
    for segment in &facts.segments {
        self::segment(&mut out, segment);
    }
    out
}

fn segment(out: &mut String, segment: &Segment) {
    line(out, "[[segment]]");
    if let Some(name) = &segment.name {
        line(out, &format!("name = {}", quoted(&name.value)));
    }
    if let Some(vlan) = &segment.vlan {
        line(out, &format!("vlan = {}", vlan.value));
    }
    values(out, "subnet", &segment.subnets);
    values(out, "gateway", &segment.gateways);
    values(out, "dns", &segment.dns);
    if !segment.hosts.is_empty() {
        line(out, "hosts = [");
        let mut hosts: Vec<&Host> = segment.hosts.iter().map(|host| &host.value).collect();
        hosts.sort_by_key(|host| host.address);
        for host in hosts {
            line(out, &format!("  {},", host_table(host)));
        }
        line(out, "]");
    }
    out.push('\n');
    for server in &segment.dhcp {
        dhcp(out, server);
    }
}

fn dhcp(out: &mut String, server: &DhcpServer) {
    line(out, "[[segment.dhcp]]");
    let state = match server.state.value {
        // It leases addresses, and which was not seen: a facts file has no other word for that.
        DhcpState::On if server.ranges.is_empty() => "unknown",
        DhcpState::On => "on",
        DhcpState::Off => "off",
        DhcpState::Relay => "relay",
        DhcpState::StaticOnly => "static-only",
        DhcpState::Unknown => "unknown",
    };
    line(out, &format!("state = {}", quoted(state)));
    if let Some(address) = &server.server {
        line(out, &format!("server = {}", quoted(&address.value.to_string())));
    }
    values(out, "range", &server.ranges);
    values(out, "exclude", &server.excluded);
    if let Some(lease) = &server.lease_seconds {
        line(out, &format!("lease = {}", quoted(&format!("{}s", lease.value))));
    }
    if server.knows_reservations() {
        line(out, "reservations = [");
        let mut reservations: Vec<&Reservation> = server.reservations.iter().map(|r| &r.value).collect();
        reservations.sort_by_key(|reservation| reservation.address);
        for reservation in reservations {
            let mut fields = vec![format!("address = {}", quoted(&reservation.address.to_string()))];
            fields.extend(reservation.mac.iter().map(|mac| format!("mac = {}", quoted(mac))));
            fields.extend(reservation.name.iter().map(|name| format!("name = {}", quoted(name))));
            line(out, &format!("  {{ {} }},", fields.join(", ")));
        }
        line(out, "]");
    }
    out.push('\n');
}

fn host_table(host: &Host) -> String {
    let mut fields = vec![format!("address = {}", quoted(&host.address.to_string()))];
    fields.extend(host.name.iter().map(|name| format!("name = {}", quoted(name))));
    fields.extend(host.mac.iter().map(|mac| format!("mac = {}", quoted(mac))));
    let role = match host.role {
        Role::Node => Some("node"),
        Role::Router => Some("router"),
        Role::Dns => Some("dns"),
        Role::Other => None,
    };
    fields.extend(role.map(|role| format!("role = {}", quoted(role))));
    format!("{{ {} }}", fields.join(", "))
}

/// A single value stands alone, several in a list.
fn values<T: ToString>(out: &mut String, key: &str, facts: &[Sourced<T>]) {
    let texts: Vec<String> = facts.iter().map(|fact| quoted(&fact.value.to_string())).collect();
    match texts.as_slice() {
        [] => {}
        [one] => line(out, &format!("{key} = {one}")),
        many => line(out, &format!("{key} = [{}]", many.join(", "))),
    }
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("writes to a string");
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A MAC address in lower case with colons; `None` when it is none.
pub(crate) fn normal_mac(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    let valid = digits.len() == 12 && digits.chars().all(|c| c.is_ascii_hexdigit());
    let pairs = || digits.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_ascii_lowercase());
    valid.then(|| pairs().collect::<Vec<_>>().join(":"))
}
