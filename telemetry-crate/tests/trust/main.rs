//! Tests of untrusted headers and of secrets.
//!
//! Secrets are searched in the log lines and standard error of a service, in the responses of its
//! admin listener, and in its spans, log records and pushed metrics. The test starts itself as a child that runs the service.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests; one handler panics on purpose"
)]

mod headers;
mod leaky;
mod secrets;
mod service;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use support::scenario;

fn main() -> ExitCode {
    scenario::run(
        &[
            ("secrets::are_in_no_output", secrets::planted),
            ("secrets::are_in_no_failed_export", secrets::failing_exports),
            ("secrets::are_in_nothing_late", secrets::after_failures),
            (
                "context::sampled_flags_need_continue",
                headers::sampled_flags,
            ),
            (
                "context::hostile_headers_are_bounded",
                headers::hostile_headers,
            ),
        ],
        &[("service", leaky::run_scenario)],
    )
}
