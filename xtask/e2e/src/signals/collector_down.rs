//! A service whose collector is down serves as usual and reports lost spans.

use std::{
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use support::{Cases, http};

use super::Fixture;
use crate::{openmetrics, service::Service, traffic};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    let mut running = None;
    cases.check(
        "collector down: the service serves and logs trace ids",
        || {
            let mut service = Service::start(
                &fixture.built.program,
                Some(&closed_port()?),
                &[
                    ("FIRSTLIGHT_SHUTDOWN_TIMEOUT", "3000"),
                    // By default, the export of a batch is retried for 30 s.
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
            ensure!(!service.has_ended(), "the service has ended");
            running = Some(service);
            Ok(())
        },
    );
    let Some(mut service) = running else { return };
    cases.check("collector down: lost spans are counted", || {
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
    });
    cases.check(
        "collector down: the service stops and logs lost spans",
        || {
            traffic::get(&service, traffic::EXAMPLE_PATH, 200, None)?;
            service.stop()?;
            let log = service.log();
            let last = log.last().context("no log")?;
            ensure!(
                last.text("message").starts_with("telemetry is down"),
                "found the last line {}",
                last.raw
            );
            ensure!(
                last.number("spans.lost").is_some_and(|lost| lost >= 1.0),
                "no lost span in the last line {}",
                last.raw
            );
            Ok(())
        },
    );
}

fn lost_spans(samples: &[openmetrics::Sample]) -> f64 {
    let lost = |sample: &&openmetrics::Sample| {
        sample.name == "otel_sdk_exporter_span_exported_total"
            && !sample.label("error_type").is_empty()
    };
    samples.iter().filter(lost).map(|sample| sample.value).sum()
}

/// An address that refuses connections, because no program listens on its port.
fn closed_port() -> std::io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(format!("http://{}", listener.local_addr()?))
}

const DEADLINE: Duration = Duration::from_secs(30);
