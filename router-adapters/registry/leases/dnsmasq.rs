//! dnsmasq's `dnsmasq.leases`; Pi-hole's and OpenWrt's `dhcp.leases` are the same.
//!
//! A line a lease: end, hardware address, address, name, client identifier. The end is 0 for one that never ends. Behind a line
//! `duid …` stand the leases of IPv6, with an IAID in place of the hardware address (`T` before it: a temporary address). A
//! dnsmasq for machines without a clock keeps the length of a lease in place of its end.

use std::net::IpAddr;

use super::{Format, Found, Until, unread, whole_lines};
use crate::adapter::AdapterError;
use crate::said::{self, Said};

pub(super) const FORMAT: Format = Format { recognise, read };

/// What is less is no time at which any dnsmasq ran, but a length.
const LONGEST_LENGTH: i64 = 1_000_000_000;

fn recognise(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let mut words = first.split_ascii_whitespace();
    match words.next() {
        Some("duid") => true,
        Some(end) => end.bytes().all(|byte| byte.is_ascii_digit()) && words.count() >= 3,
        None => false,
    }
}

fn read<'t>(file: &Said<'t>, text: &'t str) -> Result<Vec<Found<'t>>, AdapterError> {
    let mut leases = Vec::new();
    for line in whole_lines(text) {
        let mut words = line.split_ascii_whitespace();
        let Some(end) = words.next() else { continue };
        if end == "duid" {
            continue;
        }
        let (machine, address, name) = (words.next(), words.next(), words.next());
        let Some((end, address)) = end.parse::<i64>().ok().zip(address.and_then(|text| text.parse::<IpAddr>().ok()))
        else {
            return Err(unread(file, line, "end, hardware address and address are expected here", "dnsmasq").into());
        };
        let until = match end {
            0 => Until::Never,
            ..LONGEST_LENGTH => Until::Unknown,
            end => Until::At(end),
        };
        let mac = machine.filter(|_| address.is_ipv4()).and_then(said::mac);
        leases.push(Found { address, mac, name: name.filter(|name| *name != "*"), until, said: line });
    }
    Ok(leases)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{all, one, refused};
    use super::Until;

    #[test]
    fn leases_of_both_families() {
        let text = "1795813200 3c:06:30:00:00:9a 192.0.2.50 annas-phone 01:3c:06:30:00:00:9a\n\
                    0 06-3c:06:30:00:00:9b 192.0.2.51 * *\n\
                    duid 00:01:00:01:2a:00:00:01:3c:06:30:00:00:01\n\
                    1795813200 T3145728 fd00::5 printer 00:01:00:01:00\n";
        let leases = all(text);
        assert_eq!(leases.len(), 3);
        let phone = &leases[0];
        assert_eq!((phone.mac.as_deref(), phone.name.as_deref()), (Some("3c:06:30:00:00:9a"), Some("annas-phone")));
        assert_eq!((phone.until, phone.line), (Until::At(1_795_813_200), 1));
        // Another kind of hardware has no Ethernet address.
        assert_eq!((&leases[1].mac, &leases[1].name, leases[1].until), (&None, &None, Until::Never));
        assert_eq!((leases[2].name.as_deref(), leases[2].line), (Some("printer"), 4));
    }

    #[test]
    fn a_length_is_no_end() {
        assert_eq!(one("43200 3c:06:30:00:00:9a 192.0.2.50 phone *\n").until, Until::Unknown);
    }

    #[test]
    fn a_line_that_is_being_written_is_not_read_and_a_broken_one_is_told() {
        let text = "1795813200 3c:06:30:00:00:9a 192.0.2.50 phone *\n1795813200 3c:06:30:00:00:9b 192.0.2.5";
        assert_eq!(one(text).address.to_string(), "192.0.2.50");
        let (message, place) = refused("1795813200 3c:06:30:00:00:9a 192.0.2.50 phone *\nhello\n");
        assert!(message.contains("dnsmasq") && place == "hello", "{message}: {place}");
    }
}
