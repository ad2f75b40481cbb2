//! Spans and events without firstlight: the least that its own can take.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tracing::{Dispatch, dispatcher::set_global_default};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{Layer as _, Registry, filter::LevelFilter, layer::SubscriberExt as _};

use crate::requests::{sql, statement};

/// Spans in a `Registry` without layers.
pub(crate) fn registry(count: u32) -> anyhow::Result<()> {
    spans(count, 1, Registry::default().into())
}

/// Spans of `tracing-opentelemetry`, each entered `times` times.
pub(crate) fn open_telemetry(count: u32, times: u32) -> anyhow::Result<()> {
    spans(count, times, Registry::default().with(layer()).into())
}

/// The same, entered twice, with a filter of the layer.
pub(crate) fn filtered(count: u32) -> anyhow::Result<()> {
    let layer = layer().with_filter(LevelFilter::INFO);
    spans(count, 2, Registry::default().with(layer).into())
}

/// The events of sqlx's statements, which a `Registry` enables and ignores.
pub(crate) fn statement_events(count: u32) -> anyhow::Result<()> {
    set_global_default(Registry::default().into())?;
    (0..count).for_each(|number| statement(sql(number)));
    Ok(())
}

/// The layer with the settings of firstlight, without attributes of its own.
fn layer() -> OpenTelemetryLayer<Registry, SdkTracer> {
    tracing_opentelemetry::layer()
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_tracer(tracer())
}

/// A tracer of the SDK that samples nothing.
fn tracer() -> SdkTracer {
    let provider = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff);
    provider.build().tracer("operations")
}

fn spans(count: u32, times: u32, subscriber: Dispatch) -> anyhow::Result<()> {
    set_global_default(subscriber)?;
    for number in 0..count {
        let span = tracing::info_span!("order", order = number, customer = "b", paid = true);
        (0..times).for_each(|_| span.in_scope(|| ()));
    }
    Ok(())
}
