//! `poolcheck.lock`: what routers said, kept beside the manifests so that a pipeline can judge where no router can be asked.

use std::path::{Path, PathBuf};

use poolcheck_plan::Sources;
use poolcheck_router_adapters as adapters;
use poolcheck_router_adapters::Locked;

use crate::failure::Failure;
use crate::output;
use crate::session::usage;

/// Where the lock is, or would be: beside the configuration, or in this folder.
pub(crate) fn place(start: &Path, config: Option<&Path>) -> PathBuf {
    crate::config::discover_lock(start)
        .unwrap_or_else(|| config.unwrap_or(Path::new("")).join(crate::config::LOCK_NAME))
}

/// What a lock says, router by router; adds it to `sources`.
pub(crate) fn read(file: &Path, sources: &mut Sources) -> Result<Vec<Locked>, Failure> {
    let text = crate::config::read_text(file, false)?;
    let name = crate::collect::shown(file);
    let page = adapters::Page { name: &name, text: &text };
    adapters::read_lock(&page, sources).map_err(|error| Failure::facts(error, std::mem::take(sources)))
}

/// Puts what was fetched into the lock, whole or not at all; other routers stay.
pub(crate) fn write(file: &Path, fetched: Vec<Locked>) -> Result<(), Failure> {
    let mut routers = if file.exists() { read(file, &mut Sources::new())? } else { Vec::new() };
    for new in fetched {
        routers.retain(|old| (&old.adapter, &old.host) != (&new.adapter, &new.host));
        routers.push(new);
    }
    output::write_file(file, &adapters::to_lock(&routers))
        .map_err(|error| usage(&format!("{} cannot be written: {error}", file.display()), "name a folder that exists"))
}
