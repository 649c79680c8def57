//! No text makes the reader of adapter files panic; every complaint points into the text; a file that loads runs its tests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolcheck_plan::Sources;
use poolcheck_router_adapters::engine::Declared;

fuzz_target!(|text: &str| {
    let mut sources = Sources::new();
    match Declared::load("x.toml", text, &mut sources) {
        Ok(adapter) => drop(adapter.run_tests(&|_| Err("no file".to_owned()))),
        Err(error) => {
            for (span, _) in error.complaints.iter().flat_map(|complaint| &complaint.labels) {
                let _ = sources.slice(*span);
            }
        }
    }
});
