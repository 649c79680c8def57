//! systemd-networkd's server: `/var/lib/systemd/network/dhcp-server-lease/*` (`PersistLeases=`), or below `/run`.
//!
//! JSON: `Leases`, each with its `Address` as four numbers, `Hostname`, `HardwareAddress` as numbers with their
//! `HardwareAddressType` (1: Ethernet), and the end as microseconds since 1970 (`ExpirationRealtimeUSec`). Versions that say only
//! `ExpirationUSec` count from the start of a machine that is not this one.

use std::net::{IpAddr, Ipv4Addr};

use super::{Format, Found, Until, unread};
use crate::adapter::{AdapterError, Complaint};
use crate::json::{self, Node};
use crate::said::Said;

pub(super) const FORMAT: Format = Format { recognise, read };

fn recognise(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with('{') && text.contains("\"Leases\"")
}

fn read<'t>(file: &Said<'t>, text: &'t str) -> Result<Vec<Found<'t>>, AdapterError> {
    let root = json::read(&[file.up_to(text.len())], &["the lease file"], 0).map_err(|error| no_json(file, &error))?;
    let mut leases = Vec::new();
    for lease in root.list("Leases") {
        let address = lease.get("Address").and_then(octets).and_then(|octets| <[u8; 4]>::try_from(octets).ok());
        let Some(address) = address.map(|octets| IpAddr::V4(Ipv4Addr::from(octets))) else {
            return Err(unread(file, lease.raw, "it has no `Address` of four numbers", "systemd-networkd").into());
        };
        let ethernet = lease.get("HardwareAddressType").is_some_and(|kind| kind.is("1"));
        let mac = lease.get("HardwareAddress").filter(|_| ethernet).and_then(octets).filter(|octets| octets.len() == 6);
        let until = match lease.get("ExpirationRealtimeUSec") {
            None => Until::Unknown,
            Some(end) => match end.raw.parse::<u64>() {
                Ok(u64::MAX) => Until::Never,
                Ok(end) => Until::At(i64::try_from(end / 1_000_000).unwrap_or(i64::MAX)),
                Err(_) => {
                    return Err(unread(file, end.raw, "microseconds are expected here", "systemd-networkd").into());
                }
            },
        };
        leases.push(Found {
            address,
            mac: mac.map(|octets| octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":")),
            name: lease.get("Hostname").and_then(|name| name.text().map(|_| name.raw)),
            until,
            said: lease.raw,
        });
    }
    Ok(leases)
}

/// The same place, in words that fit.
fn no_json(file: &Said<'_>, error: &AdapterError) -> Complaint {
    let place = error.complaints.iter().flat_map(|complaint| &complaint.labels).map(|(place, _)| *place).next();
    let message = "this lease file cannot be read as systemd-networkd writes it";
    let place = place.unwrap_or_else(|| file.span(&file.text[file.text.len()..]));
    Complaint::at(place, "JSON ends or breaks here", message).help("copy the file again, whole")
}

fn octets(node: &Node<'_>) -> Option<Vec<u8>> {
    node.items().iter().map(|item| item.raw.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{all, one, refused};
    use super::Until;

    #[test]
    fn a_lease_with_an_end_on_the_wall_clock() {
        let text = "{\"BootID\":\"0\",\"Address\":[192,0,2,1],\"PrefixLength\":24,\"Leases\":[\n{\"ClientId\":[1,60,6,48,0,0,154],\"AddressString\":\"192.0.2.50\",\"Address\":[192,0,2,50],\"Hostname\":\"annas-phone\",\"HardwareAddressType\":1,\"HardwareAddressLength\":6,\"HardwareAddress\":[60,6,48,0,0,154],\"ExpirationUSec\":72338380895,\"ExpirationRealtimeUSec\":1795816800123456}]}\n";
        let lease = one(text);
        assert_eq!((lease.address.to_string().as_str(), lease.name.as_deref()), ("192.0.2.50", Some("annas-phone")));
        assert_eq!(
            (lease.mac.as_deref(), lease.until, lease.line),
            (Some("3c:06:30:00:00:9a"), Until::At(1_795_816_800), 2)
        );
        let since_start = text.replace("ExpirationRealtimeUSec", "Something");
        assert_eq!(one(&since_start).until, Until::Unknown);
        assert_eq!(one(&text.replace("1795816800123456", "18446744073709551615")).until, Until::Never);
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        assert_eq!(all("{\"Leases\": []}"), []);
        assert_eq!(refused("{\"Leases\": [{\"Address\": [192,0,2]}]}").1, "{");
        assert_eq!(refused("{\"Leases\": [{\"Address\": [192,0,2,1], \"ExpirationRealtimeUSec\": \"x\"}]}").1, "x");
        assert!(refused("{\"Leases\": [{").0.contains("lease file"));
    }
}
