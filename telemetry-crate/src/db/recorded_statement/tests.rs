//! Compares the recorded span of a statement with that of an ordinary span.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Context,
    trace::{Span as _, SpanBuilder, SpanKind, TraceContextExt as _, Tracer as _},
};
use proptest::prelude::*;

use super::add;
use crate::{
    TelemetryConfig,
    config::Settings,
    db::{attributes, event::Query, statement::statement},
    recorder::{Recorder, SpanView},
    traces::{SpanTracer, Traces},
};

/// A recorder, and the tracer of a process with this sampler.
fn recorded(sampler: &str) -> (Recorder, SpanTracer) {
    let lookup = |name: &str| (name == "OTEL_TRACES_SAMPLER").then(|| sampler.to_owned());
    let settings = Settings::resolve(TelemetryConfig::new(), &lookup).unwrap();
    let recorder = Recorder::new(8 * 1024 * 1024, None);
    let mut traces = Traces::into_queue(&settings, None);
    traces.report_to(Arc::new(recorder.clone()));
    let tracer = traces.span_tracer();
    (recorder, tracer)
}

/// Runs `work` below the span of a request.
fn in_request<T>(tracer: &SpanTracer, work: impl FnOnce() -> T) -> T {
    let builder = SpanBuilder::from_name("GET /orders").with_kind(SpanKind::Server);
    let request = tracer.build_with_context(builder, &Context::new());
    let _attached = Context::new().with_span(request).attach();
    work()
}

/// Adds the statement as an ordinary span.
fn add_ordinary(tracer: &SpanTracer, query: &Query, end: SystemTime) {
    let builder = SpanBuilder::from_name(attributes::span_name(&query.statement, None))
        .with_kind(SpanKind::Client)
        .with_start_time(end.checked_sub(query.elapsed).unwrap_or(end))
        .with_attributes(attributes::statement_attributes(
            &query.statement,
            None,
            Some(query),
        ));
    let mut span = tracer.build_with_context(builder, &Context::current());
    span.end_with_timestamp(end);
}

/// The children of the only open root, and its counts.
fn children(recorder: &Recorder) -> (Vec<SpanView>, u32) {
    let (roots, _) = recorder.oldest(1, 1);
    let root = &roots[0];
    let children = root.spans.values().filter(|span| span.parent.is_some());
    (children.cloned().collect(), root.open_spans)
}

fn query(sql: &str, rows_returned: u64, rows_affected: u64) -> Query {
    Query {
        statement: statement(sql),
        elapsed: Duration::from_micros(300),
        rows_returned,
        rows_affected,
    }
}

/// A word of a statement, or an address with a password, which is not plain.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "(SELECT|INSERT INTO|UPDATE|DELETE FROM|FROM|PRAGMA|orders|a\\.b|\\$1|,|\\(|\\)|;|WHERE|=)",
        1 => "\"[a-z :/@]{0,12}\"",
        1 => Just("\"postgres://ada:hunter2@db/orders\"".to_owned()),
    ]
}

proptest! {
    #[test]
    fn recorded_as_an_ordinary_span(
        words in prop::collection::vec(word(), 0..12),
        rows_returned: u64,
        rows_affected in 0..3_u64,
    ) {
        let query = query(&words.join(" "), rows_returned, rows_affected);
        let (recorder, tracer) = recorded("always_off");
        in_request(&tracer, || {
            let is_added = add(&recorder, &query);
            prop_assert_eq!(is_added, query.statement.is_plain);
            add_ordinary(&tracer, &query, SystemTime::now());
            let (spans, open) = children(&recorder);
            prop_assert_eq!(open, 0);
            prop_assert_eq!(spans.len(), 1 + usize::from(is_added));
            let first = &spans[0];
            for span in &spans {
                prop_assert_eq!(&span.name, &first.name);
                prop_assert_eq!(&span.attributes, &first.attributes);
                prop_assert_eq!(span.parent, Some(0));
                prop_assert_eq!(span.ended.unwrap() - span.started, 300_000);
                let shown = format!("{span:?}");
                prop_assert!(!shown.contains("hunter2"), "{shown}");
            }
            Ok(())
        })?;
    }
}

#[test]
fn sampled_and_foreign_spans_are_ordinary() {
    let query = query("SELECT * FROM orders", 1, 0);
    let (recorder, tracer) = recorded("always_on");
    in_request(&tracer, || assert!(!add(&recorder, &query)));
    assert!(!add(&recorder, &query), "outside any span");
    let (recorder, tracer) = recorded("always_off");
    in_request(&tracer, || {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        assert!(!add(&recorder, &query));
    });
    in_request(&tracer, || {
        let context = Context::current().span().span_context().clone();
        let remote = opentelemetry::trace::SpanContext::new(
            context.trace_id(),
            context.span_id(),
            context.trace_flags(),
            true,
            context.trace_state().clone(),
        );
        let _attached = Context::new().with_remote_span_context(remote).attach();
        assert!(!add(&recorder, &query));
    });
}
