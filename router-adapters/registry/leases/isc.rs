//! ISC's `dhcpd.leases` and `dhcpd6.leases`: a journal, of which the last block of an address counts.
//!
//! An address is leased while its state is `active`; the times are UTC, or seconds since 1970 (`db-time-format local`). IPv6
//! addresses stand within `ia-na` and `ia-ta` blocks; delegated prefixes (`ia-pd`) are no addresses of this LAN.

use std::net::IpAddr;

use super::{Format, Found, Until, unread};
use crate::adapter::{AdapterError, Complaint};
use crate::said::{self, Said};
use crate::statements::{self, Statement};

pub(super) const FORMAT: Format = Format { recognise, read };

fn recognise(text: &str) -> bool {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).any(|line| {
        let leased = line.strip_prefix("lease ").and_then(|rest| rest.strip_suffix('{'));
        leased.is_some_and(|address| address.trim().parse::<IpAddr>().is_ok())
            || line.starts_with("authoring-byte-order ")
            || ["ia-na ", "ia-ta ", "ia-pd "].iter().any(|kind| line.starts_with(kind))
    })
}

fn read<'t>(file: &Said<'t>, text: &'t str) -> Result<Vec<Found<'t>>, AdapterError> {
    let mut leases = Vec::new();
    for statement in statements(file, text)? {
        match statement.words[..] {
            ["lease", address] => leases.push(lease(file, address, &statement)?),
            ["ia-na" | "ia-ta", _] => {
                for inner in &statement.block {
                    if let ["iaaddr", address] = inner.words[..] {
                        leases.push(lease(file, address, inner)?);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(leases)
}

/// The statements of the file, without a last block that is only just being written.
fn statements<'t>(file: &Said<'t>, text: &'t str) -> Result<Vec<Statement<'t>>, AdapterError> {
    let read = |length| statements::read(&[file.up_to(length)], &["the lease file"], 0, &mut Vec::new());
    read(text.len()).or_else(|error| match whole(text) {
        0 => Err(error),
        length => read(length).map_err(|_| error),
    })
}

/// How long the text is up to the last line that ends a block, or that is a statement of its own.
fn whole(text: &str) -> usize {
    let mut end = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        let stands_alone = !line.starts_with([' ', '\t']) && line.trim_end().ends_with(['}', ';']);
        if line.ends_with('\n') && stands_alone {
            end = at;
        }
    }
    end
}

fn lease<'t>(file: &Said<'t>, address: &'t str, block: &Statement<'t>) -> Result<Found<'t>, Complaint> {
    let Ok(leased) = address.parse::<IpAddr>() else {
        return Err(unread(file, address, "an address is expected here", "dhcpd"));
    };
    // Written by a server without a word about the state, long ago, it was a lease.
    let mut found = Found { address: leased, mac: None, name: None, until: Until::Unknown, said: address };
    let mut active = true;
    for statement in &block.block {
        match statement.words[..] {
            ["binding", "state", state] => active = state == "active",
            ["ends", "never"] => found.until = Until::Never,
            ["ends", "epoch", seconds] => found.until = Until::At(number(file, seconds)?),
            ["ends", _, date, time] => found.until = Until::At(instant(file, date, time)?),
            ["hardware", "ethernet", mac] => found.mac = said::mac(mac),
            ["client-hostname", name] => found.name = Some(name),
            _ => {}
        }
    }
    if !active {
        found.until = Until::Ended;
    }
    Ok(found)
}

fn number(file: &Said<'_>, text: &str) -> Result<i64, Complaint> {
    text.parse().map_err(|_| unread(file, text, "a number of seconds is expected here", "dhcpd"))
}

/// The second since 1970 of a day (`2026/11/26`) and a time in UTC.
fn instant(file: &Said<'_>, date: &str, time: &str) -> Result<i64, Complaint> {
    let civil: Result<jiff::civil::DateTime, _> = format!("{}T{time}", date.replace('/', "-")).parse();
    let instant = civil.and_then(|civil| jiff::tz::Offset::UTC.to_timestamp(civil));
    instant.map(jiff::Timestamp::as_second).map_err(|_| {
        unread(
            file,
            said::from_to(file.text, date, time),
            "a day and a time such as 2026/11/26 22:00:00 are expected here",
            "dhcpd",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{all, one, refused};
    use super::Until;

    const HEAD: &str = "# The format of this file is documented in the dhcpd.leases(5) manual page.\nauthoring-byte-order little-endian;\n\nserver-duid \"\\000\\001\\\"\\000\";\n\n";

    #[test]
    fn the_last_block_of_an_address_counts() {
        let block = |state: &str, mac: &str| {
            format!(
                "lease 192.0.2.50 {{\n  starts 5 2026/11/27 10:00:00;\n  ends 5 2026/11/27 22:00:00;\n  cltt 5 2026/11/27 10:00:00;\n  binding state {state};\n  next binding state free;\n  hardware ethernet {mac};\n  uid \"\\001<\\0060;\\000\\232\";\n  client-hostname \"annas-phone\";\n}}\n"
            )
        };
        let active = one(&format!("{HEAD}{}", block("active", "3c:06:30:00:00:9a")));
        assert_eq!(active.until, Until::At(1_795_816_800));
        assert_eq!((active.mac.as_deref(), active.name.as_deref()), (Some("3c:06:30:00:00:9a"), Some("annas-phone")));
        assert_eq!(active.line, 6);
        for state in ["free", "expired", "released", "abandoned", "backup"] {
            let text = format!("{HEAD}{}{}", block("active", "3c:06:30:00:00:9a"), block(state, "3c:06:30:00:00:9b"));
            let lease = one(&text);
            assert_eq!((lease.until, lease.mac.as_deref()), (Until::Ended, Some("3c:06:30:00:00:9b")), "{state}");
        }
    }

    #[test]
    fn addresses_of_ipv6_stand_within_their_association() {
        let text = "ia-na \"\\001\\000\\000\\000\\000\\001\" {\n  cltt 5 2026/11/27 10:00:00;\n  iaaddr 2001:db8::5 {\n    binding state active;\n    preferred-life 375;\n    max-life 600;\n    ends never;\n  }\n}\nia-pd \"x\" {\n  iaprefix 2001:db8:1::/64 {\n    binding state active;\n  }\n}\n";
        let lease = one(text);
        assert_eq!((lease.address.to_string().as_str(), lease.until, lease.line), ("2001:db8::5", Until::Never, 3));
    }

    #[test]
    fn a_block_that_is_being_written_is_not_read_and_a_broken_one_is_told() {
        let whole = "lease 192.0.2.50 {\n  ends epoch 1795816800; # Fri Nov 27\n  binding state active;\n}\n";
        for more in ["lease 192.0.2.51 {\n  ends 5 20", "lease 192.0.2.51 {\n  client-hostname \"ann", "lea"] {
            assert_eq!(one(&format!("{whole}{more}")).until, Until::At(1_795_816_800), "{more}");
        }
        assert_eq!(refused("lease 192.0.2.50 {\n ends 5 2026/13/27 10:00:00;\n}\n").1, "2026/13/27 10:00:00");
        assert_eq!(refused(&format!("{whole}lease nowhere {{\n}}\n")).1, "nowhere");
        assert_eq!(all("authoring-byte-order little-endian;\n"), []);
    }
}
