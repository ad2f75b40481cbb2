//! Tests of the examples: log lines, metrics, spans and exit codes.
//!
//! Each example runs in a process of its own. `cargo test` builds the examples before it runs the tests. For this file
//! alone, build them first: `cargo build -p firstlight --all-features --examples`.

#![cfg(unix)] // for SIGTERM
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/example.rs"]
mod example;
#[allow(dead_code, reason = "only one of its methods is called here")]
#[path = "support/shop.rs"]
mod shop;
mod support;

use example::{DEADLINE, Example};
use firstlight::{
    grpc::ClientLayer,
    testing::{OtlpReceiver, ReceivedSpan},
};
use serde_json::Value;
#[cfg(feature = "apalis")]
use sqlx::{Connection as _, SqliteConnection};
use support::{ask, send};
use tonic::{Request, transport::Endpoint};
use tower::Layer;

/// The trace id that the test sends as the caller of a service.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn span<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no span {name:?} in {spans:#?}"))
}

fn count(lines: &[Value], message: &str) -> usize {
    lines
        .iter()
        .filter(|line| line["message"] == message)
        .count()
}

#[test]
fn programs_keep_their_own_subscriber() {
    let collector = OtlpReceiver::start().unwrap();
    let mut example = Example::exporting("own_subscriber", &[], &collector);
    let line = example.line("inside a span, with its trace id");
    assert_eq!(
        example.line("counted by the program's own layer")["spans"],
        1
    );
    assert!(example.end().0.success());
    let spans = collector.wait_for(DEADLINE, |spans| !spans.is_empty());
    assert_eq!(span(&spans, "batch").trace_id, line["trace_id"]);
}

#[test]
fn lost_collectors_do_not_fail_a_program() {
    // Nothing listens on this port after the listener is dropped.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let example = Example::start("otlp", &[], &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
    let (status, lines) = example.end();
    assert!(status.success(), "{status}");
    let last = lines.last().unwrap();
    // The example records three spans.
    assert_eq!(
        (&last["level"], &last["spans.lost"]),
        (&"WARN".into(), &3.into())
    );
}

/// Tests the quickstart, whose port is fixed, with that port in use.
#[test]
fn quickstarts_log_why_they_end() {
    // If this fails, another process uses the port, which has the same effect.
    let _used = std::net::TcpListener::bind("127.0.0.1:8080");
    let (status, lines) = Example::start("quickstart", &[], &[]).end();
    assert_eq!(status.code(), Some(1), "{lines:#?}");
    assert_eq!(count(&lines, "telemetry is up"), 1, "{lines:#?}");
    let failed: Vec<_> = lines
        .iter()
        .filter(|line| line["level"] == "ERROR")
        .collect();
    assert_eq!(failed.len(), 1, "{lines:#?}");
    let text = failed[0]["message"].as_str().unwrap();
    assert!(
        text.starts_with("the program failed: Address already in use"),
        "{text}"
    );
}

/// Tests an example that serves orders.
///
/// Returns its spans, its log lines and its exposition.
fn serves_orders(name: &str, route: &str) -> (Vec<ReceivedSpan>, Vec<Value>, String) {
    let collector = OtlpReceiver::start().unwrap();
    let mut example = Example::exporting(name, &[], &collector);
    let address = example.address();
    let caller = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01");
    let order = send(
        address,
        &format!("GET /orders/7?secret=hunter2 HTTP/1.1\r\nhost: shop\r\n{caller}"),
        "",
    );
    assert_eq!(
        (order.status, order.body.contains("one telescope")),
        (200, true)
    );
    assert_eq!(ask(address, "GET /nowhere").status, 404);

    let shown = example.line("order shown");
    assert_eq!(shown["trace_id"], TRACE);
    let access = format!("GET {route} 200");
    assert_eq!(example.line(&access)["trace_id"], TRACE);
    example.line("GET 404 (no route)");
    assert_eq!(example.admin("GET /readyz").status, 200);
    let exposition = example.admin("GET /metrics").body;
    let counted = exposition.lines().find(|line| {
        line.starts_with("http_server_request_duration_seconds_count{")
            && line.contains(&format!("http_route=\"{route}\""))
    });
    assert!(counted.unwrap().ends_with(" 1"), "{exposition}");

    let (status, lines) = example.terminate();
    assert!(status.success(), "{status}");
    assert_eq!(count(&lines, &access), 1);
    assert_eq!(count(&lines, "order shown"), 1, "{lines:#?}");
    let spans = collector.wait_for(DEADLINE, |spans| spans.len() >= 2);
    let request = span(&spans, &format!("GET {route}"));
    assert_eq!((request.kind, &*request.trace_id), ("server", TRACE));
    (spans, lines, exposition)
}

#[test]
fn axum_services_have_all_signals() {
    let (spans, _, exposition) = serves_orders("axum", "/orders/{id}");
    let request = span(&spans, "GET /orders/{id}");
    assert_eq!(span(&spans, "load").parent_span_id, request.span_id);
    assert!(
        exposition.contains("\norders_shown_total 1\n"),
        "{exposition}"
    );
}

#[cfg(all(feature = "axum-07", feature = "reqwest-012"))]
#[test]
fn older_axum_and_reqwest_have_all_signals() {
    serves_orders("axum_07", "/orders/:id");
    let collector = OtlpReceiver::start().unwrap();
    let mut example = Example::exporting("axum_07", &[], &collector);
    let address = example.address();
    let answer = ask(address, "GET /orders/7/summary");
    assert_eq!((answer.status, &*answer.body), (200, "one telescope\n"));
    assert!(example.terminate().0.success());
    let spans = collector.wait_for(DEADLINE, |spans| spans.len() >= 3);
    let request = span(&spans, "GET /orders/:id/summary");
    let call = spans.iter().find(|span| span.kind == "client").unwrap();
    assert_eq!(call.name, "GET /orders/:id");
    assert_eq!(call.parent_span_id, request.span_id);
    let called = spans
        .iter()
        .find(|span| span.parent_span_id == call.span_id);
    assert_eq!(called.unwrap().attributes["http.route"], "/orders/:id");
    assert_eq!(request.attributes["client.address"], "127.0.0.1");
}

#[cfg(feature = "actix")]
#[test]
fn actix_services_have_all_signals() {
    let (spans, _, exposition) = serves_orders("actix", "/orders/{id}");
    let request = span(&spans, "GET /orders/{id}");
    assert_eq!(request.attributes["client.address"], "127.0.0.1");
    // The main runtime, and one for each worker of the server.
    let workers = 1 + std::thread::available_parallelism().unwrap().get();
    let expected = format!("\ntokio_workers {workers}\n");
    assert!(exposition.contains(&expected), "{exposition}");
}

#[test]
fn hyper_servers_have_all_signals() {
    let (spans, ..) = serves_orders("hyper", "/orders/{id}");
    let request = span(&spans, "GET /orders/{id}");
    assert_eq!(request.attributes["http.route"], "/orders/{id}");
}

#[test]
fn tonic_calls_are_one_trace() {
    let collector = OtlpReceiver::start().unwrap();
    let endpoint = collector.endpoint();
    let mut back = Example::exporting("tonic", &[], &collector);
    let upstream = back.address().to_string();
    let mut front = Example::start(
        "tonic",
        &[],
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
            ("UPSTREAM", &*upstream),
        ],
    );
    let address = front.address();

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let answer = runtime.block_on(async {
        let channel = Endpoint::new(format!("http://{address}"))
            .unwrap()
            .connect_lazy();
        let mut client = shop::Client::new(ClientLayer::new().without_propagation().layer(channel));
        let mut request = Request::new("7".to_owned());
        let caller = format!("00-{TRACE}-b7ad6b7169203331-01");
        request
            .metadata_mut()
            .insert("traceparent", caller.parse().unwrap());
        client.get(request).await.unwrap().into_inner()
    });
    assert!(answer.starts_with("order 7"), "{answer}");
    // Closes the caller's connection, so that the example does not wait for it at its end.
    drop(runtime);
    for service in [&mut front, &mut back] {
        assert_eq!(service.line("shop.Orders/Get OK")["trace_id"], TRACE);
        let exposition = service.admin("GET /metrics").body;
        assert!(
            exposition.contains("rpc_server_call_duration_seconds_count{"),
            "{exposition}"
        );
    }
    assert!(front.terminate().0.success());
    assert!(back.terminate().0.success());

    let spans = collector.wait_for(DEADLINE, |spans| spans.len() >= 3);
    let mut kinds: Vec<_> = spans.iter().map(|span| span.kind).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["client", "server", "server"]);
    assert!(
        spans.iter().all(|span| span.trace_id == TRACE),
        "{spans:#?}"
    );
}

#[test]
fn batch_jobs_flush_at_their_end() {
    let collector = OtlpReceiver::start().unwrap();
    let endpoint = collector.endpoint();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        ("OTEL_METRICS_EXPORTER", "otlp"),
    ];
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let (status, lines) = Example::start("batch", &[file], &variables).end();
    assert!(status.success(), "{lines:#?}");
    let spans = collector.wait_for(DEADLINE, |spans| spans.len() >= 2);
    // The span of the file ends before its parent, the span of the run.
    assert_eq!(spans[0].parent_span_id, spans[1].span_id);
    assert!(spans.iter().all(|span| span.status == "unset"));
    let pushed_value = |name: &str| {
        let metrics =
            collector.wait_for_metrics(DEADLINE, |all| all.iter().any(|m| m.name == name));
        metrics
            .into_iter()
            .find(|metric| metric.name == name)
            .unwrap()
            .points[0]
            .value
    };
    let expected = std::fs::read_to_string(file).unwrap().lines().count();
    assert_eq!(pushed_value("imported_lines_total"), expected as f64);
    assert!(pushed_value("import_last_success_timestamp_seconds") > 0.0);

    let (status, lines) = Example::start("batch", &["nowhere"], &variables).end();
    assert_eq!(status.code(), Some(1));
    let failed = |line: &&Value| {
        line["message"]
            .as_str()
            .unwrap()
            .starts_with("the program failed")
    };
    assert_eq!(lines.iter().filter(failed).count(), 1, "{lines:#?}");
    let spans = collector.wait_for(DEADLINE, |spans| spans.len() >= 4);
    assert!(
        spans[2..].iter().all(|span| span.status == "error"),
        "{spans:#?}"
    );
}

/// The start of the sample that counts completed jobs.
const DONE: &str = "\nworker_tasks_total{kind=\"receipt\",outcome=\"ok\",queue=\"receipts\"} ";

#[test]
fn workers_finish_their_last_job() {
    let collector = OtlpReceiver::start().unwrap();
    let mut example = Example::exporting("worker", &[], &collector);
    example.line("waiting for jobs");
    let done = example.line("job receipt: succeeded");
    assert_eq!(example.admin("GET /readyz").status, 200);
    let exposition = example.admin("GET /metrics").body;
    assert!(exposition.contains(DONE), "{exposition}");

    // The signal is sent while the next job is running.
    example.seen.clear();
    example.line("sending the receipt");
    let (status, lines) = example.terminate();
    assert!(status.success(), "{status}");
    assert!(count(&lines, "job receipt: succeeded") >= count(&lines, "sending the receipt"));
    let spans = collector.wait_for(DEADLINE, |spans| {
        spans.iter().any(|span| span.kind == "consumer")
    });
    let job = span(&spans, "process receipts");
    // The first job is that of order 1.
    assert_eq!(
        (job.kind, &*job.attributes["messaging.message.id"]),
        ("consumer", "1")
    );
    let sent = span(&spans, "send receipts");
    assert_eq!(
        (sent.kind, &*job.parent_span_id),
        ("producer", &*sent.span_id)
    );
    let placed = span(&spans, "place order");
    assert_eq!(placed.attributes["order.id"], "1");
    assert_eq!(sent.parent_span_id, placed.span_id);
    assert_eq!(done["trace_id"], *placed.trace_id);
}

#[cfg(feature = "apalis")]
#[test]
fn apalis_workers_end_at_the_signal() {
    let collector = OtlpReceiver::start().unwrap();
    let endpoint = collector.endpoint();
    // The example creates its database in the folder for temporary files. The folder must not contain a database from
    // an earlier run.
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/apalis_worker");
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        ("TMPDIR", folder),
    ];
    let mut example = Example::start("apalis_worker", &[], &variables);
    let accepted = example.line("accepted");
    assert_eq!(accepted["number"], 1);
    let done = example.line("job receipt: succeeded");
    let exposition = example.admin("GET /metrics").body;
    assert!(exposition.contains(DONE), "{exposition}");

    // Without the table `Workers`, the worker fails at its next heartbeat, and each new worker at its start.
    // Most of the time no worker runs when the signal comes.
    let database = format!("sqlite://{folder}/firstlight-example.db");
    let rename = async {
        let mut connection = SqliteConnection::connect(&database).await?;
        let rename = sqlx::query("ALTER TABLE Workers RENAME TO gone");
        rename.execute(&mut connection).await
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(rename).unwrap();
    example.line("the worker ended; another begins in 1 s");
    let (status, lines) = example.terminate();
    assert!(status.success(), "{status}: {lines:#?}");
    let spans = collector.wait_for(DEADLINE, |spans| {
        spans.iter().any(|span| span.kind == "consumer")
    });
    let sent = span(&spans, "send receipts");
    let job = span(&spans, "process receipts");
    assert_eq!(job.parent_span_id, sent.span_id);
    let order = span(&spans, "accept order");
    assert_eq!(sent.parent_span_id, order.span_id);
    assert_eq!(done["trace_id"], *order.trace_id);
}
