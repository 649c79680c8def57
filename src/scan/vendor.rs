//! Who made a network card: the first three octets of its hardware address, from a list that the system brings.

use std::collections::BTreeMap;

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
        let mut wanted: BTreeMap<[u8; 3], String> =
            macs.map(|mac| ([mac.0[0], mac.0[1], mac.0[2]], String::new())).collect();
        if let Some(text) = LISTS.iter().find_map(|path| std::fs::read(path).ok()) {
            for line in String::from_utf8_lossy(&text).lines() {
                if let Some((prefix, name)) = entry(line)
                    && let Some(known) = wanted.get_mut(&prefix)
                    && known.is_empty()
                {
                    *known = short(name);
                }
            }
        }
        wanted.retain(|_, name| !name.is_empty());
        Self(wanted)
    }

    /// The maker; `virtual or private` for an address that no maker gave.
    pub(super) fn name(&self, mac: MacAddr) -> Option<String> {
        if mac.0[0] & 2 != 0 {
            return Some("virtual or private".to_owned());
        }
        self.0.get(&[mac.0[0], mac.0[1], mac.0[2]]).cloned()
    }
}

/// A line of one of the lists: `AC-DE-48 (hex) NAME`, `ACDE48 NAME`, `AC:DE:48 NAME`.
fn entry(line: &str) -> Option<([u8; 3], &str)> {
    let (prefix, rest) = line.split_once(|c: char| c.is_whitespace())?;
    let digits: String = prefix.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let number = (digits.len() == 6).then(|| u32::from_str_radix(&digits, 16).ok()).flatten()?;
    let [_, a, b, c] = number.to_be_bytes();
    let name = rest.trim().trim_start_matches("(hex)").trim_start_matches("(base 16)").trim();
    (!name.is_empty()).then_some(([a, b, c], name))
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
        assert_eq!(entry("AC-DE-48   (hex)\t\tExample Works, Inc."), Some(([0xac, 0xde, 0x48], "Example Works, Inc.")));
        assert_eq!(entry("ACDE48 Example Works"), Some(([0xac, 0xde, 0x48], "Example Works")));
        assert_eq!(entry("AC:DE:48\tExample Works"), Some(([0xac, 0xde, 0x48], "Example Works")));
        assert_eq!(entry("# a comment"), None);
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
