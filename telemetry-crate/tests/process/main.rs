//! What only the outside can judge: exit codes, signals, and what a whole process writes.
//!
//! The test starts itself as a child that plays a part; see `support::part`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests, and one part is to panic"
)]

mod admin;
#[cfg(feature = "sqlx")]
mod database;
#[cfg(feature = "axum")]
mod layers;
mod losses;
mod metrics;
mod output;
#[cfg(feature = "axum")]
mod propagation;
mod records;
mod server;
mod settings;
mod start;
#[path = "../support/mod.rs"]
mod support;
mod wiring;

use std::{process::ExitCode, thread};

use support::part::{self, Part};

fn main() -> ExitCode {
    part::run(
        &[
            ("logs::panics_and_failures_are_one_line", panics_and_records),
            ("config::environment_wins_over_package", environment),
            ("shutdown::second_signal_exits_at_once", signals),
            ("output::closed_output_is_survived", output::closed_output),
            (
                "output::stopped_readers_cost_only_lines",
                output::slow_reader,
            ),
            ("output::full_disks_cost_only_lines", output::full_disk),
            #[cfg(feature = "testing")]
            ("shutdown::exit_sends_what_waits", exits),
            #[cfg(feature = "testing")]
            ("losses::a_full_queue_is_said", losses::full_queue),
            #[cfg(feature = "testing")]
            ("losses::open_spans_are_counted", losses::open_spans),
            ("admin::log_filter_changes_and_reverts", admin::log_filter),
            ("admin::changes_need_loopback_or_token", admin::access),
            ("admin::checks_say_what_to_do", admin::checks),
            ("admin::unready_before_the_listener_ends", admin::drains),
            ("start::a_port_in_use_is_a_warning", start::port_in_use),
            ("start::latches_hold_from_the_start", start::latches),
            ("settings::nonsense_is_said", settings::nonsense),
            (
                "metrics::exemplars_can_be_turned_off",
                metrics::exemplars_off,
            ),
            ("last_words::errors_are_out_at_any_end", losses::last_words),
            ("wiring::dropped_guard_is_said", wiring::dropped_guards),
            ("wiring::two_versions_are_said", wiring::two_versions),
            #[cfg(all(feature = "axum", target_os = "linux"))]
            (
                "wiring::unhandled_sigterm_is_said",
                wiring::unhandled_sigterm,
            ),
            #[cfg(feature = "sqlx")]
            (
                "database::files_are_writable_again",
                database::writable_again,
            ),
            #[cfg(feature = "axum")]
            ("layers::wrong_places_are_said", layers::misplaced),
            #[cfg(feature = "axum")]
            ("layers::known_methods_can_be_set", layers::known_methods),
            #[cfg(feature = "axum")]
            ("layers::early_requests_spoil_none", layers::early_requests),
            #[cfg(feature = "testing")]
            (
                "records::flags_are_those_of_the_span",
                records::flags_of_records,
            ),
            (
                "propagation::each_format_follows_the_policy",
                propagation::formats,
            ),
            #[cfg(feature = "testing")]
            ("check::async_callers_are_not_blocked", checks),
            #[cfg(all(feature = "axum", feature = "testing"))]
            (
                "serve::stalled_clients_hold_up_no_exit",
                server::stalled_clients,
            ),
            #[cfg(feature = "axum")]
            (
                "serve::second_signal_ends_the_drain",
                server::second_signals,
            ),
            #[cfg(feature = "axum")]
            ("serve::variables_of_operators_win", server::variables),
            #[cfg(feature = "axum")]
            (
                "serve::exhausted_files_are_survived",
                server::exhausted_files,
            ),
        ],
        &[
            ("panics", play_panics),
            ("waits", play_waits),
            ("writes", output::play_writes),
            ("floods", output::play_floods),
            ("exits", play_exits),
            ("starts", start::play_starts),
            ("checks", play_checks),
            ("service", admin::play_service),
            ("check", admin::play_check),
            ("drains", admin::play_drains),
            ("exemplars", metrics::play_exemplars),
            #[cfg(feature = "axum")]
            ("serves", server::play),
            ("requests", records::play_requests),
            ("formats", propagation::play_formats),
            ("dies", losses::play_dies),
            ("bursts", losses::play_bursts),
            ("leaves_open", losses::play_leaves_open),
            ("lets_go", wiring::play_lets_go),
            ("holds_two_versions", wiring::play_holds_two_versions),
            #[cfg(feature = "axum")]
            ("serves_until_killed", wiring::play_serves_until_killed),
            #[cfg(feature = "axum")]
            ("layers", layers::play),
            #[cfg(feature = "sqlx")]
            ("reads_only", database::play),
        ],
    )
}

fn play_panics() -> ExitCode {
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
    let mut part = Part::start(
        "panics",
        &[("FIRSTLIGHT_REDACT", "PIN"), ("RUST_BACKTRACE", "1")],
    );
    part.message("telemetry is up");
    let inside = part.message("inside a span that is named");
    assert_eq!(inside["trace_id"].as_str().unwrap().len(), 32, "{inside}");
    let signed_in = part.message("signed in");
    for name in ["user.password", "pin", "key"] {
        assert_eq!(signed_in[name], "***", "{signed_in}");
    }
    let record = part.message("a record of the log crate");
    assert_eq!(record["target"], "a_library");
    let keys: Vec<&String> = record.as_object().unwrap().keys().collect();
    assert!(keys.iter().all(|key| !key.starts_with("log.")), "{keys:?}");

    let panic = part.message("panicked: on\npurpose");
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

    let failure = part.message("the program failed: ");
    assert_eq!(
        failure["message"],
        "the program failed: cannot save: disk full"
    );
    part.message("telemetry is down");
    assert_eq!(part.end(), (Some(1), String::new()));

    // Whatever the filter is, as on standard error without telemetry.
    let mut part = Part::start("panics", &[("RUST_LOG", "off")]);
    part.message("panicked: on\npurpose");
    part.message("the program failed: cannot save: disk full");
    assert_eq!(part.rest(), [""; 0]);

    // The default, and not nothing at all.
    let mut part = Part::start("panics", &[("RUST_LOG", "warning")]);
    part.message("telemetry is up");
    part.message("RUST_LOG: found \"warning\", expected");
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
    let mut part = Part::start("panics", &variables);
    let start = part.message("telemetry is up");
    assert_eq!(start["service.name"], "operator");
    assert_eq!(start["logs"], "json to stdout, filter warn,firstlight=info");
    assert_eq!(
        start["traces"],
        "otlp http/protobuf to http://127.0.0.1:1/v1/traces, sampler always_off"
    );
    assert!(
        !start["metrics"].as_str().unwrap().ends_with(":0/metrics"),
        "{start}"
    );
    let warning = part.message("OTEL_PROPAGATORS: found \"xray\"");
    assert_eq!(warning["level"], "WARN");
    let rest = part.rest().concat();
    assert!(!rest.contains("hunter2"), "{rest}");
}

#[tokio::main(flavor = "current_thread")]
async fn play_waits() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    let ready = async {
        // Once the signals are listened for.
        tokio::task::yield_now().await;
        tracing::info!("ready");
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = firstlight::shutdown_signal() => {}
        () = ready => {}
    }
    if std::env::var_os("STUCK").is_some() {
        tracing::info!("stuck");
        // On the only thread of the runtime.
        loop {
            thread::park();
        }
    }
    telemetry.finish(Ok::<(), std::io::Error>(()))
}

fn signals() {
    for name in ["-TERM", "-INT"] {
        let mut part = Part::start("waits", &[]);
        part.message("telemetry is up");
        part.message("ready");
        part.signal(name);
        part.message("shutting down");
        part.message("telemetry is down");
        assert_eq!(part.end().0, Some(0));
    }
    let mut part = Part::start("waits", &[("STUCK", "1")]);
    part.message("telemetry is up");
    part.message("ready");
    part.signal("-TERM");
    part.message("shutting down");
    part.message("stuck");
    part.signal("-TERM");
    let last = part.message("a second signal: exiting at once with 143");
    assert_eq!(
        (&last["level"], &last["signal"]),
        (&"ERROR".into(), &"SIGTERM".into())
    );
    assert_eq!(part.end().0, Some(128 + 15));
}

/// Ends in the middle of something, with the helper or without.
fn play_exits() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    tracing::info_span!("waits for its batch").in_scope(|| tracing::info!("the last words"));
    if std::env::var_os("BARE").is_some() {
        std::process::exit(3);
    }
    telemetry.exit(3)
}

#[cfg(feature = "testing")]
fn exits() {
    let receiver = firstlight::testing::OtlpReceiver::start().unwrap();
    let endpoint = receiver.endpoint();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        // Only the end sends anything.
        ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
    ];
    let mut part = Part::start("exits", &[variables[0], variables[1], ("BARE", "1")]);
    part.rest();
    assert_eq!(part.end().0, Some(3));
    assert_eq!(receiver.spans().len(), 0, "that is what the helper is for");

    let mut part = Part::start("exits", &variables);
    part.message("telemetry is up");
    part.message("the last words");
    assert_eq!(part.message("telemetry is down")["spans.exported"], 1);
    assert_eq!(part.end(), (Some(3), String::new()));
    let spans = receiver.spans();
    assert_eq!((spans.len(), &*spans[0].name), (1, "waits for its batch"));
}

fn play_checks() -> ExitCode {
    // As in an async main, whose only thread it blocks.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async { firstlight::check!().exit_code() })
}

#[cfg(feature = "testing")]
fn checks() {
    let receiver = firstlight::testing::OtlpReceiver::start().unwrap();
    receiver.set_answer(firstlight::testing::Answer::Hang);
    let endpoint = receiver.endpoint();
    let mut part = Part::start(
        "checks",
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
            // Longer than a runtime may stand still without a word.
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "5000"),
            ("OTEL_BSP_EXPORT_TIMEOUT", "5000"),
        ],
    );
    let lines = part.rest();
    assert_eq!(part.end().0, Some(1), "{lines:#?}");
    let incident = |line: &String| line.contains("the application's runtime");
    assert!(!lines.iter().any(incident), "{lines:#?}");
}
