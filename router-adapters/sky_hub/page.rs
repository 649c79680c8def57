//! One page of a Sky Hub: what kind of page it is, and the values its inline script carries.
//!
//! The page's structure (title, inputs, script elements) comes from an HTML parser; the values come from the text of
//! the script elements, comments taken out, by expressions that run in linear time. Form inputs are never read for
//! addresses: their values are the firmware's template, whatever the hub is set to.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::LazyLock;

use regex::Regex;
use scraper::{Html, Selector};

/// What a page is, by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Advanced > LAN IP Setup.
    Lan,
    /// The form for one more reservation, which repeats the range.
    AddReservation,
    /// Another page of a Sky Hub.
    OtherSky,
    /// Anything else.
    Foreign,
}

/// What one page says. `None` is a value that was not found.
#[derive(Debug)]
pub(super) struct SkyPage<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    pub(super) title: Option<String>,
    pub(super) asks_for_password: bool,
    pub(super) is_empty: bool,
    pub(super) is_cut: bool,
    pub(super) start: Option<Ipv4Addr>,
    pub(super) end: Option<Ipv4Addr>,
    /// Every distinct address the script gives the hub; more than one is a contradiction.
    pub(super) hub: Vec<Ipv4Addr>,
    pub(super) mask: Option<Ipv4Addr>,
    pub(super) dhcp: Option<String>,
    pub(super) lease_hours: Option<u64>,
    pub(super) bridge: bool,
    pub(super) external: bool,
    /// `staticIPList`: MAC, IP, name.
    pub(super) static_list: Option<String>,
    /// `attach_dev` of the reservation table: MAC, name, IP, index.
    pub(super) reservation_table: Option<String>,
    pub(super) ula: Option<Ula>,
    pub(super) model: Option<String>,
    pub(super) firmware: Option<String>,
    words: String,
}

/// The IPv6 prefix of the LAN's own, as far as the page says it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ula {
    pub(super) prefix: String,
    /// Whether the prefix stood in the script; otherwise it is an input's value.
    pub(super) from_script: bool,
}

const IPV4: &str = r#"(?:'[ \t]*([0-9]{1,3}(?:\.[0-9]{1,3}){3})[ \t]*'|"[ \t]*([0-9]{1,3}(?:\.[0-9]{1,3}){3})[ \t]*")"#;
const STRING: &str = r#"(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)")"#;

macro_rules! pattern {
    ($name:ident, $($part:expr),+) => {
        static $name: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(&[$($part),+].concat()).expect("the expression is a constant"));
    };
}

pattern!(START, r"\bvar\s+dhcpStart\s*=\s*", IPV4);
pattern!(END, r"\bvar\s+dhcpEnd\s*=\s*", IPV4);
pattern!(HUB, r"(?:^|[^\w.])Ipaddr\s*=\s*", IPV4);
pattern!(MASK, r"(?:^|[^\w.])Subnetmask\s*=\s*", IPV4);
pattern!(START_OBJ, r"\bvar\s+dhcpStartObj\s*=\s*", IPV4);
pattern!(END_OBJ, r"\bvar\s+dhcpEndObj\s*=\s*", IPV4);
pattern!(HUB_OBJ, r"\bvar\s+lanIpObj\s*=\s*", IPV4);
pattern!(DHCP, r"\bvar\s+dhcpEnbl\s*=\s*", STRING);
pattern!(LEASE, r"\bvar\s+dhcpLease\s*=\s*", STRING);
pattern!(PROTO, r"\bvar\s+proto\s*=\s*", STRING);
pattern!(IP_EXT, r"\bvar\s+ipExt\s*=\s*", STRING);
pattern!(STATIC_LIST, r"\bstaticIPList\s*=\s*", STRING);
pattern!(ATTACHED, r"\battach_dev\s*=\s*", STRING);
pattern!(SERVER_DATA, r"\bsrvData\s*=\s*\{([^}]*)\}");
pattern!(MEMBER, r#"['"]?(\w+)['"]?\s*:\s*['"]?([^'",}\s]*)"#);
pattern!(ASSIGNED, r#"\bsrvData\.(\w+)\s*=\s*['"]?([^'";\s]*)"#);

impl<'a> SkyPage<'a> {
    pub(super) fn read(name: &'a str, text: &str) -> Self {
        let html = Html::parse_document(text);
        let script = scripts(&html);
        let title = first_text(&html, "title");
        let kind = kind(&html, &script, title.as_deref());
        let values = if kind == Kind::AddReservation { Values::ADD_RESERVATION } else { Values::LAN };
        let lan = kind == Kind::Lan;
        let on_lan = |pattern: &Regex| lan.then(|| string(pattern, &script)).flatten();
        let mut hub: Vec<Ipv4Addr> = Vec::new();
        for address in addresses(values.hub, &script) {
            if !hub.contains(&address) {
                hub.push(address);
            }
        }
        Self {
            name,
            kind,
            asks_for_password: has(&html, "input[type=password i]"),
            is_empty: text.trim().is_empty(),
            is_cut: !text.to_ascii_lowercase().contains("</html"),
            start: addresses(values.start, &script).next(),
            end: addresses(values.end, &script).next(),
            hub,
            mask: addresses(&MASK, &script).next(),
            dhcp: on_lan(&DHCP),
            lease_hours: on_lan(&LEASE).and_then(|hours| hours.trim().parse().ok()).filter(|hours| *hours > 0),
            bridge: on_lan(&PROTO).is_some_and(|proto| proto.eq_ignore_ascii_case("bridge")),
            external: on_lan(&IP_EXT).is_some_and(|flag| flag.trim() == "1"),
            static_list: on_lan(&STATIC_LIST),
            reservation_table: on_lan(&ATTACHED),
            ula: lan.then(|| ula(&html, &script)).flatten(),
            model: labelled(&html, "router-status-model-value"),
            firmware: labelled(&html, "router-status-fwversion-value"),
            words: words(title.as_deref(), &html),
            title,
        }
    }

    /// Which other make of router the page looks like.
    pub(super) fn other_router(&self) -> Option<&'static str> {
        let makes = [
            ("virgin", "a Virgin Media Hub"),
            ("fritz!box", "a FRITZ!Box"),
            ("bt hub", "a BT Hub"),
            ("bt smart hub", "a BT Smart Hub"),
            ("plusnet", "a Plusnet Hub"),
            ("vodafone", "a Vodafone router"),
            ("talktalk", "a TalkTalk router"),
            ("tp-link", "a TP-Link router"),
            ("netgear", "a Netgear router"),
            ("openwrt", "an OpenWrt router"),
            ("unifi", "a UniFi gateway"),
            ("asus", "an ASUS router"),
            ("routeros", "a MikroTik router"),
            ("opnsense", "OPNsense"),
            ("pfsense", "pfSense"),
        ];
        makes.iter().find(|(word, _)| self.words.contains(word)).map(|(_, make)| *make)
    }
}

/// Whether a text is no page of a hub by its size. The HTML parser's time grows with the square of the nesting, so the
/// tags are counted first; the hub's own pages have some hundreds.
pub(super) fn is_too_large(text: &str) -> bool {
    text.len() > 256 * 1024 || text.bytes().filter(|byte| *byte == b'<').nth(5000).is_some()
}

/// Whether a text is a Sky Hub's page, without parsing it.
pub(super) fn looks_like_sky(text: &str) -> bool {
    let marks = [
        "sysPoolStartingAddr1",
        "dhcpStartObj",
        "router-status-fwversion-value",
        "sky_lan_ip_setup",
        "sky_router_status",
    ];
    marks.iter().any(|mark| text.contains(mark))
        || (text.contains("dhcpStart") && text.contains("dhcpEnbl"))
        || titled_sky(text)
}

fn titled_sky(text: &str) -> bool {
    pattern!(TITLE, r"(?i)<title>\s*Sky\s+(?:Broadband\s+)?Hub\b");
    TITLE.is_match(text)
}

/// The names of one page's variables.
struct Values {
    start: &'static LazyLock<Regex>,
    end: &'static LazyLock<Regex>,
    hub: &'static LazyLock<Regex>,
}

impl Values {
    const LAN: Self = Self { start: &START, end: &END, hub: &HUB };
    const ADD_RESERVATION: Self = Self { start: &START_OBJ, end: &END_OBJ, hub: &HUB_OBJ };
}

fn kind(html: &Html, script: &str, title: Option<&str>) -> Kind {
    let declares_range = START.is_match(script) && END.is_match(script);
    if declares_range || DHCP.is_match(script) || has(html, r#"input[name="sysPoolStartingAddr1"]"#) {
        Kind::Lan
    } else if START_OBJ.is_match(script) || script.contains("validateReserveIp") {
        Kind::AddReservation
    } else if title.is_some_and(|title| title.to_ascii_lowercase().contains("sky hub"))
        || script.contains("attach_dev")
        || labelled(html, "router-status-model-value").is_some()
    {
        Kind::OtherSky
    } else {
        Kind::Foreign
    }
}

fn scripts(html: &Html) -> String {
    let mut all = String::new();
    for element in select(html, "script") {
        all.push_str(&without_comments(&element.text().collect::<String>()));
        all.push('\n');
    }
    all
}

/// A script with its comments blanked; a quote inside a comment opens no string, `//` inside a string no comment.
fn without_comments(script: &str) -> String {
    let mut out = String::with_capacity(script.len());
    let mut rest = script;
    let mut quote = None;
    let mut closes = true;
    while let Some(c) = rest.chars().next() {
        let skipped = match quote {
            None if rest.starts_with("//") || rest.starts_with("<!--") => Some(rest.find('\n').unwrap_or(rest.len())),
            // One search is enough to know that nothing closes: a page of openings must not cost a search each.
            None if closes && rest.starts_with("/*") => {
                let end = rest[2..].find("*/").map(|end| end + 4);
                closes = end.is_some();
                end
            }
            Some(_) | None => None,
        };
        if let Some(length) = skipped {
            out.push(' ');
            rest = &rest[length..];
            continue;
        }
        let mut length = c.len_utf8();
        quote = match (quote, c) {
            (None, '\'' | '"') => Some(c),
            (Some(open), _) if open == c || c == '\n' => None,
            (Some(open), '\\') => {
                length += rest[length..].chars().next().map_or(0, char::len_utf8);
                Some(open)
            }
            (state, _) => state,
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

fn addresses(pattern: &'static Regex, script: &str) -> impl Iterator<Item = Ipv4Addr> {
    pattern.captures_iter(script).filter_map(|found| found.get(1).or_else(|| found.get(2))?.as_str().parse().ok())
}

/// The first string assigned, escapes undone.
fn string(pattern: &Regex, script: &str) -> Option<String> {
    let found = pattern.captures(script)?;
    let raw = found.get(1).or_else(|| found.get(2))?.as_str();
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Some(text)
}

/// The announced ULA prefix: the flags only from the script, the prefix from the script or else from its input.
fn ula(html: &Html, script: &str) -> Option<Ula> {
    let object = SERVER_DATA.captures(script).and_then(|found| found.get(1)).map_or("", |m| m.as_str());
    let mut data = BTreeMap::new();
    for found in MEMBER.captures_iter(object).chain(ASSIGNED.captures_iter(script)) {
        let key = found[1].strip_prefix("i_").unwrap_or(&found[1]).to_ascii_lowercase();
        data.insert(key, found[2].to_owned());
    }
    let is = |key: &str, value: &str| data.get(key).is_some_and(|found| found == value);
    if !is("enblradvdula", "1") || is("lansideipv6", "0") || is("enblelanipv6", "0") {
        return None;
    }
    let said = data.get("ipv6ulaprefix").filter(|prefix| !prefix.is_empty());
    let input = || {
        let field = select(html, r#"input[name="i_ipv6UlaPrefix"], input[id="i_ipv6UlaPrefix"]"#).into_iter().next()?;
        Some(Ula { prefix: field.attr("value")?.trim().to_owned(), from_script: false })
    };
    said.map(|prefix| Ula { prefix: prefix.clone(), from_script: true }).or_else(input)
}

fn select<'h>(html: &'h Html, selector: &str) -> Vec<scraper::ElementRef<'h>> {
    let selector = Selector::parse(selector).expect("the selector is a constant");
    html.select(&selector).collect()
}

fn has(html: &Html, selector: &str) -> bool {
    !select(html, selector).is_empty()
}

fn first_text(html: &Html, selector: &str) -> Option<String> {
    let text = select(html, selector).first()?.text().collect::<String>();
    Some(plain(&text)).filter(|text| !text.is_empty())
}

/// The text of an element that carries this name as its id, class or name.
fn labelled(html: &Html, name: &str) -> Option<String> {
    let text = first_text(html, &format!(r#"[id="{name}"], [class~="{name}"], [name="{name}"]"#))?;
    (text.len() <= 60 && !text.contains("document.write")).then_some(text)
}

fn words(title: Option<&str>, html: &Html) -> String {
    let headings = select(html, "h1, h2, img[alt], meta[name=description]").into_iter().map(|element| {
        let text: String = element.text().collect();
        [text.as_str(), element.attr("alt").unwrap_or(""), element.attr("content").unwrap_or("")].join(" ")
    });
    let all: Vec<String> = title.map(str::to_owned).into_iter().chain(headings).collect();
    all.join(" ").to_ascii_lowercase()
}

/// A text of the router made fit for a line on a terminal: no control characters, single spaces, at most 80 characters.
pub(super) fn plain(text: &str) -> String {
    let invisible = |c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let clean: String = text.chars().map(|c| if invisible(c) { ' ' } else { c }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_strings_stay() {
        let script = "a = 'x//y'; // it's gone\nb = \"/* stays */\"; /* var c = 'no' */ d = 'it\\'s';";
        assert_eq!(without_comments(script), "a = 'x//y';  \nb = \"/* stays */\";   d = 'it\\'s';");
        assert_eq!(without_comments("a /* b /* c"), "a /* b /* c");
        assert_eq!(without_comments("/*/ x */y"), " y");
    }

    #[test]
    fn a_name_cannot_move_the_cursor() {
        assert_eq!(plain("tv\u{1b}[2J\u{202e}\n  x"), "tv [2J x");
    }
}
