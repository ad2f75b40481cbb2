//! The end of a span that is not the drop of its last handle.
//!
//! A `tracing` span ends with its last handle, and each task that was spawned in it holds one. An operation has an end of
//! its own, and must be in the trace by then.

use std::sync::OnceLock;

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, SpanRef, TraceContextExt},
};
use tracing::Span;

use crate::{
    span_ids::{SpanIds, with_ids},
    thread::{attach, current_context},
};

/// Ends the OpenTelemetry span of a `tracing` span.
///
/// Without the `tracing` span itself, for a holder that is stored inside of it.
#[derive(Debug)]
pub(crate) struct SpanEnd {
    /// The span around it, if there is one.
    outer: SpanId,
    /// The span's context; entering the span once more costs thirty times as much. Unset for a span outside any trace.
    context: OnceLock<Context>,
}

impl SpanEnd {
    /// Called outside of the span, which is entered later.
    pub(crate) fn new() -> Self {
        Self {
            outer: current_span_id(),
            context: OnceLock::new(),
        }
    }

    /// Called inside the span, once, before anything below.
    pub(crate) fn entered(&self) {
        // A filter may have kept the span out of the trace; the current one is another then.
        let context = current_context();
        if context.span().span_context().span_id() != self.outer {
            let _ = self.context.set(context);
        }
    }

    /// Writes on the span, if it is recorded.
    pub(crate) fn write(&self, write: impl FnOnce(&SpanRef<'_>)) {
        if let Some(span) = self.context.get().map(TraceContextExt::span)
            && span.is_recording()
        {
            write(&span);
        }
    }

    /// Runs `measure` with the span as the exemplar of its samples, in place of the current one.
    pub(crate) fn measure<T>(&self, measure: impl FnOnce() -> T) -> T {
        let context = self.context.get();
        let sampled = context.filter(|context| context.span().span_context().is_sampled());
        // Without either, a sample has no exemplar, and the context costs more than the sample.
        let is_needed = sampled.is_some() || current_context().has_active_span();
        let _attached = is_needed.then(|| attach(sampled.cloned().unwrap_or_default()));
        measure()
    }

    /// Of the span, if it is in a trace.
    pub(crate) fn ids(&self) -> Option<SpanIds> {
        SpanIds::of(self.context.get()?.span().span_context())
    }

    /// Ends the span now, whatever still holds a handle of it.
    pub(crate) fn end(&self) {
        if let Some(context) = self.context.get() {
            context.span().end();
        }
    }
}

/// A `tracing` span and its end.
#[derive(Debug)]
pub(crate) struct OpenSpan {
    span: Span,
    end: SpanEnd,
}

impl OpenSpan {
    /// Called outside of the span, which is entered later.
    pub(crate) fn new(span: Span) -> Self {
        Self {
            span,
            end: SpanEnd::new(),
        }
    }

    /// Called inside the span, once, before anything below.
    pub(crate) fn entered(&self, link: Option<&SpanContext>) {
        self.end.entered();
        if let Some(link) = link {
            self.write(|span| span.add_link(link.clone(), Vec::new()));
        }
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// See [`SpanEnd::write`].
    pub(crate) fn write(&self, write: impl FnOnce(&SpanRef<'_>)) {
        self.end.write(write);
    }

    /// See [`SpanEnd::measure`].
    pub(crate) fn measure<T>(&self, measure: impl FnOnce() -> T) -> T {
        self.end.measure(measure)
    }

    /// Runs `log`, whose events have the span as their explicit parent.
    pub(crate) fn log(&self, log: impl FnOnce()) {
        with_ids(self.span.id().as_ref(), self.end.ids(), log);
    }

    /// See [`SpanEnd::end`].
    pub(crate) fn end(&self) {
        self.end.end();
    }
}

/// The span that is current, if there is one.
fn current_span_id() -> SpanId {
    current_context().span().span_context().span_id()
}
