//! The ids of a span that an event names as its parent.
//!
//! An event outside its span says which one it belongs to, and `tracing-opentelemetry` knows the ids; but asking it means
//! to find the layer, the span and its data, each behind a lock. Whoever ends a request knows them already, and says so
//! here for the length of one event. Left out: events inside their span, whose ids are the current context's.

use std::cell::Cell;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId};
use tracing::{Span, span::Id};

/// What a record says of the span that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpanIds {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) flags: TraceFlags,
}

impl SpanIds {
    /// `None` if the span is no part of a trace.
    pub(crate) fn of(context: &SpanContext) -> Option<Self> {
        context.is_valid().then(|| Self {
            trace_id: context.trace_id(),
            span_id: context.span_id(),
            flags: context.trace_flags(),
        })
    }
}

thread_local! {
    static KNOWN: Cell<Option<(u64, Option<SpanIds>)>> = const { Cell::new(None) };
}

/// Runs `work`, whose events may have `span` as their parent; `None` if the span is no part of a trace.
pub(crate) fn known_ids(span: &Span, ids: Option<SpanIds>, work: impl FnOnce()) {
    known_ids_of(span.id().as_ref(), ids, work);
}

/// The same, for a span of which only the number is at hand.
pub(crate) fn known_ids_of(span: Option<&Id>, ids: Option<SpanIds>, work: impl FnOnce()) {
    /// Also after a panic: the number of a span is used again for another one. What was known before is known again:
    /// the line that this is for may be part of another.
    struct Restore(Option<(u64, Option<SpanIds>)>);
    impl Drop for Restore {
        fn drop(&mut self) {
            KNOWN.set(self.0);
        }
    }
    let _restore = Restore(KNOWN.replace(span.map(|id| (id.into_u64(), ids))));
    work();
}

/// The ids of this span if they are known: `Some(None)` if it is known to have none.
pub(crate) fn ids_of(span: &Id) -> Option<Option<SpanIds>> {
    let (id, ids) = KNOWN.get()?;
    (id == span.into_u64()).then_some(ids)
}
