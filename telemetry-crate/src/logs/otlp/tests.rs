//! Tests of OTLP log records.
//!
//! A record has the content of the log line, with typed values.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    io::sink,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use opentelemetry::trace::TracerProvider;
use opentelemetry_proto::tonic::{
    common::v1::{KeyValue, any_value::Value},
    logs::v1::LogRecord,
};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing_subscriber::{Registry, layer::SubscriberExt};

use super::{Record, RecordLimits, RecordSink, Records, logs_request};
use crate::{
    LogOutput,
    config::LogFormat,
    logs::{LogLayer, LogWriter},
    resource::Resource,
};

/// Keeps the records instead of exporting them.
#[derive(Debug, Default)]
struct KeptRecords(Mutex<Vec<Record>>);

impl RecordSink for KeptRecords {
    fn push(&self, record: Record) {
        self.0.lock().unwrap().push(record);
    }
}

fn resource() -> Resource {
    Resource::new(
        Some("orders".to_owned()),
        None,
        Vec::new(),
        BTreeMap::new(),
        None,
    )
}

fn records(limits: RecordLimits, sampler: Sampler, program: impl FnOnce()) -> Vec<Record> {
    let writer = LogWriter::new(LogOutput::Stdout);
    writer.start(sink()).unwrap();
    let kept = Arc::new(KeptRecords::default());
    let records = Records::new(Arc::clone(&kept) as _, limits);
    let tracer = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .build()
        .tracer("test");
    let layer = LogLayer::new(LogFormat::Json, false, &resource(), writer).with_records(records);
    let subscriber = Registry::default()
        .with(tracing_opentelemetry::layer().with_tracer(tracer))
        .with(layer);
    tracing::subscriber::with_default(subscriber, program);
    let mut kept = kept.0.lock().unwrap();
    std::mem::take(&mut *kept)
}

/// The record of `program`, which logs one event.
fn record(limits: RecordLimits, program: impl FnOnce()) -> LogRecord {
    let mut records = records(limits, Sampler::AlwaysOn, program);
    assert_eq!(records.len(), 1);
    records.remove(0).record
}

fn attributes(record: &LogRecord) -> Vec<(&str, &Value)> {
    let pair = |attribute| {
        let KeyValue { key, value, .. }: &KeyValue = attribute;
        (
            key.as_str(),
            value.as_ref().unwrap().value.as_ref().unwrap(),
        )
    };
    record.attributes.iter().map(pair).collect()
}

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

#[test]
fn records_have_the_content_of_lines() {
    let before = SystemTime::now();
    let record = record(RecordLimits::default(), || {
        let span = tracing::info_span!("outer", tenant = "a", shared = "outer", level = "forged");
        let _entered = span.enter();
        let span = tracing::info_span!("inner", shared = "inner", api_key = "hunter2");
        let _entered = span.enter();
        tracing::warn!(
            orders = 3,
            huge = u64::MAX,
            negative = -1_i64,
            ratio = 0.5,
            whole = 2.0,
            endless = f64::INFINITY,
            cached = false,
            looks_like_a_number = "42",
            "stock is low"
        );
    });
    let time = record.time_unix_nano;
    let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_nanos();
    assert!((since(before)..=since(SystemTime::now())).contains(&u128::from(time)));
    assert_eq!(record.observed_time_unix_nano, time);
    assert_eq!(
        (record.severity_number, record.severity_text.as_str()),
        (13, "WARN")
    );
    assert_eq!(
        record.body.as_ref().unwrap().value,
        Some(text("stock is low"))
    );
    assert_eq!(
        (record.trace_id.len(), record.span_id.len(), record.flags),
        (16, 8, 1)
    );
    assert_eq!(record.dropped_attributes_count, 0);
    let expected = [
        ("orders", Value::IntValue(3)),
        ("huge", text("18446744073709551615")),
        ("negative", Value::IntValue(-1)),
        ("ratio", Value::DoubleValue(0.5)),
        ("whole", Value::DoubleValue(2.0)),
        ("endless", text("inf")),
        ("cached", Value::BoolValue(false)),
        ("looks_like_a_number", text("42")),
        ("shared", text("inner")),
        ("api_key", text("***")),
        ("tenant", text("a")),
        ("field.level", text("forged")),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, value)| (*name, value))
        .collect();
    assert_eq!(attributes(&record), expected);
}

#[test]
fn errors_become_exception_message() {
    let error = std::io::Error::other("disk full");
    let records = records(RecordLimits::default(), Sampler::AlwaysOn, || {
        tracing::warn!(%error, "a");
        tracing::warn!(err = %error, "b");
        tracing::warn!(error = &error as &dyn std::error::Error, "c");
    });
    for Record { record, .. } in &records {
        let expected = text("disk full");
        assert_eq!(attributes(record), [("exception.message", &expected)]);
    }
    assert_eq!(records.len(), 3);
}

#[test]
fn severity_is_the_lowest_of_its_range() {
    let records = records(RecordLimits::default(), Sampler::AlwaysOn, || {
        tracing::trace!("a");
        tracing::debug!("a");
        tracing::info!("a");
        tracing::warn!("a");
        tracing::error!("a");
    });
    let severities = records.iter().map(|Record { record, .. }| {
        let has_no_span =
            record.trace_id.is_empty() && record.span_id.is_empty() && record.flags == 0;
        assert!(has_no_span, "logged outside a span");
        (record.severity_number, record.severity_text.as_str())
    });
    let expected = [
        (1, "TRACE"),
        (5, "DEBUG"),
        (9, "INFO"),
        (13, "WARN"),
        (17, "ERROR"),
    ];
    assert_eq!(severities.collect::<Vec<_>>(), expected);
}

#[test]
fn unsampled_spans_have_no_sampled_flag() {
    let records = records(RecordLimits::default(), Sampler::AlwaysOff, || {
        tracing::info_span!("a").in_scope(|| tracing::info!("b"));
    });
    assert_eq!(
        (records[0].record.trace_id.len(), records[0].record.flags),
        (16, 0)
    );
}

#[test]
fn excess_attributes_are_counted() {
    let limits = RecordLimits {
        value_length: 3,
        attributes: 2,
    };
    let record = record(limits, || {
        let span = tracing::info_span!("s", first = "again", third = 3, fourth = 4);
        let _entered = span.enter();
        tracing::info!(
            first = "öäüß",
            second = 12345,
            "the body is not an attribute"
        );
    });
    let body = text("the body is not an attribute");
    assert_eq!(record.body.as_ref().unwrap().value, Some(body));
    let (first, second) = (text("öäü"), Value::IntValue(12345));
    assert_eq!(
        attributes(&record),
        [("first", &first), ("second", &second)]
    );
    assert_eq!(record.dropped_attributes_count, 2);
}

#[test]
fn scopes_are_targets_sorted_by_name() {
    let records = records(RecordLimits::default(), Sampler::AlwaysOn, || {
        tracing::info!(target: "b", "first");
        tracing::info!(target: "a", "second");
        tracing::info!(target: "b", "third");
    });
    let request = logs_request(&resource(), records);
    let [logs] = &request.resource_logs[..] else {
        unreachable!()
    };
    let resource = logs.resource.as_ref().unwrap();
    let mut keys = resource.attributes.iter().map(|attribute| &attribute.key);
    assert!(keys.any(|key| key == "service.name"));
    let scopes: Vec<_> = logs
        .scope_logs
        .iter()
        .map(|scope| {
            (
                scope.scope.as_ref().unwrap().name.as_str(),
                scope.log_records.len(),
            )
        })
        .collect();
    assert_eq!(scopes, [("a", 1), ("b", 2)]);
    let bodies = logs.scope_logs[1]
        .log_records
        .iter()
        .map(|record| record.body.clone());
    let bodies: Vec<_> = bodies.map(|body| body.unwrap().value.unwrap()).collect();
    assert_eq!(bodies, [text("first"), text("third")]);
}
