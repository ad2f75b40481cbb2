//! Compares the encoding with that of `opentelemetry-otlp`.
//!
//! Its exporter calls `group_spans_by_resource_and_scope`.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Array, InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId, Value,
    trace::{Event, Link, SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_proto::{
    tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::ResourceSpans},
    transform::{
        common::tonic::ResourceAttributesWithSchema,
        trace::tonic::group_spans_by_resource_and_scope,
    },
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use proptest::{collection::vec, prelude::*, strategy::ValueTree};
use prost::Message;

use super::SpanEncoder;
use crate::resource::Resource;

fn resource() -> Resource {
    Resource::new(
        Some("orders".into()),
        None,
        Vec::new(),
        BTreeMap::new(),
        None,
    )
}

fn encoded(resource: &Resource, spans: &[SpanData]) -> Vec<u8> {
    let mut out = Vec::new();
    SpanEncoder::new(resource).write(&mut out, spans);
    out
}

/// The request of the library's exporter.
fn expected(spans: Vec<SpanData>, resource: &Resource) -> ExportTraceServiceRequest {
    let resource = ResourceAttributesWithSchema::from(&resource.to_sdk());
    let mut request = ExportTraceServiceRequest {
        resource_spans: group_spans_by_resource_and_scope(spans, &resource),
    };
    // The SDK's resource has them in any order.
    for resource in request
        .resource_spans
        .iter_mut()
        .flat_map(|spans| &mut spans.resource)
    {
        resource.attributes.sort_by(|a, b| a.key.cmp(&b.key));
    }
    request
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // NaN is not equal to itself.
        any::<f64>()
            .prop_filter("NaN", |value| !value.is_nan())
            .prop_map(Value::from),
        ".{0,200}".prop_map(Value::from),
    ]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec(
        (".{0,20}", value()).prop_map(|(key, value)| KeyValue::new(key, value)),
        0..12,
    )
}

fn context() -> impl Strategy<Value = SpanContext> {
    let state = prop_oneof![Just(""), Just("a=1"), Just("vendor=x,other=y")];
    (any::<u128>(), any::<u64>(), any::<u8>(), state).prop_map(|(trace, span, flags, state)| {
        SpanContext::new(
            TraceId::from(trace),
            SpanId::from(span),
            TraceFlags::new(flags),
            false,
            state.parse::<TraceState>().unwrap(),
        )
    })
}

fn scope() -> impl Strategy<Value = InstrumentationScope> {
    let plain = InstrumentationScope::builder("firstlight").build();
    let full = InstrumentationScope::builder("client")
        .with_version("1.2.3")
        .with_schema_url("https://example.com/1")
        .with_attributes([KeyValue::new("a", 1)])
        .build();
    prop_oneof![Just(plain), Just(full)]
}

fn status() -> impl Strategy<Value = Status> {
    let error = ".{0,40}".prop_map(Status::error);
    prop_oneof![Just(Status::Unset), Just(Status::Ok), error]
}

fn kind() -> impl Strategy<Value = SpanKind> {
    prop_oneof![
        Just(SpanKind::Internal),
        Just(SpanKind::Server),
        Just(SpanKind::Client),
        Just(SpanKind::Producer),
        Just(SpanKind::Consumer),
    ]
}

/// A time, or one before the epoch, which OTLP cannot express.
fn time() -> impl Strategy<Value = SystemTime> {
    (any::<bool>(), any::<u32>(), 0..1_000_000_000_u32).prop_map(|(is_after, seconds, nanos)| {
        let distance = Duration::new(seconds.into(), nanos);
        if is_after {
            SystemTime::UNIX_EPOCH + distance
        } else {
            SystemTime::UNIX_EPOCH - distance
        }
    })
}

fn span() -> impl Strategy<Value = SpanData> {
    let ids = (context(), any::<u64>(), any::<bool>(), kind());
    let data = (".{0,300}", time(), time(), attributes(), status(), scope());
    (ids, data, any::<[u32; 3]>()).prop_map(|(ids, data, dropped)| {
        let (span_context, parent, parent_span_is_remote, span_kind) = ids;
        let (name, start_time, end_time, attributes, status, instrumentation_scope) = data;
        let (mut events, mut links) = (SpanEvents::default(), SpanLinks::default());
        events.dropped_count = dropped[1];
        links.dropped_count = dropped[2];
        SpanData {
            span_context,
            parent_span_id: SpanId::from(parent),
            parent_span_is_remote,
            span_kind,
            name: name.into(),
            start_time,
            end_time,
            attributes,
            dropped_attributes_count: dropped[0],
            events,
            links,
            status,
            instrumentation_scope,
        }
    })
}

proptest! {
    /// One span has one scope, so the bytes are the same, too.
    #[test]
    fn spans_are_encoded_as_by_the_library(span in span()) {
        prop_assert!(SpanEncoder::can_encode(&span));
        let resource = resource();
        let bytes = encoded(&resource, std::slice::from_ref(&span));
        prop_assert_eq!(bytes, expected(vec![span], &resource).encode_to_vec());
    }

    /// The library collects the spans of a scope, in any order of the scopes.
    #[test]
    fn batches_have_each_span_under_its_scope(spans in vec(span(), 0..20)) {
        let resource = resource();
        let bytes = encoded(&resource, &spans);
        let found = ExportTraceServiceRequest::decode(&*bytes).unwrap();
        let flat = |request: ExportTraceServiceRequest| {
            let mut spans: Vec<_> = request
                .resource_spans
                .into_iter()
                .flat_map(|ResourceSpans { resource, scope_spans, schema_url }| {
                    scope_spans.into_iter().flat_map(move |scope| {
                        let place = (resource.clone(), schema_url.clone(), scope.scope, scope.schema_url);
                        scope.spans.into_iter().map(move |span| format!("{span:?} {place:?}"))
                    })
                })
                .collect();
            spans.sort();
            spans
        };
        prop_assert_eq!(flat(found), flat(expected(spans, &resource)));
    }
}

#[test]
fn other_shapes_are_left_to_the_library() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let span = span().new_tree(&mut runner).unwrap().current();
    let context = SpanContext::NONE;
    let with = |change: &dyn Fn(&mut SpanData)| {
        let mut span = span.clone();
        change(&mut span);
        SpanEncoder::can_encode(&span)
    };
    let list = Value::Array(Array::I64(vec![1]));
    assert!(with(&|_| {}));
    assert!(!with(&|span| span
        .attributes
        .push(KeyValue::new("list", list.clone()))));
    assert!(!with(&|span| span
        .links
        .links
        .push(Link::with_context(context.clone()))));
    assert!(!with(&|span| span
        .events
        .events
        .push(Event::with_name("failed"))));
}
