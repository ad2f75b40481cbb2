//! The context and ids of a span that an event names as its explicit parent.
//!
//! `tracing-opentelemetry` has the ids of every span, but reading them takes three locks: of the layer, the span and its
//! data. The code that ends an operation already has the ids, and provides them here while it logs an event. An event inside
//! its span does not need this, because the current context has the ids.

use std::{
    cell::Cell,
    sync::{Arc, OnceLock},
};

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceFlags, TraceId},
};
use tracing::{Dispatch, dispatcher::WeakDispatch, span::Id};

/// The ids and flags of a span, as in a log record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpanIds {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) flags: TraceFlags,
}

impl SpanIds {
    /// The ids in a span's context; `None` for a span outside any trace.
    pub(crate) fn from_context(context: &SpanContext) -> Option<Self> {
        context.is_valid().then(|| Self {
            trace_id: context.trace_id(),
            span_id: context.span_id(),
            flags: context.trace_flags(),
        })
    }
}

/// The subscriber of a layer, which knows the context of each span.
#[derive(Debug, Clone, Default)]
pub(crate) struct SpanContexts(Arc<OnceLock<WeakDispatch>>);

impl SpanContexts {
    /// Registers the subscriber.
    ///
    /// Only the first call counts, because a layer does not move to another subscriber.
    pub(crate) fn register(&self, dispatch: &Dispatch) {
        let _ = self.0.set(dispatch.downgrade());
    }

    /// The context of this span; `None` if it has none or the subscriber is gone.
    pub(crate) fn of(&self, span: &Id) -> Option<Context> {
        let dispatch = self.0.get()?.upgrade()?;
        tracing_opentelemetry::get_otel_context(span, &dispatch)
    }
}

thread_local! {
    /// The number of a span in the registry, and its ids, during [`with_ids`].
    static EXPLICIT: Cell<Option<(u64, Option<SpanIds>)>> = const { Cell::new(None) };
}

/// Provides the ids of `span` to the events of `work`.
///
/// `ids` is `None` for a span outside any trace.
pub(crate) fn with_ids(span: Option<&Id>, ids: Option<SpanIds>, work: impl FnOnce()) {
    /// Restores the previous ids, also after a panic.
    ///
    /// The registry reuses the number of a span for another span, and calls may be nested.
    struct Restore(Option<(u64, Option<SpanIds>)>);
    impl Drop for Restore {
        fn drop(&mut self) {
            EXPLICIT.set(self.0);
        }
    }
    let _restore = Restore(EXPLICIT.replace(span.map(|id| (id.into_u64(), ids))));
    work();
}

/// The ids of this span from [`with_ids`].
///
/// Returns `None` if the ids are not provided, and `Some(None)` for a span outside any trace.
pub(crate) fn explicit_ids(span: &Id) -> Option<Option<SpanIds>> {
    let (id, ids) = EXPLICIT.get()?;
    (id == span.into_u64()).then_some(ids)
}
