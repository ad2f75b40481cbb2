//! `firstlight::fuzzing`: the target `collector`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| firstlight::fuzzing::check("collector", bytes));
