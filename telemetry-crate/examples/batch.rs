//! A command or batch job, without a listener.
//!
//! Its telemetry is sent at the end, and its exit code says whether it failed. Run it with
//! `cargo run -p firstlight --example batch -- Cargo.toml`. Its metrics are not scraped; to push them, set
//! `OTEL_METRICS_EXPORTER=otlp` and `OTEL_EXPORTER_OTLP_ENDPOINT`.

use std::{env, fs, io, process::ExitCode, time::SystemTime};

use firstlight::{InitError, TelemetryConfig};

fn main() -> Result<ExitCode, InitError> {
    let telemetry = TelemetryConfig::new()
        .service_name("import")
        .service_version(env!("CARGO_PKG_VERSION"))
        .without_admin() // two runs at once would need the same port
        .init()?;
    let files: Vec<String> = env::args().skip(1).collect();
    // A failure becomes one log line with its causes, and exit code 1. Spans and metrics are sent in any case.
    Ok(telemetry.finish(run(&files)))
}

/// Imports all files in one trace, whose root span fails if an import fails.
#[tracing::instrument(name = "import", skip_all, fields(files = files.len()), err)]
fn run(files: &[String]) -> io::Result<()> {
    for file in files {
        let lines = import(file)?;
        metrics::counter!("imported_lines_total").increment(lines);
    }
    // An alert compares this timestamp with the current time.
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    metrics::gauge!("import_last_success_timestamp_seconds").set(now.as_secs_f64());
    tracing::info!("imported everything");
    Ok(())
}

#[tracing::instrument(err)]
fn import(file: &str) -> io::Result<u64> {
    let lines = fs::read_to_string(file)?.lines().count();
    tracing::info!(lines, "imported");
    Ok(lines as u64)
}
