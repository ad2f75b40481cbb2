//! Sampling decisions of B3 and Jaeger.
//!
//! These formats have more values than sampled and not sampled.

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};

/// The sampling decision in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Sampled.
    Keep,
    /// Not sampled.
    Drop,
    /// Sampled, and propagated with the debug flag.
    Debug,
    /// The receiver decides.
    Undecided,
}

/// The id of a trace with the debug flag, kept in the context.
#[derive(Debug)]
struct Debugged(TraceId);

/// The id of a remote span without a decision, kept in the context.
#[derive(Debug)]
struct Deferred(SpanId);

/// Adds the remote span and its decision to the context.
///
/// Another propagator may have read the same span, with a state and flags that these formats do not have. They are kept.
pub(super) fn with_remote(
    context: &Context,
    (trace_id, span_id): (TraceId, SpanId),
    decision: Decision,
) -> Context {
    let earlier = context.span().span_context().clone();
    let is_same = earlier.trace_id() == trace_id && earlier.span_id() == span_id;
    let (flags, state) = match is_same {
        // The other format always has a decision.
        true if decision == Decision::Undecided => return context.clone(),
        true => (earlier.trace_flags(), earlier.trace_state().clone()),
        false => (TraceFlags::default(), TraceState::default()),
    };
    let is_sampled = matches!(decision, Decision::Keep | Decision::Debug);
    let flags = flags.with_sampled(is_sampled);
    let span = SpanContext::new(trace_id, span_id, flags, true, state);
    let context = context.with_remote_span_context(span);
    match decision {
        Decision::Debug => context.with_value(Debugged(trace_id)),
        Decision::Undecided => context.with_value(Deferred(span_id)),
        Decision::Keep | Decision::Drop => context,
    }
}

/// The decision to propagate, which is never [`Decision::Undecided`].
pub(super) fn to_send(context: &Context, span: &SpanContext) -> Decision {
    let debugged = context.get::<Debugged>();
    match span.is_sampled() {
        true if debugged.is_some_and(|trace| trace.0 == span.trace_id()) => Decision::Debug,
        true => Decision::Keep,
        false => Decision::Drop,
    }
}

/// Whether the remote parent leaves the decision to this process.
pub(in crate::traces) fn is_deferred(context: &Context) -> bool {
    let deferred = context.get::<Deferred>();
    deferred.is_some_and(|parent| parent.0 == context.span().span_context().span_id())
}
