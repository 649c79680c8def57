//! Answers made fit to be shown: names, MAC addresses, serial numbers, keys and public addresses blanked, the structure kept.
//!
//! A value is replaced by the same stand-in wherever it occurs in one recording, so that an answer still agrees with itself.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::OnceLock;

use regex::{Captures, Regex};

/// Keys and elements that are always blanked; `*` stands for any letters.
const ALWAYS: [&str; 44] = [
    "*password*",
    "*passwd*",
    "*passphrase*",
    "*secret*",
    "*token*",
    "*psk*",
    "*wpa*",
    "*wep*",
    "*apikey*",
    "*api_key*",
    "*api-key*",
    "*privatekey*",
    "*private_key*",
    "*presharedkey*",
    "*preshared_key*",
    "*ssid*",
    "*serial*",
    "*hostname*",
    "*host_name*",
    "*host-name*",
    "*username*",
    "*user_name*",
    "*login*",
    "*email*",
    "*imei*",
    "*imsi*",
    "*iccid*",
    "*msisdn*",
    "*devicename*",
    "*friendlyname*",
    "*uuid*",
    "*udn*",
    "*csrf*",
    "*session*",
    "sid",
    "x_*",
    "*credential*",
    "*cookie*",
    "*comment*",
    "*description*",
    "*domain*",
    "*radius*",
    "*key",
    "pin",
];

/// What was blanked, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrubbed {
    /// The text that may be shown.
    pub text: String,
    /// (what, how often).
    pub removed: BTreeMap<String, usize>,
}

struct Patterns {
    mac: Regex,
    json: Regex,
    xml: Regex,
    assigned: Regex,
    address: Regex,
    session: Regex,
}

fn patterns() -> &'static Patterns {
    static MADE: OnceLock<Patterns> = OnceLock::new();
    MADE.get_or_init(|| {
        let make = |pattern: &str| Regex::new(pattern).expect("a fixed pattern");
        Patterns {
            mac: make(r"(?i)\b(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}[:-]){4}[0-9a-f]{2}\b"),
            json: make(r#"("(?P<key>[^"\\]{1,64})"\s*:\s*)"(?P<value>(?:[^"\\]|\\.)*)""#),
            xml: make(r"<(?P<key>[A-Za-z_][\w.:-]{0,63})(?P<attrs>(?:\s[^<>]*)?)>(?P<value>[^<>]+)</"),
            assigned: make(r"(?i)((?:var\s+)?(?P<key>[a-z_$][\w$]{0,63})\s*=\s*)'(?P<value>[^'\n]*)'"),
            address: make(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}\b"),
            session: make(r"\b[0-9a-fA-F]{32,}\b|\b[A-Za-z0-9+/_-]{40,}={0,2}"),
        }
    })
}

/// Blanks what nobody else should see; `redact` names more keys, as the adapter does.
pub fn scrub(text: &str, redact: &[String]) -> Scrubbed {
    let mut blanks = Blanks { redact, removed: BTreeMap::new(), stand_ins: BTreeMap::new() };
    let made = patterns();
    let text = made.json.replace_all(text, |found: &Captures<'_>| {
        let value = blanks.keyed(&found["key"], &found["value"]);
        format!("{}\"{value}\"", &found[1])
    });
    let text = made.xml.replace_all(&text, |found: &Captures<'_>| {
        let name = found["key"].rsplit(':').next().unwrap_or("").to_owned();
        let value = blanks.keyed(&name, &found["value"]);
        format!("<{}{}>{value}</", &found["key"], &found["attrs"])
    });
    let text = made.assigned.replace_all(&text, |found: &Captures<'_>| {
        let value = blanks.keyed(&found["key"], &found["value"]);
        format!("{}'{value}'", &found[1])
    });
    let text = made.mac.replace_all(&text, |found: &Captures<'_>| {
        let join = found.get(1).map_or(":", |join| join.as_str()).to_owned();
        blanks.stand_in("MAC addresses", &found[0].to_ascii_lowercase().replace('-', ":"), |n| {
            // RFC 7042, section 2.1.2: octets for documentation.
            ["00", "00", "5e", "00", "53", &format!("{:02x}", n & 0xff)].join(&join)
        })
    });
    let text = made.address.replace_all(&text, |found: &Captures<'_>| blanks.address(&found[0]));
    let text = made
        .session
        .replace_all(&text, |found: &Captures<'_>| blanks.stand_in("long keys", &found[0], |n| format!("removed-{n}")));
    Scrubbed { text: text.into_owned(), removed: blanks.removed }
}

struct Blanks<'a> {
    redact: &'a [String],
    removed: BTreeMap<String, usize>,
    stand_ins: BTreeMap<(String, String), usize>,
}

impl Blanks<'_> {
    fn stand_in(&mut self, what: &str, value: &str, make: impl Fn(usize) -> String) -> String {
        *self.removed.entry(what.to_owned()).or_default() += 1;
        let next = self.stand_ins.keys().filter(|(kind, _)| kind == what).count() + 1;
        make(*self.stand_ins.entry((what.to_owned(), value.to_owned())).or_insert(next))
    }

    fn keyed(&mut self, key: &str, value: &str) -> String {
        let lower = key.to_ascii_lowercase();
        let blank = ALWAYS.iter().copied().chain(self.redact.iter().map(String::as_str)).any(|p| fits(p, &lower));
        // Switches and numbers say nothing of a person, and a parser may need them. So do addresses.
        let harmless = value.trim().is_empty()
            || matches!(value.trim(), "true" | "false" | "0" | "1" | "on" | "off" | "enabled" | "disabled")
            || value.trim().parse::<IpAddr>().is_ok()
            || value.trim().parse::<ipnet::IpNet>().is_ok();
        if !blank || harmless {
            return value.to_owned();
        }
        self.stand_in(&format!("`{key}`"), value, |n| format!("removed-{n}"))
    }

    /// Addresses of the LAN are what a fixture is about; those of the internet are the owner's.
    fn address(&mut self, text: &str) -> String {
        let Ok(address) = text.parse::<IpAddr>() else { return text.to_owned() };
        let shown = match address {
            IpAddr::V4(v4) => {
                let mask = ipnet::ipv4_mask_to_prefix(v4).is_ok();
                mask || v4.is_private()
                    || v4.is_loopback()
                    || v4.is_link_local()
                    || v4.is_multicast()
                    || v4.is_broadcast()
                    || v4.is_unspecified()
                    || v4.octets()[0] == 0
            }
            IpAddr::V6(v6) => {
                v6.is_loopback()
                    || v6.is_unicast_link_local()
                    || v6.is_unique_local()
                    || v6.is_multicast()
                    || v6.is_unspecified()
                    || v6.segments()[..2] == [0, 0]
            }
        };
        if shown {
            return text.to_owned();
        }
        let v4 = address.is_ipv4();
        // RFC 5737 and RFC 3849: addresses for documentation.
        self.stand_in("public addresses", text, |n| {
            if v4 { format!("192.0.2.{}", n.min(254)) } else { format!("2001:db8::{n:x}") }
        })
    }
}

/// Whether a name fits a pattern with `*` at its ends.
fn fits(pattern: &str, name: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let middle = pattern.trim_matches('*');
    match (pattern.starts_with('*'), pattern.ends_with('*')) {
        (true, true) => name.contains(middle),
        (true, false) => name.ends_with(middle),
        (false, true) => name.starts_with(middle),
        (false, false) => name == middle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keys_and_macs_go_and_what_is_read_stays() {
        let text = r#"{"ssid":"Smith family","dhcp":{"start":"192.168.1.10","end":"192.168.1.99","enabled":true},
"hosts":[{"hostname":"annas-phone","mac":"AA:BB:CC:11:22:33","ip":"192.168.1.20"},{"hostname":"annas-phone","mac":"aa:bb:cc:11:22:33"}],
"wan":"81.2.3.4","dns":"2a00:1234::5","x_passphrase":"correct horse \"x\"","my_label":"Bob"}"#;
        let found = scrub(text, &["my_*".to_owned()]);
        for gone in ["Smith", "anna", "AA:BB", "aa:bb", "81.2.3.4", "2a00:1234", "correct horse", "Bob"] {
            assert!(!found.text.contains(gone), "{gone} in {}", found.text);
        }
        for kept in ["\"start\":\"192.168.1.10\"", "192.168.1.99", "\"enabled\":true", "192.168.1.20"] {
            assert!(found.text.contains(kept), "{kept} in {}", found.text);
        }
        assert_eq!(found.text.matches("00:00:5e:00:53:01").count(), 2, "one machine stays one machine");
        assert!(serde_json::from_str::<serde_json::Value>(&found.text).is_ok(), "{}", found.text);
        assert_eq!(found.removed.get("MAC addresses"), Some(&2));
        assert_eq!(found.removed.get("public addresses"), Some(&2));
    }

    #[test]
    fn xml_and_scripts_too() {
        let text = "<r><SSID>Smith</SSID><NewMinAddress>192.168.1.2</NewMinAddress><s:SerialNumber x='1'>AB12</s:SerialNumber></r>\n\
                    var sessionId = '1234'; var dhcpStart = '192.168.0.2'; hostName='anna';";
        let found = scrub(text, &[]).text;
        for gone in ["Smith", "AB12", "'1234'", "anna"] {
            assert!(!found.contains(gone), "{gone} in {found}");
        }
        assert!(found.contains("<NewMinAddress>192.168.1.2</") && found.contains("'192.168.0.2'"), "{found}");
    }

    #[test]
    fn scrubbing_twice_changes_nothing_more() {
        let once = scrub("{\"serial\":\"X1\",\"mac\":\"aa:bb:cc:11:22:33\",\"wan\":\"81.2.3.4\"}", &[]).text;
        assert_eq!(scrub(&once, &[]).text, once);
    }
}
