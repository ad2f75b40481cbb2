//! One span through the whole pipeline, to see whether it arrives.

use opentelemetry::{
    Context,
    trace::{SpanContext, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// What became of the span before it reached the queue.
pub(crate) enum Canary {
    /// With its trace id.
    Ended(String),
    /// The filter, or no layer of ours.
    Hidden,
    Unsampled,
}

/// Makes and ends a span.
pub(crate) fn send_canary() -> Canary {
    match send(make()) {
        Canary::Unsampled => {
            let span = make();
            // An error is a span that is hidden, and then the answer is the same as before.
            let _ = span.set_parent(Context::new().with_remote_span_context(sampled()));
            send(span)
        }
        sent => sent,
    }
}

fn make() -> Span {
    // At `error`, so that only a filter that lets nothing through hides it.
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

/// A caller that every sampler but `always_off` follows: its flag says sampled, and its id is among the first that a
/// ratio takes, because a ratio looks at the lower half.
fn sampled() -> SpanContext {
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
