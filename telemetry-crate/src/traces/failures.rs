//! Spans of failed local roots that the sampler did not choose.
//!
//! Each unsampled span is recorded. When it ends, it waits for the end of its local root. If the root has failed and its
//! trace is chosen, all of its spans are exported, and otherwise they are freed. The span's context stays as it is, so
//! other services see the sampler's decision. This needs no flight recorder, so it works without one, and does not
//! share its budget.

mod choice;

use std::{
    cell::Cell,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use opentelemetry::{
    Array, KeyValue, Value,
    trace::{SpanId, SpanKind, SpanRef, Status},
};
use opentelemetry_sdk::trace::SpanData;

use self::choice::{Choice, Chooser};
use crate::{
    catalog,
    collector::{Collector, Samples},
    export::Queue,
};

/// The attribute of spans that are exported because their local root failed.
const FAILURE: &str = "firstlight.trace.failure";

/// The attribute with the number of ended spans of a local root that had no room.
const LOST_SPANS: &str = "firstlight.trace.lost_spans";

/// Maximum number of ended spans of one local root that wait for its end.
const MAX_SPANS: usize = 1024;

/// Maximum size of all ended spans that wait, in bytes.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The export of failed local roots.
#[derive(Debug)]
pub(crate) struct Failures {
    chooser: Mutex<Chooser>,
    queue: Queue<SpanData>,
    /// The size of all ended spans that wait.
    bytes: AtomicUsize,
    max_bytes: usize,
    exported: AtomicU64,
    other_traces: AtomicU64,
    over_limit: AtomicU64,
}

impl Failures {
    /// Exports about `limit` failed roots a second into `queue`.
    pub(super) fn new(limit: u32, queue: Queue<SpanData>) -> Self {
        Self {
            chooser: Mutex::new(Chooser::new(limit)),
            queue,
            bytes: AtomicUsize::new(0),
            max_bytes: MAX_BYTES,
            exported: AtomicU64::new(0),
            other_traces: AtomicU64::new(0),
            over_limit: AtomicU64::new(0),
        }
    }

    /// Returns the local root of a new unsampled span, which may be the span itself.
    ///
    /// A server's and a consumer's span is a local root even if its parent is in this process.
    pub(super) fn root(
        self: &Arc<Self>,
        span: SpanId,
        kind: &SpanKind,
        parent: &SpanRef<'_>,
    ) -> Arc<LocalRoot> {
        let parents = match kind {
            SpanKind::Server | SpanKind::Consumer => None,
            _ => root_of(parent),
        };
        parents.unwrap_or_else(|| {
            Arc::new(LocalRoot {
                failures: self.clone(),
                span,
                spans: Mutex::new(Spans::Waiting(Waiting::default())),
            })
        })
    }

    fn is_chosen(&self, root: &SpanData) -> bool {
        if !matches!(root.status, Status::Error { .. }) {
            return false;
        }
        let trace = root.span_context.trace_id();
        let choice = lock(&self.chooser).choose(trace, Instant::now());
        let count = match choice {
            Choice::Chosen => &self.exported,
            Choice::OtherTrace => &self.other_traces,
            Choice::OverLimit => &self.over_limit,
        };
        count.fetch_add(1, Ordering::Relaxed);
        choice == Choice::Chosen
    }

    fn export(&self, mut span: SpanData) {
        // Added beside the limit of attributes, because filters of collectors need it.
        span.attributes.push(KeyValue::new(FAILURE, true));
        self.queue.push(span);
    }

    fn reserve(&self, bytes: usize) -> bool {
        let used = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if used > self.max_bytes {
            self.release(bytes);
            return false;
        }
        true
    }

    fn release(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Collector for Failures {
    fn collect(&self, samples: &mut dyn Samples) {
        for (result, count) in [
            ("exported", &self.exported),
            ("other_trace", &self.other_traces),
            ("over_limit", &self.over_limit),
        ] {
            samples.sample(
                &catalog::TRACE_FAILED_ROOTS,
                &[("result", result)],
                count.load(Ordering::Relaxed) as f64,
            );
        }
    }
}

/// The local root of unsampled spans.
#[derive(Debug)]
pub(crate) struct LocalRoot {
    failures: Arc<Failures>,
    /// The id of the root span.
    span: SpanId,
    spans: Mutex<Spans>,
}

/// What happens to the spans of a local root.
#[derive(Debug)]
enum Spans {
    /// They wait for the end of the root.
    Waiting(Waiting),
    /// The root was chosen, so its spans are exported when they end.
    Exported,
    Freed,
}

#[derive(Debug, Default)]
struct Waiting {
    spans: Vec<SpanData>,
    bytes: usize,
    lost: u64,
}

impl LocalRoot {
    /// Takes a span that has ended.
    pub(super) fn end(&self, mut span: SpanData) {
        let failures = &*self.failures;
        if span.span_context.span_id() == self.span {
            let is_chosen = failures.is_chosen(&span);
            let next = if is_chosen {
                Spans::Exported
            } else {
                Spans::Freed
            };
            let before = std::mem::replace(&mut *lock(&self.spans), next);
            let Spans::Waiting(waiting) = before else {
                return;
            };
            failures.release(waiting.bytes);
            if is_chosen {
                if waiting.lost > 0 {
                    failures.queue.stats().dropped_of_failed_root(waiting.lost);
                    let lost = i64::try_from(waiting.lost).unwrap_or(i64::MAX);
                    span.attributes.push(KeyValue::new(LOST_SPANS, lost));
                }
                waiting
                    .spans
                    .into_iter()
                    .for_each(|span| failures.export(span));
                failures.export(span);
            }
            return;
        }
        let mut spans = lock(&self.spans);
        match &mut *spans {
            Spans::Waiting(waiting) => {
                let bytes = size_of_span(&span);
                if waiting.spans.len() < MAX_SPANS && failures.reserve(bytes) {
                    waiting.bytes += bytes;
                    waiting.spans.push(span);
                } else {
                    waiting.lost += 1;
                }
            }
            Spans::Exported => {
                drop(spans);
                failures.export(span);
            }
            Spans::Freed => {}
        }
    }
}

impl Drop for LocalRoot {
    fn drop(&mut self) {
        let spans = self.spans.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Spans::Waiting(waiting) = spans {
            self.failures.release(waiting.bytes);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The size of a span in bytes, without unused capacity.
fn size_of_span(span: &SpanData) -> usize {
    let events =
        span.events.events.iter().map(|event| {
            size_of_val(event) + event.name.len() + size_of_attributes(&event.attributes)
        });
    let links = span.links.links.iter();
    let links = links.map(|link| size_of_val(link) + size_of_attributes(&link.attributes));
    size_of::<SpanData>()
        + span.name.len()
        + size_of_attributes(&span.attributes)
        + events.sum::<usize>()
        + links.sum::<usize>()
}

fn size_of_attributes(attributes: &[KeyValue]) -> usize {
    let texts = attributes.iter().map(|attribute| {
        attribute.key.as_str().len()
            + match &attribute.value {
                Value::String(text) => text.as_str().len(),
                Value::Array(Array::String(texts)) => {
                    size_of_val(&**texts)
                        + texts.iter().map(|text| text.as_str().len()).sum::<usize>()
                }
                Value::Array(Array::I64(numbers)) => size_of_val(&**numbers),
                Value::Array(Array::F64(numbers)) => size_of_val(&**numbers),
                Value::Array(Array::Bool(values)) => size_of_val(&**values),
                _ => 0,
            }
    });
    size_of_val(attributes) + texts.sum::<usize>()
}

thread_local! {
    static IS_ASKING: Cell<bool> = const { Cell::new(false) };
    static ANSWER: Cell<Option<Arc<LocalRoot>>> = const { Cell::new(None) };
}

/// Returns the local root of an unsampled span.
///
/// `SpanRef` does not give access to the span in it, so the question is a call of [`SpanRef::set_status`] with `Unset`. The
/// specification requires that each span ignores that value, so the question changes no span of another SDK. The spans of
/// firstlight answer it with [`answer`].
fn root_of(span: &SpanRef<'_>) -> Option<Arc<LocalRoot>> {
    // Fails only on a thread that is ending. The new span is then a local root.
    IS_ASKING.try_with(|asking| asking.set(true)).ok()?;
    span.set_status(Status::Unset);
    let _ = IS_ASKING.try_with(|asking| asking.set(false));
    ANSWER.try_with(Cell::take).ok()?
}

/// Answers the question for the local root of a span.
pub(super) fn answer(root: Option<&Arc<LocalRoot>>) {
    if IS_ASKING.try_with(Cell::get).unwrap_or(false) {
        let _ = ANSWER.try_with(|answer| answer.set(root.cloned()));
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::time::Duration;

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
        config::{Batching, SpanLimits},
        export::ExportStats,
        signal::Signal,
        traces::tracer::{Tracer, TracerProvider},
    };

    /// A tracer with this sampler that exports 5 failed roots a second, and its queue.
    fn tracer(sampler: Sampler) -> (Tracer, Queue<SpanData>) {
        let batching = Batching {
            timeout: Duration::ZERO,
            timeout_variable: "",
            schedule_delay: Duration::ZERO,
            max_queue_size: 10_000,
            max_batch_size: usize::MAX,
        };
        let stats = Arc::new(ExportStats::new(Signal::Traces, 1));
        let queue = Queue::new(&batching, stats);
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
                        .set_attribute(KeyValue::new("text", text.clone()));
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
}
