//! Every adapter that asks over HTTP, against a server on loopback that keeps the device's manners: login, session, tokens,
//! logout, and its faults. None of these devices was to be had, so each server is written after what is published of the
//! device, as its adapter says (`evidence`); what they cannot show is that a device is like that.
//!
//! Every request of every run is compared with what the adapter's file lists.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod hub;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hub::{Answer, Asked, Hub, answers, challenge, page, whole};
use poolcheck_plan::Sources;
use poolcheck_router_adapters::engine::{Declared, Replies, find};
use poolcheck_router_adapters::live::{Conversation, FetchError, Fingerprint, Request, Secret, converse, record};
use serde_json::Value;
use sha2::Digest as _;

const PASSWORD: &str = "hunter2";

macro_rules! fixture {
    ($path:literal) => {
        include_str!(concat!("../fixtures/", $path))
    };
}

/// What is wrong with a device, besides what its own login says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Another administrator is logged in, or no session is free.
    Busy,
    /// Logins are locked.
    Locked,
    /// Something else answers at this address.
    Other,
    /// A captive portal sends everybody elsewhere.
    Portal,
    /// The answer that the facts are in is of a firmware that nobody knows.
    Changed,
    Truncated,
    TooLarge,
    Slow,
}

/// What a device keeps in mind.
#[derive(Debug, Default)]
struct State {
    /// Sessions that were begun and not ended.
    open: usize,
    begun: usize,
    /// How often a password was looked at and found wrong.
    wrong: usize,
}

/// One device: what it answers.
struct Device {
    id: &'static str,
    user: Option<&'static str>,
    /// Whether this is the request whose answer holds the range.
    holds: fn(&Asked) -> bool,
    answer: fn(&Asked, &mut State, Fault) -> Answer,
    /// The first range that must come out.
    range: &'static str,
    /// Whether it says that it locks logins.
    locks: bool,
}

fn json(text: &str) -> Answer {
    whole("200 OK", "Content-Type: application/json\r\n", text)
}

fn xml(text: &str) -> Answer {
    whole("200 OK", "Content-Type: text/xml\r\n", text)
}

fn refused(body: &str) -> Answer {
    whole("401 Unauthorized", "", body)
}

fn not_found() -> Answer {
    whole("404 Not Found", "", "{}")
}

/// HTTP Basic of this user with the right password.
fn basic(asked: &Asked, pair: &str, state: &mut State) -> bool {
    let right = asked.authorization.as_deref() == Some(&*format!("Basic {pair}"));
    if asked.authorization.is_some() && !right {
        state.wrong += 1;
    }
    right
}

/// Takes a password from a body.
fn login(given: Option<&str>, state: &mut State) -> bool {
    let right = given == Some(PASSWORD);
    if right {
        state.open += 1;
        state.begun += 1;
    } else {
        state.wrong += 1;
    }
    right
}

const fn logout(state: &mut State) {
    state.open = state.open.saturating_sub(1);
}

fn body(asked: &Asked) -> Value {
    serde_json::from_str(&asked.body).unwrap_or(Value::Null)
}

const SERVICE: &str = "urn:dslforum-org:service:LANHostConfigManagement:1";

fn fritzbox(asked: &Asked, state: &mut State, fault: Fault) -> Answer {
    if asked.line() == "GET /tr64desc.xml" {
        return xml(&format!("<root><service><serviceType>{SERVICE}</serviceType></service></root>"));
    }
    if asked.line() != "POST /upnp/control/lanhostconfigmgm" {
        return not_found();
    }
    if fault == Fault::Busy {
        return whole("503 Service Unavailable", "", "");
    }
    if !answers(asked, "HTTPS Access", "n1", "reader", PASSWORD) {
        state.wrong += usize::from(asked.authorization.is_some());
        return whole("401 Unauthorized", &challenge("HTTPS Access", "n1"), "");
    }
    assert_eq!(asked.header("soapaction"), Some(&*format!("\"{SERVICE}#GetInfo\"")));
    xml(fixture!("fritzbox/info.xml"))
}

fn hilink(asked: &Asked, state: &mut State, fault: Fault) -> Answer {
    let error =
        |code: u32| xml(&format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><error><code>{code}</code></error>"));
    let holds = |text: &str| asked.body.contains(text);
    match &*asked.line() {
        "GET /api/webserver/SesTokInfo" => {
            xml("<response><SesInfo>SessionID=first</SesInfo><TokInfo>tok1</TokInfo></response>")
        }
        "GET /api/user/state-login" => xml(
            "<response><State>-1</State><password_type>4</password_type><extern_password_type>0</extern_password_type></response>",
        ),
        "POST /api/user/login" => {
            let carried = (asked.header("cookie"), asked.header("__requestverificationtoken"));
            assert_eq!(carried, (Some("SessionID=first"), Some("tok1")));
            // Base64 of the SHA-256 of user, Base64 of the SHA-256 of the password, and token, both in hexadecimal.
            const PROOF: &str =
                "ZDc4MTZiZGRjY2Y2MTM3MjdiMmEzZjNkMjBmYzUzZGE0NTlkZDE5YWE4ODY2YmQzYjNmNjFjODkzODJiNWRiNg==";
            match fault {
                Fault::Busy => error(108_003),
                Fault::Locked => error(108_007),
                _ if login(Some(PASSWORD).filter(|_| holds(PROOF)), state) => whole(
                    "200 OK",
                    "Set-Cookie: SessionID=second; path=/; HttpOnly\r\n__RequestVerificationToken: after1#after2\r\n",
                    "<response>OK</response>",
                ),
                _ => error(108_006),
            }
        }
        "GET /api/dhcp/settings" if asked.header("cookie") == Some("SessionID=second") => {
            xml(fixture!("huawei-hilink/dhcp.xml"))
        }
        "POST /api/user/logout" => {
            assert_eq!(asked.header("__requestverificationtoken"), Some("after1"));
            logout(state);
            xml("<response>OK</response>")
        }
        _ => error(100_003),
    }
}

fn kea(asked: &Asked, state: &mut State, fault: Fault) -> Answer {
    assert_eq!(asked.line(), "POST /");
    // Kea asks for a login for every command, if for any.
    match (body(asked)["command"].as_str(), fault) {
        (Some("list-commands"), _) => whole("401 Unauthorized", "", "{ \"result\": 401, \"text\": \"Unauthorized\" }"),
        (Some("config-get"), Fault::Busy) => whole("503 Service Unavailable", "", "{}"),
        (Some("config-get"), Fault::Locked) => whole("429 Too Many Requests", "Retry-After: 60\r\n", "{}"),
        (Some("config-get"), _) if basic(asked, "YWRtaW46aHVudGVyMg==", state) => {
            json(fixture!("kea-control/agent.json"))
        }
        _ => refused("{ \"result\": 401, \"text\": \"Unauthorized\" }"),
    }
}

fn mikrotik(asked: &Asked, state: &mut State, fault: Fault) -> Answer {
    if asked.path == "/" {
        return page("<html><head><title>RouterOS</title></head></html>");
    }
    if fault == Fault::Busy {
        return whole("503 Service Unavailable", "", "{}");
    }
    if !basic(asked, "YWRtaW46aHVudGVyMg==", state) {
        return refused("{\"error\":401,\"message\":\"Unauthorized\"}");
    }
    match &*asked.path {
        "/rest/ip/dhcp-server" => json(fixture!("mikrotik-rest/servers.json")),
        "/rest/ip/pool" => json(fixture!("mikrotik-rest/pools.json")),
        "/rest/ip/address" => json(fixture!("mikrotik-rest/addresses.json")),
        "/rest/ip/dhcp-server/network" => json(fixture!("mikrotik-rest/networks.json")),
        "/rest/ip/dhcp-server/lease?dynamic=false" => json(fixture!("mikrotik-rest/leases.json")),
        _ => not_found(),
    }
}

fn openwrt(asked: &Asked, state: &mut State, fault: Fault) -> Answer {
    assert_eq!(asked.line(), "POST /ubus");
    let call = body(asked);
    let (sid, object, method) = (&call["params"][0], &call["params"][1], &call["params"][2]);
    let done = |text: &str| json(&format!("{{\"jsonrpc\":\"2.0\",\"id\":{},{text}}}", call["id"]));
    let mine = sid == "5e551011";
    match (object.as_str(), method.as_str()) {
        (Some("session"), Some("access")) => done("\"result\":[0,{\"access\":false}]"),
        (Some("session"), Some("login")) if fault == Fault::Busy => whole("503 Service Unavailable", "", ""),
        (Some("session"), Some("login")) => {
            assert_eq!(sid, "00000000000000000000000000000000");
            if login(call["params"][3]["password"].as_str(), state) {
                done("\"result\":[0,{\"ubus_rpc_session\":\"5e551011\",\"timeout\":60}]")
            } else {
                done("\"result\":[6]")
            }
        }
        (Some("uci"), Some("get")) if mine && call["params"][3]["config"] == "dhcp" => {
            json(fixture!("openwrt-ubus/dhcp.json"))
        }
        (Some("uci"), Some("get")) if mine => json(fixture!("openwrt-ubus/network.json")),
        (Some("session"), Some("destroy")) if mine => {
            logout(state);
            done("\"result\":[0]")
        }
        _ => done("\"error\":{\"code\":-32002,\"message\":\"Access denied\"}"),
    }
}

fn opnsense(asked: &Asked, state: &mut State, fault: Fault) -> Answer {
    if asked.path == "/" {
        return page("<html><head><title>Login | OPNsense</title></head></html>");
    }
    if fault == Fault::Busy {
        return whole("503 Service Unavailable", "", "{}");
    }
    if !basic(asked, "YWRtaW46aHVudGVyMg==", state) {
        return refused("{\"status\":401,\"message\":\"Authentication Failed\"}");
    }
    match &*asked.path {
        "/api/kea/dhcpv4/get" => json(fixture!("opnsense-api/kea.json")),
        "/api/kea/dhcpv4/search_subnet" => json(fixture!("opnsense-api/subnets.json")),
        "/api/kea/dhcpv4/search_reservation" => json(fixture!("opnsense-api/reservations.json")),
        // The plugin is not there.
        _ => not_found(),
    }
}

fn pihole(asked: &Asked, state: &mut State, fault: Fault) -> Answer {
    let nobody =
        "{\"session\":{\"valid\":false,\"totp\":false,\"sid\":null,\"validity\":-1,\"message\":null},\"took\":0.001}";
    match &*asked.line() {
        "GET /api/auth" => refused(nobody),
        "POST /api/auth" => match fault {
            Fault::Busy => whole(
                "429 Too Many Requests",
                "",
                "{\"error\":{\"key\":\"api_seats_exceeded\",\"message\":\"API seats exceeded\",\"hint\":\"x\"},\"took\":0.1}",
            ),
            Fault::Locked => whole(
                "429 Too Many Requests",
                "",
                "{\"error\":{\"key\":\"rate_limiting\",\"message\":\"Rate-limiting login attempts\",\"hint\":null},\"took\":0.1}",
            ),
            _ if login(body(asked)["password"].as_str(), state) => json(
                "{\"session\":{\"valid\":true,\"totp\":false,\"sid\":\"qR7+s1D0fTh3P1h0le4You=\",\"csrf\":\"x\",\"validity\":1800,\"message\":\"ok\"},\"took\":0.2}",
            ),
            _ => refused(nobody),
        },
        line => match (line, asked.header("x-ftl-sid") == Some("qR7+s1D0fTh3P1h0le4You=")) {
            ("GET /api/config/dhcp", true) => json(fixture!("pihole-api/config.json")),
            ("DELETE /api/auth", true) => {
                logout(state);
                whole("204 No Content", "", "")
            }
            _ => refused(nobody),
        },
    }
}

fn unifi(asked: &Asked, state: &mut State, fault: Fault) -> Answer {
    match &*asked.line() {
        "GET /" => page("<html><head><title>UniFi OS</title></head></html>"),
        "POST /api/auth/login" => match fault {
            Fault::Busy => whole("503 Service Unavailable", "", "{}"),
            Fault::Locked => whole("429 Too Many Requests", "Retry-After: 300\r\n", "{}"),
            _ if body(asked)["username"] == "reader" && login(body(asked)["password"].as_str(), state) => whole(
                "200 OK",
                "Set-Cookie: TOKEN=eyJh.bc; path=/; secure; httponly\r\nX-CSRF-Token: c5rf\r\n",
                "{\"unique_id\":\"x\"}",
            ),
            _ => refused("{}"),
        },
        line => match (line, asked.header("cookie") == Some("TOKEN=eyJh.bc")) {
            ("GET /proxy/network/api/s/default/rest/networkconf", true) => json(fixture!("unifi/networkconf.json")),
            ("GET /proxy/network/api/s/default/rest/user", true) => {
                // More clients than are read: their fixed addresses are then not known, and the rest is.
                Answer::Broken([b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec(), vec![b' '; 2 << 20]].concat())
            }
            ("POST /api/auth/logout", true) if asked.header("x-csrf-token") == Some("c5rf") => {
                logout(state);
                json("{}")
            }
            _ => refused("{}"),
        },
    }
}

fn virgin(asked: &Asked, state: &mut State, fault: Fault) -> Answer {
    match &*asked.line() {
        "GET /rest/v1/system/info" => json("{\"info\":{\"modelName\":\"F3896LG-VMB\"}}"),
        "POST /rest/v1/user/login" => match fault {
            Fault::Busy => whole("503 Service Unavailable", "", "{}"),
            Fault::Locked => whole("429 Too Many Requests", "", "{}"),
            _ if login(body(asked)["password"].as_str(), state) => {
                whole("201 Created", "", "{\"created\":{\"token\":\"t0ken-1\",\"userLevel\":\"regular\",\"userId\":3}}")
            }
            _ => refused("{}"),
        },
        line => match (line, asked.header("authorization") == Some("Bearer t0ken-1")) {
            ("GET /rest/v1/network/ipv4/dhcp", true) => json(fixture!("virgin-hub5/dhcp.json")),
            ("GET /rest/v1/network/reservedipaddresses", true) => json("{\"reservedIpAddresses\":[]}"),
            ("DELETE /rest/v1/user/3/token/t0ken-1", true) => {
                logout(state);
                whole("204 No Content", "", "")
            }
            _ => refused("{}"),
        },
    }
}

fn adguard(asked: &Asked, state: &mut State, fault: Fault) -> Answer {
    match &*asked.line() {
        "GET /login.html" => page("<html><head><meta content=\"#67B279\"><title>Login</title></head></html>"),
        "GET /control/dhcp/status" => match fault {
            Fault::Busy => whole("503 Service Unavailable", "", ""),
            Fault::Locked => whole("429 Too Many Requests", "Retry-After: 900\r\n", "auth: blocked for 15m0s"),
            _ if basic(asked, "YWRtaW46aHVudGVyMg==", state) => json(fixture!("adguard-api/status.json")),
            _ => whole("403 Forbidden", "", "Forbidden"),
        },
        _ => not_found(),
    }
}

fn devices() -> Vec<Device> {
    vec![
        Device {
            id: "fritzbox",
            user: Some("reader"),
            holds: |asked| asked.method == "POST",
            answer: fritzbox,
            range: "192.168.178.20-192.168.178.200",
            locks: false,
        },
        Device {
            id: "huawei-hilink",
            user: None,
            holds: |asked| asked.path == "/api/dhcp/settings",
            answer: hilink,
            range: "192.168.8.100-192.168.8.200",
            locks: true,
        },
        Device {
            id: "kea-control",
            user: Some("admin"),
            holds: |asked| asked.body.contains("config-get"),
            answer: kea,
            range: "192.168.1.100-192.168.1.149",
            locks: true,
        },
        Device {
            id: "mikrotik-rest",
            user: Some("admin"),
            holds: |asked| asked.path == "/rest/ip/pool",
            answer: mikrotik,
            range: "192.168.88.10-192.168.88.99",
            locks: false,
        },
        Device {
            id: "openwrt-ubus",
            user: None,
            holds: |asked| asked.body.contains("\"dhcp\""),
            answer: openwrt,
            range: "192.168.1.100-192.168.1.249",
            locks: false,
        },
        Device {
            id: "opnsense-api",
            user: Some("admin"),
            holds: |asked| asked.path == "/api/kea/dhcpv4/search_subnet",
            answer: opnsense,
            range: "192.168.1.100-192.168.1.149",
            locks: false,
        },
        Device {
            id: "pihole-api",
            user: None,
            holds: |asked| asked.path == "/api/config/dhcp",
            answer: pihole,
            range: "192.168.1.201-192.168.1.251",
            locks: true,
        },
        Device {
            id: "unifi",
            user: Some("reader"),
            holds: |asked| asked.path.ends_with("networkconf"),
            answer: unifi,
            range: "192.168.1.6-192.168.1.254",
            locks: true,
        },
        Device {
            id: "virgin-hub5",
            user: None,
            holds: |asked| asked.path == "/rest/v1/network/ipv4/dhcp",
            answer: virgin,
            range: "192.168.0.10-192.168.0.254",
            locks: true,
        },
        Device {
            id: "adguard-api",
            user: Some("admin"),
            holds: |asked| asked.path == "/control/dhcp/status",
            answer: adguard,
            range: "192.168.7.50-192.168.7.150",
            locks: true,
        },
    ]
}

/// A device that is switched on.
struct Running {
    hub: Hub,
    state: Arc<Mutex<State>>,
    adapter: &'static Declared,
    user: Option<&'static str>,
}

impl Device {
    fn start(&self, fault: Fault) -> Running {
        self.start_with(fault, None)
    }

    fn start_with(&self, fault: Fault, certificate: Option<&rcgen::CertifiedKey<rcgen::KeyPair>>) -> Running {
        let state = Arc::new(Mutex::new(State::default()));
        let (kept, answer, holds) = (Arc::clone(&state), self.answer, self.holds);
        let answer = move |asked: &Asked| {
            match fault {
                Fault::Portal => {
                    return whole("302 Found", "Location: http://portal.example/login\r\n", "");
                }
                Fault::Other => return page("<html><title>Somebody Else's Router</title></html>"),
                _ => {}
            }
            let answered = answer(asked, &mut kept.lock().unwrap(), fault);
            let good = matches!(&answered, Answer::Whole(text) if text.starts_with("HTTP/1.1 200"));
            if !good || !holds(asked) {
                return answered;
            }
            match fault {
                Fault::Changed => json("{\"somethingNew\":{\"secretOfTheHouse\":\"annas-phone\"}}"),
                Fault::Truncated => {
                    Answer::Broken(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n{\"dhcp\":".to_vec())
                }
                Fault::TooLarge => {
                    let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
                    Answer::Broken([head, vec![b' '; 2 * 1024 * 1024]].concat())
                }
                Fault::Slow => Answer::Drip,
                _ => answered,
            }
        };
        let hub = match certificate {
            Some(certificate) => Hub::start_tls(certificate, answer),
            None => Hub::start(answer),
        };
        Running { hub, state, adapter: find(self.id).unwrap(), user: self.user }
    }
}

impl Running {
    fn request(&self, password: &str) -> Request {
        let secret = Secret::from_command(&format!("printf %s {password}")).unwrap();
        let mut request = Request::new(format!("http://{}", self.hub.address), secret);
        request.user = self.user.map(str::to_owned);
        request.allow_basic = true;
        request.pause = || Duration::ZERO;
        request.timeout = Duration::from_secs(20);
        request
    }

    /// Asks, and holds the run to what no device may break.
    fn ask(&self, request: &Request) -> Result<Conversation, FetchError> {
        let said = converse(self.adapter, request);
        self.hold();
        if let Err(error) = &said {
            let told = format!("{error} {} {} {:?} {error:?}", error.help(), error.headline(), error.details());
            assert!(!told.contains("hunter") && !told.contains("annas-phone"), "{told}");
            assert!(!error.help().is_empty());
        }
        said
    }

    fn hold(&self) {
        let asked = self.hub.asked();
        let file = self.adapter.description();
        let listed = |asked: &Asked| {
            let fits = |pattern: &String| {
                let (mine, theirs) = (asked.line(), pattern.as_str());
                let (mine, theirs): (Vec<&str>, Vec<&str>) = (mine.split('/').collect(), theirs.split('/').collect());
                mine.len() == theirs.len()
                    && mine.iter().zip(&theirs).all(|(mine, theirs)| mine == theirs || theirs.starts_with('{'))
            };
            file.limits.requests.iter().any(fits)
        };
        assert!(asked.iter().all(listed), "{}: {asked:?}", file.id);
        if let Some(first) = asked.first() {
            assert!(first.authorization.is_none() && first.header("cookie").is_none(), "{}: {first:?}", file.id);
            assert!(!first.body.contains("hunter"), "{}: {first:?}", file.id);
        }
        let state = self.state.lock().unwrap();
        assert!(state.wrong <= 1, "{}: a password was tried {} times", file.id, state.wrong);
        assert!(state.begun <= 1, "{}: {} sessions", file.id, state.begun);
        assert_eq!(state.open, 0, "{}: a session was left open", file.id);
    }
}

fn range_of(adapter: &Declared, said: &Conversation) -> String {
    let texts: Vec<(&str, &str)> = said.answers.iter().map(|(step, text)| (step.as_str(), text.as_str())).collect();
    let replies = Replies { texts: &texts, read_at: Some(("192.168.1.1", "2026-11-23T10:32:00Z")) };
    let mut sources = Sources::new();
    let facts = adapter.facts(&replies, &mut sources).unwrap();
    let range = &facts.segments[0].dhcp[0].ranges[0];
    let (first, last) = (range.value.first().to_string(), range.value.last().to_string());
    // What is read as the router's own file points into that file.
    if adapter.description().reads.is_none() {
        assert_eq!(sources.slice(range.place), format!("{first} to {last}"));
    } else {
        assert!(!sources.slice(range.place).is_empty(), "{}", adapter.description().id);
    }
    range.value.to_string()
}

#[test]
fn each_is_read_and_left_as_it_was() {
    for device in devices() {
        let running = device.start(Fault::None);
        let said = running.ask(&running.request(PASSWORD)).unwrap_or_else(|error| panic!("{}: {error:?}", device.id));
        assert_eq!(range_of(running.adapter, &said), device.range, "{}", device.id);
        assert_eq!(said.left_open, None, "{}", device.id);
        let lines = running.hub.lines();
        assert!(lines.len() >= 2, "{}: {lines:?}", device.id);
    }
}

#[test]
fn a_wrong_password_is_tried_once() {
    for device in devices() {
        let running = device.start(Fault::None);
        let error = running.ask(&running.request("hunter3")).expect_err(device.id);
        assert!(matches!(error, FetchError::WrongPassword { .. }), "{}: {error:?}", device.id);
        assert_eq!(running.state.lock().unwrap().wrong, 1, "{}", device.id);
    }
}

#[test]
fn nobody_else_is_thrown_out() {
    for device in devices() {
        let running = device.start(Fault::Busy);
        let error = running.ask(&running.request(PASSWORD)).expect_err(device.id);
        assert!(matches!(error, FetchError::Busy { .. }), "{}: {error:?}", device.id);
        let asked = running.hub.lines();
        let ends = |line: &String| line.contains("logout") || line.starts_with("DELETE") || line.contains("destroy");
        assert!(!asked.iter().any(ends), "{}: {asked:?}", device.id);
    }
}

#[test]
fn a_lock_says_how_long_where_the_device_does() {
    for device in devices().into_iter().filter(|device| device.locks) {
        let running = device.start(Fault::Locked);
        let error = running.ask(&running.request(PASSWORD)).expect_err(device.id);
        assert!(matches!(error, FetchError::Locked { .. }), "{}: {error:?}", device.id);
        let wait = match device.id {
            "kea-control" => Some(60),
            "unifi" => Some(300),
            "adguard-api" => Some(900),
            _ => None,
        };
        assert!(matches!(&error, FetchError::Locked { wait: w, .. } if *w == wait), "{}: {error:?}", device.id);
    }
}

#[test]
fn only_the_router_itself_gets_a_password() {
    for device in devices() {
        let running = device.start(Fault::Other);
        let error = running.ask(&running.request(PASSWORD)).expect_err(device.id);
        assert!(matches!(error, FetchError::NotThisRouter { .. }), "{}: {error:?}", device.id);
        assert_eq!(running.hub.asked().len(), 1, "{}", device.id);
        let running = device.start(Fault::Portal);
        let error = running.ask(&running.request(PASSWORD)).expect_err(device.id);
        assert!(
            matches!(&error, FetchError::Redirected { to, .. } if to.contains("portal.example")),
            "{}: {error:?}",
            device.id
        );
        assert_eq!(running.hub.asked().len(), 1, "{}", device.id);
    }
}

#[test]
fn an_answer_that_is_not_understood_says_what_was_looked_for() {
    for device in devices() {
        let running = device.start(Fault::Changed);
        match running.ask(&running.request(PASSWORD)) {
            Err(FetchError::NotUnderstood { wanted, found, .. }) => {
                assert!(!wanted.is_empty() && found.contains("somethingNew"), "{}: {wanted}; {found}", device.id);
            }
            Err(error) => panic!("{}: {error:?}", device.id),
            // A list without rows is an answer; reading it is where it ends.
            Ok(said) => {
                let texts: Vec<(&str, &str)> =
                    said.answers.iter().map(|(step, text)| (step.as_str(), text.as_str())).collect();
                let read = running.adapter.facts(&Replies { texts: &texts, read_at: None }, &mut Sources::new());
                let error = read.expect_err(device.id);
                assert!(
                    error.to_string().contains("not understood") || error.to_string().contains("tells of no network"),
                    "{}: {error}",
                    device.id
                );
                assert!(!error.to_string().contains("annas-phone"), "{error}");
            }
        }
    }
}

#[test]
fn broken_answers_end_in_bounded_time() {
    for device in devices() {
        let running = device.start(Fault::Truncated);
        let error = running.ask(&running.request(PASSWORD)).expect_err(device.id);
        assert!(matches!(error, FetchError::Truncated { .. }), "{}: {error:?}", device.id);
        let running = device.start(Fault::TooLarge);
        let error = running.ask(&running.request(PASSWORD)).expect_err(device.id);
        assert!(matches!(error, FetchError::TooLarge { .. }), "{}: {error:?}", device.id);
        let running = device.start(Fault::Slow);
        let mut request = running.request(PASSWORD);
        request.timeout = Duration::from_millis(400);
        let started = std::time::Instant::now();
        let error = running.ask(&request).expect_err(device.id);
        assert!(matches!(error, FetchError::TimedOut { .. }), "{}: {error:?}", device.id);
        assert!(started.elapsed() < Duration::from_secs(30), "{}", device.id);
    }
}

#[test]
fn a_password_is_not_sent_readable_unless_that_is_allowed() {
    for device in devices() {
        let running = device.start(Fault::None);
        let mut request = running.request(PASSWORD);
        request.allow_basic = false;
        let said = running.ask(&request);
        if matches!(device.id, "fritzbox" | "huawei-hilink") {
            assert!(said.is_ok(), "{}: Digest and a proof are not readable: {said:?}", device.id);
        } else {
            assert!(matches!(said, Err(FetchError::Readable { .. })), "{}: {said:?}", device.id);
            assert!(running.hub.asked().is_empty(), "{}", device.id);
        }
    }
}

#[test]
fn without_a_password_it_is_said_what_is_missing() {
    for device in devices() {
        let running = device.start(Fault::None);
        let mut request = running.request(PASSWORD);
        request.secret = None;
        match running.ask(&request) {
            Err(FetchError::NoSecret { .. } | FetchError::Denied { .. }) => {}
            other => panic!("{}: {other:?}", device.id),
        }
    }
}

#[test]
fn what_is_recorded_carries_no_session_and_no_login() {
    for device in devices() {
        let running = device.start(Fault::Changed);
        let (said, _) = record(running.adapter, &running.request(PASSWORD)).unwrap();
        running.hold();
        let answers = said.without_session();
        let all: Vec<&str> = answers.iter().flat_map(|(step, text)| [step.as_str(), text.as_str()]).collect();
        let all = all.join("\n");
        assert!(all.contains("somethingNew"), "{}: the answer that a report needs is there: {all}", device.id);
        for private in
            ["5e551011", "qR7+s1D0fTh3P1h0", "eyJh.bc", "c5rf", "t0ken-1", "SessionID=second", "after1", "hunter"]
        {
            assert!(!all.contains(private), "{}: {private} in {all}", device.id);
        }
    }
}

fn certificate() -> rcgen::CertifiedKey<rcgen::KeyPair> {
    rcgen::generate_simple_self_signed(["router.home.example".to_owned()]).unwrap()
}

fn fingerprint(certificate: &rcgen::CertifiedKey<rcgen::KeyPair>) -> Fingerprint {
    let digest = sha2::Sha256::digest(certificate.cert.der());
    digest.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat().parse().unwrap()
}

#[test]
fn a_certificate_is_known_by_its_fingerprint_and_a_changed_one_gets_nothing() {
    let (own, other) = (certificate(), certificate());
    let unifi = || devices().into_iter().find(|device| device.id == "unifi").unwrap();
    let over_tls = |running: &Running| {
        let mut request = running.request(PASSWORD);
        request.host = format!("https://{}", running.hub.address);
        request.allow_basic = false;
        request
    };
    // The first time it is taken as it is shown, and told.
    let running = unifi().start_with(Fault::None, Some(&own));
    let said = running.ask(&over_tls(&running)).unwrap();
    assert_eq!(said.fingerprint, Some(fingerprint(&own)));
    assert_eq!(said.host, running.hub.address.to_string());
    assert_eq!(range_of(running.adapter, &said), "192.168.1.6-192.168.1.254");
    // The second time it must be the same.
    for known in [true, false] {
        let running = unifi().start_with(Fault::None, Some(&own));
        let mut request = over_tls(&running);
        if known {
            request.known.insert(running.hub.address.to_string(), fingerprint(&own));
        } else {
            request.pin = Some(fingerprint(&own));
        }
        assert!(running.ask(&request).is_ok());
        let running = unifi().start_with(Fault::None, Some(&other));
        let mut request = over_tls(&running);
        if known {
            request.known.insert(running.hub.address.to_string(), fingerprint(&own));
        } else {
            request.pin = Some(fingerprint(&own));
        }
        let error = running.ask(&request).expect_err("it is another certificate");
        let (was, is) = (fingerprint(&own).to_string(), fingerprint(&other).to_string());
        assert!(
            matches!(&error, FetchError::TlsChanged { known, shown, .. } if *known == was && *shown == is),
            "{error:?}"
        );
        assert!(error.help().contains(&is), "{}", error.help());
        assert!(running.hub.asked().is_empty(), "nothing was asked of it");
    }
}

#[test]
fn plain_http_where_tls_is_wanted_is_said() {
    let running = devices().into_iter().find(|device| device.id == "unifi").unwrap().start(Fault::None);
    let mut request = running.request(PASSWORD);
    request.host = format!("https://{}", running.hub.address);
    request.timeout = Duration::from_secs(2);
    let error = running.ask(&request).expect_err("it speaks no TLS");
    assert!(matches!(error, FetchError::Unreachable { .. } | FetchError::TimedOut { .. }), "{error:?}");
}

/// A router that describes itself by UPnP, and a place where the segment's group would be asked.
struct Upnp {
    hub: Hub,
    search: std::net::SocketAddr,
    questions: Arc<Mutex<Vec<String>>>,
}

const LAN_SERVICE: &str = "urn:schemas-upnp-org:service:LANHostConfigManagement:1";

fn upnp(locations: impl Fn(std::net::SocketAddr) -> Vec<String> + Send + 'static) -> Upnp {
    let hub = Hub::start(|asked| {
        let action = asked.header("soapaction").unwrap_or_default().trim_matches('"').to_owned();
        match (&*asked.line(), action.strip_prefix(&format!("{LAN_SERVICE}#")).unwrap_or_default()) {
            ("GET /rootDesc.xml", _) => xml(fixture!("upnp-igd/description.xml")),
            ("POST /ctl/LANHost", "GetAddressRange") => xml(fixture!("upnp-igd/range.xml")),
            ("POST /ctl/LANHost", "GetSubnetMask") => xml(fixture!("upnp-igd/mask.xml")),
            ("POST /ctl/LANHost", "GetIPRoutersList") => xml(fixture!("upnp-igd/routers.xml")),
            ("POST /ctl/LANHost", "GetReservedAddresses") => xml(fixture!("upnp-igd/reserved.xml")),
            ("POST /ctl/LANHost", _) => whole(
                "500 Internal Server Error",
                "Content-Type: text/xml\r\n",
                "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><s:Fault><detail><UPnPError xmlns='urn:schemas-upnp-org:control-1-0'><errorCode>401</errorCode></UPnPError></detail></s:Fault></s:Body></s:Envelope>",
            ),
            _ => not_found(),
        }
    });
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let search = socket.local_addr().unwrap();
    let questions: Arc<Mutex<Vec<String>>> = Arc::default();
    let (asked, address) = (Arc::clone(&questions), hub.address);
    std::thread::spawn(move || {
        let mut packet = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            asked.lock().unwrap().push(String::from_utf8_lossy(&packet[..length]).into_owned());
            for location in locations(address) {
                let answer = format!("HTTP/1.1 200 OK\r\nST: {LAN_SERVICE}\r\nLOCATION: {location}\r\nEXT:\r\n\r\n");
                socket.send_to(answer.as_bytes(), from).unwrap();
            }
        }
    });
    Upnp { hub, search, questions }
}

impl Upnp {
    fn ask(&self, host: &str) -> Result<Conversation, FetchError> {
        let mut request = Request::new(host, None);
        request.search = self.search;
        let said = converse(find("upnp-igd").unwrap(), &request);
        for asked in self.hub.asked() {
            let action = asked.header("soapaction").unwrap_or_default().to_owned();
            assert!(asked.line() == "GET /rootDesc.xml" || action.contains("#Get"), "{asked:?}");
        }
        said
    }
}

#[test]
fn a_router_that_describes_itself_is_found_and_only_read() {
    let router = upnp(|own| vec![format!("http://{own}/rootDesc.xml")]);
    let said = router.ask("").unwrap();
    assert_eq!(range_of(find("upnp-igd").unwrap(), &said), "192.168.1.64-192.168.1.253");
    assert_eq!(said.host, "127.0.0.1", "the port may be another the next time");
    let questions = router.questions.lock().unwrap();
    assert_eq!(questions.len(), 1);
    assert!(questions[0].starts_with("M-SEARCH * HTTP/1.1\r\n") && questions[0].contains(LAN_SERVICE), "{questions:?}");
    drop(questions);
    // Its description may be named, and then nobody is searched for.
    let router = upnp(|_| Vec::new());
    let said = router.ask(&format!("http://{}/rootDesc.xml", router.hub.address)).unwrap();
    assert_eq!(range_of(find("upnp-igd").unwrap(), &said), "192.168.1.64-192.168.1.253");
    assert!(router.questions.lock().unwrap().is_empty());
}

#[test]
fn a_search_believes_nobody_about_somebody_else() {
    let router = upnp(|_| vec!["http://192.0.2.1/rootDesc.xml".to_owned(), "http://127.0.0.2:1/x".to_owned()]);
    assert!(matches!(router.ask(""), Err(FetchError::NobodyDescribesIt { .. })));
    assert!(router.hub.asked().is_empty());
    let router = upnp(|own| vec![format!("http://{own}/rootDesc.xml"), format!("http://{own}/other.xml")]);
    assert!(matches!(router.ask(""), Err(FetchError::Several { hosts }) if hosts.len() == 2));
    let router = upnp(|own| vec![format!("http://{own}/rootDesc.xml")]);
    assert!(
        matches!(router.ask("192.168.1.1"), Err(FetchError::NobodyDescribesIt { .. })),
        "another one was asked for"
    );
}

/// A FRITZ!Box that applications may not ask: nothing says so but that its description is not there.
#[test]
fn a_door_that_is_closed_is_not_called_another_router() {
    let device = devices().into_iter().find(|device| device.id == "fritzbox").unwrap();
    let closed = Device { answer: |_, _, _| not_found(), ..device };
    let running = closed.start(Fault::None);
    let error = running.ask(&running.request(PASSWORD)).unwrap_err();
    assert!(error.headline().ends_with("is another router, or what is needed is switched off"), "{error:?}");
    assert!(error.help().contains("Allow access for applications"), "{}", error.help());
    assert_eq!(running.hub.lines(), ["GET /tr64desc.xml"]);
}

/// What came after an accepted login is no wrong password, and a Pi-hole without one needs none.
#[test]
fn a_session_that_is_not_taken_is_no_wrong_password() {
    let device = devices().into_iter().find(|device| device.id == "unifi").unwrap();
    let forgets = Device {
        answer: |asked, state, fault| match &*asked.line() {
            "GET /proxy/network/api/s/default/rest/networkconf" => refused("{}"),
            _ => unifi(asked, state, fault),
        },
        ..device
    };
    let running = forgets.start(Fault::None);
    let error = running.ask(&running.request(PASSWORD)).unwrap_err();
    assert!(matches!(&error, FetchError::Denied { path, .. } if path.ends_with("networkconf")), "{error:?}");

    let device = devices().into_iter().find(|device| device.id == "pihole-api").unwrap();
    let open = Device {
        answer: |asked, _, _| match &*asked.line() {
            "GET /api/auth" | "POST /api/auth" => {
                json("{\"session\":{\"valid\":true,\"totp\":false,\"sid\":null,\"validity\":-1},\"took\":0.1}")
            }
            "GET /api/config/dhcp" if asked.header("x-ftl-sid").is_none() => json(fixture!("pihole-api/config.json")),
            _ => not_found(),
        },
        ..device
    };
    let running = open.start(Fault::None);
    let said = running.ask(&running.request(PASSWORD)).unwrap();
    assert_eq!(range_of(running.adapter, &said), "192.168.1.201-192.168.1.251");
    assert!(!running.hub.lines().iter().any(|line| line.starts_with("DELETE")), "there is no session to end");
}

/// A login whose answer lacks something begins a session all the same: it is ended.
#[test]
fn a_session_of_which_something_is_missing_is_ended() {
    let device = devices().into_iter().find(|device| device.id == "virgin-hub5").unwrap();
    let text = include_str!("../virgin-hub5.toml").replace(
        "capture = { token = { json = \"/created/token\" },",
        "capture = { missing = { json = \"/created/nothing\" }, token = { json = \"/created/token\" },",
    );
    let adapter: &'static Declared = Box::leak(Box::new(Declared::load("x.toml", &text, &mut Sources::new()).unwrap()));
    let running = Running { adapter, ..device.start(Fault::None) };
    let error = running.ask(&running.request(PASSWORD)).unwrap_err();
    assert!(matches!(&error, FetchError::NotUnderstood { wanted, .. } if wanted.contains("missing")), "{error:?}");
    assert_eq!(running.state.lock().unwrap().begun, 1);
}
