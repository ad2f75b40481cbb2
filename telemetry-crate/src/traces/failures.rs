//! Spans of failed local roots that the sampler did not choose.
//!
//! Each unsampled span is recorded. When it ends, it waits for the end of its local root. If the root has failed and its
//! trace is chosen, all of its spans are exported, and otherwise they are freed. The span's context stays as it is, so
//! other services see the sampler's decision. This needs no flight recorder, so it works without one, and does not
//! share its budget.

mod choice;
#[cfg(all(test, feature = "testing"))]
mod tests;

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
        if !has_failed(root) {
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

/// Whether a local root has failed, here or for its caller.
///
/// A caller in another service that gives up, as after a timeout, has failed there. This root then has a type of error
/// without the status. A client without a trace, such as a browser, may just have left.
fn has_failed(root: &SpanData) -> bool {
    let is_error = matches!(root.status, Status::Error { .. });
    let is_type = |attribute: &KeyValue| attribute.key.as_str() == "error.type";
    is_error || root.parent_span_is_remote && root.attributes.iter().any(is_type)
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
