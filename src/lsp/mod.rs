//! `poolcheck lsp`: the Language Server Protocol over standard input and output.
//!
//! The whole folder is judged again after each change, with unsaved texts in the place of their files; changes that
//! arrive together are judged once. Requests are answered in order; one that is cancelled before its turn is not. What a
//! client should not have sent is answered with the protocol's errors and changes nothing.

mod text;
mod view;

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::{
    CodeActionParams, DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    GotoDefinitionParams, HoverParams, InitializeParams, PublishDiagnosticsParams,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::fix::Buffers;
use crate::session::{Failure, usage};
use view::View;

/// Serves one client until it says `exit` or goes away.
pub(crate) fn serve() -> Result<Exit, Failure> {
    let (connection, threads) = Connection::stdio();
    let mut server = Server::default();
    let ended = server.run(&connection);
    drop(connection);
    // Joined, so that the last answer is written; whatever the client sent that is no message is told here.
    let closed = threads.join();
    match (ended, closed) {
        (Some(exit), _) => Ok(exit),
        (None, Ok(())) => Ok(Exit::Findings),
        (None, Err(error)) => Err(usage(
            &format!("the client sent what is no message of the Language Server Protocol: {error}"),
            "start this from an editor; see docs/lsp.md",
        )),
    }
}

/// Where a session stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Before `initialize`.
    #[default]
    New,
    Serving,
    /// After `shutdown`.
    ShutDown,
}

#[derive(Debug, Default)]
struct Server {
    phase: Phase,
    root: PathBuf,
    buffers: Buffers,
    view: View,
    /// Something has changed since the last judgement.
    stale: bool,
    /// Files whose diagnostics the client shows.
    shown: BTreeSet<PathBuf>,
}

impl Server {
    /// Serves until `exit`; `None` when the client goes away without it.
    fn run(&mut self, connection: &Connection) -> Option<Exit> {
        let send = |message: Message| connection.sender.send(message).is_ok();
        let mut waiting = VecDeque::new();
        loop {
            if waiting.is_empty() && self.stale {
                // What has arrived already may change the texts again.
                waiting.extend(connection.receiver.try_iter());
                if waiting.is_empty() {
                    self.judge(&send);
                }
            }
            if waiting.is_empty() {
                waiting.push_back(connection.receiver.recv().ok()?);
            }
            waiting.extend(connection.receiver.try_iter());
            drop_cancelled(&mut waiting, &send);
            match waiting.pop_front() {
                Some(Message::Request(request)) => {
                    if self.stale {
                        self.judge(&send);
                    }
                    send(Message::Response(self.answer(request)));
                }
                Some(Message::Notification(told)) if told.method == "exit" => {
                    return Some(if self.phase == Phase::ShutDown { Exit::Clean } else { Exit::Findings });
                }
                Some(Message::Notification(told)) => self.hear(told),
                // Nothing was asked of the client.
                Some(Message::Response(_)) | None => {}
            }
        }
    }

    fn answer(&mut self, request: Request) -> Response {
        let refuse = |id, code: ErrorCode, message: &str| Response::new_err(id, code as i32, message.to_owned());
        let Request { id, method, params } = request;
        match (self.phase, method.as_str()) {
            (Phase::ShutDown, _) => refuse(id, ErrorCode::InvalidRequest, "the session is shut down"),
            (Phase::New, "initialize") => answered(id, params, |params: InitializeParams| self.initialize(&params)),
            (Phase::New, _) => refuse(id, ErrorCode::ServerNotInitialized, "send `initialize` first"),
            (Phase::Serving, "initialize") => refuse(id, ErrorCode::InvalidRequest, "`initialize` was sent before"),
            (Phase::Serving, "shutdown") => {
                self.phase = Phase::ShutDown;
                Response::new_ok(id, Value::Null)
            }
            (Phase::Serving, "textDocument/hover") => answered(id, params, |params: HoverParams| {
                let at = params.text_document_position_params;
                json!(path(at.text_document.uri.as_str()).and_then(|path| self.view.hover(&path, at.position)))
            }),
            (Phase::Serving, "textDocument/definition") => answered(id, params, |params: GotoDefinitionParams| {
                let at = params.text_document_position_params;
                json!(path(at.text_document.uri.as_str()).map(|path| self.view.definition(&path, at.position)))
            }),
            (Phase::Serving, "textDocument/codeAction") => answered(id, params, |params: CodeActionParams| {
                json!(path(params.text_document.uri.as_str()).map(|path| self.view.actions(&path, params.range)))
            }),
            (Phase::Serving, _) => refuse(id, ErrorCode::MethodNotFound, &format!("no method `{method}`")),
        }
    }

    #[expect(deprecated, reason = "older clients send `rootUri` and nothing else")]
    fn initialize(&mut self, params: &InitializeParams) -> Value {
        let folder = params.workspace_folders.iter().flatten().next().map(|folder| &folder.uri);
        let root = folder.or(params.root_uri.as_ref()).and_then(|uri| path(uri.as_str()));
        self.root = root.filter(|root| root.is_dir()).unwrap_or_else(|| PathBuf::from("."));
        self.phase = Phase::Serving;
        self.stale = true;
        json!({
            "capabilities": {
                "positionEncoding": "utf-16",
                "textDocumentSync": { "openClose": true, "change": 1, "save": true },
                "hoverProvider": true,
                "definitionProvider": true,
                "codeActionProvider": { "codeActionKinds": ["quickfix"] },
            },
            "serverInfo": { "name": "poolcheck", "version": env!("CARGO_PKG_VERSION") },
        })
    }

    /// A notification; one that cannot be understood is passed over, as nobody waits for an answer.
    fn hear(&mut self, told: Notification) {
        if self.phase != Phase::Serving {
            return;
        }
        match told.method.as_str() {
            "textDocument/didOpen" => {
                if let Some(opened) = understood::<DidOpenTextDocumentParams>(told.params) {
                    self.hold(opened.text_document.uri.as_str(), opened.text_document.text);
                }
            }
            "textDocument/didChange" => {
                if let Some(changed) = understood::<DidChangeTextDocumentParams>(told.params)
                    && let Some(change) = changed.content_changes.into_iter().rfind(|change| change.range.is_none())
                {
                    self.hold(changed.text_document.uri.as_str(), change.text);
                }
            }
            "textDocument/didClose" => {
                if let Some(closed) = understood::<DidCloseTextDocumentParams>(told.params)
                    && let Some(path) = path(closed.text_document.uri.as_str())
                {
                    self.buffers.remove(&path);
                    self.stale = true;
                }
            }
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => self.stale = true,
            _ => {}
        }
    }

    fn hold(&mut self, uri: &str, text: String) {
        if let Some(path) = path(uri) {
            self.buffers.insert(path, Arc::from(text));
            self.stale = true;
        }
    }

    /// Judges the folder and tells the client what changed.
    fn judge(&mut self, send: &dyn Fn(Message) -> bool) {
        self.stale = false;
        match View::of(&self.root, &self.buffers) {
            Ok(view) => self.view = view,
            Err(failure) => {
                let message = format!("poolcheck: {}", failure.messages().join("; "));
                let params = json!({ "type": 1, "message": message });
                send(Message::Notification(Notification::new("window/showMessage".to_owned(), params)));
                return;
            }
        }
        let mut found = self.view.diagnostics();
        for path in std::mem::take(&mut self.shown) {
            found.entry(path).or_default();
        }
        for (path, diagnostics) in found {
            let Some(uri) = text::uri_of(&path) else { continue };
            if !diagnostics.is_empty() {
                self.shown.insert(path);
            }
            let params = PublishDiagnosticsParams { uri, diagnostics, version: None };
            let method = "textDocument/publishDiagnostics".to_owned();
            send(Message::Notification(Notification::new(method, params)));
        }
    }
}

/// The file of a URI as the judgement knows it; `None` for what is no file (yet).
fn path(uri: &str) -> Option<PathBuf> {
    fs::canonicalize(text::path_of(uri)?).ok().filter(|path: &PathBuf| path.as_path() != Path::new("/"))
}

fn understood<P: DeserializeOwned>(params: Value) -> Option<P> {
    serde_json::from_value(params).ok()
}

fn answered<P: DeserializeOwned>(id: RequestId, params: Value, answer: impl FnOnce(P) -> Value) -> Response {
    match serde_json::from_value(params) {
        Ok(params) => Response::new_ok(id, answer(params)),
        Err(error) => Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string()),
    }
}

/// Takes the requests out that are cancelled before their turn, and says so.
fn drop_cancelled(waiting: &mut VecDeque<Message>, send: &dyn Fn(Message) -> bool) {
    let cancelled: BTreeSet<String> = waiting
        .iter()
        .filter_map(|message| match message {
            Message::Notification(told) if told.method == "$/cancelRequest" => Some(told.params.get("id")?.to_string()),
            _ => None,
        })
        .collect();
    waiting.retain(|message| match message {
        Message::Request(request) if cancelled.contains(&json!(request.id).to_string()) => {
            let code = ErrorCode::RequestCanceled as i32;
            send(Message::Response(Response::new_err(request.id.clone(), code, "cancelled".to_owned())));
            false
        }
        _ => true,
    });
}
