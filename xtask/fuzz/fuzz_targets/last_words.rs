//! The file of the last words: its format and its codec.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: fuzz::Input<'_>| fuzz::check(input));
