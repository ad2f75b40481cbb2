//! Tests of exit codes, signals, and the output of a whole process.
//!
//! The test starts itself as a child that runs a scenario; see `support::scenario`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests; one scenario panics on purpose"
)]

mod admin;
mod config;
#[cfg(feature = "axum")]
mod http;
mod init;
mod logs;
mod losses;
mod metrics;
mod recorder;
mod records;
mod runtime;
#[cfg(feature = "axum")]
mod serve;
mod shutdown;
#[cfg(feature = "sqlx")]
mod sqlx;
#[path = "../support/mod.rs"]
mod support;
mod traces;
mod wiring;

use std::{process::ExitCode, thread};

use support::scenario::{self, Scenario};

fn main() -> ExitCode {
    scenario::run_with(
        admin::explain::trials,
        &[
            ("logs::panics_and_failures_are_one_line", panics_and_records),
            ("config::environment_wins_over_package", environment),
            ("shutdown::second_signal_exits_at_once", shutdown::signals),
            #[cfg(feature = "testing")]
            ("shutdown::signals_cancel_the_start", shutdown::canceled),
            (
                "shutdown::blocked_starts_end_at_once",
                shutdown::blocked_starts,
            ),
            (
                "shutdown::signals_around_the_start_count",
                shutdown::signals_around_the_start,
            ),
            ("shutdown::started_services_drain", shutdown::started),
            ("logs::lines_go_to_standard_error", logs::standard_error),
            ("logs::closed_output_is_survived", logs::closed_output),
            ("logs::stopped_readers_lose_only_lines", logs::slow_reader),
            ("logs::full_disks_lose_only_lines", logs::full_disk),
            #[cfg(feature = "testing")]
            ("shutdown::exit_flushes", shutdown::exits),
            #[cfg(feature = "testing")]
            ("losses::full_queues_are_logged", losses::full_queue),
            (
                "losses::failing_exports_are_logged_early",
                losses::failing_exports,
            ),
            ("losses::records_of_all_flushes_count", losses::lost_records),
            #[cfg(feature = "testing")]
            ("losses::open_spans_are_counted", losses::open_spans),
            ("admin::log_filter_changes_and_reverts", admin::log_filter),
            (
                "admin::access::changes_need_loopback_or_token",
                admin::access::changes,
            ),
            (
                "admin::access::user_data_needs_the_token",
                admin::access::reads,
            ),
            (
                "admin::access::foreign_pages_get_nothing",
                admin::access::pages,
            ),
            ("admin::checks_give_advice", admin::checks),
            #[cfg(feature = "axum")]
            (
                "admin::failures_are_grouped",
                admin::errors::failing_requests,
            ),
            #[cfg(feature = "axum")]
            (
                "admin::no_recorder_is_explained",
                admin::errors::recorder_off,
            ),
            ("admin::unready_during_the_drain_delay", admin::drains),
            (
                "admin::log_lines::filters_fit_every_format",
                admin::log_lines::filters,
            ),
            (
                "admin::log_lines::cursors_get_what_is_new",
                admin::log_lines::cursors,
            ),
            (
                "admin::log_lines::followers_get_new_lines",
                admin::log_lines::followers,
            ),
            (
                "admin::log_lines::blocked_output_is_followed",
                admin::log_lines::blocked_output,
            ),
            (
                "admin::log_lines::stopped_readers_are_cut_off",
                admin::log_lines::stopped_readers,
            ),
            #[cfg(feature = "console")]
            (
                "admin::console::only_the_shell_is_open",
                admin::console::shell,
            ),
            #[cfg(feature = "console")]
            (
                "admin::console::history_goes_on_in_a_stall",
                admin::console::history,
            ),
            #[cfg(all(feature = "axum", feature = "console"))]
            (
                "admin::console::failures_have_their_detail",
                admin::console::traces,
            ),
            ("init::ports_in_use_are_a_warning", init::port_in_use),
            ("init::latches_hold_from_the_start", init::latches),
            ("config::invalid_values_are_logged", config::invalid_values),
            (
                "metrics::exemplars_can_be_turned_off",
                metrics::exemplars_off,
            ),
            (
                "losses::errors_are_written_at_any_exit",
                losses::last_events,
            ),
            ("wiring::dropped_guards_are_logged", wiring::dropped_guards),
            ("wiring::two_versions_are_logged", wiring::two_versions),
            #[cfg(all(feature = "axum", target_os = "linux"))]
            (
                "wiring::unhandled_sigterm_is_logged",
                wiring::unhandled_sigterm,
            ),
            ("runtime::blocking_spans_are_named", runtime::blocked),
            #[cfg(feature = "sqlx")]
            (
                "sqlx::read_only_connections_are_closed",
                sqlx::read_only_connections,
            ),
            #[cfg(feature = "axum")]
            ("http::misplaced_layers_are_logged", http::misplaced),
            #[cfg(feature = "axum")]
            ("http::known_methods_can_be_set", http::known_methods),
            #[cfg(feature = "axum")]
            ("http::early_requests_are_harmless", http::early_requests),
            #[cfg(feature = "testing")]
            (
                "records::have_the_flags_of_the_span",
                records::flags_of_records,
            ),
            ("recorder::unsampled_work_is_kept", recorder::unsampled_work),
            (
                "recorder::held_events_are_logged_at_failure",
                recorder::logs_after_failures,
            ),
            (
                "recorder::storms_are_no_log_storms",
                recorder::storms_of_failures,
            ),
            ("recorder::off_is_explained", recorder::turned_off),
            ("recorder::memory_is_flat_under_load", recorder::soak::soak),
            ("recorder::last_words_tell_the_end", recorder::last_words),
            ("recorder::last_words_tell_of_a_stall", recorder::stalled),
            (
                "recorder::outliving_work_is_marked",
                recorder::outliving_work,
            ),
            (
                "recorder::checks_leave_the_last_words",
                recorder::checks_of_telemetry,
            ),
            ("traces::each_format_follows_the_policy", traces::formats),
            #[cfg(all(feature = "axum", feature = "reqwest", feature = "testing"))]
            ("traces::failing_paths_are_whole", traces::failures::path),
            #[cfg(all(feature = "axum", feature = "reqwest", feature = "testing"))]
            ("traces::failures_are_off_by_default", traces::failures::off),
            #[cfg(all(feature = "axum", feature = "reqwest", feature = "testing"))]
            ("traces::services_agree_in_a_storm", traces::failures::storm),
            #[cfg(feature = "testing")]
            (
                "check::blocked_callers_are_not_reported",
                admin::blocked_checks,
            ),
            #[cfg(all(feature = "axum", feature = "testing"))]
            (
                "serve::stalled_clients_do_not_block_exit",
                serve::stalled_clients,
            ),
            #[cfg(feature = "axum")]
            ("serve::second_signal_ends_the_drain", serve::second_signals),
            #[cfg(feature = "axum")]
            (
                "serve::signals_at_one_time_are_one",
                serve::signals_at_one_time,
            ),
            #[cfg(feature = "axum")]
            ("serve::variables_override_the_program", serve::variables),
            #[cfg(feature = "axum")]
            (
                "serve::exhausted_files_are_survived",
                serve::exhausted_files,
            ),
        ],
        &[
            ("panics", run_panics),
            ("waits", shutdown::run_waits),
            ("starts_slowly", shutdown::run_starts_slowly),
            ("writes", logs::run_writes),
            ("floods", logs::run_floods),
            ("overflows", losses::run_overflows),
            ("loses_records", losses::run_loses_records),
            ("exits", shutdown::run_exits),
            ("starts", init::run_starts),
            ("checks", admin::run_blocked_checks),
            ("service", admin::run_service),
            ("check", admin::run_check),
            ("lines", admin::log_lines::run_lines),
            ("drains", admin::run_drains),
            ("exemplars", metrics::run_exemplars),
            #[cfg(feature = "axum")]
            ("serves", serve::run_scenario),
            #[cfg(feature = "axum")]
            ("fails", admin::errors::run_failing),
            #[cfg(all(feature = "axum", feature = "reqwest", feature = "testing"))]
            ("links", traces::failures::run_links),
            ("requests", records::run_requests),
            ("formats", traces::run_formats),
            ("works", recorder::run_works),
            ("outlives", recorder::run_outlives),
            ("soaks", recorder::soak::run_soaks),
            ("blocked", runtime::run_blocked),
            ("half blocked", runtime::run_half_blocked),
            ("causes", admin::explain::causes::run_causes),
            ("dies", losses::run_dies),
            ("bursts", losses::run_bursts),
            ("leaves_open", losses::run_leaves_open),
            ("lets_go", wiring::run_lets_go),
            ("holds_two_versions", wiring::run_holds_two_versions),
            #[cfg(feature = "axum")]
            ("serves_until_killed", wiring::run_serves_until_killed),
            #[cfg(feature = "axum")]
            ("layers", http::run_scenario),
            #[cfg(feature = "sqlx")]
            ("reads_only", sqlx::run_scenario),
        ],
    )
}

/// Logs events, a record of the log crate and a panic, and fails.
fn run_panics() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    let span = tracing::info_span!("a_span");
    tracing::info!(parent: &span, "inside a span that is named");
    let key = firstlight::Secret::new("hunter2");
    tracing::info!(user.password = "hunter2", pin = "hunter2", key = ?key, "signed in");
    log::info!(target: "a_library", "a record of the log crate");
    let _ = thread::Builder::new()
        .name("worker".into())
        .spawn(|| panic!("on\npurpose"))
        .unwrap()
        .join();
    let cause = std::io::Error::other("disk full");
    telemetry.finish(Err(std::io::Error::other(Outer(cause))))
}

/// An error with a source.
#[derive(Debug)]
struct Outer(std::io::Error);

impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cannot save")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

fn panics_and_records() {
    let mut scenario = Scenario::start(
        "panics",
        &[("FIRSTLIGHT_REDACT", "PIN"), ("RUST_BACKTRACE", "1")],
    );
    scenario.message("telemetry is up");
    let inside = scenario.message("inside a span that is named");
    assert_eq!(inside["trace_id"].as_str().unwrap().len(), 32, "{inside}");
    let signed_in = scenario.message("signed in");
    for name in ["user.password", "pin", "key"] {
        assert_eq!(signed_in[name], "***", "{signed_in}");
    }
    let record = scenario.message("a record of the log crate");
    assert_eq!(record["target"], "a_library");
    let keys: Vec<&String> = record.as_object().unwrap().keys().collect();
    assert!(keys.iter().all(|key| !key.starts_with("log.")), "{keys:?}");

    let panic = scenario.message("panicked: on\npurpose");
    assert_eq!(
        (&panic["level"], &panic["target"]),
        (&"ERROR".into(), &"panic".into())
    );
    assert_eq!(panic["thread.name"], "worker");
    assert!(
        panic["panic.location"]
            .as_str()
            .unwrap()
            .contains("process/main.rs:"),
        "{panic}"
    );
    assert!(
        panic["exception.stacktrace"]
            .as_str()
            .unwrap()
            .contains('\n'),
        "{panic}"
    );

    let failure = scenario.message("the program failed: ");
    assert_eq!(
        failure["message"],
        "the program failed: cannot save: disk full"
    );
    scenario.message("telemetry is down");
    assert_eq!(scenario.end(), (Some(1), String::new()));

    // Panics and failures pass every filter: without telemetry, they would be on standard error.
    let mut scenario = Scenario::start("panics", &[("RUST_LOG", "off")]);
    scenario.message("panicked: on\npurpose");
    scenario.message("the program failed: cannot save: disk full");
    assert_eq!(scenario.rest(), [""; 0]);

    // An invalid filter is replaced by the default.
    let mut scenario = Scenario::start("panics", &[("RUST_LOG", "warning")]);
    scenario.message("telemetry is up");
    scenario.message("RUST_LOG: found \"warning\", expected");
}

fn environment() {
    let variables = [
        ("OTEL_SERVICE_NAME", "operator"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20hunter2",
        ),
        ("OTEL_PROPAGATORS", "xray"),
        ("RUST_LOG", "warn,firstlight=info"),
    ];
    let mut scenario = Scenario::start("panics", &variables);
    let start = scenario.message("telemetry is up");
    assert_eq!(start["service.name"], "operator");
    assert_eq!(start["logs"], "json to stdout, filter warn,firstlight=info");
    assert_eq!(
        start["traces"],
        "otlp http/protobuf to http://127.0.0.1:1/v1/traces, sampler always_off"
    );
    // The line has the port on which the admin listener listens, and not the configured port 0.
    assert!(
        !start["metrics"].as_str().unwrap().ends_with(":0/metrics"),
        "{start}"
    );
    let recorder = start["recorder"].as_str().unwrap();
    assert!(recorder.ends_with("/explain"), "{start}");
    let warning = scenario.message("OTEL_PROPAGATORS: found \"xray\"");
    assert_eq!(warning["level"], "WARN");
    let rest = scenario.rest().concat();
    assert!(!rest.contains("hunter2"), "{rest}");
}
