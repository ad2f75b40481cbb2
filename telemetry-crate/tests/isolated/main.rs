//! Tests that install the globals of a process, each in a process of its own.
//!
//! Each file has the tests of one module of the library. To run the tests of one module:
//! `cargo test -p firstlight --all-features --test isolated -- http::`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests; some code panics on purpose"
)]

mod admin;
mod context;
mod cron;
mod db;
mod grpc;
mod harness;
mod http;
mod init;
mod jobs;
mod metrics;
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
        admin::slow_clients_do_not_block_scrapes,
        admin::requests_need_one_valid_host,
        admin::foreign_pages_cannot_change,
        admin::panics_are_in_their_trace,
        admin::roots_have_names_and_kinds,
        context::tasks_and_queues_keep_the_trace,
        cron::runs_have_their_own_traces,
        cron::runs_end_with_one_line,
        db::described_databases_are_named,
        db::foreign_pools_have_gauges,
        db::open_calls_are_at_traces,
        grpc::streams_are_one_trace_to_their_end,
        http::signals_agree_on_a_request,
        http::filtered_requests_record_no_span,
        http::remote_parents_follow_the_policy,
        http::calls::continue_in_the_callee,
        http::redirects::to_foreign_hosts_cause_a_warning,
        init::failed_builds_leave_nothing_behind,
        init::second_init_changes_nothing,
        jobs::runs_continue_the_request,
        jobs::failures_have_all_causes,
        jobs::gauges_are_nan_without_the_store,
        jobs::apalis::tasks_continue_the_request,
        metrics::declarations_arrive_everywhere => [
            "OTEL_METRICS_EXPORTER" = "prometheus,otlp",
        ],
        metrics::invalid_declarations_stop_the_start,
        runtime::blocking_is_reported,
        shutdown::dropped_guards_flush_without_runtime,
        // No timeout of the exporter ends the export before the harness ends the case.
        shutdown::honors_deadline_and_names_losses => [
            "OTEL_EXPORTER_OTLP_TIMEOUT" = "3600000",
            "OTEL_BSP_EXPORT_TIMEOUT" = "3600000",
        ],
        sqlx::queries_count_without_telemetry,
        sqlx::foreign_subscribers_are_rejected,
        sqlx::unsampled_queries_are_recorded,
        sqlx::replaced_pools_are_named,
        status::checks_cover_every_pipeline => [
            "OTEL_METRICS_EXPORTER" = "prometheus,otlp",
            "OTEL_LOGS_EXPORTER" = "otlp",
        ],
        status::hanging_collectors_fail_every_part => [
            "OTEL_METRICS_EXPORTER" = "prometheus,otlp",
            "OTEL_LOGS_EXPORTER" = "otlp",
        ],
        status::replaced_globals_are_named,
        testing::uncaptured_tests_do_not_interfere,
        testing::captures_and_telemetry_coexist,
        testing::parallel_captures_are_separate,
        traces::spans_have_bounds_types_and_status,
        traces::log_and_trace_filters_are_separate,
    ])
}
