//! Exemplars: the trace behind a number, one per bucket.
//!
//! An exemplar is what opens the trace of a slow request from the bucket that the request fell into. Only sampled spans
//! become one, because only they can be opened. What it leaves out: choosing interesting ones. A bucket shows a recent
//! one, and the slow buckets are rare enough that every one of theirs is interesting.
//!
//! [Exemplar specification](https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md#exemplars).

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use opentelemetry::{Context, SpanId, TraceId, trace::TraceContextExt};

/// How often, in milliseconds, the exemplar of one bucket is replaced. A scrape shows only the last one of some 15 s, so
/// newer ones are work that nobody sees.
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

/// The span that this thread is in, if its trace is kept.
///
/// Reads the context that `tracing-opentelemetry` attaches when a span is entered: one thread-local read, no lock.
/// Nothing in here may use `tracing`, which would attach another context while this one is borrowed.
pub(super) fn sampled_span() -> Option<(TraceId, SpanId)> {
    Context::map_current(|context| {
        if !context.has_active_span() {
            return None;
        }
        let span = context.span();
        let span = span.span_context();
        (span.is_valid() && span.is_sampled()).then(|| (span.trace_id(), span.span_id()))
    })
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
    pub(super) fn offer(&self, value: f64, (trace_id, span_id): (TraceId, SpanId)) {
        // The wall clock, because the page shows it. It costs some 20 ns, and only samples inside sampled spans pay.
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
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
    use std::sync::atomic::Ordering;

    use opentelemetry::{SpanId, TraceId};

    use super::Slot;

    #[test]
    fn an_empty_slot_takes_the_first_sample_and_keeps_it_while_it_is_recent() {
        let slot = Slot::default();
        let span = (TraceId::from(1), SpanId::from(1));
        slot.offer(1.0, span);
        // As if it had been written in the far future, so that the test does not depend on its own speed.
        let now = slot.written.load(Ordering::Relaxed);
        slot.written.store(now + 50, Ordering::Relaxed);
        assert_eq!(slot.get().map(|exemplar| exemplar.value), Some(1.0));
        slot.written.store(now - 1_000, Ordering::Relaxed);
        slot.offer(3.0, span);
        assert_eq!(slot.get().map(|exemplar| exemplar.value), Some(3.0));
        slot.written.store(now + 3_600_000, Ordering::Relaxed);
        slot.offer(4.0, span);
        assert_eq!(
            slot.get().map(|exemplar| exemplar.value),
            Some(4.0),
            "the clock was set back"
        );
    }

    #[test]
    fn a_sample_never_waits_for_the_page() {
        let slot = Slot::default();
        let reader = slot.exemplar.lock();
        slot.offer(1.0, (TraceId::from(1), SpanId::from(1)));
        drop(reader);
        assert_eq!(slot.get(), None);
    }
}
