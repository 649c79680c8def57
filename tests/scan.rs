//! `poolcheck scan` as a user runs it, on a LAN of real Linux stacks in namespaces that the test makes.

#![cfg(all(target_os = "linux", feature = "scan"))]

use std::path::Path;
use std::process::{Command, Output, Stdio};

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
    let child = Command::new(env!("CARGO_BIN_EXE_poolcheck"))
        .args(["scan", "10.77.0.11-10.77.0.74", "--max-pps", "20", "--pcap", "out.pcap"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built");
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
    let (_lan, folder) = homelab();
    let child = Command::new(env!("CARGO_BIN_EXE_poolcheck"))
        .args(["scan", "--listen", "4s", "-i", "eth0", "-o", "json", "--pcap", "out.pcap"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program was built");
    std::thread::sleep(std::time::Duration::from_secs(1));
    // n2 sends something to the router, and must ask for it first.
    run("ip netns exec n2 bash -c 'echo > /dev/udp/10.77.0.1/9'");
    let output = child.wait_with_output().expect("it ends");
    let (rows, _) = seen(&output);
    assert!(rows.iter().any(|row| row.0 == "10.77.0.12"), "{rows:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["scan"]["run"]["frames"], 0);
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
