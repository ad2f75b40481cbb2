//! All series of one metric, and their budget.
//!
//! A label that holds a user id or a raw path makes a new series per value, until the process or the Prometheus that
//! scrapes it runs out of memory. So each metric has a budget; what exceeds it is still counted, in one series for all
//! the rest. What it leaves out: dropping old series. A counter that disappears looks like a restart, and a handle that
//! the program keeps would go on writing to a series that is no longer shown.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use super::{
    budget::Budget, canonical::Labels, catalog::Kind, growth::Growth, handle::Series,
    histogram::Histogram,
};

/// The labels of the series that takes the rest, as the
/// [specification](https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute) names it.
pub(super) const OVERFLOW: &str = "otel_metric_overflow=\"true\"";

/// Keys that are remembered as the program spells them, per series. Spellings that come out as the same series are rare;
/// this bounds the memory of a program that makes them up.
const SPELLINGS: usize = 2;

/// One metric.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Upper bounds, if it is a histogram.
    bounds: Option<Arc<[f64]>>,
    /// Most series, not counting the one for the rest.
    pub(super) budget: usize,
    /// Whether it is in the catalogue: ours are few, and the total is the program's.
    is_ours: bool,
    /// Uses of a series beyond the budget.
    pub(super) over_budget: AtomicU64,
    /// Whether it was logged that it is over its budget.
    pub(super) is_reported: AtomicBool,
    /// Samples that were negative or not finite.
    pub(super) dropped: Arc<AtomicU64>,
    spellings: AtomicUsize,
    known: RwLock<Known>,
    rest: OnceLock<Series>,
}

/// The series that have one of their own.
#[derive(Debug)]
struct Known {
    /// By labels as they are on the page.
    series: BTreeMap<Arc<str>, Series>,
    growth: Growth,
}

impl Family {
    pub(super) fn new(
        name: String,
        kind: Kind,
        bounds: Option<Arc<[f64]>>,
        budget: usize,
        is_ours: bool,
    ) -> Self {
        Self {
            name,
            kind,
            bounds,
            budget,
            is_ours,
            over_budget: AtomicU64::new(0),
            is_reported: AtomicBool::new(false),
            dropped: Arc::default(),
            spellings: AtomicUsize::new(0),
            known: RwLock::new(Known {
                series: BTreeMap::new(),
                growth: Growth::new(),
            }),
            rest: OnceLock::new(),
        }
    }

    /// The series of these labels, made at their first use, and whether it is their own: beyond the budget it is the one
    /// for all the rest.
    pub(super) fn series(&self, labels: &Labels, budget: &Budget) -> (Series, bool) {
        let text = labels.text();
        if text != OVERFLOW {
            let known = self.known();
            if let Some(series) = known.series.get(text.as_str()) {
                return (series.clone(), true);
            }
            let len = known.series.len();
            drop(known);
            if len < self.budget && (self.is_ours || budget.has_room(len)) {
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                // Other threads may have been here since.
                if let Some(series) = known.series.get(text.as_str()) {
                    return (series.clone(), true);
                }
                let len = known.series.len();
                if len < self.budget && (self.is_ours || budget.take(len)) {
                    let series = self.make();
                    known.series.insert(text.into(), series.clone());
                    known.growth.add();
                    return (series, true);
                }
            }
            self.over_budget.fetch_add(1, Ordering::Relaxed);
        }
        (self.rest.get_or_init(|| self.make()).clone(), false)
    }

    fn make(&self) -> Series {
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

    /// Whether one more spelling of a key may be remembered; if so, it is counted.
    pub(super) fn may_remember(&self) -> bool {
        let most = SPELLINGS * self.len();
        let more = |count| (count < most).then_some(count + 1);
        self.spellings
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }

    /// How many series have one of their own.
    pub(super) fn len(&self) -> usize {
        self.known().series.len()
    }

    /// How many of them are new, see [`Growth`].
    pub(super) fn growth(&self) -> u64 {
        self.known().growth.recent()
    }

    /// The labels of the series that have one of their own, sorted. Copied, so that a slow reader does not keep the
    /// program from adding one.
    pub(super) fn labels(&self) -> Vec<Arc<str>> {
        self.known().series.keys().cloned().collect()
    }

    /// All series, sorted by labels; copied for the same reason.
    pub(super) fn all(&self) -> Vec<(Arc<str>, Series)> {
        let known = self.known();
        let mut all = Vec::with_capacity(known.series.len() + 1);
        let copy = |(labels, series): (&Arc<str>, &Series)| (Arc::clone(labels), series.clone());
        all.extend(known.series.iter().map(copy));
        drop(known);
        if let Some(rest) = self.rest.get() {
            let at = all.partition_point(|(labels, _)| **labels < *OVERFLOW);
            all.insert(at, (OVERFLOW.into(), rest.clone()));
        }
        all
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}
