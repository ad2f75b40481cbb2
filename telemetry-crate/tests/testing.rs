//! Tests of captures: threads, assertions, and the output of a failing test.

#![cfg(all(feature = "axum", feature = "staleness", feature = "testing"))]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
    thread,
    time::Duration,
};

use axum::{Router, body::Body, extract::Path, routing::get};
use firstlight::{
    TelemetryConfig,
    context::{self, TraceContext},
    http::TelemetryLayer,
    jobs::Queue,
    metrics::{DeclaredMetric, Format, Label},
    staleness::DataType,
    testing::{Capture, capture, metric_violations},
};
use http::Request;
use tower::ServiceExt;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Creates the router of a service.
///
/// Must be called inside a capture, because the layer keeps metric handles.
fn app() -> Router {
    Router::new()
        .route("/orders/{id}", get(order))
        .route("/broken", get(|| async { http::StatusCode::BAD_GATEWAY }))
        .layer(TelemetryLayer::new())
}

async fn order(Path(id): Path<u64>) -> String {
    tracing::info!(order.id = id, "order shown");
    metrics::counter!("orders_total", "kind" => "new").increment(1);
    format!("order {id}")
}

/// Sends a request with a trace context, and returns the body of the response.
async fn ask(path: &str) -> String {
    let request = Request::get(path)
        .header("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"))
        .body(Body::empty())
        .unwrap();
    let response = app().oneshot(request).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), 1_024)
        .await
        .unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

/// Returns the message of the panic that `act` causes.
fn panic_of(act: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(act)).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[tokio::test]
async fn requests_are_captured_once() {
    let capture = capture();
    assert_eq!(ask("/orders/7").await, "order 7");

    let access = capture.assert_log("GET /orders/{id} 200").once();
    access
        .with("trace_id", TRACE)
        .with("http.response.status_code", 200);
    let span = capture.assert_span("GET /orders/{id}").once();
    let span = span.with("kind", "server").with("trace_id", TRACE);
    span.with("parent_span_id", "b7ad6b7169203331")
        .with("http.route", "/orders/{id}");
    let shown = capture.assert_log("order shown").with("order.id", 7);
    shown
        .with("http.route", "/orders/{id}")
        .without("no.such.field")
        .once();
    capture.assert_metric("orders_total", [("kind", "new")], 1.0);
    let name = "http_server_request_duration_seconds";
    let requests = capture.histogram(name, [("http_route", "/orders/{id}")]);
    assert_eq!(requests.unwrap().count, 1);
    assert_eq!(capture.metric(name, []), None, "a histogram has no value");
    assert_eq!(capture.histogram("orders_total", []), None);
    assert_eq!(capture.metric("http_server_active_requests", []), Some(0.0));
    capture.assert_no_errors();
    capture.assert_no_log("request failed");
    // The exposition has exemplars as well.
    let exposition = capture.metrics().render(Format::OpenMetrics);
    assert!(
        exposition.contains(&format!("trace_id=\"{TRACE}\"")),
        "{exposition}"
    );
}

#[test]
fn captures_redact_limit_and_filter() {
    let config = TelemetryConfig::new()
        .service_name("orders")
        .log_filter("warn")
        .buckets("order_euros", [10.0, 100.0]);
    let capture = Capture::start(config).unwrap();
    tracing::info!("below the filter");
    let span = tracing::info_span!("sign in", user.password = "hunter2", user.id = 7_u64);
    span.in_scope(|| tracing::warn!(api_key = "hunter2", text = "x".repeat(10_000), "signed in"));
    drop(span);
    metrics::histogram!("order_euros").record(20.0);

    capture.assert_no_log("below the filter");
    let line = capture.assert_log("signed in").with("api_key", "***");
    line.with("user.password", "***")
        .with("user.id", 7)
        .with("level", "WARN");
    let lines = capture.logs();
    assert!(lines[0].fields["text"].ends_with("...[truncated]"));
    assert!(
        lines[0].json.starts_with("{\"timestamp\":"),
        "{}",
        lines[0].json
    );
    capture.assert_span("sign in").with("user.password", "***");
    let spans = capture.spans();
    assert_eq!(spans[0].resource["service.name"], "orders");
    assert_eq!(spans[0].events[0].name, "signed in");
    let exposition = capture.metrics().render(Format::Text);
    assert!(
        exposition.contains("order_euros_bucket{le=\"100.0\"} 1\n"),
        "{exposition}"
    );
    assert!(Capture::start(TelemetryConfig::new().log_filter("a=b=c")).is_err());
}

#[test]
fn own_runtimes_capture_spawned_tasks() {
    let capture = capture();
    capture.block_on(async {
        let parent = tracing::info_span!("parent");
        let _entered = parent.enter();
        let task = context::spawn(async {
            tracing::info!("in a task");
            metrics::counter!("work_total").increment(1);
        });
        let blocking = context::spawn_blocking(|| {
            tracing::info!("on a thread for blocking work");
            metrics::counter!("work_total").increment(1);
        });
        drop(_entered);
        task.await.unwrap();
        blocking.await.unwrap();
    });
    let trace = &capture.spans()[0].trace_id;
    capture
        .assert_log("in a task")
        .with("trace_id", trace)
        .once();
    capture
        .assert_log("on a thread for blocking work")
        .with("trace_id", trace);
    capture.assert_metric("work_total", [], 2.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrapped_tasks_are_captured() {
    let capture = capture();
    let work = |name: &'static str| async move {
        tokio::task::yield_now().await;
        tracing::info!("{name}");
        metrics::counter!("work_total").increment(1);
    };
    tokio::spawn(work("not wrapped")).await.unwrap();
    tokio::spawn(capture.wrap(work("wrapped"))).await.unwrap();
    let on_a_thread = capture.wrap_fn(|| tracing::info!("on a thread"));
    thread::spawn(on_a_thread).join().unwrap();
    // A task that is aborted is dropped inside the capture.
    struct LogsOnDrop;
    impl Drop for LogsOnDrop {
        fn drop(&mut self) {
            tracing::info!("dropped");
        }
    }
    let logs = LogsOnDrop;
    let never = tokio::spawn(capture.wrap(async move {
        let _logs = logs;
        std::future::pending::<()>().await;
    }));
    never.abort();
    assert!(never.await.unwrap_err().is_cancelled());

    let messages: Vec<_> = capture
        .logs()
        .into_iter()
        .map(|line| line.message)
        .collect();
    assert_eq!(messages, ["wrapped", "on a thread", "dropped"]);
    capture.assert_metric("work_total", [], 1.0);
}

#[test]
fn inner_captures_hide_outer_ones() {
    let outer = capture();
    {
        let inner = capture();
        metrics::counter!("work_total").increment(1);
        tracing::info!("in the inner capture");
        inner.assert_log("in the inner capture");
        inner.assert_metric("work_total", [], 1.0);
    }
    metrics::counter!("work_total").increment(5);
    tracing::info!("in the outer capture");
    assert_eq!(outer.logs().len(), 1);
    outer.assert_metric("work_total", [], 5.0);
}

#[test]
fn context_passes_through_a_queue() {
    let capture = capture();
    let placed = tracing::info_span!("place order");
    let stored: Vec<(String, String)> = placed.in_scope(|| TraceContext::current().to_pairs());
    drop(placed);
    drop(TraceContext::from_pairs(stored).child(|| tracing::info_span!("send receipt")));
    let spans = capture.spans();
    let receipt = capture
        .assert_span("send receipt")
        .with("trace_id", &spans[0].trace_id);
    receipt.with("parent_span_id", &spans[0].span_id);
}

#[test]
fn trace_id_is_that_of_the_current_span() {
    let capture = capture();
    assert_eq!(context::trace_id(), None);
    let id = tracing::info_span!("place order").in_scope(|| {
        let inner = tracing::debug_span!("no part of the trace");
        inner.in_scope(context::trace_id)
    });
    assert_eq!(id.as_deref(), Some(&*capture.spans()[0].trace_id));
}

#[tokio::test]
async fn failed_assertions_draw_the_trace() {
    let capture = capture();
    ask("/orders/7").await;
    let message = panic_of(|| drop(capture.assert_log("order shown").with("order.id", 8)));
    let (first, drawn) = message.split_once("\n\n").unwrap();
    assert_eq!(
        first,
        "expected a log line \"order shown\" with order.id = 8, found order.id = 7"
    );
    assert!(
        drawn.starts_with(&format!("trace {TRACE}\n  GET /orders/{{id}}  server   █")),
        "{drawn}"
    );
    assert!(drawn.contains("\n    INFO order shown "), "{drawn}");
    // The traces are drawn only once per test.
    let message = panic_of(|| drop(capture.assert_log("order placed")));
    assert_eq!(
        message,
        "expected a log line \"order placed\", found [\"order shown\", \"GET /orders/{id} 200\"]"
    );
    let message = panic_of(|| capture.assert_metric("orders_total", [("kind", "old")], 1.0));
    assert_eq!(
        message,
        "expected orders_total with [(\"kind\", \"old\")] = 1, found none\n  orders_total{kind=\"new\"} 1"
    );
    ask("/broken").await;
    let message = panic_of(|| capture.assert_no_errors());
    assert!(
        message.starts_with("expected no errors, found the log line: ERROR GET /broken 502"),
        "{message}"
    );
    let message = panic_of(|| drop(capture.assert_span("GET /broken").without("http.route")));
    assert_eq!(
        message,
        "expected a span \"GET /broken\" without http.route"
    );
}

#[test]
fn panics_print_the_capture() {
    let test_name = "panics_print_the_capture";
    // The child process, which runs only this test, panics here.
    if std::env::var_os("PANIC").is_some() {
        let _capture = capture();
        let span = tracing::info_span!("place order").entered();
        tracing::info!("order placed");
        drop(span);
        let orders: [u64; 0] = [];
        assert_eq!(orders.len(), 1);
    }
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test_name])
        .env("PANIC", "1")
        .output()
        .unwrap();
    assert!(!run.status.success());
    let printed = String::from_utf8(run.stdout).unwrap();
    let (_, captured) = printed.split_once("what the test captured:").unwrap();
    assert!(captured.contains("  place order  internal █"), "{printed}");
    assert!(captured.contains("    INFO order placed\n"), "{printed}");
}

static STOCK: DataType = DataType::declare("stock", Duration::from_secs(10));
static PARCELS: LazyLock<Queue> =
    LazyLock::new(|| Queue::declare("parcels").latency_budget(Duration::from_secs(7)));

#[test]
fn statics_record_in_each_capture() {
    for _ in 0..2 {
        let capture = capture();
        STOCK.check_age(Duration::from_secs(1)).unwrap();
        let reads = [("data_type", "stock"), ("result", "replica")];
        capture.assert_metric("data_reads_total", reads, 1.0);
        let store = async |_| Ok::<_, Infallible>(());
        capture.block_on(PARCELS.enqueue("send", store)).unwrap();
        let queue = [("queue", "parcels")];
        capture.assert_metric("worker_queue_latency_budget_seconds", queue, 7.0);
    }
}

#[test]
fn misused_metrics_are_violations() {
    const PLACED: DeclaredMetric = DeclaredMetric::counter("orders_total", "Orders.")
        .labels(&[Label::one_of("kind", &["new"])]);
    const WAITING: DeclaredMetric = DeclaredMetric::gauge("orders_waiting", "Waiting orders.")
        .labels(&[Label::at_most("tenant", 2)]);
    const DECLARED: &[DeclaredMetric] = &[PLACED, WAITING];
    let violations = |record: fn()| {
        let capture = Capture::start(TelemetryConfig::new().declare(DECLARED)).unwrap();
        metrics::counter!("orders_total", "kind" => "new").increment(1);
        metrics::gauge!("orders_waiting", "tenant" => "a").set(1.0);
        record();
        metric_violations(DECLARED, &capture.metrics().render(Format::Text)).join("\n")
    };
    assert_eq!(violations(|| ()), "");
    // Another kind under a name that exists is rejected, so that the exposition does not have it.
    let other_kind = violations(|| metrics::gauge!("orders_total").set(1.0));
    assert_eq!(
        other_kind,
        "metrics_rejected_total is more than 0 for kind_conflict; `/telemetry` names the metrics in `rejected`"
    );
    let other_label = violations(|| metrics::gauge!("orders_waiting", "shop" => "b").set(1.0));
    assert_eq!(
        other_label,
        "orders_waiting has the label shop, which is not declared; declared: tenant"
    );
    let other_value =
        violations(|| metrics::counter!("orders_total", "kind" => "old").increment(1));
    assert_eq!(
        other_value,
        "orders_total has kind=\"old\", which is not declared; declared: new"
    );
    let more_values = violations(|| {
        for tenant in ["b", "c"] {
            metrics::gauge!("orders_waiting", "tenant" => tenant).set(1.0);
        }
    });
    assert_eq!(
        more_values,
        "orders_waiting has more series than its cardinality limit; see `/telemetry`"
    );
}
