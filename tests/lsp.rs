//! Whole sessions with the language server, over standard input and output.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

const POOL: &str = "# 🔑\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: { name: main-pool, namespace: metallb-system }\nspec:\n  addresses: [\"192.168.1.50-192.168.1.60\"] # é\n---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: { name: l2, namespace: metallb-system }\n";
const LAN: &str = "[[segment]]\nsubnet = \"192.168.1.0/24\"\ndhcp = \"192.168.1.2-192.168.1.100\"\n";

struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Diagnostics that came while something else was waited for, the newest last.
    published: Vec<Value>,
}

impl Client {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_poolcheck"));
        let mut child = command
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, input, output, published: Vec::new() }
    }

    fn raw(&mut self, bytes: &str) {
        let input = self.input.as_mut().expect("open");
        input.write_all(bytes.as_bytes()).and_then(|()| input.flush()).expect("it reads");
    }

    fn message(body: &Value) -> String {
        let body = body.to_string();
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    fn tell(&mut self, method: &str, params: &Value) {
        self.raw(&Self::message(&json!({ "jsonrpc": "2.0", "method": method, "params": params })));
    }

    fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).expect("UTF-8") > 0, "the server went away");
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", value)) => length = value.parse().expect("a length"),
                _ if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).expect("a whole message");
        serde_json::from_slice(&body).expect("JSON")
    }

    fn answer(&mut self, id: i64) -> Value {
        loop {
            let message = self.read();
            if message["id"] == json!(id) {
                return message;
            }
            self.published.push(message);
        }
    }

    fn ask(&mut self, id: i64, method: &str, params: &Value) -> Value {
        self.raw(&Self::message(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })));
        self.answer(id)
    }

    /// The newest diagnostics of a file, once everything told before has been judged.
    fn diagnostics(&mut self, uri: &str) -> Vec<Value> {
        let at = json!({ "textDocument": { "uri": uri }, "position": { "line": 0, "character": 0 } });
        self.ask(1000, "textDocument/hover", &at);
        let of_it = |m: &&Value| m["method"] == "textDocument/publishDiagnostics" && m["params"]["uri"] == uri;
        let newest = self.published.iter().rfind(of_it).expect("something was published");
        newest["params"]["diagnostics"].as_array().expect("a list").clone()
    }

    fn end(mut self) -> (Option<i32>, String) {
        drop(self.input.take());
        let mut rest = Vec::new();
        self.output.read_to_end(&mut rest).expect("it ends");
        let output = self.child.wait_with_output().expect("it ends");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn folder() -> (tempfile::TempDir, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join(".git")).expect("a folder");
    fs::write(folder.path().join("pool.yaml"), POOL).expect("a file");
    fs::write(folder.path().join("lan.toml"), LAN).expect("a file");
    let root = fs::canonicalize(folder.path()).expect("it is there");
    let uri = |name: &str| format!("file://{}", Path::new(&root).join(name).display());
    (folder, uri("pool.yaml"), uri("lan.toml"))
}

fn initialized(client: &mut Client, pool: &str) -> Value {
    let root = pool.rsplit_once('/').expect("a folder").0;
    let params = json!({ "processId": null, "rootUri": root, "capabilities": {} });
    let answer = client.ask(1, "initialize", &params);
    client.tell("initialized", &json!({}));
    answer
}

fn whole(text: &str, uri: &str, version: i64) -> Value {
    json!({ "textDocument": { "uri": uri, "version": version }, "contentChanges": [{ "text": text }] })
}

#[test]
fn a_whole_session() {
    let (_folder, pool, lan) = folder();
    let mut client = Client::start();
    let answer = initialized(&mut client, &pool);
    assert_eq!(answer["result"]["capabilities"]["textDocumentSync"]["change"], 1);
    let document = json!({ "uri": pool, "languageId": "yaml", "version": 1, "text": POOL });
    client.tell("textDocument/didOpen", &json!({ "textDocument": document }));
    let found = client.diagnostics(&pool);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["code"], &found[0]["severity"]), (&json!("pool-in-dhcp-range"), &json!(1)));
    let range = json!({ "start": { "line": 5, "character": 14 }, "end": { "line": 5, "character": 41 } });
    assert_eq!(found[0]["range"], range);
    assert!(found[0]["codeDescription"]["href"].as_str().is_some_and(|href| href.ends_with("pool-in-dhcp-range.md")));
    let related = &found[0]["relatedInformation"][0]["location"];
    assert_eq!((&related["uri"], &related["range"]["start"]["line"]), (&json!(lan), &json!(2)));

    // Who claims the address?
    let at = json!({ "textDocument": { "uri": pool }, "position": { "line": 5, "character": 20 } });
    let hover = client.ask(2, "textDocument/hover", &at);
    let text = hover["result"]["contents"]["value"].as_str().expect("a text").to_owned();
    assert!(text.starts_with("**192.168.1.50**"), "{text}");
    assert!(text.contains("- pool") && text.contains("- dynamic range") && text.contains("lan.toml:3:"), "{text}");

    // To the other side, and back.
    let there = client.ask(3, "textDocument/definition", &at)["result"][0].clone();
    assert_eq!(there["uri"], json!(lan));

    // The planner's pool, and an ignore above the line.
    let wanted = json!({ "textDocument": { "uri": pool }, "range": range, "context": { "diagnostics": [] } });
    let actions = client.ask(4, "textDocument/codeAction", &wanted)["result"].clone();
    let titles: Vec<&str> = actions.as_array().expect("a list").iter().filter_map(|a| a["title"].as_str()).collect();
    assert_eq!(titles.len(), 2, "{titles:?}");
    assert!(titles[0].starts_with("move the pool to 192.168.1."), "{titles:?}");
    let edit = |action: usize| actions[action]["edit"]["documentChanges"][0]["edits"][0].clone();
    assert_eq!(edit(0)["range"], range);
    assert_eq!(edit(1)["range"]["start"], json!({ "line": 5, "character": 0 }));
    assert_eq!(edit(1)["newText"], "  # poolcheck: ignore[pool-in-dhcp-range] reason=\"\"\n");

    // While typing: the unsaved text counts, the disk does not.
    let cured = POOL.replace("\"192.168.1.50-192.168.1.60\"", edit(0)["newText"].as_str().expect("a text"));
    client.tell("textDocument/didChange", &whole(&cured, &pool, 2));
    assert_eq!(client.diagnostics(&pool), Vec::<Value>::new());
    client.tell("textDocument/didChange", &whole(&POOL.replace("metallb.io", "metallb.io/{{"), &pool, 3));
    client.tell("textDocument/didChange", &whole("", &pool, 4));
    assert_eq!(client.diagnostics(&pool), Vec::<Value>::new());
    client.tell("textDocument/didClose", &json!({ "textDocument": { "uri": pool } }));
    assert_eq!(client.diagnostics(&pool).len(), 1, "closed: the disk counts again");

    assert_eq!(client.ask(5, "shutdown", &Value::Null)["result"], Value::Null);
    assert_eq!(client.ask(6, "textDocument/hover", &at)["error"]["code"], -32600);
    client.tell("exit", &Value::Null);
    assert_eq!(client.end().0, Some(0));
}

#[test]
fn nonsense_gets_errors_and_changes_nothing() {
    let (_folder, pool, _) = folder();
    let mut client = Client::start();
    assert_eq!(client.ask(1, "textDocument/hover", &json!({}))["error"]["code"], -32002);
    assert_eq!(client.ask(2, "initialize", &json!({ "capabilities": 7 }))["error"]["code"], -32602);
    initialized(&mut client, &pool);
    assert_eq!(client.ask(3, "initialize", &json!({ "capabilities": {} }))["error"]["code"], -32600);
    assert_eq!(client.ask(4, "textDocument/hover", &json!({ "textDocument": 1 }))["error"]["code"], -32602);
    assert_eq!(client.ask(5, "poolcheck/dance", &json!({}))["error"]["code"], -32601);
    client.tell("textDocument/didOpen", &json!([1, 2]));
    client.tell("textDocument/didChange", &json!({ "textDocument": { "uri": "untitled:1", "version": 1 } }));
    client.tell("nobody/knows", &json!(null));
    let far = json!({ "line": 4_000_000_000_u32, "character": 4_000_000_000_u32 });
    for (id, uri) in [(6, pool.as_str()), (7, "untitled:1"), (8, "file:///no/such%ff"), (9, "file:///")] {
        let at = json!({ "textDocument": { "uri": uri }, "position": far });
        assert_eq!(client.ask(id, "textDocument/hover", &at)["result"], Value::Null, "{uri}");
        assert_eq!(client.ask(id, "textDocument/definition", &at).get("error"), None, "{uri}");
    }
    assert_eq!(client.diagnostics(&pool).len(), 1);
    // Two in one write: the second takes the first back, unless it was answered before.
    let at = json!({ "textDocument": { "uri": pool }, "position": far });
    let asked = json!({ "jsonrpc": "2.0", "id": 20, "method": "textDocument/hover", "params": at });
    let cancelled = json!({ "jsonrpc": "2.0", "method": "$/cancelRequest", "params": { "id": 20 } });
    client.raw(&(Client::message(&asked) + &Client::message(&cancelled)));
    let answer = client.answer(20);
    assert!(answer["error"]["code"] == -32800 || answer["result"].is_null(), "{answer}");
    client.tell("exit", &Value::Null);
    assert_eq!(client.end().0, Some(1), "exit without shutdown");
}

#[test]
fn a_broken_stream_ends_with_an_error() {
    for bytes in ["Content-Length: 3\r\n\r\n{{{", "Content-Length: many\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"] {
        let mut client = Client::start();
        client.raw(bytes);
        let (code, error) = client.end();
        assert_eq!(code, Some(2), "{bytes:?}: {error}");
        assert!(error.contains("no message of the Language Server Protocol"), "{error}");
        assert!(!error.contains("panicked"), "{error}");
    }
    let (code, error) = Client::start().end();
    assert_eq!((code, error.as_str()), (Some(1), ""), "the client went away");
}

#[test]
fn a_wrong_configuration_is_shown() {
    let (folder, pool, _) = folder();
    fs::write(folder.path().join("poolcheck.toml"), "fial-on = 1\n").expect("a file");
    let mut client = Client::start();
    initialized(&mut client, &pool);
    let at = json!({ "textDocument": { "uri": pool }, "position": { "line": 0, "character": 0 } });
    client.ask(2, "textDocument/hover", &at);
    let shown = client.published.iter().find(|m| m["method"] == "window/showMessage").expect("a message");
    assert!(shown["params"]["message"].as_str().is_some_and(|text| text.contains("unknown key `fial-on`")));
    fs::write(folder.path().join("poolcheck.toml"), "").expect("a file");
    client.tell("textDocument/didSave", &json!({ "textDocument": { "uri": pool } }));
    assert_eq!(client.diagnostics(&pool).len(), 1);
    client.tell("exit", &Value::Null);
    client.end();
}
