//! How many series there may be: of each metric, and of all together.
//!
//! Each series costs memory here and in every Prometheus that scrapes it, for hours after its last use. What it leaves
//! out: what happens beyond the budget, which is the metric's own business.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::canonical;
use crate::{catalog::Kind, config::CardinalityLimits};

/// Series of one metric, not counting the one for the rest; the SDK's default
/// [cardinality limit](https://opentelemetry.io/docs/specs/otel/metrics/sdk/#cardinality-limits).
pub(super) const SERIES: usize = 2_000;

/// Series that a metric may have however many the others have, so that one metric that explodes does not silence those
/// that come later.
const FLOOR: usize = 10;

/// The limits, and how much of the total is used.
#[derive(Debug)]
pub(super) struct Budget {
    by_metric: HashMap<String, usize>,
    each: usize,
    total: usize,
    used: AtomicUsize,
}

impl Budget {
    pub(super) fn new(options: CardinalityLimits) -> Self {
        Self {
            total: options.total(),
            by_metric: options.by_metric.into_iter().collect(),
            each: options.each.unwrap_or(SERIES),
            used: AtomicUsize::new(0),
        }
    }

    /// The budget of the metric with this name on the page.
    pub(super) fn of(&self, kind: Kind, name: &str) -> usize {
        let by_name = self.by_metric.get(name).copied().or_else(|| {
            let same = |raw: &str| canonical::metric_name(kind, raw) == name;
            let mut all = self.by_metric.iter();
            all.find_map(|(raw, budget)| same(raw).then_some(*budget))
        });
        by_name.unwrap_or(self.each)
    }

    /// The budget of all metrics together.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// Whether the metric may have one more series than the `len` that it has, as far as the total goes.
    pub(super) fn has_room(&self, len: usize) -> bool {
        len < FLOOR || self.used.load(Ordering::Relaxed) < self.total
    }

    /// Takes room for one more; `false` if there is none.
    pub(super) fn take(&self, len: usize) -> bool {
        let more = |used| (len < FLOOR || used < self.total).then_some(used + 1);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }
}
