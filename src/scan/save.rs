//! What was seen, kept as facts (`lan.lock`), so that `check` knows of it where nobody can look at the wire.

use std::net::IpAddr;
use std::path::Path;

use poolcheck_plan::facts::{Host, Origin, OriginId, Role, Segment, Sourced};
use poolcheck_plan::observed::Observed;
use poolcheck_plan::{Confidence, Facts, SourceId, Sources, Span};
use poolcheck_router_adapters as adapters;

use super::{Row, Scan, State};
use crate::failure::Failure;
use crate::output;
use crate::session::usage;

/// Merges a scan into a facts file and writes it whole; what is there and was neither seen nor asked for stays.
pub(crate) fn save(file: &Path, scan: &Scan, observed: &Observed) -> Result<(), Failure> {
    let mut facts = known(file)?;
    let title = format!("scan of {}", observed.interface);
    let origin = Origin { adapter: "scan".to_owned(), title, read_at: observed.at.clone(), how_to_shrink: None };
    facts.origins = vec![origin];
    for subnet in
        observed.subnets.iter().filter(|net| !matches!(net.addr(), IpAddr::V6(a) if a.is_unicast_link_local()))
    {
        let here = |segment: &&mut Segment| segment.subnets.iter().any(|own| own.value == *subnet);
        if facts.segments.iter_mut().find(here).is_none() {
            facts.segments.push(Segment { subnets: vec![said(*subnet)], ..Segment::default() });
        }
    }
    for segment in &mut facts.segments {
        let subnets: Vec<_> = segment.subnets.iter().map(|subnet| subnet.value).collect();
        let seen = |address: IpAddr| scan.rows.iter().any(|row| row.seen.address == address);
        segment.hosts.retain(|host| !seen(host.value.address) && !observed.asked.contains(host.value.address));
        let rows = scan.rows.iter().filter(|row| subnets.iter().any(|net| net.contains(&row.seen.address)));
        segment.hosts.extend(rows.filter_map(host).map(said));
        segment.hosts.sort_by_key(|host| (host.value.address, host.value.mac.clone()));
    }
    output::write_file(file, &adapters::to_toml(&facts))
        .map_err(|error| usage(&format!("{} cannot be written: {error}", file.display()), "name a folder that exists"))
}

/// The machine as a fact. What nodes announce for the pool is the pool's own business, and a proxy is no machine.
fn host(row: &Row) -> Option<Host> {
    let role = match row.state {
        State::Announced | State::Proxy => return None,
        State::Node => Role::Node,
        State::Router => Role::Router,
        State::Squatter | State::SecondOwner | State::Other => Role::Other,
    };
    let node = row.who.as_ref().and_then(|who| who.split_once("node ")).map(|(_, name)| name.to_owned());
    let name = row.seen.name.clone().or(node);
    Some(Host { address: row.seen.address, name, mac: Some(row.seen.mac.clone()), role })
}

fn known(file: &Path) -> Result<Facts, Failure> {
    let Ok(text) = std::fs::read_to_string(file) else { return Ok(Facts::default()) };
    let manual = adapters::find("manual").expect("the manual adapter is built in");
    let (name, mut sources) = (file.display().to_string(), Sources::new());
    let page = adapters::Page { name: &name, text: &text };
    let facts = manual
        .parse(&adapters::Input { pages: &[page], read_at: None }, &mut sources)
        .map_err(|error| Failure::facts(error, sources))?;
    // A file that a person wrote says more than a scan can: it is theirs.
    if facts.origins.first().is_some_and(|origin| origin.adapter != "scan") {
        let help = "name another file for what is seen, such as lan.lock: both are read";
        return Err(usage(&format!("{name} was not written by a scan, and is not changed"), help));
    }
    Ok(facts)
}

fn said<T>(value: T) -> Sourced<T> {
    let place = Span { source: SourceId(0), start: 0, end: 0 };
    Sourced { value, place, confidence: Confidence::High, origin: OriginId(0) }
}
