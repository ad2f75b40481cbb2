//! Tests of request bodies that stall, arrive slowly, or are too large.

use firstlight::{
    http::{BodyLimits, Serve},
    testing::{Capture, capture},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use crate::{Running, SHORT, answer, wait_for_limited, wait_for_open};

fn with_short_timeout(serve: Serve) -> Serve {
    serve.body(BodyLimits::new().timeout(SHORT))
}

/// Returns the head of a request whose body has `length` bytes.
fn post(path: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n")
}

/// Sends a body byte by byte until the server times it out.
async fn trickle(client: &mut TcpStream, capture: &Capture) {
    let mut bytes = 0;
    while client.write_all(b"x").await.is_ok()
        && capture.metric("serve_limited_total", [("limit", "body_timeout")]) == Some(0.0)
    {
        // Shorter than the timeout.
        sleep(SHORT / 8).await;
        bytes += 1;
        assert!(bytes < 200, "the body is not timed out");
    }
}

#[tokio::test]
async fn stalled_bodies_are_answered_with_408() {
    let capture = capture();
    let server = Running::start(with_short_timeout).await;
    for path in ["/collect", "/frames"] {
        let mut client = server.client(&post(path, 1_000)).await;
        client.write_all(b"half of it").await.unwrap();
        let refused = answer(client).await;
        assert!(refused.starts_with("HTTP/1.1 408 "), "{path}: {refused}");
        capture.assert_log(&format!("POST {path} 408")).once();
    }
    wait_for_limited(&capture, "body_timeout", 2.0).await;
    wait_for_open(&capture, 0.0).await;
    server.end().await;
}

#[tokio::test]
async fn trickled_bodies_are_answered_with_408() {
    let capture = capture();
    let server = Running::start(with_short_timeout).await;
    let mut client = server.client(&post("/collect", 1_000_000)).await;
    trickle(&mut client, &capture).await;
    let refused = answer(client).await;
    assert!(refused.starts_with("HTTP/1.1 408 "), "{refused}");
    server.end().await;
}

#[tokio::test]
async fn sent_bytes_do_not_extend_the_timeout() {
    let capture = capture();
    let server = Running::start(with_short_timeout).await;
    let mut client = server.client(&post("/collect", 1_000_000)).await;
    client.write_all(&vec![b'x'; 500_000]).await.unwrap();
    trickle(&mut client, &capture).await;
    let refused = answer(client).await;
    assert!(refused.starts_with("HTTP/1.1 408 "), "{refused}");
    server.end().await;
}

#[tokio::test]
async fn stalled_bodies_have_bounded_memory() {
    const BODY: usize = 1_900_000;
    const MEMORY: usize = 16 * 1024 * 1024;
    let capture = capture();
    let server = Running::start(|serve| with_short_timeout(serve).body_memory(MEMORY)).await;
    let mut clients = Vec::new();
    for _ in 0..200 {
        let mut client = server.client(&post("/collect", BODY + 1)).await;
        clients.push(tokio::spawn(async move {
            // An error means that the server has already responded.
            let _ = client.write_all(&vec![b'x'; BODY]).await;
            answer(client).await
        }));
    }
    let mut held = 0;
    for client in clients {
        let refused = client.await.unwrap();
        held += usize::from(refused.starts_with("HTTP/1.1 408 "));
        let full = refused.starts_with("HTTP/1.1 503 ") && refused.contains("retry-after: 1\r\n");
        assert!(full || refused.starts_with("HTTP/1.1 408 "), "{refused}");
    }
    // At most eight whole bodies fit into the memory. The bound is higher, because slow clients may time out with a
    // part of their body.
    assert!(held < 150, "{held} bodies were held");
    wait_for_open(&capture, 0.0).await;
    // The memory is released.
    let request = post("/collect", BODY).replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    let mut client = server.client(&request).await;
    client.write_all(&vec![b'x'; BODY]).await.unwrap();
    assert!(answer(client).await.ends_with("1900000"));
    server.end().await;
}

#[tokio::test]
async fn large_bodies_are_answered_with_413() {
    // The default limit, in bytes.
    const LIMIT: usize = 2 * 1024 * 1024;
    let capture = capture();
    let server = Running::start(|serve| serve).await;
    for path in ["/collect", "/frames"] {
        // The body is sent before the response is read, as most clients do.
        let mut client = server.client(&post(path, LIMIT * 4)).await;
        client.write_all(&vec![b'x'; LIMIT * 4]).await.unwrap();
        let refused = answer(client).await;
        assert!(refused.starts_with("HTTP/1.1 413 "), "{path}: {refused}");
        capture.assert_log(&format!("POST {path} 413")).once();

        let chunked =
            format!("POST {path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        let mut client = server.client(&chunked).await;
        for _ in 0..LIMIT / 65_536 + 1 {
            client.write_all(b"10000\r\n").await.unwrap();
            client.write_all(&[b'x'; 65_536]).await.unwrap();
            client.write_all(b"\r\n").await.unwrap();
        }
        let refused = answer(client).await;
        assert!(refused.starts_with("HTTP/1.1 413 "), "{path}: {refused}");
    }
    wait_for_limited(&capture, "body_size", 4.0).await;
    // A body of exactly the limit is accepted.
    let request = post("/collect", LIMIT).replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    let mut client = server.client(&request).await;
    client.write_all(&vec![b'x'; LIMIT]).await.unwrap();
    assert!(answer(client).await.ends_with("2097152"));
    server.end().await;
}

#[tokio::test]
async fn continue_is_sent_for_accepted_bodies() {
    let _capture = capture();
    let server = Running::start(|serve| serve).await;
    let expecting =
        |length| post("/collect", length).replace("\r\n\r\n", "\r\nexpect: 100-continue\r\n\r\n");
    let refused = answer(server.client(&expecting(100_000_000)).await).await;
    assert!(refused.starts_with("HTTP/1.1 413 "), "{refused}");

    let mut client = server.client(&expecting(5)).await;
    let mut go_on = [0; 25];
    client.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"hello").await.unwrap();
    let mut status = [0; 15];
    client.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200 OK");
    server.end().await;
}

#[tokio::test]
async fn routes_can_have_their_own_limits() {
    let capture = capture();
    // The route has no limits. Its body also does not count against the memory of all bodies.
    let server = Running::start(|serve| with_short_timeout(serve).body_memory(0)).await;
    let length = 4 * 1024 * 1024;
    let request = post("/slow", length).replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    let mut client = server.client(&request).await;
    client.write_all(&vec![b'x'; length - 1]).await.unwrap();
    sleep(SHORT * 2).await;
    client.write_all(b"x").await.unwrap();
    let served = answer(client).await;
    assert!(served.ends_with(&length.to_string()), "{served}");
    wait_for_limited(&capture, "body_timeout", 0.0).await;
    server.end().await;
}

#[tokio::test]
async fn unlimited_bodies_take_no_shared_memory() {
    const LENGTH: usize = 4 * 1024 * 1024;
    let capture = capture();
    let unlimited = |serve: Serve| serve.body(BodyLimits::unlimited()).body_memory(0);
    let server = Running::start(unlimited).await;
    let request = post("/frames", LENGTH).replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    let mut client = server.client(&request).await;
    client.write_all(&vec![b'x'; LENGTH]).await.unwrap();
    let served = answer(client).await;
    assert!(served.ends_with(&LENGTH.to_string()), "{served}");
    wait_for_limited(&capture, "body_memory", 0.0).await;
    server.end().await;
}
