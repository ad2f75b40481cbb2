//! Tests of the flight recorder in a whole process.

pub(crate) mod soak;

use std::{
    convert::Infallible,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use firstlight::http::TelemetryLayer;
use serde_json::Value;
use tower::{Layer as _, ServiceExt as _};
use tracing::instrument;

use crate::support::{
    ask,
    scenario::{Scenario, metrics_address},
    send,
};

/// An error with the text of a password, which must not be shown.
#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("cannot reach postgres://ada:hunter2@db/orders")
    }
}

impl std::error::Error for Broken {}

#[instrument(err, fields(order = 7))]
fn fail() -> Result<(), Broken> {
    tracing::debug!(password = "hunter2", step = 1, "asked the bank");
    let _copy = tracing::info_span!("copy", otel.name = "copy to x://ada:hunter2@db/a").entered();
    tracing::trace!("too fine");
    tracing::debug!(step = 2, "the bank did not answer");
    Err(Broken)
}

#[instrument]
fn succeed() {
    tracing::debug!("nothing to tell");
}

/// Ends with the status Ok, which overrides an error.
fn recover() {
    let span = tracing::info_span!("recover", otel.status_code = "error");
    span.record("otel.status_code", "ok");
}

/// Runs units of work, and stays until standard input is closed.
pub(crate) fn run_works() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    succeed();
    recover();
    for _ in 0..works() {
        let _ = fail();
    }
    tracing::info!(target: "firstlight", "worked");
    let open = tracing::info_span!("import", password = "hunter2");
    let _entered = open.enter();
    let child = tracing::info_span!("load", file = "orders.csv");
    child.in_scope(|| tracing::info!("waiting"));
    let _child = child.enter();
    let mut command = String::new();
    io::stdin().read_line(&mut command).unwrap();
    match command.trim() {
        "abort" => std::process::abort(),
        "panic" => panic!("the import is broken"),
        _ => telemetry.finish(Ok::<(), io::Error>(())),
    }
}

fn works() -> usize {
    std::env::var("WORKS").map_or(1, |works| works.parse().unwrap())
}

/// Tests what is kept of unsampled work, as text and as JSON.
pub(crate) fn unsampled_work() {
    let variables = [
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("FIRSTLIGHT_RECORDER_FILTER", "debug"),
        ("RUST_LOG", "info"),
    ];
    let (mut scenario, address) = Scenario::serving("works", &variables);
    assert_eq!(scenario.line()["level"], "ERROR");
    scenario.message("worked");
    scenario.message("waiting");
    let list = ask(address, "GET /traces").body;
    for part in [
        "open: 1,",
        "import",
        "in load for ",
        "last event",
        "waiting",
        "failed: 1,",
    ] {
        assert!(list.contains(part), "{part} is not in {list}");
    }
    let head = "GET /traces?failed HTTP/1.1\r\nhost: localhost\r\naccept: application/json";
    let list: Value = serde_json::from_str(&send(address, head, "").body).unwrap();
    assert_eq!((&list["format"], &list["open"]), (&1.into(), &Value::Null));
    let failed = &list["failed"]["roots"][0];
    assert_eq!(failed["name"], "fail");
    assert_eq!(failed["failure"], "cannot reach postgres://***@db/orders");
    let id = failed["trace_id"].as_str().unwrap();
    let trace = ask(address, &format!("GET /traces/{id}")).body;
    for part in [
        "asked the bank password=*** step=1 (not logged)",
        "order=7",
        "error: cannot reach",
        "copy to x://***@db/a",
    ] {
        assert!(trace.contains(part), "{part} is not in {trace}");
    }
    assert!(!trace.contains("too fine"), "{trace}");
    let metrics = ask(address, "GET /metrics").body;
    assert!(metrics.contains("\nrecorder_open_roots 1\n"), "{metrics}");
    for answer in [trace, list.to_string(), metrics] {
        assert!(!answer.contains("hunter2"), "{answer}");
    }
    scenario.end();
}

/// Answers a request with 500 while its spawned work continues.
///
/// The work ends when standard input is closed.
pub(crate) fn run_outlives() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    let service = tower::service_fn(|_: http::Request<String>| async {
        tracing::info!("received");
        let receipt = tracing::info_span!("send receipt");
        receipt.in_scope(|| tracing::info!("connecting"));
        tracing::error!(error = "the bank is closed", "cannot charge");
        let response = http::Response::builder().status(500);
        let response = response.extension(receipt).body(String::new());
        Ok::<_, Infallible>(response.unwrap())
    });
    let service = TelemetryLayer::new().layer(service);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let response = runtime.block_on(service.oneshot(http::Request::new(String::new())));
    let (head, body) = response.unwrap().into_parts();
    drop(body);
    tracing::info!("answered");
    io::stdin().lines().for_each(drop);
    drop(head);
    telemetry.finish(Ok::<(), io::Error>(()))
}

/// Tests what is shown of a failed request whose spawned work continues.
pub(crate) fn outliving_work() {
    let variables = [("OTEL_TRACES_SAMPLER", "always_off")];
    let (mut scenario, address) = Scenario::serving("outlives", &variables);
    while scenario.line()["message"] != "answered" {}
    for path in ["/traces?failed", "/traces?open"] {
        let list = ask(address, &format!("GET {path}")).body;
        for part in [
            "failed ",
            "cannot charge: the bank is closed",
            "it has ended, and spans that it started have not: 1",
            "in send receipt for ",
        ] {
            assert!(list.contains(part), "{part} is not in {path}: {list}");
        }
    }
    let head = "GET /traces?failed HTTP/1.1\r\nhost: localhost\r\naccept: application/json";
    let list: Value = serde_json::from_str(&send(address, head, "").body).unwrap();
    let failed = &list["failed"]["roots"][0];
    assert_eq!(failed["failure"], "500: cannot charge: the bank is closed");
    assert_eq!(failed["waits_in"]["name"], "send receipt");
    // The events are where they happened, below their spans.
    let id = failed["trace_id"].as_str().unwrap();
    let trace = ask(address, &format!("GET /traces/{id}")).body;
    let mut rest = &*trace;
    for part in [
        "\n  GET ",
        "received",
        "send receipt",
        "connecting",
        "cannot charge",
    ] {
        let (_, after) = rest
            .split_once(part)
            .unwrap_or_else(|| panic!("{part}: {trace}"));
        rest = after;
    }
    scenario.end();
}

/// Tests the events that become log lines only after a failure.
pub(crate) fn logs_after_failures() {
    let variables = [("FIRSTLIGHT_LOG_ON_FAILURE", "debug"), ("RUST_LOG", "info")];
    let mut scenario = Scenario::start("works", &variables);
    scenario.message("telemetry is up");
    let error = scenario.line();
    let first = scenario.message("asked the bank");
    let second = scenario.message("the bank did not answer");
    assert_eq!(
        (&first["level"], &first["password"]),
        (&"DEBUG".into(), &"***".into())
    );
    assert_eq!(first["firstlight.held"], true);
    assert_eq!((&first["step"], &second["step"]), (&1.into(), &2.into()));
    assert_eq!(first["trace_id"], error["trace_id"]);
    assert!(first["timestamp"].as_str() < second["timestamp"].as_str());
    scenario.message("worked");
    scenario.message("waiting");
    assert_eq!(scenario.end().0, Some(0));
}

/// Tests that a storm of failures does not become a storm of lines.
pub(crate) fn storms_of_failures() {
    let variables = [
        ("FIRSTLIGHT_LOG_ON_FAILURE", "debug"),
        ("RUST_LOG", "firstlight=info"),
        ("WORKS", "20000"),
    ];
    let start = Instant::now();
    let (mut scenario, address) = Scenario::serving("works", &variables);
    let mut held = 0_u64;
    loop {
        let line = scenario.line();
        if line["message"] == "worked" {
            break;
        }
        held += u64::from(line["firstlight.held"] == true);
    }
    let seconds = start.elapsed().as_secs();
    let metrics = ask(address, "GET /metrics").body;
    let withheld = metrics
        .lines()
        .find_map(|line| line.strip_prefix("recorder_losses_total{reason=\"log_limit\"} "));
    let withheld: u64 = withheld.unwrap().parse().unwrap();
    assert_eq!(held + withheld, 60_000);
    // The limit is a thousand a second, in whole seconds of another clock.
    assert!(held <= 1_000 * (seconds + 2), "{held} in {seconds} s");
    scenario.end();
}

/// Tests that a recorder that is off says so.
pub(crate) fn turned_off() {
    let (mut scenario, address) = Scenario::serving("works", &[("FIRSTLIGHT_RECORDER", "off")]);
    assert_eq!(scenario.line()["level"], "ERROR");
    scenario.message("worked");
    scenario.message("waiting");
    let answer = ask(address, "GET /traces");
    assert_eq!(answer.status, 404);
    assert!(
        answer.body.contains("FIRSTLIGHT_RECORDER"),
        "{}",
        answer.body
    );
    assert!(!ask(address, "GET /metrics").body.contains("recorder_"));
    scenario.end();
}

/// The path of a file of last words that does not exist yet.
fn file(name: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("last-words-{name}"));
    let _ = std::fs::remove_file(&file);
    file
}

/// Starts a process with the file of last words, and waits until its work is open.
fn start(file: &Path) -> Scenario {
    let file = file.to_str().unwrap();
    let mut scenario = Scenario::start("works", &[("FIRSTLIGHT_RECORDER_FILE", file)]);
    while scenario.line()["message"] != "waiting" {}
    // The file is at most 250 ms late, and the machine may be busy.
    thread::sleep(Duration::from_secs(2));
    scenario
}

/// Starts another process, and returns what it tells about the last one.
fn next(file: &Path) -> (Value, String) {
    let file = file.to_str().unwrap();
    let mut scenario = Scenario::start("works", &[("FIRSTLIGHT_RECORDER_FILE", file)]);
    // A thread reads the file, so the two lines come in any order.
    let (mut up, mut previous) = (None, None);
    while up.is_none() || previous.is_none() {
        let line = scenario.line();
        if line.get("previous.ended").is_some() {
            previous = Some(line);
        } else if line.get("metrics").is_some() {
            up = Some(line);
        }
    }
    let line = previous.unwrap();
    let address = metrics_address(&up.unwrap());
    let answer = ask(address, "GET /traces?previous");
    assert_eq!(answer.status, 200);
    scenario.end();
    (line, answer.body)
}

/// Tests that a check of telemetry leaves the file to the service.
///
/// The check is a second process with the variables of the service, as with `kubectl exec`.
pub(crate) fn checks_of_telemetry() {
    let file = file("check");
    let variables = [("FIRSTLIGHT_RECORDER_FILE", file.to_str().unwrap())];
    let mut service = start(&file);
    let check = || {
        let mut check = Scenario::start("check", &variables);
        let lines = check.rest();
        assert!(!lines.iter().any(|line| line.contains("WARN")), "{lines:?}");
        check.end();
    };
    check();
    service.send_signal("-KILL");
    service.end();
    check();
    let (line, _) = next(&file);
    assert_eq!(line["previous.ended"], "killed", "{line}");
}

/// Tests what a process leaves that is killed, aborts, panics, or ends.
pub(crate) fn last_words() {
    for (end, expected, words) in [
        ("kill", "killed", "did not shut down"),
        ("abort", "killed", "did not shut down"),
        ("panic", "panic", "ended in a panic"),
        ("", "clean", "ended cleanly"),
    ] {
        let file = file(end);
        let mut scenario = start(&file);
        match end {
            "kill" => scenario.send_signal("-KILL"),
            command => scenario.write_line(command),
        }
        scenario.end();
        let (line, text) = next(&file);
        assert_eq!(line["previous.ended"], expected, "{line}");
        let message = line["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
        assert_eq!(message.contains("the import is broken"), end == "panic");
        if end == "kill" {
            let open = line["previous.open"].as_str().unwrap();
            assert!(open.contains("import") && open.contains("load"), "{open}");
            assert!(text.contains("import"), "{text}");
        }
        for text in [line.to_string(), text] {
            assert!(!text.contains("hunter2"), "{text}");
        }
        let bytes = std::fs::read(&file).unwrap();
        let secret = bytes.windows(7).any(|window| window == b"hunter2");
        assert!(!secret, "the file has a secret");
    }
}

/// Tests what a process leaves that is killed while its runtime is blocked.
pub(crate) fn stalled() {
    let file = file("stalled");
    let variables = [("FIRSTLIGHT_RECORDER_FILE", file.to_str().unwrap())];
    let (mut scenario, _) = Scenario::serving("blocked", &variables);
    scenario.message("the application's runtime has run no task for 3 s");
    // The file is at most 250 ms late, and the machine may be busy.
    thread::sleep(Duration::from_secs(2));
    scenario.send_signal("-KILL");
    scenario.end();
    // No log filter hides how a process ended.
    let mut next = Scenario::start("works", &[variables[0], ("RUST_LOG", "error")]);
    let line = loop {
        let line = next.line();
        if line.get("previous.ended").is_some() {
            break line;
        }
    };
    let message = line["message"].as_str().unwrap();
    assert!(
        message.contains("; its runtime had stalled since "),
        "{message}"
    );
    assert!(line["previous.stalled_since"].is_string(), "{line}");
    next.end();
}
