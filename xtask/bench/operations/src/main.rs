//! Repeats one operation of a service, for a profiler that counts its cost.
//!
//! `operations <scenario> <repetitions>` starts telemetry as a service does, by the environment.
//! With `bare` as a third argument, it starts none. The cost of one operation is the difference of
//! two runs, divided by the difference of their repetitions. `cargo xtask bench --operations` runs
//! all scenarios.

#![expect(
    clippy::print_stderr,
    reason = "its facts go to standard error, beside the log"
)]

mod admin;
mod bare_spans;
mod requests;
mod scrapes;
mod work;

use std::time::Duration;

use anyhow::{Context as _, bail};
use firstlight::TelemetryGuard;
use tokio::runtime::{Builder, Runtime};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (scenario, count, is_bare) = match &arguments[..] {
        [scenario, count] => (scenario, count, false),
        [scenario, count, bare] if bare == "bare" => (scenario, count, true),
        _ => bail!("found {arguments:?}, expected: <scenario> <repetitions> [bare]"),
    };
    let count: u32 = count
        .parse()
        .with_context(|| format!("found {count:?}, expected a number of repetitions"))?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let telemetry = if is_bare {
        None
    } else {
        Some(firstlight::init!()?)
    };
    let telemetry = telemetry.as_ref();
    if let Some(address) = telemetry.and_then(TelemetryGuard::admin_address) {
        // The answer waits for what a thread does only once, which must not end within the measurement.
        admin::get(address, "/telemetry", "identity")?;
    }
    run(scenario, count, &runtime, telemetry)?;
    flush(telemetry)
}

fn run(
    scenario: &str,
    count: u32,
    runtime: &Runtime,
    telemetry: Option<&TelemetryGuard>,
) -> anyhow::Result<()> {
    match scenario {
        "request" => runtime.block_on(requests::empty(count, telemetry)),
        "span" => runtime.block_on(requests::spans(count, telemetry)),
        "event" => runtime.block_on(requests::events(count, telemetry)),
        "statement" => runtime.block_on(requests::statements(count, telemetry)),
        "repeated-statement" => runtime.block_on(requests::repeated_statements(count, telemetry)),
        "query" => runtime.block_on(requests::queries(count, telemetry)),
        "instrumented-query" => runtime.block_on(requests::instrumented_queries(count, telemetry)),
        "job" => runtime.block_on(work::jobs(count, telemetry)),
        "cron" => runtime.block_on(work::crons(count)),
        "series" => {
            scrapes::record(count);
            Ok(())
        }
        "registry-span" => bare_spans::registry(count),
        "otel-span" => bare_spans::open_telemetry(count, 1),
        "otel-span-twice" => bare_spans::open_telemetry(count, 2),
        "otel-span-filtered" => bare_spans::filtered(count),
        "statement-event" => bare_spans::statement_events(count),
        "scrape" => scrapes::render(count, telemetry),
        "scrape-http" => scrapes::over_http(count, "identity", telemetry),
        "scrape-gzip" => scrapes::over_http(count, "gzip", telemetry),
        other => bail!("found the scenario {other:?}, expected one of the source of this program"),
    }
}

/// Sends all pending spans, so that the queue of a measured program is never full.
fn flush(telemetry: Option<&TelemetryGuard>) -> anyhow::Result<()> {
    if let Some(telemetry) = telemetry {
        telemetry.flush(Duration::from_secs(60))?;
    }
    Ok(())
}
