//! All series of one metric, within its cardinality limit.
//!
//! A label that holds a user id or a raw path makes a new series per value, until the process or the Prometheus that
//! scrapes it runs out of memory. So each metric has a limit, and uses beyond the limit are counted in one overflow series.
//!
//! Old series are never dropped. A counter that disappears looks like a restart, and a handle that the program keeps would
//! write to a series that is no longer exposed.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{
        Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use super::{
    canonical::Labels, cardinality::CardinalityLimiter, catalog::Kind, growth::Growth,
    handle::Series, histogram::Histogram,
};

/// The labels of the overflow series.
///
/// The name is defined in the [specification](https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute).
pub(super) const OVERFLOW: &str = "otel_metric_overflow=\"true\"";

/// Maximum number of cached keys per series of a metric, on average.
///
/// The cache has one key for each spelling of a series in the program. Few series have more than one spelling. The limit
/// bounds the memory of a program that generates spellings.
const MAX_SPELLINGS: usize = 2;

/// The series that are copied at a time for a reader, some 20 µs.
const PAGE: usize = 512;

/// One metric.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Upper bounds, if the metric is a histogram.
    bounds: Option<Arc<[f64]>>,
    /// Maximum number of series, not counting the overflow series.
    pub(super) limit: usize,
    /// Whether the metric is in the catalog.
    ///
    /// Such metrics are few and do not count toward the total.
    is_in_catalog: bool,
    /// Uses that went to the overflow series.
    pub(super) overflow_uses: AtomicU64,
    /// Whether the overflow was logged.
    pub(super) is_reported: AtomicBool,
    /// Samples that were negative or not finite.
    pub(super) dropped: Arc<AtomicU64>,
    /// The number of cached keys.
    spellings: AtomicUsize,
    regular: RwLock<RegularSeries>,
    overflow: OnceLock<Series>,
}

/// All series except the overflow series.
#[derive(Debug)]
struct RegularSeries {
    /// The series, by their labels as in the exposition.
    by_labels: BTreeMap<Arc<str>, Series>,
    growth: Growth,
}

impl Family {
    pub(super) fn new(
        name: String,
        kind: Kind,
        bounds: Option<Arc<[f64]>>,
        limit: usize,
        is_in_catalog: bool,
    ) -> Self {
        Self {
            name,
            kind,
            bounds,
            limit,
            is_in_catalog,
            overflow_uses: AtomicU64::new(0),
            is_reported: AtomicBool::new(false),
            dropped: Arc::default(),
            spellings: AtomicUsize::new(0),
            regular: RwLock::new(RegularSeries {
                by_labels: BTreeMap::new(),
                growth: Growth::new(),
            }),
            overflow: OnceLock::new(),
        }
    }

    /// The series of these labels, created at their first use.
    ///
    /// Beyond the limit, returns the overflow series. The second value is `false` for the overflow series.
    pub(super) fn series(&self, labels: &Labels, limiter: &CardinalityLimiter) -> (Series, bool) {
        let text = labels.text();
        if text != OVERFLOW {
            let regular = self.regular();
            if let Some(series) = regular.by_labels.get(text.as_str()) {
                return (series.clone(), true);
            }
            let len = regular.by_labels.len();
            drop(regular);
            if len < self.limit && (self.is_in_catalog || limiter.has_room(len)) {
                let mut regular = self.regular.write().unwrap_or_else(PoisonError::into_inner);
                // Another thread may have added the series between the two locks.
                if let Some(series) = regular.by_labels.get(text.as_str()) {
                    return (series.clone(), true);
                }
                let len = regular.by_labels.len();
                if len < self.limit && (self.is_in_catalog || limiter.reserve(len)) {
                    let series = self.new_series();
                    regular.by_labels.insert(text.into(), series.clone());
                    regular.growth.add();
                    return (series, true);
                }
            }
            self.overflow_uses.fetch_add(1, Ordering::Relaxed);
        }
        let overflow = self.overflow.get_or_init(|| self.new_series());
        (overflow.clone(), false)
    }

    fn new_series(&self) -> Series {
        match (&self.bounds, self.kind) {
            (Some(bounds), _) => {
                let dropped = Arc::clone(&self.dropped);
                Series::Histogram(Arc::new(Histogram::new(Arc::clone(bounds), dropped)))
            }
            (None, Kind::Counter) => Series::Counter(Arc::default()),
            // The bits of 0.0 are 0.
            (None, _) => Series::Gauge(Arc::default()),
        }
    }

    /// Reserves room for one more spelling of a key; `false` if there is none.
    pub(super) fn reserve_spelling(&self) -> bool {
        let max_spellings = MAX_SPELLINGS * self.len();
        let increment = |count| (count < max_spellings).then_some(count + 1);
        self.spellings
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, increment)
            .is_ok()
    }

    /// The number of series without the overflow series.
    pub(super) fn len(&self) -> usize {
        self.regular().by_labels.len()
    }

    /// The number of recently added series, see [`Growth`].
    pub(super) fn growth(&self) -> u64 {
        self.regular().growth.recent()
    }

    /// The labels of all series except the overflow series, sorted.
    ///
    /// Returns a copy, so that a slow reader does not keep the program from adding a series.
    pub(super) fn labels(&self) -> Vec<Arc<str>> {
        self.regular().by_labels.keys().cloned().collect()
    }

    /// All series, sorted by labels.
    ///
    /// Returns a copy, for the same reason as [`labels`](Self::labels).
    pub(super) fn all_series(&self) -> Vec<(Arc<str>, Series)> {
        let mut all: Vec<(Arc<str>, Series)> = Vec::with_capacity(self.len() + 1);
        // In pages, so that the program adds a series between two of them.
        loop {
            let length = all.len();
            self.copy_page(&mut all);
            if all.len() < length + PAGE {
                break;
            }
        }
        if let Some(overflow) = self.overflow.get() {
            let position = all.partition_point(|(labels, _)| **labels < *OVERFLOW);
            all.insert(position, (OVERFLOW.into(), overflow.clone()));
        }
        all
    }

    /// Adds the next series by labels, at most [`PAGE`].
    fn copy_page(&self, all: &mut Vec<(Arc<str>, Series)>) {
        // Memory is allocated without the lock.
        all.reserve(PAGE);
        let after = match all.last() {
            Some((last, _)) => Bound::Excluded(Arc::clone(last)),
            None => Bound::Unbounded,
        };
        let copy = |(labels, series): (&Arc<str>, &Series)| (Arc::clone(labels), series.clone());
        let regular = self.regular();
        let next = regular
            .by_labels
            .range::<Arc<str>, _>((after, Bound::Unbounded));
        all.extend(next.take(PAGE).map(copy));
    }

    fn regular(&self) -> RwLockReadGuard<'_, RegularSeries> {
        self.regular.read().unwrap_or_else(PoisonError::into_inner)
    }
}
