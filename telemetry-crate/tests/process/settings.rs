//! Tests of warnings about invalid variables.
//!
//! The log filter does not remove them.

use crate::support::scenario::Scenario;

pub(crate) fn invalid_values() {
    // With quotes, as `docker --env-file` passes them.
    let variables = [
        ("RUST_LOG", "\"info\""),
        ("FIRSTLIGHT_LOG_FROMAT", "json"),
        ("FIRSTLIGHT_LOG_FORMAT", "JSON"),
    ];
    let mut scenario = Scenario::start("panics", &variables);
    scenario.message("telemetry is up");
    scenario.message("RUST_LOG: found \"\\\"info\\\"\", expected");
    let unknown = scenario.message("FIRSTLIGHT_LOG_FROMAT is set");
    let message = unknown["message"].as_str().unwrap();
    assert!(
        message.ends_with("the nearest is FIRSTLIGHT_LOG_FORMAT"),
        "{message}"
    );
    scenario.message("inside a span that is named");

    let mut scenario = Scenario::start("panics", &[("RUST_LOG", "orders=debug")]);
    let caution = scenario.message("log filter orders=debug: only the targets");
    assert_eq!(caution["level"], "WARN");
    scenario.message("panicked: on\npurpose");

    let mut scenario = Scenario::start(
        "waits",
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:99999")],
    );
    assert_eq!(scenario.rest(), [""; 0]);
    let (code, stderr) = scenario.end();
    assert_ne!(code, Some(0));
    assert!(stderr.contains("a port from 1 to 65535"), "{stderr}");
}
