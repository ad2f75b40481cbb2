//! Cardinality limits: the maximum number of series per metric and in total.
//!
//! Each series costs memory here and in every Prometheus that scrapes it. Prometheus keeps a series in memory for hours
//! after its last use. [`Family`](super::family::Family) decides what happens to uses beyond the limit.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::canonical;
use crate::{catalog::Kind, config::CardinalityLimits};

/// Default limit of series per metric, not counting the overflow series.
///
/// It is the SDK's default [cardinality limit](https://opentelemetry.io/docs/specs/otel/metrics/sdk/#cardinality-limits).
pub(super) const DEFAULT_LIMIT: usize = 2_000;

/// Series that a metric may have even if the total is used up.
///
/// One metric with too many series must not keep later metrics from being recorded.
const GUARANTEED_SERIES: usize = 10;

/// The cardinality limits, and how much of the total is used.
#[derive(Debug)]
pub(super) struct CardinalityLimiter {
    /// The configured limits of single metrics.
    by_metric: HashMap<String, usize>,
    /// The limit of every other metric.
    each: usize,
    /// The limit of all metrics together.
    total: usize,
    /// The series that count toward the total.
    used: AtomicUsize,
}

impl CardinalityLimiter {
    pub(super) fn new(options: CardinalityLimits) -> Self {
        Self {
            total: options.total(),
            by_metric: options.by_metric.into_iter().collect(),
            each: options.each.unwrap_or(DEFAULT_LIMIT),
            used: AtomicUsize::new(0),
        }
    }

    /// The limit of one metric, by its canonical name.
    pub(super) fn limit_of(&self, kind: Kind, name: &str) -> usize {
        let by_name = self.by_metric.get(name).copied().or_else(|| {
            let is_same = |raw: &str| canonical::metric_name(kind, raw) == name;
            let mut all = self.by_metric.iter();
            all.find_map(|(raw, limit)| is_same(raw).then_some(*limit))
        });
        by_name.unwrap_or(self.each)
    }

    /// The limit of all metrics together.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// Whether the total permits one more series to a metric that has `len` series.
    pub(super) fn has_room(&self, len: usize) -> bool {
        len < GUARANTEED_SERIES || self.used.load(Ordering::Relaxed) < self.total
    }

    /// Reserves one more series for a metric that has `len` series.
    ///
    /// Returns `false` if the total is used up.
    pub(super) fn reserve(&self, len: usize) -> bool {
        let increment = |used| (len < GUARANTEED_SERIES || used < self.total).then_some(used + 1);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, increment)
            .is_ok()
    }
}
