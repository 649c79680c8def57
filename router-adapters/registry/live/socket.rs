//! A control socket on this machine (Kea): one JSON command a connection, answered until the other side closes.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::FetchError;
use super::http::{Ask, Got, plain};

/// The way to one socket.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) path: PathBuf,
    pub(super) limit: u64,
    pub(super) timeout: Duration,
}

impl Socket {
    /// Sends the body; what a path or header would say has no place here.
    pub(super) fn ask(&self, ask: &Ask<'_>) -> Result<Got, FetchError> {
        let host = self.path.display().to_string();
        let timed_out = || FetchError::TimedOut { host: host.clone(), path: ask.path.to_owned(), after: self.timeout };
        let failed = |error: &io::Error| match error.kind() {
            io::ErrorKind::ConnectionRefused => FetchError::Refused { host: host.clone() },
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => timed_out(),
            _ => FetchError::Unreachable { host: host.clone(), reason: plain(&error.to_string()) },
        };
        let started = Instant::now();
        let mut stream = UnixStream::connect(&self.path).map_err(|error| failed(&error))?;
        stream.set_read_timeout(Some(self.timeout)).map_err(|error| failed(&error))?;
        stream.set_write_timeout(Some(self.timeout)).map_err(|error| failed(&error))?;
        let body = ask.body.map_or("", |(_, text)| text);
        stream.write_all(body.as_bytes()).map_err(|error| failed(&error))?;
        let (mut answer, mut piece) = (Vec::new(), [0; 8192]);
        loop {
            let count = match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(&error)),
            };
            answer.extend_from_slice(&piece[..count]);
            if answer.len() as u64 > self.limit {
                return Err(FetchError::TooLarge { path: host.clone(), limit: self.limit });
            }
            if started.elapsed() > self.timeout {
                return Err(timed_out());
            }
        }
        // The socket has no status: an answer that is cut off is not JSON.
        let body = String::from_utf8_lossy(&answer).into_owned();
        if serde_json::from_str::<serde::de::IgnoredAny>(&body).is_err() {
            return Err(FetchError::Truncated { path: host.clone() });
        }
        Ok(Got { status: 200, headers: Vec::new(), body })
    }
}
