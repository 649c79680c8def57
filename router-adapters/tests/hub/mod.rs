//! A server on loopback that answers as a test says and records every request. It serves one connection at a time, so
//! that a client that opened a second one would wait until its time is over.

#![allow(dead_code, reason = "each test takes the part that it needs")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

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

/// An HTTP server on loopback.
pub(crate) struct Hub {
    pub(crate) address: SocketAddr,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
    pub(crate) connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hub {
    pub(crate) fn start(mut answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
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
                serve(&stream, &log, &mut answer);
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

fn serve(stream: &TcpStream, log: &Mutex<Vec<Asked>>, answer: &mut impl FnMut(&Asked) -> Answer) {
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout can be set");
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read_request(&mut reader) {
        log.lock().expect("no test thread panicked").push(asked.clone());
        let mut out = stream;
        match answer(&asked) {
            Answer::Whole(text) => {
                if out.write_all(text.as_bytes()).is_err() {
                    return;
                }
            }
            Answer::Broken(bytes) => {
                // The client may hang up before it has taken all of it.
                let _ = out.write_all(&bytes);
                return;
            }
            Answer::Drip => {
                let mut bytes: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
                while out.write_all(bytes).is_ok() {
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

fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<Asked> {
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
