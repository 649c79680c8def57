//! What DHCP servers have leased: the files in which they keep it, recognised by content.
//!
//! A lease file says which address its server has given to whom until when. That is more than a configuration says: a lease
//! that runs is proof. Of every address the last word in the file counts, as for the server itself; what cannot be read is
//! complained about with its place, never skipped, but for a last line that the server is only just writing.
//!
//! ```
//! use poolcheck_plan::Sources;
//! use poolcheck_router_adapters::{Page, leases};
//!
//! let text = "1795813200 3c:06:30:00:00:9a 192.0.2.50 annas-phone 01:3c:06:30:00:00:9a\n";
//! let read = leases::read(&Page { name: "dnsmasq.leases", text }, &mut Sources::new())?;
//! assert_eq!(read[0].name.as_deref(), Some("annas-phone"));
//! assert!(read[0].until.is_current(1_795_813_199) && !read[0].until.is_current(1_795_813_200));
//! # Ok::<(), poolcheck_router_adapters::AdapterError>(())
//! ```

use std::collections::BTreeMap;
use std::net::IpAddr;

use poolcheck_plan::Sources;

use crate::adapter::{AdapterError, Complaint, Page};
use crate::said::{self, MAX_BYTES, MAX_FACTS, Said};

mod dnsmasq;
mod isc;
mod kea;
mod networkd;

/// What a server has leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: IpAddr,
    /// To which machine: its hardware address, lower case with colons, where the file says it.
    pub mac: Option<String>,
    /// What the server calls the machine; any text, and whoever shows it must look at it first.
    pub name: Option<String>,
    /// For how long.
    pub until: Until,
    /// The line that says so, from 1.
    pub line: usize,
}

/// How long a lease runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Until {
    /// Up to this second since 1970, which is not part of it.
    At(i64),
    /// For ever.
    Never,
    /// The server has the address back.
    Ended,
    /// The file does not say it: a server without a clock keeps lengths and no ends.
    Unknown,
}

impl Until {
    /// Whether a lease surely runs at a second since 1970.
    pub const fn is_current(self, now: i64) -> bool {
        match self {
            Self::At(end) => now < end,
            Self::Never => true,
            Self::Ended | Self::Unknown => false,
        }
    }
}

/// A lease with the part of the text that says it.
struct Found<'t> {
    address: IpAddr,
    mac: Option<String>,
    name: Option<&'t str>,
    until: Until,
    said: &'t str,
}

/// A program's way to keep its leases.
struct Format {
    recognise: fn(&str) -> bool,
    read: for<'t> fn(&Said<'t>, &'t str) -> Result<Vec<Found<'t>>, AdapterError>,
}

const FORMATS: [Format; 4] = [isc::FORMAT, kea::FORMAT, networkd::FORMAT, dnsmasq::FORMAT];

/// Reads a lease file into the last word on each address, in the order of addresses; adds it to `sources`.
///
/// # Errors
/// When it is no lease file of a known server, or a line of it cannot be read; with the place.
pub fn read(page: &Page<'_>, sources: &mut Sources) -> Result<Vec<Lease>, AdapterError> {
    if page.text.len() > MAX_BYTES {
        let message = format!("it is larger than {} MiB, which no lease file is", MAX_BYTES >> 20);
        return Err(Complaint::whole(message).help("is it the right file?").into());
    }
    let file = Said::new(page, page.text.to_owned(), sources);
    // A server that has leased nothing yet keeps an empty file, or its comments.
    if page.text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Vec::new());
    }
    let Some(format) = FORMATS.iter().find(|format| (format.recognise)(page.text)) else {
        return Err(not_one(&file, page).into());
    };
    let mut last: BTreeMap<IpAddr, Found<'_>> = BTreeMap::new();
    for found in (format.read)(&file, page.text)? {
        last.insert(found.address, found);
        if last.len() > MAX_FACTS {
            let message = format!("it holds leases of more than {MAX_FACTS} addresses, which no LAN has");
            return Err(Complaint::whole(message).help("is it the right file?").into());
        }
    }
    let lines = Lines::of(page.text);
    let lease = |found: Found<'_>| Lease {
        address: found.address,
        mac: found.mac,
        name: found.name.filter(|name| !name.is_empty()).map(str::to_owned),
        until: found.until,
        line: lines.of_part(page.text, found.said),
    };
    Ok(last.into_values().map(lease).collect())
}

/// What to say of a file that is not a lease file.
fn not_one(file: &Said<'_>, page: &Page<'_>) -> Complaint {
    let message = format!("{} is no lease file of a DHCP server that is known here", page.name);
    let own = page.text.lines().any(|line| line.trim() == "lease {" || line.starts_with("ADDRESS="));
    let help = if own {
        "this is what a machine keeps of its own lease: `poolcheck router read` reads it; the server's file says who has the others"
    } else {
        "known are those of dnsmasq (Pi-hole, OpenWrt), ISC dhcpd, Kea (CSV) and systemd-networkd; udhcpd's is binary"
    };
    Complaint::at(file.span(said::first_word(page.text)), "it begins with this", message).help(help)
}

/// A line that cannot be read.
fn unread(file: &Said<'_>, part: &str, label: &str, program: &str) -> Complaint {
    Complaint::at(file.span(part), label, format!("this lease cannot be read as {program} writes it"))
        .help("copy the file again, whole; if it is, tell the project of this line")
}

/// The lines of a text that are whole: what comes after the last line end is only just being written.
fn whole_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(str::trim_end)
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    fn of_part(&self, text: &str, part: &str) -> usize {
        let start = said::range_of(text, part).start;
        self.0.partition_point(|end| *end < start) + 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The one lease, or the complaint with what it points at.
    pub(super) fn one(text: &str) -> Lease {
        let mut leases = all(text);
        assert_eq!(leases.len(), 1, "{leases:?}");
        leases.remove(0)
    }

    pub(super) fn all(text: &str) -> Vec<Lease> {
        read(&Page { name: "leases", text }, &mut Sources::new()).expect("it is read")
    }

    pub(super) fn refused(text: &str) -> (String, String) {
        let mut sources = Sources::new();
        let error = read(&Page { name: "leases", text }, &mut sources).expect_err("it is refused");
        let complaint = &error.complaints[0];
        let place = complaint.labels.first().map_or_else(String::new, |(span, _)| sources.slice(*span).to_owned());
        (complaint.message.clone(), place)
    }

    #[test]
    fn a_server_that_has_leased_nothing_is_no_mistake() {
        assert_eq!(all(""), []);
        assert_eq!(all("\n  \n"), []);
        assert_eq!(all("# This lease file was written by isc-dhcp-4.4.3-P1\n"), []);
    }

    #[test]
    fn what_is_no_lease_file_is_said_to_be_none() {
        let (message, place) = refused("interface=eth0\ndhcp-range=192.0.2.10,192.0.2.20\n");
        assert!(message.contains("no lease file") && place == "interface=eth0", "{message}: {place}");
        let text = "lease {\n  interface \"eth0\";\n  fixed-address 192.0.2.5;\n}\n";
        let error = read(&Page { name: "x", text }, &mut Sources::new()).expect_err("a client's own");
        assert!(error.complaints[0].help.as_ref().is_some_and(|help| help.contains("router read")));
    }

    #[test]
    fn a_lease_runs_up_to_its_end() {
        assert!(Until::At(10).is_current(9) && !Until::At(10).is_current(10));
        assert!(Until::Never.is_current(i64::MAX));
        assert!(!Until::Ended.is_current(0) && !Until::Unknown.is_current(0));
    }

    /// Lines of every format, whole and cut, in any order.
    const PIECES: [&str; 22] = [
        "1795813200 3c:06:30:00:00:9a 192.0.2.50 phone 01:3c\n",
        "duid 00:01:00:01\n",
        "0 12345 fd00::5 * 00:01\n",
        "lease 192.0.2.50 {\n",
        "  ends 4 2026/11/26 22:00:00;\n",
        "  ends epoch 99999999999999999999; # ä\n",
        "  ends never;\n",
        "  binding state active;\n",
        "  client-hostname \"a\\\"b\";\n",
        "ia-na \"\\001\" {\n",
        "iaaddr fd00::1 {\n",
        "}\n",
        "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state\n",
        "192.0.2.50,3c:06:30:00:00:9a,,3600,1795813200,1,0,0,phone,0\n",
        ",,,,,,,,,,,,,,\n",
        "{\"Leases\":[{\"Address\":[192,0,2,50],\"HardwareAddress\":[1,2]}]}",
        "\"Leases\"",
        "{",
        "]",
        "\u{feff}",
        "é",
        " ",
    ];

    proptest! {
        #[test]
        fn whatever_is_read_ends_without_a_panic_and_points_into_the_text(
            pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..12),
            cut in 0_usize..200,
        ) {
            let mut text = pieces.concat();
            if let Some((at, _)) = text.char_indices().rev().nth(cut % (text.len() + 1)) {
                text.truncate(at);
            }
            let mut sources = Sources::new();
            match read(&Page { name: "leases", text: &text }, &mut sources) {
                Ok(leases) => {
                    let lines = text.split('\n').count();
                    prop_assert!(leases.iter().all(|lease| (1..=lines).contains(&lease.line)));
                    prop_assert!(leases.windows(2).all(|pair| pair[0].address < pair[1].address));
                }
                Err(error) => {
                    prop_assert!(!error.complaints.is_empty());
                    for (span, _) in error.complaints.iter().flat_map(|complaint| &complaint.labels) {
                        prop_assert!(text.get(span.range()).is_some());
                    }
                }
            }
        }

        /// Names, addresses and ends come back as they were written, in all formats.
        #[test]
        fn what_a_server_writes_is_what_is_read(
            leases in proptest::collection::btree_map(1_u8..255, (any::<[u8; 6]>(), "[a-z][a-z0-9-]{0,12}", 1_000_000_000_i64..4_000_000_000), 1..20),
        ) {
            use std::fmt::Write as _;
            let (mut dnsmasq, mut isc, mut kea, mut networkd) = (String::new(), String::new(), String::new(), Vec::new());
            kea.push_str("address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state\n");
            for (host, (mac, name, end)) in &leases {
                let colons = mac.map(|octet| format!("{octet:02x}")).join(":");
                writeln!(dnsmasq, "{end} {colons} 192.0.2.{host} {name} *").expect("a string");
                write!(isc, "lease 192.0.2.{host} {{\n  ends epoch {end}; # x\n  binding state active;\n  hardware ethernet {colons};\n  client-hostname \"{name}\";\n}}\n").expect("a string");
                writeln!(kea, "192.0.2.{host},{colons},,600,{end},1,0,0,{name},0").expect("a string");
                networkd.push(format!("{{\"Address\":[192,0,2,{host}],\"Hostname\":\"{name}\",\"HardwareAddressType\":1,\"HardwareAddressLength\":6,\"HardwareAddress\":{mac:?},\"ExpirationRealtimeUSec\":{end}000000}}"));
            }
            let networkd = format!("{{\"Leases\":[\n{}\n]}}\n", networkd.join(",\n"));
            let expected: Vec<_> = leases.iter().map(|(host, (mac, name, end))| {
                let mac = mac.map(|octet| format!("{octet:02x}")).join(":");
                (format!("192.0.2.{host}"), Some(mac), Some(name.clone()), Until::At(*end))
            }).collect();
            for text in [dnsmasq, isc, kea, networkd] {
                let read: Vec<_> = all(&text).into_iter().map(|l| (l.address.to_string(), l.mac, l.name, l.until)).collect();
                prop_assert_eq!(&read, &expected, "{}", text);
            }
        }
    }
}
