//! Tests of a request's span: the client and the request that it describes.

use axum::{Router, body::Body, http::Request, routing::any};
use firstlight::{
    http::{ClientAddress, TelemetryLayer},
    testing::capture,
};
use tower::ServiceExt;

use crate::Running;

/// The headers of a request.
///
/// The user agent has a byte outside ASCII. A proxy has added the last address of `x-forwarded-for`.
const HEADERS: &str = "host: shop.example:8080\r\nuser-agent: curl/8.1 \u{fc}\r\n\
     x-forwarded-for: 6.6.6.6, 192.0.2.7\r\n";

fn app(layer: TelemetryLayer) -> Router {
    Router::new().fallback(any(|| async { "" })).layer(layer)
}

#[tokio::test]
async fn spans_name_the_client_and_the_server() {
    let capture = capture();
    let server = Running::with(app(TelemetryLayer::new()), |serve| serve).await;
    server
        .ask(&format!("GET /?page=2 HTTP/1.1\r\n{HEADERS}"))
        .await;
    let span = capture
        .assert_span("GET")
        .with("client.address", "127.0.0.1");
    let span = span.with("server.address", "shop.example");
    let span = span.with("server.port", 8080);
    let span = span.with("user_agent.original", "curl/8.1 \u{fc}");
    let span = span.without("network.peer.address");
    let span = span.without("http.request.method_original");
    span.without("url.query").once();
    server.end().await;
}

#[tokio::test]
async fn forwarded_clients_are_opt_in() {
    let capture = capture();
    let layer = TelemetryLayer::new().client_address(ClientAddress::XForwardedFor { proxies: 1 });
    let server = Running::with(app(layer), |serve| serve).await;
    server.ask(&format!("GET / HTTP/1.1\r\n{HEADERS}")).await;
    let span = capture
        .assert_span("GET")
        .with("client.address", "192.0.2.7");
    span.with("network.peer.address", "127.0.0.1").once();
    server.end().await;
}

#[tokio::test]
async fn recorded_queries_are_opt_in() {
    let capture = capture();
    let app = app(TelemetryLayer::new().record_query());
    let path = "/?page=2&access_token=hunter2&sig=hunter2&q=a%20b";
    let request = Request::get(path).body(Body::empty()).unwrap();
    app.oneshot(request).await.unwrap();
    let span = capture.assert_span("GET");
    span.with("url.query", "page=2&access_token=***&sig=***&q=a%20b")
        .once();
}

#[tokio::test]
async fn unknown_methods_have_an_attribute() {
    let capture = capture();
    for (method, known) in [
        ("PROPFIND", "_OTHER"),
        ("get", "_OTHER"),
        ("QUERY", "QUERY"),
    ] {
        let request = Request::builder().method(method).uri("/");
        let request = request.body(Body::empty()).unwrap();
        app(TelemetryLayer::new()).oneshot(request).await.unwrap();
        let message = format!("{known} 200");
        let line = capture.assert_log(&message);
        if known == "_OTHER" {
            line.with("http.request.method_original", method).once();
            let span = capture.assert_span("HTTP");
            let span = span.with("http.request.method", "_OTHER");
            span.with("http.request.method_original", method).once();
        } else {
            line.without("http.request.method_original").once();
            capture.assert_span("QUERY").once();
        }
    }
}
