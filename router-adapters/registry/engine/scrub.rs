//! Answers made fit to be shown: names, MAC addresses, serial numbers, keys and public addresses blanked, the structure kept.
//!
//! First all answers of a recording are looked through for what is somebody's own ([`Scrubber::learn`]), then each is
//! rewritten: a value has one stand-in wherever it occurs, so that the answers still agree with each other.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::OnceLock;

use regex::{Captures, Regex};
use serde_json::Value;

/// Keys and elements that are always blanked; `*` stands for any letters.
const ALWAYS: [&str; 50] = [
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
    "name",
    "*devname*",
    "*alias*",
    "attach_dev",
    "staticiplist",
    "*location*",
];

/// What routers call things themselves, and switches: nobody's own.
const NOBODYS: [&str; 26] = [
    "true", "false", "on", "off", "enabled", "disabled", "enable", "disable", "yes", "no", "none", "null", "lan",
    "wan", "guest", "default", "defconf", "dhcp", "static", "dynamic", "bridge", "loopback", "&nbsp;", "ignore",
    "admin", "root",
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
    parts: Regex,
}

fn patterns() -> &'static Patterns {
    static MADE: OnceLock<Patterns> = OnceLock::new();
    MADE.get_or_init(|| {
        let make = |pattern: &str| Regex::new(pattern).expect("a fixed pattern");
        Patterns {
            mac: make(
                r"(?i)\b(?:[0-9a-f]{2}(?P<join>[:-]))(?:[0-9a-f]{2}[:-]){4}[0-9a-f]{2}\b|\b[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}\b|\b[0-9a-f]{12}\b",
            ),
            json: make(r#"("(?P<key>[^"\\]{1,64})"\s*:\s*)"(?P<value>(?:[^"\\]|\\.)*)""#),
            xml: make(r"<(?P<key>[A-Za-z_][\w.:-]{0,63})(?P<attrs>(?:\s[^<>]*)?)>(?P<value>[^<>]+)</"),
            assigned: make(r"(?i)((?:var\s+)?(?P<key>[a-z_$][\w$]{0,63})\s*=\s*)'(?P<value>[^'\n]*)'"),
            address: make(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}\b"),
            session: make(r"\b[0-9a-fA-F]{32,}\b|\b[A-Za-z0-9+/_-]{40,}={0,2}"),
            // Lists in a text: of dnsmasq (MAC,ADDRESS,name) and of Sky Hubs (MAC<br>name<lf>).
            parts: make(r"[^,<>]+|<(?:br|lf)>|[,<>]"),
        }
    })
}

/// Blanks one text alone; `redact` names more keys, as the adapter does.
pub fn scrub(text: &str, redact: &[String]) -> Scrubbed {
    let mut scrubber = Scrubber::new(redact);
    scrubber.learn(text);
    scrubber.scrub(text)
}

/// Blanks the answers of one recording.
#[derive(Debug)]
pub struct Scrubber {
    redact: Vec<String>,
    /// What is somebody's own, with the key that it stood under first and its number.
    own: BTreeMap<String, (String, usize)>,
    /// What else was replaced, by kind.
    others: BTreeMap<&'static str, BTreeMap<String, usize>>,
    removed: BTreeMap<String, usize>,
}

impl Scrubber {
    /// Nothing learned yet; `redact` names more keys, as the adapter does.
    pub fn new(redact: &[String]) -> Self {
        let redact = redact.iter().map(|pattern| pattern.to_ascii_lowercase()).collect();
        Self { redact, own: BTreeMap::new(), others: BTreeMap::new(), removed: BTreeMap::new() }
    }

    /// Takes note of what is somebody's own in an answer.
    pub fn learn(&mut self, text: &str) {
        if let Ok(json) = serde_json::from_str::<Value>(text) {
            self.learn_json("", &json);
            return;
        }
        let made = patterns();
        for found in [&made.json, &made.xml, &made.assigned].into_iter().flat_map(|pattern| pattern.captures_iter(text))
        {
            let key = found["key"].rsplit(':').next().unwrap_or("").to_owned();
            self.note(&key, &found["value"]);
        }
    }

    fn learn_json(&mut self, key: &str, json: &Value) {
        match json {
            Value::String(text) => self.note(key, text),
            // A list is what its key says.
            Value::Array(list) => list.iter().for_each(|value| self.learn_json(key, value)),
            Value::Object(map) => map.iter().for_each(|(key, value)| self.learn_json(key, value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn note(&mut self, key: &str, value: &str) {
        if !self.is_blanked(key) {
            return;
        }
        for part in patterns().parts.find_iter(value).map(|part| part.as_str().trim()) {
            if !is_nobodys(part) && !self.own.contains_key(part) {
                let number = self.own.len() + 1;
                self.own.insert(part.to_owned(), (key.to_owned(), number));
            }
        }
    }

    fn is_blanked(&self, key: &str) -> bool {
        let lower = key.to_ascii_lowercase();
        ALWAYS.iter().copied().chain(self.redact.iter().map(String::as_str)).any(|pattern| fits(pattern, &lower))
    }

    /// Rewrites an answer, and says what was taken out of it.
    pub fn scrub(&mut self, text: &str) -> Scrubbed {
        self.removed.clear();
        let made = patterns();
        let text = if let Ok(mut json) = serde_json::from_str::<Value>(text) {
            self.scrub_json("", &mut json);
            serde_json::to_string_pretty(&json).unwrap_or_default() + "\n"
        } else {
            let text = made
                .json
                .replace_all(text, |found: &Captures<'_>| format!("{}\"{}\"", &found[1], self.value(&found["value"])));
            let text = made.xml.replace_all(&text, |found: &Captures<'_>| {
                format!("<{}{}>{}</", &found["key"], &found["attrs"], self.value(&found["value"]))
            });
            let text = made
                .assigned
                .replace_all(&text, |found: &Captures<'_>| format!("{}'{}'", &found[1], self.value(&found["value"])));
            text.into_owned()
        };
        let text = self.words(text);
        let text = made.mac.replace_all(&text, |found: &Captures<'_>| self.mac(found));
        let text = made.address.replace_all(&text, |found: &Captures<'_>| self.address(&found[0]));
        let text = made.session.replace_all(&text, |found: &Captures<'_>| {
            self.stand_in("long keys", &found[0], |n| format!("removed-{n}"))
        });
        Scrubbed { text: text.into_owned(), removed: std::mem::take(&mut self.removed) }
    }

    fn scrub_json(&mut self, key: &str, json: &mut Value) {
        match json {
            Value::String(text) => *text = self.value(text),
            Value::Array(list) => list.iter_mut().for_each(|value| self.scrub_json(key, value)),
            Value::Object(map) => map.iter_mut().for_each(|(key, value)| self.scrub_json(key, value)),
            // Small numbers are switches and counts; a long one under such a key is a number of somebody's.
            Value::Number(number) if number.to_string().len() >= 3 && self.is_blanked(key) => {
                *self.removed.entry(format!("`{key}`")).or_default() += 1;
                *json = Value::from(0);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A value, part by part.
    fn value(&mut self, value: &str) -> String {
        if let Some(whole) = self.known(value.trim()) {
            return whole;
        }
        let mut out = String::new();
        for part in patterns().parts.find_iter(value) {
            match self.known(part.as_str().trim()) {
                Some(stand_in) => out.push_str(&stand_in),
                None => out.push_str(part.as_str()),
            }
        }
        out
    }

    fn known(&mut self, text: &str) -> Option<String> {
        let (key, number) = self.own.get(text)?;
        *self.removed.entry(format!("`{key}`")).or_default() += 1;
        Some(format!("removed-{number}"))
    }

    /// What was learned elsewhere may stand in running text: whole words of some length.
    fn words(&mut self, mut text: String) -> String {
        let long: Vec<String> = self.own.keys().filter(|word| word.chars().count() >= 5).cloned().collect();
        for word in long {
            if !text.contains(&word) {
                continue;
            }
            let mut out = String::new();
            let mut rest = text.as_str();
            while let Some(at) = rest.find(&word) {
                let (before, after) = (&rest[..at], &rest[at + word.len()..]);
                let joins = |c: char| c.is_alphanumeric();
                let whole = !before.ends_with(joins) && !after.starts_with(joins);
                out.push_str(before);
                match self.known(&word).filter(|_| whole) {
                    Some(stand_in) => out.push_str(&stand_in),
                    None => out.push_str(&word),
                }
                rest = after;
            }
            out.push_str(rest);
            text = out;
        }
        text
    }

    fn stand_in(&mut self, what: &'static str, value: &str, make: impl Fn(usize) -> String) -> String {
        *self.removed.entry(what.to_owned()).or_default() += 1;
        let others = self.others.entry(what).or_default();
        let next = others.len() + 1;
        make(*others.entry(value.to_owned()).or_insert(next))
    }

    fn mac(&mut self, found: &Captures<'_>) -> String {
        let text = &found[0];
        // Twelve digits without a letter are a number.
        if !text.contains([':', '-', '.']) && !text.contains(|c: char| c.is_ascii_alphabetic()) {
            return text.to_owned();
        }
        let join = found.name("join").map(|join| join.as_str().to_owned());
        let bare: String = text.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_ascii_lowercase();
        // RFC 7042, section 2.1.2: octets for documentation.
        let octets = |n: usize| {
            ["00", "00", "5e", "00", "53"].map(str::to_owned).into_iter().chain([format!("{:02x}", n & 0xff)])
        };
        if bare.starts_with("00005e0053") {
            return text.to_owned();
        }
        let dotted = text.contains('.');
        self.stand_in("MAC addresses", &bare, |n| {
            let octets: Vec<String> = octets(n).collect();
            match &join {
                Some(join) => octets.join(join),
                None if dotted => octets.chunks(2).map(<[String]>::concat).collect::<Vec<_>>().join("."),
                None => octets.concat(),
            }
        })
    }

    /// Addresses of the LAN are what a fixture is about; those of the internet are the owner's.
    fn address(&mut self, text: &str) -> String {
        let Ok(address) = text.parse::<IpAddr>() else { return text.to_owned() };
        let shown = match address {
            IpAddr::V4(v4) => {
                let mask = ipnet::ipv4_mask_to_prefix(v4).is_ok();
                mask || v4.is_private()
                    || v4.is_documentation()
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
                    || v6.segments()[..2] == [0x2001, 0xdb8]
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

/// Whether a part of a value says nothing of a person, and a parser may need it: switches, numbers, addresses, times.
fn is_nobodys(part: &str) -> bool {
    let lower = part.to_ascii_lowercase();
    part.is_empty()
        || matches!(part, "," | "<" | ">" | "<br>" | "<lf>" | "*")
        || NOBODYS.contains(&lower.as_str())
        || part.starts_with("removed-")
        || part.len() <= 2 && part.chars().all(|c| c.is_ascii_digit())
        || part.parse::<IpAddr>().is_ok()
        || part.parse::<ipnet::IpNet>().is_ok()
        || crate::write::normal_mac(part).is_some()
        || lower
            .strip_suffix(['s', 'm', 'h', 'd', 'w'])
            .is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
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
        for kept in ["\"start\": \"192.168.1.10\"", "192.168.1.99", "\"enabled\": true", "192.168.1.20"] {
            assert!(found.text.contains(kept), "{kept} in {}", found.text);
        }
        assert_eq!(found.text.matches("00:00:5e:00:53:01").count(), 2, "one machine stays one machine");
        assert!(serde_json::from_str::<Value>(&found.text).is_ok(), "{}", found.text);
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
    fn answers_of_one_recording_still_agree() {
        let servers = r#"[{"name":"annas-lan","interface":"bridge1","address-pool":"pool of anna"}]"#;
        let pools = r#"[{"name":"pool of anna","ranges":"10.0.0.2-10.0.0.9"}]"#;
        let mut scrubber = Scrubber::new(&[]);
        scrubber.learn(servers);
        scrubber.learn(pools);
        let (servers, pools) = (scrubber.scrub(servers).text, scrubber.scrub(pools).text);
        assert!(!servers.contains("anna") && !pools.contains("anna"), "{servers} {pools}");
        let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        assert_eq!(read(&servers)[0]["address-pool"], read(&pools)[0]["name"]);
        assert_eq!(read(&pools)[0]["ranges"], "10.0.0.2-10.0.0.9");
    }

    #[test]
    fn lists_within_a_text_are_taken_apart() {
        let hosts = r#"{"hosts":["aa:bb:cc:11:22:33,192.168.1.20,annas-phone,12h"],"pin":12345678,"note":"annas-phone is Anna's"}"#;
        let found = scrub(hosts, &["hosts".to_owned()]).text;
        assert!(
            found.contains("\"00:00:5e:00:53:01,192.168.1.20,removed-1,12h\"") && found.contains("\"pin\": 0"),
            "{found}"
        );
        assert!(!found.contains("annas-phone"), "{found}");
        let sky = "var staticIPList = 'aa:bb:cc:11:22:33<br>192.168.1.20<br>nas-of-anna<lf>aabbccddeeff<br>192.168.1.21<br>&nbsp;';";
        let found = scrub(sky, &[]).text;
        assert_eq!(
            found,
            "var staticIPList = '00:00:5e:00:53:01<br>192.168.1.20<br>removed-1<lf>00005e005302<br>192.168.1.21<br>&nbsp;';"
        );
    }

    #[test]
    fn scrubbing_twice_changes_nothing_more() {
        let once = scrub("{\"serial\":\"X1\",\"mac\":\"aa:bb:cc:11:22:33\",\"wan\":\"81.2.3.4\"}", &[]).text;
        assert_eq!(scrub(&once, &[]).text, once);
    }
}
