//! All three signals to a collector, and nothing lost at the end. With a collector on this machine, run
//! `OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 OTEL_EXPORTER_OTLP_PROTOCOL=grpc cargo run -p firstlight
//! --features otlp-grpc --example otlp`; without the protocol and the feature it is HTTP, usually on port 4318.

use std::{convert::Infallible, process::ExitCode};

use firstlight::{InitError, TelemetryConfig};

fn main() -> Result<ExitCode, InitError> {
    // Spans go there as soon as there is an endpoint; metrics and log records once OTEL_METRICS_EXPORTER and
    // OTEL_LOGS_EXPORTER say `otlp`.
    let telemetry = TelemetryConfig::new()
        .service_name("otlp")
        .without_admin()
        .init()?;
    for order in 1..=3 {
        let _entered = tracing::info_span!("place order", order.id = order).entered();
        tracing::info!("order placed"); // a record with the ids of its span
        metrics::counter!("orders_placed_total").increment(1);
        metrics::histogram!("order_value_euros").record(f64::from(order)); // with the trace as its exemplar
    }
    // The last line says what could not be delivered; that is no failure of the program.
    Ok(telemetry.finish(Ok::<_, Infallible>(())))
}
