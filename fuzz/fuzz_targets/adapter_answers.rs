//! No answer makes an adapter file's extractors panic; every fact points into the card; the scrubber takes any text.
//!
//! The first byte chooses the adapter; the rest is the answer to each of its steps.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolcheck_plan::Sources;
use poolcheck_router_adapters::engine::scrub::scrub;
use poolcheck_router_adapters::engine::{Replies, builtin};

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let adapters = builtin();
    let adapter = &adapters[usize::from(*first) % adapters.len()];
    let steps: Vec<(&str, &str)> = adapter.description().step.iter().map(|step| (step.id.as_str(), text)).collect();
    let mut sources = Sources::new();
    if let Ok(facts) = adapter.facts(&Replies { texts: &steps, read_at: None }, &mut sources) {
        for claim in facts.claims() {
            assert!(claim.place.is_none_or(|place| !sources.slice(place).is_empty()));
        }
    }
    let scrubbed = scrub(text, &adapter.description().redact);
    assert!(scrubbed.removed.values().all(|count| *count > 0));
});
