//! The admin listener: what it answers, and to which clients.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use firstlight::TelemetryConfig;
use tracing::Level;
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

use crate::support::{ask, put, send};

/// Head and body of the answer.
fn exchange(address: SocketAddr, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    write!(
        stream,
        "{request}\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// The page as Prometheus asks for it, and as it reads it.
#[cfg(feature = "otlp-gzip")]
fn compressed(address: SocketAddr) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .unwrap();
    let mut page = String::new();
    flate2::read::GzDecoder::new(&answer[end + 4..])
        .read_to_string(&mut page)
        .unwrap();
    (String::from_utf8_lossy(&answer[..end]).into_owned(), page)
}

pub(crate) fn scrapes_and_probes_are_answered() {
    let telemetry = TelemetryConfig::new()
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let address = telemetry.admin_address().unwrap();
    metrics::counter!("visits").increment(2);

    let (head, body) = exchange(address, "GET /metrics HTTP/1.1");
    assert!(
        head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{head}"
    );
    assert!(
        body.contains("# TYPE visits_total counter\nvisits_total 2\n"),
        "{body}"
    );
    assert!(!body.contains("# EOF"), "{body}");

    // A list may come as several headers.
    let several =
        "GET /metrics HTTP/1.1\r\naccept: */*;q=0.1\r\naccept: application/openmetrics-text";
    let (head, _) = exchange(address, several);
    assert!(head.contains("application/openmetrics-text"), "{head}");
    #[cfg(feature = "otlp-gzip")]
    {
        let (head, page) = compressed(address);
        assert!(head.contains("content-encoding: gzip"), "{head}");
        assert!(page.contains("\nvisits_total 2\n"), "{page}");
    }

    let openmetrics =
        "GET /metrics HTTP/1.1\r\naccept: application/openmetrics-text;version=1.0.0,*/*;q=0.1";
    let (head, body) = exchange(address, openmetrics);
    assert!(
        head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{head}"
    );
    assert!(
        body.contains("# TYPE visits counter\nvisits_total 2\n"),
        "{body}"
    );
    assert!(body.ends_with("# EOF\n"), "{body}");

    let (head, body) = exchange(address, "HEAD /metrics HTTP/1.1");
    assert!(
        head.starts_with("HTTP/1.1 200 ") && body.is_empty(),
        "{head}\n{body}"
    );
    assert!(
        exchange(address, "POST /metrics HTTP/1.1")
            .0
            .starts_with("HTTP/1.1 405 ")
    );
    assert!(
        exchange(address, "GET /etc/passwd HTTP/1.1")
            .0
            .starts_with("HTTP/1.1 404 ")
    );

    // Clients that connect and say nothing take no place from those that do.
    let silent: Vec<_> = (0..20)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    assert!(
        exchange(address, "GET /livez HTTP/1.1")
            .0
            .starts_with("HTTP/1.1 200 ")
    );
    drop(silent);

    let readiness = telemetry.readiness();
    assert_eq!(exchange(address, "GET /readyz HTTP/1.1").1, "ready\n");
    readiness.register("cache", || async { Err::<(), _>("cold") });
    let (head, body) = exchange(address, "GET /readyz HTTP/1.1");
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(body, "not ready\ncache: cold\n");
    readiness.register("cache", || async { Ok::<_, String>(()) });
    assert_eq!(
        exchange(address, "GET /readyz HTTP/1.1").1,
        "ready\ncache: ok\n"
    );
    readiness.drain();
    assert!(
        exchange(address, "GET /readyz HTTP/1.1")
            .0
            .starts_with("HTTP/1.1 503 ")
    );

    telemetry.shutdown(Duration::from_secs(10)).unwrap();
    assert!(
        exchange(address, "GET /livez HTTP/1.1")
            .0
            .starts_with("HTTP/1.1 200 "),
        "alive until the end"
    );
}

pub(crate) fn foreign_subscribers_are_served() {
    let mut telemetry = TelemetryConfig::new()
        .admin_address(([127, 0, 0, 1], 0).into())
        .build()
        .unwrap();
    tracing_subscriber::registry()
        .with(telemetry.layer())
        .try_init()
        .unwrap();
    let telemetry = telemetry.install().unwrap();
    let address = telemetry.admin_address().unwrap();

    let report = telemetry.check(Duration::from_secs(60));
    assert!(report.is_ok(), "{report}");
    let page = ask(address, "GET /telemetry").body;
    assert!(page.contains("\nlogs: works\n"), "{page}");

    // Asked at one place in the code, whose answer is kept until the filter changes.
    let debug = || tracing::enabled!(target: "orders", Level::DEBUG);
    assert!(!debug());
    let level = log::max_level();
    assert_eq!(put(address, "/log-filter", "orders=debug").status, 200);
    assert!(debug());
    assert_eq!(ask(address, "DELETE /log-filter").status, 200);
    assert!(!debug());
    assert_eq!(log::max_level(), level, "the bridge is the program's own");
}

pub(crate) fn slow_clients_lock_out_no_scrape() {
    let telemetry = TelemetryConfig::new()
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let address = telemetry.admin_address().unwrap();

    // Several times as many as there are places.
    let mut slow = Vec::new();
    for client in 0..200 {
        let mut stream = TcpStream::connect(address).unwrap();
        // Some say nothing, some never finish the head, and some never finish the body. One that has had to make room
        // already may find the connection closed.
        let _ = match client % 3 {
            0 => stream.write_all(b""),
            1 => stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: loc"),
            _ => stream.write_all(b"PUT /log-filter HTTP/1.1\r\ncontent-length: 9\r\n\r\ninfo"),
        };
        slow.push(stream);
        if client % 20 == 0 {
            assert_eq!(ask(address, "GET /livez").status, 200, "{client}");
        }
    }
    let scrape = ask(address, "GET /metrics");
    assert_eq!(scrape.status, 200);
    assert!(scrape.body.contains("target_info"), "{}", scrape.body);
    // Places are given back, not only shared: the first of them has lost its own.
    let mut first = slow.swap_remove(0);
    first
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    assert!(matches!(first.read(&mut [0; 1]), Ok(0) | Err(_)));

    // More than is read of it, so that the connection may be reset before the answer is.
    let mut huge = TcpStream::connect(address).unwrap();
    let padding = "x".repeat(64 * 1024);
    let _ = write!(huge, "GET /livez HTTP/1.1\r\nx-padding: {padding}\r\n\r\n");
    let mut answer = String::new();
    let _ = huge.read_to_string(&mut answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
        "{answer}"
    );
    let many: String = (0..100).map(|n| format!("\r\nx-{n}: y")).collect();
    let many = send(address, &format!("GET /livez HTTP/1.1{many}"), "");
    assert_eq!(many.status, 431, "{}", many.head);
    assert_eq!(ask(address, "GET /livez").status, 200);
}
