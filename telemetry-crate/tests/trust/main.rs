//! What strangers and secrets do to a service, judged from outside: by all that it writes, serves and sends.
//!
//! The test starts itself as a child that plays a part; see `support::part`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests, and one handler is to panic"
)]

mod leaky;
mod secrets;
mod service;
mod strangers;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use support::part;

fn main() -> ExitCode {
    part::run(
        &[
            (
                "no_secret_gets_out_wherever_it_was_planted",
                secrets::planted,
            ),
            (
                "a_collector_that_fails_gets_no_secret_out_either",
                secrets::failing_exports,
            ),
            (
                "a_strangers_sampled_flag_decides_only_where_its_trace_is_continued",
                strangers::sampled_flags,
            ),
            (
                "hostile_context_headers_break_nothing_and_are_sent_on_within_bounds",
                strangers::hostile_headers,
            ),
        ],
        &[("service", leaky::play)],
    )
}
