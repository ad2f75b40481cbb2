//! W3C Trace Context: the headers `traceparent` and `tracestate`.
//!
//! The SDK's propagator passes 28 of the 41 cases of
//! [the W3C's test suite](https://github.com/w3c/trace-context/tree/main/test): it reads only one of several `tracestate`
//! headers, uses the first of two `traceparent` headers, accepts fields of any length, rejects keys that the specification
//! permits, and drops the random flag. This propagator follows [level 2](https://www.w3.org/TR/trace-context-2/), which
//! includes level 1.

use std::sync::LazyLock;

use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId},
};

use super::{RANDOM_FLAG, digits, trace_state, valid_ids};

pub(super) const TRACEPARENT: &str = "traceparent";
pub(super) const TRACESTATE: &str = "tracestate";

static FIELDS: LazyLock<[String; 2]> =
    LazyLock::new(|| [TRACEPARENT.to_owned(), TRACESTATE.to_owned()]);

/// The propagator `tracecontext`.
#[derive(Debug)]
pub(super) struct TraceContext;

impl TextMapPropagator for TraceContext {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let span = context.span();
        let span = span.span_context();
        if !span.is_valid() {
            return;
        }
        let flags = span.trace_flags() & (TraceFlags::SAMPLED | RANDOM_FLAG);
        injector.set(
            TRACEPARENT,
            format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id()),
        );
        if let Some(state) = trace_state::header(context, span) {
            injector.set(TRACESTATE, state);
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        // With two headers it is unclear which one is valid, so a new trace begins.
        let parents = extractor.get_all(TRACEPARENT).unwrap_or_default();
        let parent = match *parents {
            [parent] => parse(parent.trim_matches([' ', '\t'])),
            _ => None,
        };
        let Some((trace_id, span_id, flags)) = parent else {
            return context.clone();
        };
        let headers = extractor.get_all(TRACESTATE).unwrap_or_default();
        trace_state::with_remote(&headers, trace_id, context, |state| {
            SpanContext::new(trace_id, span_id, flags, true, state)
        })
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&*FIELDS)
    }
}

/// Parses `version-trace_id-parent_id-flags`.
///
/// A later version may add fields after another `-`.
fn parse(header: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let mut fields = header.splitn(5, '-');
    let mut field = |length| digits(fields.next()?, length);
    let version = field(2)?;
    let (trace_id, span_id) = (field(32)?, field(16)?);
    let flags = u8::try_from(field(2)?).ok()?;
    if version == 0xff || (version == 0 && fields.next().is_some()) {
        return None;
    }
    let (trace_id, span_id) = valid_ids(trace_id, span_id)?;
    // The specification requires in "Other flags" that unknown flags are propagated as zero.
    let flags = TraceFlags::new(flags) & (TraceFlags::SAMPLED | RANDOM_FLAG);
    Some((trace_id, span_id, flags))
}
