//! The door to a live router, against a hub on loopback that behaves well and badly and records every request.

mod hub;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hub::{Answer, Asked, Hub, page, whole};
use poolcheck_plan::Sources;
use poolcheck_router_adapters::SecretError;
use poolcheck_router_adapters::engine::{Declared, Replies, find};
use poolcheck_router_adapters::live::{Conversation, FetchError, Request, Secret, converse};

const LAN: &str = include_str!("../fixtures/sky-hub/homelab/sky_lan_ip_setup.html");
const ADDMAC: &str = include_str!("../fixtures/sky-hub/addmac/sky_lan_ip_setup_addmac.html");
const STATUS: &str = include_str!("../fixtures/sky-hub/status/sky_router_status.html");
const VIRGIN: &str = include_str!("../fixtures/sky-hub/other-router/virgin.html");
const HOME: &str = "<html><head><title>Sky Hub</title></head><body>welcome</body></html>";

const LAN_PATH: &str = "/sky_lan_ip_setup.html";
const ALLOWED: [&str; 4] = ["/", LAN_PATH, "/sky_lan_ip_setup_addmac.html", "/sky_router_status.html"];

fn sky_page(path: &str) -> Answer {
    match path {
        "/" => page(HOME),
        LAN_PATH => page(LAN),
        "/sky_lan_ip_setup_addmac.html" => page(ADDMAC),
        "/sky_router_status.html" => page(STATUS),
        _ => whole("404 Not Found", "", "no such page"),
    }
}

/// What is asked of a hub, and what every run is held to.
trait Sky {
    fn request(&self) -> Request;
    fn fetch(&self, request: &Request) -> Result<Conversation, FetchError>;
    fn refuses(&self) -> FetchError;
}

impl Sky for Hub {
    fn request(&self) -> Request {
        let mut request = Request::new(self.address.to_string(), secret("hunter2"));
        request.pause = || Duration::ZERO;
        request.timeout = Duration::from_secs(20);
        request
    }

    /// Fetches, and holds every run to the promises that no behaviour of a hub may break.
    fn fetch(&self, request: &Request) -> Result<Conversation, FetchError> {
        let result = converse(sky(), request);
        let asked = self.asked();
        assert!(asked.iter().all(|asked| asked.method == "GET" && ALLOWED.contains(&asked.path.as_str())), "{asked:?}");
        let first = asked.first();
        assert!(first.is_none_or(|first| first.path == "/" && first.authorization.is_none()), "{first:?}");
        assert!(asked.iter().filter(|asked| asked.path == "/").all(|asked| asked.authorization.is_none()));
        assert!(asked.len() <= 16, "bounded: {asked:?}");
        result
    }

    fn refuses(&self) -> FetchError {
        let error = self.fetch(&self.request()).expect_err("the hub misbehaves");
        assert!(
            !error.help().is_empty() && !error.to_string().contains("hunter2") && !error.help().contains("hunter2")
        );
        error
    }
}

/// The hub's login: Digest, MD5, `qop=auth`, one nonce at a time.
struct Login {
    nonce: u32,
    /// Which right answers, counted from 0, come too late because another client took the nonce.
    races: fn(usize) -> bool,
    right: usize,
}

impl Login {
    fn new(races: fn(usize) -> bool) -> Self {
        Self { nonce: 1, races, right: 0 }
    }

    fn refuse(&mut self) -> Answer {
        self.nonce += 1;
        let challenge = hub::challenge("Broadband Router", &format!("n{}", self.nonce));
        whole("401 Unauthorized", &challenge, "log in")
    }

    fn accepts(&self, asked: &Asked) -> bool {
        hub::answers(asked, "Broadband Router", &format!("n{}", self.nonce), "admin", "hunter2")
    }

    fn answer(&mut self, asked: &Asked) -> Answer {
        if asked.path == "/" {
            return page(HOME);
        }
        if !self.accepts(asked) {
            return self.refuse();
        }
        self.right += 1;
        if (self.races)(self.right - 1) { self.refuse() } else { sky_page(&asked.path) }
    }
}

/// A hub with a login whose LAN page is answered differently.
fn hub_whose_lan_page(answer: impl Fn() -> Answer + Send + 'static) -> Hub {
    let mut login = Login::new(|_| false);
    Hub::start(move |asked| match login.answer(asked) {
        Answer::Whole(text) if asked.path == LAN_PATH && text.starts_with("HTTP/1.1 200") => answer(),
        other => other,
    })
}

fn good_hub(races: fn(usize) -> bool) -> Hub {
    let mut login = Login::new(races);
    Hub::start(move |asked| login.answer(asked))
}

fn sky() -> &'static Declared {
    find("sky-hub").expect("it is built in")
}

fn secret(text: &str) -> Secret {
    Secret::from_command(&format!("printf %s {text}")).expect("the shell prints it")
}

#[test]
fn a_hub_is_read_and_understood() {
    let hub = good_hub(|_| false);
    let said = hub.fetch(&hub.request()).expect("the hub is well");
    let names: Vec<&str> = said.answers.iter().map(|(step, _)| step.as_str()).collect();
    assert_eq!(names, ["identify", "lan", "addmac", "status"]);
    assert_eq!(hub.connections.load(Ordering::SeqCst), 1, "one request at a time on one connection");
    let texts: Vec<(&str, &str)> = said.answers.iter().map(|(step, text)| (step.as_str(), text.as_str())).collect();
    let mut sources = Sources::new();
    let replies = Replies { texts: &texts, read_at: Some(("192.168.1.1", "2026-11-23T10:32:00Z")) };
    let facts = sky().facts(&replies, &mut sources).expect("the pages agree");
    assert_eq!(sources.slice(facts.segments[0].dhcp[0].ranges[0].place), "192.168.1.2 to 192.168.1.253");
    assert!(sources.iter().any(|(_, card)| card.text.starts_with("model SR204")));
    assert_eq!(facts.origins[0].title, "sky-hub 192.168.1.1");
}

#[test]
fn a_public_address_is_refused() {
    let request = Request::new("192.0.2.1", secret("hunter2"));
    assert!(matches!(converse(sky(), &request), Err(FetchError::PublicAddress { .. })));
}

#[test]
fn a_wrong_password_is_sent_once() {
    let hub = good_hub(|_| false);
    let mut request = hub.request();
    request.secret = Some(secret("hunter3"));
    let expected = FetchError::WrongPassword { host: hub.address.to_string(), user: "admin".to_owned(), say: None };
    assert_eq!(hub.fetch(&request).map(|said| said.asked), Err(expected));
    assert_eq!(hub.passwords_sent(), 1);
}

#[test]
fn another_user_can_be_named() {
    let hub = good_hub(|_| false);
    let mut request = hub.request();
    request.user = Some("root".to_owned());
    assert!(matches!(hub.fetch(&request), Err(FetchError::WrongPassword { user, .. }) if user == "root"));
}

static PAUSES: AtomicUsize = AtomicUsize::new(0);

#[test]
fn a_lost_race_for_the_nonce_is_tried_again_after_a_pause() {
    // The first page is given; the second is refused twice.
    let hub = good_hub(|right| right == 1 || right == 2);
    let mut request = hub.request();
    request.pause = || {
        PAUSES.fetch_add(1, Ordering::SeqCst);
        Duration::ZERO
    };
    assert_eq!(hub.fetch(&request).map(|said| said.answers.len()), Ok(4));
    assert_eq!(PAUSES.load(Ordering::SeqCst), 2);
}

#[test]
fn a_third_lost_race_is_a_busy_hub() {
    let hub = good_hub(|right| right >= 1);
    assert!(matches!(hub.refuses(), FetchError::Busy { .. }));
    assert_eq!(hub.passwords_sent(), 4, "the page that was given, and one page three times");
}

#[test]
fn a_refusal_before_any_success_is_never_tried_again() {
    let hub = good_hub(|right| right == 0);
    assert!(matches!(hub.refuses(), FetchError::WrongPassword { .. }));
    assert_eq!(hub.passwords_sent(), 1);
}

#[test]
fn a_hub_with_another_session_is_busy() {
    let hub = hub_whose_lan_page(|| whole("503 Service Unavailable", "", "another administrator is logged in"));
    assert!(matches!(hub.refuses(), FetchError::Busy { .. }));
}

#[test]
fn a_page_that_is_optional_may_be_missing_and_the_other_may_not() {
    let mut login = Login::new(|_| false);
    let hub = Hub::start(move |asked| match login.answer(asked) {
        Answer::Whole(text) if asked.path.contains("addmac") && text.starts_with("HTTP/1.1 200") => {
            whole("404 Not Found", "", "")
        }
        other => other,
    });
    assert_eq!(hub.fetch(&hub.request()).map(|said| said.answers.len()), Ok(3));
    let hub = hub_whose_lan_page(|| whole("404 Not Found", "", ""));
    assert_eq!(hub.refuses(), FetchError::Status { path: LAN_PATH.to_owned(), status: 404 });
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Hub::start(|_| page(HOME));
    let to = format!("http://{}/login", other.address);
    let location = format!("Location: {to}\r\n");
    let hub = Hub::start(move |_| whole("302 Found", &location, ""));
    assert_eq!(hub.refuses(), FetchError::Redirected { path: "/".to_owned(), to: to.clone() });
    assert_eq!(hub.passwords_sent(), 0);
    let location = format!("Location: {to}\r\n");
    let hub = hub_whose_lan_page(move || whole("307 Temporary Redirect", &location, ""));
    assert_eq!(hub.refuses(), FetchError::Redirected { path: LAN_PATH.to_owned(), to });
    assert!(other.asked().is_empty(), "the other host was left alone");
}

#[test]
fn nobody_but_the_hub_gets_a_password() {
    let portal = "<html><title>Free Wi-Fi:\u{1b}[2J accept</title></html>";
    for (body, found) in [
        (VIRGIN, "<title>Virgin Media Hub</title>"),
        (portal, "<title>Free Wi-Fi: [2J accept</title>"),
        ("", "an empty page"),
    ] {
        let hub = Hub::start(move |_| page(body));
        assert!(matches!(hub.refuses(), FetchError::NotThisRouter { found: f, .. } if f == found));
        assert_eq!(hub.paths(), ["/"]);
        assert_eq!(hub.passwords_sent(), 0);
    }
    let hub = Hub::start(|_| page("<html><title>UniFi OS</title></html>"));
    let error = hub.refuses();
    assert!(error.help().contains("--adapter unifi"), "{}", error.help());
    let hub = Hub::start(|_| whole("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", HOME));
    assert!(matches!(hub.refuses(), FetchError::NotThisRouter { .. }));
    assert_eq!(hub.paths(), ["/"]);
}

#[test]
fn a_page_that_ends_early_is_an_error() {
    let cut = || {
        Answer::Broken(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", LAN.len(), &LAN[..500]).into_bytes())
    };
    assert_eq!(hub_whose_lan_page(cut).refuses(), FetchError::Truncated { path: LAN_PATH.to_owned() });
    let chunk = || Answer::Broken(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n<html>".to_vec());
    assert_eq!(hub_whose_lan_page(chunk).refuses(), FetchError::Truncated { path: LAN_PATH.to_owned() });
}

#[test]
fn a_page_that_is_too_large_is_an_error() {
    let announced = || Answer::Broken(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n<html>".to_vec());
    assert!(matches!(hub_whose_lan_page(announced).refuses(), FetchError::TooLarge { .. }));
    let endless =
        || Answer::Broken([b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec(), vec![b'x'; 300 * 1024]].concat());
    assert!(matches!(hub_whose_lan_page(endless).refuses(), FetchError::TooLarge { .. }));
}

#[test]
fn a_hub_that_hangs_is_given_up() {
    let lan_hangs = hub_whose_lan_page(|| Answer::Silence);
    let lan_drips = hub_whose_lan_page(|| Answer::Drip);
    for (hub, path) in [(Hub::start(|_| Answer::Silence), "/"), (lan_hangs, LAN_PATH), (lan_drips, LAN_PATH)] {
        let mut request = hub.request();
        request.timeout = Duration::from_millis(400);
        let error = hub.fetch(&request).expect_err("it never answers");
        assert!(matches!(&error, FetchError::TimedOut { path: at, .. } if at == path), "{error:?}");
    }
}

#[test]
fn basic_is_sent_only_when_allowed() {
    let basic = || {
        Hub::start(|asked| match (&*asked.path, asked.authorization.as_deref()) {
            ("/", _) | (_, Some("Basic YWRtaW46aHVudGVyMg==")) => sky_page(&asked.path),
            _ => whole("401 Unauthorized", "WWW-Authenticate: Basic realm=\"Sky\"\r\n", ""),
        })
    };
    let hub = basic();
    assert!(matches!(hub.refuses(), FetchError::BasicOnly { .. }));
    assert_eq!(hub.passwords_sent(), 0);
    let hub = basic();
    let mut request = hub.request();
    request.allow_basic = true;
    assert_eq!(hub.fetch(&request).map(|said| said.answers.len()), Ok(4));
}

#[test]
fn digest_is_preferred_even_when_basic_is_allowed() {
    let hub = Hub::start(|asked| {
        let both = "WWW-Authenticate: Basic realm=\"a\"\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"n\", qop=\"auth\"\r\n";
        if asked.path == "/" { page(HOME) } else { whole("401 Unauthorized", both, "") }
    });
    let mut request = hub.request();
    request.allow_basic = true;
    assert!(matches!(hub.fetch(&request), Err(FetchError::WrongPassword { .. })));
    assert!(
        hub.asked().iter().filter_map(|asked| asked.authorization.as_deref()).all(|sent| sent.starts_with("Digest "))
    );
}

#[test]
fn a_login_that_is_not_known_is_an_error() {
    for challenge in [
        "",
        "WWW-Authenticate: Negotiate\r\n",
        "WWW-Authenticate: Digest realm=\r\n",
        "WWW-Authenticate: Digest realm=\"a\"\r\n",
    ] {
        let hub = Hub::start(
            move |asked| if asked.path == "/" { page(HOME) } else { whole("401 Unauthorized", challenge, "") },
        );
        let error = hub.refuses();
        assert!(matches!(error, FetchError::UnknownChallenge { .. }), "{challenge}: {error:?}");
        assert_eq!(hub.passwords_sent(), 0);
    }
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let host = listener.local_addr().expect("it is bound").to_string();
    drop(listener);
    let refused = converse(sky(), &Request::new(host.clone(), secret("x"))).map(|said| said.asked);
    assert_eq!(refused, Err(FetchError::Refused { host }));
}

fn file_with_mode(name: &str, text: &str, mode: u32) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the test's own folder can be written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, permissions).expect("one's own file can be changed");
    }
    path
}

#[cfg(unix)]
#[test]
fn a_password_file_that_others_can_read_is_refused() {
    for mode in [0o644, 0o640, 0o604] {
        let path = file_with_mode(&format!("open-{mode:o}"), "hunter2\n", mode);
        let error = Secret::from_file(&path).expect_err("others can read it");
        assert_eq!(error.help(), format!("chmod 600 {}", path.display()));
        assert!(matches!(error, SecretError::Mode { mode: m, .. } if m == mode));
    }
}

#[test]
fn a_password_comes_from_a_file_a_variable_or_a_command() {
    let path = file_with_mode("own", "hunter2\r\nnot this\n", 0o600);
    let command = "printf 'hunter2\\nurl: http://hub\\n'";
    for secret in [Secret::from_file(&path), Secret::from_command(command)] {
        let hub = good_hub(|_| false);
        let mut request = hub.request();
        request.secret = Some(secret.expect("it is there"));
        assert!(!format!("{request:?}").contains("hunter2"), "a password is never printed");
        assert!(hub.fetch(&request).is_ok());
    }
    assert!(Secret::from_env("CARGO_PKG_NAME").is_ok());
}

#[test]
fn a_password_that_is_not_there_is_an_error() {
    let empty = file_with_mode("empty", "\n", 0o600);
    assert!(matches!(Secret::from_file(&empty), Err(SecretError::Empty { .. })));
    assert!(matches!(Secret::from_file(&empty.with_extension("none")), Err(SecretError::File { .. })));
    assert!(matches!(Secret::from_env("POOLCHECK_TEST_NOT_SET"), Err(SecretError::Variable { .. })));
    assert!(matches!(Secret::from_command("exit 3"), Err(SecretError::Command { .. })));
    assert!(matches!(Secret::from_command("true"), Err(SecretError::Empty { .. })));
}
