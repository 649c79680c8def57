//! The TLS certificates that routers showed, remembered by their SHA-256 from the first time on.
//!
//! They are kept in `known-routers.toml`, one line a host, in the user's state folder: `$POOLCHECK_STATE_DIR`, or
//! `$XDG_STATE_HOME/poolcheck`, or `~/.local/state/poolcheck` (`%LOCALAPPDATA%\poolcheck` on Windows). A file that cannot be
//! read is an error: nobody is trusted anew because a file is broken.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use poolcheck_router_adapters::live::Fingerprint;

use crate::failure::Failure;
use crate::output;
use crate::session::usage;

/// Known certificates by host.
pub(crate) type Pins = BTreeMap<String, Fingerprint>;

/// Where they are kept; `None` where this system has no place for it.
pub(crate) fn place() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = folder("POOLCHECK_STATE_DIR")
        .or_else(|| folder("XDG_STATE_HOME").map(|state| state.join("poolcheck")))
        .or_else(|| folder("LOCALAPPDATA").filter(|_| cfg!(windows)).map(|state| state.join("poolcheck")))
        .or_else(|| folder("HOME").map(|home| home.join(".local/state/poolcheck")))?;
    Some(state.join("known-routers.toml"))
}

/// Reads what is known.
pub(crate) fn read() -> Result<Pins, Failure> {
    let Some(file) = place().filter(|file| file.exists()) else { return Ok(Pins::new()) };
    let wrong = |reason: &str| {
        let help = "mend or delete it: without it each router's certificate is taken as it is shown the next time";
        usage(&format!("{}: {reason}", file.display()), help)
    };
    let text = std::fs::read_to_string(&file).map_err(|error| wrong(&error.to_string()))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| wrong(error.message()))?;
    let pin = |(host, value): (String, toml::Value)| {
        let text = value.as_str().ok_or_else(|| wrong(&format!("`{host}` has no fingerprint")))?;
        let pin = text.parse().map_err(|reason: String| wrong(&format!("`{host}`: {reason}")))?;
        Ok((host, pin))
    };
    table.into_iter().map(pin).collect()
}

/// Remembers a certificate.
pub(crate) fn remember(host: &str, pin: Fingerprint) -> Result<PathBuf, Failure> {
    let unwritable = |file: &str, reason: String| {
        let help = "set POOLCHECK_STATE_DIR to a folder that can be written, or pass --pin each time";
        usage(&format!("the certificate of {host} cannot be remembered{file}: {reason}"), help)
    };
    let Some(file) = place() else { return Err(unwritable("", "no folder for it is known".to_owned())) };
    let mut pins = read()?;
    pins.insert(host.to_owned(), pin);
    let mut text =
        String::from("# TLS certificates of routers, by SHA-256. Delete a line to trust that router anew.\n");
    for (host, pin) in &pins {
        let host = toml::Value::String(host.clone());
        writeln!(text, "{host} = \"{pin}\"").expect("writes to a string");
    }
    let written = file.parent().map_or(Ok(()), std::fs::create_dir_all);
    written
        .and_then(|()| output::write_file(&file, &text))
        .map_err(|error| unwritable(&format!(" in {}", file.display()), error.to_string()))?;
    Ok(file)
}
