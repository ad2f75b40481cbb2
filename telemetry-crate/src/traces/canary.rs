//! The canary: a span that is sent through the pipeline to check it.

use opentelemetry::{
    Context,
    trace::{SpanContext, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// What happened to the canary before the queue.
pub(crate) enum Canary {
    /// The span was sampled and has ended. Holds its trace id.
    Ended(String),
    /// The filter rejected the span, or the subscriber has no layer of firstlight.
    Hidden,
    /// The sampler dropped the span.
    Unsampled,
}

/// Creates and ends a span.
///
/// If the span is not sampled, tries again with a sampled parent.
pub(crate) fn send_canary() -> Canary {
    match send(canary_span()) {
        Canary::Unsampled => {
            let span = canary_span();
            // Fails only if the span is hidden, which `send` detects.
            let _ = span.set_parent(Context::new().with_remote_span_context(sampled_parent()));
            send(span)
        }
        sent => sent,
    }
}

fn canary_span() -> Span {
    // The level is `error`, so that only the filter `off` rejects it.
    tracing::error_span!(target: "firstlight::check", parent: None, "telemetry check")
}

fn send(span: Span) -> Canary {
    let context = span.context();
    let context = context.span().span_context().clone();
    if !context.is_valid() {
        Canary::Hidden
    } else if context.is_sampled() {
        Canary::Ended(context.trace_id().to_string())
    } else {
        Canary::Unsampled
    }
}

/// A remote parent with which every sampler but `always_off` samples.
///
/// It has the sampled flag, and a trace id that any ratio selects, because ratios compare the lower half of the id.
fn sampled_parent() -> SpanContext {
    let ids = RandomIdGenerator::default();
    let mut trace_id = ids.new_trace_id().to_bytes();
    trace_id[8..].copy_from_slice(&1u64.to_be_bytes());
    SpanContext::new(
        TraceId::from_bytes(trace_id),
        ids.new_span_id(),
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    )
}
