//! Propagation of the trace context between processes.
//!
//! W3C Trace Context and W3C Baggage are the default, and B3 and Jaeger are options. The global propagator is set as well,
//! so that other instrumentation, such as a message client, propagates the same context. OpenTelemetry's default propagator
//! silently injects and extracts nothing. The book's decisions 20 and 24 have the reasons for custom propagators.

mod b3;
mod decision;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod jaeger;
#[cfg(test)]
mod tests;
mod trace_context;
mod trace_state;

use std::{collections::HashMap, sync::OnceLock};

use http::HeaderName;
use opentelemetry::{
    Context, KeyValue,
    baggage::BaggageExt,
    propagation::{Extractor, TextMapCompositePropagator, TextMapPropagator},
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};

pub(super) use self::decision::is_deferred;
use self::{b3::B3, jaeger::Jaeger, trace_context::TraceContext};
use super::baggage::{self, BoundedBaggage};
use crate::{
    config::{Propagator, RemoteParent},
    thread::current_context,
};

/// The random flag of Trace Context, level 2.
///
/// The flag states that the trace id is random, so that a sampler may use the id's bits as random numbers.
pub(super) const RANDOM_FLAG: TraceFlags = TraceFlags::new(0x02);

/// The names of all headers that the propagators read or write.
pub(crate) const HEADER_NAMES: [&str; 9] = [
    trace_context::TRACEPARENT,
    trace_context::TRACESTATE,
    baggage::HEADER,
    b3::SINGLE,
    b3::TRACE_ID,
    b3::SPAN_ID,
    b3::SAMPLED,
    b3::FLAGS,
    jaeger::HEADER,
];

pub(super) fn propagator(chosen: &[Propagator]) -> TextMapCompositePropagator {
    let propagators = chosen
        .iter()
        .map(|propagator| -> Box<dyn TextMapPropagator + Send + Sync> {
            match propagator {
                Propagator::TraceContext => Box::new(TraceContext),
                Propagator::Baggage => Box::new(BoundedBaggage),
                Propagator::B3 => Box::new(B3::Single),
                Propagator::B3Multi => Box::new(B3::Multi),
                Propagator::Jaeger => Box::new(Jaeger),
            }
        });
    TextMapCompositePropagator::new(propagators.collect())
}

/// Parses exactly `length` lowercase hexadecimal digits, without a sign.
fn digits(text: &str, length: usize) -> Option<u128> {
    digits_up_to(text, length).filter(|_| text.len() == length)
}

/// Parses at most `length` lowercase hexadecimal digits, without a sign.
fn digits_up_to(text: &str, length: usize) -> Option<u128> {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() > length || !text.bytes().all(is_digit) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

/// Both ids, or `None` if one of them is zero, which is invalid.
fn valid_ids(trace_id: u128, span_id: u128) -> Option<(TraceId, SpanId)> {
    let span_id = u64::try_from(span_id).ok()?;
    (trace_id != 0 && span_id != 0).then(|| (trace_id.into(), span_id.into()))
}

/// The operator's setting, which overrides the setting of every layer.
static REMOTE_PARENT: OnceLock<RemoteParent> = OnceLock::new();

pub(super) fn set_remote_parent(remote_parent: RemoteParent) {
    // Called once, because a process initializes telemetry once.
    let _ = REMOTE_PARENT.set(remote_parent);
}

/// The trace context in the headers of a request.
pub(crate) struct Remote {
    /// The parent context of the request's span.
    ///
    /// The context is empty if the request has no such headers. A span that surrounds the server is never the parent.
    pub(crate) context: Context,
    /// The remote span, if the request begins a new trace that is linked to it.
    pub(crate) link: Option<SpanContext>,
}

impl Remote {
    /// Reads the headers, by the operator's setting or else by `preferred`.
    pub(crate) fn extract(headers: &http::HeaderMap, preferred: RemoteParent) -> Self {
        let policy = *REMOTE_PARENT.get().unwrap_or(&preferred);
        let empty = Context::new();
        if policy == RemoteParent::Ignore {
            return Self {
                context: empty,
                link: None,
            };
        }
        let extractor = Headers(headers);
        let context = opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.extract_with_context(&empty, &extractor)
        });
        if policy == RemoteParent::Continue {
            return Self {
                context,
                link: None,
            };
        }
        let link = Some(context.span().span_context().clone()).filter(SpanContext::is_valid);
        Self {
            context: empty,
            link,
        }
    }
}

/// The headers of a request.
///
/// The names that are always looked up are parsed once.
struct Headers<'a>(&'a http::HeaderMap);

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
static BAGGAGE: HeaderName = HeaderName::from_static("baggage");

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let values = match key {
            "traceparent" => self.0.get_all(&TRACEPARENT),
            "tracestate" => self.0.get_all(&TRACESTATE),
            "baggage" => self.0.get_all(&BAGGAGE),
            other => self.0.get_all(other),
        };
        let mut values = values.iter().peekable();
        values.peek()?;
        // A value that is not text still counts, because a second `traceparent` is invalid whatever it contains.
        Some(
            values
                .map(|value| value.to_str().unwrap_or("\u{fffd}"))
                .collect(),
        )
    }
}

/// Writes the current context into the headers of an outgoing request.
pub(crate) fn inject(headers: &mut http::HeaderMap) {
    let context = current_context();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        // A proxy may forward the headers that it received. They are removed, because a header that this context does not
        // overwrite would name another span.
        if context.span().span_context().is_valid() {
            for name in propagator.fields().filter(|name| *name != baggage::HEADER) {
                headers.remove(name);
            }
        }
        let mut injector = opentelemetry_http::HeaderInjector(headers);
        propagator.inject_context(&context, &mut injector)
    });
}

/// Whether the global propagator still writes the configured headers.
///
/// If the program replaces the propagator after the start, traces break between services.
pub(crate) fn is_propagator_registered(chosen: &[Propagator]) -> bool {
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
