//! The collector is down from the start: the service does not care, and says what it lost.

use std::{
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use support::{Cases, http};

use super::Parts;
use crate::{openmetrics, service::Service, traffic};

pub(super) fn cases(cases: &mut Cases, parts: &Parts) {
    let mut running = None;
    cases.check(
        "without its collector, the service starts, serves, and logs with trace ids",
        || {
            let mut service = Service::start(
                &parts.built.program,
                Some(&closed_port()?),
                &[
                    ("FIRSTLIGHT_SHUTDOWN_TIMEOUT", "3000"),
                    // A batch is tried again for half a minute by default.
                    ("OTEL_BSP_EXPORT_TIMEOUT", "500"),
                ],
            )?;
            traffic::order(&service)?;
            traffic::get(&service, traffic::EXAMPLE_PATH, 200, None)?;
            let access = |log: &[crate::log_line::LogLine]| {
                log.iter().filter(|line| line.is_access_log()).count() == 2
            };
            let log = service.wait_for_log("two requests", access)?;
            let traced = log
                .iter()
                .filter(|line| line.is_access_log() && line.trace_id().len() == 32)
                .count();
            ensure!(
                traced == 2,
                "found {traced} lines with a trace id, expected 2"
            );
            ensure!(!service.has_ended(), "it has ended");
            running = Some(service);
            Ok(())
        },
    );
    let Some(mut service) = running else { return };
    cases.check(
        "without its collector, the service can be scraped, and counts the spans that it lost",
        || {
            let lost = http::poll(
                &service.metrics_url(),
                &[openmetrics::ACCEPT],
                DEADLINE,
                |answer| {
                    let lost = lost_spans(&openmetrics::parse(&answer.body).ok()?);
                    (lost > 0.0).then_some(lost)
                },
            )?;
            ensure!(lost >= 1.0, "found {lost}");
            Ok(())
        },
    );
    cases.check("without its collector, the service still ends by itself, with status 0, and says what was lost", || {
        traffic::get(&service, traffic::EXAMPLE_PATH, 200, None)?;
        service.stop()?;
        let log = service.log();
        let last = log.last().context("no log")?;
        ensure!(last.text("message").starts_with("telemetry is down"), "the last line says {}", last.raw);
        ensure!(last.number("spans.lost").is_some_and(|lost| lost >= 1.0), "it names no lost span: {}", last.raw);
        Ok(())
    });
}

fn lost_spans(samples: &[openmetrics::Sample]) -> f64 {
    let lost = |sample: &&openmetrics::Sample| {
        sample.name == "otel_sdk_exporter_span_exported_total"
            && !sample.label("error_type").is_empty()
    };
    samples.iter().filter(lost).map(|sample| sample.value).sum()
}

/// An address that refuses connections: it was free a moment ago.
fn closed_port() -> std::io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(format!("http://{}", listener.local_addr()?))
}

const DEADLINE: Duration = Duration::from_secs(30);
