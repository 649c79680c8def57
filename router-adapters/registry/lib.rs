//! Router adapters: every file in this crate's folder reads one router's configuration into the one facts schema.
//!
//! An adapter's `parse` is pure: texts in, [`Facts`](poolcheck_plan::Facts) out, every fact with the place where it was said. Facts that have no
//! file of their own (a router's page) point into a *card*, a small rendered text. What an adapter does not see stays
//! unknown. Talking to a live router is behind the feature `live`.
//!
//! ```
//! use poolcheck_plan::Sources;
//! use poolcheck_router_adapters::{Input, Page, find};
//!
//! let text = "[[segment]]\nsubnet = \"192.168.1.0/24\"\ndhcp = \"192.168.1.2-192.168.1.253\"\n";
//! let page = Page { name: "lan.toml", text };
//! let mut sources = Sources::new();
//! let manual = find("manual").expect("it is built in");
//! let facts = manual.parse(&Input { pages: &[page], read_at: None }, &mut sources)?;
//! let range = &facts.segments[0].dhcp[0].ranges[0];
//! assert_eq!(range.value.to_string(), "192.168.1.2-192.168.1.253");
//! assert_eq!(sources.slice(range.place), "192.168.1.2-192.168.1.253");
//! # Ok::<(), poolcheck_router_adapters::AdapterError>(())
//! ```

use poolcheck_plan::Sources;

mod adapter;
mod dnsmasq_conf;
pub mod engine;
mod firewall;
mod json;
pub mod leases;
pub mod observed;
mod said;
mod secret;
pub mod spanned_toml;
mod statements;
mod write;
mod xml;

#[cfg(feature = "live")]
pub mod live;

pub use adapter::{Adapter, AdapterError, Complaint, Input, Page, Registered};
pub use manual::Locked;
pub use secret::{Secret, SecretError};
pub use write::{to_lock, to_toml};

include!(concat!(env!("OUT_DIR"), "/registry.rs"));

/// All adapters, ordered by name.
pub fn all() -> &'static [Registered] {
    REGISTRY
}

/// The adapter with this id.
pub fn find(id: &str) -> Option<&'static Adapter> {
    REGISTRY.iter().map(|registered| registered.adapter).find(|adapter| adapter.id == id)
}

/// What a lock says, router by router; adds it to `sources`.
///
/// # Errors
/// Everything that is wrong with it, each with its place.
pub fn read_lock(page: &Page<'_>, sources: &mut Sources) -> Result<Vec<Locked>, AdapterError> {
    manual::read(page, sources).map(|(_, routers)| routers)
}

/// Where a person changes the DHCP range on the router of an adapter.
pub(crate) fn how_to_shrink(id: &str) -> Option<String> {
    let of_file = || engine::find(id).and_then(|declared| declared.description().how_to_shrink.clone());
    find(id).and_then(|adapter| adapter.how_to_shrink).map(str::to_owned).or_else(of_file)
}

/// The adapter that recognises a file by its content.
pub fn recognise(page: &Page<'_>) -> Option<&'static Adapter> {
    REGISTRY.iter().map(|registered| registered.adapter).find(|adapter| adapter.recognises(page))
}
