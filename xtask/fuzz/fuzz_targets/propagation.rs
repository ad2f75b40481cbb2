//! `firstlight::fuzzing`: the target `propagation`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| firstlight::fuzzing::check("propagation", bytes));
