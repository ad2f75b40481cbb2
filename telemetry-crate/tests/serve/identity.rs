//! Tests of request ids, and of the trace in the response.

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderName, Request, Response},
    routing::get,
};
use firstlight::{
    http::TelemetryLayer,
    testing::{Capture, capture},
};
use http_body_util::BodyExt;
use tower::ServiceExt;

/// Answers with the request id that the handler sees.
async fn id_of(headers: HeaderMap) -> String {
    tracing::info!("inside");
    let id = headers.get("x-request-id");
    id.map_or_else(String::new, |id| id.to_str().unwrap().to_owned())
}

/// Sends a request with this `x-request-id`.
async fn send(layer: TelemetryLayer, id: Option<&str>) -> Response<String> {
    let app = Router::new().route("/", get(id_of)).layer(layer);
    let mut request = Request::get("/");
    if let Some(id) = id {
        request = request.header("x-request-id", id);
    }
    let answer = app.oneshot(request.body(Body::empty()).unwrap()).await;
    let (head, body) = answer.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Response::from_parts(head, String::from_utf8(body.to_vec()).unwrap())
}

fn header<'a>(response: &'a Response<String>, name: &str) -> Option<&'a str> {
    response
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
}

/// The trace id of the only request.
fn trace_id(capture: &Capture) -> String {
    capture.spans()[0].trace_id.clone()
}

#[tokio::test]
async fn ids_of_clients_are_kept() {
    let capture = capture();
    let response = send(TelemetryLayer::new().request_id(), Some("ticket-42")).await;
    assert_eq!(response.body(), "ticket-42");
    assert_eq!(header(&response, "x-request-id"), Some("ticket-42"));
    for line in ["inside", "GET / 200"] {
        let line = capture.assert_log(line);
        line.with("request.id", "ticket-42").once();
    }
    let span = capture.assert_span("GET /");
    span.with("request.id", "ticket-42").once();
}

#[tokio::test]
async fn other_requests_get_their_trace_id() {
    for id in [None, Some("not an id"), Some(&*"x".repeat(129))] {
        let capture = capture();
        let response = send(TelemetryLayer::new().request_id(), id).await;
        let trace_id = trace_id(&capture);
        assert_eq!(*response.body(), trace_id);
        assert_eq!(header(&response, "x-request-id"), Some(&*trace_id));
        let line = capture.assert_log("inside");
        line.with("request.id", &*trace_id).once();
    }
}

#[tokio::test]
async fn by_default_no_header_is_added() {
    let capture = capture();
    let response = send(TelemetryLayer::new(), Some("ticket-42")).await;
    assert_eq!(response.body(), "ticket-42");
    assert_eq!(header(&response, "x-request-id"), None);
    assert_eq!(header(&response, "traceresponse"), None);
    capture.assert_log("inside").without("request.id");
}

#[tokio::test]
async fn traces_are_returned_by_choice() {
    let capture = capture();
    let response = send(TelemetryLayer::new().traceresponse(), None).await;
    let span = &capture.spans()[0];
    // Sampled, with a random trace id.
    let expected = format!("00-{}-{}-03", span.trace_id, span.span_id);
    assert_eq!(header(&response, "traceresponse"), Some(&*expected));
    drop(capture);

    let capture = self::capture();
    let name = HeaderName::from_static("x-trace-id");
    let response = send(TelemetryLayer::new().trace_id_header(name), None).await;
    assert_eq!(header(&response, "x-trace-id"), Some(&*trace_id(&capture)));
    assert_eq!(header(&response, "x-request-id"), None);
}
