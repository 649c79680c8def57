//! Answers into facts: every value where the adapter says it stands, checked against the others, nothing filled in.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use poolcheck_plan::facts::{Completeness, DhcpState, Reservation};
use poolcheck_plan::{AddrRange, Confidence, Facts, Sources};
use serde_json::Value;

use super::Declared;
use super::card::{self, Known, Network};
use super::description::{Check, OneOrMany, PageRule, Pick, Picks, ReservationRule, SegmentRule, Sure, Written};
use super::exchange::IDENTIFY;
use super::select::{Answers, Finder, Item, pointed, wanted};
use super::{pages, value};
use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
use crate::{said, write};

/// More networks than a router has; each may look up rows of other answers.
const MOST: usize = 1024;

/// Answers by step, and where and when they were got.
#[derive(Debug, Clone, Copy)]
pub struct Replies<'a> {
    /// (step, answer).
    pub texts: &'a [(&'a str, &'a str)],
    /// The router and the time (RFC 3339); `None` for saved answers.
    pub read_at: Option<(&'a str, &'a str)>,
}

impl Declared {
    /// Reads answers into facts; adds the card that the facts point into to `sources`. Pure.
    ///
    /// # Errors
    /// When something that the adapter needs is not there or not what it should be, or when values contradict each other.
    pub fn facts(&self, replies: &Replies<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
        if let Some(reader) = self.description().reads.as_deref().and_then(crate::find) {
            return self.read_with(reader, replies, sources);
        }
        let answers = Answers::new(replies.texts, self.uses_css());
        let reader = Reader { adapter: self, find: Finder { answers: &answers, patterns: self.patterns() } };
        let networks = reader.networks().map_err(AdapterError::from)?;
        Ok(card::facts(self.description(), &networks, replies.read_at, sources))
    }
}

impl Declared {
    /// Lets an adapter of files read the answers: the files that are made of them, or each under its path on the router.
    fn read_with(&self, reader: &Adapter, replies: &Replies<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
        let file = self.description();
        let path = |id: &str| {
            let step = file.step.iter().find(|step| step.id == id);
            step.map_or(file.identify.get.as_deref(), |step| step.get.as_deref().or(step.post.as_deref()))
        };
        let made = self.pages(replies)?;
        let pages: Vec<Page<'_>> = if file.page.is_empty() {
            // What the router shows to everybody comes last: it says the least.
            let (first, rest): (Vec<_>, Vec<_>) = replies.texts.iter().partition(|(id, _)| *id == IDENTIFY);
            let pages = rest.into_iter().chain(first);
            pages.map(|(id, text)| Page { name: path(id).unwrap_or(id), text }).collect()
        } else {
            made.iter().map(|(name, text)| Page { name, text }).collect()
        };
        let mut facts = reader.parse(&Input { pages: &pages, read_at: replies.read_at }, sources)?;
        if let Some(origin) = facts.origins.first_mut() {
            if let Some((host, at)) = replies.read_at {
                origin.adapter.clone_from(&file.id);
                origin.title = format!("{} {host}", file.id);
                origin.read_at = Some(at.to_owned());
            }
            // Who is asked over the network is changed there, and not in a file.
            if file.how_to_shrink.is_some() {
                origin.how_to_shrink.clone_from(&file.how_to_shrink);
            }
        }
        Ok(facts)
    }

    /// The files that are made of the answers.
    fn pages(&self, replies: &Replies<'_>) -> Result<Vec<(String, String)>, AdapterError> {
        let answers = Answers::new(replies.texts, false);
        let reader = Reader { adapter: self, find: Finder { answers: &answers, patterns: self.patterns() } };
        let mut pages: Vec<(String, String)> = Vec::new();
        for rule in &self.description().page {
            let Some(text) = reader.page(rule)? else { continue };
            match pages.iter_mut().find(|(name, _)| *name == rule.name) {
                Some((_, known)) => known.push_str(&text),
                None => pages.push((rule.name.clone(), text)),
            }
        }
        Ok(pages)
    }
}

struct Reader<'a> {
    adapter: &'a Declared,
    find: Finder<'a>,
}

type Read<T> = Result<T, Complaint>;

impl<'a> Reader<'a> {
    fn networks(&self) -> Read<Vec<Network>> {
        let description = self.adapter.description();
        let mut whole = true;
        for check in &description.check {
            whole &= self.check(check)?;
        }
        let mut networks: Vec<Network> = Vec::new();
        for rule in &description.segment {
            let items = match &rule.each {
                None => vec![None],
                Some(each) => {
                    let items = self.find.items(each, None).into_iter();
                    items.filter(|item| self.find.counts(&rule.only, *item, None)).map(Some).collect()
                }
            };
            if items.len() > MOST {
                let message =
                    format!("{} tells of {} networks, more than a router has", description.title, items.len());
                return Err(self.helped(Complaint::whole(message)));
            }
            for item in items {
                let mut network = self.network(rule, item)?;
                if !whole {
                    network.completeness = Completeness::Partial;
                }
                networks.push(network);
            }
        }
        if networks.is_empty() {
            let looked: Vec<String> =
                description.segment.iter().filter_map(|rule| rule.each.as_ref()).map(wanted).collect();
            let message =
                format!("{} tells of no network with DHCP: looked for {}", description.title, looked.join(", "));
            return Err(self.helped(Complaint::whole(message)));
        }
        Ok(networks)
    }

    fn helped(&self, complaint: Complaint) -> Complaint {
        let id = &self.adapter.description().id;
        complaint.help(format!(
            "its firmware may be unknown here: `poolcheck router record --adapter {id}` saves what a report needs, without names and keys; until then write the range into lan.toml"
        ))
    }

    /// One file, or a part of it; `None` where the router lacks what it is made of, and may.
    fn page(&self, rule: &PageRule) -> Read<Option<String>> {
        let steps = &self.adapter.description().step;
        let may_lack = steps.iter().any(|step| step.id == rule.from && step.optional);
        if may_lack && self.find.answers.get(&rule.from).is_none() {
            return Ok(None);
        }
        let place = Pick { from: Some(rule.from.clone()), json: Some(rule.json.clone()), ..Pick::default() };
        let found = self.find.items(&place, None).into_iter().find_map(Item::json);
        let Some(value) = found else {
            let (looked, found) = self.find.missing(&place);
            let message = format!("`{}` is not understood: looked for {looked}, found {found}", rule.name);
            return Err(self.helped(Complaint::whole(message)));
        };
        let counts = |entry: &'a Value| self.find.counts(&rule.only, Item::Json(entry), None);
        pages::written(rule, value, counts)
            .map(Some)
            .ok_or_else(|| self.helped(Complaint::whole(format!("`{}` is not understood: it is no list", rule.name))))
    }

    /// Whether what was said is the whole.
    fn check(&self, check: &Check) -> Read<bool> {
        let mut texts: Vec<String> = check.same.iter().flat_map(|pick| self.find.texts(pick, None)).collect();
        texts.dedup();
        if let [first, second, ..] = texts.as_slice() {
            let message =
                format!("the router contradicts itself: {} ({} and {})", check.say, shown(first), shown(second));
            return Err(self.helped(Complaint::whole(message)));
        }
        let (Some(rows), Some(total)) = (&check.rows, &check.total) else { return Ok(true) };
        let count = self.find.items(rows, None).len();
        let total = self.find.texts(total, None).first().and_then(|text| text.parse::<usize>().ok());
        Ok(total.is_none_or(|total| total <= count))
    }

    fn network(&self, rule: &SegmentRule, item: Option<Item<'a>>) -> Read<Network> {
        let state = self.one(rule.state.as_ref(), "state", item, |text, _| value::state(text))?;
        let gateway = self.one(rule.gateway.as_ref(), "gateway", item, value::address)?;
        let mask = self.one(rule.mask.as_ref(), "mask", item, value::mask)?;
        let mut network = Network {
            name: self.one(rule.name.as_ref(), "name", item, |text, _| Some(shown(text)))?,
            vlan: self.one(rule.vlan.as_ref(), "vlan", item, |text, _| {
                text.parse().ok().filter(|vlan| (1..=4094).contains(vlan))
            })?,
            subnet: self.one(rule.subnet.as_ref(), "subnet", item, |text, _| value::prefix(text))?,
            gateway,
            router: self.one(rule.router.as_ref(), "router", item, value::address)?,
            dns: self.all(slice(rule.dns.as_ref()), "dns", item, value::address)?,
            server: self.one(rule.server.as_ref(), "server", item, value::address)?,
            state: state.unwrap_or(Known { value: DhcpState::Unknown, sure: Confidence::High }),
            ranges: Vec::new(),
            excluded: Vec::new(),
            reservations: None,
            lease: None,
            completeness: Completeness::RangeOnly,
        };
        if let (None, Some(gateway), Some(mask)) = (network.subnet, network.gateway, mask) {
            let sure = gateway.sure.min(mask.sure);
            network.subnet = masked(gateway.value, mask.value).map(|value| Known { value, sure });
        }
        if matches!(network.state.value, DhcpState::On | DhcpState::Unknown) {
            self.ranges(rule, item, &mut network)?;
            // A mask without the router's own address is that of the addresses that it leases.
            if let (None, Some(range), Some(mask)) = (network.subnet, network.ranges.first(), mask) {
                let sure = range.sure.min(mask.sure);
                network.subnet = masked(range.value.first(), mask.value).map(|value| Known { value, sure });
            }
            let lease = self.one(rule.lease.as_ref(), "lease", item, value::lease)?;
            network.lease = lease.and_then(|lease| match lease.value {
                value::Lease::Seconds(value) => Some(Known { value, sure: lease.sure }),
                value::Lease::Endless => None,
            });
            network.excluded =
                self.many(slice(rule.excluded.as_ref()), "excluded", item, |text, _| value::range(text))?;
        }
        if network.state.value != DhcpState::Off {
            network.reservations = self.reservations(rule.reservations.as_ref(), item)?;
            if let (Some(list), Some(subnet)) = (&mut network.reservations, network.subnet) {
                // A router lists those of all its networks together.
                let own = |address: IpAddr| {
                    address.is_ipv4() != subnet.value.addr().is_ipv4() || subnet.value.contains(&address)
                };
                list.retain(|reservation| own(reservation.value.address));
            }
        }
        self.agree(&network)?;
        network.completeness = match (&network.reservations, network.ranges.is_empty(), network.state.value) {
            (_, _, DhcpState::Off) | (Some(_), false, _) | (Some(_), true, DhcpState::StaticOnly) => Completeness::Full,
            (None, false, _) => Completeness::RangeOnly,
            (_, true, _) => Completeness::Partial,
        };
        Ok(network)
    }

    fn ranges(&self, rule: &SegmentRule, item: Option<Item<'a>>, network: &mut Network) -> Read<()> {
        network.ranges = self.many(slice(rule.ranges.as_ref()), "ranges", item, |text, _| value::range(text))?;
        let start = self.one(rule.start.as_ref(), "start", item, value::address)?;
        let end = self.one(rule.end.as_ref(), "end", item, value::address)?;
        if let (Some(start), Some(end)) = (start, end) {
            let Some(value) = AddrRange::new(start.value, end.value) else {
                let message = format!(
                    "the router says that DHCP leases from {} to {}, which is no range",
                    start.value, end.value
                );
                return Err(self.helped(Complaint::whole(message)));
            };
            network.ranges.push(Known { value, sure: start.sure.min(end.sure) });
        }
        let offset = self.one(rule.offset.as_ref(), "offset", item, |text, _| text.parse::<u32>().ok())?;
        let limit = self.one(rule.limit.as_ref(), "limit", item, |text, _| text.parse::<u32>().ok())?;
        if let (Some(start), None, Some(limit)) = (start, end, limit) {
            let Some(value) = value::so_many(start.value, limit.value) else {
                let message =
                    format!("the router says that DHCP leases {} addresses from {}", limit.value, start.value);
                return Err(self.helped(Complaint::whole(message + ", which is no range")));
            };
            network.ranges.push(Known { value, sure: start.sure.min(limit.sure) });
        }
        if let (Some(offset), Some(limit), Some(subnet)) = (offset, limit, network.subnet) {
            let sure = offset.sure.min(limit.sure).min(subnet.sure);
            let range = value::counted(subnet.value, offset.value, limit.value);
            network.ranges.extend(range.map(|value| Known { value, sure }));
        }
        Ok(())
    }

    /// What a router cannot mean is not believed.
    fn agree(&self, network: &Network) -> Read<()> {
        let Some(subnet) = network.subnet.map(|subnet| subnet.value) else { return Ok(()) };
        let outside = |what: String| {
            Err(self.helped(Complaint::whole(format!(
                "the router contradicts itself: {what} is not within its network {subnet}"
            ))))
        };
        for range in network.ranges.iter().map(|range| range.value) {
            let same_family = range.first().is_ipv4() == subnet.addr().is_ipv4();
            if same_family && !(subnet.contains(&range.first()) && subnet.contains(&range.last())) {
                return outside(format!("its DHCP range {range}"));
            }
        }
        match network.gateway.map(|gateway| gateway.value) {
            Some(gateway) if gateway.is_ipv4() == subnet.addr().is_ipv4() && !subnet.contains(&gateway) => {
                outside(format!("its address {gateway}"))
            }
            _ => Ok(()),
        }
    }

    fn one<T: PartialEq>(
        &self,
        picks: Option<&Picks>,
        key: &str,
        item: Option<Item<'a>>,
        parse: impl Fn(&str, Option<Written>) -> Option<T>,
    ) -> Read<Option<Known<T>>> {
        let mut found = self.many(slice(picks), key, item, parse)?;
        let Some(first) = (!found.is_empty()).then(|| found.swap_remove(0)) else { return Ok(None) };
        if found.iter().any(|other| other.value != first.value) {
            let message = format!("{} says two values for `{key}`", self.adapter.description().title);
            return Err(self.helped(Complaint::whole(message)));
        }
        Ok(Some(first))
    }

    /// The values of the first pick that says something.
    fn many<T>(
        &self,
        picks: &[Pick],
        key: &str,
        item: Option<Item<'a>>,
        parse: impl Fn(&str, Option<Written>) -> Option<T>,
    ) -> Read<Vec<Known<T>>> {
        for pick in picks {
            let texts = self.find.texts(pick, item);
            if texts.is_empty() {
                continue;
            }
            let sure = confidence(pick);
            let value = |text: &String| parse(text, pick.written).map(|value| Known { value, sure });
            return texts.iter().map(|text| value(text).ok_or_else(|| self.unreadable(key, text))).collect();
        }
        match picks.last() {
            Some(pick) if !picks.iter().any(|pick| pick.optional) => {
                let (looked, found) = self.find.missing(pick);
                let message = format!("`{key}` is not understood: looked for {looked}, found {found}");
                Err(self.helped(Complaint::whole(message)))
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The values of all picks.
    fn all<T: PartialEq>(
        &self,
        picks: &[Pick],
        key: &str,
        item: Option<Item<'a>>,
        parse: impl Fn(&str, Option<Written>) -> Option<T>,
    ) -> Read<Vec<Known<T>>> {
        let mut all: Vec<Known<T>> = Vec::new();
        for pick in picks {
            for one in self.many(std::slice::from_ref(pick), key, item, &parse)? {
                if all.iter().all(|known| known.value != one.value) {
                    all.push(one);
                }
            }
        }
        Ok(all)
    }

    fn unreadable(&self, key: &str, text: &str) -> Complaint {
        self.helped(Complaint::whole(format!("`{key}` is not understood: the router says `{}`", shown(text))))
    }

    /// `None` when the router did not say; an empty list when it said that there are none.
    fn reservations(
        &self,
        rule: Option<&ReservationRule>,
        item: Option<Item<'a>>,
    ) -> Read<Option<Vec<Known<Reservation>>>> {
        let Some(rule) = rule else { return Ok(None) };
        let items = self.find.items(&rule.each, item);
        if items.is_empty() {
            return Ok(self.says_none(&rule.each, item).then(Vec::new));
        }
        let sure = confidence(&rule.each);
        let mut found = Vec::new();
        for one in items.into_iter().filter(|one| self.find.counts(&rule.only, *one, item)) {
            if rule.each.written == Some(Written::DhcpHost) {
                for text in self.find.texts(&Pick::default(), Some(one)) {
                    let hosts = said::dhcp_host(&text);
                    let kept = hosts.iter().flat_map(said::DhcpHost::reservations);
                    found.extend(kept.map(|(value, _)| Known { value, sure }));
                }
                continue;
            }
            let text = |pick: &Option<Pick>| {
                pick.as_ref().and_then(|pick| self.find.texts(pick, Some(one)).into_iter().next())
            };
            // A machine without an address has its name or options fixed, not its address.
            let Some(address) = text(&rule.address) else { continue };
            let written = rule.address.as_ref().and_then(|pick| pick.written);
            let Some(address) = value::address(&address, written) else {
                return Err(self.unreadable("reservations", &address));
            };
            let mac = text(&rule.mac).and_then(|mac| write::normal_mac(&mac));
            let name = text(&rule.name).map(|name| shown(&name)).filter(|name| !name.is_empty());
            found.push(Known { value: Reservation { address, mac, name }, sure });
        }
        Ok(Some(found))
    }

    /// Whether the place of a list is there, and the list is empty.
    fn says_none(&self, each: &Pick, item: Option<Item<'a>>) -> bool {
        let root = match &each.from {
            Some(step) => self.find.answers.get(step).map(super::select::Answer::root),
            None => item,
        };
        // A text that is divided is a list; when it is there and empty, so is the list.
        if let (Some(step), Some(_), Some(_)) = (&each.from, &each.xml, &each.split) {
            let whole = Pick { from: Some(step.clone()), xml: each.xml.clone(), ..Pick::default() };
            return !self.find.items(&whole, item).is_empty();
        }
        if let (Some(step), Some(paths)) = (&each.from, &each.xml) {
            let list = |path: &String| path.rsplit_once('/').map(|(list, _)| list.to_owned());
            let lists: Vec<String> = paths.iter().filter_map(list).filter(|list| !list.is_empty()).collect();
            let whole = Pick { from: Some(step.clone()), xml: Some(OneOrMany::Many(lists)), ..Pick::default() };
            return !self.find.items(&whole, item).is_empty();
        }
        let (Some(root), Some(paths)) = (root, &each.json) else { return false };
        paths.iter().any(|path| {
            let place = path.strip_suffix("/*").unwrap_or(path);
            root.json().is_some_and(|value| !pointed(value, place).is_empty())
        })
    }
}

fn slice(picks: Option<&Picks>) -> &[Pick] {
    picks.map(Picks::as_slice).unwrap_or_default()
}

fn confidence(pick: &Pick) -> Confidence {
    match (pick.confidence, &pick.always) {
        (Some(Sure::High), _) | (None, None) => Confidence::High,
        (Some(Sure::Medium), _) | (None, Some(_)) => Confidence::Medium,
        (Some(Sure::Low), _) => Confidence::Low,
    }
}

fn masked(address: IpAddr, length: u8) -> Option<IpNet> {
    let IpAddr::V4(address) = address else { return None };
    Ipv4Net::new(address, length).ok().map(|net| IpNet::V4(net.trunc()))
}

/// A text from a router made fit for one line.
fn shown(text: &str) -> String {
    crate::engine::plain(text)
}
