//! What the pages of one hub say together, checked against itself.

use std::net::Ipv4Addr;

use ipnet::{Ipv4Net, Ipv6Net};
use poolcheck_plan::facts::{DhcpState, Reservation};
use poolcheck_plan::{AddrRange, Confidence};

use super::page::{Kind, SkyPage, plain};
use crate::adapter::Complaint;

/// What was read, with contradictions ruled out.
#[derive(Debug)]
pub(super) struct Reading {
    /// The name of the page that carries the range.
    pub(super) page: String,
    pub(super) model: Option<String>,
    pub(super) firmware: Option<String>,
    pub(super) hub: Ipv4Addr,
    pub(super) subnet: Option<Ipv4Net>,
    pub(super) state: State,
    /// What the hub would lease from while its DHCP server is on.
    pub(super) range: Option<AddrRange>,
    pub(super) lease_hours: Option<u64>,
    /// `None` when no list was seen, which is not the same as an empty one.
    pub(super) reservations: Option<Vec<(Reservation, Confidence)>>,
    /// Reservations left over from another LAN address, which the hub cannot lease now.
    pub(super) stale: Vec<Reservation>,
    pub(super) ula: Option<(Ipv6Net, Confidence)>,
}

/// What the hub's DHCP server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    On,
    Off,
    Relay,
    /// The page greys DHCP out, because the hub is a bridge.
    Bridge,
    /// The page greys DHCP out, because addresses come from outside (`ipExt`).
    External,
    /// The page that was given does not say.
    NotSaid,
}

impl State {
    pub(super) const fn dhcp(self) -> DhcpState {
        match self {
            Self::On => DhcpState::On,
            Self::Off => DhcpState::Off,
            Self::Relay => DhcpState::Relay,
            Self::Bridge | Self::External | Self::NotSaid => DhcpState::Unknown,
        }
    }

    /// Whether the range on the page is what the hub leases from.
    pub(super) const fn uses_range(self) -> bool {
        matches!(self, Self::On | Self::NotSaid)
    }
}

/// Reads pages of a hub together.
pub(super) fn read(pages: &[SkyPage<'_>]) -> Result<Reading, Complaint> {
    let with = |kind: Kind| pages.iter().filter(move |page| page.kind == kind);
    let carriers: Vec<&SkyPage<'_>> = with(Kind::Lan).chain(with(Kind::AddReservation)).collect();
    let Some(main) = carriers.first().copied() else { return Err(no_range_page(pages)) };
    let hub = hub(main)?;
    let state = state(main)?;
    for other in &carriers[1..] {
        agree(main, other)?;
    }
    let subnet = subnet(main, hub)?;
    let range = range(main, state)?;
    if let Some(range) = range.filter(|_| state.uses_range()) {
        fits(main, range, hub, subnet)?;
    }
    let (reservations, stale) = reservations(main, subnet)?;
    Ok(Reading {
        page: main.name.to_owned(),
        model: pages.iter().find_map(|page| page.model.clone()),
        firmware: pages.iter().find_map(|page| page.firmware.clone()),
        hub,
        subnet,
        state,
        range,
        lease_hours: main.lease_hours,
        reservations,
        stale,
        ula: main.ula.as_ref().and_then(|ula| Some((ula_net(&ula.prefix)?, confidence(ula.from_script)))),
    })
}

const fn confidence(certain: bool) -> Confidence {
    if certain { Confidence::High } else { Confidence::Medium }
}

fn ula_net(prefix: &str) -> Option<Ipv6Net> {
    let net: Ipv6Net = prefix.trim().parse().ok()?;
    let unique_local = net.addr().octets()[0] & 0xfe == 0xfc;
    (unique_local && (8..=64).contains(&net.prefix_len())).then(|| net.trunc())
}

fn hub(page: &SkyPage<'_>) -> Result<Ipv4Addr, Complaint> {
    match page.hub.as_slice() {
        [hub] => Ok(*hub),
        [] if page.kind == Kind::AddReservation => Err(missing(page, "var lanIpObj = '…'")),
        [] => Err(missing(page, "var Ipaddr = '…'")),
        [first, second, ..] => {
            let message = format!("{} gives the hub two addresses, {first} and {second}", page.name);
            Err(Complaint::whole(message)
                .help("save the page again; if it stays so, write the facts by hand in lan.toml"))
        }
    }
}

fn state(page: &SkyPage<'_>) -> Result<State, Complaint> {
    if page.kind == Kind::AddReservation {
        return Ok(State::NotSaid);
    }
    match page.dhcp.as_deref().map(str::trim) {
        Some("0") => Ok(State::Off),
        Some("2") => Ok(State::Relay),
        Some("1") if page.bridge => Ok(State::Bridge),
        Some("1") if page.external => Ok(State::External),
        Some("1") => Ok(State::On),
        Some(other) => {
            let message = format!("{}: `dhcpEnbl` is `{}`, which is not 0, 1 or 2", page.name, plain(other));
            Err(Complaint::whole(message).help(BY_HAND))
        }
        None => Err(missing(page, "var dhcpEnbl = '…'")),
    }
}

fn range(page: &SkyPage<'_>, state: State) -> Result<Option<AddrRange>, Complaint> {
    let suffix = if page.kind == Kind::AddReservation { "Obj" } else { "" };
    match (page.start, page.end) {
        (Some(start), Some(end)) => {
            let range = AddrRange::new(start.into(), end.into());
            let backwards = || {
                let message = format!("{}: the DHCP range begins at {start}, after it ends at {end}", page.name);
                Complaint::whole(message).help("save the page again; the hub itself refuses such a range")
            };
            if state.uses_range() { range.ok_or_else(backwards).map(Some) } else { Ok(range) }
        }
        (None, _) if state.uses_range() => Err(missing(page, &format!("var dhcpStart{suffix} = '…'"))),
        (Some(_), None) if state.uses_range() => Err(missing(page, &format!("var dhcpEnd{suffix} = '…'"))),
        _ => Ok(None),
    }
}

fn subnet(page: &SkyPage<'_>, hub: Ipv4Addr) -> Result<Option<Ipv4Net>, Complaint> {
    if page.kind == Kind::AddReservation {
        return Ok(None);
    }
    let mask = page.mask.ok_or_else(|| missing(page, "Subnetmask = '…'"))?;
    match Ipv4Net::with_netmask(hub, mask) {
        Ok(net) if (8..=30).contains(&net.prefix_len()) => Ok(Some(net.trunc())),
        _ => Err(Complaint::whole(format!("{}: {mask} is not the mask of a LAN", page.name)).help(BY_HAND)),
    }
}

fn fits(page: &SkyPage<'_>, range: AddrRange, hub: Ipv4Addr, subnet: Option<Ipv4Net>) -> Result<(), Complaint> {
    let shown = format!("{} to {}", range.first(), range.last());
    if let Some(subnet) = subnet.filter(|net| !AddrRange::from_net((*net).into()).covers(range)) {
        let message = format!("{}: the DHCP range {shown} lies outside the hub's LAN {subnet}", page.name);
        return Err(Complaint::whole(message).help("save the page again after the hub has restarted"));
    }
    if range.contains(hub.into()) {
        let message = format!("{}: the DHCP range {shown} contains the hub's own address {hub}", page.name);
        return Err(Complaint::whole(message).help("save the page again; the hub itself refuses such a range"));
    }
    Ok(())
}

/// Two pages that carry the same values must carry equal ones.
fn agree(main: &SkyPage<'_>, other: &SkyPage<'_>) -> Result<(), Complaint> {
    let pairs = [
        ("the DHCP range begins at", main.start, other.start),
        ("the DHCP range ends at", main.end, other.end),
        ("the hub is", main.hub.first().copied(), other.hub.first().copied()),
        ("the mask is", main.mask, other.mask),
    ];
    for (what, one, two) in pairs {
        if let (Some(one), Some(two)) = (one, two)
            && one != two
        {
            let message = format!("the pages disagree: {what} {one} in {}, {two} in {}", main.name, other.name);
            return Err(Complaint::whole(message).help("save both pages again, one after the other, from the same hub"));
        }
    }
    Ok(())
}

type Lists = (Option<Vec<(Reservation, Confidence)>>, Vec<Reservation>);

/// Both lists hold the reservations. What both say is certain; what only one of two says is kept, less certain.
fn reservations(page: &SkyPage<'_>, subnet: Option<Ipv4Net>) -> Result<Lists, Complaint> {
    let read =
        |list: &Option<String>, layout: &Layout| list.as_deref().map(|text| records(page, text, layout)).transpose();
    let from_check = read(&page.static_list, &STATIC_LIST)?;
    let from_table = read(&page.reservation_table, &RESERVATION_TABLE)?;
    let found: Vec<(Reservation, Confidence)> = match (from_check, from_table) {
        (None, None) => return Ok((None, Vec::new())),
        (Some(one), None) | (None, Some(one)) => one.into_iter().map(|r| (r, Confidence::High)).collect(),
        (Some(check), Some(table)) => union(page, &check, table)?,
    };
    let on_lan = |r: &Reservation| match (subnet, r.address) {
        (Some(net), std::net::IpAddr::V4(address)) => net.contains(&address),
        _ => true,
    };
    let (current, stale): (Vec<_>, Vec<_>) = found.into_iter().partition(|(r, _)| on_lan(r));
    Ok((Some(current), stale.into_iter().map(|(r, _)| r).collect()))
}

fn union(
    page: &SkyPage<'_>,
    check: &[Reservation],
    table: Vec<Reservation>,
) -> Result<Vec<(Reservation, Confidence)>, Complaint> {
    for one in check {
        let clash = |two: &&Reservation| {
            let same_machine = one.mac.is_some() && one.mac == two.mac;
            same_machine != (one.address == two.address) && one.mac.is_some() && two.mac.is_some()
        };
        if let Some(two) = table.iter().find(clash) {
            let show = |r: &Reservation| format!("{} for {}", r.address, plain(&r.owner()));
            let message =
                format!("{}: its two lists of reservations disagree: {}, and {}", page.name, show(one), show(two));
            return Err(Complaint::whole(message).help("reload the page in the browser and save it again"));
        }
    }
    let both = |r: &Reservation, list: &[Reservation]| list.iter().any(|other| other.address == r.address);
    let mut found: Vec<_> = check.iter().map(|r| (r.clone(), confidence(both(r, &table)))).collect();
    found.extend(table.into_iter().filter(|r| !both(r, check)).map(|r| (r, Confidence::Medium)));
    Ok(found)
}

/// The order of a record's fields.
struct Layout {
    variable: &'static str,
    mac: usize,
    address: usize,
    name: usize,
}

const STATIC_LIST: Layout = Layout { variable: "staticIPList", mac: 0, address: 1, name: 2 };
const RESERVATION_TABLE: Layout = Layout { variable: "attach_dev", mac: 0, name: 1, address: 2 };

fn records(page: &SkyPage<'_>, list: &str, layout: &Layout) -> Result<Vec<Reservation>, Complaint> {
    let mut found: Vec<Reservation> = Vec::new();
    for record in list.split("<lf>") {
        let fields: Vec<&str> = record.split("<br>").map(|field| empty(field.trim())).collect();
        if fields.iter().all(|field| field.is_empty()) {
            continue;
        }
        let field = |index: usize| fields.get(index).copied().unwrap_or("");
        let address = field(layout.address).parse::<Ipv4Addr>();
        let mac = crate::write::normal_mac(field(layout.mac));
        let (Ok(address), Some(mac)) = (address, mac) else {
            let message =
                format!("{}: a record of `{}` is not a reservation: `{}`", page.name, layout.variable, plain(record));
            return Err(Complaint::whole(message).help(BY_HAND));
        };
        let name = Some(plain(field(layout.name))).filter(|name| !name.is_empty());
        let reservation = Reservation { address: address.into(), mac: Some(mac), name };
        if !found.contains(&reservation) {
            found.push(reservation);
        }
    }
    Ok(found)
}

fn empty(field: &str) -> &str {
    if field == "-" || field.eq_ignore_ascii_case("&nbsp;") { "" } else { field }
}

const BY_HAND: &str = "write the range by hand in lan.toml, for example dhcp = \"192.168.0.10-192.168.0.254\"";

/// A value that a known page lacks.
fn missing(page: &SkyPage<'_>, looked_for: &str) -> Complaint {
    let help = if page.is_cut {
        "the page ends early: reload it in the browser, wait until it is complete, and save it again"
    } else {
        "save the page with the browser's \"Save page as\", not its printed text; or write the range by hand in lan.toml, \
         for example dhcp = \"192.168.0.10-192.168.0.254\""
    };
    not_understood(page, looked_for).help(help)
}

fn not_understood(page: &SkyPage<'_>, looked_for: &str) -> Complaint {
    let found = match &page.title {
        _ if page.is_empty => "an empty page".to_owned(),
        Some(title) => format!("<title>{title}</title>"),
        None => "a page without a title".to_owned(),
    };
    Complaint::whole(format!(
        "router page not understood\n  looked for  {looked_for}   in {}\n  found       {found}",
        page.name
    ))
}

fn no_range_page(pages: &[SkyPage<'_>]) -> Complaint {
    let Some(page) = pages.first() else { return Complaint::whole("no router page was given").help(SAVE) };
    let complaint = not_understood(page, "var dhcpStart = '…'");
    let make = page.other_router();
    if page.is_empty {
        complaint.help(SAVE)
    } else if let Some(make) = make {
        complaint.help(format!("this looks like {make}, not a Sky Hub; {BY_HAND}"))
    } else if page.asks_for_password {
        complaint.help(format!("this is a login page: log in first. Then {SAVE}"))
    } else if page.kind == Kind::OtherSky {
        complaint.help(format!("this is another page of the hub: {SAVE}"))
    } else if page.is_cut {
        complaint.help(format!("the page ends early: {SAVE}"))
    } else {
        complaint.help(format!("if this is a Sky Hub: {SAVE}. If not, {BY_HAND}"))
    }
}

const SAVE: &str = "open Advanced > LAN IP Setup and save that page (sky_lan_ip_setup.html) with \"Save page as\"";

#[cfg(test)]
mod tests {
    use super::empty;

    #[test]
    fn fillers_are_nothing() {
        assert_eq!(["-", "&nbsp;", "&NBSP;", "nas"].map(empty), ["", "", "", "nas"]);
    }
}
