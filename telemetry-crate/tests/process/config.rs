//! Tests of environment variables with invalid or misleading values.
//!
//! The warning about such a value is logged with any log filter. Without a usable endpoint, the start fails.

use crate::support::scenario::Scenario;

pub(crate) fn invalid_values() {
    let variables = [
        // The value has quotes, as `docker --env-file` passes them.
        ("RUST_LOG", "\"info\""),
        // The name has a typo.
        ("FIRSTLIGHT_LOG_FROMAT", "json"),
        // This value is valid, because its case does not matter.
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
    // The next line is the first event of the scenario, so there are no more warnings.
    scenario.message("inside a span that is named");

    // This filter is valid, but it has no level for all other targets.
    let mut scenario = Scenario::start("panics", &[("RUST_LOG", "orders=debug")]);
    let warning = scenario.message("log filter orders=debug: only the targets");
    assert_eq!(warning["level"], "WARN");
    scenario.message("panicked: on\npurpose");

    // The largest port is 65535.
    let mut scenario = Scenario::start(
        "waits",
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:99999")],
    );
    assert_eq!(scenario.rest(), [""; 0]);
    let (code, stderr) = scenario.end();
    assert_ne!(code, Some(0));
    assert!(stderr.contains("a port from 1 to 65535"), "{stderr}");
}
