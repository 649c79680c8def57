//! The secret that the nodes share, from where secrets may come from. It is never printed.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use poolcheck_announcer::Key;

use super::config::KeyFrom;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::usage;

/// More than any key: a file or command that says more was not meant.
const LIMIT: u64 = 4096;
const MAKE: &str = "make one, and copy it to all machines: (umask 077; openssl rand -hex 32 > announcer.key)";

/// Reads it: the first line.
pub(super) fn read(from: &KeyFrom) -> Result<Key, Failure> {
    let text = match from {
        KeyFrom::File(path) => of_file(path)?,
        KeyFrom::Env(name) => std::env::var(name)
            .map_err(|_| Failure::plain(Exit::Usage, &format!("the environment variable {name} is not set"), MAKE))?,
        KeyFrom::Command(words) => of_command(words)?,
    };
    let line = text.lines().next().unwrap_or_default().trim();
    Key::new(line.as_bytes()).map_err(|error| usage(&error.to_string(), MAKE))
}

fn of_file(path: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| usage(&format!("the key {} cannot be read: {error}", path.display()), MAKE);
    let file = std::fs::File::open(path).map_err(failed)?;
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().map_err(failed)?.permissions()) & 0o777;
    if mode & 0o077 != 0 {
        let message = format!("the key {} can be read by others (mode {mode:04o})", path.display());
        return Err(usage(&message, &format!("chmod 600 {}", path.display())));
    }
    let mut text = String::new();
    file.take(LIMIT).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn of_command(words: &[String]) -> Result<String, Failure> {
    let shown = words.first().map_or("", String::as_str);
    let failed = |why: String| usage(&format!("the command {shown}, which is to print the key, failed: {why}"), "");
    // Questions go to the terminal; only what is printed on standard output is the key.
    let output = Command::new(shown)
        .args(&words[1..])
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    String::from_utf8(output.stdout).map_err(|_| failed("it printed something that is not text".to_owned()))
}
