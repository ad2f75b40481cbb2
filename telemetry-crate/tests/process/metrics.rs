//! Exemplars, which an operator can turn off.

use std::process::ExitCode;

use firstlight::{TelemetryConfig, metrics::Format};

use crate::support::part::Part;

pub(crate) fn exemplars_off() {
    for (filter, expected) in [("trace_based", true), ("always_off", false)] {
        let mut part = Part::start("exemplars", &[("OTEL_METRICS_EXEMPLAR_FILTER", filter)]);
        let output = part.rest().join("\n");
        assert_eq!(part.end(), (Some(0), String::new()));
        let page = output.split_once("THE PAGE").unwrap().1;
        assert!(page.contains("work_seconds_count 1"), "{page}");
        assert_eq!(page.contains("trace_id="), expected, "{filter}: {page}");
    }
}

#[expect(clippy::print_stdout, reason = "for the test that started this")]
pub(crate) fn play_exemplars() -> ExitCode {
    let telemetry = TelemetryConfig::new()
        .without_admin()
        // Nothing listens there, and nothing waits for it.
        .otlp_endpoint("http://127.0.0.1:9")
        .init()
        .unwrap();
    tracing::info_span!("work").in_scope(|| metrics::histogram!("work_seconds").record(0.1));
    println!(
        "THE PAGE {}",
        telemetry.metrics().render(Format::OpenMetrics)
    );
    ExitCode::SUCCESS
}
