//! Exemplars: the trace behind a number, one per bucket.
//!
//! An exemplar is what opens the trace of a slow request from the bucket that the request fell into. Only sampled spans
//! become one, because only they can be opened. What it leaves out: choosing interesting ones. A bucket shows a recent
//! one, and the slow buckets are rare enough that every one of theirs is interesting.
//!
//! [Exemplar specification](https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md#exemplars).

use std::{
    panic::catch_unwind,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use opentelemetry::{Context, SpanId, TraceId, trace::TraceContextExt};

/// How often, in milliseconds, the exemplar of one bucket is replaced. A scrape shows only the last one of some 15 s, so
/// newer ones are never scraped.
const REPLACE_AFTER: u64 = 100;

/// One sample and the span that it was recorded in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Exemplar {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) value: f64,
    /// Milliseconds since the Unix epoch.
    pub(super) recorded: u64,
}

/// Whether the operator wants none; there is one telemetry in a process.
static OFF: AtomicBool = AtomicBool::new(false);

/// No exemplars from here on: `OTEL_METRICS_EXEMPLAR_FILTER=always_off`.
pub(crate) fn turn_off() {
    OFF.store(true, Ordering::Relaxed);
}

/// The span that this thread is in, if its trace is kept.
///
/// Reads the context that `tracing-opentelemetry` attaches when a span is entered: two thread-local reads, no lock.
/// Nothing in here may use `tracing`, which would attach another context while this one is borrowed.
pub(super) fn sampled_span() -> Option<(TraceId, SpanId)> {
    let read = |context: &Context| {
        if !context.has_active_span() {
            return None;
        }
        let span = context.span();
        let span = span.span_context();
        (span.is_valid() && span.is_sampled()).then(|| (span.trace_id(), span.span_id()))
    };
    let is_there = CONTEXT
        .try_with(|context| context.is_there)
        .unwrap_or(false);
    if !is_there || OFF.load(Ordering::Relaxed) {
        return None;
    }
    Context::map_current(read)
}

/// Whether this thread still has a context. Asking for it later, from a destructor of another thread-local, would panic,
/// and a panic there aborts the process.
struct ContextGuard {
    is_there: bool,
}

thread_local! {
    /// Thread-locals are destroyed in the reverse order of their first use. The context is used in here, so this is
    /// destroyed before it.
    static CONTEXT: ContextGuard = ContextGuard {
        is_there: catch_unwind(|| Context::map_current(|_| ())).is_ok(),
    };
}

impl Drop for ContextGuard {
    /// Without a destructor it would never be destroyed, and so outlive the context.
    fn drop(&mut self) {
        self.is_there = false;
    }
}

/// The latest exemplar of one bucket.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// When `exemplar` was written, or 0. Beside the lock, so that most samples need not touch it.
    written: AtomicU64,
    exemplar: Mutex<Option<Exemplar>>,
}

impl Slot {
    /// Keeps the sample, unless the slot has one that is recent, or is being read or written right now.
    pub(super) fn offer(&self, value: f64, span: (TraceId, SpanId)) {
        // The wall clock, because the page shows it. It costs some 20 ns, and only samples inside sampled spans pay.
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.offer_at(
            u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            value,
            span,
        );
    }

    fn offer_at(&self, now: u64, value: f64, (trace_id, span_id): (TraceId, SpanId)) {
        let written = self.written.load(Ordering::Relaxed);
        // The distance, not the difference: a clock that is set back must not freeze the slot.
        if written != 0 && now.abs_diff(written) < REPLACE_AFTER {
            return;
        }
        let Ok(mut exemplar) = self.exemplar.try_lock() else {
            return;
        };
        *exemplar = Some(Exemplar {
            trace_id,
            span_id,
            value,
            recorded: now,
        });
        self.written.store(now, Ordering::Relaxed);
    }

    /// The exemplar, for the page.
    pub(super) fn get(&self) -> Option<Exemplar> {
        self.exemplar.lock().ok().and_then(|exemplar| *exemplar)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, thread};

    use opentelemetry::{Context, SpanId, TraceId};

    use super::{Slot, sampled_span};

    #[test]
    fn slots_keep_recent_samples() {
        let slot = Slot::default();
        let span = (TraceId::from(1), SpanId::from(1));
        // Milliseconds, and the value that is kept then; the last is a clock that was set back.
        for (now, value, kept) in [
            (10_000, 1.0, 1.0),
            (10_099, 2.0, 1.0),
            (10_100, 3.0, 3.0),
            (500, 4.0, 4.0),
        ] {
            slot.offer_at(now, value, span);
            assert_eq!(slot.get().map(|exemplar| exemplar.value), Some(kept));
        }
    }

    #[test]
    fn a_sample_never_waits_for_the_page() {
        let slot = Slot::default();
        let reader = slot.exemplar.lock();
        slot.offer(1.0, (TraceId::from(1), SpanId::from(1)));
        drop(reader);
        assert_eq!(slot.get(), None);
    }

    #[test]
    fn thread_local_destructors_may_record() {
        struct Late;
        impl Drop for Late {
            fn drop(&mut self) {
                assert_eq!(sampled_span(), None);
            }
        }
        thread_local!(static LATE: RefCell<Option<Late>> = const { RefCell::new(None) });
        let late = || LATE.with(|late| late.replace(Some(Late)));
        // Destroyed after the context, because it is used before; with and without a sample in between.
        for samples in [0, 1] {
            let thread = thread::spawn(move || {
                late();
                let _attached = Context::new().attach();
                (0..samples).for_each(|_| assert_eq!(sampled_span(), None));
            });
            assert!(thread.join().is_ok());
        }
    }
}
