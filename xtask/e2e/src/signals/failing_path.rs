//! Failures that were not sampled, through three services.
//!
//! A third-party collector receives their spans.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use support::{Cases, http, process::Process};

use super::{Fixture, otlp::example};
use crate::{
    collector::{CollectedSpan, Rotel, spans_in},
    service,
};

/// The services of the path, the first one first.
const SERVICES: [&str; 3] = ["first", "second", "third"];

const DEADLINE: Duration = Duration::from_secs(30);

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, rotel: &Path) {
    cases.check("failing path: unsampled, one whole trace", || {
        let row = Row::start(fixture, rotel, "0")?;
        row.fail()?;
        let traces = row.stop(all_whole)?;
        let found = traces.len();
        ensure!(found == 1, "found {found} traces, expected 1");
        Ok(())
    });
    cases.check("failing path: successes follow the sampler", || {
        let row = Row::start(fixture, rotel, "0.01")?;
        for _ in 0..300 {
            row.get("/ok", 200)?;
        }
        row.fail()?;
        let traces = row.stop(all_whole)?;
        let failed = traces.values().filter(|spans| spans.iter().any(is_failed));
        ensure!(
            failed.count() == 1,
            "expected one failed trace: {traces:#?}"
        );
        // More than 15 of 300 at 1 % happen once in ten million runs.
        ensure!(traces.len() <= 16, "{} of 300 are sampled", traces.len());
        Ok(())
    });
    cases.check("failing path: whole at ten times the limit", || {
        let row = Row::start(fixture, rotel, "0")?;
        let started = Instant::now();
        for number in 1..=10 * LIMIT * STORM {
            row.fail()?;
            let next = started + number * Duration::from_secs(1) / (10 * LIMIT);
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        let traces = row.stop(nearly_all_whole)?;
        // The first failures are all chosen, and most of the others are not.
        let (all, found) = ((10 * LIMIT * STORM) as usize, traces.len());
        ensure!(
            (5..all / 2).contains(&found),
            "{found} of {all} failures were collected"
        );
        Ok(())
    });
}

/// The limit of exported failures in a second.
const LIMIT: u32 = 5;

/// The duration of a storm of failures in seconds.
const STORM: u32 = 5;

/// Three services of which each calls the next one.
struct Row {
    rotel: Rotel,
    first: String,
    services: Vec<Process>,
}

impl Row {
    fn start(fixture: &Fixture, rotel: &Path, ratio: &str) -> anyhow::Result<Self> {
        let rotel = Rotel::start(rotel, &fixture.folder)?;
        let program = example("calls")?;
        let mut services = Vec::new();
        let mut next: Option<String> = None;
        for name in SERVICES.iter().rev() {
            let mut command = Command::new(&program);
            service::without_telemetry_settings(&mut command);
            command
                .env("ADDRESS", "127.0.0.1:0")
                .env("OTEL_EXPORTER_PROMETHEUS_PORT", "0")
                .env("OTEL_SERVICE_NAME", name)
                .env("OTEL_EXPORTER_OTLP_ENDPOINT", &rotel.endpoint)
                .env("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
                .env("OTEL_TRACES_SAMPLER_ARG", ratio)
                .env("FIRSTLIGHT_LOG_FORMAT", "json")
                .env("FIRSTLIGHT_TRACE_FAILURES", LIMIT.to_string());
            if let Some(next) = &next {
                command.env("NEXT", next);
            }
            let process = Process::start("the example calls", &mut command)?;
            let address = process.wait_for_line("its address", DEADLINE, |line| {
                let line: serde_json::Value = serde_json::from_str(line).ok()?;
                (line["message"] == "listening")
                    .then(|| line["address"].as_str().map(str::to_owned))?
            })?;
            next = Some(address);
            services.push(process);
        }
        Ok(Self {
            rotel,
            first: next.context("there is no service")?,
            services,
        })
    }

    /// Sends a request to the first service.
    fn get(&self, path: &str, expected: u16) -> anyhow::Result<()> {
        let url = format!("http://{}{path}", self.first);
        let status = http::send("GET", &url, &[], "")?.status;
        ensure!(
            status == expected,
            "GET {path}: found status {status}, expected {expected}"
        );
        Ok(())
    }

    /// Sends a request that fails in the last service.
    fn fail(&self) -> anyhow::Result<()> {
        self.get("/fail", 502)
    }

    /// Stops the services; returns the traces once `are_whole` accepts them.
    fn stop(
        mut self,
        are_whole: fn(&BTreeMap<String, Trace>) -> anyhow::Result<()>,
    ) -> anyhow::Result<BTreeMap<String, Trace>> {
        for service in &mut self.services {
            // The services flush before they end.
            let status = service.stop(DEADLINE)?;
            ensure!(status.success(), "a service ended with {status}");
        }
        let found = RefCell::default();
        self.rotel.wait_for_lines(|lines| {
            // The collector prints a moment later, so that traces become whole with time.
            let traces = by_trace(spans_in(lines));
            are_whole(&traces)?;
            ensure!(
                traces.values().flatten().any(is_failed),
                "nothing has failed"
            );
            found.replace(traces);
            Ok(())
        })?;
        Ok(found.into_inner())
    }
}

fn all_whole(traces: &BTreeMap<String, Trace>) -> anyhow::Result<()> {
    traces.values().try_for_each(check_whole)
}

/// Accepts a tenth of broken traces.
///
/// A trace that fails while the levels of the services change may be broken.
fn nearly_all_whole(traces: &BTreeMap<String, Trace>) -> anyhow::Result<()> {
    let broken: Vec<_> = traces
        .values()
        .filter_map(|spans| check_whole(spans).err())
        .collect();
    ensure!(
        broken.len() * 10 <= traces.len(),
        "{} of {} traces are broken: {broken:#?}",
        broken.len(),
        traces.len()
    );
    Ok(())
}

/// The spans of a trace.
type Trace = Vec<CollectedSpan>;

fn by_trace(spans: Vec<CollectedSpan>) -> BTreeMap<String, Trace> {
    let mut traces: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for span in spans {
        traces.entry(span.trace_id.clone()).or_default().push(span);
    }
    traces
}

fn is_failed(span: &CollectedSpan) -> bool {
    span.kind.ends_with("SERVER") && span.status.ends_with("ERROR")
}

/// Checks that these are the spans of all services, each in its parent.
fn check_whole(spans: &Trace) -> anyhow::Result<()> {
    let mut parent = "";
    let mut found = 0;
    while let Some(span) = spans.iter().find(|span| span.parent_span_id == parent) {
        let (service, kind) = (SERVICES[found / 2], ["SERVER", "CLIENT"][found % 2]);
        ensure!(
            span.service == service && span.kind.ends_with(kind),
            "found {span:?}, expected {kind} of the {service} service"
        );
        parent = &span.span_id;
        found += 1;
    }
    ensure!(
        (found, spans.len()) == (5, 5),
        "found {found} spans in a row of {}, expected 5 of 5: {spans:#?}",
        spans.len()
    );
    Ok(())
}
