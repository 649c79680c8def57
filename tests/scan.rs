//! `poolcheck scan` as a user runs it, on a LAN of real Linux stacks in namespaces that the test makes.

#![cfg(all(target_os = "linux", feature = "scan"))]

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use common::{Bridge, inside, run};

#[path = "../crates/lan/tests/common/mod.rs"]
mod common;

const POOL: &str = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: main-pool, namespace: metallb-system}\nspec:\n  addresses:\n  - 10.77.0.100-10.77.0.110\n---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: l2, namespace: metallb-system}\nspec: {ipAddressPools: [main-pool]}\n";
const SERVICE: &str = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: web, annotations: {metallb.io/loadBalancerIPs: ADDRESS}}\nspec: {type: LoadBalancer}\n";
const LAN: &str = "[[segment]]\nsubnet = \"10.77.0.0/24\"\ngateway = \"10.77.0.1\"\ndhcp = \"10.77.0.150-10.77.0.199\"\nhosts = [\n  { address = \"10.77.0.11\", name = \"n1\", role = \"node\" },\n  { address = \"10.77.0.12\", name = \"n2\", role = \"node\" },\n]\n";

/// Two nodes and a router; the folder with the pool.
fn homelab() -> (Bridge, tempfile::TempDir) {
    let mut lan = Bridge::new();
    lan.host("router", "3c:06:30:00:00:01", "10.77.0.1/24");
    lan.host("n1", "52:54:00:00:00:11", "10.77.0.11/24");
    lan.host("n2", "52:54:00:00:00:12", "10.77.0.12/24");
    run("ip -n n1 addr add 10.77.0.101/24 dev eth0");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join(".git")).expect("a folder");
    write(folder.path(), "lan.toml", LAN);
    write(folder.path(), "pool.yaml", &format!("{POOL}{}", SERVICE.replace("ADDRESS", "10.77.0.101")));
    (lan, folder)
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("written");
}

fn poolcheck(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolcheck"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).output().expect("the program was built")
}

/// Starts it, to be disturbed.
fn started(folder: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolcheck"));
    command.args(arguments).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program was built")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// (address, hardware address, state) of every sighting of `-o json`, and the rules found.
fn seen(output: &Output) -> (Vec<(String, String, String)>, Vec<String>) {
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(output)));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let rows = report["scan"]["sightings"].as_array().cloned().unwrap_or_default();
    let rows = rows.iter().map(|row| (text(&row["address"]), text(&row["mac"]), text(&row["state"]))).collect();
    let found = report["findings"].as_array().cloned().unwrap_or_default();
    (rows, found.iter().map(|finding| text(&finding["rule"])).collect())
}

#[test]
fn a_pool_as_it_should_be_is_clean() {
    if !inside("a_pool_as_it_should_be_is_clean") {
        return;
    }
    let (_lan, folder) = homelab();
    let output = poolcheck(folder.path(), &["scan", "-o", "json"]);
    let (rows, rules) = seen(&output);
    let row = |address: &str, mac: &str, state: &str| (address.to_owned(), mac.to_owned(), state.to_owned());
    assert_eq!(
        rows,
        [
            row("10.77.0.1", "3c:06:30:00:00:01", "router"),
            row("10.77.0.11", "52:54:00:00:00:11", "node"),
            row("10.77.0.12", "52:54:00:00:00:12", "node"),
            row("10.77.0.101", "52:54:00:00:00:11", "announced"),
        ]
    );
    assert_eq!(rules, Vec::<String>::new());
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
}

#[test]
fn squatters_and_second_owners_are_found_and_kept() {
    if !inside("squatters_and_second_owners_are_found_and_kept") {
        return;
    }
    let (mut lan, folder) = homelab();
    lan.host("phone", "3c:06:30:00:00:9a", "10.77.0.102/24");
    lan.host("camera", "9c:8e:cd:00:00:40", "10.77.0.101/24");
    let output = poolcheck(folder.path(), &["scan", "--save", "lan.lock", "--record", "scan.toml", "-o", "json"]);
    let (rows, rules) = seen(&output);
    assert_eq!(rules, ["squatter-in-pool", "two-owners"], "{}", told(&output));
    assert_eq!(rows.iter().filter(|row| row.0 == "10.77.0.101").count(), 2);
    assert_eq!(output.status.code(), Some(1));

    // Where nobody can look at the wire, `check` knows of the squatter by what was saved.
    let lock = std::fs::read_to_string(folder.path().join("lan.lock")).expect("saved");
    assert!(lock.contains("10.77.0.102") && lock.contains("adapter = \"scan\""), "{lock}");
    let check = poolcheck(folder.path(), &["check", "-o", "concise", "--facts", "lan.toml", "--facts", "lan.lock"]);
    assert!(told(&check).contains("10.77.0.102"), "{}", told(&check));

    // The record is judged again without a wire, with the same findings.
    let again = poolcheck(folder.path(), &["scan", "--from", "scan.toml", "-o", "json"]);
    assert_eq!(seen(&again).1, rules);

    // An ignore at the pool's line is one for what the wire shows, too.
    let ignored = POOL
        .replace("10.77.0.110\n", "10.77.0.110 # poolcheck: ignore[squatter-in-pool, two-owners] reason=\"known\"\n");
    write(folder.path(), "pool.yaml", &ignored);
    let accepted = poolcheck(folder.path(), &["scan", "-o", "json"]);
    assert_eq!(seen(&accepted).1, Vec::<String>::new(), "{}", told(&accepted));
    assert!(!told(&poolcheck(folder.path(), &["check"])).contains("unused-ignore"), "nobody looked at the wire");

    // When the phone is gone, so is what was saved of it.
    drop(lan);
    run("ip netns del phone");
    let later = poolcheck(folder.path(), &["scan", "--save", "lan.lock", "-o", "json"]);
    assert!(
        !std::fs::read_to_string(folder.path().join("lan.lock")).expect("saved").contains("10.77.0.102"),
        "{}",
        told(&later)
    );
}

#[test]
fn ranges_and_candidates_are_verified_on_the_wire() {
    if !inside("ranges_and_candidates_are_verified_on_the_wire") {
        return;
    }
    let (mut lan, folder) = homelab();
    lan.host("printer", "3c:06:30:00:00:9b", "10.77.0.250/24");
    run("ip addr del 10.77.0.250/24 dev eth0; ip addr add 10.77.0.5/24 dev eth0");
    let used = poolcheck(folder.path(), &["scan", "10.77.0.250-10.77.0.254", "-o", "json"]);
    assert_eq!(seen(&used).1, ["squatter-in-pool"], "{}", told(&used));
    let free = poolcheck(folder.path(), &["scan", "10.77.0.120-10.77.0.127"]);
    assert_eq!(free.status.code(), Some(0), "{}", told(&free));
    // The planner's first choice is where the printer is: the next one is taken.
    let candidates = told(&poolcheck(folder.path(), &["scan", "--candidates", "4"]));
    let verdict = candidates.lines().find(|line| line.contains("is free")).unwrap_or_else(|| panic!("{candidates}"));
    assert!(!verdict.contains("10.77.0.250"), "{verdict}");
    assert_eq!(
        told(&poolcheck(folder.path(), &["suggest", "--size", "4", "--scan"])).lines().find(|l| l.contains("is free")),
        Some(verdict)
    );
}

#[test]
fn what_cannot_be_looked_at_is_said() {
    if !inside("what_cannot_be_looked_at_is_said") {
        return;
    }
    let (_lan, folder) = homelab();
    let refused = |arguments: &[&str], words: &[&str], code: i32| {
        let output = poolcheck(folder.path(), arguments);
        let text = told(&output);
        assert!(words.iter().all(|word| text.contains(word)), "{arguments:?}: {text}");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    };
    refused(
        &["scan", "192.168.77.0/28"],
        &["no interface of this machine is on the segment", "eth0 (10.77.0.250/24)"],
        3,
    );
    refused(&["scan", "-i", "eth9"], &["there is no interface eth9", "eth0"], 2);
    refused(&["scan", "fd00::/64", "-i", "eth0"], &["IPv6 is off on eth0"], 3);
    refused(&["scan", "nonsense"], &["write a range as"], 2);
    refused(&["scan", "--listen", "5 days"], &["60s"], 2);
    refused(&["scan", "--from", "pool.yaml"], &["error"], 2);
    refused(&["scan", "--replay", "pool.yaml"], &["not classic pcap", "tcpdump"], 2);
    run("ip link set eth0 down");
    refused(&["scan", "-i", "eth0"], &["interface eth0 cannot be used: it is down"], 3);
    run("ip link set eth0 up; ip link set sw0 down");
    refused(&["scan", "-i", "eth0"], &["no carrier"], 3);
    run("ip link set sw0 up; sleep 0.2");
    // Without the right to open packet sockets.
    let program = env!("CARGO_BIN_EXE_poolcheck");
    let output = Command::new("setpriv")
        .args(["--bounding-set=-net_raw", "--inh-caps=-net_raw", program, "scan"])
        .current_dir(folder.path())
        .output()
        .expect("setpriv runs: apt-get install -y util-linux");
    assert!(told(&output).contains("sudo setcap cap_net_raw+ep"), "{}", told(&output));
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn an_interrupted_scan_tells_what_it_knows() {
    if !inside("an_interrupted_scan_tells_what_it_knows") {
        return;
    }
    let (_lan, folder) = homelab();
    let arguments = ["scan", "10.77.0.11-10.77.0.74", "--max-pps", "20", "--pcap", "out.pcap"];
    let child = started(folder.path(), &arguments);
    // 64 addresses at 20 frames a second: each has been asked once by then, and the scan goes on for as long again.
    std::thread::sleep(std::time::Duration::from_secs(5));
    run(&format!("kill -INT {}", child.id()));
    let output = child.wait_with_output().expect("it ends");
    let text = told(&output);
    assert!(text.contains("10.77.0.11") && text.contains("partial: it was interrupted"), "{text}");
    assert_eq!(output.status.code(), Some(3), "{text}");
    let replayed = poolcheck(folder.path(), &["scan", "--replay", "out.pcap", "-o", "json"]);
    assert!(seen(&replayed).0.iter().any(|row| row.0 == "10.77.0.11"), "{}", told(&replayed));
}

#[test]
fn listening_sends_nothing_and_hears_announcements() {
    if !inside("listening_sends_nothing_and_hears_announcements") {
        return;
    }
    let (mut lan, folder) = homelab();
    lan.host("phone", "3c:06:30:00:00:9a", "10.77.0.105/24");
    let child = Command::new(env!("CARGO_BIN_EXE_poolcheck"))
        .args(["scan", "--listen", "4s", "-i", "eth0", "-o", "json", "--pcap", "out.pcap"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program was built");
    std::thread::sleep(std::time::Duration::from_secs(1));
    // n2 sends something to the router, and must ask for it first; the phone does, too, and asks for a lease by its name.
    run("ip netns exec n2 bash -c 'echo > /dev/udp/10.77.0.1/9'");
    run("ip netns exec phone bash -c 'echo > /dev/udp/10.77.0.1/9'");
    let client = "udhcpc -i eth0 -f -n -q -t 1 -T 1 -s /bin/true -x hostname:annas-phone";
    run(&format!("ip netns exec phone {} {client} >/dev/null 2>&1 || true", common::program("busybox")));
    let output = child.wait_with_output().expect("it ends");
    let (rows, _) = seen(&output);
    assert!(rows.iter().any(|row| row.0 == "10.77.0.12"), "{rows:?}");
    let phone = names(&output).remove("10.77.0.105");
    assert_eq!(phone, Some(("annas-phone".to_owned(), "dhcp".to_owned())), "{}", told(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["scan"]["run"]["frames"], 0);
}

/// Name and whose word it is, by address.
fn names(output: &Output) -> std::collections::BTreeMap<String, (String, String)> {
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(output)));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let rows = report["scan"]["sightings"].as_array().cloned().unwrap_or_default();
    let named = rows.iter().filter(|row| row["name"].is_string());
    named.map(|row| (text(&row["address"]), (text(&row["name"]), text(&row["named_by"])))).collect()
}

/// Real Multicast DNS: avahi, as most Linux machines have it.
#[test]
fn machines_are_asked_for_their_names_and_no_cache_learns_who_asked() {
    use poolcheck_lan::wire::{MacAddr, Payload, arp, dissect};

    if !inside("machines_are_asked_for_their_names_and_no_cache_learns_who_asked") {
        return;
    }
    let (mut lan, folder) = homelab();
    lan.host("printer", "3c:06:30:00:00:9b", "10.77.0.102/24");
    let config = "[server]\nhost-name=printer\nuse-ipv6=no\nenable-dbus=no\n[wide-area]\nenable-wide-area=no\n";
    write(folder.path(), "avahi.conf", config);
    let file = folder.path().join("avahi.conf");
    let avahi = common::program("avahi-daemon");
    // It insists on a user of its own, which only an installed one has.
    run(
        "mkdir -p /run/avahi-daemon; (cat /etc/passwd; echo avahi:x:998:998::/:/bin/false) > /run/passwd; (cat /etc/group; echo avahi:x:998:) > /run/group",
    );
    run("mount --bind /run/passwd /etc/passwd; mount --bind /run/group /etc/group");
    let options = "--no-drop-root --no-rlimits --no-chroot";
    let log = folder.path().join("avahi.log");
    lan.start("printer", &format!("{avahi} -f {} {options} >{} 2>&1", file.display(), log.display()));
    // It makes sure that nobody else has its name first.
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    for _ in 0..200 {
        if said().contains("Server startup complete") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(said().contains("Server startup complete"), "{}", said());

    let scan = || {
        let tap = common::Tap::new();
        let output = poolcheck(folder.path(), &["scan", "-o", "json"]);
        (output, tap.frames(MacAddr([2, 0x5c, 0, 0, 0, 1])))
    };
    // A busy machine may answer later than a scan waits for names.
    let mut tries = (0..5).map(|_| scan());
    let (output, sent) = tries.find(|(output, _)| names(output).contains_key("10.77.0.102")).unwrap_or_else(scan);
    let mdns = |name: &str| (name.to_owned(), "mdns".to_owned());
    let facts = |name: &str| (name.to_owned(), "facts".to_owned());
    let expected = [("10.77.0.102", mdns("printer.local")), ("10.77.0.11", facts("n1")), ("10.77.0.12", facts("n2"))];
    assert_eq!(names(&output), expected.map(|(address, name)| (address.to_owned(), name)).into(), "{}", told(&output));
    let mut asked = 0;
    for received in &sent {
        match dissect(&received.frame).expect("whole frames").payload {
            Payload::Arp(packet) => assert_eq!(packet.kind(), arp::Kind::Probe),
            Payload::Mdns(_, message) => {
                assert!(!message.response && message.records.is_empty());
                asked += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!((1..=4).contains(&asked), "{asked} questions for names");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["scan"]["run"]["frames"], sent.len(), "they are counted like all others");
    assert!(!lan.neighbours().contains("02:5c:00:00:00:01"), "{}", lan.neighbours());

    for quiet in [&["scan", "--names", "heard", "-o", "json"][..], &["scan", "--fast", "-o", "json"]] {
        let tap = common::Tap::new();
        let output = poolcheck(folder.path(), quiet);
        let sent = tap.frames(MacAddr([2, 0x5c, 0, 0, 0, 1]));
        let arp = |frame: &[u8]| frame[12..14] == [8, 6];
        // Avahi repeats its announcement by itself for a while: its name may be heard, but nobody asks for it.
        assert!(!sent.is_empty() && sent.iter().all(|received| arp(&received.frame)), "{quiet:?}: {}", told(&output));
    }

    // A pace that leaves no room for more is kept, names or not.
    let tap = common::Tap::new();
    poolcheck(folder.path(), &["scan", "10.77.0.100-10.77.0.104", "--max-pps", "10", "-o", "json"]);
    let sent = tap.frames(MacAddr([2, 0x5c, 0, 0, 0, 1]));
    assert!(sent.iter().any(|received| received.frame[12..14] == [8, 0]), "names were asked for");
    for window in sent.windows(11) {
        let span = window[10].at.since(window[0].at);
        assert!(span >= std::time::Duration::from_millis(999), "10 frames a second: {span:?}");
    }
}

/// Real reverse look-ups: dnsmasq, as most routers have it.
#[test]
fn the_dns_server_is_asked_for_names_only_on_the_segment() {
    if !inside("the_dns_server_is_asked_for_names_only_on_the_segment") {
        return;
    }
    let (mut lan, folder) = homelab();
    lan.host("nas", "3c:06:30:00:00:9c", "10.77.0.103/24");
    let config = "no-resolv\nno-hosts\nbind-interfaces\ninterface=eth0\nhost-record=nas.lan,10.77.0.103\nlog-queries\nlog-facility=/run/queries\npid-file=/run/dnsmasq.pid\n";
    write(folder.path(), "dnsmasq.conf", config);
    let file = folder.path().join("dnsmasq.conf");
    lan.start("router", &format!("{} --keep-in-foreground --conf-file={}", common::program("dnsmasq"), file.display()));
    std::thread::sleep(std::time::Duration::from_secs(1));
    let resolver = |address: &str| {
        write(folder.path(), "resolv.conf", &format!("nameserver {address}\n"));
        run(&format!("mount --bind {} /etc/resolv.conf", folder.path().join("resolv.conf").display()));
    };
    let queries = || std::fs::read_to_string("/run/queries").unwrap_or_default().matches("query[PTR]").count();
    resolver("10.77.0.1");
    let began = std::time::Instant::now();
    let heard = poolcheck(folder.path(), &["scan", "--names", "heard", "-o", "json"]);
    let without = began.elapsed();
    assert!(!names(&heard).contains_key("10.77.0.103") && queries() == 0, "{}", told(&heard));
    let began = std::time::Instant::now();
    let asked = poolcheck(folder.path(), &["scan", "-o", "json"]);
    let with = began.elapsed();
    let nas = names(&asked).remove("10.77.0.103");
    assert_eq!(nas, Some(("nas.lan".to_owned(), "dns".to_owned())), "{}", told(&asked));
    assert!(queries() > 0, "the server knows of it");
    // The promise is half a second; half of one more is for a busy machine.
    assert!(with < without + std::time::Duration::from_secs(1), "{with:?} instead of {without:?}");

    // A server beyond the segment is not asked, unless told so.
    run("ip addr add 10.99.0.1/32 dev lo; ip netns exec router ip addr add 10.88.0.1/24 dev eth0");
    run("ip route add 10.88.0.0/24 via 10.77.0.1");
    write(
        folder.path(),
        "dnsmasq.conf",
        &config.replace("bind-interfaces\ninterface=eth0", "listen-address=10.88.0.1\nbind-interfaces"),
    );
    // Where sticky folders are protected, nobody appends to what another user's server has left in one.
    run("kill $(cat /run/dnsmasq.pid); rm /run/queries");
    lan.start("router", &format!("{} --keep-in-foreground --conf-file={}", common::program("dnsmasq"), file.display()));
    std::thread::sleep(std::time::Duration::from_secs(1));
    resolver("10.88.0.1");
    let before = queries();
    let here = poolcheck(folder.path(), &["scan", "-o", "json"]);
    assert!(!names(&here).contains_key("10.77.0.103") && queries() == before, "{}", told(&here));
    let everywhere = poolcheck(folder.path(), &["scan", "--names", "dns", "-o", "json"]);
    assert!(names(&everywhere).contains_key("10.77.0.103"), "{}", told(&everywhere));
}

/// A node cannot hear its own answers: what it has itself is known from the kernel, and what it may announce is not judged.
#[test]
fn a_node_that_scans_knows_its_own_addresses_and_says_what_it_cannot_know() {
    if !inside("a_node_that_scans_knows_its_own_addresses_and_says_what_it_cannot_know") {
        return;
    }
    let (_lan, folder) = homelab();
    let services = ["10.77.0.103", "10.77.0.104"].map(|address| {
        SERVICE.replace("ADDRESS", address).replace("name: web,", &format!("name: web-{},", &address[8..]))
    });
    write(folder.path(), "pool.yaml", &format!("{POOL}{}", services.concat()));
    let silent = |output: &Output| {
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let not_checked = report["not_checked"].as_array().cloned().unwrap_or_default();
        let reasons = not_checked.iter().filter(|entry| entry["rule"] == "assigned-address-silent");
        reasons.map(|entry| entry["reason"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    // No node: silence is an answer.
    let stranger = poolcheck(folder.path(), &["scan", "-o", "json"]);
    assert_eq!(seen(&stranger).1, ["assigned-address-silent"; 2], "{}", told(&stranger));
    assert_eq!(silent(&stranger), Vec::<String>::new());

    let node = "  { address = \"10.77.0.250\", name = \"n3\", role = \"node\" },\n]";
    write(folder.path(), "lan.toml", &LAN.replace("\n]", &format!("\n{node}")));
    // What its kernel has, as kube-vip and the announcer of this house do it.
    run("ip addr add 10.77.0.104/24 dev eth0");
    let output = poolcheck(folder.path(), &["scan", "-o", "json"]);
    let (rows, rules) = seen(&output);
    let own = |address: &str, state: &str| (address.to_owned(), "02:5c:00:00:00:01".to_owned(), state.to_owned());
    assert!(rows.contains(&own("10.77.0.104", "announced")) && rows.contains(&own("10.77.0.250", "node")), "{rows:?}");
    assert_eq!(rules, Vec::<String>::new(), "{}", told(&output));
    let reasons = silent(&output);
    assert!(reasons.len() == 1 && reasons[0].contains("10.77.0.103"), "{reasons:?}");
    let text = told(&poolcheck(folder.path(), &["scan"]));
    for words in ["this machine, node n3", "own address", "this machine is node n3, and hears no answer of its own"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    // Named on the command line, it is as much a node.
    write(folder.path(), "lan.toml", LAN);
    let named = poolcheck(folder.path(), &["scan", "--node", "10.77.0.250", "-o", "json"]);
    assert_eq!(silent(&named).len(), 1, "{}", told(&named));
    // Its own address, answered by another machine, is a conflict like any other.
    run("ip -n n2 addr add 10.77.0.104/24 dev eth0");
    let conflict = poolcheck(folder.path(), &["scan", "--node", "10.77.0.250", "-o", "json"]);
    assert!(told(&conflict).contains("pool-answered-by-several-nodes"), "{}", told(&conflict));
}

/// Real stacks, and one responder of the test's own that is deaf to what comes from `::`: no stack at hand is.
#[test]
fn ipv6_pools_are_asked_from_nobody_and_from_our_own_address() {
    use poolcheck_lan::link::{self, Link as _, Wanted};
    use poolcheck_lan::wire::{MacAddr, Payload, compose, dissect, ndp};

    if !inside("ipv6_pools_are_asked_from_nobody_and_from_our_own_address") {
        return;
    }
    let mut lan = Bridge::new();
    run(
        "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0 net.ipv6.conf.eth0.accept_dad=0; ip link set eth0 down; ip link set eth0 up",
    );
    run("ip addr add 10.77.0.250/24 dev eth0 || true; ip addr add fd00:77::250/64 dev eth0 nodad");
    lan.host("phone", "3c:06:30:00:00:9a", "fd00:77::102/64");
    lan.port("deaf", "3c:06:30:00:00:9d");
    let mut deaf = link::open(&common::interface("deaf"), Wanted::NDP).expect("root here");
    std::thread::spawn(move || {
        let target = "fd00:77::105".parse().expect("an address");
        loop {
            let (mut questions, until) = (Vec::new(), deaf.now() + std::time::Duration::from_millis(50));
            deaf.receive(until, &mut questions).expect("the port is there");
            for question in questions {
                let Ok(found) = dissect(&question.frame) else { continue };
                if let Payload::Ndp(header, ndp::Repr::NeighborSolicitation { target: asked, .. }) = found.payload
                    && asked == target
                    && !header.source.is_unspecified()
                {
                    let answer = compose::ndp_answer(deaf.mac(), target, (found.ethernet.source, header.source), true);
                    deaf.send(&[answer]).expect("sent");
                }
            }
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join(".git")).expect("a folder");
    let pool = POOL.replace("10.77.0.100-10.77.0.110", "fd00:77::100-fd00:77::10f");
    write(folder.path(), "pool.yaml", &pool);
    let tap = common::Tap::new();
    let output = poolcheck(folder.path(), &["scan", "--names", "heard", "-o", "json"]);
    let sent = tap.frames(MacAddr([2, 0x5c, 0, 0, 0, 1]));
    let (rows, rules) = seen(&output);
    let squatter = |address: &str, mac: &str| (address.to_owned(), mac.to_owned(), "squatter".to_owned());
    let expected = [squatter("fd00:77::102", "3c:06:30:00:00:9a"), squatter("fd00:77::105", "3c:06:30:00:00:9d")];
    assert_eq!(rows, expected, "{}", told(&output));
    assert_eq!(rules, ["squatter-in-pool"; 2]);
    let mut by_us = 0;
    for received in &sent {
        match dissect(&received.frame).expect("whole frames").payload {
            Payload::Ndp(header, ndp::Repr::NeighborSolicitation { .. }) => {
                assert!(header.source.is_unspecified() || header.source.is_unicast_link_local(), "{header:?}");
                by_us += usize::from(!header.source.is_unspecified());
            }
            // The kernel's own: it has just brought up the interface.
            Payload::Mld(..) | Payload::Ndp(_, ndp::Repr::RouterSolicitation { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(by_us > 0 && by_us < sent.len());
    assert!(!lan.neighbours().contains("02:5c:00:00:00:01"), "who answers `::` learns nothing: {}", lan.neighbours());
    // More addresses than anybody can ask: those that Services name are.
    write(
        folder.path(),
        "pool.yaml",
        &format!(
            "{}{}",
            POOL.replace("10.77.0.100-10.77.0.110", "fd00:77::/100"),
            SERVICE.replace("ADDRESS", "fd00:77::102")
        ),
    );
    let large = poolcheck(folder.path(), &["scan", "--names", "heard"]);
    assert!(
        told(&large).contains("more addresses than can be asked") && told(&large).contains("fd00:77::102"),
        "{}",
        told(&large)
    );
}

#[test]
#[cfg(feature = "watch")]
fn a_watch_speaks_json_and_a_journal_knows_since_when() {
    use std::io::{BufRead as _, BufReader};

    if !inside("a_watch_speaks_json_and_a_journal_knows_since_when") {
        return;
    }
    let (mut lan, folder) = homelab();
    lan.host("phone", "3c:06:30:00:00:9a", "10.77.0.105/24");
    // A scan with a journal is a day of it.
    let first = poolcheck(folder.path(), &["scan", "--journal", "lan.sqlite"]);
    assert!(told(&first).lines().any(|line| line.contains("since") && line.contains("vendor")), "{}", told(&first));
    let since_of = |output: &Output| {
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let rows = report["scan"]["sightings"].as_array().cloned().unwrap_or_default();
        let phone = rows.into_iter().find(|row| row["address"] == "10.77.0.105").unwrap_or_default();
        phone["since"].as_str().map(str::to_owned)
    };
    std::thread::sleep(std::time::Duration::from_secs(1));
    let second = poolcheck(folder.path(), &["scan", "--journal", "lan.sqlite", "-o", "json"]);
    let since = since_of(&second).unwrap_or_else(|| panic!("{}", told(&second)));
    let report: serde_json::Value = serde_json::from_slice(&second.stdout).expect("JSON");
    assert!(report["scan"]["at"].as_str() > Some(since.as_str()), "since the first scan, not the second");
    assert_eq!(since_of(&poolcheck(folder.path(), &["scan", "-o", "json"])), None, "without a journal nobody knows");

    let mut child = Command::new(env!("CARGO_BIN_EXE_poolcheck"))
        .args(["scan", "--watch=1s", "--journal", "lan.sqlite", "-o", "json"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program was built");
    let schema = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/watch-v1.json"));
    let schema: serde_json::Value = serde_json::from_str(&schema.expect("it is committed")).expect("JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut until = |event: &str, address: Option<&str>| {
        for line in lines.by_ref() {
            let line = line.expect("UTF-8");
            let change: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            assert!(schema.is_valid(&change), "{line}");
            if change["event"] == event && address.is_none_or(|address| change["address"] == address) {
                return change;
            }
        }
        panic!("no {event}");
    };
    let appeared = until("appeared", Some("10.77.0.105"));
    assert_eq!(appeared["sighting"]["since"], since.as_str());
    assert_eq!(appeared["sighting"]["state"], "squatter");
    until("watching", None);
    run("ip netns exec n2 ip addr add 10.77.0.106/24 dev eth0");
    assert_eq!(until("appeared", Some("10.77.0.106"))["sighting"]["who"], "node n2");
    run("ip -n n2 addr del 10.77.0.106/24 dev eth0");
    assert_eq!(until("left", Some("10.77.0.106"))["mac"], "52:54:00:00:00:12");
    run(&format!("kill -TERM {}", child.id()));
    assert_eq!(until("habit", Some("10.77.0.105"))["mac"], "3c:06:30:00:00:9a");
    until("ended", None);
    assert_eq!(child.wait().expect("it ends").code(), Some(1), "the phone is still there");
    let refused = poolcheck(folder.path(), &["scan", "--watch", "-o", "sarif"]);
    assert!(told(&refused).contains("a JSON object a line"), "{}", told(&refused));
}

#[test]
#[cfg(feature = "watch")]
fn a_watch_tells_changes_keeps_a_journal_and_ends_cleanly() {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};

    if !inside("a_watch_tells_changes_keeps_a_journal_and_ends_cleanly") {
        return;
    }
    let (mut lan, folder) = homelab();
    let mut child = Command::new(env!("CARGO_BIN_EXE_poolcheck"))
        .args(["scan", "--watch=2s", "--journal", "lan.sqlite", "--metrics", "127.0.0.1:0"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program was built");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut until = |words: &[&str]| {
        let mut all = String::new();
        for line in lines.by_ref() {
            let line = line.expect("UTF-8");
            all = all + &line + "\n";
            if words.iter().all(|word| line.contains(word)) {
                return line;
            }
        }
        panic!("no line with {words:?}:\n{all}");
    };
    let metrics = until(&["metrics: http://127.0.0.1:"]);
    until(&["10.77.0.101", "appeared", "node n1", "announced"]);
    until(&["watching"]);
    lan.host("phone", "3c:06:30:00:00:9a", "10.77.0.105/24");
    until(&["10.77.0.105", "appeared", "3c:06:30:00:00:9a", "squatter"]);
    // The numbers are there when the round that saw the phone has been noted, at the latest a round later.
    let address = metrics.trim_start_matches("metrics: http://").trim_end_matches("/metrics").to_owned();
    let ask = || {
        let mut stream = std::net::TcpStream::connect(&address).expect("it listens");
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("answered");
        text
    };
    let squatter = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        ask().contains("poolcheck_scan_machines{state=\"squatter\"} 1")
    });
    assert!(squatter, "{}", ask());
    run("ip netns del phone");
    until(&["10.77.0.105", "left"]);
    run(&format!("kill -TERM {}", child.id()));
    until(&["10.77.0.105 was used by 3c:06:30:00:00:9a on 1 of 1 days"]);
    until(&["ended"]);
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "nobody is on the pool any more");
    let refused = poolcheck(folder.path(), &["scan", "--watch", "--metrics", "10.77.0.250:9402"]);
    assert!(told(&refused).contains("loopback only"), "{}", told(&refused));
    let refused = poolcheck(folder.path(), &["scan", "--watch", "--journal", "pool.yaml"]);
    assert!(told(&refused).contains("the journal pool.yaml cannot be used"), "{}", told(&refused));
}

#[test]
fn an_offer_in_the_pool_proves_the_overlap() {
    if !inside("an_offer_in_the_pool_proves_the_overlap") {
        return;
    }
    let (mut lan, folder) = homelab();
    // The facts say .150 to .199, and the router leases from inside the pool.
    let config = "port=0\nno-ping\nbind-interfaces\ninterface=eth0\ndhcp-range=10.77.0.105,10.77.0.105,255.255.255.0,1h\ndhcp-leasefile=/run/leases\npid-file=/run/dnsmasq.pid\n";
    write(folder.path(), "dnsmasq.conf", config);
    let file = folder.path().join("dnsmasq.conf");
    lan.start("router", &format!("{} --keep-in-foreground --conf-file={}", common::program("dnsmasq"), file.display()));
    std::thread::sleep(std::time::Duration::from_secs(1));
    write(folder.path(), "one.yaml", &POOL.replace("10.77.0.100-10.77.0.110", "10.77.0.105/32"));
    let output = poolcheck(folder.path(), &["scan", "--dhcp", "--manifests", "one.yaml", "-o", "json"]);
    let (_, rules) = seen(&output);
    assert!(rules.contains(&"offer-in-pool".to_owned()), "{}", told(&output));
    assert!(rules.contains(&"offer-disagrees-with-facts".to_owned()), "{}", told(&output));
    assert!(!rules.contains(&"unknown-dhcp-server".to_owned()), "the gateway of known ranges is known");
    assert!(!Path::new("/run/leases").exists() || run("cat /run/leases").is_empty(), "no lease was taken");
}

/// A real dnsmasq leases an address of the pool, to a client that then goes away: only the file of its leases knows of it.
#[test]
fn a_lease_in_the_pool_is_proof_and_leases_name_machines() {
    use std::os::unix::fs::PermissionsExt as _;

    if !inside("a_lease_in_the_pool_is_proof_and_leases_name_machines") {
        return;
    }
    let (mut lan, folder) = homelab();
    lan.host("phone", "3c:06:30:00:00:9a", "10.77.0.240/24");
    run("ip -n phone addr del 10.77.0.240/24 dev eth0");
    let leases = folder.path().join("dnsmasq.leases");
    let config = format!(
        "port=0\nuser=root\nno-ping\nbind-interfaces\ninterface=eth0\ndhcp-authoritative\ndhcp-range=10.77.0.105,10.77.0.105,255.255.255.0,1h\ndhcp-leasefile={}\npid-file=/run/dnsmasq.pid\n",
        leases.display()
    );
    write(folder.path(), "dnsmasq.conf", &config);
    let file = folder.path().join("dnsmasq.conf");
    lan.start("router", &format!("{} --keep-in-foreground --conf-file={}", common::program("dnsmasq"), file.display()));
    write(folder.path(), "bound.sh", "#!/bin/sh\ntest \"$1\" != bound || ip addr add \"$ip\"/24 dev eth0\n");
    let script = folder.path().join("bound.sh");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("ours");
    let client = "udhcpc -i eth0 -f -n -q -t 10 -T 1 -x hostname:annas-phone";
    run(&format!("ip netns exec phone {} {client} -s {} 2>&1", common::program("busybox"), script.display()));

    let scan = |more: &[&str]| poolcheck(folder.path(), &[&["scan", "--names", "heard", "-o", "json"], more].concat());
    let without = scan(&[]);
    assert_eq!(seen(&without).1, ["squatter-in-pool"], "{}", told(&without));
    assert!(!names(&without).contains_key("10.77.0.105"));
    let with = scan(&["--leases", "dnsmasq.leases", "--record", "scan.toml"]);
    assert_eq!(seen(&with).1, ["lease-in-pool", "squatter-in-pool"], "{}", told(&with));
    let phone = names(&with).remove("10.77.0.105");
    assert_eq!(phone, Some(("annas-phone".to_owned(), "leases".to_owned())), "{}", told(&with));

    // The phone sleeps: the wire is silent, the lease runs.
    run("ip netns del phone");
    let asleep = scan(&["--leases", "dnsmasq.leases"]);
    assert_eq!(seen(&asleep).1, ["lease-in-pool"], "{}", told(&asleep));
    assert_eq!(asleep.status.code(), Some(1));
    let text = told(&poolcheck(folder.path(), &["scan", "--names", "heard", "--leases", "dnsmasq.leases"]));
    for words in [
        "10.77.0.105 of pool main-pool is leased to 3c:06:30:00:00:9a (annas-phone) until 20",
        "dnsmasq.leases:1 says so",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let again = poolcheck(folder.path(), &["scan", "--from", "scan.toml", "-o", "json"]);
    assert_eq!(seen(&again).1, ["lease-in-pool", "squatter-in-pool"], "{}", told(&again));

    // A lease that has run out proves nothing.
    let written = std::fs::read_to_string(&leases).expect("dnsmasq writes it");
    let end = written.split_whitespace().next().expect("an end");
    write(folder.path(), "old.leases", &written.replacen(end, "1700000000", 1));
    assert_eq!(seen(&scan(&["--leases", "old.leases"])).1, Vec::<String>::new());
    // What cannot be read stops it before anything is sent, with the place.
    write(folder.path(), "broken.leases", &format!("{written}what is this\n"));
    let refused = poolcheck(folder.path(), &["scan", "--leases", "broken.leases"]);
    assert!(told(&refused).contains("broken.leases:2:1"), "{}", told(&refused));
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn an_interface_that_vanishes_leaves_what_was_seen_by_then() {
    if !inside("an_interface_that_vanishes_leaves_what_was_seen_by_then") {
        return;
    }
    let (_lan, folder) = homelab();
    let arguments = ["scan", "10.77.0.11-10.77.0.74", "--names", "heard", "--max-pps", "20", "-o", "json"];
    let child = started(folder.path(), &arguments);
    // Each address has been asked once by then, and the scan goes on for as long again.
    std::thread::sleep(std::time::Duration::from_secs(5));
    run("ip link del eth0");
    let output = child.wait_with_output().expect("it ends");
    let (rows, _) = seen(&output);
    // The range is considered for a pool, in which a node may answer.
    let node = ("10.77.0.11".to_owned(), "52:54:00:00:00:11".to_owned(), "announced".to_owned());
    assert!(rows.contains(&node), "{rows:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let partial = report["scan"]["run"]["partial"].as_str().unwrap_or_default();
    assert!(partial.contains("the interface went away"), "{}", told(&output));
    assert_eq!(report["scan"]["asked"], serde_json::json!([]), "no silence means anything");
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
}

#[test]
fn a_machine_that_is_allowed_is_no_squatter() {
    if !inside("a_machine_that_is_allowed_is_no_squatter") {
        return;
    }
    let (mut lan, folder) = homelab();
    lan.host("vip", "02:00:5e:10:00:01", "10.77.0.102/24");
    let stranger = poolcheck(folder.path(), &["scan", "-o", "json"]);
    assert_eq!(seen(&stranger).1, ["squatter-in-pool"], "{}", told(&stranger));
    let other = poolcheck(folder.path(), &["scan", "--allow-mac", "02:00:5e:10:00:02", "-o", "json"]);
    assert_eq!(seen(&other).1, ["squatter-in-pool"], "another one is allowed: {}", told(&other));
    let allowed = poolcheck(folder.path(), &["scan", "--allow-mac", "02:00:5E:10:00:01", "-o", "json"]);
    let (rows, rules) = seen(&allowed);
    assert_eq!(rules, Vec::<String>::new(), "{}", told(&allowed));
    let row = ("10.77.0.102".to_owned(), "02:00:5e:10:00:01".to_owned(), "announced".to_owned());
    assert!(rows.contains(&row), "{rows:?}");
    assert_eq!(allowed.status.code(), Some(0));
    let refused = poolcheck(folder.path(), &["scan", "--allow-mac", "annas-phone"]);
    assert!(told(&refused).contains("`annas-phone` is no hardware address"), "{}", told(&refused));
    assert_eq!(refused.status.code(), Some(2));
}
