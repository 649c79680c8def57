//! Kea's memfile (`kea-leases4.csv`, `kea-leases6.csv`): a journal with a heading, of which the last line of an address counts.
//!
//! Columns are found by their names, for versions differ in them. An address is leased while its state is 0; a lifetime of 0 is
//! a lease taken back, one of 2³²−1 never ends. Delegated prefixes (`lease_type` 2) are no addresses of this LAN.

use std::net::IpAddr;

use super::{Format, Found, Until, unread, whole_lines};
use crate::adapter::{AdapterError, Complaint};
use crate::said::{self, Said};

pub(super) const FORMAT: Format = Format { recognise, read };

const NEVER: i64 = u32::MAX as i64;

fn recognise(text: &str) -> bool {
    heading(text).is_some_and(|line| line.starts_with("address,"))
}

fn heading(text: &str) -> Option<&str> {
    text.trim_start_matches('\u{feff}').lines().next()
}

/// Where the columns are.
struct Columns {
    address: usize,
    lifetime: usize,
    expire: usize,
    state: usize,
    hostname: Option<usize>,
    mac: Option<usize>,
    kind: Option<usize>,
}

fn read<'t>(file: &Said<'t>, text: &'t str) -> Result<Vec<Found<'t>>, AdapterError> {
    let first = heading(text).unwrap_or_default();
    let names: Vec<&str> = first.split(',').collect();
    let column = |name: &str| names.iter().position(|own| *own == name);
    let needed = |name: &str| {
        column(name).ok_or_else(|| {
            let message = format!("the heading of Kea's lease file names no column `{name}`");
            Complaint::at(file.span(first), "the heading", message)
        })
    };
    let columns = Columns {
        address: needed("address")?,
        lifetime: needed("valid_lifetime")?,
        expire: needed("expire")?,
        state: needed("state")?,
        hostname: column("hostname"),
        mac: column("hwaddr"),
        kind: column("lease_type"),
    };
    let mut leases = Vec::new();
    for line in whole_lines(text).skip(1).filter(|line| !line.is_empty()) {
        leases.extend(lease(file, &columns, line)?);
    }
    Ok(leases)
}

fn lease<'t>(file: &Said<'t>, columns: &Columns, line: &'t str) -> Result<Option<Found<'t>>, Complaint> {
    // Kea writes a comma within a value as `&#x2c`.
    let values: Vec<&'t str> = line.split(',').collect();
    let value = |column: usize| values.get(column).copied().unwrap_or_default();
    if columns.kind.is_some_and(|kind| value(kind) == "2") {
        return Ok(None);
    }
    let number = |column: usize, what: &str| {
        let text = value(column);
        text.parse::<i64>().map_err(|_| unread(file, if text.is_empty() { line } else { text }, what, "Kea"))
    };
    let address = value(columns.address);
    let Ok(leased) = address.parse::<IpAddr>() else {
        return Err(unread(file, line, "an address is expected at its beginning", "Kea"));
    };
    let lifetime = number(columns.lifetime, "a lifetime in seconds is expected")?;
    let expire = number(columns.expire, "the second at which it ends is expected")?;
    let state = number(columns.state, "the number of a state is expected")?;
    let until = match (state, lifetime) {
        (0, NEVER) => Until::Never,
        (0, 1..) => Until::At(expire),
        _ => Until::Ended,
    };
    let mac = columns.mac.map(value).and_then(said::mac);
    Ok(Some(Found { address: leased, mac, name: columns.hostname.map(value), until, said: address }))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{all, one, refused};
    use super::Until;

    const V4: &str = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n";
    const V6: &str = "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id\n";

    #[test]
    fn the_last_line_of_an_address_counts() {
        let line = |lifetime: &str, state: u8| {
            format!(
                "192.0.2.50,3c:06:30:00:00:9a,01:02,{lifetime},1795816800,1,0,0,annas-phone.lan.,{state},{{\"a\": 1&#x2c \"b\": 2}},0\n"
            )
        };
        let lease = one(&format!("{V4}{}", line("3600", 0)));
        assert_eq!(
            (lease.until, lease.name.as_deref(), lease.line),
            (Until::At(1_795_816_800), Some("annas-phone.lan."), 2)
        );
        assert_eq!(lease.mac.as_deref(), Some("3c:06:30:00:00:9a"));
        assert_eq!(one(&format!("{V4}{}", line("4294967295", 0))).until, Until::Never);
        // Declined, expired and reclaimed, released; or deleted.
        for (lifetime, state) in [("3600", 1), ("3600", 2), ("3600", 3), ("0", 0)] {
            let text = format!("{V4}{}{}", line("3600", 0), line(lifetime, state));
            assert_eq!(one(&text).until, Until::Ended, "{lifetime} {state}");
        }
    }

    #[test]
    fn delegated_prefixes_are_no_addresses() {
        let text = format!(
            "{V6}2001:db8::5,00:01,3600,1795816800,1,3000,0,7,128,0,0,printer,3c:06:30:00:00:9b,0,,1,0,0\n2001:db8:1::,00:01,3600,1795816800,1,3000,2,8,56,0,0,,,0,,,,0\n"
        );
        let lease = one(&text);
        assert_eq!(
            (lease.address.to_string().as_str(), lease.mac.as_deref()),
            ("2001:db8::5", Some("3c:06:30:00:00:9b"))
        );
    }

    #[test]
    fn a_line_that_is_being_written_is_not_read_and_a_broken_one_is_told() {
        assert_eq!(all(&format!("{V4}192.0.2.50,3c:06:30:00")), []);
        assert_eq!(refused(&format!("{V4}192.0.2.50,,,soon,1,1,0,0,,0\n")).1, "soon");
        assert_eq!(refused(&format!("{V4}192.0.2.50\n")).1, "192.0.2.50");
        assert!(refused("address,hwaddr,expire\n").0.contains("valid_lifetime"));
    }
}
