//! `firstlight::fuzzing`: the target `sql`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| firstlight::fuzzing::check("sql", bytes));
