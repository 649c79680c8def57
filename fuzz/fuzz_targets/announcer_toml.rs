//! No text makes the reader of announcer.toml panic, nor that of a scenario for the simulator.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // No text is both: what a scenario must have, the configuration must not.
    assert_ne!(poolcheck::reads_as(text), [true, true]);
});
