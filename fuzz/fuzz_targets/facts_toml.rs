//! No text makes the facts file panic, and every fact points into a text that is there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolcheck_plan::Sources;
use poolcheck_router_adapters::{Input, Page, find};

fuzz_target!(|text: &str| {
    let mut sources = Sources::new();
    let page = Page { name: "lan.toml", text };
    let adapter = find("manual").expect("it is built in");
    if let Ok(facts) = adapter.parse(&Input { pages: &[page], read_at: None }, &mut sources) {
        for claim in facts.claims() {
            assert!(claim.place.is_none_or(|place| !sources.slice(place).is_empty()));
        }
    }
});
