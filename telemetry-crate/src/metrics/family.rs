//! All series of one metric, and their budget.
//!
//! A label that holds a user id or a raw path makes a new series per value, until the process or the Prometheus that
//! scrapes it runs out of memory. So each metric has a budget; what exceeds it is still counted, in one series for all
//! the rest. What it leaves out: dropping old series. A counter that disappears looks like a restart, and a handle that
//! somebody keeps would go on writing to a series that nobody sees.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use super::{cache::Handle, canonical::Labels, catalog::Kind, histogram::Histogram};

/// Series of one metric, not counting the one for the rest; the SDK's default
/// [cardinality limit](https://opentelemetry.io/docs/specs/otel/metrics/sdk/#cardinality-limits).
pub(super) const SERIES: usize = 2_000;

/// The label of the series that takes the rest, as the same section of the specification names it.
const REST: (&str, &str) = ("otel_metric_overflow", "true");

/// Keys of one metric that are remembered as the program spells them. Spellings that come out as the same series are
/// rare; this bounds the memory of a program that makes them up.
const SPELLINGS: usize = 2 * SERIES;

/// One metric.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Upper bounds, if it is a histogram.
    pub(super) bounds: Option<Arc<[f64]>>,
    /// Uses of a series beyond the budget.
    pub(super) over_budget: AtomicU64,
    /// Samples that were not a number.
    pub(super) dropped: Arc<AtomicU64>,
    spellings: AtomicUsize,
    /// By labels as they are on the page.
    series: RwLock<BTreeMap<String, Handle>>,
    rest: OnceLock<Handle>,
}

impl Family {
    pub(super) fn new(name: String, kind: Kind, bounds: Option<Arc<[f64]>>) -> Self {
        Self {
            name,
            kind,
            bounds,
            over_budget: AtomicU64::new(0),
            dropped: Arc::default(),
            spellings: AtomicUsize::new(0),
            series: RwLock::default(),
            rest: OnceLock::new(),
        }
    }

    /// The handle for these labels, made by `make` at their first use, and whether it is their own: beyond the budget it
    /// is the one for all the rest.
    pub(super) fn handle(
        &self,
        labels: &Labels,
        make: impl FnOnce(&Self, &Labels) -> Handle,
    ) -> (Handle, bool) {
        let text = labels.text();
        let rest = Labels::new(self.kind, [REST]);
        if text != rest.text() {
            let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(handle) = series.get(&text) {
                return (handle.clone(), true);
            }
            let full = series.len() >= SERIES;
            drop(series);
            if !full {
                let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
                // Other threads may have been here since.
                if series.contains_key(&text) || series.len() < SERIES {
                    let handle = series.entry(text).or_insert_with(|| make(self, labels));
                    return (handle.clone(), true);
                }
            }
            self.over_budget.fetch_add(1, Ordering::Relaxed);
        }
        (self.rest.get_or_init(|| make(self, &rest)).clone(), false)
    }

    /// Whether one more spelling of a key may be remembered; if so, it is counted.
    pub(super) fn may_remember(&self) -> bool {
        let more = |count| (count < SPELLINGS).then_some(count + 1);
        self.spellings
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }

    /// Series on the page, the one for the rest included.
    pub(super) fn series_count(&self) -> usize {
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        series.len() + usize::from(self.rest.get().is_some())
    }

    /// All series that are histograms, by labels.
    pub(super) fn histograms(&self) -> Vec<(String, Arc<Histogram>)> {
        let rest = || {
            Some((
                Labels::new(self.kind, [REST]).text(),
                self.rest.get()?.clone(),
            ))
        };
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let all = series
            .iter()
            .map(|(labels, handle)| (labels.clone(), handle.clone()));
        all.chain(rest())
            .filter_map(|(labels, handle)| match handle {
                Handle::Histogram(histogram) => Some((labels, histogram)),
                Handle::Counter(_) | Handle::Gauge(_) => None,
            })
            .collect()
    }
}
