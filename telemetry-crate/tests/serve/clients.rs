//! Tests of clients that are slow or idle, do not read, or are many.

use firstlight::testing::capture;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{DEADLINE, Running, SHORT, answer, wait_for_active, wait_for_limited, wait_for_open};

#[tokio::test]
async fn unfinished_heads_are_closed() {
    let capture = capture();
    let server = Running::start(|serve| serve.header_timeout(SHORT)).await;
    // Three clients send nothing, a part of the HTTP/2 preface, and a part of a head. The fourth
    // sends one header after another without an end.
    let silent = server.client("").await;
    let preface = server.client("PR").await;
    let head = server.client("GET / HTTP/1.1\r\nhost: a\r\nx-").await;
    let mut trickle = server.client("GET / HTTP/1.1\r\n").await;
    while trickle.write_all(b"a: b\r\n").await.is_ok() {
        sleep(SHORT / 8).await;
    }
    for client in [silent, preface, head] {
        assert_eq!(answer(client).await, "");
    }
    wait_for_limited(&capture, "header_timeout", 4.0).await;
    wait_for_open(&capture, 0.0).await;
    server.end().await;
}

#[tokio::test]
async fn later_heads_have_the_same_timeout() {
    let capture = capture();
    let server = Running::start(|serve| serve.header_timeout(SHORT)).await;
    let mut client = server.client("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut status = [0; 15];
    client.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200 OK");
    wait_for_active(&capture, 0.0).await;
    client.write_all(b"GET /").await.unwrap();
    // The rest of the first response. The unfinished second request has none.
    assert!(answer(client).await.ends_with("hello"));
    wait_for_limited(&capture, "header_timeout", 1.0).await;
    wait_for_open(&capture, 0.0).await;
    server.end().await;
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let capture = capture();
    let server = Running::start(|serve| serve.idle_timeout(SHORT)).await;
    let client = server.client("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(answer(client).await.ends_with("hello"));
    wait_for_open(&capture, 0.0).await;
    // An idle timeout is normal and not counted.
    wait_for_limited(&capture, "header_timeout", 0.0).await;
    server.end().await;
}

#[tokio::test]
async fn requests_outlast_the_idle_timeout() {
    let capture = capture();
    let server = Running::start(|serve| {
        serve
            .idle_timeout(SHORT)
            .header_timeout(SHORT)
            .write_timeout(SHORT)
    })
    .await;
    let mut client = server
        .client("GET /events HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    sleep(SHORT * 4).await;
    wait_for_open(&capture, 1.0).await;
    let mut begun = [0; 8];
    client.read_exact(&mut begun).await.unwrap();
    drop(client);
    wait_for_open(&capture, 0.0).await;
    server.end().await;
}

#[tokio::test]
async fn unread_responses_are_cut() {
    let capture = capture();
    let server = Running::start(|serve| serve.write_timeout(SHORT)).await;
    let client = server
        .client("GET /large HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    wait_for_limited(&capture, "write_timeout", 1.0).await;
    wait_for_open(&capture, 0.0).await;
    capture.assert_log("GET /large not read").once();
    drop(client);
    server.end().await;
}

#[tokio::test]
async fn slow_readers_get_their_response() {
    let capture = capture();
    let server = Running::start(|serve| serve.write_timeout(SHORT * 2)).await;
    let mut client = server
        .client("GET /large HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await;
    // At least 32 reads, whose pauses together are twice the timeout.
    let mut buffer = vec![0; crate::LARGE / 32];
    let mut length = 0;
    let read = async {
        loop {
            // Each pause is shorter than the timeout.
            sleep(SHORT / 8).await;
            match client.read(&mut buffer).await.unwrap() {
                0 => break,
                some => length += some,
            }
        }
    };
    timeout(DEADLINE, read).await.unwrap();
    assert!(length > crate::LARGE, "{length}");
    wait_for_limited(&capture, "write_timeout", 0.0).await;
    server.end().await;
}

#[tokio::test]
async fn requests_beyond_the_limit_are_rejected() {
    let capture = capture();
    let server = Running::start(|serve| serve.max_requests(2)).await;
    let mut waiting: Vec<TcpStream> = Vec::new();
    for _ in 0..2 {
        waiting.push(
            server
                .client("GET /hangs HTTP/1.1\r\nhost: a\r\n\r\n")
                .await,
        );
    }
    wait_for_active(&capture, 2.0).await;
    let refused = server.ask("GET / HTTP/1.1\r\nhost: a\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.contains("retry-after: 1\r\n"), "{refused}");
    wait_for_limited(&capture, "requests", 1.0).await;
    // A rejected request counts as a failure, like every 503.
    let line = capture.assert_log("GET 503").once();
    line.with("serve.limit", "requests");

    drop(waiting);
    wait_for_open(&capture, 0.0).await;
    let served = server.ask("GET / HTTP/1.1\r\nhost: a\r\n").await;
    assert!(served.ends_with("hello"), "{served}");
    server.end().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let capture = capture();
    let server = Running::start(|serve| serve.max_connections(2).idle_timeout(SHORT)).await;
    // A client keeps its connection open after the response, until the idle timeout closes it.
    let clients = (0..6).map(|_| async {
        let client = server.client("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(answer(client).await.ends_with("hello"));
    });
    for client in clients.collect::<Vec<_>>() {
        client.await;
    }
    let mut held = Vec::new();
    for _ in 0..6 {
        held.push(server.client("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await);
    }
    sleep(SHORT / 4).await;
    let open = capture.metric("serve_open_connections", []);
    assert!(open <= Some(2.0), "{open:?}");
    for client in held {
        assert!(answer(client).await.ends_with("hello"));
    }
    capture.assert_log(
        "the connection limit is reached: further connections wait until one is closed",
    );
    server.end().await;
}

#[tokio::test]
async fn rejected_heads_are_counted() {
    let capture = capture();
    let server = Running::start(|serve| serve).await;
    for head in ["\u{1}nonsense\r\n", "GET / HTTP/1.1\r\nno colon\r\n"] {
        let refused = server.ask(head).await;
        assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    }
    wait_for_limited(&capture, "invalid_head", 2.0).await;
    // A client that disconnects within a head has sent nothing invalid.
    drop(server.client("GET / HTTP/1.1\r\nhost").await);
    wait_for_open(&capture, 0.0).await;
    wait_for_limited(&capture, "invalid_head", 2.0).await;
    wait_for_limited(&capture, "header_size", 0.0).await;
    server.end().await;
}

#[tokio::test]
async fn heads_have_a_size_limit() {
    let capture = capture();
    // The server raises the limit to its minimum of 8 KiB.
    let server = Running::start(|serve| serve.max_header_bytes(0)).await;
    let large = format!("GET / HTTP/1.1\r\nx: {}\r\n", "x".repeat(16 * 1024));
    let refused = server.ask(&large).await;
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    wait_for_limited(&capture, "header_size", 1.0).await;
    wait_for_limited(&capture, "invalid_head", 0.0).await;
    server.end().await;
}

#[tokio::test]
async fn handlers_know_their_client() {
    let _capture = capture();
    let server = Running::start(|serve| serve).await;
    let client = server
        .client("GET /client HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await;
    let address = client.local_addr().unwrap().to_string();
    assert!(answer(client).await.ends_with(&address));
    server.end().await;
}
