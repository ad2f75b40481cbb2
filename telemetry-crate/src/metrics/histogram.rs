//! A histogram in fixed memory: one atomic counter per bucket and one atomic sum.
//!
//! The histogram of `metrics-exporter-prometheus` keeps every sample until a scrape drains it, about 16 MB per million
//! samples. This one keeps none, needs no upkeep, and never blocks.
//!
//! A scrape is not a consistent snapshot. The count is the sum of the buckets, so it always equals the `+Inf` bucket, but
//! the sum may be a few samples ahead or behind. The difference is too small to matter in `rate()`.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use super::exemplar::{self, Exemplar, Slot};

/// One series of a histogram.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// Upper bounds, inclusive, ascending, without `+Inf`.
    bounds: Arc<[f64]>,
    /// Samples per bucket, not cumulative. One entry more than `bounds`, for `+Inf`.
    counts: Box<[AtomicU64]>,
    /// The bits of an `f64`.
    sum: AtomicU64,
    /// One slot per bucket.
    ///
    /// Allocated at the first sample inside a sampled span, so that a service without traces does not pay for it.
    exemplars: OnceLock<Box<[Slot]>>,
    /// Samples that were negative or not finite, shared by all series of the metric.
    dropped: Arc<AtomicU64>,
}

/// One bucket of an exposition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    /// The upper bound, `+Inf` for the last.
    pub(super) le: f64,
    /// Samples in this bucket and all below.
    pub(super) cumulative: u64,
    pub(super) exemplar: Option<Exemplar>,
}

impl Histogram {
    /// An empty histogram, which counts dropped samples in `dropped`.
    pub(super) fn new(bounds: Arc<[f64]>, dropped: Arc<AtomicU64>) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        let sum = AtomicU64::new(0.0_f64.to_bits());
        Self {
            bounds,
            counts,
            sum,
            exemplars: OnceLock::new(),
            dropped,
        }
    }

    /// The buckets, from the lowest to `+Inf`.
    pub(super) fn buckets(&self) -> impl Iterator<Item = Bucket> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let mut cumulative: u64 = 0;
        bounds
            .zip(&self.counts)
            .enumerate()
            .map(move |(index, (le, count))| {
                cumulative = cumulative.saturating_add(count.load(Ordering::Relaxed));
                let exemplar = self
                    .exemplars
                    .get()
                    .and_then(|slots| slots.get(index)?.get());
                Bucket {
                    le,
                    cumulative,
                    exemplar,
                }
            })
    }

    /// The upper bounds, without `+Inf`.
    #[cfg(feature = "console")]
    pub(crate) fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// The samples of each bucket alone, the last one for `+Inf`.
    #[cfg(feature = "console")]
    pub(crate) fn counts(&self) -> impl Iterator<Item = u64> {
        let counts = self.counts.iter();
        counts.map(|count| count.load(Ordering::Relaxed))
    }

    /// The sum of all samples.
    pub(super) fn sum(&self) -> f64 {
        f64::from_bits(self.sum.load(Ordering::Relaxed))
    }

    /// Adds to the sum, which saturates at `f64::MAX`.
    ///
    /// An infinite sum would make `rate()` useless until the process restarts.
    fn add_to_sum(&self, value: f64, times: u64) {
        let addend = value * times as f64;
        let add = |bits| Some((f64::from_bits(bits) + addend).min(f64::MAX).to_bits());
        // Cannot fail, because the closure always returns `Some`.
        let _ = self
            .sum
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

impl ::metrics::HistogramFn for Histogram {
    fn record(&self, value: f64) {
        self.record_many(value, 1);
    }

    fn record_many(&self, value: f64, count: usize) {
        if count == 0 {
            return;
        }
        let samples = u64::try_from(count).unwrap_or(u64::MAX);
        // Negative and non-finite samples are dropped entirely, as in the OpenTelemetry SDKs. `rate()` and OpenMetrics
        // parsers treat the sum as a counter, which must not decrease. Counting such a sample without adding it to the
        // sum would make every average wrong.
        if !(value >= 0.0 && value.is_finite()) {
            self.dropped.fetch_add(samples, Ordering::Relaxed);
            return;
        }
        let index = self.bounds.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.counts.get(index) {
            bucket.fetch_add(samples, Ordering::Relaxed);
        }
        self.add_to_sum(value, samples);
        if let Some(span) = exemplar::sampled_span() {
            let new = || (0..self.counts.len()).map(|_| Slot::default()).collect();
            if let Some(slot) = self.exemplars.get_or_init(new).get(index) {
                slot.offer(value, span);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
        },
        thread,
    };

    use ::metrics::HistogramFn;
    use opentelemetry::{
        Context, SpanId, TraceFlags, TraceId,
        trace::{SpanContext, TraceContextExt, TraceState},
    };

    use super::Histogram;

    fn histogram() -> Histogram {
        Histogram::new(Arc::from([1.0, 2.0, 4.0]), Arc::default())
    }

    fn counts(histogram: &Histogram) -> Vec<u64> {
        histogram
            .buckets()
            .map(|bucket| bucket.cumulative)
            .collect()
    }

    #[test]
    fn upper_bounds_are_inclusive() {
        let histogram = histogram();
        for value in [0.0, 1.0, 1.1, 2.0, 4.0, 4.1] {
            histogram.record(value);
        }
        assert_eq!(counts(&histogram), [2, 4, 5, 6]);
    }

    #[test]
    fn negative_and_infinite_are_dropped() {
        let dropped = Arc::new(AtomicU64::new(0));
        let histogram = Histogram::new(Arc::from([1.0]), Arc::clone(&dropped));
        histogram.record(f64::INFINITY);
        histogram.record(f64::NEG_INFINITY);
        histogram.record_many(f64::INFINITY, 3);
        histogram.record(f64::NAN);
        histogram.record_many(f64::NAN, 2);
        histogram.record(-1.0);
        histogram.record(-0.0);
        histogram.record(0.5);
        assert_eq!(counts(&histogram), [2, 2]);
        assert_eq!((histogram.sum(), dropped.load(Ordering::Relaxed)), (0.5, 9));
        histogram.record(f64::MAX);
        histogram.record_many(f64::MAX, 10);
        assert_eq!(histogram.sum(), f64::MAX);
    }

    #[test]
    fn record_many_counts_all_samples() {
        let histogram = histogram();
        histogram.record_many(1.5, usize::MAX / 2);
        histogram.record_many(1.5, 0);
        assert_eq!(
            counts(&histogram)[3],
            u64::try_from(usize::MAX / 2).unwrap_or(0)
        );
    }

    #[test]
    fn concurrent_samples_are_all_counted() {
        let histogram = histogram();
        let lengths = |h: &Histogram| (h.counts.len(), h.exemplars.get().map(|slots| slots.len()));
        let before = lengths(&histogram);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..250_000_u32).for_each(|i| histogram.record(f64::from(i % 8))));
            }
        });
        // Each number from 0 to 7 is recorded 125,000 times.
        assert_eq!(counts(&histogram), [250_000, 375_000, 625_000, 1_000_000]);
        assert_eq!(histogram.sum(), 3_500_000.0);
        assert_eq!(lengths(&histogram), before);
    }

    #[test]
    fn exemplars_need_a_sampled_span() {
        let record_in = |trace: u128, flags: TraceFlags, value: f64, histogram: &Histogram| {
            let span = SpanContext::new(
                TraceId::from(trace),
                SpanId::from(7),
                flags,
                false,
                TraceState::default(),
            );
            let _attached = Context::new().with_remote_span_context(span).attach();
            histogram.record(value);
        };
        let histogram = histogram();
        histogram.record(0.5);
        record_in(1, TraceFlags::default(), 0.5, &histogram);
        record_in(0, TraceFlags::SAMPLED, 0.5, &histogram);
        assert!(
            histogram.exemplars.get().is_none(),
            "nothing is allocated without one"
        );
        record_in(2, TraceFlags::SAMPLED, 3.0, &histogram);
        let exemplars: Vec<_> = histogram.buckets().map(|bucket| bucket.exemplar).collect();
        assert_eq!([exemplars[0], exemplars[1], exemplars[3]], [None; 3]);
        let kept = exemplars[2].map(|e| (e.trace_id, e.span_id, e.value));
        assert_eq!(kept, Some((TraceId::from(2), SpanId::from(7), 3.0)));
    }
}
