//! How a running announcer is spoken to: a Unix socket, one line of JSON each way.
//!
//! The one side waits in a thread of its own and hands questions to the announcer's loop; the other is `announce status` and
//! its like. Whoever may write to the socket may move addresses: it has mode 0660.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use poolcheck_announcer::Waker;
use serde::{Deserialize, Serialize};

use super::view::{ReasonView, View};
use crate::exit::Exit;
use crate::failure::Failure;

/// Longest question, in octets.
const LIMIT: u64 = 4096;
/// Longest answer: some 3000 addresses and 48 nodes are well below.
const ANSWER_LIMIT: u64 = 16 << 20;
const PATIENCE: Duration = Duration::from_secs(3);

/// What can be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
pub(super) enum Question {
    Status,
    Why { address: IpAddr },
    Handover { address: IpAddr, to: Option<String> },
}

/// What is answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "lowercase")]
pub(super) enum Answer {
    Status(View),
    Why {
        reasons: Vec<ReasonView>,
    },
    /// It is on offer.
    Offered,
    Refused {
        message: String,
    },
}

/// A question with the way back.
pub(super) type Asked = (Question, mpsc::Sender<Answer>);

/// The socket of a running announcer; it is gone when this is.
pub(super) struct Socket {
    path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Somebody may have cleared it away already.
        drop(std::fs::remove_file(&self.path));
    }
}

/// Listens, and hands on what is asked.
pub(super) fn listen(path: &Path, asked: mpsc::Sender<Asked>, waker: Waker) -> Result<Socket, Failure> {
    let refuse = |what: String, help: &str| Failure::plain(Exit::Unchecked, &what, help);
    if UnixStream::connect(path).is_ok() {
        let what = format!("an announcer runs already: it answers at {}", path.display());
        return Err(refuse(what, "stop it, or write another socket = \"…\" for a second one"));
    }
    match std::fs::symlink_metadata(path) {
        // Left behind by one that was killed.
        Ok(found) if std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()) => {
            drop(std::fs::remove_file(path));
        }
        Ok(_) => return Err(refuse(format!("{} is there, and is no socket", path.display()), "")),
        Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(|error| {
        let folder = path.parent().unwrap_or(Path::new("/")).display();
        refuse(format!("{} cannot be listened on: {error}", path.display()), &format!("sudo mkdir -p {folder}"))
    })?;
    let socket = Socket { path: path.to_owned() };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))
        .map_err(|error| refuse(format!("{}: {error}", path.display()), ""))?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever asks and goes away has lost nothing.
            drop(serve(&stream, &asked, &waker));
        }
    });
    Ok(socket)
}

fn serve(stream: &UnixStream, asked: &mpsc::Sender<Asked>, waker: &Waker) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.take(LIMIT)).read_line(&mut line)?;
    let answer = match serde_json::from_str::<Question>(&line) {
        Err(error) => Answer::Refused { message: format!("not understood: {error}") },
        Ok(question) => {
            let (back, heard) = mpsc::channel();
            if asked.send((question, back)).is_err() {
                return Ok(());
            }
            waker.wake();
            heard.recv_timeout(PATIENCE).unwrap_or_else(|_| Answer::Refused { message: "it is busy".to_owned() })
        }
    };
    let mut line = serde_json::to_string(&answer)?;
    line.push('\n');
    (&*stream).write_all(line.as_bytes())
}

/// Asks a running announcer.
pub(super) fn ask(path: &Path, question: &Question) -> Result<Answer, Failure> {
    let failed = |error: &std::io::Error| {
        let (what, help) = match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => (
                format!("no announcer answers at {}", path.display()),
                "start it: poolcheck announce --config announcer.toml; or name its socket: --socket PATH",
            ),
            ErrorKind::PermissionDenied => {
                (format!("{} may not be used: {error}", path.display()), "run it as the announcer's user, or as root")
            }
            _ => (format!("{}: {error}", path.display()), ""),
        };
        Failure::plain(Exit::Unchecked, &what, help)
    };
    let talk = || -> std::io::Result<Answer> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(2 * PATIENCE))?;
        let mut line = serde_json::to_string(question)?;
        line.push('\n');
        (&stream).write_all(line.as_bytes())?;
        let mut text = String::new();
        BufReader::new(stream.take(ANSWER_LIMIT)).read_line(&mut text)?;
        Ok(serde_json::from_str(&text)?)
    };
    talk().map_err(|error| failed(&error))
}
