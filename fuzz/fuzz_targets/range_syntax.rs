//! No text makes the range syntax panic, and what it suggests is always something MetalLB reads.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolcheck_plan::syntax::{parse_metallb, parse_range};

fuzz_target!(|text: &str| {
    if let Err(error) = parse_metallb(text) {
        assert!(error.part().is_none_or(|part| text.get(part).is_some()));
        assert!(error.suggestion().is_none_or(|suggestion| parse_metallb(&suggestion).is_ok()));
    }
    let _ = parse_range(text);
});
