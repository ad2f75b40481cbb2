//! Tests of the admin listener's responses and of its limits for clients.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use firstlight::TelemetryConfig;
use tracing::Level;
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

use crate::support::{ask, put, send};

/// Sends a request and returns head and body of the response.
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

/// Fetches the exposition with gzip, as Prometheus does, and decompresses it.
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
    let mut exposition = String::new();
    flate2::read::GzDecoder::new(&answer[end + 4..])
        .read_to_string(&mut exposition)
        .unwrap();
    (
        String::from_utf8_lossy(&answer[..end]).into_owned(),
        exposition,
    )
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
    // With a 0 first, the first increase is visible to `rate`.
    for limit in ["queue", "write_timeout"] {
        let series = format!("admin_streams_cut_off_total{{limit=\"{limit}\"}} 0\n");
        assert!(body.contains(&series), "{body}");
    }

    // A list header may occur several times.
    let several =
        "GET /metrics HTTP/1.1\r\naccept: */*;q=0.1\r\naccept: application/openmetrics-text";
    let (head, _) = exchange(address, several);
    assert!(head.contains("application/openmetrics-text"), "{head}");
    #[cfg(feature = "otlp-gzip")]
    {
        let (head, exposition) = compressed(address);
        assert!(head.contains("content-encoding: gzip"), "{head}");
        assert!(exposition.contains("\nvisits_total 2\n"), "{exposition}");
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

    // Idle connections do not block requests on other connections.
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
        "probes are answered until the process ends"
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
    let status = ask(address, "GET /telemetry").body;
    assert!(status.contains("\nlogs: works\n"), "{status}");

    // All calls use one callsite, whose answer `tracing` caches until the filter changes.
    let debug = || tracing::enabled!(target: "orders", Level::DEBUG);
    assert!(!debug());
    let level = log::max_level();
    assert_eq!(put(address, "/log-filter", "orders=debug").status, 200);
    assert!(debug());
    assert_eq!(ask(address, "DELETE /log-filter").status, 200);
    assert!(!debug());
    assert_eq!(log::max_level(), level, "only the program sets it");
}

pub(crate) fn slow_clients_do_not_block_scrapes() {
    let telemetry = TelemetryConfig::new()
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let address = telemetry.admin_address().unwrap();

    // The number of clients is several times the limit of connections.
    let mut slow = Vec::new();
    for client in 0..200 {
        let mut stream = TcpStream::connect(address).unwrap();
        // Some send nothing, some an incomplete head, and some an incomplete body. The write may fail, because the
        // listener may have closed the connection for a newer one.
        let _ = match client % 3 {
            0 => stream.write_all(b""),
            1 => stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: loc"),
            _ => stream.write_all(
                b"PUT /log-filter HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\ninfo",
            ),
        };
        slow.push(stream);
        if client % 20 == 0 {
            assert_eq!(ask(address, "GET /livez").status, 200, "{client}");
        }
    }
    let scrape = ask(address, "GET /metrics");
    assert_eq!(scrape.status, 200);
    assert!(scrape.body.contains("target_info"), "{}", scrape.body);
    // The oldest connections were closed in favor of newer ones, beginning with the first. This was done before the
    // scrape, so the read does not wait: the listener closes a silent connection after a while in any case.
    let mut first = slow.swap_remove(0);
    first.set_nonblocking(true).unwrap();
    let read = first.read(&mut [0; 1]);
    let is_closed = match &read {
        Ok(bytes) => *bytes == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    };
    assert!(is_closed, "{read:?}");

    // The head is larger than the listener reads, so the connection may be reset before the response arrives.
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

pub(crate) fn requests_need_one_valid_host() {
    let telemetry = TelemetryConfig::new()
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let address = telemetry.admin_address().unwrap();
    for path in ["/metrics", "/livez", "/log-filter", "/telemetry", "/none"] {
        for (hosts, explanation) in [
            ("", "no `Host` header"),
            (
                "\r\nhost: localhost\r\nhost: localhost",
                "several `Host` headers",
            ),
            ("\r\nhost: a b", "an invalid `Host` header"),
        ] {
            let answer = send(address, &format!("GET {path} HTTP/1.1{hosts}"), "");
            assert_eq!(answer.status, 400, "{path}{hosts}");
            assert!(answer.body.contains(explanation), "{}", answer.body);
        }
    }
    let old = send(address, "GET /livez HTTP/1.0", "");
    assert_eq!(old.status, 200, "HTTP/1.0 has no such header");
}

pub(crate) fn foreign_pages_cannot_change() {
    let telemetry = TelemetryConfig::new()
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let address = telemetry.admin_address().unwrap();
    let head = |request: &str, origin: &str| {
        format!("{request} HTTP/1.1\r\nhost: {address}\r\norigin: {origin}")
    };
    for origin in ["https://evil.example", "null"] {
        let refused = send(address, &head("PUT /log-filter", origin), "off");
        assert_eq!(refused.status, 403, "{origin}");
        assert!(refused.body.contains("`Origin`"), "{}", refused.body);
        let read = send(address, &head("GET /log-filter", origin), "");
        assert_eq!(read.status, 200, "{origin}");
        assert!(!read.body.contains("filter: off"), "{}", read.body);
    }
    let own = format!("http://{address}");
    let changed = send(address, &head("PUT /log-filter", &own), "warn");
    assert_eq!(changed.status, 200, "{}", changed.body);
}

/// Asks for `/traces` until the answer has the text.
async fn traces_with(address: SocketAddr, path: &'static str, text: &str) -> String {
    let mut answer = String::new();
    for _ in 0..100 {
        let asked =
            tokio::task::spawn_blocking(move || ask(address, &format!("GET /traces{path}")));
        answer = asked.await.unwrap().body;
        if answer.contains(text) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("no {text:?} in\n{answer}");
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn panics_are_in_their_trace() {
    use tower::ServiceExt as _;

    let telemetry = TelemetryConfig::new()
        .log_filter("off")
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let address = telemetry.admin_address().unwrap();
    let router: axum::Router = axum::Router::new()
        .route(
            "/broken",
            axum::routing::get(async || -> () { panic!("out of {}", "paper") }),
        )
        .layer(firstlight::http::TelemetryLayer::new());
    let request = axum::http::Request::builder()
        .uri("/broken")
        .body(axum::body::Body::empty());
    let answer = tokio::spawn(router.oneshot(request.unwrap()));
    assert!(answer.await.unwrap_err().is_panic());

    let list = traces_with(address, "?failed", "GET /broken").await;
    let line = list
        .lines()
        .find(|line| line.contains("GET /broken"))
        .unwrap();
    let id = line
        .split_whitespace()
        .find(|word| word.len() == 32)
        .unwrap();
    let trace = ask(address, &format!("GET /traces/{id}")).body;
    for text in ["ERROR panic panicked: out of paper", "isolated/admin.rs:"] {
        assert!(trace.contains(text), "{trace}");
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn roots_have_names_and_kinds() {
    use firstlight::{
        cron::{LocalStore, Schedule, Scheduler},
        jobs::{Job, Queue},
    };

    let telemetry = TelemetryConfig::new()
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let address = telemetry.admin_address().unwrap();
    let queue = Queue::declare("emails").latency_budget(Duration::from_secs(60));
    let job = queue.run(Job::new("welcome"), async {
        let open = traces_with(address, "?open", "process emails").await;
        let line = open.lines().find(|line| line.contains("process emails"));
        assert!(line.unwrap().contains("  job, started "), "{open}");
        Ok::<(), std::io::Error>(())
    });
    job.await.unwrap();
    let schedule = Schedule::every(Duration::from_secs(1)).unwrap();
    let schedule = schedule.named("tidy").without_jitter();
    let scheduler =
        Scheduler::new(LocalStore::default()).add(schedule, async || Ok::<(), std::io::Error>(()));
    let seen = async {
        let recent = traces_with(address, "?recent", "cron tidy").await;
        let line = recent.lines().find(|line| line.contains("cron tidy"));
        assert!(line.unwrap().contains("  run, started "), "{recent}");
    };
    scheduler.run(seen).await.unwrap();
}
