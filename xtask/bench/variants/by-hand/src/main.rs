//! The common stack, assembled from separate crates.
//!
//! It has `tracing-subscriber`'s JSON layer on standard output, `tracing-opentelemetry` with `opentelemetry-otlp`,
//! `axum-tracing-opentelemetry`'s middleware, and the `metrics` macros with `metrics-exporter-prometheus`. Each part is
//! set up as its documentation shows. The metrics are those of the semantic conventions for HTTP servers, with the labels
//! that most services have. Log lines have no trace id, because none of these parts adds it.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    middleware::{self, Next},
    response::Response,
};
use axum_tracing_opentelemetry::middleware::OtelAxumLayer;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use opentelemetry::{global, trace::TracerProvider as _};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

fn main() -> anyhow::Result<()> {
    let traces = traces()?;
    tracing_subscriber::registry()
        .with(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")))
        .with(fmt::layer().json())
        .with(tracing_opentelemetry::layer().with_tracer(traces.tracer("by-hand")))
        .init();
    PrometheusBuilder::new()
        .with_http_listener(service::metrics_address()?)
        .set_buckets_for_metric(Matcher::Full(DURATION.to_owned()), &BUCKETS)?
        .install()?;

    let app = service::orders()?
        .layer(middleware::from_fn(measure))
        .layer(OtelAxumLayer::default());
    service::serve(app)?;
    traces.shutdown()?;
    Ok(())
}

/// The tracer provider with a batch exporter.
///
/// The batch processor and the sampler read their settings from the environment.
fn traces() -> anyhow::Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .build()?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(Resource::builder().build())
        .build();
    global::set_tracer_provider(provider.clone());
    global::set_text_map_propagator(TraceContextPropagator::new());
    Ok(provider)
}

async fn measure(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().to_string();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(String::new, |path| path.as_str().to_owned());
    let active =
        metrics::gauge!("http_server_active_requests", "http_request_method" => method.clone());
    active.increment(1.0);
    let response = next.run(request).await;
    active.decrement(1.0);
    metrics::histogram!(
        DURATION,
        "http_request_method" => method,
        "http_route" => route,
        "http_response_status_code" => response.status().as_u16().to_string(),
    )
    .record(started.elapsed());
    response
}

const DURATION: &str = "http_server_request_duration_seconds";

/// The bucket boundaries that the semantic conventions advise for this metric.
const BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];
