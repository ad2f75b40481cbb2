//! What happens in the demo, and what the service says about it.

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

/// An order that was accepted, and everything that came of it.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) request: OneRequest,
    /// Right after the answer, and after the job.
    pub(super) accepted: Rows,
    pub(super) done: Rows,
}

/// A line of the log, and the sample that counts what it tells.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) line: LogLine,
    pub(super) sample: Sample,
}

/// One order, from the request to the end of its job.
pub(super) fn order(service: &Service, collector: &OtlpReceiver) -> anyhow::Result<Order> {
    let id = place(service)?;
    let accepted = Rows::of(service, id)?;
    let done = Rows::when_done(service, id)?;

    // Before the next order, which would be in the same bucket.
    let is_request =
        |line: &&LogLine| line.is_access_log() && line.text("message").starts_with("POST /orders ");
    let log = service.wait_for_log("the order's job", |log| {
        let id = log.iter().find(is_request).map(LogLine::trace_id);
        let of_it = |line: &LogLine| Some(line.trace_id()) == id;
        log.iter()
            .any(|line| of_it(line) && line.text("target") == "firstlight::jobs")
    })?;
    let access = log.iter().find(is_request).context("no request")?.clone();
    let mut log = log.clone();
    log.retain(|line| line.trace_id() == access.trace_id());
    let trace_id = access.trace_id();
    done.belong_together(id, &trace_id)?;
    // The span of the job's run ends last.
    collector.wait_for(SOON, |spans| {
        spans
            .iter()
            .any(|span| span.trace_id == trace_id && span.kind == "consumer")
    });
    let request = OneRequest::of(&access, log, service, collector)?;
    let crosses = request.spans.iter().any(|span| span.kind == "consumer");
    ensure!(
        crosses,
        "traces: the job's run is not in the trace {} of its order",
        request.trace_id
    );
    Ok(Order {
        request,
        accepted,
        done,
    })
}

/// More orders, and a list of them that asks for each by itself.
pub(super) fn n_plus_one(service: &Service) -> anyhow::Result<Told> {
    for _ in 0..OTHERS {
        place(service)?;
    }
    let answer = http::get(&service.url("/orders/report"))?;
    ensure!(answer.status == 200, "/orders/report: {}", answer.body);
    let labels = [("http_route", "/orders/report")];
    told(service, "N+1: ", "sql_n_plus_one_total", &labels)
}

/// The first scheduled run.
pub(super) fn scheduled_run(service: &Service) -> anyhow::Result<Told> {
    let labels = [("cron", "count-orders"), ("outcome", "ok")];
    told(service, "orders counted", "cron_runs_total", &labels)
}

/// Each is one sample of the page.
pub(super) fn samples(service: &Service, name: &str) -> anyhow::Result<Vec<Sample>> {
    let page = http::send("GET", &service.metrics_url(), &[ACCEPT], "")?;
    let mut samples = openmetrics::parse(&page.body)?;
    samples.retain(|sample| sample.name == name);
    Ok(samples)
}

fn told(
    service: &Service,
    message: &str,
    metric: &str,
    labels: &[(&str, &str)],
) -> anyhow::Result<Told> {
    let tells = |line: &&LogLine| line.text("message").starts_with(message);
    let log = service.wait_for_log(message, |log| log.iter().any(|line| tells(&line)))?;
    let line = log.iter().find(tells).context("a line")?.clone();
    let sample = http::poll(&service.metrics_url(), &[ACCEPT], SOON, |page| {
        let samples = openmetrics::parse(&page.body).ok()?;
        let fits = |sample: &Sample| {
            let has = |(name, value): &(&str, &str)| sample.label(name) == *value;
            sample.name == metric && sample.value > 0.0 && labels.iter().all(has)
        };
        samples.into_iter().find(|sample| fits(sample))
    })
    .with_context(|| format!("metrics: {metric} has not counted {message:?}"))?;
    Ok(Told { line, sample })
}

/// Places an order, and returns its id.
fn place(service: &Service) -> anyhow::Result<i64> {
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

/// Enough for a list that is not to be read one by one.
const OTHERS: usize = 12;
pub(super) const SOON: Duration = Duration::from_secs(30);
