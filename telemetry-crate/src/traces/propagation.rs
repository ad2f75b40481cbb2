//! The trace context in and out of the process: W3C Trace Context and W3C Baggage.
//!
//! The process-wide propagator is set as well, so that other instrumentation (a gRPC layer, a message client) carries
//! the same context; without one, OpenTelemetry's default injects and extracts nothing, without a word.

use std::{collections::HashMap, sync::OnceLock};

use http::HeaderName;
use opentelemetry::{
    Context, KeyValue,
    baggage::BaggageExt,
    propagation::{Extractor, TextMapCompositePropagator, TextMapPropagator},
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;

use super::baggage::BoundedBaggage;
use crate::config::Propagator;

pub(super) fn propagator(chosen: &[Propagator]) -> TextMapCompositePropagator {
    let propagators = chosen
        .iter()
        .map(|propagator| -> Box<dyn TextMapPropagator + Send + Sync> {
            match propagator {
                Propagator::TraceContext => Box::new(TraceContextPropagator::new()),
                Propagator::Baggage => Box::new(BoundedBaggage),
            }
        });
    TextMapCompositePropagator::new(propagators.collect())
}

/// What becomes of a trace that a caller has begun, and of the baggage it sends along.
///
/// Whoever can reach a service can send it a `traceparent`: to make it keep traces that its sampler would not, or to write
/// into a trace of somebody else. Behind an edge that you control that is what you want. On an edge that strangers reach,
/// choose [`Link`](Self::Link) or [`Ignore`](Self::Ignore); the sampler then decides, whatever the caller says. Overridden by
/// `FIRSTLIGHT_REMOTE_PARENT`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoteParent {
    /// The request goes on in the caller's trace. The default: without it a trace ends at each service's door.
    #[default]
    Continue,
    /// The request begins a trace, with a link to the caller's. Baggage is dropped.
    Link,
    /// The request begins a trace that knows nothing of the caller's. Baggage is dropped.
    Ignore,
}

/// The operator's choice, which wins over every layer's.
static CHOSEN: OnceLock<RemoteParent> = OnceLock::new();

pub(super) fn choose(remote_parent: RemoteParent) {
    // There is one telemetry in a process, ever.
    let _ = CHOSEN.set(remote_parent);
}

/// What a request's headers say about its trace.
pub(crate) struct Remote {
    /// The context that the request's span is to be made in. Empty without such headers: a request is nobody's child just
    /// because it is served inside a span.
    pub(crate) context: Context,
    pub(crate) link: Option<SpanContext>,
}

impl Remote {
    pub(crate) fn of(headers: &http::HeaderMap, preferred: RemoteParent) -> Self {
        let policy = *CHOSEN.get().unwrap_or(&preferred);
        let begin = Context::new();
        if policy == RemoteParent::Ignore {
            return Self {
                context: begin,
                link: None,
            };
        }
        let extractor = Headers(headers);
        let context = opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.extract_with_context(&begin, &extractor)
        });
        if policy == RemoteParent::Continue {
            return Self {
                context,
                link: None,
            };
        }
        let link = Some(context.span().span_context().clone()).filter(SpanContext::is_valid);
        Self {
            context: begin,
            link,
        }
    }
}

/// A request's headers, with the names that our propagators ask for parsed already.
struct Headers<'a>(&'a http::HeaderMap);

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
static BAGGAGE: HeaderName = HeaderName::from_static("baggage");

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let value = match key {
            "traceparent" => self.0.get(&TRACEPARENT),
            "tracestate" => self.0.get(&TRACESTATE),
            "baggage" => self.0.get(&BAGGAGE),
            other => self.0.get(other),
        };
        value?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let values = self.0.get_all(key).iter();
        let values: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then_some(values)
    }
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
