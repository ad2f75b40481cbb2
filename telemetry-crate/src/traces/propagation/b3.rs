//! B3, Zipkin's propagation format: a single header, or one header per part.
//!
//! See [the specification](https://github.com/openzipkin/b3-propagation). Both forms are read, and the single header takes
//! precedence. A decision without ids (`b3: 0`) is ignored, so that a new trace begins.

use std::sync::LazyLock;

use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
    trace::{SpanId, TraceContextExt, TraceId},
};

use super::{
    decision::{self, Decision},
    digits, valid_ids,
};

pub(super) const SINGLE: &str = "b3";
pub(super) const TRACE_ID: &str = "x-b3-traceid";
pub(super) const SPAN_ID: &str = "x-b3-spanid";
pub(super) const SAMPLED: &str = "x-b3-sampled";
pub(super) const FLAGS: &str = "x-b3-flags";
/// A header that is neither read nor written, but removed from forwarded requests.
const PARENT_SPAN_ID: &str = "x-b3-parentspanid";

static FIELDS: LazyLock<[String; 6]> = LazyLock::new(|| {
    [SINGLE, TRACE_ID, SPAN_ID, SAMPLED, FLAGS, PARENT_SPAN_ID].map(str::to_owned)
});

/// The propagators `b3` and `b3multi`, which write different headers.
#[derive(Debug)]
pub(super) enum B3 {
    Single,
    Multi,
}

impl TextMapPropagator for B3 {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let span = context.span();
        let span = span.span_context();
        if !span.is_valid() {
            return;
        }
        let (trace_id, span_id) = (span.trace_id(), span.span_id());
        let decision = decision::to_send(context, span);
        if matches!(self, Self::Single) {
            let decision = match decision {
                Decision::Debug => "d",
                Decision::Keep => "1",
                Decision::Drop | Decision::Undecided => "0",
            };
            injector.set(SINGLE, format!("{trace_id}-{span_id}-{decision}"));
            return;
        }
        injector.set(TRACE_ID, trace_id.to_string());
        injector.set(SPAN_ID, span_id.to_string());
        match decision {
            // The debug flag implies the sampling decision, which must not be sent in addition.
            Decision::Debug => injector.set(FLAGS, "1".to_owned()),
            Decision::Keep => injector.set(SAMPLED, "1".to_owned()),
            Decision::Drop | Decision::Undecided => injector.set(SAMPLED, "0".to_owned()),
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let get = |name| extractor.get(name).map(str::trim);
        let single = get(SINGLE).and_then(single);
        match single.or_else(|| multi(get)) {
            Some((ids, decision)) => decision::with_remote(context, ids, decision),
            None => context.clone(),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&*FIELDS)
    }
}

type Parsed = ((TraceId, SpanId), Decision);

/// Parses `trace_id-span_id-state-parent_id`, of which the last two are optional.
fn single(header: &str) -> Option<Parsed> {
    let mut fields = header.split('-');
    let ids = valid_ids(trace_id(fields.next()?)?, digits(fields.next()?, 16)?)?;
    let decision = match fields.next() {
        None => Decision::Undecided,
        Some("1") => Decision::Keep,
        Some("0") => Decision::Drop,
        Some("d") => Decision::Debug,
        Some(_) => return None,
    };
    let parent_is_id = fields.next().is_none_or(|id| digits(id, 16).is_some());
    (parent_is_id && fields.next().is_none()).then_some((ids, decision))
}

/// Parses the headers of the form with one header per part.
fn multi<'a>(get: impl Fn(&'static str) -> Option<&'a str>) -> Option<Parsed> {
    let ids = valid_ids(trace_id(get(TRACE_ID)?)?, digits(get(SPAN_ID)?, 16)?)?;
    let decision = match (get(FLAGS), get(SAMPLED)) {
        (Some("1"), _) => Decision::Debug,
        (_, None | Some("")) => Decision::Undecided,
        (_, Some("1")) => Decision::Keep,
        (_, Some("0")) => Decision::Drop,
        // Older tracers send `true` and `false`, which the specification permits to accept.
        (_, Some(text)) if text.eq_ignore_ascii_case("true") => Decision::Keep,
        (_, Some(text)) if text.eq_ignore_ascii_case("false") => Decision::Drop,
        _ => return None,
    };
    Some((ids, decision))
}

/// Parses an id of 128 bits, or the lower half of an id in 64 bits.
fn trace_id(text: &str) -> Option<u128> {
    digits(text, 32).or_else(|| digits(text, 16))
}
