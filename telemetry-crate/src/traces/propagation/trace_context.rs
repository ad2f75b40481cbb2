//! W3C Trace Context: the headers `traceparent` and `tracestate`.
//!
//! The SDK's propagator reads one `tracestate` header where a request has several, follows the first of two `traceparent`
//! headers, takes fields of any length, refuses keys that the specification allows, and drops the random flag: 28 of the 41
//! cases of [the W3C's suite](https://github.com/w3c/trace-context/tree/main/test) pass with it. The rules here are those of
//! [level 2](https://www.w3.org/TR/trace-context-2/), which level 1 is a part of.

use std::sync::LazyLock;

use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId},
};

use super::{RANDOM, digits, ids, state};

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
        let flags = span.trace_flags() & (TraceFlags::SAMPLED | RANDOM);
        injector.set(
            TRACEPARENT,
            format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id()),
        );
        if let Some(state) = state::written(context, span) {
            injector.set(TRACESTATE, state);
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        // Two headers say two things, so the trace begins anew: none of them is to be trusted.
        let parents = extractor.get_all(TRACEPARENT).unwrap_or_default();
        let parent = match *parents {
            [parent] => parse(parent.trim_matches([' ', '\t'])),
            _ => None,
        };
        let Some((trace_id, span_id, flags)) = parent else {
            return context.clone();
        };
        let headers = extractor.get_all(TRACESTATE).unwrap_or_default();
        state::received(&headers, trace_id, context, |state| {
            SpanContext::new(trace_id, span_id, flags, true, state)
        })
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&*FIELDS)
    }
}

/// `version-trace_id-parent_id-flags`, and after another `-` what a later version may add.
fn parse(header: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let mut fields = header.splitn(5, '-');
    let mut field = |length| digits(fields.next()?, length);
    let version = field(2)?;
    let (trace_id, span_id) = (field(32)?, field(16)?);
    let flags = u8::try_from(field(2)?).ok()?;
    if version == 0xff || (version == 0 && fields.next().is_some()) {
        return None;
    }
    let (trace_id, span_id) = ids(trace_id, span_id)?;
    // Specification, "Other flags": what is not known is zero in what is sent on.
    let flags = TraceFlags::new(flags) & (TraceFlags::SAMPLED | RANDOM);
    Some((trace_id, span_id, flags))
}
