//! A server on loopback that answers as a test says and records every request, over TCP or TLS. It serves one connection
//! at a time, so that a client that opened a second one would wait until its time is over.

#![allow(dead_code, reason = "each test takes the part that it needs")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use digest_auth::{AuthContext, AuthorizationHeader, HttpMethod};

/// One request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// `GET /path`.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What the server does with a request.
pub(crate) enum Answer {
    /// A whole response; the connection stays open.
    Whole(String),
    /// Bytes, then the connection is closed.
    Broken(Vec<u8>),
    /// A body without end, a byte at a time.
    Drip,
    /// Nothing, until the client goes away.
    Silence,
}

pub(crate) fn whole(status: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    Answer::Whole(format!("HTTP/1.1 {status}\r\nServer: sky_router\r\nContent-Length: {length}\r\n{headers}\r\n{body}"))
}

pub(crate) fn page(body: &str) -> Answer {
    whole("200 OK", "Content-Type: text/html\r\n", body)
}

/// The challenge of a server that speaks HTTP Digest with this nonce.
pub(crate) fn challenge(realm: &str, nonce: &str) -> String {
    format!("WWW-Authenticate: Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\"\r\n")
}

/// Whether a request carries the right answer to that challenge.
pub(crate) fn answers(asked: &Asked, realm: &str, nonce: &str, user: &str, password: &str) -> bool {
    let Some(Ok(given)) = asked.authorization.as_deref().map(AuthorizationHeader::parse) else { return false };
    let mut right = given.clone();
    let method = if asked.method == "POST" { HttpMethod::POST } else { HttpMethod::GET };
    let body = Some(asked.body.as_bytes()).filter(|body| !body.is_empty());
    right.digest(&AuthContext::new_with_method(user, password, asked.path.as_str(), body, method));
    let of_this = given.username == user && given.uri == asked.path && given.realm == realm;
    of_this && given.nonce == nonce && given.response == right.response
}

/// An HTTP server on loopback.
pub(crate) struct Hub {
    pub(crate) address: SocketAddr,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
    pub(crate) connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hub {
    pub(crate) fn start(answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        Self::serving(answer, None)
    }

    /// The same over TLS, with this certificate.
    pub(crate) fn start_tls(
        certificate: &rcgen::CertifiedKey<rcgen::KeyPair>,
        answer: impl FnMut(&Asked) -> Answer + Send + 'static,
    ) -> Self {
        let key = rustls::pki_types::PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.cert.der().clone()], key)
            .expect("the key is the certificate's");
        Self::serving(answer, Some(Arc::new(config)))
    }

    fn serving(
        mut answer: impl FnMut(&Asked) -> Answer + Send + 'static,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (connections, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (log, count, ended) = (Arc::clone(&asked), Arc::clone(&connections), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                count.fetch_add(1, Ordering::SeqCst);
                stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout can be set");
                match &tls {
                    None => serve(stream, &log, &mut answer),
                    Some(config) => {
                        let session = rustls::ServerConnection::new(Arc::clone(config)).expect("a configuration");
                        serve(rustls::StreamOwned::new(session, stream), &log, &mut answer);
                    }
                }
            }
        });
        Self { address, asked, connections, stop, thread: Some(thread) }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test thread panicked").clone()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.path).collect()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }

    pub(crate) fn passwords_sent(&self) -> usize {
        self.asked().iter().filter(|asked| asked.authorization.is_some()).count()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the hub's thread panicked");
        }
    }
}

fn serve<S: Read + Write>(stream: S, log: &Mutex<Vec<Asked>>, answer: &mut impl FnMut(&Asked) -> Answer) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read_request(&mut reader) {
        log.lock().expect("no test thread panicked").push(asked.clone());
        let answered = answer(&asked);
        let out = reader.get_mut();
        match answered {
            Answer::Whole(text) => {
                if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
                    return;
                }
            }
            Answer::Broken(bytes) => {
                // The client may hang up before it has taken all of it.
                let _ = out.write_all(&bytes).and_then(|()| out.flush());
                return;
            }
            Answer::Drip => {
                let mut bytes: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
                while out.write_all(bytes).and_then(|()| out.flush()).is_ok() {
                    std::thread::sleep(Duration::from_millis(50));
                    bytes = b"x";
                }
                return;
            }
            Answer::Silence => {
                let mut line = String::new();
                let _ = reader.read_line(&mut line);
                return;
            }
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut asked = Asked { method, path, authorization: None, headers, body: String::new() };
    asked.authorization = asked.header("authorization").map(str::to_owned);
    let length: usize = asked.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8_lossy(&body).into_owned();
    Some(asked)
}
