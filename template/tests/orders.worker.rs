//! Tests of the example through HTTP: each accepted order is charged once.

#![cfg(unix)] // for SIGTERM

mod support;

use firstlight::testing::{OtlpReceiver, ReceivedSpan};
use serde_json::Value;
use support::{Database, Service, text, wait_for_status};

const ORDER: &str = r#"{"item": "telescope", "quantity": 2}"#;
const DECLINED: &str = r#"{"item": "declined", "quantity": 1}"#;

#[test]
fn accepted_orders_end_done_in_one_trace() {
    let receiver = OtlpReceiver::start().unwrap();
    let mut service = Service::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint())]);
    let response = service.post("/orders", ORDER);
    assert_eq!(response.status, 202, "{}", response.body);
    let head = response.head;
    assert!(head.contains("location: /orders/1"), "{head}");
    wait_for_status(&mut service, 1, "done");

    let accepted = service.line(|line| line["message"] == "order accepted");
    let charged = service.line(|line| line["message"] == "order charged");
    assert_eq!(charged["trace_id"], accepted["trace_id"]);
    let metrics = service.admin("/metrics").body;
    for series in [
        "\norders_accepted_total 1\n",
        "\nworker_tasks_enqueued_total{kind=\"charge\",queue=\"charges\"} 1\n",
        "\nworker_tasks_total{kind=\"charge\",outcome=\"ok\",queue=\"charges\"} 1\n",
        "\ndb_client_operation_duration_seconds_bucket{",
        "\nsql_queries_per_request_bucket{",
    ] {
        assert!(metrics.contains(series), "{series} is not in {metrics}");
    }
    service.terminate();

    let trace_id = text(&accepted, "trace_id");
    let spans = receiver.spans();
    let in_trace = |span: &&ReceivedSpan| span.trace_id == trace_id;
    let trace: Vec<_> = spans.iter().filter(in_trace).collect();
    let root = span_named(&trace, "POST /orders");
    let transaction = span_named(&trace, "transaction");
    assert_eq!(transaction.parent_span_id, root.span_id);
    let send = span_named(&trace, "send charges");
    let process = span_named(&trace, "process charges");
    assert_eq!(process.parent_span_id, send.span_id);
    let ask_bank = span_named(&trace, "ask_bank");
    assert_eq!(ask_bank.parent_span_id, process.span_id);
    for query in ["INSERT orders", "UPDATE orders"] {
        span_named(&trace, query);
    }
}

#[test]
fn declined_charges_are_dead_letters() {
    let database = Database::new();
    let variables = [("DATABASE_URL", &*database.url())];
    let mut service = Service::start(&variables);
    service.post("/orders", DECLINED);
    wait_for_status(&mut service, 1, "dead_lettered");
    service.terminate();

    let listed = support::run(&["dead-letters"], &variables);
    assert!(listed.status.success(), "{listed:?}");
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(listed.contains("the bank declines"), "{listed}");

    let id = listed.split('\t').nth(1).unwrap();
    let retried = support::run(&["retry-dead-letters", id], &variables);
    assert!(retried.status.success(), "{retried:?}");
    assert_eq!(retried.stdout, b"1 dead letter will be tried again\n");
    let mut service = Service::start(&variables);
    service.line(|line| line["worker.task.outcome"] == "dead_lettered");
}

#[test]
fn restarts_charge_each_order_once() {
    let database = Database::new();
    let variables = [("DATABASE_URL", &*database.url())];
    let mut service = Service::start(&variables);
    for _ in 0..20 {
        assert_eq!(service.post("/orders", ORDER).status, 202);
    }
    // On SIGTERM, running jobs finish and waiting jobs are left to the next process.
    let first = service.terminate();
    assert!(first.status.success(), "{}", first.status);
    let mut service = Service::start(&variables);
    for id in 1..=20 {
        wait_for_status(&mut service, id, "done");
    }
    let log = [first.log, service.terminate().log].concat();
    let charged = |line: &&Value| line["message"] == "order charged";
    assert_eq!(log.iter().filter(charged).count(), 20);
}

#[test]
fn accepted_orders_survive_a_kill() {
    let database = Database::new();
    let variables = [("DATABASE_URL", &*database.url())];
    let mut service = Service::start(&variables);
    for _ in 0..20 {
        assert_eq!(service.post("/orders", ORDER).status, 202);
    }
    // SIGKILL, while some jobs wait and others run.
    drop(service);
    let mut service = Service::start(&variables);
    for id in 1..=20 {
        wait_for_status(&mut service, id, "done");
    }
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
    let budget = "\ndata_staleness_budget_seconds{data_type=\"order_stats\"} 10\n";
    assert!(metrics.contains(budget), "{metrics}");
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
