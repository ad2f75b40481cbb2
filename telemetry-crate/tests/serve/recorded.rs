//! Tests of `firstlight::record`.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
    routing::get,
};
use firstlight::{
    http::TelemetryLayer,
    jobs::{Job, Queue},
    record,
    testing::capture,
};
use http_body_util::BodyExt;
use tower::ServiceExt;
use tracing::Instrument as _;

async fn get_order() -> StatusCode {
    record("order.id", 7);
    record("order.total", 12.5);
    record("order.is_gift", true);
    tracing::info!("loaded");
    // Nested spans and later values.
    let inner = async {
        record("customer.id", "ada");
        record("order.id", 8_u64);
        record("absent", None::<u64>);
        record("customer.password", "hunter2");
        record("cart", tracing::field::debug(["a", "b"]));
        // The line has a field of this name.
        record("http.response.status_code", "mine");
    };
    inner.instrument(tracing::info_span!("inner")).await;
    StatusCode::OK
}

async fn send(path: &str) {
    let app = Router::new()
        .route("/order", get(get_order))
        .route("/other", get(|| async { "other" }))
        .layer(TelemetryLayer::new());
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    response.into_body().collect().await.unwrap();
}

#[tokio::test]
async fn fields_are_on_the_access_line_and_span() {
    let capture = capture();
    send("/order").await;
    let line = capture.assert_log("GET /order 200").once();
    let line = line.with("order.id", 8).with("order.total", 12.5);
    let line = line.with("order.is_gift", true).with("customer.id", "ada");
    let line = line.with("customer.password", "***").without("absent");
    line.with("cart", r#"["a", "b"]"#)
        .with("http.response.status_code", 200)
        .without("value");
    // Numbers are numbers.
    let json = &capture.logs()[1].json;
    assert!(json.contains(r#""order.id":8"#), "{json}");
    let span = capture.assert_span("GET /order").once();
    span.with("order.id", 8)
        .with("customer.id", "ada")
        .with("customer.password", "***");
    capture.assert_log("loaded").without("order.id");
    capture.assert_span("inner").without("customer.id");
}

#[tokio::test]
async fn fields_are_of_one_request() {
    let capture = capture();
    record("nowhere", 1);
    send("/order").await;
    send("/other").await;
    capture.assert_log("GET /other 200").without("order.id");
    let lines = capture.logs();
    assert!(
        lines
            .iter()
            .all(|line| !line.fields.contains_key("nowhere"))
    );
}

#[tokio::test]
async fn fields_are_limited() {
    const NAMES: [&str; 70] = {
        let mut names = ["f"; 70];
        let mut index = 0;
        // Distinct names without allocations: parts of one text.
        const TEXT: &str =
            "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
        while index < 70 {
            names[index] = TEXT.split_at(index + 1).0;
            index += 1;
        }
        names
    };
    let capture = capture();
    let handler = || async { NAMES.iter().for_each(|name| record(name, 1)) };
    let app = Router::new().route("/", get(handler));
    let app = app.layer(TelemetryLayer::new());
    let request = Request::get("/").body(Body::empty()).unwrap();
    drop(app.oneshot(request).await.unwrap());
    let lines = capture.logs();
    let recorded = |name: &&&str| lines[0].fields.contains_key(**name);
    assert_eq!(NAMES.iter().filter(recorded).count(), 64);
}

#[tokio::test]
async fn fields_of_jobs_are_on_their_last_line() {
    let capture = capture();
    let queue = Queue::declare("emails").latency_budget(Duration::from_secs(60));
    let work = async {
        record("mail.recipients", 3);
        Ok::<(), Infallible>(())
    };
    queue.run(Job::new("welcome"), work).await.unwrap();
    let line = capture.assert_log("job welcome: succeeded");
    line.with("mail.recipients", 3).once();
    let span = capture.assert_span("process emails");
    span.with("mail.recipients", 3).once();
}
