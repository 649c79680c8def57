//! The card: what was read, rendered as a few lines, and the facts that point into it.

use std::ops::Range;

use poolcheck_plan::facts::{
    Completeness, DhcpServer, DhcpState, Host, Origin, OriginId, Reservation, Role, Segment, Sourced,
};
use poolcheck_plan::{AddrRange, Confidence, Facts, SourceId, SourceKind, Sources, Span};

use super::reading::{Reading, State};
use crate::adapter::Input;

/// A card under construction: a text, and where in it each value came to stand.
#[derive(Debug, Default)]
struct Card {
    text: String,
    places: Places,
}

#[derive(Debug, Default)]
struct Places {
    subnet: Range<usize>,
    hub: Range<usize>,
    state: Range<usize>,
    range: Range<usize>,
    lease: Range<usize>,
    reservations: Vec<Range<usize>>,
    ula: Range<usize>,
}

/// Adds the card to the sources and says everything that was read, each fact with its bytes in the card.
pub(super) fn facts(reading: &Reading, input: &Input<'_>, how_to_shrink: &str, sources: &mut Sources) -> Facts {
    let Card { text, places } = render(reading);
    let (router, title) = match input.read_at {
        Some((host, time)) => {
            let minute = time.get(..16).unwrap_or(time).replace('T', " ");
            (format!("sky-hub {host}"), format!("sky-hub {host}, read {minute}"))
        }
        None => (format!("sky-hub {}", reading.hub), format!("sky-hub {} ({})", reading.hub, reading.page)),
    };
    let source = sources.add(title, SourceKind::Card, text);
    let origin = Origin {
        adapter: "sky-hub".to_owned(),
        title: router,
        read_at: input.read_at.map(|(_, time)| time.to_owned()),
        how_to_shrink: Some(how_to_shrink.to_owned()),
    };
    Facts { origins: vec![origin], segments: vec![segment(reading, &Said(source), &places)], ..Facts::default() }
}

fn segment(reading: &Reading, said: &Said, places: &Places) -> Segment {
    let mut segment = Segment::default();
    segment.subnets.extend(reading.subnet.map(|net| said.surely(net.into(), &places.subnet)));
    segment.subnets.extend(reading.ula.map(|(net, confidence)| said.with(net.into(), &places.ula, confidence)));
    if reading.state == State::Bridge {
        let host =
            Host { address: reading.hub.into(), name: Some("Sky Hub".to_owned()), mac: None, role: Role::Router };
        segment.hosts.push(said.surely(host, &places.hub));
    } else {
        segment.gateways.push(said.surely(reading.hub.into(), &places.hub));
    }
    segment.dhcp.push(server(reading, said, places));
    segment
}

fn server(reading: &Reading, said: &Said, places: &Places) -> DhcpServer {
    let range = reading.range.filter(|_| reading.state.uses_range());
    let lists = reading.reservations.iter().flatten();
    let reservations =
        lists.zip(&places.reservations).map(|((r, confidence), at)| said.with(r.clone(), at, *confidence));
    let leases = reading.lease_hours.filter(|_| reading.state == State::On).and_then(|hours| hours.checked_mul(3600));
    DhcpServer {
        state: said.surely(reading.state.dhcp(), &places.state),
        server: (reading.state.dhcp() == DhcpState::On).then(|| said.surely(reading.hub.into(), &places.hub)),
        ranges: range.map(|range| said.surely(range, &places.range)).into_iter().collect(),
        excluded: Vec::new(),
        reservations: reservations.collect(),
        lease_seconds: leases.map(|seconds| said.with(seconds, &places.lease, Confidence::Medium)),
        completeness: match (&reading.reservations, range.is_some() || reading.state == State::Off) {
            (Some(_), true) => Completeness::Full,
            (None, true) => Completeness::RangeOnly,
            (_, false) => Completeness::Partial,
        },
    }
}

/// Makes facts that point into the card.
struct Said(SourceId);

impl Said {
    fn surely<T>(&self, value: T, at: &Range<usize>) -> Sourced<T> {
        self.with(value, at, Confidence::High)
    }

    fn with<T>(&self, value: T, at: &Range<usize>, confidence: Confidence) -> Sourced<T> {
        let place = Span::new(self.0, at.start as u32, at.end as u32);
        Sourced { value, place, confidence, origin: OriginId(0) }
    }
}

fn render(reading: &Reading) -> Card {
    let mut card = Card::default();
    let version: Vec<String> = [("model", &reading.model), ("firmware", &reading.firmware)]
        .iter()
        .filter_map(|(what, value)| Some(format!("{what} {}", value.as_ref()?)))
        .collect();
    if !version.is_empty() {
        card.put(&version.join(", "));
        card.end_line();
    }
    if let Some(subnet) = reading.subnet {
        card.put("LAN ");
        card.places.subnet = card.put(&subnet.to_string());
        card.put(", ");
    }
    card.put("hub ");
    card.places.hub = card.put(&reading.hub.to_string());
    card.end_line();
    card.dhcp(reading);
    for (reservation, _) in reading.reservations.iter().flatten() {
        card.put("reserved: ");
        let at = card.put(&reserved(reservation));
        card.places.reservations.push(at);
        card.end_line();
    }
    for reservation in &reading.stale {
        card.put(&format!("reserved outside this LAN, not in use: {}", reserved(reservation)));
        card.end_line();
    }
    if let Some((prefix, _)) = reading.ula {
        card.put("IPv6 announced: ");
        card.places.ula = card.put(&prefix.to_string());
        card.end_line();
    }
    card
}

fn reserved(reservation: &Reservation) -> String {
    let mut line = reservation.address.to_string();
    for more in [&reservation.name, &reservation.mac].into_iter().flatten() {
        line.push(' ');
        line.push_str(more);
    }
    line
}

impl Card {
    fn put(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    fn end_line(&mut self) {
        self.text.push('\n');
    }

    fn dhcp(&mut self, reading: &Reading) {
        let range = reading.range;
        match reading.state {
            State::On => {
                self.places.state = self.put("DHCP on");
                self.put(": ");
                self.range(range);
                if let Some(hours) = reading.lease_hours {
                    self.put(", lease ");
                    self.places.lease = self.put(&format!("{hours} h"));
                }
            }
            State::NotSaid => {
                self.places.state = self.put("DHCP range");
                self.put(": ");
                self.range(range);
                self.put(" (this page does not say whether it is on)");
            }
            State::Off => self.idle("DHCP off", "", range),
            State::Relay => self.idle("DHCP relayed", ": another server leases", range),
            State::Bridge => self.idle("DHCP not known", ": the hub is in Bridge mode", range),
            State::External => self.idle("DHCP not known", ": the page greys it out (ipExt)", range),
        }
        self.end_line();
    }

    /// The line of a server that does not lease from the range on the page.
    fn idle(&mut self, state: &str, why: &str, range: Option<AddrRange>) {
        self.places.state = self.put(state);
        self.put(why);
        if let Some(range) = range {
            self.put(&format!(" (not in use: {} to {})", range.first(), range.last()));
        }
    }

    fn range(&mut self, range: Option<AddrRange>) {
        if let Some(range) = range {
            self.places.range = self.put(&format!("{} to {}", range.first(), range.last()));
        }
    }
}
