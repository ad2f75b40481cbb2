//! Tests of times and names of ended spans.

use std::time::Duration;

use opentelemetry::{
    Context,
    trace::{Span as _, SpanBuilder, Tracer as _, TracerProvider as _},
};
use opentelemetry_sdk::trace::Sampler;

use super::*;
use crate::{
    config::SpanLimits,
    export::Queue,
    signal::Signal,
    traces::tracer::{Tracer, TracerProvider},
};

/// A tracer that exports into the queue.
fn exporting_tracer() -> (Tracer, Queue<SpanData>) {
    let queue = Queue::kept(Signal::Traces, 8);
    let provider = TracerProvider::new(
        Sampler::AlwaysOn,
        SpanLimits::default(),
        Some(queue.clone()),
    );
    (provider.tracer("test"), queue)
}

#[test]
fn clocks_set_back_keep_the_end_valid() {
    let (tracer, queue) = exporting_tracer();
    let start = SystemTime::now() + Duration::from_secs(3600);
    let builder = SpanBuilder::from_name("before").with_start_time(start);
    tracer.build_with_context(builder, &Context::new()).end();
    let spans = queue.items();
    assert_eq!((spans[0].start_time, spans[0].end_time), (start, start));
}

#[test]
fn names_have_no_credentials() {
    let (tracer, queue) = exporting_tracer();
    for renames in [false, true] {
        let name = "copy to x://ada:hunter2@db/a";
        let builder = SpanBuilder::from_name(if renames { "copy" } else { name });
        let mut span = tracer.build_with_context(builder, &Context::new());
        if renames {
            span.update_name(name);
        }
        span.end();
    }
    let names: Vec<_> = queue.items().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["copy to x://***@db/a"; 2]);
}
