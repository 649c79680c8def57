//! `--cluster`: the same rules on live objects, from an API server.
//!
//! A mock, because no API server can be had where tests run: a loopback server gives the lists that a real one gives (items
//! without their kind, pages, refusals), and records every request: nothing but `GET` of a known list is ever sent.
#![cfg(feature = "cluster")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

/// How the server behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Well,
    /// It refuses to list nodes.
    Refuses,
    /// It goes away after the second list.
    Disappears,
}

struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

const POOLS: &str = r#"{"kind":"IPAddressPoolList","apiVersion":"metallb.io/v1beta1","metadata":{"continue":"next"},"items":[{"metadata":{"name":"main-pool","namespace":"metallb-system","uid":"1","managedFields":[{"manager":"kubectl"}]},"spec":{"addresses":["192.168.1.50-192.168.1.60"]}}]}"#;
const MORE_POOLS: &str = r#"{"kind":"IPAddressPoolList","apiVersion":"metallb.io/v1beta1","metadata":{},"items":[{"metadata":{"name":"second-pool","namespace":"metallb-system"},"spec":{"addresses":["192.168.1.240-192.168.1.245"]}}]}"#;
const ADVERTISEMENTS: &str =
    r#"{"metadata":{},"items":[{"metadata":{"name":"l2","namespace":"metallb-system"},"spec":{}}]}"#;
const NODES: &str = r#"{"metadata":{},"items":[{"metadata":{"name":"n1"},"status":{"addresses":[{"type":"InternalIP","address":"192.168.1.241"}]}}]}"#;

fn answer(path: &str, mood: Mood) -> (u16, String) {
    let status = |code: u16, reason: &str| {
        format!(
            r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{reason}","reason":"{reason}","code":{code}}}"#
        )
    };
    match path.split('?').next().unwrap_or(path) {
        "/apis/metallb.io/v1beta1/ipaddresspools" if path.contains("continue=next") => (200, MORE_POOLS.to_owned()),
        "/apis/metallb.io/v1beta1/ipaddresspools" => (200, POOLS.to_owned()),
        "/apis/metallb.io/v1beta1/l2advertisements" => (200, ADVERTISEMENTS.to_owned()),
        "/api/v1/nodes" if mood == Mood::Refuses => (403, status(403, "Forbidden")),
        "/api/v1/nodes" => (200, NODES.to_owned()),
        path if path.starts_with("/api/v1/") => (200, r#"{"metadata":{},"items":[]}"#.to_owned()),
        _ => (404, status(404, "NotFound")),
    }
}

fn serve(mood: Mood) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("an address").to_string();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || talk(stream, mood, &seen));
        }
    });
    Server { address, requests }
}

fn talk(stream: TcpStream, mood: Mood, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let mut stream = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).unwrap_or(0) <= 2 {
                break;
            }
        }
        let number = {
            let mut seen = seen.lock().expect("the list");
            seen.push(first.trim().to_owned());
            seen.len()
        };
        if mood == Mood::Disappears && number > 3 {
            return;
        }
        let path = first.split(' ').nth(1).unwrap_or_default();
        let (code, body) = answer(path, mood);
        let head =
            format!("HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn check(address: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = folder.path().join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: home\ncontexts:\n- {{name: home, context: {{cluster: home, user: me}}}}\nclusters:\n- {{name: home, cluster: {{server: \"http://{address}\"}}}}\nusers:\n- {{name: me, user: {{}}}}\n"
    );
    std::fs::write(&kubeconfig, text).expect("written");
    std::fs::write(
        folder.path().join("lan.toml"),
        "[[segment]]\nsubnet = \"192.168.1.0/24\"\ndhcp = \"192.168.1.2-192.168.1.200\"\n",
    )
    .expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolcheck"));
    command.current_dir(folder.path()).env("KUBECONFIG", &kubeconfig).args(["check", "-o", "concise"]).args(arguments);
    let Output { status, stdout, stderr } = command.output().expect("the program was built");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

#[test]
fn live_objects_are_judged_as_manifests_are() {
    let server = serve(Mood::Well);
    let (status, said) = check(&server.address, &["--cluster"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("error[pool-in-dhcp-range]: pool main-pool 192.168.1.50-192.168.1.60"), "{said}");
    assert!(said.contains("error[pool-contains-node]: pool second-pool"), "the second page is read: {said}");
    assert!(said.starts_with("cluster home: IPAddressPool (metallb.io/v1beta1):"), "{said}");
    let requests = server.requests.lock().expect("the list").clone();
    assert!(requests.iter().all(|request| request.starts_with("GET /api")), "{requests:?}");
    assert_eq!(check(&server.address, &["--cluster=home"]).0, Some(1));
}

#[test]
fn a_server_that_refuses_is_told_and_the_rest_is_judged() {
    let server = serve(Mood::Refuses);
    let (status, said) = check(&server.address, &["--cluster"]);
    assert_eq!(status, Some(1), "findings come first: {said}");
    assert!(said.contains("cluster home: error: may not list Node"), "{said}");
    assert!(said.contains("pool-in-dhcp-range"), "{said}");
}

#[test]
fn a_server_that_disappears_is_told_and_what_was_read_is_judged() {
    let server = serve(Mood::Disappears);
    let (status, said) = check(&server.address, &["--cluster"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("cannot list") && said.contains("pool-in-dhcp-range"), "{said}");
}

#[test]
fn no_server_and_no_context_are_told_apart() {
    let free = TcpListener::bind("127.0.0.1:0").expect("loopback").local_addr().expect("an address").to_string();
    let (status, said) = check(&free, &["--cluster"]);
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("the API server of home does not answer"), "{said}");
    let (status, said) = check(&free, &["--cluster=office"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("office"), "{said}");
}
