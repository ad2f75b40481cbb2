//! Compares the span of a statement with an ordinary span.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Context,
    trace::{Span as _, SpanBuilder, SpanContext, SpanKind, TraceContextExt as _, Tracer as _},
};
use opentelemetry_sdk::trace::SpanData;
use proptest::prelude::*;

use super::add;
use crate::{
    TelemetryConfig,
    config::Settings,
    db::{event::Query, layer::exported_statement, statement::statement},
    export::Queue,
    recorder::{Recorder, SpanView},
    signal::Signal,
    traces::{RetroactiveSpans, SpanTracer, Traces},
};

/// A process with a recorder and this sampler.
struct Process {
    recorder: Recorder,
    tracer: SpanTracer,
    spans: RetroactiveSpans,
    exported: Queue<SpanData>,
}

impl Process {
    fn new(sampler: &str) -> Self {
        let lookup = |name: &str| (name == "OTEL_TRACES_SAMPLER").then(|| sampler.to_owned());
        let settings = Settings::resolve(TelemetryConfig::new(), &lookup).unwrap();
        let recorder = Recorder::new(8 * 1024 * 1024, None);
        let exported = Queue::kept(Signal::Traces, 8);
        let mut traces = Traces::into_queue(&settings, Some(exported.clone()));
        traces.report_to(Arc::new(recorder.clone()));
        Self {
            recorder,
            tracer: traces.span_tracer(),
            spans: traces.retroactive_spans(),
            exported,
        }
    }

    fn add(&self, query: &Query, end: SystemTime) -> bool {
        add(&self.recorder, &self.spans, query, end)
    }
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
    let span = exported_statement(query, end);
    let builder = SpanBuilder::from_name(span.name)
        .with_kind(span.kind)
        .with_start_time(span.start)
        .with_attributes(span.attributes);
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
    fn spans_are_as_ordinary_ones(
        words in prop::collection::vec(word(), 0..12),
        rows_returned: u64,
        rows_affected in 0..3_u64,
        sampler in prop::sample::select(vec!["always_off", "always_on"]),
    ) {
        let query = query(&words.join(" "), rows_returned, rows_affected);
        let process = Process::new(sampler);
        let end = SystemTime::now();
        in_request(&process.tracer, || {
            // The second run takes the attributes that were kept at the first.
            let is_added = process.add(&query, end) && process.add(&query, end);
            prop_assert_eq!(is_added, query.statement.is_plain);
            add_ordinary(&process.tracer, &query, end);
            let count = 1 + 2 * usize::from(is_added);

            let (spans, open) = children(&process.recorder);
            prop_assert_eq!(open, 0);
            prop_assert_eq!(spans.len(), count);
            let first = &spans[0];
            for span in &spans {
                prop_assert_eq!(&span.name, &first.name);
                prop_assert_eq!(&span.attributes, &first.attributes);
                prop_assert_eq!(span.parent, Some(0));
                prop_assert_eq!(span.ended.unwrap() - span.started, 300_000);
                let shown = format!("{span:?}");
                prop_assert!(!shown.contains("hunter2"), "{shown}");
            }

            let mut exported = process.exported.items();
            prop_assert_eq!(exported.len(), if sampler == "always_on" { count } else { 0 });
            for (exported, recorded) in exported.iter_mut().zip(&spans) {
                prop_assert_eq!(exported.span_context.span_id(), recorded.span_id);
                exported.span_context = SpanContext::NONE;
            }
            prop_assert!(exported.windows(2).all(|spans| spans[0] == spans[1]));
            Ok(())
        })?;
    }
}

#[test]
fn children_of_other_spans_are_ordinary() {
    let query = query("SELECT * FROM orders", 1, 0);
    let end = SystemTime::now();
    let process = Process::new("always_on");
    assert!(!process.add(&query, end), "outside any span");
    in_request(&process.tracer, || {
        Context::current().span().end();
        assert!(!process.add(&query, end));
    });
    let process = Process::new("always_off");
    in_request(&process.tracer, || {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        assert!(!process.add(&query, end));
    });
    in_request(&process.tracer, || {
        let context = Context::current().span().span_context().clone();
        let remote = SpanContext::new(
            context.trace_id(),
            context.span_id(),
            context.trace_flags(),
            true,
            context.trace_state().clone(),
        );
        let _attached = Context::new().with_remote_span_context(remote).attach();
        assert!(!process.add(&query, end));
    });
}

#[test]
fn unknown_parents_export_once() {
    let query = query("SELECT * FROM orders", 1, 0);
    let process = Process::new("always_on");
    let other = Recorder::new(8 * 1024 * 1024, None);
    in_request(&process.tracer, || {
        let end = SystemTime::now();
        assert!(add(&other, &process.spans, &query, end));
        // As for an ordinary span, its record begins a root.
        let trace = Context::current().span().span_context().trace_id();
        let roots = other.trace(trace).into_iter().map(|root| root.name);
        assert_eq!(roots.collect::<Vec<_>>(), ["SELECT orders"]);
        assert_eq!(process.exported.items().len(), 1);
    });
}
