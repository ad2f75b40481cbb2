//! The trace context in and out of the process: W3C Trace Context and W3C Baggage.
//!
//! The process-wide propagator is set as well, so that other instrumentation (a gRPC layer, a message client) carries
//! the same context; without one, OpenTelemetry's default injects and extracts nothing, without a word.

use std::collections::HashMap;

use opentelemetry::{
    Context, ContextGuard, KeyValue,
    baggage::BaggageExt,
    propagation::{TextMapCompositePropagator, TextMapPropagator},
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

use crate::config::Propagator;

pub(super) fn propagator(chosen: &[Propagator]) -> TextMapCompositePropagator {
    let propagators = chosen
        .iter()
        .map(|propagator| -> Box<dyn TextMapPropagator + Send + Sync> {
            match propagator {
                Propagator::TraceContext => Box::new(TraceContextPropagator::new()),
                Propagator::Baggage => Box::new(BaggagePropagator::new()),
            }
        });
    TextMapCompositePropagator::new(propagators.collect())
}

/// Makes the context of a request's headers the current one, until the guard is dropped.
///
/// Without such headers the current context becomes an empty one: a request is nobody's child just because it is
/// served inside a span.
pub(crate) fn attach_remote(headers: &http::HeaderMap) -> ContextGuard {
    let extractor = opentelemetry_http::HeaderExtractor(headers);
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.extract_with_context(&Context::new(), &extractor)
    })
    .attach()
}

/// Writes the current context into the headers of an outgoing request.
pub(crate) fn inject(headers: &mut http::HeaderMap) {
    let context = Context::current();
    let mut injector = opentelemetry_http::HeaderInjector(headers);
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut injector)
    });
}

/// Whether the process-wide propagator still writes the headers that were chosen: whoever sets another one after the
/// start cuts every trace in two.
pub(crate) fn propagator_is_ours(chosen: &[Propagator]) -> bool {
    let canary = SpanContext::new(
        TraceId::from(1),
        SpanId::from(1),
        TraceFlags::SAMPLED,
        false,
        TraceState::default(),
    );
    let context = Context::new()
        .with_remote_span_context(canary)
        .with_baggage([KeyValue::new("canary", "1")]);
    let (mut found, mut expected) = (HashMap::new(), HashMap::new());
    propagator(chosen).inject_context(&context, &mut expected);
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut found);
    });
    found == expected
}
