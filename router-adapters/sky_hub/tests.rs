//! The Sky Hub's pages: the fixtures, the traps, and pages that were changed at random.

use poolcheck_plan::facts::{Completeness, DhcpState};
use poolcheck_plan::{Confidence, SourceKind};
use proptest::prelude::*;

use super::*;

macro_rules! fixture {
    ($path:literal) => {
        include_str!(concat!("../fixtures/sky-hub/", $path))
    };
}

const HOMELAB: &str = fixture!("homelab/sky_lan_ip_setup.html");
const AFTER: &str = fixture!("homelab-after/sky_lan_ip_setup.html");
const ADDMAC: &str = fixture!("addmac/sky_lan_ip_setup_addmac.html");
const STATUS: &str = fixture!("status/sky_router_status.html");

fn read_all(texts: &[&str], read_at: Option<(&str, &str)>) -> (Result<Facts, AdapterError>, Sources) {
    let names = ["saved/lan.html", "saved/two.html", "saved/three.html"];
    let pages: Vec<Page<'_>> = names.iter().zip(texts).map(|(name, text)| Page { name, text }).collect();
    let mut sources = Sources::new();
    (ADAPTER.parse(&Input { pages: &pages, read_at }, &mut sources), sources)
}

fn read(text: &str) -> (Facts, Sources) {
    let (facts, sources) = read_all(&[text], None);
    (facts.expect("the page is right"), sources)
}

fn refused(texts: &[&str]) -> Complaint {
    let (facts, sources) = read_all(texts, None);
    assert_eq!(sources.iter().count(), 0, "a page that is refused leaves no card");
    facts.expect_err("the page is wrong").complaints.remove(0)
}

fn card(sources: &Sources) -> (String, String) {
    let (_, source) = sources.iter().last().expect("there is a card");
    assert_eq!(source.kind, SourceKind::Card);
    (source.name.clone(), source.text.to_string())
}

fn ranges(facts: &Facts) -> Vec<String> {
    facts.segments[0].dhcp[0].ranges.iter().map(|range| range.value.to_string()).collect()
}

#[test]
fn the_homelab_page_becomes_a_card() {
    let (facts, sources) = read(HOMELAB);
    let (title, text) = card(&sources);
    assert_eq!(title, "sky-hub 192.168.1.1 (saved/lan.html)");
    let lines = "LAN 192.168.1.0/24, hub 192.168.1.1\n\
                 DHCP on: 192.168.1.2 to 192.168.1.253, lease 24 h\n\
                 reserved: 192.168.1.20 nas aa:bb:cc:00:00:01\n\
                 reserved: 192.168.1.21 printer aa:bb:cc:00:00:02\n\
                 reserved: 192.168.1.22 tv aa:bb:cc:00:00:03\n\
                 IPv6 announced: fd12:3456:789a::/64\n";
    assert_eq!(text, lines);
    let segment = &facts.segments[0];
    let server = &segment.dhcp[0];
    assert_eq!(ranges(&facts), ["192.168.1.2-192.168.1.253"]);
    assert_eq!(server.completeness, Completeness::Full);
    assert_eq!(server.reservations.len(), 3);
    assert!(server.reservations.iter().all(|r| r.confidence == Confidence::High));
    assert!(segment.hosts.is_empty(), "attached devices are clients, not fixed machines");
    assert_eq!(server.lease_seconds.as_ref().map(|lease| lease.value), Some(86_400));
    assert_eq!(facts.origins[0].how_to_shrink.as_deref(), Some(HOW_TO_SHRINK));
}

#[test]
fn every_fact_covers_its_exact_bytes() {
    let (facts, sources) = read(HOMELAB);
    let segment = &facts.segments[0];
    let server = &segment.dhcp[0];
    assert_eq!(sources.slice(segment.subnets[0].place), "192.168.1.0/24");
    assert_eq!(sources.slice(segment.subnets[1].place), "fd12:3456:789a::/64");
    assert_eq!(sources.slice(segment.gateways[0].place), "192.168.1.1");
    assert_eq!(sources.slice(server.state.place), "DHCP on");
    assert_eq!(sources.slice(server.ranges[0].place), "192.168.1.2 to 192.168.1.253");
    assert_eq!(sources.slice(server.lease_seconds.as_ref().expect("said").place), "24 h");
    assert_eq!(sources.slice(server.reservations[0].place), "192.168.1.20 nas aa:bb:cc:00:00:01");
}

#[test]
fn a_fetched_card_says_when_and_what_model() {
    let (facts, sources) = read_all(&[HOMELAB, STATUS, ADDMAC], Some(("192.168.1.1", "2026-11-23 10:32")));
    let facts = facts.expect("the pages agree");
    let (title, text) = card(&sources);
    assert_eq!(title, "sky-hub 192.168.1.1, read 2026-11-23 10:32");
    assert!(text.starts_with("model SR204, firmware 7.04.0208.R\nLAN 192.168.1.0/24"), "{text}");
    assert_eq!(facts.origins[0].title, "sky-hub 192.168.1.1");
    let (other_order, _) = read_all(&[STATUS, ADDMAC, HOMELAB], Some(("192.168.1.1", "2026-11-23 10:32")));
    assert_eq!(other_order.expect("the order is no matter"), facts);
}

#[test]
fn the_range_after_the_cure() {
    assert_eq!(ranges(&read(AFTER).0), ["192.168.1.2-192.168.1.120"]);
}

#[test]
fn a_factory_hub_leases_the_whole_subnet() {
    let (facts, sources) = read(fixture!("factory/sky_lan_ip_setup.html"));
    assert_eq!(ranges(&facts), ["192.168.0.2-192.168.0.254"]);
    let segment = &facts.segments[0];
    assert!(segment.dhcp[0].reservations.is_empty() && segment.dhcp[0].knows_reservations());
    assert_eq!(segment.subnets.len(), 1, "the ULA is not announced");
    assert_eq!(
        card(&sources).1,
        "LAN 192.168.0.0/24, hub 192.168.0.1\nDHCP on: 192.168.0.2 to 192.168.0.254, lease 24 h\n"
    );
}

#[test]
fn a_server_that_is_off_leases_nothing() {
    let (facts, sources) = read(fixture!("dhcp-off/sky_lan_ip_setup.html"));
    let server = &facts.segments[0].dhcp[0];
    assert_eq!((server.state.value, server.ranges.len()), (DhcpState::Off, 0));
    assert!(server.knows_ranges());
    assert!(card(&sources).1.contains("DHCP off (not in use: 192.168.1.2 to 192.168.1.253)\n"));
}

#[test]
fn a_relay_and_a_bridge_do_not_know_the_ranges() {
    let (relay, _) = read(fixture!("relay/sky_lan_ip_setup.html"));
    assert_eq!(relay.segments[0].dhcp[0].state.value, DhcpState::Relay);
    let (bridge, sources) = read(fixture!("bridge/sky_lan_ip_setup.html"));
    assert_eq!(bridge.segments[0].dhcp[0].state.value, DhcpState::Unknown);
    assert!(bridge.segments[0].gateways.is_empty());
    assert_eq!(sources.slice(bridge.segments[0].hosts[0].place), "192.168.1.1");
    for facts in [relay, bridge] {
        assert!(!facts.segments[0].dhcp[0].knows_ranges());
        assert!(ranges(&facts).is_empty());
    }
    let (external, _) = read(&HOMELAB.replace("ipExt = '0'", "ipExt = '1'"));
    assert!(!external.segments[0].dhcp[0].knows_ranges());
}

#[test]
fn no_trap_of_the_page_is_stepped_into() {
    let (facts, sources) = read(fixture!("reordered/sky_lan_ip_setup.html"));
    let text = "LAN 192.168.7.0/24, hub 192.168.7.1\n\
                DHCP on: 192.168.7.100 to 192.168.7.199, lease 48 h\n\
                reserved: 192.168.7.30 aa:bb:cc:00:00:02\n\
                reserved outside this LAN, not in use: 192.168.0.31 left over aa:bb:cc:00:00:04\n";
    assert_eq!(card(&sources).1, text);
    assert_eq!(facts.segments[0].subnets.len(), 1, "an input's ULA that is not announced is not a subnet");
}

#[test]
fn the_second_page_alone_gives_the_range_and_no_more() {
    let (facts, sources) = read(ADDMAC);
    let segment = &facts.segments[0];
    assert_eq!(ranges(&facts), ["192.168.1.2-192.168.1.253"]);
    assert_eq!(segment.dhcp[0].state.value, DhcpState::Unknown);
    assert_eq!(segment.dhcp[0].completeness, Completeness::RangeOnly);
    assert!(segment.subnets.is_empty(), "the page has no mask");
    assert!(card(&sources).1.contains("does not say whether it is on"));
}

#[test]
fn pages_that_disagree_are_refused() {
    let message = refused(&[AFTER, ADDMAC]).message;
    assert!(
        message.contains("disagree") && message.contains("192.168.1.120") && message.contains("192.168.1.253"),
        "{message}"
    );
    assert!(refused(&[HOMELAB, AFTER]).message.contains("disagree"));
    let moved = HOMELAB.replacen("Ipaddr = '192.168.1.1'", "Ipaddr = '192.168.1.254'", 1);
    assert!(refused(&[&moved]).message.contains("two addresses, 192.168.1.254 and 192.168.1.1"));
}

#[test]
fn lists_of_reservations_check_each_other() {
    let table_only = HOMELAB.replace("staticIPList", "otherList");
    assert_eq!(read(&table_only).0.segments[0].dhcp[0].reservations.len(), 3);
    let one_less = HOMELAB.replace("<lf>AA:BB:CC:00:00:03<br>192.168.1.22<br>tv", "");
    let (facts, _) = read(&one_less);
    let levels: Vec<_> = facts.segments[0].dhcp[0].reservations.iter().map(|r| r.confidence).collect();
    assert_eq!(levels, [Confidence::High, Confidence::High, Confidence::Medium]);
    let clash = HOMELAB.replace("192.168.1.22<br>tv", "192.168.1.23<br>tv");
    assert!(refused(&[&clash]).message.contains("two lists of reservations disagree"));
    let garbled = HOMELAB.replace("192.168.1.22<br>tv", "192.168.1.2x<br>tv");
    assert!(refused(&[&garbled]).message.contains("a record of `staticIPList` is not a reservation"));
    let neither = table_only.replace("attach_dev", "other_dev");
    assert_eq!(read(&neither).0.segments[0].dhcp[0].completeness, Completeness::RangeOnly);
}

#[test]
fn a_range_that_cannot_be_is_refused() {
    let with = |from: &str, to: &str| refused(&[&HOMELAB.replacen(from, to, 1)]).message;
    assert!(with("dhcpEnd = '192.168.1.253'", "dhcpEnd = '192.168.1.1'").contains("after it ends"));
    assert!(with("dhcpEnd = '192.168.1.253'", "dhcpEnd = '192.168.2.9'").contains("outside the hub's LAN"));
    assert!(with("dhcpStart = '192.168.1.2'", "dhcpStart = '192.168.1.1'").contains("the hub's own address"));
    assert!(with("255.255.255.0", "255.0.255.0").contains("not the mask of a LAN"));
    assert!(with("dhcpEnbl = '1'", "dhcpEnbl = '7'").contains("not 0, 1 or 2"));
}

#[test]
fn what_is_missing_is_named_and_inputs_never_fill_in() {
    let without = |from: &str, to: &str| refused(&[&HOMELAB.replace(from, to)]);
    let start = without("var dhcpStart = '192.168.1.2'", "var dhcpStart = ''");
    let shown = "router page not understood\n  looked for  var dhcpStart = '…'   in saved/lan.html\n  \
                 found       <title>Sky Hub > LAN IP Setup</title>";
    assert_eq!(start.message, shown);
    assert!(without("var dhcpEnd =", "var x =").message.contains("var dhcpEnd = '…'"));
    assert!(without("dhcpEnbl =", "x =").message.contains("var dhcpEnbl = '…'"));
    assert!(without("Subnetmask =", "x =").message.contains("Subnetmask = '…'"));
    assert!(without("'192.168.1.253'", "'192.168.1.25\" value=\"").message.contains("var dhcpEnd = '…'"));
    let cut = &HOMELAB[..HOMELAB.find("Subnetmask = '").expect("it is there")];
    assert!(refused(&[cut]).help.is_some_and(|help| help.contains("ends early")));
}

#[test]
fn another_page_is_named() {
    let help = |text: &str| refused(&[text]).help.expect("there is something to do");
    let virgin = refused(&[fixture!("other-router/virgin.html")]);
    assert!(virgin.message.contains("found       <title>Virgin Media Hub</title>"));
    assert!(virgin.help.is_some_and(|help| help.contains("a Virgin Media Hub") && help.contains("lan.toml")));
    assert!(help(fixture!("other-router/login.html")).contains("login page"));
    assert!(help(STATUS).contains("another page of the hub"));
    assert!(refused(&[" \n"]).message.contains("an empty page"));
    assert!(refused(&[]).message.contains("no router page"));
}

#[test]
fn only_its_own_pages_are_recognised() {
    let recognised = |text: &str| ADAPTER.recognises(&Page { name: "page.html", text });
    assert!([HOMELAB, ADDMAC, STATUS, fixture!("reordered/sky_lan_ip_setup.html")].into_iter().all(recognised));
    assert!(!recognised(fixture!("other-router/virgin.html")) && !recognised(fixture!("other-router/login.html")));
}

#[test]
fn what_was_read_can_be_written_and_read_again() {
    let (facts, _) = read(HOMELAB);
    let text = crate::to_toml(&facts);
    let page = Page { name: "lan.toml", text: &text };
    let manual = crate::find("manual").expect("it is built in");
    let again = manual.parse(&Input { pages: &[page], read_at: None }, &mut Sources::new()).expect("it is right");
    let values = |facts: &Facts| facts.claims().iter().map(|c| (c.range, c.kind, c.owner.clone())).collect::<Vec<_>>();
    assert_eq!(values(&again), values(&facts));
}

/// What took a step for each byte before it would take minutes here.
#[test]
fn a_large_page_of_openings_is_read_once() {
    for piece in ["/*", "<script>", "'", "var dhcpStart = '", "<div>", "srvData={", "<b><i>", "staticIPList='\\\\"] {
        let page = format!("<title>Sky Hub</title><script>{}", piece.repeat(200_000 / piece.len()));
        refused(&[&page]);
        refused(&[&piece.repeat(200_000 / piece.len())]);
    }
    assert!(refused(&[&"<div>".repeat(5001)]).message.contains("larger than any page"));
    assert!(refused(&[HOMELAB, &" ".repeat(300_000)]).message.contains("larger than any page"));
}

/// A page changed at random: pieces cut out, doubled, swapped for pieces that matter.
fn changed() -> impl Strategy<Value = String> {
    let pieces = [
        "'",
        "\"",
        "/*",
        "*/",
        "//",
        "<script>",
        "</script>",
        "<!--",
        "192.168.0.9",
        "<br>",
        "<lf>",
        "\\",
        "é",
        "\n",
        "{",
    ];
    let change =
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..40_usize);
    prop::collection::vec(change, 1..12).prop_map(move |changes| {
        let mut page: Vec<char> = HOMELAB.chars().collect();
        for (at, piece, from, length) in changes {
            let at = at.index(page.len());
            let end = (at + length).min(page.len());
            let from = from.index(HOMELAB.len());
            let other: String = HOMELAB.chars().skip(from).take(length).collect();
            let new = if length % 3 == 0 { piece.get(&pieces).to_string() } else { other };
            page.splice(at..end, new.chars());
        }
        page.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn a_changed_page_never_gives_a_range_that_its_script_does_not_have(text in changed()) {
        if let (Ok(facts), _) = read_all(&[&text], None) {
            // Inputs have double quotes.
            let inputs = regex::Regex::new("value=\"[^\"]*\"").expect("a constant");
            let without_inputs = inputs.replace_all(&text, "");
            for range in facts.segments[0].dhcp.iter().flat_map(|server| &server.ranges) {
                for end in [range.value.first(), range.value.last()] {
                    let literal = |quote: char| {
                        let end = regex::escape(&end.to_string());
                        regex::Regex::new(&format!("{quote}[ \t]*{end}[ \t]*{quote}")).expect("an address is plain")
                    };
                    let quoted = literal('\'').is_match(&text) || literal('"').is_match(&without_inputs);
                    prop_assert!(quoted, "{end}");
                }
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "(<script>|var dhcpStart ?= ?|'192.168.1.2';|Ipaddr=|</script>|<title>|.|\n){0,40}") {
        let _ = read_all(&[&text], None);
    }
}
