//! Variables that make no sense: each is said, whatever the log filter is.

use crate::support::part::Part;

pub(crate) fn nonsense() {
    // As `docker --env-file` hands them on.
    let variables = [
        ("RUST_LOG", "\"info\""),
        ("FIRSTLIGHT_LOG_FROMAT", "json"),
        ("FIRSTLIGHT_LOG_FORMAT", "JSON"),
    ];
    let mut part = Part::start("panics", &variables);
    part.message("telemetry is up");
    part.message("RUST_LOG: found \"\\\"info\\\"\", expected");
    let unknown = part.message("FIRSTLIGHT_LOG_FROMAT is set");
    let said = unknown["message"].as_str().unwrap();
    assert!(
        said.ends_with("the nearest is FIRSTLIGHT_LOG_FORMAT"),
        "{said}"
    );
    part.message("inside a span that is named");

    let mut part = Part::start("panics", &[("RUST_LOG", "orders=debug")]);
    let caution = part.message("log filter orders=debug: only the targets");
    assert_eq!(caution["level"], "WARN");
    part.message("panicked: on\npurpose");

    let mut part = Part::start(
        "waits",
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:99999")],
    );
    assert_eq!(part.rest(), [""; 0]);
    let (code, stderr) = part.end();
    assert_ne!(code, Some(0));
    assert!(stderr.contains("a port from 1 to 65535"), "{stderr}");
}
