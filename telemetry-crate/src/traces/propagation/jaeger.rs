//! Jaeger's propagation format: the header `uber-trace-id`.
//!
//! See [the specification](https://www.jaegertracing.io/sdk-migration/#propagation-format). Jaeger's baggage (`uberctx-…`) is
//! not read, because the client could send any number of such headers. Use W3C Baggage instead.

use std::{borrow::Cow, sync::LazyLock};

use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
    trace::{SpanId, TraceContextExt, TraceId},
};
use percent_encoding::percent_decode_str;

use super::{
    decision::{self, Decision},
    digits_up_to, valid_ids,
};

pub(super) const HEADER: &str = "uber-trace-id";

static FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| [HEADER.to_owned()]);

/// The flag of a sampled trace.
const SAMPLED: u128 = 1;
/// The flag of a trace that must be sampled.
const DEBUG: u128 = 2;

/// The propagator `jaeger`.
#[derive(Debug)]
pub(super) struct Jaeger;

impl TextMapPropagator for Jaeger {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let span = context.span();
        let span = span.span_context();
        if !span.is_valid() {
            return;
        }
        let flags = match decision::to_send(context, span) {
            Decision::Debug => SAMPLED | DEBUG,
            Decision::Keep => SAMPLED,
            Decision::Drop | Decision::Undecided => 0,
        };
        // The parent's id is deprecated, and the specification requires 0 for it.
        let value = format!("{}:{}:0:{flags:x}", span.trace_id(), span.span_id());
        injector.set(HEADER, value);
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let header = extractor.get(HEADER).map(str::trim).unwrap_or_default();
        // Some of Jaeger's clients percent-encode the colons.
        let header = percent_decode_str(header).decode_utf8();
        match parse(&header.unwrap_or(Cow::Borrowed(""))) {
            Some((ids, decision)) => decision::with_remote(context, ids, decision),
            None => context.clone(),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&*FIELDS)
    }
}

/// Parses `trace_id:span_id:parent_id:flags`, each with or without leading zeros.
fn parse(header: &str) -> Option<((TraceId, SpanId), Decision)> {
    let mut fields = header.split(':');
    let ids = valid_ids(
        digits_up_to(fields.next()?, 32)?,
        digits_up_to(fields.next()?, 16)?,
    )?;
    // The parent's id may be empty.
    let parent = fields.next()?;
    if !parent.is_empty() && digits_up_to(parent, 16).is_none() {
        return None;
    }
    let flags = digits_up_to(fields.next()?, 2)?;
    if fields.next().is_some() {
        return None;
    }
    let decision = match (flags & SAMPLED != 0, flags & DEBUG != 0) {
        (_, true) => Decision::Debug,
        (true, false) => Decision::Keep,
        (false, false) => Decision::Drop,
    };
    Some((ids, decision))
}
