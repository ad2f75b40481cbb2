//! Cases that install the globals of a process, each in a process of its own; see `harness`.
//!
//! A file per module of the library. `cargo test -p firstlight --all-features --test isolated -- http::` runs those of one.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests, and some parts are to panic"
)]

mod admin;
mod context;
mod cron;
mod grpc;
mod harness;
mod http;
mod init;
mod jobs;
mod runtime;
mod shutdown;
mod sqlx;
mod status;
#[path = "../support/mod.rs"]
mod support;
mod testing;
mod traces;

use std::process::ExitCode;

use harness::cases;

fn main() -> ExitCode {
    harness::run(cases![
        admin::scrapes_and_probes_are_answered,
        admin::foreign_subscribers_are_served,
        admin::slow_clients_lock_out_no_scrape,
        context::tasks_and_queues_keep_the_trace,
        cron::runs_are_traces_of_their_own,
        cron::runs_end_with_one_line,
        grpc::streams_are_one_trace_to_their_end,
        http::signals_agree_on_a_request,
        http::filtered_requests_touch_no_span,
        http::remote_parents_follow_the_policy,
        http::calls::continue_in_the_callee,
        http::redirects::to_foreign_hosts_are_warned_of,
        init::failed_builds_leave_nothing_behind,
        init::second_init_changes_nothing,
        jobs::runs_continue_the_request,
        jobs::gauges_are_nan_without_the_store,
        jobs::apalis::tasks_continue_the_request,
        runtime::blocking_is_reported,
        shutdown::dropped_guards_flush_without_runtime,
        shutdown::honors_deadline_and_names_losses,
        sqlx::queries_are_counted_by_themselves,
        sqlx::foreign_subscribers_are_refused,
        status::checks_try_every_pipeline,
        status::replaced_globals_are_named,
        testing::uncaptured_tests_hide_nothing,
        testing::captures_and_telemetry_coexist,
        testing::parallel_captures_are_separate,
        traces::spans_have_bounds_types_and_status,
        traces::log_and_trace_filters_are_separate,
    ])
}
