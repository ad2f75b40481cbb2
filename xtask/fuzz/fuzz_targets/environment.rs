//! `firstlight::fuzzing`: the target `environment`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| firstlight::fuzzing::check("environment", bytes));
