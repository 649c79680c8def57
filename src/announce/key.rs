//! The secret that the nodes share, from where secrets may come from.

use poolcheck_announcer::Key;
use poolcheck_router_adapters::Secret;

use super::config::KeyFrom;
use crate::failure::Failure;
use crate::session::usage;

const MAKE: &str = "make one, and copy it to all machines: (umask 077; openssl rand -hex 32 > announcer.key)";

/// Reads it: the first line.
pub(super) fn read(from: &KeyFrom) -> Result<Key, Failure> {
    let secret = match from {
        KeyFrom::File(path) => Secret::from_file(path),
        KeyFrom::Env(name) => Secret::from_env(name),
        KeyFrom::Command(command) => Secret::from_command(command),
    };
    let secret = secret.map_err(|error| usage(&error.to_string(), &error.help()))?;
    Key::new(secret.reveal().trim().as_bytes()).map_err(|error| usage(&error.to_string(), MAKE))
}
