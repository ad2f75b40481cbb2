//! Tests of the telemetry that a service has even without a route of its own.

#![cfg(unix)] // for SIGTERM

mod support;

use firstlight::testing::{OtlpReceiver, ReceivedSpan};
use support::{Ended, SOON, Service, check_telemetry, is_access_line, text};

const CALLER_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER_SPAN: &str = "00f067aa0ba902b7";

#[test]
fn requests_are_in_every_signal() {
    let receiver = OtlpReceiver::start().unwrap();
    let mut service = Service::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint())]);

    // No route matches this path, but the request is recorded.
    let traceparent = format!("traceparent: 00-{CALLER_TRACE}-{CALLER_SPAN}-01\r\n");
    let response = service.get("/nowhere", &traceparent);
    assert_eq!(response.problem()["title"], "Not Found");

    let line = service.line(is_access_line);
    assert_eq!(line["trace_id"], CALLER_TRACE);
    assert_eq!(line["http.response.status_code"], 404);
    let count: f64 = service
        .admin("/metrics")
        .body
        .lines()
        .filter(|line| line.starts_with("http_server_request_duration_seconds_count{"))
        .inspect(|line| assert!(line.contains("http_response_status_code=\"404\""), "{line}"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert_eq!(count, 1.0);

    let log = service.terminate().log;
    assert_eq!(log.iter().filter(|line| is_access_line(line)).count(), 1);
    let mut spans = receiver.wait_for(SOON, |spans| spans.iter().any(is_of_request));
    spans.retain(is_of_request);
    assert_eq!(spans.len(), 1, "{spans:#?}");
    assert_eq!(spans[0].name, "GET");
    assert_eq!(spans[0].kind, "server");
    assert_eq!(spans[0].trace_id, CALLER_TRACE);
    assert_eq!(spans[0].parent_span_id, CALLER_SPAN);
    assert_eq!(spans[0].span_id, text(&line, "span_id"));
    assert_eq!(spans[0].resource["service.name"], env!("CARGO_PKG_NAME"));
}

#[test]
fn probes_make_no_telemetry() {
    let mut service = Service::start(&[]);
    service.address();
    assert_eq!(service.admin("/livez").status, 200);
    assert_eq!(service.admin("/readyz").status, 200);
    let log = service.terminate().log;
    assert!(!log.iter().any(is_access_line), "{log:#?}");
}

#[test]
fn check_says_whether_telemetry_arrives() {
    let receiver = OtlpReceiver::start().unwrap();
    let arrives = check_telemetry(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint())]);
    assert_eq!(arrives.status.code(), Some(0), "{arrives:?}");
    let spans = receiver.spans();
    assert_eq!(spans.len(), 1, "{spans:#?}");
    assert_eq!(spans[0].resource["service.name"], env!("CARGO_PKG_NAME"));

    // Port 1 has no listener.
    let nowhere = check_telemetry(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")]);
    assert_eq!(nowhere.status.code(), Some(1), "{nowhere:?}");
    let report = String::from_utf8_lossy(&nowhere.stdout);
    assert!(report.contains("traces: failed"), "{report}");
}

#[test]
fn readiness_ends_before_accepting() {
    let mut service = Service::start(&[("FIRSTLIGHT_DRAIN_DELAY", "3600000")]);
    service.address();
    assert_eq!(service.admin("/readyz").status, 200);
    service.signal("TERM");
    service.line(|line| text(line, "message").starts_with("shutting down"));
    assert_eq!(service.admin("/readyz").status, 503);
    assert_eq!(service.get("/nowhere", "").status, 404);
}

#[test]
fn sigterm_flushes_and_exits_with_0() {
    let receiver = OtlpReceiver::start().unwrap();
    let mut service = Service::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
        // An hour, in milliseconds: only the flush at the end can send anything.
        ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
    ]);
    service.get("/nowhere", "");
    service.line(is_access_line);
    assert!(receiver.spans().is_empty());

    let ended = service.terminate();
    assert!(ended.status.success(), "{}: {:#?}", ended.status, ended.log);
    let spans = receiver.spans();
    assert_eq!(spans.iter().filter(|span| is_of_request(span)).count(), 1);
}

#[test]
fn bad_settings_are_one_error_line() {
    let Ended { status, mut log } = Service::start(&[("PORT", "eighty")]).end();
    assert_eq!(status.code(), Some(1));
    log.retain(|line| line["level"] == "ERROR");
    assert_eq!(log.len(), 1, "{log:#?}");
    let message = text(&log[0], "message");
    assert!(message.contains("PORT: found \"eighty\""), "{message}");
}

#[test]
#[should_panic(expected = "the service has ended with exit status: 1, and this error:\nError: ")]
fn failed_starts_show_their_reason() {
    // An address for documentation, which no machine has.
    Service::start(&[("OTEL_EXPORTER_PROMETHEUS_HOST", "192.0.2.1")]).address();
}

/// Whether a span belongs to a request.
///
/// A scheduled run may start during a test. Its spans have another kind and another trace.
fn is_of_request(span: &ReceivedSpan) -> bool {
    span.kind == "server" || span.trace_id == CALLER_TRACE
}
