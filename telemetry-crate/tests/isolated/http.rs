//! Tests of server requests: traces, metrics and remote parents.

pub(crate) mod calls;
pub(crate) mod redirects;

use std::time::Duration;

use axum::{Router, body::Body, extract::Path, routing::get};
use firstlight::{
    TelemetryConfig,
    http::{RemoteParent, TelemetryLayer},
    metrics::Format,
    testing::{OtlpReceiver, ReceivedSpan},
};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;
use tracing::Instrument;

/// The trace that a client started, as in [`TRACEPARENT`].
const CALLER_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
/// The value of `traceparent` that a client sends.
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn router() -> Router {
    Router::new()
        .route(
            "/orders/{id}",
            get(|Path(_): Path<String>| async { "an order" }),
        )
        .route(
            "/broken",
            get(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "broken") }),
        )
        .route(
            "/panics",
            get(|| async { panic!("on purpose") as StatusCode }),
        )
        .route("/calls", get(call))
        .route("/hangs", get(std::future::pending::<StatusCode>))
        .route("/livez", get(|| async { "alive" }))
        .layer(TelemetryLayer::new())
}

/// Responds with the `traceparent` that the service would send to another service.
async fn call() -> String {
    let mut headers = http::HeaderMap::new();
    firstlight::http::inject(&mut headers);
    headers["traceparent"].to_str().unwrap().to_owned()
}

/// Sends a request with [`TRACEPARENT`] to a new router.
async fn send(method: &str, path: &str) -> Response<String> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("traceparent", TRACEPARENT)
        .body(Body::empty())
        .unwrap();
    let (head, body) = router().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Response::from_parts(head, String::from_utf8(body.to_vec()).unwrap())
}

fn named<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    spans
        .iter()
        .find(|span| span.name == name)
        .unwrap_or_else(|| panic!("no span {name} among {spans:?}"))
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn signals_agree_on_a_request() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .service_name("orders")
        // Traces do not depend on the log filter.
        .log_filter("off")
        .otlp_endpoint(receiver.endpoint())
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();

    assert_eq!(
        send("GET", "/orders/7?token=hunter2").await.body(),
        "an order"
    );
    assert_eq!(
        send("GET", "/broken").await.status(),
        StatusCode::INTERNAL_SERVER_ERROR
    );
    assert_eq!(
        send("GET", "/nowhere/at/all").await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        send("SCAN", "/orders/7").await.status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(send("GET", "/livez").await.status(), StatusCode::OK);
    let panicked = tokio::spawn(send("GET", "/panics")).await;
    assert!(panicked.unwrap_err().is_panic());
    let hangs = tokio::time::timeout(Duration::from_millis(50), send("GET", "/hangs")).await;
    assert!(hangs.is_err(), "the client disconnected");
    let forwarded = send("GET", "/calls").await.into_body();
    telemetry.flush(Duration::from_secs(30)).unwrap();

    // Eight requests, including one probe.
    let spans = receiver.wait_for(Duration::from_secs(30), |spans| spans.len() >= 7);
    assert_eq!(spans.len(), 7, "a probe has no span: {spans:?}");

    let order = named(&spans, "GET /orders/{id}");
    assert_eq!(order.trace_id, CALLER_TRACE);
    assert_eq!(order.parent_span_id, "b7ad6b7169203331");
    assert_eq!((order.kind, order.status), ("server", "unset"));
    assert_eq!(order.attributes["http.route"], "/orders/{id}");
    assert_eq!(order.attributes["url.path"], "/orders/7");
    assert_eq!(order.attributes["url.scheme"], "http");
    assert_eq!(order.attributes["http.response.status_code"], "200");
    assert_eq!(order.resource["service.name"], "orders");
    assert_eq!(named(&spans, "GET /broken").status, "error");
    assert_eq!(
        named(&spans, "GET").status,
        "unset",
        "a 404 is an error of the client"
    );
    assert_eq!(
        named(&spans, "HTTP /orders/{id}").attributes["http.response.status_code"],
        "405"
    );
    assert_eq!(named(&spans, "GET /panics").status, "error");
    let hangs = named(&spans, "GET /hangs");
    assert_eq!(
        (hangs.status, &*hangs.attributes["error.type"]),
        ("unset", "client_disconnected")
    );

    let calls = named(&spans, "GET /calls");
    assert_eq!(
        forwarded,
        format!("00-{}-{}-01", calls.trace_id, calls.span_id)
    );
    assert_eq!(calls.trace_id, order.trace_id, "the caller's trace");

    let exposition = telemetry.metrics().render(Format::OpenMetrics);
    let count = |labels: &str| {
        let line = format!("http_server_request_duration_seconds_count{{{labels}}} ");
        let found = exposition
            .lines()
            .find_map(|candidate| candidate.strip_prefix(&line));
        found
            .map(str::to_owned)
            .unwrap_or_else(|| panic!("no {line} in\n{exposition}"))
    };
    let common = |method, status, route: &str| {
        let method = format!("http_request_method=\"{method}\"");
        let mut labels: Vec<String> = vec![
            method,
            "network_protocol_version=\"1.1\"".into(),
            "url_scheme=\"http\"".into(),
        ];
        labels.push(format!("http_response_status_code=\"{status}\""));
        if !route.is_empty() {
            labels.push(format!("http_route=\"{route}\""));
        }
        labels
    };
    let sorted = |mut labels: Vec<String>| {
        labels.sort();
        labels.join(",")
    };
    assert_eq!(count(&sorted(common("GET", 200, "/orders/{id}"))), "1");
    assert_eq!(
        count(&sorted(common("GET", 404, ""))),
        "1",
        "an unknown path has no route, and the path itself is not a label"
    );
    assert_eq!(count(&sorted(common("_OTHER", 405, "/orders/{id}"))), "1");
    let mut broken = common("GET", 500, "/broken");
    broken.push("error_type=\"500\"".into());
    assert_eq!(count(&sorted(broken)), "1");
    assert!(
        exposition.contains(
            "http_server_active_requests{http_request_method=\"GET\",url_scheme=\"http\"} 0\n"
        ),
        "{exposition}"
    );
    assert!(!exposition.contains("/livez"), "{exposition}");

    let exemplar = format!(
        "# {{trace_id=\"{}\",span_id=\"{}\"}}",
        order.trace_id, order.span_id
    );
    let bucket = exposition
        .lines()
        .find(|line| line.contains(&exemplar))
        .unwrap_or_else(|| panic!("{exemplar} not in\n{exposition}"));
    assert!(
        bucket.starts_with("http_server_request_duration_seconds_bucket{"),
        "{bucket}"
    );
    assert!(
        !exposition.contains("hunter2") && !format!("{spans:?}").contains("hunter2"),
        "a query string was recorded"
    );
    telemetry.shutdown(Duration::from_secs(10)).unwrap();
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn filtered_requests_record_no_span() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .trace_filter("info,firstlight::http=off")
        .without_admin()
        .init()
        .unwrap();
    let router = Router::new()
        .route("/", get(|| async { "answer" }))
        .layer(TelemetryLayer::new());
    let outer = tracing::info_span!("outer", after = tracing::field::Empty);
    let request = Request::new(Body::empty());
    let answer = router
        .oneshot(request)
        .instrument(outer.clone())
        .await
        .unwrap();
    drop(answer);
    outer.record("after", true);
    drop(outer);
    telemetry.flush(Duration::from_secs(30)).unwrap();

    let spans = receiver.wait_for(Duration::from_secs(30), |spans| !spans.is_empty());
    assert_eq!(spans.len(), 1, "{spans:?}");
    assert_eq!(spans[0].name, "outer");
    assert_eq!(
        spans[0].attributes["after"], "true",
        "the outer span is still recorded after the request"
    );
    assert!(
        spans[0]
            .attributes
            .keys()
            .all(|key| !key.starts_with("http.")),
        "{spans:?}"
    );
    telemetry.shutdown(Duration::from_secs(10)).unwrap();
}

/// Sends baggage to a handler, and checks whether the handler would forward it.
async fn check_baggage(path: &'static str, remote_parent: RemoteParent) {
    let router = Router::new()
        .route(path, get(|| async { respond_baggage() }))
        .layer(TelemetryLayer::new().remote_parent(remote_parent));
    let request = Request::builder()
        .uri(path)
        .header("traceparent", TRACEPARENT)
        .header("baggage", "planted=by-a-client");
    let answer = router
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let forwarded = answer.headers().contains_key("x-forwarded-baggage");
    assert_eq!(
        forwarded,
        remote_parent == RemoteParent::Continue,
        "forwarded baggage with {remote_parent:?}"
    );
}

/// Responds with `x-forwarded-baggage` if baggage would be sent to other services.
fn respond_baggage() -> axum::response::Response {
    let mut headers = http::HeaderMap::new();
    firstlight::http::inject(&mut headers);
    let mut response = axum::response::Response::new(Body::empty());
    if headers.contains_key("baggage") {
        response
            .headers_mut()
            .insert("x-forwarded-baggage", "yes".parse().unwrap());
    }
    response
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn remote_parents_follow_the_policy() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .without_admin()
        .init()
        .unwrap();
    check_baggage("/continue", RemoteParent::Continue).await;
    check_baggage("/link", RemoteParent::Link).await;
    check_baggage("/ignore", RemoteParent::Ignore).await;
    telemetry.flush(Duration::from_secs(30)).unwrap();

    let spans = receiver.wait_for(Duration::from_secs(30), |spans| spans.len() >= 3);
    let span = |name: &str| {
        spans
            .iter()
            .find(|span| span.name == name)
            .unwrap_or_else(|| panic!("no {name} in {spans:?}"))
    };
    assert_eq!(span("GET /continue").trace_id, CALLER_TRACE);
    for (name, links) in [("GET /link", 1), ("GET /ignore", 0)] {
        assert_ne!(span(name).trace_id, CALLER_TRACE);
        assert_eq!(span(name).parent_span_id, "");
        assert_eq!(span(name).links.len(), links, "{name}");
    }
    assert_eq!(span("GET /link").links[0].trace_id, CALLER_TRACE);
    telemetry.shutdown(Duration::from_secs(10)).unwrap();
}
