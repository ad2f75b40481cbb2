//! Whether a trace is kept, in formats that say more than yes and no: B3 and Jaeger.

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Keep,
    Drop,
    /// Kept, and marked as such in what is sent on.
    Debug,
    /// Left to the receiver.
    Undecided,
}

/// The trace that is marked.
#[derive(Debug)]
struct Debugged(TraceId);

/// The remote span that came without a decision.
#[derive(Debug)]
struct Deferred(SpanId);

/// Puts the span that was received into the context, with what the caller says about it.
pub(super) fn received(
    context: &Context,
    (trace_id, span_id): (TraceId, SpanId),
    decision: Decision,
) -> Context {
    let is_sampled = matches!(decision, Decision::Keep | Decision::Debug);
    let flags = TraceFlags::default().with_sampled(is_sampled);
    let span = SpanContext::new(trace_id, span_id, flags, true, TraceState::default());
    let context = context.with_remote_span_context(span);
    match decision {
        Decision::Debug => context.with_value(Debugged(trace_id)),
        Decision::Undecided => context.with_value(Deferred(span_id)),
        Decision::Keep | Decision::Drop => context,
    }
}

/// What is sent on: never [`Decision::Undecided`].
pub(super) fn of(context: &Context, span: &SpanContext) -> Decision {
    let debugged = context.get::<Debugged>();
    match span.is_sampled() {
        true if debugged.is_some_and(|it| it.0 == span.trace_id()) => Decision::Debug,
        true => Decision::Keep,
        false => Decision::Drop,
    }
}

/// Whether the remote parent leaves it to this process to decide.
pub(in crate::traces) fn is_deferred(context: &Context) -> bool {
    let deferred = context.get::<Deferred>();
    deferred.is_some_and(|it| it.0 == context.span().span_context().span_id())
}
