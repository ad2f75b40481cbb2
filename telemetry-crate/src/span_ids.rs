//! The ids of a span that an event names as its explicit parent.
//!
//! `tracing-opentelemetry` knows the ids of any span, but asking for them takes three locks: the layer, the span and its
//! data. The code that ends an operation has them at hand, and states them here for the length of one event. An event
//! inside its span needs none of this: the current context has its ids.

use std::cell::Cell;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId};
use tracing::span::Id;

/// What a record says of the span that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpanIds {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) flags: TraceFlags,
}

impl SpanIds {
    /// `None` for a span outside any trace.
    pub(crate) fn of(context: &SpanContext) -> Option<Self> {
        context.is_valid().then(|| Self {
            trace_id: context.trace_id(),
            span_id: context.span_id(),
            flags: context.trace_flags(),
        })
    }
}

thread_local! {
    static EXPLICIT: Cell<Option<(u64, Option<SpanIds>)>> = const { Cell::new(None) };
}

/// Runs `work`, whose events may have the span as their parent; `ids` are `None` for a span outside any trace.
pub(crate) fn with_ids(span: Option<&Id>, ids: Option<SpanIds>, work: impl FnOnce()) {
    /// Restores the previous ids, also after a panic: the number of a span is used again for another one, and the event
    /// may be logged in the middle of another.
    struct Restore(Option<(u64, Option<SpanIds>)>);
    impl Drop for Restore {
        fn drop(&mut self) {
            EXPLICIT.set(self.0);
        }
    }
    let _restore = Restore(EXPLICIT.replace(span.map(|id| (id.into_u64(), ids))));
    work();
}

/// The ids of this span as stated by [`with_ids`]; `Some(None)` for a span outside any trace.
pub(crate) fn explicit_ids(span: &Id) -> Option<Option<SpanIds>> {
    let (id, ids) = EXPLICIT.get()?;
    (id == span.into_u64()).then_some(ids)
}
