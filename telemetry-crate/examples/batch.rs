//! For a command or a batch job: no listener, telemetry sent at the end, and an exit code that tells. Run it with
//! `cargo run -p firstlight --example batch -- Cargo.toml`; for its metrics, which are not scraped, set
//! `OTEL_METRICS_EXPORTER=otlp` and `OTEL_EXPORTER_OTLP_ENDPOINT`.

use std::{env, fs, io, process::ExitCode, time::SystemTime};

use firstlight::{InitError, TelemetryConfig};

fn main() -> Result<ExitCode, InitError> {
    let telemetry = TelemetryConfig::new()
        .service_name("import")
        .service_version(env!("CARGO_PKG_VERSION"))
        .without_admin() // a port would be taken where two of them run
        .init()?;
    let files: Vec<String> = env::args().skip(1).collect();
    // A failure becomes one log line with its causes, and the exit code 1; spans and metrics are sent either way.
    Ok(telemetry.finish(run(&files)))
}

/// The whole run is one trace, whose span has failed if the run has.
#[tracing::instrument(name = "import", skip_all, fields(files = files.len()), err)]
fn run(files: &[String]) -> io::Result<()> {
    for file in files {
        let lines = import(file)?;
        metrics::counter!("imported_lines_total").increment(lines);
    }
    // What an alert asks for: how long ago the last success was.
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
