//! Spans that are created after their operation has ended.
//!
//! Some libraries report an operation and its duration only at its end. Its span is then created with an earlier start time,
//! as a child of the current span. Such a span has no children, because it was never the current one.

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use opentelemetry::{
    Context, KeyValue,
    trace::{Span as _, SpanBuilder, SpanId, SpanKind, TraceContextExt, Tracer as _},
};

use super::{SPAN_LEVEL, SpanTracer, TraceFilter};
use crate::{evidence, thread::current_context};

/// Creates retroactive spans.
#[derive(Debug, Clone)]
pub(crate) struct RetroactiveSpans {
    pub(super) tracer: SpanTracer,
    pub(super) filter: Arc<TraceFilter>,
}

/// An operation that has ended.
#[derive(Debug)]
pub(crate) struct RetroactiveSpan {
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: SpanKind,
    pub(crate) start: SystemTime,
    pub(crate) end: SystemTime,
    pub(crate) attributes: Vec<KeyValue>,
}

impl RetroactiveSpans {
    /// Whether the trace filter lets spans of this target through, at [`SPAN_LEVEL`].
    pub(crate) fn keeps(&self, target: &str) -> bool {
        self.filter.spans.would_enable(target, &SPAN_LEVEL)
    }

    /// Adds a child to the current span, if that is exported or recorded.
    ///
    /// Otherwise, `describe` is not called.
    pub(crate) fn add(&self, describe: impl FnOnce() -> RetroactiveSpan) {
        let parent = current_context();
        let is_kept = evidence::is_on() && parent.has_active_span();
        if is_kept || parent.span().is_recording() {
            self.build(&parent, describe());
        }
    }

    /// Adds a child to a span that is exported, without the flight recorder.
    ///
    /// Returns the id of the child.
    pub(crate) fn export(&self, parent: &Context, span: RetroactiveSpan) -> SpanId {
        let mut id = SpanId::INVALID;
        evidence::for_export_only(|| id = self.build(parent, span));
        id
    }

    fn build(&self, parent: &Context, operation: RetroactiveSpan) -> SpanId {
        let builder = SpanBuilder::from_name(operation.name)
            .with_kind(operation.kind)
            .with_start_time(operation.start)
            .with_attributes(operation.attributes);
        let mut span = self.tracer.build_with_context(builder, parent);
        span.end_with_timestamp(operation.end);
        span.span_context().span_id()
    }
}
