//! Tests of the example through HTTP: its log lines, metrics and traces.

#![cfg(unix)] // for SIGTERM

mod support;

use firstlight::testing::{OtlpReceiver, ReceivedSpan};
use support::{SOON, Service, text};

const ORDER: &str = r#"{"item": "telescope", "quantity": 2}"#;

#[test]
fn orders_have_a_span_for_each_step() {
    let receiver = OtlpReceiver::start().unwrap();
    let mut service = Service::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint())]);
    let response = service.post("/orders", ORDER);
    assert_eq!(response.status, 201, "{}", response.body);
    service.line(|line| line["message"] == "POST /orders 201");
    let metrics = service.admin("/metrics").body;
    assert!(metrics.contains("\norders_accepted_total 1\n"), "{metrics}");
    let log = service.terminate().log;

    let spans = receiver.wait_for(SOON, |spans| spans.len() >= 5);
    let root = span_named(&spans, "POST /orders");
    for step in ["validate", "reserve_stock", "charge_card", "insert_order"] {
        let span = span_named(&spans, step);
        assert_eq!(span.trace_id, root.trace_id, "{step}");
        assert_eq!(span.parent_span_id, root.span_id, "{step}");
    }
    for message in ["stock reserved", "card charged", "order accepted"] {
        let line = log.iter().find(|line| line["message"] == message).unwrap();
        assert_eq!(text(line, "trace_id"), root.trace_id, "{message}");
    }
}

#[test]
fn causes_of_failures_are_only_logged() {
    let receiver = OtlpReceiver::start().unwrap();
    let mut service = Service::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint())]);
    service.post("/orders", ORDER);
    let response = service.get("/orders/1/invoice", "");
    assert_eq!(response.status, 500);
    let problem = response.problem();
    assert_eq!(problem["title"], "Internal Server Error");
    assert_eq!(problem.get("detail"), None);

    let line = service.line(|line| line["message"] == "request failed");
    assert_eq!(line["level"], "ERROR");
    let error = text(&line, "error");
    assert!(error.contains("does not answer: "), "{error}");

    let trace_id = text(&line, "trace_id");
    service.terminate();
    let spans = receiver.wait_for(SOON, |spans| spans.len() >= 8);
    let span = span_named(&spans, "GET /orders/{id}/invoice");
    assert_eq!(span.status, "error");
    assert_eq!(span.trace_id, trace_id);
}

#[test]
fn client_errors_are_problem_details() {
    let mut service = Service::start(&[("RUST_LOG", "debug")]);
    let missing = service.get("/orders/1", "").problem();
    assert_eq!(missing["detail"], "order 1 not found");
    assert_eq!(service.get("/orders/one", "").problem()["status"], 400);
    assert_eq!(service.get("/nowhere", "").problem()["status"], 404);
    assert_eq!(service.get("/orders", "").problem()["status"], 405);
    assert_eq!(service.post("/orders", "{").problem()["status"], 400);
    for (order, detail) in [
        (r#"{"item": "", "quantity": 2}"#, "item has 0 characters"),
        (r#"{"item": "telescope"}"#, "missing field `quantity`"),
    ] {
        let problem = service.post("/orders", order).problem();
        assert_eq!(problem["status"], 422, "{order}");
        let found = text(&problem, "detail");
        assert!(found.contains(detail), "{found}");
    }
    let long = ORDER.replace("telescope", &"x".repeat(201));
    assert_eq!(service.post("/orders", &long).problem()["status"], 422);
    let large = "x".repeat(3_000_000);
    assert_eq!(service.post("/orders", &large).problem()["status"], 413);
    assert_eq!(service.post("/orders", ORDER).status, 201);
    assert_eq!(service.get("/orders/1", "").status, 200);
    service.line(|line| line["exception.message"] == "order 1 not found");
    let metrics = service.admin("/metrics").body;
    for series in ["{reason=\"item\"} 2\n", "{reason=\"quantity\"} 0\n"] {
        let series = format!("\norders_rejected_total{series}");
        assert!(metrics.contains(&series), "{series} is not in {metrics}");
    }
    let log = service.terminate().log;
    assert!(!log.iter().any(|line| line["level"] == "ERROR"), "{log:#?}");
}

fn span_named<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    let span = spans.iter().find(|span| span.name == name);
    span.unwrap_or_else(|| panic!("no span {name}: {spans:#?}"))
}
