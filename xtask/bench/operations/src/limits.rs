//! Spans without firstlight: the least that its own spans can take.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tracing::{Dispatch, dispatcher::with_default};
use tracing_subscriber::{Layer as _, Registry, filter::LevelFilter, layer::SubscriberExt as _};

/// Spans in a `Registry` without layers.
pub(crate) fn registry(count: u32) {
    spans(count, 1, Registry::default().into());
}

/// Spans of `tracing-opentelemetry`, each entered `times` times.
pub(crate) fn open_telemetry(count: u32, times: u32) {
    let layer = tracing_opentelemetry::layer().with_tracer(tracer());
    spans(count, times, Registry::default().with(layer).into());
}

/// The same, entered twice, with a filter of the layer.
pub(crate) fn filtered(count: u32) {
    let layer = tracing_opentelemetry::layer().with_tracer(tracer());
    let layer = layer.with_filter(LevelFilter::INFO);
    spans(count, 2, Registry::default().with(layer).into());
}

/// A tracer of the SDK that samples nothing.
fn tracer() -> SdkTracer {
    let provider = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff);
    provider.build().tracer("operations")
}

fn spans(count: u32, times: u32, subscriber: Dispatch) {
    with_default(&subscriber, || {
        for number in 0..count {
            let span = tracing::info_span!("order", order = number, customer = "b", paid = true);
            (0..times).for_each(|_| span.in_scope(|| ()));
        }
    });
}
