//! Tests of responses that the client does not read completely.

use axum::{
    Router,
    body::{Body, Bytes},
    http::Response,
    middleware::map_response,
    routing::get,
};
use firstlight::{
    http::TelemetryLayer,
    testing::{Capture, capture},
};
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http2::Builder};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use crate::{
    DEADLINE, LARGE, Running, SHORT, answer, wait_for_active, wait_for_limited, wait_for_open,
};

/// A request whose connection stays open after the response.
const GET: &str = "GET /large HTTP/1.1\r\nhost: a\r\n\r\n";

/// A router whose response bodies have a single frame.
fn app() -> Router {
    let large = || async { Bytes::from(vec![b'x'; LARGE]) };
    Router::new()
        .route("/large", get(large))
        .route("/small", get(|| async { "x".repeat(10_000) }))
        .layer(TelemetryLayer::new())
}

/// Asserts how the request ended, by its log line, span and metric.
fn assert_ended(capture: &Capture, message: &str, error: &str) {
    let line = capture.assert_log(message).with("error.type", error);
    line.with("http.response.status_code", 200).once();
    let (name, _) = message.split_at("GET /large".len());
    let span = capture.assert_span(name).with("error.type", error);
    span.with("http.response.status_code", 200).once();
    let labels = [
        ("error_type", error),
        ("http_request_method", "GET"),
        ("http_response_status_code", "200"),
    ];
    let samples = capture.histogram("http_server_request_duration_seconds", labels);
    assert_eq!(samples.map(|samples| samples.count), Some(1));
}

#[tokio::test]
async fn disconnects_are_recorded() {
    let capture = capture();
    let server = Running::with(app(), |serve| serve).await;
    let mut client = server.client(GET).await;
    let mut begin = [0; 1_000];
    client.read_exact(&mut begin).await.unwrap();
    wait_for_active(&capture, 1.0).await;
    drop(client);
    wait_for_active(&capture, 0.0).await;
    assert_ended(
        &capture,
        "GET /large client disconnected",
        "client_disconnected",
    );
    server.end().await;
}

#[tokio::test]
async fn unread_responses_are_recorded() {
    let capture = capture();
    let server = Running::with(app(), |serve| serve.write_timeout(SHORT)).await;
    let client = server.client(GET).await;
    wait_for_limited(&capture, "write_timeout", 1.0).await;
    wait_for_active(&capture, 0.0).await;
    assert_ended(&capture, "GET /large not read", "write_timeout");
    drop(client);
    server.end().await;
}

#[tokio::test]
async fn responses_cut_by_the_drain_are_recorded() {
    let capture = capture();
    let server = Running::with(app(), |serve| serve.drain(SHORT)).await;
    let mut client = server.client(GET).await;
    client.read_exact(&mut [0; 1_000]).await.unwrap();
    server.end().await;
    assert_ended(&capture, "GET /large cut by the drain", "drain");
}

#[tokio::test]
async fn responses_last_until_they_are_read() {
    let capture = capture();
    let server = Running::with(app(), |serve| serve.idle_timeout(SHORT)).await;
    let mut client = server.client(GET).await;
    client.read_exact(&mut [0; 1_000]).await.unwrap();
    tokio::time::sleep(SHORT * 2).await;
    wait_for_active(&capture, 1.0).await;
    capture.assert_no_log("GET /large 200");
    assert!(answer(client).await.len() > LARGE - 1_000);
    wait_for_active(&capture, 0.0).await;
    capture
        .assert_log("GET /large 200")
        .without("error.type")
        .once();
    wait_for_open(&capture, 0.0).await;
    server.end().await;
}

/// Tests a layer that reads the whole body long before the client does.
#[tokio::test]
async fn buffering_layers_hide_nothing() {
    let capture = capture();
    let buffer = async |response: Response<Body>| {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Response::from_parts(head, Body::from(body))
    };
    let server = Running::with(app().layer(map_response(buffer)), |serve| serve).await;
    let mut client = server.client(GET).await;
    client.read_exact(&mut [0; 1_000]).await.unwrap();
    wait_for_active(&capture, 1.0).await;
    drop(client);
    wait_for_active(&capture, 0.0).await;
    assert_ended(
        &capture,
        "GET /large client disconnected",
        "client_disconnected",
    );
    server.end().await;
}

#[tokio::test]
async fn streams_end_with_their_last_byte() {
    let capture = capture();
    let server = Running::with(app(), |serve| serve.write_timeout(SHORT)).await;
    // The windows hold the whole body, no byte, and 64 bytes.
    for (window, end) in [
        (1 << 20, "GET /small 200"),
        (0, "GET /small not read"),
        (64, "GET /small client disconnected"),
    ] {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let (mut client, connection) = Builder::new(TokioExecutor::new())
            .initial_stream_window_size(window)
            .handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let request = Request::get("http://localhost/small");
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let response = client.send_request(request).await.unwrap();
        let body = response.into_body();
        match window {
            0 => wait_for_limited(&capture, "write_timeout", 1.0).await,
            64 => wait_for_active(&capture, 1.0).await,
            _ => {
                let body = timeout(DEADLINE, body.collect()).await.unwrap();
                assert_eq!(body.unwrap().to_bytes().len(), 10_000);
                capture.assert_log(end).once();
                continue;
            }
        }
        drop((body, client));
        connection.await.unwrap().unwrap();
        wait_for_active(&capture, 0.0).await;
        capture.assert_log(end).once();
    }
    server.end().await;
}
