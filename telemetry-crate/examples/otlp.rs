//! A program that exports all three signals to a collector and flushes at its end.
//!
//! With a collector on this machine, run:
//!
//! ```sh
//! export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 OTEL_EXPORTER_OTLP_PROTOCOL=grpc
//! export OTEL_METRICS_EXPORTER=otlp OTEL_LOGS_EXPORTER=otlp
//! cargo run -p firstlight --features otlp-grpc --example otlp
//! ```
//!
//! Without `OTEL_EXPORTER_OTLP_PROTOCOL` the program exports over HTTP, which needs no feature. The
//! usual port of a collector is then 4318.

use std::{convert::Infallible, process::ExitCode};

use firstlight::{InitError, TelemetryConfig};

fn main() -> Result<ExitCode, InitError> {
    // The endpoint alone turns the export of spans on. Metrics and log records are exported only if
    // OTEL_METRICS_EXPORTER and OTEL_LOGS_EXPORTER name `otlp`.
    let telemetry = TelemetryConfig::new()
        .service_name("otlp")
        .without_admin()
        .init()?;
    for order in 1..=3 {
        let _entered = tracing::info_span!("place order", order.id = order).entered();
        tracing::info!("order placed"); // a log record with the ids of its span
        metrics::counter!("orders_placed_total").increment(1);
        metrics::histogram!("order_value_euros").record(f64::from(order)); // with the trace as its exemplar
    }
    // The last log line reports what could not be delivered, which does not change the exit code.
    Ok(telemetry.finish(Ok::<_, Infallible>(())))
}
