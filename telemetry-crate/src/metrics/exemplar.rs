//! Exemplars: the trace of a recent sample, one per histogram bucket.
//!
//! An exemplar leads from the bucket of slow requests to the trace of one of them. Only sampled spans become exemplars,
//! because only their traces are exported. Each bucket keeps a recent sample and does not select samples in any other way.
//!
//! OpenMetrics defines exemplars in
//! [its specification](https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md#exemplars).

use std::{
    panic::catch_unwind,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use opentelemetry::{Context, SpanId, TraceId, trace::TraceContextExt};

/// The least time between two exemplars of one bucket, in milliseconds.
///
/// A scrape, every 15 s or so, sees only the last exemplar. So replacing it more often has no use.
const REPLACE_AFTER_MS: u64 = 100;

/// A sample and the span in which it was recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(crate) value: f64,
    /// Milliseconds since the Unix epoch.
    pub(crate) recorded: u64,
}

/// Whether exemplars are turned off, for the whole process.
static OFF: AtomicBool = AtomicBool::new(false);

/// Turns exemplars off, for `OTEL_METRICS_EXEMPLAR_FILTER=always_off`.
pub(crate) fn turn_off() {
    OFF.store(true, Ordering::Relaxed);
}

/// The current span of this thread, if it is sampled.
///
/// Reads the context that `tracing-opentelemetry` attaches when a span is entered, which is two thread-local reads without
/// a lock. This function must not use `tracing`, which would attach another context while this one is borrowed.
pub(super) fn sampled_span() -> Option<(TraceId, SpanId)> {
    let read = |context: &Context| {
        if !context.has_active_span() {
            return None;
        }
        let span = context.span();
        let span = span.span_context();
        (span.is_valid() && span.is_sampled()).then(|| (span.trace_id(), span.span_id()))
    };
    let is_available = CONTEXT
        .try_with(|context| context.is_available)
        .unwrap_or(false);
    if !is_available || OFF.load(Ordering::Relaxed) {
        return None;
    }
    Context::map_current(read)
}

/// Whether this thread still has OpenTelemetry's current context.
///
/// Reading a destroyed context, from a destructor of another thread-local, would panic, and a panic there aborts the
/// process.
struct ContextGuard {
    is_available: bool,
}

thread_local! {
    /// The guard of this thread, which is destroyed before the context.
    ///
    /// Thread-locals are destroyed in the reverse order of their initialization. The initializer uses the context, so the
    /// context is initialized first.
    static CONTEXT: ContextGuard = ContextGuard {
        is_available: catch_unwind(|| Context::map_current(|_| ())).is_ok(),
    };
}

impl Drop for ContextGuard {
    /// Marks the context as unavailable.
    ///
    /// A thread-local value without a destructor is never destroyed, and would still report that the context is available.
    fn drop(&mut self) {
        self.is_available = false;
    }
}

/// The latest exemplar of one bucket.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// The time at which `exemplar` was written, or 0.
    ///
    /// The unit is milliseconds since the Unix epoch. The time is not under the lock, so most samples do not take the lock.
    written: AtomicU64,
    exemplar: Mutex<Option<Exemplar>>,
}

impl Slot {
    /// Keeps the sample, unless the slot has a recent one or is locked.
    pub(super) fn offer(&self, value: f64, span: (TraceId, SpanId)) {
        // The wall clock is read, because the exposition contains the time. Reading it costs some 20 ns, and only inside
        // sampled spans.
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
        // The absolute difference, because a clock that is set back must not block the slot.
        if written != 0 && now.abs_diff(written) < REPLACE_AFTER_MS {
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

    /// The current exemplar.
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
        // The time in milliseconds, the sample, and the value that the slot then has. The last clock was set back.
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
    fn samples_do_not_wait_for_a_scrape() {
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
        // `LATE` is destroyed after the context, because it is initialized first. The thread records no sample or one.
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
