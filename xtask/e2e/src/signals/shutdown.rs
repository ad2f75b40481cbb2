//! SIGTERM with requests in flight: they are answered, and no telemetry is lost.

use std::{thread, time::Duration};

use anyhow::{Context as _, ensure};
use firstlight::testing::OtlpReceiver;
use support::{Cases, http};

use super::Fixture;
use crate::{openmetrics, service::Service, traffic};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    cases.check(
        "shutdown: requests finish, no span or log line is lost",
        || run(fixture),
    );
}

fn run(fixture: &Fixture) -> anyhow::Result<()> {
    let collector = OtlpReceiver::start()?;
    // With this delay, spans are only sent if the shutdown flushes them.
    let never = ("OTEL_BSP_SCHEDULE_DELAY", "3600000");
    let mut service = Service::start(
        &fixture.built.program,
        Some(&collector.endpoint()),
        &[never],
    )?;
    traffic::order(&service)?;

    let url = service.url(traffic::SLOW_PATH);
    let answers = thread::scope(|scope| {
        let waiting: Vec<_> = (0..IN_FLIGHT)
            .map(|_| scope.spawn(|| http::get(&url)))
            .collect();
        http::poll(
            &service.metrics_url(),
            &[openmetrics::ACCEPT],
            DEADLINE,
            |answer| {
                let samples = openmetrics::parse(&answer.body).ok()?;
                let active = samples
                    .iter()
                    .filter(|sample| sample.name == "http_server_active_requests");
                (active.map(|sample| sample.value).sum::<f64>() >= IN_FLIGHT as f64).then_some(())
            },
        )?;
        service.terminate()?;
        let answers = waiting
            .into_iter()
            .map(|request| request.join().ok().context("a request panicked")?);
        answers.collect::<anyhow::Result<Vec<_>>>()
    })?;
    let status = service.wait(DEADLINE)?;

    ensure!(
        status.success(),
        "found {status}, expected 0:\n{}",
        service.output().join("\n")
    );
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    ensure!(
        statuses == [200; IN_FLIGHT],
        "found answers {statuses:?}, expected {IN_FLIGHT} times 200"
    );
    let log = service.log();
    let lines = log
        .iter()
        .filter(|line| line.is_access_log() && line.text("message").contains("slow-report"))
        .count();
    ensure!(
        lines == IN_FLIGHT,
        "found {lines} log lines, expected {IN_FLIGHT}"
    );
    // The process has ended, so spans that have not arrived are lost.
    let spans = collector.spans();
    let count = |name: &str| spans.iter().filter(|span| span.name == name).count();
    // Each slow report renders three pages.
    let (requests, pages) = (count("GET /orders/{id}/slow-report"), count("render_page"));
    ensure!(
        requests == IN_FLIGHT,
        "found {requests} request spans, expected {IN_FLIGHT}"
    );
    ensure!(
        pages == 3 * IN_FLIGHT,
        "found {pages} spans of their steps, expected {}",
        3 * IN_FLIGHT
    );
    let last = log.last().context("no log")?;
    ensure!(
        last.text("message") == "telemetry is down",
        "found the last line {:?}",
        last.raw
    );
    ensure!(
        last.text("spans.lost") == "0",
        "spans were lost: {}",
        last.raw
    );
    Ok(())
}

/// The number of requests that are not answered when the service gets SIGTERM.
const IN_FLIGHT: usize = 8;
const DEADLINE: Duration = Duration::from_secs(30);
