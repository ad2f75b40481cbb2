//! A span that ends when a call ends, and not when the last clone of it is dropped.
//!
//! A `tracing` span ends with its last handle, and whoever spawned something under it holds one. A call has an end of its
//! own, and must be in the trace by then. What it leaves out: what a call is; that is for HTTP and gRPC to say.

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, SpanRef, TraceContextExt},
};
use tracing::Span;

use super::current_span_id;
use crate::thread::{attach, current_context};

/// See the module.
#[derive(Debug)]
pub(crate) struct OpenSpan {
    span: Span,
    /// The span around it, if there is one.
    outer: SpanId,
    /// The span's context, for its end; entering the span once more costs thirty times as much. Empty if the span is no
    /// part of a trace.
    context: Context,
}

impl OpenSpan {
    pub(crate) fn new(span: Span) -> Self {
        Self {
            span,
            outer: current_span_id(),
            context: Context::new(),
        }
    }

    /// Called inside the span, once, before anything below.
    pub(crate) fn entered(&mut self, link: Option<&SpanContext>) {
        // A filter may have kept the span out of the trace; what is current then is somebody else's.
        if current_span_id() == self.outer {
            return;
        }
        self.context = current_context();
        if let Some(link) = link {
            self.context.span().add_link(link.clone(), Vec::new());
        }
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Writes on the span, if somebody will see it.
    pub(crate) fn write(&self, write: impl FnOnce(&SpanRef<'_>)) {
        let span = self.context.span();
        if span.is_recording() {
            write(&span);
        }
    }

    /// What is measured meanwhile has the span as its exemplar.
    pub(crate) fn measure(&self, measure: impl FnOnce()) {
        let _attached = attach(self.context.clone());
        measure();
    }

    /// Now, whoever still holds the span.
    pub(crate) fn end(&self) {
        self.context.span().end();
    }
}
