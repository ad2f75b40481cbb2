//! logfire as in its axum example, with the benchmark's receiver as its platform.
//!
//! It has no JSON log lines and no `/metrics`: logs and metrics are exported over OTLP.

use axum_otel_metrics::HttpMetricsLayerBuilder;
use axum_tracing_opentelemetry::middleware::{OtelAxumLayer, OtelInResponseLayer};
use logfire::config::AdvancedOptions;

fn main() -> anyhow::Result<()> {
    let receiver = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT")?;
    // The benchmark's receiver does not check the token.
    let logfire = logfire::configure()
        .with_token("pylf_v1_us_0")
        .with_advanced_options(AdvancedOptions::default().with_base_url(receiver))
        .finish()?;
    let app = service::orders()?
        .layer(OtelAxumLayer::default())
        .layer(OtelInResponseLayer)
        .layer(HttpMetricsLayerBuilder::new().build());
    service::serve(app)?;
    logfire.shutdown()?;
    Ok(())
}
