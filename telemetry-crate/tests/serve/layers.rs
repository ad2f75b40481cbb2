//! Tests of layers outside the telemetry layer, and of nested telemetry layers.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Request, Response, StatusCode},
    routing::get,
};
use firstlight::{
    http::TelemetryLayer,
    testing::{Capture, capture},
};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tower::{ServiceExt, util::MapResponseLayer};
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

use crate::{Running, SHORT, wait_for_active};

async fn panics() -> StatusCode {
    panic!("on purpose")
}

fn app() -> Router {
    Router::new()
        .route("/panics", get(panics))
        .route("/hangs", get(std::future::pending::<()>))
        .route("/users/{id}", get(|| async { "a user" }))
        .layer(TelemetryLayer::new())
}

fn request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// Sends a request to the router without a server.
async fn send(app: Router, path: &str) -> Response<Body> {
    app.oneshot(request(path)).await.unwrap()
}

/// Returns the number of measured requests with these labels.
fn samples<const N: usize>(capture: &Capture, labels: [(&str, &str); N]) -> u64 {
    let samples = capture.histogram("http_server_request_duration_seconds", labels);
    samples.map_or(0, |samples| samples.count)
}

#[tokio::test]
async fn panics_caught_outside_are_failures() {
    let capture = capture();
    let response = send(app().layer(CatchPanicLayer::new()), "/panics").await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    capture.assert_log("GET /panics panicked").once();
    let span = capture.assert_span("GET /panics").with("status", "error");
    span.with("error.type", "panic").once();
    assert_eq!(samples(&capture, [("error_type", "panic")]), 1);
}

#[tokio::test]
async fn panics_have_the_status_of_the_response() {
    let capture = capture();
    let server = Running::with(app().layer(CatchPanicLayer::new()), |serve| serve).await;
    let answer = server.ask("GET /panics HTTP/1.1\r\nhost: a\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert_panicked(&capture);
    server.end().await;
}

#[tokio::test]
async fn servers_answer_a_panic_with_500() {
    let capture = capture();
    let server = Running::with(app(), |serve| serve).await;
    let answer = server.ask("GET /panics HTTP/1.1\r\nhost: a\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert_panicked(&capture);
    server.end().await;
}

/// Asserts that the request to `/panics` is recorded once, with status 500.
fn assert_panicked(capture: &Capture) {
    let line = capture.assert_log("GET /panics panicked");
    line.with("http.response.status_code", 500).once();
    let span = capture.assert_span("GET /panics").with("status", "error");
    let span = span.with("error.type", "panic");
    span.with("http.response.status_code", 500).once();
    let labels = [
        ("http_response_status_code", "500"),
        ("error_type", "panic"),
    ];
    assert_eq!(samples(capture, labels), 1);
    assert_eq!(capture.metric("http_server_active_requests", []), Some(0.0));
}

#[tokio::test]
async fn outer_timeouts_set_the_status() {
    let capture = capture();
    let timeout = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, SHORT);
    let server = Running::with(app().layer(timeout), |serve| serve).await;
    let answer = server.ask("GET /hangs HTTP/1.1\r\nhost: a\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    capture.assert_log("GET /hangs 504").once();
    let span = capture.assert_span("GET /hangs").with("status", "error");
    span.with("error.type", "504").once();
    assert_eq!(samples(&capture, [("http_response_status_code", "504")]), 1);
    server.end().await;
}

#[tokio::test]
async fn replaced_responses_set_the_status() {
    let capture = capture();
    let app = app().layer(MapResponseLayer::new(|_: Response<Body>| {
        let response = Response::builder().status(StatusCode::BAD_GATEWAY);
        response.body(Body::empty()).unwrap()
    }));
    let server = Running::with(app, |serve| serve).await;
    let answer = server.ask("GET /users/7 HTTP/1.1\r\nhost: a\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let line = capture.assert_log("GET /users/{id} 502");
    line.with("error.type", "502").once();
    server.end().await;
}

#[tokio::test]
async fn disconnects_are_seen_below_a_timeout() {
    let capture = capture();
    let timeout =
        TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(60));
    let server = Running::with(app().layer(timeout), |serve| serve).await;
    let client = server
        .client("GET /hangs HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    wait_for_active(&capture, 1.0).await;
    drop(client);
    wait_for_active(&capture, 0.0).await;
    let line = capture.assert_log("GET /hangs client disconnected");
    line.with("error.type", "client_disconnected").once();
    server.end().await;
}

#[tokio::test]
async fn unread_server_errors_are_failures() {
    let capture = capture();
    let body = || async {
        let never = tokio_stream::pending::<Result<Bytes, Infallible>>();
        (StatusCode::INTERNAL_SERVER_ERROR, Body::from_stream(never))
    };
    let app = Router::new()
        .route("/report", get(body))
        .layer(TelemetryLayer::new());
    drop(send(app, "/report").await);
    let line = capture.assert_log("GET /report 500").with("level", "ERROR");
    line.with("error.type", "500").once();
    let span = capture.assert_span("GET /report").with("status", "error");
    span.with("error.type", "500").once();
    assert_eq!(samples(&capture, [("error_type", "500")]), 1);
}

#[tokio::test]
async fn trailers_end_a_body() {
    let capture = capture();
    let body = || async {
        let frames = [
            Frame::data(Bytes::from_static(b"all")),
            Frame::trailers(HeaderMap::new()),
        ];
        Body::new(StreamBody::new(tokio_stream::iter(
            frames.map(Ok::<_, Infallible>),
        )))
    };
    let app = Router::new().route("/", get(body));
    let mut response = send(app.layer(TelemetryLayer::new()), "/").await;
    response.body_mut().frame().await.unwrap().unwrap();
    capture.assert_no_log("GET / 200");
    let trailers = response.body_mut().frame().await.unwrap().unwrap();
    assert!(trailers.is_trailers());
    drop(response);
    capture.assert_log("GET / 200").without("error.type").once();
}

#[tokio::test]
async fn nested_layers_make_one_span() {
    for nested in [
        Router::new().nest("/api", app()),
        Router::new().nest_service("/api", app()),
        Router::new().merge(Router::new().nest("/api", app().layer(TelemetryLayer::new()))),
    ] {
        let capture = capture();
        let app = nested.layer(TelemetryLayer::new());
        let response = send(app, "/api/users/7").await;
        response.into_body().collect().await.unwrap();
        assert_eq!(capture.spans().len(), 1);
        let span = capture.assert_span("GET /api/users/{id}");
        let span = span.with("http.route", "/api/users/{id}");
        span.with("url.path", "/api/users/7").once();
        let line = capture.assert_log("GET /api/users/{id} 200");
        let line = line.with("http.route", "/api/users/{id}");
        line.with("url.path", "/api/users/7").once();
        assert_eq!(samples(&capture, []), 1);
        assert_eq!(samples(&capture, [("http_route", "/api/users/{id}")]), 1);
    }
}

#[tokio::test]
async fn nested_layers_see_the_whole_path() {
    let capture = capture();
    let app = Router::new().nest("/api", app());
    send(app, "/api/users/7").await;
    let span = capture.assert_span("GET /api/users/{id}");
    span.with("url.path", "/api/users/7").once();
}

#[tokio::test]
async fn probes_make_no_telemetry_under_a_prefix() {
    let capture = capture();
    let probes = || {
        Router::new()
            .route("/healthz", get(|| async { "ok" }))
            .route("/mine", get(|| async { "ok" }))
    };
    let layer = TelemetryLayer::new().exclude("/base/mine");
    let outside = Router::new().nest("/base", probes()).layer(layer.clone());
    let inside = Router::new().nest("/base", probes().layer(layer.clone()));
    // The inner layer does not exclude `/base/mine`, and the outer one does.
    let both = Router::new().nest_service("/base", probes().layer(TelemetryLayer::new()));
    for app in [outside, inside, both.layer(layer)] {
        for path in ["/base/healthz", "/base/mine"] {
            let response = send(app.clone(), path).await;
            assert_eq!(response.status(), StatusCode::OK);
        }
    }
    assert_eq!(capture.spans(), []);

    let layer = TelemetryLayer::new().include("/base/healthz");
    let app = Router::new().nest("/base", probes()).layer(layer);
    send(app, "/base/healthz").await;
    capture.assert_span("GET /base/healthz").once();
}
