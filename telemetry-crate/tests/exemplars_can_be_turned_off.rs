//! Alone in its file: the environment is the process's, and so is what it turns off.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

use firstlight::{TelemetryConfig, metrics::Format};

/// Starts itself again, because a process's own environment cannot be changed safely.
#[test]
fn exemplars_can_be_turned_off() {
    if std::env::var_os("PART").is_some() {
        return play();
    }
    for (filter, expected) in [("trace_based", true), ("always_off", false)] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "exemplars_can_be_turned_off", "--nocapture"])
            .env("PART", "yes")
            .env("OTEL_METRICS_EXEMPLAR_FILTER", filter)
            .output()
            .unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let page = output.split_once("THE PAGE").unwrap().1;
        assert!(page.contains("work_seconds_count 1"), "{page}");
        assert_eq!(page.contains("trace_id="), expected, "{filter}: {page}");
    }
}

#[expect(clippy::print_stdout, reason = "for the test that started this")]
fn play() {
    let telemetry = TelemetryConfig::new()
        .without_admin()
        // Nobody is there, and nobody waits for it.
        .otlp_endpoint("http://127.0.0.1:9")
        .init()
        .unwrap();
    tracing::info_span!("work").in_scope(|| metrics::histogram!("work_seconds").record(0.1));
    println!(
        "THE PAGE {}",
        telemetry.metrics().render(Format::OpenMetrics)
    );
}
