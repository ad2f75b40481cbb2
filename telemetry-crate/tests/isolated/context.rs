//! Tests of the trace context in tasks, on threads and through queues.

use std::{collections::BTreeMap, time::Duration};

use firstlight::{
    TelemetryConfig,
    context::{self, TraceContext},
    testing::{OtlpReceiver, ReceivedSpan},
};
use tokio_stream::StreamExt;
use tracing::{Instrument, Span, info_span};

/// The trace context of a caller.
const CALLER: [(&str, &str); 3] = [
    (
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ),
    ("tracestate", "vendor=opaque"),
    ("baggage", "customer=4711"),
];

/// Malformed values of `traceparent`.
const HOSTILE: [&str; 7] = [
    "",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
    "\u{0}\r\n",
    "00-ééééééééé7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
];

/// Opens spans in tasks, on a thread, after a channel and in a stream.
///
/// Returns the context for a queue.
async fn request() -> BTreeMap<String, String> {
    context::spawn(async { info_span!("in a task").in_scope(|| {}) })
        .await
        .unwrap();
    context::spawn_blocking(|| info_span!("on a thread", size = 7_u64).in_scope(|| {}))
        .await
        .unwrap();
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let worker = tokio::spawn(async move {
        while let Some((name, span)) = receiver.recv().await {
            let work = async move { info_span!("after a channel", name).in_scope(|| {}) };
            work.instrument(span).await;
        }
    });
    sender.send(("message", Span::current())).await.unwrap();
    drop(sender);
    worker.await.unwrap();
    let items = tokio_stream::iter(["in a stream"]).map(|name| {
        info_span!("item", otel.name = name).in_scope(|| {});
    });
    let items = context::instrument_stream(items);
    tokio::spawn(async move { items.collect::<Vec<_>>().await })
        .await
        .unwrap();
    TraceContext::current().to_pairs()
}

fn named<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {spans:?}"))
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn tasks_and_queues_keep_the_trace() {
    assert!(
        TraceContext::current().is_empty(),
        "there is no telemetry yet"
    );
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .without_admin()
        .init()
        .unwrap();
    assert!(TraceContext::current().is_empty(), "there is no span yet");

    let span = TraceContext::from_pairs(CALLER).child(|| info_span!("request"));
    let row = request().instrument(span).await;
    let stored = serde_json::to_string(&row).unwrap();

    // The worker has a span of its own around all jobs.
    let worker = info_span!("worker").entered();
    let row: BTreeMap<String, String> = serde_json::from_str(&stored).unwrap();
    let queued = TraceContext::from_pairs(row);
    // An unsigned number in a field must not start the OpenTelemetry span before its parent is set.
    let job = queued.child(|| info_span!("job", attempt = 1_u64));
    let job_context = job.in_scope(TraceContext::current);
    let later = queued.linked(|| info_span!("tomorrow", attempt = 1_u64));
    let later_context = later.in_scope(TraceContext::current);
    let batch = info_span!("batch");
    queued.link(&batch);
    queued.link(&batch);
    for traceparent in HOSTILE {
        let pairs = [("traceparent", traceparent), ("baggage", "%%%=;,=")];
        let hostile = TraceContext::from_pairs(pairs);
        hostile.link(&batch);
        drop(hostile.child(|| info_span!("hostile")));
        drop(hostile.linked(|| info_span!("hostile")));
    }
    drop((job, later, batch, worker));
    telemetry.flush(Duration::from_secs(30)).unwrap();
    let spans = receiver.spans();

    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request = named(&spans, "request");
    assert_eq!(
        (&*request.trace_id, &*request.parent_span_id),
        (trace, "b7ad6b7169203331")
    );
    for name in [
        "in a task",
        "on a thread",
        "after a channel",
        "in a stream",
        "job",
    ] {
        let span = named(&spans, name);
        assert_eq!(
            (&span.trace_id, &span.parent_span_id),
            (&request.trace_id, &request.span_id),
            "{name}"
        );
    }
    let baggage = |context: &TraceContext| {
        let pairs: BTreeMap<String, String> = context.to_pairs();
        pairs.get("baggage").cloned()
    };
    assert_eq!(baggage(&job_context).as_deref(), Some("customer=4711"));
    assert_eq!(baggage(&later_context).as_deref(), Some("customer=4711"));
    let state = job_context.iter().find(|(name, _)| *name == "tracestate");
    assert_eq!(state, Some(("tracestate", "vendor=opaque")));

    let tomorrow = named(&spans, "tomorrow");
    assert_ne!(tomorrow.trace_id, trace);
    assert_eq!(tomorrow.parent_span_id, "", "not the worker's child");
    let links = |span: &ReceivedSpan| -> Vec<_> {
        let link = |link: &firstlight::testing::ReceivedLink| link.span_id.clone();
        span.links.iter().map(link).collect()
    };
    assert_eq!(links(tomorrow), [&*request.span_id]);
    assert_eq!(
        links(named(&spans, "batch")).len(),
        2,
        "no links to malformed contexts"
    );
    for span in spans.iter().filter(|span| span.name == "hostile") {
        assert_eq!(
            (&*span.parent_span_id, span.links.len()),
            ("", 0),
            "{span:?}"
        );
    }
    telemetry.shutdown(Duration::from_secs(10)).unwrap();
}
