//! The map of a /24: one cell an address, sixteen a line, readable without colours.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use owo_colors::Style as Paint;
use poolcheck_plan::observed::Observed;
use poolcheck_plan::{AddrRange, ClaimKind};
use poolcheck_rules::World;

use super::{Row, State};
use crate::output::Style;

/// How many maps are drawn at most: whoever scans a /16 reads the table.
const MOST: usize = 8;

/// What is at an address, for a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// Nobody was seen, nobody claims it.
    Blank,
    /// The router leases it.
    Dhcp,
    /// A pool has it, and nobody was seen.
    FreePool,
    /// A machine without a part in this.
    Used,
    /// A node.
    Node,
    /// The router.
    Router,
    /// An address of a pool that a node announces.
    Announced,
    /// An address of a pool that a stranger has.
    Squatter,
    /// Two machines.
    TwoOwners,
    /// Proxy ARP says that it is there.
    Proxy,
}

impl Cell {
    /// (glyph, its ASCII twin, its meaning)
    const fn drawn(self) -> (char, char, &'static str) {
        match self {
            Self::Blank => (' ', ' ', ""),
            Self::Dhcp => ('▒', ':', "DHCP"),
            Self::FreePool => ('·', '.', "free pool"),
            Self::Used => ('u', 'u', "in use"),
            Self::Node => ('N', 'N', "node"),
            Self::Router => ('R', 'R', "router"),
            Self::Announced => ('A', 'A', "announced"),
            Self::Squatter => ('S', 'S', "squatter"),
            Self::TwoOwners => ('!', '!', "two owners"),
            Self::Proxy => ('P', 'P', "proxy ARP"),
        }
    }

    fn paint(self) -> Paint {
        match self {
            Self::Blank | Self::Used => Paint::new(),
            Self::Dhcp => Paint::new().dimmed(),
            Self::FreePool => Paint::new().green().dimmed(),
            Self::Node => super::table::paint(State::Node),
            Self::Router => super::table::paint(State::Router),
            Self::Announced => super::table::paint(State::Announced),
            Self::Squatter | Self::TwoOwners => super::table::paint(State::Squatter),
            Self::Proxy => super::table::paint(State::Proxy),
        }
    }
}

/// The map of one /24.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its first address.
    pub first: Ipv4Addr,
    /// Its 256 cells.
    pub cells: Vec<Cell>,
}

/// The maps of the /24s that a scan is about: those of what was asked, of pools there, and of what was seen in its subnets.
pub(super) fn segments(world: &World<'_>, observed: &Observed, rows: &[Row]) -> Vec<Segment> {
    let mut blocks: BTreeSet<u32> = BTreeSet::new();
    let mut add = |range: AddrRange| {
        if let (IpAddr::V4(first), IpAddr::V4(last)) = (range.first(), range.last()) {
            let (first, last) = (u32::from(first) >> 8, u32::from(last) >> 8);
            blocks.extend((first..=last).take(MOST + 1));
        }
    };
    observed.asked.iter().for_each(&mut add);
    observed.considered.iter().for_each(|(range, _)| add(*range));
    let here = |address: IpAddr| observed.subnets.iter().any(|net| net.contains(&address));
    rows.iter().filter(|row| here(row.seen.address)).for_each(|row| add(AddrRange::single(row.seen.address)));
    if blocks.len() > MOST {
        return Vec::new();
    }
    blocks.into_iter().map(|block| segment(world, observed, rows, block)).collect()
}

fn segment(world: &World<'_>, observed: &Observed, rows: &[Row], block: u32) -> Segment {
    let first = Ipv4Addr::from(block << 8);
    let mut cells = vec![Cell::Blank; 256];
    let whole = AddrRange::from_net(ipnet::IpNet::V4(ipnet::Ipv4Net::new_assert(first, 24)));
    let mut lay = |range: AddrRange, cell: Cell| {
        let Some(part) = range.intersection(whole) else { return };
        if let (IpAddr::V4(from), IpAddr::V4(to)) = (part.first(), part.last()) {
            for at in &mut cells[usize::from(from.octets()[3])..=usize::from(to.octets()[3])] {
                *at = (*at).max(cell);
            }
        }
    };
    for claim in world.plan.claims().iter().filter(|claim| claim.range.meets(whole)) {
        match claim.kind {
            ClaimKind::Pool => lay(claim.range, Cell::FreePool),
            ClaimKind::DynamicRange => lay(claim.range, Cell::Dhcp),
            _ => {}
        }
    }
    observed.considered.iter().for_each(|(range, _)| lay(*range, Cell::FreePool));
    let owners = observed.owners();
    for seen in &observed.seen {
        let row = rows.iter().find(|row| row.seen.mac == seen.mac && row.seen.address == seen.address);
        let several = owners.get(&seen.address).is_some_and(|owners| owners.len() > 1);
        let cell = match row.map(|row| row.state) {
            _ if several => Cell::TwoOwners,
            Some(State::Squatter) => Cell::Squatter,
            Some(State::SecondOwner) => Cell::TwoOwners,
            Some(State::Announced) => Cell::Announced,
            Some(State::Node) => Cell::Node,
            Some(State::Router) => Cell::Router,
            Some(State::Proxy) | None => Cell::Proxy,
            Some(State::Other) => Cell::Used,
        };
        lay(AddrRange::single(seen.address), cell);
    }
    Segment { first, cells }
}

/// Draws a map with its legend; lines without anything are left out.
pub(crate) fn shown(segment: &Segment, style: &Style) -> String {
    let octets = segment.first.octets();
    let prefix = format!("{}.{}.{}.", octets[0], octets[1], octets[2]);
    let margin = prefix.len() + 7;
    let columns: Vec<String> = (0..16).map(|column| format!("{column:x}")).collect();
    let mut out = String::new();
    let head = format!("{:<margin$}{}", format!("  {prefix}0/24"), columns.join(" "));
    writeln!(out, "{}", style.paint(Paint::new().dimmed(), &head)).expect("writes to a string");
    let mut legend = legend(segment, style).into_iter();
    let mut gap = false;
    for (line, cells) in segment.cells.chunks(16).enumerate() {
        if cells.iter().all(|cell| *cell == Cell::Blank) {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) {
            out.push('\n');
        }
        let label = format!("{:>width$}", format!(".{}", line * 16), width = margin - 1);
        let cells: Vec<String> = cells.iter().map(|cell| glyph(*cell, style)).collect();
        let legend = legend.next().unwrap_or_default();
        let text = format!("{label:<margin$}{}   {legend}", cells.join(" "));
        writeln!(out, "{}", text.trim_end()).expect("writes to a string");
    }
    for rest in legend {
        writeln!(out, "{}{rest}", " ".repeat(margin + 34)).expect("writes to a string");
    }
    out
}

fn glyph(cell: Cell, style: &Style) -> String {
    let (unicode, ascii, _) = cell.drawn();
    let text = if style.ascii { ascii } else { unicode }.to_string();
    if cell == Cell::Blank { text } else { style.paint(cell.paint(), &text) }
}

/// The meanings of the glyphs on the map, the worst first.
fn legend(segment: &Segment, style: &Style) -> Vec<String> {
    let mut used: Vec<Cell> = segment.cells.iter().copied().filter(|cell| *cell != Cell::Blank).collect();
    used.sort_unstable_by(|a, b| b.cmp(a));
    used.dedup();
    used.iter().map(|cell| format!("{} {}", glyph(*cell, style), cell.drawn().2)).collect()
}
