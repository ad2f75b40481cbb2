//! Spans that end before their last handle is dropped.
//!
//! A `tracing` span ends when its last handle is dropped, and each task that was spawned in it holds a handle. The span of
//! an operation must end with the operation instead.

use std::{borrow::Cow, sync::OnceLock};

use opentelemetry::{
    Context, KeyValue,
    trace::{SpanContext, SpanId, SpanRef, Status, TraceContextExt},
};
use tracing::Span;

use crate::{
    evidence,
    span_ids::{SpanIds, with_ids},
    thread::{attach, current_context},
};

/// Ends the OpenTelemetry span of a `tracing` span.
///
/// Does not hold the `tracing` span, so that it can be stored inside that span.
#[derive(Debug)]
pub(crate) struct SpanEnd {
    /// The id of the span that was current at the creation; invalid without a span.
    outer: SpanId,
    /// The span's context; unset for a span outside any trace.
    ///
    /// The context is kept, because entering the span to read it costs thirty times as much.
    context: OnceLock<Context>,
}

impl SpanEnd {
    /// Remembers the current span. Must be called before the span is entered.
    pub(crate) fn new() -> Self {
        Self {
            outer: current_span_id(),
            context: OnceLock::new(),
        }
    }

    /// Reads the current context.
    ///
    /// Must be called once inside the span, before the other methods.
    pub(crate) fn entered(&self) {
        // If the trace filter disabled the span, the current span is still the outer one.
        let context = current_context();
        if context.span().span_context().span_id() != self.outer {
            let _ = self.context.set(context);
        }
    }

    fn writer(&self) -> Option<SpanWriter<'_>> {
        let span = self.context.get().map(TraceContextExt::span)?;
        let is_exported = span.is_recording();
        Some(SpanWriter { span, is_exported })
    }

    /// Calls `write` with the span, if it is exported or the flight recorder keeps it.
    pub(crate) fn write(&self, write: impl FnOnce(&SpanWriter<'_>)) {
        if let Some(span) = self.writer()
            && (span.is_exported || evidence::is_on())
        {
            write(&span);
        }
    }

    /// Calls `write` with the span, if it is exported.
    ///
    /// For attributes that cost much and that the flight recorder has in another form.
    pub(crate) fn write_exported(&self, write: impl FnOnce(&SpanWriter<'_>)) {
        if let Some(span) = self.writer()
            && span.is_exported
        {
            evidence::for_export_only(|| write(&span));
        }
    }

    /// Calls `write` with the span, for the flight recorder alone.
    #[cfg(feature = "db")]
    pub(crate) fn write_recorded(&self, write: impl FnOnce(&SpanWriter<'_>)) {
        if let Some(span) = self.writer()
            && evidence::is_on()
        {
            evidence::for_recorder_only(|| write(&span));
        }
    }

    /// Runs `measure`, whose samples get this span as their exemplar.
    pub(crate) fn measure<T>(&self, measure: impl FnOnce() -> T) -> T {
        let context = self.context.get();
        let sampled = context.filter(|context| context.span().span_context().is_sampled());
        // If this span is not sampled and no span is current, the samples have no exemplar, and attaching an empty context
        // would cost more than the samples.
        let is_needed = sampled.is_some() || current_context().has_active_span();
        let _attached = is_needed.then(|| attach(sampled.cloned().unwrap_or_default()));
        measure()
    }

    /// The ids of the span, if it is in a trace.
    pub(crate) fn ids(&self) -> Option<SpanIds> {
        SpanIds::from_context(self.context.get()?.span().span_context())
    }

    /// Ends the span now, even if there are more handles.
    pub(crate) fn end(&self) {
        if let Some(context) = self.context.get() {
            context.span().end();
        }
    }
}

/// A span that is exported or that the flight recorder keeps.
#[derive(Debug)]
pub(crate) struct SpanWriter<'a> {
    span: SpanRef<'a>,
    is_exported: bool,
}

impl SpanWriter<'_> {
    pub(crate) fn update_name(&self, name: impl Into<Cow<'static, str>>) {
        self.span.update_name(name);
    }

    pub(crate) fn set_attribute(&self, attribute: KeyValue) {
        self.span.set_attribute(attribute);
    }

    /// Sets attributes, at one lock if the span is exported.
    ///
    /// OpenTelemetry's method for several of them ignores a span that is not exported.
    pub(crate) fn set_attributes(&self, attributes: impl IntoIterator<Item = KeyValue>) {
        let mut attributes = attributes.into_iter();
        if self.is_exported {
            // By reference, because a chain of iterators is large, and would be moved three times.
            return self.span.set_attributes(&mut attributes);
        }
        for attribute in attributes {
            self.span.set_attribute(attribute);
        }
    }

    pub(crate) fn set_status(&self, status: Status) {
        self.span.set_status(status);
    }

    fn add_link(&self, context: SpanContext) {
        self.span.add_link(context, Vec::new());
    }
}

/// A `tracing` span and its end.
#[derive(Debug)]
pub(crate) struct OpenSpan {
    span: Span,
    end: SpanEnd,
}

impl OpenSpan {
    /// Wraps the span. Must be called before the span is entered.
    pub(crate) fn new(span: Span) -> Self {
        Self {
            span,
            end: SpanEnd::new(),
        }
    }

    /// Adds the link. Must be called once inside the span, before the other methods.
    pub(crate) fn entered(&self, link: Option<&SpanContext>) {
        self.end.entered();
        if let Some(link) = link {
            self.write(|span| span.add_link(link.clone()));
        }
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// The ids of the span, if it is in a trace.
    pub(crate) fn ids(&self) -> Option<SpanIds> {
        self.end.ids()
    }

    /// Calls `write` with the span, if it is exported or the flight recorder keeps it.
    pub(crate) fn write(&self, write: impl FnOnce(&SpanWriter<'_>)) {
        self.end.write(write);
    }

    /// Calls `write` with the span, if it is exported.
    pub(crate) fn write_exported(&self, write: impl FnOnce(&SpanWriter<'_>)) {
        self.end.write_exported(write);
    }

    /// Runs `measure`, whose samples get this span as their exemplar.
    pub(crate) fn measure<T>(&self, measure: impl FnOnce() -> T) -> T {
        self.end.measure(measure)
    }

    /// Runs `log`, whose events name this span as their explicit parent.
    pub(crate) fn log(&self, log: impl FnOnce()) {
        with_ids(self.span.id().as_ref(), self.end.ids(), log);
    }

    /// Ends the span now, even if there are more handles.
    pub(crate) fn end(&self) {
        self.end.end();
    }
}

/// The id of the current span; invalid without a span.
fn current_span_id() -> SpanId {
    current_context().span().span_context().span_id()
}
