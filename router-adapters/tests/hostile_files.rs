//! Two megabytes of anything end in bounded time and memory, in every adapter: read, or refused with a reason.
//!
//! Deep nesting, long lines, endless strings and comments, many entries, and every fixture over and over.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use poolcheck_plan::Sources;
use poolcheck_router_adapters::{Adapter, Input, Page, all};

const SIZE: usize = 2 << 20;
/// Of the processor; what libraries do is not optimised in a test.
const TIME: Duration = Duration::from_secs(20);
/// Of the whole test, all inputs in memory one after the other.
const MEMORY_KIB: u64 = 1 << 20;

/// A piece over and over, up to the size.
fn filled(piece: &str) -> String {
    piece.repeat(SIZE / piece.len())
}

/// A line for each number, up to the size.
fn counted(head: &str, line: impl Fn(usize) -> String, foot: &str) -> String {
    let mut text = head.to_owned();
    let mut number = 0;
    while text.len() < SIZE {
        let _ = writeln!(text, "{}", line(number));
        number += 1;
    }
    text + foot
}

/// An IPv4 address for a number.
fn address(number: usize) -> String {
    format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255)
}

/// What ends nowhere, or what there is no end of.
const PIECES: [&str; 37] = [
    "{",
    "[",
    "(",
    "<a>",
    "<a ",
    "<!--",
    "<![CDATA[",
    "\"",
    "'",
    "\\\n",
    "/*",
    "#",
    "a {\n",
    "a{",
    "}",
    "\n",
    "\r",
    "=",
    ",",
    "x ",
    "\u{e9}",
    "- ",
    "? ",
    "&a ",
    "*a ",
    "a: ",
    "  ",
    "\t",
    "<?include \"a\"?>",
    "include \"a\";",
    ";",
    "0",
    "ff:",
    "config dhcp a\n",
    "set service dhcp-server a\n",
    "/ip pool add ",
    "[DHCPServer]\n",
];

/// Configurations as they might be written against us.
fn inputs() -> Vec<(&'static str, String)> {
    vec![
        ("nested objects of Kea", format!("{{\"Dhcp4\": {}", filled("{\"a\":"))),
        ("nested lists of Kea", format!("{{\"Dhcp4\": {{\"subnet4\": {}", filled("["))),
        (
            "many subnets of Kea",
            counted(
                "{\"Dhcp4\": {\"reservations-global\": true, \"reservations\": [{\"ip-address\": \"10.0.0.1\"}], \"subnet4\": [",
                |n| format!("{{\"subnet\": \"{}/32\", \"pools\": [{{\"pool\": \"{}/32\"}}]}},", address(n), address(n)),
                "]}}",
            ),
        ),
        ("nested groups of dhcpd", format!("subnet 10.0.0.0 netmask 255.0.0.0 {{ {}", filled("group {\n"))),
        ("many subnets of dhcpd", counted("", |n| format!("subnet {} netmask 255.255.255.255 {{ }}", address(n)), "")),
        (
            "many hosts of dhcpd",
            counted(
                "subnet 10.0.0.0 netmask 255.0.0.0 { }\n",
                |n| format!("host h{n} {{ fixed-address {}; }}", address(n)),
                "",
            ),
        ),
        (
            "many ranges of dhcpd",
            counted(
                "shared-network a { subnet 10.0.0.0 netmask 255.0.0.0 { } pool {\n",
                |n| format!("range {};", address(n)),
                "} }",
            ),
        ),
        ("many networks of dnsmasq", counted("", |n| format!("dhcp-range={0},{0},255.255.255.255", address(n)), "")),
        (
            "many hosts of dnsmasq",
            counted("dhcp-range=10.0.0.1,10.0.0.2\n", |n| format!("dhcp-host=h,{}", address(n)), ""),
        ),
        (
            "half networks, half hosts of dnsmasq",
            counted(
                "",
                |n| {
                    format!(
                        "dhcp-range={0},{0},255.255.255.255\ndhcp-host=h,{0}\ndhcp-option=3,{0}\ndhcp-option=6,{0}",
                        address(n)
                    )
                },
                "",
            ),
        ),
        (
            "half segments, half hosts of OpenWrt",
            counted("", |n| format!("config dhcp\noption interface l{n}\nconfig host\noption ip {}", address(n)), ""),
        ),
        (
            "many interfaces of OpenWrt",
            counted(
                "",
                |n| format!("config dhcp l{n}\nconfig interface l{n}\noption ipaddr {}/30", address(n * 4 + 1)),
                "",
            ),
        ),
        (
            "many interfaces of pfSense",
            counted(
                "<pfsense><interfaces>",
                |n| format!("<o{n}><ipaddr>{}</ipaddr><subnet>32</subnet></o{n}>", address(n)),
                "</interfaces><dhcpd/></pfsense>",
            ),
        ),
        ("half interfaces, half servers of pfSense", {
            let half = |line: &dyn Fn(usize) -> String| (0..20_000).map(line).collect::<String>();
            format!(
                "<pfsense><interfaces>{}</interfaces><dhcpd>{}</dhcpd></pfsense>",
                half(&|n| format!("<o{n}><ipaddr>{}</ipaddr><subnet>32</subnet></o{n}>", address(n))),
                half(&|n| format!("<o{n}><enable/></o{n}>"))
            )
        }),
        ("many ranges and hosts of OPNsense", {
            let part = |line: &dyn Fn(usize) -> String| (0..8_000).map(line).collect::<String>();
            format!(
                "<opnsense><interfaces>{}</interfaces><dnsmasq><enable>1</enable>{}{}{}</dnsmasq></opnsense>",
                part(&|n| format!("<o{n}><ipaddr>{}</ipaddr><subnet>32</subnet></o{n}>", address(n))),
                part(&|n| format!(
                    "<dhcp_ranges><interface>o{n}</interface><start_addr>{0}</start_addr><end_addr>{0}</end_addr></dhcp_ranges>",
                    address(n)
                )),
                part(&|n| format!("<hosts><hwaddr>x</hwaddr><ip>{}</ip></hosts>", address(n))),
                part(&|n| format!("<dhcp_options><option>6</option><value>{}</value></dhcp_options>", address(n)))
            )
        }),
        ("many subnets and reservations of OPNsense's Kea", {
            let part = |line: &dyn Fn(usize) -> String| (0..10_000).map(line).collect::<String>();
            format!(
                "<opnsense><OPNsense><Kea><dhcp4><general><enabled>1</enabled><interfaces>lan</interfaces></general><subnets>{}</subnets><reservations>{}</reservations></dhcp4></Kea></OPNsense></opnsense>",
                part(&|n| format!("<subnet4 uuid=\"{n}\"><subnet>{}/32</subnet></subnet4>", address(n))),
                part(&|n| format!(
                    "<reservation><subnet>{n}</subnet><ip_address>{}</ip_address></reservation>",
                    address(n)
                ))
            )
        }),
        (
            "many scopes of Windows",
            counted(
                "<DHCPServer><IPv4><Scopes>",
                |n| {
                    format!(
                        "<Scope><ScopeId>{0}</ScopeId><SubnetMask>255.255.255.255</SubnetMask><StartRange>{0}</StartRange><EndRange>{0}</EndRange><SuperScopeName>{n}</SuperScopeName></Scope>",
                        address(n)
                    )
                },
                "</Scopes></IPv4></DHCPServer>",
            ),
        ),
        (
            "many servers, pools and leases of RouterOS",
            counted(
                "",
                |n| {
                    format!(
                        "/ip pool add name=p{n} next-pool=p{} ranges={}\n/ip dhcp-server add name=s{n} address-pool=p{n} disabled=no\n/ip dhcp-server lease add address={} server=s{n}",
                        n + 1,
                        address(n),
                        address(n)
                    )
                },
                "",
            ),
        ),
        (
            "many networks and addresses of RouterOS",
            counted(
                "",
                |n| {
                    format!(
                        "/ip address add address={0}/32 interface=e{n}\n/ip dhcp-server add interface=e{n}\n/ip dhcp-server network add address={0}/32",
                        address(n)
                    )
                },
                "",
            ),
        ),
        ("lines that go on of RouterOS", format!("/ip pool\nadd name=a \\\n{}", filled("x\\\n"))),
        (
            "sets of RouterOS",
            counted(
                "",
                |n| format!("/ip pool add name=p{n}\n/ip pool set p{n} ranges={}", address(n)),
                "/ip dhcp-server add address-pool=p1",
            ),
        ),
        ("nested blocks of VyOS", format!("service {{\ndhcp-server {{\nshared-network-name a {{\n{}", filled("a {\n"))),
        (
            "many networks of VyOS",
            counted(
                "set interfaces ethernet eth0 address 10.0.0.1/8\n",
                |n| format!("set service dhcp-server shared-network-name n{n} subnet {}/32 lease 1", address(n)),
                "",
            ),
        ),
        (
            "networks, addresses and deletes of VyOS",
            counted(
                "",
                |n| {
                    format!(
                        "set interfaces ethernet e{n} address {0}/32\nset service dhcp-server shared-network-name n{n} subnet {0}/32 lease 1\ndelete service x{n}",
                        address(n)
                    )
                },
                "",
            ),
        ),
        (
            "relays of VyOS",
            counted(
                "",
                |n| {
                    format!(
                        "set interfaces ethernet e{n} address {0}/32\nset service dhcp-relay interface e{n}\nset service dhcp-relay server {0}",
                        address(n)
                    )
                },
                "set service dhcp-server shared-network-name a subnet 10.0.0.0/8 lease 1",
            ),
        ),
        (
            "static leases of systemd-networkd",
            counted(
                "[Match]\n[Network]\nDHCPServer=yes\nAddress=10.0.0.1/8\n",
                |n| format!("[DHCPServerStaticLease]\nMACAddress=00:00:5e:00:53:01\nAddress={}", address(n)),
                "",
            ),
        ),
        (
            "static leases of udhcpd",
            counted("start 10.0.0.1\nend 10.0.0.2\n", |n| format!("static_lease 00:00:5e:00:53:01 {}", address(n)), ""),
        ),
        (
            "leases of dhclient",
            counted("", |n| format!("lease {{\ninterface \"e{n}\"; fixed-address {};\n}}", address(n)), ""),
        ),
        ("nested AdGuard", format!("dhcp:\n  enabled: true\n  range_start: {}", filled("{a: "))),
        ("keys of AdGuard", counted("dhcp:\n  enabled: true\n  interface_name: a\n", |n| format!("  k{n}: v"), "")),
    ]
}

/// The most memory that this process has had so far.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}

/// The time that this thread has had of the processor, where the system tells; the time of day elsewhere.
fn used(start: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split_whitespace().next()?.parse().ok());
    nanoseconds.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

fn ends(adapter: &Adapter, what: &str, text: &str) {
    let start = Instant::now();
    let before = used(start);
    let page = Page { name: "hostile", text };
    let recognised = adapter.recognises(&page);
    let mut sources = Sources::new();
    let read = adapter.parse(&Input { pages: &[page], read_at: None }, &mut sources);
    let took = used(start).saturating_sub(before);
    assert!(took < TIME, "{}: `{what}` took {took:?} (recognised: {recognised}, read: {})", adapter.id, read.is_ok());
    if let Err(error) = read {
        assert!(!error.to_string().is_empty(), "{}: `{what}` has no reason", adapter.id);
        let places = error.complaints.iter().flat_map(|complaint| &complaint.labels);
        assert!(places.clone().all(|(span, _)| span.range().end <= sources.get(span.source).text.len()), "{what}");
    }
}

fn memory_is_bounded() {
    let peak = peak_kib();
    assert!(peak.is_none_or(|peak| peak < MEMORY_KIB), "{peak:?} KiB were used");
}

#[test]
fn two_megabytes_of_one_piece_end_in_every_adapter() {
    for piece in PIECES {
        let text = filled(piece);
        for registered in all() {
            ends(registered.adapter, piece, &text);
        }
    }
    memory_is_bounded();
}

#[test]
fn two_megabytes_of_a_configuration_end() {
    for (what, text) in inputs() {
        let page = Page { name: "hostile", text: &text };
        let mut recognised = 0;
        for registered in all().iter().filter(|registered| registered.adapter.recognises(&page)) {
            ends(registered.adapter, what, &text);
            recognised += 1;
        }
        assert!(recognised > 0, "nobody recognises `{what}`, so it tries nothing");
    }
    memory_is_bounded();
}

#[test]
fn more_than_any_configuration_has_is_refused() {
    let refused = |adapter: &str, text: &str| {
        let adapter = poolcheck_router_adapters::find(adapter).expect("it is built in");
        let page = Page { name: "large", text };
        let error = adapter.parse(&Input { pages: &[page], read_at: None }, &mut Sources::new());
        error.expect_err("it is too much").to_string()
    };
    let many = counted("start 10.0.0.1\nend 10.0.0.2\n", |n| format!("static_lease a {}", address(n)), "");
    assert!(refused("udhcpd", &many.repeat(2)).contains("facts"), "too many facts");
    let growing = format!("<!DOCTYPE a [<!ENTITY a \"{}\">]><pfsense>{}</pfsense>", "x".repeat(1 << 10), filled("&a;"));
    assert!(refused("pfsense", &growing).contains("DTD"), "{}", refused("pfsense", &growing));
    assert!(refused("dnsmasq", &"#".repeat(17 << 20)).contains("MiB"), "too large");
    assert!(refused("kea", &format!("{{\"Dhcp4\": {}", "[".repeat(100))).contains("deep"), "too deep");
    assert!(refused("isc-dhcpd", &"group {".repeat(100)).contains("deep"), "too deep");
    assert!(refused("vyos", &"a {\n".repeat(100)).contains("deep"), "too deep");
    assert!(refused("opnsense", &format!("<opnsense>{}", "<a>".repeat(100))).contains("deep"), "too deep");
}
