//! `init-tracing-opentelemetry` with `axum-tracing-opentelemetry`.
//!
//! It has what their READMEs show: the preset for production, the middleware, and the Prometheus router beside the
//! service's routes. The middleware has no metrics. The two OpenTelemetry instruments here are those of the semantic
//! conventions for HTTP servers, with the labels that most services have.

use std::time::Instant;

use anyhow::Context as _;
use axum::{
    extract::{MatchedPath, Request, State},
    middleware::{self, Next},
    response::Response,
};
use axum_tracing_opentelemetry::{
    middleware::{OtelAxumLayer, OtelInResponseLayer},
    prometheus_metrics,
};
use init_tracing_opentelemetry::{
    TracingConfig,
    opentelemetry::{
        KeyValue, global,
        metrics::{Histogram, UpDownCounter},
    },
};

fn main() -> anyhow::Result<()> {
    let telemetry = TracingConfig::production()
        .with_metrics_prometheus()
        .init_subscriber()?;
    let registry = telemetry
        .prometheus_registry()
        .context("the Prometheus exporter is on")?
        .clone();

    let app = service::orders()?
        .layer(middleware::from_fn_with_state(Instruments::new(), measure))
        .layer(OtelInResponseLayer)
        .layer(OtelAxumLayer::default())
        .merge(prometheus_metrics::router(registry));
    service::serve(app)?;
    drop(telemetry);
    Ok(())
}

#[derive(Debug, Clone)]
struct Instruments {
    duration: Histogram<f64>,
    active: UpDownCounter<i64>,
}

impl Instruments {
    fn new() -> Self {
        let meter = global::meter("orders");
        let duration = meter
            .f64_histogram("http.server.request.duration")
            .with_unit("s");
        Self {
            duration: duration.with_boundaries(BUCKETS.to_vec()).build(),
            active: meter
                .i64_up_down_counter("http.server.active_requests")
                .build(),
        }
    }
}

async fn measure(State(instruments): State<Instruments>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = KeyValue::new("http.request.method", request.method().to_string());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(String::new, |path| path.as_str().to_owned());
    let gauge_labels = [method.clone()];
    instruments.active.add(1, &gauge_labels);
    let response = next.run(request).await;
    instruments.active.add(-1, &gauge_labels);
    let status = i64::from(response.status().as_u16());
    instruments.duration.record(
        started.elapsed().as_secs_f64(),
        &[
            method,
            KeyValue::new("http.route", route),
            KeyValue::new("http.response.status_code", status),
        ],
    );
    response
}

/// The bucket boundaries that the semantic conventions advise for this metric.
const BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];
