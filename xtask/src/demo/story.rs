//! The requests of the demo, and the telemetry that they cause.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use e2e::{
    correlation::OneRequest,
    log_line::LogLine,
    openmetrics::{self, ACCEPT, Sample},
    service::Service,
};
use firstlight::testing::OtlpReceiver;
use support::http;

use super::rows::Rows;

/// An accepted order with its rows and its telemetry.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) request: OneRequest,
    /// The rows right after the answer.
    pub(super) accepted: Rows,
    /// The rows once the job is done.
    pub(super) done: Rows,
}

/// A log line, and the metric sample that counts the same event.
#[derive(Debug)]
pub(super) struct Observation {
    pub(super) line: LogLine,
    pub(super) sample: Sample,
}

/// Places one order and collects its telemetry up to the end of its job.
pub(super) fn order(service: &Service, collector: &OtlpReceiver) -> anyhow::Result<Order> {
    let id = place_order(service)?;
    let accepted = Rows::fetch(service, id)?;
    let done = Rows::when_done(service, id)?;

    // This order's telemetry is collected before the next order, which could replace its exemplar.
    let is_request =
        |line: &&LogLine| line.is_access_log() && line.text("message").starts_with("POST /orders ");
    let log = service.wait_for_log("the order's job", |log| {
        let id = log.iter().find(is_request).map(LogLine::trace_id);
        let in_trace = |line: &LogLine| Some(line.trace_id()) == id;
        log.iter()
            .any(|line| in_trace(line) && line.text("target") == "firstlight::jobs")
    })?;
    let access = log.iter().find(is_request).context("no request")?.clone();
    let mut log = log.clone();
    log.retain(|line| line.trace_id() == access.trace_id());
    let trace_id = access.trace_id();
    done.check(id, &trace_id)?;
    // The span of the job's run ends last.
    collector.wait_for(DEADLINE, |spans| {
        spans
            .iter()
            .any(|span| span.trace_id == trace_id && span.kind == "consumer")
    });
    let request = OneRequest::with_access_line(&access, log, service, collector)?;
    let crosses_queue = request.spans.iter().any(|span| span.kind == "consumer");
    ensure!(
        crosses_queue,
        "traces: the job's run is not in the trace {} of its order",
        request.trace_id
    );
    Ok(Order {
        request,
        accepted,
        done,
    })
}

/// Places more orders and requests a report that runs one query per order.
pub(super) fn n_plus_one(service: &Service) -> anyhow::Result<Observation> {
    for _ in 0..FURTHER_ORDERS {
        place_order(service)?;
    }
    let answer = http::get(&service.url("/orders/report"))?;
    ensure!(answer.status == 200, "/orders/report: {}", answer.body);
    let labels = [("http_route", "/orders/report")];
    observe(service, "N+1: ", "sql_n_plus_one_total", &labels)
}

/// Waits for the first scheduled run.
pub(super) fn scheduled_run(service: &Service) -> anyhow::Result<Observation> {
    let labels = [("cron", "count-orders"), ("outcome", "ok")];
    observe(service, "orders counted", "cron_runs_total", &labels)
}

/// All samples with this name in the exposition.
pub(super) fn samples(service: &Service, name: &str) -> anyhow::Result<Vec<Sample>> {
    let exposition = http::send("GET", &service.metrics_url(), &[ACCEPT], "")?;
    let mut samples = openmetrics::parse(&exposition.body)?;
    samples.retain(|sample| sample.name == name);
    Ok(samples)
}

/// Waits for a log line that starts with `message`, and a sample of `metric`.
fn observe(
    service: &Service,
    message: &str,
    metric: &str,
    labels: &[(&str, &str)],
) -> anyhow::Result<Observation> {
    let matches = |line: &&LogLine| line.text("message").starts_with(message);
    let log = service.wait_for_log(message, |log| log.iter().any(|line| matches(&line)))?;
    let line = log.iter().find(matches).context("a line")?.clone();
    let sample = http::poll(&service.metrics_url(), &[ACCEPT], DEADLINE, |exposition| {
        let samples = openmetrics::parse(&exposition.body).ok()?;
        let is_wanted = |sample: &Sample| {
            let has = |(name, value): &(&str, &str)| sample.label(name) == *value;
            sample.name == metric && sample.value > 0.0 && labels.iter().all(has)
        };
        samples.into_iter().find(|sample| is_wanted(sample))
    })
    .with_context(|| format!("metrics: {metric} has not counted {message:?}"))?;
    Ok(Observation { line, sample })
}

/// Places an order and returns its id.
pub(super) fn place_order(service: &Service) -> anyhow::Result<i64> {
    let json = ("content-type", "application/json");
    let order = r#"{"item":"telescope","quantity":2}"#;
    let answer = http::send("POST", &service.url("/orders"), &[json], order)?;
    if answer.status != 202 {
        bail!(
            "POST /orders: found status {}, expected 202: {}",
            answer.status,
            answer.body
        );
    }
    let body: serde_json::Value = serde_json::from_str(&answer.body)?;
    let id = body["id"].as_i64();
    id.with_context(|| format!("POST /orders: no id in {}", answer.body))
}

/// The number of further orders, enough for the detection of an N+1.
const FURTHER_ORDERS: usize = 12;
/// How long the demo waits for each of its results.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);
