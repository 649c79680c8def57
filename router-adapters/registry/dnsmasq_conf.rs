//! dnsmasq's configuration, for the adapters of everything that has dnsmasq inside.
//!
//! Options are taken in the order in which dnsmasq takes them: a file that is named is read where it is named, and no file
//! twice. What is refused here dnsmasq refuses, too. At the end all is told by network: ranges that share a subnet are one
//! segment, and an option for a tag is of the networks that set the tag.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};
use poolcheck_plan::AddrRange;
use poolcheck_plan::facts::{Completeness, DhcpState, Reservation, Segment, Sourced};

use crate::adapter::{AdapterError, Complaint};
use crate::said::{self, DhcpHost, Said, from_end, in_common};

/// The options of a file: (name, value), comments left out.
pub(crate) fn options(text: &str) -> impl Iterator<Item = (&str, &str)> {
    lines(text).filter_map(option)
}

/// One line of a configuration, without a comment.
pub(crate) fn option(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix("--").unwrap_or(line);
    let (key, value) = line.split_once('=').unwrap_or((line, &line[line.len()..]));
    let key = key.trim();
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    plain.then_some((key, value.trim()))
}

/// The lines that say something, comments left out.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        // A comment begins where a `#` follows a space, or at the beginning.
        let end = line.match_indices('#').find(|(at, _)| *at == 0 || line.as_bytes()[at - 1].is_ascii_whitespace());
        let line = end.map_or(line, |(at, _)| line[..at].trim_end());
        (!line.is_empty()).then_some(line)
    })
}

/// A path without the quotes around it.
fn unquoted(path: &str) -> &str {
    path.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(path)
}

/// Which files of a folder dnsmasq reads, by their names.
#[derive(Debug, Default)]
struct Filter<'t> {
    wanted: Vec<&'t str>,
    unwanted: Vec<&'t str>,
}

impl<'t> Filter<'t> {
    /// What follows the folder in `conf-dir`: an ending that begins with `*` is wanted, any other is not.
    fn of(fields: impl Iterator<Item = &'t str>) -> Self {
        let mut filter = Self::default();
        for field in fields.filter(|field| !field.is_empty()) {
            match field.strip_prefix('*') {
                Some(ending) => filter.wanted.push(ending),
                None => filter.unwanted.push(field),
            }
        }
        filter
    }

    fn lets(&self, path: &str) -> bool {
        let Some(name) = from_end(path).next() else { return false };
        let left_behind = name.starts_with('.') || name.ends_with('~') || name.starts_with('#') && name.ends_with('#');
        // A name that is nothing but the ending does not count as ending so.
        let ends = |ending: &&str| name.len() > ending.len() && name.ends_with(*ending);
        !left_behind && (self.wanted.is_empty() || self.wanted.iter().any(ends)) && !self.unwanted.iter().any(ends)
    }
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Options,
    /// A `dhcp-host` a line.
    Hosts,
    /// A `dhcp-option` a line.
    DhcpOptions,
    /// A hardware address and an address, or a name, a line.
    Ethers,
}

/// What an option takes in.
#[derive(Debug)]
struct Include<'t> {
    holds: Holds,
    /// The one file, or a folder, or either.
    path: &'t str,
    file: bool,
    folder: Option<Filter<'t>>,
}

impl<'t> Include<'t> {
    fn of(key: &str, value: &'t str) -> Option<Self> {
        let path = unquoted(value);
        let either = |holds| Some(Self { holds, path, file: true, folder: Some(Filter::default()) });
        let folder = |holds| Some(Self { holds, path, file: false, folder: Some(Filter::default()) });
        match key {
            "conf-file" => Some(Self { holds: Holds::Options, path, file: true, folder: None }),
            "conf-dir" => {
                let mut fields = value.split(',').map(str::trim);
                let path = unquoted(fields.next().unwrap_or_default());
                Some(Self { holds: Holds::Options, path, file: false, folder: Some(Filter::of(fields)) })
            }
            "dhcp-hostsfile" => either(Holds::Hosts),
            "dhcp-optsfile" => either(Holds::DhcpOptions),
            "dhcp-hostsdir" => folder(Holds::Hosts),
            "dhcp-optsdir" => folder(Holds::DhcpOptions),
            "read-ethers" => Some(Self { holds: Holds::Ethers, path: "ethers", file: true, folder: None }),
            _ => None,
        }
    }
}

/// A `dhcp-range` as written.
#[derive(Debug)]
struct RangeLine<'t> {
    file: usize,
    range: Option<AddrRange>,
    first: IpAddr,
    part: &'t str,
    /// The network, and what says its length; nothing says the usual one of IPv6.
    network: Option<(IpNet, Option<&'t str>)>,
    /// The tag that is set for whoever is in this network.
    tag: Option<&'t str>,
    state: DhcpState,
    lease: Option<(u64, &'t str)>,
    /// The prefix is the interface's own of the day.
    constructed: bool,
}

impl<'t> RangeLine<'t> {
    /// That the server leases, from this address on, and nothing more.
    const fn new(file: usize, first: IpAddr, part: &'t str) -> Self {
        Self {
            file,
            range: None,
            first,
            part,
            network: None,
            tag: None,
            state: DhcpState::On,
            lease: None,
            constructed: false,
        }
    }

    /// Reads one as dnsmasq does; or says why dnsmasq does not.
    fn read(file: usize, value: &'t str) -> Result<Self, &'static str> {
        let mut fields = value.split(',').map(str::trim).peekable();
        let mut tag = None;
        let first_part = loop {
            let field = fields.next().unwrap_or_default();
            // What is made of the characters of an address is one, and a tag is never the last.
            let like_address = field.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | ' '));
            if like_address || fields.peek().is_none() {
                break field;
            }
            if field.starts_with("tag:") || field.starts_with("net:") {
                continue;
            }
            if tag.is_some() {
                return Err("sets more than one tag");
            }
            tag = Some(field.strip_prefix("set:").unwrap_or(field));
        };
        let first: IpAddr = first_part.parse().map_err(|_| "does not begin with an address after its tags")?;
        let fields: Vec<&str> = fields.collect();
        if fields.is_empty() {
            return Err("says nothing after its first address");
        }
        let line = Self { tag, ..Self::new(file, first, first_part) };
        match first {
            IpAddr::V4(first) => line.four(value, first, &fields),
            IpAddr::V6(first) => line.six(value, first, &fields),
        }
    }

    fn four(mut self, value: &'t str, first: Ipv4Addr, fields: &[&'t str]) -> Result<Self, &'static str> {
        let last = match fields[0] {
            "static" => {
                self.state = DhcpState::StaticOnly;
                first
            }
            "proxy" => {
                self.state = DhcpState::Off;
                first
            }
            text => {
                let last: Ipv4Addr =
                    text.parse().map_err(|_| "has neither a second address nor `static` or `proxy` after the first")?;
                self.range = said::ordered(first.into(), last.into());
                self.part = said::from_to(value, self.part, text);
                last
            }
        };
        let mut rest = &fields[1..];
        if let Some((part, mask)) = rest.first().and_then(|part| Some((*part, part.parse::<Ipv4Addr>().ok()?))) {
            let same = u32::from(first) & u32::from(mask) == u32::from(last) & u32::from(mask);
            if !same {
                return Err("begins and ends in different networks");
            }
            self.network = said::network(first, mask).map(|net| (net, Some(part)));
            rest = &rest[1..];
            if rest.first().is_some_and(|part| part.parse::<Ipv4Addr>().is_ok()) {
                rest = &rest[1..];
            }
        }
        self.ends(rest)
    }

    fn six(mut self, value: &'t str, first: Ipv6Addr, fields: &[&'t str]) -> Result<Self, &'static str> {
        let (mut last, mut fixed, mut stateless, mut advertises) = (None, false, false, false);
        let mut at = 0;
        while let Some(field) = fields.get(at) {
            match *field {
                "static" => fixed = true,
                "ra-only" | "slaac" | "ra-names" | "ra-advrouter" => advertises = true,
                "ra-stateless" => (stateless, advertises) = (true, true),
                "off-link" => {}
                text if text.starts_with("constructor:") => self.constructed = true,
                text => match text.parse::<Ipv6Addr>() {
                    Ok(address) if at == 0 => {
                        last = Some(address);
                        self.part = said::from_to(value, self.part, text);
                    }
                    _ => break,
                },
            }
            at += 1;
        }
        let mut rest = &fields[at..];
        let written = rest.first().and_then(|part| Some((*part, part.parse::<u8>().ok().filter(|n| *n <= 128)?)));
        if written.is_some() {
            rest = &rest[1..];
        }
        let length = written.map_or(64, |(_, length)| length);
        if length < 64 {
            return Err("has a prefix length below 64");
        }
        if length > 64 && (advertises || self.constructed) {
            return Err("has a prefix length other than 64, with router advertisements or a constructor");
        }
        let net = Ipv6Net::new(first, length).map_err(|_| "has no prefix length")?.trunc();
        if last.is_some_and(|last| !net.contains(&last)) {
            return Err("begins and ends in different networks");
        }
        if self.constructed && u128::from(net.network()) != 0 {
            return Err("has a network of its own beside `constructor:`");
        }
        // A longer prefix is allowed to be longer than the network's own: then that is not known.
        if !self.constructed && !first.is_unspecified() && length == 64 {
            self.network = Some((net.into(), written.map(|(part, _)| part)));
        }
        // Of these dnsmasq leases: where both ends are said, anything; otherwise what is kept for a machine, or nothing.
        self.state = match last {
            _ if fixed || stateless => DhcpState::StaticOnly,
            Some(last) => {
                self.range = said::ordered(first.into(), last.into());
                DhcpState::On
            }
            None => DhcpState::Off,
        };
        self.ends(rest)
    }

    /// What stands at the end: the lease time, and nothing else.
    fn ends(mut self, rest: &[&'t str]) -> Result<Self, &'static str> {
        match rest {
            [] | ["" | "infinite" | "deprecated"] => Ok(self),
            [text] => {
                // Two minutes is the least.
                let seconds = said::lease(text).ok_or("ends in what is no lease time")?.max(120);
                self.lease = Some((seconds, text));
                Ok(self)
            }
            _ => Err("says more than dnsmasq reads"),
        }
    }
}

/// A range of IPv4 as another program's settings have it, each value with what says it.
#[derive(Debug)]
pub(crate) struct Pool<'t> {
    pub(crate) file: usize,
    pub(crate) first: (Ipv4Addr, &'t str),
    pub(crate) last: (Ipv4Addr, &'t str),
    pub(crate) netmask: Option<(Ipv4Addr, &'t str)>,
    pub(crate) lease: Option<(u64, &'t str)>,
}

/// A `dhcp-option` that tells routers or DNS servers.
#[derive(Debug)]
struct Told<'t> {
    what: What,
    /// For whom.
    tags: Vec<&'t str>,
    addresses: Vec<Sourced<IpAddr>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    Routers,
    Dns,
    Dns6,
}

/// What makes a segment: the subnet, whether it is of IPv4, and the routers where the subnet is not known.
type Key = (Option<IpNet>, bool, Vec<IpAddr>);

/// What dnsmasq's options say together.
pub(crate) struct Conf<'f, 't> {
    files: &'f [Said<'t>],
    names: &'f [&'t str],
    /// dnsmasq reads no file of options twice.
    read: Vec<bool>,
    /// The files that another one names, whatever they hold.
    named: Vec<bool>,
    /// Files of options for machines.
    later: Vec<usize>,
    ranges: Vec<RangeLine<'t>>,
    hosts: Vec<(usize, DhcpHost<'t>)>,
    told: Vec<Told<'t>>,
    relays: Vec<Sourced<DhcpState>>,
    /// Addresses of networks on one wire: of one that machines are on, and of one whose ranges they are leased from, too.
    shared: Vec<(IpAddr, IpAddr)>,
    /// Ranges may be missing.
    ranges_missing: bool,
    /// Reservations may be missing.
    hosts_missing: bool,
    /// Options may be missing, which then hold instead of those that are here.
    options_missing: bool,
    /// The names of machines are not looked up in files.
    no_names: bool,
    /// What was named and not given.
    gaps: Vec<Sourced<String>>,
}

impl<'f, 't> Conf<'f, 't> {
    pub(crate) fn new(files: &'f [Said<'t>], names: &'f [&'t str]) -> Self {
        Self {
            files,
            names,
            read: vec![false; files.len()],
            named: vec![false; files.len()],
            later: Vec::new(),
            ranges: Vec::new(),
            hosts: Vec::new(),
            told: Vec::new(),
            relays: Vec::new(),
            shared: Vec::new(),
            ranges_missing: false,
            hosts_missing: false,
            options_missing: false,
            no_names: false,
            gaps: Vec::new(),
        }
    }

    /// Reads these files as dnsmasq does: those that none of them names, each with those that it names.
    ///
    /// # Errors
    /// What dnsmasq refuses, with its place.
    pub(crate) fn files(&mut self, those: &[usize]) -> Result<(), AdapterError> {
        let mut starts = those.to_vec();
        for file in those {
            for (key, value) in options(self.files[*file].text) {
                let Some(include) = Include::of(key, value) else { continue };
                // A file in a folder that is read is that folder's, also where the folder's endings leave it out.
                let own = self.in_folder(&include, false).into_iter().chain(self.one_file(*file, &include));
                for named in own.filter(|named| named != file).collect::<Vec<_>>() {
                    self.named[named] = true;
                }
            }
        }
        starts.retain(|file| !self.named[*file]);
        // Where each names another, the first one given is where a person would begin.
        if starts.is_empty() {
            starts.extend(those.first());
        }
        for start in starts {
            self.file(start, Holds::Options, 0)?;
        }
        // dnsmasq reads these when it has read all else, so that they hold instead of it.
        for file in std::mem::take(&mut self.later) {
            self.file(file, Holds::DhcpOptions, 0)?;
        }
        Ok(())
    }

    /// The file that an option names.
    fn one_file(&self, from: usize, include: &Include<'_>) -> Option<usize> {
        let path = Some(include.path).filter(|_| include.file)?;
        let found = (0..self.names.len()).filter(|file| *file != from || self.names[*file] == path);
        let best = found.max_by_key(|file| (in_common(self.names[*file], path), std::cmp::Reverse(*file)))?;
        (in_common(self.names[best], path) > 0).then_some(best)
    }

    /// The files of a folder that an option names, in the order of their names.
    fn in_folder(&self, include: &Include<'_>, filtered: bool) -> Vec<usize> {
        let (Some(filter), Some(folder)) = (&include.folder, from_end(include.path).next()) else { return Vec::new() };
        let inside = |file: &usize| from_end(self.names[*file]).nth(1) == Some(folder);
        let mut found: Vec<usize> = (0..self.names.len()).filter(inside).collect();
        found.retain(|file| !filtered || filter.lets(self.names[*file]));
        found.sort_by_key(|file| from_end(self.names[*file]).next());
        found
    }

    fn file(&mut self, file: usize, holds: Holds, depth: usize) -> Result<(), AdapterError> {
        if std::mem::replace(&mut self.read[file], true) {
            return Ok(());
        }
        let text = self.files[file].text;
        if depth > said::MAX_DEPTH {
            return Err(said::too_deep(&self.files[file], said::first_word(text)).into());
        }
        for line in lines(text) {
            match holds {
                Holds::Options => {
                    if let Some((key, value)) = option(line) {
                        self.option(file, key, value, depth)?;
                    }
                }
                Holds::Hosts => self.host(file, line),
                Holds::DhcpOptions => self.dhcp_option(file, line),
                Holds::Ethers => self.hosts.extend(said::ether(line).map(|host| (file, host))),
            }
        }
        Ok(())
    }

    /// Takes one option.
    ///
    /// # Errors
    /// When dnsmasq refuses it.
    pub(crate) fn option(
        &mut self,
        file: usize,
        key: &'t str,
        value: &'t str,
        depth: usize,
    ) -> Result<(), AdapterError> {
        match key {
            "dhcp-range" => match RangeLine::read(file, value) {
                Ok(line) => self.ranges.push(line),
                Err(why) => {
                    let part = if value.is_empty() { key } else { value };
                    let complaint = Complaint::at(
                        self.files[file].span(part),
                        "dnsmasq does not read this",
                        format!("`dhcp-range={value}` {why}"),
                    );
                    let help = "dnsmasq writes dhcp-range=192.168.1.50,192.168.1.150,12h";
                    return Err(complaint.help(help).into());
                }
            },
            "dhcp-host" => self.host(file, value),
            "dhcp-option" | "dhcp-option-force" => self.dhcp_option(file, value),
            "dhcp-relay" => self.relays.push(self.files[file].surely(DhcpState::Relay, value)),
            // With an interface's name before the comma nothing is known of what it is on.
            "shared-network" => {
                let pair = value.split_once(',').map(|(on, from)| (on.trim().parse(), from.trim().parse()));
                if let Some((Ok(on), Ok(from))) = pair {
                    self.shared.push((on, from));
                }
            }
            "no-hosts" => self.no_names = true,
            "conf-script" => {
                self.ranges_missing = true;
                self.gap(file, value, "is a program whose output dnsmasq reads: what it says is not known");
            }
            _ => {
                if let Some(include) = Include::of(key, value) {
                    let part = if value.is_empty() { key } else { value };
                    self.include(file, part, &include, depth)?;
                }
            }
        }
        Ok(())
    }

    fn include(&mut self, file: usize, part: &'t str, include: &Include<'t>, depth: usize) -> Result<(), AdapterError> {
        let mut found = self.in_folder(include, true);
        if found.is_empty() {
            found.extend(self.one_file(file, include));
        }
        if found.is_empty() && include.holds == Holds::Options && include.folder.is_some() {
            // Files that were copied beside each other: all that nothing else names.
            let filter = include.folder.as_ref();
            let left = |other: &usize| {
                *other != file
                    && !self.named[*other]
                    && !self.read[*other]
                    && filter.is_some_and(|filter| filter.lets(self.names[*other]))
            };
            found.extend((0..self.names.len()).filter(left));
            found.sort_by_key(|file| from_end(self.names[*file]).next());
        }
        if found.is_empty() {
            let what = match include.holds {
                Holds::Options => {
                    self.ranges_missing = true;
                    "was not given with it: ranges may be missing"
                }
                Holds::Hosts | Holds::Ethers => {
                    self.hosts_missing = true;
                    "was not given with it: reservations may be missing"
                }
                Holds::DhcpOptions => {
                    self.options_missing = true;
                    "was not given with it: it may tell another router, and other DNS servers"
                }
            };
            self.gap(file, part, what);
        }
        if include.holds == Holds::DhcpOptions {
            self.later.append(&mut found);
        }
        for inner in found {
            self.file(inner, include.holds, depth + 1)?;
        }
        Ok(())
    }

    fn gap(&mut self, file: usize, part: &str, what: &str) {
        if self.gaps.len() < said::MAX_GAPS {
            self.gaps.push(said::gap(&self.files[file], self.names[file], part, what));
        }
    }

    /// Takes a range that is not written as dnsmasq's option, and becomes one.
    pub(crate) fn pool(&mut self, pool: &Pool<'t>) {
        let ((first, from), (last, to)) = (pool.first, pool.last);
        let network = pool.netmask.and_then(|(mask, part)| Some((said::network(first, mask)?, Some(part))));
        let part = said::from_to(self.files[pool.file].text, from, to);
        let range = said::ordered(first.into(), last.into());
        self.ranges.push(RangeLine {
            range,
            network,
            lease: pool.lease,
            ..RangeLine::new(pool.file, first.into(), part)
        });
    }

    /// Takes it that the server is on, although nothing is known of what it leases.
    pub(crate) fn on(&mut self, file: usize, part: &'t str) {
        self.ranges.push(RangeLine::new(file, Ipv4Addr::UNSPECIFIED.into(), part));
    }

    /// Takes a router that all networks are told.
    pub(crate) fn router(&mut self, file: usize, address: IpAddr, part: &str) {
        let addresses = vec![self.files[file].surely(address, part)];
        self.told.push(Told { what: What::Routers, tags: Vec::new(), addresses });
    }

    /// Ranges may be missing, for this reason.
    pub(crate) fn ranges_are_missing(&mut self, gap: Sourced<String>) {
        self.ranges_missing = true;
        self.gaps.push(gap);
    }

    /// Reservations may be missing, for this reason.
    pub(crate) fn hosts_are_missing(&mut self, gap: Sourced<String>) {
        self.hosts_missing = true;
        self.gaps.push(gap);
    }

    pub(crate) fn host(&mut self, file: usize, text: &'t str) {
        self.hosts.extend(said::dhcp_host(text).map(|host| (file, host)));
    }

    fn dhcp_option(&mut self, file: usize, text: &'t str) {
        let fields: Vec<&str> = text.split(',').map(str::trim).collect();
        let mut tags = Vec::new();
        for (at, field) in fields.iter().enumerate() {
            let what = match *field {
                "3" | "option:router" => What::Routers,
                "6" | "option:dns-server" => What::Dns,
                "option6:23" | "option6:dns-server" => What::Dns6,
                // Another option, or one within another.
                field if field.starts_with("option") || field.contains("encap:") || field.starts_with("vendor:") => {
                    return;
                }
                field if !field.is_empty() && field.bytes().all(|b| b.is_ascii_digit()) => return,
                field => {
                    let bare = ["tag:", "net:", "set:"].iter().find_map(|prefix| field.strip_prefix(prefix));
                    tags.push(bare.unwrap_or(field));
                    continue;
                }
            };
            let bare = |part: &&'t str| part.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
            let list = fields[at + 1..].iter().take(said::MAX_ADDRESSES + 1);
            // The unspecified address stands for the machine that runs dnsmasq, whose address is not said here.
            let list = list.filter_map(|part| Some((bare(part).filter(|address| !address.is_unspecified())?, *part)));
            let file = &self.files[file];
            let addresses = list.map(|(address, part)| file.surely(address, part)).collect();
            self.told.push(Told { what, tags, addresses });
            return;
        }
    }

    /// What a network with this tag is told: of the options for its tag the last one, else of those for all.
    fn told_to(&self, what: What, tag: Option<&str>) -> Vec<Sourced<IpAddr>> {
        let holds = |condition: &str| match condition.strip_prefix(['!', '#']) {
            Some(other) => tag != Some(other),
            None => tag == Some(condition),
        };
        let own = self.told.iter().rev().filter(|told| told.what == what);
        let for_tag = own.clone().find(|told| !told.tags.is_empty() && told.tags.iter().all(|tag| holds(tag)));
        let told = for_tag.or_else(|| own.clone().find(|told| told.tags.is_empty()));
        let mut addresses = told.map(|told| told.addresses.clone()).unwrap_or_default();
        if self.options_missing {
            for address in &mut addresses {
                address.confidence = poolcheck_plan::Confidence::Medium;
            }
        }
        addresses
    }

    /// All by network.
    ///
    /// # Errors
    /// When it is more than any configuration says.
    pub(crate) fn segments(mut self) -> Result<(Vec<Segment>, Vec<Sourced<String>>), AdapterError> {
        let tags: BTreeSet<Option<&str>> = self.ranges.iter().map(|line| line.tag).collect();
        if self.told.len() > said::MAX_FACTS / tags.len().max(1) {
            return Err(said::too_many().into());
        }
        let mut told: HashMap<(What, Option<&str>), Vec<Sourced<IpAddr>>> = HashMap::new();
        for tag in &tags {
            for what in [What::Routers, What::Dns, What::Dns6] {
                told.insert((what, *tag), self.told_to(what, *tag));
            }
        }
        let mut segments: Vec<Segment> = Vec::new();
        let mut known: HashMap<Key, usize> = HashMap::new();
        let mut by_host_part = Vec::new();
        for line in &self.ranges {
            let add = |what: What| told.get(&(what, line.tag)).cloned().unwrap_or_default();
            let own = line.network.is_none() && line.first.is_ipv4();
            let routers = add(What::Routers).into_iter().filter(|_| own).map(|router| router.value).collect();
            let number = self.take_range(line, routers, &mut segments, &mut known);
            if segments.len() > said::MAX_SEGMENTS {
                return Err(said::too_many().into());
            }
            let segment = &mut segments[number];
            if line.first.is_ipv4() {
                let inside = |address: IpAddr| line.network.is_none_or(|(net, _)| net.contains(&address));
                let routers: Vec<_> = add(What::Routers).into_iter().filter(|router| inside(router.value)).collect();
                said::add_new(&mut segment.gateways, routers);
                said::add_new(&mut segment.dns, add(What::Dns));
            } else {
                said::add_new(&mut segment.dns, add(What::Dns6));
                if let Some((IpNet::V6(net), _)) = line.network {
                    by_host_part.push(net);
                }
            }
        }
        let hosts = self.reservations(by_host_part)?;
        self.join(&mut segments)?;
        for state in std::mem::take(&mut self.relays) {
            let empty = self.files.first().map(|file| file.server(DhcpState::Relay, ""));
            let server = empty.map(|server| poolcheck_plan::facts::DhcpServer { state, ..server });
            segments.push(Segment { dhcp: server.into_iter().collect(), ..Segment::default() });
        }
        if segments.is_empty() {
            let Some(file) = self.files.first() else { return Err(Complaint::whole("no file was given").into()) };
            // Without a range dnsmasq serves no DHCP, unless a file that is not here says otherwise.
            let state = if self.ranges_missing { DhcpState::Unknown } else { DhcpState::Off };
            let first = file.text.lines().find(|line| !line.trim().is_empty()).unwrap_or(file.text);
            segments.push(Segment { dhcp: vec![file.server(state, first)], ..Segment::default() });
        }
        let by_name = !self.no_names && self.hosts.iter().any(|(_, host)| host.is_by_name());
        let wide = self.hosts.iter().any(|(_, host)| host.is_wide());
        let nowhere =
            self.ranges.iter().any(|line| line.constructed) && self.hosts.iter().any(|(_, host)| host.has_host_part());
        let unseen = self.hosts_missing || by_name || wide || nowhere;
        for server in segments.iter_mut().flat_map(|segment| &mut segment.dhcp) {
            if self.ranges_missing {
                server.completeness = Completeness::Partial;
            } else if unseen && server.completeness == Completeness::Full {
                server.completeness = Completeness::RangeOnly;
            }
        }
        said::share(&hosts, &mut segments)?;
        Ok((segments, self.gaps))
    }

    /// Makes one segment of networks that are on one wire.
    fn join(&self, segments: &mut Vec<Segment>) -> Result<(), AdapterError> {
        if self.shared.len() > said::MAX_SEGMENTS {
            return Err(said::too_many().into());
        }
        for (on, from) in &self.shared {
            let at = |address: &IpAddr| {
                segments.iter().position(|segment| segment.subnets.iter().any(|net| net.value.contains(address)))
            };
            let (Some(on), Some(from)) = (at(on), at(from)) else { continue };
            if on == from {
                continue;
            }
            let other = segments.remove(from);
            let one = &mut segments[on - usize::from(from < on)];
            one.subnets.extend(other.subnets);
            one.dhcp.extend(other.dhcp);
            said::add_new(&mut one.gateways, other.gateways);
            said::add_new(&mut one.dns, other.dns);
        }
        Ok(())
    }

    /// What is kept for machines: whole addresses, and host parts in each of these networks.
    fn reservations(&self, mut networks: Vec<Ipv6Net>) -> Result<Vec<Sourced<Reservation>>, AdapterError> {
        networks.sort_unstable();
        networks.dedup();
        let parts = self.hosts.iter().filter(|(_, host)| host.has_host_part()).count();
        if parts.saturating_mul(networks.len()) > said::MAX_FACTS || self.hosts.len() > said::MAX_FACTS {
            return Err(said::too_many().into());
        }
        let mut found = Vec::new();
        for (file, host) in &self.hosts {
            let inside = networks.iter().flat_map(|net| host.in_network(*net));
            found.extend(host.reservations().chain(inside).map(|(kept, part)| self.files[*file].surely(kept, part)));
            if found.len() > said::MAX_FACTS {
                return Err(said::too_many().into());
            }
        }
        Ok(found)
    }

    /// Adds a range to the segment of its subnet, and of its family; gives the segment's number. Where the subnet is not known,
    /// whoever is told the same routers is in one.
    fn take_range(
        &self,
        line: &RangeLine<'t>,
        routers: Vec<IpAddr>,
        segments: &mut Vec<Segment>,
        known: &mut HashMap<Key, usize>,
    ) -> usize {
        let file = &self.files[line.file];
        let mut server = file.server(line.state, line.part);
        server.ranges.extend(line.range.filter(|_| !line.constructed).map(|range| file.surely(range, line.part)));
        server.lease_seconds = line.lease.map(|(seconds, part)| file.surely(seconds, part));
        if line.constructed && line.state == DhcpState::On {
            server.completeness = Completeness::Partial;
        }
        let key = (line.network.map(|(net, _)| net), line.first.is_ipv4(), routers);
        let same = known.get(&key).copied();
        let Some((number, same)) = same.and_then(|number| Some((number, segments.get_mut(number)?.dhcp.first_mut()?)))
        else {
            let subnet = line.network.map(|(net, part)| match part {
                Some(part) => file.surely(net, part),
                // 64 is what dnsmasq takes where nothing is written.
                None => file.probably(net, line.part),
            });
            known.insert(key, segments.len());
            segments.push(Segment { subnets: subnet.into_iter().collect(), dhcp: vec![server], ..Segment::default() });
            return segments.len() - 1;
        };
        // What leases most is what the server does in this network.
        let rank = |state: DhcpState| match state {
            DhcpState::On => 2,
            DhcpState::StaticOnly => 1,
            _ => 0,
        };
        if rank(server.state.value) > rank(same.state.value) {
            same.state = server.state;
        }
        same.ranges.extend(server.ranges);
        same.lease_seconds = same.lease_seconds.take().or(server.lease_seconds);
        if server.completeness == Completeness::Partial {
            same.completeness = Completeness::Partial;
        }
        number
    }
}
