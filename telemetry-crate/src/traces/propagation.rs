//! The trace context in and out of the process: W3C Trace Context and W3C Baggage.
//!
//! The process-wide propagator is set as well, so that other instrumentation (a gRPC layer, a message client) carries
//! the same context; without one, OpenTelemetry's default injects and extracts nothing, without a word.

use opentelemetry::{
    Context, ContextGuard,
    propagation::{TextMapCompositePropagator, TextMapPropagator},
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
