//! Tests of waiting, exported and freed spans.

use opentelemetry::{
    Context,
    trace::{
        SpanBuilder, SpanContext, TraceContextExt as _, TraceFlags, TraceId, TraceState,
        Tracer as _, TracerProvider as _,
    },
};
use opentelemetry_sdk::trace::Sampler;

use super::*;
use crate::{
    config::SpanLimits,
    signal::Signal,
    traces::tracer::{Tracer, TracerProvider},
};

/// A tracer with this sampler that exports 5 failed roots a second, and its queue.
fn tracer(sampler: Sampler) -> (Tracer, Queue<SpanData>) {
    let queue = Queue::kept(Signal::Traces, 10_000);
    let sampler = Sampler::ParentBased(Box::new(sampler));
    let limits = SpanLimits::default();
    let mut provider = TracerProvider::new(sampler, limits, Some(queue.clone()));
    provider.export_failures(5);
    (provider.tracer("test"), queue)
}

/// Starts a span, and returns the context with it.
fn start(tracer: &Tracer, name: &'static str, kind: SpanKind, parent: &Context) -> Context {
    let builder = SpanBuilder::from_name(name).with_kind(kind);
    let span = tracer.build_with_context(builder, parent);
    parent.with_span(span)
}

fn end(context: &Context, status: Status) {
    context.span().set_status(status);
    context.span().end();
}

/// The names of the exported spans, each with whether it has the attribute.
fn exported(queue: &Queue<SpanData>) -> Vec<(String, bool)> {
    let is_marked = |span: &SpanData| {
        let mark = KeyValue::new(FAILURE, true);
        span.attributes.iter().filter(|one| **one == mark).count() == 1
    };
    let spans = queue.items().into_iter();
    spans
        .map(|span| (span.name.to_string(), is_marked(&span)))
        .collect()
}

fn marked<const N: usize>(names: [&str; N]) -> Vec<(String, bool)> {
    names.map(|name| (name.to_owned(), true)).to_vec()
}

#[test]
fn failed_roots_are_exported_whole() {
    let (tracer, queue) = tracer(Sampler::AlwaysOff);
    let caller = SpanContext::new(
        TraceId::from(7_u128),
        SpanId::from(8_u64),
        TraceFlags::default(),
        true,
        "a=b".parse::<TraceState>().unwrap_or_default(),
    );
    let remote = Context::new().with_remote_span_context(caller);
    let root = start(&tracer, "root", SpanKind::Server, &remote);
    assert!(root.span().is_recording());
    let call = start(&tracer, "call", SpanKind::Client, &root);
    let late = start(&tracer, "late", SpanKind::Internal, &call);
    end(&call, Status::Unset);
    assert_eq!(exported(&queue), []);
    end(&root, Status::error("broken"));
    end(&root, Status::Unset);
    end(&late, Status::Unset);
    let after = start(&tracer, "after", SpanKind::Internal, &root);
    end(&after, Status::Unset);
    assert_eq!(exported(&queue), marked(["call", "root", "late", "after"]));
    let spans = queue.items();
    assert_eq!(spans[0].parent_span_id, spans[1].span_context.span_id());
    assert_eq!(spans[1].parent_span_id, SpanId::from(8_u64));
    for span in &spans {
        let context = &span.span_context;
        assert_eq!(context.trace_id(), TraceId::from(7_u128));
        assert!(!context.is_sampled());
        assert_eq!(context.trace_state().header(), "a=b");
    }
    // Only sampled spans count as open, because a shutdown loses them.
    assert_eq!(queue.stats().open(), 0);
}

/// A caller that gives up has failed.
///
/// Its trace needs the spans of the service that was too slow.
#[test]
fn roots_canceled_by_services_are_exported() {
    let (tracer, queue) = tracer(Sampler::AlwaysOff);
    let (trace, span) = (TraceId::from(7_u128), SpanId::from(8_u64));
    let (flags, state) = (TraceFlags::default(), TraceState::default());
    let caller = SpanContext::new(trace, span, flags, true, state);
    let remote = Context::new().with_remote_span_context(caller);
    for (name, parent) in [("of service", &remote), ("of browser", &Context::new())] {
        let root = start(&tracer, name, SpanKind::Server, parent);
        let gone = KeyValue::new("error.type", "client_disconnected");
        root.span().set_attribute(gone);
        end(&root, Status::Unset);
    }
    assert_eq!(exported(&queue), marked(["of service"]));
}

#[test]
fn other_roots_are_freed() {
    let (tracer, queue) = tracer(Sampler::AlwaysOff);
    for status in [Status::Unset, Status::Ok] {
        let root = start(&tracer, "root", SpanKind::Server, &Context::new());
        let child = start(&tracer, "child", SpanKind::Internal, &root);
        let late = start(&tracer, "late", SpanKind::Internal, &root);
        // The failure of a child that its caller handles is no failure of the root.
        end(&child, Status::error("handled"));
        end(&root, status);
        end(&late, Status::error("late"));
    }
    assert_eq!(exported(&queue), []);
    assert_eq!(
        tracer
            .failures()
            .map_or(1, |failures| failures.bytes.load(Ordering::Relaxed)),
        0
    );
}

#[test]
fn sampled_roots_are_exported_once() {
    let (tracer, queue) = tracer(Sampler::AlwaysOn);
    let root = start(&tracer, "root", SpanKind::Server, &Context::new());
    let child = start(&tracer, "child", SpanKind::Client, &root);
    end(&child, Status::error("broken"));
    end(&root, Status::error("broken"));
    let unmarked = ["child", "root"].map(|name| (name.to_owned(), false));
    assert_eq!(exported(&queue), unmarked);
}

#[test]
fn servers_and_consumers_are_roots() {
    let (tracer, queue) = tracer(Sampler::AlwaysOff);
    let caller = start(&tracer, "caller", SpanKind::Client, &Context::new());
    for kind in [SpanKind::Server, SpanKind::Consumer] {
        let called = start(&tracer, "called", kind, &caller);
        end(&called, Status::error("broken"));
    }
    end(&caller, Status::Unset);
    assert_eq!(exported(&queue), marked(["called", "called"]));
}

#[test]
fn lost_spans_are_counted() {
    let (tracer, queue) = tracer(Sampler::AlwaysOff);
    let root = start(&tracer, "root", SpanKind::Server, &Context::new());
    for _ in 0..MAX_SPANS + 3 {
        end(
            &start(&tracer, "child", SpanKind::Internal, &root),
            Status::Unset,
        );
    }
    end(&root, Status::error("broken"));
    let spans = queue.items();
    assert_eq!(spans.len(), MAX_SPANS + 1);
    let lost = KeyValue::new(LOST_SPANS, 3_i64);
    assert!(spans[MAX_SPANS].attributes.contains(&lost));
    let reason = ("failed_root_full".to_owned(), 3);
    assert_eq!(queue.stats().lost_by_reason(), [reason]);
}

#[test]
fn waiting_spans_are_bounded() {
    let (tracer, queue) = tracer(Sampler::AlwaysOff);
    let text = "x".repeat(8_000);
    let roots: Vec<_> = (0..4)
        .map(|_| {
            let root = start(&tracer, "root", SpanKind::Server, &Context::new());
            for _ in 0..MAX_SPANS {
                let child = start(&tracer, "child", SpanKind::Internal, &root);
                child
                    .span()
                    .set_attribute(KeyValue::new("url.path", text.clone()));
                child.span().end();
            }
            root
        })
        .collect();
    let bytes = tracer
        .failures()
        .map_or(0, |failures| failures.bytes.load(Ordering::Relaxed));
    assert!((MAX_BYTES - 10_000..=MAX_BYTES).contains(&bytes), "{bytes}");
    for root in roots {
        end(&root, Status::Unset);
    }
    let bytes = tracer
        .failures()
        .map_or(1, |failures| failures.bytes.load(Ordering::Relaxed));
    assert_eq!((bytes, queue.items().len()), (0, 0));
}

#[test]
fn questions_change_no_foreign_span() {
    let (tracer, queue) = tracer(Sampler::AlwaysOff);
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::default();
    let foreign = provider.tracer("foreign").start("foreign");
    let parent = Context::new().with_span(foreign);
    let unsampled = SpanContext::new(
        TraceId::from(1_u128),
        SpanId::from(2_u64),
        TraceFlags::default(),
        false,
        TraceState::default(),
    );
    assert!(parent.span().span_context().is_valid());
    for parent in [parent, Context::new().with_remote_span_context(unsampled)] {
        end(
            &start(&tracer, "root", SpanKind::Internal, &parent),
            Status::error("broken"),
        );
    }
    let names = exported(&queue).into_iter().map(|(name, _)| name);
    assert_eq!(names.collect::<Vec<_>>(), ["root", "root"]);
}
