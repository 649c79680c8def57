//! Writes facts in the schema of the facts file, in a stable order.

use std::fmt::Write as _;

use poolcheck_plan::facts::{Completeness, DhcpServer, DhcpState, Host, Reservation, Role, Segment, Sourced};
use poolcheck_plan::{Confidence, Facts};

use crate::manual::Locked;

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
        for gap in &facts.gaps {
            line(&mut out, &format!("# Not seen: {}", gap.value.replace(char::is_control, " ")));
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
    // Facts without an origin are compared by what they say alone.
    let form = Form { table: "segment", how_sure: !facts.origins.is_empty() };
    for segment in &facts.segments {
        form.segment(&mut out, segment);
    }
    out
}

/// What routers said, as `poolcheck.lock`: ordered by adapter and host, one fact a line, so that a change is a small one.
pub fn to_lock(routers: &[Locked]) -> String {
    let mut out = String::from(
        "# What the routers said. Written by `poolcheck router fetch --lock`; `poolcheck router diff` compares it with now.\n\n",
    );
    let mut routers: Vec<&Locked> = routers.iter().collect();
    routers.sort_by(|a, b| (&a.adapter, &a.host).cmp(&(&b.adapter, &b.host)));
    for router in routers {
        line(&mut out, "[[router]]");
        line(&mut out, &format!("adapter = {}", quoted(&router.adapter)));
        line(&mut out, &format!("version = {}", router.version));
        line(&mut out, &format!("host = {}", quoted(&router.host)));
        if let Some(read_at) = router.facts.origins.first().and_then(|origin| origin.read_at.as_ref()) {
            line(&mut out, &format!("read-at = {}", quoted(read_at)));
        }
        out.push('\n');
        for segment in &router.facts.segments {
            Form { table: "router.segment", how_sure: true }.segment(&mut out, segment);
        }
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}

/// How segments are written.
#[derive(Debug, Clone, Copy)]
struct Form {
    table: &'static str,
    /// Whether what is not sure is written as such.
    how_sure: bool,
}

/// The least sure of the facts of one key.
fn least<T>(facts: &[Sourced<T>]) -> Option<Confidence> {
    facts.iter().map(|fact| fact.confidence).min()
}

impl Form {
    fn segment(self, out: &mut String, segment: &Segment) {
        line(out, &format!("[[{}]]", self.table));
        if let Some(name) = &segment.name {
            line(out, &format!("name = {}", quoted(&name.value)));
        }
        if let Some(vlan) = &segment.vlan {
            line(out, &format!("vlan = {}", vlan.value));
        }
        values(out, "subnet", &segment.subnets);
        values(out, "gateway", &segment.gateways);
        values(out, "dns", &segment.dns);
        self.levels(
            out,
            &[
                ("name", least(segment.name.as_slice())),
                ("vlan", least(segment.vlan.as_slice())),
                ("subnet", least(&segment.subnets)),
                ("gateway", least(&segment.gateways)),
                ("dns", least(&segment.dns)),
            ],
        );
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
            self.dhcp(out, server);
        }
    }

    fn dhcp(self, out: &mut String, server: &DhcpServer) {
        line(out, &format!("[[{}.dhcp]]", self.table));
        line(out, &format!("state = {}", quoted(state(server.state.value))));
        if let Some(address) = &server.server {
            line(out, &format!("server = {}", quoted(&address.value.to_string())));
        }
        values(out, "range", &server.ranges);
        values(out, "exclude", &server.excluded);
        if let Some(lease) = &server.lease_seconds {
            line(out, &format!("lease = {}", quoted(&format!("{}s", lease.value))));
        }
        // What a reader would take from the reservations alone, or from their absence.
        let implied = if server.knows_reservations() { Completeness::Full } else { Completeness::RangeOnly };
        if self.how_sure && server.completeness != implied {
            line(out, &format!("completeness = {}", quoted(completeness(server.completeness))));
        }
        self.levels(
            out,
            &[
                ("state", Some(server.state.confidence)),
                ("server", least(server.server.as_slice())),
                ("range", least(&server.ranges)),
                ("exclude", least(&server.excluded)),
                ("lease", least(server.lease_seconds.as_slice())),
                ("reservations", least(&server.reservations)),
            ],
        );
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

    fn levels(self, out: &mut String, levels: &[(&str, Option<Confidence>)]) {
        let unsure = levels.iter().filter_map(|(key, level)| Some((key, (*level)?)));
        let unsure: Vec<String> = unsure
            .filter(|(_, level)| *level != Confidence::High)
            .map(|(key, level)| format!("{key} = {}", quoted(&format!("{level:?}").to_ascii_lowercase())))
            .collect();
        if self.how_sure && !unsure.is_empty() {
            line(out, &format!("confidence = {{ {} }}", unsure.join(", ")));
        }
    }
}

/// The word for what a DHCP server does.
const fn state(state: DhcpState) -> &'static str {
    match state {
        DhcpState::On => "on",
        DhcpState::Off => "off",
        DhcpState::Relay => "relay",
        DhcpState::StaticOnly => "static-only",
        DhcpState::Unknown => "unknown",
    }
}

/// The word for how much of a server was seen.
const fn completeness(completeness: Completeness) -> &'static str {
    match completeness {
        Completeness::Full => "full",
        Completeness::RangeOnly => "range-only",
        Completeness::Partial => "partial",
    }
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

#[cfg(test)]
mod tests {
    use poolcheck_plan::facts::{Origin, OriginId};
    use poolcheck_plan::{AddrRange, SourceId, Sources, Span};
    use proptest::prelude::*;

    use super::*;
    use crate::{Input, Page, find, read_lock};

    fn said<T>(value: T) -> Sourced<T> {
        let place = Span::new(SourceId(0), 0, 0);
        Sourced { value, place, confidence: Confidence::High, origin: OriginId(0) }
    }

    fn servers() -> impl Strategy<Value = Vec<DhcpServer>> {
        let states = [DhcpState::On, DhcpState::Off, DhcpState::Relay, DhcpState::StaticOnly, DhcpState::Unknown];
        let seen = [Completeness::Full, Completeness::RangeOnly, Completeness::Partial];
        let server = (
            proptest::sample::select(states.to_vec()),
            proptest::sample::select(seen.to_vec()),
            any::<bool>(),
            0_u8..3,
        );
        let server = server.prop_map(|(state, completeness, range, reservations)| DhcpServer {
            state: said(state),
            server: None,
            ranges: range
                .then(|| AddrRange::new([192, 0, 2, 10].into(), [192, 0, 2, 20].into()).map(said))
                .flatten()
                .into_iter()
                .collect(),
            excluded: Vec::new(),
            reservations: (0..reservations)
                .map(|host| said(Reservation { address: [192, 0, 2, 100 + host].into(), mac: None, name: None }))
                .collect(),
            lease_seconds: None,
            completeness,
        });
        proptest::collection::vec(server, 1..4)
    }

    fn told(facts: &Facts) -> Vec<(DhcpState, Completeness, Vec<AddrRange>, usize)> {
        let servers = facts.segments.iter().flat_map(|segment| &segment.dhcp);
        let ranges = |server: &DhcpServer| server.ranges.iter().map(|range| range.value).collect();
        servers.map(|s| (s.state.value, s.completeness, ranges(s), s.reservations.len())).collect()
    }

    proptest! {
        /// A server of which a part was seen is not one that was seen whole, in no file that is written.
        #[test]
        fn how_much_was_seen_is_read_back(dhcp in servers()) {
            let origin = Origin { adapter: "kea".to_owned(), title: "kea".to_owned(), read_at: None, how_to_shrink: None };
            let subnets = vec![said("192.0.2.0/24".parse().expect("a prefix"))];
            let segment = Segment { subnets, dhcp, ..Segment::default() };
            let facts = Facts { origins: vec![origin], segments: vec![segment], ..Facts::default() };
            let text = to_toml(&facts);
            let page = Page { name: "lan.toml", text: &text };
            let manual = find("manual").expect("it is built in");
            let again = manual.parse(&Input { pages: &[page], read_at: None }, &mut Sources::new()).expect("it is read");
            prop_assert_eq!(told(&again), told(&facts), "{}", text);

            let locked = Locked { adapter: "kea".to_owned(), version: 1, host: "192.0.2.1".to_owned(), facts: facts.clone() };
            let text = to_lock(&[locked]);
            let again = read_lock(&Page { name: "poolcheck.lock", text: &text }, &mut Sources::new()).expect("it is read");
            prop_assert_eq!(told(&again[0].facts), told(&facts), "{}", text);
        }
    }
}
