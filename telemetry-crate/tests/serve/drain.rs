//! Tests of the drain, which waits for requests and then cuts open connections.

use std::time::Duration;

use firstlight::{http::BodyLimits, testing::capture};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use crate::{DEADLINE, Running, SHORT, answer, wait_for_active, wait_for_limited, wait_for_open};

/// A request to change the protocol to `echo`.
const UPGRADE: &str =
    "GET /upgrade HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";

#[tokio::test]
async fn open_connections_are_cut_and_counted() {
    let capture = capture();
    let server = Running::start(|serve| serve.drain(SHORT)).await;
    let mut clients = vec![
        server
            .client("GET /events HTTP/1.1\r\nhost: a\r\n\r\n")
            .await,
        server
            .client("GET /large HTTP/1.1\r\nhost: a\r\n\r\n")
            .await,
        server
            .client("GET /hangs HTTP/1.1\r\nhost: a\r\n\r\n")
            .await,
        server
            .client("POST /collect HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf")
            .await,
    ];
    let mut upgraded = server.client(UPGRADE).await;
    upgraded.write_all(b"ping").await.unwrap();
    read_until(&mut upgraded, "\r\n\r\nping").await;
    clients.push(upgraded);
    // An idle connection is closed at once and not counted.
    let mut idle = server.client("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    read_until(&mut idle, "hello").await;
    wait_for_open(&capture, 6.0).await;
    wait_for_active(&capture, 4.0).await;

    server.end().await;
    // The request of the upgraded connection has ended.
    let warning = capture.assert_log("the drain of 0.4 s is over: open connections are cut");
    warning.with("connections", 5).with("requests", 4).once();
    wait_for_limited(&capture, "drain", 5.0).await;
    wait_for_open(&capture, 0.0).await;
    for path in ["/events", "/large", "/hangs"] {
        let line = capture.assert_log(&format!("GET {path} cut by the drain"));
        line.with("error.type", "drain")
            .with("level", "ERROR")
            .once();
    }
    // Every request has ended, so a later flush of telemetry includes its log line and its span.
    assert_eq!(capture.metric("http_server_active_requests", []), Some(0.0));
    for mut client in clients {
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(DEADLINE, client.read_to_end(&mut rest))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn requests_in_flight_are_answered() {
    let capture = capture();
    let server = Running::start(|serve| serve.drain(DEADLINE)).await;
    let mut client = server
        .client("POST /collect HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf ")
        .await;
    wait_for_active(&capture, 1.0).await;
    let Running {
        address,
        stop,
        server,
    } = server;
    stop.send(()).unwrap();
    // New connections are not accepted.
    while TcpStream::connect(address).await.is_ok() {
        sleep(Duration::from_millis(10)).await;
    }
    client.write_all(b"done").await.unwrap();
    let served = answer(client).await;
    assert!(served.starts_with("HTTP/1.1 200 "), "{served}");
    assert!(served.contains("connection: close"), "{served}");
    tokio::time::timeout(DEADLINE, server)
        .await
        .unwrap()
        .unwrap();
    wait_for_limited(&capture, "drain", 0.0).await;
}

#[tokio::test]
async fn stalled_bodies_end_before_the_drain() {
    let capture = capture();
    let server = Running::start(|serve| {
        serve
            .drain(DEADLINE * 10)
            .body(BodyLimits::new().timeout(SHORT))
    })
    .await;
    let client = server
        .client("POST /collect HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf")
        .await;
    wait_for_active(&capture, 1.0).await;
    server.stop.send(()).unwrap();
    let refused = answer(client).await;
    assert!(refused.starts_with("HTTP/1.1 408 "), "{refused}");
    tokio::time::timeout(DEADLINE, server.server)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn dropped_servers_leave_nothing_open() {
    let capture = capture();
    let server = Running::start(|serve| serve).await;
    let mut upgraded = server.client(UPGRADE).await;
    read_until(&mut upgraded, "\r\n\r\n").await;
    let events = server
        .client("GET /events HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    wait_for_open(&capture, 2.0).await;
    server.server.abort();
    wait_for_open(&capture, 0.0).await;
    drop((upgraded, events));
}

/// Reads until the received bytes end with `end`.
async fn read_until(client: &mut TcpStream, end: &str) {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        read.push(client.read_u8().await.unwrap());
    }
}
