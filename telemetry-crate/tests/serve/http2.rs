//! Tests of HTTP/2 clients.
//!
//! They cover unread streams, resets, idle connections, bodies and panics.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use firstlight::testing::capture;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, StatusCode,
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    net::TcpStream,
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};
use tokio_stream::StreamExt as _;

use crate::{DEADLINE, LARGE, Running, SHORT, wait_for_active, wait_for_limited, wait_for_open};

type Client = SendRequest<Full<Bytes>>;

/// Connects a client that receives at most 16 KiB of a response before reading it.
async fn client(server: &Running) -> (Client, JoinHandle<()>) {
    client_of_window(server, 16 * 1024).await
}

/// Connects a client whose streams have a window of `window` bytes.
async fn client_of_window(server: &Running, window: u32) -> (Client, JoinHandle<()>) {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (client, connection) = Builder::new(TokioExecutor::new())
        .initial_stream_window_size(window)
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(async move {
        let _ = connection.await;
    });
    (client, connection)
}

fn get(path: &str) -> Request<Full<Bytes>> {
    let uri = format!("http://localhost{path}");
    Request::get(uri).body(Full::default()).unwrap()
}

#[tokio::test]
async fn unread_streams_are_reset() {
    let capture = capture();
    let server = Running::start(|serve| serve.write_timeout(SHORT).max_streams(8)).await;
    let (mut client, connection) = client(&server).await;
    let mut stalled = Vec::new();
    for _ in 0..4 {
        stalled.push(client.send_request(get("/large")).await.unwrap());
    }
    // A stream without data to send does not count as unread.
    let mut events = client.send_request(get("/events")).await.unwrap();
    events.frame().await.unwrap().unwrap();
    wait_for_limited(&capture, "write_timeout", 4.0).await;
    for response in stalled {
        assert!(response.into_body().collect().await.is_err());
    }
    let line = capture.assert_log("GET /large not read");
    line.with("error.type", "write_timeout")
        .with("level", "INFO");
    // The connection is not closed.
    let response = client.send_request(get("/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    wait_for_open(&capture, 1.0).await;
    wait_for_limited(&capture, "write_timeout", 4.0).await;
    let whole = client.send_request(get("/large")).await.unwrap();
    assert_eq!(
        whole.into_body().collect().await.unwrap().to_bytes().len(),
        LARGE
    );
    drop((client, events, response));
    connection.await.unwrap();
    wait_for_open(&capture, 0.0).await;
    server.end().await;
}

#[tokio::test]
async fn slowly_read_streams_are_reset() {
    let capture = capture();
    let server = Running::start(|serve| serve.write_timeout(SHORT)).await;
    let (mut client, connection) = client_of_window(&server, 64).await;
    let mut drops = client.send_request(get("/drops")).await.unwrap();
    let mut frames = 0;
    // The window opens again long before each timeout.
    while drops.frame().await.unwrap().is_ok() {
        sleep(SHORT / 8).await;
        frames += 1;
        assert!(frames < 200, "the stream is not reset");
    }
    wait_for_limited(&capture, "write_timeout", 1.0).await;
    let response = client.send_request(get("/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    drop((client, response, drops));
    connection.await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn resets_leave_nothing_behind() {
    let capture = capture();
    let server = Running::start(|serve| serve).await;
    let (mut first, connection) = client(&server).await;
    for _ in 0..2_000 {
        if first.ready().await.is_err() {
            break;
        }
        // The request is sent, and the abort resets its stream.
        let request = tokio::spawn(first.send_request(get("/hangs")));
        tokio::task::yield_now().await;
        request.abort();
    }
    drop(first);
    connection.await.unwrap();
    wait_for_open(&capture, 0.0).await;
    wait_for_active(&capture, 0.0).await;
    let (mut second, _connection) = client(&server).await;
    let response = second.send_request(get("/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    drop((second, response));
    server.end().await;
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let capture = capture();
    let server = Running::start(|serve| serve.idle_timeout(SHORT).header_timeout(SHORT / 8)).await;
    let (mut client, connection) = client(&server).await;
    for _ in 0..4 {
        let response = client.send_request(get("/")).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        sleep(SHORT / 4).await;
    }
    connection.await.unwrap();
    wait_for_open(&capture, 0.0).await;
    server.end().await;
}

#[tokio::test]
async fn stalled_bodies_are_answered_with_408() {
    let capture = capture();
    let server =
        Running::start(|serve| serve.body(firstlight::http::BodyLimits::new().timeout(SHORT)))
            .await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut client, connection) = Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let body = Body::from_stream(tokio_stream::pending::<Result<Bytes, std::io::Error>>());
    let request = Request::post("http://localhost/collect")
        .body(body)
        .unwrap();
    let response = client.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    wait_for_limited(&capture, "body_timeout", 1.0).await;
    drop((client, response));
    server.end().await;
}

#[tokio::test]
async fn stalled_bodies_share_one_limit() {
    const BODY: usize = 1_900_000;
    const MEMORY: usize = 16 * 1024 * 1024;
    let capture = capture();
    // There is no timeout, so only the memory limit applies, even on a slow machine.
    let body = firstlight::http::BodyLimits::new().timeout(Duration::MAX);
    let server = Running::start(|serve| serve.body(body).body_memory(MEMORY)).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (client, connection) = Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let post = |last: Option<Bytes>| {
        let first = Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; BODY]));
        let first = tokio_stream::once(first);
        let body = match last {
            Some(last) => Body::from_stream(first.chain(tokio_stream::once(Ok(last)))),
            None => Body::from_stream(first.chain(tokio_stream::pending())),
        };
        let mut client = client.clone();
        let request = Request::post("http://localhost/collect").body(body);
        async move {
            let response = client.send_request(request.unwrap()).await.unwrap();
            response.status()
        }
    };
    let mut stalled: JoinSet<_> = (0..60).map(|_| post(None)).collect();
    // Eight whole bodies and a part of a ninth fit into the memory.
    for _ in 0..51 {
        let refused = timeout(DEADLINE, stalled.join_next()).await;
        let status = refused.expect("too many are held").unwrap().unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
    stalled.shutdown().await;
    wait_for_active(&capture, 0.0).await;
    // The memory is released.
    let whole = post(Some(Bytes::from_static(b"x")));
    assert_eq!(whole.await, StatusCode::OK);
    drop(client);
    server.end().await;
}

#[tokio::test]
async fn panics_leave_other_streams_alone() {
    let capture = capture();
    let server = Running::start(|serve| serve).await;
    let (mut client, connection) = client(&server).await;
    let mut neighbor = client.send_request(get("/events")).await.unwrap();
    neighbor.frame().await.unwrap().unwrap();

    let panicked = client.send_request(get("/panics")).await.unwrap();
    assert_eq!(panicked.status(), StatusCode::INTERNAL_SERVER_ERROR);
    // The head may or may not have been sent before the panic.
    if let Ok(broken) = client.send_request(get("/breaks")).await {
        assert!(broken.into_body().collect().await.is_err());
    }

    capture.assert_log("GET /panics panicked").once();
    capture.assert_log("GET /breaks panicked").once();
    let response = client.send_request(get("/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    capture.assert_no_log("GET /events client disconnected");
    drop((client, neighbor));
    connection.await.unwrap();
    server.end().await;
}
