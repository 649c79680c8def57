//! No texts make an adapter of files panic, and every fact points into a text that is there.
//!
//! The adapter that recognises the first text reads them; what none recognises, all read. A zero byte begins another file, and
//! files are named `0`, `1`, … so that one may include another.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolcheck_plan::Sources;
use poolcheck_router_adapters::{Adapter, Input, Page, all, to_toml};

const NAMES: [&str; 4] = ["0", "1", "2", "3"];

fuzz_target!(|text: &str| {
    let pages: Vec<Page<'_>> = text.splitn(4, '\0').zip(NAMES).map(|(text, name)| Page { name, text }).collect();
    let adapters = || all().iter().map(|registered| registered.adapter);
    let recognised: Vec<&Adapter> = adapters().filter(|adapter| adapter.recognises(&pages[0])).collect();
    let readers = if recognised.is_empty() { adapters().collect() } else { recognised };
    for adapter in readers {
        let mut sources = Sources::new();
        match adapter.parse(&Input { pages: &pages, read_at: None }, &mut sources) {
            Ok(facts) => {
                for claim in facts.claims() {
                    assert!(claim.place.is_none_or(|place| !sources.slice(place).is_empty()), "{claim:?}");
                }
                let _ = to_toml(&facts);
            }
            Err(error) => {
                for (span, _) in error.complaints.iter().flat_map(|complaint| &complaint.labels) {
                    assert!(span.range().end <= sources.get(span.source).text.len());
                }
            }
        }
    }
});
