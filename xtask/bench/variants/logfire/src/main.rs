//! logfire, as its axum example does it, with our receiver in the place of its platform.
//!
//! It has no log lines for a machine and no metrics page: both go out over OTLP.

use axum_otel_metrics::HttpMetricsLayerBuilder;
use axum_tracing_opentelemetry::middleware::{OtelAxumLayer, OtelInResponseLayer};
use logfire::config::AdvancedOptions;

fn main() -> anyhow::Result<()> {
    let receiver = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT")?;
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
