//! Samples of a histogram in fixed memory, and their differences.

use super::quantile::quantile;
use crate::metrics::Histogram;

/// Largest number of bounds.
///
/// Neighboring buckets of a histogram with more bounds are joined, which makes its quantiles less exact.
const MAX_BOUNDS: usize = 24;

/// The bounds of a histogram.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    bounds: Vec<f64>,
    /// The number of buckets that are joined to one.
    joined: usize,
}

impl Bounds {
    /// Reads the bounds, which all series of a metric share, once.
    pub(super) fn read(&mut self, histogram: &Histogram) {
        if self.joined > 0 {
            return;
        }
        let bounds = histogram.bounds();
        self.joined = bounds.len().div_ceil(MAX_BOUNDS).max(1);
        let joined = bounds.chunks(self.joined);
        self.bounds = joined.filter_map(|bounds| bounds.last().copied()).collect();
    }
}

/// The samples of a histogram: since the start, or of an interval.
///
/// A count since the start may exceed the number, and starts at 0 again. Differences are right nevertheless, as long as an
/// interval has fewer samples.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) failed: u32,
    /// The samples of each bucket alone, the last one for `+Inf`.
    buckets: [u32; MAX_BOUNDS + 1],
}

impl Counts {
    /// Adds all samples of a histogram.
    pub(super) fn add(&mut self, histogram: &Histogram, bounds: &Bounds, is_failed: bool) {
        let last = bounds.bounds.len();
        let finite = histogram.bounds().len();
        for (place, count) in histogram.counts().enumerate() {
            // A count that exceeds the number is cut on purpose.
            let count = count as u32;
            let place = match place {
                place if place < finite => place / bounds.joined.max(1),
                _ => last,
            };
            if let Some(bucket) = self.buckets.get_mut(place) {
                *bucket = bucket.wrapping_add(count);
            }
            if is_failed {
                self.failed = self.failed.wrapping_add(count);
            }
        }
    }

    /// Adds the samples of another series.
    pub(super) fn merge(&mut self, other: &Self) {
        for (bucket, other) in self.buckets.iter_mut().zip(other.buckets) {
            *bucket = bucket.wrapping_add(other);
        }
        self.failed = self.failed.wrapping_add(other.failed);
    }

    /// The samples since `before`, or without those of `before`.
    pub(super) fn since(mut self, before: &Self) -> Self {
        for (bucket, before) in self.buckets.iter_mut().zip(before.buckets) {
            *bucket = bucket.wrapping_sub(before);
        }
        self.failed = self.failed.wrapping_sub(before.failed);
        self
    }

    /// The number of samples.
    pub(super) fn all(&self) -> u32 {
        let buckets = self.buckets.iter();
        buckets.fold(0, |all, count| all.wrapping_add(*count))
    }

    /// A quantile; `None` without samples.
    pub(super) fn quantile(&self, q: f64, bounds: &Bounds) -> Option<f64> {
        let bounds = &bounds.bounds;
        quantile(q, bounds, self.buckets.get(..=bounds.len())?)
    }
}
