//! Alone in its file: it installs what is global in a process.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use firstlight::TelemetryConfig;

/// Head and body of the answer.
fn ask(address: SocketAddr, request: &str) -> (String, String) {
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

#[test]
fn the_admin_listener_answers_scrapes_and_probes_and_nothing_else() {
    let telemetry = TelemetryConfig::new()
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let address = telemetry.admin_address().unwrap();
    metrics::counter!("visits").increment(2);

    let (head, body) = ask(address, "GET /metrics HTTP/1.1");
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
    let (head, _) = ask(address, several);
    assert!(head.contains("application/openmetrics-text"), "{head}");
    #[cfg(feature = "otlp-gzip")]
    {
        let (head, page) = compressed(address);
        assert!(head.contains("content-encoding: gzip"), "{head}");
        assert!(page.contains("\nvisits_total 2\n"), "{page}");
    }

    let openmetrics =
        "GET /metrics HTTP/1.1\r\naccept: application/openmetrics-text;version=1.0.0,*/*;q=0.1";
    let (head, body) = ask(address, openmetrics);
    assert!(
        head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{head}"
    );
    assert!(
        body.contains("# TYPE visits counter\nvisits_total 2\n"),
        "{body}"
    );
    assert!(body.ends_with("# EOF\n"), "{body}");

    let (head, body) = ask(address, "HEAD /metrics HTTP/1.1");
    assert!(
        head.starts_with("HTTP/1.1 200 ") && body.is_empty(),
        "{head}\n{body}"
    );
    assert!(
        ask(address, "POST /metrics HTTP/1.1")
            .0
            .starts_with("HTTP/1.1 405 ")
    );
    assert!(
        ask(address, "GET /etc/passwd HTTP/1.1")
            .0
            .starts_with("HTTP/1.1 404 ")
    );

    // Clients that connect and say nothing take no place from those that do.
    let silent: Vec<_> = (0..20)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    assert!(
        ask(address, "GET /livez HTTP/1.1")
            .0
            .starts_with("HTTP/1.1 200 ")
    );
    drop(silent);

    let readiness = telemetry.readiness();
    assert_eq!(ask(address, "GET /readyz HTTP/1.1").1, "ready\n");
    readiness.register("cache", || async { Err::<(), _>("cold") });
    let (head, body) = ask(address, "GET /readyz HTTP/1.1");
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(body, "not ready\ncache: cold\n");
    readiness.register("cache", || async { Ok::<_, String>(()) });
    assert_eq!(ask(address, "GET /readyz HTTP/1.1").1, "ready\ncache: ok\n");
    readiness.drain();
    assert!(
        ask(address, "GET /readyz HTTP/1.1")
            .0
            .starts_with("HTTP/1.1 503 ")
    );

    telemetry.shutdown(Duration::from_secs(10)).unwrap();
    assert!(
        ask(address, "GET /livez HTTP/1.1")
            .0
            .starts_with("HTTP/1.1 200 "),
        "alive until the end"
    );
}
