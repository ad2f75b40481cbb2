//! Alone in its file: it installs what is global in a process.

#![cfg(all(feature = "axum", feature = "testing"))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use axum::{Router, body::Body, routing::get};
use firstlight::{
    TelemetryConfig,
    http::{RemoteParent, TelemetryLayer},
    testing::OtlpReceiver,
};
use http::Request;
use tower::ServiceExt;

const STRANGER: &str = "0af7651916cd43dd8448eb211c80319c";

async fn send(path: &'static str, remote_parent: RemoteParent) {
    let router = Router::new()
        .route(path, get(|| async { baggage() }))
        .layer(TelemetryLayer::new().remote_parent(remote_parent));
    let request = Request::builder()
        .uri(path)
        .header("traceparent", format!("00-{STRANGER}-b7ad6b7169203331-01"))
        .header("baggage", "planted=by-a-stranger");
    let answer = router
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let sent_on = answer.headers().contains_key("x-sent-on");
    assert_eq!(
        sent_on,
        remote_parent == RemoteParent::Continue,
        "baggage, with {remote_parent:?}"
    );
}

/// Says whether the baggage of the caller would go on to the next service.
fn baggage() -> axum::response::Response {
    let mut headers = http::HeaderMap::new();
    firstlight::http::inject(&mut headers);
    let mut response = axum::response::Response::new(Body::empty());
    if headers.contains_key("baggage") {
        response
            .headers_mut()
            .insert("x-sent-on", "yes".parse().unwrap());
    }
    response
}

#[tokio::test]
async fn strangers_cannot_join_our_traces_where_we_say_so() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .without_admin()
        .init()
        .unwrap();
    send("/continue", RemoteParent::Continue).await;
    send("/link", RemoteParent::Link).await;
    send("/ignore", RemoteParent::Ignore).await;
    telemetry.flush(Duration::from_secs(30)).unwrap();

    let spans = receiver.wait_for(Duration::from_secs(30), |spans| spans.len() >= 3);
    let span = |name: &str| {
        spans
            .iter()
            .find(|span| span.name == name)
            .unwrap_or_else(|| panic!("no {name} in {spans:?}"))
    };
    assert_eq!(span("GET /continue").trace_id, STRANGER);
    for (name, links) in [("GET /link", 1), ("GET /ignore", 0)] {
        assert_ne!(span(name).trace_id, STRANGER);
        assert_eq!(span(name).parent_span_id, "");
        assert_eq!(span(name).links.len(), links, "{name}");
    }
    assert_eq!(span("GET /link").links[0].trace_id, STRANGER);
    telemetry.shutdown(Duration::from_secs(10)).unwrap();
}
