//! Who made a network card: the first three octets of its hardware address, from a list that the system brings.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};

use poolcheck_lan::wire::MacAddr;

/// Where systems keep the IEEE's list: Debian's `ieee-data`, arp-scan's own, nmap's own.
const LISTS: [&str; 4] = [
    "/usr/share/ieee-data/oui.txt",
    "/var/lib/ieee-data/oui.txt",
    "/usr/share/arp-scan/ieee-oui.txt",
    "/usr/share/nmap/nmap-mac-prefixes",
];

/// Names of makers by the first three octets.
#[derive(Debug, Default)]
pub(super) struct Vendors(BTreeMap<[u8; 3], String>);

impl Vendors {
    /// The makers of some machines, from the first list that is there; without a list none is known.
    pub(super) fn of(macs: impl Iterator<Item = MacAddr>) -> Self {
        let given = macs.filter(|mac| !is_private(*mac));
        let mut wanted: BTreeMap<[u8; 3], String> =
            given.map(|mac| ([mac.0[0], mac.0[1], mac.0[2]], String::new())).collect();
        if !wanted.is_empty()
            && let Some(list) = LISTS.iter().find_map(|path| File::open(path).ok())
        {
            // Line by line: the lists have megabytes, and a few of their lines are wanted.
            let (mut list, mut line) = (BufReader::with_capacity(1 << 16, list), Vec::new());
            while list.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                if let Some(known) = prefix(&line).and_then(|prefix| wanted.get_mut(&prefix))
                    && known.is_empty()
                {
                    *known = name(&String::from_utf8_lossy(&line)).map(short).unwrap_or_default();
                }
                line.clear();
            }
        }
        wanted.retain(|_, name| !name.is_empty());
        Self(wanted)
    }

    /// The maker; `virtual or private` for an address that no maker gave.
    pub(super) fn name(&self, mac: MacAddr) -> Option<String> {
        if is_private(mac) {
            return Some("virtual or private".to_owned());
        }
        self.0.get(&[mac.0[0], mac.0[1], mac.0[2]]).cloned()
    }
}

/// Whether no maker gave the address.
const fn is_private(mac: MacAddr) -> bool {
    mac.0[0] & 2 != 0
}

/// The three octets that a line of one of the lists begins with: `AC-DE-48`, `ACDE48`, `AC:DE:48`.
fn prefix(line: &[u8]) -> Option<[u8; 3]> {
    let mut digits = [0; 6];
    let mut bytes = line.iter().filter(|byte| !matches!(byte, b'-' | b':'));
    for digit in &mut digits {
        *digit = char::from(*bytes.next()?).to_digit(16)? as u8;
    }
    bytes.next().filter(|byte| byte.is_ascii_whitespace())?;
    let octet = |at: usize| digits[2 * at] << 4 | digits[2 * at + 1];
    Some([octet(0), octet(1), octet(2)])
}

/// The name on such a line.
fn name(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(|c: char| c.is_whitespace())?;
    let name = rest.trim().trim_start_matches("(hex)").trim_start_matches("(base 16)").trim();
    (!name.is_empty()).then_some(name)
}

/// The name without what companies are called for the law.
fn short(name: &str) -> String {
    let cut = name.split([',', '(']).next().unwrap_or(name);
    let endings = ["Inc.", "Inc", "Ltd.", "Ltd", "LTD", "Co.", "Corp.", "Corporation", "GmbH", "Limited", "LLC", "AG"];
    let words: Vec<&str> = cut.split_whitespace().take_while(|word| !endings.contains(word)).collect();
    if words.is_empty() { cut.trim().to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_three_kinds() {
        for line in ["AC-DE-48   (hex)\t\tExample Works, Inc.\n", "ACDE48 Example Works\n", "AC:DE:48\tExample Works"] {
            assert_eq!(prefix(line.as_bytes()), Some([0xac, 0xde, 0x48]), "{line}");
            assert_eq!(name(line).map(short).as_deref(), Some("Example Works"));
        }
        for line in ["# a comment", "ACDE4", "ACDE48X y", ""] {
            assert_eq!(prefix(line.as_bytes()), None, "{line}");
        }
        assert_eq!(short("Example Works Co., Ltd."), "Example Works");
        assert_eq!(short("Inc."), "Inc.");
    }

    #[test]
    fn a_private_address_has_no_maker() {
        let vendors = Vendors::default();
        assert_eq!(vendors.name(MacAddr([2, 0, 0, 0, 0, 1])).as_deref(), Some("virtual or private"));
        assert_eq!(vendors.name(MacAddr([0, 0x11, 0x22, 0, 0, 1])), None);
    }
}
