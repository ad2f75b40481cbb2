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
            ("secrets::planted_ones_stay_inside", secrets::planted),
            (
                "secrets::failed_exports_show_none",
                secrets::failing_exports,
            ),
            (
                "context::flags_count_only_when_continued",
                strangers::sampled_flags,
            ),
            (
                "context::hostile_headers_stay_bounded",
                strangers::hostile_headers,
            ),
        ],
        &[("service", leaky::play)],
    )
}
