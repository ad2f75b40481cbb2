//! `firstlight::fuzzing`: the target `secrets`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| firstlight::fuzzing::check("secrets", bytes));
