//! Tests of the example through HTTP: its orders, log lines, metrics and traces.

#![cfg(unix)] // for SIGTERM

mod support;

use firstlight::testing::{OtlpReceiver, ReceivedSpan};
use support::{SOON, Service, text};

const ORDER: &str = r#"{"item": "telescope", "quantity": 2}"#;

#[test]
fn orders_are_one_transaction() {
    let receiver = OtlpReceiver::start().unwrap();
    let mut service = Service::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint())]);
    let response = service.post("/orders", ORDER);
    assert_eq!(response.status, 201, "{}", response.body);
    let head = response.head;
    assert!(head.contains("location: /orders/1"), "{head}");
    let metrics = service.admin("/metrics").body;
    assert!(metrics.contains("\norders_accepted_total 1\n"), "{metrics}");
    service.terminate();

    let spans = receiver.wait_for(SOON, |spans| spans.len() >= 3);
    let trace: Vec<_> = spans.iter().collect();
    let root = span_named(&trace, "POST /orders");
    let transaction = span_named(&trace, "transaction");
    assert_eq!(transaction.parent_span_id, root.span_id);
    assert_eq!(span_named(&trace, "INSERT orders").trace_id, root.trace_id);
}

#[test]
fn same_key_is_the_same_order() {
    let mut service = Service::start(&[]);
    let key = "idempotency-key: 4711\r\n";
    let first = service.post_with("/orders", key, ORDER);
    let second = service.post_with("/orders", key, ORDER);
    assert_eq!((second.status, &second.body), (first.status, &first.body));

    let other = r#"{"item": "telescope", "quantity": 3}"#;
    assert_eq!(service.post_with("/orders", key, other).status, 422);
    let stats = service.get("/orders/stats", "");
    assert_eq!(stats.body, r#"{"orders":1,"items":2}"#);
    service.post("/orders", ORDER);
    // Within the maximum age of 10 s, so from the cache.
    assert_eq!(service.get("/orders/stats", "").body, stats.body);
    let metrics = service.admin("/metrics").body;
    let window = "\ndata_staleness_budget_seconds{data_type=\"order_stats\"} 10\n";
    assert!(metrics.contains(window), "{metrics}");
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
    let key = format!("idempotency-key: {}\r\n", "4".repeat(101));
    let refused = service.post_with("/orders", &key, ORDER);
    assert_eq!(refused.problem()["status"], 422);
    service.line(|line| line["exception.message"] == "order 1 not found");
    let metrics = service.admin("/metrics").body;
    for series in ["{reason=\"item\"} 2\n", "{reason=\"quantity\"} 0\n"] {
        let series = format!("\norders_rejected_total{series}");
        assert!(metrics.contains(&series), "{series} is not in {metrics}");
    }
    let log = service.terminate().log;
    assert!(!log.iter().any(|line| line["level"] == "ERROR"), "{log:#?}");
}

fn span_named<'a>(spans: &[&'a ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    let span = spans.iter().find(|span| span.name == name);
    span.unwrap_or_else(|| panic!("no span {name}: {spans:#?}"))
}
