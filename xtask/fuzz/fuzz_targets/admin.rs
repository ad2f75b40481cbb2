//! `firstlight::fuzzing`: the target `admin`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| firstlight::fuzzing::check("admin", bytes));
