//! The flight recorder: what the process does now, and what it did last.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "telemetry does not start it yet")
)]
pub(crate) mod last_words;
