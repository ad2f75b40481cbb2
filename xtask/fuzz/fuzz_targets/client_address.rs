//! `firstlight::fuzzing`: the target `client_address`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| firstlight::fuzzing::check("client_address", bytes));
