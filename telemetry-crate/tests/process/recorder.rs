//! Tests of the flight recorder in a whole process.

use std::{
    io::{self, Read as _},
    process::ExitCode,
};

use serde_json::Value;
use tracing::{Span, instrument};

use crate::support::{ask, scenario::Scenario, send};

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
    tracing::trace!("too fine");
    tracing::debug!(step = 2, "the bank did not answer");
    Err(Broken)
}

#[instrument]
fn succeed() {
    tracing::debug!("nothing to tell");
}

/// Runs units of work, and stays until standard input is closed.
pub(crate) fn run_works() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    succeed();
    for _ in 0..works() {
        let _ = fail();
    }
    tracing::info!(target: "firstlight", "worked");
    let open = tracing::info_span!("import", password = "hunter2");
    let _entered = open.enter();
    let child = tracing::info_span!("load", file = "orders.csv");
    child.in_scope(|| tracing::info!("waiting"));
    let _child = child.enter();
    let _ = io::stdin().read_to_end(&mut Vec::new());
    drop(Span::current());
    telemetry.finish(Ok::<(), io::Error>(()))
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
    let (mut scenario, address) = Scenario::serving("works", &variables);
    let mut held = 0_u64;
    loop {
        let line = scenario.line();
        if line["message"] == "worked" {
            break;
        }
        held += u64::from(line["firstlight.held"] == true);
    }
    let metrics = ask(address, "GET /metrics").body;
    let withheld = metrics
        .lines()
        .find_map(|line| line.strip_prefix("recorder_losses_total{reason=\"log_limit\"} "));
    let withheld: u64 = withheld.unwrap().parse().unwrap();
    assert_eq!(held + withheld, 60_000);
    // A thousand a second, and the machine may be slow.
    assert!(held < 20_000, "{held}");
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
