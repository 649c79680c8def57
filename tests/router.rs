//! `poolcheck router` and `check --drift` as a user meets them: against a real Kea, and against routers on loopback.
//!
//! Kea is the real program (`cargo xtask programs`), asked over its own socket and over its agent. The other routers are not
//! to be had here: they are servers of the test's own, as `router-adapters/tests/devices.rs` says.

#![cfg(all(target_os = "linux", feature = "live"))]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "../crates/lan/tests/common/mod.rs"]
mod common;
#[path = "../router-adapters/tests/hub/mod.rs"]
mod hub;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hub::{Asked, Hub, answers, challenge, page, whole};

/// A folder that is the root of a repository, with a state folder of its own.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_poolcheck"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null()).env_remove("COLUMNS");
        command.env("NO_COLOR", "1").env("TERM", "xterm").env("POOLCHECK_STATE_DIR", self.path().join("state"));
        command.env("HUNTER", "hunter2").env("WRONG", "hunter3");
        command
    }

    /// (status, standard output, standard error); no password is ever in them.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        assert!(!out.contains("hunter") && !err.contains("hunter"), "{arguments:?}\n{out}\n{err}");
        (output.status.code().unwrap_or(-1), out, err)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }
}

const POOL: &str = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: main-pool, namespace: metallb-system}\nspec:\n  addresses:\n  - 192.168.1.150-192.168.1.160\n---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: l2, namespace: metallb-system}\n";

/// The real Kea, and where wanted its agent.
struct Kea {
    folder: tempfile::TempDir,
    children: Vec<Child>,
    port: u16,
}

impl Kea {
    fn start(pool: &str, agent: bool) -> Self {
        // A socket's path is short.
        let folder = tempfile::Builder::new().prefix("kea").tempdir_in("/tmp").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut kea = Self { folder, children: Vec::new(), port };
        let socket = kea.socket();
        let config = format!(
            r#"{{ "Dhcp4": {{
  // A comment, as Kea allows.
  "interfaces-config": {{ "interfaces": ["lo"], "dhcp-socket-type": "udp" }},
  "control-socket": {{ "socket-type": "unix", "socket-name": "{}" }},
  "lease-database": {{ "type": "memfile", "persist": false }},
  "valid-lifetime": 4000,
  "subnet4": [ {{
    "id": 1, "subnet": "192.168.1.0/24", "pools": [ {{ "pool": "{pool}" }}, {{ "pool": "192.168.1.192/28" }} ],
    "reservations": [ {{ "hw-address": "02:00:5e:10:00:01", "ip-address": "192.168.1.20", "hostname": "nas" }} ]
  }} ],
  "shared-networks": [ {{ "name": "lab", "subnet4": [
    {{ "id": 2, "subnet": "10.7.0.0/24", "valid-lifetime": 600, "pools": [ {{ "pool": "10.7.0.10 - 10.7.0.20" }} ] }}
  ] }} ]
}} }}"#,
            socket.display()
        );
        kea.run("kea-dhcp4", &config);
        let reached = || std::os::unix::net::UnixStream::connect(&socket).is_ok();
        kea.wait(reached, "kea-dhcp4");
        if agent {
            let config = format!(
                r#"{{ "Control-agent": {{
  "http-host": "127.0.0.1", "http-port": {port},
  "authentication": {{ "type": "basic", "realm": "kea", "clients": [ {{ "user": "reader", "password": "hunter2" }} ] }},
  "control-sockets": {{ "dhcp4": {{ "socket-type": "unix", "socket-name": "{}" }} }}
}} }}"#,
                socket.display()
            );
            kea.run("kea-ctrl-agent", &config);
            kea.wait(|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok(), "kea-ctrl-agent");
        }
        kea
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    fn run(&mut self, name: &str, config: &str) {
        let file = self.folder.path().join(format!("{name}.json"));
        fs::write(&file, config).unwrap();
        let log = fs::File::create(self.folder.path().join(format!("{name}.log"))).unwrap();
        let line = format!("exec {} -c {}", common::program(name), file.display());
        let child = Command::new("sh")
            .args(["-c", &line])
            .env("KEA_LOCKFILE_DIR", "none")
            .env("KEA_PIDFILE_DIR", self.folder.path())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.children.push(child);
    }

    fn wait(&self, ready: impl Fn() -> bool, name: &str) {
        for _ in 0..200 {
            if ready() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap_or_default();
        panic!("{name} does not start: {log}");
    }
}

impl Drop for Kea {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

const KEA_SAID: &str = r#"[[segment]]
subnet = "192.168.1.0/24"

[[segment.dhcp]]
state = "on"
range = ["192.168.1.100-192.168.1.140", "192.168.1.192-192.168.1.207"]
lease = "4000s"
reservations = [
  { address = "192.168.1.20", mac = "02:00:5e:10:00:01", name = "nas" },
]

[[segment]]
name = "lab"
subnet = "10.7.0.0/24"

[[segment.dhcp]]
state = "on"
range = "10.7.0.10-10.7.0.20"
lease = "600s"
reservations = [
]
"#;

#[test]
fn the_real_kea_is_read_locked_and_watched_for_drift() {
    let home = Home::new();
    home.write("pool.yaml", POOL);
    let kea = Kea::start("192.168.1.100 - 192.168.1.140", false);
    let host = format!("unix:{}", kea.socket().display());
    home.write("poolcheck.toml", &format!("[[router]]\nadapter = \"kea-control\"\nhost = \"{host}\"\n"));
    let (code, out, err) = home.run(&["router", "fetch", "-o", "toml", "--lock"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(KEA_SAID.trim_end()), "{out}");
    let lock = home.read("poolcheck.lock");
    assert!(
        lock.contains("adapter = \"kea-control\"\nversion = 1\n") && lock.contains("[[router.segment.dhcp]]"),
        "{lock}"
    );
    // The lock is what is judged against, and the same Kea says the same.
    let (code, out, err) = home.run(&["check", "--drift"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("kea-control unix:"), "{out}");
    assert_eq!(home.run(&["router", "diff"]).0, 0);
    // Written again, only the time may differ.
    home.run(&["router", "fetch", "--lock"]);
    let without_time =
        |text: &str| text.lines().filter(|line| !line.starts_with("read-at")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(without_time(&home.read("poolcheck.lock")), without_time(&lock));
    drop(kea);
    // Nobody answers: that is no drift, and no pass.
    let (code, _, err) = home.run(&["check", "--drift"]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("cannot be reached") && err.contains("help:"), "{err}");
}

#[test]
fn a_kea_that_was_changed_is_a_finding_in_every_form() {
    let home = Home::new();
    home.write("pool.yaml", POOL);
    let old = Kea::start("192.168.1.100 - 192.168.1.140", false);
    let host = format!("unix:{}", old.socket().display());
    let fetch = ["router", "fetch", "--adapter", "kea-control", "--host", &host, "--lock"];
    assert_eq!(home.run(&fetch).0, 0);
    drop(old);
    let new = Kea::start("192.168.1.100 - 192.168.1.170", false);
    let lock = home.read("poolcheck.lock").replace(&host, &format!("unix:{}", new.socket().display()));
    home.write("poolcheck.lock", &lock);
    // Without asking, the lock is believed: the pool is clean.
    assert_eq!(home.run(&["check"]).0, 0);
    let (code, out, _) = home.run(&["check", "--drift", "-o", "concise"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("error[facts-drift]"), "{out}");
    assert!(
        out.contains(
            "DHCP range was 192.168.1.100-192.168.1.140, 192.168.1.192-192.168.1.207, is 192.168.1.100-192.168.1.170"
        ),
        "{out}"
    );
    assert!(out.starts_with("poolcheck.lock:"), "it points into the lock: {out}");
    let (code, out, _) = home.run(&["check", "--drift", "-o", "sarif"]);
    assert!(code == 1 && out.contains("\"facts-drift\""), "{out}");
    assert_eq!(home.run(&["check", "--drift", "-A", "facts-drift"]).0, 0);
    let (code, out, _) = home.run(&["router", "diff", "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, told["kind"].as_str(), told["changes"][0]["what"].as_str()),
        (1, Some("drift"), Some("DHCP range"))
    );
    // Locked anew, the pool in the new range is what is found.
    assert_eq!(
        home.run(&[
            "router",
            "fetch",
            "--adapter",
            "kea-control",
            "--host",
            &format!("unix:{}", new.socket().display()),
            "--lock"
        ])
        .0,
        0
    );
    let (code, out, _) = home.run(&["check", "-o", "concise"]);
    assert!(code == 1 && out.contains("pool-in-dhcp-range"), "{out}");
}

#[test]
fn the_real_agent_of_kea_is_asked_with_a_password() {
    let home = Home::new();
    let kea = Kea::start("192.168.1.100 - 192.168.1.140", true);
    let host = format!("127.0.0.1:{}", kea.port);
    let ask = ["router", "fetch", "--adapter", "kea-control", "--host", &host, "-o", "toml", "--user", "reader"];
    let (code, out, err) = home.run(&[&ask[..], &["--secret-env", "HUNTER", "--allow-basic"]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(KEA_SAID.trim_end()), "{out}");
    let (code, _, err) = home.run(&[&ask[..], &["--secret-env", "WRONG", "--allow-basic"]].concat());
    assert_eq!(code, 3);
    assert!(err.contains(&format!("{host} refused the password of user reader")), "{err}");
    let (code, _, err) = home.run(&[&ask[..], &["--secret-env", "HUNTER"]].concat());
    assert!(code == 2 && err.contains("sends the password readable"), "{err}");
    let (code, _, err) = home.run(&ask);
    assert!(code == 2 && err.contains("needs a password or key"), "{err}");
}

const FRITZ_INFO: &str = include_str!("../router-adapters/fixtures/fritzbox/info.xml");

fn fritz(info: &'static str) -> impl FnMut(&Asked) -> hub::Answer + Send + 'static {
    move |asked| match &*asked.line() {
        "GET /tr64desc.xml" => page("<root>urn:dslforum-org:service:LANHostConfigManagement:1</root>"),
        "POST /upnp/control/lanhostconfigmgm" if answers(asked, "HTTPS Access", "n1", "reader", "hunter2") => {
            page(info)
        }
        "POST /upnp/control/lanhostconfigmgm" => whole("401 Unauthorized", &challenge("HTTPS Access", "n1"), ""),
        _ => whole("404 Not Found", "", ""),
    }
}

#[test]
fn a_host_is_identified_without_any_password() {
    let home = Home::new();
    let hub = Hub::start(fritz(FRITZ_INFO));
    let host = hub.address.to_string();
    let (code, out, err) = home.run(&["router", "identify", &host]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(&format!("GET http://{host}/tr64desc.xml")) && out.contains("  fritzbox\n"), "{out}");
    assert!(out.contains(&format!("poolcheck router fetch --adapter fritzbox --host {host}")), "{out}");
    let asked = hub.asked();
    assert!(asked.iter().all(|asked| asked.authorization.is_none() && asked.header("cookie").is_none()));
    let mut questions: Vec<(String, String)> = asked.iter().map(|asked| (asked.line(), asked.body.clone())).collect();
    let all = questions.len();
    questions.sort();
    questions.dedup();
    assert_eq!(questions.len(), all, "each question is asked once");
    for line in hub.lines() {
        let (method, path) = line.split_once(' ').unwrap();
        assert!(out.contains(&format!("{method} http://{host}{path}")), "{line} was sent and not told: {out}");
    }
    let (_, out, _) = home.run(&["router", "identify", &host, "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["adapters"], serde_json::json!(["fritzbox"]));
    // Who answers is the adapter that is used when none is named.
    let ask = ["router", "fetch", "--host", &host, "--user", "reader", "--secret-env", "HUNTER", "-o", "json"];
    let (code, out, err) = home.run(&ask);
    assert_eq!(code, 0, "{err}");
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["segments"][0]["dhcp"][0]["ranges"][0]["value"], "192.168.178.20-192.168.178.200");
    assert!(err.contains("asked 127.0.0.1"), "{err}");
    let nobody = Hub::start(|_| page("<html><title>Toaster</title></html>"));
    let (code, out, _) = home.run(&["router", "identify", &nobody.address.to_string()]);
    assert!(code == 3 && out.contains("no adapter knows it") && out.contains("<title>Toaster</title>"), "{out}");
}

/// A router that is searched for is found again, though it may have another port by then.
#[test]
fn a_router_that_was_searched_for_is_locked_and_found_again() {
    const SERVICE: &str = "urn:schemas-upnp-org:service:LANHostConfigManagement:1";
    let home = Home::new();
    let router = |range: &'static str| {
        Hub::start(move |asked| match &*asked.line() {
            "GET /rootDesc.xml" => page(include_str!("../router-adapters/fixtures/upnp-igd/description.xml")),
            _ if asked.header("soapaction").is_some_and(|action| action.ends_with("#GetAddressRange\"")) => page(range),
            _ => whole("500 Internal Server Error", "", "<e><errorCode>401</errorCode></e>"),
        })
    };
    let answers = |hub: &Hub| {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let (search, location) = (socket.local_addr().unwrap(), hub.address);
        std::thread::spawn(move || {
            let mut packet = [0; 2048];
            while let Ok((_, from)) = socket.recv_from(&mut packet) {
                let text =
                    format!("HTTP/1.1 200 OK\r\nST: {SERVICE}\r\nLOCATION: http://{location}/rootDesc.xml\r\n\r\n");
                socket.send_to(text.as_bytes(), from).unwrap();
            }
        });
        search.to_string()
    };
    let run = |search: &str, arguments: &[&str]| {
        let output = home.command(arguments).env("POOLCHECK_UPNP_SEARCH", search).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let range = include_str!("../router-adapters/fixtures/upnp-igd/range.xml");
    let hub = router(range);
    let search = answers(&hub);
    assert_eq!(run(&search, &["router", "fetch", "--adapter", "upnp-igd", "--lock"]).0, 0);
    assert!(home.read("poolcheck.lock").contains("host = \"127.0.0.1\""), "{}", home.read("poolcheck.lock"));
    assert_eq!(run(&search, &["router", "diff"]).0, 0);
    drop(hub);
    let hub = router("<e><NewMinAddress>192.168.1.64</NewMinAddress><NewMaxAddress>192.168.1.99</NewMaxAddress></e>");
    let (code, out) = run(&answers(&hub), &["router", "diff"]);
    // That answer is no answer to the action: nothing is made of it.
    assert_eq!((code, out.as_str()), (3, ""));
    let changed = Box::leak(range.replace(".253", ".99").into_boxed_str());
    let hub = router(changed);
    let (code, out) = run(&answers(&hub), &["router", "diff"]);
    assert!(code == 1 && out.contains("was 192.168.1.64-192.168.1.253, is 192.168.1.64-192.168.1.99"), "{out}");
}

#[test]
fn every_document_is_what_its_schema_says() {
    let home = Home::new();
    let hub = Hub::start(fritz(FRITZ_INFO));
    let host = hub.address.to_string();
    let fetch = ["--adapter", "fritzbox", "--host", &host, "--user", "reader", "--secret-env", "HUNTER"];
    home.run(&[&["router", "fetch", "--lock"], &fetch[..]].concat());
    home.write("poolcheck.toml", &format!("[[router]]\nadapter = \"fritzbox\"\nhost = \"{host}\"\nuser = \"reader\"\nsecret = {{ env = \"HUNTER\" }}\n"));
    let schema = fs::read_to_string("docs/schema/router-v1.json").unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let fetch = [&["router", "fetch", "-o", "json"], &fetch[..]].concat();
    for line in [
        &["router", "list", "-o", "json"][..],
        &["router", "identify", &host, "-o", "json"],
        &fetch,
        &["router", "diff", "-o", "json"],
    ] {
        let (code, out, err) = home.run(line);
        assert_eq!(code, 0, "{line:?}: {err}");
        let told: serde_json::Value = serde_json::from_str(&out).unwrap();
        let wrong: Vec<String> = schema.iter_errors(&told).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{line:?}: {wrong:?}");
    }
}

#[test]
fn what_is_recorded_is_clean_and_says_what_went() {
    const NOBODY_KNOWS: &str = "<e><NewSerialNumber>AB12CD34</NewSerialNumber><NewSSID>Smith family</NewSSID><mac>AA:BB:CC:11:22:33</mac><echo>you said hunter2</echo><NewMinAddress>192.168.178.20</NewMinAddress></e>";
    let home = Home::new();
    let hub = Hub::start(fritz(NOBODY_KNOWS));
    let host = hub.address.to_string();
    let who = ["--adapter", "fritzbox", "--host", &host, "--user", "reader", "--secret-env", "HUNTER"];
    let (code, _, err) = home.run(&[&["router", "fetch"], &who[..]].concat());
    assert_eq!(code, 3);
    let told = "error: the answer to /upnp/control/lanhostconfigmgm is not understood\n  looked for  /Envelope/Body/GetInfoResponse\n  found       a page without a title\nhelp: its firmware may be unknown here: poolcheck router record --adapter fritzbox";
    assert!(err.starts_with(told), "{err}");
    let (code, out, err) = home.run(&[&["router", "record", "--to", "rec"], &who[..]].concat());
    assert_eq!(code, 0, "{err}");
    let recorded = home.read("rec/info.html");
    for gone in ["AB12CD34", "Smith", "AA:BB", "hunter2"] {
        assert!(!recorded.contains(gone) && !out.contains(gone), "{recorded}{out}");
    }
    assert!(recorded.contains("<NewMinAddress>192.168.178.20<"), "{recorded}");
    for told in ["1 of MAC addresses", "1 of `NewSSID`", "1 of `NewSerialNumber`", "ended early:"] {
        assert!(out.contains(told), "no `{told}` in {out}");
    }
}

#[test]
fn a_recording_is_a_test_of_the_adapter() {
    let home = Home::new();
    let hub = Hub::start(fritz(FRITZ_INFO));
    let host = hub.address.to_string();
    let who = ["--adapter", "fritzbox", "--host", &host, "--user", "reader", "--secret-env", "HUNTER", "--to", "rec"];
    let (code, out, err) = home.run(&[&["router", "record"], &who[..]].concat());
    assert!(code == 0 && out.contains("rec/test.toml"), "{out}{err}");
    let adapter = fs::read_to_string("router-adapters/fritzbox.toml").unwrap();
    let (adapter, _) = adapter.split_once("[[test]]").unwrap();
    home.write("mine.toml", &format!("{adapter}{}", home.read("rec/test.toml")));
    let (code, out, err) = home.run(&["router", "test", "mine.toml"]);
    assert_eq!((code, out.as_str()), (0, "ok      as it was recorded\nfritzbox: 1 test passed\n"), "{err}");
}

#[test]
fn a_certificate_is_remembered_and_a_changed_one_is_told() {
    let home = Home::new();
    let (own, other) = (certificate(), certificate());
    let port_of = |hub: &Hub| hub.address.port();
    let hub = Hub::start_tls(&own, fritz(FRITZ_INFO));
    let host = format!("https://127.0.0.1:{}", port_of(&hub));
    let ask =
        ["router", "fetch", "--adapter", "fritzbox", "--host", &host, "--user", "reader", "--secret-env", "HUNTER"];
    let (code, _, err) = home.run(&ask);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("is seen for the first time, and remembered in"), "{err}");
    let known = home.read("state/known-routers.toml");
    assert!(known.contains(&format!("\"127.0.0.1:{}\" = \"sha256:", port_of(&hub))), "{known}");
    let (code, _, err) = home.run(&ask);
    assert_eq!((code, err.as_str()), (0, ""), "known: nothing to say");
    drop(hub);
    // Another certificate at the same address: as if somebody stood in between.
    let hub = Hub::start_tls(&other, fritz(FRITZ_INFO));
    let moved = known.lines().last().unwrap().replace(&host[8..], &hub.address.to_string());
    home.write("state/known-routers.toml", &moved);
    let host = format!("https://{}", hub.address);
    let ask =
        ["router", "fetch", "--adapter", "fritzbox", "--host", &host, "--user", "reader", "--secret-env", "HUNTER"];
    let (code, _, err) = home.run(&ask);
    assert_eq!(code, 3);
    assert!(
        err.contains("shows another TLS certificate than before\n  known  sha256:") && err.contains("--pin sha256:"),
        "{err}"
    );
    assert!(hub.asked().is_empty(), "nothing was asked of it");
    let shown = err.split("--pin ").nth(1).unwrap().split(';').next().unwrap().trim().to_owned();
    let (code, _, err) = home.run(&[&ask[..], &["--pin", &shown]].concat());
    assert!(code == 0 && err.contains("is as was said"), "{err}");
    assert_eq!(home.run(&ask).0, 0, "and remembered");
    home.write("state/known-routers.toml", "not a table");
    let (code, _, err) = home.run(&ask);
    assert!(code == 2 && err.contains("known-routers.toml"), "a broken file trusts nobody anew: {err}");
}

fn certificate() -> rcgen::CertifiedKey<rcgen::KeyPair> {
    rcgen::generate_simple_self_signed(["router.home.example".to_owned()]).unwrap()
}

#[test]
fn a_secret_comes_from_four_places_and_never_from_a_file_of_settings() {
    let home = Home::new();
    let hub = Hub::start(fritz(FRITZ_INFO));
    let host = hub.address.to_string();
    let ask = ["router", "fetch", "--adapter", "fritzbox", "--host", &host, "--user", "reader"];
    home.write("own", "hunter2\n");
    home.write("open", "hunter2\n");
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(home.path().join("own"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(home.path().join("open"), fs::Permissions::from_mode(0o644)).unwrap();
    for (more, right) in [
        (["--secret-env", "HUNTER"], true),
        (["--secret-file", "own"], true),
        (["--secret-command", "cat own"], true),
        (["--secret-file", "open"], false),
        (["--secret-env", "NOT_SET_ANYWHERE"], false),
        (["--secret-command", "exit 3"], false),
    ] {
        let (code, _, err) = home.run(&[&ask[..], &more].concat());
        assert_eq!(code, if right { 0 } else { 2 }, "{more:?}: {err}");
    }
    // A person at a terminal types it, and does not see it.
    let line = format!("{} {}", env!("CARGO_BIN_EXE_poolcheck"), ask.join(" "));
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(home.path()).env("NO_COLOR", "1");
    script.env("POOLCHECK_STATE_DIR", home.path().join("state")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = script.spawn().expect("this test needs script: apt-get install -y bsdutils");
    std::thread::sleep(Duration::from_millis(700));
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"hunter2\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("Password or key for fritzbox"), "{told}");
    assert!(told.contains("192.168.178.20 to 192.168.178.200") && !told.contains("hunter2"), "{told}");
    home.write("poolcheck.toml", "[[router]]\nadapter = \"fritzbox\"\nsecret = \"x-literal\"\n");
    let (code, _, err) = home.run(&ask);
    assert!(
        code == 2 && err.contains("a secret is written into the configuration") && !err.contains("x-literal"),
        "{err}"
    );
}

/// The router of docs/adapters/write-one.md.
fn lumen(asked: &Asked) -> hub::Answer {
    let with_token = asked.header("x-token") == Some("4f5e6d7c");
    match &*asked.line() {
        "GET /" => page("<html><head><title>Lumen Box 3</title></head></html>"),
        "POST /api/session" if asked.body == "{\"password\":\"hunter2\"}" => page("{\"token\":\"4f5e6d7c\"}"),
        "POST /api/session" => whole("403 Forbidden", "", "{}"),
        "GET /api/lan/dhcp" if with_token => page(
            "{\"lan\":{\"ip\":\"192.168.1.1\",\"netmask\":\"255.255.255.0\",\"dhcp\":{\"enabled\":true,\"first\":\"192.168.1.20\",\"count\":180,\"leaseMinutes\":720},\"fixed\":[{\"name\":\"annas-nas\",\"mac\":\"02:00:5E:10:00:07\",\"ip\":\"192.168.1.250\"}]}}",
        ),
        "DELETE /api/session" if with_token => whole("204 No Content", "", ""),
        _ => whole("401 Unauthorized", "", ""),
    }
}

/// (info string, text) of every fence.
fn fences(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(info), false) => {
                found.push((info.to_owned(), String::new()));
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => {
                let text = &mut found.last_mut().unwrap().1;
                text.push_str(line);
                text.push('\n');
            }
            (None, false) => {}
        }
    }
    found
}

#[test]
fn the_guide_to_writing_an_adapter_can_be_followed_to_the_letter() {
    let home = Home::new();
    let hub = Hub::start(lumen);
    let guide = include_str!("../docs/adapters/write-one.md");
    let (mut written, mut ran) = (0, 0);
    for (info, text) in fences(guide) {
        let (kind, name) = info.split_once(' ').unwrap_or((&info, ""));
        match (kind, name) {
            ("toml", "") => {}
            ("toml", name) => {
                // The second time, what is not read yet is replaced.
                let old = fs::read_to_string(home.path().join(name)).unwrap_or_default();
                let kept = old.split("# Nothing is read yet.").next().unwrap_or_default();
                home.write(name, &format!("{kept}{text}"));
                written += 1;
            }
            ("json", name) => assert_eq!(home.read(name), text, "{name}"),
            ("diff", name) => {
                let mut file = home.read(name);
                for line in text.lines().filter_map(|line| line.strip_prefix('-')) {
                    assert!(file.contains(line), "{line}");
                }
                let take =
                    |sign: char| text.lines().filter_map(|line| line.strip_prefix(sign)).collect::<Vec<_>>().join("\n");
                file = file.replace(&take('-'), &take('+'));
                home.write(name, &file);
            }
            ("console", _) => {
                let (line, expected) = text.split_once('\n').unwrap();
                let status = expected.strip_prefix("? ").and_then(|rest| rest.split_once('\n'));
                let (status, expected) = status.map_or((0, expected), |(code, rest)| (code.parse().unwrap(), rest));
                let host = hub.address.to_string();
                let arguments: Vec<&str> = line.strip_prefix("$ poolcheck ").unwrap().split(' ').collect();
                let mut command = home.command(&arguments);
                // The box of the guide is at its factory's address; this one is where the test could put it.
                let file = home.read("lumen-box.toml");
                home.write("lumen-box.toml", &file.replace("host = \"192.168.1.1\"", &format!("host = \"{host}\"")));
                let output = command.env("LUMEN_PASSWORD", "hunter2").output().unwrap();
                home.write("lumen-box.toml", &file);
                let out = String::from_utf8(output.stdout).unwrap().replace(&host, "192.168.1.1");
                let out: Vec<&str> = out
                    .lines()
                    .map(|line| if line.starts_with("read-at = ") { "read-at = \"[NOW]\"" } else { line })
                    .collect();
                let error = String::from_utf8(output.stderr).unwrap();
                assert_eq!(output.status.code(), Some(status), "{line}\n{error}");
                assert_eq!(out.join("\n").trim_end(), expected.trim_end(), "{line}\n{error}");
                ran += 1;
            }
            _ => panic!("a fence that nobody follows: {info}"),
        }
    }
    assert_eq!((written, ran), (2, 4));
    let lines = hub.lines();
    assert_eq!(
        lines.iter().filter(|line| *line == "DELETE /api/session").count(),
        2,
        "logged out of each time: {lines:?}"
    );
}

#[test]
fn an_adapter_file_is_refused_with_its_place() {
    let home = Home::new();
    let good = fences(include_str!("../docs/adapters/write-one.md"))
        .into_iter()
        .find(|(info, _)| info == "toml lumen-box.toml")
        .unwrap()
        .1;
    for (from, to, told, place) in [
        ("GET /api/lan/dhcp", "GET /api/reboot", "`/api/reboot` says `reboot`", "/api/reboot"),
        ("\"{secret}\"", "\"hunter9\"", "is a secret in a file", "a secret"),
        ("id        = \"lumen-box\"", "idd       = \"lumen-box\"", "unknown key `idd`", "did you mean `id`?"),
        ("X-Token = \"{token}\"", "X-Token = \"{tokn}\"", "`{tokn}` is not known here", "capture it"),
        (
            "schema    = \"poolcheck.adapter/v1\"",
            "schema    = \"v9\"",
            "is not a format of adapter files",
            "write schema",
        ),
        ("state = { always = \"unknown\" }", "state = { always = \"perhaps\" }", "a state must be", "map ="),
        (
            "[auth]\nscheme = \"steps\"",
            "[[page]]\nname = \"dhcp\"\nfrom = \"dhcpp\"\njson = \"\"\nas = \"uci\"\n\n[auth]\nscheme = \"steps\"",
            "nothing reads this file",
            "there is no step `dhcpp`",
        ),
        (
            "[auth]\nscheme = \"steps\"",
            "[[page]]\nname = \"x\"\nfrom = \"identify\"\njson = \"\"\nas = \"routeros\"\nmenu = \"[x]\"\n\n[auth]\nscheme = \"steps\"",
            "`[x]` is no menu of RouterOS",
            "/ip dhcp-server lease",
        ),
        (
            "[auth]\nscheme = \"steps\"",
            "[[page]]\nname = \"x\"\nfrom = \"identify\"\njson = \"\"\nas = \"json\"\nmenu = \"/ip pool\"\nkeys = [\"a\"]\n\n[auth]\nscheme = \"steps\"",
            "this file is written whole",
            "entries of RouterOS stand in a menu",
        ),
        (
            "[auth]\nscheme = \"steps\"",
            "[auth]\nscheme = \"steps\"\npassword = \"hunter9\"",
            "secrets are never read from an adapter file",
            "delete it",
        ),
    ] {
        let mut text = good.replace(from, to);
        if to.contains("reboot") {
            text = text.replace("get     = \"/api/lan/dhcp\"", "get     = \"/api/reboot\"");
        }
        assert_ne!(text, good, "{from}");
        home.write("x.toml", &text);
        let (code, out, err) = home.run(&["router", "test", "x.toml"]);
        assert_eq!(code, 2, "{out}{err}");
        assert!(err.contains(told) && err.contains(place) && err.contains("x.toml:"), "{told}: {err}");
    }
}

/// The default gateway is asked when no host is named: a host of its own namespace with a web server on port 80.
#[test]
fn the_default_gateway_is_asked_when_no_host_is_named() {
    if !common::inside("the_default_gateway_is_asked_when_no_host_is_named") {
        return;
    }
    let mut lan = common::Bridge::new();
    lan.host("router", "02:5c:00:00:00:77", "10.77.0.1/24");
    fs::create_dir_all("/run/www").unwrap();
    fs::write("/run/www/index.html", "<html><head><title>Sky Hub</title></head></html>").unwrap();
    lan.start("router", &format!("{} httpd -f -p 10.77.0.1:80 -h /run/www", common::program("busybox")));
    let home = Home::new();
    let (code, _, err) = home.run(&["router", "identify"]);
    assert!(code == 2 && err.contains("no default route"), "{err}");
    common::run("ip route add default via 10.77.0.1 dev eth0");
    let reached = || std::net::TcpStream::connect(("10.77.0.1", 80)).is_ok();
    assert!(
        (0..100).any(|_| reached() || {
            std::thread::sleep(Duration::from_millis(50));
            false
        }),
        "httpd starts"
    );
    let (code, out, err) = home.run(&["router", "identify"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.starts_with("asked 10.77.0.1, without any password:\n"), "{out}");
    assert!(
        out.contains("this is for the adapter sky-hub: poolcheck router fetch --adapter sky-hub --host 10.77.0.1"),
        "{out}"
    );
    // Ports where nobody listens are told once each.
    assert!(out.contains("https://10.77.0.1") && out.contains("refused"), "{out}");
}

/// Ctrl-C and SIGTERM in the middle: nobody else is locked out by a session that was left open.
#[test]
fn an_interrupted_conversation_ends_its_session() {
    for signal in ["INT", "TERM"] {
        let home = Home::new();
        let (reached, login) = std::sync::mpsc::channel();
        let hub = Hub::start(move |asked: &Asked| match &*asked.line() {
            "GET /api/auth" => {
                whole("401 Unauthorized", "", "{\"session\":{\"valid\":false,\"totp\":false,\"sid\":null}}")
            }
            "POST /api/auth" => {
                reached.send(()).unwrap();
                // The signal comes while the answer is awaited.
                std::thread::sleep(Duration::from_millis(1500));
                page("{\"session\":{\"valid\":true,\"totp\":false,\"sid\":\"h0le\"}}")
            }
            "DELETE /api/auth" if asked.header("x-ftl-sid") == Some("h0le") => whole("204 No Content", "", ""),
            _ => whole("404 Not Found", "", ""),
        });
        let host = format!("http://{}", hub.address);
        let ask = [
            "router",
            "fetch",
            "--adapter",
            "pihole-api",
            "--host",
            &host,
            "--allow-basic",
            "--secret-env",
            "HUNTER",
            "--lock",
        ];
        let child = home.command(&ask).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        login.recv_timeout(Duration::from_secs(20)).unwrap();
        common::run(&format!("kill -{signal} {}", child.id()));
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{signal}: {told}");
        assert!(told.contains("was interrupted"), "{signal}: {told}");
        assert_eq!(hub.lines(), ["GET /api/auth", "POST /api/auth", "DELETE /api/auth"], "{signal}");
        assert!(!home.path().join("poolcheck.lock").exists());
    }
}
