//! Test of the variable that turns exemplars off.

use std::process::ExitCode;

use firstlight::{TelemetryConfig, metrics::Format};

use crate::support::scenario::Scenario;

pub(crate) fn exemplars_off() {
    for (filter, expected) in [("trace_based", true), ("always_off", false)] {
        let mut scenario =
            Scenario::start("exemplars", &[("OTEL_METRICS_EXEMPLAR_FILTER", filter)]);
        let output = scenario.rest().join("\n");
        assert_eq!(scenario.end(), (Some(0), String::new()));
        let exposition = output.split_once("EXPOSITION").unwrap().1;
        assert!(exposition.contains("work_seconds_count 1"), "{exposition}");
        assert_eq!(
            exposition.contains("trace_id="),
            expected,
            "{filter}: {exposition}"
        );
    }
}

#[expect(clippy::print_stdout, reason = "read by the parent")]
pub(crate) fn run_exemplars() -> ExitCode {
    let telemetry = TelemetryConfig::new()
        .without_admin()
        // Spans are recorded only with an endpoint. Nothing listens on port 9.
        .otlp_endpoint("http://127.0.0.1:9")
        .init()
        .unwrap();
    tracing::info_span!("work").in_scope(|| metrics::histogram!("work_seconds").record(0.1));
    println!(
        "EXPOSITION {}",
        telemetry.metrics().render(Format::OpenMetrics)
    );
    ExitCode::SUCCESS
}
