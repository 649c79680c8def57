//! Someone who outlives the announcer: a small process beside it that does what its death leaves undone.
//!
//! It holds the announcer's last words, and the list of what was lent and set. When its standard input ends without the word
//! that all is well, the announcer was killed: then the others are told at once, so that they need not wait until they miss it,
//! addresses are taken back and kernel settings restored. It never acts while the announcer lives, knows no key, and ignores the
//! signals that end the announcer. A power cut takes both; then the others find out by themselves.
//!
//! Lines that it reads: `words INTERFACE HEX`, `lent NUMBER ADDRESS`, `returned NUMBER ADDRESS`, `restore VALUE PATH`, `over`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead as _, Write as _};
use std::net::IpAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use poolcheck_lan::interface::{interfaces, take_back_address};
use poolcheck_lan::link::{self, Link as _, PacketLink, Wanted};
use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use crate::exit::Exit;

/// One of them may be lost.
const TIMES: u32 = 3;
const APART: Duration = Duration::from_millis(4);

/// The announcer's side.
pub(super) struct Guard(Option<ChildStdin>);

impl Guard {
    /// Starts it. Without one everything works, only a killed process is missed later; why there is none is given back.
    pub(super) fn start() -> (Self, Option<String>) {
        let started = std::env::current_exe().and_then(|program| {
            Command::new(program)
                .args(["announce", "guard"])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                // What a terminal sends to its group is not for it.
                .process_group(0)
                .spawn()
        });
        match started {
            Ok(mut child) => (Self(child.stdin.take()), None),
            Err(error) => (Self(None), Some(error.to_string())),
        }
    }

    fn say(&mut self, line: &str) {
        // A guard that is gone is none: the others find out by themselves.
        if self.0.as_mut().is_some_and(|pipe| writeln!(pipe, "{line}").is_err()) {
            self.0 = None;
        }
    }

    pub(super) fn words(&mut self, interface: &str, frame: &[u8]) {
        let mut line = format!("words {interface} ");
        for octet in frame {
            write!(line, "{octet:02x}").expect("writes to a string");
        }
        self.say(&line);
    }

    pub(super) fn lent(&mut self, interface: u32, address: IpAddr) {
        self.say(&format!("lent {interface} {address}"));
    }

    pub(super) fn returned(&mut self, interface: u32, address: IpAddr) {
        self.say(&format!("returned {interface} {address}"));
    }

    pub(super) fn restore(&mut self, path: &Path, value: u8) {
        self.say(&format!("restore {value} {}", path.display()));
    }

    /// All that was to be done has been done.
    pub(super) fn over(mut self) {
        self.say("over");
    }
}

/// What is to be done.
#[derive(Default)]
struct Duties {
    words: Option<(PacketLink, Vec<u8>)>,
    lent: BTreeSet<(u32, IpAddr)>,
    restore: BTreeMap<PathBuf, String>,
}

/// The guard itself: reads until its input ends.
pub(crate) fn run() -> Exit {
    // It ends when the announcer does, and by nothing else: a service manager signals both, its watchdog with SIGABRT.
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGABRT] {
        let ignored = std::sync::Arc::default();
        if signal_hook::flag::register(signal, ignored).is_err() {
            return Exit::Unchecked;
        }
    }
    let mut duties = Duties::default();
    for line in std::io::stdin().lock().lines() {
        match line.as_deref().map(|line| line.splitn(3, ' ').collect::<Vec<_>>()) {
            Ok(words) => match words[..] {
                ["over"] => return Exit::Clean,
                ["words", interface, hex] => duties.words = last_words(interface, hex),
                ["lent", number, address] => drop(entry(number, address).map(|entry| duties.lent.insert(entry))),
                ["returned", number, address] => drop(entry(number, address).map(|entry| duties.lent.remove(&entry))),
                ["restore", value, path] if path.starts_with("/proc/sys/net/") => {
                    duties.restore.insert(path.into(), value.to_owned());
                }
                _ => {}
            },
            Err(_) => break,
        }
    }
    duties.fulfil();
    Exit::Clean
}

fn entry(number: &str, address: &str) -> Option<(u32, IpAddr)> {
    Some((number.parse().ok()?, address.parse().ok()?))
}

/// The frame, with a link that is open already: there is no time to lose later.
fn last_words(interface: &str, hex: &str) -> Option<(PacketLink, Vec<u8>)> {
    let octet = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    let frame: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(octet).collect();
    let interface = interfaces().ok()?.into_iter().find(|known| known.name == interface)?;
    // It never listens: a filter that nothing passes.
    Some((link::open(&interface, Wanted::NOTHING).ok()?, frame?))
}

impl Duties {
    fn fulfil(self) {
        if let Some((mut link, frame)) = self.words {
            for time in 0..TIMES {
                if time > 0 {
                    std::thread::sleep(APART);
                }
                // Nobody is left to be told that it did not leave.
                drop(link.send(std::slice::from_ref(&frame)));
            }
        }
        for (interface, address) in self.lent {
            drop(take_back_address(interface, address));
        }
        for (path, value) in self.restore {
            drop(std::fs::write(path, value));
        }
    }
}
