//! `firstlight::fuzzing`: the target `metrics`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| firstlight::fuzzing::check("metrics", bytes));
