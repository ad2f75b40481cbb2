//! A span that is created after its operation.
//!
//! Some libraries say what they have done, and how long it took, once it is done. Its span is made then, back-dated, as a
//! child of the one that is current. What it leaves out: everything below it; nothing was current meanwhile.

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use opentelemetry::{
    KeyValue,
    trace::{Span as _, SpanBuilder, SpanKind, TraceContextExt, Tracer as _},
};

use super::{SPAN_LEVEL, SpanTracer, TraceFilter};
use crate::thread::current_context;

/// Makes them.
#[derive(Debug, Clone)]
pub(crate) struct RetroactiveSpans {
    pub(super) tracer: SpanTracer,
    pub(super) filter: Arc<TraceFilter>,
}

/// What is known at the end.
#[derive(Debug)]
pub(crate) struct RetroactiveSpan {
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: SpanKind,
    pub(crate) start: SystemTime,
    pub(crate) end: SystemTime,
    pub(crate) attributes: Vec<KeyValue>,
}

impl RetroactiveSpans {
    /// Whether the trace filter lets spans of this target through, at the level of all spans of firstlight's.
    pub(crate) fn keeps(&self, target: &str) -> bool {
        self.filter.spans.would_enable(target, &SPAN_LEVEL)
    }

    /// Adds a span to the current one, if that is recorded; `describe` runs only then.
    pub(crate) fn add(&self, describe: impl FnOnce() -> RetroactiveSpan) {
        let parent = current_context();
        if !parent.span().is_recording() {
            return;
        }
        let past = describe();
        let builder = SpanBuilder::from_name(past.name)
            .with_kind(past.kind)
            .with_start_time(past.start)
            .with_attributes(past.attributes);
        let mut span = self.tracer.build_with_context(builder, &parent);
        span.end_with_timestamp(past.end);
    }
}
