//! Tests of `http::serve` in a process of its own.
//!
//! They cover its drain with stalled clients, its variables, and exhausted file descriptors.

use std::{
    convert::Infallible,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Command, ExitCode},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::Response,
    routing::{get, post},
};
use firstlight::http::TelemetryLayer;
use tokio_stream::StreamExt as _;

use crate::support::{ask, scenario::Scenario};

/// Deadline of each wait and of each child process.
///
/// Long, because the machine may be busy with other tests.
const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::main]
pub(crate) async fn run_scenario() -> ExitCode {
    let app = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/events", get(events))
        .route("/collect", post(|_: Bytes| async {}))
        .layer(TelemetryLayer::new());
    serve_until_stopped(app).await
}

/// Runs a service with this router until the signal to stop.
pub(crate) async fn serve_until_stopped(app: Router) -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    tracing::info!(address = %listener.local_addr().unwrap(), "listening");
    firstlight::http::serve(listener, app)
        .with_graceful_shutdown(firstlight::shutdown_signal())
        .await;
    telemetry.finish(Ok::<(), std::io::Error>(()))
}

/// Responds with one event and never ends.
async fn events() -> Response<Body> {
    let event = tokio_stream::once(Ok::<_, Infallible>("data: 1\n\n"));
    let events = event.chain(tokio_stream::pending());
    Response::new(Body::from_stream(events))
}

/// Returns the addresses of the service and of its admin listener.
pub(crate) fn listening(scenario: &mut Scenario) -> (SocketAddr, SocketAddr) {
    let admin = scenario.admin_address();
    let line = scenario.message("listening");
    (line["address"].as_str().unwrap().parse().unwrap(), admin)
}

/// Connects and sends `bytes`.
fn client(address: SocketAddr, bytes: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(bytes.as_bytes()).unwrap();
    client
}

/// Opens an event stream, and a request whose body stalls.
///
/// Returns when the service handles both.
fn stalled(address: SocketAddr, admin: SocketAddr) -> [TcpStream; 2] {
    let clients = [
        client(address, "GET /events HTTP/1.1\r\nhost: a\r\n\r\n"),
        client(
            address,
            "POST /collect HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf",
        ),
    ];
    wait_until(|| {
        let exposition = ask(admin, "GET /metrics").body;
        let active = |method| {
            let series = format!("http_server_active_requests{{http_request_method=\"{method}\",");
            exposition
                .lines()
                .any(|line| line.starts_with(&series) && line.ends_with(" 1"))
        };
        active("GET") && active("POST")
    });
    clients
}

pub(crate) fn wait_until(done: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !done() {
        assert!(Instant::now() < deadline, "timed out");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Kills the child at the deadline, so that the test fails instead of hanging.
///
/// Dropping the returned sender cancels this.
fn kill_at_deadline(scenario: &Scenario) -> mpsc::Sender<()> {
    let (done, is_done) = mpsc::channel();
    let kill = scenario.child.id().to_string();
    thread::spawn(move || {
        if is_done.recv_timeout(DEADLINE) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = std::process::Command::new("kill")
                .args(["-KILL", &kill])
                .status();
        }
    });
    done
}

#[cfg(feature = "testing")]
pub(crate) fn stalled_clients() {
    let receiver = firstlight::testing::OtlpReceiver::start().unwrap();
    let endpoint = receiver.endpoint();
    let mut scenario = Scenario::start(
        "serves",
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
            // The delay is longer than the test, so only the exit exports.
            ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
            ("FIRSTLIGHT_DRAIN_TIMEOUT", "300"),
            // The read timeout is longer than the drain.
            ("FIRSTLIGHT_HTTP_READ_TIMEOUT", "3600000"),
        ],
    );
    let _bounded = kill_at_deadline(&scenario);
    let (address, admin) = listening(&mut scenario);
    let clients = stalled(address, admin);
    scenario.send_signal("-TERM");
    scenario.message("shutting down");
    let cut = scenario.message("the drain of 0.3 s is over: open connections are cut");
    assert_eq!(
        (&cut["connections"], &cut["requests"]),
        (&2.into(), &2.into()),
        "{cut}"
    );
    // Each request has its log line and its span before the last line.
    let mut ended = [scenario.line(), scenario.line()].map(|line| line["message"].to_string());
    ended.sort();
    assert!(ended[0].contains("GET /events"), "{ended:?}");
    assert!(ended[1].contains("POST /collect"), "{ended:?}");
    let last = scenario.message("telemetry is down");
    assert_eq!(last["spans.exported"], 2, "{last}");
    assert_eq!(scenario.end(), (Some(0), String::new()));
    assert_eq!(receiver.spans().len(), 2);
    drop(clients);
}

pub(crate) fn second_signals() {
    for (second, number) in [("-TERM", 15), ("-INT", 2)] {
        let mut scenario = Scenario::start("serves", &[("FIRSTLIGHT_DRAIN_TIMEOUT", "3600000")]);
        let _bounded = kill_at_deadline(&scenario);
        let (address, admin) = listening(&mut scenario);
        let clients = stalled(address, admin);
        scenario.send_signal("-TERM");
        scenario.message("shutting down");
        scenario.repeat_signal(second);
        assert_eq!(scenario.end().0, Some(128 + number));
        drop(clients);
    }
}

/// Sends two signals as `timeout` does.
///
/// They are of two kinds, because the kernel merges equal ones.
pub(crate) fn signals_at_one_time() {
    let mut scenario = Scenario::start("serves", &[("FIRSTLIGHT_DRAIN_TIMEOUT", "300")]);
    let _bounded = kill_at_deadline(&scenario);
    let (address, admin) = listening(&mut scenario);
    let clients = stalled(address, admin);
    let both = format!("kill -TERM {0}; kill -INT {0}", scenario.child.id());
    let sent = Command::new("sh").args(["-c", &both]).status().unwrap();
    assert!(sent.success());
    scenario.message("shutting down");
    scenario.message("the drain of 0.3 s is over: open connections are cut");
    scenario.rest();
    assert_eq!(scenario.end().0, Some(0));
    drop(clients);
}

/// Reads everything until the service closes the connection.
fn answer(mut client: TcpStream) -> String {
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn variables() {
    let mut scenario = Scenario::start(
        "serves",
        &[
            ("FIRSTLIGHT_HTTP_READ_TIMEOUT", "300"),
            ("FIRSTLIGHT_HTTP_MAX_BODY", "10"),
            ("FIRSTLIGHT_HTTP_MAX_REQUESTS", "many"),
        ],
    );
    let _bounded = kill_at_deadline(&scenario);
    let admin = scenario.admin_address();
    let warning =
        scenario.message("FIRSTLIGHT_HTTP_MAX_REQUESTS: found \"many\", expected a whole ");
    assert_eq!(warning["level"], "WARN");
    let line = scenario.message("listening");
    let address = line["address"].as_str().unwrap().parse().unwrap();
    let post = |length, body| {
        let head = format!("POST /collect HTTP/1.1\r\nhost: a\r\ncontent-length: {length}");
        answer(client(
            address,
            &format!("{head}\r\nconnection: close\r\n\r\n{body}"),
        ))
    };
    for (length, body, status) in [(10, "0123456789", 200), (11, "", 413), (10, "half", 408)] {
        let answer = post(length, body);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    assert_eq!(answer(client(address, "GET / HTTP/1.1\r\nhost: ")), "");
    for limit in ["header_timeout", "body_timeout", "body_size"] {
        let counted = format!("serve_limited_total{{limit=\"{limit}\"}} 1");
        // A closed connection is counted shortly after its client sees the end.
        wait_until(|| ask(admin, "GET /metrics").body.contains(&counted));
    }
}

pub(crate) fn exhausted_files() {
    // Enough for the start of the process, and fewer than the connections of the test.
    const FILES: u32 = 40;
    let mut scenario = Scenario::start_limited(FILES, "serves", &[]);
    let _bounded = kill_at_deadline(&scenario);
    let (address, admin) = listening(&mut scenario);
    let begun = Instant::now();
    let clients: Vec<_> = (0..FILES * 2).map(|_| client(address, "GET /")).collect();
    scenario.message("cannot accept connections, retrying every 100 ms: ");
    thread::sleep(Duration::from_secs(1));

    drop(clients);
    let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = answer(client(address, request));
    assert!(answer.ends_with("hello"), "{answer}");
    let most = begun.elapsed().as_millis() / 100 + 1;
    let exposition = ask(admin, "GET /metrics").body;
    let failures = exposition
        .lines()
        .find_map(|line| line.strip_prefix("serve_limited_total{limit=\"accept\"} "));
    let failures: u128 = failures.unwrap_or_default().parse().unwrap();
    assert!(
        (1..=most).contains(&failures),
        "{failures} of {most} at most"
    );

    scenario.send_signal("-TERM");
    let rest = scenario.rest().concat();
    assert!(!rest.contains("cannot accept"), "{rest}");
    assert_eq!(scenario.end().0, Some(0), "{rest}");
}
